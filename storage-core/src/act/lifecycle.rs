//! What lifecycle does to a bucket: many acts, each in a commit of its own that holds all it was
//! decided on to what it was, and one wait for all of them.

use super::{
    put::{Stamp, delete_marker_row},
    until_undisturbed, upload_abort,
};
use crate::{
    authority::Permit,
    bucket::Bucket,
    bucket_config::{BucketConfig, LifecycleDocument},
    edit::{Edit, Lookup, Stored},
    error::{Error, Result},
    event::EventName,
    object::ObjectInfo,
    object_lock::{Bypass, VersionLock},
    port::{Batch, CommitError, KeyRange, Order, Ticket},
    row::{HeadKey, ObjectRow, sweep_key},
    storage_class::StorageClass,
    time::Timestamp,
    upload::Upload,
    versioning::Versioning,
};
use std::sync::Arc;

/// What lifecycle does to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LifecycleChange {
    /// Moves it to another class: same entity tag, same version, same date.
    Transition(StorageClass),
    /// Deletes it for good.
    Delete,
    /// Pushes a delete marker of this date; where versioning is suspended, that replaces the null
    /// version.
    PushDeleteMarker(Timestamp),
}

/// One act of lifecycle, with what it was decided on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LifecycleAct {
    /// Changes a version.
    Change {
        /// The version as it was when that was decided.
        version: ObjectInfo,
        /// Newer versions of the same key that the decision rested on.
        newer: Vec<ObjectInfo>,
        /// What is done.
        change: LifecycleChange,
    },
    /// Gives an upload up.
    AbortUpload(Upload),
}

/// What became of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LifecycleOutcome {
    /// It is done.
    Done,
    /// It was left: the version, its place, its neighbours or the bucket's configuration are not what
    /// they were when it was decided.
    Changed,
    /// It was left: the version is locked.
    Locked,
}

/// What is known of an act before its commit is safe.
enum Tried {
    Committed(Ticket),
    Left(LifecycleOutcome),
}

