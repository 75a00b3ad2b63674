//! Group commit: whoever waits first writes and syncs for everybody.
//!
//! ```text
//!            wait, nobody leads                    write, sync            publish
//!  waiting -------------------> leads the group -----------> safe ---------------> done
//!     |  somebody leads                                                              |
//!     +---> sleeps on the bell of its group <--- rung for all of this group ---------+
//!                                           <--- rung for one of the next: it leads -+
//! ```
//!
//! There is no timer: a lone writer leads at once, and those who come while a group is being synced
//! are the next one. Two bells take turns, so that the many who are done and the one who goes on
//! are woken apart.
//!
//! Whoever waits knows its group from the moment of its commit, and so takes the commit lock only to
//! lead. What it sleeps for, it looks at under the lock of the bell: that somebody leads. A leader
//! first ceases to lead, and rings afterwards.

use crate::{
    engine::{
        Engine,
        bell::Bell,
        pending::Changes,
        queue::{Callback, Entry, Queue},
    },
    format::Lsn,
    log::tail::Flight,
    segment::Segment,
    settings::Background,
};
use cistern_storage_core::port::{BackendError, Durability, Position, TicketPromise};
use parking_lot::MutexGuard;
use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, atomic::Ordering},
};

/// What somebody waits for.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// The commit at the position is published.
    Published(Lsn),
    /// The log is written up to the lsn.
    Written(Lsn),
    /// The log is synced up to the lsn.
    Durable(Lsn),
}

impl Engine {
    /// Waits until the commit at `position` is published.
    pub(super) fn wait_published(&self, position: Lsn) -> Result<(), BackendError> {
        let goal = Goal::Published(position);
        if self.is_reached(goal) {
            return Ok(());
        }
        let group = self.queue.lock().group_of(position);
        self.wait(goal, group)
    }

    /// Brings all that was committed so far to `durability`.
    pub(super) fn flush_all(&self, durability: Durability) -> Result<(), BackendError> {
        let mut queue = self.queue.lock();
        let (end, last) = (queue.tail.next(), queue.last);
        let group = match durability {
            Durability::Memory => return Ok(()),
            Durability::Os => queue.group_of(end - 1),
            Durability::Synced => {
                queue.sync_to = queue.sync_to.max(end);
                // The group that is being written may not sync; the next one will.
                queue.next_group()
            }
        };
        let last_group = queue.group_of(last);
        drop(queue);
        match durability {
            Durability::Memory => {}
            Durability::Os => self.wait(Goal::Written(end), group)?,
            Durability::Synced => self.wait(Goal::Durable(end), group)?,
        }
        // Written is not yet published.
        self.wait(Goal::Published(last), last_group)
    }

    fn is_reached(&self, goal: Goal) -> bool {
        // Acquire, with the releases where these are stored: who sees a number sees what it means.
        match goal {
            Goal::Published(position) => self.position.load(Ordering::Acquire) >= position,
            Goal::Written(lsn) => self.written.load(Ordering::Acquire) >= lsn,
            Goal::Durable(lsn) => self.durable.load(Ordering::Acquire) >= lsn,
        }
    }

    /// Waits for what `group` will reach, if no earlier one does.
    fn wait(&self, goal: Goal, group: usize) -> Result<(), BackendError> {
        let mut has_slept = false;
        loop {
            if self.is_reached(goal) {
                if has_slept {
                    self.pass_on(group);
                }
                return Ok(());
            }
            self.check_poison()?;
            if self.is_led() {
                has_slept |= self
                    .bell(group)
                    .sleep_if(|| self.is_led() && !self.is_reached(goal) && !self.is_poisoned());
                continue;
            }
            let queue = self.queue.lock();
            if !self.is_led() && !self.is_reached(goal) && !self.is_poisoned() {
                self.lead(queue);
            }
        }
    }

    /// Whoever was woken to lead `group` and need not wakes another.
    fn pass_on(&self, group: usize) {
        // Acquire: whoever sees that a leader has ceased to lead sees which group it was.
        if !self.is_led() && self.finished.load(Ordering::Acquire) < group {
            self.bell(group).wake_one();
        }
    }

    fn bell(&self, group: usize) -> &Bell {
        &self.bells[group % 2]
    }

    /// True while somebody leads. It changes under the commit lock.
    pub(super) fn is_led(&self) -> bool {
        // Acquire, with the release where a leader ceases to lead: the group is done then.
        self.leading.load(Ordering::Acquire)
    }

