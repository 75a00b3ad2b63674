//! `Cistern`: one store of everything.

use crate::builder::Builder;
use cistern_disk::{DiskBackend, ScrubCursor, ScrubStep};
use cistern_storage_core::{Error, Result, Store};
use std::{fmt, ops::Deref, path::Path, sync::Arc};

/// One cistern: buckets on local disk or in memory. Cheap to clone; every clone is the same store.
///
/// Dereferences to [`Store`], which has the verbs: [`Store::create_bucket`], [`Store::bucket`],
/// [`Store::list_buckets`], [`Store::subscribe`], [`Store::close`].
#[derive(Clone)]
pub struct Cistern {
    store: Store,
    /// The store's backend, when it is the one on local disk.
    disk: Option<Arc<DiskBackend>>,
}

impl Cistern {
    /// Opens the cistern in the folder `path`, and makes one where there is none.
    ///
    /// One process opens a cistern at a time. Writes are synced before they are acknowledged.
    ///
    /// # Errors
    /// When another process has it open, when it is damaged or of another format, or when the system
    /// refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().disk(path).build()
    }

    /// A cistern that keeps everything in memory, and nothing longer than itself.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { store: Store::in_memory(), disk: None }
    }

    /// Puts a cistern together: where it is kept, its clock, its settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn from_store(store: Store, disk: Option<Arc<DiskBackend>>) -> Self {
        Self { store, disk }
    }

    /// Reads about `bytes_max` bytes of what is at rest on disk, behind `from`, and checks them,
    /// while the cistern is in use. A row of such steps, each from the cursor of the one before, is
    /// a pass over everything; see [`cistern_disk::DiskBackend::scrub`] for what a pass covers, and what it costs.
    ///
    /// ```
    /// use cistern::{Cistern, ScrubCursor, port::Clock};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let cistern = Cistern::open(folder.path())?;
    /// let mut next = Some(ScrubCursor::start()); // or the text that was kept, parsed
    /// while let Some(cursor) = next {
    ///     let step = cistern.scrub(cursor, 1 << 20)?;
    ///     assert_eq!(step.findings, vec![]);
    ///     next = step.next; // its text is worth keeping: a pass goes on after a restart
    ///     // 1 MiB every 10 ms: no more than 100 MiB in a second.
    ///     cistern.clock().wait_until(cistern.clock().now().plus(Duration::from_millis(10)));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`Error::NotImplemented`] when the cistern is not on local disk.
    /// - [`Error::Backend`] when it is open for reading only, when the cursor is of another one, or
    ///   when the system refuses. The pass can go on from the same cursor.
    /// - [`Error::Closed`] after [`Store::close`].
    pub fn scrub(&self, from: ScrubCursor, bytes_max: u64) -> Result<ScrubStep> {
        let what = "scrubbing of a store that is not on local disk";
        let disk = self.disk.as_ref().ok_or(Error::NotImplemented { what: what.into() })?;
        disk.scrub(from, bytes_max).map_err(|source| Error::backend("scrub the store", source))
    }

    /// The store of objects.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Deref for Cistern {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl fmt::Debug for Cistern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cistern").field(&self.store).finish()
    }
}
