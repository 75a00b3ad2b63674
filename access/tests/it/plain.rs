//! A second evaluator: slow, and obviously right.
//!
//! It shares nothing with the first. Documents are read by serde_json and looked at as they are, every
//! time; patterns are matched by recursion; each operator has its own few lines; layers follow the law
//! word by word. It knows just what the random cases use, and stops at anything else.

mod compare;

use compare::{condition_holds, matches, matches_arn, symbols};
use serde_json::Value;
use std::net::IpAddr;

/// A context key, whether its value is a list, and its values.
type Key = (String, bool, Vec<String>);

struct World<'a> {
    case: &'a Value,
    keys: Vec<Key>,
}

/// The two last columns of a decision.
pub(crate) fn decide(case: &Value) -> &'static str {
    let world = World { case, keys: keys(case) };
    let resource = text(&case["request"]["resource"]);
    let mut outcomes = vec![authorize(&world, resource, "resource")];
    if let Some(point) = case["request"]["access_point"].as_str() {
        let on_point = match resource.split_once(":::").unwrap().1.split_once('/') {
            Some((_, key)) => format!("{point}/object/{key}"),
            None => point.to_owned(),
        };
        outcomes.push(authorize(&world, &on_point, "access_point"));
    }
    let all_allow = outcomes.iter().all(|outcome| *outcome == Outcome::Allow);
    if outcomes.contains(&Outcome::Explicit) {
        "deny\texplicit"
    } else if all_allow {
        "allow\t-"
    } else {
        "deny\timplicit"
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Allow,
    Implicit,
    Explicit,
}

// --- who asks ---------------------------------------------------------------------------------

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn caller(case: &Value) -> &str {
    text(&case["request"]["principal"])
}

fn account_of(caller: &str) -> Option<&str> {
    caller.starts_with("arn:").then(|| caller.split(':').nth(4).unwrap())
}

fn is_root(caller: &str) -> bool {
    caller.ends_with(":root")
}

fn is_session(caller: &str) -> bool {
    caller.contains(":assumed-role/")
}

fn is_federated(caller: &str) -> bool {
    caller.contains(":federated-user/")
}

/// The role of a session, the user behind a federated one.
fn behind(case: &Value) -> Option<String> {
    let caller = caller(case);
    if is_session(caller) {
        if let Some(role) = case["request"]["role_arn"].as_str() {
            return Some(role.to_owned());
        }
        let name = caller.split('/').nth(1).unwrap();
        return Some(format!("arn:aws:iam::{}:role/{name}", account_of(caller).unwrap()));
    }
    if is_federated(caller) {
        return case["request"]["user_arn"].as_str().map(str::to_owned);
    }
    None
}

fn has_flag(case: &Value, flag: &str) -> bool {
    let flags = case["request"]["principal_flags"].as_array();
    flags.is_some_and(|flags| flags.iter().any(|one| one == flag))
}

// --- context keys -----------------------------------------------------------------------------

fn keys(case: &Value) -> Vec<Key> {
    let request = &case["request"];
    let caller = caller(case);
    let action = text(&request["action"]).to_lowercase();
    let owner = text(&request["resource_account"]);
    let mut derived: Vec<(&str, Option<String>)> = vec![
        (
            "aws:PrincipalArn",
            if is_session(caller) {
                behind(case)
            } else {
                account_of(caller).map(|_| caller.to_owned())
            },
        ),
        (
            "aws:PrincipalAccount",
            if caller == "anonymous" {
                Some("anonymous".into())
            } else {
                account_of(caller).map(str::to_owned)
            },
        ),
        (
            "aws:PrincipalType",
            if caller == "anonymous" {
                Some("Anonymous".into())
            } else if is_root(caller) {
                Some("Account".into())
            } else if is_session(caller) {
                Some("AssumedRole".into())
            } else if is_federated(caller) {
                Some("FederatedUser".into())
            } else if caller.contains(":user/") {
                Some("User".into())
            } else {
                None
            },
        ),
        (
            "aws:username",
            caller
                .split_once(":user/")
                .map(|(_, path)| path.rsplit('/').next().unwrap().to_owned()),
        ),
        ("aws:ResourceAccount", Some(owner.to_owned())),
        ("s3:ResourceAccount", action.starts_with("s3:").then(|| owner.to_owned())),
        (
            "kms:CallerAccount",
            if action.starts_with("kms:") { account_of(caller).map(str::to_owned) } else { None },
        ),
        ("aws:PrincipalIsAWSService", caller.starts_with("service:").then(|| "true".into())),
        ("aws:PrincipalServiceName", caller.strip_prefix("service:").map(str::to_owned)),
    ];
    let point = request["access_point"].as_str();
    derived.push(("s3:DataAccessPointArn", point.map(str::to_owned)));
    derived.push((
        "s3:DataAccessPointAccount",
        point.map(|arn| arn.split(':').nth(4).unwrap().to_owned()),
    ));
    derived.push(("s3:AccessPointNetworkOrigin", point.map(|_| "Internet".to_owned())));

    let mut keys: Vec<Key> = Vec::new();
    for (name, value) in &derived {
        if let Some(value) = value {
            keys.push(((*name).to_owned(), false, vec![value.clone()]));
        }
    }
    for (name, value) in request["context"].as_object().unwrap() {
        if derived.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        match value {
            Value::Array(values) => {
                let values = values.iter().map(|one| text(one).to_owned()).collect();
                keys.push((name.clone(), true, values));
            }
            one => keys.push((name.clone(), false, vec![text(one).to_owned()])),
        }
    }
    keys
}