/// Does the acts in their order, each for itself, and waits for all of them at once.
pub(crate) fn apply(
    bucket: &Bucket,
    _permit: Permit,
    document: &LifecycleDocument,
    acts: &[LifecycleAct],
) -> Result<Vec<LifecycleOutcome>> {
    let mut tickets = Vec::with_capacity(acts.len());
    let mut outcomes = Vec::with_capacity(acts.len());
    let mut failure = None;
    for act in acts {
        match until_undisturbed(bucket, act.key(), || attempt(bucket, document, act)) {
            Ok(Tried::Committed(ticket)) => {
                tickets.push(ticket);
                outcomes.push(LifecycleOutcome::Done);
            }
            Ok(Tried::Left(outcome)) => outcomes.push(outcome),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    // One sync serves them all. What was committed before a failure is waited for and told, too.
    for ticket in tickets {
        if let Err(error) = bucket.store().settle(ticket) {
            failure.get_or_insert(error);
        }
    }
    bucket.store().tell_events();
    failure.map_or(Ok(outcomes), Err)
}

impl LifecycleAct {
    fn key(&self) -> &str {
        match self {
            Self::Change { version, .. } => version.key.as_str(),
            Self::AbortUpload(upload) => upload.key.as_str(),
        }
    }
}

const CHANGED: Result<Option<Tried>> = Ok(Some(Tried::Left(LifecycleOutcome::Changed)));

fn attempt(
    bucket: &Bucket,
    document: &LifecycleDocument,
    act: &LifecycleAct,
) -> Result<Option<Tried>> {
    let config = bucket.config()?;
    if config.lifecycle.as_ref() != Some(document) {
        return CHANGED;
    }
    match act {
        LifecycleAct::AbortUpload(upload) => {
            if !Arc::ptr_eq(upload.bucket.state(), bucket.state()) {
                return CHANGED;
            }
            match upload_abort::abort_under(upload, &config) {
                Err(Error::NoSuchUpload { .. }) => CHANGED,
                done => Ok(done?.map(Tried::Committed)),
            }
        }
        LifecycleAct::Change { version, newer, change } => {
            let key = version.key.as_str();
            let mut edit = Edit::new(bucket.store(), bucket.state(), &config, key, None);
            let current = edit.current()?;
            for witness in newer {
                if witness.key != version.key {
                    return CHANGED;
                }
                match find(&mut edit, current.as_ref(), witness)? {
                    Lookup::Found(_) => {}
                    Lookup::Absent => return CHANGED,
                    Lookup::Disturbed => return Ok(None),
                }
            }
            match find(&mut edit, current.as_ref(), version)? {
                Lookup::Found(stored) => change_version(bucket, &config, edit, &stored, *change),
                Lookup::Absent => CHANGED,
                Lookup::Disturbed => Ok(None),
            }
        }
    }
}

/// The version, if it is what it was, where it was.
fn find(edit: &mut Edit<'_>, current: Option<&Stored>, info: &ObjectInfo) -> Result<Lookup> {
    let found = edit.version(current, info.row.version)?;
    Ok(match found {
        Lookup::Found(stored) => {
            let is_current = current.is_some_and(|current| current.at == stored.at);
            // What a list tells of has no body; nothing changes a body and leaves all else.
            let body = info.row.body.clone();
            let told = ObjectRow { body, ..stored.row.clone() };
            let same = told == info.row && is_current == info.is_latest;
            if same { Lookup::Found(stored) } else { Lookup::Absent }
        }
        other => other,
    })
}

/// Law: S3, lifecycle in the three versioning states.
fn change_version(
    bucket: &Bucket,
    config: &BucketConfig,
    edit: Edit<'_>,
    stored: &Stored,
    change: LifecycleChange,
) -> Result<Option<Tried>> {
    match change {
        LifecycleChange::Transition(class) => transition(bucket, edit, stored, class),
        LifecycleChange::Delete => delete(bucket, config, edit, stored),
        LifecycleChange::PushDeleteMarker(date) => push_marker(bucket, config, edit, stored, date),
    }
}

/// Law: S3, lifecycle transitions keep the object.
fn transition(
    bucket: &Bucket,
    mut edit: Edit<'_>,
    stored: &Stored,
    class: StorageClass,
) -> Result<Option<Tried>> {
    super::put::check_class(class)?;
    if stored.row.delete_marker || stored.row.class == class {
        return CHANGED;
    }
    let mut row = stored.row.clone();
    row.class = class;
    // A restored copy that is there, or on its way, stays when the object goes deeper.
    row.rare_mut().entered = Some(bucket.store().now());
    edit.reclassify(stored, &row);
    let seq = edit.next_seq()?;
    edit.announce(EventName::LifecycleTransition, &row, seq)?;
    Ok(edit.commit()?.map(Tried::Committed))
}

/// Law: S3, lifecycle and object lock.
fn delete(
    bucket: &Bucket,
    config: &BucketConfig,
    mut edit: Edit<'_>,
    stored: &Stored,
) -> Result<Option<Tried>> {
    let head = HeadKey::new(bucket.state().id, edit.key());
    let is_current = stored.at == *head.row();
    let hides = stored.row.delete_marker && has_noncurrent(bucket, &head)?;
    let versioned = config.versioning != Versioning::Unversioned;
    if is_current && (hides || (versioned && !stored.row.delete_marker)) {
        return CHANGED;
    }
    if is_locked(bucket, stored) {
        return Ok(Some(Tried::Left(LifecycleOutcome::Locked)));
    }
    edit.remove(stored)?;
    let seq = edit.next_seq()?;
    edit.announce(EventName::LifecycleExpirationDelete, &stored.row, seq)?;
    Ok(edit.commit()?.map(Tried::Committed))
}

fn push_marker(
    bucket: &Bucket,
    config: &BucketConfig,
    mut edit: Edit<'_>,
    stored: &Stored,
    date: Timestamp,
) -> Result<Option<Tried>> {
    let head = HeadKey::new(bucket.state().id, edit.key());
    let is_current = stored.at == *head.row();
    let versioned = config.versioning != Versioning::Unversioned;
    if !is_current || stored.row.delete_marker || !versioned {
        return CHANGED;
    }
    let replaced = config.versioning == Versioning::Suspended && stored.row.version.is_null();
    if replaced && is_locked(bucket, stored) {
        return Ok(Some(Tried::Left(LifecycleOutcome::Locked)));
    }
    let mut marker = delete_marker_row(&Stamp::new(bucket.store(), config)?);
    marker.modified = date;
    edit.push(Some(stored.clone()), &marker)?;
    let name = EventName::LifecycleExpirationDeleteMarkerCreated;
    edit.announce(name, &marker, marker.seq)?;
    Ok(edit.commit()?.map(Tried::Committed))
}

fn has_noncurrent(bucket: &Bucket, head: &HeadKey) -> Result<bool> {
    let (start, end) = (head.noncurrent_start(), head.beyond());
    let range = KeyRange::between(&start, &end);
    Ok(!bucket.store().scan(range, Order::Forward, 1)?.is_empty())
}

fn is_locked(bucket: &Bucket, stored: &Stored) -> bool {
    let Some(rare) = &stored.row.rare else { return false };
    let lock =
        VersionLock { retention: rare.retention, legal_hold: rare.legal_hold.unwrap_or_default() };
    lock.may_delete(bucket.store().now(), Bypass::No).is_err()
}

/// How far the sweep is: the key it goes on behind.
pub(crate) fn sweep_position(bucket: &Bucket, _permit: Permit) -> Result<Option<String>> {
    let Some(value) = bucket.store().row(&sweep_key(bucket.state().id))? else { return Ok(None) };
    let bytes = value.to_bytes();
    let damaged = |detail| Error::damaged("a sweep's row", detail);
    let (&SWEEP_FORMAT, key) = bytes.split_first().ok_or_else(|| damaged("it is empty"))? else {
        return Err(damaged("an unknown format"));
    };
    let key = std::str::from_utf8(key).map_err(|_| damaged("its key is not text"))?;
    Ok(Some(key.to_owned()))
}

pub(crate) fn set_sweep_position(
    bucket: &Bucket,
    _permit: Permit,
    position: Option<&str>,
) -> Result<()> {
    let store = bucket.store();
    let outcome = {
        // Held, so that a bucket which is deleted leaves no row behind.
        let _config = bucket.config()?;
        let mut batch = Batch::new(store.settings.durability);
        let at = sweep_key(bucket.state().id);
        match position {
            Some(key) => batch.put(at, [&[SWEEP_FORMAT], key.as_bytes()].concat()),
            None => batch.delete(at),
        }
        store.backend.commit(batch)
    };
    match outcome {
        Ok(ticket) => store.wait(ticket).map(drop),
        Err(CommitError::Conflict { .. }) => {
            Err(Error::OperationAborted { bucket: bucket.name().clone() })
        }
        Err(CommitError::Backend(source)) => Err(Error::backend("keep a sweep's place", source)),
    }
}

const SWEEP_FORMAT: u8 = 1;
