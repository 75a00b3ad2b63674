//! `Error`: what is refused, by S3's codes, with what the caller gave.

use crate::tiering::AccessTier;
use cistern_storage_core::{Days, StorageClass};
use std::borrow::Cow;

/// The result of reading, checking or asking.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a policy, a document or a request is refused.
///
/// [`Error::code`] and [`Error::status`] are S3's.
///
/// Law: S3, PutBucketLifecycleConfiguration errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A document without the shape it should have.
    #[error("the document is malformed at {place}: {reason}")]
    Malformed {
        /// The element, or the key of JSON.
        place: Box<str>,
        /// What is missing, wrong or too much.
        reason: Cow<'static, str>,
    },

    /// A policy without rules.
    #[error("the policy has no rule; delete the policy instead of setting an empty one")]
    NoRules,

    /// More rules than a policy may have.
    #[error("the policy has {found} rules; at most {max} are allowed")]
    TooManyRules {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },

    /// A rule that does nothing.
    #[error("at least one action needs to be specified in rule `{rule}`")]
    NoAction {
        /// The rule.
        rule: Box<str>,
    },

    /// A rule's id that is too long, or holds what no document can say.
    #[error("rule id `{rule}` is not one: an id has at most 255 characters, and no U+0000")]
    RuleId {
        /// The id as it was given.
        rule: Box<str>,
    },

    /// Two rules of one id.
    #[error("rule id `{rule}` must be unique; two rules have it")]
    DuplicateRuleId {
        /// The id.
        rule: Box<str>,
    },

    /// Rules of the first version of the schema, with a bare prefix, among such with a filter.
    #[error("base level prefix cannot be used in lifecycle V2; rule `{rule}` has one")]
    PrefixBesideFilter {
        /// The rule with the bare prefix.
        rule: Box<str>,
    },

    /// Two rules of the first version whose prefixes overlap, with the same kind of action.
    #[error("rules `{rule}` and `{other}` have overlapping prefixes and both say {action}")]
    OverlappingPrefixes {
        /// The first rule.
        rule: Box<str>,
        /// The second.
        other: Box<str>,
        /// What both do.
        action: &'static str,
    },

    /// A filter's prefix that no key can begin with.
    #[error("the prefix of rule `{rule}` is not one: {reason}")]
    InvalidPrefix {
        /// The rule.
        rule: Box<str>,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A filter's tag against the rules of tags.
    #[error("a tag in the filter of `{rule}` is not valid: {reason}")]
    InvalidTag {
        /// The rule, or the configuration.
        rule: Box<str>,
        /// The rule of tags that it breaks.
        reason: Box<str>,
    },

    /// A filter that names a tag's key twice.
    #[error("duplicate tag keys are not allowed; `{rule}` names `{key}` twice")]
    DuplicateTagKey {
        /// The rule, or the configuration.
        rule: Box<str>,
        /// The key.
        key: Box<str>,
    },

    /// Sizes that no object can be between.
    #[error(
        "'ObjectSizeLessThan' must be greater than 'ObjectSizeGreaterThan', and both at most {max}; \
         rule `{rule}` asks for something else"
    )]
    InvalidSizes {
        /// The rule.
        rule: Box<str>,
        /// The largest bound.
        max: u64,
    },

    /// A number of days that is too small or too large.
    #[error("'{element}' for {action} action must be {expected}; rule `{rule}` says {found}")]
    InvalidDays {
        /// The rule.
        rule: Box<str>,
        /// The action.
        action: &'static str,
        /// The element that has the number.
        element: &'static str,
        /// What would do.
        expected: &'static str,
        /// What was given.
        found: i64,
    },

    /// A date with a time of day.
    #[error("'Date' must be at midnight GMT; rule `{rule}` says {found}")]
    DateNotMidnight {
        /// The rule.
        rule: Box<str>,
        /// What was given.
        found: Box<str>,
    },

    /// A move to an infrequent class too early.
    #[error(
        "'{element}' in {action} action must be greater than or equal to {min} for storageClass \
         '{class}'; rule `{rule}` says {found}"
    )]
    TransitionTooEarly {
        /// The rule.
        rule: Box<str>,
        /// `Transition` or `NoncurrentVersionTransition`.
        action: &'static str,
        /// `Days` or `NoncurrentDays`.
        element: &'static str,
        /// The target.
        class: StorageClass,
        /// The fewest days.
        min: u32,
        /// What was given.
        found: u32,
    },

    /// A second move before the class of the first has had its least duration.
    #[error(
        "'{element}' in the {action} action for StorageClass '{class}' must be {min} days more than \
         that for StorageClass '{before}'; rule `{rule}` has {found} and {found_before}"
    )]
    TransitionsTooClose {
        /// The rule.
        rule: Box<str>,
        /// `Transition` or `NoncurrentVersionTransition`.
        action: &'static str,
        /// `Days`, `NoncurrentDays` or `Date`.
        element: &'static str,
        /// The later target.
        class: StorageClass,
        /// When.
        found: Box<str>,
        /// The earlier target.
        before: StorageClass,
        /// When.
        found_before: Box<str>,
        /// How far they must be apart.
        min: u32,
    },

    /// An expiration that is not after every transition of its rule.
    #[error(
        "'{element}' in the {expiration} action must be greater than in the {transition} action; \
         rule `{rule}` moves to {class} no earlier"
    )]
    ExpirationNotLast {
        /// The rule.
        rule: Box<str>,
        /// `Expiration` or `NoncurrentVersionExpiration`.
        expiration: &'static str,
        /// `Transition` or `NoncurrentVersionTransition`.
        transition: &'static str,
        /// `Days`, `NoncurrentDays` or `Date`.
        element: &'static str,
        /// The class that comes too late.
        class: StorageClass,
    },

    /// One class twice among the transitions of a rule.
    #[error(
        "'StorageClass' must be different for {action} actions; rule `{rule}` has {class} twice"
    )]
    ClassTwice {
        /// The rule.
        rule: Box<str>,
        /// `Transition` or `NoncurrentVersionTransition`.
        action: &'static str,
        /// The class.
        class: StorageClass,
    },

    /// A class that lifecycle moves nothing into.
    #[error("rule `{rule}` moves to {class}, which is no class that lifecycle moves to")]
    NoTarget {
        /// The rule.
        rule: Box<str>,
        /// The class.
        class: StorageClass,
    },

    /// Days in one action of a rule and a date in another.
    #[error("found mixed 'Date' and 'Days' based actions in rule `{rule}`")]
    DaysAndDates {
        /// The rule.
        rule: Box<str>,
    },

    /// An action that takes no such filter.
    #[error("{action} cannot be specified with {predicate}; rule `{rule}` does")]
    FilterNotAllowed {
        /// The rule.
        rule: Box<str>,
        /// The action.
        action: &'static str,
        /// `Tags` or `Object Size`.
        predicate: &'static str,
    },

    /// A number of newer versions outside 1 to 100.
    #[error("'NewerNoncurrentVersions' must be from 1 to 100; rule `{rule}` says {found}")]
    InvalidNewerVersions {
        /// The rule.
        rule: Box<str>,
        /// What was given.
        found: i64,
    },

    /// Newer versions counted by a rule of the first version of the schema.
    #[error("'NewerNoncurrentVersions' needs a Filter; rule `{rule}` has a bare prefix")]
    NewerVersionsWithoutFilter {
        /// The rule.
        rule: Box<str>,
    },

    /// A default for small objects that does not exist.
    #[error("`{found}` is no x-amz-transition-default-minimum-object-size")]
    InvalidMinimumSize {
        /// What was given.
        found: Box<str>,
    },

    /// A tiering configuration with days out of range, or a tier twice.
    #[error("the tiering configuration `{id}` is not valid: {reason}")]
    InvalidTiering {
        /// The configuration.
        id: Box<str>,
        /// What is wrong.
        reason: &'static str,
    },

    /// Archived bytes that were asked for, or a restore of bytes that are not archived.
    #[error("the operation is not valid for an object of class {class}{}", in_tier(*tier))]
    InvalidObjectState {
        /// The object's class.
        class: StorageClass,
        /// Its tier, when the class has tiers.
        tier: Option<AccessTier>,
    },

    /// A restore that runs already, and is as fast as what was asked for.
    #[error("object restore is already in progress; ask for a faster tier or wait")]
    RestoreAlreadyInProgress,

    /// A restore request whose parts do not fit the object.
    #[error("the restore request cannot be done: {reason}")]
    InvalidRestore {
        /// What does not fit.
        reason: &'static str,
        /// The days that were given.
        days: Option<Days>,
    },

    /// A report or a price table with a value that means nothing.
    #[error("{what} is `{found}`: {reason}")]
    InvalidValue {
        /// What was given.
        what: &'static str,
        /// Its value.
        found: Box<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
}

