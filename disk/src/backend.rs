//! `DiskBackend`: the socket's plug.

use crate::{
    device::{Device, RealDevice},
    engine::{self, Engine, OpenAs},
    scrub::{ScrubCursor, ScrubStep},
    settings::{Background, DiskSettings},
    threads::{OsThreads, RunningThread, Threads},
};
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Order, Position, Row, Ticket, Value, Visit,
};
use parking_lot::Mutex;
use std::{path::Path, sync::Arc};

/// A store on disk.
///
/// Dropping it closes it, and tells nobody if that fails; [`Backend::close`] does.
#[derive(Debug)]
pub struct DiskBackend {
    engine: Arc<Engine>,
    threads: Mutex<Vec<Box<dyn RunningThread>>>,
}

impl DiskBackend {
    /// Opens the store in the folder `path`, or makes one there.
    ///
    /// Cost: reads what the log holds since the last checkpoint; milliseconds after a clean close.
    ///
    /// # Errors
    /// - [`BackendError::InUse`] when somebody has it open.
    /// - [`BackendError::Damaged`] when something that had been durable is not intact.
    /// - [`BackendError::Foreign`] when it is no store, or one of another version.
    /// - [`BackendError::Io`] when the system refuses.
    pub fn open(path: impl AsRef<Path>, settings: DiskSettings) -> Result<Self, BackendError> {
        let device = RealDevice::new(path.as_ref());
        Self::open_on(Arc::new(device), Arc::new(OsThreads), settings)
    }

    /// Opens the store in the folder `path` for reading: sees what was committed by then, takes no
    /// lock, and writes nothing. While somebody else writes to the store, a body that is freed there
    /// may cease to be readable here.
    ///
    /// # Errors
    /// As [`Self::open`]; [`BackendError::Foreign`] when there is no store.
    pub fn open_read_only(
        path: impl AsRef<Path>,
        settings: DiskSettings,
    ) -> Result<Self, BackendError> {
        Self::open_read_only_on(Arc::new(RealDevice::new(path.as_ref())), settings)
    }

    /// As [`Self::open`], on a device of the caller's, with threads of the caller's.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[expect(clippy::needless_pass_by_value, reason = "the short call is the common call")]
    pub fn open_on(
        device: Arc<dyn Device>,
        threads: Arc<dyn Threads>,
        settings: DiskSettings,
    ) -> Result<Self, BackendError> {
        let engine = Arc::new(engine::open(&device, &settings, OpenAs::Owner)?);
        let backend = Self { engine, threads: Mutex::default() };
        if settings.background == Background::Threads {
            backend.start_threads(&*threads)?;
        }
        Ok(backend)
    }

    /// As [`Self::open_read_only`], on a device of the caller's.
    ///
    /// # Errors
    /// As [`Self::open_read_only`].
    #[expect(clippy::needless_pass_by_value, reason = "the short call is the common call")]
    pub fn open_read_only_on(
        device: Arc<dyn Device>,
        settings: DiskSettings,
    ) -> Result<Self, BackendError> {
        let engine = Arc::new(engine::open(&device, &settings, OpenAs::Reader)?);
        Ok(Self { engine, threads: Mutex::default() })
    }

    /// Does one bounded step of background work: a flush for those who left a callback, a
    /// checkpoint, a merge, part of a compaction. False when there is nothing to do. Needed under
    /// [`Background::Manual`], allowed always.
    ///
    /// # Errors
    /// When the medium refuses.
    pub fn maintain(&self) -> Result<bool, BackendError> {
        self.engine.maintain()
    }

    /// Reads some of what is at rest, and checks it, while the store is in use: about `bytes_max`
    /// bytes behind `from`, and at least one thing (a commit or body in the log, a block of rows, 64
    /// KiB of a file). A row of such steps, each from the cursor of the one before, is a pass; how
    /// fast it goes is how many bytes the caller asks for and how long it waits in between. See
    /// [`ScrubCursor`] for such a loop.
    ///
    /// A pass reads each of these once, if it was there when the pass came to it, and still is:
    /// identity, the manifest that counts, all of the log but segments in which nothing is needed
    /// any more, runs, files of bodies. What is written or moved while a pass goes on is left to the
    /// next one; what is merged, freed or used again is passed over and never damage. What cannot be
    /// read is a finding as well as what is not as it was written. If the rows that name the files
    /// of bodies are damaged, the files behind them are not read, and a finding says so.
    ///
    /// Cost: one sequential read of what it covers. No lock is held while the medium is read, no
    /// reader or writer waits, and no block is put into the cache.
    ///
    /// # Errors
    /// - [`BackendError::Closed`]; [`BackendError::ReadOnly`] for a store that was opened to read:
    ///   whoever owns it may use its files again at any time.
    /// - [`BackendError::Io`] with `InvalidInput` within for a cursor of another store, and when a
    ///   file cannot be opened for want of memory or handles. Nothing is lost by an error: the pass
    ///   goes on from the same cursor.
    pub fn scrub(&self, from: ScrubCursor, bytes_max: u64) -> Result<ScrubStep, BackendError> {
        self.engine.scrub(from, bytes_max)
    }

    /// Does one bounded step of what is worth doing when nobody writes: takes a checkpoint, merges
    /// and compacts until little is kept that is out of date or dead. False when nothing is left.
    /// The store's own threads do so after a second without a commit.
    ///
    /// # Errors
    /// When the medium refuses.
    pub fn tidy(&self) -> Result<bool, BackendError> {
        self.engine.tidy()
    }

    fn start_threads(&self, threads: &dyn Threads) -> Result<(), BackendError> {
        let io = |error| BackendError::io("start a thread for", "the store", error);
        let engine = Arc::clone(&self.engine);
        let flush = Box::new(move || engine.flush_for_others_until_closed());
        self.threads.lock().push(threads.spawn("cistern-flush", flush).map_err(io)?);
        let engine = Arc::clone(&self.engine);
        let maintain = Box::new(move || engine.maintain_until_closed());
        self.threads.lock().push(threads.spawn("cistern-maintain", maintain).map_err(io)?);
        Ok(())
    }
}

impl Backend for DiskBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities::durable(self.engine.settings().inline_bytes_max).checking_rows()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.engine.write_blob(source)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.engine.open_blob(blob)
    }

    fn discard_blob(&self, blob: &BlobRef) {
        self.engine.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        Ok(self.engine.row(key)?.map(Value::from))
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.engine.scan(range, order, limit)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.engine.walk(range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.engine.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.engine.counters(prefix)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        self.engine.commit(batch)
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.engine.flush(durability)
    }

    fn position(&self) -> Position {
        self.engine.position()
    }

    fn stats(&self) -> BackendStats {
        self.engine.stats()
    }

    fn close(&self) -> Result<(), BackendError> {
        if !self.engine.begin_to_close() {
            return Ok(());
        }
        self.engine.wake_threads();
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked has poisoned the store if it left anything in doubt.
            let _ = thread.join();
        }
        self.engine.close()
    }
}

impl Drop for DiskBackend {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = Backend::close(self);
    }
}
