//! Space and memory: segments are used again, blobs move, and nobody notices.

use crate::kit::{
    body, bytes, commit, files, free, is_gone, open, put, put_blob, read, row, settle, small,
    try_open,
};
use cistern_disk::{
    Background, DiskBackend,
    device::{Crash, Device, DeviceFile, DeviceLock, FileEntry, LockError, MemoryDevice, OpenMode},
    threads::{NoThreads, OsThreads},
};
use cistern_storage_core::port::{Backend, Batch, BlobRef, Durability};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    sync::Arc,
};

/// A model of blobs, and a store that goes through the same.
#[derive(Default)]
struct Churn {
    live: BTreeMap<BlobRef, (u64, usize)>,
    freed: Vec<BlobRef>,
    seed: u64,
}

impl Churn {
    fn turn(&mut self, backend: &DiskBackend, durability: Durability) {
        self.seed += 1;
        let len = usize::try_from(self.seed * 7919 % 6000).unwrap();
        let blob = put_blob(backend, durability, &body(self.seed, len));
        self.live.insert(blob, (self.seed, len));
        if self.live.len() > 150 {
            // Neither the oldest nor the newest: every segment keeps something for a while.
            let at = usize::try_from(self.seed * 31 % 150).unwrap();
            let blob = *self.live.keys().nth(at).unwrap();
            self.live.remove(&blob);
            free(backend, durability, blob);
            self.freed.push(blob);
        }
    }

    #[track_caller]
    fn check(&self, backend: &DiskBackend) {
        for (blob, (seed, len)) in &self.live {
            assert!(read(backend, blob).unwrap() == body(*seed, *len), "blob {blob}");
        }
        self.freed.iter().for_each(|blob| is_gone(backend, blob));
    }
}

#[test]
fn under_churn_every_byte_stays_readable_and_space_is_given_back() {
    let mut device = MemoryDevice::new();
    let mut churn = Churn::default();
    for round in 0..8 {
        let backend = open(&device);
        churn.check(&backend);
        for turn in 0..300 {
            churn.turn(&backend, if turn % 10 == 0 { Durability::Synced } else { Durability::Os });
            if turn % 7 == 0 {
                backend.maintain().unwrap();
            }
        }
        settle(&backend);
        churn.check(&backend);
        let stats = backend.stats();
        let slack = 8 * (64 << 10);
        assert!(stats.live_bytes > 100_000, "{stats:?}");
        assert!(stats.stored_bytes < stats.live_bytes * 3 / 2 + slack, "{stats:?}");
        backend.flush(Durability::Synced).unwrap();
        if round % 2 == 0 {
            device = device.crash(Crash::LoseAll);
        } else {
            drop(backend);
        }
    }
}

/// With the settings that a store has by itself, whose segments are long beside what this one keeps.
#[test]
fn under_churn_a_small_store_takes_half_more_than_lives_in_it_and_two_segments() {
    let device = MemoryDevice::new();
    let settings = cistern_disk::DiskSettings::new().background(Background::Manual);
    let segment_bytes = settings.segment_bytes;
    let backend = try_open(&device, settings).unwrap();
    let (count, len) = (1500_u64, 16_000);
    let mut blobs: Vec<_> =
        (0..count).map(|nth| put_blob(&backend, Durability::Os, &body(nth, len))).collect();
    let live = count * len as u64;
    let mut most = 0;
    for turn in 0..count * 10 {
        let place = usize::try_from(turn * 7919 % count).unwrap();
        let fresh = put_blob(&backend, Durability::Os, &body(turn, len));
        free(&backend, Durability::Os, std::mem::replace(&mut blobs[place], fresh));
        if turn % 16 == 0 {
            settle(&backend);
            most = most.max(disk_bytes(&device));
        }
    }
    assert!(most <= live * 3 / 2 + 2 * segment_bytes, "{most} for {live}");
    // And its own segments are shorter than that.
    assert!(most <= live * 4, "{most} for {live}");
}

fn segments(device: &MemoryDevice) -> BTreeSet<String> {
    let names = files(device, "log").into_iter().map(|entry| entry.name);
    names.filter(|name| !name.starts_with("spare-")).collect()
}

