//! Cistern: an embeddable storage and streaming engine. What `SQLite` is to a database server,
//! Cistern is to S3 and Kinesis: buckets, objects, versions, streams of records, in process, durable
//! on local disk.
//!
//! ```
//! use cistern::{Cistern, Result};
//!
//! # fn main() -> Result<()> {
//! let cistern = Cistern::in_memory();
//! let photos = cistern.create_bucket("photos")?;
//! photos.put("cats/tom.txt", "a fine cat")?;
//! assert_eq!(photos.get("cats/tom.txt")?.bytes()?, "a fine cat");
//! # cistern.close()
//! # }
//! ```
//!
//! # Where things are
//!
//! | to | see |
//! |---|---|
//! | open a store: in memory, on disk, to read only, over a backend of yours | [`Cistern`], [`Builder`], [`DiskSettings`] |
//! | make, find, list and delete buckets; hear of events | [`Store`], which a [`Cistern`] dereferences to |
//! | put, get, list, copy, delete; versions, locks, tags | [`Bucket`] |
//! | upload in parts | [`Bucket::create_upload`], [`Upload`] |
//! | put and read records in shards, alone or in groups | [`stream`], [`Cistern::create_stream`], [`Cistern::stream`] |
//! | say who may do what, and hand out handles that policies decide about | [`access`], [`Cistern::as_principal`] |
//! | move, expire and abort by rules, restore what is archived | [`lifecycle`], [`Cistern::lifecycle`], [`Bucket::set_lifecycle`], [`Bucket::restore_object`] |
//! | follow changes across crashes | [`Bucket::changes`], [`ChangeFeed`] |
//! | lay keys out in partitions, and list only those that matter | [`Partitioning`] |
//! | decide by an error | [`Error`]: a code and a status as S3 has them, and [`Advice`] |
//! | look for damage, save what is left | [`verify()`], [`repair()`] |
//! | encrypt what is kept, rotate keys | with the feature `encryption`: `Builder::encrypt`, `Cistern::keys`, `Cistern::rewrap` |
//! | know what is there and what is not yet | [`SUPPORTED`] |
//!
//! This crate is the facade: it wires the parts together and re-exports what an application needs.
//! The nouns and verbs of buckets live in `cistern-storage-core`, streams in `cistern-stream`, the
//! rules of lifecycle in `cistern-lifecycle`, the engine on disk in `cistern-disk`.
//!
//! # Caveats
//!
//! - A storage class says how an object is read and what it would cost, not where its bytes lie: all
//!   lie in the same place. Bytes of GLACIER and DEEP_ARCHIVE cannot be read before they are restored.
//! - Lifecycle rules act when [`Cistern::lifecycle`] is run, not by themselves.
//! - Objects of INTELLIGENT_TIERING stay in its frequent tier.
//! - Bodies lie in the clear unless the builder is asked to `encrypt` them, which takes the feature
//!   `encryption`, or a [sealer](Builder::sealer) of yours seals them. Records of a stream are sealed
//!   from [`stream::Stream::start_encryption`] on. Names, tags, metadata and sizes are never encrypted.
//! - Every handle may do everything, but those of principals: [`Cistern::as_principal`] makes one that
//!   the policies kept in the store decide about, [`Store::as_principal`] one that a gate of yours does.

pub mod access;
mod builder;
mod cistern;
#[cfg(feature = "encryption")]
mod encryption;
#[cfg(feature = "encryption")]
mod keys;
mod mark;
#[cfg(feature = "encryption")]
mod rewrap;
mod streams;
mod supported;

pub use builder::Builder;
pub use cistern::Cistern;
#[cfg(feature = "encryption")]
#[doc(inline)]
pub use cistern_crypto as crypto;
pub use cistern_disk::{
    Background, DiskSettings, Finding, InvalidCursor, Repaired, ScrubCursor, ScrubStep, Severity,
    repair, verify,
};
#[doc(inline)]
pub use cistern_lifecycle as lifecycle;
pub use cistern_storage_core::*;
#[doc(inline)]
pub use cistern_stream as stream;
#[cfg(feature = "encryption")]
pub use keys::Keys;
#[cfg(feature = "encryption")]
pub use rewrap::{InvalidRewrapCursor, RewrapCursor, RewrapStep};
pub use supported::SUPPORTED;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
