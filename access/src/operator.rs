//! `Operator`: how a condition compares, as policies write it.

use std::fmt;

/// What a condition's values are, and how they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Text, whole.
    Text,
    /// Text, whole, without regard to case.
    TextIgnoreCase,
    /// Text with wildcards.
    TextLike,
    Number(Relation),
    Date(Relation),
    Bool,
    Binary,
    Address,
    Arn,
    /// Whether the key is there at all.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How a list of values is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Quantifier {
    All,
    Any,
}

/// An operator with all that may stand around its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operator {
    pub(crate) family: Family,
    pub(crate) is_negated: bool,
    pub(crate) if_exists: bool,
    pub(crate) quantifier: Option<Quantifier>,
    name: &'static str,
}

const NAMES: [(&str, Family, bool); 27] = [
    ("StringEquals", Family::Text, false),
    ("StringNotEquals", Family::Text, true),
    ("StringEqualsIgnoreCase", Family::TextIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Family::TextIgnoreCase, true),
    ("StringLike", Family::TextLike, false),
    ("StringNotLike", Family::TextLike, true),
    ("NumericEquals", Family::Number(Relation::Equal), false),
    ("NumericNotEquals", Family::Number(Relation::Equal), true),
    ("NumericLessThan", Family::Number(Relation::Less), false),
    ("NumericLessThanEquals", Family::Number(Relation::LessOrEqual), false),
    ("NumericGreaterThan", Family::Number(Relation::Greater), false),
    ("NumericGreaterThanEquals", Family::Number(Relation::GreaterOrEqual), false),
    ("DateEquals", Family::Date(Relation::Equal), false),
    ("DateNotEquals", Family::Date(Relation::Equal), true),
    ("DateLessThan", Family::Date(Relation::Less), false),
    ("DateLessThanEquals", Family::Date(Relation::LessOrEqual), false),
    ("DateGreaterThan", Family::Date(Relation::Greater), false),
    ("DateGreaterThanEquals", Family::Date(Relation::GreaterOrEqual), false),
    ("Bool", Family::Bool, false),
    ("BinaryEquals", Family::Binary, false),
    ("IpAddress", Family::Address, false),
    ("NotIpAddress", Family::Address, true),
    ("ArnEquals", Family::Arn, false),
    ("ArnLike", Family::Arn, false),
    ("ArnNotEquals", Family::Arn, true),
    ("ArnNotLike", Family::Arn, true),
    ("Null", Family::Null, false),
];

const QUANTIFIERS: [(&str, Quantifier); 2] =
    [("ForAllValues:", Quantifier::All), ("ForAnyValue:", Quantifier::Any)];
const IF_EXISTS: &str = "IfExists";

impl Operator {
    /// `None` for a name that is no operator: whoever reads it must refuse the policy.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let quantified = QUANTIFIERS
            .iter()
            .find_map(|(prefix, quantifier)| Some((text.strip_prefix(prefix)?, *quantifier)));
        let (rest, quantifier) = match quantified {
            Some((rest, quantifier)) => (rest, Some(quantifier)),
            None => (text, None),
        };
        let (name, if_exists) = match rest.strip_suffix(IF_EXISTS) {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (name, family, is_negated) = *NAMES.iter().find(|(known, ..)| *known == name)?;
        // Law: IAM, Null takes neither IfExists nor a set operator.
        if family == Family::Null && (if_exists || quantifier.is_some()) {
            return None;
        }
        Some(Self { family, is_negated, if_exists, quantifier, name })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = QUANTIFIERS.iter().find(|(_, one)| Some(*one) == self.quantifier);
        f.write_str(prefix.map_or("", |(prefix, _)| prefix))?;
        f.write_str(self.name)?;
        f.write_str(if self.if_exists { IF_EXISTS } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_reads_back_with_all_that_may_stand_around_it() {
        for (name, family, is_negated) in NAMES {
            for (prefix, quantifier) in [
                ("", None),
                (QUANTIFIERS[0].0, Some(Quantifier::All)),
                (QUANTIFIERS[1].0, Some(Quantifier::Any)),
            ] {
                for suffix in ["", IF_EXISTS] {
                    let text = format!("{prefix}{name}{suffix}");
                    let operator = Operator::parse(&text);
                    if family == Family::Null && text != "Null" {
                        assert_eq!(operator, None);
                        continue;
                    }
                    let operator = operator.unwrap();
                    assert_eq!(operator.to_string(), text);
                    assert_eq!((operator.family, operator.is_negated), (family, is_negated));
                    assert_eq!(operator.quantifier, quantifier);
                }
            }
        }
    }

    // Law-test: IAM, Null takes neither IfExists nor a set operator.
    #[test]
    fn any_other_name_is_no_operator() {
        for text in [
            "",
            "stringEquals",
            "StringEquals ",
            "StringEqual",
            "IfExists",
            "NullIfExists",
            "ForAnyValue:Null",
            "ForAllValues:ForAnyValue:StringEquals",
            "ForSomeValue:StringEquals",
            "StringEqualsIfExistsIfExists",
            "ForAllValues",
            "BoolNotEquals",
        ] {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
    }
}
