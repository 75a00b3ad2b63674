//! Append: more bytes at the end of an object, in one commit; nothing that is there is read again.

use super::{
    get::no_such_key,
    put::{Receipt, Stamp, check_write_condition, opaque, receipt_of, retention_at_birth},
    restore::not_in_state,
    until_undisturbed,
};
use crate::{
    authority::Permit,
    binding::binding,
    bodies::{body_row, parts_of, rebind},
    body::Body,
    bucket::Bucket,
    checksum::{Checksum, ChecksumAlgorithm, ChecksumType, crc64_nvme_combine},
    content::Content,
    edit::{Edit, Stored, look_up},
    error::{Error, Result},
    etag::ETag,
    event::EventName,
    ingest::{Ingested, Place, Want, ingest},
    limits,
    object_key::ObjectKey,
    options::PutOptions,
    port::{SealContext, Ticket},
    row::{BodyRow, HeadKey, ObjectRow, PartEntry, Rare},
    versioning::Versioning,
};

pub(crate) fn append(
    bucket: &Bucket,
    permit: Permit,
    key: &str,
    offset: u64,
    body: Body,
    options: &PutOptions,
) -> Result<Receipt> {
    if offset == 0 && is_absent(bucket, key)? {
        return begin(bucket, permit, key, body, options);
    }
    let store = bucket.store();
    let want = Want {
        md5: false,
        expected_md5: options.content_md5,
        algorithm: options.algorithm,
        expected: options.checksum,
        bytes_max: store.limits().object_bytes_max.saturating_sub(offset),
    };
    let context = SealContext::new(bucket.name().as_str(), key);
    let mut added = ingest(store, body, &want, context, true)?;
    let mut kept = None;
    let (ticket, row) = until_undisturbed(bucket, key, || {
        attempt(bucket, key, offset, &mut added, &mut kept, options)
    })?;
    added.adopted();
    if let Some(kept) = kept {
        kept.ingested.adopted();
    }
    let done = store.wait(ticket)?;
    Ok(receipt_of(&row, done.durability))
}

/// True when an append begins an object.
fn is_absent(bucket: &Bucket, key: &str) -> Result<bool> {
    drop(bucket.config()?);
    let current = look_up(bucket.store(), &HeadKey::new(bucket.state().id, key), None)?;
    Ok(current.is_none_or(|stored| stored.row.delete_marker))
}

/// Puts the first bytes; whatever came meanwhile makes it a wrong offset.
fn begin(
    bucket: &Bucket,
    permit: Permit,
    key: &str,
    body: Body,
    options: &PutOptions,
) -> Result<Receipt> {
    let options = options.clone().if_absent();
    match super::put::put(bucket, permit, key, body, &options) {
        Err(Error::PreconditionFailed { .. }) => {
            let size = bucket.head(key).map_or(0, |info| info.size());
            Err(Error::InvalidWriteOffset { offset: 0, size })
        }
        outcome => outcome,
    }
}

/// The body that was in its row, written to a blob so that more can follow it.
struct Kept {
    /// The sequence number of the version it is of.
    seq: u64,
    ingested: Ingested,
}

