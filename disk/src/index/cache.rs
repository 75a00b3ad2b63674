//! The block cache: verified blocks, shared by all runs, bounded in bytes.
//!
//! A block in the cache hangs in a slot of its run, found by its number: no hashing, no lock that
//! readers of different blocks share. Beside that, one queue knows the blocks in the order they
//! came. When there are too many bytes the first of the queue goes, unless it was used meanwhile:
//! then it goes to the end, once.
//!
//! Lock order: queue, slot. A reader that finds its block takes the slot alone.

use super::block::Block;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

/// What a cached block costs besides its bytes.
const ENTRY_BYTES: usize = 64;

/// A block that alone would take more than this part of the cache is not kept: one in so many.
const BLOCK_SHARE: usize = 4;

/// Keeps blocks, up to a number of bytes.
#[derive(Debug)]
pub(super) struct BlockCache {
    queue: Mutex<Queue>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    blocks: VecDeque<Queued>,
    bytes: usize,
}

#[derive(Debug)]
struct Queued {
    run: Weak<RunSlots>,
    block: usize,
    cost: usize,
}

/// The cached blocks of one run.
#[derive(Debug)]
pub(super) struct RunSlots {
    slots: Vec<Mutex<Slot>>,
    cache: Arc<BlockCache>,
}

#[derive(Debug, Default)]
struct Slot {
    block: Option<Block>,
    used: bool,
}

impl BlockCache {
    pub(super) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::default(), bytes_max })
    }

    /// Slots for a run of `blocks` blocks.
    pub(super) fn slots(self: &Arc<Self>, blocks: usize) -> Arc<RunSlots> {
        let slots = (0..blocks).map(|_| Mutex::default()).collect();
        Arc::new(RunSlots { slots, cache: Arc::clone(self) })
    }

    /// Bytes kept now.
    pub(super) fn bytes(&self) -> usize {
        self.queue.lock().bytes
    }

    /// Counts in a block that was put into its slot, and makes room for it.
    fn count_in(&self, queued: Queued) {
        // What goes is dropped after the lock: the last handle of a run takes the lock again.
        let mut gone = Vec::new();
        let mut queue = self.queue.lock();
        queue.bytes += queued.cost;
        queue.blocks.push_back(queued);
        // Readers may mark blocks as used all the while: nothing gets more than one chance here.
        let mut chances = queue.blocks.len();
        while queue.bytes > self.bytes_max {
            let Some(first) = queue.blocks.pop_front() else { break };
            let run = first.run.upgrade();
            if let Some(run) = &run {
                let mut slot = run.slots[first.block].lock();
                if slot.used && chances > 0 {
                    chances -= 1;
                    slot.used = false;
                    drop(slot);
                    queue.blocks.push_back(first);
                    gone.push((Some(Arc::clone(run)), None));
                    continue;
                }
                gone.push((None, slot.block.take()));
            }
            queue.bytes -= first.cost;
            gone.push((run, None));
        }
        drop(queue);
    }
}

impl RunSlots {
    /// Block `number`, if it is here.
    pub(super) fn block(&self, number: usize) -> Option<Block> {
        let mut slot = self.slots[number].lock();
        slot.used = true;
        slot.block.clone()
    }

    /// Keeps block `number`, unless it would take a large part of the cache by itself.
    pub(super) fn insert(self: &Arc<Self>, number: usize, block: &Block) {
        let cost = block.cost_bytes() + ENTRY_BYTES;
        if cost > self.cache.bytes_max / BLOCK_SHARE {
            return;
        }
        {
            let mut slot = self.slots[number].lock();
            if slot.block.is_some() {
                return;
            }
            *slot = Slot { block: Some(block.clone()), used: false };
        }
        self.cache.count_in(Queued { run: Arc::downgrade(self), block: number, cost });
    }

    /// What the slots cost to keep, without the blocks.
    pub(super) fn cost_bytes(&self) -> usize {
        self.slots.len() * size_of::<Mutex<Slot>>()
    }
}

impl Drop for RunSlots {
    /// The blocks of a run go with it.
    fn drop(&mut self) {
        let mut queue = self.cache.queue.lock();
        let Queue { blocks, bytes } = &mut *queue;
        blocks.retain(|queued| {
            let lives = queued.run.strong_count() > 0;
            *bytes -= if lives { 0 } else { queued.cost };
            lives
        });
    }
}

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
        let run = cache.slots(10_000);
        run.insert(0, &block(1000));
        for number in 1..10_000 {
            run.insert(number, &block(1000));
            assert!(run.block(0).is_some(), "lost after {number}");
            assert!(cache.bytes() <= 1 << 20);
        }
        assert!(cache.bytes() > 1 << 19);
        assert!(run.block(1).is_none());
        assert!(run.block(9999).is_some());
    }

    #[test]
    fn a_huge_block_does_not_empty_the_cache() {
        let cache = BlockCache::new(1 << 20);
        let run = cache.slots(2);
        run.insert(0, &block(10));
        run.insert(1, &block(1 << 19));
        assert!(run.block(0).is_some());
        assert!(run.block(1).is_none());
    }

    #[test]
    fn the_blocks_of_a_run_go_with_it() {
        let cache = BlockCache::new(1 << 20);
        let (kept, dropped) = (cache.slots(100), cache.slots(100));
        for number in 0..100 {
            kept.insert(number, &block(100));
            dropped.insert(number, &block(100));
        }
        let both = cache.bytes();
        drop(dropped);
        assert_eq!(cache.bytes(), both / 2);
        assert!(kept.block(50).is_some());
    }
}
