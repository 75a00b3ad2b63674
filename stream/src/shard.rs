//! `Shard`: one ordered run of records, and everything that happens at its two ends.
//!
//! ```text
//!   trimmed             kept in memory too   published            visible   next
//!   |                   |                    |                    |         |
//!   [chunk][chunk] .... [chunk][chunk]       [in flight][collected in memory]
//! ```
//!
//! Two locks. `append` is held while records get their indexes and their place in the order of
//! commits, so that the two agree. `recent` guards what readers see; the backend takes it when it
//! publishes, so it is never held across a call to the backend.

mod reading;

pub(crate) use reading::Page;

use crate::{
    bell::Bell,
    chunk::{Chunk, ChunkHead, ChunkWriter, seconds},
    error::{Error, Result},
    hash_key::HashRange,
    metrics::Counters,
    quota::Quota,
    record::Entry,
    row::{ChunkPlace, ChunkRow, ShardRow, chunk_key, chunks_of},
    sequence_number::{INDEX_END, SequenceNumber},
    shard_id::ShardId,
    streams::Hub,
};
use bytes::Bytes;
use cistern_storage_core::{
    Durability, Timestamp,
    port::{Batch, KeyRange, Order},
};
use parking_lot::{Mutex, MutexGuard};
use std::{collections::VecDeque, fmt, sync::Arc};

/// The first record of a shard has this index; the index before it is the shard's own beginning.
pub(crate) const INDEX_FIRST: u64 = 1;

pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) range: HashRange,
    pub(crate) parent: Option<ShardId>,
    pub(crate) adjacent_parent: Option<ShardId>,
    pub(crate) created: Timestamp,
    append: Mutex<Append>,
    recent: Mutex<Recent>,
    bell: Arc<Bell>,
    /// What is left of the limits, where there are any. Made when it is first asked for.
    quota: Mutex<Option<Box<Quota>>>,
    pub(crate) counters: Counters,
}

/// Where the next record goes.
#[derive(Debug)]
pub(crate) struct Append {
    /// The index of the next record.
    next: u64,
    last_arrival: Timestamp,
    /// Bytes put in memory alone and not committed yet.
    collected_bytes: usize,
    /// All records before this index have their place in the order of commits.
    committed: u64,
    closed: bool,
}

/// What readers see.
#[derive(Default)]
struct Recent {
    /// The index behind the last record that may be read.
    visible: u64,
    /// The index behind the last record that is in the backend's rows.
    published: u64,
    chunks: VecDeque<Chunk>,
    chunk_bytes: usize,
    /// Records put in memory alone, behind the chunks.
    collected: VecDeque<Collected>,
    /// Commits on their way that must be durable before their records may be read.
    in_flight: usize,
    /// The index behind the last record, and when the shard was closed.
    closed: Option<(Timestamp, u64)>,
    trimmed: u64,
    /// The arrival of the last record that may be read.
    newest: Timestamp,
}

#[derive(Clone)]
struct Collected {
    index: u64,
    entry: Entry,
    arrived: Timestamp,
}

/// Records that are encoded, and sealed if they must be, but have no place yet.
pub(crate) struct Prepared {
    pub(crate) chunk: Chunk,
    pub(crate) place: ChunkPlace,
    pub(crate) sealing: Option<Box<dyn cistern_storage_core::port::Sealing>>,
}

