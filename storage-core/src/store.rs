//! `Store`: a handle to one cistern of objects. Buckets by name, settings, events, close.

use crate::{
    act::{
        check::{Inconsistency, check},
        renew::{RenewStep, renew},
    },
    action::Action,
    authority::{Authority, On, Permit},
    bucket::{Bucket, BucketState},
    bucket_config::BucketConfig,
    bucket_name::{BucketName, IntoBucketName},
    builder::StoreBuilder,
    error::{Error, Result},
    event::Event,
    event_hub::{EventFilter, EventHub, Subscription},
    facts::Facts,
    limits::Limits,
    memory::MemoryBackend,
    object_lock::ObjectLockConfig,
    port::{
        Backend, BackendStats, Batch, Capabilities, Clock, CommitError, Durability, Gate, KeyRange,
        Order, Sealer, Sink, Ticket, Value, Visit, mix,
    },
    row::{BucketRow, bucket_key, bucket_name_of, ranges},
    sequence::Sequence,
    settings::Settings,
    time::Timestamp,
};
use parking_lot::{Mutex, RwLock};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// A store of buckets. Cheap to clone; every clone is the same store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<StoreInner>,
    authority: Authority,
}

pub(crate) struct StoreInner {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) capabilities: Capabilities,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sealer: Option<Arc<dyn Sealer>>,
    pub(crate) settings: Settings,
    pub(crate) sequence: Sequence,
    pub(crate) hub: Arc<EventHub>,
    /// Random, of this opening.
    secret: u64,
    buckets: RwLock<BTreeMap<BucketName, Arc<BucketState>>>,
    /// Held while buckets are made and removed; guards the highest id ever used.
    bucket_ids: Mutex<u32>,
}

impl Store {
    /// A store that keeps everything in memory, on the machine's clock, with the default settings.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "an empty backend has nothing that could fail")]
    pub fn in_memory() -> Self {
        let built = Self::builder(Arc::new(MemoryBackend::new())).build();
        built.expect("an empty backend in memory has nothing that could fail")
    }

    /// Begins a store on a backend.
    pub fn builder(backend: Arc<dyn Backend>) -> StoreBuilder {
        StoreBuilder::new(backend)
    }

    pub(crate) fn open(builder: StoreBuilder) -> Result<Self> {
        let StoreBuilder { backend, clock, entropy, sealer, settings } = builder;
        let sequence = Sequence::open(&*backend)?;
        let mut secret = [0; 8];
        entropy.fill(&mut secret);
        let inner = StoreInner {
            capabilities: backend.capabilities(),
            backend,
            clock,
            sealer,
            settings,
            sequence,
            hub: Arc::default(),
            secret: u64::from_le_bytes(secret),
            buckets: RwLock::default(),
            bucket_ids: Mutex::new(0),
        };
        inner.load_buckets()?;
        Ok(Self { inner: Arc::new(inner), authority: Authority::Owner })
    }

