//! The parts of a body: which bytes of which blobs, in order.

use super::codec::{Damage, Decoder, Encoder};
use crate::{
    checksum::{Checksum, ChecksumAlgorithm},
    port::BlobRef,
};
use bytes::Bytes;

/// A run of bytes inside one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) blob: BlobRef,
    /// First byte of the run, in plain bytes of the blob.
    pub(crate) offset: u64,
    /// Plain bytes of the run.
    pub(crate) len: u64,
    /// Plain bytes of the whole blob: what an envelope is opened with.
    pub(crate) blob_len: u64,
    /// What opens the blob, when it is sealed.
    pub(crate) envelope: Option<Bytes>,
}

impl Extent {
    pub(crate) fn encode(&self, row: &mut Encoder) {
        let name = self.blob.as_bytes();
        row.u8(u8::try_from(name.len()).expect("a blob's name has at most 24 bytes"));
        row.raw(name);
        row.u64(self.offset);
        row.u64(self.len);
        row.u64(self.blob_len);
        row.optional(self.envelope.as_ref(), |row, envelope| row.bytes(envelope));
    }

    pub(crate) fn decode(row: &mut Decoder<'_>) -> Result<Self, Damage> {
        let len = usize::from(row.u8()?);
        let blob = BlobRef::new(row.raw(len)?).ok_or(Damage("a blob's name is too long"))?;
        Ok(Self {
            blob,
            offset: row.u64()?,
            len: row.u64()?,
            blob_len: row.u64()?,
            envelope: row.optional(Decoder::bytes)?,
        })
    }
}

/// One part of a body, as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartEntry {
    pub(crate) number: u16,
    pub(crate) size: u64,
    pub(crate) crc64: u64,
    /// The digest of the part in the object's checksum algorithm.
    pub(crate) checksum: Option<Bytes>,
    pub(crate) extents: Vec<Extent>,
}

impl PartEntry {
    /// The least a part takes in a row.
    const BYTES_MIN: usize = 2 + 8 + 8 + 1 + 4;

    /// The part's checksum in its upload's algorithm.
    pub(crate) fn checksum_in(&self, algorithm: ChecksumAlgorithm) -> Checksum {
        let stored = self.checksum.as_ref().and_then(|it| Checksum::full(algorithm, it));
        stored.unwrap_or_else(|| Checksum::of_crc64(self.crc64))
    }

    pub(crate) fn encode(&self, row: &mut Encoder) {
        row.u16(self.number);
        row.u64(self.size);
        row.u64(self.crc64);
        row.optional(self.checksum.as_ref(), |row, digest| row.bytes(digest));
        encode_extents(&self.extents, row);
    }

    pub(crate) fn decode(row: &mut Decoder<'_>) -> Result<Self, Damage> {
        Ok(Self {
            number: row.u16()?,
            size: row.u64()?,
            crc64: row.u64()?,
            checksum: row.optional(Decoder::bytes)?,
            extents: decode_extents(row)?,
        })
    }
}

pub(crate) fn encode_extents(extents: &[Extent], row: &mut Encoder) {
    row.count(extents.len());
    extents.iter().for_each(|extent| extent.encode(row));
}

pub(crate) fn decode_extents(row: &mut Decoder<'_>) -> Result<Vec<Extent>, Damage> {
    /// The least an extent takes in a row.
    const BYTES_MIN: usize = 1 + 3 * 8 + 1;
    let count = row.count(BYTES_MIN)?;
    (0..count).map(|_| Extent::decode(row)).collect()
}

/// One chunk of the parts of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestRow {
    pub(crate) parts: Vec<PartEntry>,
}

impl ManifestRow {
    const FORMAT: u8 = 1;

    pub(crate) fn encode(parts: &[PartEntry]) -> Bytes {
        let mut row = Encoder::with_capacity(8 + parts.len() * 80);
        row.u8(Self::FORMAT);
        row.count(parts.len());
        parts.iter().for_each(|part| part.encode(&mut row));
        row.finish()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let mut row = Decoder::new(bytes);
        if row.u8()? != Self::FORMAT {
            return Err(Damage("an unknown format of a manifest"));
        }
        let count = row.count(PartEntry::BYTES_MIN)?;
        let parts = (0..count).map(|_| PartEntry::decode(&mut row)).collect::<Result<_, _>>()?;
        row.finish()?;
        Ok(Self { parts })
    }
}
