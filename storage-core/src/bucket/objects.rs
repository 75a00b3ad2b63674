//! Put, get, head, delete.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a key comes in whatever form the caller has, here as in every verb"
)]

use super::Bucket;
use crate::{
    act::{
        delete::{self, Deleted},
        get,
        put::{self, Receipt},
        restore,
    },
    action::Action,
    body::Body,
    byte_range::ByteRange,
    error::Result,
    facts::Facts,
    object::{Object, ObjectInfo},
    object_key::{IntoKey, ObjectKey},
    options::{DeleteOptions, GetOptions, PutOptions},
    restore::{RestoreAnswer, RestoreOptions},
    stats::BucketStats,
    version_id::VersionId,
};
use bytes::Bytes;

impl Bucket {
    /// Asks for a temporary copy of an archived version: of the current one when none is named. It
    /// can be read when the time of its tier ([`crate::Settings::restore_times`]) has passed on the
    /// store's clock, until the midnight after its days; then it is archived again, by itself.
    ///
    /// Of a version whose copy is there, the days begin anew; a restore that runs can be sped up.
    ///
    /// # Errors
    /// [`crate::Error::InvalidObjectState`] for a version that is not archived;
    /// [`crate::Error::RestoreAlreadyInProgress`] when one as fast runs;
    /// [`crate::Error::InvalidArgument`] for no days, and for a tier that the class does not have;
    /// [`crate::Error::NoSuchKey`], [`crate::Error::NoSuchVersion`],
    /// [`crate::Error::MethodNotAllowed`] for a delete marker.
    ///
    /// Law: S3, RestoreObject.
    pub fn restore_object(
        &self,
        key: impl IntoKey,
        version: Option<VersionId>,
        options: RestoreOptions,
    ) -> Result<RestoreAnswer> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let permit = self.permit(Action::RestoreObject, Some(key), version)?;
        restore::restore(self, permit, key, version, options)
    }

    /// Writes an object: the newest version of its key, at once and whole.
    ///
    /// Cost: one pass over the body, one row, one commit. Memory: a few chunks of 256 KiB, whatever
    /// the body's size, and up to 4 MiB where the backend packs bodies. A store in memory keeps what
    /// is given as `Bytes` as it is, and with it the larger buffer that it may be cut from.
    ///
    /// # Errors
    /// A failed put leaves nothing behind. [`crate::Error::EntityTooLarge`],
    /// [`crate::Error::IncompleteBody`], [`crate::Error::KeyTooLong`], [`crate::Error::Body`] when
    /// the reader fails.
    ///
    /// Law: S3, PutObject.
    pub fn put(&self, key: impl IntoKey, body: impl Into<Body>) -> Result<Receipt> {
        self.put_with(key, body, &PutOptions::default())
    }

    /// Writes an object, with all that a put can ask for.
    ///
    /// # Errors
    /// As [`Self::put`]; [`crate::Error::PreconditionFailed`], [`crate::Error::NoSuchKey`] and
    /// [`crate::Error::ConditionalRequestConflict`] of conditions; [`crate::Error::BadDigest`].
    ///
    /// Law: S3, PutObject, conditional writes, checking object integrity.
    pub fn put_with(
        &self,
        key: impl IntoKey,
        body: impl Into<Body>,
        options: &PutOptions,
    ) -> Result<Receipt> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let facts = || Facts::put(options, self.store.now());
        let permit = self.permit_saying(Action::PutObject, Some(key), None, facts)?;
        let tags = Some(&options.tags);
        self.permit_what_is_set(key, tags, options.retention, options.legal_hold, facts)?;
        self.unless_hidden(put::put(self, permit, key, body.into(), options))
    }

    /// Opens the current version of an object for reading.
    ///
    /// Cost: one row. The bytes are read when they are asked for.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchKey`] when absent, or when the newest version is a delete marker;
    /// [`crate::Error::InvalidObjectState`] when it is archived, and no copy is restored.
    ///
    /// Law: S3, GetObject.
    pub fn get(&self, key: impl IntoKey) -> Result<Object> {
        self.get_with(key, &GetOptions::default())
    }

    /// Opens a version, a range or a part of an object for reading, on conditions.
    ///
    /// # Errors
    /// As [`Self::get`]; [`crate::Error::NoSuchVersion`]; [`crate::Error::MethodNotAllowed`] for a
    /// version that is a delete marker; [`crate::Error::PreconditionFailed`] and
    /// [`crate::Error::NotModified`] of conditions, which come before
    /// [`crate::Error::InvalidRange`] and [`crate::Error::InvalidPartNumber`].
    ///
    /// Law: S3, GetObject, conditional reads.
    pub fn get_with(&self, key: impl IntoKey, options: &GetOptions) -> Result<Object> {
        let key = key.into_key()?;
        let permit = self.permit(read_action(options), Some(key.as_str()), options.version)?;
        self.unless_hidden(get::get(self, permit, &key, options))
    }

    /// The bytes of a range of the current version, and no others.
    ///
    /// # Errors
    /// As [`Self::get`]; [`crate::Error::InvalidRange`] when the range begins at or past the end.
    ///
    /// Law: S3, GetObject, Range.
    pub fn get_range(&self, key: impl IntoKey, range: impl Into<ByteRange>) -> Result<Bytes> {
        self.get_with(key, &GetOptions::new().range(range))?.bytes()
    }

    /// What is known of the current version of an object, without its bytes.
    ///
    /// # Errors
    /// As [`Self::get`].
    ///
    /// Law: S3, HeadObject.
    pub fn head(&self, key: impl IntoKey) -> Result<ObjectInfo> {
        self.head_with(key, &GetOptions::default())
    }

    /// What is known of a version of an object, on conditions.
    ///
    /// # Errors
    /// As [`Self::get_with`].
    ///
    /// Law: S3, HeadObject.
    pub fn head_with(&self, key: impl IntoKey, options: &GetOptions) -> Result<ObjectInfo> {
        let key = key.into_key()?;
        let permit = self.permit(read_action(options), Some(key.as_str()), options.version)?;
        self.unless_hidden(get::head(self, permit, &key, options))
    }

    /// Deletes an object: removes it, or in a versioned bucket hides it behind a delete marker.
    /// Deleting what is not there succeeds.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// Law: S3, DeleteObject.
    pub fn delete(&self, key: impl IntoKey) -> Result<Deleted> {
        self.delete_with(key, &DeleteOptions::default())
    }

    /// Deletes one version for good.
    ///
    /// # Errors
    /// [`crate::Error::AccessDenied`] when retention or a legal hold protects it.
    ///
    /// Law: S3, DeleteObject, versionId.
    pub fn delete_version(&self, key: impl IntoKey, version: VersionId) -> Result<Deleted> {
        self.delete_with(key, &DeleteOptions::new().version(version))
    }

    /// Deletes, with all that a delete can ask for.
    ///
    /// # Errors
    /// As [`Self::delete_version`]; [`crate::Error::PreconditionFailed`] and
    /// [`crate::Error::NoSuchKey`] of conditions.
    ///
    /// Law: S3, DeleteObject, conditional deletes, Object Lock.
    pub fn delete_with(&self, key: impl IntoKey, options: &DeleteOptions) -> Result<Deleted> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let action = match options.version {
            Some(_) => Action::DeleteObjectVersion,
            None => Action::DeleteObject,
        };
        let facts = || Facts::delete(options);
        let permit = self.permit_saying(action, Some(key), options.version, facts)?;
        if options.bypass == crate::object_lock::Bypass::Governance {
            let bypass = Action::BypassGovernanceRetention;
            self.permit_saying(bypass, Some(key), options.version, facts)?;
        }
        self.unless_hidden(delete::delete(self, permit, key, options))
    }

    /// What the bucket holds, by storage class. Kept by every commit; reading it counts nothing.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchBucket`].
    pub fn stats(&self) -> Result<BucketStats> {
        self.permit(Action::ListBucket, None, None)?;
        drop(self.config()?);
        let prefix = self.state.id.to_be_bytes();
        let counters = self.store.backend.counters(&prefix);
        Ok(BucketStats::from_counters(prefix.len(), counters.into_iter()))
    }
}

fn read_action(options: &GetOptions) -> Action {
    match options.version {
        Some(_) => Action::GetObjectVersion,
        None => Action::GetObject,
    }
}
