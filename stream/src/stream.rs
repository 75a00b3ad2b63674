//! `Stream`: a handle to one stream. What it is, and how it is set up; records go through `put` and
//! `read`, shards are split and merged in `reshard`.

use crate::{
    bell::Bell,
    error::{Error, Result},
    fan_out::Subscriptions,
    hash_key::{HashKey, HashRange},
    row::{ShardRow, shard_key, shards_of, stream_key, tokens_of},
    scaling::Watch,
    shard::{Shard, Shards, no_such_shard},
    shard_id::ShardId,
    stream_name::StreamName,
    stream_row::StreamRow,
    streams::{Hub, after, millis, put_stream_id},
};
use bytes::Bytes;
use cistern_storage_core::{
    Durability, Timestamp,
    port::{Batch, KeyRange, Order, Ticket},
};
use parking_lot::RwLock;
use std::{fmt, sync::Arc};

/// A stream: records in shards, in the order in which each shard took them. Cheap to clone.
#[derive(Clone)]
pub struct Stream {
    pub(crate) state: Arc<StreamState>,
}

/// How a stream's capacity is chosen.
///
/// Law: Kinesis, StreamMode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamMode {
    /// By its number of shards.
    Provisioned,
    /// By what it is asked to take.
    OnDemand,
}

/// What a stream is doing.
///
/// Law: Kinesis, StreamStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamStatus {
    /// It is being made; it takes nothing yet.
    Creating,
    /// It works.
    Active,
    /// It works, and is being changed.
    Updating,
    /// It is being removed.
    Deleting,
}

impl StreamStatus {
    /// The service's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

impl fmt::Display for StreamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

pub(crate) struct StreamState {
    pub(crate) hub: Arc<Hub>,
    pub(crate) name: StreamName,
    pub(crate) id: u32,
    pub(crate) created: Timestamp,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) watch: Watch,
    /// Rung when there may be something to read.
    pub(crate) bell: Arc<Bell>,
    /// Read while records are put; written while the stream is changed.
    pub(crate) table: RwLock<Table>,
}

/// A stream's row and its shards.
pub(crate) struct Table {
    pub(crate) row: StreamRow,
    pub(crate) shards: Shards,
    /// The open shards, by their ranges: they tile the space.
    pub(crate) open: Vec<Arc<Shard>>,
    pub(crate) deleted: bool,
}

impl Table {
    pub(crate) fn new(row: StreamRow, shards: Shards) -> Self {
        let mut table = Self { row, shards, open: Vec::new(), deleted: false };
        table.sort_open();
        table
    }

    /// Finds the open shards anew.
    pub(crate) fn sort_open(&mut self) {
        let open = self.shards.values().filter(|shard| shard.closed().is_none());
        self.open = open.cloned().collect();
        self.open.sort_by_key(|shard| shard.range.start);
    }

    /// The open shard that takes `key`.
    pub(crate) fn route(&self, key: HashKey) -> Result<&Arc<Shard>> {
        let behind = self.open.partition_point(|shard| shard.range.start <= key);
        let shard = behind.checked_sub(1).and_then(|at| self.open.get(at));
        shard
            .filter(|shard| shard.range.contains(key))
            .ok_or_else(|| Error::damaged("a stream's shards", "they do not tile the hash space"))
    }
}

impl StreamState {
    /// Makes a stream with equal shards.
    pub(crate) fn create(
        hub: Arc<Hub>,
        name: StreamName,
        mut row: StreamRow,
        count: u32,
    ) -> Result<Self> {
        let (id, created, bell) = (row.id, row.created, Arc::default());
        row.next_shard = count;
        let mut batch = Batch::new(Durability::Synced);
        batch.put(stream_key(name.as_str()), row.encode());
        put_stream_id(&mut batch, id);
        let mut shards = Shards::new();
        for (number, range) in (0..).zip(HashRange::uniform(count)) {
            let shard = ShardId::new(number).expect("a new stream's shards are at most 10,000");
            let shard_row = ShardRow {
                range,
                parent: None,
                adjacent_parent: None,
                created,
                closed: None,
                trimmed: 0,
            };
            batch.put(shard_key(id, shard), shard_row.encode());
            shards.insert(shard, Arc::new(Shard::new(&hub, &bell, id, shard, &shard_row)?));
        }
        hub.commit("make a stream", batch)?;
        let (subscriptions, watch) = (Subscriptions::default(), Watch::default());
        let table = RwLock::new(Table::new(row, shards));
        Ok(Self { hub, name, id, created, subscriptions, watch, bell, table })
    }

