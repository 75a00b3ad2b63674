//! The answer to a case, by its type.

use crate::{
    field::{Read, flag, list, needed, optional, optional_text, scalar, text},
    operation,
};
use cistern_access::{
    AccessPoint, Acl, AclTarget, Action, Arn, Caller, Context, Grant, Grantee, Layers,
    ObjectOwnership, Origin, Permission, Policy, PolicyKind, PublicAccessBlock, Request, Resource,
    Verdict, evaluate, is_public,
    json::{Node, Value},
    matching,
};
use std::sync::Arc;

/// The line of a case.
pub(crate) fn line(source: &str, name: &str, case: &Value) -> Read<String> {
    match optional_text(case, "type")?.unwrap_or("decision") {
        "decision" => decision(source, name, case),
        "public" => {
            let answer = public(source, case)?;
            Ok(format!("{name}\t{}", if answer { "public" } else { "not-public" }))
        }
        "match" => {
            let answer = matches(needed(case, "request")?)?;
            Ok(format!("{name}\t{}", if answer { "match" } else { "no-match" }))
        }
        "validation" => {
            let code = validation(source, case)?;
            let answer = if code.is_some() { "invalid" } else { "valid" };
            Ok(format!("{name}\t{answer}\t{}", code.unwrap_or("-")))
        }
        "operation" => operation::line(name, needed(case, "request")?),
        other => Err(format!("there is no type `{other}`")),
    }
}

/// What a case says is in force.
#[derive(Default)]
struct InForce {
    identity: Vec<Arc<Policy>>,
    boundary: Vec<Arc<Policy>>,
    session: Vec<Arc<Policy>>,
    service_control: Vec<Vec<Arc<Policy>>>,
    resource_control: Vec<Vec<Arc<Policy>>>,
    endpoint: Vec<Arc<Policy>>,
    resource: Vec<Arc<Policy>>,
    access_point: Vec<Arc<Policy>>,
    acls: Vec<Acl>,
    ownership: ObjectOwnership,
    public_access: PublicAccessBlock,
}

fn decision(source: &str, name: &str, case: &Value) -> Read<String> {
    let given = needed(case, "request")?;
    let resource = resource(given)?;
    let point = access_point(given)?;
    let in_force = in_force(source, case, &resource, point.is_some())?;
    let caller = caller(given)?;
    let action = Action::parse(text(given, "action")?).map_err(|error| error.to_string())?;
    let context = context(given)?;
    let canonical_ids = canonical_ids(given)?;
    let account = match optional_text(given, "resource_account")? {
        Some(account) => account,
        None => resource.arn().map_or("", Arn::account),
    };
    let mut request =
        Request::new(&caller, &action, &resource, account, &context).canonical_ids(&canonical_ids);
    if let Some(owner) = optional_text(given, "object_owner")? {
        request = request.object_owner(owner);
    }
    let mut layers = Layers::new()
        .identity(&in_force.identity)
        .boundary(&in_force.boundary)
        .session(&in_force.session)
        .service_control(&in_force.service_control)
        .resource_control(&in_force.resource_control)
        .endpoint(&in_force.endpoint)
        .resource(&in_force.resource)
        .acls(&in_force.acls)
        .ownership(in_force.ownership)
        .public_access(in_force.public_access);
    if let Some(point) = &point {
        layers = layers.access_point(point, &in_force.access_point);
    }
    let answer = match evaluate(&request, &layers).verdict() {
        Verdict::Allow => "allow\t-",
        Verdict::ImplicitDeny => "deny\timplicit",
        Verdict::ExplicitDeny => "deny\texplicit",
    };
    Ok(format!("{name}\t{answer}"))
}

fn in_force(
    source: &str,
    case: &Value,
    resource: &Resource,
    is_through_point: bool,
) -> Read<InForce> {
    let mut all = InForce::default();
    for entry in list(case, "policies")? {
        let document = needed(entry, "document")?;
        let policy = |kind| stored(source, kind, document);
        match text(entry, "kind")? {
            "identity" => all.identity.push(policy(PolicyKind::Identity)),
            "boundary" => all.boundary.push(policy(PolicyKind::Boundary)),
            "session" => all.session.push(policy(PolicyKind::Session)),
            "endpoint" => all.endpoint.push(policy(PolicyKind::Endpoint)),
            "resource" => all.resource.push(policy(kind_of(resource))),
            "access_point" => all.access_point.push(policy(PolicyKind::AccessPoint)),
            "scp" => at_level(&mut all.service_control, entry, policy(PolicyKind::ServiceControl))?,
            "rcp" => {
                at_level(&mut all.resource_control, entry, policy(PolicyKind::ResourceControl))?;
            }
            "acl" => all.acls.push(acl(document)?),
            "ownership" => {
                let mode = text(document, "mode")?;
                all.ownership = ObjectOwnership::parse(mode)
                    .ok_or_else(|| format!("there is no ownership `{mode}`"))?;
            }
            "bpa" => {
                let is_of_point = optional_text(document, "scope")? == Some("access_point");
                if !is_of_point || is_through_point {
                    all.public_access = all.public_access.or(block(document)?);
                }
            }
            other => return Err(format!("there is no kind `{other}`")),
        }
    }
    // A level that no policy is at is no level.
    all.service_control.retain(|level| !level.is_empty());
    all.resource_control.retain(|level| !level.is_empty());
    Ok(all)
}

