use crate::world::{START, World, datas, shard, texts};
use cistern_storage_core::Timestamp;
use cistern_stream::{ShardIterator, StartAt, Stream};
use std::time::Duration;

fn five(world: &World) -> (Stream, Vec<cistern_stream::SequenceNumber>) {
    let stream = world.streams.create("s", 1).unwrap();
    let put = |place: u64| {
        world.advance(100);
        stream.put("k", format!("r{place}")).unwrap().sequence_number
    };
    let numbers = (0..5).map(put).collect();
    (stream, numbers)
}

fn from(stream: &Stream, start: StartAt) -> Vec<String> {
    let iterator = stream.shard_iterator(shard(0), start).unwrap();
    texts(&stream.get_records(&iterator, 10_000).unwrap().records)
}

/// Law-test: Kinesis, GetShardIterator. Worked example 19.
#[test]
fn reading_begins_where_it_is_told_to() {
    let mut world = World::new();
    let (stream, numbers) = five(&world);
    let check = |stream: &Stream| {
        let at = StartAt::AtSequenceNumber(numbers[1]);
        assert_eq!(from(stream, at), ["r1", "r2", "r3", "r4"]);
        assert_eq!(from(stream, StartAt::AfterSequenceNumber(numbers[1])), ["r2", "r3", "r4"]);
        let arrival = Timestamp::from_millis(START + 400);
        assert_eq!(from(stream, StartAt::AtTimestamp(arrival)), ["r3", "r4"]);
        let between = Timestamp::from_millis(START + 301);
        assert_eq!(from(stream, StartAt::AtTimestamp(between)), ["r3", "r4"]);
        let before = Timestamp::from_millis(START - 1);
        assert_eq!(from(stream, StartAt::AtTimestamp(before)).len(), 5);
        assert_eq!(from(stream, StartAt::TrimHorizon), ["r0", "r1", "r2", "r3", "r4"]);
        assert!(from(stream, StartAt::Latest).is_empty());
    };
    check(&stream);
    world.reopen();
    check(&world.streams.stream("s").unwrap());
    let latest = stream.shard_iterator(shard(0), StartAt::Latest).unwrap();
    stream.put("k", "r5").unwrap();
    assert_eq!(texts(&stream.get_records(&latest, 10).unwrap().records), ["r5"]);
}

/// Worked examples 20 and 21.
#[test]
fn an_iterator_is_a_value_and_pages_end_where_they_must() {
    let world = World::new();
    let (stream, _) = five(&world);
    let first = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    let mut iterator = first;
    for expected in [2, 2, 1, 0] {
        let page = stream.get_records(&iterator, 2).unwrap();
        assert_eq!(page.records.len(), expected);
        iterator = page.next_iterator.unwrap();
    }
    let once = stream.get_records(&first, 3).unwrap().records;
    assert_eq!(once, stream.get_records(&first, 3).unwrap().records);
}

/// Law-test: Kinesis, GetRecords: Limit. Worked examples 22 and 23.
#[test]
fn limits_and_ages_that_cannot_be_are_refused() {
    let world = World::new();
    let (stream, _) = five(&world);
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    for limit in [0, 10_001] {
        let error = stream.get_records(&iterator, limit).unwrap_err();
        assert_eq!(error.code(), "ValidationException", "{limit}");
    }
    world.advance(300_000);
    assert_eq!(stream.get_records(&iterator, 10_000).unwrap().records.len(), 5);
    world.advance(1);
    let error = stream.get_records(&iterator, 10_000).unwrap_err();
    assert_eq!(error.code(), "ExpiredIteratorException");
    assert!(error.to_string().ends_with("tolerated delay of 300000 milliseconds."), "{error}");
}

