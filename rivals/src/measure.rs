//! Turns and rounds: who runs when, and what is counted.
//!
//! Contenders take turns inside a round, and each round begins with another one, so that a disk
//! that drifts drifts for everybody. The first round warms up and is thrown away. Where the machine is
//! shared, more rounds are run, and the calmest are kept.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::{
    contender::{Contender, Entrant, NotOffered, Outcome, Settings, Store, TaskContender},
    process::Neighbours,
    workload::Dice,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A new key each time, counting up.
    Put,
    /// A key at random out of those that were counted before.
    PutOver,
    /// A key at random out of those that were counted before.
    Get,
}

pub type KeyShape = Arc<dyn Fn(u64, &mut String) + Send + Sync>;

/// What each worker repeats until the time is over.
#[derive(Clone)]
pub struct Plan {
    pub act: Act,
    pub workers: usize,
    pub time: Duration,
    /// Acts between two looks at the clock. At 1, the time of every act is kept.
    pub burst: u32,
    /// The first id of a put, or the number of ids to choose from.
    pub ids: u64,
    pub key: KeyShape,
    pub bodies: Arc<[Bytes]>,
}

/// What came of one plan on one contender.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    pub per_second: f64,
    /// Microseconds at the 50th and the 99th percentile, when they were kept.
    pub p50: f64,
    pub p99: f64,
    /// The first id that a following put may use.
    pub next_id: u64,
}

/// What one worker did.
#[derive(Default)]
struct Share {
    acts: u64,
    elapsed: Duration,
    nanoseconds: Vec<u32>,
}

pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime needs only threads")
    })
}

pub fn run(entrant: &Entrant, plan: &Plan) -> Outcome<Turn> {
    let shares = match &entrant.store {
        Store::Calls(store) => call(store, plan)?,
        Store::Tasks(store) => task(store, plan)?,
    };
    Ok(summary(shares, plan))
}

fn call(store: &Arc<dyn Contender>, plan: &Plan) -> Outcome<Vec<Share>> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.workers)
            .map(|worker| scope.spawn(move || call_until_over(&**store, plan, worker)))
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker panicked")).collect()
    })
}

fn call_until_over(store: &dyn Contender, plan: &Plan, worker: usize) -> Outcome<Share> {
    let mut pace = Pace::new(plan, worker);
    let mut key = String::new();
    while pace.goes_on() {
        let id = pace.next(&mut key);
        if plan.act == Act::Get {
            std::hint::black_box(store.get(&key)?);
        } else {
            store.put(&key, pace.body(id))?;
        }
    }
    Ok(pace.share)
}

fn task(store: &Arc<dyn TaskContender>, plan: &Plan) -> Outcome<Vec<Share>> {
    runtime().block_on(async {
        let workers: Vec<_> = (0..plan.workers)
            .map(|worker| tokio::spawn(task_until_over(store.clone(), plan.clone(), worker)))
            .collect();
        let mut shares = Vec::new();
        for worker in workers {
            shares.push(worker.await??);
        }
        Ok(shares)
    })
}

async fn task_until_over(
    store: Arc<dyn TaskContender>,
    plan: Plan,
    worker: usize,
) -> Outcome<Share> {
    let mut pace = Pace::new(&plan, worker);
    let mut key = String::new();
    while pace.goes_on() {
        let id = pace.next(&mut key);
        if plan.act == Act::Get {
            std::hint::black_box(store.get(&key).await?);
        } else {
            store.put(&key, pace.body(id)).await?;
        }
    }
    Ok(pace.share)
}

/// One worker's clock, its next key, and its count.
struct Pace<'a> {
    plan: &'a Plan,
    share: Share,
    begun: Instant,
    last: Instant,
    until_look: u32,
    next_id: u64,
    dice: Dice,
}

impl<'a> Pace<'a> {
    fn new(plan: &'a Plan, worker: usize) -> Self {
        let now = Instant::now();
        Self {
            plan,
            share: Share::default(),
            begun: now,
            last: now,
            until_look: plan.burst,
            next_id: plan.ids + worker as u64,
            dice: Dice::new(worker as u64),
        }
    }

