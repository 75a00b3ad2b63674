//! `StartAt` and `ShardIterator`: where reading begins, and where it goes on.

use crate::{
    error::{Error, Result},
    limits,
    sequence_number::SequenceNumber,
    shard_id::ShardId,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cistern_storage_core::Timestamp;
use md5::{Digest as _, Md5};
use std::{fmt, str::FromStr};

/// Where reading begins.
///
/// Law: Kinesis, ShardIteratorType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartAt {
    /// With the oldest record that is kept.
    TrimHorizon,
    /// With the next record that is put.
    Latest,
    /// With the record of that number.
    AtSequenceNumber(SequenceNumber),
    /// With the record behind the one of that number.
    AfterSequenceNumber(SequenceNumber),
    /// With the first record that arrived at that time or later.
    AtTimestamp(Timestamp),
}

/// A place in a shard, good for 300 seconds. A value, not a cursor: reading from it twice reads the
/// same twice.
///
/// Its text is opaque, and checked when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardIterator {
    /// The stream, by its id and creation: another stream of the same name has others.
    pub(crate) stream: u32,
    pub(crate) stream_created: Timestamp,
    pub(crate) shard: ShardId,
    /// The index of the next record.
    pub(crate) index: u64,
    pub(crate) issued: Timestamp,
}

/// What every token begins with.
const MAGIC: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];
const BODY_BYTES: usize = 32;
const SUM_BYTES: usize = 16;

impl ShardIterator {
    /// The shard that it reads.
    #[must_use]
    pub fn shard_id(&self) -> ShardId {
        self.shard
    }

    /// Law: Kinesis, GetShardIterator: 300 seconds.
    pub(crate) fn check_age(&self, now: Timestamp) -> Result<()> {
        if now.millis_since(self.issued) > limits::ITERATOR_MILLIS_MAX {
            return Err(Error::ExpiredIterator { created: self.issued, now });
        }
        Ok(())
    }

    fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[..4].copy_from_slice(&self.stream.to_le_bytes());
        body[4..12].copy_from_slice(&self.stream_created.as_millis().to_le_bytes());
        body[12..16].copy_from_slice(&self.shard.number().to_le_bytes());
        body[16..24].copy_from_slice(&self.index.to_le_bytes());
        body[24..].copy_from_slice(&self.issued.as_millis().to_le_bytes());
        body
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_prefix(&MAGIC)?;
        let (body, sum) = body.split_at_checked(BODY_BYTES)?;
        if sum != Md5::digest(body).as_slice() {
            return None;
        }
        let word = |at: usize| body.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let long = |at: usize| body.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let time = |at: usize| Some(Timestamp::from_millis(long(at)?.cast_signed()));
        Some(Self {
            stream: word(0)?,
            stream_created: time(4)?,
            shard: ShardId::new(word(12)?)?,
            index: long(16)?,
            issued: time(24)?,
        })
    }
}

impl fmt::Display for ShardIterator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        let mut bytes = Vec::with_capacity(MAGIC.len() + BODY_BYTES + SUM_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&Md5::digest(body));
        f.pad(&STANDARD.encode(bytes))
    }
}

impl FromStr for ShardIterator {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = STANDARD.decode(text).ok();
        let iterator = bytes.and_then(|bytes| Self::parse(&bytes));
        iterator.ok_or_else(|| Error::invalid_argument("Invalid ShardIterator."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iterator() -> ShardIterator {
        ShardIterator {
            stream: 3,
            stream_created: Timestamp::from_millis(1_700_000_000_000),
            shard: ShardId::new(7).unwrap(),
            index: 99,
            issued: Timestamp::from_millis(1_700_000_000_500),
        }
    }

    /// Law-test: Kinesis, ShardIteratorType. Worked example 26.
    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let text = iterator().to_string();
        assert_eq!(text.parse::<ShardIterator>().unwrap(), iterator());
        assert!(text.len() <= 512);
        for text in ["", "abc", "AAAA", &text[1..], &text.replace('A', "B")] {
            let error = text.parse::<ShardIterator>().unwrap_err();
            assert_eq!(error.to_string(), "Invalid ShardIterator.", "{text}");
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = STANDARD.decode(iterator().to_string()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut spoilt = bytes.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            assert!(STANDARD.encode(spoilt).parse::<ShardIterator>().is_err(), "bit {bit}");
        }
    }

    /// Law-test: Kinesis, GetShardIterator: 300 seconds. Worked example 23.
    #[test]
    fn an_iterator_is_good_for_300_seconds() {
        let age =
            |millis: i64| iterator().check_age(Timestamp::from_millis(1_700_000_000_500 + millis));
        assert!(age(300_000).is_ok());
        assert_eq!(age(300_001).unwrap_err().code(), "ExpiredIteratorException");
    }
}
