//! `InventoryField`: an optional column.

use crate::error::{Error, Result};
use std::{fmt, str::FromStr};

/// An optional column of an inventory, in the order of columns.
///
/// Law: S3, inventory columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InventoryField {
    /// Bytes.
    Size,
    /// When the version was made.
    LastModifiedDate,
    /// The entity tag, without quotes.
    ETag,
    /// The class.
    StorageClass,
    /// Whether it came by multipart upload.
    IsMultipartUploaded,
    /// How far its replication is.
    ReplicationStatus,
    /// How it is encrypted.
    EncryptionStatus,
    /// Until when it is retained.
    ObjectLockRetainUntilDate,
    /// How strictly.
    ObjectLockMode,
    /// Whether it is held.
    ObjectLockLegalHoldStatus,
    /// The tier of `INTELLIGENT_TIERING`.
    IntelligentTieringAccessTier,
    /// Whether a bucket key encrypts it.
    BucketKeyStatus,
    /// Its checksum's algorithm.
    ChecksumAlgorithm,
    /// Who may do what, as base64 of JSON.
    ObjectAccessControlList,
    /// Whose it is.
    ObjectOwner,
    /// When it expires.
    LifecycleExpirationDate,
}

impl InventoryField {
    /// Every field, in the order of columns.
    pub const ALL: [Self; 16] = [
        Self::Size,
        Self::LastModifiedDate,
        Self::ETag,
        Self::StorageClass,
        Self::IsMultipartUploaded,
        Self::ReplicationStatus,
        Self::EncryptionStatus,
        Self::ObjectLockRetainUntilDate,
        Self::ObjectLockMode,
        Self::ObjectLockLegalHoldStatus,
        Self::IntelligentTieringAccessTier,
        Self::BucketKeyStatus,
        Self::ChecksumAlgorithm,
        Self::ObjectAccessControlList,
        Self::ObjectOwner,
        Self::LifecycleExpirationDate,
    ];

    /// The name of the column, in the manifest's schema and in configurations.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Size => "Size",
            Self::LastModifiedDate => "LastModifiedDate",
            Self::ETag => "ETag",
            Self::StorageClass => "StorageClass",
            Self::IsMultipartUploaded => "IsMultipartUploaded",
            Self::ReplicationStatus => "ReplicationStatus",
            Self::EncryptionStatus => "EncryptionStatus",
            Self::ObjectLockRetainUntilDate => "ObjectLockRetainUntilDate",
            Self::ObjectLockMode => "ObjectLockMode",
            Self::ObjectLockLegalHoldStatus => "ObjectLockLegalHoldStatus",
            Self::IntelligentTieringAccessTier => "IntelligentTieringAccessTier",
            Self::BucketKeyStatus => "BucketKeyStatus",
            Self::ChecksumAlgorithm => "ChecksumAlgorithm",
            Self::ObjectAccessControlList => "ObjectAccessControlList",
            Self::ObjectOwner => "ObjectOwner",
            Self::LifecycleExpirationDate => "LifecycleExpirationDate",
        }
    }
}

impl fmt::Display for InventoryField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.column())
    }
}

impl FromStr for InventoryField {
    type Err = Error;

    /// Reads the name in configurations.
    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|field| field.column() == text);
        found.ok_or_else(|| Error::malformed("OptionalFields", "a field is not known"))
    }
}
