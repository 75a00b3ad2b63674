//! Cursors: one over each source of rows, and one that merges them.

use super::{
    block::Block,
    overlay::{Entries, Generation},
    run::Run,
    walk::ActiveCursor,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, KeyRange, Order};
use std::{cmp::Ordering, ops::Bound, sync::Arc};

/// How much of a run is read at once when it is read from end to end.
const STREAM_BYTES: u64 = 512 << 10;

/// Rows in order, one at a time: `key` is `None` at the end.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// Rows of the active generation, copied a few at a time.
    Active(ActiveCursor<'a>),
    /// Rows of a frozen generation.
    Frozen(FrozenCursor<'a>),
    /// Rows from elsewhere.
    Rows(RowsCursor<'a>),
    /// Part of a run, through the block cache.
    Run(RunCursor<'a>),
    /// A whole run, past the block cache.
    Stream(RunStream),
}

impl Source<'_> {
    /// The current key; `None` at the end.
    pub(super) fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Active(rows) => rows.key(),
            Self::Frozen(rows) => rows.head.map(|(key, _)| &key[..]),
            Self::Rows(rows) => rows.head.as_ref().map(|(key, _)| &key[..]),
            Self::Run(run) => run.block.as_ref().map(|_| &run.key[..]),
            Self::Stream(stream) => stream.block.as_ref().map(|_| &stream.key[..]),
        }
    }

    /// The current key, to be kept.
    pub(super) fn key_bytes(&self) -> Bytes {
        match self {
            Self::Frozen(rows) => rows.head.map(|(key, _)| key.clone()).unwrap_or_default(),
            Self::Rows(rows) => rows.head.as_ref().map(|(key, _)| key.clone()).unwrap_or_default(),
            other => Bytes::copy_from_slice(other.key().unwrap_or_default()),
        }
    }

    /// The current value, to be kept; `None` for a tombstone.
    pub(super) fn value(&mut self) -> Option<Bytes> {
        match self {
            Self::Frozen(rows) => rows.head.and_then(|(_, value)| value.clone()),
            Self::Rows(rows) => rows.head.as_ref().and_then(|(_, value)| value.clone()),
            Self::Run(run) => run.value(),
            other => other.value_slice().map(Bytes::copy_from_slice),
        }
    }

    /// The current value, to be looked at.
    pub(super) fn value_slice(&self) -> Option<&[u8]> {
        match self {
            Self::Active(rows) => rows.value(),
            Self::Frozen(rows) => rows.head.and_then(|(_, value)| value.as_deref()),
            Self::Rows(rows) => rows.head.as_ref().and_then(|(_, value)| value.as_deref()),
            Self::Run(run) => run.block.as_ref().and_then(|block| block.value(run.entry)),
            Self::Stream(run) => run.block.as_ref().and_then(|block| block.value(run.entry)),
        }
    }

    fn advance(&mut self) -> Result<(), BackendError> {
        match self {
            Self::Active(rows) => rows.advance(),
            Self::Frozen(rows) => rows.head = rows.rest.as_mut().and_then(Iterator::next),
            Self::Rows(rows) => rows.head = rows.rest.next(),
            Self::Run(run) => run.advance()?,
            Self::Stream(stream) => stream.advance()?,
        }
        Ok(())
    }

    /// Goes ahead to the first entry that is not before `to`. Walks forward, as `to` says.
    fn seek(&mut self, to: &[u8]) -> Result<(), BackendError> {
        if self.key().is_none_or(|key| key >= to) {
            return Ok(());
        }
        match self {
            Self::Active(rows) => rows.seek(to),
            Self::Frozen(rows) => rows.seek(to),
            Self::Run(run) => run.seek_ahead(to)?,
            Self::Rows(_) | Self::Stream(_) => {
                while self.key().is_some_and(|key| key < to) {
                    self.advance()?;
                }
            }
        }
        Ok(())
    }

    /// Where a walk has to begin anew, because what lies below the active generation has changed.
    fn stale_from(&self) -> Option<&Bound<Bytes>> {
        match self {
            Self::Active(rows) => rows.stale_from(),
            _ => None,
        }
    }
}

