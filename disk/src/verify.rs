//! What is wrong with a store, as data.

use std::fmt;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file, by its name within the store.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What was expected and found.
    pub detail: String,
}

impl Finding {
    /// A finding in `file` at `offset`.
    #[must_use]
    pub fn new(file: impl Into<String>, offset: u64, detail: impl Into<String>) -> Self {
        Self { file: file.into(), offset, detail: detail.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file, self.offset, self.detail)
    }
}
