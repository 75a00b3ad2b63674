//! Put: take the body in, then one commit that makes it the current version.

use super::until_undisturbed;
use crate::{
    authority::Permit,
    binding::binding,
    body::Body,
    bucket::Bucket,
    bucket_config::BucketConfig,
    checksum::{Checksum, ChecksumAlgorithm},
    condition::{Current, Verdict, WriteCondition},
    edit::{Edit, Stored},
    error::{Error, Result},
    etag::ETag,
    event::EventName,
    ingest::{Ingested, Place, Want, ingest},
    object_key::ObjectKey,
    object_lock::{LegalHold, Retention},
    options::PutOptions,
    port::{Durability, SealContext, mix},
    row::{BodyRow, ObjectRow, Rare},
    settings::EtagMode,
    storage_class::StorageClass,
    store::StoreInner,
    time::Timestamp,
    version_id::VersionId,
    versioning::Versioning,
};
use bytes::Bytes;

/// What a write answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Receipt {
    /// The new version; `None` unless versioning is enabled.
    pub version: Option<VersionId>,
    /// The object's entity tag.
    pub etag: ETag,
    /// The object's checksum: the one asked for, or CRC64NVME.
    pub checksum: Checksum,
    /// The object's size in bytes.
    pub size: u64,
    /// When the version was made, on the store's clock.
    pub last_modified: Timestamp,
    /// How safe the write is by now.
    pub durability: Durability,
}

pub(crate) fn put(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    body: Body,
    options: &PutOptions,
) -> Result<Receipt> {
    let store = bucket.store();
    check_class(options.class)?;
    check_checksum(options)?;
    check_lock(bucket, options.retention, options.legal_hold)?;
    let want = Want {
        md5: store.settings.etag == EtagMode::Md5,
        expected_md5: options.content_md5,
        algorithm: options.algorithm,
        expected: options.checksum,
        bytes_max: store.limits().put_bytes_max,
    };
    let context = SealContext::new(bucket.name().as_str(), key);
    let mut ingested = ingest(store, body, &want, context, false)?;
    let (ticket, row) =
        until_undisturbed(bucket, key, || attempt(bucket, key, &mut ingested, options))?;
    ingested.adopted();
    let done = store.wait(ticket)?;
    Ok(receipt_of(&row, done.durability))
}

pub(crate) fn receipt_of(row: &ObjectRow, durability: Durability) -> Receipt {
    let checksum = row.rare.as_ref().and_then(|rare| rare.checksum);
    Receipt {
        version: (!row.version.is_null()).then_some(row.version),
        etag: row.etag,
        checksum: checksum.unwrap_or_else(|| Checksum::of_crc64(row.crc64)),
        size: row.size,
        last_modified: row.modified,
        durability,
    }
}

fn attempt(
    bucket: &Bucket,
    key: &str,
    ingested: &mut Ingested,
    options: &PutOptions,
) -> Result<Option<(crate::port::Ticket, ObjectRow)>> {
    let store = bucket.store();
    let config = bucket.config()?;
    let mut edit = Edit::new(store, bucket.state(), &config, key, options.durability);
    let current = edit.current()?;
    check_write_condition(bucket, key, &options.condition, current.as_ref())?;
    let stamp = Stamp::new(store, &config)?;
    let retention = retention_at_birth(&config, options.retention, stamp.now);
    let row = new_row(bucket, key, ingested, options, retention, &stamp)?;
    if let BodyRow::Extents(extents) = &row.body {
        edit.adopt(extents);
    }
    edit.push(current, &row)?;
    edit.announce(EventName::ObjectCreatedPut, &row, row.seq)?;
    Ok(edit.commit()?.map(|ticket| (ticket, row)))
}

/// What a new version gets: its number, its name, its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) seq: u64,
    pub(crate) version: VersionId,
    pub(crate) now: Timestamp,
}

impl Stamp {
    pub(crate) fn new(store: &StoreInner, config: &BucketConfig) -> Result<Self> {
        let seq = store.sequence.next(&*store.backend)?;
        Ok(Self { seq, version: version_of(store, config, seq), now: store.now() })
    }
}

/// The name of a version with that number, as the bucket's versioning has it.
pub(crate) fn version_of(store: &StoreInner, config: &BucketConfig, seq: u64) -> VersionId {
    match config.versioning {
        Versioning::Enabled => VersionId::Stamped { seq, tag: store.tag(seq) },
        _ => VersionId::Null,
    }
}