/// Law-test: Kinesis, GetRecords. Law-test: Kinesis, MillisBehindLatest.
/// Law-test: Kinesis, GetRecords: 10 MiB an answer. Worked example 24, but for enforcing mode.
#[test]
fn an_answer_is_at_most_10_mib() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    for _ in 0..12 {
        stream.put("k", vec![0; (1 << 20) - 1]).unwrap();
    }
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    let page = stream.get_records(&iterator, 10_000).unwrap();
    assert_eq!(page.records.len(), 10);
    assert!(page.millis_behind_latest > 0);
    let rest = stream.get_records(&page.next_iterator.unwrap(), 10_000).unwrap();
    assert_eq!(rest.records.len(), 2);
    assert_eq!(rest.millis_behind_latest, 0);
}

/// Law-test: Kinesis, GetShardIterator: StartingSequenceNumber. Worked examples 17 and 18.
#[test]
fn numbers_of_other_shards_and_streams_are_refused() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    let number = stream.put("b", "x").unwrap().sequence_number;
    let error = stream.shard_iterator(shard(0), StartAt::AfterSequenceNumber(number)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Invalid StartingSequenceNumber. It encodes shardId-000000000001, while it was used in a \
         call to a shard with shardId-000000000000"
    );
    let iterator = stream.shard_iterator(shard(1), StartAt::TrimHorizon).unwrap();
    world.streams.delete("s").unwrap();
    world.advance(1_000);
    let again = world.streams.create("s", 2).unwrap();
    let error = again.shard_iterator(shard(1), StartAt::AtSequenceNumber(number)).unwrap_err();
    assert!(error.to_string().ends_with("because it did not come from this stream."), "{error}");
    assert_eq!(again.get_records(&iterator, 1).unwrap_err().to_string(), "Invalid ShardIterator.");
}

#[test]
fn a_time_that_is_yet_to_come_is_refused() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let start = StartAt::AtTimestamp(Timestamp::from_millis(START + 1));
    let error = stream.shard_iterator(shard(0), start).unwrap_err();
    assert_eq!(error.code(), "InvalidArgumentException");
}

#[test]
fn an_iterator_travels_as_text() {
    let world = World::new();
    let (stream, _) = five(&world);
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    let text = iterator.to_string();
    let parsed: ShardIterator = text.parse().unwrap();
    assert_eq!(stream.get_records(&parsed, 10_000).unwrap().records.len(), 5);
}

#[test]
fn records_behind_those_in_memory_come_from_their_chunks() {
    let settings = cistern_stream::StreamSettings::new().recent_bytes_max(0).inline_bytes_max(64);
    let world = World::with(settings);
    let stream = world.streams.create("s", 1).unwrap();
    let all: Vec<String> = (0..300).map(|number| format!("{number:0>40}")).collect();
    let mut numbers = Vec::new();
    for (place, data) in (0u64..).zip(&all) {
        world.advance(10);
        let receipts = if place % 3 == 0 {
            let entry = cistern_stream::Entry::new("k", data.clone()).unwrap();
            stream.put_with(entry, &cistern_stream::PutOptions::new()).unwrap()
        } else {
            stream.put("k", data.clone()).unwrap()
        };
        numbers.push(receipts.sequence_number);
    }
    assert_eq!(datas(&stream, 0), all);
    for place in [0, 1, 2, 150, 298, 299] {
        assert_eq!(from(&stream, StartAt::AtSequenceNumber(numbers[place])), all[place..]);
        let arrival =
            Timestamp::from_millis(START).plus(Duration::from_millis(10 * (place as u64 + 1)));
        assert_eq!(from(&stream, StartAt::AtTimestamp(arrival)), all[place..], "{place}");
    }
}

#[test]
fn a_clock_that_goes_back_disorders_nothing() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    world.advance(5_000);
    stream.put("k", "a").unwrap();
    world.clock.set(Timestamp::from_millis(START));
    stream.put("k", "b").unwrap();
    let records: Vec<_> = stream.read(StartAt::TrimHorizon).unwrap().map(Result::unwrap).collect();
    assert!(records[0].arrived <= records[1].arrived);
    assert!(records[0].sequence_number < records[1].sequence_number);
}
