//! The keys of the layers above, beside those of the engine's own rows.
//!
//! Own rows begin with a zero byte and a letter. A foreign key that begins with a zero byte gets
//! `00 ff` put in front, all others stay as they are: order is kept, and nothing meets.

use bytes::{BufMut, Bytes, BytesMut};
use cistern_storage_core::port::{KeyRange, Row};
use std::{borrow::Cow, ops::Bound};

/// The key by which the index knows `key`.
pub(crate) fn stored(key: Bytes) -> Bytes {
    if key.first() != Some(&0) {
        return key;
    }
    let mut stored = BytesMut::with_capacity(FOREIGN.len() + key.len());
    stored.put_slice(FOREIGN);
    stored.put_slice(&key);
    stored.freeze()
}

/// As [`stored`], for a look-up.
pub(crate) fn stored_slice(key: &[u8]) -> Cow<'_, [u8]> {
    if key.first() == Some(&0) { Cow::Owned([FOREIGN, key].concat()) } else { Cow::Borrowed(key) }
}

/// The row as the layers above know it.
pub(crate) fn foreign(mut row: Row) -> Row {
    if row.key.first() == Some(&0) {
        row.key = row.key.slice(FOREIGN.len()..);
    }
    row
}

/// The key as the layers above know it.
pub(crate) fn foreign_key(key: &[u8]) -> &[u8] {
    if key.first() == Some(&0) { &key[FOREIGN.len()..] } else { key }
}

/// A range of foreign keys as the index knows it.
pub(crate) struct StoredRange<'a> {
    start: Bound<Cow<'a, [u8]>>,
    end: Bound<Cow<'a, [u8]>>,
}

impl<'a> StoredRange<'a> {
    pub(crate) fn new(range: KeyRange<'a>) -> Self {
        let start = match range.start {
            Bound::Unbounded => Bound::Included(Cow::Borrowed(FOREIGN)),
            Bound::Included(key) => Bound::Included(stored_bound(key)),
            Bound::Excluded(key) => Bound::Excluded(stored_bound(key)),
        };
        Self { start, end: range.end.map(stored_bound) }
    }

    pub(crate) fn as_range(&self) -> KeyRange<'_> {
        let start = self.start.as_ref().map(|key| &**key);
        KeyRange { start, end: self.end.as_ref().map(|key| &**key) }
    }
}

/// A bound may be the empty string, which is no key: it lies behind all rows of the engine.
fn stored_bound(key: &[u8]) -> Cow<'_, [u8]> {
    if key.is_empty() { Cow::Borrowed(FOREIGN) } else { stored_slice(key) }
}

/// Where the keys of the layers above begin.
pub(crate) const FOREIGN: &[u8] = &[0, 0xff];

#[cfg(test)]
mod tests {
    use super::*;
    use cistern_storage_core::port::Value;

    #[test]
    fn keys_keep_their_order_and_come_back() {
        let keys: [&[u8]; 6] = [&[0], &[0, 0], &[0, 0xff], &[1], &[1, 0], &[0xff]];
        let stored: Vec<Bytes> = keys.iter().map(|key| stored(Bytes::from_static(key))).collect();
        assert!(stored.is_sorted());
        for (key, stored) in keys.iter().zip(stored) {
            assert_eq!(*stored_slice(key), *stored);
            assert!(*stored > *super::super::name::moved_key(u64::MAX));
            assert_eq!(*foreign(Row { key: stored, value: Value::default() }).key, **key);
        }
    }

    #[test]
    fn a_range_without_a_start_begins_behind_the_rows_of_the_engine() {
        for start in [Bound::Unbounded, Bound::Included(&[][..]), Bound::Excluded(&[][..])] {
            let range = StoredRange::new(KeyRange { start, end: Bound::Unbounded });
            assert!(!range.as_range().contains(&super::super::name::moved_key(u64::MAX)));
            assert!(range.as_range().contains(&stored(Bytes::from_static(&[0]))));
        }
    }
}
