//! Requests per second: one bucket of tokens a quota.

use super::{KmsError, operation::Quota};
use cistern_storage_core::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;

/// How many requests a second each quota allows; all principals together.
///
/// Law: KMS, request quotas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsQuotas(HashMap<Quota, u32>);

impl KmsQuotas {
    /// No limits: the default, for who embeds the service.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// What KMS allows in most regions.
    #[must_use]
    pub fn aws() -> Self {
        Self::unlimited()
            .limit(Quota::Cryptographic, 5500)
            .limit(Quota::DescribeKey, 2000)
            .limit(Quota::Policies, 1000)
            .limit(Quota::Lists, 500)
            .limit(Quota::CreateGrant, 50)
            .limit(Quota::RevokeGrant, 30)
            .limit(Quota::Changes, 15)
            .limit(Quota::Rare, 5)
    }

    /// So many a second for `quota`.
    #[must_use]
    pub fn limit(mut self, quota: Quota, per_second: u32) -> Self {
        self.0.insert(quota, per_second);
        self
    }
}

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    quotas: KmsQuotas,
    buckets: Mutex<HashMap<Quota, Bucket>>,
}

/// Tokens in thousandths: a bucket holds one second's worth.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    thousandths: u64,
    at: Timestamp,
}

impl Buckets {
    pub(super) fn new(quotas: KmsQuotas) -> Self {
        Self { quotas, buckets: Mutex::default() }
    }

    /// Takes a token, or throttles.
    pub(super) fn take(&self, quota: Quota, now: Timestamp) -> Result<(), KmsError> {
        let Some(&per_second) = self.quotas.0.get(&quota) else { return Ok(()) };
        let full = u64::from(per_second) * 1000;
        let mut buckets = self.buckets.lock();
        let bucket = buckets.entry(quota).or_insert(Bucket { thousandths: full, at: now });
        let passed = now.millis_since(bucket.at);
        // A clock that went back fills nothing and takes nothing.
        if let Ok(passed) = u64::try_from(passed) {
            let more = passed.saturating_mul(per_second.into());
            bucket.thousandths = bucket.thousandths.saturating_add(more).min(full);
        }
        bucket.at = now;
        bucket.thousandths = bucket.thousandths.checked_sub(1000).ok_or(KmsError::Throttling)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: KMS, request quotas.
    #[test]
    fn a_bucket_holds_a_second_and_fills_evenly() {
        let buckets = Buckets::new(KmsQuotas::unlimited().limit(Quota::Cryptographic, 10));
        let take = |quota, millis| buckets.take(quota, Timestamp::from_millis(millis));
        for _ in 0..10 {
            assert_eq!(take(Quota::Cryptographic, 5000), Ok(()));
        }
        assert_eq!(take(Quota::Cryptographic, 5000), Err(KmsError::Throttling));
        assert_eq!(take(Quota::Lists, 5000), Ok(()), "another quota, and none is set");
        assert_eq!(take(Quota::Cryptographic, 5099), Err(KmsError::Throttling));
        assert_eq!(take(Quota::Cryptographic, 5100), Ok(()));
        assert_eq!(take(Quota::Cryptographic, 4000), Err(KmsError::Throttling));
        for _ in 0..10 {
            assert_eq!(take(Quota::Cryptographic, 99_000), Ok(()));
        }
        assert_eq!(take(Quota::Cryptographic, 99_000), Err(KmsError::Throttling));
    }

    #[test]
    fn what_is_taken_by_many_threads_is_counted_once_each() {
        let buckets = Buckets::new(KmsQuotas::unlimited().limit(Quota::Cryptographic, 100));
        let taken = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        if buckets.take(Quota::Cryptographic, Timestamp::from_millis(1)).is_ok() {
                            taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 100);
    }
}
