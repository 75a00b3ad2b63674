//! `KeyRows`: where the key service keeps its state; in memory, or among the rows of a backend.

use bytes::Bytes;
use cistern_storage_core::port::{Backend, Batch, CommitError, Durability, KeyRange, Order};
use parking_lot::Mutex;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Keeps rows: what a key service has to remember.
///
/// Contract. A commit applies whole or not at all, and has survived what the rows are to survive when it
/// returns. One key service at a time has the rows open.
pub trait KeyRows: fmt::Debug + Send + Sync + 'static {
    /// Every row.
    ///
    /// # Errors
    /// When they cannot be read.
    fn all(&self) -> Result<Vec<(Vec<u8>, Bytes)>, RowsError>;

    /// Puts rows, and deletes those without a value.
    ///
    /// # Errors
    /// When they cannot be written.
    fn commit(&self, changes: &[RowChange]) -> Result<(), RowsError>;
}

/// A row's key, and its new value or none.
pub type RowChange = (Vec<u8>, Option<Vec<u8>>);

/// The rows could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rows of the key service cannot be {action}: {reason}")]
pub struct RowsError {
    /// `read` or `written`.
    pub action: &'static str,
    /// Why.
    pub reason: String,
}

/// Rows that end with the process.
#[derive(Debug, Default)]
pub struct MemoryRows(Mutex<BTreeMap<Vec<u8>, Bytes>>);

impl MemoryRows {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl KeyRows for MemoryRows {
    fn all(&self) -> Result<Vec<(Vec<u8>, Bytes)>, RowsError> {
        Ok(self.0.lock().iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&self, changes: &[RowChange]) -> Result<(), RowsError> {
        let mut rows = self.0.lock();
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key.clone(), Bytes::copy_from_slice(value)),
                None => rows.remove(key),
            };
        }
        Ok(())
    }
}

/// Rows among those of a store's backend, under a prefix of their own, synced with every change.
#[derive(Debug)]
pub struct BackendRows {
    backend: Arc<dyn Backend>,
    prefix: Vec<u8>,
}

/// The first byte of the key service's rows in a store. The core's own begin below it.
pub const KEY_ROWS_PREFIX: &[u8] = &[0x4b];

const PAGE: usize = 1000;

impl BackendRows {
    /// The rows of `backend` that begin with `prefix`: nobody else's may.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, prefix: &[u8]) -> Self {
        Self { backend, prefix: prefix.to_vec() }
    }

    fn key(&self, key: &[u8]) -> Bytes {
        [&self.prefix[..], key].concat().into()
    }
}

impl KeyRows for BackendRows {
    fn all(&self) -> Result<Vec<(Vec<u8>, Bytes)>, RowsError> {
        let failed =
            |error: &dyn fmt::Display| RowsError { action: "read", reason: error.to_string() };
        let mut end = self.prefix.clone();
        end.push(0xff);
        end.resize(self.prefix.len() + 64, 0xff);
        let mut rows = Vec::new();
        let mut last = self.prefix.clone();
        loop {
            let range = KeyRange::after(&last, &end);
            let page = self.backend.scan(range, Order::Forward, PAGE);
            let page = page.map_err(|error| failed(&error))?;
            let Some(end) = page.last() else { return Ok(rows) };
            last = end.key.to_vec();
            rows.extend(
                page.iter()
                    .map(|row| (row.key[self.prefix.len()..].to_vec(), row.value.to_bytes())),
            );
        }
    }

    fn commit(&self, changes: &[RowChange]) -> Result<(), RowsError> {
        let failed = |reason: String| RowsError { action: "written", reason };
        let mut batch = Batch::new(Durability::Synced);
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(self.key(key), Bytes::copy_from_slice(value)),
                None => batch.delete(self.key(key)),
            }
        }
        let ticket = self.backend.commit(batch);
        let ticket = ticket.map_err(|error: CommitError| failed(error.to_string()))?;
        ticket.wait().map_err(|error| failed(error.to_string()))
    }
}
