//! Complete upload: judge the list, then one commit that turns parts into an object.

use super::{
    put::{Receipt, Stamp, receipt_of, retention_at_birth, version_of},
    until_undisturbed,
    upload::{Found, StoredPart, find_with_parts, no_such_upload, ordinal, owner, take_out},
};
use crate::{
    authority::Permit,
    binding::binding,
    bucket_config::BucketConfig,
    checksum::{Checksum, ChecksumAlgorithm, ChecksumType, crc64_nvme_combine},
    condition::{Current, SinceInitiation, WriteCondition},
    content::no_sealer,
    edit::{Edit, Stored},
    error::{Error, Result},
    etag::ETag,
    event::EventName,
    port::{Durability, KeyRange, Order, Ticket},
    row::{BodyRow, CompletedRow, ObjectRow, PartEntry, completed_key, ranges},
    store::StoreInner,
    time::{Days, Timestamp},
    upload::{CompleteOptions, CompletedPart, Upload},
    versioning::Versioning,
};
use sha2::{Digest, Sha256};

/// How long the answer of a completion is kept, at least.
///
/// Law: S3, CompleteMultipartUpload, repeated.
const ANSWER_KEPT: Days = Days(1);
/// How many kept answers one completion looks at, to remove those that are old: more than the one
/// that it adds, so that they do not pile up.
const ANSWERS_LOOKED_AT: usize = 16;

pub(crate) fn complete(
    upload: &Upload,
    _permit: Permit,
    parts: &[CompletedPart],
    options: &CompleteOptions,
) -> Result<Receipt> {
    if parts.is_empty() {
        return Err(Error::MalformedXml { reason: "a completion lists at least one part".into() });
    }
    let bucket = &upload.bucket;
    let outcome =
        until_undisturbed(bucket, upload.key.as_str(), || attempt(upload, parts, options))?;
    match outcome {
        Outcome::Committed(ticket, row) => {
            let done = bucket.store().wait(ticket)?;
            Ok(receipt_of(&row, done.durability))
        }
        Outcome::Repeated(receipt) => Ok(receipt),
    }
}

enum Outcome {
    Committed(Ticket, Box<ObjectRow>),
    /// It was completed before, with the same list.
    Repeated(Receipt),
}

fn attempt(
    upload: &Upload,
    parts: &[CompletedPart],
    options: &CompleteOptions,
) -> Result<Option<Outcome>> {
    let bucket = &upload.bucket;
    let store = bucket.store();
    let config = bucket.config()?;
    let Some((found, stored)) = find_with_parts(upload)? else {
        let receipt = repeat(upload, &config, parts, options)?;
        return Ok(Some(Outcome::Repeated(receipt)));
    };
    let listed = listed_parts(upload, &found, &stored, parts)?;
    let whole = Whole::of(&found, &listed, store.limits().object_bytes_max)?;
    whole.check(&found, options)?;

    let key = upload.key.as_str();
    let mut edit = Edit::new(store, bucket.state(), &config, key, options.durability);
    let current = edit.current()?;
    check_condition(upload, &found, options.condition, current.as_ref())?;

    let row = object_row(&edit, store, &config, &found, &whole)?;
    edit.put_manifest(found.seq, &bind_parts(upload, &found, &row, &listed)?);
    take_out(&mut edit, bucket, &found, &stored);
    for part in &stored {
        if listed.binary_search_by_key(&part.row.entry.number, |it| it.row.entry.number).is_err() {
            edit.free_parts(std::slice::from_ref(&part.row.entry));
        }
    }
    edit.push(current, &row)?;
    let moment = edit.next_seq()?;
    edit.announce(EventName::ObjectCreatedCompleteMultipartUpload, &row, moment)?;
    let answer = answer_of(upload, parts, &row, store.now());
    edit.batch().put(completed_key(bucket.state().id, found.seq), answer.encode());
    forget_old_answers(&mut edit, store, bucket.state().id)?;
    Ok(edit.commit()?.map(|ticket| Outcome::Committed(ticket, Box::new(row))))
}

