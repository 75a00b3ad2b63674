//! Get and head: find the version, check the conditions, open the body.

use super::restore::check_readable;
use crate::{
    authority::Permit,
    bodies::missing_blob,
    bucket::Bucket,
    content::Content,
    edit::{Stored, look_up, manifest_rows},
    error::{Error, Result},
    object::{Object, ObjectInfo},
    object_key::ObjectKey,
    options::GetOptions,
    port::Value,
    row::{BodyRow, HeadKey, PartEntry},
    version_id::VersionId,
    versioning::Versioning,
};
use std::ops::Range;

pub(crate) fn head(
    bucket: &Bucket,
    _permit: Permit,
    key: &ObjectKey,
    options: &GetOptions,
) -> Result<ObjectInfo> {
    let info = find(bucket, key, options)?.0;
    // A head answers a range or a part with what a get would say of it, so it is checked alike.
    resolve(bucket, &info, options)?;
    Ok(info.without_body())
}

pub(crate) fn get(
    bucket: &Bucket,
    _permit: Permit,
    key: &ObjectKey,
    options: &GetOptions,
) -> Result<Object> {
    let mut missing = None;
    loop {
        let (info, raw) = find(bucket, key, options)?;
        check_readable(key, &info.row, bucket.store().now())?;
        let (range, parts) = resolve(bucket, &info, options)?;
        let parts = match (parts, &info.row.body) {
            (Some(parts), _) => parts,
            (None, BodyRow::Manifest { id, .. }) => load_parts(bucket, *id)?,
            (None, _) => Vec::new(),
        };
        let owner = || bucket.owner(key.clone(), info.version());
        let opened = match Content::open(bucket.store(), owner, &info.row, parts) {
            Ok(Some(content)) => {
                return Ok(Object { info: info.without_body(), content, range });
            }
            Ok(None) => missing_blob(&owner()),
            Err(error) => error,
        };
        // The version may have been replaced between the two reads: then look again. A row that is
        // seen a second time is still there, and its bytes are not what they should be.
        let again = missing.replace(raw.clone());
        if again == Some(raw) || !matches!(opened, Error::Damaged { .. }) {
            return Err(opened);
        }
    }
}

pub(crate) fn load_parts(bucket: &Bucket, id: u64) -> Result<Vec<PartEntry>> {
    let rows = manifest_rows(bucket.store(), id)?;
    Ok(rows.into_iter().flat_map(|(_, manifest)| manifest.parts).collect())
}

/// Finds a version that is data, and checks the conditions on it.
///
/// Law: S3, GET Object: versions, delete markers, conditions before ranges.
fn find(bucket: &Bucket, key: &ObjectKey, options: &GetOptions) -> Result<(ObjectInfo, Value)> {
    let store = bucket.store();
    let head = HeadKey::new(bucket.state().id, key.as_str());
    let stored = find_version(bucket, key, &head, options.version)?;
    if !options.conditions.is_empty() {
        let (etag, modified) = (stored.row.etag, stored.row.modified);
        options.conditions.check(etag, modified, store.now()).into_result(etag, modified)?;
    }
    let is_latest = stored.at == *head.row();
    Ok((ObjectInfo { key: key.clone(), row: stored.row, is_latest }, stored.raw))
}

/// Finds a version that is data.
///
/// Law: S3, GET Object in the three versioning states. Law: W46.
pub(crate) fn find_version(
    bucket: &Bucket,
    key: &ObjectKey,
    head: &HeadKey,
    version: Option<VersionId>,
) -> Result<Stored> {
    let versioning = bucket.config()?.versioning;
    if let (Some(version), Versioning::Unversioned) = (version, versioning)
        && !version.is_null()
    {
        return Err(no_such_version(bucket, key, version));
    }
    let found = look_up(bucket.store(), head, version)?;
    match (found, version) {
        (None, None) => Err(no_such_key(bucket, key, None)),
        (None, Some(version)) => Err(no_such_version(bucket, key, version)),
        (Some(stored), None) if stored.row.delete_marker => {
            Err(no_such_key(bucket, key, Some(stored.row.version)))
        }
        (Some(stored), Some(_)) if stored.row.delete_marker => Err(Error::MethodNotAllowed {
            key: key.clone(),
            version: stored.row.version,
            last_modified: stored.row.modified,
        }),
        (Some(stored), _) => Ok(stored),
    }
}

pub(crate) fn no_such_key(
    bucket: &Bucket,
    key: &ObjectKey,
    delete_marker: Option<VersionId>,
) -> Error {
    Error::NoSuchKey { bucket: bucket.name().clone(), key: key.clone(), delete_marker }
}

pub(crate) fn no_such_version(bucket: &Bucket, key: &ObjectKey, version: VersionId) -> Error {
    Error::NoSuchVersion { bucket: bucket.name().clone(), key: key.clone(), version }
}

/// Which bytes are meant; the parts too, when they had to be read to know.
///
/// Law: S3, GET Object, Range and partNumber.
fn resolve(
    bucket: &Bucket,
    info: &ObjectInfo,
    options: &GetOptions,
) -> Result<(Range<u64>, Option<Vec<PartEntry>>)> {
    let size = info.size();
    match (options.range, options.part_number) {
        (Some(_), Some(_)) => {
            Err(Error::invalid_request("a range and a part number cannot be asked for together"))
        }
        (None, None) => Ok((0..size, None)),
        (Some(range), None) => Ok((range.resolve(size)?, None)),
        (None, Some(number)) => part_range(bucket, info, number),
    }
}

fn part_range(
    bucket: &Bucket,
    info: &ObjectInfo,
    number: u32,
) -> Result<(Range<u64>, Option<Vec<PartEntry>>)> {
    if !(1..=crate::limits::PARTS_MAX).contains(&number) {
        let reason = "a part number is 1 to 10000";
        return Err(Error::invalid_argument("partNumber", number.to_string(), reason));
    }
    let BodyRow::Manifest { id, parts, visible: true } = info.row.body else {
        return match number {
            1 => Ok((0..info.size(), None)),
            _ => Err(Error::InvalidPartNumber { part_number: number, parts: 1 }),
        };
    };
    let entries = load_parts(bucket, id)?;
    let mut start = 0;
    for (nth, entry) in (1u32..).zip(&entries) {
        if nth == number {
            return Ok((start..start + entry.size, Some(entries)));
        }
        start += entry.size;
    }
    Err(Error::InvalidPartNumber { part_number: number, parts })
}
