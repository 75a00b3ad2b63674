//! `Guard`: the gate of one handle. It knows who asks and from where, and decides by the snapshot.

use super::{
    ACCOUNT,
    audit::AuditRecord,
    directory::Directory,
    snapshot::{Principal, Snapshot},
};
use cistern_access::{
    self as rules, Caller, CallerKind, Context, Layers, Moment, Policy, PublicAccessBlock, Request,
    Resource, Session, evaluate,
};
use cistern_storage_core::{
    Action, Timestamp,
    port::{Decision, FactValue, Gate, GateRequest},
};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, LazyLock},
};

/// Who asks through a handle.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    Anonymous,
    Root,
    /// A user, by name and unique identifier.
    User(String, String),
    /// A session of a role, by the role's name and unique identifier.
    Session(String, String, Arc<Session>),
}

/// Where a request comes from, as far as the handle was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    pub(crate) is_in_clear: bool,
    pub(crate) endpoint: Option<Arc<Through>>,
}

/// The endpoint that a request comes through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Through {
    pub(crate) id: String,
    pub(crate) vpc: Option<String>,
    pub(crate) policy: Vec<Arc<Policy>>,
    pub(crate) asks_tags: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) directory: Arc<Directory>,
    pub(crate) who: Who,
    pub(crate) origin: Origin,
    /// What the handle's requests all say.
    common: Context,
    asks_tags: bool,
    caller: Caller,
}