impl Shard {
    pub(crate) fn new(
        hub: &Hub,
        bell: &Arc<Bell>,
        stream: u32,
        id: ShardId,
        row: &ShardRow,
    ) -> Result<Self> {
        let last = last_chunk(hub, stream, id)?;
        let next = match (row.closed, &last) {
            (Some((_, end)), _) => end,
            (None, Some(last)) => last.end(),
            (None, None) => row.trimmed.max(INDEX_FIRST),
        };
        let last_arrival = last.map(|last| last.last_arrival).unwrap_or_default();
        Ok(Self {
            id,
            range: row.range,
            parent: row.parent,
            adjacent_parent: row.adjacent_parent,
            created: row.created,
            append: Mutex::new(Append {
                next,
                last_arrival,
                collected_bytes: 0,
                committed: next,
                closed: row.closed.is_some(),
            }),
            recent: Mutex::new(Recent {
                visible: next,
                published: next,
                closed: row.closed,
                trimmed: row.trimmed,
                newest: last_arrival.max(row.created),
                ..Recent::default()
            }),
            bell: Arc::clone(bell),
            quota: Mutex::new(None),
            counters: Counters::default(),
        })
    }

    pub(crate) fn row(&self) -> ShardRow {
        let recent = self.recent.lock();
        ShardRow {
            range: self.range,
            parent: self.parent,
            adjacent_parent: self.adjacent_parent,
            created: self.created,
            closed: recent.closed,
            trimmed: recent.trimmed,
        }
    }

    pub(crate) fn closed(&self) -> Option<(Timestamp, u64)> {
        self.recent.lock().closed
    }

    /// The number of a record, or of the shard's beginning.
    pub(crate) fn number(&self, index: u64, arrived: Timestamp) -> SequenceNumber {
        SequenceNumber::new(seconds(self.created), self.id, index, seconds(arrived))
    }

    /// The number that the shard begins with; no record has it.
    pub(crate) fn starting_number(&self) -> SequenceNumber {
        self.number(0, self.created)
    }

    /// The number that a closed shard ends with; no record has it.
    pub(crate) fn ending_number(&self) -> Option<SequenceNumber> {
        self.closed().map(|(closed, _)| self.number(INDEX_END, closed))
    }

    /// The index behind the newest record that may be read.
    pub(crate) fn tip(&self) -> u64 {
        self.recent.lock().visible
    }

    pub(crate) fn trimmed(&self) -> u64 {
        self.recent.lock().trimmed
    }

    /// True when the limits in force let a record of so many bytes in.
    pub(crate) fn take_record(&self, hub: &Hub, bytes: u64) -> bool {
        self.with_quota(hub, |quota, now| quota.take_record(bytes, now)).unwrap_or(true)
    }

    /// True when the limits in force let a reader ask.
    pub(crate) fn take_call(&self, hub: &Hub) -> bool {
        self.with_quota(hub, Quota::take_call).unwrap_or(true)
    }

    /// Notes what a reader was given.
    pub(crate) fn give(&self, hub: &Hub, records: u64, bytes: u64) {
        self.counters.read_out(records, bytes);
        self.with_quota(hub, |quota, now| quota.give(bytes, now));
    }

    /// Notes what a consumer with a pipe of its own was given.
    pub(crate) fn count_out(&self, page: &Page) {
        self.counters.read_out(page.records.len() as u64, page.bytes);
    }

    fn with_quota<T>(&self, hub: &Hub, ask: impl FnOnce(&mut Quota, Timestamp) -> T) -> Option<T> {
        let limits = hub.settings.limits?;
        let now = hub.clock.now();
        let mut quota = self.quota.lock();
        Some(ask(quota.get_or_insert_with(|| Box::new(Quota::new(limits, now))), now))
    }

