//! Blobs: bodies that are written once and never change.

use super::BackendError;
use bytes::Bytes;
use std::{fmt, ops::Range};

/// The name a backend gives a blob: up to 24 opaque bytes, chosen by the backend, stored in rows.
///
/// A backend never gives the same name twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobRef {
    len: u8,
    bytes: [u8; Self::BYTES_MAX],
}

impl BlobRef {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 24;

    /// Wraps a backend's own name; `None` when it is longer than [`Self::BYTES_MAX`].
    #[must_use]
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { len: u8::try_from(name.len()).ok()?, bytes })
    }

    /// The name as the backend gave it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobRef({self})")
    }
}

impl fmt::Display for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a blob turned out to be once it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobWritten {
    /// The blob's name.
    pub blob: BlobRef,
    /// Its length in bytes.
    pub len: u64,
    /// CRC-64/NVME over its bytes, computed by the backend while it stored them. The core compares
    /// or adopts it, so that bodies are summed once.
    pub crc64: u64,
}

impl BlobWritten {
    /// A finished blob.
    #[must_use]
    pub fn new(blob: BlobRef, len: u64, crc64: u64) -> Self {
        Self { blob, len, crc64 }
    }
}

/// Where a new blob's bytes come from: pulled, chunk by chunk.
pub trait BlobSource {
    /// The next chunk, `None` after the last. Chunks may be empty and of any size; after `None` or
    /// an error the source is not asked again.
    ///
    /// # Errors
    /// [`SourceFailed`] when the bytes cannot be had; the source keeps the reason for its owner,
    /// and the backend forgets what it has written so far.
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed>;

    /// How many bytes are still to come, when that is known: a hint for placing the blob.
    fn remaining(&self) -> Option<u64>;
}

/// A [`BlobSource`] could not go on; its owner knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of the body failed")]
pub struct SourceFailed;

/// One open blob.
///
/// It reads the same bytes until it is dropped, even if every row that named it is gone by then:
/// an open blob holds its place.
pub trait Blob: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> u64;

    /// True when it has no bytes.
    fn is_empty(&self) -> bool;

    /// The bytes of `range`, all of them, checked against the backend's own checksums. The caller
    /// asks for at most a few MiB at a time; memory is bounded by what it asks for.
    ///
    /// # Errors
    /// [`BackendError::Damaged`] when the bytes at rest are not those that were written;
    /// [`BackendError::OutOfBounds`] when the range is not inside the blob.
    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError>;
}
