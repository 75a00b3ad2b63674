//! List parts, list uploads: a page is one walk over rows.

use super::upload::{damaged, find, no_such_upload, require};
use crate::{
    authority::Permit,
    bucket::Bucket,
    edit::key_and_seq,
    error::{Error, Result},
    listing::{common_prefix, key_text, page_size},
    object_key::ObjectKey,
    port::{KeyRange, Order},
    row::{PartRow, UploadRow, part_key, ranges, upload_key},
    row_cursor::RowCursor,
    store::after,
    upload::{
        ListPartsOptions, ListUploadsOptions, PartInfo, PartsPage, Place, Upload, UploadId,
        UploadInfo, UploadsPage,
    },
};
use bytes::Bytes;

/// Law: S3, ListParts.
pub(crate) fn list_parts(
    upload: &Upload,
    _permit: Permit,
    options: &ListPartsOptions,
) -> Result<PartsPage> {
    let bucket = &upload.bucket;
    let store = bucket.store();
    drop(bucket.config()?);
    let limit = page_size(options.max_parts, store.limits().page_max);
    let found = require(upload)?;
    let mut page = PartsPage {
        parts: Vec::new(),
        is_truncated: false,
        next_part_number_marker: None,
        upload: UploadInfo::new(upload.key.clone(), upload.id.clone(), &found.row),
    };
    // No part has a number that does not fit 16 bits.
    let first = options.after.checked_add(1).and_then(|first| u16::try_from(first).ok());
    let (Some(first), 1..) = (first, limit) else { return Ok(page) };
    let start = part_key(bucket.state().id, found.seq, first);
    let (_, end) = ranges::parts(bucket.state().id, found.seq);
    let rows = store.scan(KeyRange::between(&start, &end), Order::Forward, limit + 1)?;
    // Parts go together with their upload: if it is still there, they all were.
    find(upload)?.ok_or_else(|| no_such_upload(upload))?;
    page.is_truncated = rows.len() > limit;
    for row in rows.into_iter().take(limit) {
        let part = PartRow::decode(&row.value.to_bytes())
            .map_err(|damage| Error::damaged("a part's row", damage.0))?;
        page.parts.push(PartInfo::new(&part, found.row.algorithm));
    }
    if page.is_truncated {
        page.next_part_number_marker = page.parts.last().map(|part| part.number);
    }
    Ok(page)
}

/// Rows of the first chunk of a list that may roll up: most of them it would jump over.
const CHUNK_WITH_DELIMITER: usize = 8;

/// Law: S3, ListMultipartUploads.
pub(crate) fn list_uploads(
    bucket: &Bucket,
    _permit: Permit,
    options: &ListUploadsOptions,
) -> Result<UploadsPage> {
    drop(bucket.config()?);
    let limit = page_size(options.max_uploads, bucket.store().limits().page_max);
    let begin = begin_of(bucket, options)?;
    let mut page = UploadsPage::default();
    if limit == 0 {
        return Ok(page);
    }
    let mut rows = cursor(bucket, options, limit);
    if let Some(begin) = begin {
        rows.jump(begin);
    }
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.uploads.len() + page.common_prefixes.len() == limit {
            page.is_truncated = true;
            break;
        }
        let (key, seq) = key_and_seq(&row.key).ok_or_else(unreadable)?;
        let (key, seq) = (key_text(&key)?, seq.ok_or_else(unreadable)?);
        if let Some(prefix) = common_prefix(key, &options.prefix, &options.delimiter) {
            rows.jump(ranges::uploads_beyond(bucket.state().id, prefix));
            last = Some((prefix.to_owned(), None));
            page.common_prefixes.push(prefix.to_owned());
            continue;
        }
        let upload = UploadRow::decode(&row.value.to_bytes()).map_err(damaged)?;
        let id = UploadId::new(Place { seq, tag: upload.tag });
        last = Some((key.to_owned(), Some(id.clone())));
        page.uploads.push(UploadInfo::new(ObjectKey::try_from(key)?, id, &upload));
    }
    if let (true, Some((key, id))) = (page.is_truncated, last) {
        page.next_key_marker = Some(key);
        page.next_upload_id_marker = id;
    }
    Ok(page)
}

fn cursor<'a>(bucket: &'a Bucket, options: &ListUploadsOptions, limit: usize) -> RowCursor<'a> {
    let id = bucket.state().id;
    let chunk = if options.delimiter.is_empty() { limit + 1 } else { CHUNK_WITH_DELIMITER };
    let (start, end) = match options.prefix.as_str() {
        "" => ranges::uploads(id),
        prefix => (ranges::uploads_from(id, prefix), ranges::uploads_beyond(id, prefix)),
    };
    RowCursor::new(bucket.store(), start, end, chunk)
}

/// Where the page begins: behind the key marker and what it is rolled up into, or within its
/// uploads, behind the one named.
fn begin_of(bucket: &Bucket, options: &ListUploadsOptions) -> Result<Option<Bytes>> {
    let id = bucket.state().id;
    let key = options.key_marker.as_str();
    if key.is_empty() {
        return Ok(None);
    }
    let within = match &options.upload_id_marker {
        None => None,
        Some(marker) => {
            Some(marker.place().filter(|place| place.may_be_of(key)).ok_or_else(|| {
                Error::invalid_argument(
                    "upload-id-marker",
                    marker.as_str(),
                    "the upload is not one of the key marker",
                )
            })?)
        }
    };
    let rolled_up = match key.starts_with(&options.prefix) {
        true => common_prefix(key, &options.prefix, &options.delimiter),
        false => None,
    };
    Ok(Some(match (rolled_up, within) {
        (Some(prefix), _) => ranges::uploads_beyond(id, prefix),
        (None, Some(place)) => after(&upload_key(id, key, place.seq)),
        (None, None) => ranges::uploads_of_key_beyond(id, key),
    }))
}

fn unreadable() -> Error {
    Error::damaged("an upload's row", "its key does not decode")
}
