//! `Identity`: the name of a user, a group or a role; and what is stored of one.

use super::{ACCOUNT, AccessError, AccessResult};
use cistern_access::{InlineOwner, Policy};
use cistern_storage_core::Timestamp;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What kind of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityKind {
    /// Somebody.
    User,
    /// Several users, who all have its policies.
    Group,
    /// What others take on for a time.
    Role,
}

/// The name of a user, a group or a role.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    pub(crate) kind: IdentityKind,
    pub(crate) name: String,
}

impl Identity {
    /// The user of that name.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self { kind: IdentityKind::User, name: name.into() }
    }

    /// The group of that name.
    #[must_use]
    pub fn group(name: &str) -> Self {
        Self { kind: IdentityKind::Group, name: name.into() }
    }

    /// The role of that name.
    #[must_use]
    pub fn role(name: &str) -> Self {
        Self { kind: IdentityKind::Role, name: name.into() }
    }

    /// What kind.
    #[must_use]
    pub fn kind(&self) -> IdentityKind {
        self.kind
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ARN, as policies name it.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:{}/{}", self.kind.as_str(), self.name)
    }

    pub(crate) fn missing(&self) -> AccessError {
        AccessError::NoSuchEntity { kind: self.kind.as_str(), name: self.name.clone() }
    }

    /// Law: IAM, names of users, groups and roles.
    pub(crate) fn check(&self) -> AccessResult<()> {
        check_name(&self.name, 64)
    }
}

pub(crate) fn check_name(name: &str, length_max: usize) -> AccessResult<()> {
    let fits = |one: char| one.is_ascii_alphanumeric() || "_+=,.@-".contains(one);
    if !name.is_empty() && name.len() <= length_max && name.chars().all(fits) {
        return Ok(());
    }
    Err(AccessError::Invalid {
        value: name.into(),
        rule: "a name has 1 to 64 letters, digits and `_+=,.@-`; of a policy, 1 to 128",
    })
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

impl IdentityKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    pub(crate) const fn inline_owner(self) -> InlineOwner {
        match self {
            Self::User => InlineOwner::User,
            Self::Group => InlineOwner::Group,
            Self::Role => InlineOwner::Role,
        }
    }

    /// Law: IAM, unique identifiers begin with the kind of what they identify.
    pub(crate) const fn id_prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }
}

/// What is stored of an identity.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IdentityRecord {
    /// Never given out again: a namesake of one that is gone is somebody else.
    pub(crate) unique_id: String,
    pub(crate) created: Timestamp,
    /// Names of managed policies.
    pub(crate) attached: Vec<String>,
    pub(crate) inline: BTreeMap<String, Document>,
    /// The name of a managed policy.
    pub(crate) boundary: Option<String>,
    /// Of a user.
    pub(crate) groups: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    /// Of a role.
    pub(crate) trust: Option<Document>,
    /// Of a role: how long a session may last, in seconds.
    pub(crate) session_seconds_max: u32,
}

/// A policy as it was written, and compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) policy: Arc<Policy>,
}
