//! Restore: a temporary copy of archived bytes, and the gate in front of those that have none.

use super::mark::{Marked, mark};
use crate::{
    authority::Permit,
    bucket::Bucket,
    error::{Error, Result},
    event::EventName,
    object_key::ObjectKey,
    restore::{Archive, Restore, RestoreAnswer, RestoreOptions, RestoreRefusal, RestoreWish},
    row::ObjectRow,
    time::Timestamp,
    version_id::VersionId,
};

/// The most days: what a document's integer holds.
const DAYS_MAX: u32 = i32::MAX as u32;

/// Archived bytes are read while a restored copy of them lives.
///
/// Law: S3, archived objects are restored before they are read.
pub(crate) fn check_readable(key: &ObjectKey, row: &ObjectRow, now: Timestamp) -> Result<()> {
    if !row.class.is_archive() {
        return Ok(());
    }
    let restore = row.rare.as_deref().and_then(|rare| rare.restore.as_ref());
    match restore {
        Some(restore) if restore.is_readable(now) => Ok(()),
        _ => Err(not_in_state(key, row)),
    }
}

pub(crate) fn not_in_state(key: &ObjectKey, row: &ObjectRow) -> Error {
    Error::InvalidObjectState { key: key.clone(), storage_class: row.class, access_tier: None }
}

/// Law: S3, RestoreObject.
pub(crate) fn restore(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    version: Option<VersionId>,
    options: RestoreOptions,
) -> Result<RestoreAnswer> {
    if !(1..=DAYS_MAX).contains(&options.days.0) {
        let reason = "it is a positive integer";
        return Err(Error::invalid_argument("Days", options.days.0.to_string(), reason));
    }
    let name = ObjectKey::try_from(key)?;
    let store = bucket.store();
    let marked = mark(bucket, key, version, |row| {
        let archive = Archive::of_class(row.class).ok_or_else(|| not_in_state(&name, row))?;
        let (days, tier) = (Some(options.days), options.tier);
        let wish = RestoreWish { archive, size: row.size, days, tier };
        let current = row.rare.as_deref().and_then(|rare| rare.restore);
        let (now, times) = (store.now(), &store.settings.restore_times);
        let begun = Restore::begin(wish, current.as_ref(), now, times);
        let (restore, answer) = begun.map_err(|refusal| refused(refusal, &name, options))?;
        row.rare_mut().restore = Some(restore);
        let event = (answer == RestoreAnswer::Started).then_some(EventName::ObjectRestorePost);
        Ok(Marked { event, answer })
    })?;
    Ok(marked.1)
}

fn refused(refusal: RestoreRefusal, key: &ObjectKey, options: RestoreOptions) -> Error {
    match refusal {
        RestoreRefusal::AlreadyInProgress => Error::RestoreAlreadyInProgress { key: key.clone() },
        RestoreRefusal::NoSuchTier => Error::invalid_argument(
            "Tier",
            options.tier.as_str(),
            "a deep archive has no expedited restores",
        ),
    }
}
