//! The disk backend holds every promise, on a real disk and on a medium in memory that loses power.

use cistern_conformance::{backend::Fixture, backend_suite};
use cistern_disk::{
    DiskBackend, DiskSettings,
    device::{Crash, MemoryDevice},
    threads::OsThreads,
};
use cistern_storage_core::port::Backend;
use parking_lot::Mutex;
use std::sync::Arc;

/// In a folder of its own.
fn on_disk() -> Fixture {
    let folder = tempfile::tempdir().expect("makes a folder");
    let path = folder.path().to_owned();
    let open = move || -> Arc<dyn Backend> {
        Arc::new(DiskBackend::open(&path, DiskSettings::new()).expect("opens"))
    };
    Fixture::new(open()).reopened_by(open).keeping(folder)
}

/// On a device in memory, with small numbers, so that segments, checkpoints and merges come often.
fn on_a_device() -> Fixture {
    let settings = || {
        let small = DiskSettings::new().segment_bytes(1 << 20).overlay_bytes_max(64 << 10);
        small.log_bytes_max(1 << 20).blob_file_bytes_min(256 << 10)
    };
    let open = move |device: &MemoryDevice| -> Arc<dyn Backend> {
        let backend =
            DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings());
        Arc::new(backend.expect("opens"))
    };
    let device = Arc::new(Mutex::new((MemoryDevice::new(), 0)));
    let first = open(&device.lock().0);
    let again = Arc::clone(&device);
    Fixture::new(first).reopened_by(move || open(&again.lock().0)).power_cut_by(move || {
        let mut device = device.lock();
        let (medium, cuts) = &mut *device;
        let crash = match *cuts % 3 {
            0 => Crash::LoseAll,
            1 => Crash::KeepAll,
            _ => Crash::Seeded(*cuts),
        };
        *medium = medium.crash(crash);
        *cuts += 1;
        open(medium)
    })
}

mod real {
    use super::*;

    backend_suite!(on_disk);

    #[test]
    fn a_store_behaves_like_the_model() {
        cistern_conformance::model::run(on_disk, 32);
    }
}

mod device {
    use super::*;

    backend_suite!(on_a_device);

    #[test]
    fn a_store_behaves_like_the_model() {
        cistern_conformance::model::run(on_a_device, 64);
    }
}
