//! Group commit and tickets: `engine/group.rs`, `engine/queue.rs`, `engine/bell.rs`.
//!
//! | here | in the engine |
//! |---|---|
//! | [`Engine::commit`] | `Engine::place`, `Engine::accept`: a position, an entry in the queue |
//! | [`Engine::wait`] | `Engine::wait`, with [`Goal`] and the number of the group |
//! | [`Engine::pass_on`] | `Engine::pass_on` |
//! | [`Engine::flush`] | `Engine::flush_all(Synced)` |
//! | [`Engine::lead`] | `Engine::lead`, with `begin_group`, `write_group`, `publish`, `end_group` |
//! | [`Engine::publish_at_once`] | the same name: weak commits are those that ask for nothing |
//! | [`Engine::ring`] | the same name |
//! | [`Bell`] | `Bell` |
//! | [`Queue::take_callbacks`], [`call_back`] | the same names |
//! | [`Engine::poison`] | `Engine::poison_with` |
//! | [`Engine::on_done`], [`Engine::drop_ticket`] | `Promise::on_done`, `Promise::drop` |
//! | [`Engine::flush_until_closed`] | the same name, on the thread `cistern-flush` |
//!
//! A position is a number; where a group ends is the position behind its last one. Left out: frames
//! that their owners write, bounds of the buffer.

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

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Nobody is woken to lead the next group when one ends.
    NextSleeps,
    /// Whoever is woken to lead and need not wakes nobody else.
    NobodyPassesOn,
    /// A leader rings before it ceases to lead.
    RingsTooSoon,
    /// Whoever waits looks for a reason to sleep without the lock of the bell.
    LooksOutside,
    /// The end of a group does not tell the flusher that the next one is its own.
    FlusherIsNotTold,
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
    count: Mutex<usize>,
    heard: Condvar,
}

impl Told {
    fn tell(&self, is_done: bool) {
        let count = if is_done { &self.done } else { &self.failed };
        count.fetch_add(1, Ordering::SeqCst);
        *self.count.lock().unwrap() += 1;
        self.heard.notify_all();
    }

    /// Waits until it is told.
    fn hear(&self) {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            count = self.heard.wait(count).unwrap();
        }
    }
}

#[derive(Default)]
struct Bell {
    sleepers: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    fn sleep_if(&self, has_reason: impl FnOnce() -> bool) -> bool {
        let mut sleepers = self.sleepers.lock().unwrap();
        if !has_reason() {
            return false;
        }
        *sleepers += 1;
        sleepers = self.rung.wait(sleepers).unwrap();
        *sleepers -= 1;
        true
    }

    fn is_needed(&self) -> bool {
        *self.sleepers.lock().unwrap() > 0
    }

    fn wake_one(&self) {
        if self.is_needed() {
            self.rung.notify_one();
        }
    }

    fn wake_all(&self) {
        if self.is_needed() {
            self.rung.notify_all();
        }
    }
}

/// A commit: its position, and whether it asks for nothing.
type Entry = (u64, bool);

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    next: u64,
    group: usize,
    group_end: u64,
    sync_to: u64,
    flush_wanted: bool,
    callbacks: Vec<(u64, Callback)>,
}

impl Queue {
    fn take_callbacks(
        &mut self,
        published: u64,
        is_poisoned: bool,
        broken: Broken,
    ) -> Vec<(u64, Callback)> {
        let is_done = |position: u64| position < published || is_poisoned;
        let all = mem::take(&mut self.callbacks);
        if broken == Broken::CallbacksStay {
            self.callbacks.clone_from(&all);
        }
        let (ready, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(at, _)| is_done(*at));
        if broken != Broken::CallbacksStay {
            self.callbacks = later;
        }
        ready
    }
}

fn call_back(ready: Vec<(u64, Callback)>, published: u64) {
    for (position, told) in ready {
        told.tell(position < published);
    }
}

struct Engine {
    queue: Mutex<Queue>,
    bells: [Bell; 2],
    leading: AtomicBool,
    finished: AtomicUsize,
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
            bells: [Bell::default(), Bell::default()],
            leading: AtomicBool::new(false),
            finished: AtomicUsize::new(0),
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

    fn is_led(&self) -> bool {
        self.leading.load(Ordering::SeqCst)
    }

    fn bell(&self, group: usize) -> &Bell {
        &self.bells[group % 2]
    }

    /// The position and the group; `None` once the store is poisoned.
    fn commit(&self) -> Option<(u64, usize)> {
        self.commit_as(false)
    }

