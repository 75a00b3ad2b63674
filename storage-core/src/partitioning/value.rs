//! `Value` and `Values`: what the fields of one partition are.

use crate::time::Timestamp;
use std::collections::BTreeMap;

/// One field of a partition, or what a predicate compares it with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Not known. As in SQL, no comparison with it holds.
    Null,
    /// A number; also a year, a month, a day and an hour.
    Integer(i64),
    /// A text of at least one character.
    Text(String),
    /// A moment; a date is its midnight.
    Time(Timestamp),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Value {
    /// The empty text is no value: Hive and Spark write both as the same partition.
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// The values of one partition: fields by name, and the moment that years, months, days, hours and
/// dates are taken from.
///
/// ```
/// # use cistern_storage_core::{Timestamp, partitioning::Values};
/// let noon = Timestamp::parse_iso8601("2026-11-23T12:00:00Z").unwrap();
/// let values = Values::new().with("product", "kettle").with("shop", 7).at(noon);
/// assert_eq!(values.time(), Some(noon));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    fields: BTreeMap<Box<str>, Value>,
    time: Option<Option<Timestamp>>,
}

impl Values {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a field: a number, a text, or [`Value::Null`]. The empty text is null.
    #[must_use]
    pub fn with(mut self, name: impl Into<Box<str>>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// With the moment that all fields of time are taken from.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(Some(time));
        self
    }

    /// Without a moment: all fields of time are null.
    #[must_use]
    pub fn at_no_time(mut self) -> Self {
        self.time = Some(None);
        self
    }

    /// The field of that name, when it was given. Fields of time are in [`Self::time`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The moment; of values that were read from a key, where its partition begins.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.time.flatten()
    }

    /// The moment as it was given: not at all, as null, or as one.
    pub(super) fn given_time(&self) -> Option<Option<Timestamp>> {
        self.time
    }

    pub(super) fn set_time(&mut self, time: Option<Timestamp>) {
        self.time = Some(time);
    }

    /// The fields but those of time, by name.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (&**name, value))
    }
}
