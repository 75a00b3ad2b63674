//! `Failure`: one message, for the person at the terminal.

use std::fmt;

/// What every command returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command stopped. Nobody decides by it, so it is a text and not an enum.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
