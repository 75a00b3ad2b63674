//! Opens ranges of a container.

use super::{
    chunk::{ChunkCipher, FullHead, RawHead},
    layout::{CHUNK_BYTES, HEADER_BYTES, Layout},
    parallel::{self, Parallelism},
};
use crate::{
    provider::{Provider, Unauthentic},
    secret::Key256,
};
use bytes::Bytes;
use std::{fmt, ops::Range};
use zeroize::Zeroize as _;

/// Opens ranges of one container whose length is known.
pub struct ContainerReader {
    cipher: ChunkCipher,
    layout: Layout,
    /// What must stand in front of the first chunk.
    header: Option<FullHead>,
    parallelism: Parallelism,
}

impl ContainerReader {
    pub(crate) fn raw(
        provider: &dyn Provider,
        key: &Key256,
        head: RawHead,
        plain_len: u64,
    ) -> Result<Self, Unauthentic> {
        let layout = Layout::raw(plain_len).ok_or(Unauthentic)?;
        Ok(Self::new(ChunkCipher::raw(provider, key, head), layout, None))
    }

    pub(crate) fn full(
        provider: &dyn Provider,
        input_key: &Key256,
        head: FullHead,
        context: &[u8],
        plain_len: u64,
    ) -> Result<Self, Unauthentic> {
        let layout = Layout::full(plain_len).ok_or(Unauthentic)?;
        let cipher = ChunkCipher::open_full(provider, input_key, &head, context)?;
        Ok(Self::new(cipher, layout, Some(head)))
    }

    fn new(cipher: ChunkCipher, layout: Layout, header: Option<FullHead>) -> Self {
        Self { cipher, layout, header, parallelism: Parallelism::default() }
    }

    /// On how many cores a call may work.
    #[must_use]
    pub fn parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// Where which bytes are.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Opens the plain `range`, given exactly the bytes that [`Layout::sealed_range`] names for it. All
    /// chunks are authentic before a byte is given out.
    ///
    /// # Errors
    /// When a chunk is not authentic, or the bytes are not as many as were asked for.
    pub fn open_range(&self, range: Range<u64>, sealed: &[u8]) -> Result<Bytes, Unauthentic> {
        if range.start > range.end || range.end > self.layout.plain_len() {
            return Err(Unauthentic);
        }
        let wanted = self.layout.sealed_range(range.clone());
        if sealed.len() as u64 != wanted.end - wanted.start {
            return Err(Unauthentic);
        }
        if sealed.is_empty() {
            return Ok(Bytes::new());
        }
        let chunks = self.layout.chunks(&range);
        let sealed = if chunks.start == 0 { self.behind_header(sealed)? } else { sealed };
        let start = chunks.start * CHUNK_BYTES as u64;
        let end = (chunks.end * CHUNK_BYTES as u64).min(self.layout.plain_len());
        let mut plain = vec![0; in_memory(end - start)];
        let opened =
            parallel::open(&self.cipher, chunks.start, sealed, &mut plain, self.parallelism);
        if let Err(error) = opened {
            // Chunks before the one that failed have been opened.
            plain.zeroize();
            return Err(error);
        }
        let skip = in_memory(range.start - start);
        Ok(Bytes::from(plain).slice(skip..skip + in_memory(range.end - range.start)))
    }

    fn behind_header<'a>(&self, sealed: &'a [u8]) -> Result<&'a [u8], Unauthentic> {
        let (header, rest) =
            sealed.split_at_checked(in_memory(self.layout.header_len())).ok_or(Unauthentic)?;
        match &self.header {
            Some(expected) if expected.0[..] != *header => Err(Unauthentic),
            _ => Ok(rest),
        }
    }
}

/// Opens a whole container in full mode: its salt, its commitment and its length are its own.
///
/// # Errors
/// When it is not authentic, cut off, or followed by anything.
pub fn open(
    provider: &dyn Provider,
    input_key: &Key256,
    context: &[u8],
    sealed: &[u8],
) -> Result<Bytes, Unauthentic> {
    let layout = Layout::of_sealed(HEADER_BYTES as u64, sealed.len() as u64).ok_or(Unauthentic)?;
    let head = FullHead(*sealed.first_chunk().ok_or(Unauthentic)?);
    let plain_len = layout.plain_len();
    let reader = ContainerReader::full(provider, input_key, head, context, plain_len)?;
    reader.open_range(0..plain_len, sealed)
}

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("a range of bytes in memory can be addressed")
}

impl fmt::Debug for ContainerReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerReader({} bytes)", self.layout.plain_len())
    }
}
