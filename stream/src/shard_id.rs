//! `ShardId`: a shard's number in its stream.

use crate::error::{Error, Result};
use std::{fmt, str::FromStr};

/// A shard's number: counts up for the life of the stream, and is never used again.
///
/// Prints as `shardId-000000000000`. Reads leniently, as the service does: what is behind the first
/// `-`, or all of it, is the number.
///
/// Law: Kinesis, shard ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(u32);

impl ShardId {
    /// The highest number.
    pub const NUMBER_MAX: u32 = (1 << 31) - 1;

    /// The shard of that number; `None` above [`Self::NUMBER_MAX`].
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number <= Self::NUMBER_MAX { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shardId-{:012}", self.0)
    }
}

impl FromStr for ShardId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.split_once('-').map_or(text, |(_, digits)| digits);
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let number = plain.then(|| digits.parse().ok()).flatten();
        number.and_then(Self::new).ok_or_else(|| Error::ResourceNotFound {
            what: format!("Could not find shard {text}").into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Law-test: Kinesis, shard ids.
    #[test]
    fn ids_parse_leniently_and_print_in_full() {
        for text in ["shardId-000000000000", "shard-0", "foo-0", "0", "000"] {
            assert_eq!(text.parse::<ShardId>().unwrap().number(), 0, "{text}");
        }
        assert_eq!("shardId-2147483647".parse::<ShardId>().unwrap().number(), ShardId::NUMBER_MAX);
        for text in ["shardId-000002147483648", "", "shardId-", "a", "0-a", "shardId-+1"] {
            let error = text.parse::<ShardId>().unwrap_err();
            assert_eq!(error.code(), "ResourceNotFoundException", "{text}");
        }
        assert_eq!(ShardId(12).to_string(), "shardId-000000000012");
    }
}
