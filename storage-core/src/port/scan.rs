//! Ranges and rows of the one ordered map, and walks over them.

use super::{Backend, BackendError, Lent, Value};
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

/// Where a walk goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// At the next row.
    Next,
    /// At the first row that is not before this key. From a key that is not ahead it goes on at the
    /// next row.
    Jump(Bytes),
    /// Nowhere: the walk is over.
    Stop,
}

/// Whoever is shown the rows of a walk: key and value, lent for the length of the call.
pub type Visit<'v> = dyn FnMut(&[u8], Lent<'_>) -> Step + 'v;

/// Walks by scanning: a [`Backend::walk`] for a backend that has nothing better.
///
/// # Errors
/// Those of [`Backend::scan`].
pub fn walk_in_scans(
    backend: &dyn Backend,
    range: KeyRange<'_>,
    visit: &mut Visit<'_>,
) -> Result<(), BackendError> {
    let mut start = range.start.map(Bytes::copy_from_slice);
    let mut limit = ROWS_AFTER_JUMP;
    loop {
        let rest = KeyRange { start: start.as_ref().map(|key| &key[..]), end: range.end };
        let rows = backend.scan(rest, Order::Forward, limit)?;
        let is_last = rows.len() < limit;
        limit = (limit * 4).min(ROWS_MAX);
        let Some(last) = rows.last().map(|row| row.key.clone()) else { return Ok(()) };
        start = Bound::Excluded(last.clone());
        let mut jumped = Bytes::new();
        for row in rows {
            if row.key < jumped {
                continue;
            }
            match visit(&row.key, row.value.lend()) {
                Step::Next => {}
                Step::Jump(to) => jumped = to,
                Step::Stop => return Ok(()),
            }
        }
        if jumped > last {
            start = Bound::Included(jumped);
            limit = ROWS_AFTER_JUMP;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// How many rows a walk asks for after a jump: whoever jumps mostly jumps again.
const ROWS_AFTER_JUMP: usize = 4;

/// How many it asks for at most.
const ROWS_MAX: usize = 1024;
