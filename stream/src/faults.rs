//! `Faults`: failures that are asked for, to test those who use streams.

use parking_lot::Mutex;
use std::collections::BTreeMap;

/// A failure that the service can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The shard has taken or given enough for now: `ProvisionedThroughputExceededException`.
    Throttle,
    /// The service failed: `InternalFailure`.
    InternalFailure,
    /// The iterator is too old: `ExpiredIteratorException`. Of reads only.
    ExpireIterator,
}

/// Which records and which reads fail, counted from 1 over the life of this value.
///
/// ```
/// use cistern_stream::{Fault, Faults};
///
/// // The third record that is put is throttled, and the first read finds its iterator expired.
/// let faults = Faults::new().on_record(3, Fault::Throttle).on_read(1, Fault::ExpireIterator);
/// # let _ = faults;
/// ```
#[derive(Debug, Default)]
pub struct Faults {
    records: Mutex<Plan>,
    reads: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    count: u64,
    faults: BTreeMap<u64, Fault>,
}

impl Plan {
    fn next(&mut self) -> Option<Fault> {
        self.count += 1;
        self.faults.remove(&self.count)
    }
}

impl Faults {
    /// Nothing fails.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The `nth` record that is put fails. [`Fault::ExpireIterator`] is a failure of the service
    /// there.
    #[must_use]
    pub fn on_record(mut self, nth: u64, fault: Fault) -> Self {
        self.records.get_mut().faults.insert(nth, fault);
        self
    }

    /// The `nth` call for records fails.
    #[must_use]
    pub fn on_read(mut self, nth: u64, fault: Fault) -> Self {
        self.reads.get_mut().faults.insert(nth, fault);
        self
    }

    pub(crate) fn next_record(&self) -> Option<Fault> {
        self.records.lock().next()
    }

    pub(crate) fn next_read(&self) -> Option<Fault> {
        self.reads.lock().next()
    }
}
