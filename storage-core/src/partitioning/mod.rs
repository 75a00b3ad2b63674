//! `Partitioning`: keys that say what their objects hold, so that whoever looks for some of it
//! lists no more than that.
//!
//! A lake keeps files under keys such as `sales/country=de/year=2026/month=11/part-0.parquet`. A
//! [`Partitioning`] builds such keys from values and reads them back; given a [`Predicate`] it walks
//! a bucket level by level and goes only where the predicate can hold. It is no index and no table:
//! it knows what stands in keys, and nothing of what stands in the files.
//!
//! ```
//! use cistern_storage_core::{Store, Timestamp};
//! use cistern_storage_core::partitioning::{Partitioning, Values, field, time};
//!
//! # fn main() -> cistern_storage_core::Result<()> {
//! let lake = Store::in_memory().create_bucket("lake")?;
//! let sales = Partitioning::hive("sales/").text("country").year().month().build()?;
//! let november = Timestamp::parse_iso8601("2026-11-23T07:00:00Z").unwrap();
//! let key = sales.key(&Values::new().with("country", "de").at(november), "part-0.parquet")?;
//! assert_eq!(key, "sales/country=de/year=2026/month=11/part-0.parquet");
//! lake.put(&key, "bytes")?;
//!
//! let wanted = field("country").eq("de").and(time().ge(november));
//! let mut found = sales.prune(&lake, &wanted)?;
//! assert_eq!(found.next().unwrap()?.key(), &key);
//! # Ok(())
//! # }
//! ```

mod field;
mod known;
mod predicate;
mod prune;
mod reach;
mod value;

pub use predicate::{Predicate, Subject, field, time};
pub use prune::{PruneStats, PrunedList};
pub use value::{Value, Values};

use crate::{
    bucket::Bucket,
    error::{Error, Result},
    object_key::ObjectKey,
};
use field::{Field, Kind, Unit, is_plain};
use known::{Known, Moment};
use predicate::Tree;
use std::{fmt::Display, sync::Arc};

/// How keys are made of fields. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitioning(Arc<Layout>);

#[derive(Debug, PartialEq, Eq)]
struct Layout {
    root: String,
    style: Style,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `year=2026/month=11/`
    Hive,
    /// `2026/11/`
    Plain,
}

/// Fields, one level of the key after the other.
#[derive(Clone, Debug)]
#[must_use = "it is a partitioning once build is called"]
pub struct PartitioningBuilder {
    root: String,
    style: Style,
    fields: Vec<Field>,
}

impl PartitioningBuilder {
    fn new(root: impl Into<String>, style: Style) -> Self {
        Self { root: root.into(), style, fields: Vec::new() }
    }

    fn field(mut self, name: impl Into<Box<str>>, kind: Kind) -> Self {
        self.fields.push(Field { name: name.into(), kind });
        self
    }

    /// A text, percent-encoded where a key or Hive needs it.
    pub fn text(self, name: impl Into<Box<str>>) -> Self {
        self.field(name, Kind::Text)
    }

    /// A number, as short as it can be. Ranges look at every partition of this level.
    pub fn integer(self, name: impl Into<Box<str>>) -> Self {
        self.field(name, Kind::Integer)
    }

    /// A number from 0 up, padded with zeros to so many digits (1 to 18): then ranges begin and end
    /// at their bounds.
    pub fn padded(self, name: impl Into<Box<str>>, digits: u8) -> Self {
        self.field(name, Kind::Padded(digits))
    }

    /// The moment's year, as `year`.
    pub fn year(self) -> Self {
        self.field("year", Kind::Time(Unit::Year))
    }

    /// The moment's month, as `month`, 01 to 12.
    pub fn month(self) -> Self {
        self.field("month", Kind::Time(Unit::Month))
    }

    /// The moment's day of the month, as `day`, 01 to 31.
    pub fn day(self) -> Self {
        self.field("day", Kind::Time(Unit::Day))
    }

    /// The moment's hour, as `hour`, 00 to 23.
    pub fn hour(self) -> Self {
        self.field("hour", Kind::Time(Unit::Hour))
    }

    /// The moment's date, `2026-11-23`, under a name of its own.
    pub fn date(self, name: impl Into<Box<str>>) -> Self {
        self.field(name, Kind::Time(Unit::Date))
    }

    /// The partitioning.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a root that neither is empty nor ends with `/`, without any
    /// field, for a name that is empty, stands twice or needs escaping, and for fields of time that
    /// tell no moment: they are year, month, day, hour, or date, hour, in any order, and none but
    /// the last may be left out.
    pub fn build(self) -> Result<Partitioning> {
        let Self { root, style, fields } = self;
        if !root.is_empty() && !root.ends_with('/') {
            return Err(invalid("root", &root, "it is empty or ends with `/`"));
        }
        if fields.is_empty() {
            return Err(invalid("fields", "", "a partitioning has at least one field"));
        }
        for (place, field) in fields.iter().enumerate() {
            if !is_plain(&field.name) {
                return Err(invalid("field", &field.name, "the name would need escaping"));
            }
            if fields[..place].iter().any(|other| other.name == field.name) {
                return Err(invalid("field", &field.name, "the name stands there twice"));
            }
            if matches!(field.kind, Kind::Padded(digits) if !(1..=18).contains(&digits)) {
                return Err(invalid("field", &field.name, "1 to 18 digits are possible"));
            }
        }
        check_units(&fields)?;
        Ok(Partitioning(Arc::new(Layout { root, style, fields })))
    }
}

