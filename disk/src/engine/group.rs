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

use crate::{
    engine::{
        Engine,
        queue::{Callback, Entry, Queue},
    },
    format::Lsn,
    log::tail::Flight,
    segment::Segment,
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

impl Goal {
    /// True when a group that ends at `end` will do.
    fn is_within(self, end: Lsn) -> bool {
        match self {
            Self::Published(position) => position < end,
            Self::Written(lsn) => lsn <= end,
            // The group may not sync; the next one will.
            Self::Durable(_) => false,
        }
    }
}

impl Engine {
    /// Waits until the commit at `position` is published.
    pub(super) fn wait_published(&self, position: Lsn) -> Result<(), BackendError> {
        self.wait(Goal::Published(position))
    }

    /// Brings all that was committed so far to `durability`.
    pub(super) fn flush_all(&self, durability: Durability) -> Result<(), BackendError> {
        let (end, last) = {
            let mut queue = self.queue.lock();
            let end = queue.tail.next();
            if durability == Durability::Synced {
                queue.sync_to = queue.sync_to.max(end);
            }
            (end, queue.last)
        };
        match durability {
            Durability::Memory => return Ok(()),
            Durability::Os => self.wait(Goal::Written(end))?,
            Durability::Synced => self.wait(Goal::Durable(end))?,
        }
        // Written is not yet published.
        self.wait(Goal::Published(last))
    }

    fn is_reached(&self, goal: Goal) -> bool {
        // Acquire, with the releases where these are stored: who sees a number sees what it means.
        match goal {
            Goal::Published(position) => self.position.load(Ordering::Acquire) >= position,
            Goal::Written(lsn) => self.written.load(Ordering::Acquire) >= lsn,
            Goal::Durable(lsn) => self.durable.load(Ordering::Acquire) >= lsn,
        }
    }

    fn wait(&self, goal: Goal) -> Result<(), BackendError> {
        if self.is_reached(goal) {
            return Ok(());
        }
        let mut queue = self.queue.lock();
        loop {
            if self.is_reached(goal) {
                self.pass_on(&queue);
                return Ok(());
            }
            self.check_poison()?;
            if queue.leading {
                let group = queue.group + usize::from(!goal.is_within(queue.group_end));
                queue.waiting[group % 2] += 1;
                self.bells[group % 2].wait(&mut queue);
                queue.waiting[group % 2] -= 1;
            } else {
                queue = self.lead(queue);
            }
        }
    }

    /// Whoever was woken to lead and need not wakes the next.
    fn pass_on(&self, queue: &Queue) {
        if !queue.leading {
            self.bells[(queue.group + 1) % 2].notify_one();
        }
    }

    /// Writes one group, and publishes it. Nobody else leads.
    pub(super) fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let mut group = self.begin_group(&mut queue);
        while queue.direct.iter().any(|lsn| *lsn < group.end) && !self.is_poisoned() {
            self.landed.wait(&mut queue);
        }
        if group.sync {
            group.segments = queue.tail.take_unsynced();
        }
        MutexGuard::unlocked(&mut queue, || {
            let guard = PoisonOnPanic { engine: self };
            if let Err(error) = self.check_poison().and_then(|()| self.write_group(&group)) {
                self.poison(error);
            } else {
                self.publish(group.entries.make_contiguous());
            }
            mem::forget(guard);
        });
        self.end_group(queue, group)
    }

    fn begin_group(&self, queue: &mut Queue) -> Group {
        debug_assert!(!queue.leading);
        let entries = mem::take(&mut queue.entries);
        let end = queue.tail.next();
        let sync = queue.sync_to > self.durable.load(Ordering::Relaxed)
            || entries.iter().any(|entry| entry.durability == Durability::Synced);
        let flight = Arc::new(queue.tail.take());
        queue.leading = true;
        queue.group += 1;
        queue.group_end = end;
        queue.group_entries = entries.len();
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

    fn end_group<'a>(
        &'a self,
        mut queue: MutexGuard<'a, Queue>,
        mut group: Group,
    ) -> MutexGuard<'a, Queue> {
        queue.leading = false;
        if self.is_poisoned() {
            // The flight stays: what was published at once may be read from it.
            self.ring_all();
        } else {
            queue.group_entries = 0;
            group.entries.iter().for_each(|entry| queue.settle(entry));
            queue.flight = None;
            let Group { flight, .. } = &mut group;
            if let Some(flight) = Arc::get_mut(flight) {
                queue.tail.give_back(mem::take(flight));
            }
            self.publish_at_once(&mut queue);
            self.ring(&mut queue);
        }
        self.call_back(queue, group.entries)
    }

    /// Commits that ask for nothing wait only for those before them.
    fn publish_at_once(&self, queue: &mut Queue) {
        while queue.entries.front().is_some_and(|entry| entry.durability == Durability::Memory) {
            let entry = queue.entries.pop_front();
            let mut entry = entry.expect("it was just seen");
            self.publish(std::slice::from_mut(&mut entry));
            queue.settle(&entry);
        }
    }

    /// Wakes all who waited for the group, and one who waits for the next: it will lead.
    fn ring(&self, queue: &mut Queue) {
        let (this, next) = (queue.group % 2, (queue.group + 1) % 2);
        if queue.waiting[next] > 0 {
            self.bells[next].notify_one();
        } else if queue.flush_wanted {
            self.flusher.notify_one();
        }
        if queue.waiting[this] > 0 {
            self.bells[this].notify_all();
        }
    }

    /// Tells those who left a callback.
    pub(super) fn call_back<'a>(
        &'a self,
        mut queue: MutexGuard<'a, Queue>,
        entries: VecDeque<Entry>,
    ) -> MutexGuard<'a, Queue> {
        let poison = self.check_poison();
        if queue.callbacks.is_empty() && entries.len() < DROPPED_INSIDE_MAX {
            return queue;
        }
        let position = self.position.load(Ordering::Acquire);
        let done = |lsn: Lsn| lsn <= position || poison.is_err();
        let (ready, later) =
            mem::take(&mut queue.callbacks).into_iter().partition(|(lsn, _)| done(*lsn));
        queue.callbacks = later;
        let ready: Vec<(Lsn, Callback)> = ready;
        MutexGuard::unlocked(&mut queue, || {
            drop(entries);
            for (lsn, then) in ready {
                then(if lsn <= position { Ok(()) } else { poison.clone() });
            }
        });
        queue
    }

    /// Keeps the buffer within its bounds: writes it, or waits for the group that is being written.
    pub(super) fn relieve(&self, queue: MutexGuard<'_, Queue>) -> Result<(), BackendError> {
        let buffered = queue.tail.buffered();
        if buffered < BUFFER_BYTES_MAX || (queue.leading && buffered < BUFFER_BYTES_HARD_MAX) {
            return Ok(());
        }
        let end = queue.tail.next();
        drop(queue);
        self.wait(Goal::Written(end))
    }

    /// Leads a group for those who will not, if there are any.
    pub(super) fn flush_for_others(&self) -> Result<bool, BackendError> {
        let mut queue = self.queue.lock();
        if !mem::take(&mut queue.flush_wanted) || queue.leading {
            return Ok(false);
        }
        drop(self.lead(queue));
        self.check_poison()?;
        Ok(true)
    }

    /// Leads groups for those who will not, until the store closes.
    pub(super) fn flush_until_closed(&self) {
        let mut queue = self.queue.lock();
        while !self.closing.load(Ordering::Acquire) && !self.is_poisoned() {
            if queue.flush_wanted && !queue.leading {
                queue.flush_wanted = false;
                queue = self.lead(queue);
            } else {
                self.flusher.wait(&mut queue);
            }
        }
    }

    /// Sees to it that somebody leads, since whoever committed will not.
    fn want_flush(&self, queue: &mut Queue) {
        queue.flush_wanted = true;
        if !queue.leading {
            self.flusher.notify_one();
        }
    }

    pub(super) fn promise(self: &Arc<Self>, position: Lsn) -> Arc<dyn TicketPromise> {
        Arc::new(Promise { engine: Arc::clone(self), position })
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
}

impl TicketPromise for Promise {
    fn wait(&self, position: Position) -> Result<(), BackendError> {
        self.engine.wait_published(position.0)
    }

    fn on_done(self: Arc<Self>, position: Position, then: Callback) {
        let mut queue = self.engine.queue.lock();
        let outcome = if self.engine.is_reached(Goal::Published(position.0)) {
            Ok(())
        } else if let Err(poisoned) = self.engine.check_poison() {
            Err(poisoned)
        } else {
            queue.callbacks.push((position.0, then));
            self.engine.want_flush(&mut queue);
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
        engine.want_flush(&mut queue);
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
        self.engine.queue.lock().leading = false;
        self.engine.poison_with(cause.into());
    }
}

/// A buffer of this size is written even if nobody waits.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// Writers wait when the buffer has this size while a group is being written.
const BUFFER_BYTES_HARD_MAX: usize = 8 << 20;

/// So many commits are dropped under the commit lock rather than letting it go for that.
const DROPPED_INSIDE_MAX: usize = 4;
