use crate::world::{World, shard};
use cistern_stream::{
    Entry, Error, Fault, Faults, KinesisLimits, PutOptions, StartAt, StreamSettings,
};

fn entries(count: usize) -> Vec<Entry> {
    vec![Entry::new("k", "x").unwrap(); count]
}

/// Law-test: Kinesis, shard-level metrics. Worked example 30.
#[test]
fn the_record_above_the_limit_is_throttled_and_no_other() {
    let world = World::with(StreamSettings::new().limits(KinesisLimits::provisioned()));
    let stream = world.streams.create("s", 1).unwrap();
    assert_eq!(stream.put_records(entries(500)).unwrap().failed_record_count(), 0);
    assert_eq!(stream.put_records(entries(499)).unwrap().failed_record_count(), 0);
    let outcome = stream.put_records(entries(2)).unwrap();
    assert!(outcome.records[0].is_ok());
    let error = outcome.records[1].as_ref().unwrap_err();
    assert_eq!(error.code(), "ProvisionedThroughputExceededException");
    assert_eq!(
        error.to_string(),
        "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000."
    );
    world.advance(1_000);
    assert_eq!(stream.put_records(entries(500)).unwrap().failed_record_count(), 0);
    let metrics = stream.metrics();
    assert_eq!((metrics.incoming_records, metrics.write_throttles), (1_500, 1));
    assert_eq!(metrics.incoming_bytes, 3_000);
}

/// The end of worked example 24.
#[test]
fn a_full_answer_throttles_the_next_call_for_five_seconds() {
    let world = World::with(StreamSettings::new().limits(KinesisLimits::provisioned()));
    let stream = world.streams.create("s", 1).unwrap();
    for _ in 0..12 {
        stream.put("k", vec![0; (1 << 20) - 1]).unwrap();
        world.advance(1_000);
    }
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    let page = stream.get_records(&iterator, 10_000).unwrap();
    let next = page.next_iterator.unwrap();
    world.advance(4_900);
    let error = stream.get_records(&next, 10_000).unwrap_err();
    assert_eq!(error.code(), "ProvisionedThroughputExceededException");
    world.advance(100);
    assert_eq!(stream.get_records(&next, 10_000).unwrap().records.len(), 2);
    let metrics = stream.shard_metrics()[0].1;
    assert_eq!((metrics.outgoing_records, metrics.read_throttles), (12, 1));
}

#[test]
fn failures_come_when_they_are_asked_for() {
    let faults = Faults::new()
        .on_record(2, Fault::Throttle)
        .on_record(4, Fault::InternalFailure)
        .on_read(1, Fault::ExpireIterator)
        .on_read(2, Fault::Throttle);
    let world = World::with(StreamSettings::new().faults(faults));
    let stream = world.streams.create("s", 1).unwrap();
    let outcome = stream.put_records(entries(3)).unwrap();
    let codes: Vec<_> =
        outcome.records.iter().map(|record| record.as_ref().err().map(Error::code)).collect();
    assert_eq!(codes, [None, Some("ProvisionedThroughputExceededException"), None]);
    assert_eq!(stream.put("k", "x").unwrap_err().code(), "InternalFailure");
    stream.put_all(entries(1), &PutOptions::new()).unwrap();
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    let code = || stream.get_records(&iterator, 10).unwrap_err().code();
    assert_eq!(code(), "ExpiredIteratorException");
    assert_eq!(code(), "ProvisionedThroughputExceededException");
    assert_eq!(stream.get_records(&iterator, 10).unwrap().records.len(), 3);
}

#[test]
fn a_put_all_that_is_throttled_puts_nothing() {
    let world =
        World::with(StreamSettings::new().faults(Faults::new().on_record(3, Fault::Throttle)));
    let stream = world.streams.create("s", 1).unwrap();
    assert!(stream.put_all(entries(5), &PutOptions::new()).is_err());
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 0);
}
