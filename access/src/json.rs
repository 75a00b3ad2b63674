//! A JSON reader that keeps places and order, and hides nothing: a key given twice is there twice.
//!
//! Policies are read strictly, and their errors name a line and a column: both need a reader that
//! remembers where every value stood.

use crate::place::Place;
use std::fmt::Write as _;

/// Values may be nested this deep; a policy needs six levels.
pub const DEPTH_MAX: usize = 32;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What it is.
    pub node: Node,
    /// The byte at which it begins.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string, decoded.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object: members in their order.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its key, decoded.
    pub key: String,
    /// The byte at which the key begins.
    pub start: usize,
    /// Its value.
    pub value: Value,
}

/// A text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at {place}")]
pub struct InvalidJson {
    /// What is wrong.
    pub what: &'static str,
    /// The byte at which it is wrong.
    pub offset: usize,
    /// The same, for people.
    pub place: Place,
}

/// Reads one value, and nothing but white space around it.
///
/// Cost: one pass. Memory: in proportion to the text.
///
/// # Errors
/// [`InvalidJson`] for a text that is not JSON by RFC 8259, or is nested deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Value, InvalidJson> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.skip_white_space();
    let value = reader.value()?;
    reader.skip_white_space();
    if reader.at < text.len() {
        return Err(reader.error("there is text after the value"));
    }
    Ok(value)
}

impl Value {
    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[Member]> {
        match &self.node {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.node {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The first member of an object with this key.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Self> {
        self.as_object()?.iter().find(|member| member.key == key).map(|member| &member.value)
    }
}

/// Writes a string as JSON, quotes included.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for one in text.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            one if u32::from(one) < 0x20 => {
                write!(out, "\\u{:04x}", u32::from(one)).expect("a string takes any text");
            }
            one => out.push(one),
        }
    }
    out.push('"');
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, InvalidJson>;

impl Reader<'_> {
    fn error(&self, what: &'static str) -> InvalidJson {
        InvalidJson { what, offset: self.at, place: Place::of(self.text, self.at) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn value(&mut self) -> Read<Value> {
        let start = self.at;
        let node = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Value { node, start, end: self.at })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Node>) -> Read<Node> {
        if self.depth == DEPTH_MAX {
            return Err(self.error("the value is nested too deep"));
        }
        self.depth += 1;
        self.at += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn word(&mut self) -> Read<Node> {
        let rest = &self.text[self.at..];
        let words =
            [("null", Node::Null), ("true", Node::Bool(true)), ("false", Node::Bool(false))];
        for (word, node) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(node);
            }
        }
        Err(self.error("a value is missing"))
    }

    fn object(&mut self) -> Read<Node> {
        let mut members = Vec::new();
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Node::Object(members));
        }
        loop {
            self.skip_white_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error("a key is missing"));
            }
            let key = self.string()?;
            self.skip_white_space();
            if !self.take(b':') {
                return Err(self.error("a colon is missing"));
            }
            self.skip_white_space();
            let value = self.value()?;
            members.push(Member { key, start, value });
            self.skip_white_space();
            if self.take(b'}') {
                return Ok(Node::Object(members));
            }
            if !self.take(b',') {
                return Err(self.error("a comma or a closing brace is missing"));
            }
        }
    }

    fn list(&mut self) -> Read<Node> {
        let mut items = Vec::new();
        self.skip_white_space();
        if self.take(b']') {
            return Ok(Node::List(items));
        }
        loop {
            self.skip_white_space();
            items.push(self.value()?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(Node::List(items));
            }
            if !self.take(b',') {
                return Err(self.error("a comma or a closing bracket is missing"));
            }
        }
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit is missing")) } else { Ok(()) }
    }

    fn number(&mut self) -> Read<Node> {
        let start = self.at;
        self.take(b'-');
        // A leading zero stands alone.
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Node::Number(self.text[start..self.at].to_owned()))
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|one: char| one == '"' || one == '\\' || one < ' ');
            let Some(plain) = plain else {
                self.at = self.text.len();
                return Err(self.error("a string does not end"));
            };
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.error("a control character stands in a string")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        self.at += 1;
        let escaped = match self.peek() {
            Some(b'u') => return self.unicode(start),
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.error("an escape is unknown")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `\uXXXX`, and two of them for a character beyond the first 65,536.
    fn unicode(&mut self, start: usize) -> Read<char> {
        let first = self.four_digits()?;
        let code = if (0xd800..0xdc00).contains(&first) && self.take(b'\\') {
            let second = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&second) {
                self.at = start;
                return Err(self.error("half a character is missing"));
            }
            0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| {
            self.at = start;
            self.error("half a character is missing")
        })
    }

    fn four_digits(&mut self) -> Read<u32> {
        if !self.take(b'u') {
            return Err(self.error("half a character is missing"));
        }
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        if !is_hex {
            return Err(self.error("four hexadecimal digits are missing"));
        }
        let text = &self.text[self.at..self.at + 4];
        self.at += 4;
        Ok(u32::from_str_radix(text, 16).expect("four hexadecimal digits are a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(json: &str, expected: &str) {
        assert_eq!(parse(json).unwrap().as_text(), Some(expected));
    }

    #[track_caller]
    fn check_error(json: &str, what: &str, column: usize) {
        let error = parse(json).unwrap_err();
        assert_eq!((error.what, error.place.column), (what, column));
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let value = parse(r#" {"a": [null, true, -1.5e3, "x"], "a": {}} "#).unwrap();
        let members = value.as_object().unwrap();
        assert_eq!(members.len(), 2);
        let items = members[0].value.as_list().unwrap();
        assert_eq!(items[0].node, Node::Null);
        assert_eq!(items[1].node, Node::Bool(true));
        assert_eq!(items[2].node, Node::Number("-1.5e3".into()));
        assert_eq!(items[3].as_text(), Some("x"));
        assert_eq!((members[1].start, members[1].value.start, members[1].value.end), (34, 39, 41));
    }

    #[test]
    fn escapes_are_decoded() {
        check_text(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t");
        check_text(r#""\u00e4\ud83d\ude00""#, "\u{e4}\u{1f600}");
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = "a\"b\\c\n\r\t\u{1}\u{e4}\u{1f600}/";
        let mut out = String::new();
        write_text(&mut out, text);
        check_text(&out, text);
    }

    #[test]
    fn an_error_says_what_and_where() {
        check_error("", "a value is missing", 1);
        check_error("{\"a\" 1}", "a colon is missing", 6);
        check_error("{\"a\": 1", "a comma or a closing brace is missing", 8);
        check_error("{1: 2}", "a key is missing", 2);
        check_error("[1,]", "a value is missing", 4);
        check_error("[1 2]", "a comma or a closing bracket is missing", 4);
        check_error("01", "there is text after the value", 2);
        check_error("1.", "a digit is missing", 3);
        check_error("\"a", "a string does not end", 3);
        check_error("\"\n\"", "a control character stands in a string", 2);
        check_error(r#""\x""#, "an escape is unknown", 3);
        check_error(r#""\ud800""#, "half a character is missing", 2);
        check_error(r#""\ud800\u0041""#, "half a character is missing", 2);
        check_error(r#""\u00g0""#, "four hexadecimal digits are missing", 4);
        check_error("{} x", "there is text after the value", 4);
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        let error = parse(&nested(DEPTH_MAX + 1)).unwrap_err();
        assert_eq!(error.what, "the value is nested too deep");
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }
}
