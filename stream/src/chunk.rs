//! `Chunk`: records of one shard that were committed together.
//!
//! ```text
//! a record:  data length (4) | key length (2) | ms since the chunk's first arrival (4) | key | data
//! a chunk:   its records, one behind the other; how many, and since when, stands in its row
//! ```
//!
//! A reader's records are slices of the chunk: nothing is copied.

use crate::{
    error::{Error, Result},
    record::{Entry, PartitionKey, Record},
    sequence_number::SequenceNumber,
    shard_id::ShardId,
};
use bytes::{BufMut, Bytes, BytesMut};
use cistern_storage_core::Timestamp;
use std::time::Duration;

/// What stands before each record.
const HEAD_BYTES: usize = 10;

/// Records in the making: what was put and is not committed yet.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    first_index: u64,
    first_arrival: Timestamp,
    last_arrival: Timestamp,
    body: BytesMut,
    offsets: Vec<u32>,
}

impl ChunkWriter {
    pub(crate) fn new(first_index: u64, now: Timestamp, bytes: usize) -> Self {
        Self {
            first_index,
            first_arrival: now,
            last_arrival: now,
            body: BytesMut::with_capacity(bytes),
            offsets: Vec::new(),
        }
    }

    /// How many bytes an entry takes in a chunk.
    pub(crate) fn bytes_of(entry: &Entry) -> usize {
        HEAD_BYTES + entry.partition_key.len() + entry.data.len()
    }

    /// Takes a record that arrived at `now`; false when it does not fit: the chunk spans as many
    /// milliseconds or bytes as it can say.
    pub(crate) fn push(&mut self, entry: &Entry, now: Timestamp) -> bool {
        let Ok(since) = u32::try_from(now.millis_since(self.first_arrival)) else { return false };
        let Ok(offset) = u32::try_from(self.body.len()) else { return false };
        let data_len = u32::try_from(entry.data.len()).expect("records are at most 10 MiB");
        let key_len = u16::try_from(entry.partition_key.len()).expect("keys are at most 1 KiB");
        self.offsets.push(offset);
        self.body.put_u32_le(data_len);
        self.body.put_u16_le(key_len);
        self.body.put_u32_le(since);
        self.body.put_slice(entry.partition_key.as_bytes());
        self.body.put_slice(&entry.data);
        self.last_arrival = now;
        true
    }

    pub(crate) fn bytes(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn finish(self) -> Chunk {
        Chunk {
            head: ChunkHead {
                first_index: self.first_index,
                count: u32::try_from(self.offsets.len()).expect("a chunk's bytes fit 32 bits"),
                first_arrival: self.first_arrival,
                last_arrival: self.last_arrival,
            },
            body: self.body.freeze(),
            offsets: self.offsets,
            encrypted: false,
        }
    }
}

/// What is known of a chunk without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkHead {
    pub(crate) first_index: u64,
    pub(crate) count: u32,
    pub(crate) first_arrival: Timestamp,
    pub(crate) last_arrival: Timestamp,
}

impl ChunkHead {
    /// The index behind its last record.
    pub(crate) fn end(&self) -> u64 {
        self.first_index + u64::from(self.count)
    }
}

/// Records of one shard, with consecutive indexes.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) head: ChunkHead,
    pub(crate) body: Bytes,
    /// Where each record begins.
    offsets: Vec<u32>,
    pub(crate) encrypted: bool,
}

impl Chunk {
    /// Checks a body that was stored, record by record.
    pub(crate) fn decode(head: ChunkHead, body: Bytes, encrypted: bool) -> Result<Self> {
        let damaged = |detail| Error::damaged("a chunk of records", detail);
        // Bounded by the bytes that are there, whatever the row says.
        let mut offsets = Vec::with_capacity((head.count as usize).min(body.len() / HEAD_BYTES));
        let mut at = 0;
        for _ in 0..head.count {
            offsets
                .push(u32::try_from(at).map_err(|_| damaged("it is longer than a chunk can be"))?);
            let parts = Parts::at(&body, at).ok_or_else(|| damaged("a record ends too late"))?;
            at = parts.end;
        }
        if at != body.len() {
            return Err(damaged("bytes are left over"));
        }
        Ok(Self { head, body, offsets, encrypted })
    }

    /// The records from `index` on, each with its index.
    pub(crate) fn records_from(
        &self,
        shard_created: u64,
        shard: ShardId,
        index: u64,
    ) -> impl Iterator<Item = Result<(u64, Record)>> {
        let skipped = usize::try_from(index.saturating_sub(self.head.first_index));
        let skipped = skipped.unwrap_or(usize::MAX).min(self.offsets.len());
        let first = self.head.first_index + skipped as u64;
        (first..).zip(&self.offsets[skipped..]).map(move |(index, &offset)| {
            let record = self.record(shard_created, shard, index, offset as usize)?;
            Ok((index, record))
        })
    }

