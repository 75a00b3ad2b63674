//! Delete: a version for good, or a delete marker on top.

use super::{
    put::{Stamp, delete_marker_row},
    until_undisturbed,
};
use crate::{
    authority::Permit,
    bucket::Bucket,
    condition::{Current, Verdict},
    edit::{Edit, Lookup, Stored},
    error::{Error, Result},
    event::EventName,
    object_key::ObjectKey,
    object_lock::{Bypass, VersionLock},
    options::DeleteOptions,
    port::{Durability, Ticket},
    version_id::VersionId,
    versioning::Versioning,
};

/// What a delete answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deleted {
    /// True when a delete marker was made, or was what was deleted.
    pub delete_marker: bool,
    /// The delete marker's version, or the version that was deleted; `None` in a bucket that was
    /// never versioned.
    pub version: Option<VersionId>,
    /// How safe the delete is by now; `None` when there was nothing to do.
    pub durability: Option<Durability>,
}

impl Deleted {
    const NOTHING: Self = Self { delete_marker: false, version: None, durability: None };
}

pub(crate) fn delete(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    options: &DeleteOptions,
) -> Result<Deleted> {
    let (deleted, ticket) = until_undisturbed(bucket, key, || attempt(bucket, key, options))?;
    let Some(ticket) = ticket else { return Ok(deleted) };
    let done = bucket.store().wait(ticket)?;
    Ok(Deleted { durability: Some(done.durability), ..deleted })
}

type Attempt = Option<(Deleted, Option<Ticket>)>;

/// Law: W45.
fn attempt(bucket: &Bucket, key: &str, options: &DeleteOptions) -> Result<Attempt> {
    let config = bucket.config()?;
    if options.bypass == Bypass::Governance && config.object_lock.is_none() {
        return Err(Error::invalid_argument(
            "x-amz-bypass-governance-retention",
            "true",
            "the bucket has no object lock configuration",
        ));
    }
    let mut edit = Edit::new(bucket.store(), bucket.state(), &config, key, options.durability);
    let current = edit.current()?;
    check_condition(bucket, key, options, current.as_ref())?;
    match options.version {
        Some(version) => remove_version(bucket, edit, current.as_ref(), version, options),
        None => match config.versioning {
            Versioning::Unversioned => remove_current(edit, current),
            Versioning::Enabled | Versioning::Suspended => {
                let stamp = Stamp::new(bucket.store(), &config)?;
                let marker = delete_marker_row(&stamp);
                edit.push(current, &marker)?;
                edit.announce(EventName::ObjectRemovedDeleteMarkerCreated, &marker, marker.seq)?;
                let deleted = Deleted {
                    delete_marker: true,
                    version: Some(marker.version),
                    durability: None,
                };
                Ok(edit.commit()?.map(|ticket| (deleted, Some(ticket))))
            }
        },
    }
}

/// Law: S3, conditional deletes.
fn check_condition(
    bucket: &Bucket,
    key: &str,
    options: &DeleteOptions,
    current: Option<&Stored>,
) -> Result<()> {
    let state = match current {
        None => Current::Absent,
        Some(stored) if stored.row.delete_marker => Current::DeleteMarker,
        Some(stored) => Current::Object(stored.row.etag),
    };
    match options.condition.check(state) {
        Verdict::Proceed => Ok(()),
        verdict => verdict.into_result(bucket.name(), &ObjectKey::try_from(key)?),
    }
}

fn remove_current(mut edit: Edit<'_>, current: Option<Stored>) -> Result<Attempt> {
    let Some(current) = current else { return Ok(Some((Deleted::NOTHING, None))) };
    edit.remove(&current)?;
    let seq = edit.next_seq()?;
    edit.announce(EventName::ObjectRemovedDelete, &current.row, seq)?;
    Ok(edit.commit()?.map(|ticket| (Deleted::NOTHING, Some(ticket))))
}

/// Law: S3, DELETE Object versionId; Object Lock, deleting a protected version. Law: W51.
fn remove_version(
    bucket: &Bucket,
    mut edit: Edit<'_>,
    current: Option<&Stored>,
    version: VersionId,
    options: &DeleteOptions,
) -> Result<Attempt> {
    let mut deleted = Deleted { version: Some(version), ..Deleted::NOTHING };
    let stored = match edit.version(current, version)? {
        Lookup::Found(stored) => stored,
        Lookup::Absent => return Ok(Some((deleted, None))),
        Lookup::Disturbed => return Ok(None),
    };
    deleted.delete_marker = stored.row.delete_marker;
    if let Some(rare) = &stored.row.rare {
        let lock = VersionLock {
            retention: rare.retention,
            legal_hold: rare.legal_hold.unwrap_or_default(),
        };
        lock.may_delete(bucket.store().now(), options.bypass)?;
    }
    edit.remove(&stored)?;
    let seq = edit.next_seq()?;
    edit.announce(EventName::ObjectRemovedDelete, &stored.row, seq)?;
    Ok(edit.commit()?.map(|ticket| (deleted, Some(ticket))))
}