// --- statements -------------------------------------------------------------------------------

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

fn covers(statement: &Value, resource: &str, world: &World<'_>, new: bool) -> bool {
    let action = text(&world.case["request"]["action"]).to_lowercase();
    let names_action = |entry: &&Value| {
        let pattern = symbols(&text(entry).to_lowercase(), None, true).unwrap();
        matches(&pattern, &action)
    };
    let covers_action = match statement.get("Action") {
        Some(entries) => list(entries).iter().any(names_action),
        None => !list(&statement["NotAction"]).iter().any(names_action),
    };
    let keys = new.then_some(world.keys.as_slice());
    let names_resource = |entry: &&Value| match text(entry) {
        "*" => true,
        _ if resource == "*" => false,
        pattern => matches_arn(pattern, resource, keys),
    };
    let covers_resource = match statement.get("Resource") {
        Some(entries) => list(entries).iter().any(names_resource),
        None => !list(&statement["NotResource"]).iter().any(names_resource),
    };
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let holds = conditions.into_iter().flatten().all(|(operator, keys)| {
        keys.as_object()
            .unwrap()
            .iter()
            .all(|(key, values)| condition_holds(operator, key, values, &world.keys, new))
    });
    covers_action && covers_resource && holds
}

/// 0: not named; 1: by the account; 2: by the role, or the user behind; 3: directly.
fn principal_level(kind: &str, name: &str, case: &Value) -> u8 {
    let caller = caller(case);
    if kind == "Service" {
        return if caller.strip_prefix("service:") == Some(name) { 3 } else { 0 };
    }
    if name == "*" {
        return 3;
    }
    let account = account_of(caller);
    let named = name.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    let named = named.unwrap_or(name);
    if named.len() == 12 {
        return match account {
            Some(account) if account == named => {
                if is_root(caller) {
                    3
                } else {
                    1
                }
            }
            _ => 0,
        };
    }
    if name == caller {
        3
    } else if behind(case).as_deref() == Some(name) {
        2
    } else {
        0
    }
}

fn named(principals: &Value) -> Vec<(&str, &str)> {
    match principals {
        Value::String(everyone) => vec![("AWS", everyone)],
        kinds => kinds
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(kind, names)| {
                list(names).into_iter().map(|name| (kind.as_str(), text(name)))
            })
            .collect(),
    }
}

/// NotPrincipal spares a caller when every link of his chain is listed.
fn is_spared(listed: &[(&str, &str)], case: &Value) -> bool {
    let caller = caller(case);
    if listed.iter().any(|(_, name)| *name == "*") {
        return true;
    }
    let lists = |wanted: &str| listed.iter().any(|(_, name)| *name == wanted);
    let Some(account) = account_of(caller) else {
        return listed.iter().any(|(kind, name)| principal_level(kind, name, case) > 0);
    };
    let lists_account = lists(account) || lists(&format!("arn:aws:iam::{account}:root"));
    lists_account
        && (is_root(caller) || lists(caller))
        && behind(case).is_none_or(|link| lists(&link))
}

// --- layers -----------------------------------------------------------------------------------

