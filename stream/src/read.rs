//! Reading: pages of a shard by iterator, and whole streams along their lineage.

use crate::{
    describe::ShardFilter,
    error::{Error, Result},
    faults::Fault,
    hash_key::HashRange,
    iterator::{ShardIterator, StartAt},
    limits,
    record::Record,
    sequence_number::SequenceNumber,
    shard::{INDEX_FIRST, Page, Shard},
    shard_id::ShardId,
    stream::{Stream, StreamState, Table},
};
use cistern_storage_core::Timestamp;
use std::sync::Arc;

/// What [`Stream::get_records`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Records {
    /// The records, in the shard's order. None of them does not mean that the shard has ended.
    pub records: Vec<Record>,
    /// Where to go on; `None` when the shard is closed and was read to its end.
    pub next_iterator: Option<ShardIterator>,
    /// How far the reader is behind the tip: 0 when it has caught up.
    pub millis_behind_latest: u64,
    /// At the end of a shard: those that took over from it.
    pub child_shards: Vec<ChildShard>,
    /// How many records were too old before they could be read. Kinesis does not tell.
    pub lost: u64,
}

/// A shard that took over from one that has ended.
///
/// Law: Kinesis, ChildShards.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildShard {
    /// Its id.
    pub id: ShardId,
    /// The shards that it took over from.
    pub parents: Vec<ShardId>,
    /// The hash keys that it takes.
    pub range: HashRange,
}

impl Stream {
    /// A place in a shard to read from.
    ///
    /// # Errors
    /// - [`Error::ResourceNotFound`] for a shard that is not there, or has expired.
    /// - [`Error::InvalidArgument`] for a sequence number of another shard or stream, or a time that
    ///   is yet to come.
    ///
    /// Law: Kinesis, GetShardIterator.
    pub fn shard_iterator(&self, shard: ShardId, start: StartAt) -> Result<ShardIterator> {
        let state = &self.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        let shard = state.shard(&table, shard)?;
        let index = state.index_of(&table, &shard, start)?;
        Ok(state.iterator(shard.id, index))
    }

    /// Reads at most `limit` records, and at most 10 MiB, from an iterator on.
    ///
    /// Cost: no copy; records at the tip come from memory, older ones from their chunks.
    ///
    /// # Errors
    /// - [`Error::Validation`] for a limit outside 1 to 10,000.
    /// - [`Error::ExpiredIterator`] after 300 seconds; [`Error::InvalidArgument`] for an iterator of
    ///   another stream.
    ///
    /// Law: Kinesis, GetRecords.
    pub fn get_records(&self, iterator: &ShardIterator, limit: usize) -> Result<Records> {
        if !(1..=limits::GET_RECORDS_MAX).contains(&limit) {
            let constraint = "Member must have value between 1 and 10000";
            return Err(Error::validation("limit", limit, constraint));
        }
        let state = &self.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        if (iterator.stream, iterator.stream_created) != (state.id, state.created) {
            return Err(Error::invalid_argument("Invalid ShardIterator."));
        }
        let now = state.hub.clock.now();
        iterator.check_age(now)?;
        let shard = state.shard(&table, iterator.shard)?;
        state.admit_read(&shard, iterator, now)?;
        let page = state.page(&table, &shard, iterator.index, limit)?;
        let children = if page.at_end { table.children(shard.id) } else { Vec::new() };
        Ok(Records {
            next_iterator: (!page.at_end).then(|| state.iterator(shard.id, page.next)),
            millis_behind_latest: behind(&page, now),
            child_shards: children,
            lost: page.lost,
            records: page.records,
        })
    }

    /// Reads every record from `start` to the tip, parents before their children: what a key was
    /// told comes in the order in which it was told, whatever became of its shards. From a sequence
    /// number it reads that record's shard, and whatever took over from it.
    ///
    /// Iterates over results, and ends after the first error. Memory: one page of a shard.
    ///
    /// # Errors
    /// As [`Self::shard_iterator`].
    pub fn read(&self, start: StartAt) -> Result<Reader> {
        Reader::new(self.clone(), start)
    }
}

