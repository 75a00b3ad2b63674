//! `VersionId`: which version of a key.

use crate::{
    error::{Error, Result},
    hex,
};
use std::{fmt, str::FromStr};

/// A version's name: `null`, or one that the store gave.
///
/// Objects written while their bucket is unversioned or suspended are the null version, of which a
/// key has at most one. All others are stamped: `seq` is the version's place in the order of writes,
/// `tag` is chance, so that a name cannot be guessed from its neighbours. Callers treat it as opaque.
///
/// Text: `null`, or 32 lower-case hexadecimal digits.
///
/// Law: S3, version ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VersionId {
    /// Written while versioning was not enabled.
    #[default]
    Null,
    /// Written while versioning was enabled.
    Stamped {
        /// Its place in the order of writes.
        seq: u64,
        /// Random bits.
        tag: u64,
    },
}

impl VersionId {
    /// How long the text of a stamped id is.
    pub const TEXT_BYTES: usize = 32;

    /// Its place in the order of writes; the null version's name does not tell.
    #[must_use]
    pub const fn seq(self) -> Option<u64> {
        match self {
            Self::Null => None,
            Self::Stamped { seq, .. } => Some(seq),
        }
    }

    /// True for the null version.
    #[must_use]
    pub const fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Stamped { seq, tag } = *self else { return f.pad("null") };
        let word = u128::from(tag) << 64 | u128::from(seq ^ veil(tag));
        f.pad(hex::as_str(&hex::encode(word.to_be_bytes())))
    }
}

impl FromStr for VersionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "null" {
            return Ok(Self::Null);
        }
        parse(text.as_bytes()).ok_or_else(|| {
            Error::invalid_argument("versionId", text, "Invalid version id specified")
        })
    }
}

fn parse(text: &[u8]) -> Option<VersionId> {
    let bytes = hex::decode(text)?;
    let tag = u64::from_be_bytes(bytes[..8].try_into().ok()?);
    let veiled = u64::from_be_bytes(bytes[8..].try_into().ok()?);
    Some(VersionId::Stamped { seq: veiled ^ veil(tag), tag })
}

/// What hides `seq` behind `tag`: ids of neighbouring writes share no digits.
const fn veil(tag: u64) -> u64 {
    let word = (tag ^ (tag >> 31)).wrapping_mul(0x9e6c_63d0_76b1_d4f5);
    word ^ (word >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Law-test: S3, version ids.
    #[test]
    fn a_malformed_id_is_an_invalid_argument() {
        for text in ["", "nul", "NULL", "abc", &"g".repeat(32), &"A".repeat(32), &"a".repeat(33)] {
            let error = text.parse::<VersionId>().unwrap_err();
            assert_eq!(error.code(), "InvalidArgument");
            assert!(error.to_string().contains("Invalid version id specified"));
        }
    }

    // Law-test: S3, version ids.
    #[test]
    fn the_null_version_is_called_null() {
        assert_eq!("null".parse::<VersionId>().unwrap(), VersionId::Null);
        assert_eq!(VersionId::Null.to_string(), "null");
        assert_eq!(VersionId::Null.seq(), None);
        assert!(VersionId::Null.is_null());
    }

    #[test]
    fn neighbours_do_not_look_alike() {
        let first = VersionId::Stamped { seq: 1, tag: 0x1234 }.to_string();
        let second = VersionId::Stamped { seq: 2, tag: 0x1235 }.to_string();
        let same = first.bytes().zip(second.bytes()).skip(16).filter(|(a, b)| a == b).count();
        assert!(same < 8, "{first} {second}");
    }

    #[test]
    fn the_text_of_an_id_never_changes() {
        let id = VersionId::Stamped { seq: 42, tag: 0x0123_4567_89ab_cdef };
        assert_eq!(id.to_string(), "0123456789abcdef381d73d196f00f08");
    }

    proptest! {
        #[test]
        fn an_id_reads_back_as_printed(seq: u64, tag: u64) {
            let id = VersionId::Stamped { seq, tag };
            let text = id.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()));
            prop_assert_eq!(text.len(), VersionId::TEXT_BYTES);
            prop_assert_eq!(text.parse::<VersionId>().unwrap(), id);
            prop_assert_eq!(id.seq(), Some(seq));
        }

        #[test]
        fn any_text_is_refused_or_reads_back(text in ".{0,40}|[0-9a-f]{32}") {
            if let Ok(id) = text.parse::<VersionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
