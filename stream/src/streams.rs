//! `Streams`: all streams of one store. Made, found, listed and deleted here.

use crate::{
    chunk::Chunk,
    error::{Error, Result},
    limits,
    record::Entry,
    row::{
        ChunkPlace, ChunkRow, STREAMS, decode_stream_id, encode_stream_id, rows_of, stream_id_key,
        stream_key, stream_name_of,
    },
    sealing,
    settings::StreamSettings,
    shard_id::ShardId,
    stream::{Stream, StreamMode, StreamState, StreamStatus},
    stream_name::StreamName,
    stream_row::StreamRow,
};
use bytes::Bytes;
use cistern_storage_core::{
    BucketTags, Durability, Timestamp,
    port::{Backend, BackendError, Batch, Clock, KeyRange, Order, Sealer, Value},
};
use parking_lot::{Mutex, RwLock};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// All streams of one store. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub struct Streams {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    by_name: RwLock<BTreeMap<StreamName, Arc<StreamState>>>,
    /// Held while streams are made and removed.
    control: Mutex<()>,
}

/// What streams share: where they keep things, and what time it is.
pub(crate) struct Hub {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sealer: Option<Arc<dyn Sealer>>,
    pub(crate) settings: StreamSettings,
}

impl Streams {
    pub(crate) fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    /// The streams in `backend`, which may hold buckets beside them.
    ///
    /// Cost: reads one row a stream, and two a shard.
    ///
    /// # Errors
    /// When the backend cannot be read, or what it holds does not decode.
    pub fn open(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        sealer: Option<Arc<dyn Sealer>>,
        settings: StreamSettings,
    ) -> Result<Self> {
        let hub = Arc::new(Hub { backend, clock, sealer, settings });
        let mut by_name = BTreeMap::new();
        let mut from = Bytes::from_static(STREAMS.0);
        loop {
            let range = KeyRange::between(&from, STREAMS.1);
            let rows = hub.scan(range, Order::Forward, ROWS_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { break };
            from = after(last);
            for (key, value) in &rows {
                let name = stream_name_of(key).unwrap_or_default();
                let name = StreamName::try_from(name)?;
                let state = StreamState::load(Arc::clone(&hub), name.clone(), value)?;
                by_name.insert(name, Arc::new(state));
            }
        }
        let inner = Inner { hub, by_name: RwLock::new(by_name), control: Mutex::new(()) };
        let streams = Self { inner: Arc::new(inner) };
        streams.settle()?;
        Ok(streams)
    }

    /// Makes a provisioned stream of so many shards.
    ///
    /// # Errors
    /// As [`Self::create_with`].
    pub fn create(&self, name: &str, shards: u32) -> Result<Stream> {
        self.create_with(name, &StreamOptions::provisioned(shards))
    }

    /// Makes a stream.
    ///
    /// # Errors
    /// [`Error::Validation`] for a name or a number that no stream can have;
    /// [`Error::ResourceInUse`] when there is one of that name.
    ///
    /// Law: Kinesis, CreateStream.
    pub fn create_with(&self, name: &str, options: &StreamOptions) -> Result<Stream> {
        let name = StreamName::try_from(name)?;
        options.check(&self.inner.hub)?;
        let _control = self.inner.control.lock();
        self.settle_held()?;
        if self.inner.by_name.read().contains_key(&name) {
            let account = &self.inner.hub.settings.account;
            let what = format!("Stream {name} under account {account} already exists.");
            return Err(Error::ResourceInUse { what: what.into() });
        }
        let hub = &self.inner.hub;
        let id = self.next_id()?;
        let now = hub.clock.now();
        let row = options.row(id, now, hub.passing(StreamStatus::Creating, now));
        let state = StreamState::create(Arc::clone(hub), name.clone(), row, options.shards())?;
        let state = Arc::new(state);
        self.inner.by_name.write().insert(name, Arc::clone(&state));
        Ok(Stream::new(state))
    }

    /// The next id, which no stream of this store ever had: ids count up, and the last one is kept.
    fn next_id(&self) -> Result<u32> {
        let row = self.inner.hub.row(&stream_id_key())?;
        let last = row.map_or(Ok(0), |row| decode_stream_id(&row))?;
        last.checked_add(1).ok_or(Error::LimitExceeded { what: "no stream ids are left".into() })
    }

    /// The stream of that name.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    pub fn stream(&self, name: &str) -> Result<Stream> {
        self.settle()?;
        let state = self.inner.by_name.read().get(name).cloned();
        let account = &self.inner.hub.settings.account;
        let missing = || Error::ResourceNotFound {
            what: format!("Stream {name} under account {account} not found.").into(),
        };
        state.map(Stream::new).ok_or_else(missing)
    }

