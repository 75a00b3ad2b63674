//! A block: the unit in which a run is read, summed and cached.
//!
//! Every key is stored as what it shares with the block's *first* key and the rest, not with its
//! neighbour's: so any entry is decoded on its own, a search is a plain binary search, and walking
//! backwards costs what walking forwards does. Keys lie together and values behind them, so that a
//! search touches few cache lines.
//!
//! ```text
//! count    u16
//! entries  count times: shared u16, rest end u16, value end u32
//! rests    of all keys, end to end
//! values   end to end
//! sum      u64, CRC-64/NVME of run id, block offset (u64 each) and all of the above
//! ```
//!
//! An end is counted from the start of the rests, or of the values. The highest bit of `shared`
//! marks a tombstone: the row is gone, whatever older runs say.

use super::sum::{array, checksum_of_parts};
use bytes::Bytes;
use std::{cmp::Ordering, ops::Range, sync::Arc};

/// Length of the count.
const HEADER_BYTES: usize = 2;

/// Length of an entry without its key and value.
const ENTRY_BYTES: usize = 8;

/// Length of the sum.
const SUM_BYTES: usize = 8;

/// The bit of `shared` that marks a tombstone.
const TOMBSTONE: u16 = 1 << 15;

/// Collects entries, in ascending order, into one block.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    count: u16,
    entries: Vec<u8>,
    rests: Vec<u8>,
    values: Vec<u8>,
    first_len: usize,
}

impl BlockBuilder {
    /// How long the block would be with one more entry.
    pub(super) fn len_with(&self, key: &[u8], value: Option<&[u8]>) -> usize {
        let entry = ENTRY_BYTES + key.len() + value.map_or(0, <[u8]>::len);
        let so_far = self.entries.len() + self.rests.len() + self.values.len();
        HEADER_BYTES + so_far + entry + SUM_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends an entry; its key is above all before it.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let shared = if self.is_empty() {
            self.first_len = key.len();
            0
        } else {
            shared_len(&self.rests[..self.first_len], key)
        };
        self.rests.extend_from_slice(&key[shared..]);
        self.values.extend_from_slice(value.unwrap_or_default());
        let short = |len: usize| u16::try_from(len).expect("a key is at most 8 KiB, a block 4 KiB");
        let mark = if value.is_some() { 0 } else { TOMBSTONE };
        let value_end = u32::try_from(self.values.len()).expect("a value is at most 4 MiB");
        self.entries.extend_from_slice(&(short(shared) | mark).to_le_bytes());
        self.entries.extend_from_slice(&short(self.rests.len()).to_le_bytes());
        self.entries.extend_from_slice(&value_end.to_le_bytes());
        self.count += 1;
    }

    /// Appends the finished block to `out` and begins the next one. Returns its length.
    pub(super) fn finish(&mut self, run: u64, offset: u64, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.entries);
        out.extend_from_slice(&self.rests);
        out.extend_from_slice(&self.values);
        let sum = block_sum(run, offset, &out[start..]);
        out.extend_from_slice(&sum.to_le_bytes());
        self.count = 0;
        self.entries.clear();
        self.rests.clear();
        self.values.clear();
        out.len() - start
    }
}

/// The sum of a block covers where it belongs, so that one in the wrong place does not verify.
fn block_sum(run: u64, offset: u64, bytes: &[u8]) -> u64 {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&run.to_le_bytes());
    place[8..].copy_from_slice(&offset.to_le_bytes());
    checksum_of_parts(&[&place, bytes])
}

/// How many bytes two keys have in common from the start.
pub(super) fn shared_len(left: &[u8], right: &[u8]) -> usize {
    let (left_words, right_words) = (left.chunks_exact(8), right.chunks_exact(8));
    let words = left_words.zip(right_words).take_while(|(a, b)| a == b).count() * 8;
    let tails = left[words..].iter().zip(&right[words..]);
    words + tails.take_while(|(a, b)| a == b).count()
}

/// A verified block. Cloning it is cheap. It keeps nothing beside the bytes: what a search needs
/// first is at their start, next to the reference count that cloning touches anyway.
#[derive(Clone, Debug)]
pub(super) struct Block {
    bytes: Arc<[u8]>,
}

/// One decoded entry.
struct Entry {
    shared: usize,
    rest_end: usize,
    value_end: usize,
    is_tombstone: bool,
}

