//! What streams keep in a backend: the key space, and the stored shapes.
//!
//! | first byte | then | value |
//! |---|---|---|
//! | `20` | stream name | [`StreamRow`] |
//! | `21` | stream id (4), shard (4) | [`ShardRow`] |
//! | `22` | stream id (4), shard (4), index of its first record (8) | [`ChunkRow`] |
//! | `23` | stream id (4), SHA-256 of the token (32) | [`TokenRow`]: what a put with that token answered |
//! | `25` | stream id (4), consumer name | when a consumer was registered |
//! | `26` | stream id (4), length of a group's name (1), the name, shard (4) | [`crate::lease::Lease`] |
//! | `24` | `id` | the last stream id that was given out |
//!
//! Numbers in keys are big-endian, so that the chunks of a shard lie in the order of their records;
//! numbers in values are little-endian.

use crate::{
    chunk::ChunkHead,
    codec::{Decoder, put_bytes, put_optional_u64},
    error::{Error, Result},
    hash_key::{HashKey, HashRange},
    shard_id::ShardId,
};
use bytes::{BufMut, Bytes, BytesMut};
use cistern_storage_core::{Timestamp, port::BlobRef};

const STREAM: u8 = 0x20;
const SHARD: u8 = 0x21;
const CHUNK: u8 = 0x22;
const TOKEN: u8 = 0x23;
const STREAM_ID: u8 = 0x24;
const CONSUMER: u8 = 0x25;
const LEASE: u8 = 0x26;

/// The only format of every row so far.
const FORMAT: u8 = 1;

pub(crate) fn stream_key(name: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + name.len());
    key.put_u8(STREAM);
    key.put_slice(name.as_bytes());
    key.freeze()
}

/// The name in a stream's key.
pub(crate) fn stream_name_of(key: &[u8]) -> Option<&str> {
    let (&STREAM, name) = key.split_first()? else { return None };
    std::str::from_utf8(name).ok()
}

/// All streams: from, and up to but not including.
pub(crate) const STREAMS: (&[u8], &[u8]) = (&[STREAM], &[STREAM + 1]);

pub(crate) fn stream_id_key() -> Bytes {
    Bytes::from_static(&[STREAM_ID, b'i', b'd'])
}

fn prefixed(kind: u8, stream: u32, shard: Option<ShardId>) -> BytesMut {
    let mut key = BytesMut::with_capacity(17);
    key.put_u8(kind);
    key.put_u32(stream);
    if let Some(shard) = shard {
        key.put_u32(shard.number());
    }
    key
}

pub(crate) fn shard_key(stream: u32, shard: ShardId) -> Bytes {
    prefixed(SHARD, stream, Some(shard)).freeze()
}

pub(crate) fn chunk_key(stream: u32, shard: ShardId, first_index: u64) -> Bytes {
    let mut key = prefixed(CHUNK, stream, Some(shard));
    key.put_u64(first_index);
    key.freeze()
}

/// The index of a chunk's first record, from its key.
pub(crate) fn first_index_of(key: &[u8]) -> Option<u64> {
    let index = key.get(9..)?.try_into().ok()?;
    Some(u64::from_be_bytes(index))
}

/// The chunks of a shard whose first index is in `from..`: first key, and first key behind them.
pub(crate) fn chunks_of(stream: u32, shard: ShardId, from: u64) -> (Bytes, Bytes) {
    let mut end = prefixed(CHUNK, stream, Some(shard));
    end.put_u64(u64::MAX);
    end.put_u8(0);
    (chunk_key(stream, shard, from), end.freeze())
}

pub(crate) fn token_key(stream: u32, digest: &[u8; 32]) -> Bytes {
    let mut key = BytesMut::with_capacity(37);
    key.put_u8(TOKEN);
    key.put_u32(stream);
    key.put_slice(digest);
    key.freeze()
}

/// The rows that belong to a stream alone: shards, chunks, tokens, consumers, leases.
pub(crate) fn rows_of(stream: u32) -> [(Bytes, Bytes); 5] {
    [SHARD, CHUNK, TOKEN, CONSUMER, LEASE].map(|kind| {
        let end = match stream.checked_add(1) {
            Some(next) => prefixed(kind, next, None),
            None => BytesMut::from(&[kind + 1][..]),
        };
        (prefixed(kind, stream, None).freeze(), end.freeze())
    })
}

/// The shards of a stream.
pub(crate) fn shards_of(stream: u32) -> (Bytes, Bytes) {
    let [shards, ..] = rows_of(stream);
    shards
}

/// The tokens of a stream.
pub(crate) fn tokens_of(stream: u32) -> (Bytes, Bytes) {
    let [_, _, tokens, ..] = rows_of(stream);
    tokens
}

/// The registered consumers of a stream.
pub(crate) fn consumers_of(stream: u32) -> (Bytes, Bytes) {
    let [.., consumers, _] = rows_of(stream);
    consumers
}

