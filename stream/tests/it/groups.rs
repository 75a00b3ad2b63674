use crate::world::{World, shard, texts};
use cistern_stream::{
    ConsumerGroup, Error, GroupOptions, PoisonPolicy, SequenceNumber, StartAt, Stream, Worker,
};
use std::collections::{BTreeMap, HashMap};

fn group(stream: &Stream) -> ConsumerGroup {
    stream.consumer_group("g", GroupOptions::new()).unwrap()
}

/// Processes whatever comes, and notes it.
fn process(worker: &mut Worker) -> Vec<String> {
    let mut all = Vec::new();
    for delivery in worker.poll().unwrap() {
        all.extend(texts(&delivery.records));
        worker.checkpoint(&delivery).unwrap();
    }
    all
}

#[test]
fn a_lone_worker_reads_everything_once_and_goes_on_after_a_restart() {
    let mut world = World::new();
    let stream = world.streams.create("s", 3).unwrap();
    for number in 0..50 {
        stream.put(format!("k{number}"), number.to_string()).unwrap();
    }
    let mut worker = group(&stream).worker("w").unwrap();
    assert_eq!(process(&mut worker).len(), 50);
    assert_eq!(worker.shards().len(), 3);
    assert!(process(&mut worker).is_empty());
    assert!(group(&stream).leases().unwrap().iter().all(|lease| lease.lag == 0));
    stream.put("k", "late").unwrap();
    assert_eq!(group(&stream).leases().unwrap().iter().map(|lease| lease.lag).sum::<u64>(), 1);
    world.reopen();
    let stream = world.streams.stream("s").unwrap();
    let mut worker = group(&stream).worker("v").unwrap();
    assert!(process(&mut worker).is_empty(), "the leases of the dead are not free yet");
    world.advance(10_000);
    assert_eq!(process(&mut worker), ["late"]);
}

/// Law-test: KCL, leases. Law-test: KCL, configuration. Worked example 50.
#[test]
fn a_worker_that_falls_silent_is_taken_over_from_and_told() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    for number in 0..3 {
        stream.put("k", number.to_string()).unwrap();
    }
    let group = stream.consumer_group("g", GroupOptions::new().records_max(1)).unwrap();
    let mut a = group.worker("a").unwrap();
    assert_eq!(process(&mut a), ["0"]);
    let late = a.poll().unwrap().remove(0);
    let mut b = group.worker("b").unwrap();
    assert!(b.poll().unwrap().is_empty());
    world.advance(9_999);
    assert!(b.poll().unwrap().is_empty());
    world.advance(1);
    let again = b.poll().unwrap();
    assert_eq!(texts(&again[0].records), ["1"], "what came behind the last checkpoint comes again");
    let error = a.checkpoint(&late).unwrap_err();
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    assert_eq!(error.code(), "ShutdownException");
    b.checkpoint(&again[0]).unwrap();
    assert_eq!(process(&mut b), ["2"]);
}

#[test]
fn a_worker_that_renews_keeps_its_leases() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let mut a = group(&stream).worker("a").unwrap();
    let mut b = group(&stream).worker("b").unwrap();
    for _ in 0..20 {
        a.poll().unwrap();
        b.poll().unwrap();
        world.advance(3_400);
    }
    assert_eq!((a.shards().len(), b.shards().len()), (1, 0));
    a.release().unwrap();
    b.poll().unwrap();
    assert_eq!(b.shards().len(), 1);
}

#[test]
fn shards_are_shared_out_evenly_as_workers_come_and_go() {
    let world = World::new();
    let stream = world.streams.create("s", 6).unwrap();
    let group = group(&stream);
    let mut workers: Vec<Worker> = Vec::new();
    let settle = |workers: &mut Vec<Worker>| {
        for _ in 0..20 {
            workers.iter_mut().for_each(|worker| drop(worker.poll().unwrap()));
            world.advance(1_000);
        }
        workers.iter().map(|worker| worker.shards().len()).collect::<Vec<_>>()
    };
    for (count, shares) in [(1, vec![6]), (2, vec![3, 3]), (3, vec![2, 2, 2])] {
        workers.push(group.worker(&format!("w{count}")).unwrap());
        assert_eq!(settle(&mut workers), shares);
    }
    drop(workers.pop());
    assert_eq!(settle(&mut workers), [3, 3]);
    for _ in 0..4 {
        workers.push(group.worker(&format!("x{}", workers.len())).unwrap());
    }
    assert_eq!(settle(&mut workers), [1; 6]);
}

/// Law-test: KCL, leases of children. Worked example 51.
#[test]
fn children_are_begun_when_all_their_parents_are_at_their_end() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    stream.put("a", "parent-0").unwrap();
    stream.put("b", "parent-1").unwrap();
    let group = group(&stream);
    let mut worker = group.worker("w").unwrap();
    let first = worker.poll().unwrap();
    assert_eq!(first.len(), 2);
    stream.merge_shards(shard(0), shard(1)).unwrap();
    stream.put("a", "child").unwrap();
    first.iter().for_each(|delivery| worker.checkpoint(delivery).unwrap());
    let ends = worker.poll().unwrap();
    assert!(ends.iter().all(|delivery| delivery.shard_end && delivery.records.is_empty()));
    worker.checkpoint(&ends[0]).unwrap();
    assert!(worker.poll().unwrap().is_empty(), "one parent is still open to this group");
    worker.checkpoint(&ends[1]).unwrap();
    assert_eq!(process(&mut worker), ["child"]);
    assert_eq!(worker.shards(), [shard(2)]);
}

