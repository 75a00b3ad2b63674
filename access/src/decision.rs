//! `Decision`: allowed or not, and why. Only the evaluator makes one.

use crate::{layers::Layer, policy::PolicyKind, request::Request};
use std::{fmt, sync::Arc};

/// Allowed or not, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at guards nothing"]
pub struct Decision {
    verdict: Verdict,
    reason: Reason,
    near_miss: Option<NearMiss>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It may.
    Allow,
    /// Nothing allows it.
    ImplicitDeny,
    /// Something forbids it, and nothing can outweigh that.
    ExplicitDeny,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// This statement decided.
    Statement(StatementRef),
    /// The root of the account to which the resource belongs.
    Root,
    /// A grant of an ACL decided.
    Grant,
    /// The policy is public and the bucket is restricted.
    RestrictedPublicBucket,
    /// No statement of this layer allows it.
    Missing(Layer),
    /// A policy in force is not understood.
    Unreadable(PolicyKind),
    /// The access point answers calls from its network alone.
    WrongNetwork,
}

/// A statement, by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRef {
    /// The layer.
    pub layer: Layer,
    /// Which of the layer's policies, from 0.
    pub policy: usize,
    /// Which of its statements, from 0.
    pub statement: usize,
    /// The statement's own identifier.
    pub sid: Option<Arc<str>>,
}

/// An Allow that would have applied but for one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The statement.
    pub statement: StatementRef,
    /// Which of its conditions, from 0 in the order of the text.
    pub condition: usize,
}

impl Decision {
    pub(crate) fn new(verdict: Verdict, reason: Reason, near_miss: Option<NearMiss>) -> Self {
        Self { verdict, reason, near_miss }
    }

    /// True when it may.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }

    /// What was decided.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Of a denial that nothing forbids: the last Allow that failed by a condition alone.
    #[must_use]
    pub fn near_miss(&self) -> Option<&NearMiss> {
        self.near_miss.as_ref()
    }

    /// The text with which AWS refuses; `None` when it is allowed. It names the kind of policy, and
    /// never what is in it.
    ///
    /// Law: IAM, a refusal names the kind of policy and never its text.
    #[must_use]
    pub fn message(&self, request: &Request<'_>) -> Option<String> {
        let because = match (&self.reason, self.verdict) {
            (_, Verdict::Allow) => return None,
            (Reason::Statement(of), _) => format!("with an explicit deny in a {}", of.layer),
            (Reason::RestrictedPublicBucket, _) => {
                format!("with an explicit deny in a {}", Layer::PublicAccess)
            }
            (Reason::Missing(layer), _) => {
                format!("because no {layer} allows the {} action", request.action())
            }
            (Reason::Unreadable(_), _) => "because a policy in force cannot be read".into(),
            (Reason::WrongNetwork, _) => {
                "because the access point answers calls from its own network".into()
            }
            (Reason::Root | Reason::Grant, _) => "because nothing allows it".into(),
        };
        Some(format!(
            "User: {} is not authorized to perform: {} on resource: {} {because}",
            request.caller().as_str(),
            request.action(),
            request.resource(),
        ))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Allow => "allowed",
            Verdict::ImplicitDeny => "not allowed",
            Verdict::ExplicitDeny => "forbidden",
        })?;
        match &self.reason {
            Reason::Statement(of) => write!(f, " by {of}"),
            Reason::Root => f.write_str(" as root of the account"),
            Reason::Grant => f.write_str(" by a grant of an ACL"),
            Reason::RestrictedPublicBucket => f.write_str(" by RestrictPublicBuckets"),
            Reason::Missing(layer) => write!(f, ": no {layer} allows it"),
            Reason::Unreadable(kind) => write!(f, ": a policy of kind {kind:?} cannot be read"),
            Reason::WrongNetwork => f.write_str(": it did not come from the access point's VPC"),
        }?;
        match &self.near_miss {
            Some(NearMiss { statement, condition }) => {
                write!(f, "; condition {condition} of {statement} does not hold")
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for StatementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sid {
            Some(sid) if !sid.is_empty() => write!(f, "statement {sid}")?,
            _ => write!(f, "statement {}", self.statement)?,
        }
        write!(f, " of {} {}", self.layer, self.policy)
    }
}
