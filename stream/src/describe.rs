//! What is known of a stream and of its shards.

use crate::{
    hash_key::HashRange,
    sequence_number::SequenceNumber,
    shard::Shard,
    shard_id::ShardId,
    stream::{Stream, StreamMode, StreamState, StreamStatus, Table},
    stream_name::StreamName,
};
use cistern_storage_core::Timestamp;
use std::time::Duration;

/// What is known of a stream.
///
/// Law: Kinesis, DescribeStreamSummary.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamDescription {
    /// Its name.
    pub name: StreamName,
    /// Its ARN.
    pub arn: String,
    /// What it is doing.
    pub status: StreamStatus,
    /// How its capacity is chosen.
    pub mode: StreamMode,
    /// When it was made.
    pub created: Timestamp,
    /// How long it keeps records.
    pub retention: Duration,
    /// The largest record that it takes, in KiB.
    pub record_kib_max: u32,
    /// How many of its shards are open.
    pub open_shards: usize,
    /// The name that was given when new records began to be sealed; `None` when they are not.
    pub encryption_key: Option<Box<str>>,
}

/// What is known of a shard.
///
/// Law: Kinesis, Shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardInfo {
    /// Its id.
    pub id: ShardId,
    /// The hash keys that it takes.
    pub range: HashRange,
    /// The shard that it was split off, or the first of the two that it was merged from.
    pub parent: Option<ShardId>,
    /// The second of the two that it was merged from.
    pub adjacent_parent: Option<ShardId>,
    /// The number that its records are above.
    pub starting_number: SequenceNumber,
    /// The number that its records are below; `None` while it is open.
    pub ending_number: Option<SequenceNumber>,
}

/// Which shards a list is about.
///
/// Law: Kinesis, ListShards: ShardFilter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardFilter {
    /// All that still hold records, and all open ones.
    #[default]
    FromTrimHorizon,
    /// Those that were open at the oldest moment that is kept.
    AtTrimHorizon,
    /// Those that are open.
    AtLatest,
    /// Those that were open at that moment.
    AtTimestamp(Timestamp),
    /// Those that were open at that moment or later.
    FromTimestamp(Timestamp),
    /// Those with a higher number.
    AfterShardId(ShardId),
}

impl Stream {
    /// What is known of it.
    #[must_use]
    pub fn describe(&self) -> StreamDescription {
        let table = self.state.table.read();
        StreamDescription {
            name: self.name().clone(),
            arn: self.arn(),
            status: self.state.status_of(&table.row),
            mode: table.row.mode,
            created: self.state.created,
            retention: Duration::from_millis(table.row.retention_millis),
            record_kib_max: table.row.record_kib_max,
            open_shards: table.open.len(),
            encryption_key: table.row.encryption_key.clone(),
        }
    }

    /// Its shards, in the order of their numbers.
    ///
    /// Law: Kinesis, ListShards: ShardFilter.
    #[must_use]
    pub fn shards(&self, filter: ShardFilter) -> Vec<ShardInfo> {
        self.state.shards_of(&self.state.table.read(), filter)
    }
}

impl StreamState {
    pub(crate) fn shards_of(&self, table: &Table, filter: ShardFilter) -> Vec<ShardInfo> {
        let horizon = self.horizon(&table.row);
        let was_open_at = |shard: &Shard, time: Timestamp| {
            shard.created.second() <= time
                && shard.closed().is_none_or(|(closed, _)| closed >= time)
        };
        let passes = |shard: &Shard| match filter {
            ShardFilter::FromTrimHorizon => true,
            ShardFilter::AtTrimHorizon => was_open_at(shard, horizon.max(self.created)),
            ShardFilter::AtLatest => shard.closed().is_none(),
            ShardFilter::AtTimestamp(time) => was_open_at(shard, time.max(horizon)),
            ShardFilter::FromTimestamp(time) => {
                shard.closed().is_none_or(|(closed, _)| closed >= time.max(horizon))
            }
            ShardFilter::AfterShardId(id) => shard.id > id,
        };
        let kept = table.shards.values().filter(|shard| !self.is_expired(table, shard));
        kept.filter(|shard| passes(shard)).map(|shard| info(shard)).collect()
    }
}

fn info(shard: &Shard) -> ShardInfo {
    ShardInfo {
        id: shard.id,
        range: shard.range,
        parent: shard.parent,
        adjacent_parent: shard.adjacent_parent,
        starting_number: shard.starting_number(),
        ending_number: shard.ending_number(),
    }
}
