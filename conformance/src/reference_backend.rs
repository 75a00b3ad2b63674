//! `ReferenceBackend`: the plainest backend that holds every promise.
//!
//! One log of commits and everything else derived from it, as on disk, with none of the speed:
//!
//! ```text
//! commit --check--> log of entries --apply--> state (rows, counters, owners) --> reads
//!                        |
//!                   sync: remember how many entries are safe; a power cut forgets the others
//! ```
//!
//! Read it before you write your own, and take it as the place to begin.

use crate::crc64::step;
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Op, Order, Position, Precondition, Row,
    Ticket, Value, Visit, walk_in_scans,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    ops::{Bound, Range},
    sync::Arc,
};

/// A backend over a [`Medium`].
#[derive(Debug)]
pub struct ReferenceBackend {
    medium: Medium,
    capabilities: Capabilities,
    /// `None` once it is closed. One lock for everything: commits and reads take turns.
    state: Mutex<Option<State>>,
}

/// What outlives a backend: its log and its blobs. Clones are the same medium.
#[derive(Clone, Debug, Default)]
pub struct Medium(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    log: Vec<Entry>,
    /// How many entries of the log survive the loss of power.
    synced: usize,
    blobs: HashMap<u64, Arc<Body>>,
    /// Never goes back, so that no name is given twice.
    blobs_made: u64,
}

/// One commit, as the log keeps it.
#[derive(Clone, Debug)]
struct Entry {
    position: Position,
    ops: Vec<Op>,
    adds: Vec<(Bytes, i64)>,
    adopts: Vec<u64>,
    frees: Vec<u64>,
}

/// What the entries so far amount to.
#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Bytes, Value>,
    counters: BTreeMap<Bytes, i64>,
    /// How many owners a blob has. One without an entry is fresh, discarded, or gone.
    owners: HashMap<u64, usize>,
    position: Position,
    commits: u64,
    syncs: u64,
}

impl Medium {
    /// Forgets all that was not synced. Backends that stand on it must not be used any more.
    pub fn cut_power(&self) {
        let mut kept = self.0.lock();
        let synced = kept.synced;
        kept.log.truncate(synced);
    }
}

impl ReferenceBackend {
    /// A backend that promises nothing beyond its own life.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { capabilities: Capabilities::memory(), ..Self::durable() }
    }

    /// A backend on a medium of its own, that can be opened again.
    #[must_use]
    pub fn durable() -> Self {
        Self::open(Medium::default())
    }

    /// Opens what is on a medium: applies its log from the beginning.
    #[must_use]
    pub fn open(medium: Medium) -> Self {
        let mut state = State::default();
        {
            let mut kept = medium.0.lock();
            kept.log.iter().for_each(|entry| state.apply(entry));
            state.commits = 0;
            // Nobody is left who could adopt what nobody has adopted.
            kept.blobs.retain(|id, _| state.owners.contains_key(id));
        }
        let capabilities = Capabilities::durable(1024);
        Self { medium, capabilities, state: Mutex::new(Some(state)) }
    }

    /// The medium below.
    #[must_use]
    pub fn medium(&self) -> Medium {
        self.medium.clone()
    }

    /// Runs `act` on the state, unless the backend is closed.
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, BackendError> {
        self.state.lock().as_mut().map(act).ok_or(BackendError::Closed)
    }

    fn sync(&self, state: &mut State) {
        let mut kept = self.medium.0.lock();
        kept.synced = kept.log.len();
        state.syncs += 1;
    }
}

