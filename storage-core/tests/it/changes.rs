//! The change feed: order, exact resumption, trimming.

use cistern_storage_core::{
    Bucket, BucketOptions, Change, ChangeFeed, Cursor, Error, EventName, Store, Versioning,
};
use std::{collections::BTreeMap, thread};

fn bucket_of(store: &Store, name: &str, versioning: Versioning) -> Bucket {
    let options = BucketOptions::new().versioning(versioning).change_feed(ChangeFeed::On);
    store.create_bucket_with(name, options).unwrap()
}

fn bucket() -> Bucket {
    bucket_of(&Store::in_memory(), "test", Versioning::Enabled)
}

fn read(bucket: &Bucket, since: Cursor) -> Vec<Change> {
    bucket.changes(since).collect::<Result<_, _>>().unwrap()
}

#[test]
fn changes_tell_what_happened_in_the_order_of_commits() {
    let bucket = bucket();
    let put = bucket.put("k", "one").unwrap();
    let marker = bucket.delete("k").unwrap();
    bucket.delete_version("k", put.version.unwrap()).unwrap();
    let events: Vec<_> =
        read(&bucket, Cursor::start()).into_iter().map(Change::into_event).collect();
    assert_eq!(events[0].name, EventName::ObjectCreatedPut);
    assert_eq!((events[0].version, events[0].size), (put.version, Some(3)));
    assert_eq!(events[0].etag, Some(put.etag));
    assert_eq!(events[1].name, EventName::ObjectRemovedDeleteMarkerCreated);
    assert_eq!((events[1].version, events[1].size), (marker.version, None));
    assert_eq!(events[2].name, EventName::ObjectRemovedDelete);
    assert_eq!((events[2].version, events[2].etag), (put.version, None));
    assert_eq!(events.len(), 3);
    assert!(events.is_sorted_by(|a, b| a.position < b.position && a.sequencer < b.sequencer));
}

#[test]
fn a_reader_goes_on_exactly_where_it_stopped() {
    let bucket = bucket();
    for number in 0..700 {
        bucket.put(format!("k{number}"), "x").unwrap();
    }
    let all = read(&bucket, Cursor::start());
    assert_eq!(all.len(), 700);
    for stop in [0, 1, 255, 256, 257, 511, 512, 699] {
        let cursor: Cursor = all[stop].cursor().to_string().parse().unwrap();
        assert_eq!(read(&bucket, cursor), all[stop + 1..]);
    }
    assert_eq!(bucket.changes_end().unwrap(), all[699].cursor());
}

#[test]
fn a_bucket_without_a_feed_says_how_to_get_one() {
    let bucket = Store::in_memory().create_bucket("test").unwrap();
    let error = bucket.changes(Cursor::start()).next().unwrap().unwrap_err();
    assert!(matches!(&error, Error::InvalidRequest { .. }));
    assert!(error.to_string().contains("ChangeFeed::On"));
    assert_eq!(bucket.changes_end().unwrap_err().code(), "InvalidRequest");
}

#[test]
fn a_cursor_is_of_one_bucket() {
    let store = Store::in_memory();
    let one = bucket_of(&store, "one", Versioning::Enabled);
    let two = bucket_of(&store, "two", Versioning::Enabled);
    one.put("k", "x").unwrap();
    let cursor = one.changes_end().unwrap();
    let error = two.changes(cursor).next().unwrap().unwrap_err();
    assert_eq!(error.code(), "InvalidArgument");
    assert_eq!(two.trim_changes(cursor).unwrap_err().code(), "InvalidArgument");
}

#[test]
fn what_was_trimmed_is_gone_and_who_missed_it_is_told() {
    let bucket = bucket();
    for number in 0..600 {
        bucket.put(format!("k{number}"), "x").unwrap();
    }
    let all = read(&bucket, Cursor::start());
    assert_eq!(bucket.trim_changes(Cursor::start()).unwrap(), 0);
    assert_eq!(bucket.trim_changes(all[299].cursor()).unwrap(), 300);
    assert_eq!(bucket.trim_changes(all[9].cursor()).unwrap(), 0);
    assert_eq!(read(&bucket, Cursor::start()), all[300..]);
    assert_eq!(read(&bucket, all[299].cursor()), all[300..]);
    let late = bucket.changes(all[298].cursor()).next().unwrap().unwrap_err();
    assert_eq!(late.code(), "InvalidArgument");
    assert!(late.to_string().contains("trimmed"));

    let end = bucket.changes_end().unwrap();
    assert_eq!(bucket.trim_changes(end).unwrap(), 300);
    assert_eq!(bucket.changes_end().unwrap(), end);
    assert_eq!(read(&bucket, end), []);
    bucket.put("k", "x").unwrap();
    assert_eq!(read(&bucket, end).len(), 1);
}

