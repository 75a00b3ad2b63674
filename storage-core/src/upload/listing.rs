//! What is told of parts, and of uploads in progress.

use super::{CompletedPart, UploadId};
use crate::{
    checksum::{Checksum, ChecksumAlgorithm, ChecksumType},
    etag::ETag,
    object_key::ObjectKey,
    port::Durability,
    row::{PartRow, UploadRow},
    storage_class::StorageClass,
    time::Timestamp,
};

/// What uploading or copying a part answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// What is known of the part.
    pub info: PartInfo,
    /// How safe it is by now.
    pub durability: Durability,
}

impl std::ops::Deref for Part {
    type Target = PartInfo;

    fn deref(&self) -> &PartInfo {
        &self.info
    }
}

/// A part of an upload in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartInfo {
    /// Its number.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, which completion must name.
    pub etag: ETag,
    /// Its checksum, in the upload's algorithm.
    pub checksum: Checksum,
    /// When it was uploaded.
    pub last_modified: Timestamp,
}

impl PartInfo {
    pub(crate) fn new(part: &PartRow, algorithm: ChecksumAlgorithm) -> Self {
        let PartRow { etag, modified, entry } = part;
        Self {
            number: entry.number.into(),
            size: entry.size,
            etag: *etag,
            checksum: entry.checksum_in(algorithm),
            last_modified: *modified,
        }
    }
}

impl From<&PartInfo> for CompletedPart {
    fn from(part: &PartInfo) -> Self {
        Self::new(part.number, part.etag)
    }
}

impl From<PartInfo> for CompletedPart {
    fn from(part: PartInfo) -> Self {
        (&part).into()
    }
}

impl From<&Part> for CompletedPart {
    fn from(part: &Part) -> Self {
        (&part.info).into()
    }
}

impl From<Part> for CompletedPart {
    fn from(part: Part) -> Self {
        (&part.info).into()
    }
}

/// One page of the parts of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartsPage {
    /// The parts, by number.
    pub parts: Vec<PartInfo>,
    /// True when there is more.
    pub is_truncated: bool,
    /// The last number of the page, when there is more.
    pub next_part_number_marker: Option<u32>,
    /// The upload that they are of.
    pub upload: UploadInfo,
}

/// An upload in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadInfo {
    /// The key that it is for.
    pub key: ObjectKey,
    /// Its name.
    pub id: UploadId,
    /// When it began: the last-modified of its object.
    pub initiated: Timestamp,
    /// The storage class of its object.
    pub storage_class: StorageClass,
    /// The algorithm of its object's checksum.
    pub checksum_algorithm: ChecksumAlgorithm,
    /// Whether that will be of the object's bytes or of its parts' checksums.
    pub checksum_type: ChecksumType,
}

impl UploadInfo {
    pub(crate) fn new(key: ObjectKey, id: UploadId, row: &UploadRow) -> Self {
        Self {
            key,
            id,
            initiated: row.initiated,
            storage_class: row.class,
            checksum_algorithm: row.algorithm,
            checksum_type: row.checksum_type,
        }
    }
}

/// One page of the uploads in progress of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadsPage {
    /// The uploads: by key, then from the first that began to the last.
    pub uploads: Vec<UploadInfo>,
    /// What was rolled up, in order.
    pub common_prefixes: Vec<String>,
    /// True when there is more.
    pub is_truncated: bool,
    /// The key or common prefix of the page's last item, when there is more.
    pub next_key_marker: Option<String>,
    /// The upload that is the page's last item, when there is more and it is one.
    pub next_upload_id_marker: Option<UploadId>,
}