    /// Called before the first act and after each: counts the act that has just ended.
    fn goes_on(&mut self) -> bool {
        if self.until_look > 0 {
            self.until_look -= 1;
            return true;
        }
        self.until_look = self.plan.burst - 1;
        let now = Instant::now();
        if self.plan.burst == 1 {
            let nanoseconds = (now - self.last).as_nanos().min(u128::from(u32::MAX));
            self.share.nanoseconds.push(nanoseconds as u32);
            self.last = now;
        }
        self.share.acts += u64::from(self.plan.burst);
        self.share.elapsed = now - self.begun;
        self.share.elapsed < self.plan.time
    }

    fn next(&mut self, key: &mut String) -> u64 {
        let id = match self.plan.act {
            Act::Put => {
                let id = self.next_id;
                self.next_id += self.plan.workers as u64;
                id
            }
            Act::PutOver | Act::Get => self.dice.below(self.plan.ids),
        };
        (self.plan.key)(id, key);
        id
    }

    fn body(&self, id: u64) -> Bytes {
        self.plan.bodies[id as usize % self.plan.bodies.len()].clone()
    }
}

fn summary(shares: Vec<Share>, plan: &Plan) -> Turn {
    let acts: u64 = shares.iter().map(|share| share.acts).sum();
    let most = shares.iter().map(|share| share.acts).max().unwrap_or(0);
    let elapsed = shares.iter().map(|share| share.elapsed).max().unwrap_or_default();
    let mut nanoseconds: Vec<u32> =
        shares.into_iter().flat_map(|share| share.nanoseconds).collect();
    nanoseconds.sort_unstable();
    let at = |hundredths: usize| {
        let place = nanoseconds.len() * hundredths / 100;
        nanoseconds.get(place).map_or(0.0, |&value| f64::from(value) / 1e3)
    };
    Turn {
        per_second: acts as f64 / elapsed.as_secs_f64(),
        p50: at(50),
        p99: at(99),
        next_id: plan.ids + (most + 1) * plan.workers as u64,
    }
}

/// How many rounds to keep, and how patiently to wait for calm ones.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    pub keep: usize,
    pub most: usize,
}

impl Rounds {
    /// Up to three times `full` rounds until `full` of them were calm; `quick` rounds as they come.
    pub fn of(settings: &Settings, full: usize, quick: usize) -> Self {
        if settings.quick {
            Self { keep: quick, most: quick }
        } else {
            Self { keep: full, most: 3 * full }
        }
    }
}

/// What the neighbours may keep busy in a calm round, in cores.
const CALM: f64 = 0.1;

/// Runs `act` for every entrant in every round, and keeps what it answers in the calmest rounds, one
/// list an entrant. Rounds are chosen by what the neighbours did, never by what came out. An entrant
/// that does not offer the act gets an empty list.
pub fn rounds<E, T>(
    wanted: Rounds,
    entrants: &[E],
    mut act: impl FnMut(usize, &E) -> Outcome<T>,
) -> Outcome<Vec<Vec<T>>> {
    let mut ran: Vec<(f64, Vec<Option<T>>)> = Vec::new();
    for round in 0..=wanted.most {
        let neighbours = Neighbours::watch()?;
        let mut answers: Vec<Option<T>> = entrants.iter().map(|_| None).collect();
        for turn in 0..entrants.len() {
            let place = (round + turn) % entrants.len();
            answers[place] = match act(place, &entrants[place]) {
                Err(error) if error.is::<NotOffered>() => None,
                answer => Some(answer?),
            };
        }
        if round > 0 {
            ran.push((neighbours.busy()?, answers));
        }
        if ran.iter().filter(|(busy, _)| *busy <= CALM).count() >= wanted.keep {
            break;
        }
    }
    let total = ran.len();
    ran.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    ran.truncate(wanted.keep);
    let busiest = ran.last().map_or(0.0, |(busy, _)| *busy);
    println!(
        "\nthe {} calmest of {total} rounds: others kept up to {busiest:.2} cores busy",
        ran.len()
    );

    let mut kept: Vec<Vec<T>> = entrants.iter().map(|_| Vec::new()).collect();
    for (_, answers) in ran {
        for (list, answer) in kept.iter_mut().zip(answers) {
            list.extend(answer);
        }
    }
    Ok(kept)
}

/// The seconds that `act` takes.
pub fn seconds<T>(act: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let begun = Instant::now();
    let answer = act()?;
    Ok((begun.elapsed().as_secs_f64(), answer))
}