fn at_level(levels: &mut Vec<Vec<Arc<Policy>>>, entry: &Value, policy: Arc<Policy>) -> Read<()> {
    const LEVELS_MAX: usize = 64;
    let level = match optional(entry, "level") {
        None => 0,
        Some(level) => scalar(level)?.parse().map_err(|_| "`level` is not a number".to_owned())?,
    };
    if level >= LEVELS_MAX {
        return Err(format!("`level` is {level}; organisations have fewer"));
    }
    if levels.len() <= level {
        levels.resize_with(level + 1, Vec::new);
    }
    levels[level].push(policy);
    Ok(())
}

/// The policy as it is stored; one that is not understood allows nothing.
fn stored(source: &str, kind: PolicyKind, document: &Value) -> Arc<Policy> {
    let policy = Policy::load(kind, document_text(source, document));
    Arc::new(policy.unwrap_or_else(Policy::unreadable))
}

/// A document is an object in the case, or a string that holds its text.
fn document_text<'v>(source: &'v str, document: &'v Value) -> &'v str {
    document.as_text().unwrap_or(&source[document.start..document.end])
}

fn kind_of(resource: &Resource) -> PolicyKind {
    match resource.arn().map(Arn::service) {
        Some("kinesis") => PolicyKind::Stream,
        Some("kms") => PolicyKind::Key,
        Some("iam") => PolicyKind::Trust,
        _ => PolicyKind::Bucket,
    }
}

fn resource(given: &Value) -> Read<Resource> {
    Resource::parse(text(given, "resource")?).map_err(|error| error.to_string())
}

fn caller(given: &Value) -> Read<Caller> {
    let caller = Caller::parse(text(given, "principal")?).map_err(|error| error.to_string())?;
    let arn = |key| match optional_text(given, key)? {
        Some(text) => Arn::parse(text).map(Some).map_err(|error| error.to_string()),
        None => Ok(None),
    };
    let mut caller = match (arn("role_arn")?, arn("user_arn")?) {
        (Some(role), None) => caller.with_role(role),
        (None, Some(user)) => caller.with_user(user),
        (Some(role), Some(user)) => caller.with_role(role).with_user(user),
        (None, None) => caller,
    };
    for flag in principal_flags(given)? {
        caller = match flag {
            "management_account" => caller.of_management_account(),
            "service_linked" => caller.of_service_linked_role(),
            other => return Err(format!("there is no principal flag `{other}`")),
        };
    }
    Ok(caller)
}

/// A list of names, or an object of flags.
fn principal_flags(given: &Value) -> Read<Vec<&str>> {
    let Some(flags) = optional(given, "principal_flags") else { return Ok(Vec::new()) };
    match &flags.node {
        Node::List(names) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_text).collect();
            names.ok_or_else(|| "a principal flag is not a string".to_owned())
        }
        Node::Object(members) => {
            let mut set = Vec::new();
            for member in members {
                if flag(flags, &member.key)? {
                    set.push(member.key.as_str());
                }
            }
            Ok(set)
        }
        Node::Text(name) => Ok(vec![name]),
        _ => Err("`principal_flags` is not a list".into()),
    }
}

fn context(given: &Value) -> Read<Context> {
    let mut context = Context::new();
    let members = optional(given, "context")
        .map(|context| context.as_object().ok_or_else(|| "`context` is not an object".to_owned()));
    for member in members.transpose()?.unwrap_or_default() {
        context = match &member.value.node {
            Node::List(items) => {
                let values = items.iter().map(scalar).collect::<Read<Vec<_>>>()?;
                context.with_list(&member.key, values)
            }
            Node::Null => context,
            _ => context.with(&member.key, &scalar(&member.value)?),
        };
    }
    Ok(context)
}

/// Accounts and their canonical IDs, whichever way round they are given.
fn canonical_ids(given: &Value) -> Read<Vec<(Box<str>, Box<str>)>> {
    let Some(ids) = optional(given, "canonical_ids") else { return Ok(Vec::new()) };
    let members = ids.as_object().ok_or("`canonical_ids` is not an object")?;
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|one| one.is_ascii_digit());
    let pair = |key: &str, value: &str| {
        if is_account(key) { (key.into(), value.into()) } else { (value.into(), key.into()) }
    };
    members.iter().map(|member| Ok(pair(&member.key, &scalar(&member.value)?))).collect()
}

fn access_point(given: &Value) -> Read<Option<AccessPoint>> {
    let Some(arn) = optional_text(given, "access_point")? else { return Ok(None) };
    let point = AccessPoint::new(arn, origin(given)?).map_err(|error| error.to_string())?;
    Ok(Some(point))
}

