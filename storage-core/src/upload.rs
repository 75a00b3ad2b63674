//! `Upload`: a handle to a multipart upload, from its beginning to its completion.
//!
//! ```text
//!   create_upload --> in progress --complete--> an object, at once and whole
//!                      |       |                (asked again: the same answer, for a day)
//!   put_part and       |       |
//!   copy_part stay <---+       +----abort----> nothing
//! ```

mod id;
mod listing;
mod options;

pub(crate) use id::Place;
pub use id::UploadId;
pub use listing::{Part, PartInfo, PartsPage, UploadInfo, UploadsPage};
pub use options::{
    CompleteOptions, CompletedPart, CopyPartOptions, ListPartsOptions, ListUploadsOptions,
    PartOptions, UploadOptions,
};

use crate::{
    act::{put::Receipt, upload_abort, upload_complete, upload_copy, upload_list, upload_part},
    action::Action,
    body::Body,
    bucket::{Bucket, Listing, pages},
    copy_options::CopySource,
    error::Result,
    facts::Facts,
    object_key::ObjectKey,
};

/// A handle to one multipart upload. Cheap to clone; every clone is the same upload, and parts may
/// be uploaded through several at once.
///
/// An upload never expires by itself: dropping the handle leaves it in progress.
#[derive(Clone, Debug)]
pub struct Upload {
    pub(crate) bucket: Bucket,
    pub(crate) key: ObjectKey,
    pub(crate) id: UploadId,
}

impl Upload {
    /// The bucket that the object will be in.
    #[must_use]
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The key that the object will have.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The upload's name.
    #[must_use]
    pub fn id(&self) -> &UploadId {
        &self.id
    }

    /// Uploads a part: in any order, several at once; the same number again replaces the part.
    ///
    /// Cost: one pass over the body, one row, one commit. Memory: as that of [`Bucket::put`].
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for a number outside 1 to 10,000;
    /// [`crate::Error::NoSuchUpload`], also when the upload was completed or aborted meanwhile;
    /// [`crate::Error::EntityTooLarge`]; [`crate::Error::Body`] when the reader fails.
    ///
    /// Law: S3, UploadPart.
    pub fn put_part(&self, number: u32, body: impl Into<Body>) -> Result<Part> {
        self.put_part_with(number, body, &PartOptions::default())
    }

    /// Uploads a part that must have the digests given.
    ///
    /// # Errors
    /// As [`Self::put_part`]; [`crate::Error::BadDigest`]; [`crate::Error::InvalidRequest`] for a
    /// checksum of another algorithm than the upload's.
    ///
    /// Law: S3, UploadPart.
    pub fn put_part_with(
        &self,
        number: u32,
        body: impl Into<Body>,
        options: &PartOptions,
    ) -> Result<Part> {
        let permit = self.permit(Action::PutObject)?;
        upload_part::put_part(self, permit, number, body.into(), options)
    }

    /// Makes a part of an object that is there already.
    ///
    /// Cost: no byte is moved, the part shares the source's, unless the source is so small that it
    /// lies in its row, of another store, or cut into more than 16 pieces. What is not known yet of
    /// the digests of its bytes is read once: nothing for a whole source, as a rule.
    ///
    /// # Errors
    /// As [`Self::put_part`], and of the source: [`crate::Error::NoSuchKey`],
    /// [`crate::Error::NoSuchVersion`], [`crate::Error::PreconditionFailed`],
    /// [`crate::Error::InvalidRequest`] for a delete marker by its version, and for more bytes than a
    /// part may have.
    ///
    /// Law: S3, UploadPartCopy.
    pub fn copy_part(&self, number: u32, source: &CopySource) -> Result<Part> {
        self.copy_part_with(number, source, &CopyPartOptions::default())
    }

    /// Makes a part of a range of an object.
    ///
    /// A range is taken to the letter: it must lie in the source whole. S3 refuses a range of a
    /// source of up to 5 MB; this does not.
    ///
    /// # Errors
    /// As [`Self::copy_part`]; [`crate::Error::InvalidArgument`] for a range that is not first to last
    /// or ends past the end, [`crate::Error::InvalidRequest`] for one that begins there.
    ///
    /// Law: S3, UploadPartCopy range.
    pub fn copy_part_with(
        &self,
        number: u32,
        source: &CopySource,
        options: &CopyPartOptions,
    ) -> Result<Part> {
        let facts = || Facts::copy_source(source);
        let permit = self.permit_saying(Action::PutObject, facts)?;
        let reading = match source.version {
            Some(_) => Action::GetObjectVersion,
            None => Action::GetObject,
        };
        source.bucket.permit(reading, Some(source.key.as_str()), source.version)?;
        source.bucket.unless_hidden(upload_copy::copy_part(self, permit, number, source, options))
    }