/// Refuses fields of time that leave a moment open between two others.
fn check_units(fields: &[Field]) -> Result<()> {
    const WHOLE: [&[Unit]; 7] = [
        &[],
        &[Unit::Year],
        &[Unit::Year, Unit::Month],
        &[Unit::Year, Unit::Month, Unit::Day],
        &[Unit::Year, Unit::Month, Unit::Day, Unit::Hour],
        &[Unit::Date],
        &[Unit::Date, Unit::Hour],
    ];
    let units: Vec<Unit> = fields.iter().filter_map(|field| field.kind.unit()).collect();
    let is = |whole: &[Unit]| {
        whole.len() == units.len() && whole.iter().all(|unit| units.contains(unit))
    };
    if WHOLE.into_iter().any(is) {
        return Ok(());
    }
    let names: Vec<&str> = fields
        .iter()
        .filter(|field| field.kind.unit().is_some())
        .map(|field| &*field.name)
        .collect();
    Err(invalid("fields", names.join(", "), "they do not tell one moment; use integers instead"))
}

impl Partitioning {
    /// Keys that name their fields, as Hive and Spark write them: `sales/year=2026/month=11/...`.
    /// `root` is empty or ends with `/`.
    pub fn hive(root: impl Into<String>) -> PartitioningBuilder {
        PartitioningBuilder::new(root, Style::Hive)
    }

    /// Keys that hold values alone: `data/2026/11/23/07/...`. `root` is empty or ends with `/`.
    pub fn plain(root: impl Into<String>) -> PartitioningBuilder {
        PartitioningBuilder::new(root, Style::Plain)
    }

