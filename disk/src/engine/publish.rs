//! Publishing: commits become readable, in their order.

use crate::{
    engine::{Engine, owners::SpaceChange, queue::Entry},
    format::Lsn,
};
use bytes::Bytes;
use cistern_storage_core::port::Position;
use std::{
    collections::BTreeMap,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

/// What is known of the published state beside the rows. Its lock is held while commits are being
/// published, so that whoever holds it sees whole ones.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// Every commit in front of this lsn is published.
    pub(crate) end: Lsn,
    /// Bytes of bodies with a file of their own.
    pub(crate) file_bytes: u64,
    /// Files that nobody owns since the commit that ends at the lsn.
    pub(crate) dead_files: Vec<(Lsn, u64)>,
}

/// Sums by key.
pub(crate) type Counters = BTreeMap<Bytes, i64>;

impl Engine {
    /// Publishes commits, which follow what was published last, and takes their rows. One thread at a
    /// time.
    pub(super) fn publish(&self, entries: &mut [Entry]) {
        let Some(last) = entries.last().map(|entry| entry.position) else { return };
        let mut published = self.published.lock();
        let rows = entries.iter().flat_map(|entry| &entry.rows);
        rows.for_each(|(key, _)| self.touched.mark(key, last));
        // Counters first: who sees a row of a commit sees what it counted.
        entries.iter_mut().for_each(|entry| self.count(std::mem::take(&mut entry.adds)));
        let rows = entries.iter_mut().flat_map(|entry| entry.rows.drain(..));
        let overlay_bytes = self.index.publish(rows);
        // Relaxed: a hint for writers and for maintenance. Under the lock of what is published, as
        // a checkpoint's: it is not to be taken for that of rows which are frozen since.
        self.overlay_bytes.store(overlay_bytes, Ordering::Relaxed);
        for entry in entries {
            published.end = entry.end;
            for change in entry.space.drain(..) {
                self.apply_space(&mut published, change, entry.end);
            }
            // Release: who sees the position sees the rows.
            self.position.store(entry.position, Ordering::Release);
            if let Some(tell) = entry.on_publish.take() {
                tell(Position(entry.position));
            }
        }
    }

    fn count(&self, adds: Vec<(Bytes, i64)>) {
        if adds.is_empty() {
            return;
        }
        let mut counters = self.counters.write();
        for (key, delta) in adds {
            add(&mut counters, key, delta);
        }
    }

    /// Takes note of what a commit, which ends at `end`, did to the space of blobs.
    fn apply_space(&self, published: &mut Published, change: SpaceChange, end: Lsn) {
        match change {
            SpaceChange::Live { segment, bytes, unowned } => {
                segment.add_live(bytes);
                if let Some(lsn) = unowned {
                    self.unowned.lock().remove(&lsn);
                    segment.sub_unowned();
                }
            }
            SpaceChange::Dead { segment, bytes } => {
                segment.mark_dead();
                segment.sub_live(bytes);
            }
            SpaceChange::FileLive { bytes } => published.file_bytes += bytes,
            SpaceChange::FileDead { file, bytes } => {
                published.file_bytes = published.file_bytes.saturating_sub(bytes);
                published.dead_files.push((end, file));
                self.alarm.ring();
            }
        }
    }
}

/// Adds to a counter; one that is 0 takes no place.
fn add(counters: &mut Counters, key: Bytes, delta: i64) {
    use std::collections::btree_map::Entry;
    match counters.entry(key) {
        Entry::Vacant(_) if delta == 0 => {}
        Entry::Vacant(place) => {
            place.insert(delta);
        }
        Entry::Occupied(mut place) => {
            *place.get_mut() = place.get().wrapping_add(delta);
            if *place.get() == 0 {
                place.remove();
            }
        }
    }
}

/// When rows were last published, coarsely: by a hash of the key. A key that was published after
/// some moment is never told to be older; one that was not may be, and is then read again.
pub(crate) struct Touched {
    slots: Box<[AtomicU64; SLOTS]>,
    hasher: foldhash::fast::RandomState,
}

impl Touched {
    pub(crate) fn new() -> Self {
        let slots = Box::new([const { AtomicU64::new(0) }; SLOTS]);
        Self { slots, hasher: foldhash::fast::RandomState::default() }
    }

    /// Notes that `key` is being published with the commit at `position`, or before it.
    // Relaxed: readers come by the commit lock, which the publisher takes afterwards.
    pub(crate) fn mark(&self, key: &[u8], position: Lsn) {
        self.slot(key).fetch_max(position, Ordering::Relaxed);
    }

    /// True when `key` may have been published after `position`.
    pub(crate) fn is_newer(&self, key: &[u8], position: Lsn) -> bool {
        self.slot(key).load(Ordering::Relaxed) > position
    }

    fn slot(&self, key: &[u8]) -> &AtomicU64 {
        let hash = self.hasher.hash_one(key) % SLOTS as u64;
        &self.slots[usize::try_from(hash).expect("a slot's number is small")]
    }
}

/// 32 KiB of them: a group of thousands of rows makes few strangers look new.
const SLOTS: usize = 4096;