    fn commit_as(&self, is_weak: bool) -> Option<(u64, usize)> {
        let mut queue = self.lock();
        if self.is_poisoned() {
            return None;
        }
        let position = queue.next;
        queue.next += 1;
        queue.entries.push((position, is_weak));
        Some((position, queue.group + 1))
    }

    fn is_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Published(position) => self.published.load(Ordering::SeqCst) > position,
            Goal::Durable(end) => self.durable.load(Ordering::SeqCst) >= end,
        }
    }

    /// False when the store was poisoned.
    fn wait(&self, goal: Goal, group: usize) -> bool {
        let mut has_slept = false;
        loop {
            if self.is_reached(goal) {
                if has_slept {
                    self.pass_on(group);
                }
                return true;
            }
            if self.is_poisoned() {
                return false;
            }
            if self.is_led() {
                let has_reason = || self.is_led() && !self.is_reached(goal) && !self.is_poisoned();
                has_slept |= match self.broken {
                    Broken::LooksOutside => has_reason() && self.bell(group).sleep_if(|| true),
                    _ => self.bell(group).sleep_if(has_reason),
                };
                continue;
            }
            let queue = self.lock();
            if !self.is_led() && !self.is_reached(goal) && !self.is_poisoned() {
                self.lead(queue);
            }
        }
    }

    fn pass_on(&self, group: usize) {
        let is_left = !self.is_led() && self.finished.load(Ordering::SeqCst) < group;
        if is_left && self.broken != Broken::NobodyPassesOn {
            self.bell(group).wake_one();
        }
    }

    fn flush(&self) -> bool {
        let mut queue = self.lock();
        let end = queue.next;
        queue.sync_to = queue.sync_to.max(end);
        let next = queue.group + 1;
        let last = if end <= queue.group_end { queue.group } else { next };
        drop(queue);
        self.wait(Goal::Durable(end), next)
            && (end == 0 || self.wait(Goal::Published(end - 1), last))
    }

    fn lead(&self, mut queue: MutexGuard<'_, Queue>) {
        assert!(!self.is_led());
        let entries = mem::take(&mut queue.entries);
        let end = queue.next;
        let sync = queue.sync_to > self.durable.load(Ordering::SeqCst);
        self.leading.store(true, Ordering::SeqCst);
        queue.group += 1;
        queue.group_end = end;
        queue.flush_wanted = false;
        drop(queue);
        let fails = |entry: &Entry| self.fails_at == Some(entry.0);
        if self.is_poisoned() || entries.iter().any(fails) {
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
        self.end_group(&entries);
    }

    fn end_group(&self, entries: &[Entry]) {
        let mut queue = self.lock();
        let this = queue.group;
        let is_poisoned = self.is_poisoned();
        if !is_poisoned {
            self.publish_at_once(&mut queue);
        }
        if self.broken == Broken::RingsTooSoon {
            self.ring(this, is_poisoned);
        }
        self.finished.store(this, Ordering::SeqCst);
        self.leading.store(false, Ordering::SeqCst);
        let published = self.published.load(Ordering::SeqCst);
        let ready = queue.take_callbacks(published, is_poisoned, self.broken);
        if (queue.flush_wanted && self.broken != Broken::FlusherIsNotTold) || is_poisoned {
            self.flusher.notify_one();
        }
        drop(queue);
        if self.broken == Broken::PublishedLate {
            self.publish(entries);
        }
        if self.broken != Broken::RingsTooSoon {
            self.ring(this, is_poisoned);
        }
        call_back(ready, published);
    }

    fn publish(&self, entries: &[Entry]) {
        for (position, _) in entries {
            self.readable.lock().unwrap().push(*position);
            self.published.store(position + 1, Ordering::SeqCst);
        }
    }

    fn publish_at_once(&self, queue: &mut Queue) {
        let weak = queue.entries.iter().take_while(|(_, is_weak)| *is_weak).count();
        let weak: Vec<Entry> = queue.entries.drain(..weak).collect();
        self.publish(&weak);
    }

    fn ring(&self, this: usize, is_poisoned: bool) {
        if is_poisoned {
            self.ring_for_poison();
            return;
        }
        if self.broken != Broken::NextSleeps {
            self.bell(this + 1).wake_one();
        }
        match self.broken {
            Broken::OneIsWoken => self.bell(this).wake_one(),
            _ => self.bell(this).wake_all(),
        }
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        let mut queue = self.lock();
        self.flusher.notify_all();
        let published = self.published.load(Ordering::SeqCst);
        let forgets = self.is_led() || self.broken == Broken::PoisonForgetsCallbacks;
        let ready =
            if forgets { Vec::new() } else { queue.take_callbacks(published, true, self.broken) };
        drop(queue);
        self.ring_for_poison();
        call_back(ready, published);
    }

    fn ring_for_poison(&self) {
        if self.broken != Broken::PoisonIsQuiet {
            self.bells.iter().for_each(Bell::wake_all);
        }
    }

    fn want_flush(&self, queue: &mut Queue, position: u64) {
        let is_led = self.is_led();
        if is_led && position < queue.group_end {
            return;
        }
        queue.flush_wanted = true;
        if !is_led {
            self.flusher.notify_one();
        }
    }

    fn on_done(&self, position: u64, told: Callback) {
        let mut queue = self.lock();
        let is_done = self.is_reached(Goal::Published(position));
        if !is_done && !self.is_poisoned() {
            queue.callbacks.push((position, told));
            self.want_flush(&mut queue, position);
            return;
        }
        drop(queue);
        told.tell(is_done);
    }

    fn drop_ticket(&self, position: u64) {
        if self.is_reached(Goal::Published(position)) || self.is_poisoned() {
            return;
        }
        let mut queue = self.lock();
        self.want_flush(&mut queue, position);
    }

    fn flush_until_closed(&self) {
        let mut queue = self.lock();
        while !self.closing.load(Ordering::SeqCst) && !self.is_poisoned() {
            if queue.flush_wanted && !self.is_led() {
                self.lead(queue);
                queue = self.lock();
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
            let Some((position, group)) = engine.commit() else { return };
            if engine.wait(Goal::Published(position), group) {
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
            Some((position, _)) => engine.on_done(position, callback),
            None => callback.tell(false),
        }));
    }
    threads.push(spawn(&engine, move |engine| {
        if poisoned_elsewhere {
            engine.poison();
        } else if let Some((position, _)) = engine.commit() {
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
    let (first, _) = engine.commit().unwrap();
    engine.drop_ticket(first);
    let (last, _) = engine.commit().unwrap();
    engine.on_done(last, Arc::clone(&told));
    told.hear();
    assert!(engine.is_reached(Goal::Published(first)));
    engine.close(flusher);
}

/// Writers who wait, one of them for a weak commit, beside one who leaves a callback and is told
/// though nobody closes the store.
fn mixed(broken: Broken) {
    let engine = Engine::new(broken, None);
    let flusher = spawn(&engine, Engine::flush_until_closed);
    let told = Callback::default();
    let write = |is_weak: bool| {
        move |engine: &Engine| {
            let (position, group) = engine.commit_as(is_weak).unwrap();
            assert!(engine.wait(Goal::Published(position), group));
        }
    };
    let callback = Arc::clone(&told);
    let threads = [
        spawn(&engine, write(false)),
        spawn(&engine, write(true)),
        spawn(&engine, write(false)),
        spawn(&engine, move |engine| {
            let (position, _) = engine.commit().unwrap();
            engine.on_done(position, callback);
        }),
    ];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    told.hear();
    engine.close(flusher);
    engine.check_order();
}

/// Writers who wait, some for weak commits; nobody else leads.
fn weak(broken: Broken) {
    let engine = Engine::new(broken, None);
    let write = |is_weak: bool| {
        move |engine: &Engine| {
            let (position, group) = engine.commit_as(is_weak).unwrap();
            assert!(engine.wait(Goal::Published(position), group));
        }
    };
    let threads = [false, true, false, true, false].map(|is_weak| spawn(&engine, write(is_weak)));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    engine.check_order();
}

#[test]
fn nobody_is_left_sleeping_and_commits_are_published_in_order() {
    holds(|| waiters(Broken::Nothing, None));
    holds(|| weak(Broken::Nothing));
    holds(|| mixed(Broken::Nothing));
}

#[test]
fn a_lone_waiter_leads() {
    holds(|| {
        let engine = Engine::new(Broken::Nothing, None);
        let other = spawn(&engine, |engine| {
            engine.commit();
        });
        let (position, group) = engine.commit().unwrap();
        assert!(engine.wait(Goal::Published(position), group));
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
    fails(|| weak(Broken::NobodyPassesOn));
    fails(|| waiters(Broken::RingsTooSoon, None));
    fails(|| waiters(Broken::LooksOutside, None));
    fails(|| mixed(Broken::FlusherIsNotTold));
    fails(|| waiters(Broken::OneIsWoken, None));
    fails(|| waiters(Broken::PublishedLate, None));
    fails(|| waiters(Broken::PoisonIsQuiet, Some(2)));
    fails(|| tickets(Broken::CallbacksStay, None, false));
    fails(|| tickets(Broken::PoisonForgetsCallbacks, None, true));
}
