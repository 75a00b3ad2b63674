//! Who may do what: identities, policies, decisions and signatures with AWS's rules.
//!
//! Policies are data, compiled once; a decision is a function of a request and of the policies in
//! force. It is not a store of identities, not a server, and it does no I/O: it asks for no time, opens
//! no file and rolls no dice. Whoever uses it hands in what is known.
//!
//! ```
//! use cistern_access::{
//!     Action, Caller, Context, Layers, Policy, PolicyKind, Request, Resource, evaluate,
//! };
//! use std::sync::Arc;
//!
//! let policy = r#"{"Version": "2012-10-17", "Statement": [{
//!     "Effect": "Allow", "Action": "s3:Get*",
//!     "Resource": "arn:aws:s3:::photos/${aws:username}/*"}]}"#;
//! let identity = [Arc::new(Policy::parse(PolicyKind::Identity, policy)?)];
//!
//! let alice = Caller::parse("arn:aws:iam::100000000001:user/alice")?;
//! let (action, context) = (Action::parse("s3:GetObject")?, Context::new());
//! let photo = Resource::object("photos", "alice/cat.jpg");
//! let request = Request::new(&alice, &action, &photo, "100000000001", &context);
//!
//! let decision = evaluate(&request, &Layers::new().identity(&identity));
//! assert!(decision.is_allowed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! text --parse--> Policy --+
//!                          +--> Layers ---+
//! ACLs, ownership, flags --+              +--> evaluate --> Decision: verdict, reason, near miss
//! Caller, Action, Resource, Context --> Request
//! ```
//!
//! **What is not understood never allows.** A new policy is read by all rules of its kind and refused
//! with AWS's code and the place in the text. A stored one must be understood in full; one that is not
//! is kept as [`Policy::unreadable`], and wherever it is in force nothing is allowed. A [`Decision`] can
//! be made by the evaluator alone.
//!
//! Beside it: [`Role::assume`] decides about temporary credentials, [`sign`], [`presign`] and [`Claim`]
//! are signature version 4 without any type of HTTP, [`checks`] tells what an operation needs, and
//! [`explain`] what every statement had to say. `policy-cases` answers cases from a file.
//!
//! Caveats:
//! - Where AWS says nothing, we chose, and the source says so beside the word `Law:`.
//! - Whether something exists is not to be told to who may not list: that is for the caller to keep.
//! - A revoked session ends when whoever keeps sessions says so: signatures only prove who signed.

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
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
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
