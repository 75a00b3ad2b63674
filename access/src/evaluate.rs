//! The decision: which layers allow, which limit, and that any Deny wins.
//!
//! ```text
//! deny   any Deny that applies, in any layer                                          -> explicit
//! rcp    every level above the resource's account must allow                          -> else implicit
//! scp    every level above a signed caller's account must allow                       -> else implicit
//! vpce   the endpoint's policy must allow                                             -> else implicit
//! bpa    a restricted bucket with a public policy, and a caller from outside          -> explicit
//! R      the best level at which the resource side allows: account < entity < direct
//! I      an identity policy allows; the root of an account needs none
//! L      the boundary and the session's policies allow
//!
//! anonymous or service   R = direct
//! another account        R and I and L
//! key, role              R = direct, or L and (R = entity, or I and R)
//! same account           root, or R = direct, or L and (I or R = entity)
//! ```
//!
//! What came through an access point is decided twice, on the access point and on the bucket, and both
//! must allow. A policy that is not understood allows nothing, anywhere.

use crate::{
    arn::Resource,
    caller::CallerKind,
    decision::{Decision, NearMiss, Reason, StatementRef, Verdict},
    layers::{Layer, Layers},
    policy::Policy,
    principal::Level,
    public_access::is_public,
    request::{Facts, Request},
    statement::{Effect, Statement},
};
use std::sync::Arc;

/// Decides.
///
/// A function of its arguments: no clock, no I/O. What cannot be decided is denied.
///
/// Cost: one look at every statement in force, and conditions only of those that name the caller,
/// the action and the resource.
pub fn evaluate(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    let Some(point) = layers.access_point else {
        let facts = Facts { request, access_point: None };
        return Authorization { facts, layers, side: Side::Resource }.decide(request.resource);
    };
    let facts = Facts { request, access_point: Some(point) };
    // Law: S3, a request through an access point is decided on the access point and on the bucket.
    let name = point.resource(request.resource);
    let on_point = Authorization { facts, layers, side: Side::AccessPoint }.decide(&name);
    if on_point.verdict() == Verdict::ExplicitDeny {
        return on_point;
    }
    let on_bucket = Authorization { facts, layers, side: Side::Resource }.decide(request.resource);
    if on_bucket.verdict() == Verdict::ExplicitDeny {
        return on_bucket;
    }
    if !point.answers(request.context) {
        return Decision::new(Verdict::ImplicitDeny, Reason::WrongNetwork, None);
    }
    if on_point.is_allowed() { on_bucket } else { on_point }
}

/// Which policy stands on the side of the resource.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Resource,
    AccessPoint,
}

/// One of the decisions that a request needs.
pub(crate) struct Authorization<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) layers: &'a Layers<'a>,
    pub(crate) side: Side,
}

/// What a layer says.
#[derive(Default)]
struct Said {
    denied: Option<StatementRef>,
    allowed: Option<(Level, StatementRef)>,
}

/// How a layer's statements name the caller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Not at all.
    Implied,
    /// By principals.
    Principals,
    /// By principals, of which an account in an Allow is its root alone.
    Endpoint,
}

impl<'a> Authorization<'a> {
    fn decide(&self, resource: &Resource) -> Decision {
        let mut near_miss = None;
        let mut said = |layer, policies: &[Arc<Policy>], naming| {
            self.ask(resource, layer, policies, naming, &mut near_miss)
        };
        let Layers { identity, boundary, session, endpoint, .. } = *self.layers;
        let (own_layer, own) = self.own_side();

        let by_identity = said(Layer::Identity, identity, Naming::Implied);
        let by_resource = said(own_layer, own, Naming::Principals);
        let by_boundary = said(Layer::Boundary, boundary, Naming::Implied);
        let by_session = said(Layer::Session, session, Naming::Implied);
        let by_endpoint = said(Layer::Endpoint, endpoint, Naming::Endpoint);
        let mut by_levels = Vec::new();
        if self.is_bound_by_service_control() {
            for (at, level) in self.layers.service_control.iter().enumerate() {
                let layer = Layer::ServiceControl(at);
                by_levels.push((layer, said(layer, level, Naming::Implied)));
            }
        }
        if !self.facts.request.caller.is_service_linked() {
            for (at, level) in self.layers.resource_control.iter().enumerate() {
                let layer = Layer::ResourceControl(at);
                by_levels.push((layer, said(layer, level, Naming::Principals)));
            }
        }

        let all = [&by_identity, &by_boundary, &by_session, &by_endpoint];
        let denied = all.into_iter().find_map(|said| said.denied.clone());
        let denied = denied
            .or_else(|| by_resource.denied.clone().filter(|_| !self.may_repair_policy(resource)))
            .or_else(|| by_levels.iter().find_map(|(_, said)| said.denied.clone()));
        if let Some(statement) = denied {
            return Decision::new(Verdict::ExplicitDeny, Reason::Statement(statement), None);
        }
        let implicit = |reason, near_miss| Decision::new(Verdict::ImplicitDeny, reason, near_miss);
        if let Some(policy) = self.unreadable() {
            return implicit(Reason::Unreadable(policy.kind()), None);
        }
        for (layer, said) in &by_levels {
            if said.allowed.is_none() {
                return implicit(Reason::Missing(*layer), near_miss);
            }
        }
        if !endpoint.is_empty() && by_endpoint.allowed.is_none() {
            return implicit(Reason::Missing(Layer::Endpoint), near_miss);
        }
        if self.is_restricted(own) {
            return Decision::new(Verdict::ExplicitDeny, Reason::RestrictedPublicBucket, None);
        }
        let sides = Sides { by_identity, by_boundary, by_session, own_layer, by_resource };
        match self.combine(resource, sides) {
            Ok(reason) => Decision::new(Verdict::Allow, reason, None),
            Err(layer) => implicit(Reason::Missing(layer), near_miss),
        }
    }

