//! `Known`: what is known of a partition half way down to it, and what that says of a predicate.

use super::{
    field::{Field, Unit},
    predicate::{Subject, Test, Tree, bound_value},
    value::Value,
};
use crate::time::Timestamp;
use std::ops::Bound;

/// The values of the first fields; the others can still be anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) fields: &'a [Field],
    pub(super) values: &'a [Value],
}

/// Which outcomes a condition can still have. Neither is SQL's "unknown": it has met null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcomes {
    pub(super) holds: bool,
    pub(super) fails: bool,
}

impl Outcomes {
    const EITHER: Self = Self { holds: true, fails: true };
    const UNKNOWN: Self = Self { holds: false, fails: false };

    fn certain(holds: bool) -> Self {
        Self { holds, fails: !holds }
    }

    fn opposite(self) -> Self {
        Self { holds: self.fails, fails: self.holds }
    }
}

/// What is known of the moment of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Null,
    Within(Span),
    /// Its fields do not go together: 31 February, or a null among others.
    Impossible,
}

/// Moments from `first` to `last`, both included, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Span {
    /// All moments that a partition can have: years 0 to 9999.
    pub(super) fn ever() -> Self {
        let year = |year| Timestamp::from_civil_hour(year, 1, 1, 0).map(Timestamp::as_millis);
        // The calendar ends within the last day of the year 9999.
        let first = year(0).expect("the calendar has a year 0");
        Self { first, last: i64::MAX }
    }

    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }
}

impl Known<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        let place = self.fields.iter().position(|field| &*field.name == name)?;
        self.values.get(place)
    }

    pub(super) fn unit(&self, unit: Unit) -> Option<&Value> {
        let place = self.fields.iter().position(|field| field.kind.unit() == Some(unit))?;
        self.values.get(place)
    }

    /// What the known fields of time say of the moment.
    pub(super) fn moment(&self) -> Moment {
        let number = |unit| match self.unit(unit) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        let known = self.fields.iter().zip(self.values);
        let of_time = known.filter(|(field, _)| field.kind.unit().is_some());
        let nulls: Vec<bool> = of_time.map(|(_, value)| *value == Value::Null).collect();
        if nulls.contains(&true) {
            return if nulls.contains(&false) { Moment::Impossible } else { Moment::Null };
        }
        let date = match self.unit(Unit::Date) {
            Some(Value::Time(day)) => Some(day.civil_hour()),
            _ => None,
        };
        let year = number(Unit::Year).or(date.map(|date| date.0));
        let month = number(Unit::Month).or(date.map(|date| date.1));
        let day = number(Unit::Day).or(date.map(|date| date.2));
        span(year, month, day, number(Unit::Hour)).map_or(Moment::Impossible, Moment::Within)
    }

    /// What `tree` can still come to.
    pub(super) fn outcomes(&self, tree: &Tree) -> Outcomes {
        match tree {
            Tree::Leaf(subject, test) => self.leaf(subject, test),
            Tree::Not(tree) => self.outcomes(tree).opposite(),
            Tree::And(trees) => trees.iter().fold(Outcomes::certain(true), |all, tree| {
                let one = self.outcomes(tree);
                Outcomes { holds: all.holds && one.holds, fails: all.fails || one.fails }
            }),
            Tree::Or(trees) => trees.iter().fold(Outcomes::certain(false), |all, tree| {
                let one = self.outcomes(tree);
                Outcomes { holds: all.holds || one.holds, fails: all.fails && one.fails }
            }),
        }
    }

    pub(super) fn leaf(&self, subject: &Subject, test: &Test) -> Outcomes {
        match subject {
            Subject::Field(name) => match self.value(name) {
                None => Outcomes::EITHER,
                Some(Value::Null) if *test == Test::IsNull => Outcomes::certain(true),
                Some(Value::Null) => Outcomes::UNKNOWN,
                Some(value) => Outcomes::certain(test.passes(value)),
            },
            Subject::Time => match self.moment() {
                Moment::Null if *test == Test::IsNull => Outcomes::certain(true),
                Moment::Null | Moment::Impossible => Outcomes::UNKNOWN,
                Moment::Within(span) => self.within(span, test),
            },
        }
    }

    fn within(&self, span: Span, test: &Test) -> Outcomes {
        if self.fields.iter().zip(self.values).all(|(field, _)| field.kind.unit().is_none()) {
            return Outcomes::EITHER;
        }
        let spans = spans_of(test);
        let holds = spans.iter().any(|one| one.intersection(span).is_some());
        let covered = spans.iter().any(|one| one.first <= span.first && one.last >= span.last);
        Outcomes { holds, fails: !covered }
    }
}

/// The moments that pass a test.
pub(super) fn spans_of(test: &Test) -> Vec<Span> {
    let millis = |value: &Value| match value {
        Value::Time(time) => Some(time.as_millis()),
        _ => None,
    };
    match test {
        Test::IsNull => Vec::new(),
        Test::In(values) => {
            let moments = values.iter().filter_map(millis);
            moments.map(|moment| Span { first: moment, last: moment }).collect()
        }
        Test::Range(low, high) => {
            let first = bound_value(low).and_then(millis).unwrap_or(i64::MIN);
            let last = bound_value(high).and_then(millis).unwrap_or(i64::MAX);
            // The ends of time have no neighbours, and hold no partition.
            let first = first.saturating_add(i64::from(matches!(low, Bound::Excluded(_))));
            let last = last.saturating_sub(i64::from(matches!(high, Bound::Excluded(_))));
            if first <= last { vec![Span { first, last }] } else { Vec::new() }
        }
    }
}

/// The moments that the known parts leave open; `None` when the calendar has none.
fn span(
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
) -> Option<Span> {
    let Some(year) = year else { return Some(Span::ever()) };
    let begin = |year, month, day, hour| {
        Timestamp::from_civil_hour(year, month, day, hour).map(Timestamp::as_millis)
    };
    let Some(month) = month else {
        let last = begin(year + 1, 1, 1, 0).map_or(i64::MAX, |next| next - 1);
        return Some(Span { first: begin(year, 1, 1, 0)?, last });
    };
    let Some(day) = day else {
        let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let last = begin(next.0, next.1, 1, 0).map_or(i64::MAX, |next| next - 1);
        return Some(Span { first: begin(year, month, 1, 0)?, last });
    };
    let first = begin(year, month, day, hour.unwrap_or(0))?;
    let length = if hour.is_some() { HOUR } else { 24 * HOUR };
    Some(Span { first, last: first + length - 1 })
}

const HOUR: i64 = 3_600_000;