    /// Writes one group, and publishes it. Nobody else leads.
    pub(super) fn lead(&self, mut queue: MutexGuard<'_, Queue>) {
        let mut group = self.begin_group(&mut queue);
        while queue.direct.iter().any(|lsn| *lsn < group.end) && !self.is_poisoned() {
            self.landed.wait(&mut queue);
        }
        if group.sync {
            group.segments = queue.tail.take_unsynced();
        }
        drop(queue);
        let guard = PoisonOnPanic { engine: self };
        if let Err(error) = self.check_poison().and_then(|()| self.write_group(&group)) {
            self.poison(error);
        } else {
            self.publish(group.entries.make_contiguous());
        }
        group.entries.clear();
        group.entries.shrink_to(IDLE_ENTRIES_MAX);
        mem::forget(guard);
        self.end_group(group);
    }

    fn begin_group(&self, queue: &mut Queue) -> Group {
        debug_assert!(!self.is_led());
        let idle = mem::take(&mut queue.idle_entries);
        let entries = mem::replace(&mut queue.entries, idle);
        let end = queue.tail.next();
        let sync = queue.sync_to > self.durable.load(Ordering::Relaxed)
            || entries.iter().any(|entry| entry.durability == Durability::Synced);
        let flight = Arc::new(queue.tail.take());
        self.leading.store(true, Ordering::Release);
        queue.group += 1;
        queue.group_end = end;
        queue.group_entries = entries.len();
        queue.pending.leave();
        // Whatever somebody wanted to see written is in this group.
        queue.flush_wanted = false;
        queue.flight = Some(Arc::clone(&flight));
        let files = if sync { mem::take(&mut queue.unsynced_files) } else { Vec::new() };
        Group { end, sync, flight, entries, files, segments: Vec::new() }
    }

    fn write_group(&self, group: &Group) -> Result<(), BackendError> {
        // Bodies first: a commit that survives names bytes that do.
        if !group.files.is_empty() {
            self.files.sync(&group.files)?;
        }
        if !group.flight.is_empty() {
            group.flight.write()?;
        }
        self.written.store(group.end, Ordering::Release);
        if group.sync {
            for segment in &group.segments {
                segment.sync()?;
                self.syncs.fetch_add(1, Ordering::Relaxed);
            }
            self.durable.store(group.end, Ordering::Release);
        }
        Ok(())
    }

    fn end_group(&self, group: Group) {
        let mut queue = self.queue.lock();
        let poison = self.check_poison();
        let mut gone = None;
        // In a store that is poisoned the flight stays: what was published at once may be read from
        // it.
        if poison.is_ok() {
            queue.group_entries = 0;
            queue.flight = None;
            queue.idle_entries = group.entries;
            if let Some(flight) = Arc::into_inner(group.flight) {
                queue.tail.give_back(flight);
            }
            gone = Some((queue.pending.arrive(), self.publish_at_once(&mut queue)));
        }
        let this = queue.group;
        // Release: see where they are loaded.
        self.finished.store(this, Ordering::Release);
        self.leading.store(false, Ordering::Release);
        let position = self.position.load(Ordering::Acquire);
        let ready = queue.take_callbacks(position, poison.is_err());
        if queue.flush_wanted || poison.is_err() {
            self.flusher.notify_one();
        }
        drop(queue);
        self.ring(this, poison.is_err());
        // Neither rows nor callbacks are dropped under the commit lock.
        drop(gone);
        call_back(ready, position, &poison);
    }

    /// Commits that ask for nothing wait only for those before them.
    fn publish_at_once(&self, queue: &mut Queue) -> Changes {
        while queue.entries.front().is_some_and(|entry| entry.durability == Durability::Memory) {
            let entry = queue.entries.pop_front();
            let mut entry = entry.expect("it was just seen");
            self.publish(std::slice::from_mut(&mut entry));
        }
        // Rows that are published while nothing is queued are not remembered any more.
        if queue.entries.is_empty() { queue.pending.forget_queued() } else { Changes::new() }
    }

    /// Wakes one who waits for the next group, which it will lead, and all who waited for this one.
    fn ring(&self, this: usize, is_poisoned: bool) {
        if is_poisoned {
            self.bells.iter().for_each(Bell::wake_all);
        } else {
            self.bell(this + 1).wake_one();
            self.bell(this).wake_all();
        }
    }

