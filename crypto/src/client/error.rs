//! Why a client-side body could not be encrypted or decrypted.

use crate::{context::InvalidContext, kms::KmsError, provider::Unauthentic};

/// Why a client-side body could not be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The object says nothing of encryption, neither in its metadata nor in an instruction file.
    #[error("the object is not encrypted by a client, or its instruction file is missing")]
    NotEncrypted,
    /// What it says belongs to no format, or to two.
    #[error("the object's encryption metadata is not of one format: {detail}")]
    Format {
        /// In what way.
        detail: String,
    },
    /// A format that the policy does not allow.
    #[error("the policy on key commitment does not allow {what}")]
    Policy {
        /// What it does not allow.
        what: &'static str,
    },
    /// A way that is off unless it is asked for.
    #[error("{what} is a legacy way, and those are off")]
    Legacy {
        /// Which.
        what: &'static str,
    },
    /// The keyring cannot open what was wrapped so.
    #[error("the keyring does not open keys wrapped by {algorithm}")]
    Keyring {
        /// The name of the way.
        algorithm: String,
    },
    /// The context is not the one that the object was encrypted with.
    #[error("the encryption context is not the object's")]
    Context,
    /// A context with pairs that are not the caller's to set.
    #[error("the encryption context must not contain `{key}`")]
    ReservedContext {
        /// Which key.
        key: &'static str,
    },
    /// The context cannot be used.
    #[error(transparent)]
    InvalidContext(#[from] InvalidContext),
    /// The data key is another than the one the object was encrypted with.
    #[error("the data key does not match the commitment")]
    Commitment,
    /// The bytes are not authentic.
    #[error("the body is not authentic")]
    Unauthentic,
    /// The body is too long for one message of GCM.
    #[error("a body has at most 2^36 - 32 bytes")]
    TooLong,
    /// More would have to be held back than is allowed before the tag is seen.
    #[error("a body of over {limit} bytes is not held back; ask for delayed authentication")]
    NotBuffered {
        /// How much is held back.
        limit: usize,
    },
    /// A range outside of the body.
    #[error("the range lies outside of the body")]
    Range,
    /// The key service refused.
    #[error("{}: {}", .0.name(), .0)]
    Service(KmsError),
}

impl From<Unauthentic> for ClientError {
    fn from(_: Unauthentic) -> Self {
        Self::Unauthentic
    }
}

impl From<KmsError> for ClientError {
    fn from(error: KmsError) -> Self {
        Self::Service(error)
    }
}
