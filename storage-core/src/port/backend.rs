//! `Backend`: where a cistern keeps its bytes.

use super::{
    Batch, Blob, BlobRef, BlobSource, BlobWritten, Capabilities, CommitError, Durability, KeyRange,
    Order, Position, Row, Ticket, Value, Visit,
};
use bytes::Bytes;
use std::{fmt, io, sync::Arc};

/// Write-once blobs, one ordered map of rows, counters beside it, and one atomic conditional commit.
///
/// Contract.
/// - **Blobs.** A blob is written once under a fresh name and never changes. Its name is never used
///   again. A written blob belongs to nobody until a commit *adopts* it; a blob adopted *n* times is
///   kept until it was *freed* n times. One that no commit adopted may be collected once its writer
///   has discarded it or the store was reopened, never before.
/// - **Rows.** Keys are byte strings of 1 to 8 KiB, values up to 4 MiB, ordered by unsigned bytes.
///   A value is read back as the bytes that were written, in one piece or cut as it was written.
/// - **Commit.** The whole batch or nothing, after checking every precondition against the rows as
///   all earlier commits leave them. Commits have one order, told by their [`Position`]; every read
///   that begins after a commit was published sees it, and sees it whole. A commit is published when
///   it has reached the durability it asked for, not before.
/// - **Ticket.** A ticket that reports success at [`Durability::Synced`] survives the loss of power;
///   at [`Durability::Os`] the death of the process; at [`Durability::Memory`] neither. Whatever
///   survives is a prefix of the order of commits: nothing survives without all that came before it.
/// - **Failure.** After an error that leaves what is on the medium in doubt, every later write is
///   refused with [`BackendError::Poisoned`]; reads go on.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// What this backend is; plain data, constant for its life.
    fn capabilities(&self) -> Capabilities;

    /// Writes a new blob from `source`, with bounded memory, whatever its size.
    ///
    /// # Errors
    /// [`BackendError::Source`] when the source failed; nothing is left behind then.
    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError>;

    /// Opens a blob for reading and holds it until the handle is dropped.
    ///
    /// # Errors
    /// [`BackendError::NoSuchBlob`] when it was never written or is gone.
    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError>;

    /// Gives up a blob that was written and will not be adopted.
    fn discard_blob(&self, blob: &BlobRef);

    /// The row under `key`.
    ///
    /// # Errors
    /// When it cannot be read.
    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError>;

    /// At most `limit` rows of `range`, in `order`, all of one moment.
    ///
    /// # Errors
    /// When they cannot be read.
    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError>;

    /// Shows rows of `range` to `visit`, in ascending order, and goes on where it says, until it
    /// stops the walk or they end. Nothing is copied for it: a list reads a page of keys this way,
    /// and jumps over what it rolls up.
    ///
    /// A row that is there all the while is shown, unless a jump passes over it. The rows need not
    /// be of one moment, but none is of an earlier one than those before it, nor of one before the
    /// walk began. `visit` must not use the backend: a lock may be held while it looks.
    ///
    /// # Errors
    /// When rows cannot be read; those before were shown.
    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError>;

    /// The counter under `key`; 0 when nothing was ever added to it.
    fn counter(&self, key: &[u8]) -> i64;

    /// All counters whose key begins with `prefix` and which are not 0, in byte order.
    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)>;

    /// Applies `batch` whole, or not at all. Returns when the batch has its place in the order of
    /// commits; wait on the ticket for its durability and its being readable.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when a precondition does not hold. What made it fail is published
    /// by the time the call returns, so that a caller who reads again sees it.
    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError>;

    /// Brings everything committed so far to `durability`.
    ///
    /// # Errors
    /// When it cannot be written.
    fn flush(&self, durability: Durability) -> Result<(), BackendError>;

    /// The position of the last published commit.
    fn position(&self) -> Position;

    /// Numbers for people: how much is kept, how much of it is live.
    fn stats(&self) -> BackendStats;

    /// Flushes at [`Durability::Synced`], stops background work, lets the medium go. Later calls
    /// fail with [`BackendError::Closed`]. A second close does nothing.
    ///
    /// # Errors
    /// When the flush fails.
    fn close(&self) -> Result<(), BackendError>;
}

/// What went wrong below the core.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The bytes at rest are not those that were written.
    #[error("{place} is damaged at byte {offset}: {detail}")]
    Damaged {
        /// The file, blob or block.
        place: String,
        /// Where in it.
        offset: u64,
        /// What was expected and found.
        detail: String,
    },

    /// A blob that is not there: never written, freed, or of another store.
    #[error("blob {blob} does not exist")]
    NoSuchBlob {
        /// Its name.
        blob: BlobRef,
    },

    /// A range outside a blob.
    #[error("bytes {start}..{end} lie outside a blob of {len} bytes")]
    OutOfBounds {
        /// First byte asked for.
        start: u64,
        /// One past the last byte asked for.
        end: u64,
        /// The blob's length.
        len: u64,
    },

    /// A row key or value over its limit.
    #[error("a row's {what} of {len} bytes is over its limit of {limit}")]
    RowTooLarge {
        /// `key` or `value`.
        what: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        limit: usize,
    },

    /// The source of a body failed; its owner knows why.
    #[error("the source of the body failed")]
    Source,

    /// The medium refused.
    #[error("failed to {action} {place}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        place: String,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },

    /// An earlier failure left the store in doubt; it reads, but writes nothing until reopened.
    #[error("the store refuses writes since it failed to {cause}; reopen it to recover")]
    Poisoned {
        /// The first failure.
        cause: String,
    },

    /// The store was opened for reading only.
    #[error("the store is open for reading only")]
    ReadOnly,

    /// The store was closed.
    #[error("the store is closed")]
    Closed,

    /// Another process, or another handle of this one, has the store open.
    #[error("{place} is in use by {owner}; one process opens a store at a time")]
    InUse {
        /// The store's folder.
        place: String,
        /// Who holds it, as far as is known.
        owner: String,
    },

    /// Not a store, or one of another format version.
    #[error("{place} is not a store that this version can open: {detail}")]
    Foreign {
        /// The file.
        place: String,
        /// What was expected and found.
        detail: String,
    },
}

impl BackendError {
    /// Wraps an I/O error with what was tried, and on what.
    #[must_use]
    pub fn io(action: &'static str, place: impl Into<String>, source: io::Error) -> Self {
        Self::Io { action, place: place.into(), source: Arc::new(source) }
    }
}

/// Numbers for people. What a backend does not know it leaves at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendStats {
    /// Rows in the map, as far as known without counting.
    pub rows: u64,
    /// Bytes of blobs that a row names.
    pub live_bytes: u64,
    /// Bytes taken on the medium.
    pub stored_bytes: u64,
    /// Commits since opening.
    pub commits: u64,
    /// Syncs since opening; group commit makes this smaller than `commits`.
    pub syncs: u64,
}
