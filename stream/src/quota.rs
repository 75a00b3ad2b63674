//! `KinesisLimits`: what a shard takes and gives in a second, as a policy that is off by default.

use cistern_storage_core::Timestamp;

/// What each shard takes and gives, as the service limits it.
///
/// Off by default: [`crate::StreamSettings::limits`] puts it in force, for tests of clients that must
/// bear being throttled. Everything runs on the store's clock.
///
/// Law: Kinesis, capacity of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KinesisLimits {
    /// Bytes that a shard takes in a second; as many may come at once. A single larger record is
    /// taken when the shard is rested, and then paid off.
    pub write_bytes_per_second: u64,
    /// Records that a shard takes in a second; as many may come at once.
    pub write_records_per_second: u64,
    /// Bytes that a shard gives in a second. An answer may be larger; the next one waits for it.
    pub read_bytes_per_second: u64,
    /// Calls of `get_records` that a shard answers in a second.
    pub read_calls_per_second: u64,
}

impl KinesisLimits {
    /// A shard of a provisioned stream: 1 MiB and 1,000 records in, 2 MiB and 5 calls out.
    #[must_use]
    pub const fn provisioned() -> Self {
        Self {
            write_bytes_per_second: 1 << 20,
            write_records_per_second: 1_000,
            read_bytes_per_second: 2 << 20,
            read_calls_per_second: 5,
        }
    }

    /// A shard of an on-demand stream: the same; such a stream has as many shards as it needs.
    #[must_use]
    pub const fn on_demand() -> Self {
        Self::provisioned()
    }
}

/// What a shard has left of its limits.
#[derive(Debug)]
pub(crate) struct Quota {
    limits: KinesisLimits,
    write_bytes: Bucket,
    write_records: Bucket,
    read_calls: Bucket,
    /// When what was given has been paid off.
    read_again: Timestamp,
}

impl Quota {
    pub(crate) fn new(limits: KinesisLimits, now: Timestamp) -> Self {
        Self {
            limits,
            write_bytes: Bucket::full(limits.write_bytes_per_second, now),
            write_records: Bucket::full(limits.write_records_per_second, now),
            read_calls: Bucket::full(limits.read_calls_per_second, now),
            read_again: now,
        }
    }

    /// True when a record of so many bytes is taken.
    pub(crate) fn take_record(&mut self, bytes: u64, now: Timestamp) -> bool {
        self.write_bytes.fill(now);
        self.write_records.fill(now);
        let admitted = self.write_bytes.has(bytes) && self.write_records.has(1);
        if admitted {
            self.write_bytes.spend(bytes);
            self.write_records.spend(1);
        }
        admitted
    }

    /// True when a call for records is answered.
    pub(crate) fn take_call(&mut self, now: Timestamp) -> bool {
        self.read_calls.fill(now);
        let admitted = now >= self.read_again && self.read_calls.has(1);
        if admitted {
            self.read_calls.spend(1);
        }
        admitted
    }

    /// Notes that so many bytes were given.
    pub(crate) fn give(&mut self, bytes: u64, now: Timestamp) {
        let millis = bytes.saturating_mul(1000) / self.limits.read_bytes_per_second.max(1);
        let wait = std::time::Duration::from_millis(millis);
        self.read_again = self.read_again.max(now).plus(wait);
    }
}

/// A bucket of tokens, in thousandths: what comes in a millisecond is a whole number of them.
#[derive(Debug)]
struct Bucket {
    per_second: i128,
    level: i128,
    filled: Timestamp,
}

impl Bucket {
    fn full(per_second: u64, now: Timestamp) -> Self {
        let per_second = i128::from(per_second);
        Self { per_second, level: per_second * 1000, filled: now }
    }

    fn fill(&mut self, now: Timestamp) {
        let millis = i128::from(now.millis_since(self.filled).max(0));
        self.level = (self.level + self.per_second * millis).min(self.per_second * 1000);
        self.filled = self.filled.max(now);
    }

    /// True when there are so many tokens, or it is full: what is larger than it must not wait for
    /// ever.
    fn has(&self, tokens: u64) -> bool {
        self.level >= (i128::from(tokens) * 1000).min(self.per_second * 1000)
    }

    fn spend(&mut self, tokens: u64) {
        self.level -= i128::from(tokens) * 1000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> Timestamp {
        Timestamp::default().plus(Duration::from_millis(millis))
    }

    /// Law-test: Kinesis, capacity of a shard.
    #[test]
    fn a_shard_takes_1000_records_and_1_mib_in_a_second() {
        let mut quota = Quota::new(KinesisLimits::provisioned(), at(0));
        let taken = (0..1001).filter(|_| quota.take_record(1, at(0))).count();
        assert_eq!(taken, 1000);
        assert!(quota.take_record(1, at(1)));
        assert!(!quota.take_record(1, at(1)));
        assert!(quota.take_record(1 << 20, at(2_000)));
        assert!(!quota.take_record(1 << 20, at(2_999)));
        assert!(quota.take_record(1 << 20, at(3_000)));
    }

    #[test]
    fn a_large_record_is_taken_by_a_rested_shard_and_paid_off() {
        let mut quota = Quota::new(KinesisLimits::provisioned(), at(0));
        assert!(quota.take_record(10 << 20, at(0)));
        assert!(!quota.take_record(1, at(8_999)));
        assert!(quota.take_record(1, at(9_001)));
    }

    #[test]
    fn a_large_answer_is_paid_off_before_the_next() {
        let mut quota = Quota::new(KinesisLimits::provisioned(), at(0));
        assert!(quota.take_call(at(0)));
        quota.give(10 << 20, at(0));
        assert!(!quota.take_call(at(4_999)));
        assert!(quota.take_call(at(5_000)));
    }

    #[test]
    fn five_calls_are_answered_in_a_second() {
        let mut quota = Quota::new(KinesisLimits::provisioned(), at(0));
        assert_eq!((0..9).filter(|_| quota.take_call(at(0))).count(), 5);
        assert!(!quota.take_call(at(199)));
        assert!(quota.take_call(at(200)));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_twice() {
        let mut quota = Quota::new(KinesisLimits::provisioned(), at(10_000));
        assert_eq!((0..9).filter(|_| quota.take_call(at(10_000))).count(), 5);
        assert!(!quota.take_call(at(0)));
        assert!(!quota.take_call(at(10_000)));
    }
}