    /// What all keys begin with.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.0.root
    }

    /// The names of the fields, from the outermost level inwards.
    pub fn field_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields().iter().map(|field| &*field.name)
    }

    fn fields(&self) -> &[Field] {
        &self.0.fields
    }

    /// The prefix of all keys of one partition. It ends with `/`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when a field has no value, when a value has no field, and when a
    /// field cannot hold its value.
    pub fn prefix(&self, values: &Values) -> Result<String> {
        if let Some((name, _)) = values.fields().find(|(name, _)| !self.takes(name)) {
            return Err(invalid("values", name, "the partitioning has no such field to be given"));
        }
        let mut prefix = self.0.root.clone();
        for field in self.fields() {
            let value = value_of(field, values)?;
            let segment = self.segment(field, &value).ok_or_else(|| {
                invalid(
                    "values",
                    format!("{value:?}"),
                    format!("field `{}` cannot hold it", field.name),
                )
            })?;
            prefix.push_str(&segment);
        }
        Ok(prefix)
    }

    /// The key of a file in the partition of `values`. The file's name may have folders of its own.
    ///
    /// # Errors
    /// As [`Self::prefix`]; [`Error::InvalidArgument`] for an empty file name,
    /// [`Error::KeyTooLong`].
    pub fn key(&self, values: &Values, file: &str) -> Result<ObjectKey> {
        if file.is_empty() {
            return Err(invalid("file", file, "a file has a name"));
        }
        let mut key = self.prefix(values)?;
        key.push_str(file);
        ObjectKey::try_from(key)
    }

    /// Reads a key: what [`Self::key`] makes, and nothing else.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key that this partitioning would not make.
    pub fn parse<'k>(&self, key: &'k ObjectKey) -> Result<(Values, &'k str)> {
        let not_ours = |reason: String| invalid("key", key.as_str(), reason);
        let (found, file) = self.split(key).map_err(not_ours)?;
        let known = Known { fields: self.fields(), values: &found };
        let time = match known.moment() {
            Moment::Null => None,
            Moment::Within(span) => Some(crate::time::Timestamp::from_millis(span.first)),
            Moment::Impossible => return Err(not_ours("its date is none".to_owned())),
        };
        let mut values = Values::new();
        if self.has_time() {
            values.set_time(time);
        }
        for (field, value) in self.fields().iter().zip(found) {
            if field.kind.unit().is_none() {
                values = values.with(field.name.clone(), value);
            }
        }
        Ok((values, file))
    }

    fn split<'k>(&self, key: &'k ObjectKey) -> Result<(Vec<Value>, &'k str), String> {
        let rest = key.as_str().strip_prefix(self.root());
        let mut rest = rest.ok_or_else(|| format!("it does not begin with `{}`", self.root()))?;
        let mut values = Vec::with_capacity(self.fields().len());
        for field in self.fields() {
            let end = rest.find('/').map(|slash| slash + 1);
            let (segment, after) = rest.split_at(end.unwrap_or(0));
            let value = self.read_segment(field, segment);
            values.push(value.ok_or_else(|| format!("field `{}` cannot be read", field.name))?);
            rest = after;
        }
        if rest.is_empty() { Err("it has no file name".to_owned()) } else { Ok((values, rest)) }
    }

    /// Whether the partition of `key` can hold what `predicate` asks for. False for keys that are
    /// not of this partitioning.
    ///
    /// # Errors
    /// As [`Self::prune`].
    pub fn may_match(&self, predicate: &Predicate, key: &ObjectKey) -> Result<bool> {
        self.check(&predicate.0)?;
        let Ok((values, _)) = self.split(key) else { return Ok(false) };
        Ok(self.can_hold(&predicate.0, &values))
    }

    /// Lists the objects of the partitions that `predicate` can match, in the order of keys when it
    /// names no places, and otherwise in the order of values.
    ///
    /// Walks level by level. Where the predicate asks for equality, the walk goes straight to those
    /// values; where it asks for a range of numbers of fixed width or of times, it begins and ends
    /// at the bounds; elsewhere it looks at each partition's name. It never lists a partition that
    /// cannot match.
    ///
    /// Cost: one seek for each partition of a level that was looked at, and the lists of those that
    /// match. Memory: one page for each level.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the predicate names a field that is not there, or compares
    /// one with a value of another kind or with null. The list ends after its first error.
    pub fn prune(&self, bucket: &Bucket, predicate: &Predicate) -> Result<PrunedList> {
        self.check(&predicate.0)?;
        Ok(PrunedList::new(self.clone(), bucket.clone(), predicate.0.clone()))
    }

    /// True when nothing that is known of a partition stands against it.
    fn can_hold(&self, tree: &Tree, values: &[Value]) -> bool {
        let known = Known { fields: self.fields(), values };
        known.moment() != Moment::Impossible && known.outcomes(tree).holds
    }

    fn has_time(&self) -> bool {
        self.fields().iter().any(|field| field.kind.unit().is_some())
    }

    fn takes(&self, name: &str) -> bool {
        let mut fields = self.fields().iter();
        fields.any(|field| &*field.name == name && field.kind.unit().is_none())
    }

    fn segment(&self, field: &Field, value: &Value) -> Option<String> {
        let text = field.kind.encode(value)?;
        Some(match self.0.style {
            Style::Hive => format!("{}={text}/", field.name),
            Style::Plain => format!("{text}/"),
        })
    }

    fn read_segment(&self, field: &Field, segment: &str) -> Option<Value> {
        let text = segment.strip_suffix('/')?;
        let text = match self.0.style {
            Style::Hive => text.strip_prefix(&*field.name)?.strip_prefix('=')?,
            Style::Plain => text,
        };
        field.kind.decode(text)
    }

    fn check(&self, tree: &Tree) -> Result<()> {
        let (subject, test) = match tree {
            Tree::Not(tree) => return self.check(tree),
            Tree::And(trees) | Tree::Or(trees) => {
                return trees.iter().try_for_each(|tree| self.check(tree));
            }
            Tree::Leaf(subject, test) => (subject, test),
        };
        let (name, kind) = match subject {
            Subject::Time if self.has_time() => ("time", None),
            Subject::Time => {
                return Err(invalid("predicate", "time", "the partitioning has no field of time"));
            }
            Subject::Field(name) => {
                let field = self.fields().iter().find(|field| field.name == *name);
                let missing =
                    || invalid("predicate", &**name, "the partitioning has no such field");
                (&**name, Some(field.ok_or_else(missing)?.kind))
            }
        };
        let fits = |value: &Value| match kind {
            Some(kind) => kind.compares_with(value),
            None => matches!(value, Value::Time(_)),
        };
        match test.values().into_iter().find(|value| !fits(value)) {
            None => Ok(()),
            Some(value) => Err(invalid(
                "predicate",
                format!("{value:?}"),
                format!("`{name}` cannot be compared with it; for null there is is_null"),
            )),
        }
    }
}

fn value_of(field: &Field, values: &Values) -> Result<Value> {
    let missing = || invalid("values", &*field.name, "the field has no value; null is one");
    match field.kind.unit() {
        None => values.get(&field.name).cloned().ok_or_else(missing),
        Some(unit) => {
            let time = values.given_time().ok_or_else(missing)?;
            Ok(time.map_or(Value::Null, |time| unit.of(time)))
        }
    }
}

fn invalid(name: &'static str, value: impl Display, reason: impl Into<String>) -> Error {
    Error::invalid_argument(name, value.to_string(), reason.into())
}

#[cfg(test)]
mod tests;
