//! `Document`: a policy's text, compiled; and the text again.

use crate::{
    condition::Condition,
    json,
    principal::{Principal, Principals},
    statement::{Effect, Resources, Selection, Statement},
};
use std::fmt::Write as _;

/// A policy's text, compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) version: Version,
    pub(crate) id: Option<Box<str>>,
    pub(crate) statements: Vec<Statement>,
}

/// Which language a policy is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Not said: the old one.
    Absent,
    /// 2008-10-17: without variables.
    Old,
    /// 2012-10-17.
    New,
}

impl Version {
    /// Law: IAM, policy variables are read from version 2012-10-17 on.
    pub(crate) fn has_variables(self) -> bool {
        self == Self::New
    }

    fn text(self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Old => Some("2008-10-17"),
            Self::New => Some("2012-10-17"),
        }
    }
}

impl Document {
    /// Without statements: it says nothing.
    pub(crate) fn empty() -> Self {
        Self { version: Version::New, id: None, statements: Vec::new() }
    }

    /// Compact JSON that reads back to the same document.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::from("{");
        if let Some(version) = self.version.text() {
            write!(out, "\"Version\":\"{version}\",").expect("a string takes any text");
        }
        if let Some(id) = &self.id {
            out.push_str("\"Id\":");
            json::write_text(&mut out, id);
            out.push(',');
        }
        out.push_str("\"Statement\":[");
        separated(&mut out, &self.statements, write_statement);
        out.push_str("]}");
        out
    }
}

fn separated<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

/// One text as it is, several as a list.
fn write_texts<'a>(out: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    let texts: Vec<&str> = texts.into_iter().collect();
    if let [text] = texts[..] {
        json::write_text(out, text);
    } else {
        out.push('[');
        separated(out, texts, json::write_text);
        out.push(']');
    }
}

fn write_statement(out: &mut String, statement: &Statement) {
    out.push('{');
    if let Some(sid) = &statement.sid {
        out.push_str("\"Sid\":");
        json::write_text(out, sid);
        out.push(',');
    }
    out.push_str(match statement.effect {
        Effect::Allow => "\"Effect\":\"Allow\"",
        Effect::Deny => "\"Effect\":\"Deny\"",
    });
    if let Some(principals) = &statement.principals {
        out.push_str(",\"");
        out.push_str(if principals.is_negated { "NotPrincipal" } else { "Principal" });
        out.push_str("\":");
        write_principals(out, principals);
    }
    write_selection(out, "Action", &statement.actions, |entry| entry.text());
    if let Resources::Selected(resources) = &statement.resources {
        write_selection(out, "Resource", resources, |entry| entry.text());
    }
    if !statement.conditions.is_empty() {
        out.push_str(",\"Condition\":{");
        let same = |a: &Condition, b: &Condition| a.operator == b.operator;
        separated(out, statement.conditions.chunk_by(same), write_conditions);
        out.push('}');
    }
    out.push('}');
}

fn write_selection<'a, T>(
    out: &mut String,
    name: &str,
    selection: &'a Selection<T>,
    text: impl Fn(&'a T) -> &'a str,
) {
    out.push_str(if selection.is_negated { ",\"Not" } else { ",\"" });
    out.push_str(name);
    out.push_str("\":");
    write_texts(out, selection.entries.iter().map(text));
}

fn write_principals(out: &mut String, principals: &Principals) {
    if principals.entries == [Principal::Everyone] {
        return out.push_str("\"*\"");
    }
    out.push('{');
    let same = |a: &Principal, b: &Principal| a.name_of_kind() == b.name_of_kind();
    separated(out, principals.entries.chunk_by(same), |out, entries| {
        json::write_text(out, entries[0].name_of_kind());
        out.push(':');
        write_texts(out, entries.iter().map(Principal::text));
    });
    out.push('}');
}

/// All conditions of one operator.
fn write_conditions(out: &mut String, conditions: &[Condition]) {
    json::write_text(out, &conditions[0].operator.to_string());
    out.push_str(":{");
    separated(out, conditions, |out, condition| {
        json::write_text(out, condition.key.as_str());
        out.push(':');
        write_texts(out, condition.texts());
    });
    out.push('}');
}

impl Principal {
    /// The kinds in which a statement lists its principals, in the order of our own texts.
    pub(crate) const KINDS: [&str; 4] = ["AWS", "CanonicalUser", "Federated", "Service"];

    pub(crate) fn name_of_kind(&self) -> &'static str {
        match self {
            Self::Everyone | Self::Account(_) | Self::Named(_) | Self::Nobody(_) => "AWS",
            Self::Canonical(_) => "CanonicalUser",
            Self::Federated(_) => "Federated",
            Self::Service(_) => "Service",
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Everyone => "*",
            Self::Named(arn) => arn.as_str(),
            Self::Account(text)
            | Self::Nobody(text)
            | Self::Canonical(text)
            | Self::Federated(text)
            | Self::Service(text) => text,
        }
    }
}
