use crate::world::{World, datas, shard};
use cistern_storage_core::Durability;
use cistern_stream::{Entry, HashKey, PutOptions, StartAt, StreamName, StreamOptions};
use std::collections::HashSet;

fn entry(key: &str, data: &str) -> Entry {
    Entry::new(key, data.to_owned()).unwrap()
}

/// Law-test: Kinesis, PutRecord. Worked example 8.
#[test]
fn an_explicit_hash_key_chooses_the_shard() {
    let world = World::new();
    let stream = world.streams.create("s", 3).unwrap();
    let check = |hash: &str, number| {
        let entry = entry("a", "x").explicit_hash_key(HashKey::parse(hash).unwrap());
        let receipt = stream.put_with(entry, &PutOptions::new()).unwrap();
        assert_eq!(receipt.shard_id(), shard(number), "{hash}");
    };
    check(&u128::MAX.to_string(), 2);
    check("226854911280625642308916404954512140969", 1);
    check("226854911280625642308916404954512140970", 2);
    check("0", 0);
}

/// Law-test: Kinesis, PutRecords. Worked example 10.
#[test]
fn put_records_answers_in_the_order_of_the_request() {
    let world = World::new();
    let stream = world.streams.create("s", 3).unwrap();
    let entries = ["a", "b", "e", "f"].map(|key| entry(key, key)).to_vec();
    let outcome = stream.put_records(entries).unwrap();
    assert_eq!(outcome.failed_record_count(), 0);
    let shards: Vec<_> =
        outcome.records.iter().map(|record| record.as_ref().unwrap().shard_id()).collect();
    assert_eq!(shards, [0, 1, 2, 1].map(shard));
    assert_eq!(datas(&stream, 1), ["b", "f"]);
}

/// Law-test: Kinesis, PutRecord: PartitionKey. Worked example 27.
#[test]
fn data_and_keys_come_out_as_they_went_in() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = "\u{e9}".repeat(256);
    stream.put("k", "").unwrap();
    stream.put("k", every_byte.clone()).unwrap();
    stream.put(long.clone(), "long").unwrap();
    let records: Vec<_> = stream.read(StartAt::TrimHorizon).unwrap().map(Result::unwrap).collect();
    assert!(records[0].data.is_empty());
    assert_eq!(records[1].data, every_byte);
    assert_eq!(records[2].partition_key, &*long);
    for key in ["", &"\u{e9}".repeat(257)] {
        assert_eq!(stream.put(key, "x").unwrap_err().code(), "ValidationException", "{key}");
    }
}

/// Law-test: Kinesis, UpdateMaxRecordSize. Worked example 28.
#[test]
fn a_record_is_at_most_as_large_as_its_stream_says() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.put("k", vec![0; (1 << 20) - 1]).unwrap();
    assert_eq!(stream.put("k", vec![0; 1 << 20]).unwrap_err().code(), "ValidationException");
    stream.set_record_kib_max(10_240).unwrap();
    stream.put("k", vec![0; (10 << 20) - 1]).unwrap();
    assert!(stream.put("k", vec![0; 10 << 20]).is_err());
    for kib in [0, 1023, 10_241] {
        assert_eq!(stream.set_record_kib_max(kib).unwrap_err().code(), "ValidationException");
    }
}

/// Law-test: Kinesis, PutRecords: 1 to 500 records. Worked example 29.
/// Law-test: Kinesis, PutRecords: 10 MiB a request.
#[test]
fn put_records_takes_1_to_500_records_and_10_mib() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let many = |count| vec![entry("k", "x"); count];
    for count in [0, 501] {
        let error = stream.put_records(many(count)).unwrap_err();
        assert_eq!(error.code(), "ValidationException", "{count}");
    }
    assert_eq!(stream.put_records(many(500)).unwrap().records.len(), 500);
    let large = Entry::new("k", vec![0; 1 << 19]).unwrap();
    let error = stream.put_records(vec![large; 20]).unwrap_err();
    assert_eq!(error.code(), "InvalidArgumentException");
    assert_eq!(datas(&stream, 0).len(), 500);
}

/// Worked example 15.
#[test]
fn numbers_of_concurrent_puts_are_distinct_and_order_as_records_are_read() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let stream = &stream;
            scope.spawn(move || {
                for put in 0..250 {
                    let entries = vec![entry("k", &format!("{thread}-{put}")); 10];
                    assert_eq!(stream.put_records(entries).unwrap().failed_record_count(), 0);
                }
            });
        }
    });
    let numbers: Vec<_> = stream
        .read(StartAt::TrimHorizon)
        .unwrap()
        .map(|record| record.unwrap().sequence_number)
        .collect();
    assert_eq!(numbers.len(), 10_000);
    assert!(numbers.is_sorted_by(|left, right| left < right));
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 10_000);
}

/// Law-test: Kinesis, SequenceNumberForOrdering. The end of worked example 16.
#[test]
fn a_number_from_the_future_orders_nothing() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let first = stream.put("k", "a").unwrap().sequence_number;
    let options = PutOptions::new().sequence_number_for_ordering(first);
    let second = stream.put_with(entry("k", "b"), &options).unwrap().sequence_number;
    assert!(second > first);
    world.advance(2_000);
    let later = stream.put("k", "c").unwrap().sequence_number;
    world.clock.set(cistern_storage_core::Timestamp::from_millis(crate::world::START));
    let options = PutOptions::new().sequence_number_for_ordering(later);
    let error = stream.put_with(entry("k", "d"), &options).unwrap_err();
    assert!(error.to_string().starts_with("ExclusiveMinimumSequenceNumber "), "{error}");
}