/// A cursor over a frozen generation.
pub(super) struct FrozenCursor<'a> {
    rows: &'a Generation,
    order: Order,
    end: Bound<&'a [u8]>,
    head: Option<(&'a Bytes, &'a Option<Bytes>)>,
    /// `None` when there is nothing in the range.
    rest: Option<Entries<'a>>,
}

impl std::fmt::Debug for FrozenCursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrozenCursor").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<'a> FrozenCursor<'a> {
    pub(super) fn new(rows: &'a Generation, range: KeyRange<'a>, order: Order) -> Self {
        let mut rest = rows.range(range, order);
        let head = rest.as_mut().and_then(Iterator::next);
        Self { rows, order, end: range.end, head, rest }
    }

    fn seek(&mut self, to: &[u8]) {
        self.rest =
            self.rows.range(KeyRange { start: Bound::Included(to), end: self.end }, self.order);
        self.head = self.rest.as_mut().and_then(Iterator::next);
    }
}

/// A cursor over rows in memory.
pub(super) struct RowsCursor<'a> {
    head: Option<(Bytes, Option<Bytes>)>,
    rest: Box<dyn Iterator<Item = (Bytes, Option<Bytes>)> + Send + 'a>,
}

impl std::fmt::Debug for RowsCursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowsCursor").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<'a> RowsCursor<'a> {
    pub(super) fn new(rows: impl Iterator<Item = (Bytes, Option<Bytes>)> + Send + 'a) -> Self {
        let mut rest = Box::new(rows);
        Self { head: rest.next(), rest }
    }
}

/// What becomes of a block that is read and was not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is kept there.
    InCache,
    /// The cache stays as it is: others need what is in it.
    Nothing,
}

impl Keep {
    fn block(self, run: &Run, number: usize) -> Result<Block, BackendError> {
        match self {
            Self::InCache => run.block(number),
            Self::Nothing => run.read_block(number),
        }
    }
}

/// A cursor over a part of a run, in either direction.
#[derive(Debug)]
pub(super) struct RunCursor<'a> {
    run: &'a Run,
    order: Order,
    keep: Keep,
    /// `None` at the end.
    block: Option<Block>,
    /// The block as a value pins it, once one was asked for.
    pinned: Option<Bytes>,
    block_number: usize,
    entry: usize,
    key: Vec<u8>,
}

impl<'a> RunCursor<'a> {
    /// A cursor at the first entry of `range`, seen in `order`; `None` when the run has nothing
    /// near the range. It does not stop at the range's end: the caller does.
    pub(super) fn seek(
        run: &'a Run,
        range: KeyRange<'_>,
        order: Order,
        keep: Keep,
    ) -> Result<Option<Self>, BackendError> {
        let index = run.index();
        if !overlaps(index.first_key(), index.last_key(), range) {
            return Ok(None);
        }
        let from = match order {
            Order::Forward => range.start,
            Order::Reverse => range.end,
        };
        let block_number = match (from, order) {
            (Bound::Included(key) | Bound::Excluded(key), _) => index.find(key),
            (Bound::Unbounded, Order::Forward) => 0,
            (Bound::Unbounded, Order::Reverse) => index.count() - 1,
        };
        let block = keep.block(run, block_number)?;
        let key = Vec::with_capacity(index.last_key().len().max(64));
        let mut cursor =
            Self { run, order, keep, block: None, pinned: None, block_number, entry: 0, key };
        match order {
            Order::Forward => cursor.start_forward(block, from)?,
            Order::Reverse => cursor.start_reverse(block, from)?,
        }
        Ok(cursor.block.is_some().then_some(cursor))
    }

    /// Stands on the first entry at or after `from`, which is in `block` or begins the next one.
    fn start_forward(&mut self, block: Block, from: Bound<&[u8]>) -> Result<(), BackendError> {
        let entry = match from {
            Bound::Unbounded => 0,
            Bound::Included(key) => block.search(key).unwrap_or_else(|place| place),
            Bound::Excluded(key) => block.search(key).map_or_else(|place| place, |found| found + 1),
        };
        if entry < block.count() {
            self.stand_on(block, entry);
            return Ok(());
        }
        self.next_block()
    }

