//! The engine: from a batch to the log, to the index, and back.
//!
//! ```text
//!  commit --decide, append--> queue --a group: write, sync--> publish --> index, counters, space
//!    |                          ^                                |
//!    +-- conflict with what is pending: wait for it -------------+--> tickets, callbacks
//! ```
//!
//! - [`commit`]: conditions are checked against pending and published rows, the frame appended.
//! - [`group`]: whoever waits first leads: writes and syncs for all, publishes, wakes.
//! - [`publish`]: makes commits readable; the space of blobs is counted here.
//! - [`owners`], [`name`]: who owns a blob, where it is, and what it is called.
//! - [`blob_write`], [`blob_read`]: bodies in and out.
//! - [`open`], [`replay`], [`meta`]: a store from its files.
//! - [`verify`], [`scrub`]: everything at rest, read and checked, closed or in use.
//! - [`checkpoint`], [`compaction`], [`maintain`]: what happens behind the writers' backs.
//! - [`pending`], [`bell`]: what is on its way to be published, and who waits for it.
//!
//! Lock order: `maintenance`, `queue`, `fresh`, `published`, `counters`, then the locks of the
//! segments' pool and table, then those of the index.
//! The locks of the bells are taken without any other, and none is taken under them.

mod bell;
mod blob_read;
mod blob_write;
mod checkpoint;
mod commit;
mod compaction;
mod group;
pub(crate) mod identity;
pub(crate) mod keyspace;
mod maintain;
pub(crate) mod meta;
pub(crate) mod name;
mod open;
mod owners;
mod pending;
mod publish;
mod queue;
mod replay;
mod scrub;
mod verify;

pub(crate) use self::open::{OpenAs, open};

