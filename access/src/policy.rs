//! `Policy`: a document of one kind, compiled once.

use crate::{
    document::Document,
    fault::PolicyError,
    read::{Reader, Strictness},
};

/// What a policy is attached to, and so what it may say and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PolicyKind {
    /// Of a user, a group or a role: managed or inline. It grants.
    Identity,
    /// The most that a user or a role can have. It grants nothing.
    Boundary,
    /// The most that a session can have. It grants nothing.
    Session,
    /// The most that an organisation leaves to the principals of an account. It grants nothing.
    ServiceControl,
    /// The most that an organisation leaves to be done to the resources of an account.
    ResourceControl,
    /// Of a bucket and the objects in it. It grants.
    Bucket,
    /// Of an access point. It grants, together with the bucket's.
    AccessPoint,
    /// Of a stream or of one of its consumers. It grants.
    Stream,
    /// Of a key. It grants, and says whether identity policies count.
    Key,
    /// Of a role: who may take it on.
    Trust,
    /// Of an endpoint through which requests come. It grants nothing.
    Endpoint,
}

impl PolicyKind {
    /// Its statements name principals.
    pub(crate) fn has_principals(self) -> bool {
        self.is_of_resource() || matches!(self, Self::Endpoint | Self::ResourceControl)
    }

    /// It is attached to a resource.
    pub(crate) fn is_of_resource(self) -> bool {
        matches!(self, Self::Bucket | Self::AccessPoint | Self::Stream | Self::Key | Self::Trust)
    }

    /// IAM, STS and KMS take a narrow set of characters.
    pub(crate) fn has_narrow_characters(self) -> bool {
        matches!(self, Self::Identity | Self::Boundary | Self::Session | Self::Trust | Self::Key)
    }

    /// How large a text of it is, as its service counts, and how large it may be.
    ///
    /// Law: IAM, quotas for the sizes of policies.
    pub(crate) fn size(self, text: &str) -> (usize, usize) {
        match self {
            Self::Identity | Self::Boundary => (size_without_space(text), 6_144),
            Self::Trust => (size_without_space(text), 2_048),
            Self::Session => (text.chars().count(), 2_048),
            Self::ServiceControl | Self::ResourceControl => (text.chars().count(), 5_120),
            Self::Bucket | Self::AccessPoint | Self::Stream => (text.len(), 20 * 1_024),
            Self::Endpoint => (text.chars().count(), 20_480),
            Self::Key => (text.len(), 32_768),
        }
    }
}

fn size_without_space(text: &str) -> usize {
    text.chars().filter(|one| !one.is_whitespace()).count()
}

/// Whose inline policies are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InlineOwner {
    /// A user: 2,048 characters.
    User,
    /// A group: 5,120 characters.
    Group,
    /// A role: 10,240 characters.
    Role,
}

impl InlineOwner {
    /// How many characters the inline policies of one may have together, white space not counted.
    #[must_use]
    pub const fn quota(self) -> usize {
        match self {
            Self::User => 2_048,
            Self::Group => 5_120,
            Self::Role => 10_240,
        }
    }

    /// True when these texts keep to it together.
    ///
    /// Law: IAM, the inline policies of one identity share a quota.
    #[must_use]
    pub fn fits<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        texts.into_iter().map(size_without_space).sum::<usize>() <= self.quota()
    }
}

/// A document of one kind, compiled once.
///
/// Two policies are equal when they say the same in the same words.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    kind: PolicyKind,
    document: Document,
    unreadable: Option<PolicyError>,
}

impl Policy {
    /// Reads a new policy: it must keep to all rules of its kind.
    ///
    /// # Errors
    /// [`PolicyError`] with the code of AWS's service and the place in the text.
    pub fn parse(kind: PolicyKind, text: &str) -> Result<Self, PolicyError> {
        Self::read(kind, text, Strictness::New, None)
    }

    /// As [`Self::parse`], for a policy of the resource with this ARN: it may name no other.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_for(kind: PolicyKind, text: &str, own: &str) -> Result<Self, PolicyError> {
        Self::read(kind, text, Strictness::New, Some(own))
    }

    /// Reads a policy that is stored already: it must be understood in full.
    ///
    /// What keeps to no rule for new policies, but is understood, matches nothing.
    ///
    /// # Errors
    /// [`PolicyError`] when it is not understood: [`Self::unreadable`] makes of it one that denies.
    pub fn load(kind: PolicyKind, text: &str) -> Result<Self, PolicyError> {
        Self::read(kind, text, Strictness::Stored, None)
    }

    fn read(
        kind: PolicyKind,
        source: &str,
        strictness: Strictness,
        own: Option<&str>,
    ) -> Result<Self, PolicyError> {
        let document = Reader { source, kind, strictness, own }.read()?;
        Ok(Self { kind, document, unreadable: None })
    }

    /// Stands for a stored policy that is not understood: wherever it is in force, nothing is allowed.
    #[must_use]
    pub fn unreadable(error: PolicyError) -> Self {
        Self { kind: error.kind, document: Document::empty(), unreadable: Some(error) }
    }

    /// What it is attached to.
    #[must_use]
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// Why it is not understood, where it is not.
    #[must_use]
    pub fn why_unreadable(&self) -> Option<&PolicyError> {
        self.unreadable.as_ref()
    }

    /// Compact JSON that reads back to an equal policy.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.document.to_json()
    }

    /// True when some condition or variable asks for a key that begins so, in any case.
    ///
    /// Loading the tags of an object costs a read: it need not be done when no policy in force
    /// mentions `s3:ExistingObjectTag/`.
    #[must_use]
    pub fn mentions(&self, key_prefix: &str) -> bool {
        let begins = |key: &str| {
            key.get(..key_prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(key_prefix))
        };
        self.document
            .statements
            .iter()
            .any(|statement| statement.keys().any(|key| begins(key.as_str())))
    }

    /// How many statements it has.
    #[must_use]
    pub fn statement_count(&self) -> usize {
        self.document.statements.len()
    }

    pub(crate) fn document(&self) -> &Document {
        &self.document
    }
}
