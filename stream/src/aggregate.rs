//! Aggregation: many records in the data of one, as the Kinesis Producer Library writes them.
//!
//! ```text
//! F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf (16)
//!
//! AggregatedRecord { 1: partition keys, 2: explicit hash keys, 3: records }
//! Record           { 1: index of its partition key, 2: of its explicit hash key, 3: data, 4: tags }
//! ```
//!
//! The format is the library's own, as its documentation of the aggregation format gives it.

use crate::{
    error::{Error, Result},
    hash_key::{HashKey, HashRange},
    record::{Entry, Record},
};
use bytes::{BufMut, Bytes, BytesMut};
use md5::{Digest as _, Md5};
use std::collections::HashMap;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const SUM_BYTES: usize = 16;

/// Records on their way into one.
///
/// Law: KPL, aggregation format.
#[derive(Debug, Default)]
pub struct Aggregator {
    partition_keys: Table,
    hash_keys: Table,
    records: BytesMut,
    count: usize,
}

/// Strings that stand in the record once.
#[derive(Debug, Default)]
struct Table {
    places: HashMap<Box<str>, u64>,
    encoded: BytesMut,
}

impl Table {
    /// The place of `text`, which is put there under `field` when it is new.
    fn place(&mut self, field: u8, text: &str) -> u64 {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.places.len() as u64;
        put_bytes(&mut self.encoded, field, text.as_bytes());
        self.places.insert(text.into(), place);
        place
    }
}

impl Aggregator {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a record; its partition key and explicit hash key are kept.
    pub fn push(&mut self, entry: &Entry) {
        let key = self.partition_keys.place(1, entry.partition_key());
        let mut record = BytesMut::with_capacity(entry.data().len() + 16);
        put_number(&mut record, 1, key);
        if let Some(hash) = entry.explicit_hash_key {
            let hash = self.hash_keys.place(2, &hash.to_string());
            put_number(&mut record, 2, hash);
        }
        put_bytes(&mut record, 3, entry.data());
        put_bytes(&mut self.records, 3, &record);
        self.count += 1;
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes the data of the one record will have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let tables = self.partition_keys.encoded.len() + self.hash_keys.encoded.len();
        MAGIC.len() + tables + self.records.len() + SUM_BYTES
    }

    /// The data of the one record.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let mut data = BytesMut::with_capacity(self.bytes());
        data.put_slice(&MAGIC);
        data.put_slice(&self.partition_keys.encoded);
        data.put_slice(&self.hash_keys.encoded);
        data.put_slice(&self.records);
        let sum = Md5::digest(&data[MAGIC.len()..]);
        data.put_slice(&sum);
        data.freeze()
    }
}

/// A record out of another one, or a plain one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserRecord {
    /// Its place in the one that carried it; 0 for a plain one. With the sequence number it orders.
    pub sub_sequence_number: u64,
    /// Its partition key.
    pub partition_key: Box<str>,
    /// The hash key that it was given, when it was.
    pub explicit_hash_key: Option<HashKey>,
    /// What it says.
    pub data: Bytes,
    /// True when it came out of another one.
    pub aggregated: bool,
}

impl UserRecord {
    /// Where it belongs.
    #[must_use]
    pub fn hash_key(&self) -> HashKey {
        self.explicit_hash_key.unwrap_or_else(|| HashKey::of_partition_key(&self.partition_key))
    }
}

/// The records in `record`: those that it carries, or itself when it is a plain one. What does not
/// decode as a whole is a plain one.
///
/// Law: KPL, aggregation format. Law: KCL, deaggregation.
#[must_use]
pub fn deaggregate(record: &Record) -> Vec<UserRecord> {
    let plain = || UserRecord {
        sub_sequence_number: 0,
        partition_key: record.partition_key.as_str().into(),
        explicit_hash_key: None,
        data: record.data.clone(),
        aggregated: false,
    };
    parse(&record.data).unwrap_or_else(|| vec![plain()])
}