    /// A handle on which every call is decided by `gate`, as asked by `principal`. Made from a handle
    /// of a principal, it may do what both gates allow.
    #[must_use]
    pub fn as_principal(&self, principal: impl Into<String>, gate: Arc<dyn Gate>) -> Self {
        let inner = Arc::clone(&self.inner);
        Self { inner, authority: self.authority.limited(principal, gate) }
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// [`Error::InvalidBucketName`]; [`Error::BucketAlreadyOwnedByYou`] when there is one of that
    /// name; [`Error::TooManyBuckets`].
    ///
    /// Law: S3, CreateBucket.
    pub fn create_bucket(&self, name: impl IntoBucketName) -> Result<Bucket> {
        self.create_bucket_with(name, BucketOptions::new())
    }

    /// Makes a bucket, configured from its first moment.
    ///
    /// # Errors
    /// As [`Self::create_bucket`]; [`Error::InvalidBucketState`] for object lock where versioning is
    /// not enabled.
    pub fn create_bucket_with(
        &self,
        name: impl IntoBucketName,
        options: BucketOptions,
    ) -> Result<Bucket> {
        let name = name.into_bucket_name()?;
        self.permit_bucket(Action::CreateBucket, &name)?;
        for action in options.config.actions() {
            self.permit_bucket(action, &name)?;
        }
        let state = self.inner.create_bucket(name, options.config)?;
        Ok(Bucket::new(Arc::clone(&self.inner), state, self.authority.clone()))
    }

    /// The bucket of that name.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    ///
    /// Law: S3, HeadBucket.
    pub fn bucket(&self, name: impl IntoBucketName) -> Result<Bucket> {
        let name = name.into_bucket_name()?;
        self.permit_bucket(Action::ListBucket, &name)?;
        self.find_bucket(name)
    }

    fn permit_bucket(&self, action: Action, name: &BucketName) -> Result<Permit> {
        let bucket_id = match self.authority {
            Authority::Owner => None,
            Authority::Principal(_) => self.inner.buckets.read().get(name).map(|state| state.id),
        };
        let on = On { bucket: Some(name.as_str()), bucket_id, ..On::default() };
        self.authority.permit(action, on, Facts::none)
    }

    fn find_bucket(&self, name: BucketName) -> Result<Bucket> {
        let state = self.inner.buckets.read().get(&name).cloned();
        let state = state.ok_or(Error::NoSuchBucket { bucket: name })?;
        Ok(Bucket::new(Arc::clone(&self.inner), state, self.authority.clone()))
    }

    /// All buckets, by name.
    ///
    /// # Errors
    /// [`Error::AccessDenied`].
    ///
    /// Law: S3, ListBuckets.
    pub fn list_buckets(&self) -> Result<Vec<BucketInfo>> {
        self.authority.permit(Action::ListAllMyBuckets, On::default(), Facts::none)?;
        let buckets = self.inner.buckets.read();
        Ok(buckets
            .values()
            .map(|state| BucketInfo { name: state.name.clone(), created: state.created })
            .collect())
    }

    /// Removes a bucket that holds nothing: no object, no version, no delete marker. Uploads in
    /// progress are aborted with it.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`]; [`Error::BucketNotEmpty`].
    ///
    /// Law: S3, DeleteBucket.
    pub fn delete_bucket(&self, name: impl IntoBucketName) -> Result<()> {
        let name = name.into_bucket_name()?;
        let permit = self.permit_bucket(Action::DeleteBucket, &name)?;
        let bucket = self.find_bucket(name)?;
        crate::act::delete_bucket::delete_bucket(&bucket, permit)
    }

    /// Brings the envelopes of sealed bodies under the sealer's newest key: looks at `rows_max` rows
    /// of versions and uploads from the row `from` on, in the order of rows, and writes those anew
    /// that lie under an older key. No body is touched, and nothing that a caller sees changes, so
    /// no permission is asked for. A pass begins from the empty row and goes on from
    /// [`RenewStep::next`].
    ///
    /// A version that takes the place of a deleted one while a pass is at just that key may be
    /// missed. What must not be missed takes a second pass.
    ///
    /// Cost: reads every row once; some 2 us and one row written for each envelope that is older.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] without a sealer; [`Error::Seal`] when an envelope does not open.
    pub fn renew_envelopes(&self, from: &[u8], rows_max: usize) -> Result<RenewStep> {
        renew(&self.inner, from, rows_max)
    }

    /// Hears of every change that passes `filter`, from now until the subscription is dropped. On a
    /// handle of a principal, only of those objects that it may get.
    pub fn subscribe(&self, filter: EventFilter, sink: Arc<dyn Sink>) -> Subscription {
        let sink = match &self.authority {
            Authority::Owner => sink,
            Authority::Principal(_) => Arc::new(Permitted { store: self.clone(), sink }),
        };
        self.inner.hub.subscribe(filter, sink)
    }

    /// The store's clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The store's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The backend's numbers. Those of objects are [`Bucket::stats`].
    #[must_use]
    pub fn backend_stats(&self) -> BackendStats {
        self.inner.backend.stats()
    }

    /// Checks every reference: that every row decodes, that every blob which a row names exists,
    /// that the counters agree with a full count. Findings are handed out as they come; bodies are
    /// not read (reading checks them). On a store that is being written to, what changes meanwhile
    /// may look inconsistent.
    ///
    /// Cost: reads every row, and opens every blob.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] for a principal; when the backend cannot be read.
    pub fn check(&self, mut tell: impl FnMut(Inconsistency)) -> Result<()> {
        self.authority.owner_only("only who opened the store checks it")?;
        let buckets: Vec<_> = self.inner.buckets.read().values().cloned().collect();
        buckets.iter().try_for_each(|bucket| check(&self.inner, bucket, &mut tell))
    }

    /// Brings every write so far to `durability`, whatever it asked for itself.
    ///
    /// # Errors
    /// When the backend cannot.
    pub fn flush(&self, durability: Durability) -> Result<()> {
        self.inner.backend.flush(durability).map_err(|source| Error::backend("flush", source))
    }

    /// Syncs everything and lets the medium go. Whatever has to read or write it answers
    /// [`Error::Closed`] from then on, on every handle; open readers may end early.
    ///
    /// # Errors
    /// When what was not synced yet cannot be; [`Error::AccessDenied`] on a handle of a principal.
    pub fn close(&self) -> Result<()> {
        self.authority.owner_only("only who opened the store closes it")?;
        self.inner.backend.close().map_err(|source| Error::backend("close the store", source))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

impl fmt::Debug for StoreInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreInner").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// A bucket in a list of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketInfo {
    /// Its name.
    pub name: BucketName,
    /// When it was made.
    pub created: Timestamp,
}

/// What a bucket can be made with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BucketOptions {
    config: BucketConfig,
}

impl BucketOptions {
    /// A plain bucket: never versioned, no lock, no feed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Versioning from the first object on.
    #[must_use]
    pub fn versioning(mut self, versioning: crate::versioning::Versioning) -> Self {
        self.config.versioning = versioning;
        self
    }