    /// Stands on the last entry at or before `from`, which is in `block` or ends the one before.
    fn start_reverse(&mut self, block: Block, from: Bound<&[u8]>) -> Result<(), BackendError> {
        let end = match from {
            Bound::Unbounded => block.count(),
            Bound::Included(key) => block.search(key).map_or_else(|place| place, |found| found + 1),
            Bound::Excluded(key) => block.search(key).unwrap_or_else(|place| place),
        };
        let Some(entry) = end.checked_sub(1) else { return self.next_block() };
        self.stand_on(block, entry);
        Ok(())
    }

    fn stand_on(&mut self, block: Block, entry: usize) {
        block.key_into(entry, &mut self.key);
        self.entry = entry;
        self.block = Some(block);
    }

    fn advance(&mut self) -> Result<(), BackendError> {
        let Some(block) = &self.block else { return Ok(()) };
        let next = match self.order {
            Order::Forward => Some(self.entry + 1).filter(|&entry| entry < block.count()),
            Order::Reverse => self.entry.checked_sub(1),
        };
        let Some(entry) = next else { return self.next_block() };
        block.key_into(entry, &mut self.key);
        self.entry = entry;
        Ok(())
    }

    fn value(&mut self) -> Option<Bytes> {
        let block = self.block.as_ref()?;
        let range = block.value_range(self.entry)?;
        Some(self.pinned.get_or_insert_with(|| block.pinned()).slice(range))
    }

    /// Goes ahead to the first entry that is not before `to`.
    fn seek_ahead(&mut self, to: &[u8]) -> Result<(), BackendError> {
        let Some(block) = self.block.take() else { return Ok(()) };
        let index = self.run.index();
        if to > index.last_key() {
            return Ok(());
        }
        let number = index.find_ahead(self.block_number, to);
        let block = if number == self.block_number {
            block
        } else {
            self.pinned = None;
            self.block_number = number;
            self.keep.block(self.run, number)?
        };
        self.start_forward(block, Bound::Included(to))
    }

    /// Goes to the block that follows in the cursor's order.
    fn next_block(&mut self) -> Result<(), BackendError> {
        self.block = None;
        self.pinned = None;
        let next = match self.order {
            Order::Forward => Some(self.block_number + 1).filter(|&n| n < self.run.index().count()),
            Order::Reverse => self.block_number.checked_sub(1),
        };
        let Some(number) = next else { return Ok(()) };
        let block = self.keep.block(self.run, number)?;
        self.block_number = number;
        let entry = match self.order {
            Order::Forward => 0,
            Order::Reverse => block.count() - 1,
        };
        self.stand_on(block, entry);
        Ok(())
    }
}

/// True when keys from `first` to `last` and `range` may have one in common.
fn overlaps(first: &[u8], last: &[u8], range: KeyRange<'_>) -> bool {
    let ends_before = match range.end {
        Bound::Unbounded => false,
        Bound::Included(end) => end < first,
        Bound::Excluded(end) => end <= first,
    };
    let starts_after = match range.start {
        Bound::Unbounded => false,
        Bound::Included(start) => start > last,
        Bound::Excluded(start) => start >= last,
    };
    !ends_before && !starts_after
}

/// A cursor over a whole run, forward, that reads far ahead and leaves the block cache alone.
#[derive(Debug)]
pub(super) struct RunStream {
    run: Arc<Run>,
    chunk: Vec<u8>,
    chunk_at: u64,
    /// `None` at the end.
    block: Option<Block>,
    block_number: usize,
    entry: usize,
    key: Vec<u8>,
}

impl RunStream {
    /// A cursor at the run's first entry.
    pub(super) fn begin(run: Arc<Run>) -> Result<Self, BackendError> {
        let (chunk, key) = (Vec::new(), Vec::new());
        let mut stream =
            Self { run, chunk, chunk_at: 0, block: None, block_number: 0, entry: 0, key };
        stream.load()?;
        Ok(stream)
    }

    fn advance(&mut self) -> Result<(), BackendError> {
        let Some(block) = &self.block else { return Ok(()) };
        if self.entry + 1 < block.count() {
            self.entry += 1;
            block.key_into(self.entry, &mut self.key);
            return Ok(());
        }
        self.block_number += 1;
        self.load()
    }

