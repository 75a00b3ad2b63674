//! Changes to a version that leave its bytes alone: tags, retention, legal hold, restores.

use super::{
    get::{no_such_key, no_such_version},
    until_undisturbed,
};
use crate::{
    authority::Permit,
    bucket::Bucket,
    edit::{Edit, Lookup, Stored},
    error::{Error, Result},
    event::EventName,
    object_key::ObjectKey,
    object_lock::{Bypass, LegalHold, Retention, VersionLock},
    row::ObjectRow,
    tags::Tags,
    version_id::VersionId,
};

/// Law: S3, PutObjectTagging, DeleteObjectTagging: the whole set is replaced; version, entity tag
/// and date stay.
pub(crate) fn set_tags(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    version: Option<VersionId>,
    tags: &Tags,
) -> Result<VersionId> {
    let name =
        if tags.is_empty() { EventName::ObjectTaggingDelete } else { EventName::ObjectTaggingPut };
    let marked = mark(bucket, key, version, |row, _| {
        row.rare_mut().tags = tags.clone();
        Ok(Marked { event: Some(name), answer: () })
    })?;
    Ok(marked.0)
}

/// Law: S3, PutObjectRetention.
pub(crate) fn set_retention(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    version: Option<VersionId>,
    retention: Option<Retention>,
    bypass: Bypass,
) -> Result<VersionId> {
    check_has_lock(bucket)?;
    let now = bucket.store().now();
    let marked = mark(bucket, key, version, |row, _| {
        let rare = row.rare_mut();
        let lock = VersionLock {
            retention: rare.retention,
            legal_hold: rare.legal_hold.unwrap_or_default(),
        };
        lock.may_change_retention(retention, now, bypass)?;
        rare.retention = retention;
        Ok(Marked::SILENTLY)
    })?;
    Ok(marked.0)
}

/// Law: S3, PutObjectLegalHold.
pub(crate) fn set_legal_hold(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    version: Option<VersionId>,
    hold: LegalHold,
) -> Result<VersionId> {
    check_has_lock(bucket)?;
    let marked = mark(bucket, key, version, |row, _| {
        row.rare_mut().legal_hold = Some(hold);
        Ok(Marked::SILENTLY)
    })?;
    Ok(marked.0)
}

pub(crate) fn check_has_lock(bucket: &Bucket) -> Result<()> {
    if bucket.config()?.object_lock.is_some() {
        return Ok(());
    }
    Err(Error::invalid_request("the bucket has no object lock configuration"))
}

/// What a change to a version's row answers, and tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marked<T> {
    pub(super) event: Option<EventName>,
    pub(super) answer: T,
}

impl Marked<()> {
    const SILENTLY: Self = Self { event: None, answer: () };
}

/// Changes one version's row in place.
pub(super) fn mark<T>(
    bucket: &Bucket,
    key: &str,
    version: Option<VersionId>,
    change: impl Fn(&mut ObjectRow, &mut Edit<'_>) -> Result<Marked<T>>,
) -> Result<(VersionId, T)> {
    let (ticket, version, answer) = until_undisturbed(bucket, key, || {
        let config = bucket.config()?;
        let mut edit = Edit::new(bucket.store(), bucket.state(), &config, key, None);
        let Some(stored) = find(bucket, &mut edit, key, version)? else { return Ok(None) };
        let mut row = stored.row.clone();
        let Marked { event, answer } = change(&mut row, &mut edit)?;
        row.tidy();
        edit.rewrite(&stored, &row);
        if let Some(name) = event {
            let seq = edit.next_seq()?;
            edit.announce(name, &row, seq)?;
        }
        Ok(edit.commit()?.map(|ticket| (ticket, row.version, answer)))
    })?;
    bucket.store().wait(ticket)?;
    Ok((version, answer))
}

/// The version to change, which must be data; the commit holds it to what it is. `None`: look again.
fn find(
    bucket: &Bucket,
    edit: &mut Edit<'_>,
    key: &str,
    version: Option<VersionId>,
) -> Result<Option<Stored>> {
    let name = ObjectKey::try_from(key)?;
    let current = edit.current()?;
    let found = match version {
        None => current,
        Some(version) => match edit.version(current.as_ref(), version)? {
            Lookup::Found(stored) => Some(stored),
            Lookup::Absent => None,
            Lookup::Disturbed => return Ok(None),
        },
    };
    match (found, version) {
        // Law: S3, versioning states; tags and locks on a delete marker, named or current.
        (Some(stored), _) if stored.row.delete_marker => Err(Error::MethodNotAllowed {
            key: name,
            version: stored.row.version,
            last_modified: stored.row.modified,
        }),
        (Some(stored), _) => Ok(Some(stored)),
        (None, Some(version)) => Err(no_such_version(bucket, &name, version)),
        (None, None) => Err(no_such_key(bucket, &name, None)),
    }
}