/// Every statement of the policies of a kind that applies: effect, and level of an Allow.
fn applying(world: &World<'_>, kind: &str, level: Option<u64>, resource: &str) -> Vec<(bool, u8)> {
    let mut found = Vec::new();
    let of_kind = |policy: &&Value| {
        policy["kind"] == kind && (level.is_none() || policy["level"].as_u64() == level)
    };
    let policies = list(&world.case["policies"]);
    let has_boundary = policies.iter().any(|policy| policy["kind"] == "boundary");
    for policy in policies.into_iter().filter(of_kind) {
        let new = policy["document"]["Version"] == "2012-10-17";
        for statement in list(&policy["document"]["Statement"]) {
            if !covers(statement, resource, world, new) {
                continue;
            }
            let is_allow = statement["Effect"] == "Allow";
            let principals = statement.get("Principal");
            let excluded = statement.get("NotPrincipal");
            let level = match (principals, excluded) {
                (None, None) => 3,
                (Some(principals), _) => named(principals)
                    .into_iter()
                    .map(|(kind, name)| principal_level(kind, name, world.case))
                    .max()
                    .unwrap(),
                (None, Some(_)) if is_allow => 0,
                (None, Some(excluded)) => {
                    u8::from(has_boundary || !is_spared(&named(excluded), world.case))
                }
            };
            // An account that an endpoint policy allows is its root.
            let least = if kind == "endpoint" && is_allow { 2 } else { 1 };
            if level >= least {
                found.push((is_allow, level));
            }
        }
    }
    found
}

fn has(world: &World<'_>, kind: &str) -> bool {
    list(&world.case["policies"]).iter().any(|policy| policy["kind"] == kind)
}

fn flag(world: &World<'_>, flag: &str) -> bool {
    let blocks = list(&world.case["policies"]).into_iter().filter(|policy| policy["kind"] == "bpa");
    blocks.into_iter().any(|policy| policy["document"][flag] == true)
}

fn has_acls(world: &World<'_>) -> bool {
    let policies = list(&world.case["policies"]);
    let mode = policies.iter().find(|policy| policy["kind"] == "ownership");
    mode.is_some_and(|mode| mode["document"]["mode"] != "BucketOwnerEnforced")
}

/// Only what the cases use: principals, and a few conditions.
fn is_public(statement: &Value, own: &str) -> bool {
    if statement["Effect"] != "Allow" {
        return false;
    }
    let fixed = match statement.get("Principal") {
        Some(principals) => named(principals).iter().all(|(_, name)| !name.contains('*')),
        None => false,
    };
    let limits = |(operator, keys): (&String, &Value)| {
        let operator = operator.trim_start_matches("ForAnyValue:");
        let positive =
            ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"];
        keys.as_object().unwrap().iter().any(|(key, values)| {
            let limiting = [
                "aws:principalarn",
                "aws:principalaccount",
                "aws:sourcearn",
                "aws:sourcevpce",
                "s3:dataaccesspointaccount",
            ];
            let key = key.to_lowercase();
            let values = list(values);
            let values = || values.iter().map(|value| text(value));
            let is_narrow = |value: &str| !value.ends_with("/0");
            // The name of an access point may be a wildcard, but not its account.
            let has_account = |value: &str| {
                let segments: Vec<&str> = value.splitn(6, ':').collect();
                segments.len() == 6
                    && segments[4].len() == 12
                    && !segments[..5].concat().contains(['*', '?'])
            };
            positive.contains(&operator)
                && limiting.contains(&key.as_str())
                && values().all(|value| !value.contains(['*', '?', '$']))
                || positive.contains(&operator)
                    && key == "s3:dataaccesspointarn"
                    && own == "resource"
                    && values().all(has_account)
                || operator == "IpAddress"
                    && key == "aws:sourceip"
                    && values().all(|value| {
                        value.parse::<IpAddr>().is_ok() || value.contains('/') && is_narrow(value)
                    })
        })
    };
    let conditions = statement.get("Condition").and_then(Value::as_object);
    !fixed && !conditions.into_iter().flatten().any(limits)
}

fn granted(world: &World<'_>) -> u8 {
    let case = world.case;
    if !has_acls(world) {
        return 0;
    }
    let caller = caller(case);
    let action = text(&case["request"]["action"]).to_lowercase();
    let ignores = flag(world, "IgnorePublicAcls");
    let owner = text(&case["request"]["resource_account"]);
    let mut best = 0;
    for acl in list(&case["policies"]).into_iter().filter(|policy| policy["kind"] == "acl") {
        let is_bucket = acl["document"]["target"] == "bucket";
        for grant in list(&acl["document"]["grants"]) {
            let (grantee, permission) = (text(&grant["grantee"]), text(&grant["permission"]));
            let is = |name: &str| permission == name || permission == "FULL_CONTROL";
            let mut allowed: Vec<&str> = Vec::new();
            if is_bucket && is("READ") {
                allowed.extend(["s3:listbucket", "s3:listbucketversions"]);
                allowed.extend(["s3:listbucketmultipartuploads"]);
            }
            if is_bucket && is("WRITE") {
                allowed.push("s3:putobject");
                if account_of(caller) == Some(owner) {
                    allowed.extend(["s3:deleteobject", "s3:deleteobjectversion"]);
                }
            }
            if !is_bucket && is("READ") {
                allowed.extend(["s3:getobject", "s3:getobjectversion"]);
            }
            if !allowed.contains(&action.as_str()) {
                continue;
            }
            let level = match grantee {
                "AllUsers" | "AuthenticatedUsers" if ignores => 0,
                "AllUsers" => 3,
                "AuthenticatedUsers" => {
                    if account_of(caller).is_some() {
                        3
                    } else {
                        0
                    }
                }
                account => principal_level("AWS", account, case),
            };
            best = best.max(level);
        }
    }
    best
}

