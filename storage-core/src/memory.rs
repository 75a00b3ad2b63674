//! `MemoryBackend`: the `Backend` socket in a few maps and a lock.

mod rows;

use crate::{
    checksum::{crc64_nvme, crc64_nvme_combine},
    port::{
        Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
        Capabilities, CommitError, Durability, KeyRange, Op, Order, Position, Precondition, Row,
        Step, Ticket, Value, Visit,
    },
};
use bytes::{Bytes, BytesMut};
use parking_lot::{Mutex, RwLock};
use rows::{Rows, Spot};
use smallvec::SmallVec;
use std::{
    collections::{BTreeMap, HashMap},
    ops::{Bound, Range},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Keeps everything in memory, and nothing longer than itself.
///
/// Cost: one hash look-up to read or replace a row, O(log n) to add or remove one. What stands behind
/// a row's head is shared, and a blob is kept as the chunks it came in: neither is copied.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    state: RwLock<State>,
    pending: Mutex<HashMap<u64, Arc<Rope>>>,
    blobs_made: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    rows: Rows,
    counters: BTreeMap<Bytes, i64>,
    blobs: HashMap<u64, Owned>,
    live_bytes: u64,
    commits: u64,
}

#[derive(Debug)]
struct Owned {
    rope: Arc<Rope>,
    owners: u32,
}

impl MemoryBackend {
    /// An empty backend.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn check_open(&self) -> Result<(), BackendError> {
        // Relaxed: whoever races with close may see either answer.
        if self.closed.load(Ordering::Relaxed) { Err(BackendError::Closed) } else { Ok(()) }
    }
}

