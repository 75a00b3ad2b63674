//! Restore: temporary copies of archived objects, as a state machine without a timer.
//!
//! ```text
//!               request, 202             now >= completes            now >= expires
//!   archived ------------------> running -----------------> restored ----------------> archived
//!                                 |   ^                      |    ^
//!                                 +---+ request, faster: 202 +----+ request: 200, a new expiry
//!                                 request, not faster: 409
//! ```
//!
//! [`Restore`] is all that is kept; where it stands is a function of the time ([`Restore::state`]), so
//! that nothing has to happen when a restore is done or lapses.

use crate::{
    error::Error,
    storage_class::StorageClass,
    time::{Days, Timestamp},
};
use std::{fmt, str::FromStr, time::Duration};

/// How fast a restore is, the fastest first.
///
/// Law: S3, archive retrieval options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RestoreTier {
    /// Minutes; not out of a deep archive.
    Expedited,
    /// Hours. The default.
    #[default]
    Standard,
    /// Many hours, and the cheapest.
    Bulk,
}

impl RestoreTier {
    /// Every tier, the fastest first.
    pub const ALL: [Self; 3] = [Self::Expedited, Self::Standard, Self::Bulk];

    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expedited => "Expedited",
            Self::Standard => "Standard",
            Self::Bulk => "Bulk",
        }
    }

    /// The number that stored rows use. Never changed, never reused.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Expedited => 0,
            Self::Standard => 1,
            Self::Bulk => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl fmt::Display for RestoreTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RestoreTier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|tier| tier.as_str() == text);
        let reason = "it is Expedited, Standard or Bulk";
        found.ok_or_else(|| Error::invalid_argument("Tier", text, reason))
    }
}

/// The two kinds of archives, by how long they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Archive {
    /// `GLACIER`, and the archive tier of `INTELLIGENT_TIERING`.
    Flexible,
    /// `DEEP_ARCHIVE`, and the deep archive tier.
    Deep,
}

impl Archive {
    /// The archive that a class is; `None` when its bytes can be read as they are, or when it has
    /// tiers and an object says which one it is in.
    #[must_use]
    pub const fn of_class(class: StorageClass) -> Option<Self> {
        match class {
            StorageClass::Glacier => Some(Self::Flexible),
            StorageClass::DeepArchive => Some(Self::Deep),
            _ => None,
        }
    }
}

/// How long restores take: a table, so that a test or a place of one's own can have another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreTimes {
    /// Out of `GLACIER`: expedited, standard, bulk.
    pub flexible: [Duration; 3],
    /// Out of `DEEP_ARCHIVE`: standard, bulk.
    pub deep: [Duration; 2],
    /// What is larger than [`HUGE_BYTES`] takes at least so long.
    pub huge: Duration,
}

/// Objects larger than 5 TB take longer. Law: S3, archive retrieval options.
pub const HUGE_BYTES: u64 = 5 << 40;

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

impl RestoreTimes {
    /// The longest that S3 says each may take, so that what works here works there.
    ///
    /// Law: S3, archive retrieval options.
    pub const LONGEST: Self = Self {
        flexible: [Duration::from_secs(5 * 60), hours(5), hours(12)],
        deep: [hours(12), hours(48)],
        huge: hours(48),
    };

    /// How long it takes; `None` where there is no such tier.
    #[must_use]
    pub fn time(&self, archive: Archive, tier: RestoreTier, size: u64) -> Option<Duration> {
        let usual = match (archive, tier) {
            (Archive::Flexible, RestoreTier::Expedited) => self.flexible[0],
            (Archive::Flexible, RestoreTier::Standard) => self.flexible[1],
            (Archive::Flexible, RestoreTier::Bulk) => self.flexible[2],
            (Archive::Deep, RestoreTier::Expedited) => return None,
            (Archive::Deep, RestoreTier::Standard) => self.deep[0],
            (Archive::Deep, RestoreTier::Bulk) => self.deep[1],
        };
        Some(if size > HUGE_BYTES { usual.max(self.huge) } else { usual })
    }
}

impl Default for RestoreTimes {
    fn default() -> Self {
        Self::LONGEST
    }
}

/// A restore, begun at some time: all that has to be kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Restore {
    /// When it was asked for, or sped up.
    pub requested: Timestamp,
    /// How fast it is.
    pub tier: RestoreTier,
    /// How long the copy is kept; `None` when the object comes back for good.
    pub days: Option<Days>,
    /// When the bytes can be read.
    pub completes: Timestamp,
    /// When the copy lapses; `None` when it does not.
    pub expires: Option<Timestamp>,
}