fn authorize(world: &World<'_>, resource: &str, own: &str) -> Outcome {
    let case = world.case;
    let caller = caller(case);
    let action = text(&case["request"]["action"]).to_lowercase();
    let owner = text(&case["request"]["resource_account"]);
    let account = account_of(caller);

    let all = |kind: &str| applying(world, kind, None, resource);
    let denies = |list: &[(bool, u8)]| list.iter().any(|(is_allow, _)| !is_allow);
    let allows = |list: &[(bool, u8)]| list.iter().any(|(is_allow, _)| *is_allow);

    // deny: any Deny statement that applies, in any layer.
    let repairs = ["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"];
    let is_repair = own == "resource"
        && is_root(caller)
        && account == Some(owner)
        && repairs.contains(&action.as_str());
    let under_scp = account.is_some()
        && !has_flag(case, "management_account")
        && !has_flag(case, "service_linked");
    let is_denied =
        ["identity", "boundary", "session", "endpoint"].iter().any(|kind| denies(&all(kind)))
            || denies(&all(own)) && !is_repair
            || under_scp && denies(&all("scp"));
    if is_denied {
        return Outcome::Explicit;
    }
    // scp: every level must have an Allow.
    for level in 0..4 {
        let has_level = list(&case["policies"])
            .iter()
            .any(|policy| policy["kind"] == "scp" && policy["level"].as_u64() == Some(level));
        if under_scp && has_level && !allows(&applying(world, "scp", Some(level), resource)) {
            return Outcome::Implicit;
        }
    }
    // vpce: the endpoint's policy must have an Allow.
    if has(world, "endpoint") && !allows(&all("endpoint")) {
        return Outcome::Implicit;
    }
    // bpa: a public policy and a caller from outside.
    let public = list(&case["policies"])
        .into_iter()
        .filter(|policy| policy["kind"] == own)
        .flat_map(|policy| list(&policy["document"]["Statement"]))
        .any(|statement| is_public(statement, own));
    let is_outside = account != Some(owner) && !caller.starts_with("service:");
    if flag(world, "RestrictPublicBuckets") && public && is_outside {
        return Outcome::Explicit;
    }
    // R, I and L.
    let best = |list: &[(bool, u8)]| list.iter().filter(|one| one.0).map(|one| one.1).max();
    let by_policy = best(&all(own)).unwrap_or(0);
    let is_object = resource.starts_with("arn:aws:s3:::") && resource.contains('/');
    let by_bucket = ["s3:putobject", "s3:deleteobject", "s3:deleteobjectversion"];
    let foreign = case["request"]["object_owner"].as_str().filter(|object_owner| {
        own == "resource"
            && *object_owner != owner
            && has_acls(world)
            && is_object
            && action.starts_with("s3:")
            && !by_bucket.contains(&action.as_str())
    });
    let by_grant = if own == "resource" { granted(world) } else { 0 };
    let r = if foreign.is_some() { by_grant } else { by_policy.max(by_grant) };
    let i = allows(&all("identity")) || is_root(caller);
    let l = (!has(world, "boundary") || allows(&all("boundary")))
        && (!has(world, "session") || allows(&all("session")))
        && (!is_federated(caller) || has(world, "session"));
    let (direct, entity) = (r == 3, r == 2);
    let is_key = resource.starts_with("arn:aws:kms:");
    let owner = foreign.unwrap_or(owner);

    let allowed = if account.is_none() {
        direct
    } else if account != Some(owner) {
        r > 0 && i && l
    } else if is_key {
        direct || l && (entity || i && r > 0)
    } else {
        is_root(caller) || direct || l && (i || entity)
    };
    if allowed { Outcome::Allow } else { Outcome::Implicit }
}
