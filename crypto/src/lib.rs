//! Encryption at rest for Cistern: sealed bodies, the keys under which they are, a key service, and the
//! formats of client-side encryption.
//!
//! # What is protected, and from whom
//!
//! Everything hangs from one root key of 256 bits, which the application keeps ([`RootKey`]).
//!
//! | who | can | must not | because |
//! |---|---|---|---|
//! | a thief of the disk or a backup | read every byte at rest | read a body or a key | every key is wrapped, up to the root key |
//! | who tampers with what is at rest | change, swap, cut, reorder, splice bodies and rows | make a read return wrong bytes, or another object's | each chunk is authenticated at its place; each envelope is bound to its row |
//! | who may use the store | choose keys, contexts, names, ranges; measure time | learn others' data, make a nonce come twice, forge | keys of one use, commitment to keys, comparison in constant time |
//! | who reads logs and audit events | read them | find a key | keys print nothing of themselves and are wiped; audit events are an allow-list |
//!
//! # What is not
//!
//! - Names of buckets and keys, tags, metadata, sizes, times, and who reads what when: S3 does not encrypt
//!   them, and neither is it done here.
//! - A store that is set back whole to an earlier state, or a row set back to an older one of the same
//!   version together with its body: both were right once, and nothing here remembers that they are old.
//! - A root key that lies beside the store it protects, or that is guessed.
//! - Whatever runs in the same process. And bodies in the clear are not wiped from memory; keys are.
//!
//! # An example
//!
//! ```
//! use cistern_crypto::{Key256, KeyMemory, KeyRing, RootKey, StoreSealer};
//! use cistern_storage_core::{MemoryBackend, Store, port::{OsEntropy, SystemClock}};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let root = RootKey::new(Key256::generate(&OsEntropy)); // yours: from a file, a keychain, the environment
//! let storage = Arc::new(KeyMemory::new()); // or KeyFile::new("keyring")
//! let ring = Arc::new(KeyRing::open(&root, storage, &OsEntropy, &SystemClock::default())?);
//! let sealer = StoreSealer::new(Arc::clone(&ring));
//! let store = Store::builder(Arc::new(MemoryBackend::new())).sealer(Arc::new(sealer)).build()?;
//!
//! let photos = store.create_bucket("photos")?;
//! photos.put("tom.jpg", "meow")?; // sealed before the backend sees it
//! ring.rotate(&OsEntropy, &SystemClock::default())?;
//! assert_eq!(photos.get("tom.jpg")?.text()?, "meow"); // retired keys still open
//! # Ok(())
//! # }
//! ```
//!
//! # The one design decision
//!
//! *A body's bytes say nothing of where they belong, and its envelope says all.* A body is sealed once, in
//! chunks of 16 KiB, under a key that is drawn for it alone. That key is wrapped into an envelope of a hundred
//! bytes, which is bound to the row: bucket, key, version, place, length. So copies, renames, rotation of keys
//! and even a change of mode touch a hundred bytes and no body, and a range is read by opening its own chunks.
//!
//! # Algorithms
//!
//! | for | algorithm | published at |
//! |---|---|---|
//! | bodies | chunked encryption over AES-256-GCM, HKDF-Expand with SHA-512 | c2sp.org/chunked-encryption |
//! | wrapping keys | XAES-256-GCM | c2sp.org/XAES-256-GCM |
//! | checks | HMAC-SHA-256 | RFC 2104 |
//!
//! AES comes from the `RustCrypto` project; with the feature `aws-lc` that of bodies comes from AWS-LC, which is
//! several times as fast, gives the same bytes and needs a C compiler.
//!
//! # Where things are
//!
//! | to | see |
//! |---|---|
//! | seal what a store keeps | [`StoreSealer`], [`Protection`] |
//! | keep keys, rotate them | [`RootKey`], [`KeyRing`], [`KeyFile`] |
//! | run a key service, or plug one in | [`kms`] |
//! | encrypt before the store sees it | [`client`] |
//! | seal and open bytes of your own | [`ContainerWriter`], [`open`] |

pub mod client;
mod codec;
mod container;
mod context;
mod derive;
mod envelope;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod hex;
mod key_ring;
mod key_storage;
pub mod kms;
mod protection;
pub mod provider;
mod root_key;
mod sealer;
mod secret;
mod xaes;

pub use container::{
    CHUNK_BYTES, ContainerReader, ContainerWriter, HEADER_BYTES, Layout, Parallelism,
    SEALED_CHUNK_BYTES, open,
};
pub use context::{CONTEXT_BYTES_MAX, EncryptionContext, InvalidContext};
pub use key_ring::{KeyId, KeyInfo, KeyRing, KeyRingError, KeyState};
pub use key_storage::{KeyFile, KeyMemory, KeyStorage, StorageError};
pub use protection::{BucketKey, CustomerKey, CustomerKeyError, KmsProtection, Protection};
pub use root_key::{RootKey, RootKeyError, RootKeyId};
pub use sealer::{
    BUCKET_KEY_LIFE, LockedSealer, ProtectionInfo, SealCall, SealFailure, StoreSealer,
};
pub use secret::{KEY_BYTES, Key256};
pub use xaes::{WrappingKey, XAES_NONCE_BYTES};
