use crate::world::{START, World, datas, shard, texts};
use cistern_storage_core::Timestamp;
use cistern_stream::{HashRange, ShardFilter, StartAt, StreamSettings};
use std::time::Duration;

const HOUR: u64 = 3_600_000;

fn hours(count: u64) -> Duration {
    Duration::from_millis(count * HOUR)
}

/// Law-test: Kinesis, retention. Worked example 40.
#[test]
fn what_is_too_old_is_gone_and_stays_gone() {
    let mut world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.put("k", "old").unwrap();
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    world.advance(25 * HOUR);
    assert!(datas(&stream, 0).is_empty());
    stream.increase_retention(hours(48)).unwrap();
    assert!(datas(&stream, 0).is_empty());
    stream.put("k", "new").unwrap();
    world.advance(30 * HOUR);
    assert_eq!(datas(&stream, 0), ["new"]);
    stream.decrease_retention(hours(24)).unwrap();
    assert!(datas(&stream, 0).is_empty());
    world.reopen();
    let stream = world.streams.stream("s").unwrap();
    assert!(datas(&stream, 0).is_empty());
    assert!(stream.get_records(&iterator, 1).is_err(), "it has expired by far");
}

#[test]
fn a_reader_that_fell_behind_is_told_what_it_lost() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.put("k", "a").unwrap();
    stream.put("k", "b").unwrap();
    world.advance(23 * HOUR);
    stream.put("k", "c").unwrap();
    world.advance(HOUR - 100_000);
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    world.advance(200_000);
    let page = stream.get_records(&iterator, 10).unwrap();
    assert_eq!((texts(&page.records), page.lost), (vec!["c".to_owned()], 2));
    assert_eq!(world.streams.trim(100).unwrap(), (2, false));
    let page = stream.get_records(&iterator, 10).unwrap();
    assert_eq!((texts(&page.records), page.lost), (vec!["c".to_owned()], 2));
}

#[test]
fn trimming_gives_space_back_and_numbers_go_on() {
    let mut world = World::with(StreamSettings::new().inline_bytes_max(0));
    let stream = world.streams.create("s", 1).unwrap();
    let last = (0..10).map(|_| stream.put("k", vec![0; 1000]).unwrap().sequence_number).max();
    assert!(world.backend.stats().live_bytes >= 10_000);
    world.advance(25 * HOUR);
    let mut trimmed = 0;
    loop {
        let (records, more) = world.streams.trim(3).unwrap();
        trimmed += records;
        if !more {
            break;
        }
    }
    assert_eq!(trimmed, 10);
    assert_eq!(world.backend.stats().live_bytes, 0);
    world.reopen();
    let stream = world.streams.stream("s").unwrap();
    assert!(stream.put("k", "x").unwrap().sequence_number > last.unwrap());
    assert_eq!(datas(&stream, 0), ["x"]);
}

/// Law-test: Kinesis, shard states: EXPIRED. Worked example 39.
#[test]
fn a_closed_shard_goes_with_its_last_record() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.split_shard(shard(0), HashRange::ALL.middle()).unwrap();
    world.advance(24 * HOUR - 1);
    assert_eq!(stream.shards(ShardFilter::FromTrimHorizon).len(), 3);
    world.advance(1);
    assert_eq!(stream.shards(ShardFilter::FromTrimHorizon).len(), 2);
    let error = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap_err();
    assert_eq!(error.code(), "ResourceNotFoundException");
}

/// Law-test: Kinesis, IncreaseStreamRetentionPeriod.
/// Law-test: Kinesis, DecreaseStreamRetentionPeriod. Worked example 41.
#[test]
fn retention_has_bounds() {
    let world = World::with(StreamSettings::kinesis());
    let stream = world.streams.create("s", 1).unwrap();
    let error = stream.increase_retention(hours(9000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Maximum allowed retention period is 8760 hours. Requested retention period (9000 hours) \
         is too long."
    );
    let error = stream.decrease_retention(hours(23)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is \
         too short."
    );
    stream.increase_retention(hours(48)).unwrap();
    let error = stream.increase_retention(hours(24)).unwrap_err();
    assert!(error.to_string().ends_with("Use DecreaseRetentionPeriod API."), "{error}");
    assert!(stream.decrease_retention(hours(72)).is_err());
    stream.increase_retention(hours(48)).unwrap();
    stream.decrease_retention(hours(24)).unwrap();
}

#[test]
fn outside_of_kinesis_bounds_retention_may_be_seconds() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.decrease_retention(Duration::from_secs(10)).unwrap();
    stream.put("k", "a").unwrap();
    world.advance(10_001);
    stream.put("k", "b").unwrap();
    assert_eq!(datas(&stream, 0), ["b"]);
    let before = StartAt::AtTimestamp(Timestamp::from_millis(START));
    let iterator = stream.shard_iterator(shard(0), before).unwrap();
    assert_eq!(stream.get_records(&iterator, 10).unwrap().lost, 0);
}