#[test]
fn blobs_move_twice_and_keep_their_owners() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let kept = put_blob(&backend, Durability::Os, &body(1, 3000));
    let long = put_blob(&backend, Durability::Os, &body(3, 70_000));
    let shared = put_blob(&backend, Durability::Os, &body(2, 3000));
    let mut again = Batch::new(Durability::Os);
    again.adopts.push(shared);
    commit(&backend, again);
    let mut survivors = Vec::new();
    for n in 0..1500 {
        // Most die young; what is left makes every segment worth emptying.
        let blob = put_blob(&backend, Durability::Os, &body(n, 4000));
        if n % 7 == 0 {
            survivors.push(blob);
        } else {
            free(&backend, Durability::Os, blob);
        }
        if n % 50 == 0 {
            settle(&backend);
        }
    }
    settle(&backend);
    let mut once: BTreeSet<String> = segments(&device);
    // The long one fills a segment of its own, which is never worth emptying.
    assert!(once.remove(&format!("{:016x}.seg", 2)));
    assert!(!once.contains(&format!("{:016x}.seg", 1)), "segment 1 is in use");
    for (n, blob) in survivors.into_iter().enumerate() {
        free(&backend, Durability::Os, blob);
        let filler = put_blob(&backend, Durability::Os, &body(9, 4000));
        free(&backend, Durability::Os, filler);
        if n % 10 == 0 {
            settle(&backend);
        }
    }
    for n in 0..200 {
        let blob = put_blob(&backend, Durability::Os, &body(n, 4000));
        let filler = put_blob(&backend, Durability::Os, &body(n, 30_000));
        free(&backend, Durability::Os, filler);
        // Each holds a segment that is emptier than those before it are.
        if n % 2 == 0 {
            free(&backend, Durability::Os, blob);
        }
    }
    settle(&backend);
    let twice = segments(&device);
    assert!(once.is_disjoint(&twice), "{once:?} {twice:?}");
    let check = |backend: &DiskBackend| {
        assert_eq!(read(backend, &kept).unwrap(), body(1, 3000));
        assert_eq!(read(backend, &long).unwrap(), body(3, 70_000));
        assert_eq!(read(backend, &shared).unwrap(), body(2, 3000));
    };
    check(&backend);
    free(&backend, Durability::Synced, shared);
    check(&backend);
    drop(backend);
    let backend = open(&device);
    check(&backend);
    free(&backend, Durability::Synced, shared);
    is_gone(&backend, &shared);
    free(&backend, Durability::Synced, kept);
    is_gone(&backend, &kept);
    let backend = open(&device.crash(Crash::LoseAll));
    is_gone(&backend, &shared);
    is_gone(&backend, &kept);
    assert_eq!(read(&backend, &long).unwrap(), body(3, 70_000));
}

#[test]
fn a_reader_that_holds_a_blob_reads_it_after_its_segment_is_wanted_again() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let blob = put_blob(&backend, Durability::Os, &body(1, 5000));
    let held = backend.open_blob(&blob).unwrap();
    free(&backend, Durability::Os, blob);
    for n in 0..400 {
        put(&backend, Durability::Os, "k", &"v".repeat(4000));
        if n % 20 == 0 {
            settle(&backend);
        }
    }
    is_gone(&backend, &blob);
    assert_eq!(held.read(0..5000).unwrap(), body(1, 5000));
    let before = files(&device, "log").len();
    drop(held);
    settle(&backend);
    assert!(files(&device, "log").len() <= before);
    let first = format!("{:016x}.seg", 1);
    assert!(files(&device, "log").iter().all(|entry| entry.name != first));
}

/// A device that does something once a file of a folder was read, before the reader learns of it.
#[derive(Clone)]
struct Slow {
    device: MemoryDevice,
    act: Arc<Mutex<Option<Act>>>,
}

type Act = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
struct SlowFile {
    file: Arc<dyn DeviceFile>,
    device: Slow,
}

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.device.fmt(f)
    }
}

