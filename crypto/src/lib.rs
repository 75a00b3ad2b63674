//! Encryption at rest.

mod codec;
mod container;
mod context;
mod derive;
mod envelope;
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
pub use sealer::{BUCKET_KEY_LIFE, ProtectionInfo, SealCall, SealFailure, StoreSealer};
pub use secret::{KEY_BYTES, Key256};
pub use xaes::{WrappingKey, XAES_NONCE_BYTES};
