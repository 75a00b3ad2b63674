//! XAES-256-GCM: AES-256-GCM whose nonces are long enough to be drawn at random for ever.
//!
//! Published at c2sp.org/XAES-256-GCM. The first half of a 24-byte nonce derives a key of one use with
//! CMAC's subkey (SP 800-108 in counter mode), the second half is the nonce of GCM under it. So 2^80
//! messages are safe under one key, and no counter has to survive a crash.

use crate::{
    provider::{Provider as _, RustCrypto, TAG_BYTES, Unauthentic},
    secret::Key256,
};
use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use cistern_storage_core::port::Entropy;
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a nonce.
pub const XAES_NONCE_BYTES: usize = 24;

/// A key that wraps keys.
pub struct WrappingKey {
    aes: Aes256,
    /// CMAC's K1: the encryption of zeros, doubled.
    subkey: Zeroizing<[u8; 16]>,
}

impl WrappingKey {
    /// Wraps under `key`.
    #[must_use]
    pub fn new(key: &Key256) -> Self {
        let aes = Aes256::new(key.expose().into());
        let mut zeros = [0; 16].into();
        aes.encrypt_block(&mut zeros);
        let mut block: [u8; 16] = zeros.into();
        let subkey = Zeroizing::new(doubled(block));
        block.zeroize();
        zeros.zeroize();
        Self { aes, subkey }
    }

    /// Seals `plain` under a nonce of the caller's, which must not come twice: ciphertext, then tag.
    #[must_use]
    pub fn seal(&self, nonce: &[u8; XAES_NONCE_BYTES], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let (one_use, nonce) = self.one_use(nonce);
        let mut sealed = vec![0; plain.len() + TAG_BYTES];
        let (bytes, tag) = sealed.split_at_mut(plain.len());
        tag.copy_from_slice(&RustCrypto.aes_256_gcm(&one_use).seal(&nonce, aad, plain, bytes));
        sealed
    }

    /// Seals `plain` under a random nonce, which comes first.
    #[must_use]
    pub fn wrap(&self, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; XAES_NONCE_BYTES];
        entropy.fill(&mut nonce);
        let mut wrapped = nonce.to_vec();
        wrapped.extend_from_slice(&self.seal(&nonce, aad, plain));
        wrapped
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// When it is not authentic.
    pub fn open(
        &self,
        nonce: &[u8; XAES_NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unauthentic> {
        let (bytes, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(Unauthentic)?;
        let (one_use, nonce) = self.one_use(nonce);
        let mut plain = Zeroizing::new(vec![0; bytes.len()]);
        RustCrypto.aes_256_gcm(&one_use).open(&nonce, aad, bytes, tag, &mut plain)?;
        Ok(plain)
    }

    /// Opens what [`Self::wrap`] made.
    ///
    /// # Errors
    /// When it is not authentic.
    pub fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unauthentic> {
        let (nonce, sealed) = wrapped.split_first_chunk().ok_or(Unauthentic)?;
        self.open(nonce, aad, sealed)
    }

    /// Opens a wrapped key.
    pub(crate) fn unwrap_key(&self, aad: &[u8], wrapped: &[u8]) -> Result<Key256, Unauthentic> {
        Key256::from_slice(&self.unwrap(aad, wrapped)?).ok_or(Unauthentic)
    }

    fn one_use(&self, nonce: &[u8; XAES_NONCE_BYTES]) -> (Key256, [u8; 12]) {
        let mut key = Key256::zero();
        for (number, half) in (1..).zip(key.expose_mut().chunks_mut(16)) {
            let mut block = [0, number, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            block[4..].copy_from_slice(&nonce[..12]);
            block.iter_mut().zip(&self.subkey[..]).for_each(|(byte, key)| *byte ^= key);
            let mut block = block.into();
            self.aes.encrypt_block(&mut block);
            half.copy_from_slice(&block);
            block.zeroize();
        }
        let mut rest = [0; 12];
        rest.copy_from_slice(&nonce[12..]);
        (key, rest)
    }
}

/// Multiplied by x in GF(2^128), as CMAC does it; without a branch on the key.
fn doubled(block: [u8; 16]) -> [u8; 16] {
    let number = u128::from_be_bytes(block);
    let carry = (number >> 127) * 0x87;
    ((number << 1) ^ carry).to_be_bytes()
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{derive::sha256, hex};

    #[track_caller]
    fn check(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], plain: &[u8], sealed: &str) {
        let key = WrappingKey::new(&Key256::from_slice(key).unwrap());
        let made = key.seal(nonce, aad, plain);
        assert_eq!(hex::encode(&made), sealed);
        assert_eq!(key.open(nonce, aad, &made).unwrap()[..], *plain);
    }

    #[test]
    fn the_published_vectors_come_out() {
        let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
        let sealed = "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271";
        check(&[1; 32], nonce, b"", b"XAES-256-GCM", sealed);
        let sealed = "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d";
        check(&[3; 32], nonce, b"c2sp.org/XAES-256-GCM", b"XAES-256-GCM", sealed);
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "at is below 32")]
    fn a_data_key_wraps_to_the_known_bytes() {
        let bytes = |first: u8| -> [u8; 32] { std::array::from_fn(|at| first + at as u8) };
        let nonce: [u8; 24] = std::array::from_fn(|at| 0xc0 + at as u8);
        let sealed = "8def66802d7cef3510365400fb0a8f187c51bce3f6c496a224a1e2056cfe014f\
                      a0112872650d8feb95b1ad60e457dc50";
        check(&bytes(0x80), &nonce, &sha256(&[b"manifest"]), &bytes(0), sealed);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let key = WrappingKey::new(&Key256::from_slice(&[5; 32]).unwrap());
        let entropy = cistern_storage_core::port::SeededEntropy::new(1);
        let wrapped = key.wrap(&entropy, b"aad", &[7; 32]);
        assert_eq!(key.unwrap(b"aad", &wrapped).unwrap()[..], [7; 32]);
        for bit in 0..wrapped.len() * 8 {
            let mut changed = wrapped.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.unwrap(b"aad", &changed), Err(Unauthentic), "bit {bit}");
        }
        for len in 0..wrapped.len() {
            assert_eq!(key.unwrap(b"aad", &wrapped[..len]), Err(Unauthentic), "{len} bytes");
        }
        assert_eq!(key.unwrap(b"aae", &wrapped), Err(Unauthentic));
        let other = WrappingKey::new(&Key256::from_slice(&[6; 32]).unwrap());
        assert_eq!(other.unwrap(b"aad", &wrapped), Err(Unauthentic));
    }
}
