//! `UploadId`: which upload of a key.

use crate::{checksum::crc64_nvme, port::mix, version_id::VersionId};
use std::{convert::Infallible, fmt, str::FromStr, sync::Arc};

/// An upload's name, as the store gave it. Callers treat it as opaque.
///
/// Any text can be asked for: one that the store never gave names no upload, and every verb answers
/// [`crate::Error::NoSuchUpload`], as it does for an upload of another key.
///
/// Law: S3, multipart upload ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(Arc<str>);

impl UploadId {
    /// The name of the upload with that number, and tag.
    pub(crate) fn new(place: Place) -> Self {
        let Place { seq, tag } = place;
        Self(VersionId::Stamped { seq, tag }.to_string().into())
    }

    /// What it names; `None` when it is no text of ours.
    pub(crate) fn place(&self) -> Option<Place> {
        match self.0.parse() {
            Ok(VersionId::Stamped { seq, tag }) => Some(Place { seq, tag }),
            _ => None,
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for UploadId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for UploadId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl FromStr for UploadId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

/// What an upload's name tells: its number, and a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    /// High half: chance, so that a name cannot be guessed. Low half: digested from the key, so
    /// that a name can be told from one of another key when its upload is long gone.
    pub(crate) tag: u64,
}

/// The half of a tag that is digested from the key.
const KEY_BITS: u64 = 0xffff_ffff;

impl Place {
    /// The place of an upload of `key`, with bits that are like no other's.
    pub(crate) fn new(seq: u64, bits: u64, key: &str) -> Self {
        // Mixed again, since the version that the upload becomes is named by the bits as they are.
        let tag = mix(bits) & !KEY_BITS | crc64_nvme(key.as_bytes()) & KEY_BITS;
        Self { seq, tag }
    }

    /// False when it is of another key.
    pub(crate) fn may_be_of(self, key: &str) -> bool {
        (self.tag ^ crc64_nvme(key.as_bytes())) & KEY_BITS == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_place_and_whose_it_is() {
        let place = Place::new(7, 0x1234, "a/b");
        let id = UploadId::new(place);
        assert_eq!(id.place(), Some(place));
        assert_eq!(id.as_str().parse::<UploadId>().unwrap(), id);
        assert!(place.may_be_of("a/b"));
        assert!(!place.may_be_of("a/c"));
    }

    // Law-test: S3, multipart upload ids.
    #[test]
    fn any_other_text_names_nothing() {
        for text in ["", "null", "x", &"g".repeat(32)] {
            assert_eq!(UploadId::from(text).place(), None);
        }
    }
}
