//! What a new policy must keep to beyond being understood: rules that differ by kind.

use crate::{
    arn::ResourcePattern,
    condition::Condition,
    document::{Document, Version},
    fault::Fault,
    json::{Member, Node, Value},
    operator::Quantifier,
    policy::PolicyKind,
    principal::Principal,
    read::{Read, Reader, Spot, find},
    s3_actions,
    statement::{Resources, Selection, Statement},
};
use std::collections::BTreeSet;

const PARTITIONS: [&str; 6] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "*"];
const LAST_CHARACTER: u32 = 0xff;

/// Size, first byte, characters: what can be said of the text alone.
pub(crate) fn check_text(reader: &Reader<'_>, text: &str, start: usize) -> Read<()> {
    let is_s3 = matches!(reader.kind, PolicyKind::Bucket | PolicyKind::AccessPoint);
    // Law: S3, the first byte of a policy is its opening brace.
    if is_s3 && !reader.source.starts_with('{') {
        return Err(reader.error(0, Fault::Json("the first byte is not a brace")));
    }
    // Law: IAM, documents have tab, line feed, carriage return and U+0020 to U+00FF.
    if reader.kind.has_narrow_characters() {
        let allowed = |one: char| match u32::from(one) {
            0x9 | 0xa | 0xd => true,
            code => (0x20..=LAST_CHARACTER).contains(&code),
        };
        if let Some((at, foreign)) = text.char_indices().find(|(_, one)| !allowed(*one)) {
            return Err(reader.error(start + at, Fault::InvalidCharacter(foreign.into())));
        }
    }
    let (size, max) = reader.kind.size(text);
    // Bucket policies are measured when they are compiled: what counts is our own text of them.
    if !is_s3 && size > max {
        return Err(reader.error(start, Fault::TooLarge { size, max }));
    }
    Ok(())
}

/// What the whole must keep to: version, identifiers, size.
pub(crate) fn check_document(
    reader: &Reader<'_>,
    value: &Value,
    document: &Document,
    statements: &[Value],
) -> Read<()> {
    let members = value.as_object().unwrap_or_default();
    // Law: IAM, managed and inline policies, boundaries and control policies say 2012-10-17.
    let needs_new = matches!(
        reader.kind,
        PolicyKind::Identity
            | PolicyKind::Boundary
            | PolicyKind::ServiceControl
            | PolicyKind::ResourceControl
    );
    if needs_new && document.version != Version::New {
        let at = find(members, "Version").map_or(value.start, |version| version.start);
        return Err(reader.error(at, Fault::OldVersion));
    }
    if let Some(id) = find(members, "Id")
        && !reader.kind.is_of_resource()
    {
        return Err(reader.error(id.start, Fault::ForbiddenElement("Id")));
    }
    check_sids(reader, statements)?;
    if matches!(reader.kind, PolicyKind::Bucket | PolicyKind::AccessPoint) {
        let (size, max) = reader.kind.size(&document.to_json());
        if size > max {
            return Err(reader.error(value.start, Fault::TooLarge { size, max }));
        }
    }
    Ok(())
}

/// Law: IAM, statement identifiers are letters and digits, for KMS spaces too, and unique.
fn check_sids(reader: &Reader<'_>, statements: &[Value]) -> Read<()> {
    let mut seen = BTreeSet::new();
    for value in statements.iter().filter_map(|statement| statement.member("Sid")) {
        let sid = value.as_text().unwrap_or_default();
        let allowed = |one: char| match reader.kind {
            PolicyKind::Key => one.is_ascii_alphanumeric() || one == ' ',
            kind if kind.is_of_resource() => true,
            _ => one.is_ascii_alphanumeric(),
        };
        if !sid.chars().all(allowed) {
            return Err(reader.error(value.start, Fault::InvalidSid(sid.into())));
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(reader.error(value.start, Fault::DuplicateSid(sid.into())));
        }
    }
    Ok(())
}

pub(crate) fn check_principal(
    reader: &Reader<'_>,
    principal: &Principal,
    spot: &Spot<'_>,
) -> Read<()> {
    let is_valid = match principal {
        // Law: Organizations, a resource control policy names everyone.
        Principal::Everyone => true,
        _ if reader.kind == PolicyKind::ResourceControl => false,
        Principal::Nobody(_) => false,
        Principal::Account(_) | Principal::Named(_) => true,
        Principal::Service(name) => name.contains('.') && !name.contains(['*', '?']),
        Principal::Federated(name) => !name.is_empty() && !name.contains(['*', '?']),
        Principal::Canonical(id) => {
            !id.is_empty() && id.bytes().all(|one| one.is_ascii_alphanumeric())
        }
    };
    if is_valid {
        return Ok(());
    }
    Err(reader.error(spot.at, Fault::InvalidPrincipal(spot.text.into())))
}

