//! Object lock: versions that must not go before their time. Pure rules; the verbs obey them.

use crate::{
    bucket_name::BucketName,
    error::{Error, Result},
    limits,
    time::{Days, Timestamp},
    versioning::Versioning,
};
use std::{fmt, str::FromStr};

/// How strictly a version is retained.
///
/// Law: S3, object lock retention modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RetentionMode {
    /// Who may bypass governance can delete the version, and loosen its retention.
    Governance,
    /// Nobody can, until the date has passed.
    Compliance,
}

impl RetentionMode {
    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// The number that stored rows use. Never changed, never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Governance => 1,
            Self::Compliance => 2,
        }
    }

    /// The mode of a stored number; `None` when this version does not know it.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Governance),
            2 => Some(Self::Compliance),
            _ => None,
        }
    }
}

impl fmt::Display for RetentionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RetentionMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "GOVERNANCE" => Ok(Self::Governance),
            "COMPLIANCE" => Ok(Self::Compliance),
            _ => Err(Error::invalid_argument(
                "x-amz-object-lock-mode",
                text,
                "the mode is GOVERNANCE or COMPLIANCE",
            )),
        }
    }
}

/// Until when a version is retained, and how strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retention {
    /// How strictly.
    pub mode: RetentionMode,
    /// The first moment at which it is free.
    pub until: Timestamp,
}

impl Retention {
    /// Retention from its two headers: both or neither.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for one without the other, or a date that is not in the future.
    ///
    /// Law: S3, object lock retention.
    pub fn from_parts(
        mode: Option<RetentionMode>,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Self>> {
        match (mode, until) {
            (None, None) => Ok(None),
            (Some(mode), Some(until)) => {
                let retention = Self { mode, until };
                retention.check_future(now)?;
                Ok(Some(retention))
            }
            (Some(mode), None) => Err(Error::invalid_argument(
                "x-amz-object-lock-mode",
                mode.as_str(),
                "a retention mode needs a retain-until date",
            )),
            (None, Some(until)) => Err(Error::invalid_argument(
                "x-amz-object-lock-retain-until-date",
                until.to_iso8601(),
                "a retain-until date needs a retention mode",
            )),
        }
    }

    /// Whether it still holds at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }

    pub(crate) fn check_future(&self, now: Timestamp) -> Result<()> {
        if self.holds(now) {
            return Ok(());
        }
        Err(Error::invalid_argument(
            "x-amz-object-lock-retain-until-date",
            self.until.to_iso8601(),
            "the retain-until date must be in the future",
        ))
    }
}

/// Whether a version is held, without a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LegalHold {
    /// Not held.
    #[default]
    Off,
    /// Held until it is switched off; nobody can bypass it.
    On,
}

impl LegalHold {
    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::On => "ON",
        }
    }
}

impl FromStr for LegalHold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "OFF" => Ok(Self::Off),
            "ON" => Ok(Self::On),
            _ => Err(Error::invalid_argument(
                "x-amz-object-lock-legal-hold",
                text,
                "a legal hold is ON or OFF",
            )),
        }
    }
}

/// Whether the caller asks to bypass governance, and may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bypass {
    /// No.
    #[default]
    No,
    /// Yes: it was asked for in the request, and is permitted.
    Governance,
}

/// The locks on one version. Delete markers never have any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VersionLock {
    /// Until when it is retained.
    pub retention: Option<Retention>,
    /// Whether it is held.
    pub legal_hold: LegalHold,
}

impl VersionLock {
    /// Whether the version may be deleted for good.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] when it may not.
    ///
    /// Law: S3, object lock deletes.
    pub fn may_delete(&self, now: Timestamp, bypass: Bypass) -> Result<()> {
        if self.legal_hold == LegalHold::On {
            return denied("the version is under legal hold; switch the hold off first");
        }
        match self.retention {
            Some(retention) if retention.holds(now) => may_loosen(retention, bypass),
            _ => Ok(()),
        }
    }

    /// Whether the version's retention may become `new`; `None` removes it.
    ///
    /// A retention whose date has passed protects nothing, so anything may follow it. One that still
    /// holds may be prolonged and made stricter by anybody who may set it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when `new` is not in the future, [`Error::AccessDenied`] when it is
    /// looser than what holds.
    ///
    /// Law: S3, object lock retention changes.
    pub fn may_change_retention(
        &self,
        new: Option<Retention>,
        now: Timestamp,
        bypass: Bypass,
    ) -> Result<()> {
        if let Some(new) = new {
            new.check_future(now)?;
        }
        match (self.retention, new) {
            (Some(old), new) if old.holds(now) => match new {
                Some(new) if new.until >= old.until && new.mode >= old.mode => Ok(()),
                _ => may_loosen(old, bypass),
            },
            _ => Ok(()),
        }
    }
}

/// For how long new versions of a bucket are retained when they do not say.
///
/// Law: S3, object lock default retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DefaultRetention {
    mode: RetentionMode,
    period: RetentionPeriod,
}

