//! The block index of a run: which block a key is in.
//!
//! For every block but the first it keeps the shortest key that is above the last key of the block
//! before and not above the block's own first: a separator, often far shorter than a key. In
//! memory, separators go in groups; what all of a group begin with is kept once, and the eight
//! bytes that follow as a number, so that a search touches few cache lines and few keys.

use super::{block::shared_len, sum::array};
use std::ops::Range;

/// Separators in a group.
const GROUP: usize = 32;

/// Separators and places of all blocks of one run.
#[derive(Debug)]
pub(super) struct BlockIndex {
    groups: Vec<Group>,
    /// The first separator of every group, whole, end to end.
    group_keys: Vec<u8>,
    /// Of every separator, the eight bytes after what its group shares.
    heads: Vec<u64>,
    blocks: Vec<Place>,
    /// What every separator has after what its group shares, end to end.
    rests: Vec<u8>,
    last_key: Vec<u8>,
    end: u64,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    /// Where its first separator begins in `group_keys`.
    key_at: usize,
    /// How many bytes all of its separators share.
    shared: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// Where the block begins in the file.
    offset: u64,
    /// Where its separator's rest begins in `rests`.
    rest_at: usize,
}

impl BlockIndex {
    /// Reads an index whose blocks fill `blocks`; `None` when it does not fit.
    pub(super) fn decode(mut bytes: &[u8], blocks: Range<u64>) -> Option<Self> {
        let last_key = take_key(&mut bytes)?.to_vec();
        let (mut separators, mut offsets) = (Vec::new(), Vec::new());
        let mut offset = blocks.start;
        while !bytes.is_empty() {
            let len = u32::from_le_bytes(array(bytes.get(..4)?, 0));
            bytes = &bytes[4..];
            separators.push(take_key(&mut bytes)?);
            offsets.push(offset);
            offset = offset.checked_add(len.into())?;
        }
        let rises = separators.is_sorted_by(|a, b| a < b) && *separators.last()? <= &last_key[..];
        if offset != blocks.end || !rises {
            return None;
        }
        let mut index = Self {
            groups: Vec::with_capacity(offsets.len().div_ceil(GROUP)),
            group_keys: Vec::new(),
            heads: Vec::with_capacity(offsets.len()),
            blocks: Vec::with_capacity(offsets.len()),
            rests: Vec::new(),
            last_key,
            end: blocks.end,
        };
        for (separators, offsets) in separators.chunks(GROUP).zip(offsets.chunks(GROUP)) {
            index.push_group(separators, offsets);
        }
        index.group_keys.shrink_to_fit();
        index.rests.shrink_to_fit();
        Some(index)
    }

    fn push_group(&mut self, separators: &[&[u8]], offsets: &[u64]) {
        // They are sorted: what the outermost share, all share.
        let shared = shared_len(separators[0], separators[separators.len() - 1]);
        self.groups.push(Group { key_at: self.group_keys.len(), shared });
        self.group_keys.extend_from_slice(separators[0]);
        for (separator, offset) in separators.iter().zip(offsets) {
            let rest = &separator[shared..];
            self.heads.push(head(rest));
            self.blocks.push(Place { offset: *offset, rest_at: self.rests.len() });
            self.rests.extend_from_slice(rest);
        }
    }

    /// How many blocks there are: at least one.
    pub(super) fn count(&self) -> usize {
        self.blocks.len()
    }

    /// What the index costs to keep.
    pub(super) fn cost_bytes(&self) -> usize {
        let keys = self.group_keys.len() + self.rests.len();
        keys + self.groups.len() * size_of::<Group>()
            + self.blocks.len() * (size_of::<Place>() + size_of::<u64>())
    }

    fn group_key(&self, number: usize) -> &[u8] {
        let end = self.groups.get(number + 1).map_or(self.group_keys.len(), |next| next.key_at);
        &self.group_keys[self.groups[number].key_at..end]
    }

    fn rest(&self, number: usize) -> &[u8] {
        let end = self.blocks.get(number + 1).map_or(self.rests.len(), |next| next.rest_at);
        &self.rests[self.blocks[number].rest_at..end]
    }

    /// The separator in front of block `number`.
    pub(super) fn separator(&self, number: usize) -> Vec<u8> {
        let group = number / GROUP;
        let shared = &self.group_key(group)[..self.groups[group].shared];
        [shared, self.rest(number)].concat()
    }

    /// The run's first key.
    pub(super) fn first_key(&self) -> &[u8] {
        self.group_key(0)
    }

    /// The run's last key.
    pub(super) fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Where block `number` lies in the file.
    pub(super) fn range(&self, number: usize) -> Range<u64> {
        let end = self.blocks.get(number + 1).map_or(self.end, |next| next.offset);
        self.blocks[number].offset..end
    }

    /// False when `key` is outside the run.
    pub(super) fn may_contain(&self, key: &[u8]) -> bool {
        key >= self.first_key() && key <= self.last_key()
    }

    /// The only block that can hold `key`; the first one for a key before the run.
    pub(super) fn find(&self, key: &[u8]) -> usize {
        self.find_in(0..self.groups.len(), key)
    }

    /// As [`Self::find`], for a key that is not before block `from`: looks in ever larger steps from
    /// there, which costs the less the nearer the key is.
    pub(super) fn find_ahead(&self, from: usize, key: &[u8]) -> usize {
        let count = self.groups.len();
        let (mut low, mut step) = (from / GROUP, 1);
        let mut high = low + 1;
        while high < count && self.group_key(high) <= key {
            low = high;
            high = high.saturating_add(step);
            step *= 2;
        }
        self.find_in(low..high.min(count), key)
    }

