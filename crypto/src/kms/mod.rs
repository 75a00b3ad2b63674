//! The key service.

mod error;
mod socket;

pub use error::{KmsError, S3Answer};
pub use socket::{DataKey, Decrypted, Encrypted, KeyService, KmsCall};
