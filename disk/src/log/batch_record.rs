//! A commit as the payload of a frame.
//!
//! ```text
//! 5 x u32  how many ops, adds, fresh adopts, further adopts, frees follow, in this order
//! op       u8 1 (put)       u16 key length, u32 value length, key, value
//!          u8 2 (delete)    u16 key length, key
//!          u8 3 (stamped)   u16 prefix length, u16 suffix length, u32 value length,
//!                           prefix, suffix, value
//! add      u16 key length, i64, key
//! blob     u8 length of the name, name
//! ```
//!
//! A fresh adopt is a blob's first; the difference is written down because who owns a blob decides
//! what a later free means, and replay must decide as the commit did.

use bytes::Bytes;
use cistern_storage_core::port::{BlobRef, Op};

/// What a commit's frame says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchRecord {
    pub(crate) ops: Vec<Op>,
    pub(crate) adds: Vec<(Bytes, i64)>,
    pub(crate) fresh: Vec<BlobRef>,
    pub(crate) adopts: Vec<BlobRef>,
    pub(crate) frees: Vec<BlobRef>,
}

/// Writes a commit's payload to the end of `out`. The caller has checked the lengths of keys and
/// values.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    ops: &[Op],
    adds: &[(Bytes, i64)],
    fresh: &[BlobRef],
    adopts: &[BlobRef],
    frees: &[BlobRef],
) {
    for count in [ops.len(), adds.len(), fresh.len(), adopts.len(), frees.len()] {
        put_len32(out, count);
    }
    ops.iter().for_each(|op| encode_op(out, op));
    for (key, delta) in adds {
        put_len16(out, key.len());
        out.extend_from_slice(&delta.to_le_bytes());
        out.extend_from_slice(key);
    }
    for blob in fresh.iter().chain(adopts).chain(frees) {
        let name = blob.as_bytes();
        out.push(u8::try_from(name.len()).expect("a blob's name has at most 24 bytes"));
        out.extend_from_slice(name);
    }
}

fn encode_op(out: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Put { key, value } => {
            out.push(PUT);
            put_len16(out, key.len());
            put_len32(out, value.len());
            out.extend_from_slice(key);
            out.extend_from_slice(value.head());
            out.extend_from_slice(value.tail());
        }
        Op::Delete { key } => {
            out.push(DELETE);
            put_len16(out, key.len());
            out.extend_from_slice(key);
        }
        Op::PutStamped { prefix, suffix, value } => {
            out.push(STAMPED);
            put_len16(out, prefix.len());
            put_len16(out, suffix.len());
            put_len32(out, value.len());
            out.extend_from_slice(prefix);
            out.extend_from_slice(suffix);
            out.extend_from_slice(value.head());
            out.extend_from_slice(value.tail());
        }
    }
}

fn put_len16(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&u16::try_from(len).expect("keys are checked").to_le_bytes());
}

fn put_len32(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&u32::try_from(len).expect("batches are checked").to_le_bytes());
}

impl BatchRecord {
    /// Reads a payload back; `None` when it is not one. Nothing in the result pins `payload`.
    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        let mut bytes = Cursor { rest: payload };
        let mut counts = [0; 5];
        for count in &mut counts {
            *count = bytes.u32()?;
        }
        let [ops, adds, fresh, adopts, frees] = counts;
        let record = Self {
            ops: (0..ops).map(|_| bytes.op()).collect::<Option<_>>()?,
            adds: (0..adds).map(|_| bytes.add()).collect::<Option<_>>()?,
            fresh: (0..fresh).map(|_| bytes.blob()).collect::<Option<_>>()?,
            adopts: (0..adopts).map(|_| bytes.blob()).collect::<Option<_>>()?,
            frees: (0..frees).map(|_| bytes.blob()).collect::<Option<_>>()?,
        };
        bytes.rest.is_empty().then_some(record)
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn bytes(&mut self, len: usize) -> Option<Bytes> {
        self.take(len).map(Bytes::copy_from_slice)
    }

    fn u16(&mut self) -> Option<usize> {
        self.array().map(|bytes| usize::from(u16::from_le_bytes(bytes)))
    }

    fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn op(&mut self) -> Option<Op> {
        match self.array::<1>()?[0] {
            PUT => {
                let (key, value) = (self.u16()?, self.u32()?);
                Some(Op::Put { key: self.bytes(key)?, value: self.bytes(value)?.into() })
            }
            DELETE => {
                let key = self.u16()?;
                Some(Op::Delete { key: self.bytes(key)? })
            }
            STAMPED => {
                let (prefix, suffix, value) = (self.u16()?, self.u16()?, self.u32()?);
                Some(Op::PutStamped {
                    prefix: self.bytes(prefix)?,
                    suffix: self.bytes(suffix)?,
                    value: self.bytes(value)?.into(),
                })
            }
            _ => None,
        }
    }

    fn add(&mut self) -> Option<(Bytes, i64)> {
        let len = self.u16()?;
        let delta = i64::from_le_bytes(self.array()?);
        Some((self.bytes(len)?, delta))
    }

    fn blob(&mut self) -> Option<BlobRef> {
        let len = usize::from(self.array::<1>()?[0]);
        BlobRef::new(self.take(len)?)
    }
}

const PUT: u8 = 1;
const DELETE: u8 = 2;
const STAMPED: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> BatchRecord {
        let bytes = Bytes::from_static;
        let blob = |name: &[u8]| BlobRef::new(name).unwrap();
        BatchRecord {
            ops: vec![
                Op::Put { key: bytes(b"k"), value: bytes(b"value").into() },
                Op::Delete { key: bytes(b"gone") },
                Op::PutStamped {
                    prefix: bytes(b"p"),
                    suffix: bytes(b""),
                    value: bytes(b"v").into(),
                },
            ],
            adds: vec![(bytes(b"count"), -7)],
            fresh: vec![blob(b"one")],
            adopts: vec![blob(b"two"), blob(b"two")],
            frees: vec![blob(&[9; 24])],
        }
    }

    fn encoded(record: &BatchRecord) -> Vec<u8> {
        let mut out = Vec::new();
        let BatchRecord { ops, adds, fresh, adopts, frees } = record;
        encode(&mut out, ops, adds, fresh, adopts, frees);
        out
    }

    #[test]
    fn a_record_decodes_to_what_was_encoded() {
        assert_eq!(BatchRecord::decode(&encoded(&record())), Some(record()));
        let empty = BatchRecord::default();
        assert_eq!(BatchRecord::decode(&encoded(&empty)), Some(empty));
    }

    #[test]
    fn a_record_cut_short_or_too_long_does_not_decode() {
        let mut bytes = encoded(&record());
        for len in 0..bytes.len() {
            assert_eq!(BatchRecord::decode(&bytes[..len]), None, "{len} bytes");
        }
        bytes.push(0);
        assert_eq!(BatchRecord::decode(&bytes), None);
    }
}