/// The parts that the list names, if they are as it says.
///
/// Law: S3, CompleteMultipartUpload, order, parts and sizes.
fn listed_parts<'a>(
    upload: &Upload,
    found: &Found,
    stored: &'a [StoredPart],
    parts: &[CompletedPart],
) -> Result<Vec<&'a StoredPart>> {
    if let Some(pair) = parts.windows(2).find(|pair| pair[0].number >= pair[1].number) {
        return Err(Error::InvalidPartOrder {
            upload: upload.id.as_str().into(),
            part_number: pair[1].number,
        });
    }
    let mut listed = Vec::with_capacity(parts.len());
    for part in parts {
        let at = stored.binary_search_by_key(&part.number, |it| it.row.entry.number.into());
        let same = at.ok().map(|at| &stored[at]).filter(|it| {
            let checksum = part.checksum.as_ref();
            it.row.etag == part.etag
                && checksum.is_none_or(|sum| *sum == it.row.entry.checksum_in(found.row.algorithm))
        });
        listed.push(same.ok_or_else(|| Error::InvalidPart {
            upload: upload.id.as_str().into(),
            part_number: part.number,
            etag: part.etag,
        })?);
    }
    let min = upload.bucket.store().limits().part_bytes_min;
    let (_, before_last) = listed.split_last().expect("an empty list was refused");
    match before_last.iter().map(|part| &part.row).find(|row| row.entry.size < min) {
        None => Ok(listed),
        Some(row) => Err(Error::EntityTooSmall {
            proposed: row.entry.size,
            min,
            part_number: row.entry.number.into(),
            etag: row.etag,
        }),
    }
}

/// What is told of the object as a whole, from what is told of its parts.
#[derive(Debug)]
struct Whole {
    size: u64,
    parts: u32,
    etag: ETag,
    crc64: u64,
    /// The checksum, unless it is the CRC-64/NVME of the whole.
    checksum: Option<Checksum>,
}

impl Whole {
    fn of(found: &Found, listed: &[&StoredPart], bytes_max: u64) -> Result<Self> {
        let entries = || listed.iter().map(|part| &part.row.entry);
        let size = entries().fold(0, |sum: u64, entry| sum.saturating_add(entry.size));
        if size > bytes_max {
            return Err(Error::EntityTooLarge { size, max: bytes_max });
        }
        let crc64 = entries().fold(0, |sum, it| crc64_nvme_combine(sum, it.crc64, it.size));
        Ok(Self {
            size,
            parts: u32::try_from(listed.len()).expect("part numbers are 16 bits"),
            etag: ETag::of_parts(listed.iter().map(|part| part.row.etag.digest())),
            crc64,
            checksum: checksum_of(found, listed)?,
        })
    }

    /// Law: S3, CompleteMultipartUpload, object size and checksum.
    fn check(&self, found: &Found, options: &CompleteOptions) -> Result<()> {
        if let Some(announced) = options.object_size
            && announced != self.size
        {
            return Err(Error::invalid_request(format!(
                "the parts have {} bytes together, not {announced} as announced",
                self.size
            )));
        }
        let Some(announced) = &options.checksum else { return Ok(()) };
        let (algorithm, kind) = (found.row.algorithm, found.row.checksum_type);
        if (announced.algorithm(), announced.kind()) != (algorithm, kind) {
            return Err(Error::invalid_request(format!(
                "the checksum is {} {}, that of the upload {algorithm} {kind}",
                announced.algorithm(),
                announced.kind(),
            )));
        }
        self.checksum.unwrap_or_else(|| Checksum::of_crc64(self.crc64)).check(announced)
    }
}