pub(crate) fn consumer_key(stream: u32, name: &str) -> Bytes {
    let mut key = prefixed(CONSUMER, stream, None);
    key.put_slice(name.as_bytes());
    key.freeze()
}

/// What the keys of a group's leases begin with.
pub(crate) fn group_prefix(stream: u32, group: &str) -> BytesMut {
    let mut key = prefixed(LEASE, stream, None);
    key.put_u8(u8::try_from(group.len()).expect("names are at most 128 characters"));
    key.put_slice(group.as_bytes());
    key
}

/// The first key that does not begin with `prefix`, which ends with a name and so not with `ff`.
pub(crate) fn next_key(prefix: &[u8]) -> Bytes {
    let mut next = prefix.to_vec();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    next.into()
}

pub(crate) fn encode_consumer(created: Timestamp) -> Bytes {
    let mut row = BytesMut::with_capacity(9);
    row.put_u8(FORMAT);
    row.put_i64_le(created.as_millis());
    row.freeze()
}

/// A registered consumer's name, and when it was registered.
pub(crate) fn decode_consumer<'a>(key: &'a [u8], row: &Bytes) -> Result<(&'a str, Timestamp)> {
    let mut row = Decoder::new("a consumer's row", row);
    let name = key.get(5..).and_then(|name| std::str::from_utf8(name).ok());
    let name = name.ok_or_else(|| row.damage("its key has no name"))?;
    row.format(FORMAT)?;
    let created = Timestamp::from_millis(row.i64()?);
    row.finish()?;
    Ok((name, created))
}

/// One shard, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardRow {
    pub(crate) range: HashRange,
    pub(crate) parent: Option<ShardId>,
    pub(crate) adjacent_parent: Option<ShardId>,
    pub(crate) created: Timestamp,
    /// When it was closed, and the index behind its last record.
    pub(crate) closed: Option<(Timestamp, u64)>,
    /// The index of the first record that was not trimmed.
    pub(crate) trimmed: u64,
}

impl ShardRow {
    pub(crate) fn encode(&self) -> Bytes {
        let id = |shard: Option<ShardId>| shard.map(|shard| u64::from(shard.number()));
        let mut row = BytesMut::with_capacity(96);
        row.put_u8(FORMAT);
        row.put_u128_le(self.range.start.0);
        row.put_u128_le(self.range.end.0);
        put_optional_u64(&mut row, id(self.parent));
        put_optional_u64(&mut row, id(self.adjacent_parent));
        row.put_i64_le(self.created.as_millis());
        row.put_u8(u8::from(self.closed.is_some()));
        let (closed, end) = self.closed.unwrap_or_default();
        row.put_i64_le(closed.as_millis());
        row.put_u64_le(end);
        row.put_u64_le(self.trimmed);
        row.freeze()
    }

    pub(crate) fn decode(row: &Bytes) -> Result<Self> {
        let mut row = Decoder::new("a shard's row", row);
        row.format(FORMAT)?;
        let range = HashRange { start: HashKey(row.u128()?), end: HashKey(row.u128()?) };
        let (parent, adjacent_parent) = (decode_shard(&mut row)?, decode_shard(&mut row)?);
        let created = Timestamp::from_millis(row.i64()?);
        let is_closed = row.bool()?;
        let closed = (Timestamp::from_millis(row.i64()?), row.u64()?);
        let trimmed = row.u64()?;
        row.finish()?;
        let closed = match (is_closed, closed) {
            (true, closed) => Some(closed),
            (false, (at, 0)) if at == Timestamp::default() => None,
            (false, _) => return Err(Error::damaged("a shard's row", "it is open and has an end")),
        };
        Ok(Self { range, parent, adjacent_parent, created, closed, trimmed })
    }
}

fn decode_shard(row: &mut Decoder<'_>) -> Result<Option<ShardId>> {
    let Some(number) = row.optional_u64()? else { return Ok(None) };
    let shard = u32::try_from(number).ok().and_then(ShardId::new);
    shard.map(Some).ok_or_else(|| row.damage("a shard's number is too high"))
}

/// Where a chunk's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChunkPlace {
    Inline(Bytes),
    Blob(BlobRef, u64),
}

/// One chunk of records, as it is kept. Its first index stands in its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkRow {
    pub(crate) head: ChunkHead,
    /// What opens it, and the length of its plain bytes, when it is sealed.
    pub(crate) envelope: Option<(Bytes, u64)>,
    pub(crate) place: ChunkPlace,
}

const INLINE: u8 = 0;
const BLOB: u8 = 1;

