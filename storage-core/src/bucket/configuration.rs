//! A bucket's own configuration: versioning, tags, object lock, durability, change feed.

use super::Bucket;
use crate::{
    act::configure::configure,
    action::Action,
    bucket_config::ChangeFeed,
    error::{Error, Result},
    object_lock::ObjectLockConfig,
    port::Durability,
    tags::BucketTags,
    versioning::Versioning,
};

impl Bucket {
    /// The bucket's versioning state.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    ///
    /// Law: S3, GetBucketVersioning.
    pub fn versioning(&self) -> Result<Versioning> {
        self.permit(Action::GetBucketVersioning, None, None)?;
        Ok(self.config()?.versioning)
    }

    /// Enables or suspends versioning. No object is touched; a bucket that was ever versioned can
    /// only be suspended.
    ///
    /// # Errors
    /// [`Error::IllegalVersioningConfiguration`] for going back to unversioned;
    /// [`Error::InvalidBucketState`] for suspending a bucket with object lock.
    ///
    /// Law: S3, PutBucketVersioning.
    pub fn set_versioning(&self, versioning: Versioning) -> Result<()> {
        let permit = self.permit(Action::PutBucketVersioning, None, None)?;
        configure(self, permit, |config| {
            if let Some(lock) = &config.object_lock {
                lock.may_set_versioning(self.name(), versioning)?;
            }
            config.versioning = config.versioning.after(versioning)?;
            Ok(())
        })
    }

    /// The bucket's tags.
    ///
    /// # Errors
    /// [`Error::NoSuchTagSet`] when there are none.
    ///
    /// Law: S3, GetBucketTagging.
    pub fn tags(&self) -> Result<BucketTags> {
        self.permit(Action::GetBucketTagging, None, None)?;
        let tags = self.config()?.tags.clone();
        if tags.is_empty() {
            return Err(Error::NoSuchTagSet { bucket: self.name().clone() });
        }
        Ok(tags)
    }

    /// Replaces the bucket's tags; an empty set removes them.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    ///
    /// Law: S3, PutBucketTagging, DeleteBucketTagging.
    pub fn set_tags(&self, tags: BucketTags) -> Result<()> {
        let permit = self.permit(Action::PutBucketTagging, None, None)?;
        configure(self, permit, |config| {
            config.tags = tags;
            Ok(())
        })
    }

    /// The bucket's object lock.
    ///
    /// # Errors
    /// [`Error::ObjectLockConfigurationNotFound`] when it has none.
    ///
    /// Law: S3, GetObjectLockConfiguration.
    pub fn object_lock(&self) -> Result<ObjectLockConfig> {
        self.permit(Action::GetBucketObjectLockConfiguration, None, None)?;
        let not_found = || Error::ObjectLockConfigurationNotFound { bucket: self.name().clone() };
        self.config()?.object_lock.ok_or_else(not_found)
    }

    /// Switches object lock on, or changes the default retention of new versions. It stays on for
    /// good; versions that exist are not touched.
    ///
    /// # Errors
    /// [`Error::InvalidBucketState`] unless versioning is enabled.
    ///
    /// Law: S3, PutObjectLockConfiguration.
    pub fn set_object_lock(&self, lock: ObjectLockConfig) -> Result<()> {
        let permit = self.permit(Action::PutBucketObjectLockConfiguration, None, None)?;
        configure(self, permit, |config| {
            ObjectLockConfig::may_enable(self.name(), config.versioning)?;
            config.object_lock = Some(lock);
            Ok(())
        })
    }

    /// How safe writes to this bucket are before they are acknowledged; `None` follows the store.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    pub fn durability(&self) -> Result<Option<Durability>> {
        self.permit(Action::ListBucket, None, None)?;
        Ok(self.config()?.durability)
    }

    /// Sets how safe writes to this bucket are before they are acknowledged. A call can say
    /// otherwise for itself.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    pub fn set_durability(&self, durability: Option<Durability>) -> Result<()> {
        let permit = self.permit(Action::PutBucketVersioning, None, None)?;
        configure(self, permit, |config| {
            config.durability = durability;
            Ok(())
        })
    }

    /// Whether the bucket keeps a durable feed of its changes.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    pub fn change_feed(&self) -> Result<ChangeFeed> {
        self.permit(Action::ListBucket, None, None)?;
        Ok(self.config()?.change_feed)
    }

    /// Switches the feed on or off. What it holds stays until it is trimmed.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    pub fn set_change_feed(&self, feed: ChangeFeed) -> Result<()> {
        let permit = self.permit(Action::PutBucketVersioning, None, None)?;
        configure(self, permit, |config| {
            config.change_feed = feed;
            Ok(())
        })
    }
}
