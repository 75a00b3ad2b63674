//! The durable feed of a bucket's changes: what a change row holds, and where a reader stands.
//!
//! ```text
//!   07 bucket 0000000000000000 ff       the floor: up to where the feed was trimmed
//!   07 bucket position index            a change; several of one commit share its position
//! ```
//!
//! No commit has position 0, so the floor sorts before every change and goes with them when the
//! bucket is deleted.

use crate::{
    bucket_name::BucketName,
    checksum::crc64_nvme,
    error::{Error, Result},
    event::{Event, EventName},
    object_key::ObjectKey,
    port::Position,
    row::{Damage, Decoder, Encoder, decode_etag, encode_etag, stamped_prefix},
    time::Timestamp,
    version_id::VersionId,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::{BufMut, Bytes, BytesMut};
use std::{fmt, str::FromStr};

/// One change of a bucket, and where a reader stands once it is dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    event: Event,
    cursor: Cursor,
}

impl Change {
    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// What happened, by value.
    #[must_use]
    pub fn into_event(self) -> Event {
        self.event
    }

    /// The place behind this change: reading on from here gives the next one.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }
}

/// A place in the feed of a bucket: between two changes.
///
/// Its text is opaque and holds a checksum; whoever stores it beside the outcome of his work goes on
/// exactly where he stopped. A cursor is of one bucket, and is refused by any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(Option<Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    bucket: u32,
    position: u64,
    index: u16,
}

impl Cursor {
    /// Before the oldest change that is kept, in any bucket.
    #[must_use]
    pub const fn start() -> Self {
        Self(None)
    }

    /// The first row behind this place.
    pub(crate) fn row_behind(self, bucket: u32) -> Bytes {
        let place = self.0.unwrap_or(Place { bucket, position: 0, index: u16::MAX });
        let mut row = BytesMut::from(&change_key(bucket, place.position, place.index)[..]);
        row.put_u8(0);
        row.freeze()
    }

    /// Refuses a cursor of another bucket.
    pub(crate) fn check_bucket(self, bucket: u32) -> Result<()> {
        match self.0 {
            Some(place) if place.bucket != bucket => {
                Err(invalid(&self.to_string(), "the cursor is of another bucket"))
            }
            _ => Ok(()),
        }
    }

    /// True when what lies behind this place may have been trimmed.
    pub(crate) fn is_before_floor(self, floor: Option<Self>) -> bool {
        matches!((self.0, floor), (Some(place), Some(Self(Some(floor)))) if place < floor)
    }

