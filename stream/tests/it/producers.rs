use crate::world::World;
use cistern_stream::{
    Entry, Fault, Faults, ProducerOptions, StartAt, StreamSettings, aggregate::deaggregate,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

fn options() -> ProducerOptions {
    ProducerOptions::default()
}

/// Law-test: KPL, configuration.
#[test]
fn many_records_become_few_and_come_apart_in_order() {
    let world = World::new();
    let stream = world.streams.create("s", 2).unwrap();
    let producer = stream.producer(options());
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..1_000 {
        let told = Arc::clone(&told);
        let entry = Entry::new(format!("k{}", number % 7), number.to_string()).unwrap();
        producer.put(entry, move |outcome| told.lock().unwrap().push(outcome.unwrap())).unwrap();
    }
    assert!(!producer.pump_due(), "they are young, and few bytes");
    world.advance(100);
    assert!(producer.pump_due());
    assert_eq!(producer.outstanding(), 0);
    assert_eq!(told.lock().unwrap().len(), 1_000);
    let mut heard: HashMap<String, Vec<usize>> = HashMap::new();
    let mut carriers = 0;
    for record in stream.read(StartAt::TrimHorizon).unwrap() {
        carriers += 1;
        for record in deaggregate(&record.unwrap()) {
            let number = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
            heard.entry(record.partition_key.into()).or_default().push(number);
        }
    }
    assert_eq!(carriers, 2);
    assert_eq!(heard.values().map(Vec::len).sum::<usize>(), 1_000);
    assert!(heard.values().all(|numbers| numbers.is_sorted()));
}

#[test]
fn an_aggregate_is_no_larger_than_it_may_be() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let producer = stream.producer(options());
    for _ in 0..100 {
        producer
            .put(Entry::new("k", vec![7; 5_000]).unwrap(), |outcome| assert!(outcome.is_ok()))
            .unwrap();
    }
    producer.flush();
    let records: Vec<_> = stream.read(StartAt::TrimHorizon).unwrap().map(Result::unwrap).collect();
    assert!(records.iter().all(|record| record.data.len() <= 51_200));
    assert!(records.len() < 15, "{}", records.len());
}

#[test]
fn a_throttled_record_is_tried_again_and_one_that_failed_is_told() {
    let faults = Faults::new().on_record(1, Fault::Throttle).on_record(3, Fault::InternalFailure);
    let world = World::with(StreamSettings::new().faults(faults));
    let clock = Arc::clone(&world.clock);
    let stream = world.streams.create("s", 1).unwrap();
    let producer = stream.producer(ProducerOptions::default());
    let told = Arc::new(Mutex::new(Vec::new()));
    let put = |data: &'static str| {
        let told = Arc::clone(&told);
        let entry = Entry::new("k", data).unwrap();
        let hear = move |outcome: cistern_stream::Result<cistern_stream::Produced>| {
            told.lock().unwrap().push((
                data,
                outcome.map(|produced| produced.attempts).map_err(|error| error.code()),
            ));
        };
        producer.put(entry, hear).unwrap();
    };
    put("first");
    std::thread::scope(|scope| {
        let flushing = scope.spawn(|| producer.flush());
        while !flushing.is_finished() {
            clock.advance(Duration::from_millis(10));
            std::thread::yield_now();
        }
    });
    put("second");
    producer.flush();
    assert_eq!(*told.lock().unwrap(), [("first", Ok(2)), ("second", Err("InternalFailure"))]);
}

#[test]
fn a_full_producer_makes_its_caller_wait_or_refuses() {
    let world = World::new();
    let stream = world.streams.create("s", 1).unwrap();
    let mut options = ProducerOptions::default();
    options.buffered_bytes_max = 1_000;
    options.aggregation = false;
    let producer = stream.producer(options);
    let entry = || Entry::new("k", vec![0; 999]).unwrap();
    producer.put(entry(), drop).unwrap();
    let error = producer.try_put(entry(), drop).unwrap_err();
    assert_eq!(error.code(), "LimitExceededException");
    std::thread::scope(|scope| {
        let running = scope.spawn(|| producer.run());
        scope.spawn(|| {
            for _ in 0..20 {
                world.advance(200);
                std::thread::yield_now();
            }
        });
        for _ in 0..3 {
            while producer.try_put(entry(), drop).is_err() {
                world.advance(200);
                std::thread::yield_now();
            }
        }
        producer.close();
        running.join().unwrap();
    });
    assert!(producer.put(entry(), drop).is_err());
    assert_eq!(stream.read(StartAt::TrimHorizon).unwrap().count(), 4);
}
