//! `Error`: everything a verb can answer instead of a result, made for deciding.

use crate::{
    bucket_name::BucketName,
    byte_range::ByteRange,
    etag::ETag,
    object_key::ObjectKey,
    port::{BackendError, SealError},
    storage_class::StorageClass,
    time::Timestamp,
    version_id::VersionId,
};
use std::{borrow::Cow, io, sync::Arc};

/// The result of a verb.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a verb did not do what it was asked.
///
/// [`Error::code`] and [`Error::status`] are S3's where S3 has them; [`Error::advice`] tells a
/// program what to do. An error that names bytes at rest keeps its cause in `source()`.
///
/// Law: S3, error responses.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bucket is not there.
    #[error("bucket `{bucket}` does not exist; create it first")]
    NoSuchBucket {
        /// The bucket that was asked for.
        bucket: BucketName,
    },

    /// The key is not there, or its current version is a delete marker.
    #[error("key `{key}` does not exist in bucket `{bucket}`{}", hidden(*delete_marker))]
    NoSuchKey {
        /// The bucket.
        bucket: BucketName,
        /// The key that was asked for.
        key: ObjectKey,
        /// The delete marker that hides older versions, when there is one.
        delete_marker: Option<VersionId>,
    },

    /// The key has no such version.
    #[error("key `{key}` in bucket `{bucket}` has no version `{version}`; list its versions")]
    NoSuchVersion {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
        /// The version that was asked for.
        version: VersionId,
    },

    /// The multipart upload is not there: unknown, of another key, completed or aborted.
    #[error("key `{key}` in bucket `{bucket}` has no upload `{upload}`; begin a new one")]
    NoSuchUpload {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
        /// The upload that was asked for.
        upload: Box<str>,
    },

    /// The bucket exists already, in this store.
    #[error("bucket `{bucket}` exists already; use it, or choose another name")]
    BucketAlreadyOwnedByYou {
        /// The bucket.
        bucket: BucketName,
    },

    /// The bucket still holds versions or delete markers.
    #[error(
        "bucket `{bucket}` is not empty; delete every version and every delete marker in it first"
    )]
    BucketNotEmpty {
        /// The bucket.
        bucket: BucketName,
    },

    /// A name that no bucket can have.
    #[error("`{name}` cannot be a bucket's name: {rule}")]
    InvalidBucketName {
        /// The name as it was given.
        name: Box<str>,
        /// The rule it breaks.
        rule: &'static str,
    },

    /// A key of too many bytes.
    #[error("a key of {size} bytes is too long; at most {max} bytes of UTF-8 are allowed")]
    KeyTooLong {
        /// How long it is, in bytes.
        size: u64,
        /// How long it may be.
        max: u64,
    },

    /// An argument that means nothing.
    #[error("argument {name} is `{value}`: {reason}")]
    InvalidArgument {
        /// The argument's name, S3's where S3 has one.
        name: &'static str,
        /// What was given.
        value: Box<str>,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },

    /// A request whose parts do not go together.
    #[error("the request cannot be done: {reason}")]
    InvalidRequest {
        /// What does not go together.
        reason: Cow<'static, str>,
    },

    /// A range that begins at or past the end.
    #[error("range {requested} cannot be read from an object of {size} bytes; ask for less")]
    InvalidRange {
        /// What was asked for.
        requested: ByteRange,
        /// How large the object is.
        size: u64,
    },

    /// A part that the object does not have.
    #[error("part {part_number} does not exist; the object has {parts}")]
    InvalidPartNumber {
        /// The part that was asked for.
        part_number: u32,
        /// How many parts the object has.
        parts: u32,
    },

    /// Completion names a part that was not uploaded, or with another `ETag`.
    #[error("part {part_number} of upload `{upload}` was not uploaded with ETag {etag}; upload it")]
    InvalidPart {
        /// The upload.
        upload: Box<str>,
        /// The part as it was named.
        part_number: u32,
        /// The `ETag` as it was named.
        etag: ETag,
    },

    /// Completion names parts out of order.
    #[error("part {part_number} of upload `{upload}` is out of order; list parts in rising order")]
    InvalidPartOrder {
        /// The upload.
        upload: Box<str>,
        /// The first part that is not above the one before it.
        part_number: u32,
    },

    /// A part before the last that is too small.
    #[error("part {part_number} has {proposed} bytes; every part but the last needs {min}")]
    EntityTooSmall {
        /// How large the part is.
        proposed: u64,
        /// How large it must be.
        min: u64,
        /// Which part.
        part_number: u32,
        /// Its `ETag`.
        etag: ETag,
    },

    /// A body over the limit.
    #[error("a body of {size} bytes is too large; at most {max} are allowed here")]
    EntityTooLarge {
        /// How large it is, as far as it was read.
        size: u64,
        /// How large it may be.
        max: u64,
    },

    /// More metadata than fits.
    #[error("metadata of {size} bytes is too large; at most {max} are allowed")]
    MetadataTooLarge {
        /// The sum over names and values, in bytes.
        size: u64,
        /// What is allowed.
        max: u64,
    },

    /// A tag, or a set of tags, against the rules.
    #[error("the tags are not valid: {reason}")]
    InvalidTag {
        /// The rule, and the tag that breaks it.
        reason: Cow<'static, str>,
    },

    /// A document that does not have the shape it should have.
    #[error("the document is malformed: {reason}")]
    MalformedXml {
        /// What is missing, wrong or too much.
        reason: Cow<'static, str>,
    },

    /// The body is not the one whose digest was announced.
    #[error("the body's {algorithm} is {found}, not {expected} as announced; send it again")]
    BadDigest {
        /// `MD5`, `CRC32`, ...
        algorithm: &'static str,
        /// What was announced.
        expected: Box<str>,
        /// What the body has.
        found: Box<str>,
    },

    /// A Content-MD5 that is not 128 bits in base64.
    #[error("`{value}` is not the base64 of an MD5")]
    InvalidDigest {
        /// What was given.
        value: Box<str>,
    },

    /// The body ended early.
    #[error("the body ended after {found} bytes, {expected} were announced; send it again")]
    IncompleteBody {
        /// How many bytes were announced.
        expected: u64,
        /// How many came.
        found: u64,
    },

    /// A condition on the request does not hold.
    #[error("condition {condition} does not hold; read the object again")]
    PreconditionFailed {
        /// The condition, by its header's name.
        condition: &'static str,
    },

    /// A conditional read found what the caller already has.
    #[error("the object with ETag {etag} has not changed; use the copy you have")]
    NotModified {
        /// The object's `ETag`.
        etag: ETag,
        /// When it was written.
        last_modified: Timestamp,
    },

    /// The key changed while a conditional write was under way.
    #[error("key `{key}` in bucket `{bucket}` changed during a conditional write; try again")]
    ConditionalRequestConflict {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
    },

    /// A form of request that S3 names, and refuses.
    #[error("{what} is not implemented")]
    NotImplemented {
        /// What was asked for.
        what: Cow<'static, str>,
    },

    /// A version that is a delete marker was asked for something only data has.
    #[error("version `{version}` of key `{key}` is a delete marker; it can only be deleted")]
    MethodNotAllowed {
        /// The key.
        key: ObjectKey,
        /// The delete marker.
        version: VersionId,
        /// When it was made.
        last_modified: Timestamp,
    },

    /// Archived bytes were asked for, or a restore of bytes that are not archived.
    #[error(
        "key `{key}` is of class {storage_class}: restore an archived object before reading it"
    )]
    InvalidObjectState {
        /// The key.
        key: ObjectKey,
        /// The class the object is in.
        storage_class: StorageClass,
        /// The archive tier it is in, when the class has tiers.
        access_tier: Option<&'static str>,
    },

    /// A restore of this version is running already.
    #[error("a restore of key `{key}` is running already; wait for it, or ask for a faster tier")]
    RestoreAlreadyInProgress {
        /// The key.
        key: ObjectKey,
    },

    /// A class that does not exist, or that this kind of bucket does not have.
    #[error("`{class}` is not a storage class that can be used here")]
    InvalidStorageClass {
        /// What was given.
        class: Box<str>,
    },

    /// The bucket's versioning and its object lock do not allow this.
    #[error("bucket `{bucket}` is in the wrong state: {reason}")]
    InvalidBucketState {
        /// The bucket.
        bucket: BucketName,
        /// What stands against it.
        reason: Cow<'static, str>,
    },

    /// A versioning state that cannot be asked for.
    #[error("the versioning state cannot be set: {reason}")]
    IllegalVersioningConfiguration {
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },

    /// Not permitted: by policy, by retention, or by a legal hold.
    #[error("access denied: {reason}")]
    AccessDenied {
        /// What forbids it.
        reason: Cow<'static, str>,
    },

    /// The bucket has no tags.
    #[error("bucket `{bucket}` has no tags")]
    NoSuchTagSet {
        /// The bucket.
        bucket: BucketName,
    },

    /// The bucket has no lifecycle.
    #[error("bucket `{bucket}` has no lifecycle configuration")]
    NoSuchLifecycleConfiguration {
        /// The bucket.
        bucket: BucketName,
    },

    /// The version has no retention, or no legal hold was ever set on it.
    #[error("key `{key}` in bucket `{bucket}` has no object lock configuration")]
    NoSuchObjectLockConfiguration {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
    },

    /// The bucket has no object lock.
    #[error("bucket `{bucket}` has no object lock configuration")]
    ObjectLockConfigurationNotFound {
        /// The bucket.
        bucket: BucketName,
    },

    /// An append that does not begin where the object ends.
    #[error("cannot append at offset {offset}: the object has {size} bytes; read its size again")]
    InvalidWriteOffset {
        /// Where the caller wanted to append.
        offset: u64,
        /// How large the object is.
        size: u64,
    },

    /// An object of too many parts.
    #[error("the object would have more than {max} parts; copy it into one first")]
    TooManyParts {
        /// How many parts an object may have.
        max: u32,
    },

    /// A client token was used again, for another request.
    #[error("client token `{token}` was used for another request; use a fresh one")]
    IdempotencyParameterMismatch {
        /// The token.
        token: Box<str>,
    },

    /// No more buckets.
    #[error("the store has {max} buckets, as many as it may have; delete one first")]
    TooManyBuckets {
        /// How many there may be.
        max: u64,
    },

    /// The bucket's configuration changed at the same time.
    #[error("bucket `{bucket}` was changed by another request at the same time; try again")]
    OperationAborted {
        /// The bucket.
        bucket: BucketName,
    },

    /// Bytes at rest are not those that were written. Never answered with wrong bytes.
    #[error("{what} is damaged: {detail}; restore it from a copy")]
    Damaged {
        /// What: the object, row or blob.
        what: Box<str>,
        /// What was expected and found.
        detail: Box<str>,
        /// What the backend saw, when it was the backend that saw it.
        source: Option<Box<BackendError>>,
    },

    /// The backend failed.
    #[error("the backend failed to {action}")]
    Backend {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: Box<BackendError>,
    },

    /// The caller's own reader or writer failed.
    #[error("the body could not be read or written")]
    Body(#[source] Arc<io::Error>),

    /// A body could not be sealed or opened.
    #[error("the body could not be sealed or opened")]
    Seal(#[from] SealError),

    /// The store was closed.
    #[error("the store is closed; open it again")]
    Closed,
}

impl Error {
    /// The error's stable name: S3's where S3 has one. Never reused, never renamed.
    ///
    /// Law: S3, error responses.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.face().0
    }

    /// The HTTP status that S3 answers with.
    ///
    /// Law: S3, error responses.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.face().1
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::ConditionalRequestConflict { .. }
            | Self::OperationAborted { .. }
            | Self::BadDigest { .. }
            | Self::IncompleteBody { .. } => Advice::Retry,
            Self::PreconditionFailed { .. }
            | Self::InvalidWriteOffset { .. }
            | Self::RestoreAlreadyInProgress { .. } => Advice::Refresh,
            Self::NotModified { .. }
            | Self::Damaged { .. }
            | Self::Body(_)
            | Self::Seal(_)
            | Self::Closed => Advice::Stop,
            Self::Backend { source, .. } => backend_advice(source),
            _ => Advice::Fix,
        }
    }

    /// A failed call of the backend: damage and closing get their own variants.
    #[must_use]
    pub fn backend(action: &'static str, source: BackendError) -> Self {
        match source {
            BackendError::Closed => Self::Closed,
            BackendError::Damaged { ref place, ref detail, .. } => Self::Damaged {
                what: place.as_str().into(),
                detail: detail.as_str().into(),
                source: Some(Box::new(source)),
            },
            source => Self::Backend { action, source: Box::new(source) },
        }
    }

    /// Bytes at rest that the core found wrong, with a backend that saw nothing.
    #[must_use]
    pub fn damaged(what: impl Into<Box<str>>, detail: impl Into<Box<str>>) -> Self {
        Self::Damaged { what: what.into(), detail: detail.into(), source: None }
    }

    /// An argument that means nothing.
    #[must_use]
    pub fn invalid_argument(
        name: &'static str,
        value: impl Into<Box<str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::InvalidArgument { name, value: value.into(), reason: reason.into() }
    }

    /// A request whose parts do not go together.
    #[must_use]
    pub fn invalid_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidRequest { reason: reason.into() }
    }

    /// A reader or writer of the caller's that failed.
    #[must_use]
    pub fn body(source: io::Error) -> Self {
        Self::Body(Arc::new(source))
    }

    /// Code and status: one table.
    const fn face(&self) -> (&'static str, u16) {
        match self {
            Self::NoSuchBucket { .. } => ("NoSuchBucket", 404),
            Self::NoSuchKey { .. } => ("NoSuchKey", 404),
            Self::NoSuchVersion { .. } => ("NoSuchVersion", 404),
            Self::NoSuchUpload { .. } => ("NoSuchUpload", 404),
            Self::BucketAlreadyOwnedByYou { .. } => ("BucketAlreadyOwnedByYou", 409),
            Self::BucketNotEmpty { .. } => ("BucketNotEmpty", 409),
            Self::InvalidBucketName { .. } => ("InvalidBucketName", 400),
            Self::KeyTooLong { .. } => ("KeyTooLongError", 400),
            Self::InvalidArgument { .. } => ("InvalidArgument", 400),
            Self::InvalidRequest { .. } => ("InvalidRequest", 400),
            Self::InvalidRange { .. } => ("InvalidRange", 416),
            Self::InvalidPartNumber { .. } => ("InvalidPartNumber", 416),
            Self::InvalidPart { .. } => ("InvalidPart", 400),
            Self::InvalidPartOrder { .. } => ("InvalidPartOrder", 400),
            Self::EntityTooSmall { .. } => ("EntityTooSmall", 400),
            Self::EntityTooLarge { .. } => ("EntityTooLarge", 400),
            Self::MetadataTooLarge { .. } => ("MetadataTooLarge", 400),
            Self::InvalidTag { .. } => ("InvalidTag", 400),
            Self::MalformedXml { .. } => ("MalformedXML", 400),
            Self::BadDigest { .. } => ("BadDigest", 400),
            Self::InvalidDigest { .. } => ("InvalidDigest", 400),
            // A reader that fails gave fewer bytes than it promised.
            Self::IncompleteBody { .. } | Self::Body(_) => ("IncompleteBody", 400),
            Self::PreconditionFailed { .. } => ("PreconditionFailed", 412),
            Self::NotModified { .. } => ("NotModified", 304),
            Self::ConditionalRequestConflict { .. } => ("ConditionalRequestConflict", 409),
            Self::NotImplemented { .. } => ("NotImplemented", 501),
            Self::MethodNotAllowed { .. } => ("MethodNotAllowed", 405),
            Self::InvalidObjectState { .. } => ("InvalidObjectState", 403),
            Self::RestoreAlreadyInProgress { .. } => ("RestoreAlreadyInProgress", 409),
            Self::InvalidStorageClass { .. } => ("InvalidStorageClass", 400),
            Self::InvalidBucketState { .. } => ("InvalidBucketState", 409),
            Self::IllegalVersioningConfiguration { .. } => {
                ("IllegalVersioningConfigurationException", 400)
            }
            // A key that is not to be had looks the same as one that may not be used.
            Self::AccessDenied { .. } | Self::Seal(_) => ("AccessDenied", 403),
            Self::NoSuchTagSet { .. } => ("NoSuchTagSet", 404),
            Self::NoSuchLifecycleConfiguration { .. } => ("NoSuchLifecycleConfiguration", 404),
            Self::NoSuchObjectLockConfiguration { .. } => ("NoSuchObjectLockConfiguration", 404),
            Self::ObjectLockConfigurationNotFound { .. } => {
                ("ObjectLockConfigurationNotFoundError", 404)
            }
            Self::InvalidWriteOffset { .. } => ("InvalidWriteOffset", 400),
            Self::TooManyParts { .. } => ("TooManyParts", 400),
            Self::IdempotencyParameterMismatch { .. } => ("IdempotencyParameterMismatch", 400),
            Self::TooManyBuckets { .. } => ("TooManyBuckets", 400),
            Self::OperationAborted { .. } => ("OperationAborted", 409),
            // S3 has no name for damage that it admits: it is the server's fault.
            Self::Damaged { .. } => ("Damaged", 500),
            Self::Backend { .. } => ("InternalError", 500),
            Self::Closed => ("ServiceUnavailable", 503),
        }
    }
}

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Change the call: the same one fails again.
    Fix,
    /// Do the same again, perhaps after a pause.
    Retry,
    /// Read what is there now, then decide again.
    Refresh,
    /// Leave it: nothing that the caller sends changes the answer.
    Stop,
}

fn backend_advice(source: &BackendError) -> Advice {
    match source {
        BackendError::InUse { .. } => Advice::Retry,
        BackendError::ReadOnly | BackendError::RowTooLarge { .. } => Advice::Fix,
        _ => Advice::Stop,
    }
}

fn hidden(delete_marker: Option<VersionId>) -> String {
    delete_marker.map_or_else(String::new, |marker| {
        format!(": delete marker `{marker}` hides it; delete the marker to bring it back")
    })
}

#[cfg(test)]
mod tests;
