//! What is kept of a stream itself, and its codec.

use crate::{
    codec::{Decoder, put_bytes, put_optional_u64},
    error::{Error, Result},
    stream::{StreamMode, StreamStatus},
};
use bytes::{BufMut, Bytes, BytesMut};
use cistern_storage_core::{BucketTags, Durability, Timestamp};

/// The only format so far.
const FORMAT: u8 = 1;

/// A stream, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamRow {
    pub(crate) id: u32,
    pub(crate) created: Timestamp,
    pub(crate) mode: StreamMode,
    pub(crate) retention_millis: u64,
    pub(crate) record_kib_max: u32,
    pub(crate) tags: BucketTags,
    pub(crate) durability: Option<Durability>,
    /// The key that new records are sealed under.
    pub(crate) encryption_key: Option<Box<str>>,
    pub(crate) policy: Option<Box<str>>,
    /// The number of the next shard.
    pub(crate) next_shard: u32,
    /// When the shard count was updated, and the mode switched: the last 24 hours count.
    pub(crate) count_updates: Vec<Timestamp>,
    pub(crate) mode_switches: Vec<Timestamp>,
    /// A state that passes at that time.
    pub(crate) passing: Option<(StreamStatus, Timestamp)>,
}

impl StreamRow {
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = BytesMut::with_capacity(128);
        row.put_u8(FORMAT);
        row.put_u32_le(self.id);
        row.put_i64_le(self.created.as_millis());
        row.put_u8(match self.mode {
            StreamMode::Provisioned => 0,
            StreamMode::OnDemand => 1,
        });
        row.put_u64_le(self.retention_millis);
        row.put_u32_le(self.record_kib_max);
        put_count(&mut row, self.tags.len());
        for (key, value) in self.tags.iter() {
            put_bytes(&mut row, key.as_bytes());
            put_bytes(&mut row, value.as_bytes());
        }
        row.put_u8(match self.durability {
            None => 0,
            Some(Durability::Memory) => 1,
            Some(Durability::Os) => 2,
            Some(Durability::Synced) => 3,
        });
        for text in [&self.encryption_key, &self.policy] {
            row.put_u8(u8::from(text.is_some()));
            put_bytes(&mut row, text.as_deref().unwrap_or_default().as_bytes());
        }
        row.put_u32_le(self.next_shard);
        for times in [&self.count_updates, &self.mode_switches] {
            put_count(&mut row, times.len());
            times.iter().for_each(|time| row.put_i64_le(time.as_millis()));
        }
        row.put_u8(match self.passing.map(|(status, _)| status) {
            None | Some(StreamStatus::Active) => 0,
            Some(StreamStatus::Creating) => 1,
            Some(StreamStatus::Updating) => 2,
            Some(StreamStatus::Deleting) => 3,
        });
        let until = self.passing.map(|(_, until)| until.as_millis());
        put_optional_u64(&mut row, until.map(i64::cast_unsigned));
        row.freeze()
    }

    pub(crate) fn decode(row: &Bytes) -> Result<Self> {
        let mut row = Decoder::new("a stream's row", row);
        row.format(FORMAT)?;
        let decoded = Self {
            id: row.u32()?,
            created: Timestamp::from_millis(row.i64()?),
            mode: match row.u8()? {
                0 => StreamMode::Provisioned,
                1 => StreamMode::OnDemand,
                _ => return Err(row.damage("its mode is unknown")),
            },
            retention_millis: row.u64()?,
            record_kib_max: row.u32()?,
            tags: decode_tags(&mut row)?,
            durability: match row.u8()? {
                0 => None,
                1 => Some(Durability::Memory),
                2 => Some(Durability::Os),
                3 => Some(Durability::Synced),
                _ => return Err(row.damage("its durability is unknown")),
            },
            encryption_key: decode_text(&mut row)?,
            policy: decode_text(&mut row)?,
            next_shard: row.u32()?,
            count_updates: decode_times(&mut row)?,
            mode_switches: decode_times(&mut row)?,
            passing: decode_passing(&mut row)?,
        };
        row.finish()?;
        Ok(decoded)
    }
}

fn put_count(row: &mut BytesMut, count: usize) {
    row.put_u32_le(u32::try_from(count).expect("a list in a row is bounded by its limits"));
}

fn decode_tags(row: &mut Decoder<'_>) -> Result<BucketTags> {
    let count = row.count(8)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        pairs.push((Box::from(row.str()?), Box::from(row.str()?)));
    }
    BucketTags::from_stored(pairs).ok_or_else(|| row.damage("its tags are no set"))
}

fn decode_text(row: &mut Decoder<'_>) -> Result<Option<Box<str>>> {
    Ok(row.optional_str()?.map(Into::into))
}

fn decode_times(row: &mut Decoder<'_>) -> Result<Vec<Timestamp>> {
    let count = row.count(8)?;
    (0..count).map(|_| row.i64().map(Timestamp::from_millis)).collect()
}

fn decode_passing(row: &mut Decoder<'_>) -> Result<Option<(StreamStatus, Timestamp)>> {
    let status = match row.u8()? {
        0 => None,
        1 => Some(StreamStatus::Creating),
        2 => Some(StreamStatus::Updating),
        3 => Some(StreamStatus::Deleting),
        _ => return Err(row.damage("its status is unknown")),
    };
    let until = row.optional_u64()?.map(|until| Timestamp::from_millis(until.cast_signed()));
    match (status, until) {
        (None, None) => Ok(None),
        (Some(status), Some(until)) => Ok(Some((status, until))),
        _ => Err(row.damage("its status and the end of it do not go together")),
    }
}

/// A tag that the rules refuse, as Kinesis says it.
pub(crate) fn tag_error(error: &cistern_storage_core::Error) -> Error {
    Error::invalid_argument(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> StreamRow {
        StreamRow {
            id: 7,
            created: Timestamp::from_millis(1_700_000_000_000),
            mode: StreamMode::OnDemand,
            retention_millis: 86_400_000,
            record_kib_max: 1024,
            tags: BucketTags::try_from([("team", "blue")]).unwrap(),
            durability: Some(Durability::Os),
            encryption_key: Some("alias/streams".into()),
            policy: Some("{}".into()),
            next_shard: 4,
            count_updates: vec![Timestamp::from_millis(1)],
            mode_switches: vec![Timestamp::from_millis(2), Timestamp::from_millis(3)],
            passing: Some((StreamStatus::Updating, Timestamp::from_millis(-4))),
        }
    }

    #[test]
    fn a_row_decodes_to_what_it_was() {
        let plain = StreamRow {
            tags: BucketTags::new(),
            durability: None,
            encryption_key: None,
            policy: None,
            count_updates: Vec::new(),
            mode_switches: Vec::new(),
            passing: None,
            ..full()
        };
        for row in [full(), plain] {
            assert_eq!(StreamRow::decode(&row.encode()).unwrap(), row);
        }
    }

    #[test]
    fn a_cut_row_is_damage() {
        let row = full().encode();
        for len in 0..row.len() {
            assert!(StreamRow::decode(&row.slice(..len)).is_err(), "{len}");
        }
    }
}
