//! `Bell`: where those who wait for a group sleep.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Sleepers are woken without the commit lock, and need not take it to go on.
///
/// Made of the standard library's parts and not of `parking_lot`'s, for how many are woken: here one
/// call to the system wakes them all; there each wakes the next, on its way through the lock.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// How many sleep, or are on their way up.
    sleepers: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    /// Sleeps until the bell is rung, or for no reason. Not at all when `has_reason` says no: whoever
    /// takes the last reason away rings afterwards, so that nobody sleeps through it.
    pub(crate) fn sleep_if(&self, has_reason: impl FnOnce() -> bool) -> bool {
        let mut sleepers = self.lock();
        if !has_reason() {
            return false;
        }
        *sleepers += 1;
        let mut sleepers = self.rung.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
        *sleepers -= 1;
        true
    }

    /// Wakes one of those who sleep.
    pub(crate) fn wake_one(&self) {
        if self.is_needed() {
            self.rung.notify_one();
        }
    }

    /// Wakes all who sleep.
    pub(crate) fn wake_all(&self) {
        if self.is_needed() {
            self.rung.notify_all();
        }
    }

    /// Whoever has looked for a reason before this sleeps by now; whoever looks later finds none.
    fn is_needed(&self) -> bool {
        *self.lock() > 0
    }

    /// A count is right at any time, also when its holder panicked.
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
