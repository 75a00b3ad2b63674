//! A bucket's lifecycle: the document, and the acts of whoever runs it.

use super::Bucket;
use crate::{
    act::{
        configure::configure,
        lifecycle::{self, LifecycleAct, LifecycleOutcome},
        restore,
    },
    action::Action,
    bucket_config::LifecycleDocument,
    error::{Error, Result},
    restore::RestoresSettled,
};

const OWNER_ONLY: &str = "only who opened the store runs its lifecycle";

impl Bucket {
    /// The bucket's lifecycle, as it was set.
    ///
    /// # Errors
    /// [`Error::NoSuchLifecycleConfiguration`] when it has none.
    ///
    /// Law: S3, GetBucketLifecycleConfiguration.
    pub fn lifecycle(&self) -> Result<LifecycleDocument> {
        self.permit(Action::GetLifecycleConfiguration, None, None)?;
        let none = || Error::NoSuchLifecycleConfiguration { bucket: self.name().clone() };
        self.config()?.lifecycle.clone().ok_or_else(none)
    }

    /// Replaces the bucket's lifecycle. It concerns the objects that are there, too, and nothing
    /// happens before it is run.
    ///
    /// A policy of the crate `cistern-lifecycle` is checked by S3's rules, and becomes a document. The
    /// document itself is kept as it is given; one that is no policy is an error of the next run.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    ///
    /// Law: S3, PutBucketLifecycleConfiguration.
    pub fn set_lifecycle(&self, lifecycle: impl Into<LifecycleDocument>) -> Result<()> {
        self.keep_lifecycle(Some(lifecycle.into()))
    }

    /// Removes the bucket's lifecycle, if it has one. What it did stays done.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`].
    ///
    /// Law: S3, DeleteBucketLifecycle.
    pub fn delete_lifecycle(&self) -> Result<()> {
        self.keep_lifecycle(None)
    }

    fn keep_lifecycle(&self, lifecycle: Option<LifecycleDocument>) -> Result<()> {
        let permit = self.permit(Action::PutLifecycleConfiguration, None, None)?;
        configure(self, permit, |config| {
            config.lifecycle = lifecycle;
            Ok(())
        })
    }

    /// Does what was decided of a lifecycle: each act in its order and in a commit of its own, and
    /// one wait for all of them. Gives an outcome for each.
    ///
    /// An act is left when anything that it was decided on is not what it was: the version, its being
    /// current or not, the newer versions named, the lifecycle itself. Nor does it do what no
    /// lifecycle does: it deletes no locked version, no current data where versions are kept, no
    /// delete marker that hides something. Whether it is due is the caller's affair.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] for a principal: policies of access do not concern lifecycle, so it is
    /// run by who opened the store. When the store fails; acts before the failure are done.
    pub fn apply_lifecycle(
        &self,
        document: &LifecycleDocument,
        acts: &[LifecycleAct],
    ) -> Result<Vec<LifecycleOutcome>> {
        let permit = self.authority.permit_owner(OWNER_ONLY)?;
        lifecycle::apply(self, permit, document, acts)
    }

    /// Tells of every restore that is done by the store's clock, and of every copy that has lapsed:
    /// once each, as the events `ObjectRestore:Completed` and `ObjectRestore:Delete`. Reads need no
    /// such call: what can be read follows from the time alone.
    ///
    /// A version that was deleted, overwritten or renamed meanwhile is not told of.
    ///
    /// Cost: one commit for each, whatever else is in the bucket; one wait for a thousand.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] for a principal; when the store fails.
    ///
    /// Law: S3, restore event notifications.
    pub fn settle_restores(&self) -> Result<RestoresSettled> {
        let permit = self.authority.permit_owner(OWNER_ONLY)?;
        restore::settle(self, permit)
    }

    /// The key behind which a sweep goes on that was stopped; `None` when none was.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] for a principal; when the store fails.
    pub fn sweep_position(&self) -> Result<Option<String>> {
        let permit = self.authority.permit_owner(OWNER_ONLY)?;
        lifecycle::sweep_position(self, permit)
    }

    /// Keeps how far a sweep is: the last key that it is done with, or `None` at its end.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] for a principal; [`Error::NoSuchBucket`]; when the store fails.
    pub fn set_sweep_position(&self, position: Option<&str>) -> Result<()> {
        let permit = self.authority.permit_owner(OWNER_ONLY)?;
        lifecycle::set_sweep_position(self, permit, position)
    }
}
