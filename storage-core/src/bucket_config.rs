//! What can be configured of a bucket.

use crate::{
    object_lock::ObjectLockConfig, port::Durability, tags::BucketTags, versioning::Versioning,
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
