//! `Producer`: collects records into few, and puts those on a thread of the caller's or by hand.

use crate::{
    aggregate::Aggregator,
    error::{Error, Result},
    hash_key::HashKey,
    limits,
    record::{Entry, Receipt},
    sequence_number::SequenceNumber,
    shard_id::ShardId,
    stream::Stream,
};
use cistern_storage_core::Timestamp;
use parking_lot::{Condvar, Mutex};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// How a producer collects.
///
/// Law: KPL, configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProducerOptions {
    /// Whether records are aggregated: many in the data of one. Readers take them apart with
    /// [`crate::aggregate::deaggregate`]. Default: they are.
    pub aggregation: bool,
    /// Bytes of one aggregate. Default: 51,200.
    pub aggregate_bytes_max: usize,
    /// Records of one aggregate. Default: as many as fit.
    pub aggregate_records_max: usize,
    /// How long a record waits for company, on the store's clock. Default: 100 ms.
    pub buffered_time_max: Duration,
    /// How long a record is tried, on the store's clock. Default: 30 s.
    pub record_ttl: Duration,
    /// Bytes that may wait to be put before [`Producer::put`] makes its caller wait. Default: 32 MiB.
    pub buffered_bytes_max: usize,
    /// Whether a record that is throttled fails at once, instead of being tried again. Default: no.
    pub fail_if_throttled: bool,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        Self {
            aggregation: true,
            aggregate_bytes_max: 51_200,
            aggregate_records_max: usize::MAX,
            buffered_time_max: Duration::from_millis(100),
            record_ttl: Duration::from_secs(30),
            buffered_bytes_max: 32 << 20,
            fail_if_throttled: false,
        }
    }
}

/// What became of a record that was given to a producer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Produced {
    /// The number of the record that carries it.
    pub sequence_number: SequenceNumber,
    /// Its place in that record; 0 when it was not aggregated.
    pub sub_sequence_number: u64,
    /// How often it was tried.
    pub attempts: u32,
}

/// Told once what became of a record. On the thread that pumps; it must not call the producer.
pub type OnProduced = Box<dyn FnOnce(Result<Produced>) + Send>;

/// Collects records by shard, by time and by size, and puts them in few calls.
///
/// Nothing happens by itself: somebody pumps, a thread in a loop ([`Producer::run`]) or the caller
/// ([`Producer::flush`]). Records of a key keep their order unless they are throttled.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

struct Inner {
    stream: Stream,
    options: ProducerOptions,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: Vec<Pending>,
    bytes: usize,
    closed: bool,
}

struct Pending {
    entry: Entry,
    since: Timestamp,
    attempts: u32,
    told: OnProduced,
}

impl Pending {
    fn bytes(&self) -> usize {
        self.entry.data.len() + self.entry.partition_key.len()
    }
}

impl Stream {
    /// A producer for this stream.
    #[must_use]
    pub fn producer(&self, options: ProducerOptions) -> Producer {
        let inner = Inner {
            stream: self.clone(),
            options,
            waiting: Mutex::default(),
            changed: Condvar::new(),
        };
        Producer { inner: Arc::new(inner) }
    }
}

impl Producer {
    /// Gives a record to be put; `told` hears what became of it. Waits while too much waits already.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`] once the producer is closed: `told` is not called then.
    pub fn put(
        &self,
        entry: Entry,
        told: impl FnOnce(Result<Produced>) + Send + 'static,
    ) -> Result<()> {
        let mut waiting = self.inner.waiting.lock();
        while waiting.bytes >= self.inner.options.buffered_bytes_max && !waiting.closed {
            self.inner.changed.wait(&mut waiting);
        }
        self.accept(&mut waiting, entry, Box::new(told))
    }

    /// As [`Self::put`], but gives the record back instead of waiting.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] when too much waits already; as [`Self::put`].
    pub fn try_put(
        &self,
        entry: Entry,
        told: impl FnOnce(Result<Produced>) + Send + 'static,
    ) -> Result<()> {
        let mut waiting = self.inner.waiting.lock();
        if waiting.bytes >= self.inner.options.buffered_bytes_max {
            let what = format!("{} bytes wait to be put already", waiting.bytes);
            return Err(Error::LimitExceeded { what: what.into() });
        }
        self.accept(&mut waiting, entry, Box::new(told))
    }

