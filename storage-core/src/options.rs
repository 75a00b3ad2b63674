//! What a call may ask for beyond its key and its bytes.

use crate::{
    byte_range::ByteRange,
    checksum::{Checksum, ChecksumAlgorithm},
    condition::{DeleteCondition, ReadConditions, WriteCondition},
    metadata::Metadata,
    object_lock::{Bypass, LegalHold, Retention},
    port::Durability,
    storage_class::StorageClass,
    tags::Tags,
    version_id::VersionId,
};

/// What a put may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PutOptions {
    pub(crate) metadata: Metadata,
    pub(crate) tags: Tags,
    pub(crate) class: StorageClass,
    pub(crate) condition: WriteCondition,
    pub(crate) content_md5: Option<[u8; 16]>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) algorithm: Option<ChecksumAlgorithm>,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: Option<LegalHold>,
    pub(crate) durability: Option<Durability>,
}

impl PutOptions {
    /// A plain put.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// System headers and user metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The version's tags.
    #[must_use]
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    /// The storage class. Default: STANDARD.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.class = class;
        self
    }

    /// When to write at all. Default: always.
    #[must_use]
    pub fn condition(mut self, condition: WriteCondition) -> Self {
        self.condition = condition;
        self
    }

    /// Writes only when there is no current object: `If-None-Match: *`.
    #[must_use]
    pub fn if_absent(self) -> Self {
        self.condition(WriteCondition::IfAbsent)
    }

    /// Writes only when the current object has this entity tag: `If-Match`.
    #[must_use]
    pub fn if_match(self, etag: crate::etag::ETag) -> Self {
        self.condition(WriteCondition::IfMatch(etag))
    }

    /// The MD5 that the body must have; another is refused as `BadDigest`.
    #[must_use]
    pub fn content_md5(mut self, digest: [u8; 16]) -> Self {
        self.content_md5 = Some(digest);
        self
    }

    /// The checksum that the body must have; another is refused as `BadDigest`.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// The algorithm to compute the object's checksum in. Default: CRC64NVME.
    #[must_use]
    pub fn checksum_algorithm(mut self, algorithm: ChecksumAlgorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Keeps the version from being deleted until a date. Needs a bucket with object lock.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Keeps the version from being deleted while the hold is on. Needs a bucket with object lock.
    #[must_use]
    pub fn legal_hold(mut self, hold: LegalHold) -> Self {
        self.legal_hold = Some(hold);
        self
    }

    /// How safe the write is before the call returns. Default: the bucket's, then the store's.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}

/// What a get or head may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GetOptions {
    pub(crate) version: Option<VersionId>,
    pub(crate) range: Option<ByteRange>,
    pub(crate) part_number: Option<u32>,
    pub(crate) conditions: ReadConditions,
}

impl GetOptions {
    /// A plain get of the current version.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This version instead of the current one.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Only these bytes.
    #[must_use]
    pub fn range(mut self, range: impl Into<ByteRange>) -> Self {
        self.range = Some(range.into());
        self
    }

    /// Only the bytes of this part. Not together with a range.
    #[must_use]
    pub fn part_number(mut self, number: u32) -> Self {
        self.part_number = Some(number);
        self
    }

    /// When to answer with the object.
    #[must_use]
    pub fn conditions(mut self, conditions: ReadConditions) -> Self {
        self.conditions = conditions;
        self
    }
}

/// What a delete may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeleteOptions {
    pub(crate) version: Option<VersionId>,
    pub(crate) condition: DeleteCondition,
    pub(crate) bypass: Bypass,
    pub(crate) durability: Option<Durability>,
}

impl DeleteOptions {
    /// A plain delete of the current version.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Deletes exactly this version or delete marker, for good.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// When to delete at all. Default: always.
    #[must_use]
    pub fn condition(mut self, condition: DeleteCondition) -> Self {
        self.condition = condition;
        self
    }

    /// Deletes a version under governance retention. Needs a bucket with object lock.
    #[must_use]
    pub fn bypass_governance(mut self) -> Self {
        self.bypass = Bypass::Governance;
        self
    }

    /// How safe the delete is before the call returns. Default: the bucket's, then the store's.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}
