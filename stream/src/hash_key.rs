//! `HashKey` and `HashRange`: the 128-bit space that shards tile.

use crate::error::{Error, Result};
use md5::{Digest as _, Md5};
use std::fmt;

/// A place in the hash space: 0 to 2^128 - 1.
///
/// Prints as the decimal that Kinesis uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashKey(pub u128);

impl HashKey {
    /// The last place.
    pub const MAX: Self = Self(u128::MAX);

    /// Where a partition key lies: the MD5 of its UTF-8 bytes, read as a big-endian number.
    ///
    /// Law: Kinesis, partition key to hash key.
    #[must_use]
    pub fn of_partition_key(key: &str) -> Self {
        Self(u128::from_be_bytes(Md5::digest(key.as_bytes()).into()))
    }

    /// Reads an explicit hash key: `0`, or digits that begin with another one, up to 2^128 - 1.
    ///
    /// # Errors
    /// [`Error::Validation`] when it is not such a number; [`Error::InvalidArgument`] when it is too
    /// large.
    ///
    /// Law: Kinesis, ExplicitHashKey.
    pub fn parse(text: &str) -> Result<Self> {
        if !is_decimal(text, 39) {
            return Err(Error::validation(
                "explicitHashKey",
                text,
                "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
            ));
        }
        text.parse().map(Self).map_err(|_| {
            Error::invalid_argument(format!(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. \
                 Specified value was {text}"
            ))
        })
    }
}

/// `0`, or up to `digits_max` digits of which the first is not 0.
pub(crate) fn is_decimal(text: &str, digits_max: usize) -> bool {
    let digits = text.as_bytes();
    let shaped = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
    shaped && digits.len() <= digits_max && digits.iter().all(u8::is_ascii_digit)
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run of hash keys, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashRange {
    /// The first hash key of the range.
    pub start: HashKey,
    /// The last hash key of the range.
    pub end: HashKey,
}

impl HashRange {
    /// The whole space.
    pub const ALL: Self = Self { start: HashKey(0), end: HashKey::MAX };

    /// True when `key` lies in the range.
    #[must_use]
    pub fn contains(&self, key: HashKey) -> bool {
        self.start <= key && key <= self.end
    }

    /// True when `next` begins right behind this range.
    #[must_use]
    pub fn is_followed_by(&self, next: &Self) -> bool {
        self.end.0.checked_add(1) == Some(next.start.0)
    }

    /// The key in the middle: where an even split begins its upper half.
    #[must_use]
    pub fn middle(&self) -> HashKey {
        HashKey(self.start.0 + (self.end.0 - self.start.0) / 2 + 1)
    }

    /// The ranges of `count` equal shards: each `floor(2^128 / count)` wide, the last one takes the rest.
    ///
    /// Law: Kinesis, CreateStream: initial hash key ranges.
    pub fn uniform(count: u32) -> impl Iterator<Item = Self> {
        let (count, width) = (u128::from(count), width_of(count));
        (0..count).map(move |index| Self {
            start: HashKey(width * index),
            end: if index + 1 == count { HashKey::MAX } else { HashKey(width * (index + 1) - 1) },
        })
    }
}

/// `floor(2^128 / count)`; the space itself has one value too many for a `u128`.
fn width_of(count: u32) -> u128 {
    let count = u128::from(count.max(1));
    let (width, rest) = (u128::MAX / count, u128::MAX % count);
    if rest + 1 == count && count > 1 { width + 1 } else { width }
}

impl fmt::Display for HashRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.start, self.end)
    }
}

#[cfg(test)]
mod tests;
