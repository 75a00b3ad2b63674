//! What happens behind the writers' backs, in bounded steps.

use crate::{
    engine::{Engine, compaction::Victim, is_full},
    format::Lsn,
    index::Effort,
    segment::Segment,
    settings::{Background, PAGE_BYTES, SEGMENT_BYTES_MIN},
};
use cistern_storage_core::port::{BackendError, Durability};
use parking_lot::{Condvar, Mutex};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What the one who maintains remembers from step to step.
#[derive(Debug, Default)]
pub(super) struct Maintenance {
    /// Segments that nobody finds any more, and that the next checkpoint sets free.
    pub(super) retired: Vec<Arc<Segment>>,
    /// The segment that is being emptied.
    pub(super) victim: Option<Victim>,
    /// The rest that the store is in: how many commits there were when it began, and where the log
    /// ended. What tidying up has written itself lies behind that, and is left alone.
    pub(super) rest: Option<(u64, Lsn)>,
    /// Segments that cannot be emptied.
    pub(super) damaged: Vec<u64>,
}

impl Engine {
    /// Does one step of what is to be done; false when there is nothing.
    pub(crate) fn maintain(&self) -> Result<bool, BackendError> {
        if self.read_only {
            return Ok(false);
        }
        let mut maintenance = self.maintenance.lock();
        self.check_writable()?;
        let outcome = self.step(&mut maintenance);
        match outcome {
            Err(BackendError::Closed) => Ok(false),
            // Without room nothing is in doubt, and with some it goes on.
            Err(error) if !is_full(&error) && is_in_doubt(&error) => Err(self.poison(error)),
            outcome => outcome,
        }
    }

    fn step(&self, maintenance: &mut Maintenance) -> Result<bool, BackendError> {
        if self.flush_for_others()? || self.remove_dead_files()? {
            return Ok(true);
        }
        if self.prepare_segment()? {
            return Ok(true);
        }
        if self.wants_checkpoint() {
            return self.checkpoint_now(maintenance, false).map(|()| true);
        }
        if self.segments.recycle()?
            || self.segments.fill_spare()?
            || self.index.merge(Effort::Busy)?
        {
            return Ok(true);
        }
        self.compact(maintenance, Effort::Busy)
    }

    /// Does one step of what is worth doing when nobody writes: the log gets short, little that is
    /// out of date or dead is kept. False when there is nothing left.
    pub(crate) fn tidy(&self) -> Result<bool, BackendError> {
        if self.maintain()? {
            return Ok(true);
        }
        if self.read_only {
            return Ok(false);
        }
        let mut maintenance = self.maintenance.lock();
        self.check_writable()?;
        let outcome = self.tidy_step(&mut maintenance);
        match outcome {
            Err(BackendError::Closed) => Ok(false),
            Err(error) if !is_full(&error) && is_in_doubt(&error) => Err(self.poison(error)),
            outcome => outcome,
        }
    }

    fn tidy_step(&self, maintenance: &mut Maintenance) -> Result<bool, BackendError> {
        let commits = self.commits.load(Ordering::Relaxed);
        if maintenance.rest.is_none_or(|(began_at, _)| began_at != commits) {
            maintenance.rest = Some((commits, self.queue.lock().tail.next()));
        }
        // Relaxed: what is missed now is seen next time.
        let checkpoint = self.checkpoint.load(Ordering::Relaxed);
        let log = self.queue.lock().tail.next().saturating_sub(checkpoint);
        if log > IDLE_LOG_BYTES_MAX || self.dead_bytes() > 0 {
            return self.checkpoint_now(maintenance, false).map(|()| true);
        }
        Ok(self.index.merge(Effort::Idle)?
            || self.compact(maintenance, Effort::Idle)?
            || self.shorten_log()?)
    }

    /// Goes on in a short segment if the one that is being written is long beside what is kept, and
    /// holds nothing of it: then the next checkpoint sets the long one free. Segments grow again as
    /// they are filled, so that whoever writes little between two rests does not have much filled
    /// with zeros for it.
    fn shorten_log(&self) -> Result<bool, BackendError> {
        let kept = self.kept_bytes();
        let longest = self.settings.segment_bytes;
        let shortest = (longest / SHORTEST_PART).max(SEGMENT_BYTES_MIN);
        let wanted = (kept / KEPT_PART).clamp(shortest, longest);
        let wanted = wanted - wanted % PAGE_BYTES;
        {
            let mut queue = self.queue.lock();
            let segment = queue.tail.segment();
            let is_long = segment.file_bytes() > wanted + wanted / 4;
            // In this order: a blob is live before it ceases to be unowned.
            let is_needed = segment.unowned() > 0 || segment.live() > 0;
            if !is_long || is_needed || !queue.is_idle() {
                drop(queue);
                return self.segments.give_back_useless_spares();
            }
            let durable = self.durable.load(Ordering::Relaxed);
            queue.tail.move_to(wanted, durable, &self.segments)?;
        }
        self.flush_all(Durability::Os)?;
        Ok(true)
    }

    /// Makes the next segment ready once half of the current one is full.
    fn prepare_segment(&self) -> Result<bool, BackendError> {
        let last = {
            let queue = self.queue.lock();
            let segment = queue.tail.segment();
            if queue.tail.next() < segment.half() {
                return Ok(false);
            }
            Arc::clone(segment)
        };
        self.segments.prepare(&last)
    }