impl Device for Slow {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>> {
        let file = self.device.open(name, mode)?;
        if !name.starts_with("runs/") {
            return Ok(file);
        }
        Ok(Arc::new(SlowFile { file, device: self.clone() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>> {
        self.device.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.device.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.device.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.device.sync_folder(folder)
    }

    fn lock(&self, owner: &str) -> Result<Box<dyn DeviceLock>, LockError> {
        self.device.lock(owner)
    }

    fn place(&self) -> String {
        self.device.place()
    }
}

impl DeviceFile for SlowFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = self.file.read_some_at(buffer, offset)?;
        let act = self.device.act.lock().take();
        if let Some(act) = act {
            act();
        }
        Ok(count)
    }

    fn write_some_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_some_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
}

/// Makes whatever lies in the emptiest segments move, and clears away what it needed for that.
fn stir(backend: &DiskBackend) {
    let mut survivors = Vec::new();
    for n in 0..12 {
        survivors.push(put_blob(backend, Durability::Os, &body(n, 8000)));
        for young in 0..14 {
            let young = put_blob(backend, Durability::Os, &body(young, 4000));
            free(backend, Durability::Os, young);
        }
        settle(backend);
    }
    survivors.into_iter().for_each(|blob| free(backend, Durability::Os, blob));
    settle(backend);
}

#[test]
fn a_body_that_moves_again_while_its_place_is_being_looked_up_is_found() {
    let device = Slow { device: MemoryDevice::new(), act: Arc::default() };
    let medium = device.device.clone();
    let settings = small().block_cache_bytes(0).log_bytes_max(64 << 10);
    let open = || {
        let device = Arc::new(device.clone());
        Arc::new(DiskBackend::open_on(device, Arc::new(NoThreads), settings.clone()).unwrap())
    };
    let kept = {
        let backend = open();
        let kept = put_blob(&backend, Durability::Os, &body(1, 100));
        stir(&backend);
        backend.close().unwrap();
        kept
    };
    assert!(!segments(&medium).contains(&format!("{:016x}.seg", 1)), "nothing has moved");
    for _ in 0..3 {
        let backend = open();
        let (other, medium) = (Arc::clone(&backend), medium.clone());
        let before = segments(&medium);
        *device.act.lock() = Some(Box::new(move || {
            stir(&other);
            stir(&other);
            assert!(before.is_disjoint(&segments(&medium)), "the body stays where it is");
        }));
        assert_eq!(read(&backend, &kept).unwrap(), body(1, 100));
        assert!(device.act.lock().is_none(), "its place was not looked up");
        backend.close().unwrap();
    }
}

#[test]
fn segments_are_used_again_rather_than_made() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    for n in 0..1000 {
        put(&backend, Durability::Os, "k", &"v".repeat(4000));
        if n % 10 == 0 {
            settle(&backend);
        }
    }
    assert!(files(&device, "log").len() < 16, "{:?}", files(&device, "log"));
    assert!(files(&device, "runs").len() < 4);
    assert_eq!(row(&backend, "k").map(|value| value.len()), Some(4000));
}

#[test]
fn memory_for_changed_rows_is_bounded_without_help() {
    for background in [Background::Manual, Background::Threads] {
        let device = MemoryDevice::new();
        let settings = small().background(background);
        let backend =
            DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings).unwrap();
        for n in 0..4000 {
            put(&backend, Durability::Memory, &format!("key {n:05}"), &"v".repeat(100));
        }
        assert!(!files(&device, "runs").is_empty());
        for n in 0..4000 {
            assert!(row(&backend, &format!("key {n:05}")).is_some(), "{n}");
        }
        backend.close().unwrap();
        let backend = open(&device);
        assert_eq!(row(&backend, "key 03999").map(|value| value.len()), Some(100));
    }
}

#[test]
fn a_checkpoint_makes_replay_short() {
    let device = MemoryDevice::new();
    let backend = try_open(&device, small().log_bytes_max(10_000)).unwrap();
    for n in 0..300 {
        let mut batch = Batch::new(Durability::Synced);
        batch.put(bytes(&format!("k{n}")), bytes(&"v".repeat(500)));
        batch.add(bytes("rows"), 1);
        commit(&backend, batch);
        settle(&backend);
    }
    let crashed = device.crash(Crash::LoseAll);
    let backend = open(&crashed);
    assert_eq!(backend.counter(b"rows"), 300);
    assert_eq!(row(&backend, "k299").map(|value| value.len()), Some(500));
    assert!(files(&crashed, "log").len() < 10);
}

#[test]
fn threads_churn_and_compact_at_the_same_time() {
    let device = MemoryDevice::new();
    let settings = small().background(Background::Threads);
    let backend =
        DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings).unwrap();
    let churns: Vec<Churn> = std::thread::scope(|scope| {
        let backend = &backend;
        let worker = |thread: u64| {
            move || {
                let mut churn = Churn { seed: thread << 32, ..Churn::default() };
                for turn in 0..400 {
                    churn.turn(backend, Durability::Os);
                    if turn % 100 == 0 {
                        churn.check(backend);
                    }
                }
                churn
            }
        };
        let workers: Vec<_> = (1..5).map(|thread| scope.spawn(worker(thread))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    churns.iter().for_each(|churn| churn.check(&backend));
    drop(backend);
    let backend = open(&device);
    churns.iter().for_each(|churn| churn.check(&backend));
}

/// Files of the device, all together.
fn disk_bytes(device: &MemoryDevice) -> u64 {
    ["log", "blobs", "runs", ""].iter().map(|folder| folder_bytes(device, folder)).sum()
}

fn folder_bytes(device: &MemoryDevice, folder: &str) -> u64 {
    device.list(folder).unwrap().iter().map(|entry| entry.len).sum()
}

#[test]
fn a_store_at_rest_takes_a_fifth_more_than_what_lives_in_it() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let count = 4000;
    let mut live = 0;
    for turn in 0..6 {
        live = 0;
        for nth in 0..count {
            // In an order of its own each time: overwriting must not be a rewrite from end to end.
            let nth = nth * (7919 + 2 * turn) % count;
            let mut batch = Batch::new(Durability::Memory);
            let key = bytes(&format!("data set/object-{nth:08}"));
            let value = body(nth + turn, 1000);
            live += (key.len() + value.len()) as u64;
            batch.put(key, value);
            commit(&backend, batch);
            if nth % 16 == 0 {
                backend.maintain().unwrap();
            }
        }
    }
    while backend.tidy().unwrap() {}
    assert!(disk_bytes(&device) * 10 <= live * 12, "{} for {live}", disk_bytes(&device));
    backend.close().unwrap();
    assert!(disk_bytes(&device) * 10 <= live * 12, "{} for {live}", disk_bytes(&device));
}

#[test]
fn bodies_at_rest_take_a_fifth_more_than_they_are_long() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let mut blobs = BTreeMap::new();
    // Enough that the few segments kept ready do not count.
    let count = 3000;
    for turn in 0..6 {
        for nth in 0..count {
            let nth = nth * (7919 + 2 * turn) % count;
            let blob = put_blob(&backend, Durability::Memory, &body(nth + turn, 4000));
            if let Some(old) = blobs.insert(nth, blob) {
                free(&backend, Durability::Memory, old);
            }
            if nth % 16 == 0 {
                backend.maintain().unwrap();
            }
        }
    }
    while backend.tidy().unwrap() {}
    let live = count * 4000;
    assert!(disk_bytes(&device) * 10 <= live * 12, "{} for {live}", disk_bytes(&device));
}