    fn accept(&self, waiting: &mut Waiting, entry: Entry, told: OnProduced) -> Result<()> {
        if waiting.closed {
            return Err(Error::ResourceNotFound { what: "the producer is closed".into() });
        }
        let since = self.inner.stream.state.hub.clock.now();
        let pending = Pending { entry, since, attempts: 0, told };
        waiting.bytes += pending.bytes();
        waiting.records.push(pending);
        self.inner.changed.notify_all();
        Ok(())
    }

    /// How many records wait to be put.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.inner.waiting.lock().records.len()
    }

    /// Puts whatever waits, young or not, until nothing does.
    pub fn flush(&self) {
        while self.pump(true) {}
    }

    /// Puts whatever has waited for long enough, or is enough for an aggregate; true when it did
    /// something.
    pub fn pump_due(&self) -> bool {
        self.pump(false)
    }

    /// Pumps until the producer is closed and nothing waits: what a thread of the application's does.
    pub fn run(&self) {
        loop {
            if self.pump(false) {
                continue;
            }
            let mut waiting = self.inner.waiting.lock();
            if waiting.closed {
                drop(waiting);
                return self.flush();
            }
            self.inner.changed.wait_for(&mut waiting, TICK);
        }
    }

    /// Takes no more; what waits is still put by whoever pumps.
    pub fn close(&self) {
        self.inner.waiting.lock().closed = true;
        self.inner.changed.notify_all();
    }

    fn pump(&self, all: bool) -> bool {
        let options = &self.inner.options;
        let now = self.inner.stream.state.hub.clock.now();
        let taken = {
            let mut waiting = self.inner.waiting.lock();
            let old = |pending: &Pending| {
                let age = now.millis_since(pending.since);
                age >= i64::try_from(options.buffered_time_max.as_millis()).unwrap_or(i64::MAX)
            };
            let due = all
                || waiting.bytes >= options.aggregate_bytes_max
                || waiting.records.first().is_some_and(old);
            if !due || waiting.records.is_empty() {
                return false;
            }
            let count = waiting.records.len().min(RECORDS_AT_ONCE);
            let taken: Vec<_> = waiting.records.drain(..count).collect();
            waiting.bytes -= taken.iter().map(Pending::bytes).sum::<usize>();
            self.inner.changed.notify_all();
            taken
        };
        let (expired, fresh): (Vec<_>, Vec<_>) = taken.into_iter().partition(|pending| {
            let age = now.millis_since(pending.since);
            pending.attempts > 0
                && age > i64::try_from(options.record_ttl.as_millis()).unwrap_or(i64::MAX)
        });
        for pending in expired {
            let what = format!("the record was tried {} times and is too old", pending.attempts);
            (pending.told)(Err(Error::LimitExceeded { what: what.into() }));
        }
        self.put_now(fresh);
        true
    }

    fn put_now(&self, pending: Vec<Pending>) {
        let parcels = match self.parcels(pending) {
            Ok(parcels) => parcels,
            Err((error, pending)) => {
                return pending.into_iter().for_each(|pending| (pending.told)(Err(error.clone())));
            }
        };
        let mut calls: Vec<Vec<Parcel>> = Vec::new();
        let mut bytes = 0;
        for parcel in parcels {
            let size = parcel.entry.size();
            let full = calls.last().is_none_or(|call| {
                call.len() == limits::PUT_RECORDS_MAX
                    || bytes + size > limits::PUT_RECORDS_BYTES_MAX
            });
            if full {
                calls.push(Vec::new());
                bytes = 0;
            }
            bytes += size;
            calls.last_mut().expect("one was just pushed").push(parcel);
        }
        for call in calls {
            self.call(call);
        }
    }

    /// Makes few records of many: those of one shard together.
    fn parcels(&self, pending: Vec<Pending>) -> Result<Vec<Parcel>, (Error, Vec<Pending>)> {
        let options = &self.inner.options;
        if !options.aggregation {
            let parcel =
                |pending: Pending| Parcel { entry: pending.entry.clone(), carried: vec![pending] };
            return Ok(pending.into_iter().map(parcel).collect());
        }
        let mut by_shard: BTreeMap<ShardId, (HashKey, Vec<Pending>)> = BTreeMap::new();
        {
            let table = self.inner.stream.state.table.read();
            let mut routed = Vec::with_capacity(pending.len());
            for one in &pending {
                match table.route(one.entry.hash_key()) {
                    Ok(shard) => routed.push((shard.id, shard.range.start)),
                    Err(error) => return Err((error, pending)),
                }
            }
            for (one, (shard, start)) in pending.into_iter().zip(routed) {
                by_shard.entry(shard).or_insert_with(|| (start, Vec::new())).1.push(one);
            }
        }
        let mut parcels = Vec::new();
        for (_, (start, pending)) in by_shard {
            let mut bundle = Bundle::default();
            for one in pending {
                let full = bundle.aggregator.bytes() + one.bytes() + RECORD_OVERHEAD
                    > options.aggregate_bytes_max
                    || bundle.carried.len() >= options.aggregate_records_max;
                if full && !bundle.carried.is_empty() {
                    parcels.extend(std::mem::take(&mut bundle).finish(start));
                }
                bundle.aggregator.push(&one.entry);
                bundle.carried.push(one);
            }
            parcels.extend(bundle.finish(start));
        }
        Ok(parcels)
    }

    fn call(&self, parcels: Vec<Parcel>) {
        let entries = parcels.iter().map(|parcel| parcel.entry.clone()).collect();
        let outcomes: Vec<Result<Receipt>> = match self.inner.stream.put_records(entries) {
            Ok(outcome) => outcome.records,
            Err(error) => parcels.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut again = Vec::new();
        for (parcel, outcome) in parcels.into_iter().zip(outcomes) {
            match outcome {
                Ok(receipt) => parcel.tell(receipt),
                Err(Error::ThroughputExceeded { .. }) if !self.inner.options.fail_if_throttled => {
                    again.extend(parcel.carried);
                }
                Err(error) => {
                    parcel.carried.into_iter().for_each(|one| (one.told)(Err(error.clone())));
                }
            }
        }
        if again.is_empty() {
            return;
        }
        again.iter_mut().for_each(|one| one.attempts += 1);
        let mut waiting = self.inner.waiting.lock();
        waiting.bytes += again.iter().map(Pending::bytes).sum::<usize>();
        // In front: they are the oldest.
        waiting.records.splice(0..0, again);
        let clock = &self.inner.stream.state.hub.clock;
        drop(waiting);
        clock.wait_until(clock.now().plus(BACK_OFF));
    }
}

