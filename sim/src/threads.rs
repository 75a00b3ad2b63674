//! Several threads on few keys, one going on at a time, in the order of a seed; then perhaps a loss
//! of power. Each key's history must be that of a plain cell.

use crate::{
    chance::Chance,
    checkers::linear::{Act, Event, is_linear},
    device::Watched,
    faults::Tally,
    plan::Shape,
    turns::Turns,
    world::Violation,
    yielding::Yielding,
};
use bytes::Bytes;
use cistern_conformance::model::Model;
use cistern_disk::{
    DiskBackend,
    device::{Crash, MemoryDevice},
    threads::{NoThreads, OsThreads, Threads},
};
use cistern_storage_core::{
    Bucket, Durability, ETag, Error, PutOptions, Settings, Store, WriteCondition,
    port::{Backend, ManualClock, SeededEntropy},
};
use parking_lot::Mutex;
use std::sync::Arc;

/// What came of a run of threads.
#[derive(Clone, Debug)]
pub struct Threaded {
    /// A sum over all calls of the medium and their answers.
    pub trace: u64,
    /// Which faults struck.
    pub tally: Tally,
    /// The histories, by key.
    pub histories: Vec<Vec<Event>>,
    /// How many commits shared a sync with another.
    pub grouped: u64,
    /// What did not hold.
    pub violation: Option<Violation>,
}

const KEYS: usize = 3;

/// What the threads share.
#[derive(Debug)]
struct Shared {
    bucket: Bucket,
    backend: Arc<DiskBackend>,
    turns: Arc<Turns>,
    histories: Mutex<Vec<Vec<Event>>>,
}

/// Runs two to four writers, and one that does background work.
///
/// # Errors
/// When the store or a thread cannot be begun.
pub fn run_threads(seed: u64) -> Result<Threaded, Violation> {
    let chance = Chance::new(seed ^ 0x7412_ead5);
    let writers = 2 + chance.index(3);
    let shape = Shape {
        segment_bytes: 64 << 10,
        packed_bytes_max: 4000,
        overlay_bytes_max: chance.pick(&[1024, 16 << 10]),
        cache_bytes: chance.pick(&[0, 64 << 10]),
    };
    let durability = if chance.percent(70) { Durability::Synced } else { Durability::Os };
    let device = Watched::new(MemoryDevice::new());
    let turns = Arc::new(Turns::new(writers + 1, chance.draw()));
    let (backend, store) = open(&device, &shape, Some(&turns), durability, seed)?;
    let bucket = store.create_bucket("bucket").map_err(|error| error.to_string())?;
    // Sequence numbers are reserved under a lock: here, before there are others.
    bucket.put("first", "of all").map_err(|error| error.to_string())?;
    let crashes = chance.percent(50);
    if crashes {
        device.medium().power_off_at(chance.below(120));
    }
    let histories = Mutex::new(vec![Vec::new(); KEYS]);
    let shared = Arc::new(Shared { bucket, backend, turns, histories });
    let mut running = Vec::new();
    for number in 0..=writers {
        let (shared, seed) = (Arc::clone(&shared), chance.draw());
        let work = move || {
            shared.turns.take(number, || {
                if number == writers { shared.maintain() } else { shared.write(number, seed) }
            });
        };
        let thread = OsThreads.spawn("cistern-sim", Box::new(work));
        running.push(thread.map_err(|error| error.to_string())?);
    }
    let mut violation = None;
    for thread in running {
        violation = thread.join().err().map(|panicked| panicked.to_string()).or(violation);
    }
    drop(store);
    let shared = Arc::into_inner(shared).ok_or("a thread still holds the store")?;
    let (mut histories, now) = (shared.histories.into_inner(), shared.turns.count());
    let stats = shared.backend.stats();
    let grouped = stats.commits.saturating_sub(stats.syncs);
    let left = match durability {
        Durability::Synced => Crash::Seeded(chance.draw()),
        // Only the process dies.
        _ => Crash::KeepAll,
    };
    let after = device.crash(left);
    device.medium().power_off_at(0);
    drop((shared.bucket, shared.backend));
    let found = read_all(&after, &shape, durability, seed);
    match found {
        Err(error) => violation = violation.or(Some(error)),
        Ok(found) => {
            for (history, found) in histories.iter_mut().zip(found) {
                history.push(Event { begin: now + 1, end: Some(now + 2), act: Act::Get(found) });
                if !is_linear(history) {
                    let text = format!("no plain cell answers so: {history:#?}");
                    violation = violation.or(Some(text));
                }
            }
        }
    }
    let (trace, tally) = (after.trace(), after.tally());
    Ok(Threaded { trace, tally, histories, grouped, violation })
}

