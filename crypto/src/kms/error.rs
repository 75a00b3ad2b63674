//! What the key service answers when it does not do as asked, by KMS's names and in KMS's words.

/// Why a call of the key service failed.
///
/// Law: KMS, names and messages of errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// There is no such key, by this identifier.
    #[error("{message}")]
    NotFound {
        /// In KMS's words.
        message: String,
    },
    /// The key is disabled.
    #[error("{arn} is disabled.")]
    Disabled {
        /// The key's ARN.
        arn: String,
    },
    /// The key is in a state in which this cannot be done.
    #[error("{arn} {is}.")]
    InvalidState {
        /// The key's ARN.
        arn: String,
        /// `is pending deletion`, `is pending import`, `is not pending deletion`.
        is: &'static str,
    },
    /// The key is for something else.
    #[error("{arn} key usage is {usage} which is not valid for {operation}.")]
    InvalidKeyUsage {
        /// The key's ARN.
        arn: String,
        /// What it is for.
        usage: &'static str,
        /// What was asked.
        operation: &'static str,
    },
    /// Wrong context, another store's ciphertext, or changed bytes: KMS says no word about it.
    ///
    /// Law: KMS, an invalid ciphertext has an empty message.
    #[error("")]
    InvalidCiphertext,
    /// The ciphertext is of another key than the one named.
    #[error("The key ID in the request does not identify a CMK that can perform this operation.")]
    IncorrectKey,
    /// A code that does not fit the message.
    #[error("")]
    InvalidMac,
    /// More calls in a second than the quota allows.
    #[error(
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    )]
    Throttling,
    /// Neither policy nor grant allows it, or something denies it.
    #[error(
        "User: {principal} is not authorized to perform: {action} on resource: {resource} because {because}"
    )]
    AccessDenied {
        /// Who asked.
        principal: String,
        /// `kms:Decrypt`.
        action: String,
        /// The key's ARN.
        resource: String,
        /// What allowed nothing, or denied.
        because: String,
    },
    /// More than a limit allows.
    #[error("{message}")]
    LimitExceeded {
        /// Which limit.
        message: String,
    },
    /// Keys of this kind cannot do that.
    #[error("{message}")]
    Unsupported {
        /// What cannot be done.
        message: String,
    },
    /// The name is taken.
    #[error("An alias with the name {arn} already exists")]
    AlreadyExists {
        /// The alias's ARN.
        arn: String,
    },
    /// No alias may have that name.
    #[error("{message}")]
    InvalidAliasName {
        /// What is wrong with it.
        message: String,
    },
    /// An argument outside its bounds.
    #[error("{message}")]
    Validation {
        /// Which one, in KMS's words.
        message: String,
    },
    /// The imported material is not that which was imported before.
    #[error("{message}")]
    IncorrectKeyMaterial {
        /// What does not match.
        message: String,
    },
    /// The token of an import is not of this key, or was used.
    #[error("the import token is not valid")]
    InvalidImportToken,
    /// The token of an import is over a day old.
    #[error("the import token has expired")]
    ExpiredImportToken,
    /// No grant has that id or token.
    #[error("{message}")]
    InvalidGrant {
        /// In which way it is wrong.
        message: String,
    },
    /// What keeps the keys failed.
    #[error("the key service cannot {action}: {reason}")]
    Internal {
        /// What was tried.
        action: &'static str,
        /// What went wrong.
        reason: String,
    },
}

/// What a call through S3 answers instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Answer {
    /// The HTTP status.
    pub status: u16,
    /// S3's code.
    pub code: String,
    /// What it says.
    pub message: String,
}

impl KmsError {
    /// KMS's name of the error.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFoundException",
            Self::Disabled { .. } => "DisabledException",
            Self::InvalidState { .. } => "KMSInvalidStateException",
            Self::InvalidKeyUsage { .. } => "InvalidKeyUsageException",
            Self::InvalidCiphertext => "InvalidCiphertextException",
            Self::IncorrectKey => "IncorrectKeyException",
            Self::InvalidMac => "KMSInvalidMacException",
            Self::Throttling => "ThrottlingException",
            Self::AccessDenied { .. } => "AccessDeniedException",
            Self::LimitExceeded { .. } => "LimitExceededException",
            Self::Unsupported { .. } => "UnsupportedOperationException",
            Self::AlreadyExists { .. } => "AlreadyExistsException",
            Self::InvalidAliasName { .. } => "InvalidAliasNameException",
            Self::Validation { .. } => "ValidationException",
            Self::IncorrectKeyMaterial { .. } => "IncorrectKeyMaterialException",
            Self::InvalidImportToken => "InvalidImportTokenException",
            Self::ExpiredImportToken => "ExpiredImportTokenException",
            Self::InvalidGrant { .. } => "InvalidGrantIdException",
            Self::Internal { .. } => "KMSInternalException",
        }
    }

    /// What S3 answers when this happens in the course of one of its own calls.
    ///
    /// Law: S3, answers to failures of KMS.
    #[must_use]
    pub fn through_s3(&self) -> S3Answer {
        let (status, code, message) = match self {
            Self::AccessDenied { .. } => (403, "AccessDenied".to_owned(), self.to_string()),
            Self::Throttling => (503, "SlowDown".to_owned(), SLOW_DOWN.to_owned()),
            Self::Internal { .. } => (500, "InternalError".to_owned(), self.to_string()),
            other => (400, format!("KMS.{}", other.name()), other.to_string()),
        };
        S3Answer { status, code, message }
    }

    pub(crate) fn internal(action: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self::Internal { action, reason: reason.to_string() }
    }

    /// A member that is longer than it may be.
    pub(crate) fn too_long(member: &str, most: usize) -> Self {
        Self::Validation {
            message: format!(
                "1 validation error detected: Value at '{member}' failed to satisfy constraint: \
                 Member must have length less than or equal to {most}"
            ),
        }
    }

    /// A member that is outside of its bounds in another way.
    pub(crate) fn invalid(member: &str, rule: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: {rule}"
        );
        Self::Validation { message }
    }
}

const SLOW_DOWN: &str = "Please reduce your request rate for operations involving AWS KMS.";
