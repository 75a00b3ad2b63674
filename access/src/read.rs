//! Reading a policy: from JSON to a [`Document`], with the place of whatever is wrong.
//!
//! Two strictnesses. A text that is *stored* already must be understood in full, or it is refused:
//! nothing in a policy is ever skipped. A *new* text must also keep to the rules for its kind, so that
//! what can never match, or never was meant, is told to whoever writes it.

use crate::{
    action::ActionPattern,
    arn::ResourcePattern,
    condition::Condition,
    document::{Document, Version},
    fault::{Fault, PolicyError},
    json::{self, Member, Node, Value},
    operator::Operator,
    place::Place,
    policy::PolicyKind,
    principal::{Principal, Principals},
    rules,
    statement::{Effect, Resources, Selection, Statement},
};
use std::sync::Arc;

/// How much a text must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// It must be understood.
    Stored,
    /// It must keep to all rules of its kind.
    New,
}

/// A text with its place, so that rules can point at it.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'v> {
    pub(crate) text: &'v str,
    pub(crate) at: usize,
}

/// Reads values of one text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'t> {
    pub(crate) source: &'t str,
    pub(crate) kind: PolicyKind,
    pub(crate) strictness: Strictness,
    /// The resource to which the policy belongs, where that is known.
    pub(crate) own: Option<&'t str>,
}

pub(crate) type Read<T> = Result<T, PolicyError>;

