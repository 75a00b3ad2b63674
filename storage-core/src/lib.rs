//! Buckets, objects and versions with S3's semantics, in process, over a backend of your choice.
//!
//! ```
//! use cistern_storage_core::{Error, ListOptions, PutOptions, Store, Versioning};
//!
//! # fn main() -> cistern_storage_core::Result<()> {
//! let store = Store::in_memory();
//! let photos = store.create_bucket("photos")?;
//! photos.set_versioning(Versioning::Enabled)?;
//!
//! let first = photos.put("cats/tom.jpg", "meow")?;
//! photos.put_with("cats/tom.jpg", "purr", &PutOptions::new().if_match(first.etag))?;
//! assert_eq!(photos.get("cats/tom.jpg")?.text()?, "purr");
//! assert_eq!(photos.get_range("cats/tom.jpg", 1..3)?, "ur");
//!
//! photos.delete("cats/tom.jpg")?; // hides it behind a delete marker
//! assert!(matches!(photos.get("cats/tom.jpg"), Err(Error::NoSuchKey { .. })));
//! assert_eq!(photos.list_versions("cats/").count(), 3);
//!
//! photos.put("dogs/rex.jpg", "woof")?;
//! let page = photos.list_page(&ListOptions::new().delimiter("/"))?;
//! assert_eq!(page.common_prefixes, ["dogs/"]);
//! # Ok(())
//! # }
//! ```
//!
//! # What it is, and what it is not
//!
//! It is the rules: versions and delete markers, conditional reads, writes and deletes, ranges, lists,
//! multipart uploads, checksums, tags, object lock, events, with S3's error codes. Every verb is a
//! plain call that returns when it is done, at the durability that was asked for.
//!
//! It is not a server: nothing here speaks HTTP, XML or async, and nothing opens a file. Storage
//! classes are kept, listed and counted; restoring what is archived, and moving objects by age, are
//! the business of others. Buckets have no ACLs or policies: whoever wants to limit a caller hands
//! out a handle with a [gate](port::Gate).
//!
//! # The one design decision
//!
//! Everything is *rows in one ordered map, changed by one atomic conditional commit*. A verb reads
//! what it needs, decides, and commits under the condition that what it read is still so; if
//! somebody came first, it looks again. So there are no locks on keys, a conditional write is a
//! compare-and-swap, and a rename is one commit. Rows of a key sort with the current version
//! first, so a read is one row, a page of a list is one scan, and a common prefix is one jump.
//! Bytes lie in write-once blobs that rows own together: a copy adds an owner and moves nothing.
//!
//! What a backend must do for that fits on a page: [`port::Backend`]. [`MemoryBackend`] is the one in
//! this crate; a durable one is the crate `cistern-disk`.
//!
//! # Where things are
//!
//! | to | see |
//! |---|---|
//! | open a store, make and find buckets, hear of events | [`Store`], [`StoreBuilder`], [`Settings`], [`EventFilter`] |
//! | work with objects | [`Bucket`]: every verb, each with its options ([`PutOptions`], [`GetOptions`], ...) |
//! | upload in parts | [`Bucket::create_upload`], [`Upload`] |
//! | follow changes, now or after a crash | [`Store::subscribe`], [`Bucket::changes`] |
//! | name things | [`BucketName`], [`ObjectKey`], [`VersionId`], [`ETag`], [`Checksum`] |
//! | read the rules apart from the doing | [`condition`], [`object_lock`], [`versioning`], [`byte_range`], [`limits`] |
//! | handle errors | [`Error`]: a code and a status as S3 has them, and [`Advice`] |
//! | plug something in | [`port`]: backend, clock, entropy, sealer, gate, sink |
//!
//! # Caveats
//!
//! - With S3's entity tags ([`EtagMode::Md5`], the default) a put hashes MD5, at about half a GB a
//!   second. [`EtagMode::Opaque`] does without.
//! - A list that takes several pages is of several moments. An object that is there all the time is
//!   listed once.
//! - Between two stores a copy moves bytes.
//! - An append to an object of many appends rewrites its list of pieces where versioning is enabled,
//!   and reads it everywhere: append in pieces worth having.

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
mod facts;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
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
pub mod restore;
mod row;
mod row_cursor;
mod row_key;
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
    check::Inconsistency,
    copy::Copied,
    delete::Deleted,
    delete_many::{DeleteEntry, DeleteOutcome},
    lifecycle::{LifecycleAct, LifecycleChange, LifecycleOutcome},
    put::Receipt,
    renew::RenewStep,
};
pub use body::Body;
pub use bucket::{Bucket, Listing};
pub use bucket_config::{ChangeFeed, LifecycleDocument};
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
pub use restore::{
    Archive, Restore, RestoreAnswer, RestoreOptions, RestoreState, RestoreTier, RestoreTimes,
    RestoresSettled,
};
pub use settings::{EtagMode, Settings};
pub use sinks::{EventChannel, EventLog};
pub use stats::{BucketStats, ClassStats};
pub use store::{BucketInfo, BucketOptions, Store};
pub use upload::{
    CompleteOptions, CompletedPart, CopyPartOptions, ListPartsOptions, ListUploadsOptions, Part,
    PartInfo, PartOptions, PartsPage, Upload, UploadId, UploadInfo, UploadOptions, UploadsPage,
};
