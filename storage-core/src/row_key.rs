//! `RowKey`: a row's key, kept where it is compared.

use bytes::Bytes;
use std::ops::Deref;

/// A row's key. A short one costs no allocation, no pointer to follow, and one allocation to be given
/// away.
#[derive(Clone, Debug)]
pub(crate) enum RowKey {
    Short(Short),
    Long(Box<[u8]>),
}

/// Bytes in place: those of most keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    len: u8,
    bytes: [u8; Self::BYTES_MAX],
}

// One cache line.
const _: () = assert!(size_of::<RowKey>() == 64);

impl Short {
    const BYTES_MAX: usize = 62;
}

impl RowKey {
    /// The pieces, one after the other.
    #[inline]
    pub(crate) fn concat<const N: usize>(pieces: [&[u8]; N]) -> Self {
        let mut short = Short { len: 0, bytes: [0; Short::BYTES_MAX] };
        let mut len = 0;
        for piece in pieces {
            let Some(place) = short.bytes.get_mut(len..len + piece.len()) else {
                return Self::Long(pieces.concat().into());
            };
            place.copy_from_slice(piece);
            len += piece.len();
        }
        short.len = u8::try_from(len).expect("a short key has at most 62 bytes");
        Self::Short(short)
    }

    /// The key as a batch takes it: to be cloned without another allocation.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match self {
            // Bytes made of a vector have two allocations once they are cloned; these have the
            // counter beside them.
            Self::Short(short) => Bytes::from_owner(*short),
            Self::Long(bytes) => Bytes::copy_from_slice(bytes),
        }
    }
}

impl AsRef<[u8]> for Short {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Deref for RowKey {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(short) => short.as_ref(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl PartialEq for RowKey {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for RowKey {}

impl From<&[u8]> for RowKey {
    fn from(key: &[u8]) -> Self {
        Self::concat([key])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_any_length_is_its_bytes() {
        for len in [0, 1, Short::BYTES_MAX - 1, Short::BYTES_MAX, Short::BYTES_MAX + 1, 1100] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
            for (first, second) in [bytes.split_at(0), bytes.split_at(len / 2)] {
                let key = RowKey::concat([first, second]);
                assert_eq!(*key, bytes[..]);
                assert_eq!(key.to_bytes(), bytes);
                assert_eq!(key, RowKey::from(&bytes[..]));
            }
        }
    }
}