    /// Keeps the buffer within its bounds: has it written, or waits until it is.
    pub(super) fn relieve(&self, mut queue: MutexGuard<'_, Queue>) -> Result<(), BackendError> {
        let buffered = queue.tail.buffered();
        if buffered < BUFFER_BYTES_MAX || (self.is_led() && buffered < BUFFER_BYTES_HARD_MAX) {
            return Ok(());
        }
        let end = queue.tail.next();
        if self.settings.background == Background::Threads && buffered < BUFFER_BYTES_HARD_MAX {
            // Whoever did not ask for a write need not do one.
            self.want_flush(&mut queue, end - 1);
            return Ok(());
        }
        let group = queue.group_of(end - 1);
        drop(queue);
        self.wait(Goal::Written(end), group)
    }

    /// Leads a group for those who will not, if there are any.
    pub(super) fn flush_for_others(&self) -> Result<bool, BackendError> {
        let queue = self.queue.lock();
        if !queue.flush_wanted || self.is_led() {
            return Ok(false);
        }
        self.lead(queue);
        self.check_poison()?;
        Ok(true)
    }

    /// Leads groups for those who will not, until the store closes.
    pub(super) fn flush_until_closed(&self) {
        let mut queue = self.queue.lock();
        while !self.closing.load(Ordering::Acquire) && !self.is_poisoned() {
            if queue.flush_wanted && !self.is_led() {
                self.lead(queue);
                queue = self.queue.lock();
            } else {
                self.flusher.wait(&mut queue);
            }
        }
    }

    /// Sees to it that somebody leads the group of `position`, since whoever committed will not.
    fn want_flush(&self, queue: &mut Queue, position: Lsn) {
        let is_led = self.is_led();
        if is_led && position < queue.group_end {
            return;
        }
        queue.flush_wanted = true;
        if !is_led {
            self.flusher.notify_one();
        }
    }

    /// The promise of the commit at `position`, which `group` will keep.
    pub(super) fn promise(self: &Arc<Self>, position: Lsn, group: usize) -> Arc<dyn TicketPromise> {
        Arc::new(Promise { engine: Arc::clone(self), position, group })
    }
}

/// Tells those who left a callback. Without any lock: they may do what they like.
pub(super) fn call_back(
    ready: Vec<(Lsn, Callback)>,
    position: Lsn,
    poison: &Result<(), BackendError>,
) {
    for (lsn, then) in ready {
        then(if lsn <= position { Ok(()) } else { poison.clone() });
    }
}

/// What a leader carries.
struct Group {
    end: Lsn,
    sync: bool,
    flight: Arc<Flight>,
    entries: VecDeque<Entry>,
    files: Vec<Arc<dyn crate::device::DeviceFile>>,
    segments: Vec<Arc<Segment>>,
}

/// One commit's side of its ticket. Dropped without anybody having waited, it sees to it that the
/// commit is published all the same.
struct Promise {
    engine: Arc<Engine>,
    position: Lsn,
    group: usize,
}

impl TicketPromise for Promise {
    fn wait(&self, position: Position) -> Result<(), BackendError> {
        self.engine.wait(Goal::Published(position.0), self.group)
    }

    fn on_done(self: Arc<Self>, position: Position, then: Callback) {
        let mut queue = self.engine.queue.lock();
        let outcome = if self.engine.is_reached(Goal::Published(position.0)) {
            Ok(())
        } else if let Err(poisoned) = self.engine.check_poison() {
            Err(poisoned)
        } else {
            queue.callbacks.push((position.0, then));
            self.engine.want_flush(&mut queue, position.0);
            return;
        };
        drop(queue);
        then(outcome);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let engine = &self.engine;
        if engine.is_reached(Goal::Published(self.position)) || engine.is_poisoned() {
            return;
        }
        let mut queue = engine.queue.lock();
        engine.want_flush(&mut queue, self.position);
    }
}

/// A panic while a group is half done leaves it in doubt.
struct PoisonOnPanic<'a> {
    engine: &'a Engine,
}

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        let cause = "finish a group of commits";
        // Nobody ends the group, and nobody may lead the next one: first the latch.
        let _ = self.engine.poison.set(cause.into());
        {
            let _queue = self.engine.queue.lock();
            self.engine.leading.store(false, Ordering::Release);
        }
        self.engine.poison_with(cause.into());
    }
}

/// A buffer of this size is written even if nobody waits, by the thread that flushes.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// Writers wait when the buffer has this size while a group is being written.
const BUFFER_BYTES_HARD_MAX: usize = 8 << 20;

/// A list of commits that grew beyond this is cut back when it is idle.
const IDLE_ENTRIES_MAX: usize = 1024;