    /// The names of all streams, in the order of their bytes.
    ///
    /// # Errors
    /// When a stream whose deletion has ended cannot be removed.
    ///
    /// Law: Kinesis, ListStreams.
    pub fn list(&self) -> Result<Vec<StreamName>> {
        self.settle()?;
        Ok(self.inner.by_name.read().keys().cloned().collect())
    }

    /// At most `limit` names behind `after`, and whether there are more.
    ///
    /// # Errors
    /// [`Error::Validation`] for a limit outside 1 to 10,000.
    ///
    /// Law: Kinesis, ListStreams.
    pub fn list_page(&self, after: Option<&str>, limit: usize) -> Result<(Vec<StreamName>, bool)> {
        if !(1..=10_000).contains(&limit) {
            let constraint = "Member must have value between 1 and 10000";
            return Err(Error::validation("limit", limit, constraint));
        }
        let mut names = self.list()?;
        names.retain(|name| after.is_none_or(|after| name.as_str() > after));
        let more = names.len() > limit;
        names.truncate(limit);
        Ok((names, more))
    }

    /// Deletes a stream with all its records.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`]; [`Error::ResourceInUse`] while consumers are registered with it;
    /// when the backend fails, and then the deletion goes on when the streams are opened again.
    ///
    /// Law: Kinesis, DeleteStream.
    pub fn delete(&self, name: &str) -> Result<()> {
        let stream = self.stream(name)?;
        if !stream.consumers()?.is_empty() {
            let account = &self.inner.hub.settings.account;
            let what = format!(
                "Stream {name} under account {account} has consumers; deregister them, or delete \
                 it together with them"
            );
            return Err(Error::ResourceInUse { what: what.into() });
        }
        self.delete_with_consumers(name)
    }

    /// Deletes a stream with all its records, and with the consumers that are registered with it.
    ///
    /// # Errors
    /// As [`Self::delete`], but for the consumers.
    ///
    /// Law: Kinesis, DeleteStream: EnforceConsumerDeletion.
    pub fn delete_with_consumers(&self, name: &str) -> Result<()> {
        let stream = self.stream(name)?;
        let _control = self.inner.control.lock();
        let hub = &self.inner.hub;
        let now = hub.clock.now();
        let until = now.plus(hub.settings.transition);
        stream.state.begin_to_delete(until)?;
        self.settle_held()
    }

    /// Commits at `durability` whatever was put in memory alone, of every stream.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn flush(&self, durability: Durability) -> Result<()> {
        self.states().iter().try_for_each(|state| state.flush(durability))
    }

    /// Removes what has outlived its retention, at most about `rows_max` chunks a shard. Gives how
    /// many records went, and whether there is more to do.
    ///
    /// Readers never see what is too old, removed or not: this gives its space back.
    ///
    /// # Errors
    /// When the backend fails; what went is gone, the rest can be tried again.
    pub fn trim(&self, rows_max: usize) -> Result<(u64, bool)> {
        self.settle()?;
        let mut all = (0, false);
        for state in self.states() {
            let (records, more) = state.trim(rows_max)?;
            all = (all.0 + records, all.1 | more);
        }
        Ok(all)
    }

    pub(crate) fn states(&self) -> Vec<Arc<StreamState>> {
        self.inner.by_name.read().values().cloned().collect()
    }

    /// Removes the streams whose deletion has ended.
    fn settle(&self) -> Result<()> {
        let now = self.inner.hub.clock.now();
        if self.inner.by_name.read().values().any(|state| state.is_to_go(now)) {
            let _control = self.inner.control.lock();
            return self.settle_held();
        }
        Ok(())
    }

    fn settle_held(&self) -> Result<()> {
        let now = self.inner.hub.clock.now();
        let ended: Vec<_> = {
            let by_name = self.inner.by_name.read();
            by_name.values().filter(|state| state.is_to_go(now)).cloned().collect()
        };
        for state in ended {
            remove(&self.inner.hub, &state)?;
            self.inner.by_name.write().remove(&state.name);
        }
        Ok(())
    }
}

