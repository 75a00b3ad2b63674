//! `Bell`: wakes who waits for records. Free of cost while nobody does.

use parking_lot::{Condvar, Mutex};
use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Called once, when there may be something to read. It runs on the thread that put it, inside the
/// backend: it must be quick, and must not use the store.
pub type Waker = Box<dyn FnOnce() + Send>;

/// Whoever waits enters first, then looks for records, then waits: a record that it did not see is
/// put by somebody who sees it waiting.
#[derive(Default)]
pub(crate) struct Bell {
    waiting: AtomicUsize,
    inner: Mutex<Inner>,
    condvar: Condvar,
}

#[derive(Default)]
struct Inner {
    rings: u64,
    wakers: Vec<Waker>,
}

/// Somebody who waits.
pub(crate) struct Waiting<'a> {
    bell: &'a Bell,
    rings: u64,
}

impl Bell {
    /// Wakes everybody. Called after what they wait for can be seen.
    pub(crate) fn ring(&self) {
        // The lock that guards the records orders this load behind the waiter's look at them, or the
        // look behind the records.
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let wakers = {
            let mut inner = self.inner.lock();
            inner.rings += 1;
            std::mem::take(&mut inner.wakers)
        };
        self.waiting.fetch_sub(wakers.len(), Ordering::SeqCst);
        self.condvar.notify_all();
        wakers.into_iter().for_each(|wake| wake());
    }

    pub(crate) fn enter(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting { bell: self, rings: self.inner.lock().rings }
    }

    /// Leaves a waker for the next ring; it is counted until then. Look for records afterwards.
    pub(crate) fn leave(&self, wake: Waker) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.inner.lock().wakers.push(wake);
    }
}

impl Waiting<'_> {
    /// Waits for a ring since entering; false when `at_most` of the machine's time has passed.
    pub(crate) fn wait(&mut self, at_most: Duration) -> bool {
        let mut inner = self.bell.inner.lock();
        let seen = self.rings;
        let unrung = |inner: &mut Inner| inner.rings == seen;
        let timed_out = self.bell.condvar.wait_while_for(&mut inner, unrung, at_most).timed_out();
        self.rings = inner.rings;
        !timed_out
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bell.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
