//! Buckets, objects and versions with S3's semantics, over pluggable backends.

mod act;
pub mod action;
mod authority;
mod binding;
mod bodies;
pub mod body;
pub mod bucket;
pub mod bucket_config;
pub mod bucket_name;
mod builder;
pub mod byte_range;
pub mod changes;
pub mod checksum;
pub mod condition;
pub mod content;
pub mod copy_options;
mod edit;
pub mod error;
pub mod etag;
pub mod event;
pub mod event_hub;
pub mod event_message;
mod hex;
mod ingest;
pub mod limits;
pub mod listing;
mod memory;
pub mod metadata;
pub mod object;
pub mod object_key;
pub mod object_lock;
pub mod options;
pub mod partitioning;
pub mod port;
mod row;
mod row_cursor;
mod sequence;
pub mod settings;
pub mod sinks;
pub mod stats;
pub mod storage_class;
pub mod store;
pub mod tags;
pub mod time;
pub mod upload;
pub mod version_id;
pub mod versioning;

pub use action::Action;
pub use bucket_name::{BucketName, IntoBucketName};
pub use byte_range::ByteRange;
pub use changes::{Change, Cursor};
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

pub use act::{
    attributes::{ObjectAttributes, ObjectPart, ObjectParts},
    copy::Copied,
    delete::Deleted,
    delete_many::{DeleteEntry, DeleteOutcome},
    put::Receipt,
};
pub use body::Body;
pub use bucket::{Bucket, Listing};
pub use bucket_config::ChangeFeed;
pub use builder::StoreBuilder;
pub use content::ObjectReader;
pub use copy_options::{CopyOptions, CopySource, RenameOptions, RenameTarget};
pub use event::{Event, EventName, EventPattern};
pub use event_hub::{EventFilter, Subscription};
pub use event_message::MessageContext;
pub use listing::{ListEntry, ListOptions, ListPage, ListVersionsOptions, VersionsPage};
pub use memory::MemoryBackend;
pub use object::{Object, ObjectInfo};
pub use options::{DeleteOptions, GetOptions, PutOptions};
pub use partitioning::{Partitioning, Predicate, PrunedList};
pub use port::Durability;
pub use settings::{EtagMode, Settings};
pub use sinks::{EventChannel, EventLog};
pub use stats::{BucketStats, ClassStats};
pub use store::{BucketInfo, BucketOptions, Store};
pub use upload::{
    CompleteOptions, CompletedPart, CopyPartOptions, ListPartsOptions, ListUploadsOptions, Part,
    PartInfo, PartOptions, PartsPage, Upload, UploadId, UploadInfo, UploadOptions, UploadsPage,
};
