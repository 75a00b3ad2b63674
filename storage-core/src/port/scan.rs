//! Ranges and rows of the one ordered map.

use super::Value;
use bytes::Bytes;
use std::ops::Bound;

/// A range of keys, by unsigned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRange<'a> {
    /// Where it begins.
    pub start: Bound<&'a [u8]>,
    /// Where it ends.
    pub end: Bound<&'a [u8]>,
}

impl<'a> KeyRange<'a> {
    /// `start` inclusive to `end` exclusive.
    #[must_use]
    pub fn between(start: &'a [u8], end: &'a [u8]) -> Self {
        Self { start: Bound::Included(start), end: Bound::Excluded(end) }
    }

    /// Strictly after `start`, up to `end` exclusive.
    #[must_use]
    pub fn after(start: &'a [u8], end: &'a [u8]) -> Self {
        Self { start: Bound::Excluded(start), end: Bound::Excluded(end) }
    }

    /// True when no key can lie in it. (`BTreeMap::range` panics on such a range.)
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match (self.start, self.end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end))
            | (Bound::Excluded(start), Bound::Included(end)) => start >= end,
        }
    }

    /// True when `key` lies in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let after_start = match self.start {
            Bound::Unbounded => true,
            Bound::Included(start) => key >= start,
            Bound::Excluded(start) => key > start,
        };
        let before_end = match self.end {
            Bound::Unbounded => true,
            Bound::Included(end) => key <= end,
            Bound::Excluded(end) => key < end,
        };
        after_start && before_end
    }
}

/// Which way a scan walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the smallest key up.
    Forward,
    /// From the largest key down.
    Reverse,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: Bytes,
    /// Its value. May pin the block it was read with.
    pub value: Value,
}