/// Where a restore stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestoreState {
    /// It is on its way.
    Running,
    /// The bytes can be read.
    Restored {
        /// Until when; `None` for good.
        until: Option<Timestamp>,
    },
    /// It is over, as if it had never been.
    Lapsed,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestoreAnswer {
    /// A restore began.
    Started,
    /// The one that runs is faster now; the new tier is charged beside the old.
    SpedUp,
    /// The copy that is there is kept from now on for the days asked for; charged as a request alone.
    Prolonged,
}

impl RestoreAnswer {
    /// The HTTP status that S3 answers with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Started | Self::SpedUp => 202,
            Self::Prolonged => 200,
        }
    }
}

/// Why a restore does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestoreRefusal {
    /// One runs already that is as fast.
    AlreadyInProgress,
    /// The archive has no such tier.
    NoSuchTier,
}

/// What is to be restored, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreWish {
    /// Where it lies.
    pub archive: Archive,
    /// How large it is, in bytes.
    pub size: u64,
    /// How long the copy is to be kept; `None` for good.
    pub days: Option<Days>,
    /// How fast.
    pub tier: RestoreTier,
}

impl Restore {
    /// What a request at `now` does to an archived object, whose restore so far is `current`. Pure.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// Law: S3, RestoreObject.
    pub fn begin(
        wish: RestoreWish,
        current: Option<&Self>,
        now: Timestamp,
        times: &RestoreTimes,
    ) -> Result<(Self, RestoreAnswer), RestoreRefusal> {
        let RestoreWish { archive, size, days, tier } = wish;
        let time = times.time(archive, tier, size).ok_or(RestoreRefusal::NoSuchTier)?;
        let begin = |days: Option<Days>, completes: Timestamp| Self {
            requested: now,
            tier,
            days,
            completes,
            expires: days.map(|days| completes.midnight_after(days)),
        };
        match current.map(|current| (current, current.state(now))) {
            Some((current, RestoreState::Running)) if tier < current.tier => {
                let completes = now.plus(time).min(current.completes);
                Ok((begin(current.days, completes), RestoreAnswer::SpedUp))
            }
            Some((_, RestoreState::Running)) => Err(RestoreRefusal::AlreadyInProgress),
            Some((current, RestoreState::Restored { .. })) => {
                let expires = days.map(|days| now.midnight_after(days));
                Ok((Self { days, expires, ..*current }, RestoreAnswer::Prolonged))
            }
            Some((_, RestoreState::Lapsed)) | None => {
                Ok((begin(days, now.plus(time)), RestoreAnswer::Started))
            }
        }
    }

    /// Where it stands at `now`. What is over counts as if no restore had ever been.
    ///
    /// Law: S3, restored copies lapse at midnight.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> RestoreState {
        if now < self.completes {
            RestoreState::Running
        } else if self.expires.is_some_and(|expires| expires <= now) {
            RestoreState::Lapsed
        } else {
            RestoreState::Restored { until: self.expires }
        }
    }

    /// The value of `x-amz-restore`; `None` for a header that is absent.
    ///
    /// Law: S3, x-amz-restore.
    #[must_use]
    pub fn header(&self, now: Timestamp) -> Option<String> {
        match self.state(now) {
            RestoreState::Running => Some("ongoing-request=\"true\"".to_owned()),
            RestoreState::Restored { until: Some(until) } => {
                Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", until.to_http_date()))
            }
            RestoreState::Restored { until: None } | RestoreState::Lapsed => None,
        }
    }

    /// Whether the bytes can be read at `now`.
    #[must_use]
    pub fn is_readable(&self, now: Timestamp) -> bool {
        matches!(self.state(now), RestoreState::Restored { .. })
    }
}

/// What a bucket's restores have come to since somebody last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RestoresSettled {
    /// Restores that are done.
    pub completed: u64,
    /// Copies that have lapsed.
    pub lapsed: u64,
}

/// What a restore asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// How long the copy is kept, from when it is there.
    pub days: Days,
    /// How fast.
    pub tier: RestoreTier,
}

impl RestoreOptions {
    /// A copy for so many days, at the standard speed.
    #[must_use]
    pub fn days(days: Days) -> Self {
        Self { days, tier: RestoreTier::Standard }
    }

    /// Another speed.
    #[must_use]
    pub fn tier(mut self, tier: RestoreTier) -> Self {
        self.tier = tier;
        self
    }
}
