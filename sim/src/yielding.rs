//! `Yielding`: a backend whose every call is a yield point.

use crate::turns::Turns;
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Order, Position, Row, Ticket, TicketPromise,
    Value, Visit,
};
use parking_lot::Mutex;
use std::sync::Arc;

/// Lets others go first before each call, and between a commit and the wait for its ticket: so that
/// commits of several threads meet in one group.
#[derive(Debug)]
pub(crate) struct Yielding {
    inner: Arc<dyn Backend>,
    turns: Arc<Turns>,
}

impl Yielding {
    pub(crate) fn new(inner: Arc<dyn Backend>, turns: Arc<Turns>) -> Self {
        Self { inner, turns }
    }
}

impl Backend for Yielding {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.turns.pass();
        self.inner.write_blob(source)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.turns.pass();
        self.inner.open_blob(blob)
    }

    fn discard_blob(&self, blob: &BlobRef) {
        self.inner.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.turns.pass();
        self.inner.row(key)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.turns.pass();
        self.inner.scan(range, order, limit)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.turns.pass();
        self.inner.walk(range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.inner.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.inner.counters(prefix)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        self.turns.pass();
        let ticket = self.inner.commit(batch)?;
        let (position, durability) = (ticket.position(), ticket.durability());
        let (ticket, turns) = (Mutex::new(Some(ticket)), Arc::clone(&self.turns));
        Ok(Ticket::waiting(position, durability, Arc::new(Waiting { ticket, turns })))
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.turns.pass();
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

struct Waiting {
    ticket: Mutex<Option<Ticket>>,
    turns: Arc<Turns>,
}

impl TicketPromise for Waiting {
    fn wait(&self, _position: Position) -> Result<(), BackendError> {
        self.turns.pass();
        let ticket = self.ticket.lock().take();
        ticket.map_or(Ok(()), Ticket::wait)
    }

    fn on_done(
        self: Arc<Self>,
        _position: Position,
        then: Box<dyn FnOnce(Result<(), BackendError>) + Send>,
    ) {
        match self.ticket.lock().take() {
            Some(ticket) => ticket.on_done(then),
            None => then(Ok(())),
        }
    }
}