impl Backend for ReferenceBackend {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.with(|_| ())?;
        // The source is pulled outside every lock: it may be slow, and it may use the store.
        let (mut bytes, mut sum) = (Vec::new(), !0);
        while let Some(chunk) = source.next_chunk().map_err(|_| BackendError::Source)? {
            sum = chunk.iter().fold(sum, |sum, byte| step(sum, *byte));
            bytes.extend_from_slice(&chunk);
        }
        let len = bytes.len() as u64;
        let mut kept = self.medium.0.lock();
        let id = kept.blobs_made;
        kept.blobs_made += 1;
        kept.blobs.insert(id, Arc::new(Body(bytes.into())));
        Ok(BlobWritten::new(name_of(id), len, !sum))
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.with(|_| ())?;
        let missing = BackendError::NoSuchBlob { blob: *blob };
        let found = id_of(blob).and_then(|id| self.medium.0.lock().blobs.get(&id).cloned());
        // Whoever holds the body keeps it, even when it is removed from the map.
        found.map_or(Err(missing), |body| Ok(body as Arc<dyn Blob>))
    }

    fn discard_blob(&self, blob: &BlobRef) {
        let Some(id) = id_of(blob) else { return };
        // Once it is closed there is nothing to give up: opening collects what nobody owns.
        self.with(|state| {
            if !state.owners.contains_key(&id) {
                self.medium.0.lock().blobs.remove(&id);
            }
        })
        .unwrap_or_default();
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.with(|state| state.rows.get(key).cloned())
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.with(|state| {
            if range.is_empty() {
                return Vec::new();
            }
            let rows = state.rows.range::<[u8], _>((range.start, range.end));
            let rows = rows.map(|(key, value)| Row { key: key.clone(), value: value.clone() });
            match order {
                Order::Forward => rows.take(limit).collect(),
                Order::Reverse => rows.rev().take(limit).collect(),
            }
        })
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        walk_in_scans(self, range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        let found = self.with(|state| state.counters.get(key).copied());
        found.ok().flatten().unwrap_or_default()
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        let found = self.with(|state| {
            let from = (Bound::Included(prefix), Bound::Unbounded);
            let listed = state.counters.range::<[u8], _>(from);
            let listed = listed.take_while(|(key, _)| key.starts_with(prefix));
            let listed = listed.filter(|(_, count)| **count != 0);
            listed.map(|(key, count)| (key.clone(), *count)).collect()
        });
        found.unwrap_or_default()
    }

    fn commit(&self, mut batch: Batch) -> Result<Ticket, CommitError> {
        check_sizes(&batch)?;
        let on_publish = batch.on_publish.take();
        let durability = batch.durability.min(self.capabilities.durability_max);
        let mut state = self.state.lock();
        let state = state.as_mut().ok_or(BackendError::Closed)?;
        if let Some(index) = batch.preconditions.iter().position(|one| !state.holds(one)) {
            return Err(CommitError::Conflict { index });
        }
        // From here on nothing can fail, once the blobs are known to be there.
        let entry = self.entry(state, batch)?;
        state.apply(&entry);
        {
            let mut kept = self.medium.0.lock();
            kept.blobs.retain(|id, _| !entry.frees.contains(id) || state.owners.contains_key(id));
            kept.log.push(entry);
        }
        if durability == Durability::Synced {
            self.sync(state);
        }
        // Still under the lock: callbacks come in the order of commits, and before any read.
        if let Some(tell) = on_publish {
            tell(state.position);
        }
        Ok(Ticket::done(state.position, durability))
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.with(|state| {
            if durability == Durability::Synced {
                self.sync(state);
            }
        })
    }

    fn position(&self) -> Position {
        self.with(|state| state.position).unwrap_or_default()
    }

    fn stats(&self) -> BackendStats {
        let mut stats = BackendStats::default();
        // After closing there is nothing to tell: zeros.
        self.with(|state| {
            let kept = self.medium.0.lock();
            let owned = kept.blobs.iter().filter(|(id, _)| state.owners.contains_key(id));
            stats.rows = state.rows.len() as u64;
            stats.live_bytes = owned.map(|(_, body)| body.len()).sum();
            stats.stored_bytes = kept.blobs.values().map(|body| body.len()).sum();
            stats.commits = state.commits;
            stats.syncs = state.syncs;
        })
        .unwrap_or_default();
        stats
    }

    fn close(&self) -> Result<(), BackendError> {
        if let Some(mut state) = self.state.lock().take() {
            self.sync(&mut state);
        }
        Ok(())
    }
}

