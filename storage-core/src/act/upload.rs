//! What the verbs of uploads share: finding an upload and its parts, and what they belong to.

use crate::{
    bucket::Bucket,
    content::Owner,
    edit::{Edit, key_and_seq},
    error::{Error, Result},
    port::{Batch, KeyRange, Order, Precondition, Value},
    row::{Damage, PartRow, UploadRow, part_key, ranges, upload_key},
    stats::{Counted, signed},
    storage_class::StorageClass,
    store::after,
    upload::{Place, Upload},
    version_id::VersionId,
};
use bytes::Bytes;

/// How many part rows are read at once.
const PAGE: usize = 1000;

/// An upload in progress, as it stands in its row.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) seq: u64,
    pub(super) at: Bytes,
    pub(super) raw: Value,
    pub(super) row: UploadRow,
}

impl Found {
    pub(super) fn decode(at: Bytes, raw: Value) -> Result<Self> {
        let unreadable = || damaged(Damage("its key does not decode"));
        let (_, seq) = key_and_seq(&at).ok_or_else(unreadable)?;
        let (seq, row) =
            (seq.ok_or_else(unreadable)?, UploadRow::decode(&raw.to_bytes()).map_err(damaged)?);
        Ok(Self { seq, at, raw, row })
    }

    pub(super) fn place(&self) -> Place {
        Place { seq: self.seq, tag: self.row.tag }
    }
}

/// A part, as it stands in its row.
#[derive(Clone, Debug)]
pub(super) struct StoredPart {
    pub(super) at: Bytes,
    pub(super) raw: Value,
    pub(super) row: PartRow,
}

impl StoredPart {
    pub(super) fn decode(at: Bytes, raw: Value) -> Result<Self> {
        match PartRow::decode(&raw.to_bytes()) {
            Ok(row) => Ok(Self { at, raw, row }),
            Err(damage) => Err(Error::damaged("a part's row", damage.0)),
        }
    }
}

/// The upload, if it is in progress.
pub(super) fn find(upload: &Upload) -> Result<Option<Found>> {
    let Some(Place { seq, tag }) = upload.id.place() else { return Ok(None) };
    let at = upload_key(upload.bucket.state().id, upload.key.as_str(), seq);
    let Some(raw) = upload.bucket.store().row(&at)? else { return Ok(None) };
    let row = UploadRow::decode(&raw.to_bytes()).map_err(damaged)?;
    Ok((row.tag == tag).then_some(Found { seq, at, raw, row }))
}

pub(super) fn damaged(damage: Damage) -> Error {
    Error::damaged("an upload's row", damage.0)
}

/// The upload, which must be in progress.
pub(super) fn require(upload: &Upload) -> Result<Found> {
    find(upload)?.ok_or_else(|| no_such_upload(upload))
}

pub(super) fn no_such_upload(upload: &Upload) -> Error {
    Error::NoSuchUpload {
        bucket: upload.bucket.name().clone(),
        key: upload.key.clone(),
        upload: upload.id.as_str().into(),
    }
}

/// The upload, if it is in progress, with all its parts.
pub(super) fn find_with_parts(upload: &Upload) -> Result<Option<(Found, Vec<StoredPart>)>> {
    let Some(found) = find(upload)? else { return Ok(None) };
    let parts = load_parts(&upload.bucket, found.seq)?;
    // Parts go in the commit in which their upload goes: what was read of one that is still there
    // was read while it was there.
    let still = find(upload)?;
    Ok(still.map(|found| (found, parts)))
}

pub(super) fn load_parts(bucket: &Bucket, seq: u64) -> Result<Vec<StoredPart>> {
    let (mut start, end) = ranges::parts(bucket.state().id, seq);
    let mut parts = Vec::new();
    loop {
        let rows = bucket.store().scan(KeyRange::between(&start, &end), Order::Forward, PAGE)?;
        let full = rows.len() == PAGE;
        if let Some(last) = rows.last() {
            start = after(&last.key);
        }
        for row in rows {
            parts.push(StoredPart::decode(row.key, row.value)?);
        }
        if !full {
            return Ok(parts);
        }
    }
}

/// Takes the upload and all its parts out of the rows, and holds the commit to there being just
/// these: a part that comes in meanwhile would be left behind without an owner. What becomes of the
/// blobs is the caller's affair.
pub(super) fn take_out(edit: &mut Edit<'_>, bucket: &Bucket, found: &Found, parts: &[StoredPart]) {
    let class = staged_class(found.row.class);
    let bytes: i64 = parts.iter().map(|part| signed(part.row.entry.size)).sum();
    edit.tally().change(class, Counted::Uploads, -1);
    edit.tally().change(class, Counted::UploadBytes, -bytes);

    let batch = edit.batch();
    batch.unchanged(found.at.clone(), Some(found.raw.clone()));
    batch.delete(found.at.clone());
    let (mut start, end) = ranges::parts(bucket.state().id, found.seq);
    for part in parts {
        hold_gap(batch, start, part.at.clone());
        batch.unchanged(part.at.clone(), Some(part.raw.clone()));
        batch.delete(part.at.clone());
        start = match part.row.entry.number.checked_add(1) {
            Some(next) => part_key(bucket.state().id, found.seq, next),
            None => end.clone(),
        };
    }
    hold_gap(batch, start, end);
}

fn hold_gap(batch: &mut Batch, start: Bytes, end: Bytes) {
    if start < end {
        batch.preconditions.push(Precondition::RangeEmpty { start, end });
    }
}

/// Under which class the parts of an upload count. Those that will be archived are staged.
///
/// Law: S3, multipart upload and pricing.
pub(super) fn staged_class(class: StorageClass) -> StorageClass {
    if class.is_archive() { StorageClass::Standard } else { class }
}

/// What the sealed parts of an upload belong to, as long as it is in progress: a version that no
/// object ever has, since an upload's tag is not that of its number's version.
pub(super) fn owner(upload: &Upload, place: Place) -> Owner {
    let Place { seq, tag } = place;
    upload.bucket.owner(upload.key.clone(), VersionId::Stamped { seq, tag })
}

/// The place of an extent in an upload in progress: that of its part, then its own in the part.
pub(super) fn ordinal(part: u16, nth: u16) -> u32 {
    u32::from(part) << 16 | u32::from(nth)
}
