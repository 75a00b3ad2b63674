//! The verbs. Each reads what it must, decides, and commits; when somebody else came first, it
//! looks again.

pub(crate) mod append;
pub(crate) mod attributes;
pub(crate) mod check;
pub(crate) mod configure;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod delete_bucket;
pub(crate) mod delete_many;
pub(crate) mod get;
mod level;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub(crate) mod list_versions;
pub(crate) mod mark;
pub(crate) mod put;
pub(crate) mod rename;
pub(crate) mod renew;
pub(crate) mod restore;
mod upload;
pub(crate) mod upload_abort;
pub(crate) mod upload_complete;
pub(crate) mod upload_copy;
pub(crate) mod upload_create;
pub(crate) mod upload_list;
pub(crate) mod upload_part;

use crate::{
    bucket::Bucket,
    error::{Error, Result},
    object_key::ObjectKey,
};

/// How often a verb looks again before it gives up: every time, somebody else got on.
const ATTEMPTS: usize = 1000;

/// Tries until an attempt succeeds or fails for a reason of its own.
pub(crate) fn until_undisturbed<T>(
    bucket: &Bucket,
    key: &str,
    mut attempt: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    Err(Error::ConditionalRequestConflict {
        bucket: bucket.name().clone(),
        key: ObjectKey::try_from(key)?,
    })
}
