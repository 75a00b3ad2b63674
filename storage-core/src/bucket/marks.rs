//! Tags, retention and legal holds of versions.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a key comes in whatever form the caller has, here as in every verb"
)]

use super::Bucket;
use crate::{
    act::{get::find_version, mark},
    action::Action,
    error::{Error, Result},
    facts::Facts,
    object_key::{IntoKey, ObjectKey},
    object_lock::{Bypass, LegalHold, Retention},
    row::{HeadKey, ObjectRow},
    tags::Tags,
    version_id::VersionId,
};

impl Bucket {
    /// The tags of a version; of the current one when none is named. No tags are an empty set.
    ///
    /// # Errors
    /// As [`Self::head_with`], but [`Error::MethodNotAllowed`] for a delete marker that is current.
    ///
    /// Law: S3, GetObjectTagging.
    pub fn object_tags(&self, key: impl IntoKey, version: Option<VersionId>) -> Result<Tags> {
        let action = either(version, Action::GetObjectTagging, Action::GetObjectVersionTagging);
        let key = key.into_key()?;
        self.permit(action, Some(key.as_str()), version)?;
        let row = self.unless_hidden(self.find_row(&key, version))?;
        Ok(row.rare.map(|rare| rare.tags).unwrap_or_default())
    }

    /// Replaces the tags of a version; an empty set removes them. Version, entity tag and date stay.
    ///
    /// # Errors
    /// As [`Self::head_with`], but [`Error::MethodNotAllowed`] for a delete marker that is current.
    ///
    /// Law: S3, PutObjectTagging, DeleteObjectTagging.
    pub fn set_object_tags(
        &self,
        key: impl IntoKey,
        version: Option<VersionId>,
        tags: &Tags,
    ) -> Result<VersionId> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let action = either(version, Action::PutObjectTagging, Action::PutObjectVersionTagging);
        let facts = || Facts::of_tags(tags);
        let permit = self.permit_saying(action, Some(key), version, facts)?;
        self.unless_hidden(mark::set_tags(self, permit, key, version, tags))
    }

    /// The retention of a version.
    ///
    /// # Errors
    /// [`Error::NoSuchObjectLockConfiguration`] when it has none; [`Error::InvalidRequest`] when the
    /// bucket has no object lock.
    ///
    /// Law: S3, GetObjectRetention.
    pub fn retention(&self, key: impl IntoKey, version: Option<VersionId>) -> Result<Retention> {
        let key = key.into_key()?;
        self.permit(Action::GetObjectRetention, Some(key.as_str()), version)?;
        mark::check_has_lock(self)?;
        let row = self.unless_hidden(self.find_row(&key, version))?;
        row.rare.and_then(|rare| rare.retention).ok_or_else(|| self.no_lock(key))
    }

    /// Sets or, with `None`, removes the retention of a version. Longer and stricter always goes;
    /// anything less needs governance mode and a bypass.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] for weakening what holds; [`Error::InvalidArgument`] for a date that
    /// is not in the future; [`Error::InvalidRequest`] when the bucket has no object lock.
    ///
    /// Law: S3, PutObjectRetention.
    pub fn set_retention(
        &self,
        key: impl IntoKey,
        version: Option<VersionId>,
        retention: Option<Retention>,
        bypass: Bypass,
    ) -> Result<VersionId> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let facts = || Facts::of_retention(retention, self.store.now());
        let permit = self.permit_saying(Action::PutObjectRetention, Some(key), version, facts)?;
        if bypass == Bypass::Governance {
            let bypass = Action::BypassGovernanceRetention;
            self.permit_saying(bypass, Some(key), version, facts)?;
        }
        self.unless_hidden(mark::set_retention(self, permit, key, version, retention, bypass))
    }

    /// The legal hold of a version.
    ///
    /// # Errors
    /// [`Error::NoSuchObjectLockConfiguration`] when none was ever set; [`Error::InvalidRequest`]
    /// when the bucket has no object lock.
    ///
    /// Law: S3, GetObjectLegalHold.
    pub fn legal_hold(&self, key: impl IntoKey, version: Option<VersionId>) -> Result<LegalHold> {
        let key = key.into_key()?;
        self.permit(Action::GetObjectLegalHold, Some(key.as_str()), version)?;
        mark::check_has_lock(self)?;
        let row = self.unless_hidden(self.find_row(&key, version))?;
        row.rare.and_then(|rare| rare.legal_hold).ok_or_else(|| self.no_lock(key))
    }

    /// Sets the legal hold of a version.
    ///
    /// # Errors
    /// As [`Self::head_with`], but [`Error::MethodNotAllowed`] for a delete marker that is current; [`Error::InvalidRequest`] when the bucket has no object lock.
    ///
    /// Law: S3, PutObjectLegalHold.
    pub fn set_legal_hold(
        &self,
        key: impl IntoKey,
        version: Option<VersionId>,
        hold: LegalHold,
    ) -> Result<VersionId> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let facts = || Facts::of_hold(hold);
        let permit = self.permit_saying(Action::PutObjectLegalHold, Some(key), version, facts)?;
        self.unless_hidden(mark::set_legal_hold(self, permit, key, version, hold))
    }

    /// What a write sets beyond the object itself needs permission of its own.
    pub(super) fn permit_what_is_set(
        &self,
        key: &str,
        tags: Option<&Tags>,
        retention: Option<Retention>,
        hold: Option<LegalHold>,
        facts: impl Fn() -> Facts,
    ) -> Result<()> {
        let set = [
            (tags.is_some_and(|tags| !tags.is_empty()), Action::PutObjectTagging),
            (retention.is_some(), Action::PutObjectRetention),
            (hold.is_some(), Action::PutObjectLegalHold),
        ];
        let mut asked = set.into_iter().filter(|(is_set, _)| *is_set);
        asked.try_for_each(|(_, action)| {
            self.permit_saying(action, Some(key), None, &facts).map(drop)
        })
    }

    /// A version that is data. Unlike for a read, a delete marker is a wrong object even where none
    /// is named.
    fn find_row(&self, key: &ObjectKey, version: Option<VersionId>) -> Result<ObjectRow> {
        let head = HeadKey::new(self.state.id, key.as_str());
        let found = match find_version(self, key, &head, version) {
            Err(Error::NoSuchKey { delete_marker: Some(marker), .. }) => {
                find_version(self, key, &head, Some(marker))
            }
            found => found,
        };
        Ok(found?.row)
    }

    fn no_lock(&self, key: ObjectKey) -> Error {
        Error::NoSuchObjectLockConfiguration { bucket: self.name().clone(), key }
    }
}

fn either(version: Option<VersionId>, current: Action, named: Action) -> Action {
    if version.is_some() { named } else { current }
}
