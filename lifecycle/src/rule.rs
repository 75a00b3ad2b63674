//! `Rule`: a filter and what happens to what it meets.

use crate::{
    action::{Expiration, NoncurrentExpiration, NoncurrentTransition, Transition, When},
    filter::Filter,
};
use cistern_storage_core::{Days, StorageClass};
use std::{fmt, str::FromStr};

/// One rule of a policy. It is checked when a policy is made of it.
///
/// ```
/// use cistern_lifecycle::{Days, Rule, StorageClass};
///
/// let rule = Rule::prefix("logs/")
///     .id("age the logs")
///     .transition(Days(30), StorageClass::StandardIa)
///     .expire(Days(365));
/// assert_eq!(rule.rule_id(), "age the logs");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) status: Status,
    pub(crate) scope: Scope,
    pub(crate) expiration: Option<Expiration>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) noncurrent_transitions: Vec<NoncurrentTransition>,
    pub(crate) noncurrent_expiration: Option<NoncurrentExpiration>,
    pub(crate) abort_uploads: Option<Days>,
}

impl Rule {
    /// A rule for what `filter` means.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        Self::of_scope(Scope::Filter(filter))
    }

    /// A rule for every object.
    #[must_use]
    pub fn all() -> Self {
        Self::new(Filter::all())
    }

    /// A rule for keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: impl Into<Box<str>>) -> Self {
        Self::new(Filter::all().prefix(prefix))
    }

    /// A rule of the first version of the schema, which has a bare prefix and no filter.
    #[must_use]
    pub fn base_prefix(prefix: impl Into<Box<str>>) -> Self {
        Self::of_scope(Scope::BasePrefix(Filter::all().prefix(prefix)))
    }

    pub(crate) fn of_scope(scope: Scope) -> Self {
        Self {
            id: Box::default(),
            status: Status::Enabled,
            scope,
            expiration: None,
            transitions: Vec::new(),
            noncurrent_transitions: Vec::new(),
            noncurrent_expiration: None,
            abort_uploads: None,
        }
    }

    /// The rule's name. A rule without one gets one from its policy.
    #[must_use]
    pub fn id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = id.into();
        self
    }

    /// Switches the rule off, as if it were not there.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.status = Status::Disabled;
        self
    }

    /// Moves current versions to `class`.
    #[must_use]
    pub fn transition(mut self, when: impl Into<When>, class: StorageClass) -> Self {
        self.transitions.push(Transition { when: when.into(), class });
        self
    }

    /// Ends current versions, and delete markers that are alone.
    #[must_use]
    pub fn expire(mut self, when: impl Into<When>) -> Self {
        self.expiration = Some(Expiration::At(when.into()));
        self
    }

    /// Removes delete markers that are alone, as soon as they are; in the place of [`Self::expire`].
    #[must_use]
    pub fn expire_lone_delete_markers(mut self) -> Self {
        self.expiration = Some(Expiration::ExpiredObjectDeleteMarker);
        self
    }

    /// Moves versions to `class`, so many days after they became noncurrent.
    #[must_use]
    pub fn transition_noncurrent(mut self, days: Days, class: StorageClass) -> Self {
        let newer_versions = None;
        self.noncurrent_transitions.push(NoncurrentTransition { days, class, newer_versions });
        self
    }

    /// As [`Self::transition_noncurrent`], but for the newest noncurrent versions.
    #[must_use]
    pub fn transition_noncurrent_but(
        mut self,
        newer_versions: u32,
        days: Days,
        class: StorageClass,
    ) -> Self {
        let newer_versions = Some(newer_versions);
        self.noncurrent_transitions.push(NoncurrentTransition { days, class, newer_versions });
        self
    }

    /// Deletes versions for good, so many days after they became noncurrent.
    #[must_use]
    pub fn expire_noncurrent(mut self, days: Days) -> Self {
        self.noncurrent_expiration = Some(NoncurrentExpiration { days, newer_versions: None });
        self
    }

    /// As [`Self::expire_noncurrent`], but for the newest noncurrent versions.
    #[must_use]
    pub fn expire_noncurrent_but(mut self, newer_versions: u32, days: Days) -> Self {
        let newer_versions = Some(newer_versions);
        self.noncurrent_expiration = Some(NoncurrentExpiration { days, newer_versions });
        self
    }

    /// Aborts uploads that are not complete so many days after they began.
    #[must_use]
    pub fn abort_uploads(mut self, days: Days) -> Self {
        self.abort_uploads = Some(days);
        self
    }

    /// The rule's name; empty when it has none yet.
    #[must_use]
    pub fn rule_id(&self) -> &str {
        &self.id
    }

    /// Whether it is in force.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Which objects it is about.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        let (Scope::Filter(filter) | Scope::BasePrefix(filter)) = &self.scope;
        filter
    }

    /// How current versions end.
    #[must_use]
    pub fn expiration(&self) -> Option<Expiration> {
        self.expiration
    }

    /// Where current versions move.
    #[must_use]
    pub fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    /// Where noncurrent versions move.
    #[must_use]
    pub fn noncurrent_transitions(&self) -> &[NoncurrentTransition] {
        &self.noncurrent_transitions
    }

    /// How noncurrent versions end.
    #[must_use]
    pub fn noncurrent_expiration(&self) -> Option<NoncurrentExpiration> {
        self.noncurrent_expiration
    }

    /// After how many days an incomplete upload is aborted.
    #[must_use]
    pub fn abort_uploads_after(&self) -> Option<Days> {
        self.abort_uploads
    }

    pub(crate) fn has_base_prefix(&self) -> bool {
        matches!(self.scope, Scope::BasePrefix(_))
    }
}

/// How a rule says which objects it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// With a filter.
    Filter(Filter),
    /// With a bare prefix, as the first version of the schema did; kept as a filter of that prefix.
    BasePrefix(Filter),
}

/// Whether a rule or a configuration is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is.
    #[default]
    Enabled,
    /// It is not.
    Disabled,
}

impl Status {
    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        match text {
            "Enabled" => Ok(Self::Enabled),
            "Disabled" => Ok(Self::Disabled),
            _ => Err(crate::Error::malformed("Status", "it is Enabled or Disabled")),
        }
    }
}
