//! Cistern's durable local backend: one log with group commit.
//!
//! It is the plug of [`Backend`](cistern_storage_core::port::Backend) on local files: rows, blobs
//! and conditional commits that survive the loss of power. It is not a store of objects (that is
//! the core's), not a server, and not for two processes at once: one opens a store, others may read
//! what it had committed when they looked.
//!
//! ```
//! use cistern_disk::{DiskBackend, DiskSettings};
//! use cistern_storage_core::port::{Backend, Batch, Durability};
//!
//! # let folder = tempfile::tempdir()?;
//! let store = DiskBackend::open(folder.path(), DiskSettings::new())?;
//! let mut batch = Batch::new(Durability::Synced);
//! batch.put("cat".into(), "meow");
//! store.commit(batch)?.wait()?;
//! assert!(store.row(b"cat")?.is_some_and(|value| value.is(b"meow")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **One log; everything else is derived.** A commit and the bodies it names are frames in one log
//! of segments, so that one sync makes both durable, for everybody who waits. Rows live in memory
//! until a checkpoint writes them into sorted runs; bodies stay in the log where they were appended
//! (over 4 MiB: in a file of their own) until compaction moves them. What a crash leaves is found by
//! replaying the log from the last checkpoint.
//!
//! Caveats:
//! - A young store begins with a segment of 4 MiB; a grown one keeps one or two empty ones of
//!   64 MiB ready.
//! - Damage to the last commits before a crash cannot be told from commits that the crash took, and
//!   is cut off with them. Damage to anything in front of them is told.
//! - After a write or a sync that failed the store only reads, until it is opened again.
//! - A store that is open for reading while another process writes to it may find that a body was
//!   freed and its place used again; it reads `Damaged` then, never wrong bytes.

mod again;
mod backend;
#[allow(dead_code, unused_imports, reason = "some of it is for verification")]
mod blob_file;
pub mod device;
mod engine;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod golden;
mod index;
mod log;
pub mod repair;
mod scrub;
mod segment;
mod settings;
mod sum;
pub mod threads;
pub mod verify;

pub use backend::DiskBackend;
pub use repair::{Repaired, repair};
pub use scrub::{InvalidCursor, ScrubCursor, ScrubStep};
pub use settings::{Background, DiskSettings};
pub use verify::{Finding, Severity, verify};
