//! `StreamName`: what a stream can be called.

use crate::error::{Error, Result};
use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// A stream's name: 1 to 128 characters of `a-z`, `A-Z`, `0-9`, `_`, `.` and `-`.
///
/// Cheap to clone. Orders by bytes.
///
/// Law: Kinesis, stream names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// The longest name, in characters.
    pub const CHARACTERS_MAX: usize = 128;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for StreamName {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self> {
        check_name("streamName", name).map(|()| Self(name.into()))
    }
}

/// The rule for the names of streams and of their consumers.
pub(crate) fn check_name(member: &'static str, name: &str) -> Result<()> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"_.-".contains(&c);
    let constraint = if name.is_empty() {
        "Member must have length greater than or equal to 1"
    } else if name.len() > StreamName::CHARACTERS_MAX {
        "Member must have length less than or equal to 128"
    } else if !name.bytes().all(allowed) {
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    } else {
        return Ok(());
    };
    Err(Error::validation(member, name, constraint))
}

impl FromStr for StreamName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::try_from(name)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for StreamName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for StreamName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Law-test: Kinesis, stream names.
    #[test]
    fn names_are_letters_digits_and_three_signs() {
        for name in ["a", "clicks-2026_11.v1", &"x".repeat(128)] {
            assert_eq!(StreamName::try_from(name).unwrap().as_str(), name);
        }
        for name in ["", "a b", "a/b", "caf\u{e9}", &"x".repeat(129)] {
            let error = StreamName::try_from(name).unwrap_err();
            assert_eq!(error.code(), "ValidationException", "{name}");
        }
    }
}
