//! `PolicyError`: why a policy's text was refused, and where.

use crate::{place::Place, policy::PolicyKind};

/// A policy's text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at {place}")]
pub struct PolicyError {
    /// What is wrong.
    pub fault: Fault,
    /// Where it stands.
    pub place: Place,
    /// What the policy was to be.
    pub kind: PolicyKind,
}

/// What can be wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is not JSON.
    #[error("{0}")]
    Json(&'static str),
    /// A value of the wrong sort.
    #[error("{element} is not {expected}")]
    WrongType {
        /// The element.
        element: Box<str>,
        /// What it must be.
        expected: &'static str,
    },
    /// An element that policies do not have.
    #[error("there is no element `{0}`")]
    UnknownElement(Box<str>),
    /// An element that this kind of policy does not have.
    #[error("a policy of this kind has no {0}")]
    ForbiddenElement(&'static str),
    /// An element given twice.
    #[error("`{0}` is given twice")]
    Duplicate(Box<str>),
    /// An element that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Two elements of which there may be one.
    #[error("{0} and {1} exclude each other")]
    Both(&'static str, &'static str),
    /// An empty list.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A version that does not exist.
    #[error("`{0}` is not a version of the policy language")]
    UnknownVersion(Box<str>),
    /// A version that this kind of policy may not have.
    #[error("a policy of this kind has version 2012-10-17")]
    OldVersion,
    /// An effect that does not exist.
    #[error("`{0}` is neither Allow nor Deny")]
    UnknownEffect(Box<str>),
    /// Exclusion of principals from an Allow.
    #[error("NotPrincipal stands with Deny only")]
    NotPrincipalWithAllow,
    /// A principal that names nobody.
    #[error("`{0}` names no principal")]
    InvalidPrincipal(Box<str>),
    /// An action that is not `service:Name`.
    #[error("`{0}` is not an action")]
    InvalidAction(Box<str>),
    /// An action that the service does not have.
    #[error("there is no action `{0}`")]
    UnknownAction(Box<str>),
    /// An action that none of the statement's resources can have.
    #[error("action `{0}` applies to none of the resources of its statement")]
    ActionWithoutResource(Box<str>),
    /// A resource that is neither an ARN nor `*`.
    #[error("`{0}` is not a resource")]
    InvalidResource(Box<str>),
    /// A partition that does not exist.
    #[error("resource `{0}` is of an unknown partition")]
    UnknownPartition(Box<str>),
    /// A resource that is not the policy's own.
    #[error("resource `{0}` is not what the policy is attached to")]
    ForeignResource(Box<str>),
    /// An operator that does not exist.
    #[error("there is no condition operator `{0}`")]
    UnknownOperator(Box<str>),
    /// A condition key without a service before it.
    #[error("condition key `{0}` is not `service:name`")]
    InvalidKey(Box<str>),
    /// A value that the operator cannot compare, or a malformed variable in it.
    #[error("`{0}` is no value for its operator")]
    InvalidValue(Box<str>),
    /// ForAllValues on a key that has one value.
    #[error("condition key `{0}` has one value; a set operator has nothing to ask")]
    SetOperatorOnOneValue(Box<str>),
    /// An identifier of characters that it may not have.
    #[error("`{0}` is not a statement's identifier")]
    InvalidSid(Box<str>),
    /// An identifier given twice.
    #[error("statement identifier `{0}` is given twice")]
    DuplicateSid(Box<str>),
    /// A character outside of those that the service takes.
    #[error("character U+{0:04X} is not allowed")]
    InvalidCharacter(u32),
    /// Too large.
    #[error("the policy has {size} characters; {max} are allowed")]
    TooLarge {
        /// What it has.
        size: usize,
        /// What it may have.
        max: usize,
    },
}

impl PolicyError {
    /// The code with which AWS's service refuses it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        let is_large = matches!(self.fault, Fault::TooLarge { .. });
        match self.kind {
            PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Trust if is_large => {
                "LimitExceeded"
            }
            PolicyKind::Session if is_large => "ValidationError",
            PolicyKind::ServiceControl | PolicyKind::ResourceControl if is_large => {
                "ConstraintViolationException"
            }
            PolicyKind::Bucket | PolicyKind::AccessPoint if is_large => "PolicyTooLarge",
            PolicyKind::Key if is_large => "LimitExceededException",
            PolicyKind::Identity | PolicyKind::Boundary => "MalformedPolicyDocument",
            PolicyKind::Session | PolicyKind::Trust => "MalformedPolicyDocument",
            PolicyKind::ServiceControl | PolicyKind::ResourceControl => {
                "MalformedPolicyDocumentException"
            }
            PolicyKind::Bucket | PolicyKind::AccessPoint => "MalformedPolicy",
            PolicyKind::Stream => "InvalidArgumentException",
            PolicyKind::Key => "MalformedPolicyDocumentException",
            PolicyKind::Endpoint => "InvalidPolicyDocument",
        }
    }

    /// The text with which AWS's service refuses it, where one is known.
    #[must_use]
    pub fn aws_message(&self) -> String {
        let is_s3 = matches!(self.kind, PolicyKind::Bucket | PolicyKind::AccessPoint);
        if is_s3 { self.s3_message() } else { self.iam_message() }
    }

    fn s3_message(&self) -> String {
        match &self.fault {
            Fault::Json("the first byte is not a brace") => {
                "Policies must be valid JSON and the first byte must be '{'".into()
            }
            Fault::Json(_) => "This policy contains invalid Json".into(),
            Fault::Missing(element) => format!("Missing required field {element}"),
            Fault::Empty("Statement") => "Could not parse the policy: Statement is empty!".into(),
            Fault::UnknownEffect(effect) => format!("Invalid effect: {effect}"),
            Fault::InvalidPrincipal(_) | Fault::NotPrincipalWithAllow => {
                "Invalid principal in policy".into()
            }
            Fault::InvalidAction(_) | Fault::UnknownAction(_) => "Policy has invalid action".into(),
            Fault::InvalidResource(_) | Fault::UnknownPartition(_) | Fault::ForeignResource(_) => {
                "Policy has invalid resource".into()
            }
            Fault::ActionWithoutResource(_) => {
                "Action does not apply to any resource(s) in statement".into()
            }
            Fault::UnknownVersion(_) => "The policy must contain a valid version string".into(),
            Fault::TooLarge { .. } => "Policy exceeds the maximum allowed document size".into(),
            fault => fault.to_string(),
        }
    }

    fn iam_message(&self) -> String {
        match &self.fault {
            Fault::Missing("Action") | Fault::Empty("Action") => {
                "Policy statement must contain actions.".into()
            }
            Fault::Missing("Resource") | Fault::Empty("Resource") => {
                "Policy statement must contain resources.".into()
            }
            Fault::OldVersion => "Policy document must be version 2012-10-17 or greater.".into(),
            Fault::InvalidAction(action) if action.matches(':').count() > 1 => {
                "Actions/Condition can contain only one colon.".into()
            }
            Fault::InvalidAction(_) | Fault::InvalidKey(_) => {
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into()
            }
            Fault::InvalidResource(resource) => {
                format!("Resource {resource} must be in ARN format or \"*\".")
            }
            Fault::UnknownPartition(resource) => {
                let partition = resource.split(':').nth(1).unwrap_or_default();
                format!("Partition \"{partition}\" is not valid for resource \"{resource}\".")
            }
            Fault::DuplicateSid(_) => {
                "Statement IDs (SID) in a single policy must be unique.".into()
            }
            Fault::InvalidValue(_) => "The policy failed legacy parsing".into(),
            Fault::TooLarge { max, .. } => format!("Cannot exceed quota for PolicySize: {max}"),
            _ => "Syntax errors in policy.".into(),
        }
    }
}
