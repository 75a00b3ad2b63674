//! Copy: the same bytes under another key, by reference. No byte is moved within a store; bytes are
//! read only for a digest that nobody knows yet.

use super::{
    get::find_version,
    put::{Receipt, Stamp, check_write_condition, etag_of, receipt_of, retention_at_birth},
    restore::check_readable,
    until_undisturbed,
};
use crate::{
    action::Action,
    authority::Permit,
    bodies::{
        DigestsAsOne, body_row, digests_as_one, missing_blob, parts_of, rebind, rebind_inline,
    },
    body::Body,
    bucket::Bucket,
    condition::WriteCondition,
    content::{Content, Owner},
    copy_options::{CopyOptions, CopySource},
    edit::{Edit, Stored, look_up},
    error::{Error, Result},
    event::EventName,
    object::Object,
    options::{GetOptions, PutOptions},
    port::{Ticket, Value},
    row::{BodyRow, HeadKey, ObjectRow, PartEntry, Rare},
    version_id::VersionId,
};
use std::sync::Arc;

/// What a copy answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Copied {
    /// What a put would answer.
    pub receipt: Receipt,
    /// The version that was copied; `null` for one written while versioning was not enabled.
    pub source_version: VersionId,
}

pub(crate) fn copy(
    bucket: &Bucket,
    permit: Permit,
    source: &CopySource,
    key: &str,
    options: &CopyOptions,
) -> Result<Copied> {
    super::put::check_class(options.class.unwrap_or_default())?;
    super::put::check_lock(bucket, options.retention, options.legal_hold)?;
    if !Arc::ptr_eq(bucket.store(), source.bucket.store()) {
        return copy_between_stores(bucket, permit, source, key, options);
    }
    let mut digests = None;
    let (ticket, row, source_version) =
        until_undisturbed(bucket, key, || attempt(bucket, source, key, options, &mut digests))?;
    let done = bucket.store().wait(ticket)?;
    Ok(Copied { receipt: receipt_of(&row, done.durability), source_version })
}

/// Finds what is to be copied, and checks what is asked of it.
///
/// Law: S3, CopyObject: source versions, conditional copies, size.
pub(crate) fn find_source(source: &CopySource) -> Result<Stored> {
    let head = HeadKey::new(source.bucket.state().id, source.key.as_str());
    let found = find_version(&source.bucket, &source.key, &head, source.version);
    let stored = found.map_err(|error| match error {
        Error::MethodNotAllowed { .. } => Error::invalid_request(
            "the source of a copy request may not specifically refer to a delete marker by version",
        ),
        error => error,
    })?;
    let row = &stored.row;
    let now = source.bucket.store().now();
    source
        .conditions
        .check_copy_source(row.etag, row.modified, now)
        .into_result(row.etag, row.modified)?;
    check_readable(&source.key, row, now)?;
    Ok(stored)
}

type Attempt = Option<(Ticket, ObjectRow, VersionId)>;

/// What was read of a source, kept for the next try; with the row that it was read of.
type Digested = Option<(Value, DigestsAsOne)>;

fn attempt(
    bucket: &Bucket,
    source: &CopySource,
    key: &str,
    options: &CopyOptions,
    digests: &mut Digested,
) -> Result<Attempt> {
    let store = bucket.store();
    let stored = find_source(source)?;
    let max = store.limits().copy_bytes_max;
    if stored.row.size > max {
        return Err(Error::invalid_request(format!(
            "a copy of {} bytes is over the limit of {max}; copy it in parts",
            stored.row.size
        )));
    }
    check_changes_something(bucket, source, key, options, &stored)?;
    check_target(bucket, key, options)?;
    let from = source.bucket.owner(source.key.clone(), stored.row.version);
    let mut parts = parts_of(&source.bucket, &stored.row)?;
    let (md5, checksum) = match digests {
        Some((row, known)) if *row == stored.raw => *known,
        _ => match digest(bucket, source, &from, &stored, &parts, options) {
            Ok(fresh) => digests.insert((stored.raw.clone(), fresh)).1,
            // Its bytes went with its row while they were read: look what is there now.
            Err(_) if has_changed(bucket, &stored)? => return Ok(None),
            Err(error) => return Err(error),
        },
    };

    let config = bucket.config()?;
    let mut edit = Edit::new(store, bucket.state(), &config, key, options.durability);
    let current = edit.current()?;
    check_write_condition(bucket, key, &options.condition, current.as_ref())?;
    // While the row is what it was, so are its manifest and its blobs.
    edit.batch().unchanged(stored.at.to_bytes(), Some(stored.raw.clone()));
    let stamp = Stamp::new(store, &config)?;
    let to = bucket.owner(key.try_into()?, stamp.version);
    rebind(bucket, &from, &to, &mut parts)?;
    edit.adopt(parts.iter().flat_map(|part| &part.extents));
    let body = match &stored.row.body {
        BodyRow::Inline(bytes) => BodyRow::Inline(bytes.clone()),
        _ => body_row(&mut edit, stamp.seq, &parts),
    };
    let old = stored.row.rare.as_deref().cloned().unwrap_or_default();
    let mut row = ObjectRow {
        seq: stamp.seq,
        version: stamp.version,
        modified: stamp.now,
        class: options.class.unwrap_or_default(),
        etag: etag_of(store, md5, stamp.seq),
        body,
        rare: Some(Box::new(Rare {
            metadata: options.metadata.clone().unwrap_or(old.metadata.without_redirect()),
            tags: options.tags.clone().unwrap_or(old.tags),
            checksum,
            retention: retention_at_birth(&config, options.retention, stamp.now),
            legal_hold: options.legal_hold,
            envelope: rebind_inline(bucket, &from, &to, &stored.row)?,
            restore: None,
            entered: None,
        })),
        ..stored.row.clone()
    };
    row.tidy();
    edit.push(current, &row)?;
    edit.announce(EventName::ObjectCreatedCopy, &row, row.seq)?;
    Ok(edit.commit()?.map(|ticket| (ticket, row, stored.row.version)))
}