/// Law-test: KCL, checkpoint.
#[test]
fn a_checkpoint_is_of_what_was_delivered_and_never_goes_back() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let numbers: Vec<SequenceNumber> =
        (0..4).map(|number| stream.put("k", number.to_string()).unwrap().sequence_number).collect();
    let group = stream.consumer_group("g", GroupOptions::new().records_max(3)).unwrap();
    let mut worker = group.worker("w").unwrap();
    let delivery = worker.poll().unwrap().remove(0);
    worker.checkpoint_at(numbers[1]).unwrap();
    worker.checkpoint_at(numbers[1]).unwrap();
    let error = worker.checkpoint_at(numbers[0]).unwrap_err();
    assert!(matches!(error, Error::InvalidCheckpoint { .. }), "{error}");
    assert!(worker.checkpoint_at(numbers[3]).is_err());
    assert_eq!(group.leases().unwrap()[0].lag, 2);
    worker.checkpoint(&delivery).unwrap();
    assert_eq!(process(&mut worker), ["3"]);
}

#[test]
fn what_cannot_be_processed_goes_where_the_policy_says() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let letters = world.streams.create("letters", 1).unwrap();
    stream.put("k", "bad").unwrap();
    let check = |name: &str, policy: PoisonPolicy, attempts: usize| {
        let group = stream.consumer_group(name, GroupOptions::new().poison(policy)).unwrap();
        let mut worker = group.worker("w").unwrap();
        let mut delivered = 0;
        for _ in 0..5 {
            for delivery in worker.poll().unwrap() {
                delivered += 1;
                worker.reject(&delivery).unwrap();
            }
        }
        assert_eq!(delivered, attempts, "{name}");
    };
    check("retry", PoisonPolicy::Retry, 5);
    check("skip", PoisonPolicy::Skip { attempts: 2 }, 2);
    assert_eq!(letters.read(StartAt::TrimHorizon).unwrap().count(), 0);
    check("letters", PoisonPolicy::DeadLetter { attempts: 3, stream: letters.clone() }, 3);
    let dead: Vec<_> = letters.read(StartAt::TrimHorizon).unwrap().map(Result::unwrap).collect();
    assert_eq!(texts(&dead), ["bad"]);
}

#[test]
fn a_group_begins_where_it_is_told_to_and_can_be_forgotten() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    stream.put("k", "old").unwrap();
    let latest = stream.consumer_group("g", GroupOptions::new().start(StartAt::Latest)).unwrap();
    let mut worker = latest.worker("w").unwrap();
    assert!(process(&mut worker).is_empty());
    stream.put("k", "new").unwrap();
    assert_eq!(process(&mut worker), ["new"]);
    latest.delete().unwrap();
    let mut worker = group(&stream).worker("w").unwrap();
    assert_eq!(process(&mut worker), ["old", "new"]);
    for name in ["", "a b"] {
        assert!(stream.consumer_group(name, GroupOptions::new()).is_err());
        assert!(latest.worker(name).is_err());
    }
    assert!(stream.consumer_group("g", GroupOptions::new().records_max(0)).is_err());
}

/// Worked example 37: a group, with workers that die, across reshards.
#[test]
fn a_group_hears_each_record_at_least_once_and_each_key_in_order() {
    for seed in 0..20u64 {
        run(seed);
    }
}

fn run(seed: u64) {
    let mut dice = seed;
    let mut roll = move |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let options = GroupOptions::new().records_max(7);
    let group = stream.consumer_group("g", options).unwrap();
    let mut workers: BTreeMap<u64, Worker> = BTreeMap::new();
    let mut told: HashMap<String, Vec<u64>> = HashMap::new();
    let mut heard: HashMap<String, Vec<u64>> = HashMap::new();
    let mut hear = |worker: &mut Worker, dies: bool| {
        for delivery in worker.poll().unwrap() {
            for record in &delivery.records {
                let number = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
                heard.entry(record.partition_key.to_string()).or_default().push(number);
            }
            if dies {
                return;
            }
            match worker.checkpoint(&delivery) {
                Ok(()) | Err(Error::LeaseLost { .. }) => {}
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
    };
    for number in 0..600 {
        let key = format!("k{}", roll(12));
        stream.put(key.clone(), number.to_string()).unwrap();
        told.entry(key).or_default().push(number);
        match roll(20) {
            0 => drop(stream.update_shard_count(1 + u32::try_from(roll(6)).unwrap())),
            1 | 2 => {
                let id = roll(4);
                workers.entry(id).or_insert_with(|| group.worker(&format!("w{id}")).unwrap());
            }
            3 => {
                if let Some(mut dying) = workers.remove(&roll(4)) {
                    hear(&mut dying, true);
                }
            }
            4 => world.advance(roll(12_000)),
            _ => {
                if let Some(worker) = workers.get_mut(&roll(4)) {
                    hear(worker, false);
                }
            }
        }
    }
    let mut last = group.worker("last").unwrap();
    workers.clear();
    for _ in 0..400 {
        world.advance(2_000);
        hear(&mut last, false);
    }
    for (key, told) in &told {
        let heard = heard.get(key).unwrap_or_else(|| panic!("seed {seed}: nothing of {key}"));
        // Whatever comes again is skipped: what is left is what was told, in its order.
        let mut next = 0;
        for number in heard {
            if told.get(next) == Some(number) {
                next += 1;
            } else {
                assert!(
                    told[..next].contains(number),
                    "seed {seed}: {key}: {number} came too early"
                );
            }
        }
        assert_eq!(next, told.len(), "seed {seed}: {key}");
    }
}