/// The checksum of the object from those of its parts. `None` for CRC-64/NVME.
///
/// Law: S3, composite checksums of multipart uploads.
///
/// Law: S3, full object checksums of multipart uploads.
fn checksum_of(found: &Found, listed: &[&StoredPart]) -> Result<Option<Checksum>> {
    let algorithm = found.row.algorithm;
    let of_part = |part: &&StoredPart| part.row.entry.checksum_in(algorithm);
    let checksum = match (algorithm, found.row.checksum_type) {
        (ChecksumAlgorithm::Crc64Nvme, _) => return Ok(None),
        (_, ChecksumType::Composite) => {
            check_consecutive(listed)?;
            Checksum::of_parts(algorithm, listed.iter().map(of_part))
        }
        (_, ChecksumType::FullObject) => {
            let parts = listed.iter().map(|part| (of_part(part), part.row.entry.size));
            Checksum::merged(algorithm, parts)
        }
    };
    let missing = || Error::damaged("a part's row", format!("it has no {algorithm}"));
    checksum.ok_or_else(missing).map(Some)
}

/// S3 fails with an internal error here; the caller's mistake is told as one.
fn check_consecutive(listed: &[&StoredPart]) -> Result<()> {
    let numbers = listed.iter().map(|part| part.row.entry.number);
    match numbers.zip(1..).find(|(number, expected)| number != expected) {
        None => Ok(()),
        Some((number, expected)) => Err(Error::invalid_request(format!(
            "a composite checksum needs parts 1, 2, 3 and so on: {expected} is missing before \
             {number}"
        ))),
    }
}

/// A condition is on what was current when the upload began, too.
///
/// Law: S3, conditional completion of uploads.
fn check_condition(
    upload: &Upload,
    found: &Found,
    condition: WriteCondition,
    current: Option<&Stored>,
) -> Result<()> {
    let state = match current {
        None => Current::Absent,
        Some(stored) if stored.row.delete_marker => Current::DeleteMarker,
        Some(stored) => Current::Object(stored.row.etag),
    };
    let seq = current.map(|stored| stored.row.seq);
    let changed = match state {
        // There is none now: was one deleted since?
        Current::Absent | Current::DeleteMarker => {
            found.row.current_at_start.is_some() || seq > Some(found.seq)
        }
        Current::Object(_) => seq != found.row.current_at_start,
    };
    let since = if changed { SinceInitiation::Changed } else { SinceInitiation::Unchanged };
    condition.check_completion(state, since).into_result(upload.bucket.name(), &upload.key)
}

/// Law: S3, CompleteMultipartUpload in unversioned, enabled and suspended buckets.
fn object_row(
    edit: &Edit<'_>,
    store: &StoreInner,
    config: &BucketConfig,
    found: &Found,
    whole: &Whole,
) -> Result<ObjectRow> {
    let stamp = match config.versioning {
        // Among versions its place is where it began.
        Versioning::Enabled => Stamp {
            seq: found.seq,
            version: version_of(store, config, found.seq),
            now: store.now(),
        },
        // There is one null version: the last to be written.
        Versioning::Unversioned | Versioning::Suspended => {
            let seq = edit.next_seq()?;
            Stamp { seq, version: version_of(store, config, seq), now: store.now() }
        }
    };
    let mut rare = found.row.rare.clone();
    rare.checksum = whole.checksum;
    // A default is read at completion, as all of the bucket's state, and counts from there.
    rare.retention = retention_at_birth(config, rare.retention, stamp.now);
    let mut row = ObjectRow {
        seq: stamp.seq,
        version: stamp.version,
        modified: found.row.initiated,
        delete_marker: false,
        class: found.row.class,
        size: whole.size,
        etag: whole.etag,
        crc64: whole.crc64,
        body: BodyRow::Manifest { id: found.seq, parts: whole.parts, visible: true },
        rare: Some(Box::new(rare)),
    };
    row.tidy();
    Ok(row)
}

