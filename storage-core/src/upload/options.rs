//! What the verbs of an upload may ask for.

use super::UploadId;
use crate::{
    byte_range::ByteRange,
    checksum::{Checksum, ChecksumAlgorithm, ChecksumType},
    condition::WriteCondition,
    etag::ETag,
    metadata::Metadata,
    object_lock::{LegalHold, Retention},
    port::Durability,
    storage_class::StorageClass,
    tags::Tags,
};

/// What an upload may ask for when it begins: what its object will have.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UploadOptions {
    pub(crate) metadata: Metadata,
    pub(crate) tags: Tags,
    pub(crate) class: StorageClass,
    pub(crate) algorithm: Option<ChecksumAlgorithm>,
    pub(crate) checksum_type: Option<ChecksumType>,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: Option<LegalHold>,
    pub(crate) durability: Option<Durability>,
}

impl UploadOptions {
    /// A plain upload.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The object's system headers and user metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The object's tags.
    #[must_use]
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    /// The object's storage class. Default: STANDARD.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.class = class;
        self
    }

    /// The algorithm of the object's checksum, and of its parts'. Default: CRC64NVME.
    #[must_use]
    pub fn checksum_algorithm(mut self, algorithm: ChecksumAlgorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Whether the object's checksum is of its bytes or of its parts' checksums. Default: of its
    /// parts', but for CRC64NVME. Needs an algorithm beside it.
    #[must_use]
    pub fn checksum_type(mut self, kind: ChecksumType) -> Self {
        self.checksum_type = Some(kind);
        self
    }

    /// Keeps the object from being deleted until a date. Needs a bucket with object lock.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Keeps the object from being deleted while the hold is on. Needs a bucket with object lock.
    #[must_use]
    pub fn legal_hold(mut self, hold: LegalHold) -> Self {
        self.legal_hold = Some(hold);
        self
    }

    /// How safe the beginning is before the call returns; parts and completion ask for themselves.
    /// Default: the bucket's, then the store's.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}

/// What a part may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PartOptions {
    pub(crate) content_md5: Option<[u8; 16]>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) durability: Option<Durability>,
}

impl PartOptions {
    /// A plain part.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The MD5 that the part must have; another is refused as `BadDigest`.
    #[must_use]
    pub fn content_md5(mut self, digest: [u8; 16]) -> Self {
        self.content_md5 = Some(digest);
        self
    }

    /// The checksum that the part must have; another is refused as `BadDigest`. Of the upload's
    /// algorithm; of any, when that is CRC64NVME.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// How safe the part is before the call returns. Default: the bucket's, then the store's. What
    /// survives is a prefix of all commits, so that a synced completion makes its parts safe too.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}

/// What a copied part may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CopyPartOptions {
    pub(crate) range: Option<ByteRange>,
    pub(crate) durability: Option<Durability>,
}

impl CopyPartOptions {
    /// A copy of the whole source.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only these bytes of the source: first to last, all of them there.
    #[must_use]
    pub fn range(mut self, range: impl Into<ByteRange>) -> Self {
        self.range = Some(range.into());
        self
    }

    /// As [`PartOptions::durability`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}

/// A part as completion names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletedPart {
    /// Its number.
    pub number: u32,
    /// The entity tag that it was answered with.
    pub etag: ETag,
    /// The checksum that it must have, in the upload's algorithm.
    pub checksum: Option<Checksum>,
}

impl CompletedPart {
    /// The part of that number, if it has that entity tag.
    #[must_use]
    pub fn new(number: u32, etag: ETag) -> Self {
        Self { number, etag, checksum: None }
    }

    /// The checksum that it must have too.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }
}

/// What completion may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CompleteOptions {
    pub(crate) condition: WriteCondition,
    pub(crate) object_size: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) durability: Option<Durability>,
}

impl CompleteOptions {
    /// A plain completion.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// When to complete at all. Default: always.
    #[must_use]
    pub fn condition(mut self, condition: WriteCondition) -> Self {
        self.condition = condition;
        self
    }

    /// Completes only when there is no current object: `If-None-Match: *`.
    #[must_use]
    pub fn if_absent(self) -> Self {
        self.condition(WriteCondition::IfAbsent)
    }

    /// Completes only over the object with this entity tag, if it is the one that was current when
    /// the upload began: `If-Match`.
    #[must_use]
    pub fn if_match(self, etag: ETag) -> Self {
        self.condition(WriteCondition::IfMatch(etag))
    }

    /// How many bytes the object must have: `x-amz-mp-object-size`.
    #[must_use]
    pub fn object_size(mut self, size: u64) -> Self {
        self.object_size = Some(size);
        self
    }

    /// The checksum that the object must have, of the upload's algorithm and type; another is
    /// refused as `BadDigest`.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// How safe the object is before the call returns. Default: the bucket's, then the store's.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}

/// Which parts of an upload to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPartsOptions {
    pub(crate) after: u32,
    pub(crate) max_parts: Option<u32>,
}

impl ListPartsOptions {
    /// All parts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only parts with a higher number.
    #[must_use]
    pub fn part_number_marker(mut self, number: u32) -> Self {
        self.after = number;
        self
    }

    /// At most so many parts in a page; more than 1,000 counts as 1,000.
    #[must_use]
    pub fn max_parts(mut self, max: u32) -> Self {
        self.max_parts = Some(max);
        self
    }
}

/// Which uploads to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListUploadsOptions {
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    pub(crate) key_marker: String,
    pub(crate) upload_id_marker: Option<UploadId>,
    pub(crate) max_uploads: Option<u32>,
}

impl ListUploadsOptions {
    /// All uploads in progress.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Rolls up keys as [`crate::ListOptions::delimiter`] does.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        self
    }

    /// Only of keys after this one; with [`Self::upload_id_marker`], also the uploads of this key
    /// that began after that one.
    #[must_use]
    pub fn key_marker(mut self, key: impl Into<String>) -> Self {
        self.key_marker = key.into();
        self
    }

    /// See [`Self::key_marker`], without which it is ignored. The upload may be gone by now.
    #[must_use]
    pub fn upload_id_marker(mut self, id: UploadId) -> Self {
        self.upload_id_marker = Some(id);
        self
    }

    /// At most so many uploads and common prefixes in a page; more than 1,000 counts as 1,000.
    #[must_use]
    pub fn max_uploads(mut self, max: u32) -> Self {
        self.max_uploads = Some(max);
        self
    }
}
