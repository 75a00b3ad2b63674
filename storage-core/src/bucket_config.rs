//! What can be configured of a bucket.

use crate::{
    action::Action, object_lock::ObjectLockConfig, port::Durability, tags::BucketTags,
    versioning::Versioning,
};
use std::sync::Arc;

/// Whether a bucket keeps a durable feed of its changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChangeFeed {
    /// No feed. The default: a feed costs a row a change, and grows until it is trimmed.
    #[default]
    Off,
    /// Every change is written down in the commit that makes it.
    On,
}

/// A bucket's lifecycle, as it is kept: a document that the store does not read. Whoever runs it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleDocument {
    xml: Arc<str>,
    minimum_size: Arc<str>,
}

impl LifecycleDocument {
    /// The body of S3's `PutBucketLifecycleConfiguration`, and what stands beside it in the header
    /// `x-amz-transition-default-minimum-object-size`.
    #[must_use]
    pub fn new(xml: impl Into<Arc<str>>, minimum_size: impl Into<Arc<str>>) -> Self {
        Self { xml: xml.into(), minimum_size: minimum_size.into() }
    }

    /// The document.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// What becomes of small objects, by S3's name.
    #[must_use]
    pub fn minimum_size(&self) -> &str {
        &self.minimum_size
    }
}

/// A bucket's configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BucketConfig {
    pub(crate) versioning: Versioning,
    /// Overrides the store's.
    pub(crate) durability: Option<Durability>,
    pub(crate) change_feed: ChangeFeed,
    pub(crate) object_lock: Option<ObjectLockConfig>,
    pub(crate) tags: BucketTags,
    pub(crate) lifecycle: Option<LifecycleDocument>,
}

impl BucketConfig {
    /// What making a bucket of it needs to be allowed beside the making.
    ///
    /// Law: S3, CreateBucket: object lock needs permissions of its own.
    pub(crate) fn actions(&self) -> impl Iterator<Item = Action> {
        let is_versioned = self.versioning != Versioning::Unversioned
            || self.durability.is_some()
            || self.change_feed == ChangeFeed::On;
        [
            (self.object_lock.is_some(), Action::PutBucketObjectLockConfiguration),
            (is_versioned, Action::PutBucketVersioning),
            (!self.tags.is_empty(), Action::PutBucketTagging),
        ]
        .into_iter()
        .filter_map(|(is_set, action)| is_set.then_some(action))
    }
}
