use crate::world::World;
use cistern_stream::{Entry, ShardFilter, StartAt, StreamOptions};

/// Law-test: Kinesis, on-demand mode: a shard above 500 KB/s is split.
/// Law-test: Kinesis, on-demand mode: within 15 minutes.
#[test]
fn a_busy_shard_is_split_and_quiet_ones_are_merged_again() {
    let world = World::new();
    let stream = world.streams.create_with("s", &StreamOptions::on_demand()).unwrap();
    let fixed = world.streams.create("fixed", 1).unwrap();
    let open = || stream.shards(ShardFilter::AtLatest).len();
    assert_eq!(world.streams.scale().unwrap(), cistern_stream::Scaled::default());
    let mut put = 0;
    for _ in 0..3 {
        for key in ["a", "f"] {
            for _ in 0..40 {
                let entry = Entry::new(key, vec![0; 1_000_000]).unwrap();
                stream.put(key, entry.data().clone()).unwrap();
                fixed.put(key, "x").unwrap();
                put += 1;
            }
        }
        world.advance(30_000);
        assert_eq!(world.streams.scale().unwrap().splits, 0, "it is watched for a minute");
        world.advance(30_000);
        assert_eq!(world.streams.scale().unwrap().splits, 2);
    }
    assert!(open() > 4);
    assert_eq!(fixed.shards(ShardFilter::AtLatest).len(), 1);
    while open() > 4 {
        world.advance(60_000);
        assert!(world.streams.scale().unwrap().merges > 0);
    }
    world.advance(60_000);
    assert_eq!(world.streams.scale().unwrap(), cistern_stream::Scaled::default());
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), put);
}
