//! `Lease`: who reads a shard for a group, and how far that has come. As it is kept.

use crate::{
    codec::{Decoder, put_bytes},
    error::Result,
    row::{group_prefix, next_key},
    shard_id::ShardId,
};
use bytes::{BufMut, Bytes, BytesMut};

const FORMAT: u8 = 1;

/// How far a shard was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Up to this index: the next record to process.
    At(u64),
    /// To its end.
    End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) owner: Option<Box<str>>,
    /// Grows with every renewal.
    pub(crate) counter: u64,
    pub(crate) place: Place,
}

impl Lease {
    pub(crate) fn free(place: Place) -> Self {
        Self { owner: None, counter: 0, place }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut row = BytesMut::with_capacity(64);
        row.put_u8(FORMAT);
        row.put_u8(u8::from(self.owner.is_some()));
        put_bytes(&mut row, self.owner.as_deref().unwrap_or_default().as_bytes());
        row.put_u64_le(self.counter);
        let (end, index) = match self.place {
            Place::At(index) => (0, index),
            Place::End => (1, 0),
        };
        row.put_u8(end);
        row.put_u64_le(index);
        row.freeze()
    }

    pub(crate) fn decode(key: &[u8], row: &Bytes) -> Result<(ShardId, Self)> {
        let mut row = Decoder::new("a lease's row", row);
        let shard = key.last_chunk().copied().map(u32::from_be_bytes).and_then(ShardId::new);
        let shard = shard.ok_or_else(|| row.damage("its key has no shard"))?;
        row.format(FORMAT)?;
        let lease = Self {
            owner: row.optional_str()?.map(Into::into),
            counter: row.u64()?,
            place: match (row.bool()?, row.u64()?) {
                (false, index) => Place::At(index),
                (true, 0) => Place::End,
                (true, _) => return Err(row.damage("it is at its end and has a place")),
            },
        };
        row.finish()?;
        Ok((shard, lease))
    }
}

pub(crate) fn lease_key(stream: u32, group: &str, shard: ShardId) -> Bytes {
    let mut key = group_prefix(stream, group);
    key.put_u32(shard.number());
    key.freeze()
}

/// The leases of a group: first key, and first key behind them.
pub(crate) fn leases_of(stream: u32, group: &str) -> (Bytes, Bytes) {
    let prefix = group_prefix(stream, group).freeze();
    let end = next_key(&prefix);
    (prefix, end)
}
