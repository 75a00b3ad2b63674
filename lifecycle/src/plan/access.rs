//! `AccessModel`: how often objects are read, by their age.

use crate::{
    analysis::{AgeBucket, StorageClassAnalysis},
    filter::Filter,
};
use cistern_storage_core::Tags;

/// How often an object is read on a day, by its age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccessProfile {
    reads: [f64; AgeBucket::COUNT],
}

impl AccessProfile {
    /// Nothing is read.
    pub const NEVER: Self = Self { reads: [0.0; AgeBucket::COUNT] };

    /// So many reads an object and day, by the bucket of its age. What is negative or no number
    /// counts as 0.
    #[must_use]
    pub fn new(reads: impl Fn(AgeBucket) -> f64) -> Self {
        let mut profile = Self::NEVER;
        for bucket in AgeBucket::all() {
            profile.reads[bucket.index()] = Some(reads(bucket))
                .filter(|rate| rate.is_finite() && *rate > 0.0)
                .unwrap_or_default();
        }
        profile
    }

    /// The same at every age.
    #[must_use]
    pub fn constant(reads: f64) -> Self {
        Self::new(|_| reads)
    }

    /// What an analysis has observed: bytes read a day by bytes kept, as if objects were read whole.
    /// An age of which nothing was seen counts as never read.
    #[must_use]
    pub fn observed(analysis: &StorageClassAnalysis) -> Self {
        Self::new(|bucket| analysis.daily_read_ratio(bucket).unwrap_or_default())
    }

    pub(super) fn is_never(&self) -> bool {
        *self == Self::NEVER
    }

    /// Reads an object and day in a bucket.
    #[must_use]
    pub fn reads(&self, bucket: AgeBucket) -> f64 {
        self.reads[bucket.index()]
    }

    /// Reads an object between two ages, the later one not included.
    pub(super) fn reads_between(&self, from: i64, to: i64) -> f64 {
        self.reads_before(to) - self.reads_before(from)
    }

    fn reads_before(&self, age: i64) -> f64 {
        spans(0, age).map(|(bucket, days)| self.reads(bucket) * days).sum()
    }
}

/// The buckets between two ages, each with how many days of it lie there.
fn spans(from: i64, to: i64) -> impl Iterator<Item = (AgeBucket, f64)> {
    AgeBucket::all().filter_map(move |bucket| {
        let (first, end) = bounds(bucket);
        let days = end.min(to) - first.max(from);
        let days = u32::try_from(days).ok().filter(|days| *days > 0)?;
        Some((bucket, f64::from(days)))
    })
}

/// The ages of a bucket: its first day, and the first day after it.
pub(super) fn bounds(bucket: AgeBucket) -> (i64, i64) {
    let end = bucket.last_day().map_or(i64::from(u32::MAX), |last| i64::from(last) + 1);
    (i64::from(bucket.first_day()), end)
}

/// How often objects are read: a profile for each of several filters, the first that matches counting,
/// and one for all others.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessModel {
    pub(super) profiles: Vec<(Filter, AccessProfile)>,
    pub(super) others: AccessProfile,
}

impl AccessModel {
    /// One profile for all.
    #[must_use]
    pub fn new(profile: AccessProfile) -> Self {
        Self { profiles: Vec::new(), others: profile }
    }

    /// Another profile for what a filter means, unless one before it does.
    #[must_use]
    pub fn with(mut self, filter: Filter, profile: AccessProfile) -> Self {
        self.profiles.push((filter, profile));
        self
    }

    pub(super) fn profile(&self, key: &str, tags: &Tags, size: u64) -> &AccessProfile {
        let found = self.profiles.iter().find(|(filter, _)| filter.matches(key, tags, size));
        found.map_or(&self.others, |(_, profile)| profile)
    }
}

impl Default for AccessModel {
    fn default() -> Self {
        Self::new(AccessProfile::NEVER)
    }
}