fn open(
    device: &Watched,
    shape: &Shape,
    turns: Option<&Arc<Turns>>,
    durability: Durability,
    seed: u64,
) -> Result<(Arc<DiskBackend>, Store), Violation> {
    let settings = shape.settings();
    let backend = DiskBackend::open_on(Arc::new(device.clone()), Arc::new(NoThreads), settings);
    let backend = Arc::new(backend.map_err(|error| error.to_string())?);
    let above: Arc<dyn Backend> = match turns {
        Some(turns) => Arc::new(Yielding::new(Arc::clone(&backend) as _, Arc::clone(turns))),
        None => Arc::clone(&backend) as _,
    };
    let mut settings = Settings::new();
    settings.durability = durability;
    let store = Store::builder(above)
        .clock(Arc::new(ManualClock::new(Model::begin())))
        .entropy(Arc::new(SeededEntropy::new(seed)))
        .settings(settings);
    Ok((backend, store.build().map_err(|error| error.to_string())?))
}

fn read_all(
    device: &Watched,
    shape: &Shape,
    durability: Durability,
    seed: u64,
) -> Result<Vec<Option<u64>>, Violation> {
    let (_, store) = open(device, shape, None, durability, seed)?;
    let bucket = store.bucket("bucket").map_err(|error| error.to_string())?;
    let read = |key| read(&bucket, key).map_err(|error| format!("key {key}: {error}"));
    (0..KEYS).map(read).collect()
}

fn name(key: usize) -> String {
    format!("key {key}")
}

/// A body that tells its value: some stand in rows, some are packed, some have a file.
fn body(value: u64) -> Bytes {
    let mut bytes = value.to_le_bytes().to_vec();
    let len = [8, 900, 2000, 6000][usize::try_from(value % 4).expect("small")];
    bytes.resize(len, 0);
    bytes.into()
}

fn read(bucket: &Bucket, key: usize) -> Result<Option<u64>, Error> {
    match bucket.get(name(key)).and_then(|object| object.bytes()) {
        Ok(bytes) => {
            let value = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
            assert!(bytes == body(value), "a body is read as it was written");
            Ok(Some(value))
        }
        Err(Error::NoSuchKey { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Shared {
    fn maintain(&self) {
        for _ in 0..MAINTAIN_STEPS {
            self.turns.pass();
            if self.backend.maintain().is_err() {
                return;
            }
        }
    }

    fn write(&self, number: usize, seed: u64) {
        let chance = Chance::new(seed);
        let mut last_seen = [None; KEYS];
        for nth in 0..CALLS {
            let key = chance.index(KEYS);
            let value = (number as u64) << 32 | nth;
            let begin = self.turns.count();
            let outcome = self.call(&chance, key, value, &mut last_seen);
            let (act, failed) = match outcome {
                Ok(act) => (act, false),
                Err(act) => (act, true),
            };
            let end = (!failed).then(|| self.turns.count());
            self.histories.lock()[key].push(Event { begin, end, act });
            if failed {
                return;
            }
            self.turns.pass();
        }
    }

    /// Makes one call; what it would have done when it failed.
    fn call(
        &self,
        chance: &Chance,
        key: usize,
        value: u64,
        last_seen: &mut [Option<u64>; KEYS],
    ) -> Result<Act, Act> {
        let put = |condition| {
            let options = PutOptions::new().condition(condition);
            self.bucket.put_with(name(key), body(value), &options).map(drop)
        };
        match (chance.below(10), last_seen[key]) {
            (0..3, _) => match read(&self.bucket, key) {
                Ok(found) => {
                    last_seen[key] = found;
                    Ok(Act::Get(found))
                }
                // A read that fails says nothing.
                Err(_) => Err(Act::PutIfMatch { seen: u64::MAX, value: 0, done: true }),
            },
            (3, _) => {
                let deleted = self.bucket.delete(name(key)).map(drop);
                deleted.map(|()| Act::Delete).map_err(|_| Act::Delete)
            }
            (4 | 5, _) => {
                let act = |done| Act::PutIfAbsent(value, done);
                judge(&put(WriteCondition::IfAbsent), act)
            }
            (6..8, Some(seen)) => {
                let act = |done| Act::PutIfMatch { seen, value, done };
                judge(&put(WriteCondition::IfMatch(ETag::of_bytes(&body(seen)))), act)
            }
            _ => put(WriteCondition::None).map(|()| Act::Put(value)).map_err(|_| Act::Put(value)),
        }
    }
}

/// What a conditional write did.
fn judge(outcome: &Result<(), Error>, act: impl Fn(bool) -> Act) -> Result<Act, Act> {
    match outcome {
        Ok(()) => Ok(act(true)),
        Err(Error::PreconditionFailed { .. } | Error::NoSuchKey { .. }) => Ok(act(false)),
        Err(_) => Err(act(true)),
    }
}

/// Calls of one writer: four of them stay within what is searched.
const CALLS: u64 = 12;

const MAINTAIN_STEPS: u32 = 30;
