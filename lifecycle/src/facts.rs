//! `VersionFacts`: what a decision may know of a version; nothing else.

use crate::tiering::AccessTier;
use cistern_storage_core::{
    LegalHold, ObjectInfo, StorageClass, Tags, Timestamp, VersionId, VersionLock, Versioning,
};

/// One version of a key, as lifecycle sees it.
///
/// ```
/// use cistern_lifecycle::{Place, VersionFacts};
/// use cistern_storage_core::{Tags, Timestamp, Versioning};
///
/// let made = Timestamp::parse_iso8601("2026-01-01T12:00:00Z").expect("it is a moment");
/// let facts = VersionFacts::new("logs/a", 1 << 20, made)
///     .versioning(Versioning::Enabled)
///     .place(Place::Noncurrent { since: made, newer: 3 });
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct VersionFacts<'a> {
    /// The object's key.
    pub key: &'a str,
    /// Its size; 0 of a delete marker.
    pub size: u64,
    /// When it was made; of a multipart upload, when that began.
    pub modified: Timestamp,
    /// Which version it is.
    pub version: VersionId,
    /// Data, or a delete marker.
    pub content: Content,
    /// Where it stands among the versions of its key.
    pub place: Place,
    /// Its class.
    pub class: StorageClass,
    /// Its tier, which counts in `INTELLIGENT_TIERING` alone.
    pub tier: AccessTier,
    /// Its tags, at this moment.
    pub tags: &'a Tags,
    /// What it is locked by.
    pub lock: VersionLock,
    /// How far its replication is.
    pub replication: Replication,
    /// The state of its bucket.
    pub versioning: Versioning,
}

static NO_TAGS: Tags = Tags::new();

impl<'a> VersionFacts<'a> {
    /// The only version of a key in a bucket without versions: `STANDARD` data, no tags, no lock.
    #[must_use]
    pub fn new(key: &'a str, size: u64, modified: Timestamp) -> Self {
        Self {
            key,
            size,
            modified,
            version: VersionId::Null,
            content: Content::Data,
            place: Place::Current { others: 0 },
            class: StorageClass::Standard,
            tier: AccessTier::Frequent,
            tags: &NO_TAGS,
            lock: VersionLock::default(),
            replication: Replication::None,
            versioning: Versioning::Unversioned,
        }
    }

    /// A delete marker, current and alone unless it is said otherwise.
    #[must_use]
    pub fn delete_marker(key: &'a str, modified: Timestamp) -> Self {
        let marker = Self::new(key, 0, modified).versioning(Versioning::Enabled);
        Self { content: Content::DeleteMarker, ..marker }
    }

    /// What a list of versions says of one.
    #[must_use]
    pub fn of(info: &'a ObjectInfo, place: Place, versioning: Versioning) -> Self {
        let content = if info.is_delete_marker() { Content::DeleteMarker } else { Content::Data };
        let legal_hold = info.legal_hold().unwrap_or(LegalHold::Off);
        Self {
            version: info.version(),
            content,
            place,
            class: info.storage_class(),
            tags: info.tags(),
            lock: VersionLock { retention: info.retention(), legal_hold },
            versioning,
            ..Self::new(info.key().as_str(), info.size(), info.last_modified())
        }
    }

    /// Which version it is.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = version;
        self
    }

    /// Where it stands.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Its class.
    #[must_use]
    pub fn class(mut self, class: StorageClass) -> Self {
        self.class = class;
        self
    }

    /// Its tier.
    #[must_use]
    pub fn tier(mut self, tier: AccessTier) -> Self {
        self.tier = tier;
        self
    }

    /// Its tags.
    #[must_use]
    pub fn tags(mut self, tags: &'a Tags) -> Self {
        self.tags = tags;
        self
    }

    /// What it is locked by.
    #[must_use]
    pub fn lock(mut self, lock: VersionLock) -> Self {
        self.lock = lock;
        self
    }

    /// How far its replication is.
    #[must_use]
    pub fn replication(mut self, replication: Replication) -> Self {
        self.replication = replication;
        self
    }

    /// The state of its bucket.
    #[must_use]
    pub fn versioning(mut self, versioning: Versioning) -> Self {
        self.versioning = versioning;
        self
    }
}

/// Data, or a delete marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// An object's bytes.
    Data,
    /// A delete marker.
    DeleteMarker,
}

/// Where a version stands among those of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// It is the newest.
    Current {
        /// How many older versions and delete markers there are. Only whether there are any counts,
        /// and of delete markers alone.
        others: u32,
    },
    /// There is a newer one.
    Noncurrent {
        /// When the next newer version or delete marker that is still there was made.
        since: Timestamp,
        /// How many noncurrent versions and delete markers are newer.
        newer: u32,
    },
}

/// How far the replication of a version is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replication {
    /// It is not replicated.
    #[default]
    None,
    /// It waits to be.
    Pending,
    /// It could not be.
    Failed,
    /// It is.
    Completed,
    /// It is the replica itself.
    Replica,
}

impl Replication {
    /// Whether lifecycle leaves the version alone.
    ///
    /// Law: S3, lifecycle and replication.
    #[must_use]
    pub const fn holds(self) -> bool {
        matches!(self, Self::Pending | Self::Failed)
    }

    /// The name that the API uses; empty for none.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Pending => "PENDING",
            Self::Failed => "FAILED",
            Self::Completed => "COMPLETED",
            Self::Replica => "REPLICA",
        }
    }
}
