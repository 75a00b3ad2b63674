//! `Field`: one level of a partitioning, and how its values are written in keys.

use super::value::Value;
use crate::time::Timestamp;
use std::fmt::Write;

/// What stands for null in a key; readers of Hive's layout know it.
pub(super) const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A number, as short as it can be.
    Integer,
    /// A number of a fixed count of digits.
    Padded(u8),
    /// Taken from the partition's moment.
    Time(Unit),
}

/// What of a moment a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Month,
    Day,
    Hour,
    /// Year, month and day in one: `2026-11-23`.
    Date,
}

impl Kind {
    /// True when texts of values order as the values do, so that a range of values is a range of
    /// keys: texts of one fixed length.
    pub(super) fn keeps_order(self) -> bool {
        matches!(self, Self::Padded(_) | Self::Time(_))
    }

    pub(super) fn unit(self) -> Option<Unit> {
        match self {
            Self::Time(unit) => Some(unit),
            _ => None,
        }
    }

    /// True when a predicate may compare this field with `value`.
    pub(super) fn compares_with(self, value: &Value) -> bool {
        match self {
            Self::Text => matches!(value, Value::Text(_)),
            Self::Time(Unit::Date) => matches!(value, Value::Time(_)),
            _ => matches!(value, Value::Integer(_)),
        }
    }

    /// The value's text in a key; `None` when this field cannot hold it.
    pub(super) fn encode(self, value: &Value) -> Option<String> {
        if *value == Value::Null {
            return Some(NULL.to_owned());
        }
        match (self, value) {
            (Self::Text, Value::Text(text)) if !text.is_empty() => Some(escape(text)),
            (Self::Integer, Value::Integer(number)) => Some(number.to_string()),
            (Self::Padded(width), Value::Integer(number)) => padded(*number, width.into()),
            (Self::Time(Unit::Date), Value::Time(time)) => date_text(*time),
            (Self::Time(Unit::Year), Value::Integer(number)) => padded(*number, 4),
            (Self::Time(Unit::Month), Value::Integer(1..=12))
            | (Self::Time(Unit::Day), Value::Integer(1..=31))
            | (Self::Time(Unit::Hour), Value::Integer(0..=23)) => {
                let Value::Integer(number) = value else { return None };
                padded(*number, 2)
            }
            _ => None,
        }
    }

    /// Reads a value's text: exactly what [`Self::encode`] writes, and nothing else, so that a value
    /// has one place in the order of keys.
    pub(super) fn decode(self, text: &str) -> Option<Value> {
        if text == NULL {
            return Some(Value::Null);
        }
        let value = match self {
            Self::Text => Value::Text(unescape(text)?),
            Self::Time(Unit::Date) => Value::Time(read_date(text)?),
            _ => Value::Integer(text.parse().ok()?),
        };
        (self.encode(&value)? == text).then_some(value)
    }
}

impl Unit {
    /// The unit's part of a moment.
    pub(super) fn of(self, time: Timestamp) -> Value {
        let (year, month, day, hour) = time.civil_hour();
        match self {
            Self::Year => Value::Integer(year),
            Self::Month => Value::Integer(month),
            Self::Day => Value::Integer(day),
            Self::Hour => Value::Integer(hour),
            Self::Date => Value::Time(time.day()),
        }
    }
}

fn padded(number: i64, width: usize) -> Option<String> {
    let text = format!("{number:0width$}");
    (number >= 0 && text.len() == width).then_some(text)
}

fn date_text(time: Timestamp) -> Option<String> {
    let (year, month, day, _) = time.civil_hour();
    let midnight = time == time.day();
    (midnight && (0..=9999).contains(&year)).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

fn read_date(text: &str) -> Option<Timestamp> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse().ok());
    Timestamp::from_civil_hour(parts.next()??, parts.next()??, parts.next()??, 0)
}

/// What Hive and Spark escape in the values of partitions; `%` and two digits stand for each.
fn must_escape(byte: u8) -> bool {
    byte.is_ascii_control() || b"\"#%'*/:=?\\{[]^".contains(&byte)
}

/// True when a text can be a field's name as it is.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text != NULL && !text.bytes().any(must_escape)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let first_of_null = at == 0 && text == NULL;
        match u8::try_from(letter) {
            Ok(byte) if byte.is_ascii() && (must_escape(byte) || first_of_null) => {
                write!(escaped, "%{byte:02X}").expect("a text takes what is written to it");
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, value: impl Into<Value>, text: &str) {
        let value = value.into();
        assert_eq!(kind.encode(&value).as_deref(), Some(text));
        assert_eq!(kind.decode(text), Some(value));
    }

    #[test]
    fn values_have_one_text_each() {
        check(Kind::Text, "de", "de");
        check(Kind::Text, "a/b=c%d e\u{e9}", "a%2Fb%3Dc%25d e\u{e9}");
        check(Kind::Text, "..", "..");
        check(Kind::Text, NULL, "%5F_HIVE_DEFAULT_PARTITION__");
        check(Kind::Text, "", NULL);
        check(Kind::Integer, Value::Null, NULL);
        check(Kind::Integer, -7, "-7");
        check(Kind::Padded(3), 7, "007");
        check(Kind::Time(Unit::Year), 26, "0026");
        let day = Timestamp::parse_iso8601("2026-11-03T00:00:00Z").unwrap();
        check(Kind::Time(Unit::Date), day, "2026-11-03");
    }

    #[test]
    fn another_text_of_a_value_is_refused() {
        for (kind, text) in [
            (Kind::Text, ""),
            (Kind::Text, "%"),
            (Kind::Text, "%2"),
            (Kind::Text, "%2f"),
            (Kind::Text, "%41"),
            (Kind::Text, "a:b"),
            (Kind::Text, "%FF"),
            (Kind::Integer, "07"),
            (Kind::Integer, "+7"),
            (Kind::Integer, "-0"),
            (Kind::Integer, "9223372036854775808"),
            (Kind::Padded(3), "7"),
            (Kind::Padded(3), "-07"),
            (Kind::Padded(3), "1000"),
            (Kind::Time(Unit::Month), "13"),
            (Kind::Time(Unit::Day), "00"),
            (Kind::Time(Unit::Hour), "24"),
            (Kind::Time(Unit::Date), "2026-02-30"),
            (Kind::Time(Unit::Date), "2026-1-02"),
        ] {
            assert_eq!(kind.decode(text), None, "{kind:?} {text}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_has_no_text() {
        assert_eq!(Kind::Padded(2).encode(&100.into()), None);
        assert_eq!(Kind::Padded(2).encode(&Value::from(-1)), None);
        assert_eq!(Kind::Text.encode(&7.into()), None);
        let noon = Timestamp::parse_iso8601("2026-11-03T12:00:00Z").unwrap();
        assert_eq!(Kind::Time(Unit::Date).encode(&noon.into()), None);
    }
}
