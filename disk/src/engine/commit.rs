//! The commit path: check, take a place in the log, promise.

use crate::{
    engine::{
        Engine,
        blob_write::Fresh,
        is_full, keyspace,
        owners::{self, Claim, OwnerChanges},
        queue::{Entry, Queue},
    },
    format::{FrameHeader, FrameKind, Lsn, checksum, frame_bytes},
    log::batch_record,
};
use bytes::{BufMut, Bytes, BytesMut};
use cistern_storage_core::port::{
    BackendError, Batch, BlobRef, CommitError, Durability, KeyRange, Op, Order, Position,
    Precondition, Ticket, Value,
};
use parking_lot::MutexGuard;
use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

impl Engine {
    /// Applies `batch` whole, or not at all.
    pub(crate) fn commit(self: &Arc<Self>, mut batch: Batch) -> Result<Ticket, CommitError> {
        self.check_writable()?;
        check_sizes(&batch)?;
        self.wait_for_room()?;
        if batch.durability == Durability::Synced {
            self.sync_fresh_files(&batch.adopts)?;
        }
        loop {
            let mut reads = Reads::begin(self);
            let claims = self.claims(&batch)?;
            self.prefetch(&batch, &claims, &mut reads)?;
            let ticket = PAYLOAD.with_borrow_mut(|payload| {
                payload.clear();
                encode(payload, &batch, &claims);
                let ticket = self.place(&mut batch, &claims, &mut reads, payload);
                payload.shrink_to(PAYLOAD_KEPT_BYTES);
                ticket
            })?;
            if let Some(ticket) = ticket {
                return Ok(ticket);
            }
            // Somebody adopted or discarded a fresh blob of ours meanwhile; that happens once.
        }
    }

    fn claims(&self, batch: &Batch) -> Result<Vec<Claim>, BackendError> {
        if batch.adopts.is_empty() && batch.frees.is_empty() {
            return Ok(Vec::new());
        }
        let fresh = self.fresh.lock();
        owners::claims(&self.store, &batch.adopts, &batch.frees, |blob| fresh.contains_key(blob))
    }

