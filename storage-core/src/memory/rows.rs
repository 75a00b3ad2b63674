//! Rows in memory: in order for scans, by hash for everything else.

use crate::port::{KeyRange, Row};
use bytes::Bytes;
use hashbrown::HashTable;
use std::{collections::BTreeMap, hash::BuildHasher, ops::Bound};

/// An ordered map with a hash table beside it: one probe of the table costs a third of a walk down a
/// tree of keys, and what is read or replaced needs no more.
#[derive(Debug, Default)]
pub(super) struct Rows {
    order: BTreeMap<Bytes, usize>,
    places: HashTable<usize>,
    /// Key and value together: who finds the one is about to need the other.
    rows: Vec<Row>,
    vacant: Vec<usize>,
    hasher: foldhash::fast::RandomState,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Bytes> {
        let place =
            self.places.find(self.hasher.hash_one(key), |&place| self.rows[place].key == key);
        place.map(|&place| &self.rows[place].value)
    }

    pub(super) fn put(&mut self, key: Bytes, value: Bytes) {
        let hash = self.hasher.hash_one(&key[..]);
        if let Some(&place) = self.places.find(hash, |&place| self.rows[place].key == key) {
            self.rows[place].value = value;
            return;
        }
        let row = Row { key: key.clone(), value };
        let place = match self.vacant.pop() {
            Some(place) => {
                self.rows[place] = row;
                place
            }
            None => {
                self.rows.push(row);
                self.rows.len() - 1
            }
        };
        let (rows, hasher) = (&self.rows, &self.hasher);
        self.places.insert_unique(hash, place, |&place| hasher.hash_one(&rows[place].key[..]));
        self.order.insert(key, place);
    }

    pub(super) fn remove(&mut self, key: &Bytes) {
        let hash = self.hasher.hash_one(&key[..]);
        let found = self.places.find_entry(hash, |&place| self.rows[place].key == *key);
        if let Ok(entry) = found {
            let (place, _) = entry.remove();
            self.order.remove(key);
            self.rows[place] = Row { key: Bytes::new(), value: Bytes::new() };
            self.vacant.push(place);
        }
    }

    /// The rows of a range that is not empty, in order.
    pub(super) fn entries(&self, range: KeyRange<'_>) -> impl DoubleEndedIterator<Item = &Row> {
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) = (range.start, range.end);
        self.order.range::<[u8], _>(bounds).map(|(_, &place)| &self.rows[place])
    }
}