/// How often a pumping thread looks at the clock when nothing happens.
const TICK: Duration = Duration::from_millis(10);
/// How long a producer rests, on the store's clock, when records were throttled.
const BACK_OFF: Duration = Duration::from_millis(50);
/// Records that one pump takes.
const RECORDS_AT_ONCE: usize = 10_000;
/// What a record takes in an aggregate beyond its bytes, at most.
const RECORD_OVERHEAD: usize = 64;

/// One record to put, and the ones that it carries.
struct Parcel {
    entry: Entry,
    carried: Vec<Pending>,
}

impl Parcel {
    fn tell(self, receipt: Receipt) {
        for (place, pending) in (0..).zip(self.carried) {
            (pending.told)(Ok(Produced {
                sequence_number: receipt.sequence_number,
                sub_sequence_number: place,
                attempts: pending.attempts + 1,
            }));
        }
    }
}

#[derive(Default)]
struct Bundle {
    aggregator: Aggregator,
    carried: Vec<Pending>,
}

impl Bundle {
    /// One record for the shard whose range begins with `start`; a lone one goes as it is.
    fn finish(self, start: HashKey) -> Option<Parcel> {
        let entry = match &self.carried[..] {
            [] => return None,
            [alone] => alone.entry.clone(),
            [first, ..] => Entry {
                partition_key: first.entry.partition_key.clone(),
                explicit_hash_key: Some(start),
                data: self.aggregator.finish(),
            },
        };
        Some(Parcel { entry, carried: self.carried })
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("stream", &self.inner.stream).finish_non_exhaustive()
    }
}