pub(crate) fn check_statement(
    reader: &Reader<'_>,
    statement: &Statement,
    actions: &[Spot<'_>],
    resources: &[Spot<'_>],
    version: Version,
) -> Read<()> {
    for spot in actions {
        check_action(reader, spot)?;
    }
    if let Resources::Selected(selection) = &statement.resources {
        for (pattern, spot) in selection.entries.iter().zip(resources) {
            check_resource(reader, pattern, spot, version)?;
        }
        check_applicable(reader, statement, actions, selection)?;
    }
    Ok(())
}

/// Law: IAM, an action is `*` or a service and a name with one colon between them.
fn check_action(reader: &Reader<'_>, spot: &Spot<'_>) -> Read<()> {
    let invalid = || reader.error(spot.at, Fault::InvalidAction(spot.text.into()));
    if spot.text == "*" {
        return Ok(());
    }
    let (service, name) = spot.text.split_once(':').ok_or_else(invalid)?;
    let is_name = |text: &str| {
        let allowed = |one: char| one.is_ascii_alphanumeric() || "-_*?.".contains(one);
        !text.is_empty() && text.chars().all(allowed)
    };
    if !is_name(service) || !is_name(name) {
        return Err(invalid());
    }
    let own = match reader.kind {
        PolicyKind::Bucket | PolicyKind::AccessPoint => "s3",
        PolicyKind::Stream => "kinesis",
        PolicyKind::Key => "kms",
        PolicyKind::Trust => "sts",
        _ => return Ok(()),
    };
    let lower = spot.text.to_lowercase();
    let is_known = crate::action::ActionPattern::new(service).matches_lower(own)
        && (own != "s3" || s3_actions::matching(&lower).next().is_some());
    if is_known {
        return Ok(());
    }
    Err(reader.error(spot.at, Fault::UnknownAction(spot.text.into())))
}

/// Law: IAM, a resource is `*` or an ARN of a known partition and one service.
fn check_resource(
    reader: &Reader<'_>,
    pattern: &ResourcePattern,
    spot: &Spot<'_>,
    version: Version,
) -> Read<()> {
    let error = |fault: fn(Box<str>) -> Fault| Err(reader.error(spot.at, fault(spot.text.into())));
    let Some(service) = pattern.segment(2) else { return Ok(()) };
    if !spot.text.starts_with("arn:") {
        return error(Fault::InvalidResource);
    }
    if !pattern.segment(1).is_some_and(|partition| PARTITIONS.contains(&partition)) {
        return error(Fault::UnknownPartition);
    }
    let is_padded = spot.text.split(':').count() < 3;
    let has_early_variable = version.has_variables()
        && (1..5).any(|at| pattern.segment(at).is_some_and(|text| text.contains("${")));
    if service.is_empty()
        || !is_padded && service.contains(['*', '?'])
        || has_early_variable
        || !pattern.is_well_formed()
    {
        return error(Fault::InvalidResource);
    }
    let own_service = match reader.kind {
        PolicyKind::Bucket | PolicyKind::AccessPoint => "s3",
        PolicyKind::Stream => "kinesis",
        PolicyKind::Key => "kms",
        _ => return Ok(()),
    };
    if service != own_service {
        return error(Fault::InvalidResource);
    }
    check_own(reader, pattern, spot)
}

/// A resource's policy speaks of that resource alone.
///
/// Law: S3, a bucket policy names its own bucket and the objects in it.
fn check_own(reader: &Reader<'_>, pattern: &ResourcePattern, spot: &Spot<'_>) -> Read<()> {
    let Some(own) = reader.own else { return Ok(()) };
    let is_own = match reader.kind {
        PolicyKind::Bucket => {
            let name = own.rsplit(':').next().unwrap_or(own);
            pattern.may_be_in_bucket(name.split('/').next().unwrap_or(name))
        }
        PolicyKind::AccessPoint => {
            spot.text.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        _ => {
            let own = crate::arn::Resource::parse(own);
            own.is_ok_and(|own| pattern.matches(&own, &crate::condition_key::NoValues))
        }
    };
    if is_own {
        return Ok(());
    }
    Err(reader.error(spot.at, Fault::ForeignResource(spot.text.into())))
}

/// Law: S3, every action of a bucket policy's statement applies to one of its resources.
fn check_applicable(
    reader: &Reader<'_>,
    statement: &Statement,
    actions: &[Spot<'_>],
    resources: &Selection<ResourcePattern>,
) -> Read<()> {
    let is_s3 = matches!(reader.kind, PolicyKind::Bucket | PolicyKind::AccessPoint);
    if !is_s3 || statement.actions.is_negated || resources.is_negated {
        return Ok(());
    }
    let (mut objects, mut buckets) = (false, false);
    for entry in &resources.entries {
        let name = entry.segment(5).unwrap_or("*");
        let is_object = match reader.kind {
            PolicyKind::AccessPoint => name.contains("/object/"),
            _ => name.contains('/'),
        };
        let is_either = !is_object && name.contains(['*', '?']);
        objects |= is_object || is_either;
        buckets |= !is_object;
    }
    for spot in actions.iter().filter(|spot| spot.text != "*") {
        let lower = spot.text.to_lowercase();
        let applies = s3_actions::matching(&lower).any(|of| match of {
            s3_actions::Of::Object => objects,
            s3_actions::Of::Bucket => buckets,
            s3_actions::Of::Account => false,
        });
        if !applies {
            let fault = Fault::ActionWithoutResource(spot.text.into());
            return Err(reader.error(spot.at, fault));
        }
    }
    Ok(())
}

pub(crate) fn check_condition(
    reader: &Reader<'_>,
    condition: &Condition,
    member: &Member,
) -> Read<()> {
    let key = condition.key.as_str();
    let is_key =
        key.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
    if !is_key {
        return Err(reader.error(member.start, Fault::InvalidKey(key.into())));
    }
    if let Some(broken) = condition.broken() {
        let text = condition.texts().nth(broken).unwrap_or_default();
        let at = match &member.value.node {
            Node::List(items) => items.get(broken).map_or(member.value.start, |item| item.start),
            _ => member.value.start,
        };
        return Err(reader.error(at, Fault::InvalidValue(text.into())));
    }
    // Law: KMS, ForAllValues is refused on a key of an encryption context, which has one value.
    let is_single = key.to_lowercase().starts_with("kms:encryptioncontext:");
    if reader.kind == PolicyKind::Key
        && is_single
        && condition.operator.quantifier == Some(Quantifier::All)
    {
        return Err(reader.error(member.start, Fault::SetOperatorOnOneValue(key.into())));
    }
    Ok(())
}
