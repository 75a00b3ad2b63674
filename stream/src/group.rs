//! Consumer groups: workers that share the shards of a stream by leases.
//!
//! ```text
//!            take, steal               read to the end, checkpoint
//!   free ---------------> owned by w ------------------------------> SHARD_END
//!    ^                        |
//!    +---- release, or not renewed for the failover time
//! ```
//!
//! A lease is a row that changes under the condition that it is as it was seen: of two workers that
//! take it, one does. Its counter grows with every renewal; a worker that has not seen it grow for
//! the failover time, on the clock of its own store, may take it. So no two clocks are compared.
//!
//! Delivery is at least once: after a take-over whatever came behind the last checkpoint comes again.
//! Of a shard's children none is begun before all its parents are at their end.
//!
//! Law: KCL, leases.

use crate::{
    error::{Error, Result},
    iterator::StartAt,
    lease::{Lease, Place, lease_key, leases_of},
    limits,
    shard_id::ShardId,
    stream::Stream,
    stream_name::check_name,
};
use bytes::Bytes;
use cistern_storage_core::{
    Durability,
    port::{Batch, KeyRange, Order},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How a group works.
///
/// Law: KCL, configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupOptions {
    /// Where a group begins that has never read. Default: with the oldest record.
    pub start: StartAt,
    /// How long a lease is held without being renewed. Default: 10 s.
    pub failover: Duration,
    /// How many leases one worker steals at once. Default: 1.
    pub steal_max: usize,
    /// Records in one delivery. Default: 10,000.
    pub records_max: usize,
    /// What becomes of a delivery that its worker cannot process.
    pub poison: PoisonPolicy,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self {
            start: StartAt::TrimHorizon,
            failover: Duration::from_secs(10),
            steal_max: 1,
            records_max: limits::GET_RECORDS_MAX,
            poison: PoisonPolicy::default(),
        }
    }
}

impl GroupOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a group begins that has never read.
    #[must_use]
    pub fn start(mut self, start: StartAt) -> Self {
        self.start = start;
        self
    }

    /// How long a lease is held without being renewed.
    #[must_use]
    pub fn failover(mut self, failover: Duration) -> Self {
        self.failover = failover;
        self
    }

    /// Records in one delivery: 1 to 10,000.
    #[must_use]
    pub fn records_max(mut self, records: usize) -> Self {
        self.records_max = records;
        self
    }

    /// What becomes of a delivery that its worker cannot process.
    #[must_use]
    pub fn poison(mut self, policy: PoisonPolicy) -> Self {
        self.poison = policy;
        self
    }
}

/// What becomes of a delivery that its worker [rejects](crate::Worker::reject). The consumer library skips
/// it at once, and loses it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum PoisonPolicy {
    /// It is delivered again until it is processed: the shard waits.
    #[default]
    Retry,
    /// It is delivered so many times; then the shard goes on behind it.
    Skip {
        /// How many times, at least 1.
        attempts: u32,
    },
    /// It is delivered so many times; then its records are put into another stream, and the shard goes
    /// on.
    DeadLetter {
        /// How many times, at least 1.
        attempts: u32,
        /// Where its records go.
        stream: Stream,
    },
}

/// A named group of workers that read a stream together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConsumerGroup {
    pub(crate) stream: Stream,
    name: Arc<str>,
    pub(crate) options: GroupOptions,
}

impl Stream {
    /// The group of consumers of that name; it is there once a worker of it reads.
    ///
    /// # Errors
    /// [`Error::Validation`] for a name that cannot be, or options that cannot work.
    pub fn consumer_group(&self, name: &str, options: GroupOptions) -> Result<ConsumerGroup> {
        check_name("groupName", name)?;
        if !(1..=limits::GET_RECORDS_MAX).contains(&options.records_max) {
            let constraint = "Member must have value between 1 and 10000";
            return Err(Error::validation("recordsMax", options.records_max, constraint));
        }
        if options.failover.is_zero() {
            let constraint = "Member must be above zero";
            return Err(Error::validation("failover", "0", constraint));
        }
        Ok(ConsumerGroup { stream: self.clone(), name: name.into(), options })
    }
}

/// How far a group has read one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseInfo {
    /// The shard.
    pub shard: ShardId,
    /// Who holds it.
    pub owner: Option<Box<str>>,
    /// True when it was processed to its end.
    pub at_end: bool,
    /// How many records behind its checkpoint may be read, those too old included.
    pub lag: u64,
}

impl ConsumerGroup {
    /// How far the group has read each shard.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn leases(&self) -> Result<Vec<LeaseInfo>> {
        let leases = self.read_leases()?;
        let table = self.stream.state.table.read();
        let info = |(&shard, lease): (&ShardId, &Seen)| {
            let found = table.shards.get(&shard)?;
            let lag = match lease.lease.place {
                Place::End => 0,
                Place::At(index) => found.tip().saturating_sub(index.max(found.trimmed())),
            };
            let at_end = lease.lease.place == Place::End;
            Some(LeaseInfo { shard, owner: lease.lease.owner.clone(), at_end, lag })
        };
        Ok(leases.iter().filter_map(info).collect())
    }

    /// Forgets the group: the next worker of that name begins anew.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn delete(&self) -> Result<()> {
        let mut batch = Batch::new(Durability::Synced);
        for shard in self.read_leases()?.keys() {
            batch.delete(self.key(*shard));
        }
        self.stream.state.hub.commit("delete a consumer group", batch)
    }

    pub(crate) fn key(&self, shard: ShardId) -> Bytes {
        lease_key(self.stream.state.id, &self.name, shard)
    }

    pub(crate) fn read_leases(&self) -> Result<BTreeMap<ShardId, Seen>> {
        let hub = &self.stream.state.hub;
        let (mut start, end) = leases_of(self.stream.state.id, &self.name);
        let mut leases = BTreeMap::new();
        loop {
            let rows = hub.scan(KeyRange::between(&start, &end), Order::Forward, ROWS_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { return Ok(leases) };
            start = crate::streams::after(last);
            for (key, raw) in rows {
                let (shard, lease) = Lease::decode(&key, &raw)?;
                leases.insert(shard, Seen { lease, raw });
            }
        }
    }
}

/// A lease as it stands in its row.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) lease: Lease,
    pub(crate) raw: Bytes,
}

const ROWS_AT_ONCE: usize = 256;
