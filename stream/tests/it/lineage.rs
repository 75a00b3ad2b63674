use crate::world::{World, shard};
use cistern_storage_core::Durability;
use cistern_stream::{Entry, HashRange, PutOptions, ShardFilter, StartAt};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A part of worked example 37: a reader along the lineage.
#[test]
fn what_a_key_was_told_comes_in_order_across_reshards() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let mut told: HashMap<String, Vec<String>> = HashMap::new();
    let mut put = |round: usize| {
        for number in 0..200 {
            let key = format!("key{}", number % 17);
            let data = format!("{round}-{number}");
            stream.put(key.clone(), data.clone()).unwrap();
            told.entry(key).or_default().push(data);
        }
    };
    let mut tail = stream.tail(StartAt::TrimHorizon).unwrap();
    let mut heard: HashMap<String, Vec<String>> = HashMap::new();
    let mut hear = || {
        while let Some(record) = tail.try_next().unwrap() {
            let data = String::from_utf8(record.data.to_vec()).unwrap();
            heard.entry(record.partition_key.to_string()).or_default().push(data);
        }
    };
    put(0);
    hear();
    for (round, target) in [2, 4, 2, 3, 5, 4].into_iter().enumerate() {
        put(2 * round + 1);
        stream.update_shard_count(target).unwrap();
        put(2 * round + 2);
        if round % 2 == 0 {
            hear();
        }
    }
    hear();
    assert_eq!(heard, told);
    let mut read: HashMap<String, Vec<String>> = HashMap::new();
    for record in stream.read(StartAt::TrimHorizon).unwrap() {
        let record = record.unwrap();
        let data = String::from_utf8(record.data.to_vec()).unwrap();
        read.entry(record.partition_key.to_string()).or_default().push(data);
    }
    assert_eq!(read, told);
}

#[test]
fn a_reshard_under_load_loses_nothing_and_repeats_nothing() {
    const PUTS: usize = 500;
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let stream = &stream;
            scope.spawn(move || {
                for put in 0..PUTS {
                    stream.put(format!("{thread}-{}", put % 7), format!("{thread}-{put}")).unwrap();
                }
            });
        }
        for target in [4, 2, 3, 4, 2] {
            stream.update_shard_count(target).unwrap();
        }
    });
    let mut heard: HashMap<String, Vec<usize>> = HashMap::new();
    for record in stream.read(StartAt::TrimHorizon).unwrap() {
        let record = record.unwrap();
        let text = String::from_utf8(record.data.to_vec()).unwrap();
        let put = text.split_once('-').unwrap().1.parse().unwrap();
        heard.entry(record.partition_key.to_string()).or_default().push(put);
    }
    assert_eq!(heard.values().map(Vec::len).sum::<usize>(), 3 * PUTS);
    assert!(heard.values().all(|puts| puts.is_sorted_by(|left, right| left < right)));
}

#[test]
fn a_tail_is_woken_by_a_put() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    let mut tail = stream.tail(StartAt::Latest).unwrap();
    assert!(tail.next_within(Duration::from_millis(1)).unwrap().is_none());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| tail.next_within(Duration::from_secs(60)).unwrap());
        stream.put("k", "x").unwrap();
        assert_eq!(waiting.join().unwrap().unwrap().data, "x");
    });
}

#[test]
fn a_waker_is_called_once_and_holds_no_thread() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let mut tail = stream.tail(StartAt::TrimHorizon).unwrap();
    let woken = Arc::new(AtomicUsize::new(0));
    let wake = || {
        let woken = Arc::clone(&woken);
        move || {
            woken.fetch_add(1, Ordering::SeqCst);
        }
    };
    tail.on_ready(wake());
    assert_eq!(woken.load(Ordering::SeqCst), 0);
    stream.put("k", "x").unwrap();
    stream.put("k", "y").unwrap();
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    tail.on_ready(wake());
    assert_eq!(woken.load(Ordering::SeqCst), 2, "there is something already");
}

#[test]
fn what_is_put_in_memory_is_read_at_once_and_in_order_with_the_rest() {
    let mut world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let in_memory = PutOptions::new().durability(Durability::Memory);
    for number in 0..10 {
        let entry = Entry::new("k", number.to_string()).unwrap();
        let options = if number % 4 == 3 { PutOptions::new() } else { in_memory.clone() };
        let receipt = stream.put_with(entry, &options).unwrap();
        let expected = if number % 4 == 3 { Durability::Synced } else { Durability::Memory };
        assert_eq!(receipt.durability, expected);
        assert_eq!(crate::world::datas(&stream, 0).len(), number + 1);
    }
    let all: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(crate::world::datas(&stream, 0), all);
    world.streams.flush(Durability::Synced).unwrap();
    assert_eq!(crate::world::datas(&stream, 0), all);
    world.reopen();
    assert_eq!(crate::world::datas(&world.streams.stream("s").unwrap(), 0), all);
}

#[test]
fn a_split_keeps_what_was_put_in_memory() {
    let mut world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let options = PutOptions::new().durability(Durability::Memory);
    stream.put_with(Entry::new("k", "x").unwrap(), &options).unwrap();
    stream.split_shard(shard(0), HashRange::ALL.middle()).unwrap();
    world.reopen();
    let stream = world.streams.stream("s").unwrap();
    assert_eq!(stream.shards(ShardFilter::FromTrimHorizon).len(), 3);
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 1);
}
