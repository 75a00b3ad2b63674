//! `Chance`: numbers that follow from a seed.

use cistern_storage_core::port::{Entropy, SeededEntropy};

/// All chance of a run comes from one of these.
#[derive(Debug)]
pub struct Chance(SeededEntropy);

impl Chance {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// Any number.
    #[must_use]
    pub fn draw(&self) -> u64 {
        let mut word = [0; 8];
        self.0.fill(&mut word);
        u64::from_le_bytes(word)
    }

    /// A number below `end`, which is not 0. Not quite even, and even enough.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        self.draw() % end
    }

    /// An index into `len` things.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn index(&self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("smaller than a length")
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// True so many times of a hundred.
    #[must_use]
    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
