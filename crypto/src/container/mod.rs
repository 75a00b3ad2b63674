//! The sealed container: a body in chunks of 16 KiB that open on their own.
//!
//! The format is C2SP's chunked-encryption, version 1, with AES-256-GCM and SHA-512 (the instance named
//! Cobblestone-256), so that whatever reads that format reads ours.
//!
//! ```text
//! full   salt[24] commitment[32] chunk 0 .. chunk n     key, base nonce and commitment come out of HKDF
//! raw                            chunk 0 .. chunk n     key and base nonce are drawn at random
//! chunk  AES-256-GCM(key, base nonce xor number of the chunk, at most 16384 bytes) tag[16]
//! ```
//!
//! All chunks but the last hold 16384 bytes, and the last always fewer, perhaps none: a body that was cut
//! at a chunk's end lacks its last chunk. A chunk moved elsewhere meets another nonce.
//!
//! # Why no nonce comes twice
//!
//! A nonce of AES-GCM must never come twice under one key. There is no counter here that a crash could
//! set back, and no rule that a caller could break:
//!
//! - Every key that seals chunks is made for one body. A raw key is drawn at random by the writer itself,
//!   which takes no key from outside. A full key is derived from a salt of 24 bytes that the writer draws:
//!   two bodies share a key when 192 random bits meet.
//! - Under that key the nonce is a function of the chunk's number, one to one below 2^40, and a writer
//!   counts its chunks up. It can be neither cloned nor set back, and it is done once it is finished.
//! - Sealed bytes are never changed in place: there is no call that seals chunk *n* of an existing body.
//!   Writing again is a new body with a new key.
//!
//! So a write that fails, is tried again, or is torn by a crash leaves bytes under a key that seals nothing
//! ever after. Keys that live long wrap with XAES, whose nonces are 24 random bytes.

mod chunk;
mod layout;
mod parallel;
mod reader;
mod writer;

pub use layout::{CHUNK_BYTES, HEADER_BYTES, Layout, SEALED_CHUNK_BYTES};
pub use parallel::Parallelism;
pub use reader::{ContainerReader, open};
pub use writer::ContainerWriter;

pub(crate) use chunk::{FullHead, RawHead};

#[cfg(test)]
mod tests;
