//! A generation of the overlay: recent rows, in order, in memory.

use bytes::Bytes;
use cistern_storage_core::port::{KeyRange, Order};
use std::collections::{BTreeMap, btree_map};

/// What a row costs in the map besides its bytes: two handles, the tree's share, the allocation.
const ROW_OVERHEAD_BYTES: usize = 112;

/// Entries of a generation, in one of the two orders.
pub(super) type Entries<'g> = Box<dyn Iterator<Item = (&'g Bytes, &'g Option<Bytes>)> + Send + 'g>;

/// Rows and tombstones, newer than every run. Written while it is the active generation, never
/// again once it is frozen.
#[derive(Debug, Default)]
pub(super) struct Generation {
    rows: BTreeMap<Bytes, Option<Bytes>>,
    bytes: usize,
}

impl Generation {
    /// Writes a row, or a tombstone.
    pub(super) fn apply(&mut self, key: Bytes, value: Option<Bytes>) {
        let value_len = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        self.bytes += value_len(&value);
        match self.rows.entry(key) {
            btree_map::Entry::Vacant(vacant) => {
                self.bytes += vacant.key().len() + ROW_OVERHEAD_BYTES;
                vacant.insert(value);
            }
            btree_map::Entry::Occupied(mut occupied) => {
                self.bytes -= value_len(&occupied.insert(value));
            }
        }
    }

    /// What is known of `key`: nothing, a tombstone, or its value.
    pub(super) fn entry(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.rows.get(key)
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

    /// The entries of `range`, in `order`.
    pub(super) fn range<'g>(&'g self, range: KeyRange<'_>, order: Order) -> Option<Entries<'g>> {
        if range.is_empty() {
            return None;
        }
        let rows = self.rows.range::<[u8], _>((range.start, range.end));
        Some(match order {
            Order::Forward => Box::new(rows),
            Order::Reverse => Box::new(rows.rev()),
        })
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
        let mut values = 0;
        for (key, value) in self.range(range, order).into_iter().flatten() {
            if values == limit {
                break;
            }
            values += usize::from(value.is_some());
            copied.push((key.clone(), value.clone()));
        }
        copied
    }
}
