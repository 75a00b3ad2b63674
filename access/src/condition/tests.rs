use super::*;
use crate::context::Context;

/// One condition on the key `k`, on a context that holds `k` as `given` says.
#[track_caller]
fn check(operator: &str, values: &[&str], given: &Context, expected: bool) {
    let operator = Operator::parse(operator).unwrap();
    let values: Vec<String> = values.iter().map(|&text| text.to_owned()).collect();
    let condition = Condition::new(operator, "k", &values, true);
    assert_eq!(condition.holds(given), expected, "{operator} {values:?} on {given:?}");
}

fn absent() -> Context {
    Context::new()
}

fn one(value: &str) -> Context {
    Context::new().with("k", value)
}

fn list(values: &[&str]) -> Context {
    Context::new().with_list("k", values.iter().copied())
}

#[test]
fn each_operator_compares_in_its_own_way() {
    for (operator, value, given, expected) in [
        ("StringEquals", "a*", "a*", true),
        ("StringEquals", "a*", "ab", false),
        ("StringNotEquals", "a", "b", true),
        ("StringEqualsIgnoreCase", "A\u{c4}", "a\u{e4}", true),
        ("StringNotEqualsIgnoreCase", "A", "a", false),
        ("StringLike", "a*", "ab", true),
        ("StringNotLike", "a*", "ab", false),
        ("NumericEquals", "1.0", "1", true),
        ("NumericNotEquals", "1", "1.0", false),
        ("NumericLessThan", "10", "9", true),
        ("NumericLessThanEquals", "10", "10", true),
        ("NumericGreaterThan", "10", "10", false),
        ("NumericGreaterThanEquals", "10", "10", true),
        ("DateEquals", "2026-02-01T00:00:00Z", "1769904000", true),
        ("DateNotEquals", "2026-02-01", "2026-02-01T01:00:00+01:00", false),
        ("DateLessThan", "2026-02-01", "2026-01-31T23:59:59Z", true),
        ("DateLessThanEquals", "2026-02-01", "2026-02-01", true),
        ("DateGreaterThan", "2026-02-01", "2026-02-01", false),
        ("DateGreaterThanEquals", "2026-02-01", "2026-02-01", true),
        ("Bool", "true", "TRUE", true),
        ("Bool", "false", "true", false),
        ("BinaryEquals", "YWI=", "YWI=", true),
        ("BinaryEquals", "YWI=", "YWM=", false),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", true),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.9", false),
        ("NotIpAddress", "2001:db8::/32", "203.0.113.9", true),
        ("ArnEquals", "arn:aws:s3:::*", "arn:aws:s3:::b", true),
        ("ArnLike", "arn:aws:s3:::b?", "arn:aws:s3:::b", false),
        ("ArnNotEquals", "arn:aws:s3:::b", "arn:aws:s3:::b", false),
        ("ArnNotLike", "arn:aws:s3:::*", "arn:aws:sqs:::b", true),
    ] {
        check(operator, &[value], &one(given), expected);
    }
}

#[test]
fn an_absent_key_is_false_for_positive_operators_and_true_for_negated_ones() {
    check("StringEquals", &["a"], &absent(), false);
    check("StringNotEquals", &["a"], &absent(), true);
    check("StringEqualsIfExists", &["a"], &absent(), true);
    check("StringNotEqualsIfExists", &["a"], &absent(), true);
    check("ForAllValues:StringEquals", &["a"], &absent(), true);
    check("ForAllValues:StringNotEquals", &["a"], &absent(), true);
    check("ForAnyValue:StringEquals", &["a"], &absent(), false);
    check("ForAnyValue:StringNotEquals", &["a"], &absent(), false);
    check("ForAnyValue:StringEqualsIfExists", &["a"], &absent(), true);
    check("StringEquals", &["a"], &list(&[]), false);
    check("StringNotEquals", &["a"], &list(&[]), true);
    check("StringEqualsIfExists", &["a"], &list(&[]), true);
}

// Law-test: IAM, under a set operator a key with nothing but empty values is absent.
#[test]
fn an_empty_value_is_absent_under_a_set_operator_and_a_value_elsewhere() {
    for given in [one(""), list(&[""]), list(&[])] {
        check("ForAllValues:StringEquals", &["a"], &given, true);
        check("ForAnyValue:StringNotEquals", &["a"], &given, false);
        check("ForAnyValue:StringEqualsIfExists", &["a"], &given, true);
    }
    check("StringEquals", &[""], &one(""), true);
    check("StringNotEquals", &["a"], &one(""), true);
    check("StringEqualsIfExists", &["a"], &one(""), false);
}

