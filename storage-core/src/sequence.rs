//! `Sequence`: numbers that grow over the whole life of a store and are never used twice.

use crate::{
    error::{Error, Result},
    port::{Backend, Batch, CommitError, Durability, Value},
    row::{Encoder, sequence_key},
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many numbers are reserved by one commit. What is left of a block is lost when the store
/// closes: 2^64 numbers last for 17 billion openings.
const BLOCK: u64 = 1 << 20;

/// Orders versions, uploads and events.
///
/// A block is reserved by a commit before its first number is given out. The commit need not be
/// durable by then: what survives of the log is a prefix of it, so a row that carries a number never
/// outlives the reservation behind it.
#[derive(Debug)]
pub(crate) struct Sequence {
    next: AtomicU64,
    reserved: AtomicU64,
    reserving: Mutex<()>,
}

impl Sequence {
    pub(crate) fn open(backend: &dyn Backend) -> Result<Self> {
        let high = read_u64(backend, &sequence_key())?.unwrap_or(1);
        Ok(Self {
            next: AtomicU64::new(high),
            reserved: AtomicU64::new(high),
            reserving: Mutex::new(()),
        })
    }

    /// The next number.
    pub(crate) fn next(&self, backend: &dyn Backend) -> Result<u64> {
        // Relaxed: only uniqueness and growth matter, and every number is checked against
        // `reserved`, which is raised under the lock.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.reserved.load(Ordering::Acquire) {
            self.reserve(backend, number)?;
        }
        Ok(number)
    }

    fn reserve(&self, backend: &dyn Backend, number: u64) -> Result<()> {
        let _reserving = self.reserving.lock();
        if number < self.reserved.load(Ordering::Acquire) {
            return Ok(());
        }
        let high = number + BLOCK;
        let mut batch = Batch::new(Durability::Memory);
        batch.put(sequence_key(), encode_u64(high));
        let ticket = backend.commit(batch).map_err(commit_error)?;
        ticket.wait().map_err(|source| Error::backend("reserve sequence numbers", source))?;
        self.reserved.store(high, Ordering::Release);
        Ok(())
    }

    /// The highest id that a bucket ever had.
    pub(crate) fn bucket_id_floor(&self, backend: &dyn Backend) -> Result<u32> {
        let floor = read_u64(backend, &bucket_id_key())?.unwrap_or(0);
        u32::try_from(floor)
            .map_err(|_| Error::damaged("the bucket ids", "they do not fit 32 bits"))
    }

    /// Remembers that `id` was given out.
    pub(crate) fn put_bucket_id_floor(&self, batch: &mut Batch, id: u32) {
        batch.put(bucket_id_key(), encode_u64(u64::from(id)));
    }
}

fn bucket_id_key() -> Bytes {
    Bytes::from_static(&[0x01, b'b', b'u', b'c', b'k', b'e', b't'])
}

fn encode_u64(value: u64) -> Bytes {
    let mut row = Encoder::with_capacity(8);
    row.u64(value);
    row.finish()
}

fn read_u64(backend: &dyn Backend, key: &[u8]) -> Result<Option<u64>> {
    let row = backend.row(key).map_err(|source| Error::backend("read a row", source))?;
    let decode = |row: Value| {
        let array = row.into_bytes()[..].try_into();
        array.map(u64::from_le_bytes).map_err(|_| Error::damaged("a number", "it is not 8 bytes"))
    };
    row.map(decode).transpose()
}

fn commit_error(error: CommitError) -> Error {
    match error {
        CommitError::Backend(source) => Error::backend("reserve sequence numbers", source),
        CommitError::Conflict { .. } => {
            Error::damaged("the sequence", "a commit without preconditions met a conflict")
        }
    }
}