impl ReferenceBackend {
    /// The log's entry for a batch, if all of its blobs are there.
    fn entry(&self, state: &State, batch: Batch) -> Result<Entry, BackendError> {
        let kept = self.medium.0.lock();
        let ids = |blobs: &[BlobRef]| {
            let id = |blob: &BlobRef| {
                let id = id_of(blob).filter(|id| kept.blobs.contains_key(id));
                id.ok_or(BackendError::NoSuchBlob { blob: *blob })
            };
            blobs.iter().map(id).collect::<Result<Vec<_>, _>>()
        };
        let (adopts, frees) = (ids(&batch.adopts)?, ids(&batch.frees)?);
        let position = Position(state.position.0 + 1);
        Ok(Entry { position, ops: batch.ops.into_vec(), adds: batch.adds, adopts, frees })
    }
}

impl State {
    fn holds(&self, precondition: &Precondition) -> bool {
        match precondition {
            Precondition::Unchanged { key, seen } => self.rows.get(key) == seen.as_ref(),
            Precondition::RangeEmpty { start, end } => {
                start >= end || self.rows.range(start.clone()..end.clone()).next().is_none()
            }
        }
    }

    /// Takes one entry in: the same when it is committed and when the log is read again.
    fn apply(&mut self, entry: &Entry) {
        for op in entry.ops.iter().cloned() {
            match op {
                Op::Put { key, value } => drop(self.rows.insert(key, value)),
                Op::Delete { key } => drop(self.rows.remove(&key)),
                Op::PutStamped { prefix, suffix, value } => {
                    let stamp = entry.position.0.to_be_bytes();
                    let key = [&prefix[..], &stamp, &suffix[..]].concat();
                    self.rows.insert(key.into(), value);
                }
            }
        }
        for (key, delta) in &entry.adds {
            *self.counters.entry(key.clone()).or_default() += delta;
        }
        for id in &entry.adopts {
            *self.owners.entry(*id).or_default() += 1;
        }
        for id in &entry.frees {
            let left = self.owners.get(id).map_or(0, |owners| owners - 1);
            if left == 0 {
                self.owners.remove(id)
            } else {
                self.owners.insert(*id, left)
            };
        }
        self.position = entry.position;
        self.commits += 1;
    }
}

/// A row key may have 8 KiB.
const ROW_KEY_BYTES_MAX: usize = 8 << 10;
/// A row value may have 4 MiB.
const ROW_VALUE_BYTES_MAX: usize = 4 << 20;
/// A position in a stamped key.
const STAMP_BYTES: usize = 8;

fn check_sizes(batch: &Batch) -> Result<(), BackendError> {
    let check = |what, len, limit| {
        if len > limit { Err(BackendError::RowTooLarge { what, len, limit }) } else { Ok(()) }
    };
    for op in &batch.ops {
        let (key, value) = match op {
            Op::Put { key, value } => (key.len(), value.len()),
            Op::Delete { key } => (key.len(), 0),
            Op::PutStamped { prefix, suffix, value } => {
                (prefix.len() + STAMP_BYTES + suffix.len(), value.len())
            }
        };
        check("key", key, ROW_KEY_BYTES_MAX)?;
        check("value", value, ROW_VALUE_BYTES_MAX)?;
    }
    Ok(())
}

fn name_of(id: u64) -> BlobRef {
    BlobRef::new(&id.to_be_bytes()).expect("8 bytes are short enough")
}

fn id_of(blob: &BlobRef) -> Option<u64> {
    Some(u64::from_be_bytes(blob.as_bytes().try_into().ok()?))
}

/// A blob's bytes. An open blob is a share of them.
#[derive(Debug)]
struct Body(Bytes);

impl Blob for Body {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let Range { start, end } = range;
        if start > end || end > self.len() {
            return Err(BackendError::OutOfBounds { start, end, len: self.len() });
        }
        let place = |at| usize::try_from(at).expect("inside what is in memory");
        Ok(self.0.slice(place(start)..place(end)))
    }
}
