//! What a list is asked for, and what it answers.

use crate::{
    checksum::crc64_nvme,
    error::{Error, Result},
    object::ObjectInfo,
    version_id::VersionId,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Which objects to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    pub(crate) start_after: String,
    pub(crate) continuation_token: Option<String>,
    pub(crate) max_keys: Option<u32>,
}

impl ListOptions {
    /// All objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Rolls up keys that share what lies between the prefix and the next delimiter. Any text; empty
    /// for none.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        self
    }

    /// Only keys after this one, which need not exist. S3's `StartAfter`, and `Marker` of version 1.
    #[must_use]
    pub fn start_after(mut self, key: impl Into<String>) -> Self {
        self.start_after = key.into();
        self
    }

    /// Goes on where a page ended; overrides [`Self::start_after`].
    #[must_use]
    pub fn continuation_token(mut self, token: impl Into<String>) -> Self {
        self.continuation_token = Some(token.into());
        self
    }

    /// At most so many keys and common prefixes in a page; more than 1,000 counts as 1,000.
    #[must_use]
    pub fn max_keys(mut self, max: u32) -> Self {
        self.max_keys = Some(max);
        self
    }
}

impl ListOptions {
    /// For the page that follows one which ended with this token.
    pub(crate) fn next(&self, token: Option<String>) -> Option<Self> {
        token.map(|token| self.clone().continuation_token(token))
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ListPage {
    /// The objects, by key.
    pub objects: Vec<ObjectInfo>,
    /// What was rolled up, in order; each ends with the delimiter.
    pub common_prefixes: Vec<String>,
    /// True when there is more.
    pub is_truncated: bool,
    /// Where the next page begins, when there is one (version 2).
    pub next_continuation_token: Option<String>,
    /// The last item of the page, when there is another page and a delimiter (version 1).
    pub next_marker: Option<String>,
}

impl ListPage {
    /// How many objects and common prefixes there are.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.objects.len() + self.common_prefixes.len()
    }
}

/// An item of a list that pages itself.
#[derive(Clone, Debug, PartialEq)]
pub enum ListEntry {
    /// An object.
    Object(ObjectInfo),
    /// Keys that share this, up to and with the delimiter.
    CommonPrefix(String),
}

/// Which versions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListVersionsOptions {
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    pub(crate) key_marker: String,
    pub(crate) version_id_marker: Option<VersionId>,
    pub(crate) token: Option<String>,
    pub(crate) max_keys: Option<u32>,
}

impl ListVersionsOptions {
    /// All versions and delete markers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Rolls up keys as [`ListOptions::delimiter`] does.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        self
    }

    /// Only keys after this one; with [`Self::version_id_marker`], also the versions of this key
    /// that are older than that one.
    #[must_use]
    pub fn key_marker(mut self, key: impl Into<String>) -> Self {
        self.key_marker = key.into();
        self
    }

    /// See [`Self::key_marker`], without which it is refused.
    #[must_use]
    pub fn version_id_marker(mut self, version: VersionId) -> Self {
        self.version_id_marker = Some(version);
        self
    }

    /// Goes on where a page ended, even if that version is gone by now; overrides both markers.
    #[must_use]
    pub fn continuation_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// At most so many versions and common prefixes in a page; more than 1,000 counts as 1,000.
    #[must_use]
    pub fn max_keys(mut self, max: u32) -> Self {
        self.max_keys = Some(max);
        self
    }
}

/// One page of a list of versions.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct VersionsPage {
    /// Versions and delete markers: by key, then from newest to oldest.
    pub versions: Vec<ObjectInfo>,
    /// What was rolled up, in order.
    pub common_prefixes: Vec<String>,
    /// True when there is more.
    pub is_truncated: bool,
    /// The key or common prefix of the page's last item, when there is more.
    pub next_key_marker: Option<String>,
    /// The version of the page's last item, when there is more and it is a version.
    pub next_version_id_marker: Option<VersionId>,
    /// Where the next page begins, whatever happens to that version meanwhile.
    pub next_continuation_token: Option<String>,
}

/// Where a page ended: what the next one begins after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// After every version of this key, and every key under it if it is a common prefix.
    Key(String),
    /// After this version of this key.
    Version(String, u64),
}

const TOKEN_FORMAT: u8 = 1;

impl Resume {
    /// An opaque text with a checksum, so that a token that was cut or made up is noticed.
    pub(crate) fn to_token(&self) -> String {
        let mut bytes = vec![TOKEN_FORMAT];
        match self {
            Self::Key(key) => {
                bytes.push(0);
                bytes.extend_from_slice(key.as_bytes());
            }
            Self::Version(key, seq) => {
                bytes.push(1);
                bytes.extend_from_slice(&seq.to_be_bytes());
                bytes.extend_from_slice(key.as_bytes());
            }
        }
        bytes.extend_from_slice(&crc64_nvme(&bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn from_token(token: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        Self::decode(&bytes).ok_or_else(|| {
            Error::invalid_argument("continuation-token", token, "the token is not one of a page")
        })
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        if u64::from_be_bytes(*sum) != crc64_nvme(body) {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        match body {
            [TOKEN_FORMAT, 0, key @ ..] => Some(Self::Key(text(key)?)),
            [TOKEN_FORMAT, 1, rest @ ..] => {
                let (seq, key) = rest.split_first_chunk::<8>()?;
                Some(Self::Version(text(key)?, u64::from_be_bytes(*seq)))
            }
            _ => None,
        }
    }
}

/// The common prefix that `key` is rolled up into, if it is.
///
/// Law: S3, ListObjectsV2, delimiter.
pub(crate) fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() {
        return None;
    }
    let rest = key.get(prefix.len()..)?;
    // Nearly every delimiter is one byte, for which a search needs no preparation.
    let at = match delimiter.as_bytes() {
        [byte] => memchr::memchr(*byte, rest.as_bytes())?,
        _ => rest.find(delimiter)?,
    };
    let end = prefix.len() + at + delimiter.len();
    // A key that is its own prefix is a key.
    (end > prefix.len()).then(|| &key[..end])
}

/// A page size as asked for: 1,000 by default and at most.
pub(crate) fn page_size(asked: Option<u32>, page_max: usize) -> usize {
    asked.map_or(page_max, |asked| (asked as usize).min(page_max))
}

/// Text of a stored key.
pub(crate) fn key_text(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes);
    text.map_err(|_| Error::damaged("an object's row", "its key is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, prefix: &str, delimiter: &str, expected: Option<&str>) {
        assert_eq!(common_prefix(key, prefix, delimiter), expected);
    }

    // Law-test: S3, ListObjectsV2, delimiter.
    #[test]
    fn keys_roll_up_to_the_first_delimiter_after_the_prefix() {
        check("a/b/c", "", "/", Some("a/"));
        check("a/b/c", "a/", "/", Some("a/b/"));
        check("a/b", "a/", "/", None);
        check("a/", "a/", "/", None);
        check("a", "", "/", None);
        check("a--b--c", "a", "--", Some("a--"));
        check("a/b", "", "", None);
    }

    #[test]
    fn tokens_come_back_and_forged_ones_do_not() {
        for resume in [Resume::Key("a/\u{e9}".into()), Resume::Version("k".into(), u64::MAX)] {
            let token = resume.to_token();
            assert_eq!(Resume::from_token(&token).unwrap(), resume);
            for end in 0..token.len() {
                assert_eq!(
                    Resume::from_token(&token[..end]).unwrap_err().code(),
                    "InvalidArgument"
                );
            }
        }
        assert!(Resume::from_token("not a token").is_err());
    }
}
