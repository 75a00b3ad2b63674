//! `Clock`: the only place that asks the machine for the time.

use crate::time::Timestamp;
use parking_lot::{Condvar, Mutex};
use std::{
    fmt,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// What time it is, and a way to wait.
///
/// Contract. `now` may go backwards (machines do that); nothing that must grow is derived from it.
/// `wait_until` returns once `now` has reached the time, or earlier when woken by `wake`; callers
/// look at `now` again.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00Z.
    fn now(&self) -> Timestamp;

    /// Waits until `now` reaches `time` or somebody calls `wake`.
    fn wait_until(&self, time: Timestamp);

    /// Wakes everybody who waits.
    fn wake(&self);
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock {
    alarm: Alarm,
}

#[derive(Debug, Default)]
struct Alarm {
    wakes: Mutex<u64>,
    bell: Condvar,
}

impl Alarm {
    fn ring(&self) {
        *self.wakes.lock() += 1;
        self.bell.notify_all();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
fn machine_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        machine_now()
    }

    fn wait_until(&self, time: Timestamp) {
        let mut wakes = self.alarm.wakes.lock();
        let left = time.millis_since(machine_now());
        if left > 0 {
            self.alarm.bell.wait_for(&mut wakes, Duration::from_millis(left.unsigned_abs()));
        }
    }

    fn wake(&self) {
        self.alarm.ring();
    }
}

/// A clock that stands still until it is moved: time as an argument.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
    bell: Condvar,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now), bell: Condvar::new() }
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock() = now;
        self.bell.notify_all();
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock();
        *now = now.plus(by);
        self.bell.notify_all();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock()
    }

    fn wait_until(&self, time: Timestamp) {
        let mut now = self.now.lock();
        if *now < time {
            self.bell.wait(&mut now);
        }
    }

    fn wake(&self) {
        let _now = self.now.lock();
        self.bell.notify_all();
    }
}

/// The machine's clock, running faster: `factor` seconds of ours in one of the machine's.
#[derive(Debug)]
pub struct ScaledClock {
    start: Timestamp,
    began: Instant,
    factor: u32,
    alarm: Alarm,
}

impl ScaledClock {
    /// Begins at `start`. A factor of 86,400 makes a day pass in a second; 0 counts as 1.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn new(start: Timestamp, factor: u32) -> Self {
        Self { start, began: Instant::now(), factor: factor.max(1), alarm: Alarm::default() }
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.began.elapsed().saturating_mul(self.factor))
    }

    fn wait_until(&self, time: Timestamp) {
        let mut wakes = self.alarm.wakes.lock();
        let left = time.millis_since(self.now());
        if left > 0 {
            let wait = Duration::from_millis(left.unsigned_abs()) / self.factor;
            self.alarm.bell.wait_for(&mut wakes, wait.max(Duration::from_millis(1)));
        }
    }

    fn wake(&self) {
        self.alarm.ring();
    }
}