    /// As [`Self::find`], for a key that is before the group behind `groups`, and not before the first
    /// of them if any is before that.
    fn find_in(&self, groups: Range<usize>, key: &[u8]) -> usize {
        let after = partition(groups, |number| self.group_key(number) <= key);
        let Some(group) = after.checked_sub(1) else { return 0 };
        let first = group * GROUP;
        let end = self.count().min(first + GROUP);
        // A key that leaves what the group shares does so upwards: it is not below the first.
        let shared = &self.group_key(group)[..self.groups[group].shared];
        let Some(rest) = key.strip_prefix(shared) else { return end - 1 };
        let wanted = head(rest);
        let not_above = |number: usize| match self.heads[number].cmp(&wanted) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => self.rest(number) <= rest,
            std::cmp::Ordering::Greater => false,
        };
        partition(first + 1..end, not_above) - 1
    }
}

/// The first number of `range` for which `holds` is false; it is true for all before that one.
fn partition(range: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// The first eight bytes as a number that sorts as they do; zeros stand for what is missing.
fn head(bytes: &[u8]) -> u64 {
    let mut head = [0; 8];
    let len = bytes.len().min(8);
    head[..len].copy_from_slice(&bytes[..len]);
    u64::from_be_bytes(head)
}

/// Collects a block index.
#[derive(Debug, Default)]
pub(super) struct BlockIndexBuilder {
    bytes: Vec<u8>,
    count: u64,
}

impl BlockIndexBuilder {
    /// Adds a block of `len` bytes between whose first key and the last one before it `separator`
    /// stands.
    pub(super) fn push(&mut self, separator: &[u8], len: usize) {
        let len = u32::try_from(len).expect("a block is one row or about 4 KiB");
        self.bytes.extend_from_slice(&len.to_le_bytes());
        put_key(&mut self.bytes, separator);
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The index's bytes, as they are stored.
    pub(super) fn finish(self, last_key: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + last_key.len() + 2);
        put_key(&mut bytes, last_key);
        bytes.extend_from_slice(&self.bytes);
        bytes
    }
}

/// The shortest beginning of `key` that is above `before`, which `key` is above.
pub(super) fn separator<'k>(before: &[u8], key: &'k [u8]) -> &'k [u8] {
    &key[..key.len().min(shared_len(before, key) + 1)]
}

fn put_key(bytes: &mut Vec<u8>, key: &[u8]) {
    let len = u16::try_from(key.len()).expect("a key is at most 8 KiB");
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(key);
}

fn take_key<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let len = usize::from(u16::from_le_bytes(array(bytes.get(..2)?, 0)));
    let key = bytes.get(2..2 + len)?;
    *bytes = &bytes[2 + len..];
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, key: &str, expected: &str) {
        assert_eq!(separator(before.as_bytes(), key.as_bytes()), expected.as_bytes());
    }

    #[test]
    fn a_separator_is_the_shortest_key_between() {
        check("apple", "banana", "b");
        check("photos/cat", "photos/dog", "photos/d");
        check("a", "ab", "ab");
        check("", "z", "z");
    }

    #[test]
    fn every_key_is_looked_for_in_the_block_that_would_hold_it() {
        let mut builder = BlockIndexBuilder::default();
        builder.push(b"b", 10);
        builder.push(b"d", 20);
        builder.push(b"f", 30);
        let bytes = builder.finish(b"g");
        let index = BlockIndex::decode(&bytes, 32..92).unwrap();
        for (key, block) in [("a", 0), ("b", 0), ("c", 0), ("d", 1), ("e", 1), ("f", 2), ("z", 2)] {
            assert_eq!(index.find(key.as_bytes()), block, "{key}");
        }
        assert_eq!(index.range(1), 42..62);
        assert_eq!(index.range(2), 62..92);
        assert!(BlockIndex::decode(&bytes, 32..91).is_none());
        assert!(BlockIndex::decode(&bytes[..bytes.len() - 1], 32..92).is_none());
    }
    #[test]
    fn many_blocks_are_found_as_a_plain_search_would() {
        let mut keys: Vec<Vec<u8>> = (0..500_u32)
            .map(|number| format!("{}/x\0{:05}", number / 70, number * 3).into_bytes())
            .chain((0..40).map(|zeros| [b"zz".as_slice(), &vec![0; zeros]].concat()))
            .collect();
        keys.sort();
        let mut builder = BlockIndexBuilder::default();
        keys.iter().for_each(|key| builder.push(key, 1));
        let bytes = builder.finish(b"zzz");
        let index = BlockIndex::decode(&bytes, 32..32 + keys.len() as u64).unwrap();
        let near = |key: &Vec<u8>| {
            let (mut below, mut above) = (key.clone(), key.clone());
            below.pop();
            above.push(0);
            [key.clone(), below, above, [key, &b"\xff"[..]].concat()]
        };
        assert!((0..keys.len()).all(|number| index.separator(number) == keys[number]));
        for probe in keys.iter().flat_map(near) {
            let plain = keys.partition_point(|key| *key <= probe).saturating_sub(1);
            assert_eq!(index.find(&probe), plain, "{probe:?}");
            for from in (0..=plain).step_by(13).chain([plain]) {
                assert_eq!(index.find_ahead(from, &probe), plain, "{probe:?} from {from}");
            }
        }
    }
}
