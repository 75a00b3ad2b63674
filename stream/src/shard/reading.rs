//! Reading a shard: what is near the tip from memory, what is older from its rows.

use super::{Collected, INDEX_FIRST, Recent, Shard};
use crate::{
    chunk::{Chunk, seconds},
    error::Result,
    record::{PartitionKey, Record},
    row::{ChunkRow, chunks_of, first_index_of},
    streams::Hub,
};
use cistern_storage_core::{
    Timestamp,
    port::{KeyRange, Order},
};

/// What was read from a shard.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    /// Their bytes, data and partition keys.
    pub(crate) bytes: u64,
    /// The index to go on from.
    pub(crate) next: u64,
    /// Records that were trimmed before they could be read.
    pub(crate) lost: u64,
    /// True when the shard is closed and there is nothing behind `next`.
    pub(crate) at_end: bool,
    /// The arrival of the newest record that may be read, when `next` is before it.
    pub(crate) newest: Option<Timestamp>,
}

impl Shard {
    /// Reads from `index` on: at most so many records and bytes, none that arrived before `horizon`.
    pub(crate) fn read(
        &self,
        hub: &Hub,
        stream: u32,
        from: u64,
        limits: (usize, u64),
        horizon: Timestamp,
    ) -> Result<Page> {
        let mut taking = Taking {
            page: Page { next: from.max(INDEX_FIRST), ..Page::default() },
            records_max: limits.0,
            bytes_max: limits.1,
            horizon,
            full: false,
        };
        let trimmed = self.trimmed();
        taking.skip_to(trimmed);
        loop {
            let from_rows = {
                let recent = self.recent.lock();
                self.take_recent(&recent, &mut taking)?
            };
            if !from_rows || taking.full {
                break;
            }
            match self.take_rows(hub, stream, &mut taking) {
                Ok(true) => {}
                // What was read before a failure is given; the failure comes next time.
                Err(error) if taking.page.records.is_empty() => return Err(error),
                Ok(false) | Err(_) => break,
            }
        }
        let recent = self.recent.lock();
        let mut page = taking.page;
        page.at_end = recent.closed.is_some_and(|(_, end)| page.next >= end);
        page.newest = (page.next < recent.visible).then_some(recent.newest);
        Ok(page)
    }

    /// Takes what is in memory; true when what comes next is in the rows.
    fn take_recent(&self, recent: &Recent, taking: &mut Taking) -> Result<bool> {
        if taking.page.next >= recent.visible {
            return Ok(false);
        }
        let first = recent.chunks.front().map_or(recent.published, |chunk| chunk.head.first_index);
        if taking.page.next < first {
            return Ok(true);
        }
        let start = recent.chunks.partition_point(|chunk| chunk.head.end() <= taking.page.next);
        for chunk in recent.chunks.range(start..) {
            taking.take(self, chunk)?;
        }
        let next = taking.page.next;
        let first = recent.collected.partition_point(|record| record.index < next);
        for Collected { index, entry, arrived } in recent.collected.range(first..) {
            if taking.full || *index >= recent.visible {
                break;
            }
            taking.take_one(Record {
                sequence_number: self.number(*index, *arrived),
                arrived: *arrived,
                partition_key: PartitionKey::of(&entry.partition_key),
                data: entry.data.clone(),
                encrypted: false,
            });
        }
        Ok(false)
    }

    /// Takes what the next rows hold; false when there are none.
    fn take_rows(&self, hub: &Hub, stream: u32, taking: &mut Taking) -> Result<bool> {
        let from = taking.page.next;
        let first = self.first_chunk_at(hub, stream, from)?;
        let (start, end) = chunks_of(stream, self.id, first);
        let range = KeyRange::between(&start, &end);
        let rows = hub.scan(range, Order::Forward, ROWS_AT_ONCE)?;
        for (key, value) in &rows {
            if taking.full {
                break;
            }
            let row = ChunkRow::decode(key, value)?;
            if row.head.end() <= taking.page.next {
                continue;
            }
            // What lies between was trimmed.
            taking.skip_to(row.head.first_index);
            if row.head.last_arrival < taking.horizon {
                taking.skip_to(row.head.end());
                continue;
            }
            if let Some(chunk) = hub.open_chunk(stream, self.id, &row)? {
                taking.take(self, &chunk)?;
            } else {
                // Trimmed since the row was read.
                taking.skip_to(row.head.end());
            }
        }
        Ok(taking.page.next > from)
    }

