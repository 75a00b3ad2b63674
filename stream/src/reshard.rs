//! Reshard: shards that are split and merged, in one commit whatever it takes.
//!
//! A closed shard keeps its records until they are too old; the shards that take over from it begin
//! a second later by their numbers, so that every number of a child is above its parents'. At every
//! moment the open shards tile the hash space.

use crate::{
    chunk::seconds,
    error::{Error, Result},
    hash_key::{HashKey, HashRange},
    limits,
    row::{ShardRow, shard_key, stream_key},
    shard::Shard,
    shard_id::ShardId,
    stream::{Stream, StreamMode, StreamState, StreamStatus, Table, count_in_day},
    stream_row::StreamRow,
};
use cistern_storage_core::{Durability, Timestamp, port::Batch};
use std::{collections::BTreeSet, sync::Arc};

impl Stream {
    /// Splits an open shard in two: the upper one begins at `at`. Gives the two, lower first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the shard is closed, or `at` is not above its second hash key
    /// and below its last; [`Error::Validation`] on a stream that scales itself;
    /// [`Error::ResourceInUse`] while the stream is being changed.
    ///
    /// Law: Kinesis, SplitShard.
    pub fn split_shard(&self, shard: ShardId, at: HashKey) -> Result<(ShardId, ShardId)> {
        let state = &self.state;
        let mut table = state.table.write();
        state.check_reshardable(&table)?;
        let parent = state.open_shard(&table, shard)?;
        let HashRange { start, end } = parent.range;
        if at.0 <= start.0.saturating_add(1) || at >= end {
            return Err(Error::invalid_argument(format!(
                "NewStartingHashKey {at} used in SplitShard() on shard {shard} in stream {} under \
                 account {} is not both greater than one plus the shard's StartingHashKey {start} \
                 and less than the shard's EndingHashKey {end}.",
                state.name, state.hub.settings.account
            )));
        }
        let mut change = Reshaping::new(&table, state.hub.clock.now());
        let children = change.split(shard, at)?;
        state.reshape(&mut table, change, |_, _| Ok(()))?;
        Ok(children)
    }

    /// Merges two open shards into one; `adjacent` begins where `shard` ends.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when one is closed, or they do not lie so;
    /// [`Error::Validation`] on a stream that scales itself; [`Error::ResourceInUse`] while the
    /// stream is being changed.
    ///
    /// Law: Kinesis, MergeShards.
    pub fn merge_shards(&self, shard: ShardId, adjacent: ShardId) -> Result<ShardId> {
        let state = &self.state;
        let mut table = state.table.write();
        state.check_reshardable(&table)?;
        let lower = state.open_shard(&table, shard)?;
        let upper = state.open_shard(&table, adjacent)?;
        if !lower.range.is_followed_by(&upper.range) {
            return Err(Error::invalid_argument(format!(
                "Shards {shard} and {adjacent} in stream {} under account {} are not an adjacent \
                 pair of shards eligible for merging",
                state.name, state.hub.settings.account
            )));
        }
        let mut change = Reshaping::new(&table, state.hub.clock.now());
        let child = change.merge(shard, adjacent)?;
        state.reshape(&mut table, change, |_, _| Ok(()))?;
        Ok(child)
    }

    /// Splits and merges until `target` equal shards are open. Ten times in 24 hours, to at most
    /// twice and at least half as many as there are.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] outside of that; [`Error::LimitExceeded`] after the tenth time;
    /// [`Error::Validation`] on a stream that scales itself; [`Error::ResourceInUse`] while the
    /// stream is being changed.
    ///
    /// Law: Kinesis, UpdateShardCount.
    pub fn update_shard_count(&self, target: u32) -> Result<()> {
        let state = &self.state;
        let mut table = state.table.write();
        state.check_reshardable(&table)?;
        let open = u32::try_from(table.open.len()).unwrap_or(u32::MAX);
        if target == 0 || target > limits::SHARDS_MAX {
            let constraint = "Member must have value between 1 and 10000";
            return Err(Error::validation("targetShardCount", target, constraint));
        }
        if target > open.saturating_mul(2) || target < open.div_ceil(2) {
            return Err(Error::invalid_argument(format!(
                "UpdateShardCount cannot go from {open} open shards to {target}: at most twice, and \
                 at least half as many are allowed"
            )));
        }
        let mut change = Reshaping::new(&table, state.hub.clock.now());
        change.reach(target)?;
        let max = limits::SHARD_COUNT_UPDATES_MAX;
        state.reshape(&mut table, change, |row, now| {
            count_in_day(&mut row.count_updates, now, max, "updates of the shard count")
        })
    }
}

impl StreamState {
    /// Law: Kinesis, resharding: provisioned streams only, one change at a time.
    fn check_reshardable(&self, table: &Table) -> Result<()> {
        self.check_active(table)?;
        if table.row.mode == StreamMode::OnDemand {
            let constraint = "the stream is in ON_DEMAND mode, and scales itself";
            return Err(Error::validation("streamName", &self.name, constraint));
        }
        Ok(())
    }

    fn open_shard(&self, table: &Table, id: ShardId) -> Result<Arc<Shard>> {
        let shard = self.shard(table, id)?;
        if shard.closed().is_none() {
            return Ok(shard);
        }
        Err(Error::invalid_argument(format!(
            "Shard {id} in stream {} under account {} has already been merged or split, and thus is \
             not eligible for merging or splitting.",
            self.name, self.hub.settings.account
        )))
    }