    /// Every part so far, by number. The iterator reads pages of 1,000 as it goes, and ends after the
    /// first error.
    ///
    /// Law: S3, ListParts.
    pub fn parts(&self) -> Listing<PartInfo> {
        let upload = self.clone();
        pages(Some(ListPartsOptions::new()), move |options: &ListPartsOptions| {
            let page = upload.parts_page(options)?;
            let next = page.next_part_number_marker.map(|last| options.part_number_marker(last));
            Ok((page.parts, next))
        })
    }

    /// One page of the parts so far.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchUpload`].
    ///
    /// Law: S3, ListParts.
    pub fn parts_page(&self, options: &ListPartsOptions) -> Result<PartsPage> {
        let permit = self.permit(Action::ListMultipartUploadParts)?;
        upload_list::list_parts(self, permit, options)
    }

    /// Makes the object of the parts listed, at once and whole; parts not listed are given up.
    ///
    /// The object is a multipart one, even of one part: its entity tag ends with the number of
    /// parts, which can be read one by one. Its last-modified is when the upload began, and in a
    /// bucket with versioning enabled so is its place among the versions: of two uploads, the one
    /// that began last is current, whichever was completed last. In a bucket without, the object
    /// replaces the null version whatever began first, since nothing that was acknowledged may be
    /// dropped: the last to be completed stays.
    ///
    /// Asking again with the same list answers the same, for 24 hours at least, and changes nothing.
    ///
    /// Cost: one commit of a row a part, no byte of the body is read.
    ///
    /// # Errors
    /// Each leaves the upload as it was. In this order: [`crate::Error::MalformedXml`] without
    /// parts; [`crate::Error::NoSuchUpload`]; [`crate::Error::InvalidPartOrder`];
    /// [`crate::Error::InvalidPart`] for one that was not uploaded, or with another entity tag or
    /// checksum; [`crate::Error::EntityTooSmall`] for one before the last;
    /// [`crate::Error::EntityTooLarge`] for all together; [`crate::Error::InvalidRequest`] for a
    /// composite checksum of parts that are not numbered 1, 2, 3 and so on.
    ///
    /// Law: S3, CompleteMultipartUpload.
    pub fn complete(&self, parts: &[CompletedPart]) -> Result<Receipt> {
        self.complete_with(parts, &CompleteOptions::default())
    }

    /// Completes, with all that a completion can ask for.
    ///
    /// A condition is on the current version, and on what it was when the upload began: if the
    /// object was deleted since, or is another one although its entity tag is as wanted, the upload
    /// has to begin again.
    ///
    /// # Errors
    /// As [`Self::complete`], then: [`crate::Error::InvalidRequest`] for another object size, or a
    /// checksum of another kind; [`crate::Error::BadDigest`] for another checksum;
    /// [`crate::Error::PreconditionFailed`], [`crate::Error::NoSuchKey`] and
    /// [`crate::Error::ConditionalRequestConflict`] of conditions.
    ///
    /// Law: S3, conditional completion of uploads.
    pub fn complete_with(
        &self,
        parts: &[CompletedPart],
        options: &CompleteOptions,
    ) -> Result<Receipt> {
        let facts = || Facts::condition(&options.condition);
        let permit = self.permit_saying(Action::PutObject, facts)?;
        self.bucket.unless_hidden(upload_complete::complete(self, permit, parts, options))
    }

    /// Gives the upload up, with all its parts. Final: a part that is under way fails.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchUpload`], also for one that was completed, whose object stays.
    ///
    /// Law: S3, AbortMultipartUpload.
    pub fn abort(&self) -> Result<()> {
        let permit = self.permit(Action::AbortMultipartUpload)?;
        upload_abort::abort(self, permit)
    }

    fn permit(&self, action: Action) -> Result<crate::authority::Permit> {
        self.permit_saying(action, Facts::none)
    }

    fn permit_saying(
        &self,
        action: Action,
        facts: impl FnOnce() -> Facts,
    ) -> Result<crate::authority::Permit> {
        self.bucket.permit_saying(action, Some(self.key.as_str()), None, facts)
    }
}