    /// Maintains whenever the alarm rings, until the store closes.
    pub(crate) fn maintain_until_closed(&self) {
        let over = || self.closing.load(Ordering::Acquire) || self.is_poisoned();
        let commits = || self.commits.load(Ordering::Relaxed);
        let mut seen = commits();
        while !over() {
            let rung = self.alarm.wait(IDLE_AFTER);
            // An error is told to whoever writes next: the store is poisoned, or has no room.
            while self.maintain().is_ok_and(|did| did) {}
            let before = std::mem::replace(&mut seen, commits());
            if rung || seen != before {
                continue;
            }
            while !over() && commits() == seen && self.tidy().is_ok_and(|did| did) {}
            // Nothing is left to do until somebody rings; whoever writes does, once.
            self.resting.store(true, Ordering::Release);
            if !over() && commits() == seen {
                self.alarm.wait_for_ever();
            }
            self.resting.store(false, Ordering::Release);
            while self.maintain().is_ok_and(|did| did) {}
        }
    }

    /// Whoever writes to a store at rest wakes whoever maintains it.
    pub(super) fn end_rest(&self) {
        // Relaxed: a wake-up that comes one commit late is early enough.
        if self.resting.load(Ordering::Relaxed) {
            self.resting.store(false, Ordering::Release);
            self.alarm.ring();
        }
    }

    /// Leads groups for those who will not, until the store closes.
    pub(crate) fn flush_for_others_until_closed(&self) {
        self.flush_until_closed();
    }

    /// Wakes the threads so that they find that the store closes.
    pub(crate) fn wake_threads(&self) {
        let queue = self.queue.lock();
        self.flusher.notify_all();
        drop(queue);
        self.alarm.ring();
        self.alarm.ring_room();
    }

    /// Waits while there are too many rows in memory that no run has.
    pub(super) fn wait_for_room(&self) -> Result<(), BackendError> {
        // Relaxed: a bound on memory, not a matter of order.
        let max = self.settings.overlay_bytes_max;
        if self.overlay_bytes.load(Ordering::Relaxed) <= max {
            return Ok(());
        }
        if self.settings.background == Background::Manual {
            return self.make_room_by_hand();
        }
        self.alarm.ring();
        let is_full = || {
            let bytes = self.overlay_bytes.load(Ordering::Relaxed);
            let frozen = self.frozen.load(Ordering::Acquire);
            bytes > max * 2 || (bytes > max && frozen)
        };
        if is_full() {
            let over = || self.is_poisoned() || self.closing.load(Ordering::Acquire);
            self.alarm.wait_for_room(|| is_full() && !over())?;
        }
        self.check_writable()
    }

    fn make_room_by_hand(&self) -> Result<(), BackendError> {
        let max = self.settings.overlay_bytes_max;
        if self.overlay_bytes.load(Ordering::Relaxed) <= max * 2 {
            return Ok(());
        }
        let mut maintenance = self.maintenance.lock();
        if self.overlay_bytes.load(Ordering::Relaxed) <= max * 2 {
            return Ok(());
        }
        self.checkpoint_now(&mut maintenance, false)
    }
}

/// A store to which nobody wrote for so long is at rest.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// The segment that a store at rest goes on with has this part of what is kept: one in so many,
const KEPT_PART: u64 = 32;

/// but at least this part of the longest, one in so many.
const SHORTEST_PART: u64 = 16;

/// A store at rest has at most so much log that its next opening would replay.
const IDLE_LOG_BYTES_MAX: u64 = 1 << 20;

/// Damage that is found while tidying up is told to whoever reads; nothing was written over it.
fn is_in_doubt(error: &BackendError) -> bool {
    matches!(error, BackendError::Io { action, .. } if *action != "read" && *action != "open")
}

/// Wakes those who maintain, and those who wait for them.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// So that ringing again costs nothing.
    rung: AtomicBool,
    work: Mutex<()>,
    bell: Condvar,
    room: Mutex<Room>,
    room_bell: Condvar,
}

#[derive(Debug, Default)]
struct Room {
    /// Checkpoints that ended.
    checkpoints: u64,
    /// Why the last one failed.
    failure: Option<BackendError>,
}

impl Alarm {
    /// There may be something to do.
    pub(super) fn ring(&self) {
        // AcqRel: what was done before the ring is seen by whoever answers it.
        if !self.rung.swap(true, Ordering::AcqRel) {
            drop(self.work.lock());
            self.bell.notify_all();
        }
    }

    /// Waits for a ring; false when none came for so long.
    fn wait(&self, at_most: Duration) -> bool {
        let mut work = self.work.lock();
        while !self.rung.swap(false, Ordering::AcqRel) {
            if self.bell.wait_for(&mut work, at_most).timed_out() {
                return self.rung.swap(false, Ordering::AcqRel);
            }
        }
        true
    }

    fn wait_for_ever(&self) {
        let mut work = self.work.lock();
        while !self.rung.swap(false, Ordering::AcqRel) {
            self.bell.wait(&mut work);
        }
    }

    /// A checkpoint has ended.
    pub(super) fn end_checkpoint(&self, failure: Option<BackendError>) {
        let mut room = self.room.lock();
        room.checkpoints += 1;
        room.failure = failure;
        self.room_bell.notify_all();
    }

    /// Whoever waits looks again.
    pub(super) fn ring_room(&self) {
        drop(self.room.lock());
        self.room_bell.notify_all();
    }

    /// Waits while `is_full`, but not beyond a checkpoint that fails.
    fn wait_for_room(&self, is_full: impl Fn() -> bool) -> Result<(), BackendError> {
        let mut room = self.room.lock();
        let before = room.checkpoints;
        while is_full() {
            if room.checkpoints > before
                && let Some(failure) = &room.failure
            {
                return Err(failure.clone());
            }
            self.room_bell.wait(&mut room);
        }
        Ok(())
    }
}