/// How long a default retention is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetentionPeriod {
    /// So many days.
    Days(u32),
    /// So many years of the calendar.
    Years(u32),
}

impl DefaultRetention {
    /// A default of `mode` for `period`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for no time at all, or more than 100 years.
    ///
    /// Law: S3, object lock default retention.
    pub fn new(mode: RetentionMode, period: RetentionPeriod) -> Result<Self> {
        let (name, count, max) = match period {
            RetentionPeriod::Days(days) => ("Days", days, limits::RETENTION_DAYS_MAX),
            RetentionPeriod::Years(years) => ("Years", years, limits::RETENTION_YEARS_MAX),
        };
        if count == 0 || count > max {
            return Err(Error::invalid_argument(
                name,
                count.to_string(),
                format!("a default retention has 1 to {max} {}", name.to_ascii_lowercase()),
            ));
        }
        Ok(Self { mode, period })
    }

    /// A default from the two elements of its document: exactly one.
    ///
    /// # Errors
    /// [`Error::MalformedXml`] for both or neither, else as [`Self::new`].
    ///
    /// Law: S3, object lock default retention.
    pub fn from_parts(mode: RetentionMode, days: Option<u32>, years: Option<u32>) -> Result<Self> {
        match (days, years) {
            (Some(days), None) => Self::new(mode, RetentionPeriod::Days(days)),
            (None, Some(years)) => Self::new(mode, RetentionPeriod::Years(years)),
            _ => Err(Error::MalformedXml {
                reason: "a default retention has either Days or Years".into(),
            }),
        }
    }

    /// How strictly.
    #[must_use]
    pub const fn mode(&self) -> RetentionMode {
        self.mode
    }

    /// How long.
    #[must_use]
    pub const fn period(&self) -> RetentionPeriod {
        self.period
    }

    /// The retention of a version that was created at `created`.
    ///
    /// Law: S3, object lock default retention.
    #[must_use]
    pub fn of_version(&self, created: Timestamp) -> Retention {
        let until = match self.period {
            RetentionPeriod::Days(days) => created.plus_days(Days(days)),
            RetentionPeriod::Years(years) => created.plus_years(years),
        };
        Retention { mode: self.mode, until }
    }
}

/// A bucket's object lock: once on, it stays on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ObjectLockConfig {
    /// What new versions get that do not say.
    pub default_retention: Option<DefaultRetention>,
}

impl ObjectLockConfig {
    /// Object lock without a default.
    #[must_use]
    pub const fn new() -> Self {
        Self { default_retention: None }
    }

    /// With a default for new versions.
    #[must_use]
    pub const fn default_retention(mut self, retention: DefaultRetention) -> Self {
        self.default_retention = Some(retention);
        self
    }

    /// Whether object lock may be switched on in a bucket with this versioning.
    ///
    /// # Errors
    /// [`Error::InvalidBucketState`] unless versioning is enabled.
    ///
    /// Law: S3, object lock prerequisites.
    pub fn may_enable(bucket: &BucketName, versioning: Versioning) -> Result<()> {
        if versioning == Versioning::Enabled {
            return Ok(());
        }
        Err(Error::InvalidBucketState {
            bucket: bucket.clone(),
            reason: "object lock needs versioning; enable it first".into(),
        })
    }

    /// Whether a bucket with object lock may go over to this versioning.
    ///
    /// # Errors
    /// [`Error::InvalidBucketState`] for all but enabled.
    ///
    /// Law: S3, object lock prerequisites.
    pub fn may_set_versioning(&self, bucket: &BucketName, wanted: Versioning) -> Result<()> {
        if wanted == Versioning::Enabled {
            return Ok(());
        }
        Err(Error::InvalidBucketState {
            bucket: bucket.clone(),
            reason: "versioning cannot be suspended where object lock is on".into(),
        })
    }

    /// The retention of a new version: the one it names, or the bucket's default.
    ///
    /// Law: S3, object lock default retention.
    #[must_use]
    pub fn retention_of(&self, named: Option<Retention>, created: Timestamp) -> Option<Retention> {
        named.or_else(|| Some(self.default_retention?.of_version(created)))
    }
}

fn may_loosen(retention: Retention, bypass: Bypass) -> Result<()> {
    match (retention.mode, bypass) {
        (RetentionMode::Governance, Bypass::Governance) => Ok(()),
        (RetentionMode::Governance, Bypass::No) => denied(format!(
            "the version is under governance until {}; bypass it, if you may",
            retention.until
        )),
        (RetentionMode::Compliance, _) => denied(format!(
            "the version is under compliance until {}; nobody can loosen it",
            retention.until
        )),
    }
}

fn denied(reason: impl Into<std::borrow::Cow<'static, str>>) -> Result<()> {
    Err(Error::AccessDenied { reason: reason.into() })
}

#[cfg(test)]
mod tests;
