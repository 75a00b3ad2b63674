//! `Predicate`: which partitions are wanted.

use super::value::Value;
use std::{
    collections::BTreeSet,
    ops::{Bound, Not},
};

/// A condition on the fields of a partition, with SQL's rules: no comparison with null holds, and
/// neither does its opposite.
///
/// ```
/// # use cistern_storage_core::{Timestamp, partitioning::{field, time}};
/// # let monday = Timestamp::default();
/// let wanted = field("country").is_in(["de", "at"]).and(time().ge(monday));
/// let rest = field("shop").between(1, 9).or(!field("product").eq("kettle"));
/// # drop((wanted, rest));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate(pub(super) Tree);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Leaf(Subject, Test),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

/// What a comparison is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A field by its name. Years, months, days and hours are numbers; dates are their midnights.
    Field(Box<str>),
    /// The moment that the fields of time are taken from. A partition of an hour holds every moment
    /// of the hour, and is wanted when one of them is.
    Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    In(BTreeSet<Value>),
    Range(Bound<Value>, Bound<Value>),
    IsNull,
}

/// The field of that name, to be compared.
#[must_use]
pub fn field(name: impl Into<Box<str>>) -> Subject {
    Subject::Field(name.into())
}

/// The partition's moment, to be compared.
#[must_use]
pub fn time() -> Subject {
    Subject::Time
}

impl Subject {
    /// Equal to `value`.
    #[must_use]
    pub fn eq(self, value: impl Into<Value>) -> Predicate {
        self.is_in([value])
    }

    /// One of `values`.
    #[must_use]
    pub fn is_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Predicate {
        self.test(Test::In(values.into_iter().map(Into::into).collect()))
    }

    /// Less than `value`.
    #[must_use]
    pub fn lt(self, value: impl Into<Value>) -> Predicate {
        self.test(Test::Range(Bound::Unbounded, Bound::Excluded(value.into())))
    }

    /// At most `value`.
    #[must_use]
    pub fn le(self, value: impl Into<Value>) -> Predicate {
        self.test(Test::Range(Bound::Unbounded, Bound::Included(value.into())))
    }

    /// Greater than `value`.
    #[must_use]
    pub fn gt(self, value: impl Into<Value>) -> Predicate {
        self.test(Test::Range(Bound::Excluded(value.into()), Bound::Unbounded))
    }

    /// At least `value`.
    #[must_use]
    pub fn ge(self, value: impl Into<Value>) -> Predicate {
        self.test(Test::Range(Bound::Included(value.into()), Bound::Unbounded))
    }

    /// From `low` to `high`, both included.
    #[must_use]
    pub fn between(self, low: impl Into<Value>, high: impl Into<Value>) -> Predicate {
        self.test(Test::Range(Bound::Included(low.into()), Bound::Included(high.into())))
    }

    /// Null.
    #[must_use]
    pub fn is_null(self) -> Predicate {
        self.test(Test::IsNull)
    }

    fn test(self, test: Test) -> Predicate {
        Predicate(Tree::Leaf(self, test))
    }
}

impl Predicate {
    /// Every partition.
    #[must_use]
    pub fn all() -> Self {
        Self(Tree::And(Vec::new()))
    }

    /// Both this and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(match self.0 {
            Tree::And(mut trees) => {
                trees.push(other.0);
                Tree::And(trees)
            }
            tree => Tree::And(vec![tree, other.0]),
        })
    }

    /// This, or `other`, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(match self.0 {
            Tree::Or(mut trees) => {
                trees.push(other.0);
                Tree::Or(trees)
            }
            tree => Tree::Or(vec![tree, other.0]),
        })
    }
}

impl Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        Self(Tree::Not(Box::new(self.0)))
    }
}

impl Test {
    /// The values that it compares with.
    pub(super) fn values(&self) -> Vec<&Value> {
        match self {
            Self::In(values) => values.iter().collect(),
            Self::Range(low, high) => [low, high].into_iter().filter_map(bound_value).collect(),
            Self::IsNull => Vec::new(),
        }
    }

    /// True when a value that is not null passes.
    pub(super) fn passes(&self, value: &Value) -> bool {
        match self {
            Self::In(values) => values.contains(value),
            Self::Range(low, high) => {
                let after_low = match low {
                    Bound::Unbounded => true,
                    Bound::Included(low) => value >= low,
                    Bound::Excluded(low) => value > low,
                };
                let before_high = match high {
                    Bound::Unbounded => true,
                    Bound::Included(high) => value <= high,
                    Bound::Excluded(high) => value < high,
                };
                after_low && before_high
            }
            Self::IsNull => false,
        }
    }
}

pub(super) fn bound_value(bound: &Bound<Value>) -> Option<&Value> {
    match bound {
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
        Bound::Unbounded => None,
    }
}