use self::{
    bell::Bell,
    blob_write::{BlobFiles, Fresh},
    maintain::{Alarm, Maintenance},
    name::BlobName,
    publish::{Counters, Published, Touched},
    queue::Queue,
};
use crate::{
    device::{Device, DeviceLock},
    format::Lsn,
    index::Index,
    log::segments::Segments,
    settings::DiskSettings,
};
use bytes::Bytes;
use cistern_storage_core::port::{
    BackendError, BackendStats, BlobRef, Durability, KeyRange, Order, Position, Row, Step, Visit,
};
use keyspace::StoredRange;
use parking_lot::{Condvar, Mutex, RwLock};
use std::{
    collections::{BTreeSet, HashMap},
    fmt, io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

/// An open store.
pub(crate) struct Engine {
    device: Arc<dyn Device>,
    settings: DiskSettings,
    store: [u8; 16],
    read_only: bool,
    index: Index,
    segments: Segments,
    files: BlobFiles,

    /// The commit lock.
    queue: Mutex<Queue>,
    /// Rung when a group is done; waiters of one and of the next group do not disturb each other.
    bells: [Bell; 2],
    /// Somebody writes a group. Changes under the commit lock.
    leading: AtomicBool,
    /// The number of the last group that ended.
    finished: AtomicUsize,
    /// Rung when somebody has finished writing a frame of their own.
    landed: Condvar,
    /// Rung when somebody wants a group led who will not lead it.
    flusher: Condvar,
    /// Blobs that were written, not adopted, and not discarded.
    fresh: Mutex<HashMap<BlobRef, Fresh>>,
    /// Of these the packed ones, and those whose commit is not published. Held only for a moment.
    unowned: Mutex<BTreeSet<Lsn>>,
    published: Mutex<Published>,
    counters: RwLock<Counters>,
    touched: Touched,
    maintenance: Mutex<Maintenance>,
    alarm: Alarm,
    lock: Mutex<Option<Box<dyn DeviceLock>>>,

    /// The position of the last published commit.
    position: AtomicU64,
    /// The log is written up to here.
    written: AtomicU64,
    /// The log is synced up to here.
    durable: AtomicU64,
    /// Memory of the rows that are not frozen.
    overlay_bytes: AtomicU64,
    /// Frozen rows wait for their checkpoint.
    frozen: AtomicBool,
    /// Whoever maintains sleeps until somebody writes.
    resting: AtomicBool,
    /// How long the log may grow since the last checkpoint: the setting, or what fits the store.
    log_bytes_max: AtomicU64,
    /// Where replay would begin.
    checkpoint: AtomicU64,
    commits: AtomicU64,
    syncs: AtomicU64,
    poison: OnceLock<String>,
    closing: AtomicBool,
    closed: AtomicBool,
}

impl Engine {
    pub(crate) fn settings(&self) -> &DiskSettings {
        &self.settings
    }

    /// The row under `key`.
    pub(crate) fn row(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        self.check_open()?;
        self.index.get(&keyspace::stored_slice(key))
    }

    pub(crate) fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.check_open()?;
        let range = StoredRange::new(range);
        let rows = self.index.scan(range.as_range(), order, limit)?;
        Ok(rows.into_iter().map(keyspace::foreign).collect())
    }

    pub(crate) fn walk(
        &self,
        range: KeyRange<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(), BackendError> {
        self.check_open()?;
        let range = StoredRange::new(range);
        self.index.walk(range.as_range(), &mut |key, value| match visit(
            keyspace::foreign_key(key),
            value,
        ) {
            Step::Jump(to) => Step::Jump(keyspace::stored(to)),
            step => step,
        })
    }

    pub(crate) fn counter(&self, key: &[u8]) -> i64 {
        self.counters.read().get(key).copied().unwrap_or(0)
    }

    pub(crate) fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        let counters = self.counters.read();
        let from = counters
            .range::<[u8], _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        let within = from.take_while(|(key, _)| key.starts_with(prefix));
        within.map(|(key, count)| (key.clone(), *count)).collect()
    }

    pub(crate) fn position(&self) -> Position {
        // Acquire, with the release of `publish`: who sees the position sees the rows.
        Position(self.position.load(Ordering::Acquire))
    }

    pub(crate) fn stats(&self) -> BackendStats {
        let index = self.index.stats();
        let file_bytes = self.published.lock().file_bytes;
        let mut stats = BackendStats::default();
        stats.rows = index.rows;
        stats.live_bytes =
            self.segments.all().iter().map(|segment| segment.live()).sum::<u64>() + file_bytes;
        stats.stored_bytes = self.segments.stored_bytes() + file_bytes + index.run_bytes;
        stats.commits = self.commits.load(Ordering::Relaxed);
        stats.syncs = self.syncs.load(Ordering::Relaxed);
        stats
    }

    /// Brings all that was committed to `durability`.
    pub(crate) fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.check_open()?;
        if self.read_only {
            return Ok(());
        }
        self.flush_all(durability)
    }

    /// Flushes, leaves a checkpoint behind, lets the medium go.
    pub(crate) fn close(&self) -> Result<(), BackendError> {
        // The threads have ended by now, and every later write is refused.
        let outcome = if self.read_only { Ok(()) } else { self.checkpoint_and_close() };
        self.closed.store(true, Ordering::Release);
        self.lock.lock().take();
        outcome
    }

    /// Refuses what comes from now on; true for the first to ask.
    pub(crate) fn begin_to_close(&self) -> bool {
        !self.closing.swap(true, Ordering::AcqRel)
    }

    fn checkpoint_and_close(&self) -> Result<(), BackendError> {
        self.flush_all(Durability::Synced)?;
        let mut maintenance = self.maintenance.lock();
        // All is safe by now. A checkpoint that finds no room only makes the next opening slower.
        let outcome = self.checkpoint_now(&mut maintenance, true);
        outcome.or_else(|error| if is_full(&error) { Ok(()) } else { Err(error) })?;
        self.remove_dead_files()?;
        while self.segments.recycle()? {}
        // Room for what nobody is going to write now.
        self.segments.give_back_spares().map(|_| ())
    }

    fn check_open(&self) -> Result<(), BackendError> {
        if self.closed.load(Ordering::Acquire) { Err(BackendError::Closed) } else { Ok(()) }
    }

    fn check_writable(&self) -> Result<(), BackendError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(BackendError::Closed);
        }
        if self.read_only {
            return Err(BackendError::ReadOnly);
        }
        self.check_poison()
    }

    fn check_poison(&self) -> Result<(), BackendError> {
        match self.poison.get() {
            Some(cause) => Err(BackendError::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    fn is_poisoned(&self) -> bool {
        self.poison.get().is_some()
    }

    /// Refuses all writes from now on: what is on the medium is in doubt. Returns `error`.
    fn poison(&self, error: BackendError) -> BackendError {
        let cause = match &error {
            BackendError::Io { action, place, .. } => format!("{action} {place}"),
            other => other.to_string(),
        };
        self.poison_with(cause);
        error
    }

    /// As [`Self::poison`]. Not to be called with the commit lock held.
    fn poison_with(&self, cause: String) {
        // The first cause is the one to tell.
        let _ = self.poison.set(cause);
        // Whoever checked before the line above waits by now, or has seen it.
        let mut queue = self.queue.lock();
        self.landed.notify_all();
        self.flusher.notify_all();
        let position = self.position.load(Ordering::Acquire);
        // Whoever leads tells them when the group has ended; from now on nobody else will lead.
        let ready = if self.is_led() { Vec::new() } else { queue.take_callbacks(position, true) };
        drop(queue);
        self.bells.iter().for_each(Bell::wake_all);
        group::call_back(ready, position, &self.check_poison());
        self.alarm.ring();
        self.alarm.ring_room();
    }

    fn name_of(&self, blob: &BlobRef) -> Result<BlobName, BackendError> {
        BlobName::decode(&self.store, blob)
    }
}

/// True when there was no room: nothing is in doubt then, if nothing was being overwritten. A sync
/// that finds no room leaves as much in doubt as any that fails.
fn is_full(error: &BackendError) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error, BackendError::Io { action, source, .. }
        if matches!(source.kind(), StorageFull | QuotaExceeded) && !action.starts_with("sync"))
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("place", &self.device.place())
            .field("position", &self.position())
            .field("poison", &self.poison.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
