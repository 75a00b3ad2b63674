//! Damaged stores, repaired.

use super::*;
use crate::{
    Background, DiskBackend,
    device::{Crash, MemoryDevice},
    threads::OsThreads,
};
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, Batch, BlobRef, BlobSource, Durability, KeyRange, Order, SourceFailed,
};
use std::ops::Bound;

struct Once(Option<Bytes>);

impl BlobSource for Once {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        Ok(self.0.take())
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

fn open(device: &MemoryDevice) -> DiskBackend {
    let settings = DiskSettings::new().background(Background::Manual).segment_bytes(64 << 10);
    let settings = settings.blob_file_bytes_min(20_000);
    DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings).unwrap()
}

fn put(store: &DiskBackend, number: usize, blob_len: usize) -> BlobRef {
    let body = Bytes::from(vec![u8::try_from(number).unwrap(); blob_len]);
    let blob = store.write_blob(&mut Once(Some(body))).unwrap().blob;
    let mut batch = Batch::new(Durability::Synced);
    batch.put(key(number), Bytes::copy_from_slice(blob.as_bytes()));
    batch.adopts.push(blob);
    batch.add("rows".into(), 1);
    store.commit(batch).unwrap().wait().unwrap();
    blob
}

fn key(number: usize) -> Bytes {
    format!("row-{number:03}").into()
}

fn keys(store: &DiskBackend) -> Vec<Bytes> {
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    let rows = store.scan(all, Order::Forward, usize::MAX).unwrap();
    rows.into_iter().map(|row| row.key).collect()
}

fn repaired(source: &MemoryDevice) -> (MemoryDevice, Result<Repaired, BackendError>) {
    let target = MemoryDevice::new();
    let shared = |device: &MemoryDevice| -> Arc<dyn Device> { Arc::new(device.clone()) };
    let outcome = repair_on(&shared(source), &shared(&target));
    // What was acknowledged must not be lost when the power goes now.
    (target.crash(Crash::LoseAll), outcome)
}

/// 20 rows with bodies below a checkpoint, 20 more in the log behind it; then the process dies.
fn killed() -> (MemoryDevice, Vec<BlobRef>) {
    let device = MemoryDevice::new();
    let store = open(&device);
    let mut blobs: Vec<_> = (0..20).map(|number| put(&store, number, 3000)).collect();
    blobs.push(put(&store, 20, 30_000));
    store.close().unwrap();
    let store = open(&device);
    blobs.extend((21..40).map(|number| put(&store, number, 3000)));
    let after = device.crash(Crash::KeepAll);
    drop(store);
    (after, blobs)
}

fn read(store: &DiskBackend, blob: &BlobRef) -> Result<Bytes, BackendError> {
    let blob = store.open_blob(blob)?;
    blob.read(0..blob.len())
}

#[track_caller]
fn flip(device: &MemoryDevice, name: &str, offset: u64) {
    device.flip_bits(name, offset, 1).unwrap();
}

#[test]
fn a_whole_store_is_the_same_after_a_repair() {
    let (source, blobs) = killed();
    let before = source.counts().changes;
    let (target, outcome) = repaired(&source);
    assert_eq!(outcome.unwrap(), Repaired::default());
    assert_eq!(source.counts().changes, before, "the damaged store is only read");
    let store = open(&target);
    assert_eq!(keys(&store), (0..40).map(key).collect::<Vec<_>>());
    assert_eq!(store.counter(b"rows"), 40);
    for (number, blob) in blobs.iter().enumerate() {
        assert!(read(&store, blob).unwrap().iter().all(|byte| usize::from(*byte) == number));
    }
    put(&store, 40, 100);
    store.close().unwrap();
}

#[test]
fn a_commit_that_is_lost_takes_all_later_ones_with_it() {
    let (source, _) = killed();
    // A batch frame behind the checkpoint: its row's key stands in it.
    let (name, offset) = find(&source, b"row-030");
    flip(&source, &name, offset);
    let shared: Arc<dyn Device> = Arc::new(source.clone());
    let refused = DiskBackend::open_on(shared, Arc::new(OsThreads), DiskSettings::new());
    assert!(matches!(refused, Err(BackendError::Damaged { .. })));
    let (target, outcome) = repaired(&source);
    let repaired = outcome.unwrap();
    assert_eq!(repaired.lost.len(), 1);
    assert_eq!(repaired.lost[0].file, name);
    assert_eq!(repaired.remains, vec![]);
    let store = open(&target);
    assert_eq!(keys(&store), (0..30).map(key).collect::<Vec<_>>());
    assert_eq!(store.counter(b"rows"), 30);
}

/// Where `wanted` stands in the log.
fn find(device: &MemoryDevice, wanted: &[u8]) -> (String, u64) {
    let names = segments(device).unwrap().into_iter().map(|(name, _)| name);
    let found = names.into_iter().find_map(|name| {
        let bytes = device.contents(&name).unwrap();
        let at = bytes.windows(wanted.len()).position(|window| window == wanted)?;
        Some((name, at as u64))
    });
    found.unwrap()
}

#[test]
fn a_damaged_body_stays_damaged_and_is_told_while_others_are_read() {
    let (source, blobs) = killed();
    let (name, offset) = find(&source, &[7; 100]);
    flip(&source, &name, offset);
    let file = source.list(BlobFileId::FOLDER).unwrap().pop().unwrap().name;
    flip(&source, &format!("{}/{file}", BlobFileId::FOLDER), 9000);
    let (target, outcome) = repaired(&source);
    let repaired = outcome.unwrap();
    assert_eq!(repaired.lost, vec![]);
    assert_eq!(repaired.remains.len(), 2, "{:?}", repaired.remains);
    let store = open(&target);
    for (number, blob) in blobs.iter().enumerate() {
        let damaged = [7, 20].contains(&number);
        assert_eq!(read(&store, blob).is_err(), damaged, "{number}");
    }
}

#[test]
fn an_identity_and_the_headers_of_segments_are_made_anew_where_another_file_tells_them() {
    let (source, blobs) = killed();
    flip(&source, "cistern", 20);
    let (first, _) = segments(&source).unwrap()[0].clone();
    flip(&source, &first, 40);
    let (target, outcome) = repaired(&source);
    let repaired = outcome.unwrap();
    assert_eq!(repaired.lost.len(), 2, "{:?}", repaired.lost);
    assert_eq!(repaired.remains, vec![]);
    let store = open(&target);
    assert_eq!(keys(&store).len(), 40);
    assert!(blobs.iter().all(|blob| read(&store, blob).is_ok()));
}

#[test]
fn a_store_that_is_open_and_a_folder_that_is_not_empty_are_refused() {
    let device = MemoryDevice::new();
    let store = open(&device);
    assert!(matches!(repaired(&device).1, Err(BackendError::InUse { .. })));
    drop(store);
    let shared: Arc<dyn Device> = Arc::new(device.clone());
    let outcome = repair_on(&shared, &shared);
    assert!(matches!(outcome, Err(BackendError::Foreign { .. })));
}
