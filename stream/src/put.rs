//! Put: records get their places in their shards, and their shards one commit.

use crate::{
    chunk::{Chunk, ChunkWriter},
    error::{Error, Result},
    faults::Fault,
    limits,
    record::{Entry, Receipt},
    row::{ChunkPlace, PlacedRow, TokenRow, token_key},
    sealing,
    sequence_number::SequenceNumber,
    shard::{Append, Prepared, Shard, Strength, chunk_row},
    shard_id::ShardId,
    stream::{Stream, StreamState, Table},
    streams::check_size,
};
use bytes::Bytes;
use cistern_storage_core::{
    Durability, Timestamp,
    port::{Batch, BlobRef, BlobSource, CommitError, SourceFailed, Ticket},
};
use parking_lot::MutexGuard;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// What a put can be told beyond its records.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// How safe the records must be before the put is acknowledged. Default: the stream's.
    pub durability: Option<Durability>,
    /// A word of the caller's: within the window of [`crate::StreamSettings::token_window`], a second
    /// put with the same token puts nothing, and answers what the first one did.
    pub token: Option<Box<str>>,
    /// The record must come after this one: the number is checked, the order comes by itself.
    pub sequence_number_for_ordering: Option<SequenceNumber>,
}

impl PutOptions {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How safe the records must be before the put is acknowledged.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// Puts once, however often it is tried.
    #[must_use]
    pub fn token(mut self, token: impl Into<Box<str>>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Comes after the record of that number.
    ///
    /// Law: Kinesis, SequenceNumberForOrdering.
    #[must_use]
    pub fn sequence_number_for_ordering(mut self, number: SequenceNumber) -> Self {
        self.sequence_number_for_ordering = Some(number);
        self
    }
}

impl Stream {
    /// Puts a record, and answers when it is as safe as the stream wants it.
    ///
    /// Cost: one commit; puts from many threads share a sync.
    ///
    /// # Errors
    /// [`Error::Validation`] for a partition key or a record of a size that cannot be.
    ///
    /// Law: Kinesis, PutRecord.
    pub fn put(
        &self,
        partition_key: impl Into<Box<str>>,
        data: impl Into<Bytes>,
    ) -> Result<Receipt> {
        self.put_with(Entry::new(partition_key, data)?, &PutOptions::default())
    }

    /// Puts a record, with options.
    ///
    /// # Errors
    /// As [`Self::put`]; [`Error::InvalidArgument`] for a sequence number that cannot be.
    pub fn put_with(&self, entry: Entry, options: &PutOptions) -> Result<Receipt> {
        let state = &self.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        check_size(&entry, table.row.record_kib_max)?;
        state.check_ordering(options)?;
        let durability = state.durability(&table, options);
        let shard = Arc::clone(table.route(entry.hash_key())?);
        state.admit(&shard, &entry)?;
        let in_memory = durability == Durability::Memory
            && options.token.is_none()
            && table.row.encryption_key.is_none();
        if in_memory {
            return state.put_in_memory(&shard, entry);
        }
        let receipts = state.put_groups(table, &[(shard, vec![(0, entry)])], options)?;
        receipts.into_iter().next().ok_or(Error::InternalFailure)
    }

    /// Puts records in this order, all of them or none: whatever their shards, they are one commit.
    ///
    /// # Errors
    /// As [`Self::put`], for the first record that cannot be put; none is put then.
    pub fn put_all(
        &self,
        entries: impl IntoIterator<Item = Entry>,
        options: &PutOptions,
    ) -> Result<Vec<Receipt>> {
        let state = &self.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        state.check_ordering(options)?;
        let mut groups = Groups::default();
        for entry in entries {
            check_size(&entry, table.row.record_kib_max)?;
            let shard = table.route(entry.hash_key())?;
            state.admit(shard, &entry)?;
            groups.push(shard, entry);
        }
        state.put_groups(table, &groups.into_vec(), options)
    }

