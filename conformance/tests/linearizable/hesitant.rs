//! A backend that lets others go first, between and within calls: verbs that read and then commit are
//! disturbed as they would be on a machine with many cores.

use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Order, Position, Row, Ticket, Value, Visit,
};
use std::{sync::Arc, thread};

/// Another backend, with a hesitation around every call.
#[derive(Debug)]
pub(crate) struct Hesitant(pub(crate) Arc<dyn Backend>);

fn hesitate<T>(act: impl FnOnce() -> T) -> T {
    thread::yield_now();
    let outcome = act();
    thread::yield_now();
    outcome
}

#[deny(clippy::missing_trait_methods)]
impl Backend for Hesitant {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        hesitate(|| self.0.write_blob(source))
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        hesitate(|| self.0.open_blob(blob))
    }

    fn discard_blob(&self, blob: &BlobRef) {
        hesitate(|| self.0.discard_blob(blob));
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        hesitate(|| self.0.row(key))
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        hesitate(|| self.0.scan(range, order, limit))
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        hesitate(|| self.0.walk(range, visit))
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.0.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.0.counters(prefix)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        hesitate(|| self.0.commit(batch))
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.0.flush(durability)
    }

    fn position(&self) -> Position {
        self.0.position()
    }

    fn stats(&self) -> BackendStats {
        self.0.stats()
    }

    fn close(&self) -> Result<(), BackendError> {
        self.0.close()
    }
}
