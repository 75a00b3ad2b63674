//! `Request`: who wants to do what, on what, in which context.

use crate::{
    access_point::AccessPoint,
    action::Action,
    arn::Resource,
    caller::{Caller, CallerKind},
    condition_key::{ConditionKey, Derived, Found, Lookup},
    context::Context,
    principal::CanonicalIds,
};

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) action: &'a Action,
    pub(crate) resource: &'a Resource,
    pub(crate) resource_account: &'a str,
    pub(crate) context: &'a Context,
    pub(crate) object_owner: Option<&'a str>,
    pub(crate) canonical_ids: &'a CanonicalIds,
}

impl<'a> Request<'a> {
    /// `resource_account` is the account to which the resource belongs; of an object, to which its
    /// bucket does.
    #[must_use]
    pub fn new(
        caller: &'a Caller,
        action: &'a Action,
        resource: &'a Resource,
        resource_account: &'a str,
        context: &'a Context,
    ) -> Self {
        Self {
            caller,
            action,
            resource,
            resource_account,
            context,
            object_owner: None,
            canonical_ids: &[],
        }
    }

    /// The account that owns the object, when it is not the bucket's.
    #[must_use]
    pub fn object_owner(mut self, account: &'a str) -> Self {
        self.object_owner = Some(account);
        self
    }

    /// Accounts and their canonical IDs, for policies and ACLs that name those.
    #[must_use]
    pub fn canonical_ids(mut self, ids: &'a [(Box<str>, Box<str>)]) -> Self {
        self.canonical_ids = ids;
        self
    }

    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// What is to be done.
    #[must_use]
    pub fn action(&self) -> &'a Action {
        self.action
    }

    /// On what.
    #[must_use]
    pub fn resource(&self) -> &'a Resource {
        self.resource
    }
}

/// A request, as one of its authorizations sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) access_point: Option<&'a AccessPoint>,
}

impl<'a> Facts<'a> {
    /// Law: IAM, keys that follow from the request are what it says, whatever its context says.
    fn derived(&self, key: Derived) -> Option<&'a str> {
        let Request { caller, action, resource_account, .. } = *self.request;
        let is_service = caller.kind() == CallerKind::Service;
        match key {
            Derived::PrincipalArn => caller.principal_arn(),
            Derived::PrincipalAccount if caller.kind() == CallerKind::Anonymous => {
                Some("anonymous")
            }
            Derived::PrincipalAccount => caller.account(),
            Derived::PrincipalType => caller.principal_type(),
            Derived::Username => caller.username(),
            Derived::PrincipalIsAwsService => is_service.then_some("true"),
            Derived::PrincipalServiceName => caller.service_name(),
            Derived::ResourceAccount => Some(resource_account),
            Derived::S3ResourceAccount => (action.service() == "s3").then_some(resource_account),
            Derived::KmsCallerAccount if action.service() == "kms" => caller.account(),
            Derived::KmsCallerAccount => None,
            Derived::AccessPointArn => self.access_point.map(|one| one.arn().as_str()),
            Derived::AccessPointAccount => self.access_point.map(|one| one.arn().account()),
            Derived::AccessPointOrigin => self.access_point.map(|one| one.origin().as_str()),
        }
        .filter(|value| !value.is_empty())
    }
}

impl Lookup for Facts<'_> {
    fn lookup<'a>(&'a self, key: &ConditionKey) -> Found<'a> {
        match key.derived() {
            Some(key) => self.derived(key).map_or(Found::Absent, Found::One),
            None => self.request.context.lookup(key),
        }
    }
}