    /// The first index of the chunk that holds `index`, or of the one behind it.
    fn first_chunk_at(&self, hub: &Hub, stream: u32, index: u64) -> Result<u64> {
        let (start, _) = chunks_of(stream, self.id, 0);
        let (at, _) = chunks_of(stream, self.id, index.saturating_add(1));
        let range = KeyRange::between(&start, &at);
        let before = hub.scan(range, Order::Reverse, 1)?.pop();
        Ok(before.and_then(|(key, _)| first_index_of(&key)).unwrap_or(index))
    }

    /// The index of the first record that arrived at `time` or later; the tip when there is none.
    pub(crate) fn index_at(&self, hub: &Hub, stream: u32, time: Timestamp) -> Result<u64> {
        {
            let recent = self.recent.lock();
            let from_memory = recent.chunks.front().is_some_and(|chunk| {
                // Strictly: records of one moment may lie on both sides.
                chunk.head.first_arrival < time || chunk.head.first_index <= recent.trimmed.max(1)
            });
            if from_memory || recent.published <= recent.trimmed.max(INDEX_FIRST) {
                return Ok(recent.index_at(time));
            }
        }
        // Rows: halve the indexes until one chunk is left.
        let (mut low, mut high) = (self.trimmed().max(INDEX_FIRST), self.recent.lock().published);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(row) = self.chunk_row_from(hub, stream, middle)? else {
                high = middle;
                continue;
            };
            if row.head.last_arrival < time {
                low = row.head.end();
            } else {
                high = middle;
                found = Some(row);
            }
        }
        // `middle` may have lain inside the chunk that is looked for.
        let row = match self.chunk_row_around(hub, stream, low)? {
            Some(row) if row.head.last_arrival >= time => Some(row),
            _ => found,
        };
        let Some(row) = row else { return Ok(self.recent.lock().index_at(time)) };
        let chunk = hub.open_chunk(stream, self.id, &row)?;
        Ok(chunk.map_or(row.head.end(), |chunk| chunk.index_at(time)))
    }

    /// The chunk whose first index is `index` or the next one above it.
    fn chunk_row_from(&self, hub: &Hub, stream: u32, index: u64) -> Result<Option<ChunkRow>> {
        let (start, end) = chunks_of(stream, self.id, index);
        let range = KeyRange::between(&start, &end);
        let rows = hub.scan(range, Order::Forward, 1)?;
        rows.first().map(|(key, value)| ChunkRow::decode(key, value)).transpose()
    }

    /// The chunk that holds `index`, or the one before it.
    fn chunk_row_around(&self, hub: &Hub, stream: u32, index: u64) -> Result<Option<ChunkRow>> {
        let first = self.first_chunk_at(hub, stream, index.saturating_sub(1))?;
        self.chunk_row_from(hub, stream, first)
    }
}

/// A page in the making.
struct Taking {
    page: Page,
    records_max: usize,
    bytes_max: u64,
    horizon: Timestamp,
    full: bool,
}

impl Taking {
    fn take(&mut self, shard: &Shard, chunk: &Chunk) -> Result<()> {
        for record in chunk.records_from(seconds(shard.created), shard.id, self.page.next) {
            if self.full {
                break;
            }
            let (index, record) = record?;
            self.page.next = index;
            self.take_one(record);
        }
        Ok(())
    }

    fn take_one(&mut self, record: Record) {
        if record.arrived < self.horizon {
            // Too old to be read, though not yet removed.
            self.page.next += 1;
            self.page.lost += 1;
            return;
        }
        let size = (record.data.len() + record.partition_key.len()) as u64;
        // One record is given whatever its size, or no reader would ever come past it.
        if !self.page.records.is_empty() && self.page.bytes + size > self.bytes_max {
            self.full = true;
            return;
        }
        self.page.bytes += size;
        self.page.records.push(record);
        self.page.next += 1;
        self.full = self.page.records.len() == self.records_max;
    }

    /// Goes on behind what is no longer there.
    fn skip_to(&mut self, index: u64) {
        self.page.lost += index.saturating_sub(self.page.next);
        self.page.next = self.page.next.max(index);
    }
}

/// Rows that are read at once on the way to the tip.
const ROWS_AT_ONCE: usize = 64;
