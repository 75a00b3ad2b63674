//! Intelligent tiering: in which tier an object is, as a function of when it was read.

use crate::{
    document,
    error::{Error, Result},
    filter::Filter,
    rule::Status,
    waterfall::SMALL_OBJECT_BYTES,
};
use cistern_storage_core::{Days, Tags, Timestamp};
use std::fmt;

/// A tier of `INTELLIGENT_TIERING`.
///
/// Law: S3, intelligent tiering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessTier {
    /// Where every object begins, and comes back to when it is read.
    #[default]
    Frequent,
    /// After 30 days without access.
    Infrequent,
    /// After 90 days without access.
    ArchiveInstant,
    /// After as many days as were asked for; must be restored.
    Archive,
    /// The same, deeper.
    DeepArchive,
}

impl AccessTier {
    /// Every tier, from warm to cold.
    pub const ALL: [Self; 5] =
        [Self::Frequent, Self::Infrequent, Self::ArchiveInstant, Self::Archive, Self::DeepArchive];

    /// Whether its bytes must be restored before they can be read.
    #[must_use]
    pub const fn is_archive(self) -> bool {
        matches!(self, Self::Archive | Self::DeepArchive)
    }

    /// The name that the API uses, and `x-amz-archive-status` of the two archive tiers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frequent => "FREQUENT",
            Self::Infrequent => "INFREQUENT",
            Self::ArchiveInstant => "ARCHIVE_INSTANT_ACCESS",
            Self::Archive => "ARCHIVE_ACCESS",
            Self::DeepArchive => "DEEP_ARCHIVE_ACCESS",
        }
    }

    /// The name that inventories use.
    #[must_use]
    pub const fn inventory_name(self) -> &'static str {
        match self {
            Self::Archive => "ARCHIVE",
            Self::DeepArchive => "DEEP_ARCHIVE",
            other => other.as_str(),
        }
    }

    /// The value of `x-amz-archive-status`; only the archive tiers have one.
    #[must_use]
    pub const fn archive_status(self) -> Option<&'static str> {
        if self.is_archive() { Some(self.as_str()) } else { None }
    }
}

impl fmt::Display for AccessTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a call counts for the tier of the object it reads.
///
/// Law: S3, intelligent tiering access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// `GetObject`, and being the source of a copy: back to the frequent tier.
    Read,
    /// `SelectObjectContent`: keeps the object out of the archive tiers, and does no more.
    Scan,
    /// What is no access: heads, lists, tags, lifecycle, reads that fail.
    None,
}

/// The clocks of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TierClocks {
    /// When it entered the class, was last read, or its restore was done.
    pub last_access: Timestamp,
    /// When it was last kept out of the archive tiers.
    pub last_scan: Timestamp,
    /// The archive tier that it has reached; it stays there whatever becomes of the configuration.
    pub archived: AccessTier,
}

impl TierClocks {
    /// The clocks of an object that enters the class: by a put, a transition, or a restore.
    #[must_use]
    pub const fn entered(at: Timestamp) -> Self {
        Self { last_access: at, last_scan: at, archived: AccessTier::Frequent }
    }

    /// The clocks after a call. An object in an archive tier cannot be read, so none counts.
    ///
    /// Law: S3, intelligent tiering access.
    #[must_use]
    pub fn after(self, access: Access, size: u64, archive: ArchiveTiers, now: Timestamp) -> Self {
        let settled = self.settle(size, archive, now);
        if settled.archived.is_archive() {
            return settled;
        }
        match access {
            Access::Read => Self {
                last_access: settled.last_access.max(now),
                last_scan: settled.last_scan.max(now),
                ..settled
            },
            Access::Scan => Self { last_scan: settled.last_scan.max(now), ..settled },
            Access::None => settled,
        }
    }

    /// The tier at `now`, under a configuration of the archive tiers.
    ///
    /// Days count as those of lifecycle: from the midnight after.
    ///
    /// Law: S3, intelligent tiering.
    #[must_use]
    pub fn tier(self, size: u64, archive: ArchiveTiers, now: Timestamp) -> AccessTier {
        if size < SMALL_OBJECT_BYTES {
            return AccessTier::Frequent;
        }
        let blocked = self.last_access.max(self.last_scan);
        let due = |from: Timestamp, days: Days| now >= from.midnight_after(days);
        let archived = |days: Option<Days>| days.is_some_and(|days| due(blocked, days));
        let by_clock = if archived(archive.deep_archive) {
            AccessTier::DeepArchive
        } else if archived(archive.archive) {
            AccessTier::Archive
        } else if due(self.last_access, ARCHIVE_INSTANT_DAYS) {
            AccessTier::ArchiveInstant
        } else if due(self.last_access, INFREQUENT_DAYS) {
            AccessTier::Infrequent
        } else {
            AccessTier::Frequent
        };
        by_clock.max(self.archived)
    }

    /// The clocks with the archive tier reached by `now` noted: what a store keeps, so that a
    /// configuration that is switched off brings nothing back.
    #[must_use]
    pub fn settle(self, size: u64, archive: ArchiveTiers, now: Timestamp) -> Self {
        let tier = self.tier(size, archive, now);
        if tier.is_archive() { Self { archived: tier, ..self } } else { self }
    }
}

