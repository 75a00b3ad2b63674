//! `BucketName`: what a bucket can be called.

use crate::{
    error::{Error, Result},
    limits,
};
use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// A bucket's name: 3 to 63 characters of `a-z`, `0-9`, `.` and `-`.
///
/// Cheap to clone. Orders by bytes.
///
/// Law: S3, general purpose bucket naming rules.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Arc<str>);

impl BucketName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells which naming rule `name` breaks, without making a name of it.
    ///
    /// # Errors
    /// [`Error::InvalidBucketName`] with the first rule that it breaks.
    pub fn check(name: &str) -> Result<()> {
        match broken_rule(name) {
            None => Ok(()),
            Some(rule) => Err(Error::InvalidBucketName { name: name.into(), rule }),
        }
    }
}

impl TryFrom<&str> for BucketName {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self> {
        Self::check(name)?;
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for BucketName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Self::check(&name)?;
        Ok(Self(name.into()))
    }
}

impl FromStr for BucketName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::try_from(name)
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for BucketName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for BucketName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for BucketName {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for BucketName {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

/// Whatever can name a bucket: text that is checked, or a name that already was.
pub trait IntoBucketName: AsRef<str> {
    /// The name.
    ///
    /// # Errors
    /// [`Error::InvalidBucketName`].
    fn into_bucket_name(self) -> Result<BucketName>;
}

impl IntoBucketName for &str {
    fn into_bucket_name(self) -> Result<BucketName> {
        BucketName::try_from(self)
    }
}

impl IntoBucketName for String {
    fn into_bucket_name(self) -> Result<BucketName> {
        BucketName::try_from(self)
    }
}

impl IntoBucketName for &String {
    fn into_bucket_name(self) -> Result<BucketName> {
        BucketName::try_from(self.as_str())
    }
}

impl IntoBucketName for BucketName {
    fn into_bucket_name(self) -> Result<BucketName> {
        Ok(self)
    }
}

impl IntoBucketName for &BucketName {
    fn into_bucket_name(self) -> Result<BucketName> {
        Ok(self.clone())
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if !(limits::BUCKET_NAME_BYTES_MIN..=limits::BUCKET_NAME_BYTES_MAX).contains(&bytes.len()) {
        return Some("it must have 3 to 63 characters");
    }
    if !bytes.iter().all(|&byte| is_letter_or_digit(byte) || byte == b'.' || byte == b'-') {
        return Some("only lower-case letters, digits, dots and hyphens are allowed");
    }
    if !bytes.first().copied().is_some_and(is_letter_or_digit) {
        return Some("it must begin with a letter or a digit");
    }
    if !bytes.last().copied().is_some_and(is_letter_or_digit) {
        return Some("it must end with a letter or a digit");
    }
    if name.contains("..") {
        return Some("two dots must not stand side by side");
    }
    if looks_like_an_address(name) {
        return Some("it must not look like an IP address");
    }
    if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Some("prefixes `xn--`, `sthree-` and `amzn-s3-demo-` are reserved");
    }
    if RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        return Some(
            "suffixes `-s3alias`, `--ol-s3`, `.mrap`, `--x-s3`, `--table-s3` and `-an` are reserved",
        );
    }
    None
}

fn is_letter_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn looks_like_an_address(name: &str) -> bool {
    let mut groups = 0;
    name.split('.').all(|group| {
        groups += 1;
        !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit())
    }) && groups == 4
}

const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];

// `-an` ends the names of account-regional namespaces alone; a store has one namespace of its own.
const RESERVED_SUFFIXES: [&str; 6] =
    ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Law-test: S3, general purpose bucket naming rules.
    #[test]
    fn names_that_a_bucket_can_have() {
        for name in [
            "abc",
            "a-b",
            "a.b",
            "123",
            "my.bucket-2026",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.a",
            "a.-b",
            "milan",
            "x--x-s3-x",
            "s3alias",
        ] {
            assert_eq!(BucketName::try_from(name).unwrap().as_str(), name);
        }
        assert!(BucketName::try_from("a".repeat(63)).is_ok());
    }

    // Law-test: S3, general purpose bucket naming rules.
    #[test]
    fn names_that_it_cannot_have_and_why() {
        #[track_caller]
        fn check(name: &str, says: &str) {
            let error = BucketName::try_from(name).unwrap_err();
            assert_eq!(error.code(), "InvalidBucketName");
            assert!(error.to_string().contains(says), "{error}");
        }
        check("", "3 to 63");
        check("ab", "3 to 63");
        check(&"a".repeat(64), "3 to 63");
        check("Photos", "lower-case");
        check("my_bucket", "lower-case");
        check("caf\u{e9}", "lower-case");
        check("a/b", "lower-case");
        check("-abc", "begin");
        check(".abc", "begin");
        check("abc-", "end");
        check("abc.", "end");
        check("a..b", "two dots");
        check("192.168.5.4", "IP address");
        check("999.1.1.1", "IP address");
        check("xn--abc", "reserved");
        check("sthree-abc", "reserved");
        check("amzn-s3-demo-x", "reserved");
        check("abc-s3alias", "reserved");
        check("abc--ol-s3", "reserved");
        check("abc.mrap", "reserved");
        check("abc--x-s3", "reserved");
        check("abc--table-s3", "reserved");
        check("abc-an", "reserved");
    }

    #[test]
    fn a_map_of_names_answers_to_text() {
        let map = std::collections::BTreeMap::from([("photos".into_bucket_name().unwrap(), 1)]);
        assert_eq!(map.get("photos"), Some(&1));
        let name = BucketName::try_from("photos").unwrap();
        assert_eq!((&name).into_bucket_name().unwrap(), name);
        assert_eq!(name, "photos");
    }

    proptest! {
        #[test]
        fn a_name_that_is_accepted_prints_as_it_was_given(name in "[a-z0-9.-]{1,70}") {
            if let Ok(parsed) = BucketName::try_from(name.as_str()) {
                prop_assert_eq!(parsed.to_string(), name);
            }
        }
    }
}
