//! The names of blobs: what a [`BlobRef`] of this backend says.
//!
//! ```text
//! u8 1 (packed)  u64 lsn of the frame it was written in, big-endian   u32 length   u32 tag
//! u8 2 (file)    u64 number of the file, big-endian                   u64 length   u32 tag
//! ```
//!
//! The tag is the low half of a CRC-64/NVME over the store's identity and the rest: a name that
//! another store gave, or that was made up, is not taken for one of ours.

use crate::format::{Lsn, checksum};
use bytes::{BufMut, Bytes};
use cistern_storage_core::port::{BackendError, BlobRef};

/// Where a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BlobName {
    /// In the log.
    Packed {
        /// The frame that it was written in; it may have been moved since.
        lsn: Lsn,
        /// Its length.
        len: u32,
    },
    /// In a file of its own.
    File {
        /// The file's number.
        file: u64,
        /// Its length.
        len: u64,
    },
}

impl BlobName {
    /// The name as the layers above keep it.
    pub(crate) fn encode(self, store: &[u8; 16]) -> BlobRef {
        let mut bytes = Vec::with_capacity(BlobRef::BYTES_MAX);
        match self {
            Self::Packed { lsn, len } => {
                bytes.put_u8(PACKED);
                bytes.put_u64(lsn);
                bytes.put_u32(len);
            }
            Self::File { file, len } => {
                bytes.put_u8(FILE);
                bytes.put_u64(file);
                bytes.put_u64(len);
            }
        }
        bytes.put_u32(tag(store, &bytes));
        BlobRef::new(&bytes).expect("21 bytes are not over the limit of 24")
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`BackendError::NoSuchBlob`] when this store never gave it.
    pub(crate) fn decode(store: &[u8; 16], blob: &BlobRef) -> Result<Self, BackendError> {
        Self::parse(store, blob.as_bytes()).ok_or(BackendError::NoSuchBlob { blob: *blob })
    }

    fn parse(store: &[u8; 16], bytes: &[u8]) -> Option<Self> {
        let (body, found) = bytes.split_last_chunk::<4>()?;
        if u32::from_be_bytes(*found) != tag(store, body) {
            return None;
        }
        let (kind, body) = body.split_first()?;
        let (number, len) = body.split_first_chunk::<8>()?;
        let number = u64::from_be_bytes(*number);
        match *kind {
            PACKED => {
                let len = u32::from_be_bytes(len.try_into().ok()?);
                Some(Self::Packed { lsn: number, len })
            }
            FILE => {
                Some(Self::File { file: number, len: u64::from_be_bytes(len.try_into().ok()?) })
            }
            _ => None,
        }
    }

    /// The key of the row that tells how many own it.
    pub(crate) fn owners_key(self) -> Bytes {
        match self {
            Self::Packed { lsn, .. } => internal_key(PACKED_OWNERS, lsn),
            Self::File { file, .. } => internal_key(FILE_OWNERS, file),
        }
    }
}

/// The key of the row that tells where the blob that was written at `lsn` has been moved to.
pub(crate) fn moved_key(lsn: Lsn) -> Bytes {
    internal_key(MOVED, lsn)
}

/// The key of the owners' row of a packed blob.
pub(crate) fn packed_owners_key(lsn: Lsn) -> Bytes {
    internal_key(PACKED_OWNERS, lsn)
}

/// The lsn of a key that [`packed_owners_key`] made.
pub(crate) fn lsn_of_key(key: &[u8]) -> Option<Lsn> {
    Some(u64::from_be_bytes(key.get(2..)?.try_into().ok()?))
}

/// Internal rows lie in front of all others; see [`super::keyspace`].
fn internal_key(kind: u8, number: u64) -> Bytes {
    let mut key = [0; 10];
    key[1] = kind;
    key[2..].copy_from_slice(&number.to_be_bytes());
    Bytes::copy_from_slice(&key)
}

fn tag(store: &[u8; 16], body: &[u8]) -> u32 {
    let mut bytes = [0; 16 + BlobRef::BYTES_MAX];
    bytes[..16].copy_from_slice(store);
    let len = body.len().min(BlobRef::BYTES_MAX);
    bytes[16..16 + len].copy_from_slice(&body[..len]);
    let sum = checksum(&bytes[..16 + len]);
    u32::try_from(sum & u64::from(u32::MAX)).expect("the low half of 64 bits")
}

const PACKED: u8 = 1;
const FILE: u8 = 2;

const PACKED_OWNERS: u8 = b'b';
const FILE_OWNERS: u8 = b'f';
const MOVED: u8 = b'm';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_decodes_to_what_was_encoded() {
        for name in
            [BlobName::Packed { lsn: 4096, len: 77 }, BlobName::File { file: 9, len: u64::MAX }]
        {
            let blob = name.encode(&[1; 16]);
            assert_eq!(BlobName::decode(&[1; 16], &blob).unwrap(), name);
        }
    }

    #[test]
    fn a_name_of_another_store_is_nobodys() {
        let blob = BlobName::Packed { lsn: 4096, len: 77 }.encode(&[1; 16]);
        assert!(BlobName::decode(&[2; 16], &blob).is_err());
        assert!(BlobName::decode(&[1; 16], &BlobRef::new(b"").unwrap()).is_err());
    }
}
