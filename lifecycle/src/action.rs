//! What a rule does: the six actions, with when.

use cistern_storage_core::{Days, StorageClass, Timestamp};
use std::fmt;

/// When an action on a current version is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// So many days after the version was made.
    Days(Days),
    /// On a date, which is at midnight; every later object is due at once.
    Date(Timestamp),
}

impl When {
    /// The midnight at which a version made at `modified` is due.
    ///
    /// Law: S3, lifecycle day arithmetic.
    #[must_use]
    pub const fn due(self, modified: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => modified.midnight_after(days),
            Self::Date(date) => date,
        }
    }
}

impl From<Days> for When {
    fn from(days: Days) -> Self {
        Self::Days(days)
    }
}

impl From<Timestamp> for When {
    fn from(date: Timestamp) -> Self {
        Self::Date(date)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => days.0.fmt(f),
            Self::Date(date) => date.fmt(f),
        }
    }
}

/// The end of a current version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expiration {
    /// Of data: it is deleted, or hidden behind a delete marker where versions are kept. Of a delete
    /// marker that is alone: it is removed.
    At(When),
    /// Only of delete markers that are alone, as soon as they are.
    ExpiredObjectDeleteMarker,
}

/// A move of current versions to a colder class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transition {
    /// When.
    pub when: When,
    /// Where to.
    pub class: StorageClass,
}

/// A move of noncurrent versions to a colder class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoncurrentTransition {
    /// So many days after the version became noncurrent.
    pub days: Days,
    /// Where to.
    pub class: StorageClass,
    /// How many newer noncurrent versions are left where they are, 1 to 100.
    pub newer_versions: Option<u32>,
}

/// The end of noncurrent versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoncurrentExpiration {
    /// So many days after the version became noncurrent.
    pub days: Days,
    /// How many newer noncurrent versions are kept, 1 to 100.
    pub newer_versions: Option<u32>,
}
