//! Whole chunks on several cores: they know nothing of one another.

use super::{
    chunk::ChunkCipher,
    layout::{CHUNK_BYTES, SEALED_CHUNK_BYTES},
};
use crate::provider::Unauthentic;
use std::{num::NonZeroUsize, thread};

/// On how many cores one call may work.
///
/// The threads end with the call. They are worth starting from 1 MiB on, which takes a core about a
/// third of a millisecond; smaller bodies never leave the caller's thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parallelism {
    /// The caller's thread alone.
    Single,
    /// As many as the machine has, eight at most.
    #[default]
    Cores,
    /// So many.
    Threads(NonZeroUsize),
}

/// More threads than this wait for memory, not for the cipher.
const THREADS_MAX: usize = 8;
/// A thread gets at least so many chunks: half a MiB.
const CHUNKS_A_THREAD_MIN: usize = 32;

impl Parallelism {
    fn threads(self, chunks: usize) -> usize {
        let allowed = match self {
            Self::Single => 1,
            Self::Cores if chunks < 2 * CHUNKS_A_THREAD_MIN => 1,
            Self::Cores => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            Self::Threads(count) => count.get(),
        };
        allowed.min(THREADS_MAX).min(chunks / CHUNKS_A_THREAD_MIN).max(1)
    }
}

/// Seals whole chunks, the first of which has the number `first`.
pub(super) fn seal(
    cipher: &ChunkCipher,
    first: u64,
    plain: &[u8],
    sealed: &mut [u8],
    parallelism: Parallelism,
) {
    let chunks = plain.len() / CHUNK_BYTES;
    let threads = parallelism.threads(chunks);
    if threads == 1 {
        return seal_here(cipher, first, plain, sealed);
    }
    let each = chunks.div_ceil(threads);
    thread::scope(|scope| {
        let mut pieces =
            plain.chunks(each * CHUNK_BYTES).zip(sealed.chunks_mut(each * SEALED_CHUNK_BYTES));
        let own = pieces.next();
        for (turn, (plain, sealed)) in (1..).zip(pieces) {
            let first = first + turn * each as u64;
            scope.spawn(move || seal_here(cipher, first, plain, sealed));
        }
        if let Some((plain, sealed)) = own {
            seal_here(cipher, first, plain, sealed);
        }
    });
}

fn seal_here(cipher: &ChunkCipher, first: u64, plain: &[u8], sealed: &mut [u8]) {
    let chunks = plain.chunks(CHUNK_BYTES).zip(sealed.chunks_mut(SEALED_CHUNK_BYTES));
    for (number, (plain, sealed)) in (first..).zip(chunks) {
        cipher.seal(number, plain, sealed);
    }
}

/// Opens chunks, all of them whole but perhaps the last.
pub(super) fn open(
    cipher: &ChunkCipher,
    first: u64,
    sealed: &[u8],
    plain: &mut [u8],
    parallelism: Parallelism,
) -> Result<(), Unauthentic> {
    let chunks = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
    let threads = parallelism.threads(chunks);
    if threads == 1 {
        return open_here(cipher, first, sealed, plain);
    }
    let each = chunks.div_ceil(threads);
    thread::scope(|scope| {
        let (own_plain, mut plain) = plain.split_at_mut(each * CHUNK_BYTES);
        let mut pieces = sealed.chunks(each * SEALED_CHUNK_BYTES);
        let own_sealed = pieces.next().unwrap_or_default();
        let mut others = Vec::with_capacity(threads);
        for (turn, sealed) in (1..).zip(pieces) {
            // The last piece may end with an empty chunk, for which there is nothing in `plain`.
            let (mine, rest) = plain.split_at_mut(plain.len().min(each * CHUNK_BYTES));
            plain = rest;
            let first = first + turn * each as u64;
            others.push(scope.spawn(move || open_here(cipher, first, sealed, mine)));
        }
        let own = open_here(cipher, first, own_sealed, own_plain);
        let join = |other: thread::ScopedJoinHandle<'_, _>| match other.join() {
            Ok(opened) => opened,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        others.into_iter().map(join).fold(own, Result::and)
    })
}

fn open_here(
    cipher: &ChunkCipher,
    first: u64,
    sealed: &[u8],
    plain: &mut [u8],
) -> Result<(), Unauthentic> {
    let mut plain = plain;
    for (number, sealed) in (first..).zip(sealed.chunks(SEALED_CHUNK_BYTES)) {
        let len = plain.len().min(CHUNK_BYTES);
        let (own, rest) = plain.split_at_mut(len);
        cipher.open(number, sealed, own)?;
        plain = rest;
    }
    Ok(())
}