    /// Holds the shard: nothing else gets an index meanwhile.
    pub(crate) fn hold(&self) -> MutexGuard<'_, Append> {
        self.append.lock()
    }

    /// Takes a record in memory alone.
    pub(crate) fn collect(
        &self,
        append: &mut Append,
        entry: Entry,
        now: Timestamp,
    ) -> SequenceNumber {
        let arrived = append.arrive(now);
        let index = append.next;
        append.next += 1;
        append.collected_bytes += ChunkWriter::bytes_of(&entry);
        let mut recent = self.recent.lock();
        recent.collected.push_back(Collected { index, entry, arrived });
        if recent.in_flight == 0 {
            recent.visible = append.next;
            recent.newest = arrived;
            drop(recent);
            self.bell.ring();
        }
        self.number(index, arrived)
    }

    /// The records collected in memory that no commit holds yet, encoded.
    pub(crate) fn uncommitted(&self, append: &Append) -> Vec<Chunk> {
        let recent = self.recent.lock();
        let mut chunks: Vec<ChunkWriter> = Vec::new();
        let first = recent.collected.partition_point(|record| record.index < append.committed);
        for collected in recent.collected.range(first..) {
            let fits = chunks.last_mut().is_some_and(|chunk| {
                chunk.bytes() < CHUNK_BYTES_MAX && chunk.push(&collected.entry, collected.arrived)
            });
            if !fits {
                let bytes = append.collected_bytes.min(CHUNK_BYTES_MAX);
                let mut chunk = ChunkWriter::new(collected.index, collected.arrived, bytes);
                let pushed = chunk.push(&collected.entry, collected.arrived);
                debug_assert!(pushed, "an empty chunk takes any record");
                chunks.push(chunk);
            }
        }
        chunks.into_iter().map(ChunkWriter::finish).collect()
    }

    /// Gives prepared records their indexes and their time.
    pub(crate) fn place(append: &mut Append, prepared: &mut Prepared, now: Timestamp) {
        debug_assert!(!append.is_closed(), "nothing is routed to a closed shard");
        let arrived = append.arrive(now);
        let head = &mut prepared.chunk.head;
        (head.first_index, head.first_arrival, head.last_arrival) = (append.next, arrived, arrived);
        append.next += u64::from(head.count);
    }

    /// Takes back the indexes of records whose commit did not happen. Only while the shard is held,
    /// and before anything else got an index.
    pub(crate) fn displace(append: &mut Append, head: &ChunkHead) {
        append.next = head.first_index;
    }

    /// Announces a commit whose records may be read only once it is durable.
    pub(crate) fn announce(&self) {
        self.recent.lock().in_flight += 1;
    }

    /// The announced commit did not happen.
    pub(crate) fn renounce(&self) {
        let mut recent = self.recent.lock();
        recent.in_flight -= 1;
        recent.show_collected();
        drop(recent);
        self.bell.ring();
    }

    /// The backend has published these chunks, which came from records collected in memory (`weak`)
    /// or not. In the order of commits.
    pub(crate) fn publish(&self, chunks: Vec<(Chunk, Strength)>, bytes_max: usize) {
        let mut recent = self.recent.lock();
        for (chunk, strength) in chunks {
            let end = chunk.head.end();
            match strength {
                Strength::Collected => {
                    recent.collected.drain(..chunk.head.count as usize);
                }
                Strength::Announced => recent.in_flight -= 1,
            }
            recent.published = end;
            if end > recent.visible {
                recent.visible = end;
                recent.newest = chunk.head.last_arrival;
            }
            recent.chunk_bytes += chunk.body.len();
            recent.chunks.push_back(chunk);
        }
        recent.show_collected();
        while recent.chunk_bytes > bytes_max {
            let Some(oldest) = recent.chunks.pop_front() else { break };
            recent.chunk_bytes -= oldest.body.len();
        }
        drop(recent);
        self.bell.ring();
    }

    /// The shard is closed: nothing gets an index any more, and readers are told where it ends.
    pub(crate) fn close(&self, append: &mut Append, now: Timestamp) {
        append.closed = true;
        let mut recent = self.recent.lock();
        recent.closed = Some((now, append.next));
        drop(recent);
        self.bell.ring();
    }

    /// Removes chunks that arrived before `horizon` whole; at most `rows_max` of them. Gives how many
    /// records went, and whether there is more to do.
    pub(crate) fn trim(
        &self,
        hub: &Hub,
        stream: u32,
        horizon: Timestamp,
        rows_max: usize,
    ) -> Result<(u64, bool)> {
        let (start, end) = chunks_of(stream, self.id, 0);
        let rows = hub.scan(KeyRange::between(&start, &end), Order::Forward, rows_max)?;
        let mut batch = Batch::new(Durability::Os);
        let (mut records, mut trimmed, mut count) = (0, None, 0);
        for (key, value) in rows {
            let row = ChunkRow::decode(&key, &value)?;
            if row.head.last_arrival >= horizon {
                break;
            }
            records += u64::from(row.head.count);
            trimmed = Some(row.head.end());
            batch.frees.extend(row.blob());
            batch.delete(key);
            count += 1;
        }
        let Some(trimmed) = trimmed else { return Ok((0, false)) };
        batch.put(
            crate::row::shard_key(stream, self.id),
            ShardRow { trimmed, ..self.row() }.encode(),
        );
        hub.commit("trim a shard", batch)?;
        let mut recent = self.recent.lock();
        recent.trimmed = trimmed;
        while recent.chunks.front().is_some_and(|chunk| chunk.head.end() <= trimmed) {
            let Some(chunk) = recent.chunks.pop_front() else { break };
            recent.chunk_bytes -= chunk.body.len();
        }
        Ok((records, count == rows_max))
    }
}

