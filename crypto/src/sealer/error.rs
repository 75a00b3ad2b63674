//! Why a body could not be sealed or opened.

use crate::{
    context::InvalidContext, key_ring::KeyRingError, kms::KmsError, provider::Unauthentic,
};
use cistern_storage_core::port::SealError;

/// Why a body could not be sealed or opened. Says nothing that helps to guess a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealFailure {
    /// Wrong key, wrong binding, or bytes that are not authentic.
    #[error("the sealed bytes do not open")]
    Refused,
    /// A store key is missing.
    #[error(transparent)]
    Ring(KeyRingError),
    /// The key service refused.
    #[error("{}: {}", .0.name(), .0)]
    Service(KmsError),
    /// There is no key service.
    #[error("the store has no key service")]
    NoService,
    /// The encryption context cannot be used.
    #[error(transparent)]
    Context(InvalidContext),
    /// The caller may not set what the store sets.
    #[error("the encryption context must not contain aws:s3:arn")]
    ReservedContext,
    /// The object is under a customer's key, and none was given.
    #[error(
        "The object was stored using a form of Server Side Encryption. The correct parameters must \
         be provided to retrieve the object."
    )]
    CustomerKeyNeeded,
    /// It is another customer's key.
    #[error(
        "Requests specifying Server Side Encryption with Customer provided keys must provide the \
         correct secret key."
    )]
    CustomerKeyWrong,
    /// A customer's key for an object that has none, or a change that its mode does not allow.
    #[error("The encryption parameters are not applicable to this object.")]
    NotApplicable,
}

impl SealFailure {
    /// S3's code and status.
    #[must_use]
    pub fn code(&self) -> (u16, String) {
        match self {
            Self::Refused | Self::Ring(_) => (500, "InternalError".into()),
            Self::Service(error) => {
                let answer = error.through_s3();
                (answer.status, answer.code)
            }
            Self::Context(_) | Self::ReservedContext => (400, "InvalidArgument".into()),
            Self::NoService => (501, "NotImplemented".into()),
            Self::CustomerKeyNeeded | Self::NotApplicable => (400, "InvalidRequest".into()),
            Self::CustomerKeyWrong => (403, "AccessDenied".into()),
        }
    }
}

impl From<Unauthentic> for SealFailure {
    fn from(_: Unauthentic) -> Self {
        Self::Refused
    }
}

impl From<KeyRingError> for SealFailure {
    fn from(error: KeyRingError) -> Self {
        Self::Ring(error)
    }
}

impl From<KmsError> for SealFailure {
    fn from(error: KmsError) -> Self {
        Self::Service(error)
    }
}

impl From<InvalidContext> for SealFailure {
    fn from(error: InvalidContext) -> Self {
        Self::Context(error)
    }
}

impl From<SealFailure> for SealError {
    fn from(failure: SealFailure) -> Self {
        let key = match &failure {
            SealFailure::Refused => return Self::Refused,
            SealFailure::Ring(KeyRingError::LostKey { id }) => id.to_string(),
            SealFailure::Ring(_) => "key ring".into(),
            SealFailure::CustomerKeyNeeded
            | SealFailure::CustomerKeyWrong
            | SealFailure::NotApplicable => "customer key".into(),
            _ => "key service".into(),
        };
        Self::NoKey { key, reason: failure.to_string() }
    }
}
