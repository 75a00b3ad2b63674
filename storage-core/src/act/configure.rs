//! Changes to a bucket's configuration: one row, and every later write sees it.

use crate::{
    authority::Permit,
    bucket::Bucket,
    bucket_config::BucketConfig,
    error::{Error, Result},
    port::{Batch, CommitError},
    row::{BucketRow, bucket_key},
};

/// Changes the configuration. No write is between its look at the configuration and its place in
/// the order of commits meanwhile.
pub(crate) fn configure(
    bucket: &Bucket,
    _permit: Permit,
    change: impl FnOnce(&mut BucketConfig) -> Result<()>,
) -> Result<()> {
    let outcome = configure_untold(bucket, change);
    // With the configuration free again: a sink may use the bucket.
    bucket.store().tell_events();
    outcome
}

fn configure_untold(
    bucket: &Bucket,
    change: impl FnOnce(&mut BucketConfig) -> Result<()>,
) -> Result<()> {
    let store = bucket.store();
    let state = bucket.state();
    let mut config = state.config.write();
    let old =
        config.as_ref().ok_or_else(|| Error::NoSuchBucket { bucket: bucket.name().clone() })?;
    let mut new = old.clone();
    change(&mut new)?;
    if new == *old {
        return Ok(());
    }
    let row = |config| BucketRow { id: state.id, created: state.created, config }.encode();
    let key = bucket_key(bucket.name().as_str());
    let mut batch = Batch::new(store.settings.durability);
    batch.unchanged(key.clone(), Some(row(old.clone()).into()));
    batch.put(key, row(new.clone()));
    match store.backend.commit(batch) {
        Ok(ticket) => store.settle(ticket)?,
        Err(CommitError::Conflict { .. }) => {
            return Err(Error::OperationAborted { bucket: bucket.name().clone() });
        }
        Err(CommitError::Backend(source)) => {
            return Err(Error::backend("configure a bucket", source));
        }
    };
    *config = Some(new);
    Ok(())
}
