//! A backend that refuses every commit after the first few: what a process leaves that is killed.

use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Order, Position, Row, Ticket, Value, Visit,
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

#[derive(Debug)]
pub(super) struct Stopping {
    inner: Arc<dyn Backend>,
    commits: AtomicU32,
    max: u32,
}

impl Stopping {
    pub(super) fn new(inner: Arc<dyn Backend>, max: u32) -> Self {
        Self { inner, commits: AtomicU32::new(0), max }
    }
}

impl Backend for Stopping {
    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        if self.commits.fetch_add(1, Ordering::Relaxed) >= self.max {
            let cause = "go on".to_owned();
            return Err(CommitError::Backend(BackendError::Poisoned { cause }));
        }
        self.inner.commit(batch)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.inner.write_blob(source)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.inner.open_blob(blob)
    }

    fn discard_blob(&self, blob: &BlobRef) {
        self.inner.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.inner.row(key)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.inner.scan(range, order, limit)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.inner.walk(range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.inner.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.inner.counters(prefix)
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
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
