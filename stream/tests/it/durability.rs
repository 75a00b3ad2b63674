//! On disk: what was acknowledged is there after opening again.

use cistern_disk::{DiskBackend, DiskSettings};
use cistern_storage_core::{
    Durability,
    port::{Backend, SystemClock},
};
use cistern_stream::{Entry, PutOptions, StartAt, StreamSettings, Streams};
use std::{path::Path, sync::Arc};

fn open(path: &Path) -> (Arc<DiskBackend>, Streams) {
    let backend = Arc::new(DiskBackend::open(path, DiskSettings::default()).unwrap());
    let clock = Arc::new(SystemClock::default());
    let shared = Arc::clone(&backend) as Arc<dyn Backend>;
    (backend, Streams::open(shared, clock, None, StreamSettings::default()).unwrap())
}

#[test]
fn records_and_shards_are_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for round in 0..3 {
        let (backend, streams) = open(folder.path());
        let stream = match streams.stream("s") {
            Ok(stream) => stream,
            Err(_) => streams.create("s", 1).unwrap(),
        };
        for number in 0..50 {
            let data = format!("{round}-{number}-{}", "x".repeat(number * 200));
            let durability = if number % 5 == 0 { Durability::Memory } else { Durability::Os };
            let options = PutOptions::new().durability(durability);
            stream.put_with(Entry::new("k", data.clone()).unwrap(), &options).unwrap();
            all.push(data);
        }
        stream.update_shard_count(if round % 2 == 0 { 2 } else { 1 }).unwrap();
        streams.flush(Durability::Synced).unwrap();
        backend.close().unwrap();
    }
    let (_backend, streams) = open(folder.path());
    let stream = streams.stream("s").unwrap();
    let read = stream.read(StartAt::TrimHorizon).unwrap();
    let read: Vec<_> =
        read.map(|record| String::from_utf8(record.unwrap().data.to_vec()).unwrap()).collect();
    assert_eq!(read, all);
}

#[test]
fn what_was_put_in_memory_survives_dropping_the_store() {
    let folder = tempfile::tempdir().unwrap();
    {
        let (_backend, streams) = open(folder.path());
        let stream = streams.create("s", 1).unwrap();
        let options = PutOptions::new().durability(Durability::Memory);
        stream.put_with(Entry::new("k", "x").unwrap(), &options).unwrap();
    }
    let (_backend, streams) = open(folder.path());
    assert_eq!(streams.stream("s").unwrap().read(StartAt::TrimHorizon).unwrap().count(), 1);
}

#[test]
fn many_producers_share_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (backend, streams) = open(folder.path());
    let stream = streams.create("s", 4).unwrap();
    let before = backend.stats();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let stream = &stream;
            scope.spawn(move || {
                for put in 0..20 {
                    stream.put(format!("{thread}-{put}"), "x").unwrap();
                }
            });
        }
    });
    let after = backend.stats();
    let (commits, syncs) = (after.commits - before.commits, after.syncs - before.syncs);
    assert_eq!(commits, 160);
    assert!(syncs < commits, "{syncs} syncs for {commits} commits");
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 160);
}