    /// Object lock from the first object on; versioning comes with it.
    #[must_use]
    pub fn object_lock(mut self, config: ObjectLockConfig) -> Self {
        self.config.object_lock = Some(config);
        self.config.versioning = crate::versioning::Versioning::Enabled;
        self
    }

    /// How safe writes are before they are acknowledged. Default: the store's.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.config.durability = Some(durability);
        self
    }

    /// Whether the bucket keeps a durable feed of its changes. Default: off.
    #[must_use]
    pub fn change_feed(mut self, feed: crate::bucket_config::ChangeFeed) -> Self {
        self.config.change_feed = feed;
        self
    }

    /// The bucket's tags.
    #[must_use]
    pub fn tags(mut self, tags: crate::tags::BucketTags) -> Self {
        self.config.tags = tags;
        self
    }
}

impl StoreInner {
    pub(crate) fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Bits that follow from a sequence number and the store's secret of this opening: unlike those
    /// of any other number.
    pub(crate) fn tag(&self, seq: u64) -> u64 {
        mix(self.secret ^ mix(seq))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn load_buckets(&self) -> Result<()> {
        let (mut start, end) = ranges::buckets();
        let mut buckets = self.buckets.write();
        let mut highest = self.bucket_ids.lock();
        loop {
            let range = KeyRange::between(&start, &end);
            let rows = self.scan(range, Order::Forward, LOAD_PAGE)?;
            for row in &rows {
                let damaged = |detail: &str| Error::damaged("a bucket's row", detail);
                let name =
                    bucket_name_of(&row.key).ok_or_else(|| damaged("its name is not text"))?;
                let name =
                    BucketName::try_from(name).map_err(|error| damaged(&error.to_string()))?;
                let row =
                    BucketRow::decode(&row.value.to_bytes()).map_err(|error| damaged(error.0))?;
                *highest = (*highest).max(row.id);
                buckets.insert(name.clone(), Arc::new(BucketState::new(name, row)));
            }
            if rows.len() < LOAD_PAGE {
                break;
            }
            start = after(&rows[rows.len() - 1].key);
        }
        *highest = (*highest).max(self.sequence.bucket_id_floor(&*self.backend)?);
        Ok(())
    }

    fn create_bucket(&self, name: BucketName, config: BucketConfig) -> Result<Arc<BucketState>> {
        let outcome = self.create_bucket_untold(name, config);
        // Outside the lock on the ids: a sink may make a bucket.
        self.tell_events();
        outcome
    }

    fn create_bucket_untold(
        &self,
        name: BucketName,
        config: BucketConfig,
    ) -> Result<Arc<BucketState>> {
        if config.object_lock.is_some() {
            ObjectLockConfig::may_enable(&name, config.versioning)?;
        }
        let mut ids = self.bucket_ids.lock();
        if self.buckets.read().contains_key(&name) {
            return Err(Error::BucketAlreadyOwnedByYou { bucket: name });
        }
        let max = self.limits().buckets_max;
        if self.buckets.read().len() as u64 >= max {
            return Err(Error::TooManyBuckets { max });
        }
        let id = ids.checked_add(1).ok_or(Error::TooManyBuckets { max })?;
        let row = BucketRow { id, created: self.now(), config };
        let mut batch = Batch::new(self.settings.durability);
        let key = bucket_key(name.as_str());
        batch.unchanged(key.clone(), None);
        batch.put(key, row.encode());
        self.sequence.put_bucket_id_floor(&mut batch, id);
        match self.backend.commit(batch) {
            Ok(ticket) => self.settle(ticket)?,
            Err(CommitError::Conflict { .. }) => {
                return Err(Error::BucketAlreadyOwnedByYou { bucket: name });
            }
            Err(CommitError::Backend(source)) => {
                return Err(Error::backend("create a bucket", source));
            }
        };
        *ids = id;
        let state = Arc::new(BucketState::new(name.clone(), row));
        self.buckets.write().insert(name, Arc::clone(&state));
        Ok(state)
    }

    /// Forgets a bucket whose row is gone.
    /// The buckets by what stands for them in row keys.
    pub(crate) fn bucket_ids(&self) -> BTreeMap<u32, BucketName> {
        self.buckets.read().values().map(|state| (state.id, state.name.clone())).collect()
    }

    pub(crate) fn forget_bucket(&self, name: &BucketName) {
        self.buckets.write().remove(name);
    }

    /// Waits for a commit, then tells its events. Called without any lock: a sink may use the store.
    pub(crate) fn wait(&self, ticket: Ticket) -> Result<Committed> {
        let settled = self.settle(ticket);
        self.tell_events();
        settled
    }

    /// Waits for a commit whose events somebody else tells, or who holds a lock until it is told.
    pub(crate) fn settle(&self, ticket: Ticket) -> Result<Committed> {
        let durability = ticket.durability();
        ticket.wait().map_err(|source| Error::backend("commit", source))?;
        Ok(Committed { durability })
    }

    /// Tells the events of what was committed so far, whoever committed it.
    pub(crate) fn tell_events(&self) {
        if self.hub.is_listened_to() {
            self.hub.tell();
        }
    }

    pub(crate) fn row(&self, key: &[u8]) -> Result<Option<Value>> {
        self.backend.row(key).map_err(|source| Error::backend("read a row", source))
    }

    pub(crate) fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        self.backend.walk(range, visit).map_err(|source| Error::backend("walk over rows", source))
    }

    pub(crate) fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<crate::port::Row>> {
        self.backend.scan(range, order, limit).map_err(|source| Error::backend("scan rows", source))
    }
}

/// How many bucket rows are read at once.
const LOAD_PAGE: usize = 1000;

/// The smallest key after `key`.
pub(crate) fn after(key: &[u8]) -> bytes::Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

/// Passes on what a principal may know of.
#[derive(Debug)]
struct Permitted {
    store: Store,
    sink: Arc<dyn Sink>,
}

impl Sink for Permitted {
    fn tell(&self, event: &Event) {
        // Of a bucket that is gone since nothing is told: nobody can say what its policy was.
        let bucket = self.store.find_bucket(event.bucket.clone());
        let key = Some(event.key.as_str());
        let permit = bucket.and_then(|bucket| bucket.permit(Action::GetObject, key, event.version));
        if permit.is_ok() {
            self.sink.tell(event);
        }
    }
}

/// A commit that is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub(crate) durability: Durability,
}