/// `Internet`, `VPC`, or the network's own name.
fn origin(given: &Value) -> Read<Origin> {
    Ok(match optional_text(given, "access_point_origin")? {
        None => Origin::Internet,
        Some(name) if name.eq_ignore_ascii_case("internet") => Origin::Internet,
        Some(name) if name.eq_ignore_ascii_case("vpc") => Origin::Vpc(None),
        Some(name) => Origin::Vpc(Some(name.into())),
    })
}

fn acl(document: &Value) -> Read<Acl> {
    let target = match text(document, "target")? {
        "bucket" => AclTarget::Bucket,
        "object" => AclTarget::Object,
        other => return Err(format!("there is no ACL of `{other}`")),
    };
    let grant = |grant: &Value| {
        let grantee = match text(grant, "grantee")? {
            "AllUsers" => Grantee::AllUsers,
            "AuthenticatedUsers" => Grantee::AuthenticatedUsers,
            "LogDelivery" => Grantee::LogDelivery,
            account => Grantee::Account(account.into()),
        };
        let name = text(grant, "permission")?;
        let permission = Permission::parse(name);
        let permission = permission.ok_or_else(|| format!("there is no permission `{name}`"))?;
        Ok(Grant { grantee, permission })
    };
    let grants = list(document, "grants")?.iter().map(grant).collect::<Read<Vec<_>>>()?;
    let owner = optional_text(document, "owner")?.unwrap_or_default();
    Acl::new(target, owner, grants).map_err(|error| error.to_string())
}

fn block(document: &Value) -> Read<PublicAccessBlock> {
    Ok(PublicAccessBlock {
        block_public_acls: flag(document, "BlockPublicAcls")?,
        ignore_public_acls: flag(document, "IgnorePublicAcls")?,
        block_public_policy: flag(document, "BlockPublicPolicy")?,
        restrict_public_buckets: flag(document, "RestrictPublicBuckets")?,
    })
}

fn public(source: &str, case: &Value) -> Read<bool> {
    let origin = match optional(case, "request") {
        Some(given) => origin(given)?,
        None => Origin::Internet,
    };
    let mut answer = false;
    for entry in list(case, "policies")? {
        let document = needed(entry, "document")?;
        let kind = match text(entry, "kind")? {
            "resource" => PolicyKind::Bucket,
            "access_point" => PolicyKind::AccessPoint,
            "acl" => {
                answer |= acl(document)?.is_public();
                continue;
            }
            other => return Err(format!("a policy of kind `{other}` is not public or private")),
        };
        let policy = Policy::load(kind, document_text(source, document));
        answer |= is_public(&policy.map_err(|error| error.to_string())?, &origin);
    }
    Ok(answer)
}

fn matches(given: &Value) -> Read<bool> {
    let (pattern, against) = (text(given, "pattern")?, text(given, "text")?);
    match text(given, "how")? {
        "string" => Ok(matching::string(pattern, against)),
        "action" => Ok(matching::action(pattern, against)),
        "resource" => Ok(matching::resource(pattern, against)),
        other => Err(format!("nothing matches by `{other}`")),
    }
}

/// The code with which a new policy is refused.
fn validation(source: &str, case: &Value) -> Read<Option<&'static str>> {
    let own = match optional(case, "request") {
        Some(given) => optional_text(given, "resource")?,
        None => None,
    };
    for entry in list(case, "policies")? {
        let document = document_text(source, needed(entry, "document")?);
        let kind = match text(entry, "kind")? {
            "identity" => PolicyKind::Identity,
            "boundary" => PolicyKind::Boundary,
            "session" => PolicyKind::Session,
            "scp" => PolicyKind::ServiceControl,
            "rcp" => PolicyKind::ResourceControl,
            "endpoint" => PolicyKind::Endpoint,
            "access_point" => PolicyKind::AccessPoint,
            "trust" => PolicyKind::Trust,
            "bucket" => PolicyKind::Bucket,
            "stream" => PolicyKind::Stream,
            "key" => PolicyKind::Key,
            "resource" => match own {
                Some(own) => kind_of(&Resource::parse(own).map_err(|error| error.to_string())?),
                None => kind_by_text(document),
            },
            other => return Err(format!("there is no kind `{other}`")),
        };
        let policy = match own {
            Some(own) => Policy::parse_for(kind, document, own),
            None => Policy::parse(kind, document),
        };
        if let Err(error) = policy {
            return Ok(Some(error.code()));
        }
    }
    Ok(None)
}

/// A resource's policy does not say of which service it is: its first action does.
fn kind_by_text(document: &str) -> PolicyKind {
    let lower = document.to_lowercase();
    let first = |mark: &str| lower.find(mark).unwrap_or(usize::MAX);
    let (stream, key, bucket) = (first("\"kinesis:"), first("\"kms:"), first("\"s3:"));
    if stream < key.min(bucket) {
        PolicyKind::Stream
    } else if key < bucket {
        PolicyKind::Key
    } else {
        PolicyKind::Bucket
    }
}
