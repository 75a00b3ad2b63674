//! `Object` and `ObjectInfo`: what a read answers.

use crate::{
    checksum::{Checksum, ChecksumType},
    content::{Content, ObjectReader},
    error::Result,
    etag::ETag,
    metadata::Metadata,
    object_key::ObjectKey,
    object_lock::{LegalHold, Retention},
    restore::Restore,
    row::{BodyRow, ObjectRow, Rare},
    storage_class::StorageClass,
    tags::Tags,
    time::Timestamp,
    version_id::VersionId,
};
use bytes::Bytes;
use std::{ops::Range, sync::LazyLock};

/// Everything about one version but its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectInfo {
    pub(crate) key: ObjectKey,
    pub(crate) row: ObjectRow,
    pub(crate) is_latest: bool,
}

static NOTHING_RARE: LazyLock<Rare> = LazyLock::new(Rare::default);

impl ObjectInfo {
    /// What is known of a version does not keep its bytes, or where they are.
    pub(crate) fn without_body(mut self) -> Self {
        self.row.body.forget_bytes();
        self
    }

    fn rare(&self) -> &Rare {
        self.row.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The version; `null` for one that was written while versioning was not enabled.
    #[must_use]
    pub fn version(&self) -> VersionId {
        self.row.version
    }

    /// True for the newest version of its key.
    #[must_use]
    pub fn is_latest(&self) -> bool {
        self.is_latest
    }

    /// True for a delete marker, which has no bytes, no entity tag and no tags.
    #[must_use]
    pub fn is_delete_marker(&self) -> bool {
        self.row.delete_marker
    }

    /// How many bytes the body has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.row.size
    }

    /// The entity tag.
    #[must_use]
    pub fn etag(&self) -> ETag {
        self.row.etag
    }

    /// When the version was made; for one made by a multipart upload, when that began.
    #[must_use]
    pub fn last_modified(&self) -> Timestamp {
        self.row.modified
    }

    /// The storage class.
    #[must_use]
    pub fn storage_class(&self) -> StorageClass {
        self.row.class
    }

    /// The checksum that the object was given, or got by default.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        self.rare().checksum.unwrap_or_else(|| Checksum::of_crc64(self.row.crc64))
    }

    /// CRC-64/NVME of the whole body, which every object has beside its checksum.
    #[must_use]
    pub fn crc64(&self) -> u64 {
        self.row.crc64
    }

    /// Whether the checksum is of the whole body or of its parts' checksums.
    #[must_use]
    pub fn checksum_type(&self) -> ChecksumType {
        self.checksum().kind()
    }

    /// System headers and user metadata.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.rare().metadata
    }

    /// The version's tags.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.rare().tags
    }

    /// The version's retention, if it has one.
    #[must_use]
    pub fn retention(&self) -> Option<Retention> {
        self.rare().retention
    }

    /// The version's legal hold; `None` when none was ever set.
    #[must_use]
    pub fn legal_hold(&self) -> Option<LegalHold> {
        self.rare().legal_hold
    }

    /// The restore that was last asked for, of a version that is archived; where it stands is a
    /// question of the time: [`Restore::state`].
    #[must_use]
    pub fn restore(&self) -> Option<Restore> {
        self.rare().restore
    }

    /// Since when the version is in its storage class.
    #[must_use]
    pub fn in_class_since(&self) -> Timestamp {
        self.rare().entered.unwrap_or(self.row.modified)
    }

    /// How many parts a multipart upload made it of; `None` for an object made in one.
    #[must_use]
    pub fn parts_count(&self) -> Option<u32> {
        match self.row.body {
            BodyRow::Manifest { parts, visible: true, .. } => Some(parts),
            _ => None,
        }
    }

    /// The order of writes: of two versions of a key, the one with the larger number is newer.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.row.seq
    }
}

/// A version that is open for reading: what is known of it, and its bytes or a range of them.
///
/// The bytes are read when asked for, and stay readable until this is dropped, even if the object
/// is overwritten or deleted meanwhile. (An object of very many parts opens them one by one: then a
/// delete in the middle of reading is an error, never wrong bytes.)
#[derive(Debug)]
pub struct Object {
    pub(crate) info: ObjectInfo,
    pub(crate) content: Content,
    pub(crate) range: Range<u64>,
}

impl std::ops::Deref for Object {
    type Target = ObjectInfo;

    fn deref(&self) -> &ObjectInfo {
        &self.info
    }
}

impl Object {
    /// Everything but the bytes.
    #[must_use]
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// Which bytes of the object this holds: all, or the range or part that was asked for.
    #[must_use]
    pub fn content_range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// How many bytes this holds.
    #[must_use]
    pub fn content_len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// All bytes at once. A body kept in its row, or in memory in one piece, is shared, not copied.
    ///
    /// # Errors
    /// [`crate::Error::Damaged`] when the bytes at rest are not those that were written.
    pub fn bytes(&self) -> Result<Bytes> {
        self.content.read(self.range.clone())
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// As [`Self::bytes`]; [`crate::Error::Body`] when they are not UTF-8.
    pub fn text(&self) -> Result<String> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes.into()).map_err(|error| {
            // Where, but not what: an error may end in a log.
            let error = error.utf8_error();
            crate::Error::body(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        })
    }

    /// The bytes, chunk by chunk; ends after the first error. Memory: one chunk.
    pub fn chunks(&self) -> impl Iterator<Item = Result<Bytes>> + '_ {
        let mut reader = self.content.clone().reader(self.range.clone());
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let chunk = reader.next_chunk().transpose();
            failed = matches!(chunk, Some(Err(_)));
            chunk
        })
    }

    /// The bytes as `Read + Seek`.
    #[must_use]
    pub fn into_reader(self) -> ObjectReader {
        self.content.reader(self.range)
    }
}
