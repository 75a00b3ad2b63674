//! Group commit and tickets: `engine/group.rs`, `engine/queue.rs`.
//!
//! | here | in the engine |
//! |---|---|
//! | [`Engine::commit`] | `Engine::place`, `Engine::accept`: a position, an entry in the queue |
//! | [`Engine::wait`] | `Engine::wait`, with [`Goal`] |
//! | [`Engine::pass_on`] | `Engine::pass_on` |
//! | [`Engine::flush`] | `Engine::flush_all(Synced)` |
//! | [`Engine::lead`] | `Engine::lead`, with `begin_group`, `write_group`, `publish`, `end_group` |
//! | [`Engine::ring`], [`Engine::ring_all`] | the same names |
//! | [`Engine::call_back`] | `Engine::call_back` |
//! | [`Engine::poison`] | `Engine::poison_with` |
//! | [`Engine::on_done`], [`Engine::drop_ticket`] | `Promise::on_done`, `Promise::drop` |
//! | [`Engine::flush_until_closed`] | the same name, on the thread `cistern-flush` |
//!
//! A position is a number; where a group ends is the position behind its last one. Left out: frames
//! that their owners write, commits that ask for nothing, bounds of the buffer.

use crate::{fails, holds};
use shuttle::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};
use std::mem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Published(u64),
    Durable(u64),
}

impl Goal {
    fn is_within(self, end: u64) -> bool {
        match self {
            Self::Published(position) => position < end,
            Self::Durable(_) => false,
        }
    }
}

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Nobody is woken to lead the next group: neither when one ends nor by whoever need not lead.
    /// Among those who wait, one of the two is enough.
    NextSleeps,
    /// One of those who waited for the group is woken, not all.
    OneIsWoken,
    /// The group is published after somebody else may lead.
    PublishedLate,
    /// The poison wakes nobody.
    PoisonIsQuiet,
    /// The poison leaves callbacks to a flusher that ends without a word.
    PoisonForgetsCallbacks,
    /// Callbacks are told, and stay.
    CallbacksStay,
}

type Callback = Arc<Told>;

/// How often a callback was told that its commit is there, and that it is not.
#[derive(Debug, Default)]
struct Told {
    done: AtomicUsize,
    failed: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    entries: Vec<u64>,
    next: u64,
    leading: bool,
    group: usize,
    group_end: u64,
    waiting: [usize; 2],
    sync_to: u64,
    flush_wanted: bool,
    callbacks: Vec<(u64, Callback)>,
}

struct Engine {
    queue: Mutex<Queue>,
    bells: [Condvar; 2],
    flusher: Condvar,
    /// Positions below it are published: the engine tells the last one instead.
    published: AtomicU64,
    durable: AtomicU64,
    poisoned: AtomicBool,
    closing: AtomicBool,
    /// What readers see, in the order they came to see it.
    readable: Mutex<Vec<u64>>,
    /// The write of the group with this position fails.
    fails_at: Option<u64>,
    broken: Broken,
}

impl Engine {
    fn new(broken: Broken, fails_at: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            bells: [Condvar::new(), Condvar::new()],
            flusher: Condvar::new(),
            published: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            readable: Mutex::default(),
            fails_at,
            broken,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap()
    }

    fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::SeqCst)
    }

    /// `None` once the store is poisoned.
    fn commit(&self) -> Option<u64> {
        let mut queue = self.lock();
        if self.is_poisoned() {
            return None;
        }
        let position = queue.next;
        queue.next += 1;
        queue.entries.push(position);
        Some(position)
    }

    fn is_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Published(position) => self.published.load(Ordering::SeqCst) > position,
            Goal::Durable(end) => self.durable.load(Ordering::SeqCst) >= end,
        }
    }

    /// False when the store was poisoned.
    fn wait(&self, goal: Goal) -> bool {
        if self.is_reached(goal) {
            return true;
        }
        let mut queue = self.lock();
        loop {
            if self.is_reached(goal) {
                self.pass_on(&queue);
                return true;
            }
            if self.is_poisoned() {
                return false;
            }
            if queue.leading {
                let group = queue.group + usize::from(!goal.is_within(queue.group_end));
                queue.waiting[group % 2] += 1;
                queue = self.bells[group % 2].wait(queue).unwrap();
                queue.waiting[group % 2] -= 1;
            } else {
                queue = self.lead(queue);
            }
        }
    }

    fn pass_on(&self, queue: &Queue) {
        if !queue.leading && self.broken != Broken::NextSleeps {
            self.bells[(queue.group + 1) % 2].notify_one();
        }
    }

    fn flush(&self) -> bool {
        let end = {
            let mut queue = self.lock();
            queue.sync_to = queue.sync_to.max(queue.next);
            queue.next
        };
        self.wait(Goal::Durable(end)) && (end == 0 || self.wait(Goal::Published(end - 1)))
    }

    fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        assert!(!queue.leading);
        let entries = mem::take(&mut queue.entries);
        let end = queue.next;
        let sync = queue.sync_to > self.durable.load(Ordering::SeqCst);
        queue.leading = true;
        queue.group += 1;
        queue.group_end = end;
        drop(queue);
        if self.is_poisoned() || self.fails_at.is_some_and(|position| entries.contains(&position)) {
            self.poison();
        } else {
            thread::yield_now();
            if sync {
                self.durable.store(end, Ordering::SeqCst);
            }
            if self.broken != Broken::PublishedLate {
                self.publish(&entries);
            }
        }
        let mut queue = self.lock();
        queue.leading = false;
        if self.is_poisoned() {
            self.ring_all();
        } else {
            self.ring(&queue);
        }
        if self.broken == Broken::PublishedLate {
            drop(queue);
            self.publish(&entries);
            queue = self.lock();
            self.ring(&queue);
        }
        self.call_back(queue)
    }

    fn publish(&self, entries: &[u64]) {
        for position in entries {
            self.readable.lock().unwrap().push(*position);
            self.published.store(position + 1, Ordering::SeqCst);
        }
    }

    fn ring(&self, queue: &Queue) {
        let (this, next) = (queue.group % 2, (queue.group + 1) % 2);
        if queue.waiting[next] > 0 && self.broken != Broken::NextSleeps {
            self.bells[next].notify_one();
        } else if queue.flush_wanted {
            self.flusher.notify_one();
        }
        if queue.waiting[this] > 0 {
            match self.broken {
                Broken::OneIsWoken => self.bells[this].notify_one(),
                _ => self.bells[this].notify_all(),
            }
        }
    }

    fn ring_all(&self) {
        if self.broken == Broken::PoisonIsQuiet {
            return;
        }
        self.bells.iter().for_each(Condvar::notify_all);
        self.flusher.notify_all();
    }

    fn call_back<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let poisoned = self.is_poisoned();
        let published = self.published.load(Ordering::SeqCst);
        let done = |position: u64| position < published || poisoned;
        let all = match self.broken {
            Broken::CallbacksStay => queue.callbacks.clone(),
            _ => mem::take(&mut queue.callbacks),
        };
        let (ready, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(at, _)| done(*at));
        if self.broken != Broken::CallbacksStay {
            queue.callbacks = later;
        }
        drop(queue);
        for (position, told) in ready {
            let count = if position < published { &told.done } else { &told.failed };
            count.fetch_add(1, Ordering::SeqCst);
        }
        self.lock()
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        let queue = self.lock();
        self.ring_all();
        if !queue.leading && self.broken != Broken::PoisonForgetsCallbacks {
            drop(self.call_back(queue));
        }
    }

    fn want_flush(&self, queue: &mut Queue) {
        queue.flush_wanted = true;
        if !queue.leading {
            self.flusher.notify_one();
        }
    }

    fn on_done(&self, position: u64, told: Callback) {
        let mut queue = self.lock();
        let count = if self.is_reached(Goal::Published(position)) {
            &told.done
        } else if self.is_poisoned() {
            &told.failed
        } else {
            queue.callbacks.push((position, told));
            self.want_flush(&mut queue);
            return;
        };
        drop(queue);
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn drop_ticket(&self, position: u64) {
        if self.is_reached(Goal::Published(position)) || self.is_poisoned() {
            return;
        }
        let mut queue = self.lock();
        self.want_flush(&mut queue);
    }

    fn flush_until_closed(&self) {
        let mut queue = self.lock();
        while !self.closing.load(Ordering::SeqCst) && !self.is_poisoned() {
            if queue.flush_wanted && !queue.leading {
                queue.flush_wanted = false;
                queue = self.lead(queue);
            } else {
                queue = self.flusher.wait(queue).unwrap();
            }
        }
    }

    /// `Engine::wake_threads`, and the flush of `Engine::close`.
    fn close(&self, flusher: thread::JoinHandle<()>) {
        self.closing.store(true, Ordering::SeqCst);
        let queue = self.lock();
        self.flusher.notify_all();
        drop(queue);
        flusher.join().unwrap();
        self.flush();
    }

    /// What was published is what was committed first, in order.
    fn check_order(&self) {
        let readable = self.readable.lock().unwrap().clone();
        let expected: Vec<u64> = (0..readable.len() as u64).collect();
        assert_eq!(readable, expected);
    }
}