/// The records in `record` that belong to a shard of that `range`.
///
/// A producer with an old map of the shards may have put in what belongs elsewhere. The consumer
/// library drops the whole record then, silently; here what belongs to the shard is given, and what
/// does not is an error.
///
/// # Errors
/// [`Misplaced`] with what is to be done: nothing is lost.
///
/// Law: KCL, deaggregation: records outside of the shard.
pub fn deaggregate_within(
    record: &Record,
    range: &HashRange,
) -> Result<Vec<UserRecord>, Misplaced> {
    let records = deaggregate(record);
    let is_stray = |record: &UserRecord| record.aggregated && !range.contains(record.hash_key());
    let (misplaced, records): (Vec<_>, Vec<_>) = records.into_iter().partition(is_stray);
    if misplaced.is_empty() { Ok(records) } else { Err(Misplaced { records, misplaced }) }
}

/// Records of several shards came in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} of the aggregated records belong to other shards: their producer knew older ones",
    misplaced.len()
)]
pub struct Misplaced {
    /// Those that belong to the shard.
    pub records: Vec<UserRecord>,
    /// Those that do not.
    pub misplaced: Vec<UserRecord>,
}

fn parse(data: &Bytes) -> Option<Vec<UserRecord>> {
    let message = data.strip_prefix(&MAGIC)?;
    let end = message.len().checked_sub(SUM_BYTES).filter(|&end| end > 0)?;
    if Md5::digest(&message[..end]).as_slice() != &message[end..] {
        return None;
    }
    let message = data.slice(MAGIC.len()..MAGIC.len() + end);
    let (mut partition_keys, mut hash_keys, mut records) = (Vec::new(), Vec::new(), Vec::new());
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(key)) => partition_keys.push(text(&key)?),
            (2, Value::Bytes(key)) => hash_keys.push(text(&key)?),
            (3, Value::Bytes(record)) => records.push(record),
            (1..=3, _) => return None,
            _ => {}
        }
    }
    let record = |(place, record): (u64, Bytes)| {
        let (mut key, mut hash, mut data) = (None, None, None);
        let mut fields = Fields(record);
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Number(place)) => key = Some(place),
                (2, Value::Number(place)) => hash = Some(place),
                (3, Value::Bytes(bytes)) => data = Some(bytes),
                (1..=3, _) => return None,
                _ => {}
            }
        }
        let hash: Option<&Box<str>> = match hash {
            Some(place) => Some(hash_keys.get(usize::try_from(place).ok()?)?),
            None => None,
        };
        Some(UserRecord {
            sub_sequence_number: place,
            partition_key: partition_keys.get(usize::try_from(key?).ok()?)?.clone(),
            explicit_hash_key: match hash {
                Some(hash) => Some(HashKey::parse(hash).ok()?),
                None => None,
            },
            data: data?,
            aggregated: true,
        })
    };
    (0..).zip(records).map(record).collect()
}

fn text(bytes: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}

// Protocol buffers, as far as the two messages need them: varints and byte strings.

fn put_varint(out: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        out.put_u8(0x80 | u8::try_from(number & 0x7f).expect("seven bits"));
        number >>= 7;
    }
    out.put_u8(u8::try_from(number).expect("below 0x80"));
}

fn put_number(out: &mut BytesMut, field: u8, number: u64) {
    out.put_u8(field << 3);
    put_varint(out, number);
}

fn put_bytes(out: &mut BytesMut, field: u8, bytes: &[u8]) {
    out.put_u8((field << 3) | 2);
    put_varint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

enum Value {
    Number(u64),
    Bytes(Bytes),
    Other,
}

/// The fields of a message that are left to read.
struct Fields(Bytes);

impl Fields {
    /// The next field and its number; `None` within when there are no more, outside when it is
    /// malformed.
    #[expect(clippy::option_option, reason = "the end is one thing and malformed another")]
    fn next(&mut self) -> Option<Option<(u64, Value)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.skip(8)?,
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some(Some((tag >> 3, value)))
    }

    fn take(&mut self, len: usize) -> Option<Bytes> {
        (len <= self.0.len()).then(|| self.0.split_to(len))
    }

    fn skip(&mut self, len: usize) -> Option<Value> {
        self.take(len).map(|_| Value::Other)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl From<Misplaced> for Error {
    fn from(misplaced: Misplaced) -> Self {
        Self::invalid_argument(misplaced.to_string())
    }
}

#[cfg(test)]
mod tests;
