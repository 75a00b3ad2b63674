//! `FaultyBackend`: any backend, whose calls fail by chance before they do anything, whose tickets
//! fail after the commit has happened, and which refuses everything from some moment on.

use crate::{chance::Chance, faults::Tally};
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Order, Position, Row, Ticket, TicketPromise,
    Value, Visit,
};
use parking_lot::Mutex;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Wraps a backend and lets its calls fail.
#[derive(Debug)]
pub struct FaultyBackend {
    inner: Arc<dyn Backend>,
    chance: Chance,
    /// So many calls of a thousand fail.
    per_mille: AtomicU64,
    poisoned: Arc<AtomicBool>,
    tally: Mutex<Tally>,
}

impl FaultyBackend {
    /// Wraps `inner`; what fails follows from `seed`, and nothing does before it is asked for.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, seed: u64) -> Self {
        Self {
            inner,
            chance: Chance::new(seed),
            per_mille: AtomicU64::new(0),
            poisoned: Arc::default(),
            tally: Mutex::default(),
        }
    }

    /// Lets so many calls of a thousand fail from now on.
    pub fn fail(&self, per_mille: u64) {
        self.per_mille.store(per_mille, Ordering::Relaxed);
    }

    /// Forgets that it refused writes, as reopening does.
    pub fn recover(&self) {
        self.poisoned.store(false, Ordering::Relaxed);
    }

    /// True when it refuses writes.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// How often each call failed.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.lock().clone()
    }

    fn strikes(&self, call: &'static str) -> bool {
        let strikes = self.chance.below(1000) < self.per_mille.load(Ordering::Relaxed);
        if strikes {
            self.tally.lock().count(format!("backend, {call}"));
        }
        strikes
    }

    fn may_fail(&self, call: &'static str) -> Result<(), BackendError> {
        if self.strikes(call) { Err(failure(call)) } else { Ok(()) }
    }

    fn check_poison(&self) -> Result<(), BackendError> {
        if self.is_poisoned() {
            return Err(BackendError::Poisoned { cause: "fail as it was told to".into() });
        }
        Ok(())
    }
}

fn failure(call: &'static str) -> BackendError {
    BackendError::io(call, "a faulty backend", io::Error::other("it was told to fail"))
}

impl Backend for FaultyBackend {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.check_poison()?;
        self.may_fail("write a blob")?;
        self.inner.write_blob(source)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.may_fail("open a blob")?;
        self.inner.open_blob(blob)
    }

    fn discard_blob(&self, blob: &BlobRef) {
        self.inner.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.may_fail("read a row")?;
        self.inner.row(key)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.may_fail("scan")?;
        self.inner.scan(range, order, limit)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.may_fail("walk")?;
        self.inner.walk(range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.inner.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.inner.counters(prefix)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        self.check_poison()?;
        self.may_fail("commit")?;
        let ticket = self.inner.commit(batch)?;
        if !self.strikes("wait for a ticket") {
            return Ok(ticket);
        }
        // What the commit left in doubt is found again when the store is opened.
        let (position, durability) = (ticket.position(), ticket.durability());
        let poisoned = Arc::clone(&self.poisoned);
        let broken = Broken { ticket: Mutex::new(Some(ticket)), poisoned };
        Ok(Ticket::waiting(position, durability, Arc::new(broken)))
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.check_poison()?;
        self.may_fail("flush")?;
        self.inner.flush(durability)
    }

    fn position(&self) -> Position {
        self.inner.position()
    }

    fn stats(&self) -> BackendStats {
        self.inner.stats()
    }

    fn close(&self) -> Result<(), BackendError> {
        self.inner.close()
    }
}

/// A ticket whose commit happens, and which says that it failed.
struct Broken {
    ticket: Mutex<Option<Ticket>>,
    poisoned: Arc<AtomicBool>,
}

impl Broken {
    fn fail(&self) -> BackendError {
        let ticket = self.ticket.lock().take();
        let done = ticket.map_or(Ok(()), Ticket::wait);
        self.poisoned.store(true, Ordering::Relaxed);
        done.err().unwrap_or_else(|| failure("wait for a ticket"))
    }
}

impl TicketPromise for Broken {
    fn wait(&self, _position: Position) -> Result<(), BackendError> {
        Err(self.fail())
    }

    fn on_done(
        self: Arc<Self>,
        _position: Position,
        then: Box<dyn FnOnce(Result<(), BackendError>) + Send>,
    ) {
        then(Err(self.fail()));
    }
}
