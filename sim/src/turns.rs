//! `Turns`: threads that take turns, one at a time, in the order of a seed.

/// Whose turn it is.
#[derive(Debug, Default)]
pub struct Turns;

impl Turns {
    /// Lets somebody else go first, or not.
    pub fn pass(&self) {}
}
