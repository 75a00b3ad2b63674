//! `Level`: what a list covers, keys under a prefix and what of them is rolled up, in rows.

use crate::{
    bucket::Bucket,
    error::Error,
    listing::common_prefix,
    row::{Damage, HeadKey, ranges},
};
use bytes::Bytes;

#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
}

impl Level<'_> {
    /// The rows of all keys with the prefix.
    pub(super) fn rows(&self) -> (Bytes, Bytes) {
        let id = self.bucket.state().id;
        match self.prefix {
            "" => ranges::objects(id),
            prefix => (ranges::objects_from(id, prefix), ranges::objects_beyond(id, prefix)),
        }
    }

    /// What a key with the prefix is rolled up into.
    pub(super) fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        common_prefix(key, self.prefix, self.delimiter)
    }

    /// The common prefix that a marker is or lies in.
    pub(super) fn rolled_up<'k>(&self, marker: &'k str) -> Option<&'k str> {
        if marker.starts_with(self.prefix) { self.common_prefix(marker) } else { None }
    }

    /// Where the rows behind a marker begin, and behind the common prefix that it is or lies in.
    pub(super) fn behind(&self, marker: &str) -> Bytes {
        match self.rolled_up(marker) {
            Some(prefix) => self.beyond_prefix(prefix),
            None => self.beyond_key(marker),
        }
    }

    /// Behind all rows of keys with this prefix.
    pub(super) fn beyond_prefix(&self, prefix: &str) -> Bytes {
        ranges::objects_beyond(self.bucket.state().id, prefix)
    }

    /// Behind all versions of this key.
    pub(super) fn beyond_key(&self, key: &str) -> Bytes {
        HeadKey::new(self.bucket.state().id, key).beyond()
    }
}

pub(super) fn unreadable() -> Error {
    Error::damaged("an object's row", "its key does not decode")
}

pub(super) fn damaged(damage: Damage) -> Error {
    Error::damaged("an object's row", damage.0)
}
