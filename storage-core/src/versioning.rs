//! `Versioning`: whether a bucket keeps what is overwritten.
//!
//! ```text
//!   Unversioned --+--> Enabled <----> Suspended
//!                 |                       ^
//!                 +-----------------------+
//! ```
//!
//! Both arrows out of `Unversioned` are one-way: a bucket that was versioned once stays so. Every
//! arrow is [`Versioning::after`]; changing the state touches no object.

use crate::error::{Error, Result};
use std::fmt;

/// A bucket's versioning state.
///
/// Law: S3, versioning states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versioning {
    /// Never enabled: a write replaces what is there.
    #[default]
    Unversioned,
    /// A write pushes a new version.
    Enabled,
    /// A write replaces the null version; other versions stay.
    Suspended,
}

impl Versioning {
    /// The state after asking for `wanted`.
    ///
    /// # Errors
    /// [`Error::IllegalVersioningConfiguration`] for going back to `Unversioned`.
    ///
    /// Law: S3, versioning states.
    pub fn after(self, wanted: Self) -> Result<Self> {
        if wanted == Self::Unversioned {
            return Err(Error::IllegalVersioningConfiguration {
                reason: "a bucket is enabled or suspended; it never becomes unversioned".into(),
            });
        }
        Ok(wanted)
    }

    /// Reads the status of a versioning document.
    ///
    /// # Errors
    /// [`Error::IllegalVersioningConfiguration`] when it is missing, [`Error::MalformedXml`] when it
    /// is neither `Enabled` nor `Suspended`, to the letter.
    ///
    /// Law: S3, versioning states.
    pub fn parse_status(status: Option<&str>) -> Result<Self> {
        match status {
            Some("Enabled") => Ok(Self::Enabled),
            Some("Suspended") => Ok(Self::Suspended),
            Some(_) => Err(Error::MalformedXml {
                reason: "the versioning status is `Enabled` or `Suspended`".into(),
            }),
            None => Err(Error::IllegalVersioningConfiguration {
                reason: "the document must have a status".into(),
            }),
        }
    }

    /// The status that S3 prints; nothing for a bucket that was never versioned.
    #[must_use]
    pub const fn status(self) -> Option<&'static str> {
        match self {
            Self::Unversioned => None,
            Self::Enabled => Some("Enabled"),
            Self::Suspended => Some("Suspended"),
        }
    }

    /// Whether a write gets a version id of its own; otherwise it is the null version.
    ///
    /// Law: S3, versioning states.
    #[must_use]
    pub const fn stamps_writes(self) -> bool {
        matches!(self, Self::Enabled)
    }

    /// Whether a delete without a version id leaves a delete marker.
    ///
    /// Law: S3, versioning states.
    #[must_use]
    pub const fn leaves_markers(self) -> bool {
        !matches!(self, Self::Unversioned)
    }

    /// The number that stored rows use. Never changed, never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unversioned => 0,
            Self::Enabled => 1,
            Self::Suspended => 2,
        }
    }

    /// The state of a stored number; `None` when this version does not know it.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Unversioned),
            1 => Some(Self::Enabled),
            2 => Some(Self::Suspended),
            _ => None,
        }
    }
}

impl fmt::Display for Versioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.status().unwrap_or("Unversioned"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Versioning; 3] =
        [Versioning::Unversioned, Versioning::Enabled, Versioning::Suspended];

    // Law-test: S3, versioning states.
    #[test]
    fn every_state_can_be_enabled_and_suspended_and_none_goes_back() {
        for from in ALL {
            for to in [Versioning::Enabled, Versioning::Suspended] {
                assert_eq!(from.after(to).unwrap(), to);
            }
            let error = from.after(Versioning::Unversioned).unwrap_err();
            assert_eq!(error.code(), "IllegalVersioningConfigurationException");
        }
    }

    // Law-test: S3, versioning states.
    #[test]
    fn a_status_is_read_to_the_letter() {
        for state in [Versioning::Enabled, Versioning::Suspended] {
            assert_eq!(Versioning::parse_status(state.status()).unwrap(), state);
        }
        let code = |status| Versioning::parse_status(status).unwrap_err().code();
        assert_eq!(code(None), "IllegalVersioningConfigurationException");
        assert_eq!(code(Some("enabled")), "MalformedXML");
        assert_eq!(code(Some("")), "MalformedXML");
    }

    // Law-test: S3, versioning states.
    #[test]
    fn what_a_state_does_to_writes_and_deletes() {
        assert_eq!(ALL.map(Versioning::stamps_writes), [false, true, false]);
        assert_eq!(ALL.map(Versioning::leaves_markers), [false, true, true]);
    }

    #[test]
    fn stored_codes_never_change() {
        assert_eq!(ALL.map(Versioning::code), [0, 1, 2]);
        for state in ALL {
            assert_eq!(Versioning::from_code(state.code()), Some(state));
        }
        assert_eq!(Versioning::from_code(3), None);
    }
}