/// What was put in memory alone has its place in the log before the last handle is gone, so that a
/// store which is dropped keeps it as it keeps objects put so.
impl Drop for Inner {
    fn drop(&mut self) {
        for state in self.by_name.get_mut().values() {
            // Nobody is left to be told; `flush` tells.
            state.flush(Durability::Memory).ok();
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.inner.by_name.read().keys()).finish()
    }
}

/// Removes a stream's rows, its own last: what was begun is found again after a crash.
fn remove(hub: &Hub, state: &StreamState) -> Result<()> {
    for (start, end) in rows_of(state.id) {
        loop {
            let rows = hub.scan(KeyRange::between(&start, &end), Order::Forward, ROWS_AT_ONCE)?;
            if rows.is_empty() {
                break;
            }
            let mut batch = Batch::new(Durability::Os);
            for (key, value) in rows {
                if let Ok(chunk) = ChunkRow::decode(&key, &value)
                    && crate::row::is_chunk(&key)
                {
                    batch.frees.extend(chunk.blob());
                }
                batch.delete(key);
            }
            hub.commit("remove a stream's records", batch)?;
        }
    }
    let mut batch = Batch::new(Durability::Synced);
    batch.delete(stream_key(state.name.as_str()));
    hub.commit("remove a stream", batch)
}

/// What a stream is made with.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    mode: StreamMode,
    shards: u32,
    retention: Duration,
    record_kib_max: u32,
    tags: BucketTags,
    durability: Option<Durability>,
}

impl StreamOptions {
    /// A provisioned stream of so many shards, that keeps records for 24 hours.
    #[must_use]
    pub fn provisioned(shards: u32) -> Self {
        Self {
            mode: StreamMode::Provisioned,
            shards,
            retention: Duration::from_secs(u64::from(limits::RETENTION_HOURS_MIN) * 3600),
            record_kib_max: limits::RECORD_KIB_DEFAULT,
            tags: BucketTags::new(),
            durability: None,
        }
    }

    /// A stream that scales itself. It begins with 4 shards.
    ///
    /// Law: Kinesis, on-demand mode.
    #[must_use]
    pub fn on_demand() -> Self {
        Self { mode: StreamMode::OnDemand, ..Self::provisioned(limits::ON_DEMAND_SHARDS) }
    }

    /// How long records are kept: up to 365 days.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// The largest record that is taken, data and partition key, in KiB: 1,024 to 10,240.
    #[must_use]
    pub fn record_kib_max(mut self, kib: u32) -> Self {
        self.record_kib_max = kib;
        self
    }

    /// Words that belong to the stream.
    #[must_use]
    pub fn tags(mut self, tags: BucketTags) -> Self {
        self.tags = tags;
        self
    }

    /// How safe a put is before it is acknowledged, unless the call says otherwise.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    fn shards(&self) -> u32 {
        self.shards
    }

    fn check(&self, hub: &Hub) -> Result<()> {
        if !(1..=limits::SHARDS_MAX).contains(&self.shards) {
            let constraint = "Member must have value between 1 and 10000";
            return Err(Error::validation("shardCount", self.shards, constraint));
        }
        check_record_kib(self.record_kib_max)?;
        check_retention(hub, "new", self.retention)
    }

    fn row(
        &self,
        id: u32,
        now: Timestamp,
        passing: Option<(StreamStatus, Timestamp)>,
    ) -> StreamRow {
        StreamRow {
            id,
            created: now,
            mode: self.mode,
            retention_millis: millis(self.retention),
            record_kib_max: self.record_kib_max,
            tags: self.tags.clone(),
            durability: self.durability,
            encryption_key: None,
            policy: None,
            next_shard: 0,
            count_updates: Vec::new(),
            mode_switches: Vec::new(),
            passing,
        }
    }
}

