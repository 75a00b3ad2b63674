//! The JSON of the AWS CLI to elements and back.

use super::{
    DEPTH_MAX,
    element::{Element, Value},
};
use crate::error::{Error, Result};
use serde_json::{Map, Number, Value as Json};

/// Lists by the names that JSON has for them, and what XML calls each of their elements.
///
/// A list is one only within the elements named last; none means anywhere.
const LISTS: &[(&str, &str)] = &[
    ("Rules", "Rule"),
    ("Transitions", "Transition"),
    ("NoncurrentVersionTransitions", "NoncurrentVersionTransition"),
    ("Tags", "Tag"),
    ("Tierings", "Tiering"),
];

/// Reads a document as the content of an element `root`.
pub(crate) fn read(text: &str, root: &str) -> Result<Element> {
    let json: Json =
        serde_json::from_str(text).map_err(|error| Error::malformed(root, error.to_string()))?;
    let Json::Object(fields) = json else {
        return Err(Error::malformed(root, "it should be an object"));
    };
    Ok(Element::new(root, children(&fields, 1)?))
}

fn children(fields: &Map<String, Json>, depth: usize) -> Result<Vec<Element>> {
    let mut all = Vec::new();
    for (name, json) in fields {
        if depth == DEPTH_MAX {
            return Err(Error::malformed(name, "it lies too deep"));
        }
        match LISTS.iter().find(|(list, _)| list == name) {
            Some((_, each)) => {
                let Json::Array(items) = json else {
                    return Err(Error::malformed(name, "it should be a list"));
                };
                for item in items {
                    all.push(element(each, item, depth + 1)?);
                }
            }
            // What a list of XML is called is no name of JSON.
            None if name != "Tag" && LISTS.iter().any(|(_, each)| each == name) => {
                return Err(Error::malformed(name, "JSON has a list in its place"));
            }
            None => all.push(element(name, json, depth + 1)?),
        }
    }
    Ok(all)
}

fn element(name: &str, json: &Json, depth: usize) -> Result<Element> {
    let value = match json {
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => Value::Number(number.to_string()),
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Object(fields) => Value::Elements(children(fields, depth)?),
        Json::Array(_) | Json::Null => {
            return Err(Error::malformed(name, "it should not be a list or null"));
        }
    };
    Ok(Element { name: name.into(), value })
}

/// Writes the content of an element.
pub(crate) fn write(root: &Element) -> String {
    let Value::Elements(children) = &root.value else { unreachable!("a root holds elements") };
    let json = Json::Object(object(children));
    serde_json::to_string_pretty(&json).expect("texts, numbers and truths can be written")
}

fn object(children: &[Element]) -> Map<String, Json> {
    let mut fields = Map::new();
    for child in children {
        // A single tag of a filter is no list; its siblings would be, in `And`.
        let list = LISTS.iter().find(|(_, each)| *each == child.name);
        let is_list = child.name != "Tag" || is_in_and(children);
        match list.filter(|_| is_list) {
            Some((list, _)) => {
                let items = fields.entry(*list).or_insert_with(|| Json::Array(Vec::new()));
                items.as_array_mut().expect("it was made a list").push(json(&child.value));
            }
            None => {
                fields.insert(child.name.clone(), json(&child.value));
            }
        }
    }
    fields
}

/// `And` has at least two predicates, and a filter beside it exactly one.
fn is_in_and(siblings: &[Element]) -> bool {
    siblings.len() > 1
}

fn json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(digits) => {
            let number: u64 = digits.parse().expect("numbers are written from integers");
            Json::Number(Number::from(number))
        }
        Value::Elements(children) => Json::Object(object(children)),
    }
}
