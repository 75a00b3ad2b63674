//! The change feed over the engine on disk.

use cistern::{BucketOptions, Change, ChangeFeed, Cistern, Cursor, Durability, PutOptions, Result};
use std::{collections::BTreeMap, thread};

#[test]
fn a_reader_beside_writers_of_every_durability_misses_and_repeats_nothing() {
    const WRITES: usize = 150;
    let levels = [Durability::Memory, Durability::Os, Durability::Synced, Durability::Memory];
    let folder = tempfile::tempdir().unwrap();
    let cistern = Cistern::open(folder.path()).unwrap();
    let options = BucketOptions::new().change_feed(ChangeFeed::On);
    let bucket = cistern.create_bucket_with("feed", options).unwrap();
    let mut seen: Vec<Change> = Vec::new();
    thread::scope(|scope| {
        for (writer, level) in levels.into_iter().enumerate() {
            let bucket = bucket.clone();
            scope.spawn(move || {
                let options = PutOptions::new().durability(level);
                for number in 0..WRITES {
                    let key = format!("k{}", (writer + number) % 7);
                    bucket.put_with(key, "x", &options).unwrap();
                }
            });
        }
        let mut cursor = Cursor::start();
        while seen.len() < levels.len() * WRITES {
            for change in bucket.changes(cursor) {
                let change = change.unwrap();
                cursor = change.cursor();
                seen.push(change);
            }
        }
    });
    let all: Vec<Change> = bucket.changes(Cursor::start()).collect::<Result<_>>().unwrap();
    assert_eq!(seen, all);
    let mut newest = BTreeMap::new();
    for change in &seen {
        let event = change.event();
        let before = newest.insert(event.key.clone(), event.sequencer);
        assert!(before.is_none_or(|before| before < event.sequencer), "{event:?}");
    }
}

#[test]
fn a_cursor_and_a_trimmed_feed_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, trimmed) = {
        let cistern = Cistern::open(folder.path()).unwrap();
        let options = BucketOptions::new().change_feed(ChangeFeed::On);
        let bucket = cistern.create_bucket_with("feed", options).unwrap();
        for number in 0..10 {
            bucket.put(format!("k{number}"), "x").unwrap();
        }
        let all: Vec<Change> = bucket.changes(Cursor::start()).collect::<Result<_>>().unwrap();
        bucket.trim_changes(all[4].cursor()).unwrap();
        cistern.close().unwrap();
        (all[6].cursor().to_string(), all[3].cursor().to_string())
    };
    let cistern = Cistern::open(folder.path()).unwrap();
    let bucket = cistern.bucket("feed").unwrap();
    bucket.put("k10", "x").unwrap();
    let rest: Vec<Change> = bucket.changes(kept.parse().unwrap()).collect::<Result<_>>().unwrap();
    let keys: Vec<&str> = rest.iter().map(|change| change.event().key.as_str()).collect();
    assert_eq!(keys, ["k7", "k8", "k9", "k10"]);
    assert_eq!(bucket.changes(Cursor::start()).count(), 6);
    let late = bucket.changes(trimmed.parse().unwrap()).next().unwrap();
    assert!(late.unwrap_err().to_string().contains("trimmed"));
}
