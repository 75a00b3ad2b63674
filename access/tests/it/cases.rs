//! Cases in files, and the command that answers them.

use crate::line;
use serde_json::{Value, json};
use std::process::Command;

const WORKED: &str = include_str!("../worked-cases.json");

fn worked() -> Vec<Value> {
    let file: Value = serde_json::from_str(WORKED).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// The worked cases of these numbers, decided as they were worked.
#[track_caller]
pub(crate) fn check_worked(numbers: &[usize]) {
    let cases = worked();
    for number in numbers {
        let case = &cases[number - 1];
        assert_eq!(line(&case.to_string()), expected(case), "{}", case["why"]);
    }
}

fn expected(case: &Value) -> String {
    let [name, answer] = ["name", "expect"].map(|key| case[key].as_str().unwrap());
    format!("{name}\t{answer}\t{}", case["deny_kind"].as_str().unwrap_or("-"))
}

#[test]
fn every_worked_case_is_decided_as_it_was_worked() {
    let cases = worked();
    assert_eq!(cases.len(), 110);
    for case in cases {
        assert_eq!(line(&case.to_string()), expected(&case), "{}", case["why"]);
    }
}

#[test]
fn the_command_prints_a_line_a_case_in_their_order() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/worked-cases.json");
    let output = Command::new(env!("CARGO_BIN_EXE_policy-cases")).arg(path).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected: Vec<String> = worked().iter().map(expected).collect();
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_command_says_why_it_cannot_read_a_file() {
    let missing =
        Command::new(env!("CARGO_BIN_EXE_policy-cases")).arg("/nowhere").output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let none = Command::new(env!("CARGO_BIN_EXE_policy-cases")).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
}

#[track_caller]
fn check(case: &Value, expected: &str) {
    assert_eq!(line(&case.to_string()), expected);
}

#[test]
fn a_case_that_cannot_be_read_is_an_error() {
    check(&json!({"name": "a", "type": "riddle"}), "a\terror\tthere is no type `riddle`");
    check(&json!({"name": "a", "policies": []}), "a\terror\t`request` is missing");
}

#[test]
fn matching_is_asked_by_kind() {
    let case = |how: &str, pattern: &str, text: &str| {
        json!({"name": "m", "type": "match",
            "request": {"how": how, "pattern": pattern, "text": text}})
    };
    check(&case("string", "a*c", "abcc"), "m\tmatch");
    check(&case("action", "s3:get*", "s3:GetObject"), "m\tmatch");
    check(&case("action", "s3:get", "s3:GetObject"), "m\tno-match");
    check(&case("resource", "arn:aws:s3:::b/*", "arn:aws:s3:::b"), "m\tno-match");
}

#[test]
fn a_policy_is_public_or_not() {
    let case = |kind: &str, principal: &str, origin: &str| {
        json!({"name": "p", "type": "public", "request": {"access_point_origin": origin},
            "policies": [{"kind": kind, "document": {"Statement": [{"Effect": "Allow",
            "Principal": principal, "Action": "s3:*", "Resource": "*"}]}}]})
    };
    check(&case("resource", "*", "Internet"), "p\tpublic");
    check(&case("access_point", "*", "Internet"), "p\tpublic");
    check(&case("access_point", "*", "VPC"), "p\tnot-public");
}

#[test]
fn an_operation_needs_its_checks() {
    let case = |operation: &str, params: Value| {
        json!({"name": "o", "type": "operation",
            "request": {"service": "s3", "operation": operation, "params": params}})
    };
    let object = "arn:aws:s3:::b/k";
    check(
        &case("GetObject", json!({"bucket": "b", "key": "k", "version_id": "v"})),
        &format!("o\ts3:GetObjectVersion {object}"),
    );
    check(
        &case("PutObject", json!({"bucket": "b", "key": "k", "acl": "private", "tagging": "a=b"})),
        &format!("o\ts3:PutObject {object};s3:PutObjectAcl {object};s3:PutObjectTagging {object}"),
    );
    check(
        &case("CopyObject", json!({"Bucket": "b", "Key": "k", "CopySource": "/c/l?versionId=v"})),
        &format!("o\ts3:GetObjectVersion arn:aws:s3:::c/l;s3:PutObject {object}"),
    );
    check(
        &case(
            "DeleteObjects",
            json!({"bucket": "b", "objects": ["k", {"key": "l",
            "version_id": "v"}], "bypass_governance_retention": false}),
        ),
        &format!("o\ts3:DeleteObject {object};s3:DeleteObjectVersion arn:aws:s3:::b/l"),
    );
    check(
        &case("CreateBucket", json!({"bucket": "b", "acl": "private"})),
        "o\ts3:CreateBucket arn:aws:s3:::b",
    );
    check(&case("Fly", json!({})), "o\terror\tthere is no operation s3:Fly");
}
