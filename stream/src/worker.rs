//! `Worker`: one of a group's, which takes leases, reads their shards and notes how far it has come.

use crate::{
    describe::ShardFilter,
    error::{Error, Result},
    group::{ConsumerGroup, PoisonPolicy, Seen},
    iterator::StartAt,
    lease::{Lease, Place},
    put::PutOptions,
    read::behind,
    record::{Entry, Record},
    sequence_number::SequenceNumber,
    shard::INDEX_FIRST,
    shard_id::ShardId,
    stream::Table,
    stream_name::check_name,
};
use bytes::Bytes;
use cistern_storage_core::{
    Durability, Timestamp,
    port::{Batch, CommitError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

impl ConsumerGroup {
    /// A worker of the group. Its name tells it from the others: two of one name are one.
    ///
    /// # Errors
    /// [`Error::Validation`] for a name that cannot be.
    pub fn worker(&self, name: &str) -> Result<Worker> {
        check_name("workerName", name)?;
        Ok(Worker {
            group: self.clone(),
            name: name.into(),
            seen: BTreeMap::new(),
            held: BTreeMap::new(),
            renewed: None,
        })
    }
}

/// A lease that this worker holds.
#[derive(Debug)]
struct Held {
    seen: Seen,
    /// The index to read on from: ahead of the checkpoint.
    next: u64,
    /// The end of what was delivered.
    delivered: u64,
    at_end: bool,
    /// How often what comes next was rejected.
    rejected: u32,
}

/// One of a group's workers. It does something only when it is asked to: call [`Worker::poll`] in a
/// loop, and at least three times within the failover time.
#[derive(Debug)]
pub struct Worker {
    group: ConsumerGroup,
    name: Box<str>,
    /// The counters of others' leases, and since when they have been what they are.
    seen: BTreeMap<ShardId, (u64, Timestamp)>,
    held: BTreeMap<ShardId, Held>,
    renewed: Option<Timestamp>,
}

/// Records of one shard, for its worker to process and then to [checkpoint](Worker::checkpoint).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The shard.
    pub shard: ShardId,
    /// The records, in its order; perhaps none at its end.
    pub records: Vec<Record>,
    /// True when nothing comes behind them in this shard: its children begin once this delivery is
    /// checkpointed.
    pub shard_end: bool,
    /// How far behind the tip the shard was read.
    pub millis_behind_latest: u64,
    /// How many records were too old before they could be delivered.
    pub lost: u64,
    /// The index behind the last of them.
    next: u64,
    from: u64,
}

impl Worker {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shards that it holds.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardId> {
        self.held.keys().copied().collect()
    }

    /// Renews what it holds, takes what it should, and reads the next records of each of its shards,
    /// which must be checkpointed or rejected before the next poll, or they are not delivered again
    /// by this worker until somebody else takes over.
    ///
    /// # Errors
    /// When the backend fails; [`Error::ResourceNotFound`] once the stream is gone.
    pub fn poll(&mut self) -> Result<Vec<Delivery>> {
        self.balance()?;
        let state = Arc::clone(&self.group.stream.state);
        let table = state.table.read();
        state.check_usable(&table)?;
        let now = state.hub.clock.now();
        let mut deliveries = Vec::new();
        for (&id, held) in &mut self.held {
            let Some(shard) = table.shards.get(&id) else { continue };
            if held.at_end {
                continue;
            }
            let page = state.page(&table, shard, held.next, self.group.options.records_max)?;
            let from = held.next;
            held.next = page.next;
            held.delivered = page.next;
            held.at_end = page.at_end;
            if !page.records.is_empty() || page.at_end {
                deliveries.push(Delivery {
                    shard: id,
                    shard_end: page.at_end,
                    millis_behind_latest: behind(&page, now),
                    lost: page.lost,
                    next: page.next,
                    from,
                    records: page.records,
                });
            }
        }
        Ok(deliveries)
    }

    /// As [`Self::poll`], but when there is nothing waits for records, for at most `at_most` of the
    /// machine's time.
    ///
    /// # Errors
    /// As [`Self::poll`].
    pub fn poll_within(&mut self, at_most: Duration) -> Result<Vec<Delivery>> {
        let state = Arc::clone(&self.group.stream.state);
        let mut waiting = state.bell.enter();
        let deliveries = self.poll()?;
        if !deliveries.is_empty() || !waiting.wait(at_most) {
            return Ok(deliveries);
        }
        self.poll()
    }

    /// Notes that a delivery was processed: it does not come again, whoever holds the shard.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when somebody else has taken the shard: stop processing it.
    /// [`Error::InvalidCheckpoint`] when a later delivery was noted already.
    ///
    /// Law: KCL, checkpoint.
    pub fn checkpoint(&mut self, delivery: &Delivery) -> Result<()> {
        let mut batch = Batch::new(Durability::Synced);
        let lease =
            self.add_checkpoint(delivery.shard, delivery.next, delivery.shard_end, &mut batch)?;
        self.commit_checkpoint(delivery.shard, lease, batch)
    }

    /// Notes that a record and all before it were processed.
    ///
    /// # Errors
    /// As [`Self::checkpoint`]; [`Error::InvalidCheckpoint`] for a number that was not delivered.
    ///
    /// Law: KCL, checkpoint.
    pub fn checkpoint_at(&mut self, number: SequenceNumber) -> Result<()> {
        let shard = number.shard_id();
        let next = number.index.saturating_add(1);
        if self.held.get(&shard).is_some_and(|held| next > held.delivered) {
            let reason = "it was not delivered to this worker";
            return Err(Error::InvalidCheckpoint { number, reason });
        }
        let mut batch = Batch::new(Durability::Synced);
        let lease = self.add_checkpoint(shard, next, false, &mut batch)?;
        self.commit_checkpoint(shard, lease, batch)
    }

    fn add_checkpoint(
        &self,
        shard: ShardId,
        next: u64,
        end: bool,
        batch: &mut Batch,
    ) -> Result<Lease> {
        let held = self.held.get(&shard).ok_or_else(|| self.lost(shard))?;
        let Place::At(before) = held.seen.lease.place else { return Err(self.lost(shard)) };
        if next < before {
            let found = self.group.stream.state.table.read().shards.get(&shard).cloned();
            let number = found.map_or_else(
                || SequenceNumber::new(0, shard, next, 0),
                |shard| shard.number(next.saturating_sub(1), shard.created),
            );
            let reason = "a later one was noted already";
            return Err(Error::InvalidCheckpoint { number, reason });
        }
        let place = if end { Place::End } else { Place::At(next) };
        let lease = Lease { place, ..held.seen.lease.clone() };
        let key = self.group.key(shard);
        batch.unchanged(key.clone(), Some(held.seen.raw.clone().into()));
        batch.put(key, lease.encode());
        if end {
            self.add_children(shard, batch)?;
        }
        Ok(lease)
    }

    /// The children of a shard at its end get their leases in the same commit: a crash between the
    /// two cannot lose them.
    ///
    /// Law: KCL, leases of children.
    fn add_children(&self, shard: ShardId, batch: &mut Batch) -> Result<()> {
        let state = &self.group.stream.state;
        let table = state.table.read();
        for child in table.children(shard) {
            let key = self.group.key(child.id);
            let seen = state.hub.row(&key)?;
            if seen.is_none() {
                batch.unchanged(key.clone(), None);
                batch.put(key, Lease::free(Place::At(INDEX_FIRST)).encode());
            }
        }
        Ok(())
    }

    fn commit_checkpoint(&mut self, shard: ShardId, lease: Lease, batch: Batch) -> Result<()> {
        match self.group.stream.state.hub.backend.commit(batch) {
            Ok(ticket) => {
                ticket.wait().map_err(Error::backend("checkpoint"))?;
                if lease.place == Place::End {
                    self.held.remove(&shard);
                } else if let Some(held) = self.held.get_mut(&shard) {
                    held.seen = Seen { raw: lease.encode(), lease };
                    held.rejected = 0;
                }
                Ok(())
            }
            Err(CommitError::Conflict { index }) => {
                if index == 0 {
                    self.held.remove(&shard);
                    return Err(self.lost(shard));
                }
                // Another parent of a child came first: its lease is there now.
                let next = self.held.get(&shard).map_or(0, |held| held.delivered);
                let mut batch = Batch::new(Durability::Synced);
                let end = lease.place == Place::End;
                let lease = self.add_checkpoint(shard, next, end, &mut batch)?;
                self.commit_checkpoint(shard, lease, batch)
            }
            Err(error) => Err(Error::commit("checkpoint")(error)),
        }
    }

    fn lost(&self, shard: ShardId) -> Error {
        Error::LeaseLost { worker: self.name.clone(), shard }
    }

    /// A delivery cannot be processed: the group's [`PoisonPolicy`] says what becomes of it. True
    /// when it will be delivered again.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]; when its records cannot be put where they shall go.
    pub fn reject(&mut self, delivery: &Delivery) -> Result<bool> {
        let held = self.held.get_mut(&delivery.shard);
        let Some(held) = held else { return Err(self.lost(delivery.shard)) };
        held.rejected += 1;
        let rejected = held.rejected;
        let (attempts, letters) = match &self.group.options.poison {
            PoisonPolicy::Retry => (u32::MAX, None),
            PoisonPolicy::Skip { attempts } => (*attempts, None),
            PoisonPolicy::DeadLetter { attempts, stream } => (*attempts, Some(stream.clone())),
        };
        if rejected < attempts {
            held.next = delivery.from;
            held.delivered = delivery.from;
            held.at_end = false;
            return Ok(true);
        }
        if let Some(letters) = letters {
            let entry =
                |record: &Record| Entry::new(record.partition_key.as_str(), record.data.clone());
            let entries = delivery.records.iter().map(entry).collect::<Result<Vec<_>>>()?;
            letters.put_all(entries, &PutOptions::new())?;
        }
        self.checkpoint(delivery)?;
        Ok(false)
    }

    /// Gives its shards up, so that others take them at once.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn release(&mut self) -> Result<()> {
        for (shard, held) in std::mem::take(&mut self.held) {
            let lease = Lease { owner: None, ..held.seen.lease.clone() };
            self.swap(shard, Some(&held.seen.raw), &lease)?;
        }
        Ok(())
    }

    /// Writes a lease if it is as it was seen; false when it is not.
    fn swap(&self, shard: ShardId, seen: Option<&Bytes>, lease: &Lease) -> Result<bool> {
        let key = self.group.key(shard);
        // A lease that is lost with the process is found free by its counter: it need not be synced.
        let mut batch = Batch::new(Durability::Os);
        batch.unchanged(key.clone(), seen.cloned().map(Into::into));
        batch.put(key, lease.encode());
        match self.group.stream.state.hub.backend.commit(batch) {
            Ok(ticket) => ticket.wait().map_err(Error::backend("write a lease")).map(|()| true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(Error::commit("write a lease")(error)),
        }
    }

    /// Renews its leases, looks at those of others, and takes what it should.
    fn balance(&mut self) -> Result<()> {
        let state = Arc::clone(&self.group.stream.state);
        let now = state.hub.clock.now();
        let mut leases = self.group.read_leases()?;
        if leases.is_empty() {
            self.found_leases()?;
            leases = self.group.read_leases()?;
        }
        self.renew(&leases, now)?;
        self.note(&leases, now);
        let alive: BTreeSet<_> = leases
            .iter()
            .filter(|(id, seen)| seen.lease.place != Place::End && !self.is_free(**id, seen, now))
            .filter_map(|(_, seen)| seen.lease.owner.as_deref())
            .chain([&*self.name])
            .map(Box::<str>::from)
            .collect();
        let table = state.table.read();
        let startable = startable(&table, &leases);
        drop(table);
        let fair = startable.len().div_ceil(alive.len());
        let free: Vec<_> = startable
            .iter()
            .copied()
            .filter(|id| !self.held.contains_key(id) && self.is_free(*id, &leases[id], now))
            .collect();
        for &shard in &free {
            if self.held.len() >= fair {
                break;
            }
            self.take(shard, &leases[&shard])?;
        }
        if free.is_empty() && self.held.len() < fair {
            self.steal(&startable, &leases, fair)?;
        }
        Ok(())
    }

    /// Makes the first leases of a group, one a shard, where the options say that it begins.
    fn found_leases(&self) -> Result<()> {
        let state = &self.group.stream.state;
        let mut found = Vec::new();
        {
            let table = state.table.read();
            state.check_usable(&table)?;
            let filter = match self.group.options.start {
                StartAt::Latest => ShardFilter::AtLatest,
                StartAt::AtTimestamp(time) => ShardFilter::AtTimestamp(time),
                StartAt::TrimHorizon => ShardFilter::AtTrimHorizon,
                StartAt::AtSequenceNumber(_) | StartAt::AfterSequenceNumber(_) => {
                    let reason =
                        "a group begins with a time, or at an end: a number is of one shard";
                    return Err(Error::invalid_argument(reason));
                }
            };
            for info in state.shards_of(&table, filter) {
                let shard = state.shard(&table, info.id)?;
                found.push((info.id, state.index_of(&table, &shard, self.group.options.start)?));
            }
        }
        for (shard, index) in found {
            self.swap(shard, None, &Lease::free(Place::At(index)))?;
        }
        Ok(())
    }

    /// Renews what it holds, three times within the failover time; lets go of what it has lost.
    fn renew(&mut self, leases: &BTreeMap<ShardId, Seen>, now: Timestamp) -> Result<()> {
        let own = |shard: &ShardId, held: &Held| {
            leases.get(shard).is_some_and(|seen| seen.raw == held.seen.raw)
        };
        self.held.retain(|shard, held| own(shard, held));
        let third = self.group.options.failover.as_millis() / 3;
        let due = self
            .renewed
            .is_none_or(|renewed| u128::from(now.millis_since(renewed).unsigned_abs()) >= third);
        if !due {
            return Ok(());
        }
        self.renewed = Some(now);
        for shard in self.shards() {
            let Some(held) = self.held.get(&shard) else { continue };
            let lease = Lease { counter: held.seen.lease.counter + 1, ..held.seen.lease.clone() };
            if self.swap(shard, Some(&held.seen.raw), &lease)? {
                if let Some(held) = self.held.get_mut(&shard) {
                    held.seen = Seen { raw: lease.encode(), lease };
                }
            } else {
                self.held.remove(&shard);
            }
        }
        Ok(())
    }

    /// Notes since when the leases of others have not been renewed.
    fn note(&mut self, leases: &BTreeMap<ShardId, Seen>, now: Timestamp) {
        self.seen.retain(|shard, _| leases.contains_key(shard));
        for (&shard, seen) in leases {
            let counter = seen.lease.counter;
            let noted = self.seen.entry(shard).or_insert((counter, now));
            if noted.0 != counter {
                *noted = (counter, now);
            }
        }
    }

    fn is_free(&self, shard: ShardId, seen: &Seen, now: Timestamp) -> bool {
        if seen.lease.owner.is_none() {
            return true;
        }
        let since = self.seen.get(&shard).map_or(now, |(_, since)| *since);
        let failover = self.group.options.failover.as_millis();
        u128::from(now.millis_since(since).max(0).unsigned_abs()) >= failover
    }

    fn take(&mut self, shard: ShardId, seen: &Seen) -> Result<bool> {
        let lease = Lease {
            owner: Some(self.name.clone()),
            counter: seen.lease.counter + 1,
            place: seen.lease.place,
        };
        if !self.swap(shard, Some(&seen.raw), &lease)? {
            return Ok(false);
        }
        let Place::At(index) = lease.place else { return Ok(false) };
        let seen = Seen { raw: lease.encode(), lease };
        let held = Held { seen, next: index, delivered: index, at_end: false, rejected: 0 };
        self.held.insert(shard, held);
        Ok(true)
    }

    /// Takes a shard of the worker that has the most, when that has more than its share.
    fn steal(
        &mut self,
        startable: &[ShardId],
        leases: &BTreeMap<ShardId, Seen>,
        fair: usize,
    ) -> Result<()> {
        let mut by_owner: BTreeMap<&str, Vec<ShardId>> = BTreeMap::new();
        for shard in startable {
            if let Some(owner) = leases[shard].lease.owner.as_deref()
                && *owner != *self.name
            {
                by_owner.entry(owner).or_default().push(*shard);
            }
        }
        let Some((_, richest)) = by_owner.into_iter().max_by_key(|(_, shards)| shards.len()) else {
            return Ok(());
        };
        // A share more than its own, or one more than we have: else it would go back and forth.
        let spare = richest
            .len()
            .saturating_sub(self.held.len() + 1)
            .max(richest.len().saturating_sub(fair));
        let wanted = (fair - self.held.len()).min(spare).min(self.group.options.steal_max);
        for &shard in richest.iter().take(wanted) {
            self.take(shard, &leases[&shard])?;
        }
        Ok(())
    }
}

/// The shards that may be read now: those with a lease, whose parents are all done with.
///
/// A parent without a lease is done with when its own parents are: it lies before where the group
/// began. Else it gets its lease when they come to their end.
fn startable(table: &Table, leases: &BTreeMap<ShardId, Seen>) -> Vec<ShardId> {
    let mut startable = Vec::new();
    let mut undone = BTreeSet::new();
    // A shard's number is above its parents'.
    for (&id, shard) in &table.shards {
        let mut parents = shard.parent.iter().chain(&shard.adjacent_parent);
        let waits = parents.any(|parent| undone.contains(parent));
        match leases.get(&id).map(|seen| seen.lease.place) {
            Some(Place::End) => {}
            Some(Place::At(_)) => {
                undone.insert(id);
                if !waits {
                    startable.push(id);
                }
            }
            None if waits => {
                undone.insert(id);
            }
            None => {}
        }
    }
    startable
}
