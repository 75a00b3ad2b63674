//! `Error`: everything a stream can answer instead of a result, by Kinesis's names.

use crate::{sequence_number::SequenceNumber, shard_id::ShardId, stream_name::StreamName};
use cistern_storage_core::{
    Advice, Error as StoreError, Timestamp,
    port::{BackendError, CommitError, SealError},
};
use std::borrow::Cow;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not do what it was asked.
///
/// [`Error::code`] is Kinesis's exception name; the messages are its own where they are known.
///
/// Law: Kinesis, common errors.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The stream, shard, consumer or lease is not there.
    #[error("{what}; list what there is, or create it first")]
    ResourceNotFound {
        /// What was asked for.
        what: Cow<'static, str>,
    },

    /// It exists already, or something else is going on with it.
    #[error("{what}")]
    ResourceInUse {
        /// What is in the way.
        what: Cow<'static, str>,
    },

    /// An argument that the service refuses.
    #[error("{reason}")]
    InvalidArgument {
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },

    /// A value that is outside what its member may hold at all.
    #[error("value '{value}' at '{member}' failed to satisfy constraint: {constraint}")]
    Validation {
        /// The member, by its name in the service's interface.
        member: &'static str,
        /// What was given.
        value: Box<str>,
        /// What it must be.
        constraint: Cow<'static, str>,
    },

    /// A quota is used up.
    #[error("{what}")]
    LimitExceeded {
        /// Which, and how much of it there is.
        what: Cow<'static, str>,
    },

    /// The shard has taken, or given, as much as its limits allow for now.
    #[error("Rate exceeded for shard {shard} in stream {stream} under account {account}.")]
    ThroughputExceeded {
        /// The stream.
        stream: StreamName,
        /// The shard.
        shard: ShardId,
        /// The account that the stream is in.
        account: Box<str>,
    },

    /// A shard iterator was kept for too long.
    #[error(
        "Iterator expired. The iterator was created at time {} while right now it is {} which is \
         further in the future than the tolerated delay of 300000 milliseconds.",
        .created.to_iso8601(), .now.to_iso8601()
    )]
    ExpiredIterator {
        /// When it was made.
        created: Timestamp,
        /// When it was used.
        now: Timestamp,
    },

    /// A page token was kept for too long.
    #[error("the token was made at {} and is no longer good; begin again", .created.to_iso8601())]
    ExpiredNextToken {
        /// When it was made.
        created: Timestamp,
    },

    /// Whoever asks may not.
    #[error("access denied: {reason}")]
    AccessDenied {
        /// What decided.
        reason: Cow<'static, str>,
    },

    /// A checkpoint by a worker that has lost its lease.
    #[error("worker `{worker}` no longer holds the lease of {shard}; stop processing it")]
    LeaseLost {
        /// The worker.
        worker: Box<str>,
        /// The shard.
        shard: ShardId,
    },

    /// A checkpoint outside what was delivered, or behind the last one.
    #[error("{number} cannot be a checkpoint: {reason}")]
    InvalidCheckpoint {
        /// The number.
        number: SequenceNumber,
        /// Why.
        reason: &'static str,
    },

    /// The key to seal or open records is not to be had, or they do not open.
    #[error("the records cannot be sealed or opened")]
    Sealing {
        /// Why.
        #[source]
        source: SealError,
    },

    /// What the store keeps of a stream does not decode.
    #[error("{what} is damaged: {detail}")]
    Damaged {
        /// Which row.
        what: Cow<'static, str>,
        /// What is wrong with it.
        detail: &'static str,
    },

    /// The failure of an object's verb within a stream's call.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// The backend failed.
    #[error("the backend failed to {action}")]
    Backend {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: BackendError,
    },

    /// A failure that was asked for, to test a client.
    #[error("Internal Service Failure")]
    InternalFailure,
}

impl Error {
    /// Kinesis's name for it; `InternalFailure` for what only a store on a disk can have.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ResourceNotFound { .. } => "ResourceNotFoundException",
            Self::ResourceInUse { .. } => "ResourceInUseException",
            Self::InvalidArgument { .. } | Self::InvalidCheckpoint { .. } => {
                "InvalidArgumentException"
            }
            Self::Validation { .. } => "ValidationException",
            Self::LimitExceeded { .. } => "LimitExceededException",
            Self::ThroughputExceeded { .. } => "ProvisionedThroughputExceededException",
            Self::ExpiredIterator { .. } => "ExpiredIteratorException",
            Self::ExpiredNextToken { .. } => "ExpiredNextTokenException",
            Self::AccessDenied { .. } => "AccessDeniedException",
            Self::LeaseLost { .. } => "ShutdownException",
            Self::Sealing { source: SealError::NoKey { .. } } => "KMSNotFoundException",
            Self::Sealing { .. } => "KMSAccessDeniedException",
            Self::Store(error) => error.code(),
            Self::Damaged { .. } | Self::Backend { .. } | Self::InternalFailure => {
                "InternalFailure"
            }
        }
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::ThroughputExceeded { .. }
            | Self::LimitExceeded { .. }
            | Self::ResourceInUse { .. }
            | Self::InternalFailure => Advice::Retry,
            Self::ExpiredIterator { .. } | Self::ExpiredNextToken { .. } => Advice::Refresh,
            Self::Damaged { .. }
            | Self::Sealing { .. }
            | Self::Backend { .. }
            | Self::LeaseLost { .. } => Advice::Stop,
            Self::Store(error) => error.advice(),
            _ => Advice::Fix,
        }
    }

    pub(crate) fn invalid_argument(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidArgument { reason: reason.into() }
    }

    pub(crate) fn validation(
        member: &'static str,
        value: impl std::fmt::Display,
        constraint: impl Into<Cow<'static, str>>,
    ) -> Self {
        let value = value.to_string().into();
        Self::Validation { member, value, constraint: constraint.into() }
    }

    pub(crate) fn damaged(what: impl Into<Cow<'static, str>>, detail: &'static str) -> Self {
        Self::Damaged { what: what.into(), detail }
    }

    pub(crate) fn backend(action: &'static str) -> impl Fn(BackendError) -> Self {
        move |source| Self::Backend { action, source }
    }

    /// The failure of a commit that had no precondition, or none that another writer can spoil.
    pub(crate) fn commit(action: &'static str) -> impl Fn(CommitError) -> Self {
        move |error| match error {
            CommitError::Backend(source) => Self::Backend { action, source },
            CommitError::Conflict { .. } => {
                Self::damaged("a stream's row", "it changed although its stream was held")
            }
            _ => Self::InternalFailure,
        }
    }
}