#[test]
fn put_all_is_all_or_nothing_and_keeps_its_order() {
    let world = World::new();
    let stream = world.streams.create("s", 4).unwrap();
    let too_large = Entry::new("b", vec![0; 2 << 20]).unwrap();
    let bad = vec![entry("a", "1"), too_large];
    assert!(stream.put_all(bad, &PutOptions::new()).is_err());
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 0);
    let keys = ["a", "b", "e", "a", "b", "e"];
    let entries = keys.iter().enumerate().map(|(place, key)| entry(key, &place.to_string()));
    let receipts = stream.put_all(entries, &PutOptions::new()).unwrap();
    assert_eq!(receipts.len(), 6);
    assert!(receipts.iter().all(|receipt| receipt.durability == Durability::Synced));
    assert_eq!(datas(&stream, 0), ["0", "3"]);
    assert!(stream.put_all([], &PutOptions::new()).unwrap().is_empty());
}

#[test]
fn a_token_puts_once_within_its_window_and_across_restarts() {
    let mut world = World::new();
    world.streams.create("s", 2).unwrap();
    let options = PutOptions::new().token("order-17");
    let put = |world: &World| {
        let stream = world.streams.stream("s").unwrap();
        stream.put_all([entry("a", "x"), entry("b", "y")], &options).unwrap()
    };
    let first = put(&world);
    world.advance(100_000);
    world.reopen();
    let again = put(&world);
    assert!(again.iter().all(|receipt| receipt.repeated));
    let numbers = |receipts: &[cistern_stream::Receipt]| {
        receipts.iter().map(|receipt| receipt.sequence_number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&first), numbers(&again));
    world.advance(200_000);
    assert!(put(&world).iter().all(|receipt| !receipt.repeated));
    let stream = world.streams.stream("s").unwrap();
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 4);
}

#[test]
fn one_of_many_puts_with_a_token_puts() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let options = PutOptions::new().token("t");
    let fresh: usize = std::thread::scope(|scope| {
        let put = || !stream.put_with(entry("k", "x"), &options).unwrap().repeated;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(put)).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert_eq!(fresh, 1);
    assert_eq!(datas(&stream, 0), ["x"]);
}

/// Law-test: Kinesis, CreateStream. Law-test: Kinesis, DeleteStream. Law-test: Kinesis, ListStreams.
/// Law-test: Kinesis, stream ARNs. Law-test: Kinesis, on-demand mode.
/// Law-test: Kinesis, DescribeStreamSummary.
#[test]
fn streams_are_made_found_listed_and_deleted() {
    let mut world = World::new();
    world.streams.create("b", 1).unwrap();
    world.streams.create_with("a", &StreamOptions::on_demand()).unwrap();
    let error = world.streams.create("a", 1).unwrap_err();
    assert_eq!(error.to_string(), "Stream a under account 000000000000 already exists.");
    for shards in [0, 10_001] {
        assert_eq!(world.streams.create("c", shards).unwrap_err().code(), "ValidationException");
    }
    world.reopen();
    assert_eq!(
        world.streams.list().unwrap().iter().map(StreamName::as_str).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let (page, more) = world.streams.list_page(None, 1).unwrap();
    assert_eq!((page[0].as_str(), more), ("a", true));
    let (page, more) = world.streams.list_page(Some("a"), 1).unwrap();
    assert_eq!((page[0].as_str(), more), ("b", false));
    assert_eq!(world.streams.list_page(None, 0).unwrap_err().code(), "ValidationException");
    let a = world.streams.stream("a").unwrap();
    assert_eq!(a.describe().open_shards, 4);
    assert_eq!(a.arn(), "arn:aws:kinesis:us-east-1:000000000000:stream/a");
    a.put("k", vec![1; 100_000]).unwrap();
    world.streams.delete("a").unwrap();
    assert_eq!(a.put("k", "x").unwrap_err().code(), "ResourceNotFoundException");
    assert_eq!(world.streams.stream("a").unwrap_err().code(), "ResourceNotFoundException");
    assert_eq!(world.backend.stats().live_bytes, 0);
    let again = world.streams.create("a", 1).unwrap();
    assert_eq!(again.read(StartAt::TrimHorizon).unwrap().count(), 0);
}

/// Law-test: Kinesis, StreamStatus: data calls on a stream that is being made.
/// Law-test: Kinesis, StreamStatus.
#[test]
fn a_change_takes_as_long_as_the_settings_say() {
    let settings = cistern_stream::StreamSettings::new();
    let world = World::with(settings.transition(std::time::Duration::from_secs(10)));
    let stream = world.streams.create("s", 1).unwrap();
    assert_eq!(stream.describe().status.as_str(), "CREATING");
    assert_eq!(stream.put("k", "x").unwrap_err().code(), "ResourceNotFoundException");
    world.advance(10_000);
    stream.put("k", "x").unwrap();
    world.streams.delete("s").unwrap();
    assert_eq!(world.streams.stream("s").unwrap().describe().status.as_str(), "DELETING");
    world.advance(10_000);
    assert!(world.streams.stream("s").is_err());
}

/// Law-test: Kinesis, AddTagsToStream. Law-test: Kinesis, RemoveTagsFromStream. Worked example 46.
#[test]
fn a_stream_has_at_most_50_tags() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let keys: Vec<String> = (0..50).map(|number| format!("key{number:02}")).collect();
    let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    stream.add_tags(&pairs).unwrap();
    assert_eq!(stream.add_tags(&[("one", "more")]).unwrap_err().code(), "InvalidArgumentException");
    stream.add_tags(&[("key07", "other")]).unwrap();
    assert_eq!(stream.tags().value("key07"), Some("other"));
    stream.remove_tags(&["key07", "not-there"]).unwrap();
    assert_eq!(stream.tags().len(), 49);
}