const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl<'t> Reader<'t> {
    pub(crate) fn read(&self) -> Read<Document> {
        let value = json::parse(self.source)
            .map_err(|error| self.error(error.offset, Fault::Json(error.what)))?;
        self.document(&value)
    }

    pub(crate) fn error(&self, at: usize, fault: Fault) -> PolicyError {
        PolicyError { fault, place: Place::of(self.source, at), kind: self.kind }
    }

    pub(crate) fn document(&self, value: &Value) -> Read<Document> {
        if self.strictness == Strictness::New {
            rules::check_text(self, &self.source[value.start..value.end], value.start)?;
        }
        let members = self.members(value, "the policy", &ELEMENTS)?;
        let version = self.version(find(members, "Version"))?;
        let id = match find(members, "Id") {
            Some(value) => Some(self.text(value, "Id")?.text.into()),
            None => None,
        };
        let Some(statements) = find(members, "Statement") else {
            return Err(self.error(value.start, Fault::Missing("Statement")));
        };
        let list = match &statements.node {
            Node::List(list) => list.as_slice(),
            _ => std::slice::from_ref(statements),
        };
        if list.is_empty() {
            return Err(self.error(statements.start, Fault::Empty("Statement")));
        }
        let read = |one| self.statement(one, version);
        let document =
            Document { version, id, statements: list.iter().map(read).collect::<Read<_>>()? };
        if self.strictness == Strictness::New {
            rules::check_document(self, value, &document, list)?;
        }
        Ok(document)
    }

    fn version(&self, value: Option<&Value>) -> Read<Version> {
        let Some(value) = value else { return Ok(Version::Absent) };
        match self.text(value, "Version")?.text {
            "2012-10-17" => Ok(Version::New),
            "2008-10-17" => Ok(Version::Old),
            other => Err(self.error(value.start, Fault::UnknownVersion(other.into()))),
        }
    }

    fn statement(&self, value: &Value, version: Version) -> Read<Statement> {
        let members = self.members(value, "a statement", &STATEMENT_ELEMENTS)?;
        let sid: Option<Arc<str>> = match find(members, "Sid") {
            Some(value) => Some(self.text(value, "Sid")?.text.into()),
            None => None,
        };
        let Some(effect) = find(members, "Effect") else {
            return Err(self.error(value.start, Fault::Missing("Effect")));
        };
        let effect = self.effect(effect)?;
        let principals = self.principals(value, members, effect)?;

        let (actions, is_negated) = self.one_of(value, members, ["Action", "NotAction"])?;
        let action_texts = self.texts(actions, "Action")?;
        let entries = action_texts.iter().map(|one| ActionPattern::new(one.text)).collect();
        let actions = Selection { entries, is_negated };

        let (resources, resource_texts) = self.resources(value, members, version)?;
        let conditions = match find(members, "Condition") {
            Some(value) => self.conditions(value, version)?,
            None => Vec::new(),
        };
        let statement = Statement { sid, effect, principals, actions, resources, conditions };
        if self.strictness == Strictness::New {
            rules::check_statement(self, &statement, &action_texts, &resource_texts, version)?;
        }
        Ok(statement)
    }

    fn effect(&self, value: &Value) -> Read<Effect> {
        match self.text(value, "Effect")?.text {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other => Err(self.error(value.start, Fault::UnknownEffect(other.into()))),
        }
    }

    fn principals(
        &self,
        statement: &Value,
        members: &[Member],
        effect: Effect,
    ) -> Read<Option<Principals>> {
        let given = members.iter().find(|one| ["Principal", "NotPrincipal"].contains(&&*one.key));
        if !self.kind.has_principals() {
            return match given {
                Some(member) => Err(self.error(member.start, Fault::ForbiddenElement("Principal"))),
                None => Ok(None),
            };
        }
        let (value, is_negated) = self.one_of(statement, members, ["Principal", "NotPrincipal"])?;
        let is_new = self.strictness == Strictness::New;
        if is_new && is_negated && effect == Effect::Allow {
            return Err(self.error(value.start, Fault::NotPrincipalWithAllow));
        }
        let entries = match &value.node {
            Node::Text(text) if text == "*" => vec![Principal::Everyone],
            Node::Text(text) => {
                return Err(self.error(value.start, Fault::InvalidPrincipal(text.clone().into())));
            }
            _ => self.listed_principals(value)?,
        };
        Ok(Some(Principals { entries, is_negated }))
    }

    fn listed_principals(&self, value: &Value) -> Read<Vec<Principal>> {
        let members = self.members(value, "Principal", &Principal::KINDS)?;
        if members.is_empty() {
            return Err(self.error(value.start, Fault::Empty("Principal")));
        }
        let mut entries = Vec::new();
        for kind in Principal::KINDS {
            let Some(value) = find(members, kind) else { continue };
            for spot in self.texts(value, "Principal")? {
                let principal = match kind {
                    "AWS" => Principal::parse_aws(spot.text),
                    "CanonicalUser" => Principal::Canonical(spot.text.into()),
                    "Federated" => Principal::Federated(spot.text.into()),
                    _ => Principal::Service(spot.text.into()),
                };
                if self.strictness == Strictness::New {
                    rules::check_principal(self, &principal, &spot)?;
                }
                entries.push(principal);
            }
        }
        Ok(entries)
    }

    fn resources<'v>(
        &self,
        statement: &Value,
        members: &'v [Member],
        version: Version,
    ) -> Read<(Resources, Vec<Spot<'v>>)> {
        let given = members.iter().find(|one| ["Resource", "NotResource"].contains(&&*one.key));
        match (self.kind, given) {
            (PolicyKind::Trust, Some(member)) => {
                return Err(self.error(member.start, Fault::ForbiddenElement("Resource")));
            }
            (PolicyKind::Trust, None) => return Ok((Resources::Own, Vec::new())),
            (PolicyKind::Key, None) => return Ok((Resources::Nothing, Vec::new())),
            _ => {}
        }
        let (value, is_negated) = self.one_of(statement, members, ["Resource", "NotResource"])?;
        let texts = self.texts(value, "Resource")?;
        let compile = |spot: &Spot<'_>| ResourcePattern::new(spot.text, version.has_variables());
        let selection = Selection { entries: texts.iter().map(compile).collect(), is_negated };
        Ok((Resources::Selected(selection), texts))
    }

    fn conditions(&self, value: &Value, version: Version) -> Read<Vec<Condition>> {
        let mut conditions = Vec::new();
        for of_operator in self.members(value, "Condition", &[])? {
            let Some(operator) = Operator::parse(&of_operator.key) else {
                let fault = Fault::UnknownOperator(of_operator.key.clone().into());
                return Err(self.error(of_operator.start, fault));
            };
            for member in self.members(&of_operator.value, &of_operator.key, &[])? {
                let values = self.scalars(&member.value)?;
                let condition =
                    Condition::new(operator, &member.key, &values, version.has_variables());
                if self.strictness == Strictness::New {
                    rules::check_condition(self, &condition, member)?;
                }
                conditions.push(condition);
            }
        }
        Ok(conditions)
    }

    /// Exactly one of two elements, and whether it is the second.
    fn one_of<'v>(
        &self,
        statement: &Value,
        members: &'v [Member],
        [plain, negated]: [&'static str; 2],
    ) -> Read<(&'v Value, bool)> {
        match (find(members, plain), find(members, negated)) {
            (Some(value), None) => Ok((value, false)),
            (None, Some(value)) => Ok((value, true)),
            (None, None) => Err(self.error(statement.start, Fault::Missing(plain))),
            (Some(_), Some(value)) => Err(self.error(value.start, Fault::Both(plain, negated))),
        }
    }

    /// Members of an object: none twice, all of them known; no list of known ones takes any.
    fn members<'v>(&self, value: &'v Value, what: &str, known: &[&str]) -> Read<&'v [Member]> {
        let Node::Object(members) = &value.node else {
            let fault = Fault::WrongType { element: what.into(), expected: "an object" };
            return Err(self.error(value.start, fault));
        };
        for (number, member) in members.iter().enumerate() {
            if members[..number].iter().any(|earlier| earlier.key == member.key) {
                let fault = Fault::Duplicate(member.key.clone().into());
                return Err(self.error(member.start, fault));
            }
            if !known.is_empty() && !known.contains(&member.key.as_str()) {
                let fault = Fault::UnknownElement(member.key.clone().into());
                return Err(self.error(member.start, fault));
            }
        }
        Ok(members)
    }

    fn text<'v>(&self, value: &'v Value, element: &str) -> Read<Spot<'v>> {
        let Node::Text(text) = &value.node else {
            let fault = Fault::WrongType { element: element.into(), expected: "a string" };
            return Err(self.error(value.start, fault));
        };
        Ok(Spot { text, at: value.start })
    }

    /// A string, or a list of at least one.
    fn texts<'v>(&self, value: &'v Value, element: &'static str) -> Read<Vec<Spot<'v>>> {
        let Node::List(items) = &value.node else { return Ok(vec![self.text(value, element)?]) };
        if items.is_empty() {
            return Err(self.error(value.start, Fault::Empty(element)));
        }
        items.iter().map(|item| self.text(item, element)).collect()
    }

    /// Values of a condition: strings, numbers, booleans, or a list of at least one.
    fn scalars(&self, value: &Value) -> Read<Vec<String>> {
        let items = match &value.node {
            Node::List(items) if items.is_empty() => {
                return Err(self.error(value.start, Fault::Empty("a condition")));
            }
            Node::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let scalar = |item: &Value| match &item.node {
            Node::Text(text) | Node::Number(text) => Ok(text.clone()),
            Node::Bool(value) => Ok(value.to_string()),
            _ => {
                let expected = "a string, a number or a boolean";
                let fault = Fault::WrongType { element: "a condition's value".into(), expected };
                Err(self.error(item.start, fault))
            }
        };
        items.iter().map(scalar).collect()
    }
}

pub(crate) fn find<'v>(members: &'v [Member], key: &str) -> Option<&'v Value> {
    members.iter().find(|member| member.key == key).map(|member| &member.value)
}
