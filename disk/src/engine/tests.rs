use super::{
    open::{OpenAs, open},
    publish::Touched,
};
use crate::{
    device::{Crash, Device, MemoryDevice},
    engine::Engine,
    settings::{Background, DiskSettings},
};
use bytes::Bytes;
use cistern_storage_core::port::{Batch, BlobRef, BlobSource, Durability, SourceFailed};
use std::{collections::BTreeMap, sync::Arc};

fn engine(device: &MemoryDevice) -> Arc<Engine> {
    let settings = DiskSettings::new().segment_bytes(64 << 10).background(Background::Manual);
    let device: Arc<dyn Device> = Arc::new(device.clone());
    Arc::new(open(&device, &settings, OpenAs::Owner).unwrap())
}

fn put(engine: &Arc<Engine>, durability: Durability, bytes: usize) {
    let mut batch = Batch::new(durability);
    batch.put(Bytes::from_static(b"key"), vec![7; bytes]);
    engine.commit(batch).unwrap().wait().unwrap();
}

#[test]
fn a_key_that_was_published_later_is_never_told_to_be_older() {
    let touched = Touched::new();
    touched.mark(b"a", 5);
    touched.mark(b"a", 3);
    assert!(touched.is_newer(b"a", 4));
    assert!(!touched.is_newer(b"a", 5));
}

#[test]
fn the_next_segment_is_ready_before_it_is_needed() {
    let device = MemoryDevice::new();
    let engine = engine(&device);
    put(&engine, Durability::Os, 40_000);
    while engine.maintain().unwrap() {}
    let names = || device.list("log").unwrap().into_iter().map(|entry| entry.name);
    let next = format!("{:016x}.seg", 2);
    assert!(names().any(|name| name == next), "{:?}", names().collect::<Vec<_>>());
    let made = device.counts().folder_syncs;
    put(&engine, Durability::Os, 40_000);
    assert_eq!(engine.queue.lock().tail.segment().header.sequence, 2);
    assert_eq!(device.counts().folder_syncs, made, "a segment was made while a commit waited");
}

#[test]
fn replay_begins_behind_a_segment_that_ended_with_the_last_commit() {
    let device = MemoryDevice::new();
    let engine = engine(&device);
    put(&engine, Durability::Os, 40_000);
    // It does not fit behind the first: the log has gone on, no later commit is published.
    let mut batch = Batch::new(Durability::Synced);
    batch.put(Bytes::from_static(b"late"), vec![7; 40_000]);
    let pending = engine.commit(batch).unwrap();
    let mut maintenance = engine.maintenance.lock();
    let end = engine.published.lock().end;
    assert!(engine.segments.find(end).unwrap().sealed() == Some(end));
    engine.checkpoint_now(&mut maintenance, false).unwrap();
    drop(maintenance);
    pending.wait().unwrap();
    while engine.maintain().unwrap() {}
    let again = super::tests::engine(&device.crash(Crash::LoseAll));
    assert_eq!(again.row(b"late").unwrap().map(|value| value.len()), Some(40_000));
    assert_eq!(again.row(b"key").unwrap().map(|value| value.len()), Some(40_000));
}

#[test]
fn weak_commits_are_written_without_anybody_asking_once_they_are_many() {
    let device = MemoryDevice::new();
    let engine = engine(&device);
    for _ in 0..30 {
        put(&engine, Durability::Memory, 50_000);
    }
    assert!(engine.written.load(std::sync::atomic::Ordering::Relaxed) > 500_000);
    assert!(engine.queue.lock().tail.buffered() < 1 << 20);
}

struct Chunk(Option<Bytes>);

impl BlobSource for Chunk {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        Ok(self.0.take())
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

fn adopt(engine: &Arc<Engine>, bytes: usize) -> BlobRef {
    let mut batch = Batch::new(Durability::Os);
    let blob = engine.write_blob(&mut Chunk(Some(vec![7; bytes].into()))).unwrap().blob;
    batch.adopts.push(blob);
    engine.commit(batch).unwrap().wait().unwrap();
    blob
}

/// Live bytes by where their segments begin.
fn live(engine: &Engine) -> BTreeMap<u64, u64> {
    let segments = engine.segments.all();
    let live = segments.iter().map(|segment| (segment.start(), segment.live()));
    live.filter(|(_, live)| *live > 0).collect()
}

#[test]
fn what_was_moved_before_a_crash_need_not_be_moved_again() {
    let device = MemoryDevice::new();
    let engine = engine(&device);
    let blobs: Vec<_> = (0..40).map(|_| adopt(&engine, 20_000)).collect();
    for blob in blobs.iter().step_by(2) {
        let mut batch = Batch::new(Durability::Os);
        batch.frees.push(*blob);
        engine.commit(batch).unwrap().wait().unwrap();
    }
    engine.checkpoint_now(&mut engine.maintenance.lock(), false).unwrap();
    let before = live(&engine);
    let mut moves = 0;
    while engine.tidy().unwrap() {
        let now = live(&engine);
        moves += u32::from(now != before);
        assert_eq!(live(&super::tests::engine(&device.crash(Crash::KeepAll))), now);
    }
    assert!(moves > 0, "nothing was moved");
}