/// The parts as the object has them: what opens them is bound to their place in it.
fn bind_parts(
    upload: &Upload,
    found: &Found,
    row: &ObjectRow,
    listed: &[&StoredPart],
) -> Result<Vec<PartEntry>> {
    let before = owner(upload, found.place());
    let after = upload.bucket.owner(upload.key.clone(), row.version);
    let sealer = upload.bucket.store().sealer.as_ref();
    let mut entries = Vec::with_capacity(listed.len());
    let mut places = 0..;
    for part in listed {
        let mut entry = part.row.entry.clone();
        for ((nth, extent), place) in (0..).zip(&mut entry.extents).zip(&mut places) {
            let Some(envelope) = &extent.envelope else { continue };
            let sealer = sealer.ok_or_else(no_sealer)?;
            let from = binding(&before, ordinal(entry.number, nth), extent.blob_len);
            let to = binding(&after, place, extent.blob_len);
            extent.envelope = Some(sealer.rebind(&after.context(), envelope, &from, &to)?);
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn answer_of(
    upload: &Upload,
    parts: &[CompletedPart],
    row: &ObjectRow,
    at: Timestamp,
) -> CompletedRow {
    let receipt = receipt_of(row, Durability::Memory);
    CompletedRow {
        at,
        request: request_digest(upload, parts),
        version: row.version,
        modified: row.modified,
        etag: row.etag,
        size: row.size,
        checksum: receipt.checksum,
    }
}

/// A digest of what a repeat must have in common: upload, key, and the list.
fn request_digest(upload: &Upload, parts: &[CompletedPart]) -> u64 {
    let mut digest = Sha256::new();
    for text in [upload.id.as_str(), upload.key.as_str()] {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    for part in parts {
        digest.update(part.number.to_be_bytes());
        digest.update(part.etag.to_string());
    }
    let digest: [u8; 32] = digest.finalize().into();
    u64::from_be_bytes(*digest.first_chunk().expect("32 bytes begin with 8"))
}

/// The answer that the same completion got before.
///
/// Law: S3, CompleteMultipartUpload, repeated.
fn repeat(
    upload: &Upload,
    config: &BucketConfig,
    parts: &[CompletedPart],
    options: &CompleteOptions,
) -> Result<Receipt> {
    let store = upload.bucket.store();
    let missing = || no_such_upload(upload);
    let place = upload.id.place().ok_or_else(missing)?;
    let at = completed_key(upload.bucket.state().id, place.seq);
    let raw = store.row(&at)?.ok_or_else(missing)?;
    let answer = CompletedRow::decode(&raw.into_bytes())
        .map_err(|damage| Error::damaged("a completed upload's row", damage.0))?;
    if answer.request != request_digest(upload, parts) {
        return Err(missing());
    }
    // The first completion may have asked for less, or not been waited for.
    let durability = options.durability.or(config.durability).unwrap_or(store.settings.durability);
    let durability = durability.min(store.capabilities.durability_max);
    store.backend.flush(durability).map_err(|source| Error::backend("flush", source))?;
    Ok(Receipt {
        version: (!answer.version.is_null()).then_some(answer.version),
        etag: answer.etag,
        checksum: answer.checksum,
        size: answer.size,
        last_modified: answer.modified,
        durability,
    })
}

/// Removes some of the answers that nobody will ask for any more, the oldest uploads' first.
fn forget_old_answers(edit: &mut Edit<'_>, store: &StoreInner, bucket: u32) -> Result<()> {
    let (start, end) = ranges::completed(bucket);
    let range = KeyRange::between(&start, &end);
    let now = store.now();
    for row in store.scan(range, Order::Forward, ANSWERS_LOOKED_AT)? {
        let answer = CompletedRow::decode(&row.value.to_bytes())
            .map_err(|damage| Error::damaged("a completed upload's row", damage.0))?;
        if answer.at.plus_days(ANSWER_KEPT) < now {
            edit.batch().delete(row.key);
        }
    }
    Ok(())
}