impl Append {
    /// The time at which a record arrives: never before the one before it.
    fn arrive(&mut self, now: Timestamp) -> Timestamp {
        self.last_arrival = self.last_arrival.max(now);
        self.last_arrival
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn collected_bytes(&self) -> usize {
        self.collected_bytes
    }

    /// Whatever was collected before `index` has its place in the order of commits.
    pub(crate) fn committed_to(&mut self, index: u64) {
        self.committed = index;
        self.collected_bytes = 0;
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

impl Recent {
    fn index_at(&self, time: Timestamp) -> u64 {
        let before = self.chunks.partition_point(|chunk| chunk.head.last_arrival < time);
        if let Some(chunk) = self.chunks.get(before) {
            return chunk.index_at(time);
        }
        let before = self.collected.partition_point(|collected| collected.arrived < time);
        self.collected.get(before).map_or(self.visible, |record| record.index.min(self.visible))
    }

    /// What was put in memory alone may be read once nothing stronger before it is on its way.
    fn show_collected(&mut self) {
        if self.in_flight == 0
            && let Some(last) = self.collected.back()
        {
            self.newest = last.arrived;
            self.visible = last.index + 1;
        }
    }
}

/// How a chunk became readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    /// Its records were readable already, from memory.
    Collected,
    /// Its records had to be durable first.
    Announced,
}

/// Records collected in memory make chunks of about this size.
const CHUNK_BYTES_MAX: usize = 1 << 20;

fn last_chunk(hub: &Hub, stream: u32, shard: ShardId) -> Result<Option<ChunkHead>> {
    let (start, end) = chunks_of(stream, shard, 0);
    let last = hub.scan(KeyRange::between(&start, &end), Order::Reverse, 1)?.pop();
    last.map(|(key, value)| Ok(ChunkRow::decode(&key, &value)?.head)).transpose()
}

/// The row of a placed chunk, under its key.
pub(crate) fn chunk_row(
    stream: u32,
    shard: ShardId,
    head: ChunkHead,
    envelope: Option<(Bytes, u64)>,
    place: ChunkPlace,
) -> (Bytes, Bytes) {
    let row = ChunkRow { head, envelope, place };
    (chunk_key(stream, shard, head.first_index), row.encode())
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard")
            .field("id", &self.id)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Shards in the order of their numbers.
pub(crate) type Shards = std::collections::BTreeMap<ShardId, Arc<Shard>>;

/// An error for a shard that is not there, in the service's words.
pub(crate) fn no_such_shard(stream: &crate::stream_name::StreamName, shard: ShardId) -> Error {
    Error::ResourceNotFound { what: format!("Shard {shard} in stream {stream} not found").into() }
}
