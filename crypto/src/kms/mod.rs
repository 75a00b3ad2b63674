//! The key service: keys that never leave it, and what may be done with them.
//!
//! [`KeyService`] is the socket that sealing asks for data keys; [`LocalKms`] is one in the process, with
//! KMS's calls, states, quotas, grants, rotation and audit events. Its state lies in [`KeyRows`], each row
//! sealed under the key ring.
//!
//! ```
//! use cistern_crypto::{
//!     EncryptionContext, Key256, KeyMemory, KeyRing, RootKey,
//!     kms::{CreateKey, KeyService as _, KmsCall, KmsError, LocalKms, MemoryRows},
//! };
//! use cistern_storage_core::port::{OsEntropy, SystemClock};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let root = RootKey::new(Key256::generate(&OsEntropy));
//! let storage = Arc::new(KeyMemory::new());
//! let ring = Arc::new(KeyRing::open(&root, storage, &OsEntropy, &SystemClock::default())?);
//! let kms = LocalKms::builder(ring, Arc::new(MemoryRows::new())).open()?;
//!
//! let ann = KmsCall::by("arn:aws:iam::000000000000:user/ann");
//! let key = kms.create_key(&ann, &CreateKey::new().description("invoices"))?;
//! kms.create_alias(&ann, "alias/invoices", &key.arn)?;
//!
//! let context = EncryptionContext::of([("department", "sales")])?;
//! let data_key = kms.generate_data_key(&ann, "alias/invoices", &context)?;
//! let again = kms.decrypt(&ann, None, &context, &data_key.ciphertext)?;
//! assert_eq!(again.plaintext[..], data_key.plaintext.expose()[..]);
//!
//! kms.disable_key(&ann, "alias/invoices")?;
//! let refused = kms.decrypt(&ann, None, &context, &data_key.ciphertext).unwrap_err();
//! assert_eq!(refused.name(), "DisabledException");
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! It is in your process: whoever can read the process's memory has its keys. Asymmetric keys, custom key
//! stores and keys of several regions are not there; imported material is handed over as it is.

mod aliases;
mod audit;
mod authority;
mod blob;
mod data;
mod error;
mod grant;
mod grants;
mod import;
mod key;
mod manage;
mod operation;
mod quota;
mod record;
mod rotation;
mod rows;
mod service;
mod socket;

pub use aliases::Alias;
pub use audit::{AuditEvent, AuditSink};
pub use authority::{KeyAuthority, KeyRequest, KeyVerdict, OwnerMayAll};
pub use data::{Mac, ReEncrypted};
pub use error::{KmsError, S3Answer};
pub use grant::{Grant, GrantConstraint};
pub use grants::CreateGrant;
pub use key::{KeyManager, KeyMetadata, KeyOrigin, KeySpec, KeyStatus, KeyUsage, RotationKind};
pub use manage::CreateKey;
pub use operation::{Operation, Quota};
pub use quota::KmsQuotas;
pub use rotation::{KeyRotation, RotationStatus};
pub use rows::{BackendRows, KEY_ROWS_PREFIX, KeyRows, MemoryRows, RowChange, RowsError};
pub use service::{LocalKms, LocalKmsBuilder};
pub use socket::{DataKey, Decrypted, Encrypted, KeyService, KmsCall};

#[cfg(test)]
mod tests;