impl Guard {
    pub(crate) fn new(directory: Arc<Directory>, who: Who, caller: Caller, origin: Origin) -> Self {
        let session_asks = match &who {
            Who::Session(_, _, session) => super::snapshot::asks_tags(session.policies()),
            _ => false,
        };
        let endpoint_asks = origin.endpoint.as_ref().is_some_and(|through| through.asks_tags);
        let common = common_context(&origin);
        Self { directory, who, common, asks_tags: session_asks || endpoint_asks, caller, origin }
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The principal behind the handle, where there is one: `None` when it is gone, or its time is
    /// over.
    pub(crate) fn principal(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Option<Option<Arc<Principal>>> {
        let (found, unique_id) = match &self.who {
            Who::Anonymous | Who::Root => return Some(None),
            Who::User(name, id) => (snapshot.user(name), id),
            Who::Session(_, _, session) if session.is_expired(moment(now)) => return None,
            Who::Session(name, id, _) => (snapshot.role(name), id),
        };
        found.filter(|principal| principal.unique_id == *unique_id).cloned().map(Some)
    }

    /// What all requests of the handle say at a moment.
    pub(crate) fn context(&self, principal: Option<&Principal>, now: Timestamp) -> Context {
        let mut context = self
            .common
            .clone()
            .with("aws:CurrentTime", &now.to_iso8601())
            .with("aws:EpochTime", &moment(now).seconds().to_string());
        for (key, value) in principal.iter().flat_map(|principal| &principal.tags) {
            context = context.with(&format!("aws:PrincipalTag/{key}"), value);
        }
        match (&self.who, principal) {
            (Who::Session(_, _, session), _) => session.context(context),
            (_, Some(principal)) => context.with("aws:userid", &principal.unique_id),
            (_, None) => context,
        }
    }

    /// The layers of who asks: all but the resource's.
    pub(crate) fn layers<'a>(&'a self, principal: Option<&'a Principal>) -> Layers<'a> {
        let mut layers = Layers::new();
        if let Some(principal) = principal {
            layers = layers.identity(&principal.identity).boundary(&principal.boundary);
        }
        if let Who::Session(_, _, session) = &self.who {
            layers = layers.session(session.policies());
        }
        if let Some(through) = &self.origin.endpoint {
            layers = layers.endpoint(&through.policy);
        }
        layers
    }

    /// Decides; an error is a refusal before any policy was asked.
    pub(crate) fn judge(
        &self,
        request: &GateRequest<'_>,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<(rules::Decision, Option<String>), &'static str> {
        let principal = self
            .principal(snapshot, now)
            .ok_or("the user or role is gone, or the session has expired")?;
        let principal = principal.as_deref();
        let action = ACTIONS.get(&request.action).ok_or("the action has no name in policies")?;
        let resource = resource(request)?;
        let bucket = request.bucket_id.and_then(|id| snapshot.bucket(id));
        let asks_tags = self.asks_tags
            || principal.is_some_and(|principal| principal.asks_tags)
            || bucket.is_some_and(|bucket| bucket.asks_tags);
        let context = say(self.context(principal, now), request, asks_tags)?;
        let layers = self
            .layers(principal)
            .resource(bucket.map_or(&[], |bucket| &bucket.policy))
            .public_access(bucket.map_or(PublicAccessBlock::ALL, |bucket| bucket.block));
        let question = Request::new(&self.caller, action, &resource, ACCOUNT, &context);
        let decision = evaluate(&question, &layers);
        let message = decision.message(&question);
        Ok((decision, message))
    }

    fn tell(&self, request: &GateRequest<'_>, now: Timestamp, decision: Option<&rules::Decision>) {
        let address = self.origin.address.map(|address| address.to_string());
        self.directory.sinks.tell(AuditRecord {
            number: 0,
            time: now,
            principal: request.principal,
            principal_kind: match self.caller.kind() {
                CallerKind::User => "IAMUser",
                CallerKind::RoleSession => "AssumedRole",
                CallerKind::Root => "Root",
                _ => "Unknown",
            },
            action: request.action,
            bucket: request.bucket,
            key: request.key,
            version: request.version,
            source_address: address.as_deref(),
            user_agent: self.origin.user_agent.as_deref(),
            endpoint: self.origin.endpoint.as_ref().map(|through| through.id.as_str()),
            decision,
        });
    }
}

impl Gate for Guard {
    fn decide(&self, request: &GateRequest<'_>) -> Decision {
        let now = self.directory.clock.now();
        let judged = self.judge(request, &self.directory.snapshot(), now);
        self.tell(request, now, judged.as_ref().ok().map(|(decision, _)| decision));
        match judged {
            Ok((decision, _)) if decision.is_allowed() => Decision::Allow,
            Ok((decision, message)) => {
                Decision::Deny { reason: message.unwrap_or_else(|| decision.to_string()) }
            }
            Err(reason) => Decision::Deny { reason: reason.into() },
        }
    }
}

/// Actions as policies name them.
static ACTIONS: LazyLock<BTreeMap<Action, rules::Action>> = LazyLock::new(|| {
    let named = Action::ALL.iter().map(|action| (*action, rules::Action::parse(action.as_str())));
    named.filter_map(|(action, name)| Some((action, name.ok()?))).collect()
});

pub(crate) fn moment(time: Timestamp) -> Moment {
    Moment::from_millis(time.as_millis())
}

fn resource(request: &GateRequest<'_>) -> Result<Resource, &'static str> {
    match (request.bucket, request.key) {
        (Some(bucket), Some(key)) => Ok(Resource::object(bucket, key)),
        (Some(bucket), None) => Ok(Resource::bucket(bucket)),
        (None, _) => Resource::parse("*").map_err(|_| "the resource has no name in policies"),
    }
}

/// Law: IAM, the address of a caller is aws:VpcSourceIp through an endpoint, and else aws:SourceIp.
fn common_context(origin: &Origin) -> Context {
    let secure = if origin.is_in_clear { "false" } else { "true" };
    let mut context = Context::new().with("aws:SecureTransport", secure);
    if let Some(address) = origin.address {
        let key = if origin.endpoint.is_some() { "aws:VpcSourceIp" } else { "aws:SourceIp" };
        context = context.with(key, &address.to_string());
    }
    if let Some(agent) = &origin.user_agent {
        context = context.with("aws:UserAgent", agent);
    }
    if let Some(through) = &origin.endpoint {
        context = context.with("aws:SourceVpce", &through.id);
        if let Some(vpc) = &through.vpc {
            context = context.with("aws:SourceVpc", vpc);
        }
    }
    context
}

/// What the request says of itself, and the tags that are there when somebody asks for them.
fn say(
    mut context: Context,
    request: &GateRequest<'_>,
    asks_tags: bool,
) -> Result<Context, &'static str> {
    for fact in request.facts {
        context = match &fact.value {
            FactValue::One(value) => context.with(&fact.key, value),
            FactValue::List(values) => context.with_list(&fact.key, values.iter().cloned()),
        };
    }
    if let Some(tags) = request.existing_tags.filter(|_| asks_tags) {
        let tags = tags.read().map_err(|_| "the object's tags cannot be read")?;
        for (key, value) in tags.iter() {
            context = context.with(&format!("s3:ExistingObjectTag/{key}"), value);
        }
    }
    Ok(context)
}
