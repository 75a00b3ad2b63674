//! `Condition`: one operator, one key, its values; compiled once, decided often.
//!
//! | key in the request | positive | negated | IfExists | ForAllValues | ForAnyValue |
//! |---|---|---|---|---|---|
//! | absent, or a list without a value | false | true | true | true | false |
//! | one value | some value of the policy matches | none does | the same | as a list of one | as a list of one |
//! | a list | false | false | false | every one passes | some one passes |
//! | a value that cannot be compared | false | false | false | matches nothing | matches nothing |

use crate::{
    arn::{Arn, ArnOperand},
    condition_key::{ConditionKey, Found, Lookup},
    decimal::Decimal,
    moment::Moment,
    network::Network,
    operator::{Family, Operator, Quantifier, Relation},
    pattern::{Pattern, Syntax},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{cmp::Ordering, net::IpAddr};

/// One operator, one key, its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) key: ConditionKey,
    operands: Vec<Operand>,
}

/// A value of the policy.
#[derive(Clone, Debug, PartialEq)]
struct Operand {
    pattern: Pattern,
    value: Value,
}

/// The value, where comparing needs more than the pattern.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text,
    Number(Decimal),
    Date(Moment),
    Binary(Vec<u8>),
    Network(Network),
    Arn(ArnOperand),
    Bool(bool),
    /// Not of the operator's kind.
    Broken,
}

/// What comparing came to, before any negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Matches,
    Differs,
    /// The request's value is not of the operator's kind.
    Incomparable,
    /// The policy's is not: nothing follows from it.
    Broken,
}

impl Condition {
    pub(crate) fn new(
        operator: Operator,
        key: &str,
        values: &[String],
        has_variables: bool,
    ) -> Self {
        let operands = values.iter().map(|text| Operand::new(operator, text, has_variables));
        Self { operator, key: ConditionKey::new(key), operands: operands.collect() }
    }

    /// The texts of its values.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.operands.iter().map(|operand| operand.pattern.text())
    }

    /// The first value that is not of the operator's kind.
    pub(crate) fn broken(&self) -> Option<usize> {
        self.operands.iter().position(|operand| {
            operand.value == Value::Broken
                || operand.value == Value::Arn(ArnOperand::Broken)
                || !operand.pattern.is_well_formed()
        })
    }

    /// Every key that decides it, those of variables too.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        let variables = self.operands.iter().flat_map(|operand| operand.pattern.keys());
        std::iter::once(&self.key).chain(variables)
    }

    /// True when every value is text without wildcards and variables.
    pub(crate) fn is_fixed(&self) -> bool {
        self.operands
            .iter()
            .all(|one| one.pattern.is_literal() && !one.pattern.text().contains(['*', '?', '$']))
    }

    /// True when every value is a network narrow enough for a policy not to be public.
    pub(crate) fn is_narrow(&self) -> bool {
        let is_narrow =
            |text: &str| Network::parse(text).is_some_and(|network| network.is_narrow());
        self.texts().all(is_narrow)
    }

    pub(crate) fn holds(&self, values: &dyn Lookup) -> bool {
        let found = values.lookup(&self.key);
        if self.operator.family == Family::Null {
            // Law: IAM, Null takes a key without a value for one that is absent.
            let is_null = found.is_empty();
            return self.operands.iter().any(|operand| operand.value == Value::Bool(is_null));
        }
        match self.operator.quantifier {
            None => self.holds_for_one(&found, values),
            Some(quantifier) => self.holds_for_set(quantifier, &found, values),
        }
    }

    fn holds_for_one(&self, found: &Found<'_>, values: &dyn Lookup) -> bool {
        let is_absent = match found {
            Found::Absent => true,
            Found::List(list) => list.is_empty(),
            _ => false,
        };
        if is_absent {
            return self.operator.is_negated || self.operator.if_exists;
        }
        match found {
            // Law: IAM, a list without a set operator fails every operator.
            Found::One(value) => match self.compare(value, values) {
                Compared::Matches => !self.operator.is_negated,
                Compared::Differs => self.operator.is_negated,
                // Law: IAM, a value that cannot be compared fails every operator.
                Compared::Incomparable | Compared::Broken => false,
            },
            _ => false,
        }
    }

    fn holds_for_set(
        &self,
        quantifier: Quantifier,
        found: &Found<'_>,
        values: &dyn Lookup,
    ) -> bool {
        // Law: IAM, under a set operator a key with nothing but empty values is absent.
        if found.is_empty() {
            return self.operator.if_exists || quantifier == Quantifier::All;
        }
        let passes = |value: &str| match self.compare(value, values) {
            Compared::Matches => !self.operator.is_negated,
            Compared::Differs | Compared::Incomparable => self.operator.is_negated,
            // Law: IAM, a value of a policy that is not of its operator's kind fails every operator.
            Compared::Broken => false,
        };
        match quantifier {
            Quantifier::All => found.all(passes),
            Quantifier::Any => !found.all(|value| !passes(value)),
        }
    }

    fn compare(&self, value: &str, values: &dyn Lookup) -> Compared {
        let Some(given) = Given::parse(self.operator.family, value) else {
            return Compared::Incomparable;
        };
        let mut outcome = Compared::Differs;
        for operand in &self.operands {
            match operand.compare(self.operator.family, value, &given, values) {
                Compared::Matches => return Compared::Matches,
                Compared::Broken => outcome = Compared::Broken,
                _ => {}
            }
        }
        outcome
    }
}

