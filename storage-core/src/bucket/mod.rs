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
    authority::{Authority, On, Permit},
    bucket_config::BucketConfig,
    bucket_name::BucketName,
    content::Owner,
    edit::look_up,
    error::{Error, Result},
    facts::Facts,
    object_key::ObjectKey,
    port::{ExistingTags, Gate},
    row::{BucketRow, HeadKey},
    store::StoreInner,
    tags::Tags,
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

    /// The bucket's number in its store: never that of another bucket, also after this one is gone.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.state.id
    }

    /// When the bucket was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.state.created
    }

    /// A handle on which every call is decided by `gate`, as asked by `principal`: also for a
    /// principal who may not see that the bucket is there, which [`crate::Store::bucket`] tells. Made
    /// from a handle of a principal, it may do what both gates allow.
    #[must_use]
    pub fn as_principal(&self, principal: impl Into<String>, gate: Arc<dyn Gate>) -> Self {
        Self { authority: self.authority.limited(principal, gate), ..self.clone() }
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
        self.permit_saying(action, key, version, Facts::none)
    }

    /// As [`Self::permit`], with what the request says of itself.
    #[inline]
    pub(crate) fn permit_saying(
        &self,
        action: Action,
        key: Option<&str>,
        version: Option<VersionId>,
        facts: impl FnOnce() -> Facts,
    ) -> Result<Permit> {
        if self.authority.is_owner() {
            return self.authority.permit(action, On::default(), facts);
        }
        let tags = key.map(|key| TagsOf { bucket: self, key, version });
        let is_on_existing = action.is_on_existing_object();
        let on = On {
            bucket: Some(self.name().as_str()),
            bucket_id: Some(self.state.id),
            key,
            version,
            tags: tags.as_ref().filter(|_| is_on_existing).map(|tags| tags as &dyn ExistingTags),
        };
        self.authority.permit(action, on, facts)
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.authority.is_owner()
    }

    /// What a principal is told of something that is not there: that it is not, if it may list the
    /// bucket; and else that it may not.
    ///
    /// Law: S3, what is missing is a refusal to whoever may not list.
    #[inline]
    pub(crate) fn unless_hidden<T>(&self, outcome: Result<T>) -> Result<T> {
        match outcome {
            Err(
                error @ (Error::NoSuchKey { .. }
                | Error::NoSuchVersion { .. }
                | Error::MethodNotAllowed { .. }),
            ) if !self.authority.is_owner() => {
                self.permit(Action::ListBucket, None, None)?;
                Err(error)
            }
            outcome => outcome,
        }
    }

    /// The tags of a version, asked for by nobody in particular.
    pub(crate) fn tags_unasked(&self, key: &str, version: Option<VersionId>) -> Result<Tags> {
        let stored = look_up(&self.store, &HeadKey::new(self.state.id, key), version)?;
        Ok(stored.and_then(|stored| stored.row.rare).map(|rare| rare.tags).unwrap_or_default())
    }

    /// What a sealed body of this bucket belongs to.
    pub(crate) fn owner(&self, key: ObjectKey, version: VersionId) -> Owner {
        Owner { bucket_id: self.state.id, bucket: self.state.name.clone(), key, version }
    }
}

/// The tags of the version that a request is on.
#[derive(Debug)]
struct TagsOf<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    version: Option<VersionId>,
}

impl ExistingTags for TagsOf<'_> {
    fn read(&self) -> Result<Tags> {
        self.bucket.tags_unasked(self.key, self.version)
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", self.name()).finish_non_exhaustive()
    }
}