fn in_tier(tier: Option<AccessTier>) -> String {
    tier.map_or_else(String::new, |tier| format!(" in tier {tier}"))
}

impl Error {
    /// S3's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::NoRules | Self::NoTarget { .. } => "MalformedXML",
            Self::TooManyRules { .. }
            | Self::NoAction { .. }
            | Self::PrefixBesideFilter { .. }
            | Self::OverlappingPrefixes { .. }
            | Self::DuplicateTagKey { .. }
            | Self::InvalidSizes { .. }
            | Self::ClassTwice { .. }
            | Self::DaysAndDates { .. }
            | Self::FilterNotAllowed { .. }
            | Self::NewerVersionsWithoutFilter { .. }
            | Self::InvalidMinimumSize { .. } => "InvalidRequest",
            Self::RuleId { .. }
            | Self::DuplicateRuleId { .. }
            | Self::InvalidPrefix { .. }
            | Self::InvalidDays { .. }
            | Self::DateNotMidnight { .. }
            | Self::TransitionTooEarly { .. }
            | Self::TransitionsTooClose { .. }
            | Self::ExpirationNotLast { .. }
            | Self::InvalidNewerVersions { .. }
            | Self::InvalidTiering { .. }
            | Self::InvalidRestore { .. }
            | Self::InvalidValue { .. } => "InvalidArgument",
            Self::InvalidTag { .. } => "InvalidTag",
            Self::InvalidObjectState { .. } => "InvalidObjectState",
            Self::RestoreAlreadyInProgress => "RestoreAlreadyInProgress",
        }
    }

    /// The HTTP status that S3 answers with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidObjectState { .. } => 403,
            Self::RestoreAlreadyInProgress => 409,
            _ => 400,
        }
    }

    pub(crate) fn malformed(place: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed { place: place.into(), reason: reason.into() }
    }
}
