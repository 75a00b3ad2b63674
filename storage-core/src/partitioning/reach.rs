//! `Reach`: which values of the next field a predicate can match at all, so that a walk goes
//! straight to them.

use super::{
    field::{Field, Unit},
    known::{Known, Moment, Span, spans_of},
    predicate::{Subject, Test, Tree, bound_value},
    value::Value,
};
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// More values than can match, never fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Anything,
    Values(BTreeSet<Value>),
    /// From the first to the second, both included; never null.
    Between(Option<Value>, Option<Value>),
}

impl Reach {
    fn nothing() -> Self {
        Self::Values(BTreeSet::new())
    }

    fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Anything => true,
            Self::Values(values) => values.contains(value),
            Self::Between(low, high) => {
                *value != Value::Null
                    && low.as_ref().is_none_or(|low| value >= low)
                    && high.as_ref().is_none_or(|high| value <= high)
            }
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Anything, other) | (other, Self::Anything) => other,
            (Self::Values(mut values), other) | (other, Self::Values(mut values)) => {
                values.retain(|value| other.contains(value));
                Self::Values(values)
            }
            (Self::Between(low, high), Self::Between(other_low, other_high)) => {
                let low = match (low, other_low) {
                    (Some(one), Some(two)) => Some(one.max(two)),
                    (one, two) => one.or(two),
                };
                let high = match (high, other_high) {
                    (Some(one), Some(two)) => Some(one.min(two)),
                    (one, two) => one.or(two),
                };
                Self::Between(low, high)
            }
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Anything, _) | (_, Self::Anything) => Self::Anything,
            (Self::Values(mut values), Self::Values(more)) => {
                values.extend(more);
                Self::Values(values)
            }
            (Self::Values(values), range) | (range, Self::Values(values)) => {
                if values.contains(&Value::Null) {
                    return Self::Anything;
                }
                let (Some(low), Some(high)) = (values.first(), values.last()) else {
                    return range;
                };
                range.hull(Some(low.clone()), Some(high.clone()))
            }
            (range, Self::Between(low, high)) => range.hull(low, high),
        }
    }

    fn hull(self, other_low: Option<Value>, other_high: Option<Value>) -> Self {
        let Self::Between(low, high) = self else { return Self::Anything };
        Self::Between(low.zip(other_low).map(min), high.zip(other_high).map(max))
    }
}

fn min((one, two): (Value, Value)) -> Value {
    one.min(two)
}

fn max((one, two): (Value, Value)) -> Value {
    one.max(two)
}

/// What `field` can be in a partition that begins as known, if `tree` is to hold there.
pub(super) fn reach(tree: &Tree, field: &Field, known: Known<'_>) -> Reach {
    walk(tree, field, known, false)
}

fn walk(tree: &Tree, field: &Field, known: Known<'_>, negated: bool) -> Reach {
    let each = |trees: &[Tree]| -> Vec<Reach> {
        trees.iter().map(|tree| walk(tree, field, known, negated)).collect()
    };
    match (tree, negated) {
        (Tree::Not(tree), _) => walk(tree, field, known, !negated),
        (Tree::And(trees), false) | (Tree::Or(trees), true) => {
            each(trees).into_iter().fold(Reach::Anything, Reach::and)
        }
        (Tree::Or(trees), false) | (Tree::And(trees), true) => {
            each(trees).into_iter().fold(Reach::nothing(), Reach::or)
        }
        (Tree::Leaf(subject, test), _) => match (subject, field.kind.unit()) {
            (Subject::Field(name), _) if *name == field.name => of_field(test, negated),
            (Subject::Time, Some(unit)) => of_time(test, unit, known, negated),
            _ => {
                let outcomes = known.leaf(subject, test);
                let possible = if negated { outcomes.fails } else { outcomes.holds };
                if possible { Reach::Anything } else { Reach::nothing() }
            }
        },
    }
}

fn of_field(test: &Test, negated: bool) -> Reach {
    match (test, negated) {
        (Test::IsNull, false) => Reach::Values([Value::Null].into()),
        (Test::In(values), false) => Reach::Values(values.clone()),
        (Test::Range(low, high), false) => {
            Reach::Between(bound_value(low).cloned(), bound_value(high).cloned())
        }
        (Test::Range(low, high), true) => match (bound_value(low), bound_value(high)) {
            (None, Some(high)) => Reach::Between(Some(high.clone()), None),
            (Some(low), None) => Reach::Between(None, Some(low.clone())),
            _ => Reach::Anything,
        },
        (Test::IsNull | Test::In(_), true) => Reach::Anything,
    }
}

