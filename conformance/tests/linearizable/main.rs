//! Concurrent calls on few keys look as if they came one after the other: in memory and on disk.

#![allow(clippy::unwrap_used, reason = "a test may stop, in its helpers too")]

mod hesitant;

use cistern_conformance::linearizable::{Crowd, is_linearizable, overlaps, record};
use cistern_disk::{DiskBackend, DiskSettings, device::MemoryDevice, threads::OsThreads};
use cistern_storage_core::{MemoryBackend, Store, port::Backend};
use hesitant::Hesitant;
use std::sync::Arc;

#[track_caller]
fn check(backend: Arc<dyn Backend>, histories: u64) {
    let store = Store::builder(Arc::new(Hesitant(backend))).build().unwrap();
    let mut overlapping = 0;
    for seed in 0..histories {
        let crowd = Crowd { threads: 4, keys: 3, calls: 15 };
        let history = record(&store, &format!("history-{seed}"), seed, crowd).unwrap();
        assert_eq!(history.len(), 60);
        assert!(is_linearizable(&history), "seed {seed}: {history:#?}");
        overlapping += overlaps(&history);
    }
    assert!(overlapping as u64 > histories, "only {overlapping} calls were at the same time");
    store.close().unwrap();
}

#[test]
fn histories_in_memory_are_linearizable() {
    check(Arc::new(MemoryBackend::new()), 60);
}

#[test]
fn histories_on_a_device_with_much_going_on_are_linearizable() {
    let settings = DiskSettings::new().segment_bytes(256 << 10).overlay_bytes_max(16 << 10);
    let device = Arc::new(MemoryDevice::new());
    let backend =
        DiskBackend::open_on(device, Arc::new(OsThreads), settings.log_bytes_max(256 << 10));
    check(Arc::new(backend.unwrap()), 60);
}

#[test]
fn histories_on_a_real_disk_are_linearizable() {
    let folder = tempfile::tempdir().unwrap();
    let backend = DiskBackend::open(folder.path(), DiskSettings::new()).unwrap();
    check(Arc::new(backend), 30);
}
