//! Who acts through a handle, and the proof that he may.

use crate::{
    action::Action,
    error::{Error, Result},
    facts::Facts,
    port::{Decision, ExistingTags, Gate, GateRequest},
};
use std::sync::Arc;

/// Who acts through a handle.
#[derive(Clone, Debug, Default)]
pub(crate) enum Authority {
    /// The application that opened the store: it may do everything, and nobody is asked.
    #[default]
    Owner,
    /// Somebody whom a gate decides about.
    Principal(Arc<Principal>),
}

#[derive(Debug)]
pub(crate) struct Principal {
    name: String,
    gate: Arc<dyn Gate>,
    /// Of the handle that this one was made from: a handle can be limited further, and never less.
    within: Authority,
}

/// Proof that an action was allowed. Verbs take one, so that a forgotten check does not compile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permit(());

impl Authority {
    /// Refuses everybody but the owner.
    pub(crate) fn owner_only(&self, reason: &'static str) -> Result<()> {
        match self {
            Self::Owner => Ok(()),
            Self::Principal(_) => Err(Error::AccessDenied { reason: reason.into() }),
        }
    }

    /// What `gate` leaves of this.
    pub(crate) fn limited(&self, principal: impl Into<String>, gate: Arc<dyn Gate>) -> Self {
        let principal = Principal { name: principal.into(), gate, within: self.clone() };
        Self::Principal(Arc::new(principal))
    }

    /// The permit of the owner; everybody else is refused.
    pub(crate) fn permit_owner(&self, reason: &'static str) -> Result<Permit> {
        self.owner_only(reason).map(|()| Permit(()))
    }

    pub(crate) fn is_owner(&self) -> bool {
        matches!(self, Self::Owner)
    }

    /// Asks whether the action is allowed. `facts` are gathered only where somebody is asked.
    #[inline]
    pub(crate) fn permit(
        &self,
        action: Action,
        on: On<'_>,
        facts: impl FnOnce() -> Facts,
    ) -> Result<Permit> {
        match self {
            Self::Owner => Ok(Permit(())),
            Self::Principal(principal) => principal.permit(action, on, &facts()),
        }
    }
}

impl Principal {
    fn permit(&self, action: Action, on: On<'_>, facts: &Facts) -> Result<Permit> {
        if let Authority::Principal(outer) = &self.within {
            outer.permit(action, on, facts)?;
        }
        let version = on.version.map(|version| version.to_string());
        let facts = facts.clone().version(version.as_deref());
        let mut request = GateRequest::new(&self.name, action);
        request.bucket = on.bucket;
        request.bucket_id = on.bucket_id;
        request.key = on.key;
        request.version = version.as_deref();
        request.facts = facts.as_slice();
        request.existing_tags = on.tags;
        match self.gate.decide(&request) {
            Decision::Allow => Ok(Permit(())),
            Decision::Deny { reason } => Err(Error::AccessDenied { reason: reason.into() }),
        }
    }
}

/// What an action is on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct On<'a> {
    pub(crate) bucket: Option<&'a str>,
    pub(crate) bucket_id: Option<u32>,
    pub(crate) key: Option<&'a str>,
    pub(crate) version: Option<crate::version_id::VersionId>,
    pub(crate) tags: Option<&'a dyn ExistingTags>,
}