    /// Stands on the first entry of block `block_number`.
    fn load(&mut self) -> Result<(), BackendError> {
        self.block = None;
        let index = self.run.index();
        if self.block_number == index.count() {
            return Ok(());
        }
        let range = index.range(self.block_number);
        if range.end > self.chunk_at + self.chunk.len() as u64 {
            let mut end = range.end;
            let ahead =
                (self.block_number + 1..index.count()).map(|number| index.range(number).end);
            for block_end in ahead.take_while(|&end| end - range.start <= STREAM_BYTES) {
                end = block_end;
            }
            self.chunk = self.run.read(range.start..end)?;
            self.chunk_at = range.start;
        }
        let place = |at: u64| usize::try_from(at - self.chunk_at).expect("it is in the chunk");
        let bytes = &self.chunk[place(range.start)..place(range.end)];
        let block = self.run.parse(bytes.into(), range.start)?;
        block.key_into(0, &mut self.key);
        self.entry = 0;
        self.block = Some(block);
        Ok(())
    }
}

/// All sources as one: where several have a key, the first of them wins.
#[derive(Debug)]
pub(super) struct Merged<'a> {
    sources: Vec<Source<'a>>,
    order: Order,
    /// The source that has the current key.
    current: Option<usize>,
    /// The source that has the smallest key besides `current`, when there is one.
    runner_up: Option<usize>,
}

impl<'a> Merged<'a> {
    /// Merges `sources`, the newest first, all walking in `order`.
    pub(super) fn new(sources: Vec<Source<'a>>, order: Order) -> Self {
        Self { sources, order, current: None, runner_up: None }
    }

    /// The source that stands on the current entry; `None` at the end.
    pub(super) fn current(&self) -> Option<&Source<'a>> {
        self.current.map(|current| &self.sources[current])
    }

    /// Goes to the next entry: the source that stands on it, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&mut Source<'a>>, BackendError> {
        let leads = match self.current {
            Some(current) => self.advance_leads(current)?,
            None => false,
        };
        if !leads {
            self.current = self.choose()?;
        }
        Ok(self.current.map(|current| &mut self.sources[current]))
    }

    /// Goes ahead: the next entry is the first that is not before `to`.
    pub(super) fn seek(&mut self, to: &[u8]) -> Result<(), BackendError> {
        self.current = None;
        self.sources.iter_mut().try_for_each(|source| source.seek(to))
    }

    /// Where a walk has to begin anew. What was found since is not to be shown.
    pub(super) fn stale_from(&self) -> Option<&Bound<Bytes>> {
        // The newest source comes first, and stays when it is stale.
        self.sources.first().and_then(Source::stale_from)
    }

    /// Advances the current source; true when it still comes before all others. Sources seldom
    /// interleave row by row, so this saves most comparisons.
    fn advance_leads(&mut self, current: usize) -> Result<bool, BackendError> {
        self.sources[current].advance()?;
        let Some(key) = self.sources[current].key() else { return Ok(false) };
        let Some(other) = self.runner_up else { return Ok(true) };
        let other = self.sources[other].key().expect("a runner-up has a key");
        Ok(compare(self.order, key, other) == Ordering::Less)
    }

    /// Finds the source that comes first, and passes over what it hides in older ones.
    fn choose(&mut self) -> Result<Option<usize>, BackendError> {
        self.sources.retain(|source| source.key().is_some() || source.stale_from().is_some());
        self.runner_up = None;
        if self.sources.is_empty() {
            return Ok(None);
        }
        let mut best = 0;
        for number in 1..self.sources.len() {
            match self.compare(number, best) {
                Ordering::Less => {
                    self.runner_up = Some(best);
                    best = number;
                    continue;
                }
                Ordering::Equal => self.sources[number].advance()?,
                Ordering::Greater => {}
            }
            let closer = self.runner_up.is_none_or(|other| self.compare(number, other).is_lt());
            if closer && self.sources[number].key().is_some() {
                self.runner_up = Some(number);
            }
        }
        Ok(Some(best))
    }

    /// How two sources stand; one at its end comes last.
    fn compare(&self, left: usize, right: usize) -> Ordering {
        match (self.sources[left].key(), self.sources[right].key()) {
            (Some(left), Some(right)) => compare(self.order, left, right),
            (left, right) => right.is_some().cmp(&left.is_some()),
        }
    }
}

/// How two keys stand when walking in `order`.
fn compare(order: Order, left: &[u8], right: &[u8]) -> Ordering {
    match order {
        Order::Forward => left.cmp(right),
        Order::Reverse => right.cmp(left),
    }
}
