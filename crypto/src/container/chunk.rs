//! One chunk: its nonce, and how its key came about.

use super::layout::{CHUNK_BYTES, CHUNKS_MAX, HEADER_BYTES};
use crate::{
    derive::expand_sha512,
    provider::{Aead, NONCE_BYTES, Provider, TAG_BYTES, Unauthentic},
    secret::Key256,
};
use cistern_storage_core::port::Entropy;
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Seals and opens the chunks of one container.
pub(crate) struct ChunkCipher {
    aead: Box<dyn Aead>,
    base_nonce: [u8; NONCE_BYTES],
}

/// What a raw container is opened with, beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawHead {
    pub(crate) base_nonce: [u8; NONCE_BYTES],
}

/// What a full container begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FullHead(pub(crate) [u8; HEADER_BYTES]);

impl RawHead {
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        let mut base_nonce = [0; NONCE_BYTES];
        entropy.fill(&mut base_nonce);
        Self { base_nonce }
    }
}

impl FullHead {
    fn salt(&self) -> &[u8] {
        &self.0[..SALT_BYTES]
    }

    fn commitment(&self) -> &[u8] {
        &self.0[SALT_BYTES..]
    }
}

impl fmt::Debug for FullHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FullHead({})", crate::hex::encode(self.salt()))
    }
}

const SALT_BYTES: usize = 24;
/// The format's label and its AEAD's name in the registry of RFC 5116.
const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

impl ChunkCipher {
    /// The raw mode: the key as it is.
    pub(crate) fn raw(provider: &dyn Provider, key: &Key256, head: RawHead) -> Self {
        Self { aead: provider.aes_256_gcm(key), base_nonce: head.base_nonce }
    }

    /// The full mode for a new container: draws a salt.
    pub(crate) fn full(
        provider: &dyn Provider,
        input_key: &Key256,
        salt: &[u8; SALT_BYTES],
        context: &[u8],
    ) -> (Self, FullHead) {
        // 32 bytes of key, 12 of base nonce, 32 of commitment.
        let mut derived = Zeroizing::new([0; 76]);
        expand_sha512(input_key.expose(), &[LABEL, salt, context], &mut derived[..]);
        let mut key = Key256::zero();
        key.expose_mut().copy_from_slice(&derived[..32]);
        let mut base_nonce = [0; NONCE_BYTES];
        base_nonce.copy_from_slice(&derived[32..44]);
        let mut head = [0; HEADER_BYTES];
        head[..SALT_BYTES].copy_from_slice(salt);
        head[SALT_BYTES..].copy_from_slice(&derived[44..]);
        (Self { aead: provider.aes_256_gcm(&key), base_nonce }, FullHead(head))
    }

    /// The full mode for a container that is there: the commitment is compared before anything is opened.
    pub(crate) fn open_full(
        provider: &dyn Provider,
        input_key: &Key256,
        head: &FullHead,
        context: &[u8],
    ) -> Result<Self, Unauthentic> {
        let salt = head.salt().try_into().expect("a salt has its length");
        let (cipher, derived) = Self::full(provider, input_key, salt, context);
        let commits: bool = derived.commitment().ct_eq(head.commitment()).into();
        if commits { Ok(cipher) } else { Err(Unauthentic) }
    }

    /// Seals chunk `number`: `sealed` takes the ciphertext and its tag.
    pub(super) fn seal(&self, number: u64, plain: &[u8], sealed: &mut [u8]) {
        debug_assert!(plain.len() <= CHUNK_BYTES);
        let (bytes, tag) = sealed.split_at_mut(plain.len());
        tag.copy_from_slice(&self.aead.seal(&self.nonce(number), b"", plain, bytes));
    }

    /// Opens chunk `number`, whose tag comes last.
    pub(super) fn open(
        &self,
        number: u64,
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let (bytes, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(Unauthentic)?;
        self.aead.open(&self.nonce(number), b"", bytes, tag, plain)
    }

    /// The base nonce, its last five bytes xored with the number.
    fn nonce(&self, number: u64) -> [u8; NONCE_BYTES] {
        assert!(number < CHUNKS_MAX, "a container has at most 2^40 chunks");
        let mut nonce = self.base_nonce;
        nonce[4..].iter_mut().zip(number.to_be_bytes()).for_each(|(byte, part)| *byte ^= part);
        nonce
    }
}

/// Draws the salt of a full container.
pub(super) fn draw_salt(entropy: &dyn Entropy) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    salt
}

impl fmt::Debug for ChunkCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkCipher(..)")
    }
}
