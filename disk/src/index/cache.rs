//! The block cache: verified blocks, shared by all runs, bounded in bytes.
//!
//! Shards keep readers out of each other's way; inside one, a clock hand gives every block that was
//! used since its last round a second chance.

use super::block::Block;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// How many parts the cache has, each with a lock of its own.
const SHARDS: usize = 16;

/// What a cached block costs besides its bytes.
const SLOT_BYTES: usize = 128;

/// A block's name: its run and its number there. Run ids are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BlockKey {
    pub(super) run: u64,
    pub(super) block: u64,
}

impl BlockKey {
    fn spread(self) -> u64 {
        let mut word = (self.run << 40) ^ self.run ^ self.block;
        word = (word ^ (word >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word ^ (word >> 29)
    }
}

/// Blocks by name, up to a number of bytes.
#[derive(Debug)]
pub(super) struct BlockCache {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    places: HashMap<BlockKey, usize, BuildHasherDefault<KeyHasher>>,
    slots: Vec<Slot>,
    hand: usize,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Slot {
    key: BlockKey,
    block: Block,
    used: bool,
}

impl BlockCache {
    pub(super) fn new(bytes_max: usize) -> Self {
        let shard = || Shard { bytes_max: bytes_max / SHARDS, ..Shard::default() };
        Self { shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect() }
    }

    fn shard(&self, key: BlockKey) -> &Mutex<Shard> {
        let number = usize::try_from(key.spread() >> 60).expect("four bits");
        &self.shards[number]
    }

    /// The block, if it is here.
    pub(super) fn block(&self, key: BlockKey) -> Option<Block> {
        let mut shard = self.shard(key).lock();
        let place = *shard.places.get(&key)?;
        let slot = &mut shard.slots[place];
        slot.used = true;
        Some(slot.block.clone())
    }

    /// Keeps a block, unless it would take a large part of the cache by itself.
    pub(super) fn insert(&self, key: BlockKey, block: &Block) {
        let mut shard = self.shard(key).lock();
        let cost = block.cost_bytes() + SLOT_BYTES;
        if cost > shard.bytes_max / 4 || shard.places.contains_key(&key) {
            return;
        }
        while shard.bytes + cost > shard.bytes_max {
            shard.evict_one();
        }
        let place = shard.slots.len();
        shard.bytes += cost;
        shard.slots.push(Slot { key, block: block.clone(), used: false });
        shard.places.insert(key, place);
    }

    /// Bytes kept now.
    pub(super) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().bytes).sum()
    }
}

impl Shard {
    /// Lets the first block under the hand go that was not used since the hand passed it.
    fn evict_one(&mut self) {
        loop {
            self.hand = if self.hand >= self.slots.len() { 0 } else { self.hand };
            let slot = &mut self.slots[self.hand];
            if slot.used {
                slot.used = false;
                self.hand += 1;
                continue;
            }
            let gone = self.slots.swap_remove(self.hand);
            self.places.remove(&gone.key);
            self.bytes -= gone.block.cost_bytes() + SLOT_BYTES;
            if let Some(moved) = self.slots.get(self.hand) {
                self.places.insert(moved.key, self.hand);
            }
            return;
        }
    }
}

/// Names are spread by multiplication; nobody outside chooses them.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
        self.0 = mixed ^ (mixed >> 32);
    }
}

const _: () = assert!(SHARDS == 16, "a shard is chosen by four bits");

#[cfg(test)]
mod tests {
    use super::{super::block::BlockBuilder, *};

    fn block(fill: usize) -> Block {
        let (mut builder, mut out) = (BlockBuilder::default(), Vec::new());
        builder.push(b"key", Some(&vec![1; fill]));
        builder.finish(1, 0, &mut out);
        Block::parse(out.into(), 1, 0).unwrap()
    }

    #[test]
    fn the_cache_stays_within_its_bytes_and_keeps_what_is_used() {
        let cache = BlockCache::new(1 << 20);
        let hot = BlockKey { run: 1, block: 0 };
        cache.insert(hot, &block(1000));
        for number in 1..10_000 {
            cache.insert(BlockKey { run: 1, block: number }, &block(1000));
            assert!(cache.block(hot).is_some(), "lost after {number}");
            assert!(cache.bytes() <= 1 << 20);
        }
        assert!(cache.bytes() > 1 << 19);
    }

    #[test]
    fn a_huge_block_does_not_empty_the_cache() {
        let cache = BlockCache::new(1 << 20);
        let small = BlockKey { run: 1, block: 0 };
        cache.insert(small, &block(10));
        cache.insert(BlockKey { run: 1, block: 1 }, &block(1 << 19));
        assert!(cache.block(small).is_some());
        assert!(cache.block(BlockKey { run: 1, block: 1 }).is_none());
    }
}
