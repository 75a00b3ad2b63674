//! A generation of the overlay: recent rows in memory, by hash, and in order once somebody asks.
//!
//! Most rows are written, perhaps read by their key, and go to a run: none of that needs an order.
//! So a row that is new to its generation only joins a tail, and a scan that finds the tail long
//! puts it in order first, see [`Generation::settle`]. A walk down a tree of keys costs several
//! times what a probe of the table does.

use bytes::Bytes;
use cistern_storage_core::port::{KeyRange, Order};
use hashbrown::HashTable;
use std::{cmp::Ordering, collections::BTreeMap, hash::BuildHasher, ops::Bound, sync::OnceLock};

/// What a row costs besides its bytes: two handles and a hash, its shares of table and order, the
/// allocations.
const ROW_OVERHEAD_BYTES: usize = 112;

/// A scan looks through a tail of so many rows, rather than put it in order.
const TAIL_MAX: usize = 32;

/// Entries of a generation, in one of the two orders.
pub(super) type Entries<'g> = Box<dyn Iterator<Item = (&'g Bytes, &'g Option<Bytes>)> + Send + 'g>;

/// Rows and tombstones, newer than every run. Written while it is the active generation, never
/// again once it is frozen.
#[derive(Debug, Default)]
pub(super) struct Generation {
    /// As they came; a later value takes the place of an earlier one.
    rows: Vec<Entry>,
    /// Places in `rows`, by the hash of the key.
    places: HashTable<u32>,
    /// Places of the first `settled` rows.
    order: BTreeMap<Bytes, u32>,
    settled: usize,
    /// Places of all rows in the order of keys, once it is frozen and somebody has asked.
    frozen_order: OnceLock<Vec<u32>>,
    bytes: usize,
    hasher: foldhash::fast::RandomState,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    key: Bytes,
    value: Option<Bytes>,
}