// Law-test: IAM, a list without a set operator fails every operator.
#[test]
fn a_list_without_a_set_operator_fails_either_way() {
    check("StringEquals", &["a"], &list(&["a"]), false);
    check("StringNotEquals", &["b"], &list(&["a"]), false);
    check("StringEqualsIfExists", &["a"], &list(&["a"]), false);
}

#[test]
fn a_set_operator_asks_every_value_or_any() {
    check("ForAllValues:StringEquals", &["a", "b"], &list(&["a", "b"]), true);
    check("ForAllValues:StringEquals", &["a", "b"], &list(&["a", "c"]), false);
    check("ForAllValues:StringNotEquals", &["a"], &list(&["b", "c"]), true);
    check("ForAllValues:StringNotEquals", &["a"], &list(&["b", "a"]), false);
    check("ForAnyValue:StringEquals", &["a"], &list(&["b", "a"]), true);
    check("ForAnyValue:StringNotEquals", &["a"], &list(&["b", "a"]), true);
    check("ForAnyValue:StringNotEquals", &["a"], &list(&["a"]), false);
    check("ForAnyValue:StringEquals", &["a"], &one("a"), true);
    check("ForAllValues:StringLike", &["a*"], &list(&["a1", "a2"]), true);
}

// Law-test: IAM, a value that cannot be compared fails every operator.
// Law-test: IAM, a value of a policy that is not of its operator's kind fails every operator.
#[test]
fn a_value_that_cannot_be_compared_fails_either_way() {
    for (positive, negated, value, given) in [
        ("NumericEquals", "NumericNotEquals", "1", "one"),
        ("DateEquals", "DateNotEquals", "2026-01-01", "soon"),
        ("IpAddress", "NotIpAddress", "0.0.0.0/0", "here"),
        ("ArnEquals", "ArnNotEquals", "*", "b"),
        ("NumericEquals", "NumericNotEquals", "one", "1"),
        ("IpAddress", "NotIpAddress", "here", "192.0.2.9"),
        ("ArnEquals", "ArnNotEquals", "b", "arn:aws:s3:::b"),
    ] {
        check(positive, &[value], &one(given), false);
        check(negated, &[value], &one(given), false);
        check(&format!("{negated}IfExists"), &[value], &one(given), false);
    }
    check("ForAllValues:NumericNotEquals", &["1"], &list(&["one", "2"]), true);
    check("ForAnyValue:NumericEquals", &["1"], &list(&["one", "1"]), true);
    check("ForAllValues:NumericNotEquals", &["one"], &list(&["1"]), false);
}

// Law-test: IAM, Bool knows `true` and `false` in any case, and nothing else.
#[test]
fn a_bool_is_true_or_false() {
    check("Bool", &["True"], &one("true"), true);
    check("Bool", &["false"], &one("0"), false);
    check("Bool", &["yes"], &one("yes"), false);
    check("BoolIfExists", &["true"], &absent(), true);
}

// Law-test: IAM, Null takes a key without a value for one that is absent.
#[test]
fn null_asks_whether_there_is_a_value() {
    for (given, is_null) in [
        (absent(), true),
        (one(""), true),
        (list(&[]), true),
        (list(&[""]), true),
        (one("a"), false),
        (list(&["a"]), false),
    ] {
        check("Null", &["true"], &given, is_null);
        check("Null", &["false"], &given, !is_null);
        check("Null", &["true", "false"], &given, true);
        check("Null", &["maybe"], &given, false);
    }
}

// Law-test: IAM, policy variables stand in values of String, Arn and Bool operators only.
#[test]
fn variables_are_values_of_text_arns_and_bools() {
    let given = |value: &str| one(value).with("a", "b").with("yes", "true").with("n", "1");
    check("StringEquals", &["${a}"], &given("b"), true);
    check("StringNotEquals", &["${a}"], &given("b"), false);
    check("StringNotEquals", &["${none}"], &given("b"), true);
    check("StringLike", &["${a}*"], &given("bc"), true);
    check("StringEqualsIgnoreCase", &["${a}"], &given("B"), true);
    check("ArnLike", &["arn:aws:s3:::${a}"], &given("arn:aws:s3:::b"), true);
    check("ArnNotLike", &["arn:aws:s3:::${none}"], &given("arn:aws:s3:::b"), true);
    check("Bool", &["${yes}"], &given("true"), true);
    check("NumericEquals", &["${n}"], &given("1"), false);
}

#[test]
fn values_of_the_policy_are_alternatives_and_negation_takes_none_of_them() {
    check("StringEquals", &["a", "b"], &one("b"), true);
    check("StringNotEquals", &["a", "b"], &one("b"), false);
    check("StringNotEquals", &["a", "b"], &one("c"), true);
}