    /// Reads outside of the commit lock what will be looked at inside.
    fn prefetch(
        &self,
        batch: &Batch,
        claims: &[Claim],
        reads: &mut Reads,
    ) -> Result<(), BackendError> {
        for precondition in &batch.preconditions {
            match precondition {
                Precondition::Unchanged { key, .. } => {
                    reads.fetch(self, keyspace::stored(key.clone()))?;
                }
                Precondition::RangeEmpty { start, end } => {
                    let rows = self.first_rows(start, end, 1)?;
                    reads.ranges.push(rows.is_empty());
                }
            }
        }
        if !claims.is_empty() {
            // What it says is decided again under the lock.
            let fetch = &mut |key: Bytes| reads.fetch(self, key);
            match owners::decide(claims, &self.segments, fetch) {
                Ok(_) | Err(BackendError::NoSuchBlob { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Checks, and gives the batch its place. `None` when it was prepared for fresh blobs that are
    /// not fresh any more.
    fn place(
        self: &Arc<Self>,
        batch: &mut Batch,
        claims: &[Claim],
        reads: &mut Reads,
        payload: &[u8],
    ) -> Result<Option<Ticket>, CommitError> {
        let len = u32::try_from(payload.len()).expect("batches are checked");
        let payload_sum = checksum(payload);
        let mut queue = self.queue.lock();
        self.check_writable()?;
        if let Some(conflict) = self.find_conflict(&queue, batch, reads)? {
            drop(queue);
            return Err(self.settle_conflict(&conflict)?);
        }
        let changes = match self.decide_claims(&queue, claims, reads)? {
            Claimed::Changed => return Ok(None),
            Claimed::As(changes) => changes,
        };
        let bytes = frame_bytes(FrameKind::Batch, len);
        self.make_room(&mut queue, bytes)?;
        let position = queue.tail.next();
        let header = FrameHeader {
            kind: FrameKind::Batch,
            flags: flags(batch.durability),
            len,
            lsn: position,
            // Relaxed: an older value is true as well.
            durable: self.durable.load(Ordering::Relaxed),
            payload_sum,
        };
        queue.tail.append(&header, &[], &[payload]);
        self.take_fresh(&mut queue, claims, batch.durability);
        // Relaxed: a statistic.
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.end_rest();
        let entry = entry(position, position + bytes, batch, changes);
        self.accept(queue, entry).map(Some)
    }

    /// Queues a commit, or publishes it if it need not wait for anything.
    fn accept(
        self: &Arc<Self>,
        mut queue: MutexGuard<'_, Queue>,
        entry: Entry,
    ) -> Result<Ticket, CommitError> {
        let (position, durability) = (entry.position, entry.durability);
        if durability == Durability::Memory && queue.is_idle() {
            debug_assert!(queue.pending.is_empty());
            self.publish(&mut [entry]);
            self.relieve(queue)?;
            return Ok(Ticket::done(Position(position), durability));
        }
        queue.push(entry);
        let group = queue.next_group();
        self.relieve(queue)?;
        Ok(Ticket::waiting(Position(position), durability, self.promise(position, group)))
    }

    /// Makes sure that the next frame fits into the segment.
    pub(super) fn make_room(
        &self,
        queue: &mut MutexGuard<'_, Queue>,
        bytes: u64,
    ) -> Result<(), BackendError> {
        let durable = self.durable.load(Ordering::Relaxed);
        let before = queue.tail.segment().header.sequence;
        match queue.tail.make_room(bytes, durable, &self.segments) {
            Ok(()) => {}
            // Nothing of this commit was written, and nothing of an earlier one is in doubt.
            Err(error) if is_full(&error) => return Err(error),
            Err(error) => return Err(MutexGuard::unlocked(queue, || self.poison(error))),
        }
        let (segment, next) = (queue.tail.segment(), queue.tail.next());
        let half = segment.half();
        // A segment was left, or it is time to make the next one ready.
        if segment.header.sequence != before || (next < half && next + bytes >= half) {
            self.alarm.ring();
        }
        Ok(())
    }

    /// The first precondition that does not hold.
    fn find_conflict(
        &self,
        queue: &Queue,
        batch: &Batch,
        reads: &mut Reads,
    ) -> Result<Option<Conflict>, BackendError> {
        let mut ranges = 0;
        for (index, precondition) in batch.preconditions.iter().enumerate() {
            let cause = match precondition {
                Precondition::Unchanged { key, seen } => {
                    let key = keyspace::stored_slice(key);
                    let (value, pending) = reads.current(self, queue, &key)?;
                    (!is_as_seen(value.as_deref(), seen.as_ref())).then_some(pending)
                }
                Precondition::RangeEmpty { start, end } => {
                    let was_empty = reads.ranges[ranges];
                    ranges += 1;
                    self.find_in_range(queue, start, end, reads.at, was_empty)?
                }
            };
            if let Some(pending) = cause {
                return Ok(Some(Conflict { index, pending }));
            }
        }
        Ok(None)
    }

    /// A row in the range, as all earlier commits leave it: which pending commit wrote it, if one
    /// did.
    fn find_in_range(
        &self,
        queue: &Queue,
        start: &Bytes,
        end: &Bytes,
        at: Lsn,
        was_empty: bool,
    ) -> Result<Option<Option<Lsn>>, BackendError> {
        let (start, end) = (keyspace::stored_slice(start), keyspace::stored_slice(end));
        if start >= end {
            return Ok(None);
        }
        let mut removed = BTreeSet::new();
        for (key, pending) in queue.pending.range(&start, &end) {
            if pending.value.is_some() {
                return Ok(Some(Some(pending.position)));
            }
            removed.insert(key);
        }
        if self.position().0 == at && was_empty {
            return Ok(None);
        }
        let range = KeyRange::between(&start, &end);
        let rows = self.index.scan(range, Order::Forward, removed.len() + 1)?;
        Ok(rows.iter().any(|row| !removed.contains(&row.key)).then_some(None))
    }

    fn first_rows(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<cistern_storage_core::port::Row>, BackendError> {
        let (start, end) = (keyspace::stored_slice(start), keyspace::stored_slice(end));
        self.index.scan(KeyRange::between(&start, &end), Order::Forward, limit)
    }

    /// Waits until what the conflict is with can be read.
    fn settle_conflict(&self, conflict: &Conflict) -> Result<CommitError, BackendError> {
        if let Some(position) = conflict.pending {
            self.wait_published(position)?;
        }
        Ok(CommitError::Conflict { index: conflict.index })
    }

    fn decide_claims(
        &self,
        queue: &Queue,
        claims: &[Claim],
        reads: &mut Reads,
    ) -> Result<Claimed, BackendError> {
        if claims.is_empty() {
            return Ok(Claimed::As(OwnerChanges::default()));
        }
        {
            let fresh = self.fresh.lock();
            if claims.iter().any(|claim| fresh.contains_key(&claim.blob) != claim.fresh) {
                return Ok(Claimed::Changed);
            }
        }
        let read = &mut |key: Bytes| Ok(reads.current(self, queue, &key)?.0);
        owners::decide(claims, &self.segments, read).map(Claimed::As)
    }

    /// The fresh blobs of a commit are its own from now on.
    fn take_fresh(&self, queue: &mut Queue, claims: &[Claim], durability: Durability) {
        if claims.iter().all(|claim| !claim.fresh) {
            return;
        }
        let mut fresh = self.fresh.lock();
        for claim in claims.iter().filter(|claim| claim.fresh) {
            match fresh.remove(&claim.blob) {
                Some(Fresh::File { file, synced: false }) => {
                    debug_assert!(durability < Durability::Synced);
                    queue.unsynced_files.push(file);
                }
                Some(Fresh::File { .. } | Fresh::Packed(_)) | None => {}
            }
        }
    }
}

/// What is known of rows that a commit depends on.
struct Reads {
    /// Everything was read when this, or more, was published.
    at: Lsn,
    rows: Vec<(Bytes, Option<Bytes>)>,
    /// Whether the ranges of the preconditions were empty, in order.
    ranges: Vec<bool>,
}

impl Reads {
    fn begin(engine: &Engine) -> Self {
        Self { at: engine.position().0, rows: Vec::new(), ranges: Vec::new() }
    }

    fn fetch(&mut self, engine: &Engine, key: Bytes) -> Result<Option<Bytes>, BackendError> {
        let value = engine.index.get(&key)?;
        self.rows.push((key, value.clone()));
        Ok(value)
    }

    /// The row as all earlier commits leave it, and which pending one left it so. Under the commit
    /// lock: what was read before is taken unless it may have been published since.
    fn current(
        &self,
        engine: &Engine,
        queue: &Queue,
        key: &[u8],
    ) -> Result<(Option<Bytes>, Option<Lsn>), BackendError> {
        if let Some(pending) = queue.pending.get(key) {
            return Ok((pending.value.clone(), Some(pending.position)));
        }
        if !engine.touched.is_newer(key, self.at)
            && let Some((_, value)) = self.rows.iter().find(|(known, _)| known == key)
        {
            return Ok((value.clone(), None));
        }
        Ok((engine.index.get(key)?, None))
    }
}

/// True when a row is what a commit holds it to.
fn is_as_seen(row: Option<&[u8]>, seen: Option<&Value>) -> bool {
    match (row, seen) {
        (Some(row), Some(seen)) => seen.is(row),
        (None, None) => true,
        _ => false,
    }
}

/// A precondition that does not hold.
struct Conflict {
    index: usize,
    /// The commit, not published yet, that makes it fail.
    pending: Option<Lsn>,
}

enum Claimed {
    As(OwnerChanges),
    /// What was fresh is not, or the other way round.
    Changed,
}

fn encode(payload: &mut Vec<u8>, batch: &Batch, claims: &[Claim]) {
    let (fresh, again) = split_adopts(claims);
    batch_record::encode(payload, &batch.ops, &batch.adds, &fresh, &again, &batch.frees);
}

/// The first adopts of fresh blobs, and all other adopts.
fn split_adopts(claims: &[Claim]) -> (Vec<BlobRef>, Vec<BlobRef>) {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for claim in claims {
        for number in 0..claim.adopts {
            let list = if claim.fresh && number == 0 { &mut first } else { &mut again };
            list.push(claim.blob);
        }
    }
    (first, again)
}

/// The commit as the queue keeps it; takes what it needs out of `batch`.
fn entry(position: Lsn, end: Lsn, batch: &mut Batch, changes: OwnerChanges) -> Entry {
    let ops = std::mem::take(&mut batch.ops);
    let mut rows: Vec<_> = ops.into_iter().map(|op| row_of(op, position)).collect();
    rows.extend(changes.rows);
    Entry {
        position,
        end,
        durability: batch.durability,
        rows,
        adds: std::mem::take(&mut batch.adds),
        space: changes.space,
        on_publish: batch.on_publish.take(),
    }
}

/// What an op does to which row of the index.
pub(super) fn row_of(op: Op, position: Lsn) -> (Bytes, Option<Bytes>) {
    match op {
        Op::Put { key, value } => (keyspace::stored(key), Some(value.into_bytes())),
        Op::Delete { key } => (keyspace::stored(key), None),
        Op::PutStamped { prefix, suffix, value } => {
            let mut key = BytesMut::with_capacity(prefix.len() + 8 + suffix.len());
            key.put_slice(&prefix);
            key.put_u64(position);
            key.put_slice(&suffix);
            (keyspace::stored(key.freeze()), Some(value.into_bytes()))
        }
    }
}

fn check_sizes(batch: &Batch) -> Result<(), BackendError> {
    let mut total = 0;
    for op in &batch.ops {
        let (key, value) = match op {
            Op::Put { key, value } => (key.len(), value.len()),
            Op::Delete { key } => (key.len(), 0),
            Op::PutStamped { prefix, suffix, value } => {
                (prefix.len() + 8 + suffix.len(), value.len())
            }
        };
        check_size("key", key, ROW_KEY_BYTES_MAX)?;
        check_size("value", value, ROW_VALUE_BYTES_MAX)?;
        total += key + value;
    }
    for (key, _) in &batch.adds {
        check_size("key", key.len(), ROW_KEY_BYTES_MAX)?;
        total += key.len();
    }
    check_size("batch", total, BATCH_BYTES_MAX)
}

fn check_size(what: &'static str, len: usize, limit: usize) -> Result<(), BackendError> {
    if len <= limit && (len > 0 || what != "key") {
        Ok(())
    } else {
        Err(BackendError::RowTooLarge { what, len, limit })
    }
}

fn flags(durability: Durability) -> u8 {
    match durability {
        Durability::Memory => 0,
        Durability::Os => 1,
        Durability::Synced => 2,
    }
}

thread_local! {
    /// Where a commit's payload is written before it has its place.
    static PAYLOAD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// More memory than this is not kept from one commit to the next.
const PAYLOAD_KEPT_BYTES: usize = 1 << 20;

/// The contract's limits of a row.
const ROW_KEY_BYTES_MAX: usize = 8 << 10;
const ROW_VALUE_BYTES_MAX: usize = 4 << 20;

/// All rows of one batch together: its frame must fit into one segment.
const BATCH_BYTES_MAX: usize = 512 << 20;
