//! `Cistern`: one store of everything.

use crate::{
    access::{Access, AccessResult, Client, Endpoint, LazyAccess},
    builder::Builder,
    streams::LazyStreams,
};
use cistern_disk::{DiskBackend, ScrubCursor, ScrubStep};
use cistern_lifecycle::Lifecycle;
use cistern_storage_core::{Durability, Error, Result, Store};
use cistern_stream::{Stream, Streams};
use std::{fmt, ops::Deref, path::Path, sync::Arc};

/// One cistern: buckets and streams on local disk or in memory. Cheap to clone; every clone is the
/// same store.
///
/// Dereferences to [`Store`], which has the verbs of buckets: [`Store::create_bucket`],
/// [`Store::bucket`], [`Store::list_buckets`], [`Store::subscribe`].
#[derive(Clone)]
pub struct Cistern {
    store: Store,
    /// The store's backend, when it is the one on local disk.
    disk: Option<Arc<DiskBackend>>,
    streams: Arc<LazyStreams>,
    access: Arc<LazyAccess>,
    #[cfg(feature = "encryption")]
    keys: Option<crate::Keys>,
}

impl Cistern {
    /// Opens the cistern in the folder `path`, and makes one where there is none.
    ///
    /// One process opens a cistern at a time. Writes are synced before they are acknowledged.
    ///
    /// # Errors
    /// When another process has it open, when it is damaged or of another format, or when the system
    /// refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().disk(path).build()
    }

    /// A cistern that keeps everything in memory, and nothing longer than itself.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "an empty backend has nothing that could fail")]
    pub fn in_memory() -> Self {
        let built = Self::builder().memory().build();
        built.expect("an empty backend in memory has nothing that could fail")
    }

    /// Puts a cistern together: where it is kept, its clock, its settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        store: Store,
        disk: Option<Arc<DiskBackend>>,
        streams: LazyStreams,
        access: LazyAccess,
    ) -> Self {
        Self {
            store,
            disk,
            streams: Arc::new(streams),
            access: Arc::new(access),
            #[cfg(feature = "encryption")]
            keys: None,
        }
    }

    /// The identities and policies of this cistern, which decide about handles of principals: read
    /// when they are first asked for. See [`crate::access`].
    ///
    /// # Errors
    /// When what the store keeps of them cannot be read. Then there are no handles of principals.
    pub fn access(&self) -> AccessResult<Access> {
        Ok(Access { owner: self.store.clone(), directory: self.access.directory()? })
    }

    /// A handle of a user, by name or ARN, or of the account's root by its ARN: policies decide about
    /// every call. [`Store::as_principal`] makes one that a gate of your own decides about.
    ///
    /// # Errors
    /// [`crate::access::AccessError::NoSuchEntity`] when there is no such user; as [`Self::access`].
    pub fn as_principal(&self, who: &str) -> AccessResult<Client> {
        let directory = self.access.directory()?;
        Client::new(self.store.clone(), directory, who, crate::access::Origin::default())
    }

    /// A handle of nobody in particular, who may do what is public.
    ///
    /// # Errors
    /// As [`Self::access`].
    pub fn as_anonymous(&self) -> AccessResult<Client> {
        let directory = self.access.directory()?;
        Ok(Client::anonymous(self.store.clone(), directory, crate::access::Origin::default()))
    }

    /// An endpoint of that name, whose handles come through it.
    ///
    /// # Errors
    /// As [`Self::access`].
    pub fn endpoint(&self, id: &str) -> AccessResult<Endpoint> {
        Ok(Endpoint::new(self.store.clone(), self.access.directory()?, id))
    }

    #[cfg(feature = "encryption")]
    pub(crate) fn with_keys(self, keys: Option<crate::Keys>) -> Self {
        Self { keys, ..self }
    }

    /// The keys of an encrypted cistern.
    ///
    /// # Errors
    /// [`Error::Seal`] when it was opened without encryption, or with a sealer of yours.
    #[cfg(feature = "encryption")]
    pub fn keys(&self) -> Result<crate::Keys> {
        let reason = "the cistern was opened without encryption";
        let missing = || crate::encryption::no_key_because("key ring", reason.to_owned());
        self.keys.clone().ok_or_else(missing)
    }

    /// The streams of this cistern, in the same store as its buckets: opened when they are first
    /// asked for.
    ///
    /// ```
    /// use cistern::{Cistern, stream::StartAt};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cistern = Cistern::in_memory();
    /// let clicks = cistern.create_stream("clicks", 2)?;
    /// clicks.put("tom", "opened cats/tom.txt")?;
    /// for record in cistern.stream("clicks")?.read(StartAt::TrimHorizon)? {
    ///     assert_eq!(record?.data, "opened cats/tom.txt");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When what the store keeps of them cannot be read.
    pub fn streams(&self) -> cistern_stream::Result<Streams> {
        self.streams.get()
    }

    /// Makes a provisioned stream of so many shards.
    ///
    /// # Errors
    /// As [`Streams::create`].
    pub fn create_stream(&self, name: &str, shards: u32) -> cistern_stream::Result<Stream> {
        self.streams()?.create(name, shards)
    }

    /// The stream of that name.
    ///
    /// # Errors
    /// As [`Streams::stream`].
    pub fn stream(&self, name: &str) -> cistern_stream::Result<Stream> {
        self.streams()?.stream(name)
    }

    /// What runs the lifecycle of every bucket that has one. It starts no thread; run it after each
    /// midnight in UTC, which is when rules fall due, on a thread of yours or on a clock that you move:
    ///
    /// ```
    /// use cistern::{Bucket, Cistern, Days, lifecycle::{LifecyclePolicy, Rule}, port::ManualClock};
    /// use std::{sync::Arc, time::Duration};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let clock = Arc::new(ManualClock::new(Default::default()));
    /// let cistern = Cistern::builder().clock(clock.clone()).build()?;
    /// let logs = cistern.create_bucket("logs")?;
    /// logs.set_lifecycle(LifecyclePolicy::new([Rule::all().expire(Days(30))])?)?;
    /// logs.put("today", "it rained")?;
    /// for _day in 0..31 {
    ///     clock.advance(Duration::from_secs(86_400));
    ///     cistern.lifecycle().run()?;
    /// }
    /// assert_eq!(logs.list("").count(), 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// With the machine's clock, the loop is `loop { cistern.lifecycle().run()?; clock.wait_until(
    /// clock.now().midnight_after(Days(0))); }`, where the clock is that of [`Store::clock`].
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle::new(self.store.clone())
    }

    /// Brings every write so far to `durability`, to buckets and to streams, whatever it asked for
    /// itself.
    ///
    /// # Errors
    /// When the backend cannot.
    pub fn flush(&self, durability: Durability) -> Result<()> {
        self.flush_streams(durability)?;
        self.store.flush(durability)
    }

    fn flush_streams(&self, durability: Durability) -> Result<()> {
        let Some(streams) = self.streams.opened() else { return Ok(()) };
        streams.flush(durability).map_err(|error| match error {
            cistern_stream::Error::Backend { action, source } => Error::backend(action, source),
            cistern_stream::Error::Store(error) => error,
            other => Error::damaged("the streams", other.code()),
        })
    }

    /// Syncs everything and lets the medium go, as [`Store::close`]; records that were put in memory
    /// alone are written first.
    ///
    /// # Errors
    /// When what was not synced yet cannot be.
    pub fn close(&self) -> Result<()> {
        let flushed = self.flush_streams(Durability::Synced);
        self.store.close()?;
        match flushed {
            // A second close does nothing.
            Err(Error::Closed) => Ok(()),
            flushed => flushed,
        }
    }

    /// Reads about `bytes_max` bytes of what is at rest on disk, behind `from`, and checks them,
    /// while the cistern is in use. A row of such steps, each from the cursor of the one before, is
    /// a pass over everything; see [`cistern_disk::DiskBackend::scrub`] for what a pass covers, and what it costs.
    ///
    /// ```
    /// use cistern::{Cistern, ScrubCursor, port::Clock};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let cistern = Cistern::open(folder.path())?;
    /// let mut next = Some(ScrubCursor::start()); // or the text that was kept, parsed
    /// while let Some(cursor) = next {
    ///     let step = cistern.scrub(cursor, 1 << 20)?;
    ///     assert_eq!(step.findings, vec![]);
    ///     next = step.next; // its text is worth keeping: a pass goes on after a restart
    ///     // 1 MiB every 10 ms: no more than 100 MiB in a second.
    ///     cistern.clock().wait_until(cistern.clock().now().plus(Duration::from_millis(10)));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`Error::NotImplemented`] when the cistern is not on local disk.
    /// - [`Error::Backend`] when it is open for reading only, when the cursor is of another one, or
    ///   when the system refuses. The pass can go on from the same cursor.
    /// - [`Error::Closed`] after [`Store::close`].
    pub fn scrub(&self, from: ScrubCursor, bytes_max: u64) -> Result<ScrubStep> {
        let what = "scrubbing of a store that is not on local disk";
        let disk = self.disk.as_ref().ok_or(Error::NotImplemented { what: what.into() })?;
        disk.scrub(from, bytes_max).map_err(|source| Error::backend("scrub the store", source))
    }

    /// The store of objects.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Deref for Cistern {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl fmt::Debug for Cistern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cistern").field(&self.store).finish()
    }
}
