//! A Bloom filter a cache line wide: tells most absent keys without reading a block.
//!
//! Every key sets seven bits inside one line of 512 bits, so that a probe costs one cache miss. At
//! ten bits a key about 1.5 of a hundred absent keys are taken for present.
//!
//! Algorithm: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007).

use super::sum::{array, checksum};

/// Words of 64 bits in a line.
const LINE_WORDS: usize = 8;

/// Bytes of a line.
const LINE_BYTES: usize = LINE_WORDS * 8;

/// Bits per key, rounded up to whole lines.
const BITS_PER_KEY: u64 = 10;

/// Bits that a key sets; each is chosen by 9 bits of its hash.
const PROBES: u32 = 7;

/// A key's hash. The function is part of the format.
pub(super) fn hash(key: &[u8]) -> u64 {
    mix(checksum(key))
}

/// A CRC is linear; this spreads it over all bits (the finalizer of SplitMix64).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// The filter of one run.
#[derive(Debug)]
pub(super) struct Bloom {
    words: Vec<u64>,
}

impl Bloom {
    /// An empty filter for up to `keys` keys.
    pub(super) fn with_capacity(keys: u64) -> Self {
        let lines = (keys.saturating_mul(BITS_PER_KEY)).div_ceil(512).max(1);
        let lines = usize::try_from(lines).expect("a filter fits in memory");
        Self { words: vec![0; lines * LINE_WORDS] }
    }

    /// A filter that denies nothing.
    pub(super) fn open_to_all() -> Self {
        Self { words: vec![u64::MAX; LINE_WORDS] }
    }

    /// Reads a filter; `None` when it is not a whole number of lines.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(LINE_BYTES) {
            return None;
        }
        let words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(array(word, 0))).collect();
        Some(Self { words })
    }

    /// The filter's bytes, as they are stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// What the filter costs to keep.
    pub(super) fn cost_bytes(&self) -> usize {
        self.words.len() * 8
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let line = self.line(hash);
        for (word, bit) in bits(hash) {
            self.words[line + word] |= bit;
        }
    }

    /// False when the key was certainly never inserted.
    pub(super) fn may_contain(&self, hash: u64) -> bool {
        let line = self.line(hash);
        bits(hash).all(|(word, bit)| self.words[line + word] & bit != 0)
    }

    /// The first word of the key's line: the hash's upper half, scaled.
    fn line(&self, hash: u64) -> usize {
        let lines = self.words.len() / LINE_WORDS;
        let scaled = (u128::from(hash) * lines as u128) >> 64;
        usize::try_from(scaled).expect("a scaled hash is below the number of lines") * LINE_WORDS
    }
}

/// Which bits of its line a key sets: word and mask.
fn bits(hash: u64) -> impl Iterator<Item = (usize, u64)> {
    let chosen = mix(hash ^ 0x9E37_79B9_7F4A_7C15);
    (0..PROBES).map(move |probe| {
        let bit = (chosen >> (probe * 9)) & 511;
        (usize::try_from(bit >> 6).expect("below 8"), 1 << (bit & 63))
    })
}

const _: () = assert!(PROBES * 9 <= 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_inserted_is_never_denied_and_few_others_are_let_through() {
        let mut bloom = Bloom::with_capacity(10_000);
        let key = |number: u32| format!("bucket/some/key-{number:08}").into_bytes();
        (0..10_000).for_each(|number| bloom.insert(hash(&key(number))));
        let bloom = Bloom::from_bytes(&bloom.to_bytes()).unwrap();
        assert!((0..10_000).all(|number| bloom.may_contain(hash(&key(number)))));
        let wrong = (10_000..30_000).filter(|&n| bloom.may_contain(hash(&key(n)))).count();
        assert!(wrong < 600, "{wrong} of 20000 absent keys let through");
    }

    #[test]
    fn a_filter_of_part_of_a_line_is_refused() {
        assert!(Bloom::from_bytes(&[]).is_none());
        assert!(Bloom::from_bytes(&[0; 65]).is_none());
        assert!(Bloom::from_bytes(&[0; 64]).is_some());
    }
}
