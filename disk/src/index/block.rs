//! A block: the unit in which a run is read, summed and cached.
//!
//! Every key is stored as what it shares with the block's *first* key and the rest, not with its
//! neighbour's: so any entry is decoded on its own, a search is a plain binary search, and walking
//! backwards costs what walking forwards does.
//!
//! ```text
//! entries   count times: shared u16, rest length u16, value length u32, rest, value
//! offsets   count times: u16, where the entry begins
//! count     u16
//! sum       u64, CRC-64/NVME of run id, block offset (u64 each) and all of the above
//! ```
//!
//! A value length of `u32::MAX` is a tombstone: the row is gone, whatever older runs say.

use super::sum::{array, checksum_of_parts};
use bytes::Bytes;
use std::{cmp::Ordering, ops::Range};

/// Length of an entry before its key.
const ENTRY_HEADER_BYTES: usize = 8;

/// Length of the count and the sum.
const TRAILER_BYTES: usize = 2 + 8;

/// The value length that says that there is none.
const TOMBSTONE: u32 = u32::MAX;

/// Collects entries, in ascending order, into one block.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    bytes: Vec<u8>,
    offsets: Vec<u16>,
    first_len: usize,
}

impl BlockBuilder {
    /// How long the block would be with one more entry.
    pub(super) fn len_with(&self, key: &[u8], value: Option<&[u8]>) -> usize {
        let entry = ENTRY_HEADER_BYTES + key.len() + value.map_or(0, <[u8]>::len);
        self.bytes.len() + entry + (self.offsets.len() + 1) * 2 + TRAILER_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Appends an entry; its key is above all before it.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let offset =
            u16::try_from(self.bytes.len()).expect("a block with room begins below 64 KiB");
        let shared = if self.is_empty() {
            self.first_len = key.len();
            0
        } else {
            shared_len(self.first_key(), key)
        };
        let rest = &key[shared..];
        let len = |len: usize| u16::try_from(len).expect("a key is at most 8 KiB");
        self.bytes.extend_from_slice(&len(shared).to_le_bytes());
        self.bytes.extend_from_slice(&len(rest.len()).to_le_bytes());
        let value_len = value.map_or(TOMBSTONE, |value| {
            u32::try_from(value.len()).expect("a value is at most 4 MiB")
        });
        self.bytes.extend_from_slice(&value_len.to_le_bytes());
        self.bytes.extend_from_slice(rest);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.offsets.push(offset);
    }

    fn first_key(&self) -> &[u8] {
        &self.bytes[ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES + self.first_len]
    }

    /// Appends the finished block to `out` and begins the next one. Returns its length.
    pub(super) fn finish(&mut self, run: u64, offset: u64, out: &mut Vec<u8>) -> usize {
        for offset in &self.offsets {
            self.bytes.extend_from_slice(&offset.to_le_bytes());
        }
        let count =
            u16::try_from(self.offsets.len()).expect("every entry has an offset of its own");
        self.bytes.extend_from_slice(&count.to_le_bytes());
        let sum = block_sum(run, offset, &self.bytes);
        self.bytes.extend_from_slice(&sum.to_le_bytes());
        out.extend_from_slice(&self.bytes);
        let len = self.bytes.len();
        self.bytes.clear();
        self.offsets.clear();
        len
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
fn shared_len(left: &[u8], right: &[u8]) -> usize {
    let (left_words, right_words) = (left.chunks_exact(8), right.chunks_exact(8));
    let words = left_words.zip(right_words).take_while(|(a, b)| a == b).count() * 8;
    let tails = left[words..].iter().zip(&right[words..]);
    words + tails.take_while(|(a, b)| a == b).count()
}

/// A verified block. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) struct Block {
    bytes: Bytes,
    count: usize,
    offsets_at: usize,
    first_len: usize,
}

/// One decoded entry.
struct Entry<'a> {
    shared: usize,
    rest: &'a [u8],
    value: Option<Range<usize>>,
}

