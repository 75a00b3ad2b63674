//! `Element`: a node of a document, and `Fields`, which takes one apart and misses nothing.

use crate::error::{Error, Result};
use std::str::FromStr;

/// A name with a value or with elements in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text; a string of JSON.
    Text(String),
    /// A number of JSON.
    Number(String),
    /// A truth of JSON.
    Bool(bool),
    /// Elements; an object of JSON.
    Elements(Vec<Element>),
}

impl Element {
    pub(crate) fn new(name: &str, children: Vec<Self>) -> Self {
        Self { name: name.into(), value: Value::Elements(children) }
    }

    pub(crate) fn text(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.into(), value: Value::Text(text.into()) }
    }

    pub(crate) fn number(name: &str, number: impl Into<u64>) -> Self {
        Self { name: name.into(), value: Value::Number(number.into().to_string()) }
    }

    pub(crate) fn truth(name: &str, truth: bool) -> Self {
        Self { name: name.into(), value: Value::Bool(truth) }
    }

    /// The elements within.
    pub(crate) fn fields(&self) -> Result<Fields<'_>> {
        let children = match &self.value {
            Value::Elements(children) => children.as_slice(),
            // An empty element of XML may have been meant either way.
            Value::Text(text) if text.is_empty() => &[],
            _ => return Err(Error::malformed(&self.name, "it should hold elements")),
        };
        Ok(Fields { of: &self.name, left: children.iter().collect() })
    }

    pub(crate) fn as_text(&self) -> Result<&str> {
        match &self.value {
            Value::Text(text) => Ok(text),
            Value::Elements(children) if children.is_empty() => Ok(""),
            _ => Err(Error::malformed(&self.name, "it should be text")),
        }
    }

    /// A whole number. JSON has it as a number, XML as text.
    pub(crate) fn as_number<T: FromStr>(&self) -> Result<T> {
        let text = match &self.value {
            Value::Text(text) | Value::Number(text) => text.trim(),
            _ => "",
        };
        // `FromStr` takes a plus sign, which no document has.
        let parsed = text.parse().ok().filter(|_| !text.starts_with('+'));
        parsed.ok_or_else(|| Error::malformed(&self.name, "it should be a whole number"))
    }

    pub(crate) fn as_bool(&self) -> Result<bool> {
        match &self.value {
            Value::Bool(truth) => Ok(*truth),
            Value::Text(text) if text.trim() == "true" => Ok(true),
            Value::Text(text) if text.trim() == "false" => Ok(false),
            _ => Err(Error::malformed(&self.name, "it should be true or false")),
        }
    }
}

/// The elements within one, taken out by name; what nobody took is an error.
#[derive(Debug)]
pub(crate) struct Fields<'e> {
    of: &'e str,
    left: Vec<&'e Element>,
}

impl<'e> Fields<'e> {
    /// All elements of this name.
    pub(crate) fn all(&mut self, name: &str) -> Vec<&'e Element> {
        let (found, left) = self.left.iter().partition(|element| element.name == name);
        self.left = left;
        found
    }

    /// The element of this name, which may be missing and stands there once.
    pub(crate) fn maybe(&mut self, name: &str) -> Result<Option<&'e Element>> {
        match self.all(name)[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(Error::malformed(name, "it stands there twice")),
        }
    }

    /// The element of this name.
    pub(crate) fn one(&mut self, name: &str) -> Result<&'e Element> {
        self.maybe(name)?.ok_or_else(|| Error::malformed(self.of, format!("it has no {name}")))
    }

    /// How many elements nobody has taken yet.
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some(unknown) => {
                Err(Error::malformed(self.of, format!("it has no place for {}", unknown.name)))
            }
        }
    }
}