/// A value of the request, read once for all values of the policy.
enum Given {
    Text,
    Folded(String),
    Number(Decimal),
    Date(Moment),
    Binary(Vec<u8>),
    Address(IpAddr),
    Arn(Arn),
    Bool(bool),
}

impl Given {
    fn parse(family: Family, text: &str) -> Option<Self> {
        match family {
            Family::Text | Family::TextLike | Family::Null => Some(Self::Text),
            Family::TextIgnoreCase => Some(Self::Folded(text.to_lowercase())),
            Family::Number(_) => Decimal::parse(text).map(Self::Number),
            Family::Date(_) => Moment::parse(text).map(Self::Date),
            Family::Binary => STANDARD.decode(text).ok().map(Self::Binary),
            Family::Address => text.parse().ok().map(Self::Address),
            Family::Arn => Arn::parse(text).ok().map(Self::Arn),
            Family::Bool => parse_bool(text).map(Self::Bool),
        }
    }
}

/// Law: IAM, Bool knows `true` and `false` in any case, and nothing else.
fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else {
        text.eq_ignore_ascii_case("false").then_some(false)
    }
}

impl Operand {
    fn new(operator: Operator, text: &str, has_variables: bool) -> Self {
        // Law: IAM, policy variables stand in values of String, Arn and Bool operators only.
        let takes_variables = matches!(
            operator.family,
            Family::Text | Family::TextIgnoreCase | Family::TextLike | Family::Arn | Family::Bool
        );
        let syntax = Syntax {
            wildcards: matches!(operator.family, Family::TextLike | Family::Arn),
            variables: has_variables && takes_variables,
        };
        let pattern = Pattern::new(text, syntax);
        let value = match operator.family {
            Family::Text | Family::TextIgnoreCase | Family::TextLike => Some(Value::Text),
            Family::Number(_) => Decimal::parse(text).map(Value::Number),
            Family::Date(_) => Moment::parse(text).map(Value::Date),
            Family::Binary => STANDARD.decode(text).ok().map(Value::Binary),
            Family::Address => Network::parse(text).map(Value::Network),
            Family::Arn => Some(Value::Arn(ArnOperand::new(&pattern))),
            Family::Bool if !pattern.is_literal() => Some(Value::Text),
            Family::Bool | Family::Null => parse_bool(text).map(Value::Bool),
        };
        Self { pattern, value: value.unwrap_or(Value::Broken) }
    }

    fn compare(&self, family: Family, text: &str, given: &Given, values: &dyn Lookup) -> Compared {
        let matches = match (&self.value, given) {
            (Value::Number(own), Given::Number(given)) => relates(family, given.cmp(own)),
            (Value::Date(own), Given::Date(given)) => relates(family, given.cmp(own)),
            (Value::Binary(own), Given::Binary(given)) => own == given,
            (Value::Network(own), Given::Address(given)) => own.contains(*given),
            // A malformed variable makes the operand broken, and a broken one matches nothing.
            (Value::Arn(ArnOperand::Broken), _) if self.pattern.is_well_formed() => {
                return Compared::Broken;
            }
            (Value::Arn(own), Given::Arn(given)) => own.matches(given, values),
            (Value::Bool(own), Given::Bool(given)) => own == given,
            (Value::Text, Given::Bool(given)) => self
                .pattern
                .expand(values)
                .and_then(|own| parse_bool(&own))
                .is_some_and(|own| own == *given),
            (Value::Text, Given::Folded(given)) => {
                self.pattern.expand(values).is_some_and(|own| own.to_lowercase() == *given)
            }
            (Value::Text, Given::Text) => self.pattern.matches(text, values),
            _ => return Compared::Broken,
        };
        if matches { Compared::Matches } else { Compared::Differs }
    }
}

fn relates(family: Family, order: Ordering) -> bool {
    let (Family::Number(relation) | Family::Date(relation)) = family else { return false };
    match relation {
        Relation::Equal => order.is_eq(),
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
    }
}

#[cfg(test)]
mod tests;
