//! The block index of a run: which block a key is in.
//!
//! For every block but the first it keeps the shortest key that is above the last key of the block
//! before and not above the block's own first: a separator, often far shorter than a key. All lie
//! end to end in one buffer.

use super::sum::array;
use std::ops::Range;

/// Separators and places of all blocks of one run.
#[derive(Debug)]
pub(super) struct BlockIndex {
    keys: Vec<u8>,
    entries: Vec<IndexEntry>,
    last_key: Vec<u8>,
    end: u64,
}

#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    /// Where the block begins.
    offset: u64,
    /// Where its separator begins in `keys`; it ends where the next one's begins.
    key_at: u64,
}

impl BlockIndex {
    /// Reads an index whose blocks fill `blocks`; `None` when it does not fit.
    pub(super) fn decode(mut bytes: &[u8], blocks: Range<u64>) -> Option<Self> {
        let last_key = take_key(&mut bytes)?.to_vec();
        let (mut keys, mut entries) = (Vec::with_capacity(bytes.len()), Vec::new());
        let mut offset = blocks.start;
        while !bytes.is_empty() {
            let len = u32::from_le_bytes(array(bytes.get(..4)?, 0));
            bytes = &bytes[4..];
            entries.push(IndexEntry { offset, key_at: keys.len() as u64 });
            keys.extend_from_slice(take_key(&mut bytes)?);
            offset = offset.checked_add(len.into())?;
        }
        keys.shrink_to_fit();
        entries.shrink_to_fit();
        let index = Self { keys, entries, last_key, end: blocks.end };
        (offset == blocks.end && index.is_sorted()).then_some(index)
    }

    fn is_sorted(&self) -> bool {
        let rising = (1..self.count()).all(|number| self.key(number - 1) < self.key(number));
        rising && self.count() > 0 && self.key(self.count() - 1) <= self.last_key()
    }

    /// How many blocks there are: at least one.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// What the index costs to keep.
    pub(super) fn cost_bytes(&self) -> usize {
        self.keys.len() + self.entries.len() * size_of::<IndexEntry>()
    }

    /// The separator before block `number`; the run's first key for the first.
    pub(super) fn key(&self, number: usize) -> &[u8] {
        let place = |at: u64| usize::try_from(at).expect("it is a place in a buffer");
        let start = place(self.entries[number].key_at);
        let end = self.entries.get(number + 1).map_or(self.keys.len(), |next| place(next.key_at));
        &self.keys[start..end]
    }

    /// The run's first key.
    pub(super) fn first_key(&self) -> &[u8] {
        self.key(0)
    }

    /// The run's last key.
    pub(super) fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Where block `number` lies in the file.
    pub(super) fn range(&self, number: usize) -> Range<u64> {
        let end = self.entries.get(number + 1).map_or(self.end, |next| next.offset);
        self.entries[number].offset..end
    }

    /// False when `key` is outside the run.
    pub(super) fn may_contain(&self, key: &[u8]) -> bool {
        key >= self.first_key() && key <= self.last_key()
    }

    /// The only block that can hold `key`; the first one for a key before the run.
    pub(super) fn find(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (1, self.count());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low - 1
    }
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
    let shared = before.iter().zip(key).take_while(|(a, b)| a == b).count();
    &key[..key.len().min(shared + 1)]
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
}