impl Entry {
    fn value_len(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl Generation {
    /// Writes a row, or a tombstone.
    pub(super) fn apply(&mut self, key: Bytes, value: Option<Bytes>) {
        debug_assert!(self.frozen_order.get().is_none(), "a frozen generation is not written");
        let hash = self.hasher.hash_one(&key[..]);
        let rows = &self.rows;
        let known = self.places.find(hash, |&place| rows[at(place)].key == key).copied();
        if let Some(place) = known {
            let row = &mut self.rows[at(place)];
            self.bytes -= row.value_len();
            row.value = value;
            self.bytes += row.value_len();
            return;
        }
        let place = u32::try_from(rows.len()).expect("memory has no room for 2^32 rows");
        self.places.insert_unique(hash, place, |&place| rows[at(place)].hash);
        let row = Entry { hash, key, value };
        self.bytes += row.key.len() + row.value_len() + ROW_OVERHEAD_BYTES;
        self.rows.push(row);
    }

    /// What is known of `key`: nothing, a tombstone, or its value.
    pub(super) fn entry(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        let hash = self.hasher.hash_one(key);
        let place = self.places.find(hash, |&place| self.rows[at(place)].key == key)?;
        Some(&self.rows[at(*place)].value)
    }

    /// Bytes of memory, with what keeping them costs.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many rows and tombstones it has.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// True when a scan would have to look through many rows that are not in order.
    pub(super) fn is_unsettled(&self) -> bool {
        self.rows.len() - self.settled > TAIL_MAX
    }

    /// Puts all rows in order. Cost: O(log n) for each row since the last time.
    pub(super) fn settle(&mut self) {
        let tail =
            self.rows[self.settled..].iter().map(|row| row.key.clone()).zip(place(self.settled)..);
        if self.order.is_empty() {
            // Sorts, and builds the tree from the bottom.
            self.order = tail.collect();
        } else {
            self.order.extend(tail);
        }
        self.settled = self.rows.len();
    }

    /// The entries of `range`, in `order`. Only of a frozen generation.
    pub(super) fn range<'g>(&'g self, range: KeyRange<'_>, order: Order) -> Option<Entries<'g>> {
        if range.is_empty() {
            return None;
        }
        let places = self.frozen_order.get_or_init(|| self.sorted());
        let key = |place: &u32| &self.rows[at(*place)].key[..];
        let start = match range.start {
            Bound::Unbounded => 0,
            Bound::Included(start) => places.partition_point(|place| key(place) < start),
            Bound::Excluded(start) => places.partition_point(|place| key(place) <= start),
        };
        let end = match range.end {
            Bound::Unbounded => places.len(),
            Bound::Included(end) => places.partition_point(|place| key(place) <= end),
            Bound::Excluded(end) => places.partition_point(|place| key(place) < end),
        };
        let entry = |place: &u32| {
            let row = &self.rows[at(*place)];
            (&row.key, &row.value)
        };
        let places = places.get(start..end).unwrap_or(&[]).iter();
        Some(match order {
            Order::Forward => Box::new(places.map(entry)),
            Order::Reverse => Box::new(places.rev().map(entry)),
        })
    }

    /// Places of all rows, in the order of their keys.
    fn sorted(&self) -> Vec<u32> {
        let mut places: Vec<u32> = self.order.values().copied().collect();
        places.extend(place(self.settled)..place(self.rows.len()));
        // What is in order already is found to be.
        places.sort_by(|&one, &other| self.rows[at(one)].key.cmp(&self.rows[at(other)].key));
        places
    }

    /// Copies the entries of `range`, in `order`, up to and with the `limit`th that has a value:
    /// enough for a scan of `limit` rows, whatever older rows it is merged with.
    pub(super) fn copy(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        let mut copied = Vec::new();
        if range.is_empty() {
            return copied;
        }
        let mut values = 0;
        let mut tail = self.tail(range, order).into_iter().peekable();
        let mut take = |row: &Entry| {
            if values < limit {
                values += usize::from(row.value.is_some());
                copied.push((row.key.clone(), row.value.clone()));
            }
            values < limit
        };
        let settled = self.order.range::<[u8], _>((range.start, range.end));
        let mut settled: Box<dyn Iterator<Item = _>> = match order {
            Order::Forward => Box::new(settled),
            Order::Reverse => Box::new(settled.rev()),
        };
        let before = |one: &Entry, other: &Entry| compare(one, other, order) == Ordering::Less;
        let mut goes_on = limit > 0;
        while goes_on {
            let Some((_, &place)) = settled.next() else { break };
            let row = &self.rows[at(place)];
            while goes_on && let Some(newer) = tail.next_if(|newer| before(newer, row)) {
                goes_on = take(newer);
            }
            goes_on = goes_on && take(row);
        }
        while goes_on && let Some(row) = tail.next() {
            goes_on = take(row);
        }
        copied
    }

    /// The rows of `range` that are not in order yet, in order.
    fn tail(&self, range: KeyRange<'_>, order: Order) -> Vec<&Entry> {
        let tail = self.rows[self.settled..].iter();
        let mut tail: Vec<&Entry> = tail.filter(|row| range.contains(&row.key)).collect();
        tail.sort_unstable_by(|one, other| compare(one, other, order));
        tail
    }
}

fn compare(one: &Entry, other: &Entry, order: Order) -> Ordering {
    let forward = one.key.cmp(&other.key);
    match order {
        Order::Forward => forward,
        Order::Reverse => forward.reverse(),
    }
}

fn at(place: u32) -> usize {
    usize::try_from(place).expect("a place fits into memory")
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("every row has a place")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Model = BTreeMap<Bytes, Option<Bytes>>;

    fn any_row() -> impl Strategy<Value = (Bytes, Option<Bytes>)> {
        let key = prop::collection::vec(0_u8..4, 1..4).prop_map(Bytes::from);
        (key, prop::option::of(any::<[u8; 1]>().prop_map(|value| Bytes::from(value.to_vec()))))
    }

    fn expected(
        model: &Model,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        let rows = model.iter().filter(|(key, _)| range.contains(key));
        let rows = rows.map(|(key, value)| (key.clone(), value.clone()));
        let mut rows: Vec<_> = rows.collect();
        if order == Order::Reverse {
            rows.reverse();
        }
        let mut values = 0;
        rows.retain(|(_, value)| {
            let wanted = values < limit;
            values += usize::from(value.is_some());
            wanted
        });
        rows
    }

    proptest! {
        #[test]
        fn a_generation_behaves_like_an_ordered_map(
            batches in prop::collection::vec(prop::collection::vec(any_row(), 0..60), 1..5),
            settles in any::<u8>(),
            start in prop::collection::vec(0_u8..4, 0..3),
            end in prop::collection::vec(0_u8..4, 0..3),
            limit in 0_usize..9,
        ) {
            let (mut rows, mut model) = (Generation::default(), Model::new());
            for (nth, batch) in batches.iter().enumerate() {
                for (key, value) in batch {
                    rows.apply(key.clone(), value.clone());
                    model.insert(key.clone(), value.clone());
                }
                if settles >> nth & 1 == 1 {
                    rows.settle();
                    prop_assert!(!rows.is_unsettled());
                }
            }
            let range = KeyRange::between(&start, &end);
            let bytes: usize = model.iter().map(|(key, value)| {
                key.len() + value.as_ref().map_or(0, Bytes::len) + ROW_OVERHEAD_BYTES
            }).sum();
            prop_assert_eq!((rows.len(), rows.bytes()), (model.len(), bytes));
            for (key, _) in batches.iter().flatten() {
                prop_assert_eq!(rows.entry(key), model.get(key));
            }
            prop_assert_eq!(rows.entry(b"absent"), None);
            for order in [Order::Forward, Order::Reverse] {
                prop_assert_eq!(rows.copy(range, order, limit), expected(&model, range, order, limit));
            }
            // From here on it is frozen.
            for order in [Order::Forward, Order::Reverse] {
                let entries = rows.range(range, order).into_iter().flatten();
                let entries: Vec<_> = entries.map(|(key, value)| (key.clone(), value.clone())).collect();
                prop_assert_eq!(entries, expected(&model, range, order, usize::MAX));
            }
        }
    }
}
