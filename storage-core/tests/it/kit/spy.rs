//! A backend in memory that remembers what it was given, counts who owns what, and can be made to
//! do something else just before a call.

use bytes::Bytes;
use cistern_storage_core::{
    MemoryBackend,
    port::{
        Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
        Capabilities, CommitError, Durability, KeyRange, Op, Order, Position, Row, SourceFailed,
        Ticket, TicketPromise, Value, Visit,
    },
};
use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Which call a trap waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Row,
    Scan,
    Commit,
    /// Waiting on a ticket: the commit is in and readable by then.
    Wait,
}

struct Trap {
    call: Call,
    skip: usize,
    run: Box<dyn FnOnce() + Send>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct SpyBackend {
    inner: MemoryBackend,
    traps: Arc<Mutex<Vec<Trap>>>,
    /// Everything written, when asked to keep it.
    seen: Mutex<Vec<Bytes>>,
    keeps: AtomicBool,
    blobs: Mutex<HashMap<BlobRef, Ownership>>,
    read_bytes: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ownership {
    len: u64,
    owners: i64,
    /// Some commit adopted it, or its writer gave it back.
    settled: bool,
}

impl SpyBackend {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// From now on keeps everything that is written.
    pub(crate) fn keep(&self) {
        self.keeps.store(true, Ordering::Relaxed);
    }

    /// Everything that was written, rows and blobs.
    pub(crate) fn seen(&self) -> Vec<Bytes> {
        self.seen.lock().unwrap().clone()
    }

    /// How many bytes of blobs were read.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Runs `run` once, just before the call after `skip` others of its kind.
    pub(crate) fn trap(&self, call: Call, skip: usize, run: impl FnOnce() + Send + 'static) {
        self.traps.lock().unwrap().push(Trap { call, skip, run: Box::new(run) });
    }

    /// Takes away the traps that were not sprung.
    pub(crate) fn disarm(&self) {
        self.traps.lock().unwrap().clear();
    }

    fn passes(&self, call: Call) {
        passes(&self.traps, call);
    }

    /// Blobs that have an owner, and their bytes.
    pub(crate) fn owned(&self) -> (usize, u64) {
        let blobs = self.blobs.lock().unwrap();
        let owned = blobs.values().filter(|blob| blob.owners > 0);
        owned.fold((0, 0), |(count, bytes), blob| (count + 1, bytes + blob.len))
    }

    /// Bytes that rows name.
    pub(crate) fn stats_live_bytes(&self) -> u64 {
        self.inner.stats().live_bytes
    }

    /// Every blob is owned, was freed as often as it was adopted, or was given back.
    #[track_caller]
    pub(crate) fn check_no_leak(&self) {
        for (blob, ownership) in &*self.blobs.lock().unwrap() {
            assert!(ownership.owners >= 0, "{blob} was freed too often: {ownership:?}");
            assert!(ownership.settled, "{blob} was neither adopted nor given back");
        }
        assert_eq!(self.inner.stats().live_bytes, self.owned().1);
    }
}

fn passes(traps: &Mutex<Vec<Trap>>, call: Call) {
    let due = {
        let mut traps = traps.lock().unwrap();
        let at = traps.iter().position(|trap| trap.call == call);
        match at {
            Some(at) if traps[at].skip == 0 => Some(traps.remove(at)),
            Some(at) => {
                traps[at].skip -= 1;
                None
            }
            None => None,
        }
    };
    if let Some(trap) = due {
        (trap.run)();
    }
}

impl fmt::Debug for SpyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpyBackend")
    }
}

struct SpySource<'a> {
    source: &'a mut dyn BlobSource,
    seen: Option<Vec<u8>>,
}

impl BlobSource for SpySource<'_> {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        let chunk = self.source.next_chunk()?;
        if let (Some(seen), Some(chunk)) = (&mut self.seen, &chunk) {
            seen.extend_from_slice(chunk);
        }
        Ok(chunk)
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }
}

#[derive(Debug)]
struct SpyBlob {
    blob: Arc<dyn Blob>,
    read_bytes: Arc<AtomicU64>,
}

impl Blob for SpyBlob {
    fn len(&self) -> u64 {
        self.blob.len()
    }

    fn is_empty(&self) -> bool {
        self.blob.is_empty()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        self.read_bytes.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.blob.read(range)
    }
}

/// A ticket that springs the traps of [`Call::Wait`].
struct SpyPromise(Arc<Mutex<Vec<Trap>>>);

impl TicketPromise for SpyPromise {
    fn wait(&self, _position: Position) -> Result<(), BackendError> {
        passes(&self.0, Call::Wait);
        Ok(())
    }

    fn on_done(
        self: Arc<Self>,
        _position: Position,
        then: Box<dyn FnOnce(Result<(), BackendError>) + Send>,
    ) {
        then(Ok(()));
    }
}

impl Backend for SpyBackend {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        let keeps = self.keeps.load(Ordering::Relaxed);
        let mut spied = SpySource { source, seen: keeps.then(Vec::new) };
        let written = self.inner.write_blob(&mut spied)?;
        if let Some(seen) = spied.seen {
            self.seen.lock().unwrap().push(seen.into());
        }
        let fresh = Ownership { len: written.len, ..Ownership::default() };
        self.blobs.lock().unwrap().insert(written.blob, fresh);
        Ok(written)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        let blob = self.inner.open_blob(blob)?;
        Ok(Arc::new(SpyBlob { blob, read_bytes: Arc::clone(&self.read_bytes) }))
    }

    fn discard_blob(&self, blob: &BlobRef) {
        if let Some(ownership) = self.blobs.lock().unwrap().get_mut(blob) {
            assert_eq!(ownership.owners, 0, "an adopted blob was given back");
            ownership.settled = true;
        }
        self.inner.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.passes(Call::Row);
        self.inner.row(key)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.passes(Call::Scan);
        self.inner.scan(range, order, limit)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.passes(Call::Scan);
        self.inner.walk(range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.inner.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.inner.counters(prefix)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        self.passes(Call::Commit);
        let (adopts, frees) = (batch.adopts.clone(), batch.frees.clone());
        let keeps = self.keeps.load(Ordering::Relaxed);
        let rows: Vec<Bytes> = batch.ops.iter().filter(|_| keeps).filter_map(value).collect();
        let ticket = self.inner.commit(batch)?;
        self.seen.lock().unwrap().extend(rows);
        let mut blobs = self.blobs.lock().unwrap();
        for blob in &adopts {
            let ownership = blobs.get_mut(blob).expect("what is adopted was written");
            ownership.owners += 1;
            ownership.settled = true;
        }
        for blob in &frees {
            blobs.get_mut(blob).expect("what is freed was written").owners -= 1;
        }
        let promise = Arc::new(SpyPromise(Arc::clone(&self.traps)));
        Ok(Ticket::waiting(ticket.position(), ticket.durability(), promise))
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

fn value(op: &Op) -> Option<Bytes> {
    match op {
        Op::Put { value, .. } | Op::PutStamped { value, .. } => Some(value.to_bytes()),
        Op::Delete { .. } => None,
    }
}
