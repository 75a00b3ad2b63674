//! `Meta`: what the engine leaves with a checkpoint.
//!
//! ```text
//! u32 version, 1       u8 1 if the store was closed and nothing followed, else 0
//! u64 end: every commit in front of this lsn is in the checkpoint; replay begins here
//! u64 position of the last commit in it
//! u64 number of the next blob file       u64 bytes of bodies with a file of their own
//! u32 segments, each:  u64 sequence, u64 start, u64 capacity, u64 sealed end or 0, u64 live bytes,
//!                      u8 bit 0: has dead blobs, bit 1: has moved blobs
//! u32 counters, each:  u32 key length, key, i64
//! u32 unowned blobs, each: u64 lsn
//! ```
//!
//! Little-endian; the manifest it stands in has the checksum.

use crate::{
    engine::publish::Counters,
    format::Lsn,
    segment::{Segment, SegmentHeader},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::sync::Arc;

/// The state that the checkpoint's rows belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) clean: bool,
    pub(crate) end: Lsn,
    pub(crate) position: Lsn,
    pub(crate) next_file: u64,
    pub(crate) file_bytes: u64,
    pub(crate) segments: Vec<SegmentRecord>,
    pub(crate) counters: Counters,
    /// Packed blobs that no commit in the checkpoint owns and that were not discarded.
    pub(crate) unowned: Vec<Lsn>,
}

/// A segment that is not dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentRecord {
    pub(crate) sequence: u64,
    pub(crate) start: Lsn,
    pub(crate) capacity: u64,
    pub(crate) sealed: Lsn,
    pub(crate) live: u64,
    pub(crate) has_dead: bool,
    pub(crate) has_moved: bool,
}

impl SegmentRecord {
    pub(crate) fn of(segment: &Arc<Segment>) -> Self {
        Self {
            sequence: segment.header.sequence,
            start: segment.start(),
            capacity: segment.header.capacity,
            sealed: segment.sealed().unwrap_or(0),
            live: segment.live(),
            has_dead: segment.has_dead(),
            has_moved: segment.has_moved(),
        }
    }

    /// True when this is the segment that the record was made of.
    pub(crate) fn is_of(&self, header: &SegmentHeader) -> bool {
        self.sequence == header.sequence
            && self.start == header.start
            && self.capacity == header.capacity
    }
}

impl Meta {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u32_le(VERSION);
        out.put_u8(u8::from(self.clean));
        for number in [self.end, self.position, self.next_file, self.file_bytes] {
            out.put_u64_le(number);
        }
        out.put_u32_le(count(self.segments.len()));
        for segment in &self.segments {
            let SegmentRecord { sequence, start, capacity, sealed, live, .. } = *segment;
            for number in [sequence, start, capacity, sealed, live] {
                out.put_u64_le(number);
            }
            out.put_u8(u8::from(segment.has_dead) | u8::from(segment.has_moved) << 1);
        }
        out.put_u32_le(count(self.counters.len()));
        for (key, sum) in &self.counters {
            out.put_u32_le(count(key.len()));
            out.put_slice(key);
            out.put_i64_le(*sum);
        }
        out.put_u32_le(count(self.unowned.len()));
        self.unowned.iter().for_each(|lsn| out.put_u64_le(*lsn));
        out.freeze()
    }

    /// Reads it back; `None` when it is not one of this version.
    pub(crate) fn decode(bytes: &Bytes) -> Option<Self> {
        let mut rest = bytes.clone();
        if rest.try_get_u32_le().ok()? != VERSION {
            return None;
        }
        let mut meta = Self { clean: rest.try_get_u8().ok()? == 1, ..Self::default() };
        for number in [&mut meta.end, &mut meta.position, &mut meta.next_file, &mut meta.file_bytes]
        {
            *number = rest.try_get_u64_le().ok()?;
        }
        for _ in 0..rest.try_get_u32_le().ok()? {
            meta.segments.push(decode_segment(&mut rest)?);
        }
        for _ in 0..rest.try_get_u32_le().ok()? {
            let len = usize::try_from(rest.try_get_u32_le().ok()?).ok()?;
            let key = (rest.len() >= len).then(|| rest.split_to(len))?;
            meta.counters.insert(Bytes::copy_from_slice(&key), rest.try_get_i64_le().ok()?);
        }
        for _ in 0..rest.try_get_u32_le().ok()? {
            meta.unowned.push(rest.try_get_u64_le().ok()?);
        }
        rest.is_empty().then_some(meta)
    }
}

fn decode_segment(rest: &mut Bytes) -> Option<SegmentRecord> {
    let mut number = || rest.try_get_u64_le().ok();
    let (sequence, start, capacity) = (number()?, number()?, number()?);
    let (sealed, live) = (number()?, number()?);
    let flags = rest.try_get_u8().ok()?;
    let (has_dead, has_moved) = (flags & 1 != 0, flags & 2 != 0);
    Some(SegmentRecord { sequence, start, capacity, sealed, live, has_dead, has_moved })
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("what one store counts is below 2^32")
}

const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_decodes_to_what_was_encoded_and_not_when_cut_short() {
        let segment = SegmentRecord {
            sequence: 1,
            start: 4096,
            capacity: 8192,
            sealed: 0,
            live: 5,
            has_dead: false,
            has_moved: true,
        };
        let meta = Meta {
            clean: true,
            end: 5000,
            position: 4900,
            next_file: 3,
            file_bytes: 9,
            segments: vec![segment],
            counters: Counters::from([(Bytes::from_static(b"objects"), -2)]),
            unowned: vec![4800],
        };
        let bytes = meta.encode();
        for len in 0..bytes.len() {
            assert_eq!(Meta::decode(&bytes.slice(..len)), None, "{len} bytes");
        }
        assert_eq!(Meta::decode(&bytes), Some(meta));
    }
}