/// Fails early where the copy would fail in the end, after reading a large source in vain.
fn check_target(bucket: &Bucket, key: &str, options: &CopyOptions) -> Result<()> {
    if options.condition == WriteCondition::None {
        return Ok(());
    }
    let current = look_up(bucket.store(), &HeadKey::new(bucket.state().id, key), None)?;
    check_write_condition(bucket, key, &options.condition, current.as_ref())
}

fn digest(
    bucket: &Bucket,
    source: &CopySource,
    owner: &Owner,
    stored: &Stored,
    parts: &[PartEntry],
    options: &CopyOptions,
) -> Result<DigestsAsOne> {
    let content = || {
        let store = source.bucket.store();
        let content = Content::open(store, || owner.clone(), &stored.row, parts.to_vec())?;
        content.ok_or_else(|| missing_blob(owner))
    };
    digests_as_one(bucket, &stored.row, content, options.algorithm)
}

fn has_changed(bucket: &Bucket, stored: &Stored) -> Result<bool> {
    Ok(bucket.store().row(&stored.at)?.as_ref() != Some(&stored.raw))
}

/// Law: S3, CopyObject onto itself: something must change, unless an older version comes back.
fn check_changes_something(
    bucket: &Bucket,
    source: &CopySource,
    key: &str,
    options: &CopyOptions,
    stored: &Stored,
) -> Result<()> {
    let same_place = source.bucket.state().id == bucket.state().id && source.key == key;
    let head = HeadKey::new(bucket.state().id, key);
    if !same_place || stored.at != *head.row() {
        return Ok(());
    }
    let old_algorithm = super::put::algorithm_of(&stored.row).unwrap_or_default();
    let changes = options.metadata.is_some()
        || options.class.unwrap_or_default() != stored.row.class
        || options.algorithm.is_some_and(|algorithm| algorithm != old_algorithm);
    if changes {
        return Ok(());
    }
    Err(Error::invalid_request(
        "this copy request is illegal: it copies an object to itself without changing its \
         metadata, storage class or checksum",
    ))
}

/// Reads from one store and puts into the other.
fn copy_between_stores(
    bucket: &Bucket,
    permit: Permit,
    source: &CopySource,
    key: &str,
    options: &CopyOptions,
) -> Result<Copied> {
    let object = open_source(source)?;
    let source_version = object.version();
    let algorithm = options.algorithm.or(super::put::algorithm_of(&object.info().row));
    let put = PutOptions {
        metadata: options
            .metadata
            .clone()
            .unwrap_or_else(|| object.metadata().clone().without_redirect()),
        tags: options.tags.clone().unwrap_or_else(|| object.tags().clone()),
        class: options.class.unwrap_or_default(),
        algorithm,
        condition: options.condition,
        retention: options.retention,
        legal_hold: options.legal_hold,
        durability: options.durability,
        ..PutOptions::default()
    };
    let size = object.size();
    let body = Body::reader(object.into_reader()).with_len(size);
    let receipt = super::put::put(bucket, permit, key, body, &put)?;
    Ok(Copied { receipt, source_version })
}

/// Opens the source as it stood when its conditions were checked.
fn open_source(source: &CopySource) -> Result<Object> {
    until_undisturbed(&source.bucket, source.key.as_str(), || {
        let stored = find_source(source)?;
        let read = match source.version {
            Some(_) => Action::GetObjectVersion,
            None => Action::GetObject,
        };
        let permit = source.bucket.permit(read, Some(source.key.as_str()), source.version)?;
        let mut options = GetOptions::new();
        options.version = source.version;
        match super::get::get(&source.bucket, permit, &source.key, &options) {
            Ok(object) => Ok((object.sequence() == stored.row.seq).then_some(object)),
            Err(_) if has_changed(&source.bucket, &stored)? => Ok(None),
            Err(error) => Err(error),
        }
    })
}
