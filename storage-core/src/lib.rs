//! Buckets, objects and versions with S3's semantics, over pluggable backends.

pub mod action;
pub mod bucket_name;
pub mod byte_range;
pub mod checksum;
pub mod condition;
pub mod error;
pub mod etag;
pub mod event;
mod hex;
pub mod limits;
pub mod metadata;
pub mod object_key;
pub mod object_lock;
pub mod port;
pub mod storage_class;
pub mod tags;
pub mod time;
pub mod version_id;
pub mod versioning;

pub use action::Action;
pub use bucket_name::{BucketName, IntoBucketName};
pub use byte_range::ByteRange;
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumType};
pub use condition::{
    Current, DeleteCondition, ETags, Outcome, ReadConditions, SinceInitiation, Verdict,
    WriteCondition,
};
pub use error::{Advice, Error, Result};
pub use etag::ETag;
pub use limits::Limits;
pub use metadata::{Metadata, SystemHeader};
pub use object_key::{IntoKey, ObjectKey};
pub use object_lock::{
    Bypass, DefaultRetention, LegalHold, ObjectLockConfig, Retention, RetentionMode,
    RetentionPeriod, VersionLock,
};
pub use storage_class::StorageClass;
pub use tags::{BucketTags, TagSet, Tags};
pub use time::{Days, Timestamp};
pub use version_id::VersionId;
pub use versioning::Versioning;
