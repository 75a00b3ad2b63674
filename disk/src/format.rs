//! Frames: what the log is made of, byte by byte.
//!
//! Every integer is little-endian. A frame begins at a multiple of 8 and is filled up with zeros to
//! one. An lsn is the place of a frame's first byte in the endless log; a frame says its own, so
//! that bytes left over from a segment's earlier use never pass for current ones.
//!
//! ```text
//! offset  length  field
//!      0       4  magic "CFR1"
//!      4       1  kind: 1 batch, 2 blob, 3 moved blob, 4 pad
//!      5       1  flags: bits 0-1 the durability a batch asked for; others 0
//!      6       2  0
//!      8       4  length of the payload
//!     12       4  0
//!     16       8  lsn of this frame
//!     24       8  the log was known to be durable up to this lsn when the frame was made
//!     32       8  CRC-64/NVME of the payload; 0 for a pad
//!     40       8  CRC-64/NVME of bytes 0 to 40 and of the extension
//!     48       8  extension, moved blob only: lsn of the frame that the blob was written in
//!              8n  extension, blobs over 64 KiB: CRC-64/NVME of each 64 KiB of the payload
//!                 payload; a pad's is whatever lies there
//! ```
//!
//! The field at 24 tells a torn tail from damage. Bytes that were never synced may be missing after
//! a crash, with later ones there: a place where no frame decodes is where the log ends. But when a
//! frame behind that place says that the log was durable beyond it, something that had been
//! promised is gone, and that is damage.

pub(crate) use crate::sum::{combine as checksum_combine, sum as checksum};

use crc_fast::{CrcAlgorithm, Digest};
use std::ops::Range;

/// A place in the endless log.
pub(crate) type Lsn = u64;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// One commit.
    Batch,
    /// One body.
    Blob,
    /// One body, copied from elsewhere in the log.
    Moved,
    /// Nothing: fills a segment up, or marks that the log was opened.
    Pad,
}

impl FrameKind {
    fn code(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Blob => 2,
            Self::Moved => 3,
            Self::Pad => 4,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        [Self::Batch, Self::Blob, Self::Moved, Self::Pad].into_iter().find(|k| k.code() == code)
    }

    /// True when the payload is one body.
    pub(crate) fn is_blob(self) -> bool {
        matches!(self, Self::Blob | Self::Moved)
    }
}

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// What the frame holds.
    pub kind: FrameKind,
    /// See the table.
    pub flags: u8,
    /// Length of the payload.
    pub len: u32,
    /// Where the frame is.
    pub lsn: Lsn,
    /// How far the log was known to be durable when the frame was made.
    pub durable: Lsn,
    /// Checksum of the payload.
    pub payload_sum: u64,
}

impl FrameHeader {
    /// The header's bytes, `extension` (which follows them) included in the checksum.
    pub(crate) fn encode(&self, extension: &[u8]) -> [u8; HEADER_BYTES] {
        debug_assert_eq!(extension.len(), extension_bytes(self.kind, self.len));
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = self.kind.code();
        bytes[5] = self.flags;
        bytes[8..12].copy_from_slice(&self.len.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.lsn.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.durable.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.payload_sum.to_le_bytes());
        let sum = header_sum(&bytes[..SUMMED_BYTES], extension);
        bytes[SUMMED_BYTES..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The fixed part as it reads, or `None` when it cannot be a frame at `lsn`. What it says is to
    /// be trusted only after [`Self::is_intact`].
    pub(crate) fn peek(bytes: &[u8], lsn: Lsn) -> Option<Self> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        if &bytes[..4] != MAGIC || word(bytes, 16) != lsn {
            return None;
        }
        Some(Self {
            kind: FrameKind::of_code(bytes[4])?,
            flags: bytes[5],
            len: u32::from_le_bytes(bytes[8..12].try_into().ok()?),
            lsn,
            durable: word(bytes, 24),
            payload_sum: word(bytes, 32),
        })
    }

    /// The frame at `lsn` that `bytes` begin with, if its header and extension are whole and intact.
    pub(crate) fn decode(bytes: &[u8], lsn: Lsn) -> Option<Self> {
        let header = Self::peek(bytes, lsn)?;
        header.is_intact(bytes).then_some(header)
    }

    /// True when the checksum of header and extension holds.
    pub(crate) fn is_intact(&self, bytes: &[u8]) -> bool {
        let Some(extension) = bytes.get(self.extension()) else { return false };
        header_sum(&bytes[..SUMMED_BYTES], extension) == word(bytes, SUMMED_BYTES)
    }

    /// Where the extension lies in the frame.
    pub(crate) fn extension(&self) -> Range<usize> {
        HEADER_BYTES..HEADER_BYTES + extension_bytes(self.kind, self.len)
    }

    /// Where the payload lies in the frame.
    pub(crate) fn payload(&self) -> Range<usize> {
        let start = self.extension().end;
        start..start + payload_bytes(self.len)
    }

    /// The whole frame's length, filled up to a multiple of 8.
    pub(crate) fn frame_bytes(&self) -> u64 {
        frame_bytes(self.kind, self.len)
    }

    /// True when `payload` is what the header was made for.
    pub(crate) fn fits(&self, payload: &[u8]) -> bool {
        self.kind == FrameKind::Pad || checksum(payload) == self.payload_sum
    }
}

/// How long a frame with a payload of `len` bytes is.
pub(crate) fn frame_bytes(kind: FrameKind, len: u32) -> u64 {
    let bytes = HEADER_BYTES + extension_bytes(kind, len);
    (bytes as u64 + u64::from(len)).next_multiple_of(ALIGN)
}

/// How long the extension is.
pub(crate) fn extension_bytes(kind: FrameKind, len: u32) -> usize {
    let origin = if kind == FrameKind::Moved { 8 } else { 0 };
    let len = payload_bytes(len);
    let table = if kind.is_blob() && len > CHUNK_BYTES { len.div_ceil(CHUNK_BYTES) * 8 } else { 0 };
    origin + table
}

/// A checksum to be fed piece by piece.
pub(crate) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

/// The 8 bytes at `at` as an integer; the caller knows that they are there.
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes are eight bytes"))
}

fn header_sum(fixed: &[u8], extension: &[u8]) -> u64 {
    if extension.is_empty() {
        return checksum(fixed);
    }
    let mut digest = digest();
    digest.update(fixed);
    digest.update(extension);
    digest.finalize()
}

fn payload_bytes(len: u32) -> usize {
    usize::try_from(len).expect("a payload fits into memory")
}

/// Length of the fixed part.
pub(crate) const HEADER_BYTES: usize = 48;

/// A range read of a long blob checks the chunks it touches, of this many bytes each.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// Frames begin at multiples of it.
pub(crate) const ALIGN: u64 = 8;

const MAGIC: &[u8; 4] = b"CFR1";
const SUMMED_BYTES: usize = 40;

const _: () = assert!((HEADER_BYTES as u64).is_multiple_of(ALIGN));

#[cfg(test)]
mod tests;
