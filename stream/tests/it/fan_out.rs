use crate::world::{START, World, shard, texts};
use cistern_stream::{HashRange, StartAt};
use std::time::Duration;

const NOW: Duration = Duration::from_millis(1);

/// Law-test: Kinesis, RegisterStreamConsumer. Law-test: Kinesis, ListStreamConsumers.
/// Law-test: Kinesis, DescribeStreamConsumer. Law-test: Kinesis, DeregisterStreamConsumer.
/// Law-test: Kinesis, DeleteStream: EnforceConsumerDeletion. Worked example 42.
#[test]
fn consumers_are_registered_by_name() {
    let mut world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let c = stream.register_consumer("c").unwrap();
    assert!(c.arn.ends_with(&format!("stream/s/consumer/c:{}", START / 1000)), "{}", c.arn);
    assert_eq!(stream.register_consumer("c").unwrap_err().code(), "ResourceInUseException");
    assert_eq!(stream.register_consumer("a b").unwrap_err().code(), "ValidationException");
    for number in 1..20 {
        stream.register_consumer(&format!("c{number}")).unwrap();
    }
    assert_eq!(stream.register_consumer("d").unwrap_err().code(), "LimitExceededException");
    assert_eq!(world.streams.delete("s").unwrap_err().code(), "ResourceInUseException");
    world.reopen();
    let stream = world.streams.stream("s").unwrap();
    assert_eq!(stream.consumers().unwrap().len(), 20);
    assert_eq!(stream.consumer("c").unwrap(), c);
    stream.deregister_consumer("c").unwrap();
    assert_eq!(stream.consumer("c").unwrap_err().code(), "ResourceNotFoundException");
    assert_eq!(stream.deregister_consumer("c").unwrap_err().code(), "ResourceNotFoundException");
    world.streams.delete_with_consumers("s").unwrap();
    assert!(world.streams.create("s", 1).unwrap().consumers().unwrap().is_empty());
}

/// Law-test: Kinesis, SubscribeToShardEvent. Worked example 43.
#[test]
fn a_subscription_tells_each_record_once_and_goes_on_where_it_ended() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.register_consumer("c").unwrap();
    for number in 0..5 {
        stream.put("k", number.to_string()).unwrap();
    }
    let mut pipe = stream.subscribe("c", shard(0), StartAt::TrimHorizon).unwrap();
    let event = pipe.next_within(NOW).unwrap().unwrap();
    assert_eq!((event.records.len(), event.millis_behind_latest), (5, 0));
    let quiet = pipe.next_within(NOW).unwrap().unwrap();
    assert!(quiet.records.is_empty());
    assert!(quiet.continuation_sequence_number >= event.continuation_sequence_number);
    world.advance(5_000);
    let start = StartAt::AfterSequenceNumber(quiet.continuation_sequence_number);
    let mut pipe = stream.subscribe("c", shard(0), start).unwrap();
    assert!(pipe.next_within(NOW).unwrap().unwrap().records.is_empty());
    stream.put("k", "5").unwrap();
    assert_eq!(texts(&pipe.next_within(NOW).unwrap().unwrap().records), ["5"]);
}

/// Law-test: Kinesis, SubscribeToShard. Worked example 44.
#[test]
fn a_subscription_is_held_for_5_seconds_and_lasts_for_5_minutes() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    assert!(stream.subscribe("c", shard(0), StartAt::Latest).is_err());
    stream.register_consumer("c").unwrap();
    stream.register_consumer("d").unwrap();
    let mut first = stream.subscribe("c", shard(0), StartAt::Latest).unwrap();
    world.advance(4_000);
    let error = stream.subscribe("c", shard(0), StartAt::Latest).unwrap_err();
    assert_eq!(error.code(), "ResourceInUseException");
    stream.subscribe("d", shard(0), StartAt::Latest).unwrap();
    world.advance(2_000);
    let mut second = stream.subscribe("c", shard(0), StartAt::Latest).unwrap();
    assert_eq!(first.next_within(NOW).unwrap_err().code(), "ResourceInUseException");
    assert!(first.next_within(NOW).unwrap().is_none());
    assert!(second.next_within(NOW).unwrap().is_some());
    world.advance(300_000);
    assert!(second.next_within(NOW).unwrap().is_none());
}

#[test]
fn a_subscription_ends_with_its_shard_and_names_the_children() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.register_consumer("c").unwrap();
    stream.put("k", "x").unwrap();
    let mut pipe = stream.subscribe("c", shard(0), StartAt::TrimHorizon).unwrap();
    stream.split_shard(shard(0), HashRange::ALL.middle()).unwrap();
    let event = pipe.next_within(NOW).unwrap().unwrap();
    assert_eq!((event.records.len(), event.child_shards.len()), (1, 2));
    assert!(pipe.next_within(NOW).unwrap().is_none());
}

#[test]
fn a_consumer_that_is_removed_hears_no_more() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    stream.register_consumer("c").unwrap();
    let mut pipe = stream.subscribe("c", shard(0), StartAt::TrimHorizon).unwrap();
    stream.deregister_consumer("c").unwrap();
    assert!(pipe.next_within(NOW).is_err());
}
