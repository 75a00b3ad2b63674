//! Delete many: up to 1,000 entries, each with its own outcome. Not atomic across keys.

use crate::{
    act::delete::{self, Deleted},
    action::Action,
    authority::Permit,
    bucket::Bucket,
    condition::DeleteCondition,
    error::{Error, Result},
    etag::ETag,
    facts::Facts,
    object_key::{IntoKey, ObjectKey},
    object_lock::Bypass,
    options::DeleteOptions,
    version_id::VersionId,
};

/// What one entry of a delete of many asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteEntry {
    pub(crate) key: ObjectKey,
    pub(crate) version: Option<VersionId>,
    pub(crate) condition: DeleteCondition,
}

impl DeleteEntry {
    /// The current version of `key`.
    ///
    /// # Errors
    /// When `key` cannot be a key.
    pub fn new(key: impl IntoKey) -> Result<Self> {
        Ok(Self { key: key.into_key()?, version: None, condition: DeleteCondition::None })
    }

    /// Exactly this version, for good.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Only when the current version has this entity tag.
    #[must_use]
    pub fn if_match(mut self, etag: ETag) -> Self {
        self.condition = DeleteCondition::IfMatch(etag);
        self
    }
}

/// What became of one entry.
#[derive(Clone, Debug)]
pub struct DeleteOutcome {
    /// The entry's key.
    pub key: ObjectKey,
    /// The version that the entry named.
    pub version: Option<VersionId>,
    /// What was done, or why nothing was.
    pub outcome: Result<Deleted>,
}

/// Law: S3, DeleteObjects.
pub(crate) fn delete_many(
    bucket: &Bucket,
    entries: &[DeleteEntry],
    options: &DeleteOptions,
) -> Result<Vec<DeleteOutcome>> {
    let max = bucket.store().limits().delete_many_max;
    if entries.is_empty() || entries.len() > max {
        return Err(Error::MalformedXml {
            reason: format!("a delete of many has 1 to {max} entries, not {}", entries.len())
                .into(),
        });
    }
    drop(bucket.config()?);
    Ok(entries.iter().map(|entry| delete_one(bucket, entry, options)).collect())
}

fn delete_one(bucket: &Bucket, entry: &DeleteEntry, options: &DeleteOptions) -> DeleteOutcome {
    let options =
        DeleteOptions { version: entry.version, condition: entry.condition, ..options.clone() };
    let key = entry.key.as_str();
    let outcome = permit(bucket, entry, &options).and_then(|permit| {
        let exists = check_version_exists(bucket, entry);
        bucket.unless_hidden(exists.and_then(|()| delete::delete(bucket, permit, key, &options)))
    });
    DeleteOutcome { key: entry.key.clone(), version: entry.version, outcome }
}

/// Asked before anything is looked up: a refusal does not tell what is there.
fn permit(bucket: &Bucket, entry: &DeleteEntry, options: &DeleteOptions) -> Result<Permit> {
    let (key, version) = (Some(entry.key.as_str()), entry.version);
    let action = match version {
        Some(_) => Action::DeleteObjectVersion,
        None => Action::DeleteObject,
    };
    let facts = || Facts::delete(options);
    let permit = bucket.permit_saying(action, key, version, facts)?;
    if options.bypass == Bypass::Governance {
        bucket.permit_saying(Action::BypassGovernanceRetention, key, version, facts)?;
    }
    Ok(permit)
}

/// Law: S3, DeleteObjects: a version that does not exist is an error here, unlike in DeleteObject.
fn check_version_exists(bucket: &Bucket, entry: &DeleteEntry) -> Result<()> {
    let Some(version) = entry.version else { return Ok(()) };
    let head = crate::row::HeadKey::new(bucket.state().id, entry.key.as_str());
    match crate::edit::look_up(bucket.store(), &head, Some(version))? {
        Some(_) => Ok(()),
        None if version.is_null() => Ok(()),
        None => Err(super::get::no_such_version(bucket, &entry.key, version)),
    }
}