impl Block {
    /// Verifies the block that stands at `offset` of `run`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(bytes: Bytes, run: u64, offset: u64) -> Result<Self, &'static str> {
        let body_len = bytes.len().checked_sub(8).ok_or("a block is too short")?;
        let (body, sum) = bytes.split_at(body_len);
        if u64::from_le_bytes(array(sum, 0)) != block_sum(run, offset, body) {
            return Err("a block's checksum does not match");
        }
        let count_at = body_len.checked_sub(2).ok_or("a block is too short")?;
        let count = usize::from(u16::from_le_bytes(array(body, count_at)));
        let offsets_at = count_at.checked_sub(count * 2).ok_or("a block's count is too large")?;
        let mut block = Self { bytes, count, offsets_at, first_len: 0 };
        block.check_entries()?;
        block.first_len = block.entry(0).rest.len();
        Ok(block)
    }

    /// Checks once what every later access relies on: entries lie end to end inside the block and
    /// share no more than there is.
    fn check_entries(&self) -> Result<(), &'static str> {
        const WRONG: &str = "a block's entries are not where it says";
        let mut end = 0;
        let mut first_len = 0;
        for number in 0..self.count {
            let at = self.entry_at(number);
            if at != end || at + ENTRY_HEADER_BYTES > self.offsets_at {
                return Err(WRONG);
            }
            let (shared, rest_len, value_len) = self.entry_header(at);
            end = at + ENTRY_HEADER_BYTES + rest_len + value_len.unwrap_or(0);
            if number == 0 {
                first_len = rest_len;
            }
            if end > self.offsets_at || shared > first_len || (number == 0 && shared != 0) {
                return Err(WRONG);
            }
        }
        if end == self.offsets_at && self.count > 0 { Ok(()) } else { Err(WRONG) }
    }

    fn entry_at(&self, number: usize) -> usize {
        usize::from(u16::from_le_bytes(array(&self.bytes, self.offsets_at + number * 2)))
    }

    fn entry_header(&self, at: usize) -> (usize, usize, Option<usize>) {
        let header: [u8; ENTRY_HEADER_BYTES] = array(&self.bytes, at);
        let shared = u16::from_le_bytes(array(&header, 0));
        let rest_len = u16::from_le_bytes(array(&header, 2));
        let value_len = match u32::from_le_bytes(array(&header, 4)) {
            TOMBSTONE => None,
            len => Some(usize::try_from(len).expect("a usize has at least 32 bits")),
        };
        (usize::from(shared), usize::from(rest_len), value_len)
    }

    fn entry(&self, number: usize) -> Entry<'_> {
        let at = self.entry_at(number);
        let (shared, rest_len, value_len) = self.entry_header(at);
        let rest_at = at + ENTRY_HEADER_BYTES;
        let value_at = rest_at + rest_len;
        Entry {
            shared,
            rest: &self.bytes[rest_at..value_at],
            value: value_len.map(|len| value_at..value_at + len),
        }
    }

    fn first_key(&self) -> &[u8] {
        &self.bytes[ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES + self.first_len]
    }

    /// How many entries there are: at least one.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// What the block costs to keep.
    pub(super) fn cost_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the key of entry `number` into `key`.
    pub(super) fn key_into(&self, number: usize, key: &mut Vec<u8>) {
        let entry = self.entry(number);
        key.clear();
        key.extend_from_slice(&self.first_key()[..entry.shared]);
        key.extend_from_slice(entry.rest);
    }

    /// The value of entry `number`, as a slice that pins the block; `None` for a tombstone.
    pub(super) fn value(&self, number: usize) -> Option<Bytes> {
        self.entry(number).value.map(|range| self.bytes.slice(range))
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
        let (mut low, mut high) = (1, self.count);
        while low < high {
            let middle = low.midpoint(high);
            let entry = self.entry(middle);
            let order = match entry.shared.cmp(&shared) {
                // It leaves the first key, upwards, before `key` does.
                Ordering::Less => Ordering::Greater,
                Ordering::Greater => past_first,
                Ordering::Equal => entry.rest.cmp(&key[shared..]),
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

    fn build(rows: &[(Vec<u8>, Option<Vec<u8>>)]) -> Bytes {
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
                let value = block.value(number);
                prop_assert_eq!(value.as_deref(), want_value.as_deref());
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
        assert!(Block::parse(bytes.slice(..5), 7, 64).is_err());
        assert!(Block::parse(Bytes::from_static(&[0; 64]), 7, 64).is_err());
    }
}
