//! Seals a body as it comes, in bounded memory.

use super::{
    chunk::{ChunkCipher, FullHead, RawHead, draw_salt},
    layout::{CHUNK_BYTES, CHUNKS_MAX, HEADER_BYTES, SEALED_CHUNK_BYTES},
    parallel::{self, Parallelism},
};
use crate::{
    provider::{Provider, TAG_BYTES},
    secret::Key256,
};
use bytes::Bytes;
use cistern_storage_core::port::Entropy;
use std::fmt;
use zeroize::Zeroizing;

/// Seals one body. Holds less than a chunk of it.
///
/// It counts its chunks and can be neither cloned nor set back: see the module on nonces.
pub struct ContainerWriter {
    cipher: ChunkCipher,
    /// Salt and commitment, until they were given out.
    header: Option<[u8; HEADER_BYTES]>,
    next: u64,
    waiting: Zeroizing<Vec<u8>>,
    parallelism: Parallelism,
    finished: bool,
}

impl ContainerWriter {
    /// Begins a container in full mode, under a fresh salt. `input_key` may have sealed others.
    #[must_use]
    pub fn full(
        provider: &dyn Provider,
        entropy: &dyn Entropy,
        input_key: &Key256,
        context: &[u8],
    ) -> Self {
        Self::full_with(provider, &draw_salt(entropy), input_key, context).0
    }

    /// As [`Self::full`], and gives the head, too.
    pub(crate) fn full_with_head(
        provider: &dyn Provider,
        entropy: &dyn Entropy,
        input_key: &Key256,
        context: &[u8],
    ) -> (Self, FullHead) {
        Self::full_with(provider, &draw_salt(entropy), input_key, context)
    }

    pub(super) fn full_with(
        provider: &dyn Provider,
        salt: &[u8; 24],
        input_key: &Key256,
        context: &[u8],
    ) -> (Self, FullHead) {
        let (cipher, head) = ChunkCipher::full(provider, input_key, salt, context);
        (Self::new(cipher, Some(head.0)), head)
    }

    /// Begins a container in raw mode, under a key that is drawn here and seals nothing else.
    pub(crate) fn raw(provider: &dyn Provider, entropy: &dyn Entropy) -> (Self, Key256, RawHead) {
        let (key, head) = (Key256::generate(entropy), RawHead::draw(entropy));
        (Self::new(ChunkCipher::raw(provider, &key, head), None), key, head)
    }

    pub(super) fn new(cipher: ChunkCipher, header: Option<[u8; HEADER_BYTES]>) -> Self {
        Self {
            cipher,
            header,
            next: 0,
            waiting: Zeroizing::default(),
            parallelism: Parallelism::default(),
            finished: false,
        }
    }

    /// On how many cores a call may work.
    #[must_use]
    pub fn parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// Takes the next plain bytes and gives the chunks that are full, perhaps none.
    ///
    /// # Panics
    /// After [`Self::finish`], and past 16 PiB.
    #[must_use = "these are the next bytes of the container"]
    pub fn update(&mut self, plain: &[u8]) -> Bytes {
        assert!(!self.finished, "a container that is finished takes no more");
        let held = self.waiting.len();
        let full = (held + plain.len()) / CHUNK_BYTES;
        let header_len = if full > 0 { self.header.map_or(0, |header| header.len()) } else { 0 };
        let mut sealed = vec![0; header_len + full * SEALED_CHUNK_BYTES];
        if full == 0 {
            self.hold(plain);
            return Bytes::new();
        }
        let (header, mut out) = sealed.split_at_mut(header_len);
        if let Some(head) = self.header.take() {
            header.copy_from_slice(&head);
        }
        let mut plain = plain;
        if held > 0 {
            let (head, rest) = plain.split_at(CHUNK_BYTES - held);
            self.hold(head);
            let (first, others) = out.split_at_mut(SEALED_CHUNK_BYTES);
            let number = self.take_numbers(1);
            self.cipher.seal(number, &self.waiting, first);
            self.waiting.clear();
            (plain, out) = (rest, others);
        }
        let (whole, rest) = plain.split_at(out.len() / SEALED_CHUNK_BYTES * CHUNK_BYTES);
        let first = self.take_numbers((whole.len() / CHUNK_BYTES) as u64);
        parallel::seal(&self.cipher, first, whole, out, self.parallelism);
        self.hold(rest);
        sealed.into()
    }

    /// Ends the body: the last chunk, which is never full and may be empty.
    ///
    /// # Panics
    /// When it was called before.
    #[must_use = "these are the last bytes of the container"]
    pub fn finish(&mut self) -> Bytes {
        assert!(!self.finished, "a container is finished once");
        self.finished = true;
        let mut sealed = match self.header.take() {
            Some(header) => header.to_vec(),
            None => Vec::new(),
        };
        let header_len = sealed.len();
        sealed.resize(header_len + self.waiting.len() + TAG_BYTES, 0);
        let number = self.take_numbers(1);
        self.cipher.seal(number, &self.waiting, &mut sealed[header_len..]);
        self.waiting = Zeroizing::default();
        sealed.into()
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.waiting.len()
    }

    /// Keeps bytes that fill no chunk yet. The room is taken at once, so that growing leaves no copy.
    fn hold(&mut self, plain: &[u8]) {
        if self.waiting.capacity() == 0 && !plain.is_empty() {
            self.waiting.reserve_exact(CHUNK_BYTES);
        }
        self.waiting.extend_from_slice(plain);
    }

    fn take_numbers(&mut self, count: u64) -> u64 {
        let first = self.next;
        self.next += count;
        assert!(self.next <= CHUNKS_MAX, "a container has at most 2^40 chunks");
        first
    }
}

impl fmt::Debug for ContainerWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerWriter({} chunks)", self.next)
    }
}
