//! `ObjectKey`: an object's name within its bucket.

use crate::{
    error::{Error, Result},
    limits,
};
use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// An object's key: 1 to 1024 bytes of UTF-8, case-sensitive, with no hierarchy.
///
/// Orders by unsigned bytes. One allocation to make, none to clone. A key is opaque: `..` means
/// nothing here, and whoever maps keys to paths must check them.
///
/// Law: S3, naming objects. Law: W76.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Arc<str>);

impl ObjectKey {
    /// The key of a literal in the program.
    ///
    /// # Panics
    /// When it is empty or over 1024 bytes.
    #[must_use]
    pub fn from_static(key: &'static str) -> Self {
        Self::try_from(key).expect("a key in the program has 1 to 1024 bytes")
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key's bytes, which are what it is ordered by.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Checks `key` without making a key of it: enough to look one up.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`] over 1024 bytes, [`Error::InvalidArgument`] when empty.
    pub fn check(key: &str) -> Result<()> {
        match key.len() {
            0 => Err(Error::invalid_argument("Key", "", "a key has at least one byte")),
            1..=limits::KEY_BYTES_MAX => Ok(()),
            size => Err(Error::KeyTooLong {
                size: u64::try_from(size).unwrap_or(u64::MAX),
                max: limits::KEY_BYTES_MAX as u64,
            }),
        }
    }
}

impl TryFrom<&str> for ObjectKey {
    type Error = Error;

    fn try_from(key: &str) -> Result<Self> {
        Self::check(key)?;
        Ok(Self(key.into()))
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = Error;

    fn try_from(key: String) -> Result<Self> {
        Self::check(&key)?;
        Ok(Self(key.into()))
    }
}

impl FromStr for ObjectKey {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self> {
        Self::try_from(key)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for ObjectKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ObjectKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for ObjectKey {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for ObjectKey {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

/// Whatever can be a key: text that is checked, or a key that already was.
///
/// A verb that only looks a key up needs [`ObjectKey::check`] and `as_ref`, and no allocation.
pub trait IntoKey: AsRef<str> {
    /// The key.
    ///
    /// # Errors
    /// As [`ObjectKey::check`].
    fn into_key(self) -> Result<ObjectKey>;
}

impl IntoKey for &str {
    fn into_key(self) -> Result<ObjectKey> {
        ObjectKey::try_from(self)
    }
}

impl IntoKey for String {
    fn into_key(self) -> Result<ObjectKey> {
        ObjectKey::try_from(self)
    }
}

impl IntoKey for &String {
    fn into_key(self) -> Result<ObjectKey> {
        ObjectKey::try_from(self.as_str())
    }
}

impl IntoKey for ObjectKey {
    fn into_key(self) -> Result<ObjectKey> {
        Ok(self)
    }
}

impl IntoKey for &ObjectKey {
    fn into_key(self) -> Result<ObjectKey> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Law-test: S3, naming objects.
    #[test]
    fn a_key_has_one_to_1024_bytes_not_characters() {
        assert_eq!("".into_key().unwrap_err().code(), "InvalidArgument");
        assert!("a".repeat(1024).into_key().is_ok());
        assert!("\u{e9}".repeat(512).into_key().is_ok());
        let error = "\u{e9}".repeat(513).into_key().unwrap_err();
        assert!(matches!(error, Error::KeyTooLong { size: 1026, max: 1024 }));
        assert_eq!(error.code(), "KeyTooLongError");
    }

    // Law-test: S3, naming objects.
    #[test]
    fn keys_order_by_their_bytes_not_by_utf16() {
        // W76
        let mut keys: Vec<ObjectKey> = ["\u{ff21}", "\u{1f600}", "z", "\u{e9}"]
            .into_iter()
            .map(|key| key.into_key().unwrap())
            .collect();
        keys.sort();
        assert_eq!(keys, ["z", "\u{e9}", "\u{ff21}", "\u{1f600}"]);
    }

    #[test]
    fn dots_and_slashes_mean_nothing() {
        for key in ["videos/../../video1.wmv", "/", "a//b", ".", "\u{0}"] {
            assert_eq!(ObjectKey::try_from(key).unwrap(), key);
        }
    }

    #[test]
    fn a_key_of_the_program_must_be_legal() {
        assert_eq!(ObjectKey::from_static("cat.jpg").as_bytes(), b"cat.jpg");
        assert!(std::panic::catch_unwind(|| ObjectKey::from_static("")).is_err());
    }

    proptest! {
        #[test]
        fn order_is_that_of_bytes(left in ".{1,20}", right in ".{1,20}") {
            let keys = (left.as_str().into_key().unwrap(), right.as_str().into_key().unwrap());
            prop_assert_eq!(keys.0.cmp(&keys.1), left.as_bytes().cmp(right.as_bytes()));
            prop_assert_eq!(keys.0.to_string(), left);
        }
    }
}
