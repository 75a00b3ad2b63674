//! `Key256`: 256 bits that nobody sees.

use cistern_storage_core::port::Entropy;
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// How many bytes a key has.
pub const KEY_BYTES: usize = 32;

/// A key of 256 bits: wiped when it is dropped, compared in constant time, never printed.
///
/// It cannot be cloned, so that where it goes can be read from the code; and it lies on the heap, so
/// that moving it leaves no copy behind.
pub struct Key256(Box<[u8; KEY_BYTES]>);

impl Key256 {
    /// A fresh key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Self::zero();
        entropy.fill(&mut key.0[..]);
        key
    }

    /// The key of these bytes; `None` when they are not 32. Wiping `bytes` is the caller's.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self::zero();
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// True when both are the same, in time that tells nothing.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0[..]).into()
    }

    /// The bytes, for a cipher or a wrapping. Whoever copies them wipes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A second owner of the same bytes, for tests alone.
    #[cfg(test)]
    pub(crate) fn duplicate(&self) -> Self {
        let mut key = Self::zero();
        key.0.copy_from_slice(&self.0[..]);
        key
    }

    /// All zeros, to be filled in place.
    pub(crate) fn zero() -> Self {
        Self(Box::new([0; KEY_BYTES]))
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; KEY_BYTES] {
        &mut self.0
    }
}

impl Drop for Key256 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key256(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_and_nothing_else() {
        assert!(Key256::from_slice(&[7; 32]).is_some());
        for len in [0, 16, 31, 33, 64] {
            assert!(Key256::from_slice(&vec![7; len]).is_none(), "{len}");
        }
    }

    #[test]
    fn keys_compare_by_their_bytes() {
        let key = Key256::from_slice(&[7; 32]).unwrap();
        assert!(key.is(&key.duplicate()));
        for at in 0..32 {
            let mut other = key.duplicate();
            other.expose_mut()[at] ^= 1;
            assert!(!key.is(&other), "{at}");
        }
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        let key = Key256::from_slice(&[0x61; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "Key256(..)");
    }
}
