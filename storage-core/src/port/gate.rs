//! `Gate`: may this principal do this action on this resource.

use crate::{action::Action, error::Result, tags::Tags};
use std::{borrow::Cow, fmt};

/// Decides.
///
/// Contract. A decision is a function of the request and of the gate's own policies: no I/O into the
/// store it guards, but for what [`ExistingTags`] reads. What it cannot decide, it denies.
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
    /// The bucket's id, where there is such a bucket: unlike its name it is never used again.
    pub bucket_id: Option<u32>,
    /// The object's key; `None` for what concerns the bucket.
    pub key: Option<&'a str>,
    /// The version, when one is named.
    pub version: Option<&'a str>,
    /// What the request says of itself beside that.
    pub facts: &'a [Fact],
    /// The tags of the object as it is, for actions on one that is there; reading them costs a row.
    pub existing_tags: Option<&'a dyn ExistingTags>,
}

impl<'a> GateRequest<'a> {
    /// A request about the store.
    #[must_use]
    pub fn new(principal: &'a str, action: Action) -> Self {
        Self {
            principal,
            action,
            bucket: None,
            bucket_id: None,
            key: None,
            version: None,
            facts: &[],
            existing_tags: None,
        }
    }
}

/// What a request says of itself, under the name of the condition key that policies ask for it by:
/// `s3:prefix`, `s3:RequestObjectTag/team`. What is not sent is left out.
///
/// Law: Service Authorization Reference, condition keys for Amazon S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The condition key.
    pub key: Cow<'static, str>,
    /// Its value.
    pub value: FactValue,
}

/// The value of a [`Fact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactValue {
    /// Of a key that has one value.
    One(String),
    /// Of a key that has a list of them, even with one item.
    List(Vec<String>),
}

/// The tags of the object that a request is on.
pub trait ExistingTags: fmt::Debug {
    /// Reads them; none are an empty set, and so are those of an object that is not there.
    ///
    /// # Errors
    /// When they cannot be read. Then nothing can be decided that depends on them.
    fn read(&self) -> Result<Tags>;
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
