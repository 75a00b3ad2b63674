//! An access log replayed into a stream on disk, and read by a group of three consumers, of which one
//! dies half way: every client's clicks are counted, and the counts proved equal.
//!
//! ```text
//! cargo run --release --example clickstream                  # a log made up on the spot
//! cargo run --release --example clickstream -- access.log    # yours: the client comes first in a line
//! ```

#![allow(clippy::print_stdout, reason = "a program for people")]

use cistern::{
    Cistern,
    stream::{
        ConsumerGroup, GroupOptions, ProducerOptions, Stream, Worker, aggregate::deaggregate,
    },
};
use std::{
    collections::BTreeMap,
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

type Counts = BTreeMap<String, u64>;
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const LINES: u32 = 50_000;
const FAILOVER: Duration = Duration::from_millis(500);

fn main() -> Outcome<()> {
    let log = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => made_up(),
    };
    let folder = tempfile::tempdir()?;
    let cistern = Cistern::open(folder.path())?;
    let clicks = cistern.create_stream("clicks", 4)?;

    let expected = replay(&clicks, &log)?;
    let total: u64 = expected.values().sum();
    let carriers = clicks.metrics().incoming_records;
    println!("{total} clicks of {} clients, carried by {carriers} records", expected.len());

    let group = clicks
        .consumer_group("counters", GroupOptions::new().failover(FAILOVER).records_max(20))?;
    let counts = consume(&group)?;
    // Whatever the dead one had counted and not noted was counted again by others: at least once.
    assert_eq!(counts, expected, "what was noted as processed is each click once");
    println!("three consumers, one killed half way: every client's count is equal");
    cistern.close()?;
    Ok(())
}

/// Puts every line under its client; gives how many each client has.
fn replay(clicks: &Stream, log: &str) -> Outcome<Counts> {
    let producer = clicks.producer(ProducerOptions::default());
    let mut counts = Counts::new();
    for line in log.lines().filter(|line| !line.trim().is_empty()) {
        let client = line.split_whitespace().next().unwrap_or("-").to_owned();
        let entry = cistern::stream::Entry::new(client.clone(), line.to_owned())?;
        producer.put(entry, |outcome| {
            outcome.expect("a stream without limits takes what fits into a record");
        })?;
        *counts.entry(client).or_default() += 1;
    }
    producer.flush();
    Ok(counts)
}

/// Reads the stream with three workers at once. Each counts what it has noted as processed.
fn consume(group: &ConsumerGroup) -> Outcome<Counts> {
    let done = AtomicBool::new(false);
    let counts = thread::scope(|scope| {
        let work = |name: &'static str, deliveries_max: usize| {
            let done = &done;
            move || -> Outcome<Counts> { run(group.worker(name)?, deliveries_max, done) }
        };
        let workers = [
            scope.spawn(work("mortal", 2)),
            scope.spawn(work("first", usize::MAX)),
            scope.spawn(work("second", usize::MAX)),
        ];
        while group.leases()?.is_empty() || group.leases()?.iter().any(|lease| lease.lag > 0) {
            thread::yield_now();
        }
        done.store(true, Ordering::SeqCst);
        workers
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into())))
            .into_iter()
            .collect::<Outcome<Vec<_>>>()
    })?;
    let mut all = Counts::new();
    for (client, count) in counts.into_iter().flatten() {
        *all.entry(client).or_default() += count;
    }
    Ok(all)
}

/// One worker, until everything is read, or until it dies without a word.
fn run(mut worker: Worker, deliveries_max: usize, done: &AtomicBool) -> Outcome<Counts> {
    let mut counts = Counts::new();
    let mut deliveries = 0;
    while !done.load(Ordering::SeqCst) {
        for delivery in worker.poll_within(Duration::from_millis(20))? {
            deliveries += 1;
            if deliveries > deliveries_max {
                println!("{} dies, with {} of its shards", worker.name(), worker.shards().len());
                return Ok(counts);
            }
            // Taken over meanwhile: somebody else counts it.
            if worker.checkpoint(&delivery).is_err() {
                continue;
            }
            for record in delivery.records.iter().flat_map(deaggregate) {
                *counts.entry(record.partition_key.into()).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// A log as web servers write it: few clients with many clicks, many with few.
fn made_up() -> String {
    let mut log = String::new();
    let mut dice: u32 = 1;
    for second in 0..LINES {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let client = (dice >> 16) % ((second % 200) + 1);
        log.push_str(&format!(
            "10.0.{}.{} - - [24/Nov/2026:00:00:{:02} +0000] \"GET /item/{} HTTP/1.1\" 200 {}\n",
            client / 256,
            client % 256,
            second % 60,
            dice % 1000,
            dice % 5000,
        ));
    }
    log
}
