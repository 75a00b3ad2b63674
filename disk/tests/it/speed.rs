//! How fast it is, beside the bare medium. Measures and checks nothing:
//! `cargo test --release -p cistern-disk --test it speed -- --ignored --nocapture --test-threads 1`

#![allow(
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "it prints numbers that are about right"
)]

use crate::kit::{body, bytes, put_blob, write};
use cistern_disk::{DiskBackend, DiskSettings};
use cistern_storage_core::port::{Backend, Batch, Durability};
use parking_lot::{Condvar, Mutex};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Runs `act` on some threads for a while; calls a second.
fn rate(threads: usize, length: Duration, act: impl Fn(u64) + Sync) -> f64 {
    let count = AtomicU64::new(0);
    let began = now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while began.elapsed() < length {
                    act(count.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
    });
    count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// What one act takes of a processor, whatever else the machine does; in nanoseconds.
fn processor_time(times: u64, mut act: impl FnMut(u64)) -> u64 {
    let before = thread_nanos();
    (0..times).for_each(&mut act);
    (thread_nanos() - before) / times
}

fn thread_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

/// A bare loop of append and sync with group commit on a file of zeros.
struct Bare {
    file: File,
    state: Mutex<BareState>,
    bell: Condvar,
}

#[derive(Default)]
struct BareState {
    buffer: Vec<u8>,
    spare: Vec<u8>,
    appended: u64,
    synced: u64,
    at: u64,
    leading: bool,
    syncs: u64,
}

impl Bare {
    #[expect(clippy::disallowed_methods, reason = "this is what is beside the device")]
    fn new(folder: &Path) -> Self {
        let path = folder.join("bare");
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
        file.write_all_at(&vec![0; 256 << 20], 0).unwrap();
        file.sync_all().unwrap();
        Self { file, state: Mutex::default(), bell: Condvar::new() }
    }

    fn append(&self, bytes: &[u8]) {
        let mut state = self.state.lock();
        state.buffer.extend_from_slice(bytes);
        state.appended += 1;
        let mine = state.appended;
        while state.synced < mine {
            if state.leading {
                self.bell.wait(&mut state);
                continue;
            }
            state.leading = true;
            let spare = std::mem::take(&mut state.spare);
            let mut buffer = std::mem::replace(&mut state.buffer, spare);
            let (end, at) = (state.appended, state.at);
            state.at = (at + buffer.len() as u64) % (200 << 20);
            drop(state);
            self.file.write_all_at(&buffer, at).unwrap();
            self.file.sync_data().unwrap();
            buffer.clear();
            state = self.state.lock();
            state.spare = buffer;
            state.syncs += 1;
            state.synced = end;
            state.leading = false;
            self.bell.notify_all();
        }
    }
}

fn store(folder: &Path) -> DiskBackend {
    DiskBackend::open(folder.join("store"), DiskSettings::new()).unwrap()
}

fn put(backend: &DiskBackend, durability: Durability, number: u64, value: &bytes::Bytes) {
    let mut batch = Batch::new(durability);
    let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    batch.put(bytes(&format!("bucket/object-{key:016x}")), value.clone());
    backend.commit(batch).unwrap().wait().unwrap();
}

#[test]
#[ignore = "measures, does not check"]
fn durable_commits_beside_a_bare_log() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (bare, backend) = (Bare::new(folder.path()), store(folder.path()));
    let value = bytes::Bytes::from(body(1, 1024));
    // Short turns, so that what else the machine does strikes both.
    let turn = Duration::from_millis(100);
    for threads in [1, 4, 16, 64] {
        let (mut ours, mut floor) = (0.0, 0.0);
        let syncs = backend.stats().syncs;
        for _ in 0..25 {
            floor += rate(threads, turn, |_| bare.append(&value));
            ours += rate(threads, turn, |n| put(&backend, Durability::Synced, n, &value));
        }
        let syncs = (backend.stats().syncs - syncs) as f64 / 2.5;
        let bare_syncs = std::mem::take(&mut bare.state.lock().syncs) as f64 / 2.5;
        let (ours, floor) = (ours / 25.0, floor / 25.0);
        println!(
            "{threads:>3} threads: {ours:>8.0}/s of {floor:>8.0}/s bare: {:.2}, {:.1} and {:.1} a sync",
            ours / floor,
            ours / syncs,
            floor / bare_syncs,
        );
    }
}

#[test]
#[ignore = "measures, does not check"]
fn weak_commits_and_gets() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let backend = store(folder.path());
    let value = bytes::Bytes::from(body(1, 1024));
    let length = Duration::from_millis(1500);
    for durability in [Durability::Os, Durability::Memory] {
        for threads in [1, 2, 4] {
            let ours = rate(threads, length, |n| put(&backend, durability, n % 100_000, &value));
            println!("{durability:?} {threads} threads: {ours:.0} puts/s");
        }
    }
    for durability in [Durability::Os, Durability::Memory] {
        let put = |n| put(&backend, durability, n % 100_000, &value);
        println!("{durability:?}: {} ns of a processor", processor_time(200_000, put));
    }
    let ours = rate(1, length, |n| {
        let key = (n % 1000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        backend.row(format!("bucket/object-{key:016x}").as_bytes()).unwrap().unwrap();
    });
    println!("row: {:.0} ns", 1e9 / ours);
    let blobs: Vec<_> =
        (0..1000).map(|n| put_blob(&backend, Durability::Os, &body(n, 4096))).collect();
    let ours = rate(1, length, |n| {
        let blob = backend.open_blob(&blobs[n as usize % 1000]).unwrap();
        assert_eq!(blob.read(0..4096).unwrap().len(), 4096);
    });
    println!("blob of 4 KiB: {:.0} ns", 1e9 / ours);
    let nanos = processor_time(200_000, |n| {
        let blob = backend.open_blob(&blobs[n as usize % 1000]).unwrap();
        assert_eq!(blob.read(0..4096).unwrap().len(), 4096);
    });
    println!("blob of 4 KiB: {nanos} ns of a processor");
    let nanos = processor_time(200_000, |n| {
        let key = (n % 1000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        backend.row(format!("bucket/object-{key:016x}").as_bytes()).unwrap().unwrap();
    });
    println!("row: {nanos} ns of a processor");
    let large = body(1, 4 << 20);
    let ours = rate(1, length, |_| {
        let blob = write(&backend, &large).blob;
        backend.discard_blob(&blob);
    });
    println!("write of 4 MiB: {:.2} GB/s", ours * (4 << 20) as f64 / 1e9);
}
