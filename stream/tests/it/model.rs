//! Random puts, reshards, trims and reopenings beside a plain model of what was put.

use crate::world::World;
use cistern_storage_core::Durability;
use cistern_stream::{Entry, HashKey, PutOptions, ShardFilter, StartAt, StreamSettings};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

#[derive(Clone, Debug)]
enum Step {
    Put { key: u8, size: u16, durability: Durability },
    PutAll { keys: Vec<u8> },
    Split { which: u8, at: u128 },
    Merge { which: u8 },
    Count { target: u8 },
    Wait { millis: u32 },
    Trim,
    Reopen,
}

fn durability() -> impl Strategy<Value = Durability> {
    prop_oneof![Just(Durability::Memory), Just(Durability::Os), Just(Durability::Synced)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<u8>(), 0..600u16, durability())
            .prop_map(|(key, size, durability)| Step::Put { key, size, durability }),
        3 => prop::collection::vec(any::<u8>(), 1..20).prop_map(|keys| Step::PutAll { keys }),
        1 => (any::<u8>(), any::<u128>()).prop_map(|(which, at)| Step::Split { which, at }),
        1 => any::<u8>().prop_map(|which| Step::Merge { which }),
        1 => (1..6u8).prop_map(|target| Step::Count { target }),
        2 => (0..4_000u32).prop_map(|millis| Step::Wait { millis }),
        1 => Just(Step::Trim),
        1 => Just(Step::Reopen),
    ]
}

const RETENTION_MILLIS: i64 = 20_000;

/// What was put: by key, each with when.
#[derive(Default)]
struct Model {
    put: BTreeMap<String, Vec<(i64, String)>>,
    count: usize,
}

impl Model {
    fn entry(&mut self, key: u8, size: u16, now: i64) -> Entry {
        let key = format!("k{}", key % 9);
        let data = format!("{}:{}", self.count, "x".repeat(size.into()));
        self.count += 1;
        self.put.entry(key.clone()).or_default().push((now, data.clone()));
        Entry::new(key, data).unwrap()
    }

    fn kept(&self, now: i64) -> BTreeMap<String, Vec<String>> {
        let kept = |records: &Vec<(i64, String)>| -> Vec<String> {
            let young = records.iter().filter(|(put, _)| now - put <= RETENTION_MILLIS);
            young.map(|(_, data)| data.clone()).collect()
        };
        let all = self.put.iter().map(|(key, records)| (key.clone(), kept(records)));
        all.filter(|(_, records)| !records.is_empty()).collect()
    }
}

fn run(steps: &[Step]) {
    let settings = StreamSettings::new().recent_bytes_max(500).inline_bytes_max(300);
    let mut world = World::with(settings.memory_chunk_bytes(400));
    let stream = world.streams.create("s", 2).unwrap();
    stream.decrease_retention(Duration::from_millis(RETENTION_MILLIS.unsigned_abs())).unwrap();
    let mut model = Model::default();
    for step in steps {
        let now = cistern_storage_core::port::Clock::now(&*world.clock).as_millis();
        let stream = world.streams.stream("s").unwrap();
        let open = stream.shards(ShardFilter::AtLatest);
        match step {
            Step::Put { key, size, durability } => {
                let entry = model.entry(*key, *size, now);
                stream.put_with(entry, &PutOptions::new().durability(*durability)).unwrap();
            }
            Step::PutAll { keys } => {
                let entries: Vec<_> = keys.iter().map(|key| model.entry(*key, 5, now)).collect();
                stream.put_all(entries, &PutOptions::new()).unwrap();
            }
            Step::Split { which, at } => {
                let info = open[usize::from(*which) % open.len()];
                stream.split_shard(info.id, HashKey(*at)).ok();
            }
            Step::Merge { which } => {
                let mut open = open;
                open.sort_by_key(|info| info.range.start);
                let place = usize::from(*which) % open.len();
                if let [lower, upper, ..] = open[place..] {
                    stream.merge_shards(lower.id, upper.id).unwrap();
                }
            }
            Step::Count { target } => {
                stream.update_shard_count((*target).into()).ok();
            }
            Step::Wait { millis } => world.advance((*millis).into()),
            Step::Trim => {
                world.streams.trim(4).unwrap();
            }
            Step::Reopen => {
                world.streams.flush(Durability::Os).unwrap();
                world.reopen();
            }
        }
        check(&world, &model);
    }
}

#[track_caller]
fn check(world: &World, model: &Model) {
    let now = cistern_storage_core::port::Clock::now(&*world.clock).as_millis();
    let stream = world.streams.stream("s").unwrap();
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for record in stream.read(StartAt::TrimHorizon).unwrap() {
        let record = record.unwrap();
        let before = last.insert(record.shard_id(), record.sequence_number);
        assert!(before < Some(record.sequence_number));
        let data = String::from_utf8(record.data.to_vec()).unwrap();
        read.entry(record.partition_key.to_string()).or_default().push(data);
    }
    assert_eq!(read, model.kept(now));
    let mut open = stream.shards(ShardFilter::AtLatest);
    open.sort_by_key(|info| info.range.start);
    assert!(open.windows(2).all(|pair| pair[0].range.is_followed_by(&pair[1].range)));
    assert_eq!(open[0].range.start, HashKey(0));
    assert_eq!(open.last().unwrap().range.end, HashKey::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_stream_behaves_like_the_model(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}