    pub(crate) fn own_side(&self) -> (Layer, &'a [Arc<Policy>]) {
        match self.side {
            Side::Resource => (Layer::Resource, self.layers.resource),
            Side::AccessPoint => (Layer::AccessPoint, self.layers.access_point_policies),
        }
    }

    /// Law: Organizations, service control policies bind signed callers of member accounts.
    pub(crate) fn is_bound_by_service_control(&self) -> bool {
        let caller = self.facts.request.caller;
        caller.account().is_some() && caller.is_bound_by_organisation()
    }

    fn unreadable(&self) -> Option<&'a Policy> {
        let mut policies = self.layers.lists().flat_map(|(_, list)| list);
        policies.find(|policy| policy.why_unreadable().is_some()).map(|policy| &**policy)
    }

    /// Asks every statement of a layer.
    fn ask(
        &self,
        resource: &Resource,
        layer: Layer,
        policies: &[Arc<Policy>],
        naming: Naming,
        near_miss: &mut Option<NearMiss>,
    ) -> Said {
        let mut said = Said::default();
        for (policy, of) in policies.iter().enumerate() {
            for (number, statement) in of.document().statements.iter().enumerate() {
                if statement.effect == Effect::Deny && said.denied.is_some() {
                    continue;
                }
                let Some(level) = self.names(statement, resource, naming) else { continue };
                // A better level is worth a look; the same again is not.
                let is_known = said.allowed.as_ref().is_some_and(|(known, _)| *known >= level);
                if statement.effect == Effect::Allow && is_known {
                    continue;
                }
                let reference = || StatementRef {
                    layer,
                    policy,
                    statement: number,
                    sid: statement.sid.clone(),
                };
                match (statement.failing_condition(&self.facts), statement.effect) {
                    (None, Effect::Deny) => said.denied = Some(reference()),
                    (None, Effect::Allow) => said.allowed = Some((level, reference())),
                    (Some(condition), Effect::Allow) => {
                        *near_miss = Some(NearMiss { statement: reference(), condition });
                    }
                    (Some(_), Effect::Deny) => {}
                }
            }
        }
        said
    }

    /// At which level a statement names the caller, when it covers action and resource.
    pub(crate) fn names(
        &self,
        statement: &Statement,
        resource: &Resource,
        naming: Naming,
    ) -> Option<Level> {
        let Request { caller, action, canonical_ids, .. } = *self.facts.request;
        if !statement.covers_action(action) || !statement.covers_resource(resource, &self.facts) {
            return None;
        }
        if naming == Naming::Implied {
            return Some(Level::Direct);
        }
        let principals = statement.principals.as_ref()?;
        if statement.effect == Effect::Deny {
            let has_boundary = !self.layers.boundary.is_empty();
            return principals.denies(caller, canonical_ids, has_boundary).then_some(Level::Direct);
        }
        // Law: S3, an account that an endpoint policy allows is its root alone.
        principals
            .level(caller, canonical_ids)
            .filter(|level| naming != Naming::Endpoint || *level > Level::Account)
    }

    /// Law: S3, the root of the bucket's account may always get, put and delete its policy.
    fn may_repair_policy(&self, resource: &Resource) -> bool {
        let Request { caller, action, resource_account, .. } = *self.facts.request;
        let names = ["getbucketpolicy", "putbucketpolicy", "deletebucketpolicy"];
        self.side == Side::Resource
            && resource.arn().is_some_and(|arn| arn.service() == "s3")
            && caller.is_root_of(resource_account)
            && action.service() == "s3"
            && names.contains(&action.lower_name())
    }

    /// Law: S3, RestrictPublicBuckets leaves a public policy to the owner's account and to services.
    fn is_restricted(&self, own: &[Arc<Policy>]) -> bool {
        let Request { caller, resource_account, .. } = *self.facts.request;
        let is_inside =
            caller.kind() == CallerKind::Service || caller.account() == Some(resource_account);
        if !self.layers.public_access.restrict_public_buckets || is_inside {
            return false;
        }
        let internet = crate::access_point::Origin::Internet;
        let origin = match (self.side, self.facts.access_point) {
            (Side::AccessPoint, Some(point)) => point.origin(),
            _ => &internet,
        };
        own.iter().any(|policy| is_public(policy, origin))
    }

    /// The account that owns what is asked for, where that is not the bucket's account.
    ///
    /// Law: S3, a bucket policy allows nothing on an object that another account owns; the bucket's
    /// owner may delete it.
    fn foreign_owner(&self, resource: &Resource) -> Option<&'a str> {
        let Request { action, resource_account, object_owner, .. } = *self.facts.request;
        let owner = object_owner.filter(|owner| *owner != resource_account)?;
        let governed_by_bucket = [
            "putobject",
            "deleteobject",
            "deleteobjectversion",
            "abortmultipartupload",
            "listmultipartuploadparts",
            "bypassgovernanceretention",
        ];
        let is_foreign = self.side == Side::Resource
            && self.layers.ownership.has_acls()
            && action.service() == "s3"
            && resource.as_object().is_some()
            && !governed_by_bucket.contains(&action.lower_name());
        is_foreign.then_some(owner)
    }

    fn granted(&self) -> Option<Level> {
        if self.side == Side::AccessPoint || !self.layers.ownership.has_acls() {
            return None;
        }
        let Request { caller, action, resource_account, canonical_ids, .. } = *self.facts.request;
        let ignores_public = self.layers.public_access.ignore_public_acls;
        let level = |acl: &crate::acl::Acl| {
            acl.level(caller, action, resource_account, canonical_ids, ignores_public)
        };
        self.layers.acls.iter().filter_map(level).max()
    }

    /// The last step: what allows, or the layer that would have had to.
    fn combine(&self, resource: &Resource, sides: Sides) -> Result<Reason, Layer> {
        let caller = self.facts.request.caller;
        let foreign = self.foreign_owner(resource);
        let account = match self.side {
            Side::AccessPoint => {
                resource.arn().map_or(self.facts.request.resource_account, |arn| arn.account())
            }
            Side::Resource => foreign.unwrap_or(self.facts.request.resource_account),
        };
        let by_policy = sides.by_resource.allowed.filter(|_| foreign.is_none());
        let by_grant = self.granted();
        let level = by_policy.as_ref().map(|(level, _)| *level).max(by_grant);
        let on_resource = match by_policy {
            Some((own, statement)) if Some(own) == level => Reason::Statement(statement),
            _ => Reason::Grant,
        };
        let resource_layer = if foreign.is_some() { Layer::Acl } else { sides.own_layer };

        let is_direct = level == Some(Level::Direct);
        if caller.account().is_none() {
            return if is_direct { Ok(on_resource) } else { Err(resource_layer) };
        }
        let is_same = caller.account() == Some(account);
        let is_root = caller.kind() == CallerKind::Root;
        let on_identity = match sides.by_identity.allowed {
            Some((_, statement)) => Ok(Reason::Statement(statement)),
            None if is_root => Ok(Reason::Root),
            None => Err(Layer::Identity),
        };
        // Law: IAM, boundaries and session policies do not limit what a resource's policy grants to
        // the user or the session itself in the same account.
        if is_same && is_direct {
            return Ok(on_resource);
        }
        let needs_resource_side = needs_resource_side(resource);
        if is_same && is_root && !needs_resource_side {
            return Ok(Reason::Root);
        }
        let is_entity = level >= Some(Level::Entity);
        let reason = if !is_same {
            // Law: IAM, across accounts both sides must allow.
            if level.is_none() {
                return Err(resource_layer);
            }
            on_identity?
        } else if is_entity {
            on_resource
        } else if needs_resource_side {
            if level.is_none() {
                return Err(resource_layer);
            }
            on_identity?
        } else {
            on_identity?
        };
        let is_federated = caller.kind() == CallerKind::FederatedUser;
        let has_session = !self.layers.session.is_empty();
        // Law: IAM, a federated session without a session policy has only what is granted to itself.
        if (has_session || is_federated) && sides.by_session.allowed.is_none() {
            return Err(Layer::Session);
        }
        if !self.layers.boundary.is_empty() && sides.by_boundary.allowed.is_none() {
            return Err(Layer::Boundary);
        }
        Ok(reason)
    }
}

/// What the last step needs.
struct Sides {
    by_identity: Said,
    by_boundary: Said,
    by_session: Said,
    own_layer: Layer,
    by_resource: Said,
}

/// Law: KMS, identity policies count for a key only where its own policy names the account; for the
/// trust policy of a role it is the same.
fn needs_resource_side(resource: &Resource) -> bool {
    let Some(arn) = resource.arn() else { return false };
    arn.service() == "kms" && arn.resource().starts_with("key/")
        || arn.service() == "iam" && arn.resource().starts_with("role/")
}
