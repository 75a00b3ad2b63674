//! Cistern: an embeddable storage and streaming engine. What `SQLite` is to a database server, Cistern
//! is to S3: buckets, versions, storage classes, in process, durable on local disk.
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
//! This crate is the facade: it wires the parts together and re-exports what an application needs.
//! The nouns and verbs live in `cistern-storage-core`, the engine on disk in `cistern-disk`.

mod builder;
mod cistern;
mod supported;

pub use builder::Builder;
pub use cistern::Cistern;
pub use cistern_disk::{
    Background, DiskSettings, Finding, InvalidCursor, Repaired, ScrubCursor, ScrubStep, Severity,
    repair, verify,
};
pub use cistern_storage_core::*;
pub use supported::SUPPORTED;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
