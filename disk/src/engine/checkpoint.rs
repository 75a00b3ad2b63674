//! Checkpoints: rows from memory to sorted runs, so that replay has less to do and segments that
//! hold nothing but old commits can be used again.
//!
//! The order is what makes it safe:
//! 1. Dead segments are taken out of the table: nobody finds them any more.
//! 2. Under the locks of commit and publication, at one moment: rows are frozen, and what belongs
//!    to them is written down.
//! 3. The log is synced up to that moment.
//! 4. Run and manifest are written and synced. From here on a crash finds the new state.
//! 5. Only now may the dead segments be overwritten.

use crate::{
    engine::{
        Engine, is_full,
        maintain::Maintenance,
        meta::{Meta, SegmentRecord},
        name::{lsn_of_key, packed_owners_key},
        owners::count_of,
    },
    format::Lsn,
    segment::Segment,
};
use cistern_storage_core::port::{BackendError, Durability, KeyRange, Order, Row};
use std::sync::{Arc, atomic::Ordering};

impl Engine {
    /// True when a checkpoint is due.
    pub(super) fn wants_checkpoint(&self) -> bool {
        // Relaxed: what is missed now is seen next time.
        let tail = self.queue.lock().tail.next();
        let log = tail.saturating_sub(self.checkpoint.load(Ordering::Relaxed));
        self.overlay_bytes.load(Ordering::Relaxed) > self.settings.overlay_bytes_max
            || self.frozen.load(Ordering::Relaxed)
            || log > self.log_bytes_max.load(Ordering::Relaxed)
            || self.dead_bytes() > self.slack_bytes()
    }

    /// Takes a checkpoint. `clean` says that nothing is written after it.
    pub(super) fn checkpoint_now(
        &self,
        maintenance: &mut Maintenance,
        clean: bool,
    ) -> Result<(), BackendError> {
        let outcome = self.try_checkpoint(maintenance, clean);
        match &outcome {
            Ok(()) => self.frozen.store(false, Ordering::Release),
            // The frozen rows stay where they are, and the log still has them.
            Err(error) if is_full(error) => {}
            Err(error) => {
                self.poison(error.clone());
            }
        }
        self.alarm.end_checkpoint(outcome.clone().err());
        outcome
    }

    fn try_checkpoint(
        &self,
        maintenance: &mut Maintenance,
        clean: bool,
    ) -> Result<(), BackendError> {
        self.check_poison()?;
        let dead = self.retire_dead();
        maintenance.retired.extend(dead.iter().cloned());
        for segment in dead {
            self.forget_dead_rows(&segment)?;
        }
        let meta = self.capture(clean);
        self.flush_all(Durability::Synced)?;
        self.index.checkpoint(meta.encode())?;
        self.checkpoint.store(meta.end, Ordering::Relaxed);
        self.segments.release(std::mem::take(&mut maintenance.retired));
        self.fit_log()
    }

    /// Makes the log as long, and its segments, as fits what is kept: a small store has a short one.
    pub(super) fn fit_log(&self) -> Result<(), BackendError> {
        let kept = self.kept_bytes();
        let log = self.settings.log_bytes_max.min((kept / 4).max(LOG_BYTES_MIN));
        self.log_bytes_max.store(log, Ordering::Relaxed);
        self.segments.fit(kept)
    }

    /// What rows and bodies take, without what is dead.
    pub(super) fn kept_bytes(&self) -> u64 {
        self.stats().live_bytes + self.index.stats().run_bytes
    }

    /// The segments that hold nothing which is still needed once a checkpoint is taken.
    fn dead_segments(&self) -> Vec<Arc<Segment>> {
        let end = {
            let queue = self.queue.lock();
            let mut published = self.published.lock();
            if queue.is_idle() {
                published.end = queue.tail.next();
            }
            published.end
        };
        let mut segments = self.segments.all();
        segments.retain(|segment| {
            // One that ends just there is where replay would begin.
            let covered = segment.sealed().is_some_and(|sealed| sealed < end);
            // In this order: a blob is live before it ceases to be unowned.
            covered && segment.unowned() == 0 && segment.live() == 0
        });
        segments
    }

    /// How much a checkpoint would set free.
    pub(super) fn dead_bytes(&self) -> u64 {
        self.dead_segments().iter().map(|segment| segment.header.capacity).sum()
    }

    fn retire_dead(&self) -> Vec<Arc<Segment>> {
        let dead = self.dead_segments();
        self.segments.retire(&dead);
        dead
    }

    /// Rows which say that a blob of this segment is dead are not needed any more: nobody finds the
    /// segment. Rows which count owners are those of blobs that were moved away.
    fn forget_dead_rows(&self, segment: &Segment) -> Result<(), BackendError> {
        let end = packed_owners_key(segment.end());
        let mut from = segment.start();
        loop {
            let start = packed_owners_key(from);
            let range = KeyRange::between(&start, &end);
            let rows = self.index.scan(range, Order::Forward, FORGOTTEN_AT_ONCE)?;
            let Some(last) = rows.last() else { return Ok(()) };
            from = lsn_of_key(&last.key).map_or(segment.end(), |lsn| lsn + 1);
            let is_dead = |row: &Row| count_of(&row.value.to_bytes()).is_ok_and(|count| count == 0);
            let dead = rows.into_iter().filter(is_dead);
            self.index.publish(dead.map(|row| (row.key, None)));
        }
    }

    /// Freezes the rows, and writes down what belongs to them.
    fn capture(&self, clean: bool) -> Meta {
        let queue = self.queue.lock();
        let mut published = self.published.lock();
        if queue.is_idle() {
            published.end = queue.tail.next();
        }
        self.index.freeze();
        self.frozen.store(true, Ordering::Release);
        self.overlay_bytes.store(0, Ordering::Relaxed);
        Meta {
            clean,
            end: published.end,
            position: self.position().0,
            next_file: self.files.peek_number(),
            file_bytes: published.file_bytes,
            segments: self.segments.all().iter().map(SegmentRecord::of).collect(),
            counters: self.counters.read().clone(),
            unowned: self.unowned.lock().iter().copied().collect(),
        }
    }

    /// Removes the files of bodies that nobody owns any more, as soon as no crash can bring their
    /// owners back.
    pub(super) fn remove_dead_files(&self) -> Result<bool, BackendError> {
        let durable: Lsn = self.durable.load(Ordering::Acquire);
        let gone: Vec<_> = {
            let mut published = self.published.lock();
            let is_durable = |end: &Lsn| *end <= durable;
            let (gone, later) = std::mem::take(&mut published.dead_files)
                .into_iter()
                .partition(|(end, _)| is_durable(end));
            published.dead_files = later;
            gone
        };
        for (_, file) in &gone {
            self.files.forget(*file);
            let name = self.files.id(*file).name();
            let removed = self.device.remove(&name);
            removed.map_err(|error| BackendError::io("remove", &name, error))?;
        }
        Ok(!gone.is_empty())
    }
}

/// The log since the last checkpoint may always grow to this, if the setting allows it.
const LOG_BYTES_MIN: u64 = 32 << 20;

/// How many rows are removed in one step.
const FORGOTTEN_AT_ONCE: usize = 1024;