/// Law: Kinesis, UpdateMaxRecordSize.
pub(crate) fn check_record_kib(kib: u32) -> Result<()> {
    if (limits::RECORD_KIB_DEFAULT..=limits::RECORD_KIB_MAX).contains(&kib) {
        return Ok(());
    }
    let constraint = "Member must have value between 1024 and 10240";
    Err(Error::validation("maxRecordSizeInKiB", kib, constraint))
}

/// Law: Kinesis, retention.
pub(crate) fn check_retention(hub: &Hub, stream: &str, retention: Duration) -> Result<()> {
    let max = Duration::from_secs(u64::from(limits::RETENTION_HOURS_MAX) * 3600);
    let hours = retention.as_secs() / 3600;
    if retention > max {
        return Err(Error::invalid_argument(format!(
            "Maximum allowed retention period is {} hours. Requested retention period ({hours} \
             hours) is too long.",
            limits::RETENTION_HOURS_MAX
        )));
    }
    let min = hub.settings.retention_min;
    if retention < min {
        let min_hours = min.as_secs() / 3600;
        return Err(Error::invalid_argument(if min_hours > 0 {
            format!(
                "Minimum allowed retention period is {min_hours} hours. Requested retention \
                 period ({hours} hours) is too short."
            )
        } else {
            format!("a retention of {retention:?} is below {min:?}, stream {stream}")
        }));
    }
    Ok(())
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The first key behind `key`.
pub(crate) fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

const ROWS_AT_ONCE: usize = 256;

impl Hub {
    pub(crate) fn row(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let row = self.backend.row(key).map_err(Error::backend("read a row"))?;
        Ok(row.map(Value::into_bytes))
    }

    pub(crate) fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>> {
        let rows = self.backend.scan(range, order, limit).map_err(Error::backend("read rows"))?;
        Ok(rows.into_iter().map(|row| (row.key, row.value.into_bytes())).collect())
    }

    /// Commits, and waits for it.
    pub(crate) fn commit(&self, action: &'static str, batch: Batch) -> Result<()> {
        let ticket = self.backend.commit(batch).map_err(Error::commit(action))?;
        ticket.wait().map_err(Error::backend(action))
    }

    /// The passing state that a change of a stream begins, when changes take time.
    pub(crate) fn passing(
        &self,
        status: StreamStatus,
        now: Timestamp,
    ) -> Option<(StreamStatus, Timestamp)> {
        let transition = self.settings.transition;
        (!transition.is_zero()).then(|| (status, now.plus(transition)))
    }

    /// The records of a chunk; `None` when it was trimmed meanwhile.
    pub(crate) fn open_chunk(
        &self,
        stream: u32,
        shard: ShardId,
        row: &ChunkRow,
    ) -> Result<Option<Chunk>> {
        let stored = match &row.place {
            ChunkPlace::Inline(body) => body.clone(),
            ChunkPlace::Blob(blob, len) => match self.backend.open_blob(blob) {
                Ok(blob) => blob.read(0..*len).map_err(Error::backend("read records"))?,
                Err(BackendError::NoSuchBlob { .. }) => {
                    let key = crate::row::chunk_key(stream, shard, row.head.first_index);
                    if self.row(&key)?.is_none() {
                        return Ok(None);
                    }
                    return Err(Error::damaged("a chunk of records", "its blob does not exist"));
                }
                Err(source) => return Err(Error::backend("open records")(source)),
            },
        };
        let body = match &row.envelope {
            None => stored,
            Some((envelope, plain_len)) => {
                sealing::open(self, stream, shard, row.head, envelope, *plain_len, &stored)?
            }
        };
        Chunk::decode(row.head, body, row.envelope.is_some()).map(Some)
    }
}

/// The largest record that a stream takes, checked.
pub(crate) fn check_size(entry: &Entry, kib_max: u32) -> Result<()> {
    let max = u64::from(kib_max) * 1024;
    if entry.size() <= max {
        return Ok(());
    }
    Err(Error::validation(
        "data",
        format!("{} bytes", entry.size()),
        format!("Member must have length less than or equal to {max}, partition key included"),
    ))
}

/// Remembers the id that a new stream took.
pub(crate) fn put_stream_id(batch: &mut Batch, id: u32) {
    batch.put(stream_id_key(), encode_stream_id(id));
}