    /// Reads a stream.
    pub(crate) fn load(hub: Arc<Hub>, name: StreamName, row: &Bytes) -> Result<Self> {
        let row = StreamRow::decode(row)?;
        let (id, created, bell) = (row.id, row.created, Arc::default());
        let mut shards = Shards::new();
        let (mut start, end) = shards_of(id);
        loop {
            let rows = hub.scan(KeyRange::between(&start, &end), Order::Forward, 256)?;
            let Some((last, _)) = rows.last() else { break };
            start = after(last);
            for (key, value) in &rows {
                let number = key.get(5..).and_then(|number| number.try_into().ok());
                let shard = number.map(u32::from_be_bytes).and_then(ShardId::new);
                let shard =
                    shard.ok_or_else(|| Error::damaged("a shard's key", "it has no number"))?;
                let state = Shard::new(&hub, &bell, id, shard, &ShardRow::decode(value)?)?;
                shards.insert(shard, Arc::new(state));
            }
        }
        let (subscriptions, watch) = (Subscriptions::default(), Watch::default());
        let table = RwLock::new(Table::new(row, shards));
        Ok(Self { hub, name, id, created, subscriptions, watch, bell, table })
    }

    pub(crate) fn status_of(&self, row: &StreamRow) -> StreamStatus {
        let now = self.hub.clock.now();
        match row.passing {
            Some((status, until)) if status == StreamStatus::Deleting || now < until => status,
            _ => StreamStatus::Active,
        }
    }

    /// True once the stream's deletion has ended.
    pub(crate) fn is_to_go(&self, now: Timestamp) -> bool {
        let passing = self.table.read().row.passing;
        matches!(passing, Some((StreamStatus::Deleting, until)) if until <= now)
    }

    pub(crate) fn begin_to_delete(&self, until: Timestamp) -> Result<()> {
        let mut table = self.table.write();
        if !table.deleted {
            let row =
                StreamRow { passing: Some((StreamStatus::Deleting, until)), ..table.row.clone() };
            self.save(&row)?;
            table.row = row;
            table.deleted = true;
        }
        self.bell.ring();
        Ok(())
    }

    pub(crate) fn save(&self, row: &StreamRow) -> Result<()> {
        let mut batch = Batch::new(Durability::Synced);
        batch.put(stream_key(self.name.as_str()), row.encode());
        self.hub.commit("change a stream", batch)
    }

    /// Changes the stream's row; for a while the stream is UPDATING then.
    pub(crate) fn update(
        &self,
        change: impl FnOnce(&mut StreamRow, Timestamp) -> Result<()>,
    ) -> Result<()> {
        let mut table = self.table.write();
        self.check_active(&table)?;
        let now = self.hub.clock.now();
        let mut row = table.row.clone();
        change(&mut row, now)?;
        row.passing = self.hub.passing(StreamStatus::Updating, now);
        self.save(&row)?;
        table.row = row;
        Ok(())
    }

    /// Law: Kinesis, one change of a stream at a time.
    pub(crate) fn check_active(&self, table: &Table) -> Result<()> {
        let status = self.status_of(&table.row);
        if status == StreamStatus::Active {
            return Ok(());
        }
        let account = &self.hub.settings.account;
        let what = format!(
            "Stream {} under account {account} not ACTIVE, instead in state {status}",
            self.name
        );
        Err(Error::ResourceInUse { what: what.into() })
    }

    /// Records are put and read in every state but CREATING, and until a deletion begins.
    ///
    /// Law: Kinesis, StreamStatus: data calls on a stream that is being made.
    pub(crate) fn check_usable(&self, table: &Table) -> Result<()> {
        let creating =
            table.row.passing.is_some() && self.status_of(&table.row) == StreamStatus::Creating;
        if creating || table.deleted {
            let account = &self.hub.settings.account;
            let what = format!("Stream {} under account {account} not found.", self.name);
            return Err(Error::ResourceNotFound { what: what.into() });
        }
        Ok(())
    }