fn spawn(
    engine: &Arc<Engine>,
    act: impl FnOnce(&Engine) + Send + 'static,
) -> thread::JoinHandle<()> {
    let engine = Arc::clone(engine);
    thread::spawn(move || act(&engine))
}

/// Writers who wait, and one who wants it all on the medium; nobody else leads.
fn waiters(broken: Broken, fails_at: Option<u64>) {
    let engine = Engine::new(broken, fails_at);
    let write = |engine: &Engine| {
        for _ in 0..2 {
            let Some(position) = engine.commit() else { return };
            if engine.wait(Goal::Published(position)) {
                assert!(engine.readable.lock().unwrap().contains(&position));
            } else {
                assert!(engine.fails_at.is_some());
            }
        }
    };
    let flush = |engine: &Engine| {
        engine.commit();
        let is_safe = engine.flush();
        assert!(is_safe || engine.fails_at.is_some());
    };
    let threads = [
        spawn(&engine, write),
        spawn(&engine, write),
        spawn(&engine, write),
        spawn(&engine, flush),
    ];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    engine.check_order();
    assert!(engine.is_poisoned() || engine.readable.lock().unwrap().len() == 7);
}

/// Tickets with callbacks and tickets dropped, a writer who waits, perhaps a failure elsewhere.
fn tickets(broken: Broken, fails_at: Option<u64>, poisoned_elsewhere: bool) {
    let engine = Engine::new(broken, fails_at);
    let flusher = spawn(&engine, Engine::flush_until_closed);
    let told: Vec<Callback> = (0..3).map(|_| Arc::default()).collect();
    let mut threads = Vec::new();
    for callback in &told {
        let callback = Arc::clone(callback);
        threads.push(spawn(&engine, move |engine| match engine.commit() {
            Some(position) => engine.on_done(position, callback),
            None => drop(callback.failed.fetch_add(1, Ordering::SeqCst)),
        }));
    }
    threads.push(spawn(&engine, move |engine| {
        if poisoned_elsewhere {
            engine.poison();
        } else if let Some(position) = engine.commit() {
            engine.drop_ticket(position);
        }
    }));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    engine.close(flusher);
    engine.check_order();
    for callback in &told {
        let (done, failed) =
            (callback.done.load(Ordering::SeqCst), callback.failed.load(Ordering::SeqCst));
        assert_eq!(done + failed, 1, "a callback was told {done} + {failed} times");
        assert!(failed == 0 || engine.is_poisoned());
    }
}

/// A ticket that is dropped does not hold its commit back, though nobody closes the store.
fn dropped_ticket() {
    let engine = Engine::new(Broken::Nothing, None);
    let flusher = spawn(&engine, Engine::flush_until_closed);
    let told = Callback::default();
    let first = engine.commit().unwrap();
    engine.drop_ticket(first);
    let last = engine.commit().unwrap();
    engine.on_done(last, Arc::clone(&told));
    while told.done.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    assert!(engine.is_reached(Goal::Published(first)));
    engine.close(flusher);
}

#[test]
fn nobody_is_left_sleeping_and_commits_are_published_in_order() {
    holds(|| waiters(Broken::Nothing, None));
}

#[test]
fn a_lone_waiter_leads() {
    holds(|| {
        let engine = Engine::new(Broken::Nothing, None);
        let other = spawn(&engine, |engine| {
            engine.commit();
        });
        let position = engine.commit().unwrap();
        assert!(engine.wait(Goal::Published(position)));
        other.join().unwrap();
    });
}

#[test]
fn a_group_that_fails_wakes_all_and_nothing_after_it_is_published() {
    holds(|| waiters(Broken::Nothing, Some(2)));
}

#[test]
fn a_callback_is_told_once_however_its_commit_ends() {
    holds(|| tickets(Broken::Nothing, None, false));
    holds(|| tickets(Broken::Nothing, Some(1), false));
    holds(|| tickets(Broken::Nothing, None, true));
    holds(dropped_ticket);
}

#[test]
fn a_model_with_one_thing_wrong_fails() {
    fails(|| waiters(Broken::NextSleeps, None));
    fails(|| waiters(Broken::OneIsWoken, None));
    fails(|| waiters(Broken::PublishedLate, None));
    fails(|| waiters(Broken::PoisonIsQuiet, Some(2)));
    fails(|| tickets(Broken::CallbacksStay, None, false));
    fails(|| tickets(Broken::PoisonForgetsCallbacks, None, true));
}