impl StreamState {
    pub(crate) fn iterator(&self, shard: ShardId, index: u64) -> ShardIterator {
        ShardIterator {
            stream: self.id,
            stream_created: self.created,
            shard,
            index,
            issued: self.hub.clock.now(),
        }
    }

    /// The index at which reading a shard begins.
    pub(crate) fn index_of(&self, table: &Table, shard: &Shard, start: StartAt) -> Result<u64> {
        let oldest = || shard.index_at(&self.hub, self.id, self.horizon(&table.row));
        match start {
            StartAt::TrimHorizon => oldest(),
            StartAt::Latest => Ok(shard.tip()),
            StartAt::AtSequenceNumber(number) => self.index_of_number(shard, number),
            StartAt::AfterSequenceNumber(number) => {
                Ok(self.index_of_number(shard, number)?.saturating_add(1))
            }
            StartAt::AtTimestamp(time) => {
                let now = self.hub.clock.now();
                if time > now {
                    return Err(Error::invalid_argument(format!(
                        "The timestampInMillis parameter cannot be greater than the \
                         currentTimestampInMillis. timestampInMillis: {}, \
                         currentTimestampInMillis: {}",
                        time.as_millis(),
                        now.as_millis()
                    )));
                }
                Ok(shard.index_at(&self.hub, self.id, time)?.max(oldest()?))
            }
        }
    }

    /// Law: Kinesis, GetShardIterator: StartingSequenceNumber.
    fn index_of_number(&self, shard: &Shard, number: SequenceNumber) -> Result<u64> {
        if number.shard != shard.id {
            return Err(Error::invalid_argument(format!(
                "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a \
                 shard with {}",
                number.shard, shard.id
            )));
        }
        if number.shard_created != crate::chunk::seconds(shard.created) {
            return Err(Error::invalid_argument(format!(
                "StartingSequenceNumber {number} used in GetShardIterator on shard {} in stream {} \
                 under account {} is invalid because it did not come from this stream.",
                shard.id, self.name, self.hub.settings.account
            )));
        }
        // The number that closes a shard stands behind its last record.
        Ok(number.index.min(shard.closed().map_or(u64::MAX - 1, |(_, end)| end)))
    }

    /// Asks the limits that are in force, and the failures that are asked for, about a read.
    fn admit_read(&self, shard: &Shard, iterator: &ShardIterator, now: Timestamp) -> Result<()> {
        let settings = &self.hub.settings;
        let throttled = || {
            shard.counters.throttle_read();
            self.throttled(shard)
        };
        match settings.faults.as_ref().and_then(|faults| faults.next_read()) {
            Some(Fault::Throttle) => return Err(throttled()),
            Some(Fault::InternalFailure) => return Err(Error::InternalFailure),
            Some(Fault::ExpireIterator) => {
                return Err(Error::ExpiredIterator { created: iterator.issued, now });
            }
            None => {}
        }
        if shard.take_call(&self.hub) { Ok(()) } else { Err(throttled()) }
    }

    /// Reads a page of a shard.
    pub(crate) fn page(
        &self,
        table: &Table,
        shard: &Shard,
        index: u64,
        limit: usize,
    ) -> Result<Page> {
        let limits = (limit, limits::GET_RECORDS_BYTES_MAX);
        let page = shard.read(&self.hub, self.id, index, limits, self.horizon(&table.row))?;
        shard.give(&self.hub, page.records.len() as u64, page.bytes);
        Ok(page)
    }
}

/// Law: Kinesis, MillisBehindLatest.
pub(crate) fn behind(page: &Page, now: Timestamp) -> u64 {
    let Some(newest) = page.newest else { return 0 };
    let read = page.records.last().map_or(newest, |record| record.arrived);
    u64::try_from(now.millis_since(read)).unwrap_or(0).max(1)
}

impl Table {
    /// The shards that took over from `parent`.
    pub(crate) fn children(&self, parent: ShardId) -> Vec<ChildShard> {
        let is_child = |shard: &&Arc<Shard>| {
            shard.parent == Some(parent) || shard.adjacent_parent == Some(parent)
        };
        let child = |shard: &Arc<Shard>| ChildShard {
            id: shard.id,
            parents: shard.parent.into_iter().chain(shard.adjacent_parent).collect(),
            range: shard.range,
        };
        self.shards.values().filter(is_child).map(child).collect()
    }
}

