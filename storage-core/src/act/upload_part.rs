//! Upload part: take the body in, then one commit that makes it the part of that number.

use super::{
    put::etag_of,
    until_undisturbed,
    upload::{Found, StoredPart, find, no_such_upload, ordinal, owner, require, staged_class},
};
use crate::{
    authority::Permit,
    binding::binding,
    body::Body,
    checksum::{Checksum, ChecksumAlgorithm},
    edit::{Edit, Stored},
    error::{Error, Result},
    ingest::{Ingested, Place, Want, ingest},
    port::{Durability, SealContext, Ticket},
    row::{PartEntry, PartRow, part_key},
    settings::EtagMode,
    stats::{Counted, signed},
    upload::{Part, PartInfo, PartOptions, Upload},
};

pub(crate) fn put_part(
    upload: &Upload,
    _permit: Permit,
    number: u32,
    body: Body,
    options: &PartOptions,
) -> Result<Part> {
    let number = part_number(upload, number)?;
    drop(upload.bucket.config()?);
    // Looked for before the body is read, and again by the commit: the body may take long.
    let found = require(upload)?;
    check_algorithm(found.row.algorithm, options.checksum.as_ref())?;
    put_body(upload, &found, number, body, options)
}

/// Takes a body in, and makes it a part.
pub(super) fn put_body(
    upload: &Upload,
    found: &Found,
    number: u16,
    body: Body,
    options: &PartOptions,
) -> Result<Part> {
    let algorithm = found.row.algorithm;
    let store = upload.bucket.store();
    let want = Want {
        md5: store.settings.etag == EtagMode::Md5,
        expected_md5: options.content_md5,
        algorithm: Some(algorithm),
        expected: options.checksum,
        bytes_max: store.limits().part_bytes_max,
    };
    let context = SealContext::new(upload.bucket.name().as_str(), upload.key.as_str());
    let mut ingested = ingest(store, body, &want, context, true)?;
    let new = NewPart { md5: ingested.md5, entry: entry_of(upload, found, number, &mut ingested)? };
    let committed = until_undisturbed(&upload.bucket, upload.key.as_str(), || {
        attempt(upload, &new, None, options.durability)
    })?;
    ingested.adopted();
    finish(upload, committed, algorithm)
}

/// A part before it has a row.
#[derive(Debug)]
pub(super) struct NewPart {
    pub(super) entry: PartEntry,
    pub(super) md5: Option<[u8; 16]>,
}

fn entry_of(
    upload: &Upload,
    found: &Found,
    number: u16,
    ingested: &mut Ingested,
) -> Result<PartEntry> {
    let size = ingested.size;
    let envelope = match &mut ingested.sealing {
        Some(sealing) => {
            let owner = owner(upload, found.place());
            Some(sealing.envelope(&binding(&owner, ordinal(number, 0), size))?)
        }
        None => None,
    };
    let extents = match &ingested.place {
        // A part without bytes is in no blob.
        Place::Inline(_) => {
            assert!(size == 0, "every body with bytes went to a blob");
            Vec::new()
        }
        Place::Blob(extent) => {
            let mut extent = extent.clone();
            extent.envelope = envelope;
            vec![extent]
        }
    };
    let checksum = ingested.checksum.filter(|it| it.algorithm() == found.row.algorithm);
    Ok(PartEntry {
        number,
        size,
        crc64: ingested.crc64,
        checksum: checksum.map(|it| bytes::Bytes::copy_from_slice(it.digest())),
        extents,
    })
}

pub(super) type Committed = (Ticket, PartRow);

/// One commit that makes `new` the part of its number. A `source` that it shares bytes with must
/// still be as it was.
pub(super) fn attempt(
    upload: &Upload,
    new: &NewPart,
    source: Option<&Stored>,
    durability: Option<Durability>,
) -> Result<Option<Committed>> {
    let bucket = &upload.bucket;
    let store = bucket.store();
    let config = bucket.config()?;
    let Some(found) = find(upload)? else { return Err(no_such_upload(upload)) };
    let mut edit = Edit::new(store, bucket.state(), &config, upload.key.as_str(), durability);
    edit.batch().unchanged(found.at, Some(found.raw));
    if let Some(source) = source {
        edit.batch().unchanged(source.at.to_bytes(), Some(source.raw.clone()));
    }
    let at = part_key(bucket.state().id, found.seq, new.entry.number);
    let old = store.row(&at)?;
    edit.batch().unchanged(at.clone(), old.clone());
    let mut more = signed(new.entry.size);
    if let Some(raw) = old {
        let old = StoredPart::decode(at.clone(), raw)?.row.entry;
        more -= signed(old.size);
        edit.free_parts(&[old]);
    }
    edit.adopt(&new.entry.extents);
    edit.tally().change(staged_class(found.row.class), Counted::UploadBytes, more);
    let etag = etag_of(store, new.md5, edit.next_seq()?);
    let row = PartRow { etag, modified: store.now(), entry: new.entry.clone() };
    edit.batch().put(at, row.encode());
    Ok(edit.commit()?.map(|ticket| (ticket, row)))
}

pub(super) fn finish(
    upload: &Upload,
    (ticket, row): Committed,
    algorithm: ChecksumAlgorithm,
) -> Result<Part> {
    let done = upload.bucket.store().wait(ticket)?;
    Ok(Part { info: PartInfo::new(&row, algorithm), durability: done.durability })
}

/// Law: S3, multipart upload limits.
pub(super) fn part_number(upload: &Upload, number: u32) -> Result<u16> {
    let max = upload.bucket.store().limits().parts_max;
    u16::try_from(number).ok().filter(|_| (1..=max).contains(&number)).ok_or_else(|| {
        Error::invalid_argument(
            "partNumber",
            number.to_string(),
            format!("a part number is 1 to {max}"),
        )
    })
}

/// A part's checksum has to be one that its upload can use. An upload that asked for none, or for
/// the one that every body gets, takes any.
fn check_algorithm(upload: ChecksumAlgorithm, given: Option<&Checksum>) -> Result<()> {
    match given.map(Checksum::algorithm) {
        Some(given) if given != upload && upload != ChecksumAlgorithm::Crc64Nvme => {
            Err(Error::invalid_request(format!(
                "the part's checksum is {given}, that of its upload {upload}"
            )))
        }
        _ => Ok(()),
    }
}
