//! access
mod access_point;
mod acl;
mod action;
mod arn;
mod caller;
mod canonical;
mod condition;
mod condition_key;
mod context;
mod decimal;
mod decision;
mod document;
mod evaluate;
mod explain;
mod fault;
pub mod json;
mod layers;
pub mod matching;
mod moment;
mod network;
mod operation;
mod operator;
mod ownership;
mod pattern;
mod place;
mod policy;
mod presign;
mod principal;
mod public_access;
mod read;
mod request;
mod rules;
mod s3_actions;
mod session;
mod signature;
mod statement;

pub use access_point::{AccessPoint, Origin};
pub use acl::{
    ANONYMOUS_OWNER, Acl, AclTarget, GRANTS_MAX, Grant, Grantee, Permission, TooManyGrants,
};
pub use action::{Action, InvalidAction};
pub use arn::{Arn, InvalidArn, Resource};
pub use caller::{Caller, CallerKind, InvalidCaller};
pub use canonical::{Scope, SignedRequest, UNSIGNED_PAYLOAD, payload_hash};
pub use context::Context;
pub use decision::{Decision, NearMiss, Reason, StatementRef, Verdict};
pub use evaluate::evaluate;
pub use explain::{Explanation, FailedCondition, Fit, Opinion, WhoCan, explain, who_can};
pub use fault::{Fault, PolicyError};
pub use layers::{Layer, Layers};
pub use moment::Moment;
pub use operation::{Check, Parameters, Source, UnknownChecks, checks};
pub use ownership::ObjectOwnership;
pub use place::Place;
pub use policy::{InlineOwner, Policy, PolicyKind};
pub use presign::presign;
pub use principal::Level;
pub use public_access::{PublicAccessBlock, is_public};
pub use request::Request;
pub use session::{
    AssumeRole, CHAINED_SECONDS_MAX, DURATION_SECONDS_MAX, DURATION_SECONDS_MIN, NoSession, Role,
    SESSION_TAGS_MAX, Session,
};
pub use signature::{
    AuthType, Claim, Credentials, EXPIRES_SECONDS_MAX, SKEW_SECONDS_MAX, SignatureError, Verified,
    sign,
};
pub use statement::Effect;
