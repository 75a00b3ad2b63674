//! On-demand streams: as many shards as what is put needs.

use crate::{
    error::Result,
    reshard::Reshaping,
    shard::Shard,
    shard_id::ShardId,
    stream::{StreamMode, StreamState, StreamStatus},
    streams::Streams,
};
use cistern_storage_core::Timestamp;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// A shard that takes more than this in a second is split.
///
/// Law: Kinesis, on-demand mode: a shard above 500 KB/s is split.
pub const SPLIT_BYTES_PER_SECOND: u64 = 500_000;

/// Neighbours that together take less than a quarter of it are merged, down to 4 shards.
const MERGE_BYTES_PER_SECOND: u64 = SPLIT_BYTES_PER_SECOND / 4;

/// How long the load is watched before anything is changed.
///
/// Law: Kinesis, on-demand mode: within 15 minutes.
const WATCH_MILLIS: i64 = 60_000;

/// What was seen of a stream's load.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    at: Timestamp,
    bytes: BTreeMap<ShardId, u64>,
}

/// How a stream was scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scaled {
    /// Shards that were split.
    pub splits: usize,
    /// Pairs of shards that were merged.
    pub merges: usize,
}

impl Streams {
    /// Looks at the load of every on-demand stream, and splits and merges shards as it asks for.
    /// A look compares with the one before; looks less than a minute apart, on the store's clock, are
    /// one. Call it every minute or so, as often as `trim`.
    ///
    /// # Errors
    /// When the backend fails.
    ///
    /// Law: Kinesis, on-demand mode: a shard above 500 KB/s is split.
    /// Law: Kinesis, on-demand mode: within 15 minutes.
    pub fn scale(&self) -> Result<Scaled> {
        let mut all = Scaled::default();
        for state in self.states() {
            let scaled = state.scale()?;
            all.splits += scaled.splits;
            all.merges += scaled.merges;
        }
        Ok(all)
    }
}

impl StreamState {
    fn scale(&self) -> Result<Scaled> {
        let mut table = self.table.write();
        let is_active = self.status_of(&table.row) == StreamStatus::Active;
        if table.row.mode != StreamMode::OnDemand || !is_active || table.deleted {
            return Ok(Scaled::default());
        }
        let now = self.hub.clock.now();
        let Some(rates) = self.watch.rates(&table.open, now) else { return Ok(Scaled::default()) };
        let mut change = Reshaping::new(&table, now);
        let mut scaled = Scaled::default();
        let mut count = table.open.len();
        for shard in &table.open {
            let splittable = shard.range.end.0 - shard.range.start.0 > 3;
            if rates[&shard.id] > SPLIT_BYTES_PER_SECOND && splittable {
                change.split(shard.id, shard.range.middle())?;
                scaled.splits += 1;
                count += 1;
            }
        }
        let mut place = 0;
        while let [lower, upper, ..] = &table.open[place.min(table.open.len())..] {
            let quiet = rates[&lower.id] + rates[&upper.id] < MERGE_BYTES_PER_SECOND;
            if quiet && count > crate::limits::ON_DEMAND_SHARDS as usize {
                change.merge(lower.id, upper.id)?;
                scaled.merges += 1;
                count -= 1;
                place += 2;
            } else {
                place += 1;
            }
        }
        if scaled != Scaled::default() {
            self.reshape(&mut table, change, |_, _| Ok(()))?;
        }
        Ok(scaled)
    }
}

impl Watch {
    /// Bytes that each shard took in a second since the last look; `None` when that is not long ago.
    fn rates(&self, open: &[Arc<Shard>], now: Timestamp) -> Option<BTreeMap<ShardId, u64>> {
        let mut seen = self.seen.lock();
        let bytes: BTreeMap<_, _> =
            open.iter().map(|shard| (shard.id, shard.counters.incoming_bytes())).collect();
        let Some(before) = &*seen else {
            *seen = Some(Seen { at: now, bytes });
            return None;
        };
        let millis = now.millis_since(before.at);
        if millis < WATCH_MILLIS {
            return None;
        }
        let rate = |(&id, &now): (&ShardId, &u64)| {
            let since = now - before.bytes.get(&id).copied().unwrap_or(0);
            (id, since.saturating_mul(1000) / millis.unsigned_abs())
        };
        let rates = bytes.iter().map(rate).collect();
        *seen = Some(Seen { at: now, bytes });
        Some(rates)
    }
}