#[test]
fn a_feed_goes_with_its_bucket() {
    let store = Store::in_memory();
    let bucket = bucket_of(&store, "test", Versioning::Unversioned);
    bucket.put("k", "x").unwrap();
    let cursor = bucket.changes_end().unwrap();
    bucket.trim_changes(cursor).unwrap();
    bucket.delete("k").unwrap();
    store.delete_bucket("test").unwrap();
    let error = bucket.changes(Cursor::start()).next().unwrap().unwrap_err();
    assert_eq!(error.code(), "NoSuchBucket");
    let again = bucket_of(&store, "test", Versioning::Unversioned);
    assert_eq!(read(&again, Cursor::start()), []);
    assert_eq!(again.changes(cursor).next().unwrap().unwrap_err().code(), "InvalidArgument");
}

#[test]
fn a_reader_polling_beside_writers_misses_and_repeats_nothing() {
    const WRITERS: usize = 4;
    const WRITES: usize = 500;
    let bucket = bucket();
    let seen = thread::scope(|scope| {
        for writer in 0..WRITERS {
            let bucket = bucket.clone();
            scope.spawn(move || {
                for number in 0..WRITES {
                    // Few keys, so that writers meet on them.
                    let key = format!("k{}", (writer + number) % 7);
                    bucket.put(key, "x").unwrap();
                }
            });
        }
        let (mut seen, mut cursor) = (Vec::new(), Cursor::start());
        while seen.len() < WRITERS * WRITES {
            for change in bucket.changes(cursor) {
                let change = change.unwrap();
                cursor = change.cursor().to_string().parse().unwrap();
                seen.push(change);
            }
        }
        seen
    });
    assert_eq!(read(&bucket, Cursor::start()), seen);
    let mut newest = BTreeMap::new();
    for change in &seen {
        let event = change.event();
        let before = newest.insert(event.key.clone(), event.sequencer);
        assert!(before.is_none_or(|before| before < event.sequencer), "{event:?}");
    }
    let versions: usize = bucket.list_versions("").count();
    assert_eq!((versions, newest.len()), (WRITERS * WRITES, 7));
}

#[test]
fn readers_and_trimmers_beside_each_other_never_lose_a_change_silently() {
    let bucket = bucket();
    let writes = 1000;
    thread::scope(|scope| {
        let writer = bucket.clone();
        scope.spawn(move || {
            for number in 0..writes {
                writer.put(format!("k{}", number % 5), "x").unwrap();
            }
        });
        let (mut seen, mut cursor) = (0, Cursor::start());
        while seen < writes {
            for change in bucket.changes(cursor) {
                cursor = change.unwrap().cursor();
                seen += 1;
                // Whoever trims only what he has dealt with is never turned away.
                if seen % 100 == 0 {
                    bucket.trim_changes(cursor).unwrap();
                }
            }
        }
    });
    assert_eq!(read(&bucket, Cursor::start()), []);
}

#[test]
fn a_reader_may_stop_between_two_changes_of_one_commit() {
    let bucket = bucket_of(&Store::in_memory(), "test", Versioning::Unversioned);
    bucket.put("from", "x").unwrap();
    bucket.rename("from", "to").unwrap();
    let all = read(&bucket, Cursor::start());
    let told: Vec<_> = all.iter().map(|one| (one.event().name, one.event().key.as_str())).collect();
    assert_eq!(
        told,
        [
            (EventName::ObjectCreatedPut, "from"),
            (EventName::ObjectRemovedDelete, "from"),
            (EventName::ObjectCreatedCopy, "to"),
        ]
    );
    assert_eq!(all[1].event().position, all[2].event().position);
    assert_eq!(read(&bucket, all[1].cursor()), all[2..]);
    bucket.trim_changes(all[1].cursor()).unwrap();
    assert_eq!(read(&bucket, Cursor::start()), all[2..]);
}
