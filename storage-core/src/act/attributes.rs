//! Object attributes: the parts an object was made of, and what a head tells.

use super::get::{find_version, load_parts};
use crate::{
    authority::Permit,
    bucket::Bucket,
    checksum::Checksum,
    error::{Error, Result},
    object::ObjectInfo,
    object_key::ObjectKey,
    row::{BodyRow, HeadKey},
    version_id::VersionId,
};

/// What is known of an object, with its parts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ObjectAttributes {
    /// What a head tells.
    pub info: ObjectInfo,
    /// The parts, when a multipart upload made the object.
    pub parts: Option<ObjectParts>,
}

/// A page of an object's parts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ObjectParts {
    /// How many parts there are in all.
    pub total: u32,
    /// The page, by part number.
    pub parts: Vec<ObjectPart>,
    /// True when there is more.
    pub is_truncated: bool,
    /// The number of the page's last part: the marker of the next page.
    pub next_part_number_marker: Option<u32>,
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectPart {
    /// Its number, as uploaded.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Its checksum, in the object's algorithm.
    pub checksum: Checksum,
}

pub(crate) fn attributes(
    bucket: &Bucket,
    _permit: Permit,
    key: &ObjectKey,
    version: Option<VersionId>,
    part_number_marker: u32,
    max_parts: Option<u32>,
) -> Result<ObjectAttributes> {
    let head = HeadKey::new(bucket.state().id, key.as_str());
    let stored = find_version(bucket, key, &head, version)?;
    let is_latest = stored.at == *head.row();
    let info = ObjectInfo { key: key.clone(), row: stored.row, is_latest }.without_body();
    let BodyRow::Manifest { id, parts: total, visible: true } = info.row.body else {
        return Ok(ObjectAttributes { info, parts: None });
    };
    let limit = crate::listing::page_size(max_parts, bucket.store().limits().page_max);
    let algorithm = info.checksum().algorithm();
    let mut page = ObjectParts {
        total,
        parts: Vec::new(),
        is_truncated: false,
        next_part_number_marker: None,
    };
    for entry in load_parts(bucket, id)? {
        let number = u32::from(entry.number);
        if number <= part_number_marker {
            continue;
        }
        if page.parts.len() == limit {
            page.is_truncated = limit > 0;
            page.next_part_number_marker = page.parts.last().map(|part| part.number);
            break;
        }
        let checksum = match &entry.checksum {
            None => Checksum::of_crc64(entry.crc64),
            Some(digest) => Checksum::full(algorithm, digest).ok_or_else(|| {
                Error::damaged("a manifest", "a part's checksum has the wrong length")
            })?,
        };
        page.parts.push(ObjectPart { number, size: entry.size, checksum });
    }
    Ok(ObjectAttributes { info, parts: Some(page) })
}