impl Backend for MemoryBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::memory()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.check_open()?;
        let mut rope = Rope::default();
        while let Some(chunk) = source.next_chunk().map_err(|_| BackendError::Source)? {
            rope.push(chunk);
        }
        // Relaxed: the number only has to be unique.
        let id = self.blobs_made.fetch_add(1, Ordering::Relaxed);
        let blob = blob_ref(id);
        let written = BlobWritten::new(blob, rope.len, rope.crc64);
        self.pending.lock().insert(id, Arc::new(rope));
        Ok(written)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.check_open()?;
        let id = blob_id(blob)?;
        // Pending ones first: adoption moves a blob from there to the state, and whoever missed it
        // there waits here for the commit that took it.
        let pending = self.pending.lock().get(&id).cloned();
        let owned = || self.state.read().blobs.get(&id).map(|owned| Arc::clone(&owned.rope));
        let rope = pending.or_else(owned);
        rope.map_or(Err(BackendError::NoSuchBlob { blob: *blob }), |rope| Ok(rope as Arc<dyn Blob>))
    }

    fn discard_blob(&self, blob: &BlobRef) {
        if let Ok(id) = blob_id(blob) {
            self.pending.lock().remove(&id);
        }
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.check_open()?;
        Ok(self.state.read().rows.get(key).cloned())
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.check_open()?;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.state.read();
        let rows = state.rows.entries(range);
        let rows = rows.map(|(key, value)| Row { key: key.clone(), value: value.clone() });
        Ok(match order {
            Order::Forward => rows.take(limit).collect(),
            Order::Reverse => rows.rev().take(limit).collect(),
        })
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.check_open()?;
        let state = self.state.read();
        let mut jumped = None::<Bytes>;
        loop {
            let start = jumped.as_deref().map_or(range.start, Bound::Included);
            let rest = KeyRange { start, end: range.end };
            if rest.is_empty() {
                return Ok(());
            }
            let left =
                state.rows.entries(rest).find_map(|(key, value)| match visit(key, value.lend()) {
                    Step::Jump(to) if to > *key => Some(Some(to)),
                    Step::Next | Step::Jump(_) => None,
                    Step::Stop => Some(None),
                });
            match left.flatten() {
                Some(to) => jumped = Some(to),
                None => return Ok(()),
            }
        }
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.state.read().counters.get(key).copied().unwrap_or(0)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        let state = self.state.read();
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let of_prefix = state
            .counters
            .range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>(from)
            .take_while(|(key, _)| key.starts_with(prefix));
        of_prefix.map(|(key, count)| (key.clone(), *count)).collect()
    }

    fn commit(&self, mut batch: Batch) -> Result<Ticket, CommitError> {
        self.check_open()?;
        check_sizes(&batch)?;
        let on_publish = batch.on_publish.take();
        let mut replaced = Replaced::new();
        let mut state = self.state.write();
        let found = state.check(&batch.preconditions)?;
        if !(batch.adopts.is_empty() && batch.frees.is_empty()) {
            state.change_owners(&batch, &mut self.pending.lock())?;
        }
        state.commits += 1;
        let position = Position(state.commits);
        let mut found = found.filter(|_| writes_what_it_checks(&batch));
        for op in batch.ops.drain(..) {
            state.apply(op, position, found.take(), &mut replaced);
        }
        for (key, delta) in batch.adds {
            state.count(key, delta);
        }
        if let Some(tell) = on_publish {
            tell(position);
        }
        // What was replaced is let go of when nobody waits for it any more.
        drop(state);
        drop(replaced);
        Ok(Ticket::done(position, Durability::Memory))
    }

    fn flush(&self, _durability: Durability) -> Result<(), BackendError> {
        self.check_open()
    }

    fn position(&self) -> Position {
        Position(self.state.read().commits)
    }

    fn stats(&self) -> BackendStats {
        let state = self.state.read();
        BackendStats {
            rows: state.rows.len() as u64,
            live_bytes: state.live_bytes,
            stored_bytes: state.live_bytes,
            commits: state.commits,
            ..BackendStats::default()
        }
    }

    fn close(&self) -> Result<(), BackendError> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl State {
    /// Checks everything; tells where the row is that the first precondition is about.
    fn check(&self, preconditions: &[Precondition]) -> Result<Option<Spot>, CommitError> {
        let mut first = None;
        for (index, precondition) in preconditions.iter().enumerate() {
            let holds = match precondition {
                Precondition::Unchanged { key, seen } => {
                    let spot = self.rows.find(key);
                    first = first.or((index == 0).then_some(spot));
                    self.rows.at(spot) == seen.as_ref()
                }
                Precondition::RangeEmpty { start, end } => {
                    let range = KeyRange::between(start, end);
                    range.is_empty() || self.rows.entries(range).next().is_none()
                }
            };
            if !holds {
                return Err(CommitError::Conflict { index });
            }
        }
        Ok(first)
    }

    /// Adds to a counter; one that is 0 takes no place.
    fn count(&mut self, key: Bytes, delta: i64) {
        match self.counters.get_mut(&key) {
            Some(count) if *count + delta != 0 => *count += delta,
            Some(_) => drop(self.counters.remove(&key)),
            None if delta != 0 => drop(self.counters.insert(key, delta)),
            None => {}
        }
    }

    /// Applies an op, whose row may have been found already.
    fn apply(&mut self, op: Op, position: Position, found: Option<Spot>, replaced: &mut Replaced) {
        match op {
            Op::Put { key, value } => {
                let spot = found.unwrap_or_else(|| self.rows.find(&key));
                replaced.extend(self.rows.put(spot, key, value));
            }
            Op::Delete { key } => replaced.extend(self.rows.remove(&key)),
            Op::PutStamped { prefix, suffix, value } => {
                let mut key = BytesMut::with_capacity(prefix.len() + 8 + suffix.len());
                key.extend_from_slice(&prefix);
                key.extend_from_slice(&position.0.to_be_bytes());
                key.extend_from_slice(&suffix);
                let spot = self.rows.find(&key);
                replaced.extend(self.rows.put(spot, key.freeze(), value));
            }
        }
    }

    /// Moves blobs between owners, after checking that every one of them is there.
    fn change_owners(
        &mut self,
        batch: &Batch,
        pending: &mut HashMap<u64, Arc<Rope>>,
    ) -> Result<(), BackendError> {
        for blob in batch.adopts.iter().chain(&batch.frees) {
            let id = blob_id(blob)?;
            if !self.blobs.contains_key(&id) && !pending.contains_key(&id) {
                return Err(BackendError::NoSuchBlob { blob: *blob });
            }
        }
        for blob in &batch.adopts {
            let id = blob_id(blob)?;
            if let Some(rope) = pending.remove(&id) {
                self.live_bytes += rope.len;
                self.blobs.insert(id, Owned { rope, owners: 1 });
            } else if let Some(owned) = self.blobs.get_mut(&id) {
                owned.owners += 1;
            }
        }
        for blob in &batch.frees {
            let id = blob_id(blob)?;
            let Some(owned) = self.blobs.get_mut(&id) else { continue };
            owned.owners -= 1;
            if owned.owners == 0 {
                self.live_bytes -= owned.rope.len;
                self.blobs.remove(&id);
            }
        }
        Ok(())
    }
}

