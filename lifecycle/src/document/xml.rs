//! XML to elements and back.

use super::{
    DEPTH_MAX,
    element::{Element, Value},
};
use crate::error::{Error, Result};
use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, BytesStart, Event},
};

/// Reads a document whose root has this name.
///
/// Namespaces and attributes say nothing here; comments and processing instructions are skipped. A
/// document type is refused, and with it all entities but XML's own five.
pub(crate) fn read(text: &str, root: &str) -> Result<Element> {
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut open: Vec<Open> = Vec::new();
    let mut done: Option<Element> = None;
    loop {
        let event = reader.read_event().map_err(|error| malformed(root, error))?;
        match event {
            Event::Start(start) => {
                if done.is_some() || open.len() == DEPTH_MAX {
                    return Err(Error::malformed(root, "it holds too much"));
                }
                open.push(Open::new(&start));
            }
            Event::Empty(start) => {
                if done.is_some() {
                    return Err(Error::malformed(root, "it holds too much"));
                }
                close(Open::new(&start), &mut open, &mut done)?;
            }
            Event::End(_) => {
                let one = open.pop().ok_or_else(|| Error::malformed(root, "an end too many"))?;
                close(one, &mut open, &mut done)?;
            }
            Event::Text(text) => add(&mut open, &text.xml10_content(), root)?,
            Event::CData(text) => add(&mut open, &text.xml10_content(), root)?,
            Event::GeneralRef(name) => add(&mut open, &resolve(&name, root)?, root)?,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => {
                return Err(Error::malformed(root, "document types are not read"));
            }
            Event::Eof => break,
        }
    }
    match done {
        Some(element) if open.is_empty() && element.name == root => Ok(element),
        _ => Err(Error::malformed(root, "it is not the root of a whole document")),
    }
}

/// An element whose end was not read yet.
struct Open {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Open {
    fn new(start: &BytesStart<'_>) -> Self {
        let name = start.local_name().into_inner().to_owned();
        Self { name, text: String::new(), children: Vec::new() }
    }
}

fn close(one: Open, open: &mut [Open], done: &mut Option<Element>) -> Result<()> {
    let value = if one.children.is_empty() {
        Value::Text(one.text)
    } else if one.text.trim().is_empty() {
        Value::Elements(one.children)
    } else {
        return Err(Error::malformed(&one.name, "it holds text beside elements"));
    };
    let element = Element { name: one.name, value };
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *done = Some(element),
    }
    Ok(())
}

fn add(open: &mut [Open], text: &str, root: &str) -> Result<()> {
    match open.last_mut() {
        Some(one) => one.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(Error::malformed(root, "there is text outside of it")),
    }
    Ok(())
}

fn resolve(name: &BytesRef<'_>, root: &str) -> Result<String> {
    if let Some(one) = name.resolve_char_ref().map_err(|error| malformed(root, error))? {
        return Ok(one.to_string());
    }
    let text = resolve_xml_entity(name);
    text.map(str::to_owned).ok_or_else(|| Error::malformed(root, "an entity is not known"))
}

fn malformed(root: &str, error: impl std::fmt::Display) -> Error {
    Error::malformed(root, error.to_string())
}

/// Writes a document, in S3's namespace.
pub(crate) fn write(root: &Element) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write_element(root, " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"", &mut text);
    text
}

fn write_element(element: &Element, attributes: &str, text: &mut String) {
    let name = &element.name;
    text.extend(["<", name, attributes, ">"]);
    match &element.value {
        Value::Text(value) | Value::Number(value) => escape(value, text),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Elements(children) => {
            children.iter().for_each(|child| write_element(child, "", text));
        }
    }
    text.extend(["</", name, ">"]);
}

/// Control characters are written as references: a reader would change or refuse them otherwise.
fn escape(value: &str, text: &mut String) {
    for one in value.chars() {
        match one {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            control if control.is_control() => {
                text.push_str(&format!("&#{};", u32::from(control)));
            }
            plain => text.push(plain),
        }
    }
}