/// A test of the moment, as one of its part `unit`.
fn of_time(test: &Test, unit: Unit, known: Known<'_>, negated: bool) -> Reach {
    let spans = match (test, negated) {
        (Test::IsNull, false) => return Reach::Values([Value::Null].into()),
        (Test::IsNull | Test::In(_), true) => return Reach::Anything,
        (_, false) => spans_of(test),
        (Test::Range(..), true) => spans_outside(test),
    };
    let Some(parent) = parent(unit, known) else { return Reach::Anything };
    let within = spans.into_iter().filter_map(|span| span.intersection(parent));
    let part = |millis| {
        let time = Timestamp::from_millis(millis);
        Some(unit.of(time))
    };
    within
        .map(|span| Reach::Between(part(span.first), part(span.last)))
        .fold(Reach::nothing(), Reach::or)
}

/// The moments that a range leaves out.
fn spans_outside(test: &Test) -> Vec<Span> {
    let ever = Span { first: i64::MIN, last: i64::MAX };
    let [range] = spans_of(test)[..] else { return vec![ever] };
    let before = range.first.checked_sub(1).map(|last| Span { last, ..ever });
    let behind = range.last.checked_add(1).map(|first| Span { first, ..ever });
    before.into_iter().chain(behind).collect()
}

/// The moments within which `unit` counts: a day counts within a month. `None` when those are not
/// known yet.
fn parent(unit: Unit, known: Known<'_>) -> Option<Span> {
    let is_known = |unit| known.unit(unit).is_some();
    let settled = match unit {
        Unit::Year | Unit::Date => return Some(Span::ever()),
        Unit::Month => is_known(Unit::Year),
        Unit::Day => is_known(Unit::Year) && is_known(Unit::Month),
        Unit::Hour => {
            let day = [Unit::Year, Unit::Month, Unit::Day].into_iter().all(is_known);
            day || is_known(Unit::Date)
        }
    };
    match known.moment() {
        Moment::Within(span) if settled => Some(span),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partitioning::{Predicate, field, field::Kind, time};

    fn fields() -> Vec<Field> {
        let field = |name: &str, kind| Field { name: name.into(), kind };
        vec![
            field("shop", Kind::Padded(3)),
            field("year", Kind::Time(Unit::Year)),
            field("month", Kind::Time(Unit::Month)),
        ]
    }

    #[track_caller]
    fn check(predicate: &Predicate, known: &[Value], expected: &Reach) {
        let fields = fields();
        let known = Known { fields: &fields, values: known };
        let next = &fields[known.values.len()];
        assert_eq!(&reach(&predicate.0, next, known), expected);
    }

    fn between(low: impl Into<Option<i64>>, high: impl Into<Option<i64>>) -> Reach {
        Reach::Between(low.into().map(Value::Integer), high.into().map(Value::Integer))
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    #[test]
    fn equalities_are_places_and_comparisons_are_ranges() {
        let one = Reach::Values([Value::Integer(1)].into());
        check(&field("shop").eq(1), &[], &one);
        check(&field("shop").ge(5), &[], &between(5, None));
        check(&!field("shop").ge(5), &[], &between(None, 5));
        check(&field("shop").ge(5).and(field("shop").le(9)), &[], &between(5, 9));
        check(&field("shop").eq(1).and(field("shop").le(9)), &[], &one);
        check(&field("shop").eq(1).or(field("shop").between(5, 9)), &[], &between(1, 9));
        check(&field("year").eq(1), &[], &Reach::Anything);
        check(&Predicate::all(), &[], &Reach::Anything);
        check(&!Predicate::all(), &[], &Reach::nothing());
    }

    #[test]
    fn what_is_known_decides_between_alternatives() {
        let first = field("shop").eq(1).and(field("year").eq(2025));
        let second = field("shop").eq(2).and(field("year").ge(2026));
        check(&first.or(second), &[Value::Integer(2)], &between(2026, None));
    }

    #[test]
    fn a_range_of_moments_is_a_range_of_months_within_each_year() {
        let predicate = time().between(at("2025-11-05T00:00:00Z"), at("2027-02-01T00:00:00Z"));
        let shop = Value::Integer(1);
        check(&predicate, std::slice::from_ref(&shop), &between(2025, 2027));
        check(&predicate, &[shop.clone(), Value::Integer(2025)], &between(11, 12));
        check(&predicate, &[shop.clone(), Value::Integer(2026)], &between(1, 12));
        check(&predicate, &[shop.clone(), Value::Integer(2027)], &between(1, 2));
        check(&predicate, &[shop, Value::Integer(2028)], &Reach::nothing());
    }
}
