//! What can be configured of a bucket.

use crate::{
    action::Action, object_lock::ObjectLockConfig, port::Durability, tags::BucketTags,
    versioning::Versioning,
};

/// Whether a bucket keeps a durable feed of its changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChangeFeed {
    /// No feed. The default: a feed costs a row a change, and grows until it is trimmed.
    #[default]
    Off,
    /// Every change is written down in the commit that makes it.
    On,
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
