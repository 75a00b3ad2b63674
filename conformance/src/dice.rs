//! `Dice`: chance that repeats from its seed.

use bytes::Bytes;
use cistern_storage_core::port::{Entropy, SeededEntropy};

/// Numbers and bytes that follow from a seed.
#[derive(Debug)]
pub(crate) struct Dice(SeededEntropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `limit`, which is not 0. Not quite even, and even enough.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        let mut word = [0; 8];
        self.0.fill(&mut word);
        u64::from_le_bytes(word) % limit
    }

    /// An index into `len` things.
    pub(crate) fn index(&self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("smaller than a length")
    }

    /// `len` bytes.
    pub(crate) fn bytes(&self, len: usize) -> Bytes {
        let mut bytes = vec![0; len];
        self.0.fill(&mut bytes);
        bytes.into()
    }
}
