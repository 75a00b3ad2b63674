use super::*;
use crate::condition_key::NoValues;
use crate::context::Context;
use proptest::prelude::*;

const ALL: Syntax = Syntax { wildcards: true, variables: true };

#[track_caller]
fn check(pattern: &str, text: &str, expected: bool) {
    assert_eq!(Pattern::plain(pattern).matches(text, &NoValues), expected, "{pattern} on {text}");
}

#[track_caller]
fn check_values(pattern: &str, text: &str, expected: bool) {
    let values = Context::new()
        .with("aws:username", "alice")
        .with("aws:PrincipalTag/star", "*")
        .with("aws:PrincipalTag/nested", "${aws:username}")
        .with("aws:PrincipalTag/empty", "")
        .with_list("aws:TagKeys", ["a", "b"]);
    assert_eq!(Pattern::new(pattern, ALL).matches(text, &values), expected, "{pattern} on {text}");
}

#[test]
fn a_star_is_any_run_and_a_question_mark_one_character() {
    check("", "", true);
    check("*", "", true);
    check("a*c", "abcc", true);
    check("a*c", "abcd", false);
    check("a?c", "a\u{e4}c", true);
    check("a?c", "ac", false);
    check("?*?", "a", false);
    check("?*?", "ab", true);
    check("**a**", "bab", true);
    check("*ab*ab*", "abab", true);
    check("*ab*ab*", "aba", false);
    check("a*", "ba", false);
    check("[ab]", "a", false);
    check("\\*", "\\abc", true);
}

#[test]
fn a_text_of_stars_and_near_misses_is_decided_soon() {
    let pattern = format!("{}b", "a*".repeat(2_000));
    check(&pattern, &"a".repeat(20_000), false);
    let pattern = format!("*{}b", "?".repeat(2_000));
    check(&pattern, &"a".repeat(20_000), false);
}

// Law-test: IAM, a policy variable without a value makes its pattern match nothing.
#[test]
fn a_variable_without_a_value_matches_nothing() {
    check_values("home/${aws:username}/*", "home/alice/x", true);
    check_values("home/${AWS:UserName}/*", "home/alice/x", true);
    check_values("home/${aws:userid}/*", "home//x", false);
    check_values("${aws:TagKeys}", "a", false);
    check_values("${aws:PrincipalTag/empty}", "", false);
    check_values("${aws:PrincipalTag/empty, 'd'}", "d", true);
    check_values("${aws:TagKeys, 'd'}", "d", true);
    check_values("${aws:username, 'd'}", "d", false);
}

#[test]
fn what_a_variable_inserts_is_text() {
    check_values("${aws:PrincipalTag/star}", "*", true);
    check_values("${aws:PrincipalTag/star}", "a", false);
    check_values("${aws:PrincipalTag/nested}", "${aws:username}", true);
    check_values("${aws:userid, '*'}", "a", false);
    check_values("a${*}b${?}c${$}", "a*b?c$", true);
    check_values("a${*}b", "axb", false);
    check_values("$", "$", true);
    check_values("{}$a", "{}$a", true);
}

// Law-test: IAM, a policy variable is `${key}` or `${key, 'default'}` with just that comma and that
// space.
#[test]
fn a_malformed_variable_matches_nothing() {
    for text in [
        "${aws:username",
        "${}",
        "${ aws:username}",
        "${aws:username }",
        "${aws:username , 'x'}",
        "${aws:username,'x'}",
        "${aws:username,  'x'}",
        "${aws:username, 'x' }",
        "${aws:username, x}",
        "${aws:username, 'x}",
        "${${aws:username}}",
    ] {
        let pattern = Pattern::new(text, ALL);
        assert!(!pattern.is_well_formed(), "{text}");
        check_values(text, text, false);
        check_values(text, "alice", false);
    }
}

#[test]
fn a_version_without_variables_takes_them_for_text() {
    check("${aws:username}", "${aws:username}", true);
    check("${aws:username}", "alice", false);
    check("${*}", "${abc}", true);
}

#[test]
fn a_pattern_without_wildcards_stands_for_a_text() {
    let values = Context::new().with("aws:username", "alice");
    let exact = Syntax { wildcards: false, variables: true };
    let expand = |text: &str| Pattern::new(text, exact).expand(&values).map(Cow::into_owned);
    assert_eq!(expand("a*${aws:username}${*}").as_deref(), Some("a*alice*"));
    assert_eq!(expand("").as_deref(), Some(""));
    assert_eq!(expand("${aws:userid}"), None);
    assert_eq!(Pattern::new("a*", ALL).expand(&values), None);
}

/// By naive recursion, which needs no argument to be believed.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
        ['?', rest @ ..] => !text.is_empty() && naive(rest, &text[1..]),
        [one, rest @ ..] => text.first() == Some(one) && naive(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn matching_agrees_with_naive_recursion(pattern in "[ab\u{e4}*?]{0,8}", text in "[ab\u{e4}]{0,10}") {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(Pattern::plain(&pattern).matches(&text, &NoValues), naive(&p, &t));
    }
}

/// A star that is followed by a literal is not tried at every place.
#[test]
fn what_is_one_character_behind_a_star_stands_before_it() {
    for (pattern, same) in [("*?", "?*"), ("*??a", "??*a"), ("a*?*?*b", "a??*b"), ("?*", "?*")] {
        assert_eq!(tokens(pattern, ALL), tokens(same, ALL), "{pattern}");
    }
    check("*?", "", false);
    check("*?b", "b", false);
    check("*?b", "ab", true);
}
