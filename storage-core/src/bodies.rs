//! Bodies that pass from one version to another without being moved: copies, renames, appends.

use crate::{
    act::get::load_parts,
    binding::binding,
    bucket::Bucket,
    checksum::{Checksum, ChecksumAlgorithm},
    content::{Content, Owner, no_sealer},
    edit::Edit,
    error::{Error, Result},
    etag::ETag,
    ingest::{Digests, Want},
    row::{BodyRow, Extent, ObjectRow, PartEntry},
    settings::EtagMode,
};
use bytes::Bytes;

/// A body of at most so many extents keeps them in its object's row.
pub(crate) const EXTENTS_IN_ROW_MAX: usize = 4;

/// The extents of a body, as parts; one part for a body made in one. Empty for an inline one.
pub(crate) fn parts_of(bucket: &Bucket, row: &ObjectRow) -> Result<Vec<PartEntry>> {
    match &row.body {
        BodyRow::Inline(_) => Ok(Vec::new()),
        BodyRow::Extents(extents) => Ok(vec![PartEntry {
            number: 1,
            size: row.size,
            crc64: row.crc64,
            checksum: None,
            extents: extents.clone(),
        }]),
        BodyRow::Manifest { id, .. } => load_parts(bucket, *id),
    }
}

/// Binds the envelopes of a body's extents to another owner.
pub(crate) fn rebind(
    bucket: &Bucket,
    from: &Owner,
    to: &Owner,
    parts: &mut [PartEntry],
) -> Result<()> {
    let extents = parts.iter_mut().flat_map(|part| &mut part.extents);
    for (ordinal, extent) in (0..).zip(extents) {
        let Some(envelope) = &extent.envelope else { continue };
        let len = extent.blob_len;
        let (from_binding, to_binding) = (binding(from, ordinal, len), binding(to, ordinal, len));
        extent.envelope = Some(rebind_one(bucket, to, envelope, &from_binding, &to_binding)?);
    }
    Ok(())
}

/// Binds the envelope of an inline body to another owner.
pub(crate) fn rebind_inline(
    bucket: &Bucket,
    from: &Owner,
    to: &Owner,
    row: &ObjectRow,
) -> Result<Option<Bytes>> {
    let Some(envelope) = row.rare.as_ref().and_then(|rare| rare.envelope.as_ref()) else {
        return Ok(None);
    };
    let (from_binding, to_binding) = (binding(from, 0, row.size), binding(to, 0, row.size));
    rebind_one(bucket, to, envelope, &from_binding, &to_binding).map(Some)
}

fn rebind_one(
    bucket: &Bucket,
    to: &Owner,
    envelope: &Bytes,
    from_binding: &[u8; 32],
    to_binding: &[u8; 32],
) -> Result<Bytes> {
    if from_binding == to_binding {
        // A version that is written in place.
        return Ok(envelope.clone());
    }
    let sealer = bucket.store().sealer.as_ref().ok_or_else(no_sealer)?;
    Ok(sealer.rebind(&to.context(), envelope, from_binding, to_binding)?)
}

/// The stored form of a body that has these parts, whose bounds nobody sees; writes its manifest
/// under `id` when it needs one.
pub(crate) fn body_row(edit: &mut Edit<'_>, id: u64, parts: &[PartEntry]) -> BodyRow {
    let extents: Vec<&Extent> = parts.iter().flat_map(|part| &part.extents).collect();
    if extents.len() <= EXTENTS_IN_ROW_MAX {
        return BodyRow::Extents(extents.into_iter().cloned().collect());
    }
    edit.put_manifest(id, parts);
    let parts = u32::try_from(parts.len()).expect("parts are at most 10,000");
    BodyRow::Manifest { id, parts, visible: false }
}

/// The MD5 and the checksum of a body as one, as far as they are wanted.
pub(crate) type DigestsAsOne = (Option<[u8; 16]>, Option<Checksum>);

/// The entity tag and checksum of a body as one: known from its row, or read from its bytes.
///
/// Law: S3, CopyObject: a copy of a multipart object is an object made in one.
pub(crate) fn digests_as_one(
    bucket: &Bucket,
    row: &ObjectRow,
    content: impl FnOnce() -> Result<Content>,
    algorithm: Option<ChecksumAlgorithm>,
) -> Result<DigestsAsOne> {
    let stored = row.rare.as_ref().and_then(|rare| rare.checksum);
    let algorithm = algorithm
        .or(stored.map(|checksum| checksum.algorithm()))
        .filter(|&algorithm| algorithm != ChecksumAlgorithm::Crc64Nvme);
    let known_checksum = stored
        .filter(|checksum| Some(checksum.algorithm()) == algorithm && checksum.parts().is_none());
    let known_md5 = if let ETag::Md5(digest) = row.etag { Some(digest) } else { None };
    let want = Want {
        md5: bucket.store().settings.etag == EtagMode::Md5 && known_md5.is_none(),
        algorithm: algorithm.filter(|_| known_checksum.is_none()),
        ..Want::default()
    };
    if !want.md5 && want.algorithm.is_none() {
        return Ok((known_md5, known_checksum));
    }
    let mut digests = Digests::new(&want);
    let mut reader = content()?.reader(0..row.size);
    while let Some(chunk) = reader.next_chunk()? {
        digests.update(&chunk);
    }
    let (md5, checksum) = digests.finish(&want, row.crc64)?;
    Ok((known_md5.or(md5), known_checksum.or(checksum)))
}

/// A row whose blobs are gone although it is still there.
pub(crate) fn missing_blob(owner: &Owner) -> Error {
    Error::damaged(owner.to_string(), "its row names a blob that does not exist")
}
