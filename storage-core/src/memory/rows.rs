//! Rows in memory: in order for scans, by hash for everything else.

use crate::{
    port::{KeyRange, Value},
    row_key::RowKey,
};
use bytes::Bytes;
use hashbrown::HashTable;
use std::{collections::BTreeMap, hash::BuildHasher, ops::Bound};

/// An ordered map with a hash table beside it: one probe of the table costs a third of a walk down a
/// tree of keys, and what is read or replaced needs no more.
#[derive(Debug, Default)]
pub(super) struct Rows {
    order: BTreeMap<Bytes, Place>,
    places: HashTable<Place>,
    slots: Vec<Slot>,
    vacant: Vec<Place>,
    hasher: foldhash::fast::RandomState,
}

/// A row: key and value together, in three cache lines of their own. Who finds the one is about to
/// need the other, and follows no pointer to it.
#[derive(Debug)]
#[repr(align(64))]
struct Slot {
    key: RowKey,
    value: Value,
}

/// An index of a slot: half as wide as a pointer, so that twice as many share a cache line.
type Place = u32;

/// Where a row is, or where it would go: found once to be checked, used again to be written. Good
/// until a row is put or removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    hash: u64,
    place: Option<Place>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn find(&self, key: &[u8]) -> Spot {
        let hash = self.hasher.hash_one(key);
        let place = self.places.find(hash, |&place| *self.slot(place).key == *key);
        Spot { hash, place: place.copied() }
    }

    pub(super) fn at(&self, spot: Spot) -> Option<&Value> {
        spot.place.map(|place| &self.slot(place).value)
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        self.at(self.find(key))
    }

    /// Writes the row of `key`, which was found at `spot`; gives back what it was before.
    pub(super) fn put(&mut self, spot: Spot, key: Bytes, value: Value) -> Option<Value> {
        if let Some(place) = spot.place {
            return Some(std::mem::replace(&mut self.slots[place as usize].value, value));
        }
        let slot = Slot { key: RowKey::from(&key[..]), value };
        let place = match self.vacant.pop() {
            Some(place) => {
                self.slots[place as usize] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                let place = Place::try_from(self.slots.len() - 1);
                place.expect("memory ends before 2^32 rows of it")
            }
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |&place: &Place| hasher.hash_one(&*slots[place as usize].key);
        self.places.insert_unique(spot.hash, place, hash_of);
        self.order.insert(key, place);
        None
    }

    /// Removes the row of `key`; gives back what it was.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let hash = self.hasher.hash_one(key);
        let slots = &self.slots;
        let found = self.places.find_entry(hash, |&place| *slots[place as usize].key == *key);
        let (place, _) = found.ok()?.remove();
        self.order.remove(key);
        self.vacant.push(place);
        let vacant = Slot { key: RowKey::from(&[][..]), value: Value::default() };
        Some(std::mem::replace(&mut self.slots[place as usize], vacant).value)
    }

    /// The rows of a range that is not empty, in order.
    pub(super) fn entries(
        &self,
        range: KeyRange<'_>,
    ) -> impl DoubleEndedIterator<Item = (&Bytes, &Value)> {
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) = (range.start, range.end);
        self.order.range::<[u8], _>(bounds).map(|(key, &place)| (key, &self.slot(place).value))
    }

    fn slot(&self, place: Place) -> &Slot {
        &self.slots[place as usize]
    }
}