#[test]
fn rest_comes_to_an_end_and_a_store_that_rests_again_has_nothing_to_do() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    // Two of them and a half fill a segment: whoever takes the padding for dead copies them for ever.
    let blobs: Vec<_> =
        (0..40).map(|nth| put_blob(&backend, Durability::Os, &body(nth, 25_000))).collect();
    blobs.iter().step_by(3).for_each(|blob| free(&backend, Durability::Os, *blob));
    let tidied = (0..500).take_while(|_| backend.tidy().unwrap()).count();
    assert!(tidied < 500, "tidying does not come to an end");
    let written = device.counts().writes;
    assert!(!backend.tidy().unwrap());
    assert_eq!(device.counts().writes, written, "a store at rest is written to");
    for (nth, blob) in (0..).zip(&blobs).filter(|(nth, _)| nth % 3 != 0) {
        assert!(read(&backend, blob).unwrap() == body(nth, 25_000));
    }
}

#[test]
fn a_store_at_rest_leaves_segments_that_are_full_as_they_are() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    // One of them fills fourteen fifteenths of a segment: all the rest together is more than is left dead
    // at rest, and still no copy would do better.
    let blobs: Vec<_> =
        (0..12).map(|nth| put_blob(&backend, Durability::Os, &body(nth, 57_300))).collect();
    assert!(files(&device, "blobs").is_empty());
    settle(&backend);
    let full: BTreeSet<_> = segments(&device).into_iter().take(blobs.len() - 1).collect();
    while backend.tidy().unwrap() {}
    assert!(full.is_subset(&segments(&device)), "{full:?} became {:?}", segments(&device));
}

#[test]
fn a_small_store_at_rest_keeps_no_long_segment() {
    let device = MemoryDevice::new();
    let settings = || small().segment_bytes(4 << 20);
    let backend = try_open(&device, settings()).unwrap();
    let count = 3000;
    // Long enough a burst that there are spare segments of full length.
    for turn in 0..8 {
        for nth in 0..count {
            put(
                &backend,
                Durability::Memory,
                &format!("object-{nth:08}"),
                &"v".repeat(1000 + turn),
            );
            if nth % 16 == 0 {
                backend.maintain().unwrap();
            }
        }
    }
    let live = count * 1021;
    let log = folder_bytes(&device, "log");
    while backend.tidy().unwrap() {}
    assert!(folder_bytes(&device, "log") * 2 < log, "there was nothing to shorten: {log}");
    assert!(disk_bytes(&device) * 10 <= live * 12, "{} for {live}", disk_bytes(&device));
    // A little more does not make it long again.
    put(&backend, Durability::Synced, "one more", "row");
    settle(&backend);
    while backend.tidy().unwrap() {}
    assert!(disk_bytes(&device) * 10 <= live * 12, "{} for {live}", disk_bytes(&device));
    // It goes on, and is there after a loss of power.
    let lost = device.crash(Crash::LoseAll);
    assert_eq!(row(&try_open(&lost, settings()).unwrap(), "one more").unwrap(), "row");
    (0..count).for_each(|nth| put(&backend, Durability::Memory, &format!("again-{nth}"), "value"));
    settle(&backend);
    backend.close().unwrap();
    let backend = try_open(&device, settings()).unwrap();
    assert_eq!(row(&backend, "object-00000007").map(|value| value.len()), Some(1007));
    assert_eq!(row(&backend, &format!("again-{}", count - 1)).unwrap(), "value");
}
