//! What holds of every decision, whatever the policies.

use crate::{line, random, random::Chance};
use cistern_access::{Policy, PolicyKind};
use serde_json::{Value, json};

const CASES: u64 = 8_000;

fn is_allowed(case: &Value) -> bool {
    line(&case.to_string()).contains("\tallow\t")
}

/// Where in the list of policies the documents with statements are.
fn documents(case: &Value) -> Vec<usize> {
    let policies = case["policies"].as_array().unwrap();
    let has_statements = |at: &usize| policies[*at]["document"].get("Statement").is_some();
    (0..policies.len()).filter(has_statements).collect()
}

/// A document's statements, as a list.
fn statements(document: &mut Value) -> &mut Vec<Value> {
    let statement = &mut document["Statement"];
    if !statement.is_array() {
        *statement = json!([statement.take()]);
    }
    statement.as_array_mut().unwrap()
}

#[track_caller]
fn for_cases(mut check: impl FnMut(&mut Chance, Value)) {
    for seed in 0..CASES {
        check(&mut Chance::new(!seed), random::case(seed));
    }
}

#[test]
fn adding_a_deny_never_allows() {
    for_cases(|chance, case| {
        let Some(at) = documents(&case).first().copied() else { return };
        let kind = case["policies"][at]["kind"].as_str().unwrap().to_owned();
        let mut deny = random::statement(chance, &kind);
        deny["Effect"] = json!("Deny");
        let mut more = case.clone();
        statements(&mut more["policies"][at]["document"]).push(deny);
        assert!(is_allowed(&case) || !is_allowed(&more), "{more:#}");
    });
}

#[test]
fn a_deny_of_everything_wins_in_every_layer_that_binds() {
    let mut tried = 0;
    for_cases(|chance, case| {
        let kind = chance.of(&["identity", "boundary", "session", "endpoint"]);
        let mut deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
        if kind == "endpoint" {
            deny["Principal"] = json!("*");
        }
        let document = json!({"Version": "2012-10-17", "Statement": deny});
        let mut denied = case.clone();
        let policies = denied["policies"].as_array_mut().unwrap();
        policies
            .insert(chance.below(policies.len() + 1), json!({"kind": kind, "document": document}));
        assert_eq!(line(&denied.to_string()), "r\tdeny\texplicit", "{denied:#}");
        tried += 1;
    });
    assert_eq!(tried, CASES);
}

#[test]
fn what_is_not_understood_never_allows() {
    let mut allowed_before = 0;
    for_cases(|chance, case| {
        // The policy of an access point is in force for what comes through it.
        let is_direct = case["request"].get("access_point").is_none();
        let mut places = documents(&case);
        places.retain(|at| !is_direct || case["policies"][*at]["kind"] != "access_point");
        if places.is_empty() {
            return;
        }
        let mut broken = case.clone();
        let document = &mut broken["policies"][places[chance.below(places.len())]]["document"];
        let first = &mut statements(document)[0];
        match chance.below(8) {
            0 => first["Condition"] = json!({"StringEqualz": {"aws:UserAgent": "red"}}),
            1 => first["Condition"] = json!({"NullIfExists": {"aws:UserAgent": "true"}}),
            2 => first["Effect"] = json!("allow"),
            3 => first["Principle"] = json!("*"),
            4 => first["Condition"] = json!({"StringEquals": {"aws:UserAgent": {}}}),
            5 => document["Version"] = json!("2012-10-18"),
            6 => *document = json!([]),
            _ => *document = json!("{\"Version\": \"2012-10-17\", \"Statement\": ["),
        }
        allowed_before += u64::from(is_allowed(&case));
        assert!(!is_allowed(&broken), "{broken:#}");
    });
    assert!(allowed_before > CASES / 20, "only {allowed_before} cases could have gone wrong");
}

#[test]
fn the_order_of_statements_and_of_policies_is_irrelevant() {
    for_cases(|chance, case| {
        let mut other = case.clone();
        for at in documents(&case) {
            chance.shuffle(statements(&mut other["policies"][at]["document"]));
        }
        chance.shuffle(other["policies"].as_array_mut().unwrap());
        assert_eq!(line(&case.to_string()), line(&other.to_string()), "{other:#}");
    });
}

#[test]
fn what_is_printed_reads_back_to_the_same_policy() {
    let kinds = [
        ("identity", PolicyKind::Identity),
        ("resource", PolicyKind::Bucket),
        ("endpoint", PolicyKind::Endpoint),
        ("scp", PolicyKind::ServiceControl),
    ];
    for_cases(|chance, _| {
        let (name, kind) = kinds[chance.below(kinds.len())];
        let text = random::document(chance, name).to_string();
        let policy = Policy::load(kind, &text).unwrap();
        let printed = policy.to_json();
        assert_eq!(Policy::load(kind, &printed).unwrap(), policy, "{text}\n{printed}");
        assert_eq!(Policy::load(kind, &printed).unwrap().to_json(), printed);
    });
}