    /// The later of two places of one bucket.
    pub(crate) fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    fn encode(self) -> Vec<u8> {
        let mut bytes = vec![CURSOR_FORMAT];
        if let Some(place) = self.0 {
            bytes.put_u32(place.bucket);
            bytes.put_u64(place.position);
            bytes.put_u16(place.index);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [CURSOR_FORMAT] => Some(Self::start()),
            [CURSOR_FORMAT, place @ ..] => {
                let (bucket, rest) = place.split_first_chunk::<4>()?;
                let (position, index) = rest.split_first_chunk::<8>()?;
                Some(Self(Some(Place {
                    bucket: u32::from_be_bytes(*bucket),
                    position: u64::from_be_bytes(*position),
                    index: u16::from_be_bytes(index.try_into().ok()?),
                })))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.encode();
        bytes.put_u64(crc64_nvme(&bytes));
        f.pad(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// # Errors
    /// [`Error::InvalidArgument`] for a text that is not a whole cursor.
    fn from_str(text: &str) -> Result<Self> {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| {
            let (body, sum) = bytes.split_last_chunk::<8>()?;
            let intact = u64::from_be_bytes(*sum) == crc64_nvme(body);
            if intact { Self::decode(body) } else { None }
        });
        decoded.ok_or_else(|| invalid(text, "the text is not a cursor of a change feed"))
    }
}

fn invalid(text: &str, reason: &'static str) -> Error {
    Error::invalid_argument("cursor", text, reason)
}

/// Why a reader whose place was trimmed is turned away: he would miss changes without knowing.
pub(crate) fn trimmed(cursor: Cursor) -> Error {
    invalid(
        &cursor.to_string(),
        "changes behind this cursor were trimmed; list the bucket and read on from the start",
    )
}

const CURSOR_FORMAT: u8 = 1;
const FORMAT: u8 = 1;

/// The row that tells up to where a feed was trimmed.
pub(crate) fn floor_key(bucket: u32) -> Bytes {
    let mut row = BytesMut::from(&stamped_prefix(bucket)[..]);
    row.put_u64(0);
    row.put_u8(u8::MAX);
    row.freeze()
}

pub(crate) fn encode_floor(floor: Cursor) -> Bytes {
    floor.encode().into()
}

pub(crate) fn decode_floor(row: &Bytes) -> Result<Cursor> {
    Cursor::decode(row).ok_or_else(|| Error::damaged("the floor of a change feed", "no cursor"))
}

/// The key of a change's row, as the backend makes it.
pub(crate) fn change_key(bucket: u32, position: u64, index: u16) -> Bytes {
    let mut row = BytesMut::from(&stamped_prefix(bucket)[..]);
    row.put_u64(position);
    row.put_slice(&suffix(index));
    row.freeze()
}

/// What follows the position in the key of a change's row.
pub(crate) fn suffix(index: u16) -> [u8; 2] {
    index.to_be_bytes()
}

/// A change as its row keeps it. The bucket and the position are in the row's key.
pub(crate) fn encode(event: &Event) -> Bytes {
    let mut row = Encoder::with_capacity(96 + event.key.as_str().len());
    row.u8(FORMAT);
    row.u8(event.name.code());
    row.i64(event.time.as_millis());
    row.u64(event.sequencer);
    row.bytes(event.key.as_str().as_bytes());
    row.optional(event.version, |row, version| match version {
        VersionId::Stamped { seq, tag } => {
            row.u8(1);
            row.u64(seq);
            row.u64(tag);
        }
        VersionId::Null => row.u8(0),
    });
    row.optional(event.size, Encoder::u64);
    row.optional(event.etag, |row, etag| encode_etag(etag, row));
    row.finish()
}

/// Reads a change's row: `bucket` and its name are the reader's own.
pub(crate) fn decode(bucket: u32, name: &BucketName, key: &[u8], value: &Bytes) -> Result<Change> {
    let damaged = |damage: Damage| Error::damaged("a change's row", damage.0);
    let place = decode_key(bucket, key).ok_or(Damage("its key is not one")).map_err(damaged)?;
    let event = decode_event(name, Position(place.position), value).map_err(damaged)?;
    Ok(Change { event, cursor: Cursor(Some(place)) })
}

fn decode_key(bucket: u32, key: &[u8]) -> Option<Place> {
    let rest = key.strip_prefix(&stamped_prefix(bucket)[..])?;
    let (position, index) = rest.split_first_chunk::<8>()?;
    let index = u16::from_be_bytes(index.try_into().ok()?);
    Some(Place { bucket, position: u64::from_be_bytes(*position), index })
}

fn decode_event(bucket: &BucketName, position: Position, value: &Bytes) -> Result<Event, Damage> {
    let mut row = Decoder::new(value);
    if row.u8()? != FORMAT {
        return Err(Damage("an unknown format of a change"));
    }
    let name = EventName::from_code(row.u8()?).ok_or(Damage("an unknown event"))?;
    let time = Timestamp::from_millis(row.i64()?);
    let sequencer = row.u64()?;
    let key = ObjectKey::try_from(row.str()?).map_err(|_| Damage("a key that no object has"))?;
    let version = row.optional(|row| match row.u8()? {
        0 => Ok(VersionId::Null),
        1 => Ok(VersionId::Stamped { seq: row.u64()?, tag: row.u64()? }),
        _ => Err(Damage("an unknown kind of version")),
    })?;
    let size = row.optional(Decoder::u64)?;
    let etag = row.optional(decode_etag)?;
    row.finish()?;
    let bucket = bucket.clone();
    Ok(Event { name, time, bucket, key, version, size, etag, sequencer, position })
}

#[cfg(test)]
mod tests;