/// Reads a stream to its tip, along the lineage of its shards. See [`Stream::read`].
#[derive(Debug)]
pub struct Reader {
    stream: Stream,
    /// Shards to read, each with the index to go on from; the ones behind wait for their parents.
    shards: Vec<(ShardId, u64)>,
    page: std::vec::IntoIter<Record>,
    lost: u64,
    failed: bool,
}

impl Reader {
    fn new(stream: Stream, start: StartAt) -> Result<Self> {
        let mut shards = Vec::new();
        {
            let state = &stream.state;
            let table = state.table.read();
            state.check_usable(&table)?;
            let from = match start {
                StartAt::Latest => ShardFilter::AtLatest,
                StartAt::AtTimestamp(time) => ShardFilter::FromTimestamp(time),
                StartAt::AtSequenceNumber(number) | StartAt::AfterSequenceNumber(number) => {
                    return Self::from_number(stream.clone(), &table, number, start);
                }
                StartAt::TrimHorizon => ShardFilter::FromTrimHorizon,
            };
            for info in state.shards_of(&table, from) {
                let shard = state.shard(&table, info.id)?;
                shards.push((info.id, state.index_of(&table, &shard, start)?));
            }
        }
        Ok(Self { stream, shards, page: Vec::new().into_iter(), lost: 0, failed: false })
    }

    /// From a record on: its shard, and whatever took over from it.
    fn from_number(
        stream: Stream,
        table: &Table,
        number: SequenceNumber,
        start: StartAt,
    ) -> Result<Self> {
        let state = &stream.state;
        let shard = state.shard(table, number.shard_id())?;
        let shards = vec![(shard.id, state.index_of(table, &shard, start)?)];
        Ok(Self { stream, shards, page: Vec::new().into_iter(), lost: 0, failed: false })
    }

    /// How many records were too old before they could be read.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Reads the next page of some shard; false at the tip of all.
    fn turn(&mut self) -> Result<bool> {
        let state = &self.stream.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        let mut place = 0;
        while let Some(&(id, index)) = self.shards.get(place) {
            let Some(shard) = table.shards.get(&id) else {
                self.shards.remove(place);
                continue;
            };
            // A parent that is still to be read comes first.
            let waits = |parent: &ShardId| self.shards.iter().any(|(other, _)| other == parent);
            if shard.parent.iter().chain(&shard.adjacent_parent).any(waits) {
                place += 1;
                continue;
            }
            let page = state.page(&table, shard, index, limits::GET_RECORDS_MAX)?;
            self.lost += page.lost;
            self.shards[place].1 = page.next;
            if page.at_end {
                self.shards.remove(place);
                for child in table.children(id) {
                    if !self.shards.iter().any(|(other, _)| *other == child.id)
                        && !self.waits_for_a_parent(&child)
                    {
                        self.shards.push((child.id, INDEX_FIRST));
                    }
                }
            }
            if !page.records.is_empty() {
                self.page = page.records.into_iter();
                return Ok(true);
            }
            if !page.at_end {
                place += 1;
            }
        }
        Ok(false)
    }

    /// A child of two parents is begun when the second of them has ended.
    fn waits_for_a_parent(&self, child: &ChildShard) -> bool {
        child.parents.iter().any(|parent| self.shards.iter().any(|(other, _)| other == parent))
    }

    /// True when there may be a next record now, or an error to tell.
    pub(crate) fn is_ready(&self) -> bool {
        let table = self.stream.state.table.read();
        let ready = |(id, index): &(ShardId, u64)| {
            let shard = table.shards.get(id);
            shard.is_none_or(|shard| shard.tip() > *index || shard.closed().is_some())
        };
        self.page.len() > 0 || table.deleted || self.shards.iter().any(ready)
    }

    /// The next record, if there is one now.
    pub(crate) fn try_next(&mut self) -> Result<Option<Record>> {
        loop {
            if let Some(record) = self.page.next() {
                return Ok(Some(record));
            }
            if !self.turn()? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        self.try_next().inspect_err(|_| self.failed = true).transpose()
    }
}
