//! Renewing envelopes: what lies under a retired key comes under the current one, and no body is
//! touched.

use super::upload::ordinal;
use crate::{
    binding::binding,
    bucket_name::BucketName,
    content::{Owner, no_sealer},
    edit::{Stored, key_and_seq, manifest_rows},
    error::{Error, Result},
    object_key::ObjectKey,
    port::{Batch, CommitError, Durability, KeyRange, Order, Sealer, Value},
    row::{BodyRow, Extent, ManifestRow, PartRow, UploadRow, ranges},
    row_key::RowKey,
    store::{StoreInner, after},
    version_id::VersionId,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// How often a row is looked at again before a step gives up.
const ATTEMPTS: usize = 100;
/// Rows of parts that are read at once.
const PAGE: usize = 1000;

/// What one step of renewing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenewStep {
    /// The row to go on from; `None` when none is left.
    pub next: Option<Bytes>,
    /// Rows that were looked at.
    pub seen: u64,
    /// Rows whose envelopes are new.
    pub renewed: u64,
}

/// Looks at `rows_max` rows of versions and uploads from the row `from` on.
pub(crate) fn renew(store: &StoreInner, from: &[u8], rows_max: usize) -> Result<RenewStep> {
    let pass = Pass { store, sealer: &**store.sealer.as_ref().ok_or_else(no_sealer)? };
    let buckets: BTreeMap<u32, BucketName> = store.bucket_ids();
    let mut step = RenewStep::default();
    let (start, end) = ranges::versions_and_uploads();
    let start = if from > &start[..] { Bytes::copy_from_slice(from) } else { start };
    if start >= end {
        return Ok(step);
    }
    let rows = store.scan(KeyRange::between(&start, &end), Order::Forward, rows_max.max(1))?;
    step.next = (rows.len() == rows_max.max(1)).then(|| after(&rows[rows.len() - 1].key));
    for row in rows {
        step.seen += 1;
        // The rows of a bucket that is being deleted go with it.
        let Some(bucket) = ranges::bucket_of(&row.key).and_then(|id| buckets.get_key_value(&id))
        else {
            continue;
        };
        step.renewed += pass.renew_row(bucket, &row.key, row.value)?;
    }
    if step.renewed > 0 {
        let flushed = store.backend.flush(Durability::Synced);
        flushed.map_err(|source| Error::backend("renew envelopes", source))?;
    }
    Ok(step)
}

struct Pass<'a> {
    store: &'a StoreInner,
    sealer: &'a dyn Sealer,
}