    pub(crate) fn shard(&self, table: &Table, shard: ShardId) -> Result<Arc<Shard>> {
        let found = table.shards.get(&shard).filter(|shard| !self.is_expired(table, shard));
        found.cloned().ok_or_else(|| no_such_shard(&self.name, shard))
    }

    /// The oldest moment whose records are kept.
    pub(crate) fn horizon(&self, row: &StreamRow) -> Timestamp {
        let retention = i64::try_from(row.retention_millis).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.hub.clock.now().as_millis().saturating_sub(retention))
    }

    /// A closed shard is not seen any more once its last record is too old.
    ///
    /// Law: Kinesis, shard states: EXPIRED.
    pub(crate) fn is_expired(&self, table: &Table, shard: &Shard) -> bool {
        let horizon = self.horizon(&table.row);
        shard.closed().is_some_and(|(closed, _)| closed <= horizon)
    }

    pub(crate) fn flush(&self, durability: Durability) -> Result<()> {
        let table = self.table.read();
        let mut tickets = Vec::new();
        for shard in table.shards.values() {
            tickets.extend(self.commit_collected(shard, &mut shard.hold(), durability)?);
        }
        tickets.into_iter().try_for_each(Ticket::wait).map_err(Error::backend("flush"))
    }

    pub(crate) fn trim(&self, rows_max: usize) -> Result<(u64, bool)> {
        let table = self.table.read();
        let horizon = self.horizon(&table.row);
        let mut all = (0, false);
        for shard in table.shards.values() {
            let (records, more) = shard.trim(&self.hub, self.id, horizon, rows_max)?;
            all = (all.0 + records, all.1 | more);
        }
        self.trim_tokens(rows_max)?;
        Ok(all)
    }

    /// Forgets idempotency tokens whose window has passed.
    fn trim_tokens(&self, rows_max: usize) -> Result<()> {
        let now = self.hub.clock.now();
        let (start, end) = tokens_of(self.id);
        let mut batch = Batch::new(Durability::Os);
        let range = KeyRange::between(&start, &end);
        for (key, value) in self.hub.scan(range, Order::Forward, rows_max)? {
            let token = crate::row::TokenRow::decode(&value)?;
            if self.token_is_over(token.put, now) {
                batch.unchanged(key.clone(), Some(value.into()));
                batch.delete(key);
            }
        }
        if batch.ops.is_empty() {
            return Ok(());
        }
        self.hub.commit("forget tokens", batch)
    }

    pub(crate) fn token_is_over(&self, put: Timestamp, now: Timestamp) -> bool {
        now.millis_since(put).unsigned_abs() >= millis(self.hub.settings.token_window)
    }
}

impl Stream {
    pub(crate) fn new(state: Arc<StreamState>) -> Self {
        Self { state }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &StreamName {
        &self.state.name
    }

    /// Its ARN.
    ///
    /// Law: Kinesis, stream ARNs.
    #[must_use]
    pub fn arn(&self) -> String {
        let settings = &self.state.hub.settings;
        format!("arn:aws:kinesis:{}:{}:stream/{}", settings.region, settings.account, self.name())
    }
}

impl StreamState {
    /// Removes whatever is too old, to the last record that rows allow.
    pub(crate) fn trim_all(&self) -> Result<()> {
        while self.trim(1000)?.1 {}
        Ok(())
    }
}

/// Counts a change that may happen `max` times in any 24 hours.
pub(crate) fn count_in_day(
    times: &mut Vec<Timestamp>,
    now: Timestamp,
    max: usize,
    what: &str,
) -> Result<()> {
    times.retain(|time| now.millis_since(*time) < 24 * 3600 * 1000);
    if times.len() >= max {
        let what = format!("there were {max} {what} in the last 24 hours; no more are allowed");
        return Err(Error::LimitExceeded { what: what.into() });
    }
    times.push(now);
    Ok(())
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.name().as_str()).finish()
    }
}
