//! Fields of a case.

use cistern_access::json::{Node, Value};

/// Why a case cannot be read.
pub(crate) type Read<T> = Result<T, String>;

/// A member that may be missing or null.
pub(crate) fn optional<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.member(key).filter(|value| value.node != Node::Null)
}

pub(crate) fn needed<'v>(value: &'v Value, key: &str) -> Read<&'v Value> {
    optional(value, key).ok_or_else(|| format!("`{key}` is missing"))
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> Read<&'v str> {
    needed(value, key)?.as_text().ok_or_else(|| format!("`{key}` is not a string"))
}

pub(crate) fn optional_text<'v>(value: &'v Value, key: &str) -> Read<Option<&'v str>> {
    match optional(value, key) {
        None => Ok(None),
        Some(_) => text(value, key).map(Some),
    }
}

pub(crate) fn list<'v>(value: &'v Value, key: &str) -> Read<&'v [Value]> {
    match optional(value, key) {
        None => Ok(&[]),
        Some(list) => list.as_list().ok_or_else(|| format!("`{key}` is not a list")),
    }
}

/// A flag: true, false, or missing for false.
pub(crate) fn flag(value: &Value, key: &str) -> Read<bool> {
    match optional(value, key).map(|value| &value.node) {
        None => Ok(false),
        Some(Node::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{key}` is not true or false")),
    }
}

/// A string, a number or a boolean, as text.
pub(crate) fn scalar(value: &Value) -> Read<String> {
    match &value.node {
        Node::Text(text) | Node::Number(text) => Ok(text.clone()),
        Node::Bool(value) => Ok(value.to_string()),
        _ => Err("a value is not a string, a number or a boolean".into()),
    }
}