/// Values that a commit has replaced.
type Replaced = SmallVec<[Value; 2]>;

/// True when the first op puts the row that the first precondition is about: nearly always.
fn writes_what_it_checks(batch: &Batch) -> bool {
    match (batch.preconditions.first(), batch.ops.first()) {
        (Some(Precondition::Unchanged { key: checked, .. }), Some(Op::Put { key, .. })) => {
            key == checked
        }
        _ => false,
    }
}

/// Row keys and values are bounded, here as on disk, so that what works in memory works there.
fn check_sizes(batch: &Batch) -> Result<(), BackendError> {
    let check = |what, len, limit| {
        if len > limit { Err(BackendError::RowTooLarge { what, len, limit }) } else { Ok(()) }
    };
    for op in &batch.ops {
        match op {
            Op::Put { key, value } => {
                check("key", key.len(), ROW_KEY_BYTES_MAX)?;
                check("value", value.len(), ROW_VALUE_BYTES_MAX)?;
            }
            Op::Delete { key } => check("key", key.len(), ROW_KEY_BYTES_MAX)?,
            Op::PutStamped { prefix, suffix, value } => {
                check("key", prefix.len() + 8 + suffix.len(), ROW_KEY_BYTES_MAX)?;
                check("value", value.len(), ROW_VALUE_BYTES_MAX)?;
            }
        }
    }
    Ok(())
}

/// The longest row key, see [`Backend`].
const ROW_KEY_BYTES_MAX: usize = 8 << 10;
/// The longest row value, see [`Backend`].
const ROW_VALUE_BYTES_MAX: usize = 4 << 20;

fn blob_ref(id: u64) -> BlobRef {
    BlobRef::new(&id.to_be_bytes()).expect("8 bytes are a name")
}

fn blob_id(blob: &BlobRef) -> Result<u64, BackendError> {
    let name = blob.as_bytes().try_into();
    name.map(u64::from_be_bytes).map_err(|_| BackendError::NoSuchBlob { blob: *blob })
}

/// A blob as the chunks it came in.
#[derive(Debug, Default)]
struct Rope {
    /// Each chunk with the offset it begins at.
    chunks: Vec<(u64, Bytes)>,
    len: u64,
    crc64: u64,
}

impl Rope {
    fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        let len = chunk.len() as u64;
        self.crc64 = crc64_nvme_combine(self.crc64, crc64_nvme(&chunk), len);
        self.chunks.push((self.len, chunk));
        self.len += len;
    }
}

impl Blob for Rope {
    fn len(&self) -> u64 {
        self.len
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let Range { start, end } = range;
        if start > end || end > self.len {
            return Err(BackendError::OutOfBounds { start, end, len: self.len });
        }
        if start == end {
            return Ok(Bytes::new());
        }
        let first = self.chunks.partition_point(|(offset, _)| *offset <= start) - 1;
        let piece = |(offset, chunk): &(u64, Bytes)| {
            let from = to_usize(start.saturating_sub(*offset));
            let to = to_usize(end - offset).min(chunk.len());
            chunk.slice(from..to)
        };
        let mut pieces = self.chunks[first..].iter().take_while(|(at, _)| *at < end).map(piece);
        let head = pieces.next().unwrap_or_default();
        if head.len() as u64 == end - start {
            return Ok(head);
        }
        let mut joined = BytesMut::with_capacity(to_usize(end - start));
        joined.extend_from_slice(&head);
        pieces.for_each(|piece| joined.extend_from_slice(&piece));
        Ok(joined.freeze())
    }
}

fn to_usize(len: u64) -> usize {
    usize::try_from(len).expect("what is in memory can be addressed")
}
