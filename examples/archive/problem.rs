//! What went wrong, as its user needs it: what was tried, on what, and why it failed.

use std::{error::Error as _, fmt, io, path::Path};

pub(crate) type Result<T> = std::result::Result<T, Problem>;

#[derive(Debug)]
pub(crate) struct Problem(String);

impl Problem {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        Self(format!("cannot {action} {}: {error}", path.display()))
    }

    pub(crate) fn store(path: &Path, error: cistern::Error) -> Self {
        let Self(why) = error.into();
        Self(format!("cannot open the store in {}: {why}", path.display()))
    }
}

impl From<cistern::Error> for Problem {
    /// The error and all of its causes.
    fn from(error: cistern::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