    /// Makes a change of the shards true, in one commit. Nobody puts meanwhile: the table is held.
    pub(crate) fn reshape(
        &self,
        table: &mut Table,
        change: Reshaping,
        note: impl FnOnce(&mut StreamRow, Timestamp) -> Result<()>,
    ) -> Result<()> {
        let now = change.now;
        let mut row = StreamRow { next_shard: change.next, ..table.row.clone() };
        note(&mut row, now)?;
        row.passing = self.hub.passing(StreamStatus::Updating, now);

        let closing: Vec<_> =
            change.closed.iter().filter_map(|id| table.shards.get(id)).cloned().collect();
        let mut held: Vec<_> = closing.iter().map(|shard| shard.hold()).collect();
        let mut batch = Batch::new(Durability::Synced);
        batch.put(stream_key(self.name.as_str()), row.encode());
        for (shard, append) in closing.iter().zip(&mut held) {
            // A closed shard's records are all in its rows.
            if let Some(ticket) = self.commit_collected(shard, append, Durability::Synced)? {
                ticket.wait().map_err(Error::backend("commit records"))?;
            }
            let closed = Some((now, append.next()));
            batch.put(shard_key(self.id, shard.id), ShardRow { closed, ..shard.row() }.encode());
        }
        let mut made = Vec::new();
        for (id, new) in change.made {
            batch.put(shard_key(self.id, id), new.encode());
            made.push((id, Arc::new(Shard::new(&self.hub, &self.bell, self.id, id, &new)?)));
        }
        self.hub.commit("change a stream's shards", batch)?;

        for (shard, append) in closing.iter().zip(&mut held) {
            shard.close(append, now);
        }
        drop(held);
        table.row = row;
        table.shards.extend(made);
        table.sort_open();
        self.bell.ring();
        Ok(())
    }
}

/// A change of a stream's shards, before it is true.
pub(crate) struct Reshaping {
    now: Timestamp,
    next: u32,
    /// What is open, by where it begins: shards that are there and those that are to be made.
    open: Vec<(HashRange, ShardId)>,
    /// Shards that are there, and are closed by it.
    closed: Vec<ShardId>,
    made: Vec<(ShardId, ShardRow)>,
    created: std::collections::BTreeMap<ShardId, Timestamp>,
}

impl Reshaping {
    pub(crate) fn new(table: &Table, now: Timestamp) -> Self {
        Self {
            now,
            next: table.row.next_shard,
            open: table.open.iter().map(|shard| (shard.range, shard.id)).collect(),
            closed: Vec::new(),
            made: Vec::new(),
            created: table.open.iter().map(|shard| (shard.id, shard.created)).collect(),
        }
    }

    /// Closes a shard; one that this very change has made was open for no time at all.
    fn close(&mut self, id: ShardId) {
        self.open.retain(|(_, other)| *other != id);
        match self.made.iter_mut().find(|(other, _)| *other == id) {
            Some((_, row)) => row.closed = Some((self.now, crate::shard::INDEX_FIRST)),
            None => self.closed.push(id),
        }
    }

    fn make(
        &mut self,
        range: HashRange,
        parent: ShardId,
        adjacent_parent: Option<ShardId>,
    ) -> Result<ShardId> {
        let id = ShardId::new(self.next);
        let id = id.ok_or(Error::LimitExceeded { what: "no shard numbers are left".into() })?;
        self.next += 1;
        // A second later than its parents were closed and made: its numbers are above theirs.
        let parents = std::iter::once(parent).chain(adjacent_parent);
        let born = parents.filter_map(|parent| self.created.get(&parent)).max().copied();
        let last = seconds(self.now).max(born.map_or(0, seconds));
        let millis = i64::try_from((last + 1) * 1000).unwrap_or(i64::MAX);
        let created = Timestamp::from_millis(millis);
        let row = ShardRow {
            range,
            parent: Some(parent),
            adjacent_parent,
            created,
            closed: None,
            trimmed: 0,
        };
        self.created.insert(id, created);
        self.made.push((id, row));
        self.open.push((range, id));
        self.open.sort_by_key(|(range, _)| range.start);
        Ok(id)
    }

    fn range_of(&self, id: ShardId) -> Result<HashRange> {
        let found = self.open.iter().find(|(_, other)| *other == id);
        found.map(|(range, _)| *range).ok_or(Error::InternalFailure)
    }

    pub(crate) fn split(&mut self, id: ShardId, at: HashKey) -> Result<(ShardId, ShardId)> {
        let HashRange { start, end } = self.range_of(id)?;
        self.close(id);
        let lower = self.make(HashRange { start, end: HashKey(at.0 - 1) }, id, None)?;
        let upper = self.make(HashRange { start: at, end }, id, None)?;
        Ok((lower, upper))
    }

    pub(crate) fn merge(&mut self, lower: ShardId, upper: ShardId) -> Result<ShardId> {
        let (start, end) = (self.range_of(lower)?.start, self.range_of(upper)?.end);
        self.close(lower);
        self.close(upper);
        self.make(HashRange { start, end }, lower, Some(upper))
    }

    /// Splits wherever an equal shard begins and none does yet, then merges what lies between.
    fn reach(&mut self, target: u32) -> Result<()> {
        let starts: BTreeSet<_> = HashRange::uniform(target).map(|range| range.start).collect();
        for &start in &starts {
            let inside =
                |(range, _): &&(HashRange, ShardId)| range.start < start && range.contains(start);
            if let Some(&(_, id)) = self.open.iter().find(inside) {
                self.split(id, start)?;
            }
        }
        let mut place = 1;
        while place < self.open.len() {
            if starts.contains(&self.open[place].0.start) {
                place += 1;
            } else {
                self.merge(self.open[place - 1].1, self.open[place].1)?;
            }
        }
        Ok(())
    }
}
