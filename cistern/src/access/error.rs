//! `AccessError`: what can go wrong with identities and policies.

use cistern_access::{InvalidCaller, NoSession, PolicyError};
use cistern_storage_core::{Error, port::BackendError};

/// The result of managing access.
pub type AccessResult<T> = Result<T, AccessError>;

/// What can go wrong with identities and policies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// There is no such user, group, role or policy.
    #[error("{kind} `{name}` does not exist")]
    NoSuchEntity {
        /// What was looked for.
        kind: &'static str,
        /// By this name.
        name: String,
    },
    /// There is one already.
    #[error("{kind} `{name}` exists already")]
    EntityAlreadyExists {
        /// What was to be made.
        kind: &'static str,
        /// By this name.
        name: String,
    },
    /// Something else still needs it.
    #[error("{kind} `{name}` cannot be removed: {reason}")]
    DeleteConflict {
        /// What was to be removed.
        kind: &'static str,
        /// By this name.
        name: String,
        /// What needs it.
        reason: String,
    },
    /// A name, a tag, or what only some identities can have.
    #[error("`{value}` is not valid: {rule}")]
    Invalid {
        /// What was given.
        value: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The inline policies of one identity are too long together.
    #[error("inline policies of `{name}` may have {max} characters together")]
    LimitExceeded {
        /// Whose.
        name: String,
        /// How many.
        max: usize,
    },
    /// A policy was refused.
    #[error("the policy was refused")]
    MalformedPolicy(#[from] PolicyError),
    /// A public policy where those are blocked.
    #[error(
        "the policy of bucket `{bucket}` would be public, and public policies are blocked there"
    )]
    PublicPolicyBlocked {
        /// The bucket.
        bucket: String,
    },
    /// Text that names no caller.
    #[error("nobody is named")]
    InvalidCaller(#[from] InvalidCaller),
    /// A session was not given.
    #[error("no session of role `{role}`")]
    NoSession {
        /// The role.
        role: String,
        /// Why.
        source: NoSession,
    },
    /// Stored rows that cannot be read.
    #[error("what is stored of {what} is damaged: {detail}")]
    Damaged {
        /// Of what.
        what: String,
        /// What is wrong.
        detail: &'static str,
    },
    /// The store of objects refused.
    #[error("the store refused")]
    Store(#[from] Error),
    /// The backend failed.
    #[error("backend failed to {action}")]
    Backend {
        /// What it was to do.
        action: &'static str,
        /// Why it could not.
        source: BackendError,
    },
}

impl AccessError {
    /// Stable name: that of AWS's service where it has one.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchEntity { .. } => "NoSuchEntity",
            Self::EntityAlreadyExists { .. } => "EntityAlreadyExists",
            Self::DeleteConflict { .. } => "DeleteConflict",
            Self::Invalid { .. } | Self::InvalidCaller(_) => "ValidationError",
            Self::LimitExceeded { .. } => "LimitExceeded",
            Self::MalformedPolicy(error) => error.code(),
            Self::PublicPolicyBlocked { .. } => "AccessDenied",
            Self::NoSession { source, .. } => source.code(),
            Self::Damaged { .. } => "Damaged",
            Self::Store(error) => error.code(),
            Self::Backend { .. } => "InternalError",
        }
    }
}
