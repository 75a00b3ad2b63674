//! `Directory`: what is stored of access, and the snapshot that decides.
//!
//! A change is committed first and seen afterwards, whole; one writer at a time.

use super::{
    AccessError, AccessResult,
    audit::Sinks,
    row::{BEYOND, FIRST, decode},
    snapshot::{Records, Snapshot},
};
use bytes::Bytes;
use cistern_storage_core::{
    Durability,
    port::{Backend, Batch, Clock, CommitError, Entropy, KeyRange, Order},
};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;

/// How many rows are read at once.
const LOAD_PAGE: usize = 1000;

#[derive(Debug)]
pub(crate) struct Directory {
    backend: Arc<dyn Backend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sinks: Sinks,
    snapshot: RwLock<Arc<Snapshot>>,
    /// Held while something changes.
    writing: Mutex<()>,
}

/// Rows to be written or removed.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Rows {
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.push((key, Some(value)));
    }

    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.0.push((key, None));
    }
}

impl Directory {
    pub(crate) fn open(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> AccessResult<Self> {
        let snapshot = compile(load(&*backend)?)?;
        Ok(Self {
            backend,
            clock,
            entropy,
            sinks: Sinks::default(),
            snapshot: RwLock::new(Arc::new(snapshot)),
            writing: Mutex::new(()),
        })
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read())
    }

    /// Changes what is stored: `edit` changes the records, and says which rows follow.
    pub(crate) fn change(
        &self,
        edit: impl FnOnce(&mut Records, &mut Rows) -> AccessResult<()>,
    ) -> AccessResult<()> {
        let _writing = self.writing.lock();
        let mut records = self.snapshot().records.clone();
        let mut rows = Rows::default();
        edit(&mut records, &mut rows)?;
        let snapshot = compile(records)?;
        self.commit(rows)?;
        *self.snapshot.write() = Arc::new(snapshot);
        Ok(())
    }

    fn commit(&self, rows: Rows) -> AccessResult<()> {
        let mut batch = Batch::new(Durability::Synced);
        for (key, value) in rows.0 {
            match value {
                Some(value) => batch.put(key.into(), Bytes::from(value)),
                None => batch.delete(key.into()),
            }
        }
        let failed = |source| AccessError::Backend { action: "commit a change of access", source };
        let ticket = match self.backend.commit(batch) {
            Ok(ticket) => ticket,
            Err(CommitError::Backend(source)) => return Err(failed(source)),
            Err(_) => {
                let detail = "a commit without conditions was refused";
                return Err(AccessError::Damaged { what: "access".into(), detail });
            }
        };
        ticket.wait().map_err(failed)
    }
}

fn compile(records: Records) -> AccessResult<Snapshot> {
    Snapshot::new(records).ok_or_else(|| AccessError::Damaged {
        what: "access".into(),
        detail: "a record names another that is not there",
    })
}

fn load(backend: &dyn Backend) -> AccessResult<Records> {
    let mut records = Records::default();
    let mut start = Bytes::from_static(&FIRST);
    loop {
        let range = KeyRange::between(&start, &BEYOND);
        let rows = backend
            .scan(range, Order::Forward, LOAD_PAGE)
            .map_err(|source| AccessError::Backend { action: "scan rows of access", source })?;
        for row in &rows {
            let record = decode(&row.key, &row.value.to_bytes()).map_err(|detail| {
                AccessError::Damaged { what: format!("access, row {:02x?}", &row.key[..]), detail }
            })?;
            records.add(record);
        }
        let Some(last) = rows.last().filter(|_| rows.len() == LOAD_PAGE) else {
            return Ok(records);
        };
        start = [&last.key[..], &[0]].concat().into();
    }
}
