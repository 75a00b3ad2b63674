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
//! that nothing has to happen when a restore is done or lapses. In the archive tiers of
//! `INTELLIGENT_TIERING` the way ends in the frequent tier, and nothing lapses.

use crate::{
    document,
    error::{Error, Result},
    policy::DAYS_MAX,
    tiering::AccessTier,
};
use cistern_storage_core::{Days, StorageClass, Timestamp};
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
}

impl fmt::Display for RestoreTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RestoreTier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|tier| tier.as_str() == text);
        found.ok_or_else(|| Error::malformed("Tier", "it is Expedited, Standard or Bulk"))
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
    /// The archive that an object lies in; `None` when it can be read as it is.
    #[must_use]
    pub const fn of(class: StorageClass, tier: AccessTier) -> Option<Self> {
        match (class, tier) {
            (StorageClass::Glacier, _) => Some(Self::Flexible),
            (StorageClass::DeepArchive, _) => Some(Self::Deep),
            (StorageClass::IntelligentTiering, AccessTier::Archive) => Some(Self::Flexible),
            (StorageClass::IntelligentTiering, AccessTier::DeepArchive) => Some(Self::Deep),
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

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RestoreRequest {
    /// How long the copy is kept; must be given for classes, and must not for tiers.
    pub days: Option<Days>,
    /// How fast.
    pub tier: RestoreTier,
}

impl RestoreRequest {
    /// A copy for so many days, at the standard speed.
    #[must_use]
    pub fn days(days: Days) -> Self {
        Self { days: Some(days), tier: RestoreTier::Standard }
    }

    /// Back to the frequent tier, at the standard speed.
    #[must_use]
    pub fn to_frequent_tier() -> Self {
        Self::default()
    }

    /// Another speed.
    #[must_use]
    pub fn tier(mut self, tier: RestoreTier) -> Self {
        self.tier = tier;
        self
    }

    /// Reads the body of S3's `RestoreObject`. Queries over archives are not read.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_xml(text: &str) -> Result<Self> {
        document::restore::read(&document::xml::read(text, document::restore::ROOT)?)
    }

    /// The body of S3's `RestoreObject`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        document::xml::write(&document::restore::write(self))
    }

    /// Reads the JSON that the AWS CLI takes.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_json(text: &str) -> Result<Self> {
        document::restore::read(&document::json::read(text, document::restore::ROOT)?)
    }

    /// The JSON that the AWS CLI takes.
    #[must_use]
    pub fn to_json(&self) -> String {
        document::json::write(&document::restore::write(self))
    }
}

/// The object that a restore is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Its class.
    pub class: StorageClass,
    /// Its tier, which counts in `INTELLIGENT_TIERING` alone.
    pub tier: AccessTier,
    /// Its size.
    pub size: u64,
}

impl Archived {
    fn error(self) -> Error {
        let tiers = self.class == StorageClass::IntelligentTiering;
        Error::InvalidObjectState { class: self.class, tier: tiers.then_some(self.tier) }
    }

    /// Whether the bytes may be read at `now`.
    ///
    /// # Errors
    /// [`Error::InvalidObjectState`] for archived bytes without a restored copy.
    ///
    /// Law: S3, archived objects are restored before they are read.
    pub fn check_readable(self, restore: Option<&Restore>, now: Timestamp) -> Result<()> {
        let archived = Archive::of(self.class, self.tier).is_some();
        let restored = restore
            .is_some_and(|restore| matches!(restore.state(now), RestoreState::Restored { .. }));
        if archived && !restored { Err(self.error()) } else { Ok(()) }
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

    /// The event that S3 tells of it.
    #[must_use]
    pub const fn event_name(self) -> Option<&'static str> {
        match self {
            Self::Started => Some("ObjectRestore:Post"),
            Self::SpedUp | Self::Prolonged => None,
        }
    }
}

impl Restore {
    /// What a request at `now` does to an object, whose restore so far is `current`.
    ///
    /// # Errors
    /// [`Error::InvalidObjectState`] for an object that is not archived,
    /// [`Error::RestoreAlreadyInProgress`] when one as fast runs, [`Error::InvalidRestore`] for days
    /// that are missing, or not wanted, and for a tier that the archive does not have.
    ///
    /// Law: S3, RestoreObject.
    pub fn request(
        object: Archived,
        current: Option<&Self>,
        asked: RestoreRequest,
        now: Timestamp,
        times: &RestoreTimes,
    ) -> Result<(Self, RestoreAnswer)> {
        let archive = Archive::of(object.class, object.tier).ok_or_else(|| object.error())?;
        check_days(object, asked.days)?;
        let time = times.time(archive, asked.tier, object.size).ok_or(Error::InvalidRestore {
            reason: "a deep archive has no expedited restores",
            days: asked.days,
        })?;
        let begin = |days: Option<Days>, completes: Timestamp| Self {
            requested: now,
            tier: asked.tier,
            days,
            completes,
            expires: days.map(|days| completes.midnight_after(days)),
        };
        match current.map(|current| (current, current.state(now))) {
            Some((current, RestoreState::Running)) if asked.tier < current.tier => {
                let completes = now.plus(time).min(current.completes);
                Ok((begin(current.days, completes), RestoreAnswer::SpedUp))
            }
            Some((_, RestoreState::Running)) => Err(Error::RestoreAlreadyInProgress),
            Some((current, RestoreState::Restored { .. })) => {
                let expires = asked.days.map(|days| now.midnight_after(days));
                let kept = Self { days: asked.days, expires, ..*current };
                Ok((kept, RestoreAnswer::Prolonged))
            }
            Some((_, RestoreState::Lapsed)) | None => {
                Ok((begin(asked.days, now.plus(time)), RestoreAnswer::Started))
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
}

fn check_days(object: Archived, days: Option<Days>) -> Result<()> {
    let reason = match (object.class == StorageClass::IntelligentTiering, days) {
        (true, None) => return Ok(()),
        (true, Some(_)) => "an object of INTELLIGENT_TIERING comes back for good, without Days",
        (false, None) => "Days says how long the copy is kept",
        (false, Some(Days(1..=DAYS_MAX))) => return Ok(()),
        (false, Some(_)) => "Days is a positive integer",
    };
    Err(Error::InvalidRestore { reason, days })
}

#[cfg(test)]
mod tests;
