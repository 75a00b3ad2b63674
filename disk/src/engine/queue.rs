//! `Queue`: commits on their way from their place in the log to being published.

use crate::{
    device::DeviceFile,
    engine::owners::SpaceChange,
    format::Lsn,
    log::tail::{Flight, Tail},
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Durability, OnPublish};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// What the commit lock protects. Whoever holds it does not wait for the medium, except to open the
/// next segment when none was made ready.
pub(crate) struct Queue {
    pub(crate) tail: Tail,
    /// Committed, not taken by a group, in the order of commits.
    pub(crate) entries: VecDeque<Entry>,
    /// What the rows will be once all of `entries`, and those of the current group, are published.
    pub(crate) pending: BTreeMap<Bytes, Pending>,
    /// Somebody writes a group.
    pub(crate) leading: bool,
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
    /// How many wait for a group, by the group's number modulo 2.
    pub(crate) waiting: [usize; 2],
    /// Somebody needs the log synced up to here.
    pub(crate) sync_to: Lsn,
    /// Somebody needs a group led who will not lead it.
    pub(crate) flush_wanted: bool,
    /// Blob files that commits own and that were not synced.
    pub(crate) unsynced_files: Vec<Arc<dyn DeviceFile>>,
    /// To be called when the commit at the position is done.
    pub(crate) callbacks: Vec<(Lsn, Callback)>,
}

/// Told how a commit ended.
pub(crate) type Callback = Box<dyn FnOnce(Result<(), BackendError>) + Send>;

/// A committed change of a row that is not published.
pub(crate) struct Pending {
    pub(crate) position: Lsn,
    pub(crate) value: Option<Bytes>,
}

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
            pending: BTreeMap::new(),
            leading: false,
            group: 0,
            group_end: 0,
            group_entries: 0,
            last: 0,
            flight: None,
            direct: Vec::new(),
            waiting: [0; 2],
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

    /// Forgets what `entry` left pending.
    pub(crate) fn settle(&mut self, entry: &Entry) {
        for (key, _) in &entry.rows {
            if self.pending.get(key).is_some_and(|row| row.position == entry.position) {
                self.pending.remove(key);
            }
        }
    }

    /// Bytes of the log that are not written yet.
    pub(crate) fn peek(&self, lsn: Lsn, len: usize) -> Option<&[u8]> {
        let in_flight = self.flight.as_ref().and_then(|flight| flight.peek(lsn, len));
        in_flight.or_else(|| self.tail.peek(lsn, len))
    }
}
