//! Copy, rename, append, attributes, delete many.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a key comes in whatever form the caller has, here as in every verb"
)]

use super::Bucket;
use crate::{
    act::{
        append,
        attributes::{self, ObjectAttributes},
        copy::{self, Copied},
        delete_many::{self, DeleteEntry, DeleteOutcome},
        put::Receipt,
        rename,
    },
    action::Action,
    body::Body,
    copy_options::{CopyOptions, CopySource, RenameOptions},
    error::Result,
    facts::Facts,
    object_key::{IntoKey, ObjectKey},
    options::{DeleteOptions, PutOptions},
    version_id::VersionId,
};

impl Bucket {
    /// Copies an object of this bucket to another key, with its metadata and tags.
    ///
    /// Cost: by reference; no byte is moved. With MD5 entity tags, the copy of an object that a
    /// multipart upload made reads it once, for the MD5 of the whole.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchKey`]; [`crate::Error::InvalidRequest`] for a copy onto itself that
    /// changes nothing, and for an object over the limit of a copy.
    ///
    /// Law: S3, CopyObject.
    pub fn copy(&self, from: impl IntoKey, to: impl IntoKey) -> Result<Copied> {
        self.copy_with(&CopySource::new(self, from)?, to, &CopyOptions::default())
    }

    /// Copies an object, or a version of one, of any bucket of any store, to a key of this bucket.
    ///
    /// Cost: as [`Self::copy`]; between two stores the bytes are read and written.
    ///
    /// # Errors
    /// As [`Self::copy`]; [`crate::Error::PreconditionFailed`] for every condition that fails, of
    /// the source and of the target.
    ///
    /// Law: S3, CopyObject.
    pub fn copy_with(
        &self,
        source: &CopySource,
        key: impl IntoKey,
        options: &CopyOptions,
    ) -> Result<Copied> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let read = match source.version {
            Some(_) => Action::GetObjectVersion,
            None => Action::GetObject,
        };
        source.bucket.permit(read, Some(source.key.as_str()), source.version)?;
        let facts = || Facts::copy(source, options, self.store.now());
        let permit = self.permit_saying(Action::PutObject, Some(key), None, facts)?;
        let tags = options.tags.as_ref();
        self.permit_what_is_set(key, tags, options.retention, options.legal_hold, facts)?;
        if options.tags.is_none() && !(self.is_owner() && source.bucket.is_owner()) {
            self.permit_tags_that_go_along(source, key, facts)?;
        }
        source.bucket.unless_hidden(copy::copy(self, permit, source, key, options))
    }

    /// Law: S3, CopyObject: tags that go along need to be read there and set here.
    fn permit_tags_that_go_along(
        &self,
        source: &CopySource,
        key: &str,
        facts: impl Fn() -> Facts,
    ) -> Result<()> {
        let from = source.key.as_str();
        let tags = source.bucket.tags_unasked(from, source.version)?;
        if tags.is_empty() {
            return Ok(());
        }
        let read = match source.version {
            Some(_) => Action::GetObjectVersionTagging,
            None => Action::GetObjectTagging,
        };
        source.bucket.permit(read, Some(from), source.version)?;
        self.permit_what_is_set(key, Some(&tags), None, None, facts)
    }

    /// Renames an object in one commit: at no moment are there two, or none. Nothing may be under
    /// the new key. Metadata, tags, dates and entity tag stay; a versioned bucket keeps the old key
    /// behind a delete marker.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchKey`]; [`crate::Error::PreconditionFailed`] when the new key is taken.
    ///
    /// Law: S3, RenameObject.
    pub fn rename(&self, from: impl IntoKey, to: impl IntoKey) -> Result<Receipt> {
        self.rename_with(from, to, &RenameOptions::default())
    }

    /// Renames an object, with all that a rename can ask for.
    ///
    /// # Errors
    /// As [`Self::rename`]; [`crate::Error::IdempotencyParameterMismatch`].
    ///
    /// Law: S3, RenameObject.
    pub fn rename_with(
        &self,
        from: impl IntoKey,
        to: impl IntoKey,
        options: &RenameOptions,
    ) -> Result<Receipt> {
        let (from, to) = (from.as_ref(), to.as_ref());
        ObjectKey::check(from)?;
        ObjectKey::check(to)?;
        self.permit(Action::GetObject, Some(from), None)?;
        self.permit(Action::DeleteObject, Some(from), None)?;
        let permit = self.permit(Action::PutObject, Some(to), None)?;
        self.unless_hidden(rename::rename(self, permit, from, to, options))
    }

    /// Adds bytes at the end of an object. `offset` is where the caller believes the end to be; 0
    /// begins an object.
    ///
    /// The longer object has an opaque entity tag and keeps its metadata. An object takes up to
    /// 10,000 appends.
    ///
    /// # Errors
    /// [`crate::Error::InvalidWriteOffset`] when the object ends elsewhere;
    /// [`crate::Error::NoSuchKey`]; [`crate::Error::TooManyParts`].
    ///
    /// Law: S3, PutObject, write offset.
    pub fn append(&self, key: impl IntoKey, offset: u64, body: impl Into<Body>) -> Result<Receipt> {
        let key = key.as_ref();
        ObjectKey::check(key)?;
        let permit = self.permit(Action::PutObject, Some(key), None)?;
        let options = PutOptions::default();
        self.unless_hidden(append::append(self, permit, key, offset, body.into(), &options))
    }

    /// What is known of an object and of the parts it was made of, 1,000 at most.
    ///
    /// # Errors
    /// As [`Self::head`].
    ///
    /// Law: S3, GetObjectAttributes.
    pub fn attributes(&self, key: impl IntoKey) -> Result<ObjectAttributes> {
        self.attributes_page(key, None, 0, None)
    }

    /// As [`Self::attributes`], of a version, with the parts after a part number.
    ///
    /// # Errors
    /// As [`Self::head_with`].
    ///
    /// Law: S3, GetObjectAttributes.
    pub fn attributes_page(
        &self,
        key: impl IntoKey,
        version: Option<VersionId>,
        part_number_marker: u32,
        max_parts: Option<u32>,
    ) -> Result<ObjectAttributes> {
        let key = key.into_key()?;
        let (read, action) = match version {
            Some(_) => (Action::GetObjectVersion, Action::GetObjectVersionAttributes),
            None => (Action::GetObject, Action::GetObjectAttributes),
        };
        self.permit(read, Some(key.as_str()), version)?;
        let permit = self.permit(action, Some(key.as_str()), version)?;
        let attributes =
            attributes::attributes(self, permit, &key, version, part_number_marker, max_parts);
        self.unless_hidden(attributes)
    }

    /// Deletes up to 1,000 objects or versions; each has its own outcome, in order. Not atomic
    /// across keys. (S3's quiet mode is the same with the successes left out.)
    ///
    /// # Errors
    /// [`crate::Error::MalformedXml`] for no entries or too many; then nothing is deleted.
    ///
    /// Law: S3, DeleteObjects.
    pub fn delete_many(&self, entries: &[DeleteEntry]) -> Result<Vec<DeleteOutcome>> {
        self.delete_many_with(entries, &DeleteOptions::default())
    }

    /// As [`Self::delete_many`], with what the options say for all entries; version and condition
    /// are each entry's own.
    ///
    /// # Errors
    /// As [`Self::delete_many`].
    pub fn delete_many_with(
        &self,
        entries: &[DeleteEntry],
        options: &DeleteOptions,
    ) -> Result<Vec<DeleteOutcome>> {
        delete_many::delete_many(self, entries, options)
    }
}