    /// Puts 1 to 500 records, each of which succeeds or is throttled for itself. Those that succeed
    /// are one commit.
    ///
    /// # Errors
    /// [`Error::Validation`] for a number of records, or a record, that cannot be;
    /// [`Error::InvalidArgument`] when all together are above 10 MiB. Nothing is put then.
    ///
    /// Law: Kinesis, PutRecords.
    pub fn put_records(&self, entries: Vec<Entry>) -> Result<PutRecordsOutcome> {
        if !(1..=limits::PUT_RECORDS_MAX).contains(&entries.len()) {
            let constraint = "Member must have length between 1 and 500";
            return Err(Error::validation("records", entries.len(), constraint));
        }
        let bytes: u64 = entries.iter().map(Entry::size).sum();
        if bytes > limits::PUT_RECORDS_BYTES_MAX {
            return Err(Error::invalid_argument(format!(
                "Records size exceeds {} bytes: {bytes}",
                limits::PUT_RECORDS_BYTES_MAX
            )));
        }
        let state = &self.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        entries.iter().try_for_each(|entry| check_size(entry, table.row.record_kib_max))?;
        let mut groups = Groups::default();
        let mut refused = Vec::with_capacity(entries.len());
        for entry in entries {
            let shard = table.route(entry.hash_key())?;
            refused.push(state.admit(shard, &entry).err());
            if refused.last().is_some_and(Option::is_none) {
                groups.push(shard, entry);
            }
        }
        let receipts = state.put_groups(table, &groups.into_vec(), &PutOptions::default())?;
        let mut receipts = receipts.into_iter();
        let records = refused.into_iter().map(|refused| match refused {
            Some(error) => Err(error),
            None => receipts.next().ok_or(Error::InternalFailure),
        });
        Ok(PutRecordsOutcome { records: records.collect() })
    }
}

/// What became of each record of a [`Stream::put_records`], in the order of the request.
#[derive(Debug)]
#[must_use = "a record may have failed although the call succeeded"]
#[non_exhaustive]
pub struct PutRecordsOutcome {
    /// One answer a record.
    pub records: Vec<Result<Receipt>>,
}

impl PutRecordsOutcome {
    /// How many records failed.
    #[must_use]
    pub fn failed_record_count(&self) -> usize {
        self.records.iter().filter(|record| record.is_err()).count()
    }
}

/// Records of one shard, each with its place in the caller's order.
type Group = (Arc<Shard>, Vec<(usize, Entry)>);

/// Records by their shards.
#[derive(Default)]
struct Groups {
    by_shard: BTreeMap<ShardId, Group>,
    count: usize,
}

impl Groups {
    fn push(&mut self, shard: &Arc<Shard>, entry: Entry) {
        let group = self.by_shard.entry(shard.id);
        let group = group.or_insert_with(|| (Arc::clone(shard), Vec::new()));
        group.1.push((self.count, entry));
        self.count += 1;
    }

    /// In the order of the shards' numbers.
    fn into_vec(self) -> Vec<Group> {
        self.by_shard.into_values().collect()
    }
}

impl StreamState {
    /// Asks the limits that are in force, and the failures that are asked for, about a record.
    fn admit(&self, shard: &Shard, entry: &Entry) -> Result<()> {
        let settings = &self.hub.settings;
        if let Some(fault) = settings.faults.as_ref().and_then(|faults| faults.next_record()) {
            return Err(match fault {
                Fault::Throttle => self.throttled_write(shard),
                Fault::InternalFailure | Fault::ExpireIterator => Error::InternalFailure,
            });
        }
        if settings.limits.is_some() && !shard.take_record(&self.hub, entry.size()) {
            return Err(self.throttled_write(shard));
        }
        Ok(())
    }

    fn throttled_write(&self, shard: &Shard) -> Error {
        shard.counters.throttle_write();
        self.throttled(shard)
    }

    pub(crate) fn throttled(&self, shard: &Shard) -> Error {
        let account = self.hub.settings.account.clone();
        Error::ThroughputExceeded { stream: self.name.clone(), shard: shard.id, account }
    }

    fn durability(&self, table: &Table, options: &PutOptions) -> Durability {
        let of_stream = table.row.durability.unwrap_or(self.hub.settings.durability);
        options.durability.unwrap_or(of_stream)
    }

