//! `Queue`: commits on their way from their place in the log to being published.

use crate::{
    device::DeviceFile,
    engine::{
        owners::SpaceChange,
        pending::{Pending, PendingRows},
    },
    format::Lsn,
    log::tail::{Flight, Tail},
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Durability, OnPublish};
use std::{collections::VecDeque, mem, sync::Arc};

/// What the commit lock protects. Whoever holds it does not wait for the medium, except to open the
/// next segment when none was made ready.
pub(crate) struct Queue {
    pub(crate) tail: Tail,
    /// Committed, not taken by a group, in the order of commits.
    pub(crate) entries: VecDeque<Entry>,
    /// An empty list with room, for the next group.
    pub(crate) idle_entries: VecDeque<Entry>,
    /// What the rows will be once all of `entries`, and those of the current group, are published.
    pub(crate) pending: PendingRows,
    /// The group that is being written, or was last. Counts up.
    pub(crate) group: usize,
    /// Where it ends.
    pub(crate) group_end: Lsn,
    /// How many commits it has.
    pub(crate) group_entries: usize,
    /// The position given out last.
    pub(crate) last: Lsn,
    /// The group's bytes, for those who read before it is written.
    pub(crate) flight: Option<Arc<Flight>>,
    /// Frames whose owners write them themselves and have not finished.
    pub(crate) direct: Vec<Lsn>,
    /// Somebody needs the log synced up to here.
    pub(crate) sync_to: Lsn,
    /// Somebody needs the next group led who will not lead it.
    pub(crate) flush_wanted: bool,
    /// Blob files that commits own and that were not synced.
    pub(crate) unsynced_files: Vec<Arc<dyn DeviceFile>>,
    /// To be called when the commit at the position is done.
    pub(crate) callbacks: Vec<(Lsn, Callback)>,
}

/// Told how a commit ended.
pub(crate) type Callback = Box<dyn FnOnce(Result<(), BackendError>) + Send>;

/// One commit.
pub(crate) struct Entry {
    pub(crate) position: Lsn,
    /// The lsn behind its frame.
    pub(crate) end: Lsn,
    pub(crate) durability: Durability,
    /// By the keys of the index, the engine's own rows among them.
    pub(crate) rows: Vec<(Bytes, Option<Bytes>)>,
    pub(crate) adds: Vec<(Bytes, i64)>,
    pub(crate) space: Vec<SpaceChange>,
    pub(crate) on_publish: Option<OnPublish>,
}

impl Queue {
    pub(crate) fn new(tail: Tail) -> Self {
        Self {
            tail,
            entries: VecDeque::new(),
            idle_entries: VecDeque::new(),
            pending: PendingRows::default(),
            group: 0,
            group_end: 0,
            group_entries: 0,
            last: 0,
            flight: None,
            direct: Vec::new(),
            sync_to: 0,
            flush_wanted: false,
            unsynced_files: Vec::new(),
            callbacks: Vec::new(),
        }
    }

    /// True when every commit is published.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.group_entries == 0
    }

    /// Takes a commit in.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.last = entry.position;
        for (key, value) in &entry.rows {
            let pending = Pending { position: entry.position, value: value.clone() };
            self.pending.insert(key.clone(), pending);
        }
        self.entries.push_back(entry);
    }

    /// The group that the next commit will belong to.
    pub(crate) fn next_group(&self) -> usize {
        self.group + 1
    }

    /// The group that the commit at `position` belongs to, or belonged to.
    pub(crate) fn group_of(&self, position: Lsn) -> usize {
        if position < self.group_end { self.group } else { self.next_group() }
    }

    /// Takes out the callbacks of commits up to `position`; all of them once the store is poisoned.
    pub(crate) fn take_callbacks(
        &mut self,
        position: Lsn,
        is_poisoned: bool,
    ) -> Vec<(Lsn, Callback)> {
        if self.callbacks.is_empty() {
            return Vec::new();
        }
        let is_done = |lsn: Lsn| lsn <= position || is_poisoned;
        let (ready, later) =
            mem::take(&mut self.callbacks).into_iter().partition(|(lsn, _)| is_done(*lsn));
        self.callbacks = later;
        ready
    }

    /// Bytes of the log that are not written yet.
    pub(crate) fn peek(&self, lsn: Lsn, len: usize) -> Option<&[u8]> {
        let in_flight = self.flight.as_ref().and_then(|flight| flight.peek(lsn, len));
        in_flight.or_else(|| self.tail.peek(lsn, len))
    }
}
