//! `Cistern`: one store of everything.

use crate::builder::Builder;
use cistern_storage_core::{Result, Store};
use std::{fmt, ops::Deref, path::Path};

/// One cistern: buckets on local disk or in memory. Cheap to clone; every clone is the same store.
///
/// Dereferences to [`Store`], which has the verbs: [`Store::create_bucket`], [`Store::bucket`],
/// [`Store::list_buckets`], [`Store::subscribe`], [`Store::close`].
#[derive(Clone)]
pub struct Cistern {
    store: Store,
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
        Self { store: Store::in_memory() }
    }

    /// Puts a cistern together: where it is kept, its clock, its settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn from_store(store: Store) -> Self {
        Self { store }
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
