//! `Bucket`: a handle to one bucket. Every verb of objects, each a few lines into `act`.

mod changes;
mod configuration;
mod copies;
mod lifecycle;
mod listing;
mod marks;
mod objects;
mod uploads;

pub use listing::Listing;
pub(crate) use listing::pages;

use crate::{
    action::Action,
    authority::{Authority, On, Permit, Principal},
    bucket_config::BucketConfig,
    bucket_name::BucketName,
    content::Owner,
    error::{Error, Result},
    object_key::ObjectKey,
    port::Gate,
    row::BucketRow,
    store::StoreInner,
    time::Timestamp,
    version_id::VersionId,
};
use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use std::{fmt, sync::Arc};

/// A handle to one bucket. Cheap to clone; every clone is the same bucket.
///
/// It stays a handle when the bucket is deleted: then every call answers
/// [`Error::NoSuchBucket`], also when a bucket of the same name was made since.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<StoreInner>,
    state: Arc<BucketState>,
    authority: Authority,
}

/// What all handles of a bucket share.
#[derive(Debug)]
pub(crate) struct BucketState {
    pub(crate) id: u32,
    pub(crate) name: BucketName,
    pub(crate) created: Timestamp,
    /// `None` once the bucket is deleted. Held for reading by every write until it has its place in
    /// the order of commits, for writing by whoever changes it: so a write never mixes two
    /// configurations. Taken before any lock of a backend.
    pub(crate) config: RwLock<Option<BucketConfig>>,
}

impl BucketState {
    pub(crate) fn new(name: BucketName, row: BucketRow) -> Self {
        let BucketRow { id, created, config } = row;
        Self { id, name, created, config: RwLock::new(Some(config)) }
    }
}

impl Bucket {
    pub(crate) fn new(
        store: Arc<StoreInner>,
        state: Arc<BucketState>,
        authority: Authority,
    ) -> Self {
        Self { store, state, authority }
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &BucketName {
        &self.state.name
    }

    /// When the bucket was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.state.created
    }

    /// A handle on which every call is decided by `gate`, as asked by `principal`: also for a
    /// principal who may not see that the bucket is there, which [`crate::Store::bucket`] tells.
    #[must_use]
    pub fn as_principal(&self, principal: impl Into<String>, gate: Arc<dyn Gate>) -> Self {
        let principal = Principal { name: principal.into(), gate };
        Self { authority: Authority::Principal(Arc::new(principal)), ..self.clone() }
    }

    pub(crate) fn store(&self) -> &Arc<StoreInner> {
        &self.store
    }

    pub(crate) fn state(&self) -> &Arc<BucketState> {
        &self.state
    }

    /// The configuration, held until the guard is dropped. Never asked for twice by one thread: a
    /// writer that waits between the two would stop both.
    pub(crate) fn config(&self) -> Result<MappedRwLockReadGuard<'_, BucketConfig>> {
        RwLockReadGuard::try_map(self.state.config.read(), Option::as_ref)
            .map_err(|_| Error::NoSuchBucket { bucket: self.state.name.clone() })
    }

    /// Asks whether an action on this bucket, or on a key or version in it, is allowed.
    pub(crate) fn permit(
        &self,
        action: Action,
        key: Option<&str>,
        version: Option<VersionId>,
    ) -> Result<Permit> {
        self.authority.permit(action, On { bucket: Some(self.name().as_str()), key, version })
    }

    /// What a sealed body of this bucket belongs to.
    pub(crate) fn owner(&self, key: ObjectKey, version: VersionId) -> Owner {
        Owner { bucket_id: self.state.id, bucket: self.state.name.clone(), key, version }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", self.name()).finish_non_exhaustive()
    }
}