/// After how many days the archive tiers begin; none unless asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ArchiveTiers {
    /// `ARCHIVE_ACCESS`, 90 to 730 days.
    pub archive: Option<Days>,
    /// `DEEP_ARCHIVE_ACCESS`, 180 to 730 days.
    pub deep_archive: Option<Days>,
}

impl ArchiveTiers {
    /// What several configurations say of one object: for each tier the fewest days.
    #[must_use]
    pub fn of<'a>(
        configurations: impl IntoIterator<Item = &'a TieringConfiguration>,
        key: &str,
        tags: &Tags,
    ) -> Self {
        let fewest = |one: Option<Days>, other: Option<Days>| one.into_iter().chain(other).min();
        let mut all = Self::default();
        for one in configurations {
            let meant = one.status == Status::Enabled && one.filter.matches(key, tags, 0);
            if meant {
                all.archive = fewest(all.archive, one.tiers.archive);
                all.deep_archive = fewest(all.deep_archive, one.tiers.deep_archive);
            }
        }
        all
    }
}

/// An opt-in to the archive tiers, for objects of a prefix or with tags.
///
/// Law: S3, intelligent tiering configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TieringConfiguration {
    id: Box<str>,
    status: Status,
    filter: Filter,
    tiers: ArchiveTiers,
}

impl TieringConfiguration {
    /// A configuration that is in force.
    ///
    /// # Errors
    /// [`Error::InvalidTiering`] for days out of range, no tier, or a deep tier that is not later;
    /// the errors of a filter.
    ///
    /// Law: S3, intelligent tiering configuration.
    pub fn new(id: impl Into<Box<str>>, filter: Filter, tiers: ArchiveTiers) -> Result<Self> {
        let this = Self { id: id.into(), status: Status::Enabled, filter, tiers };
        this.check()?;
        Ok(this)
    }

    /// Switches it on or off.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is in force.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.status == Status::Enabled
    }

    /// Which objects it is about.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// When the tiers begin.
    #[must_use]
    pub fn tiers(&self) -> ArchiveTiers {
        self.tiers
    }

    /// Reads the body of `PutBucketIntelligentTieringConfiguration`.
    ///
    /// # Errors
    /// [`Error::Malformed`], and all errors of [`Self::new`].
    pub fn from_xml(text: &str) -> Result<Self> {
        document::tiering::read(&document::xml::read(text, document::tiering::ROOT)?)
    }

    /// The body of `GetBucketIntelligentTieringConfiguration`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        document::xml::write(&document::tiering::write(self))
    }

    /// Reads the JSON that the AWS CLI takes.
    ///
    /// # Errors
    /// As [`Self::from_xml`].
    pub fn from_json(text: &str) -> Result<Self> {
        document::tiering::read(&document::json::read(text, document::tiering::ROOT)?)
    }

    /// The JSON that the AWS CLI takes.
    #[must_use]
    pub fn to_json(&self) -> String {
        document::json::write(&document::tiering::write(self))
    }

    fn check(&self) -> Result<()> {
        let within = |days: Option<Days>, min| {
            days.is_none_or(|days| (min..=ARCHIVE_TIER_DAYS_MAX).contains(&days.0))
        };
        let tiers = self.tiers;
        let reason = if self.id.is_empty() || self.id.len() > 64 || self.id.contains('\0') {
            "its id has 1 to 64 bytes"
        } else if self.filter.has_sizes() {
            "its filter speaks of sizes"
        } else if !within(tiers.archive, ARCHIVE_DAYS_MIN) {
            "ARCHIVE_ACCESS begins after 90 to 730 days"
        } else if !within(tiers.deep_archive, DEEP_ARCHIVE_DAYS_MIN) {
            "DEEP_ARCHIVE_ACCESS begins after 180 to 730 days"
        } else if tiers.archive.is_none() && tiers.deep_archive.is_none() {
            "it has no tier"
        } else if tiers.deep_archive.is_some() && tiers.archive >= tiers.deep_archive {
            "DEEP_ARCHIVE_ACCESS begins after ARCHIVE_ACCESS"
        } else {
            return self.filter.check(&self.id);
        };
        Err(Error::InvalidTiering { id: self.id.clone(), reason })
    }
}

/// Days without access before the infrequent tier. Law: S3, intelligent tiering.
pub const INFREQUENT_DAYS: Days = Days(30);
/// Days without access before the archive instant tier. Law: S3, intelligent tiering.
pub const ARCHIVE_INSTANT_DAYS: Days = Days(90);
/// The fewest days before the archive tier. Law: S3, intelligent tiering configuration.
pub const ARCHIVE_DAYS_MIN: u32 = 90;
/// The fewest days before the deep archive tier. Law: S3, intelligent tiering configuration.
pub const DEEP_ARCHIVE_DAYS_MIN: u32 = 180;
/// The most days before either. Law: S3, intelligent tiering configuration.
pub const ARCHIVE_TIER_DAYS_MAX: u32 = 730;

#[cfg(test)]
mod tests;