fn attempt(
    bucket: &Bucket,
    key: &str,
    offset: u64,
    added: &mut Ingested,
    kept: &mut Option<Kept>,
    options: &PutOptions,
) -> Result<Option<(Ticket, ObjectRow)>> {
    let store = bucket.store();
    let config = bucket.config()?;
    let mut edit = Edit::new(store, bucket.state(), &config, key, options.durability);
    let current = edit.current()?;
    check_write_condition(bucket, key, &options.condition, current.as_ref())?;
    let name = ObjectKey::try_from(key)?;
    let current = match current {
        Some(stored) if !stored.row.delete_marker => stored,
        other => return Err(no_such_key(bucket, &name, other.map(|marker| marker.row.version))),
    };
    let old = &current.row;
    // What is archived stays as it is; a restored copy is for reading.
    if old.class.is_archive() {
        return Err(not_in_state(&name, old));
    }
    if old.size != offset {
        return Err(Error::InvalidWriteOffset { offset, size: old.size });
    }
    let stamp = Stamp::new(store, &config)?;
    let from = bucket.owner(name.clone(), old.version);
    let to = bucket.owner(name, stamp.version);
    let mut parts = match &old.body {
        BodyRow::Inline(_) => {
            keep_inline(bucket, key, &current, kept)?;
            let kept = kept.as_mut().expect("it was just kept");
            vec![part_of(&mut kept.ingested, &to, 0, 1)?]
        }
        _ => {
            // What was kept of a version that has gone meanwhile is of no use.
            *kept = None;
            let mut parts = parts_of(bucket, old)?;
            rebind(bucket, &from, &to, &mut parts)?;
            parts
        }
    };
    let max = store.limits().parts_max.min(limits::PARTS_MAX);
    if parts.len() as u64 >= u64::from(max) {
        return Err(Error::TooManyParts { max });
    }
    let ordinal = parts.iter().map(|part| part.extents.len()).sum::<usize>();
    let ordinal = u32::try_from(ordinal).map_err(|_| Error::TooManyParts { max })?;
    let number = parts.last().map_or(1, |part| part.number.saturating_add(1));
    parts.push(part_of(added, &to, ordinal, number)?);

    let crc64 = crc64_nvme_combine(old.crc64, added.crc64, added.size);
    let mut rare = old.rare.as_deref().cloned().unwrap_or_default();
    rare.envelope = None;
    rare.entered = None;
    rare.checksum = checksum_of_both(old, &rare, added)?;
    // It is a new version: locks belong to the old one, as with any write.
    rare.retention = retention_at_birth(&config, options.retention, stamp.now);
    rare.legal_hold = options.legal_hold;
    let mut row = ObjectRow {
        seq: stamp.seq,
        version: stamp.version,
        modified: stamp.now,
        size: old.size + added.size,
        etag: ETag::Opaque(opaque(store, stamp.seq)),
        crc64,
        body: BodyRow::Inline(bytes::Bytes::new()),
        rare: Some(Box::new(rare)),
        ..old.clone()
    };
    row.tidy();
    let in_place = config.versioning != Versioning::Enabled && old.version == stamp.version;
    if let (true, BodyRow::Manifest { id, .. }) = (in_place, &old.body) {
        // The version stays, and with it every blob it has; only the end of its manifest changes.
        let last = parts.len() - 1;
        edit.adopt(&parts[last].extents);
        edit.put_manifest_end(*id, &parts);
        row.body = manifest(*id, &parts);
        edit.replace(&current, &row);
    } else {
        edit.adopt(parts.iter().flat_map(|part| &part.extents));
        row.body = body_row(&mut edit, stamp.seq, &parts);
        edit.push(Some(current), &row)?;
    }
    edit.announce(EventName::ObjectCreatedPut, &row, row.seq)?;
    Ok(edit.commit()?.map(|ticket| (ticket, row)))
}

fn manifest(id: u64, parts: &[PartEntry]) -> BodyRow {
    let parts = u32::try_from(parts.len()).expect("parts are at most 10,000");
    BodyRow::Manifest { id, parts, visible: false }
}

/// Writes the body that is in its row to a blob, once for each version met.
fn keep_inline(
    bucket: &Bucket,
    key: &str,
    current: &Stored,
    kept: &mut Option<Kept>,
) -> Result<()> {
    if kept.as_ref().is_some_and(|kept| kept.seq == current.row.seq) {
        return Ok(());
    }
    let owner = bucket.owner(ObjectKey::try_from(key)?, current.row.version);
    let content = Content::open(bucket.store(), || owner, &current.row, Vec::new())?;
    let content = content.expect("an inline body names no blob");
    let bytes = content.read(0..current.row.size)?;
    let want = Want { bytes_max: u64::MAX, ..Want::default() };
    let context = SealContext::new(bucket.name().as_str(), key);
    let ingested = ingest(bucket.store(), bytes.into(), &want, context, true)?;
    *kept = Some(Kept { seq: current.row.seq, ingested });
    Ok(())
}

/// A written body as one more part of an object.
fn part_of(
    ingested: &mut Ingested,
    to: &crate::content::Owner,
    ordinal: u32,
    number: u16,
) -> Result<PartEntry> {
    let mut extents = Vec::new();
    if let Place::Blob(extent) = &ingested.place {
        let mut extent = extent.clone();
        if let Some(sealing) = &mut ingested.sealing {
            extent.envelope = Some(sealing.envelope(&binding(to, ordinal, extent.blob_len))?);
        }
        extents.push(extent);
    }
    Ok(PartEntry { number, size: ingested.size, crc64: ingested.crc64, checksum: None, extents })
}

/// The checksum of the longer object: a CRC of the whole goes on as one when the added bytes were
/// summed alike; any other gives way to CRC64NVME, which every object has.
fn checksum_of_both(old: &ObjectRow, rare: &Rare, added: &Ingested) -> Result<Option<Checksum>> {
    let Some(checksum) = rare.checksum else { return Ok(None) };
    let (Some(more), ChecksumType::FullObject) = (added.checksum, checksum.kind()) else {
        return Ok(None);
    };
    let algorithm = checksum.algorithm();
    if more.algorithm() != algorithm || !algorithm.allows(ChecksumType::FullObject) {
        return Ok(None);
    }
    debug_assert_ne!(algorithm, ChecksumAlgorithm::Crc64Nvme);
    Ok(Checksum::merged(algorithm, [(checksum, old.size), (more, added.size)]))
}
