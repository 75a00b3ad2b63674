//! Bodies and the sources that bring them, cut into chunks in many ways.

use crate::dice::Dice;
use bytes::Bytes;
use cistern_storage_core::port::{BlobSource, SourceFailed};
use std::collections::VecDeque;

/// Where backends are likely to have a border, and beside it.
pub(super) const SIZES: [usize; 17] = [
    0,
    1,
    2,
    511,
    512,
    513,
    4095,
    4096,
    4097,
    (64 << 10) - 1,
    64 << 10,
    (64 << 10) + 1,
    (256 << 10) + 1,
    1 << 20,
    4 << 20,
    5 << 20,
    9 << 20,
];

/// Bytes that follow from their length and `seed`.
pub(super) fn body(seed: u64, len: usize) -> Bytes {
    Dice::new(seed ^ ((len as u64) << 20)).bytes(len)
}

/// A source that gives chunks, then ends or fails, and must not be asked again after that.
#[derive(Debug)]
pub(super) struct Chunks {
    chunks: VecDeque<Bytes>,
    knows_length: bool,
    end: End,
    ended: bool,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Whole,
    Failure,
}

impl Chunks {
    /// The body in one piece, its length known.
    pub(super) fn whole(body: &Bytes) -> Self {
        Self::of(VecDeque::from([body.clone()]))
    }

    /// The body in pieces that follow from `seed`: none, few or many, some of them empty.
    pub(super) fn cut(body: &Bytes, seed: u64) -> Self {
        let dice = Dice::new(seed);
        let longest = 1 + dice.below(1 + body.len() as u64 / (1 + dice.below(40)));
        let mut rest = body.clone();
        let mut chunks = VecDeque::new();
        while !rest.is_empty() {
            if dice.below(5) == 0 {
                chunks.push_back(Bytes::new());
            }
            let len = (1 + dice.below(longest)).min(rest.len() as u64);
            chunks.push_back(rest.split_to(usize::try_from(len).expect("a part of a length")));
        }
        if dice.below(2) == 0 {
            chunks.push_back(Bytes::new());
        }
        Self { knows_length: dice.below(2) == 0, ..Self::of(chunks) }
    }

    /// The body, cut, and then a failure instead of an end.
    pub(super) fn failing_after(body: &Bytes, seed: u64) -> Self {
        Self { end: End::Failure, ..Self::cut(body, seed) }
    }

    fn of(chunks: VecDeque<Bytes>) -> Self {
        Self { chunks, knows_length: true, end: End::Whole, ended: false }
    }
}

impl BlobSource for Chunks {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        assert!(!self.ended, "the source was asked again after its end");
        if let Some(chunk) = self.chunks.pop_front() {
            return Ok(Some(chunk));
        }
        self.ended = true;
        match self.end {
            End::Whole => Ok(None),
            End::Failure => Err(SourceFailed),
        }
    }

    fn remaining(&self) -> Option<u64> {
        let left = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        self.knows_length.then_some(left)
    }
}
