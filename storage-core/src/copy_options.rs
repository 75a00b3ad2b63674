//! What copies and renames may ask for.

use crate::{
    bucket::Bucket,
    checksum::ChecksumAlgorithm,
    condition::{ReadConditions, WriteCondition},
    error::{Error, Result},
    etag::ETag,
    limits,
    metadata::Metadata,
    object_key::{IntoKey, ObjectKey},
    object_lock::{LegalHold, Retention},
    port::Durability,
    storage_class::StorageClass,
    tags::Tags,
    version_id::VersionId,
};

/// What is copied: an object, or a version of one.
#[derive(Clone, Debug)]
pub struct CopySource {
    pub(crate) bucket: Bucket,
    pub(crate) key: ObjectKey,
    pub(crate) version: Option<VersionId>,
    pub(crate) conditions: ReadConditions,
}

impl CopySource {
    /// The current version of `key` in `bucket`.
    ///
    /// # Errors
    /// When `key` cannot be a key.
    pub fn new(bucket: &Bucket, key: impl IntoKey) -> Result<Self> {
        Ok(Self {
            bucket: bucket.clone(),
            key: key.into_key()?,
            version: None,
            conditions: ReadConditions::default(),
        })
    }

    /// This version instead of the current one.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// When to copy at all; every condition that fails is a failed precondition.
    #[must_use]
    pub fn conditions(mut self, conditions: ReadConditions) -> Self {
        self.conditions = conditions;
        self
    }
}

/// What a copy may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CopyOptions {
    /// `None` copies the source's.
    pub(crate) metadata: Option<Metadata>,
    /// `None` copies the source's.
    pub(crate) tags: Option<Tags>,
    pub(crate) class: Option<StorageClass>,
    pub(crate) algorithm: Option<ChecksumAlgorithm>,
    pub(crate) condition: WriteCondition,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: Option<LegalHold>,
    pub(crate) durability: Option<Durability>,
}

impl CopyOptions {
    /// A plain copy: the source's bytes, metadata and tags, in the class STANDARD.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the metadata: `MetadataDirective: REPLACE`.
    #[must_use]
    pub fn replace_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Replaces the tags: `TaggingDirective: REPLACE`.
    #[must_use]
    pub fn replace_tags(mut self, tags: Tags) -> Self {
        self.tags = Some(tags);
        self
    }

    /// The copy's storage class. Default: STANDARD, whatever the source's is.
    #[must_use]
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.class = Some(class);
        self
    }

    /// The algorithm of the copy's checksum. Default: the source's. Another one reads the body.
    #[must_use]
    pub fn checksum_algorithm(mut self, algorithm: ChecksumAlgorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// When to write at all. Default: always.
    #[must_use]
    pub fn condition(mut self, condition: WriteCondition) -> Self {
        self.condition = condition;
        self
    }

    /// Retention of the copy; the source's is not copied.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Legal hold on the copy; the source's is not copied.
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

/// Whether a rename may replace what is under the new key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RenameTarget {
    /// Nothing may be there. The default.
    #[default]
    Absent,
    /// Whatever is there is replaced.
    Any,
    /// An object with this entity tag is replaced.
    Matches(ETag),
}

/// What a rename may ask for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RenameOptions {
    pub(crate) target: RenameTarget,
    pub(crate) source_conditions: ReadConditions,
    pub(crate) client_token: Option<String>,
    pub(crate) durability: Option<Durability>,
}

impl RenameOptions {
    /// A rename to a key where nothing is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What may be under the new key.
    #[must_use]
    pub fn target(mut self, target: RenameTarget) -> Self {
        self.target = target;
        self
    }

    /// When to rename at all; every condition that fails is a failed precondition.
    #[must_use]
    pub fn source_conditions(mut self, conditions: ReadConditions) -> Self {
        self.source_conditions = conditions;
        self
    }

    /// Makes the rename happen once, however often it is sent with this token, for a day.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless it is 1 to 64 characters of ASCII.
    pub fn client_token(mut self, token: impl Into<String>) -> Result<Self> {
        let token = token.into();
        if token.is_empty() || token.len() > limits::CLIENT_TOKEN_BYTES_MAX || !token.is_ascii() {
            let reason = "a client token is 1 to 64 characters of ASCII";
            return Err(Error::invalid_argument("x-amz-client-token", token, reason));
        }
        self.client_token = Some(token);
        Ok(self)
    }

    /// How safe the rename is before the call returns. Default: the bucket's, then the store's.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }
}