fn new_row(
    bucket: &Bucket,
    key: &str,
    ingested: &mut Ingested,
    options: &PutOptions,
    retention: Option<Retention>,
    stamp: &Stamp,
) -> Result<ObjectRow> {
    let store = bucket.store();
    let envelope = match &mut ingested.sealing {
        None => None,
        Some(sealing) => {
            let owner = bucket.owner(ObjectKey::try_from(key)?, stamp.version);
            Some(sealing.envelope(&binding(&owner, 0, ingested.size))?)
        }
    };
    let (body, envelope) = match &ingested.place {
        Place::Inline(bytes) => (BodyRow::Inline(bytes.clone()), envelope),
        Place::Blob(extent) => {
            let mut extent = extent.clone();
            extent.envelope = envelope;
            (BodyRow::Extents(vec![extent]), None)
        }
    };
    Ok(ObjectRow {
        seq: stamp.seq,
        version: stamp.version,
        modified: stamp.now,
        delete_marker: false,
        class: options.class,
        size: ingested.size,
        etag: etag_of(store, ingested.md5, stamp.seq),
        crc64: ingested.crc64,
        body,
        rare: rare_of(options, ingested.checksum, retention, envelope),
    })
}

/// What most puts do not ask for; `None` when this one does not.
fn rare_of(
    options: &PutOptions,
    checksum: Option<Checksum>,
    retention: Option<Retention>,
    envelope: Option<Bytes>,
) -> Option<Box<Rare>> {
    let is_plain = options.metadata.is_empty()
        && options.tags.is_empty()
        && options.legal_hold.is_none()
        && checksum.is_none()
        && retention.is_none()
        && envelope.is_none();
    if is_plain {
        return None;
    }
    Some(Box::new(Rare {
        metadata: options.metadata.clone(),
        tags: options.tags.clone(),
        checksum,
        retention,
        legal_hold: options.legal_hold,
        envelope,
        ..Rare::default()
    }))
}

/// The entity tag of a body written in one: its MD5, or a value of its own.
pub(crate) fn etag_of(store: &StoreInner, md5: Option<[u8; 16]>, seq: u64) -> ETag {
    match (store.settings.etag, md5) {
        (EtagMode::Md5, Some(digest)) => ETag::Md5(digest),
        _ => ETag::Opaque(opaque(store, seq)),
    }
}

/// 16 bytes that no other write of any store gets, but by chance.
pub(crate) fn opaque(store: &StoreInner, seq: u64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&store.tag(seq).to_be_bytes());
    value[8..].copy_from_slice(&mix(store.tag(seq) ^ seq).to_be_bytes());
    value
}

/// Law: S3, conditional writes.
pub(crate) fn check_write_condition(
    bucket: &Bucket,
    key: &str,
    condition: &WriteCondition,
    current: Option<&Stored>,
) -> Result<()> {
    let state = match current {
        None => Current::Absent,
        Some(stored) if stored.row.delete_marker => Current::DeleteMarker,
        Some(stored) => Current::Object(stored.row.etag),
    };
    match condition.check(state) {
        Verdict::Proceed => Ok(()),
        verdict => verdict.into_result(bucket.name(), &ObjectKey::try_from(key)?),
    }
}

/// Law: S3, PutObject storage class.
pub(crate) fn check_class(class: StorageClass) -> Result<()> {
    if class.is_general_purpose() {
        return Ok(());
    }
    Err(Error::InvalidStorageClass { class: class.as_str().into() })
}

/// Law: S3, checking object integrity: one checksum, of the whole body.
fn check_checksum(options: &PutOptions) -> Result<()> {
    let Some(checksum) = &options.checksum else { return Ok(()) };
    if checksum.parts().is_some() {
        return Err(Error::invalid_request("a put has no composite checksum: it has no parts"));
    }
    match options.algorithm {
        Some(algorithm) if algorithm != checksum.algorithm() => Err(Error::invalid_request(
            format!("the checksum is {}, but {algorithm} is asked for", checksum.algorithm()),
        )),
        _ => Ok(()),
    }
}

/// Law: S3, Object Lock: headers on a bucket without it are refused.
pub(crate) fn check_lock(
    bucket: &Bucket,
    retention: Option<Retention>,
    legal_hold: Option<LegalHold>,
) -> Result<()> {
    let asked = retention.is_some() || legal_hold.is_some();
    if asked && bucket.config()?.object_lock.is_none() {
        return Err(Error::invalid_request("the bucket has no object lock configuration"));
    }
    match retention {
        Some(retention) => retention.check_future(bucket.store().now()),
        None => Ok(()),
    }
}

/// The retention of a new version: its own, or the bucket's default.
pub(crate) fn retention_at_birth(
    config: &BucketConfig,
    own: Option<Retention>,
    now: Timestamp,
) -> Option<Retention> {
    config.object_lock.as_ref()?.retention_of(own, now)
}

/// The row of a delete marker.
pub(crate) fn delete_marker_row(stamp: &Stamp) -> ObjectRow {
    ObjectRow {
        seq: stamp.seq,
        version: stamp.version,
        modified: stamp.now,
        delete_marker: true,
        class: StorageClass::Standard,
        size: 0,
        etag: ETag::Opaque([0; 16]),
        crc64: 0,
        body: BodyRow::Inline(Bytes::new()),
        rare: None,
    }
}

/// The algorithm of an object's checksum, when it is not the default.
pub(crate) fn algorithm_of(row: &ObjectRow) -> Option<ChecksumAlgorithm> {
    Some(row.rare.as_ref()?.checksum.as_ref()?.algorithm())
}
