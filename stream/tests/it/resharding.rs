use crate::world::{World, datas, shard};
use cistern_storage_core::Timestamp;
use cistern_stream::{
    HashKey, HashRange, ShardFilter, StartAt, Stream, StreamMode, StreamSettings,
};
use std::time::Duration;

const THIRD_END: &str = "113427455640312821154458202477256070484";

fn hash(text: &str) -> HashKey {
    HashKey::parse(text).unwrap()
}

fn numbers(stream: &Stream, filter: ShardFilter) -> Vec<u32> {
    stream.shards(filter).iter().map(|info| info.id.number()).collect()
}

#[track_caller]
fn check_tiles(stream: &Stream) {
    let mut open = stream.shards(ShardFilter::AtLatest);
    open.sort_by_key(|info| info.range.start);
    assert_eq!(open.first().unwrap().range.start, HashKey(0));
    assert_eq!(open.last().unwrap().range.end, HashKey::MAX);
    assert!(open.windows(2).all(|pair| pair[0].range.is_followed_by(&pair[1].range)));
}

/// Law-test: Kinesis, SplitShard. Law-test: Kinesis, Shard. Worked examples 31 and 32.
#[test]
fn a_shard_is_split_where_it_can_be() {
    let mut world = World::new();
    let stream = world.streams.create("s", 3).unwrap();
    for at in ["1", "0", THIRD_END] {
        let error = stream.split_shard(shard(0), hash(at)).unwrap_err();
        assert!(error.to_string().contains("is not both greater than one plus"), "{at}: {error}");
    }
    let children = stream.split_shard(shard(0), hash("2")).unwrap();
    assert_eq!(children, (shard(3), shard(4)));
    let check = |stream: &Stream| {
        let shards = stream.shards(ShardFilter::FromTrimHorizon);
        assert_eq!(shards[3].range.to_string(), "[0, 1]");
        assert_eq!(shards[4].range.to_string(), format!("[2, {THIRD_END}]"));
        assert!(shards[3..].iter().all(|info| info.parent == Some(shard(0))));
        assert!(shards[0].ending_number.unwrap() > shards[0].starting_number);
        assert!(shards[3].starting_number > shards[0].ending_number.unwrap());
        check_tiles(stream);
    };
    check(&stream);
    let error = stream.split_shard(shard(0), hash("100")).unwrap_err();
    assert!(error.to_string().contains("has already been merged or split"), "{error}");
    world.reopen();
    check(&world.streams.stream("s").unwrap());
}

/// Law-test: Kinesis, MergeShards. Worked example 33.
#[test]
fn two_neighbours_are_merged_in_their_order() {
    let world = World::new();
    let stream = world.streams.create("s", 3).unwrap();
    for (lower, upper) in [(1, 0), (0, 2), (0, 0)] {
        let error = stream.merge_shards(shard(lower), shard(upper)).unwrap_err();
        assert!(error.to_string().contains("are not an adjacent pair"), "{error}");
    }
    assert_eq!(stream.merge_shards(shard(0), shard(1)).unwrap(), shard(3));
    let merged = stream.shards(ShardFilter::AtLatest)[1];
    assert_eq!(merged.range.to_string(), "[0, 226854911280625642308916404954512140969]");
    assert_eq!((merged.parent, merged.adjacent_parent), (Some(shard(0)), Some(shard(1))));
    check_tiles(&stream);
}

/// Law-test: Kinesis, UpdateShardCount. Worked example 34.
#[test]
fn the_shard_count_is_updated_to_equal_shards() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    stream.update_shard_count(4).unwrap();
    let open = stream.shards(ShardFilter::AtLatest);
    let starts: Vec<_> = open.iter().map(|info| info.range.start.0).collect();
    assert_eq!(starts, [0, 1 << 126, 1 << 127, 3 << 126]);
    assert_eq!(stream.shards(ShardFilter::FromTrimHorizon).len(), 6);
    for target in [9, 1] {
        let error = stream.update_shard_count(target).unwrap_err();
        assert_eq!(error.code(), "InvalidArgumentException", "{target}");
    }
    for target in [3, 5, 7, 4, 6, 3, 2, 3, 4] {
        stream.update_shard_count(target).unwrap();
        let mut ranges: Vec<_> =
            stream.shards(ShardFilter::AtLatest).iter().map(|info| info.range).collect();
        ranges.sort_by_key(|range| range.start);
        assert_eq!(ranges, HashRange::uniform(target).collect::<Vec<_>>(), "{target}");
    }
    assert_eq!(stream.update_shard_count(5).unwrap_err().code(), "LimitExceededException");
    world.advance(24 * 3600 * 1000);
    stream.update_shard_count(5).unwrap();
}

