//! `Batch`: what one commit does, and under which conditions.

use super::{BackendError, BlobRef, Value};
use bytes::Bytes;
use smallvec::SmallVec;
use std::fmt;

/// How safe a write is before it is acknowledged.
///
/// The order is by strength: `Memory < Os < Synced`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Durability {
    /// In this process's memory: lost with the process.
    Memory,
    /// Handed to the operating system: survives the process, not the loss of power.
    Os,
    /// On the medium: survives the loss of power. The default.
    #[default]
    Synced,
}

/// A commit's place in the order of commits. Grows, never repeats, has gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// A condition on one row, or on a range of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The row still is what the caller saw: these bytes, or nothing.
    Unchanged {
        /// The row's key.
        key: Bytes,
        /// What the caller saw.
        seen: Option<Value>,
    },
    /// No row has a key in `start..end`.
    RangeEmpty {
        /// First key of the range.
        start: Bytes,
        /// First key after the range.
        end: Bytes,
    },
}

/// One change to the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes a row, new or not.
    Put {
        /// The row's key.
        key: Bytes,
        /// Its value.
        value: Value,
    },
    /// Removes a row, there or not.
    Delete {
        /// The row's key.
        key: Bytes,
    },
    /// Writes a row whose key is `prefix` and the commit's [`Position`] as 8 big-endian bytes and
    /// `suffix`: rows that sort in the order of commits.
    PutStamped {
        /// What the key begins with.
        prefix: Bytes,
        /// What the key ends with: tells apart several stamped rows of one batch.
        suffix: Bytes,
        /// The row's value.
        value: Value,
    },
}

/// Called once, when the commit is published, in the order of commits, before any later commit's
/// call. It runs inside the backend: it must be quick, must not call the backend, must not panic.
pub type OnPublish = Box<dyn FnOnce(Position) + Send>;

/// What one commit does. Applied whole or not at all.
#[derive(Default)]
pub struct Batch {
    /// All must hold, or nothing happens.
    pub preconditions: SmallVec<[Precondition; 1]>,
    /// Applied in order; a later op on a key wins.
    pub ops: SmallVec<[Op; 1]>,
    /// Counters and what to add to each.
    pub adds: Vec<(Bytes, i64)>,
    /// Blobs that get one more owner; a name may stand here several times. Listing a blob that is
    /// neither freshly written nor owned fails the commit.
    pub adopts: Vec<BlobRef>,
    /// Blobs that lose one owner.
    pub frees: Vec<BlobRef>,
    /// How safe the batch must be before its ticket reports success.
    pub durability: Durability,
    /// Told when the commit is published.
    pub on_publish: Option<OnPublish>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("preconditions", &self.preconditions.len())
            .field("ops", &self.ops.len())
            .field("adds", &self.adds.len())
            .field("adopts", &self.adopts)
            .field("frees", &self.frees)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

impl Batch {
    /// An empty batch at `durability`.
    #[must_use]
    #[inline]
    pub fn new(durability: Durability) -> Self {
        Self { durability, ..Self::default() }
    }

    /// Requires the row to be what was seen.
    #[inline]
    pub fn unchanged(&mut self, key: Bytes, seen: Option<Value>) {
        self.preconditions.push(Precondition::Unchanged { key, seen });
    }

    /// Writes a row.
    #[inline]
    pub fn put(&mut self, key: Bytes, value: impl Into<Value>) {
        self.ops.push(Op::Put { key, value: value.into() });
    }

    /// Removes a row.
    pub fn delete(&mut self, key: Bytes) {
        self.ops.push(Op::Delete { key });
    }

    /// Adds to a counter. Adding nothing is nothing.
    pub fn add(&mut self, key: Bytes, delta: i64) {
        if delta != 0 {
            self.adds.push((key, delta));
        }
    }
}

/// Why a commit did not happen.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// A precondition does not hold.
    #[error("precondition {index} of the batch does not hold")]
    Conflict {
        /// Which one, counted from 0.
        index: usize,
    },
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}
