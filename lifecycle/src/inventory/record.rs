//! `InventoryRecord`: what a report says of one version.

use super::InventoryField;
use crate::{
    facts::Replication, header::percent_encode, policy::LifecyclePolicy, tiering::AccessTier,
};
use cistern_storage_core::{
    ChecksumAlgorithm, ETag, LegalHold, ObjectInfo, Retention, StorageClass, Timestamp, VersionId,
};

/// What a report says of one version or delete marker.
///
/// What this store does not know itself (who owns an object, how it is encrypted) is for the caller to
/// say; `None` is an empty cell.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct InventoryRecord<'a> {
    /// The key.
    pub key: &'a str,
    /// Which version.
    pub version: VersionId,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Whether it is a delete marker.
    pub is_delete_marker: bool,
    /// Its size.
    pub size: u64,
    /// When it was made.
    pub last_modified: Timestamp,
    /// Its entity tag.
    pub etag: ETag,
    /// Its class.
    pub class: StorageClass,
    /// Its tier, which is said of `INTELLIGENT_TIERING` alone.
    pub tier: AccessTier,
    /// Whether it came by multipart upload.
    pub is_multipart: bool,
    /// How far its replication is.
    pub replication: Replication,
    /// `SSE-S3`, `SSE-KMS`, `NOT-SSE` ...
    pub encryption: Option<&'a str>,
    /// Its retention.
    pub retention: Option<Retention>,
    /// Its legal hold.
    pub legal_hold: Option<LegalHold>,
    /// `ENABLED` or `DISABLED`.
    pub bucket_key: Option<&'a str>,
    /// Its checksum's algorithm.
    pub checksum: Option<ChecksumAlgorithm>,
    /// Base64 of JSON.
    pub access_control: Option<&'a str>,
    /// Whose it is.
    pub owner: Option<&'a str>,
    /// When it expires.
    pub expires: Option<Timestamp>,
}

impl<'a> InventoryRecord<'a> {
    /// What a list of versions says of one.
    #[must_use]
    pub fn of(info: &'a ObjectInfo) -> Self {
        let marker = info.is_delete_marker();
        Self {
            key: info.key().as_str(),
            version: info.version(),
            is_latest: info.is_latest(),
            is_delete_marker: marker,
            size: info.size(),
            last_modified: info.last_modified(),
            etag: info.etag(),
            class: info.storage_class(),
            tier: AccessTier::Frequent,
            is_multipart: info.parts_count().is_some(),
            replication: Replication::None,
            encryption: None,
            retention: info.retention(),
            legal_hold: info.legal_hold(),
            bucket_key: None,
            checksum: (!marker).then(|| info.checksum().algorithm()),
            access_control: None,
            owner: None,
            expires: None,
        }
    }

    /// The same, with when a policy expires it.
    #[must_use]
    pub fn expiring_by(
        mut self,
        policy: &LifecyclePolicy,
        facts: &crate::VersionFacts<'_>,
    ) -> Self {
        self.expires = policy.expiration_of(facts).map(|header| header.expires);
        self
    }

    /// The key as reports have it.
    pub(super) fn encoded_key(&self) -> String {
        let mut text = String::with_capacity(self.key.len());
        // S3 leaves the slash as it is.
        for (index, part) in self.key.split('/').enumerate() {
            if index > 0 {
                text.push('/');
            }
            percent_encode(part, &mut text).expect("writing to a string cannot fail");
        }
        text
    }

    /// The cell of an optional column. A delete marker has only a date.
    pub(super) fn cell(&self, field: InventoryField) -> String {
        if self.is_delete_marker && field != InventoryField::LastModifiedDate {
            return String::new();
        }
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        match field {
            InventoryField::Size => self.size.to_string(),
            InventoryField::LastModifiedDate => self.last_modified.to_iso8601(),
            InventoryField::ETag => self.etag.to_string().trim_matches('"').to_owned(),
            InventoryField::StorageClass => self.class.to_string(),
            InventoryField::IsMultipartUploaded => self.is_multipart.to_string(),
            InventoryField::ReplicationStatus => self.replication.as_str().to_owned(),
            InventoryField::EncryptionStatus => text(self.encryption),
            InventoryField::ObjectLockRetainUntilDate => {
                self.retention.map(|one| one.until.to_iso8601()).unwrap_or_default()
            }
            InventoryField::ObjectLockMode => text(self.retention.map(|one| one.mode.as_str())),
            InventoryField::ObjectLockLegalHoldStatus => {
                text(self.legal_hold.map(LegalHold::as_str))
            }
            InventoryField::IntelligentTieringAccessTier => {
                let tiered = self.class == StorageClass::IntelligentTiering;
                text(tiered.then(|| self.tier.inventory_name()))
            }
            InventoryField::BucketKeyStatus => text(self.bucket_key),
            InventoryField::ChecksumAlgorithm => {
                self.checksum.map(|one| one.to_string()).unwrap_or_default()
            }
            InventoryField::ObjectAccessControlList => text(self.access_control),
            InventoryField::ObjectOwner => text(self.owner),
            InventoryField::LifecycleExpirationDate => {
                self.expires.map(Timestamp::to_iso8601).unwrap_or_default()
            }
        }
    }
}