/// Law-test: Kinesis, ChildShards. Worked example 35.
#[test]
fn a_parent_ends_with_its_children() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let first = stream.put("k", "r0").unwrap();
    let (lower, upper) = stream.split_shard(shard(0), HashRange::ALL.middle()).unwrap();
    let second = stream.put("k", "r1").unwrap();
    assert!(second.sequence_number > first.sequence_number);
    let iterator = stream.shard_iterator(shard(0), StartAt::TrimHorizon).unwrap();
    let page = stream.get_records(&iterator, 1).unwrap();
    assert_eq!(page.records.len(), 1);
    let end = match page.next_iterator {
        Some(next) => stream.get_records(&next, 10).unwrap(),
        None => page,
    };
    assert!(end.next_iterator.is_none());
    let children: Vec<_> = end.child_shards.iter().map(|child| child.id).collect();
    assert_eq!(children, [lower, upper]);
    assert_eq!(datas(&stream, second.shard_id().number()), ["r1"]);
    let latest = stream.shard_iterator(shard(0), StartAt::Latest).unwrap();
    let page = stream.get_records(&latest, 10).unwrap();
    assert!(page.records.is_empty() && page.next_iterator.is_none());
}

/// Law-test: Kinesis, one change of a stream at a time. Worked example 36.
#[test]
fn a_stream_that_is_being_changed_is_not_changed_again() {
    let world = World::with(StreamSettings::new().transition(Duration::from_secs(5)));
    let stream = world.streams.create("s", 1).unwrap();
    world.advance(5_000);
    let (lower, _) = stream.split_shard(shard(0), HashRange::ALL.middle()).unwrap();
    let error = stream.split_shard(lower, hash("100")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Stream s under account 000000000000 not ACTIVE, instead in state UPDATING"
    );
    stream.put("k", "x").unwrap();
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 1);
    world.advance(5_000);
    stream.split_shard(lower, hash("100")).unwrap();
}

/// Law-test: Kinesis, ListShards: ShardFilter. Worked example 38.
#[test]
fn shards_are_listed_by_when_they_were_open() {
    let world = World::new();
    let stream = world.streams.create("s", 3).unwrap();
    world.advance(60_000);
    stream.split_shard(shard(0), hash("2")).unwrap();
    world.advance(60_000);
    let before = Timestamp::from_millis(crate::world::START + 30_000);
    let after = Timestamp::from_millis(crate::world::START + 100_000);
    assert_eq!(numbers(&stream, ShardFilter::AtLatest), [1, 2, 3, 4]);
    assert_eq!(numbers(&stream, ShardFilter::FromTrimHorizon), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&stream, ShardFilter::AtTrimHorizon), [0, 1, 2]);
    assert_eq!(numbers(&stream, ShardFilter::AtTimestamp(before)), [0, 1, 2]);
    assert_eq!(numbers(&stream, ShardFilter::AtTimestamp(after)), [1, 2, 3, 4]);
    assert_eq!(numbers(&stream, ShardFilter::FromTimestamp(after)), [1, 2, 3, 4]);
    assert_eq!(numbers(&stream, ShardFilter::AfterShardId(shard(2))), [3, 4]);
}

/// Law-test: Kinesis, resharding: provisioned streams only, one change at a time.
/// Law-test: Kinesis, UpdateStreamMode. Law-test: Kinesis, StreamMode.
#[test]
fn a_stream_that_scales_itself_is_not_resharded_by_hand() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    stream.set_mode(StreamMode::OnDemand).unwrap();
    assert_eq!(stream.update_shard_count(4).unwrap_err().code(), "ValidationException");
    assert_eq!(stream.describe().open_shards, 2);
    stream.set_mode(StreamMode::Provisioned).unwrap();
    assert_eq!(stream.set_mode(StreamMode::OnDemand).unwrap_err().code(), "LimitExceededException");
    stream.update_shard_count(4).unwrap();
}