impl Block {
    /// Verifies the block that stands at `offset` of `run`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(bytes: Arc<[u8]>, run: u64, offset: u64) -> Result<Self, &'static str> {
        const SHORT: &str = "a block is too short";
        let sum_at = bytes.len().checked_sub(SUM_BYTES).ok_or(SHORT)?;
        let (body, sum) = bytes.split_at(sum_at);
        if u64::from_le_bytes(array(sum, 0)) != block_sum(run, offset, body) {
            return Err("a block's checksum does not match");
        }
        if body.len() < HEADER_BYTES {
            return Err(SHORT);
        }
        let block = Self { bytes };
        if block.is_sound() { Ok(block) } else { Err("a block's entries are not where it says") }
    }

    /// Checks once what every later access relies on: ends rise, stay inside the block and meet
    /// its end, and no key shares more than there is.
    fn is_sound(&self) -> bool {
        let sum_at = self.bytes.len() - SUM_BYTES;
        if self.count() == 0 || self.rests_at() > sum_at {
            return false;
        }
        let first_len = self.entry(0).rest_end;
        let (mut rest_end, mut value_end) = (0, 0);
        for number in 0..self.count() {
            let entry = self.entry(number);
            let rises = entry.rest_end >= rest_end && entry.value_end >= value_end;
            let shares = if number == 0 { 0 } else { first_len };
            let is_empty = entry.value_end == value_end;
            if !rises || entry.shared > shares || (entry.is_tombstone && !is_empty) {
                return false;
            }
            (rest_end, value_end) = (entry.rest_end, entry.value_end);
        }
        self.rests_at() + rest_end + value_end == sum_at
    }

    /// How many entries there are: at least one.
    pub(super) fn count(&self) -> usize {
        usize::from(u16::from_le_bytes(array(&self.bytes, 0)))
    }

    fn rests_at(&self) -> usize {
        HEADER_BYTES + self.count() * ENTRY_BYTES
    }

    fn values_at(&self) -> usize {
        self.rests_at() + self.entry(self.count() - 1).rest_end
    }

    fn entry(&self, number: usize) -> Entry {
        let entry: [u8; ENTRY_BYTES] = array(&self.bytes, HEADER_BYTES + number * ENTRY_BYTES);
        let shared = u16::from_le_bytes(array(&entry, 0));
        let value_end = u32::from_le_bytes(array(&entry, 4));
        Entry {
            shared: usize::from(shared & !TOMBSTONE),
            rest_end: usize::from(u16::from_le_bytes(array(&entry, 2))),
            value_end: usize::try_from(value_end).expect("a usize has at least 32 bits"),
            is_tombstone: shared & TOMBSTONE != 0,
        }
    }

    fn rest(&self, number: usize, entry: &Entry) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.entry(before).rest_end);
        &self.bytes[self.rests_at() + start..self.rests_at() + entry.rest_end]
    }

    fn first_key(&self) -> &[u8] {
        &self.bytes[self.rests_at()..self.rests_at() + self.entry(0).rest_end]
    }

    /// What the block costs to keep.
    pub(super) fn cost_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All of the block, for slices that pin it.
    pub(super) fn pinned(&self) -> Bytes {
        Bytes::from_owner(Arc::clone(&self.bytes))
    }

    /// Writes the key of entry `number` into `key`.
    pub(super) fn key_into(&self, number: usize, key: &mut Vec<u8>) {
        let entry = self.entry(number);
        key.clear();
        key.extend_from_slice(&self.first_key()[..entry.shared]);
        key.extend_from_slice(self.rest(number, &entry));
    }

    /// Where the value of entry `number` lies; `None` for a tombstone.
    pub(super) fn value_range(&self, number: usize) -> Option<Range<usize>> {
        let entry = self.entry(number);
        let start = number.checked_sub(1).map_or(0, |before| self.entry(before).value_end);
        let values_at = self.values_at();
        (!entry.is_tombstone).then(|| values_at + start..values_at + entry.value_end)
    }

    /// The value of entry `number`; `None` for a tombstone.
    pub(super) fn value(&self, number: usize) -> Option<&[u8]> {
        self.value_range(number).map(|range| &self.bytes[range])
    }

    /// Where `key` is, or where it would be.
    pub(super) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let first = self.first_key();
        let shared = shared_len(first, key);
        // The first key and `key` part at `shared`: which of them is greater there decides for all
        // entries that follow the first key further than that.
        let past_first = match (first.get(shared), key.get(shared)) {
            (None, None) => return Ok(0),
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (Some(ours), Some(theirs)) => ours.cmp(theirs),
        };
        if past_first == Ordering::Greater {
            return Err(0);
        }
        let (mut low, mut high) = (1, self.count());
        while low < high {
            let middle = low.midpoint(high);
            let entry = self.entry(middle);
            let order = match entry.shared.cmp(&shared) {
                // It leaves the first key, upwards, before `key` does.
                Ordering::Less => Ordering::Greater,
                Ordering::Greater => past_first,
                Ordering::Equal => self.rest(middle, &entry).cmp(&key[shared..]),
            };
            match order {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_map, option, prelude::*};

    fn build(rows: &[(Vec<u8>, Option<Vec<u8>>)]) -> Arc<[u8]> {
        let (mut builder, mut out) = (BlockBuilder::default(), Vec::new());
        for (key, value) in rows {
            builder.push(key, value.as_deref());
        }
        let len = builder.finish(7, 64, &mut out);
        assert_eq!(len, out.len());
        out.into()
    }

    proptest! {
        #[test]
        fn a_block_finds_what_was_put_in(
            rows in btree_map("[ab]{0,6}", option::of("[a-z]{0,9}"), 1..40),
            probe in "[abc]{0,7}",
        ) {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|(key, value)| (key.into_bytes(), value.map(String::into_bytes)))
                .collect();
            let block = Block::parse(build(&rows), 7, 64).unwrap();
            prop_assert_eq!(block.count(), rows.len());
            let mut key = Vec::new();
            for (number, (want_key, want_value)) in rows.iter().enumerate() {
                block.key_into(number, &mut key);
                prop_assert_eq!(&key, want_key);
                prop_assert_eq!(block.value(number), want_value.as_deref());
            }
            let want = rows.binary_search_by(|(key, _)| key.as_slice().cmp(probe.as_bytes()));
            prop_assert_eq!(block.search(probe.as_bytes()), want);
        }
    }

    #[test]
    fn a_block_in_the_wrong_place_does_not_verify() {
        let bytes = build(&[(b"key".to_vec(), Some(b"value".to_vec()))]);
        assert!(Block::parse(bytes.clone(), 7, 64).is_ok());
        assert!(Block::parse(bytes.clone(), 8, 64).is_err());
        assert!(Block::parse(bytes.clone(), 7, 65).is_err());
        assert!(Block::parse(bytes[..5].into(), 7, 64).is_err());
        assert!(Block::parse([0; 64].into(), 7, 64).is_err());
    }
}
