//! `Turns`: threads that take turns, one at a time, in the order of a seed.
//!
//! A thread goes on until it comes to a yield point; then chance says who goes next, perhaps the same
//! one. So a run of several threads repeats from its seed. A thread must hold no lock at a yield
//! point that another one may wait for.

use crate::chance::Chance;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;

thread_local! {
    /// Which of the threads that take turns this one is.
    static ME: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whose turn it is.
#[derive(Debug)]
pub struct Turns {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug)]
struct State {
    chance: Chance,
    /// Those that have not ended.
    alive: Vec<usize>,
    now: usize,
    /// How often somebody went on.
    turns: u64,
}

impl State {
    fn choose(&mut self) {
        self.turns += 1;
        if !self.alive.is_empty() {
            self.now = self.alive[self.chance.index(self.alive.len())];
        }
    }
}

impl Turns {
    /// Turns of `threads` threads, in the order of `seed`.
    #[must_use]
    pub fn new(threads: usize, seed: u64) -> Self {
        let chance = Chance::new(seed);
        let mut state = State { chance, alive: (0..threads).collect(), now: 0, turns: 0 };
        state.choose();
        Self { state: Mutex::new(state), bell: Condvar::new() }
    }

    /// Runs `work` as the thread of that number, from its first turn on.
    pub fn take<T>(&self, number: usize, work: impl FnOnce() -> T) -> T {
        ME.set(Some(number));
        self.wait(number);
        let leave = Leave { turns: self, number };
        let done = work();
        drop(leave);
        done
    }

    /// A yield point: somebody goes on. Threads that take no turns pass through.
    pub fn pass(&self) {
        let Some(me) = ME.get() else { return };
        self.state.lock().choose();
        self.bell.notify_all();
        self.wait(me);
    }

    /// How often somebody went on: a clock for histories.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state.lock().turns
    }

    fn wait(&self, me: usize) {
        let mut state = self.state.lock();
        while state.now != me {
            self.bell.wait(&mut state);
        }
    }
}

/// Lets the others go on, whether the work ends or panics.
struct Leave<'a> {
    turns: &'a Turns,
    number: usize,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        ME.set(None);
        let mut state = self.turns.state.lock();
        state.alive.retain(|number| *number != self.number);
        state.choose();
        drop(state);
        self.turns.bell.notify_all();
    }
}