    fn record(
        &self,
        shard_created: u64,
        shard: ShardId,
        index: u64,
        offset: usize,
    ) -> Result<Record> {
        let damaged = || Error::damaged("a chunk of records", "a record does not decode");
        let parts = Parts::at(&self.body, offset).ok_or_else(damaged)?;
        let arrived = self.head.first_arrival.plus(Duration::from_millis(parts.since.into()));
        let key = self.body.slice(parts.key..parts.data);
        Ok(Record {
            sequence_number: SequenceNumber::new(shard_created, shard, index, seconds(arrived)),
            arrived,
            partition_key: PartitionKey::new(key).ok_or_else(damaged)?,
            data: self.body.slice(parts.data..parts.end),
            encrypted: self.encrypted,
        })
    }

    /// The index of the first record that arrived at `time` or later; the end when there is none.
    pub(crate) fn index_at(&self, time: Timestamp) -> u64 {
        let arrived = |offset: u32| {
            let since = Parts::at(&self.body, offset as usize).map_or(0, |parts| parts.since);
            self.head.first_arrival.plus(Duration::from_millis(since.into()))
        };
        let before = self.offsets.partition_point(|&offset| arrived(offset) < time);
        self.head.first_index + before as u64
    }
}

/// Where the parts of a record lie.
struct Parts {
    since: u32,
    key: usize,
    data: usize,
    end: usize,
}

impl Parts {
    fn at(body: &[u8], at: usize) -> Option<Self> {
        let head = body.get(at..at.checked_add(HEAD_BYTES)?)?;
        let word = |range: std::ops::Range<usize>| {
            Some(u32::from_le_bytes(head.get(range)?.try_into().ok()?))
        };
        let key_len = u16::from_le_bytes(head.get(4..6)?.try_into().ok()?);
        let key = at + HEAD_BYTES;
        let data = key + usize::from(key_len);
        let end = data.checked_add(word(0..4)? as usize)?;
        (end <= body.len()).then_some(Self { since: word(6..10)?, key, data, end })
    }
}

/// Whole seconds since 1970, as sequence numbers carry them.
pub(crate) fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_millis() / 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(datas: &[&str]) -> Chunk {
        let start = Timestamp::from_millis(1_700_000_000_000);
        let mut writer = ChunkWriter::new(5, start, 0);
        for (millis, data) in (0..).zip(datas) {
            let entry = Entry::new(format!("key-{data}"), data.to_string()).unwrap();
            assert!(writer.push(&entry, start.plus(Duration::from_millis(millis * 10))));
        }
        writer.finish()
    }

    fn datas(chunk: &Chunk, from: u64) -> Vec<(u64, Bytes)> {
        let records = chunk.records_from(1, ShardId::new(0).unwrap(), from);
        records.map(|record| record.map(|(index, record)| (index, record.data)).unwrap()).collect()
    }

    #[test]
    fn records_come_out_as_they_went_in() {
        let chunk = chunk(&["a", "", "ccc"]);
        let again = Chunk::decode(chunk.head, chunk.body.clone(), false).unwrap();
        assert_eq!(
            datas(&again, 0),
            [(5, Bytes::from("a")), (6, Bytes::new()), (7, Bytes::from("ccc"))]
        );
        assert_eq!(datas(&again, 7), [(7, Bytes::from("ccc"))]);
        assert_eq!(datas(&again, 8), []);
        let key = again.records_from(1, ShardId::new(0).unwrap(), 7).next().unwrap().unwrap().1;
        assert_eq!(key.partition_key, "key-ccc");
        assert_eq!(key.arrived.as_millis(), 1_700_000_000_020);
    }

    #[test]
    fn a_time_is_found_among_the_arrivals() {
        let chunk = chunk(&["a", "b", "c"]);
        let at = |millis: i64| chunk.index_at(Timestamp::from_millis(1_700_000_000_000 + millis));
        assert_eq!([at(-1), at(0), at(1), at(10), at(20), at(21)], [5, 5, 6, 6, 7, 8]);
    }

    #[test]
    fn a_cut_or_spoilt_chunk_is_damage() {
        let whole = chunk(&["a", "bb"]);
        for len in 0..whole.body.len() {
            let cut = whole.body.slice(..len);
            let error = Chunk::decode(whole.head, cut, false).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{len}");
        }
        let more = ChunkHead { count: u32::MAX, ..whole.head };
        assert!(Chunk::decode(more, whole.body.clone(), false).is_err());
        let fewer = ChunkHead { count: 1, ..whole.head };
        assert!(Chunk::decode(fewer, whole.body.clone(), false).is_err());
    }
}
