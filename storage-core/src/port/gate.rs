//! `Gate`: may this principal do this action on this resource.

use crate::action::Action;
use std::fmt;

/// Decides.
///
/// Contract. A decision is a function of the request and of the gate's own policies: no I/O into the
/// store it guards. What it cannot decide, it denies.
pub trait Gate: fmt::Debug + Send + Sync + 'static {
    /// Decides one request.
    fn decide(&self, request: &GateRequest<'_>) -> Decision;
}

/// The question: who wants to do what, on what.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GateRequest<'a> {
    /// Who asks, as the handle was made for.
    pub principal: &'a str,
    /// What is to be done.
    pub action: Action,
    /// The bucket's name; `None` for what concerns the store.
    pub bucket: Option<&'a str>,
    /// The object's key; `None` for what concerns the bucket.
    pub key: Option<&'a str>,
    /// The version, when one is named.
    pub version: Option<&'a str>,
}

impl<'a> GateRequest<'a> {
    /// A request about the store.
    #[must_use]
    pub fn new(principal: &'a str, action: Action) -> Self {
        Self { principal, action, bucket: None, key: None, version: None }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allow,
    /// It may not, and why: for people, not for programs.
    Deny {
        /// What decided.
        reason: String,
    },
}