    /// Law: Kinesis, SequenceNumberForOrdering.
    fn check_ordering(&self, options: &PutOptions) -> Result<()> {
        let Some(number) = options.sequence_number_for_ordering else { return Ok(()) };
        if number.arrived <= crate::chunk::seconds(self.hub.clock.now()) {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream {} under account \
             {} is invalid.",
            self.name, self.hub.settings.account
        )))
    }

    fn put_in_memory(&self, shard: &Arc<Shard>, entry: Entry) -> Result<Receipt> {
        let mut append = shard.hold();
        let now = self.hub.clock.now();
        shard.counters.put(1, entry.size());
        let sequence_number = shard.collect(&mut append, entry, now);
        if append.collected_bytes() >= self.hub.settings.memory_chunk_bytes {
            // Nobody waits for it: that it is in memory was all that was asked for.
            drop(self.commit_collected(shard, &mut append, Durability::Memory)?);
        }
        let durability = Durability::Memory;
        Ok(Receipt { sequence_number, durability, repeated: false })
    }

    /// Commits what a shard has collected in memory.
    pub(crate) fn commit_collected(
        &self,
        shard: &Arc<Shard>,
        append: &mut MutexGuard<'_, Append>,
        durability: Durability,
    ) -> Result<Option<Ticket>> {
        let mut batch = Batch::new(durability);
        let mut published = Vec::new();
        let blobs = self.add_collected(shard, append, &mut batch, &mut published)?;
        if published.is_empty() {
            return Ok(None);
        }
        let (shard, bytes_max) = (Arc::clone(shard), self.hub.settings.recent_bytes_max);
        batch.on_publish = Some(Box::new(move |_| shard.publish(published, bytes_max)));
        match self.hub.backend.commit(batch) {
            Ok(ticket) => {
                let next = append.next();
                append.committed_to(next);
                Ok(Some(ticket))
            }
            Err(error) => {
                self.discard(&blobs);
                Err(Error::commit("commit records")(error))
            }
        }
    }

    /// Adds to a batch what a shard has collected in memory; gives the blobs that were written.
    fn add_collected(
        &self,
        shard: &Shard,
        append: &Append,
        batch: &mut Batch,
        published: &mut Vec<(Chunk, Strength)>,
    ) -> Result<Vec<BlobRef>> {
        let mut blobs = Vec::new();
        for chunk in shard.uncommitted(append) {
            let place = match self.place_bytes(chunk.body.clone()) {
                Ok(place) => place,
                Err(error) => {
                    self.discard(&blobs);
                    return Err(error);
                }
            };
            if let ChunkPlace::Blob(blob, _) = place {
                blobs.push(blob);
                batch.adopts.push(blob);
            }
            let (key, row) = chunk_row(self.id, shard.id, chunk.head, None, place);
            batch.put(key, row);
            published.push((chunk, Strength::Collected));
        }
        Ok(blobs)
    }

    /// Puts records as one commit.
    fn put_groups(
        &self,
        table: parking_lot::RwLockReadGuard<'_, Table>,
        groups: &[Group],
        options: &PutOptions,
    ) -> Result<Vec<Receipt>> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let durability = self.durability(&table, options);
        let token = options.token.as_deref().map(|token| self.token_key(token));
        // parking_lot's read locks may wait for a writer that waits for us: take none twice.
        let sealed = table.row.encryption_key.is_some();
        if let Some(key) = &token
            && let Some(receipts) = self.answered(key, durability)?
        {
            return Ok(receipts);
        }
        let count: usize = groups.iter().map(|(_, entries)| entries.len()).sum();
        let mut prepared = Vec::with_capacity(groups.len());
        for (shard, entries) in groups {
            match self.prepare(entries, sealed) {
                Ok(one) => prepared.push((Arc::clone(shard), one)),
                Err(error) => {
                    self.discard_prepared(&prepared);
                    return Err(error);
                }
            }
        }
        let once = token.as_ref().map(|key| Once { key, groups, count });
        match self.commit_prepared(&mut prepared, durability, once) {
            Ok(ticket) => {
                drop(table);
                ticket.wait().map_err(Error::backend("commit records"))?;
                for (shard, entries) in groups {
                    let bytes = entries.iter().map(|(_, entry)| entry.size()).sum();
                    shard.counters.put(entries.len() as u64, bytes);
                }
                let placed = placed(groups, &prepared, count);
                Ok(self.receipts(&placed, durability, false))
            }
            Err(Uncommitted::Repeated) => {
                self.discard_prepared(&prepared);
                drop(table);
                let key = token.ok_or(Error::InternalFailure)?;
                self.answered(&key, durability)?.ok_or(Error::InternalFailure)
            }
            Err(Uncommitted::Failed(error)) => {
                self.discard_prepared(&prepared);
                Err(error)
            }
        }
    }

    /// Encodes records, seals them, and writes their blob when they are many bytes.
    fn prepare(&self, entries: &[(usize, Entry)], sealed: bool) -> Result<Prepared> {
        let bytes = entries.iter().map(|(_, entry)| ChunkWriter::bytes_of(entry)).sum();
        let start = Timestamp::default();
        let mut writer = ChunkWriter::new(0, start, bytes);
        for (_, entry) in entries {
            if !writer.push(entry, start) {
                return Err(Error::invalid_argument("the records of one put are above 4 GiB"));
            }
        }
        let mut chunk = writer.finish();
        let (stored, sealing) = if sealed {
            chunk.encrypted = true;
            let (stored, sealing) = sealing::seal(&self.hub, self.id, &chunk.body)?;
            (stored, Some(sealing))
        } else {
            (chunk.body.clone(), None)
        };
        Ok(Prepared { place: self.place_bytes(stored)?, chunk, sealing })
    }

    fn place_bytes(&self, stored: Bytes) -> Result<ChunkPlace> {
        if stored.len() <= self.hub.settings.inline_bytes_max {
            return Ok(ChunkPlace::Inline(stored));
        }
        let len = stored.len() as u64;
        let written = self.hub.backend.write_blob(&mut Whole(Some(stored)));
        let written = written.map_err(Error::backend("write records"))?;
        Ok(ChunkPlace::Blob(written.blob, len))
    }

    fn discard(&self, blobs: &[BlobRef]) {
        blobs.iter().for_each(|blob| self.hub.backend.discard_blob(blob));
    }

    fn discard_prepared(&self, prepared: &[(Arc<Shard>, Prepared)]) {
        for (_, prepared) in prepared {
            if let ChunkPlace::Blob(blob, _) = prepared.place {
                self.hub.backend.discard_blob(&blob);
            }
        }
    }

    /// Gives prepared records their places and commits them, with all that their shards have
    /// collected before them. The shards come in the order of their numbers.
    fn commit_prepared(
        &self,
        prepared: &mut [(Arc<Shard>, Prepared)],
        durability: Durability,
        once: Option<Once<'_>>,
    ) -> std::result::Result<Ticket, Uncommitted> {
        let shards: Vec<_> = prepared.iter().map(|(shard, _)| Arc::clone(shard)).collect();
        let mut held: Vec<_> = shards.iter().map(|shard| shard.hold()).collect();
        let now = self.hub.clock.now();
        let mut batch = Batch::new(durability);
        let mut published = Vec::with_capacity(shards.len());
        let mut blobs = Vec::new();
        let mut outcome = Ok(());
        for ((shard, prepared), append) in prepared.iter_mut().zip(&mut held) {
            let mut chunks = Vec::new();
            let added = self.add_collected(shard, append, &mut batch, &mut chunks);
            Shard::place(append, prepared, now);
            outcome = outcome.and(match added {
                Ok(more) => {
                    blobs.extend(more);
                    self.add_prepared(shard, prepared, &mut batch)
                }
                Err(error) => Err(error),
            });
            chunks.push((prepared.chunk.clone(), Strength::Announced));
            published.push((Arc::clone(shard), chunks));
        }
        if let Some(Once { key, groups, count }) = once {
            let row = TokenRow { put: now, records: placed(groups, prepared, count) };
            outcome = outcome.and(self.add_token(&mut batch, key, &row, now));
        }
        shards.iter().for_each(|shard| shard.announce());
        let bytes_max = self.hub.settings.recent_bytes_max;
        batch.on_publish = Some(Box::new(move |_| {
            for (shard, chunks) in published {
                shard.publish(chunks, bytes_max);
            }
        }));
        let committed = outcome
            .map_err(Uncommitted::Failed)
            .and_then(|()| self.hub.backend.commit(batch).map_err(Uncommitted::from));
        match committed {
            Ok(ticket) => {
                for append in &mut held {
                    let next = append.next();
                    append.committed_to(next);
                }
                Ok(ticket)
            }
            Err(error) => {
                for ((shard, prepared), append) in prepared.iter().zip(&mut held) {
                    Shard::displace(append, &prepared.chunk.head);
                    shard.renounce();
                }
                self.discard(&blobs);
                Err(error)
            }
        }
    }

    fn add_prepared(
        &self,
        shard: &Shard,
        prepared: &mut Prepared,
        batch: &mut Batch,
    ) -> Result<()> {
        let head = prepared.chunk.head;
        let plain_len = prepared.chunk.body.len() as u64;
        let envelope = match &mut prepared.sealing {
            Some(sealing) => Some((
                sealing::envelope(&mut **sealing, self.id, shard.id, head, plain_len)?,
                plain_len,
            )),
            None => None,
        };
        if let ChunkPlace::Blob(blob, _) = prepared.place {
            batch.adopts.push(blob);
        }
        let (key, row) = chunk_row(self.id, shard.id, head, envelope, prepared.place.clone());
        batch.put(key, row);
        Ok(())
    }

    fn token_key(&self, token: &str) -> Bytes {
        token_key(self.id, &Sha256::digest(token.as_bytes()).into())
    }

    /// Remembers what a token answers, unless another put with it came first.
    fn add_token(
        &self,
        batch: &mut Batch,
        key: &Bytes,
        row: &TokenRow,
        now: Timestamp,
    ) -> Result<()> {
        let seen = self.hub.row(key)?;
        if let Some(seen) = &seen
            && !self.token_is_over(TokenRow::decode(seen)?.put, now)
        {
            // It is in force: the commit must fail.
            batch.unchanged(key.clone(), None);
            return Ok(());
        }
        batch.unchanged(key.clone(), seen.map(Into::into));
        batch.put(key.clone(), row.encode());
        Ok(())
    }

    /// What a put with that token has answered, within its window.
    fn answered(&self, key: &Bytes, durability: Durability) -> Result<Option<Vec<Receipt>>> {
        let Some(row) = self.hub.row(key)? else { return Ok(None) };
        let row = TokenRow::decode(&row)?;
        if self.token_is_over(row.put, self.hub.clock.now()) {
            return Ok(None);
        }
        // The first put may have asked for less.
        if durability > Durability::Memory {
            self.hub.backend.flush(durability).map_err(Error::backend("flush"))?;
        }
        Ok(Some(self.receipts(&row.records, durability, true)))
    }

    fn receipts(
        &self,
        records: &[PlacedRow],
        durability: Durability,
        repeated: bool,
    ) -> Vec<Receipt> {
        let table = self.table.read();
        let receipt = |record: &PlacedRow| {
            let shard = table.shards.get(&record.shard)?;
            let sequence_number = shard.number(record.index, record.arrived);
            Some(Receipt { sequence_number, durability, repeated })
        };
        records.iter().filter_map(receipt).collect()
    }
}