impl ChunkRow {
    pub(crate) fn encode(&self) -> Bytes {
        let inline = if let ChunkPlace::Inline(body) = &self.place { body.len() } else { 0 };
        let mut row = BytesMut::with_capacity(64 + inline);
        row.put_u8(FORMAT);
        row.put_u32_le(self.head.count);
        row.put_i64_le(self.head.first_arrival.as_millis());
        row.put_i64_le(self.head.last_arrival.as_millis());
        row.put_u8(u8::from(self.envelope.is_some()));
        if let Some((envelope, plain_len)) = &self.envelope {
            put_bytes(&mut row, envelope);
            row.put_u64_le(*plain_len);
        }
        match &self.place {
            ChunkPlace::Inline(body) => {
                row.put_u8(INLINE);
                row.put_slice(body);
            }
            ChunkPlace::Blob(blob, len) => {
                row.put_u8(BLOB);
                put_bytes(&mut row, blob.as_bytes());
                row.put_u64_le(*len);
            }
        }
        row.freeze()
    }

    pub(crate) fn decode(key: &[u8], row: &Bytes) -> Result<Self> {
        let mut row = Decoder::new("a chunk's row", row);
        let first_index = first_index_of(key).ok_or_else(|| row.damage("its key has no index"))?;
        row.format(FORMAT)?;
        let head = ChunkHead {
            first_index,
            count: row.u32()?,
            first_arrival: Timestamp::from_millis(row.i64()?),
            last_arrival: Timestamp::from_millis(row.i64()?),
        };
        if first_index.checked_add(head.count.into()).is_none() {
            return Err(row.damage("its indexes overflow"));
        }
        let envelope = if row.bool()? { Some((row.bytes()?, row.u64()?)) } else { None };
        let place = match row.u8()? {
            INLINE => ChunkPlace::Inline(row.rest()),
            BLOB => {
                let blob = BlobRef::new(&row.bytes()?);
                let blob = blob.ok_or_else(|| row.damage("a blob's name is too long"))?;
                ChunkPlace::Blob(blob, row.u64()?)
            }
            _ => return Err(row.damage("its bytes are nowhere")),
        };
        row.finish()?;
        Ok(Self { head, envelope, place })
    }

    /// The blob that goes when the row goes.
    pub(crate) fn blob(&self) -> Option<BlobRef> {
        if let ChunkPlace::Blob(blob, _) = self.place { Some(blob) } else { None }
    }
}

/// What a put with an idempotency token answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRow {
    /// When its window began.
    pub(crate) put: Timestamp,
    /// One a record, in the caller's order.
    pub(crate) records: Vec<PlacedRow>,
}

/// The place of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlacedRow {
    pub(crate) shard: ShardId,
    pub(crate) index: u64,
    pub(crate) arrived: Timestamp,
}

/// Bytes of a place in a row.
const PLACED_BYTES: usize = 20;

impl TokenRow {
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = BytesMut::with_capacity(13 + PLACED_BYTES * self.records.len());
        row.put_u8(FORMAT);
        row.put_i64_le(self.put.as_millis());
        row.put_u32_le(u32::try_from(self.records.len()).expect("a put is bounded by its bytes"));
        for record in &self.records {
            row.put_u32_le(record.shard.number());
            row.put_u64_le(record.index);
            row.put_i64_le(record.arrived.as_millis());
        }
        row.freeze()
    }

    pub(crate) fn decode(row: &Bytes) -> Result<Self> {
        let mut row = Decoder::new("a token's row", row);
        row.format(FORMAT)?;
        let put = Timestamp::from_millis(row.i64()?);
        let count = row.count(PLACED_BYTES)?;
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            let shard = ShardId::new(row.u32()?);
            let shard = shard.ok_or_else(|| row.damage("a shard's number is too high"))?;
            let (index, arrived) = (row.u64()?, Timestamp::from_millis(row.i64()?));
            records.push(PlacedRow { shard, index, arrived });
        }
        row.finish()?;
        Ok(Self { put, records })
    }
}

pub(crate) fn encode_stream_id(id: u32) -> Bytes {
    Bytes::copy_from_slice(&id.to_le_bytes())
}

pub(crate) fn decode_stream_id(row: &Bytes) -> Result<u32> {
    let id = row[..].try_into().map(u32::from_le_bytes);
    id.map_err(|_| Error::damaged("the last stream id", "it is not 4 bytes"))
}

/// All chunks of all streams.
pub(crate) const ALL_CHUNKS: (&[u8], &[u8]) = (&[CHUNK], &[CHUNK + 1]);

/// The stream and the shard in the key of a chunk's row.
pub(crate) fn chunk_place(key: &[u8]) -> Option<(u32, ShardId)> {
    let number = |at: usize| Some(u32::from_be_bytes(key.get(at..at + 4)?.try_into().ok()?));
    Some((number(1)?, ShardId::new(number(5)?)?))
}

/// True for the key of a chunk's row.
pub(crate) fn is_chunk(key: &[u8]) -> bool {
    key.first() == Some(&CHUNK)
}

#[cfg(test)]
mod golden;
