//! Delete bucket: only an empty one; what is left of its uploads goes with it.

use super::upload::{Found, load_parts, take_out};
use crate::{
    authority::Permit,
    bucket::Bucket,
    edit::Edit,
    error::{Error, Result},
    port::{Batch, CommitError, KeyRange, Order, Precondition},
    row::{bucket_key, ranges, sweep_key},
    store::after,
};
use bytes::Bytes;

/// Rows removed in one commit.
const PAGE: usize = 500;

pub(crate) fn delete_bucket(bucket: &Bucket, _permit: Permit) -> Result<()> {
    let outcome = delete_untold(bucket);
    // With the configuration free again: a sink may use the bucket.
    bucket.store().tell_events();
    outcome
}

fn delete_untold(bucket: &Bucket) -> Result<()> {
    let store = bucket.store();
    let state = bucket.state();
    // Nobody writes into the bucket while this is held, so what is empty stays empty.
    let mut config = state.config.write();
    let mut live = config.take().ok_or_else(|| no_such_bucket(bucket))?;
    let outcome = (|| {
        let (start, end) = ranges::objects(state.id);
        if !store.scan(KeyRange::between(&start, &end), Order::Forward, 1)?.is_empty() {
            return Err(Error::BucketNotEmpty { bucket: bucket.name().clone() });
        }
        live.change_feed = crate::bucket_config::ChangeFeed::Off;
        abort_uploads(bucket, &live)?;
        for range in [
            ranges::changes(state.id),
            ranges::completed(state.id),
            ranges::renamed(state.id),
            ranges::restoring(state.id),
        ] {
            remove_rows(bucket, &range)?;
        }
        let mut batch = Batch::new(store.settings.durability);
        batch.preconditions.push(Precondition::RangeEmpty { start, end });
        batch.delete(bucket_key(bucket.name().as_str()));
        batch.delete(sweep_key(state.id));
        // By now all are 0, if they were ever right; nobody counts meanwhile.
        for (counter, count) in store.backend.counters(&state.id.to_be_bytes()) {
            batch.add(counter, -count);
        }
        commit(bucket, batch)
    })();
    match outcome {
        Ok(()) => {
            store.forget_bucket(bucket.name());
            Ok(())
        }
        Err(error) => {
            *config = Some(live);
            Err(error)
        }
    }
}

fn no_such_bucket(bucket: &Bucket) -> Error {
    Error::NoSuchBucket { bucket: bucket.name().clone() }
}

fn commit(bucket: &Bucket, batch: Batch) -> Result<()> {
    let store = bucket.store();
    match store.backend.commit(batch) {
        Ok(ticket) => store.settle(ticket).map(drop),
        Err(CommitError::Conflict { .. }) => {
            Err(Error::OperationAborted { bucket: bucket.name().clone() })
        }
        Err(CommitError::Backend(source)) => Err(Error::backend("delete a bucket", source)),
    }
}

/// Aborts every upload in progress, each in one commit, so that a removal which fails half way
/// leaves uploads whole, and counted as they are.
fn abort_uploads(bucket: &Bucket, config: &crate::bucket_config::BucketConfig) -> Result<()> {
    let store = bucket.store();
    let (start, end) = ranges::uploads(bucket.state().id);
    loop {
        let rows = store.scan(KeyRange::between(&start, &end), Order::Forward, PAGE)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut tickets = Vec::new();
        for row in rows {
            let found = Found::decode(row.key, row.value)?;
            let parts = load_parts(bucket, found.seq)?;
            let mut edit = Edit::new(store, bucket.state(), config, "", None);
            take_out(&mut edit, bucket, &found, &parts);
            parts.iter().for_each(|part| edit.free_parts(std::slice::from_ref(&part.row.entry)));
            let aborted = || Error::OperationAborted { bucket: bucket.name().clone() };
            tickets.push(edit.commit()?.ok_or_else(aborted)?);
        }
        // One sync serves them all.
        for ticket in tickets {
            store.settle(ticket)?;
        }
    }
}

fn remove_rows(bucket: &Bucket, (start, end): &(Bytes, Bytes)) -> Result<()> {
    let store = bucket.store();
    let mut start = start.clone();
    loop {
        let rows = store.scan(KeyRange::between(&start, end), Order::Forward, PAGE)?;
        let Some(last) = rows.last() else { return Ok(()) };
        start = after(&last.key);
        let mut batch = Batch::new(store.settings.durability);
        rows.into_iter().for_each(|row| batch.delete(row.key));
        commit(bucket, batch)?;
    }
}