/// A put that happens once: the row of its token, and what is put.
#[derive(Clone, Copy)]
struct Once<'a> {
    key: &'a Bytes,
    groups: &'a [Group],
    count: usize,
}

/// Why records were not committed.
enum Uncommitted {
    /// Another put with the same token came first.
    Repeated,
    Failed(Error),
}

impl From<CommitError> for Uncommitted {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::Repeated,
            error => Self::Failed(Error::commit("commit records")(error)),
        }
    }
}

/// The place of each record, in the caller's order.
fn placed(groups: &[Group], prepared: &[(Arc<Shard>, Prepared)], count: usize) -> Vec<PlacedRow> {
    let mut records = vec![None; count];
    for ((shard, entries), (_, prepared)) in groups.iter().zip(prepared) {
        let head = prepared.chunk.head;
        for (index, (place, _)) in (head.first_index..).zip(entries) {
            records[*place] =
                Some(PlacedRow { shard: shard.id, index, arrived: head.first_arrival });
        }
    }
    records.into_iter().flatten().collect()
}

/// Bytes that are there already, as a blob's source.
struct Whole(Option<Bytes>);

impl BlobSource for Whole {
    fn next_chunk(&mut self) -> std::result::Result<Option<Bytes>, SourceFailed> {
        Ok(self.0.take())
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
