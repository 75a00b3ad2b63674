//! Multipart uploads: beginning one, finding one again, listing those in progress.

use super::{Bucket, Listing, pages};
use crate::{
    act::{upload_create, upload_list},
    action::Action,
    error::Result,
    facts::Facts,
    object_key::IntoKey,
    upload::{ListUploadsOptions, Upload, UploadId, UploadInfo, UploadOptions, UploadsPage},
};

impl Bucket {
    /// Begins a multipart upload. Nothing of it is seen as an object before it is completed, and
    /// what is current stays so until then; a key may have many at once.
    ///
    /// # Errors
    /// [`crate::Error::KeyTooLong`].
    ///
    /// Law: S3, CreateMultipartUpload.
    pub fn create_upload(&self, key: impl IntoKey) -> Result<Upload> {
        self.create_upload_with(key, &UploadOptions::default())
    }

    /// Begins a multipart upload of an object with all that this asks for.
    ///
    /// # Errors
    /// As [`Self::create_upload`]; [`crate::Error::InvalidRequest`] for a checksum type that the
    /// algorithm does not have, and for a lock in a bucket without object lock.
    ///
    /// Law: S3, CreateMultipartUpload.
    pub fn create_upload_with(&self, key: impl IntoKey, options: &UploadOptions) -> Result<Upload> {
        let key = key.into_key()?;
        let facts = || Facts::upload(options, self.store.now());
        let permit = self.permit_saying(Action::PutObject, Some(key.as_str()), None, facts)?;
        let (name, tags) = (key.as_str(), Some(&options.tags));
        self.permit_what_is_set(name, tags, options.retention, options.legal_hold, facts)?;
        upload_create::create(self, permit, key, options)
    }

    /// A handle to the upload of that name, to go on with it. Reads nothing: whether there is such
    /// an upload is said by what is done with it, so that a completion can be asked for again.
    ///
    /// # Errors
    /// [`crate::Error::KeyTooLong`].
    pub fn upload(&self, key: impl IntoKey, id: &UploadId) -> Result<Upload> {
        Ok(Upload { bucket: self.clone(), key: key.into_key()?, id: id.clone() })
    }

    /// Every upload in progress of the keys that begin with `prefix`: by key, then from the first
    /// that began to the last. The iterator reads pages of 1,000 as it goes, and ends after the first
    /// error.
    ///
    /// Law: S3, ListMultipartUploads.
    pub fn list_uploads(&self, prefix: impl Into<String>) -> Listing<UploadInfo> {
        let bucket = self.clone();
        let options = ListUploadsOptions::new().prefix(prefix);
        pages(Some(options), move |options: &ListUploadsOptions| {
            let page = bucket.list_uploads_page(options)?;
            let next = page.next_key_marker.map(|key| {
                let mut next = options.clone().key_marker(key);
                next.upload_id_marker = page.next_upload_id_marker;
                next
            });
            Ok((page.uploads, next))
        })
    }

    /// One page of the uploads in progress.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for an upload marker that is not of the key marker.
    ///
    /// Law: S3, ListMultipartUploads.
    pub fn list_uploads_page(&self, options: &ListUploadsOptions) -> Result<UploadsPage> {
        let facts = || Facts::list(&options.prefix, &options.delimiter, options.max_uploads);
        let permit = self.permit_saying(Action::ListBucketMultipartUploads, None, None, facts)?;
        upload_list::list_uploads(self, permit, options)
    }
}
