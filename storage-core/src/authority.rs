//! Who acts through a handle, and the proof that he may.

use crate::{
    action::Action,
    error::{Error, Result},
    port::{Decision, Gate, GateRequest},
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
    pub(crate) name: String,
    pub(crate) gate: Arc<dyn Gate>,
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

    /// The permit of the owner; everybody else is refused.
    pub(crate) fn permit_owner(&self, reason: &'static str) -> Result<Permit> {
        self.owner_only(reason).map(|()| Permit(()))
    }

    /// Asks whether the action is allowed.
    pub(crate) fn permit(&self, action: Action, on: On<'_>) -> Result<Permit> {
        let Self::Principal(principal) = self else { return Ok(Permit(())) };
        let mut request = GateRequest::new(&principal.name, action);
        request.bucket = on.bucket;
        request.key = on.key;
        let version = on.version.map(|version| version.to_string());
        request.version = version.as_deref();
        match principal.gate.decide(&request) {
            Decision::Allow => Ok(Permit(())),
            Decision::Deny { reason } => Err(Error::AccessDenied { reason: reason.into() }),
        }
    }
}

/// What an action is on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct On<'a> {
    pub(crate) bucket: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) version: Option<crate::version_id::VersionId>,
}