impl Pass<'_> {
    /// Renews a row; how many rows were written.
    fn renew_row(&self, bucket: (&u32, &BucketName), at: &Bytes, raw: Value) -> Result<u64> {
        let key = key_and_seq(at).and_then(|(key, _)| String::from_utf8(key.to_vec()).ok());
        let key = key.and_then(|key| ObjectKey::try_from(key).ok());
        let damaged = || Error::damaged("a row's key", "it does not decode");
        let key = key.ok_or_else(damaged)?;
        let owner = |version| Owner {
            bucket_id: *bucket.0,
            bucket: bucket.1.clone(),
            key: key.clone(),
            version,
        };
        if ranges::is_upload(at) {
            let (_, seq) = key_and_seq(at).ok_or_else(damaged)?;
            let seq = seq.ok_or_else(damaged)?;
            let upload = UploadRow::decode(&raw.to_bytes())
                .map_err(|damage| Error::damaged("an upload's row", damage.0))?;
            let owner = owner(VersionId::Stamped { seq, tag: upload.tag });
            return self.renew_parts(&owner, seq);
        }
        self.until_undisturbed(at, raw, |raw| {
            let stored = Stored::decode(RowKey::from(&at[..]), raw)?;
            let owner = owner(stored.row.version);
            self.renew_version(&owner, at, &stored)
        })
    }

    /// The batch that renews a version, if it needs one.
    fn renew_version(&self, owner: &Owner, at: &Bytes, stored: &Stored) -> Result<Option<Batch>> {
        let mut row = stored.row.clone();
        let mut batch = Batch::new(Durability::Memory);
        batch.unchanged(at.clone(), Some(stored.raw.clone()));
        match &mut row.body {
            BodyRow::Inline(_) => {
                let Some(rare) = &mut row.rare else { return Ok(None) };
                let Some(envelope) = &mut rare.envelope else { return Ok(None) };
                if !self.renew_envelope(owner, envelope, 0, row.size)? {
                    return Ok(None);
                }
                batch.put(at.clone(), row.encode());
            }
            BodyRow::Extents(extents) => {
                if !self.renew_extents(owner, extents, &mut (0..))? {
                    return Ok(None);
                }
                batch.put(at.clone(), row.encode());
            }
            BodyRow::Manifest { id, .. } => {
                // A manifest changes only in the commit that changes its version's row.
                let mut places = 0..;
                for (at, manifest) in manifest_rows(self.store, *id)? {
                    let mut parts = manifest.parts;
                    let mut changed = false;
                    for part in &mut parts {
                        changed |= self.renew_extents(owner, &mut part.extents, &mut places)?;
                    }
                    if changed {
                        batch.put(at, ManifestRow::encode(&parts));
                    }
                }
                if batch.ops.is_empty() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(batch))
    }

    /// Renews the parts of an upload in progress.
    fn renew_parts(&self, owner: &Owner, upload: u64) -> Result<u64> {
        let (mut start, end) = ranges::parts(owner.bucket_id, upload);
        let mut renewed = 0;
        loop {
            let range = KeyRange::between(&start, &end);
            let rows = self.store.scan(range, Order::Forward, PAGE)?;
            let Some(last) = rows.last() else { return Ok(renewed) };
            start = after(&last.key);
            for row in rows {
                renewed += self.until_undisturbed(&row.key, row.value, |raw| {
                    self.renew_part(owner, &row.key, &raw)
                })?;
            }
        }
    }

    fn renew_part(&self, owner: &Owner, at: &Bytes, raw: &Value) -> Result<Option<Batch>> {
        let mut row = PartRow::decode(&raw.to_bytes())
            .map_err(|damage| Error::damaged("a part's row", damage.0))?;
        let number = row.entry.number;
        let mut places = (0..).map(|nth| ordinal(number, nth));
        if !self.renew_extents(owner, &mut row.entry.extents, &mut places)? {
            return Ok(None);
        }
        let mut batch = Batch::new(Durability::Memory);
        batch.unchanged(at.clone(), Some(raw.clone()));
        batch.put(at.clone(), row.encode());
        Ok(Some(batch))
    }

    /// True when one of them is new. Every extent takes a place.
    fn renew_extents(
        &self,
        owner: &Owner,
        extents: &mut [Extent],
        places: &mut dyn Iterator<Item = u32>,
    ) -> Result<bool> {
        let mut changed = false;
        for (extent, place) in extents.iter_mut().zip(places) {
            let Some(envelope) = &mut extent.envelope else { continue };
            changed |= self.renew_envelope(owner, envelope, place, extent.blob_len)?;
        }
        Ok(changed)
    }

    fn renew_envelope(
        &self,
        owner: &Owner,
        envelope: &mut Bytes,
        place: u32,
        plain_len: u64,
    ) -> Result<bool> {
        let binding = binding(owner, place, plain_len);
        let Some(new) = self.sealer.renew(&owner.context(), envelope, &binding)? else {
            return Ok(false);
        };
        *envelope = new;
        Ok(true)
    }

    /// Commits what `make` gives for the row's value, and looks again when it is another meanwhile.
    fn until_undisturbed(
        &self,
        at: &Bytes,
        mut raw: Value,
        make: impl Fn(Value) -> Result<Option<Batch>>,
    ) -> Result<u64> {
        for _ in 0..ATTEMPTS {
            let outcome = make(raw.clone());
            let batch = match outcome {
                Ok(Some(batch)) => Some(batch),
                Ok(None) => return Ok(0),
                Err(error) => match self.store.row(at)? {
                    Some(now) if now == raw => return Err(error),
                    _ => None,
                },
            };
            match batch.map(|batch| self.store.backend.commit(batch)) {
                Some(Ok(_)) => return Ok(1),
                Some(Err(CommitError::Backend(source))) => {
                    return Err(Error::backend("renew envelopes", source));
                }
                Some(Err(CommitError::Conflict { .. })) | None => {}
            }
            match self.store.row(at)? {
                Some(now) => raw = now,
                // Deleted, or moved; what has moved is met where it went, or in the next pass.
                None => return Ok(0),
            }
        }
        let detail = "it changed every time it was looked at";
        Err(Error::invalid_request(format!("a row could not be renewed: {detail}")))
    }
}
