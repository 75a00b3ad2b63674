//! `Tags`: words that belong to an object's version, or to a bucket.

use crate::{
    error::{Error, Result},
    limits,
};
use std::{fmt, fmt::Write as _};

/// The tags of an object's version: at most 10.
///
/// Law: S3, object tags.
pub type Tags = TagSet<{ limits::OBJECT_TAGS_MAX }>;

/// The tags of a bucket: at most 50.
///
/// Law: S3, bucket tags.
pub type BucketTags = TagSet<{ limits::BUCKET_TAGS_MAX }>;

/// At most `MAX` pairs of a key and a value, in the order of their keys.
///
/// A key has 1 to 128 characters and a value 0 to 256, counted as UTF-16 does; letters, digits,
/// spaces and `+ - = . _ : / @` are allowed; keys are unique, case-sensitive, and `aws:` is not
/// ours to use. No allocation when empty.
///
/// ```
/// # use cistern_storage_core::Tags;
/// let tags = Tags::try_from([("project", "blue"), ("phase", "done")])?;
/// assert_eq!(tags.value("phase"), Some("done"));
/// # Ok::<(), cistern_storage_core::Error>(())
/// ```
///
/// Law: S3, object tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TagSet<const MAX: usize>(Vec<(Box<str>, Box<str>)>);

impl<const MAX: usize> TagSet<MAX> {
    /// No tags.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// These tags and one more.
    ///
    /// # Errors
    /// [`Error::InvalidTag`] when it breaks a rule, its key is there already, or there are too many.
    pub fn with(mut self, key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Result<Self> {
        let (key, value) = (key.into(), value.into());
        check_key(&key)?;
        check_value(&key, &value)?;
        let Err(place) = self.0.binary_search_by(|(other, _)| other.cmp(&key)) else {
            return Err(invalid(format!("key `{key}` stands there twice")));
        };
        if self.0.len() == MAX {
            return Err(invalid(format!("there are more than {MAX}")));
        }
        self.0.insert(place, (key, value));
        Ok(self)
    }

    /// The tags of these pairs.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self>
    where
        K: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        pairs.into_iter().try_fold(Self::new(), |tags, (key, value)| tags.with(key, value))
    }

    /// The tags of pairs that were a set's before, as a row keeps them: checked for order and number
    /// alone. `None` when they cannot have been.
    #[must_use]
    pub fn from_stored(pairs: Vec<(Box<str>, Box<str>)>) -> Option<Self> {
        let sorted = pairs.is_sorted_by(|left, right| left.0 < right.0);
        (sorted && pairs.len() <= MAX).then_some(Self(pairs))
    }

    /// Reads the form of the `x-amz-tagging` header: `key=value&key=value`, percent-encoded, with
    /// `+` for a space. A key without `=` has an empty value.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is malformed, else as [`Self::with`].
    ///
    /// Law: S3, x-amz-tagging.
    pub fn parse_query(query: &str) -> Result<Self> {
        if query.is_empty() {
            return Ok(Self::new());
        }
        let malformed = || {
            Error::invalid_argument(
                "x-amz-tagging",
                query,
                "tags are written as key=value&key=value, percent-encoded",
            )
        };
        let pair = |text: &str| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            let key = percent_decode(key).filter(|key| !key.is_empty())?;
            Some((key, percent_decode(value)?))
        };
        query.split('&').try_fold(Self::new(), |tags, text| {
            let (key, value) = pair(text).ok_or_else(malformed)?;
            tags.with(key, value)
        })
    }

    /// The value under `key`.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(other, _)| (**other).cmp(key)).ok()?;
        Some(&self.0[place].1)
    }

    /// The pairs, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const MAX: usize, const N: usize, K, V> TryFrom<[(K, V); N]> for TagSet<MAX>
where
    K: Into<Box<str>>,
    V: Into<Box<str>>,
{
    type Error = Error;

    fn try_from(pairs: [(K, V); N]) -> Result<Self> {
        Self::from_pairs(pairs)
    }
}

impl<const MAX: usize, K, V> TryFrom<Vec<(K, V)>> for TagSet<MAX>
where
    K: Into<Box<str>>,
    V: Into<Box<str>>,
{
    type Error = Error;

    fn try_from(pairs: Vec<(K, V)>) -> Result<Self> {
        Self::from_pairs(pairs)
    }
}

/// Prints the form of the `x-amz-tagging` header, which [`TagSet::parse_query`] reads.
impl<const MAX: usize> fmt::Display for TagSet<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            if index > 0 {
                f.write_char('&')?;
            }
            percent_encode(key, f)?;
            f.write_char('=')?;
            percent_encode(value, f)?;
        }
        Ok(())
    }
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(invalid("a key is empty".to_owned()));
    }
    if key.encode_utf16().count() > limits::TAG_KEY_UNITS_MAX {
        return Err(invalid(format!("key `{key}` has more than 128 characters")));
    }
    // "AWS:" and its like are refused with it: they would look the same to a reader.
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return Err(invalid(format!("key `{key}` begins with `aws:`, which is reserved")));
    }
    check_characters("key", key)
}

fn check_value(key: &str, value: &str) -> Result<()> {
    if value.encode_utf16().count() > limits::TAG_VALUE_UNITS_MAX {
        return Err(invalid(format!("the value of `{key}` has more than 256 characters")));
    }
    check_characters("value", value)
}

fn check_characters(what: &str, text: &str) -> Result<()> {
    match text.chars().find(|&c| !is_allowed(c)) {
        None => Ok(()),
        Some(c) => Err(invalid(format!("{what} `{text}` holds {c:?}, which no tag may hold"))),
    }
}

fn is_allowed(c: char) -> bool {
    let space = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || space || "+-=._:/@".contains(c)
}

fn invalid(reason: String) -> Error {
    Error::InvalidTag { reason: reason.into() }
}

/// `None` when a `%` is not followed by two digits, or the bytes are not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn percent_encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
