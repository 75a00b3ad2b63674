//! Renewing envelopes: chunks under a retired key come under the current one, and no record is touched.

use crate::{
    error::{Error, Result},
    row::{ALL_CHUNKS, ChunkRow, chunk_place},
    sealing,
    streams::{Hub, Streams},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use cistern_storage_core::{
    Durability, RenewStep,
    port::{Batch, CommitError, KeyRange, Order},
};

impl Streams {
    /// Brings the envelopes of sealed records under the sealer's newest key: looks at `rows_max`
    /// rows of chunks from the row `from` on, in the order of rows. No record is touched. A pass
    /// begins from the empty row and goes on from [`RenewStep::next`].
    ///
    /// Records that were put in memory alone and are not written yet are not looked at: flush first.
    ///
    /// # Errors
    /// [`Error::Sealing`] without a sealer, or when an envelope does not open.
    pub fn renew_envelopes(&self, from: &[u8], rows_max: usize) -> Result<RenewStep> {
        renew(self.hub(), from, rows_max.max(1))
    }
}

fn renew(hub: &Hub, from: &[u8], rows_max: usize) -> Result<RenewStep> {
    let mut step = RenewStep::default();
    let (start, end) = ALL_CHUNKS;
    let start = if from > start { from } else { start };
    if start >= end {
        return Ok(step);
    }
    let rows = hub.scan(KeyRange::between(start, end), Order::Forward, rows_max)?;
    if rows.len() == rows_max {
        step.next = rows.last().map(|(key, _)| after(key));
    }
    for (key, raw) in rows {
        step.seen += 1;
        step.renewed += u64::from(renew_chunk(hub, &key, raw)?);
    }
    if step.renewed > 0 {
        let flushed = hub.backend.flush(Durability::Synced);
        flushed.map_err(Error::backend("renew envelopes"))?;
    }
    Ok(step)
}

/// True when the chunk's envelope is new. A chunk's row never changes otherwise: it is trimmed, or
/// another step renewed it, and both leave nothing to do.
fn renew_chunk(hub: &Hub, key: &Bytes, raw: Bytes) -> Result<bool> {
    let mut row = ChunkRow::decode(key, &raw)?;
    let Some((envelope, plain_len)) = &mut row.envelope else { return Ok(false) };
    let place = chunk_place(key);
    let (stream, shard) = place.ok_or_else(|| Error::damaged("a chunk's row", "its key is cut"))?;
    let new = sealing::renew(hub, stream, shard, row.head, envelope, *plain_len)?;
    let Some(new) = new else { return Ok(false) };
    *envelope = new;
    let mut batch = Batch::new(Durability::Memory);
    batch.unchanged(key.clone(), Some(raw.into()));
    batch.put(key.clone(), row.encode());
    match hub.backend.commit(batch) {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(other) => Err(Error::commit("renew envelopes")(other)),
    }
}

/// The first key behind `key`.
fn after(key: &[u8]) -> Bytes {
    let mut next = BytesMut::with_capacity(key.len() + 1);
    next.put_slice(key);
    next.put_u8(0);
    next.freeze()
}
