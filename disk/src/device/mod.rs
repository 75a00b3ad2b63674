//! `Device`: the one seam through which the engine touches a medium.
//!
//! Real files are one plug, memory is another, the simulator's faulty disk a third. `std::fs`
//! appears in `real.rs` and nowhere else.

mod memory;
mod name;
mod real;
mod whole;

pub use memory::{Call, Counts, Crash, Failure, MemoryDevice};
pub use real::RealDevice;

use std::{fmt, io, sync::Arc};

/// A store's folder: files by name, in a few flat subfolders.
///
/// Names are `folder/file` or `file`, of `a-z 0-9 . -` and at most one slash; a device makes the
/// folder when it makes the first file in it. What a crash may do:
/// - bytes written and not synced may be there, or not, or in part, in any order;
/// - a name made, renamed or removed is certain only after [`Device::sync_folder`].
pub trait Device: fmt::Debug + Send + Sync + 'static {
    /// Opens a file.
    ///
    /// # Errors
    /// As the system says; `NotFound` when absent, `AlreadyExists` for [`OpenMode::CreateNew`].
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>>;

    /// The files of a folder (`""` is the store's own), by name, with their lengths. A folder that
    /// does not exist has none.
    ///
    /// # Errors
    /// As the system says.
    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>>;

    /// Renames a file within its folder, replacing the target if there is one.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` when the folders differ.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file's name. Whoever has it open goes on reading it.
    ///
    /// # Errors
    /// As the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names of a folder durable: creations, renames, removals.
    ///
    /// # Errors
    /// As the system says; never tried again.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Takes the store for this process until the guard is dropped. `owner` is written down for
    /// whoever is refused.
    ///
    /// # Errors
    /// [`LockError::Held`] with what the holder wrote down; [`LockError::Io`] otherwise.
    fn lock(&self, owner: &str) -> Result<Box<dyn DeviceLock>, LockError>;

    /// Where the store is, for messages.
    fn place(&self) -> String;
}

/// One open file.
///
/// A file gives and takes bytes in parts, as the system does; `read_at` and `write_at` of
/// `dyn DeviceFile` make a whole of them, and are what the engine calls.
#[expect(clippy::len_without_is_empty, reason = "nobody asks a medium whether a file is empty")]
pub trait DeviceFile: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the system says.
    fn len(&self) -> io::Result<u64>;

    /// Reads into the beginning of `buffer` from `offset`, and says how many bytes: perhaps fewer
    /// than there are, but none only at the end of the file, or for an empty buffer.
    ///
    /// # Errors
    /// `Interrupted` when it is to be called again; otherwise as the system says.
    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes the beginning of `bytes` at `offset`, growing the file if need be, and says how many
    /// bytes: perhaps fewer than there are.
    ///
    /// # Errors
    /// `Interrupted` when nothing was written and it is to be called again; otherwise as the system
    /// says, and how much was written is unknown then.
    fn write_some_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes the file's bytes durable (`fdatasync`): its name is [`Device::sync_folder`]'s.
    ///
    /// # Errors
    /// As the system says. After an error nothing is known of any byte written since the last
    /// success; it is never tried again.
    fn sync(&self) -> io::Result<()>;

    /// Cuts or grows the file to `len`.
    ///
    /// # Errors
    /// As the system says.
    fn set_len(&self, len: u64) -> io::Result<()>;
}

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing.
    CreateNew,
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileEntry {
    /// Its name within the folder.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Holds the store until dropped.
pub trait DeviceLock: fmt::Debug + Send + Sync {}

/// Why a store could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("held by {owner}")]
    Held {
        /// What the holder wrote down.
        owner: String,
    },
    /// The system refused.
    #[error("cannot lock the store")]
    Io(#[from] io::Error),
}
