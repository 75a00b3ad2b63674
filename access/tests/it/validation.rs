//! New policies are refused with AWS's code and the place of what is wrong.

use cistern_access::{InlineOwner, Policy, PolicyKind};

/// A policy whose one statement says this.
fn one(statement: &str) -> String {
    format!("{{\"Version\": \"2012-10-17\",\n \"Statement\": {{{statement}}}}}")
}

#[track_caller]
fn check(kind: PolicyKind, text: &str, code: &str, message: &str, place: (usize, usize)) {
    let error = Policy::parse(kind, text).expect_err(text);
    let found = (error.code(), error.aws_message(), (error.place.line, error.place.column));
    assert_eq!(found, (code, message.to_owned(), place), "{error}");
}

#[track_caller]
fn check_valid(kind: PolicyKind, text: &str) {
    if let Err(error) = Policy::parse(kind, text) {
        panic!("{error}: {text}");
    }
}

#[track_caller]
fn check_invalid(kind: PolicyKind, statement: &str) {
    let text = one(statement);
    assert!(Policy::parse(kind, &text).is_err(), "{text}");
}

const IAM: &str = "MalformedPolicyDocument";
const S3: &str = "MalformedPolicy";
const SYNTAX: &str = "Syntax errors in policy.";

#[test]
fn an_identity_policy_is_refused_in_the_words_of_iam() {
    let identity = PolicyKind::Identity;
    check(identity, "", IAM, SYNTAX, (1, 1));
    check(identity, "{\n  \"Version\": \"2012-10-17\"\n}", IAM, SYNTAX, (1, 1));
    check(
        identity,
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#,
        IAM,
        "Policy document must be version 2012-10-17 or greater.",
        (1, 1),
    );
    check(
        identity,
        &one(r#""Effect": "Allow", "Resource": "*""#),
        IAM,
        "Policy statement must contain actions.",
        (2, 15),
    );
    check(
        identity,
        &one(r#""Effect": "Allow", "Action": "*""#),
        IAM,
        "Policy statement must contain resources.",
        (2, 15),
    );
    check(
        identity,
        &one(r#""Effect": "Allow", "Action": "GetObject", "Resource": "*""#),
        IAM,
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        (2, 45),
    );
    check(
        identity,
        &one(r#""Effect": "Allow", "Action": "s3:Get:Object", "Resource": "*""#),
        IAM,
        "Actions/Condition can contain only one colon.",
        (2, 45),
    );
    check(
        identity,
        &one(r#""Effect": "Allow", "Action": "*", "Resource": ["*", "bucket"]"#),
        IAM,
        "Resource bucket must be in ARN format or \"*\".",
        (2, 68),
    );
    check(
        identity,
        &one(r#""Effect": "Allow", "Action": "*", "Resource": "arn:b:s3:::c""#),
        IAM,
        "Partition \"b\" is not valid for resource \"arn:b:s3:::c\".",
        (2, 62),
    );
    let twice = r#"{"Version": "2012-10-17", "Statement": [
{"Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*"},
{"Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let message = "Statement IDs (SID) in a single policy must be unique.";
    check(identity, twice, IAM, message, (3, 9));
}

// Law-test: S3, the first byte of a policy is its opening brace.
#[test]
fn a_bucket_policy_is_refused_in_the_words_of_s3() {
    let bucket = PolicyKind::Bucket;
    let brace = "Policies must be valid JSON and the first byte must be '{'";
    check(bucket, " {}", S3, brace, (1, 1));
    check(bucket, "[]", S3, brace, (1, 1));
    check(bucket, "{", S3, "This policy contains invalid Json", (1, 2));
    check(bucket, "{}", S3, "Missing required field Statement", (1, 1));
    check(
        bucket,
        r#"{"Statement": []}"#,
        S3,
        "Could not parse the policy: Statement is empty!",
        (1, 15),
    );
    check(
        bucket,
        r#"{"Version": "2013", "Statement": []}"#,
        S3,
        "The policy must contain a valid version string",
        (1, 13),
    );
    let all = r#""Effect": "Allow", "Principal": "*", "Resource": "arn:aws:s3:::b", "Action""#;
    check(bucket, &one(&format!("{all}: \"s3:Fly\"")), S3, "Policy has invalid action", (2, 93));
    check(
        bucket,
        &one(&format!("{all}: \"kinesis:PutRecord\"")),
        S3,
        "Policy has invalid action",
        (2, 93),
    );
    check(
        bucket,
        &one(&format!("{all}: [\"s3:ListBucket\", \"s3:GetObject\"]")),
        S3,
        "Action does not apply to any resource(s) in statement",
        (2, 111),
    );
    let allow = r#""Action": "s3:*", "Resource": "*", "Effect""#;
    let text = one(&format!(r#"{allow}: "allow", "Principal": "*""#));
    check(bucket, &text, S3, "Invalid effect: allow", (2, 61));
    let principal = "Invalid principal in policy";
    for wrong in [
        r#"{"AWS": "alice"}"#,
        r#"{"AWS": "arn:aws:iam::100000000001:user/*"}"#,
        r#"{"AWS": "arn:aws:iam::100000000001:group/g"}"#,
        r#"{"Service": "*"}"#,
    ] {
        let text = one(&format!(r#"{allow}: "Allow", "Principal": {wrong}"#));
        let error = Policy::parse(bucket, &text).unwrap_err();
        assert_eq!((error.code(), error.aws_message().as_str()), (S3, principal), "{wrong}");
    }
    let text = one(&format!(r#"{allow}: "Allow", "NotPrincipal": {{"AWS": "100000000001"}}"#));
    let error = Policy::parse(bucket, &text).unwrap_err();
    assert_eq!(error.aws_message(), principal);
    let text = one(&format!(r#"{allow}: "Deny", "NotPrincipal": {{"AWS": "100000000001"}}"#));
    check_valid(bucket, &text);
}

// Law-test: S3, every action of a bucket policy's statement applies to one of its resources.
#[test]
fn actions_and_resources_of_a_bucket_policy_go_together() {
    let statement = |action: &str, resource: &str| {
        one(&format!(
            r#""Effect": "Allow", "Principal": "*", "Action": "{action}", "Resource": "{resource}""#
        ))
    };
    for (action, resource, expected) in [
        ("s3:ListBucket", "arn:aws:s3:::b", true),
        ("s3:ListBucket", "arn:aws:s3:::b/*", false),
        ("s3:GetObject", "arn:aws:s3:::b/*", true),
        ("s3:GetObject", "arn:aws:s3:::b*", true),
        ("s3:GetObject", "*", true),
        ("s3:*", "arn:aws:s3:::b", true),
        ("s3:Get*", "arn:aws:s3:::b", true),
        ("s3:GetObject*", "arn:aws:s3:::b", false),
        ("*", "arn:aws:s3:::b", true),
        ("s3:ListAllMyBuckets", "*", false),
    ] {
        let found = Policy::parse(PolicyKind::Bucket, &statement(action, resource)).is_ok();
        assert_eq!(found, expected, "{action} on {resource}");
    }
}

// Law-test: S3, a bucket policy names its own bucket and the objects in it.
#[test]
fn a_resource_policy_names_its_own_resource() {
    let parse = |kind, own: &str, action: &str, resource: &str| {
        let text = one(&format!(
            r#""Effect": "Allow", "Principal": "*", "Action": "{action}", "Resource": "{resource}""#
        ));
        Policy::parse_for(kind, &text, own).is_ok()
    };
    let bucket = |resource: &str| parse(PolicyKind::Bucket, "arn:aws:s3:::b", "s3:*", resource);
    assert!(bucket("arn:aws:s3:::b") && bucket("arn:aws:s3:::b/*") && bucket("arn:aws:s3:::*"));
    assert!(bucket("*") && bucket("arn:aws:s3:::b*") && bucket("arn:aws:s3:::?/a"));
    assert!(
        !bucket("arn:aws:s3:::c") && !bucket("arn:aws:s3:::bb/*") && !bucket("arn:aws:s3:::c/b")
    );
    let own = "arn:aws:kinesis:eu-west-1:100000000001:stream/s";
    let stream = |resource: &str| parse(PolicyKind::Stream, own, "kinesis:GetRecords", resource);
    assert!(stream(own) && !stream(&format!("{own}/consumer/c:1")) && !stream("arn:aws:s3:::b"));
    let point = "arn:aws:s3:eu-west-1:100000000001:accesspoint/p";
    let of_point = |resource: &str| parse(PolicyKind::AccessPoint, point, "s3:*", resource);
    assert!(of_point(point) && of_point(&format!("{point}/object/*")));
    assert!(!of_point(&format!("{point}2")) && !of_point("arn:aws:s3:::b"));
}

#[test]
fn nothing_in_a_policy_is_ignored() {
    let identity = PolicyKind::Identity;
    let allow = r#""Effect": "Allow", "Action": "*", "Resource": "*""#;
    check_valid(identity, &one(allow));
    for (more, what) in [
        (r#""Conditions": {}"#, "there is no element `Conditions`"),
        (r#""effect": "Allow""#, "there is no element `effect`"),
        (r#""Action": "*""#, "`Action` is given twice"),
        (r#""NotAction": "*""#, "Action and NotAction exclude each other"),
        (r#""NotResource": "*""#, "Resource and NotResource exclude each other"),
        (r#""Principal": "*""#, "a policy of this kind has no Principal"),
        (r#""Sid": "a b""#, "`a b` is not a statement's identifier"),
        (r#""Sid": 1"#, "Sid is not a string"),
        (r#""Condition": []"#, "Condition is not an object"),
        (
            r#""Condition": {"StringEqual": {"a:b": "c"}}"#,
            "there is no condition operator `StringEqual`",
        ),
        (r#""Condition": {"StringEquals": "c"}"#, "StringEquals is not an object"),
        (r#""Condition": {"StringEquals": {"a:b": []}}"#, "a condition is empty"),
        (r#""Condition": {"StringEquals": {"b": "c"}}"#, "condition key `b` is not `service:name`"),
        (r#""Condition": {"NumericEquals": {"a:b": "c"}}"#, "`c` is no value for its operator"),
        (
            r#""Condition": {"DateEquals": {"a:b": ["2026", "c"]}}"#,
            "`c` is no value for its operator",
        ),
        (r#""Condition": {"StringLike": {"a:b": "${c"}}"#, "`${c` is no value for its operator"),
        (r#""Condition": {"Null": {"a:b": "maybe"}}"#, "`maybe` is no value for its operator"),
    ] {
        let error = Policy::parse(identity, &one(&format!("{allow}, {more}"))).unwrap_err();
        assert_eq!(error.fault.to_string(), what);
        assert_eq!(error.place.line, 2, "{what}");
    }
    let text = format!("{} x", one(allow));
    assert_eq!(
        Policy::parse(identity, &text).unwrap_err().to_string(),
        "there is text after the value at line 2, column 68"
    );
    let text = one(allow).replace("\"Version\"", "\"Id\": \"x\", \"Version\"");
    assert!(Policy::parse(identity, &text).is_err());
    assert!(Policy::load(identity, &text).is_ok());
}

// Law-test: IAM, an action is `*` or a service and a name with one colon between them.
// Law-test: IAM, a resource is `*` or an ARN of a known partition and one service.
#[test]
fn actions_and_resources_have_their_forms() {
    let identity = PolicyKind::Identity;
    for action in ["", ":", "s3:", ":Get", "s 3:Get", "s3:Get Object", "a:b:c", "**"] {
        check_invalid(
            identity,
            &format!(r#""Effect": "Allow", "Action": "{action}", "Resource": "*""#),
        );
    }
    for resource in [
        "",
        "b",
        "**",
        "arn",
        "arn:aws:*:::b",
        "arn:aws:s?:::b",
        "arn:aws::::b",
        "arn:aws:s3:::${b",
        "arn:aws:s3:${aws:RequestedRegion}::b",
        "arn:azure:s3:::b",
    ] {
        check_invalid(
            identity,
            &format!(r#""Effect": "Allow", "Action": "*", "Resource": "{resource}""#),
        );
    }
    for (action, resource) in [
        ("unknown:Action", "*"),
        ("s3:*", "arn:aws:s3"),
        ("s3:Get?bject", "arn:aws-cn:s3:::b/${aws:username}/*"),
        ("*", "arn:aws:kinesis:*:*:stream/*"),
    ] {
        check_valid(
            identity,
            &one(&format!(r#""Effect": "Allow", "Action": "{action}", "Resource": "{resource}""#)),
        );
    }
}

// Law-test: IAM, managed and inline policies, boundaries and control policies say 2012-10-17.
#[test]
fn some_kinds_are_written_in_the_new_language_only() {
    let text = |version: &str, principal: &str| {
        format!(
            r#"{{{version}"Statement": {{"Effect": "Allow", {principal}"Action": "*", "Resource": "*"}}}}"#
        )
    };
    let old = r#""Version": "2008-10-17", "#;
    for version in ["", old] {
        for kind in [PolicyKind::Identity, PolicyKind::Boundary, PolicyKind::ServiceControl] {
            assert!(Policy::parse(kind, &text(version, "")).is_err());
        }
        check_valid(PolicyKind::Session, &text(version, ""));
        check_valid(PolicyKind::Bucket, &text(version, r#""Principal": "*", "#));
    }
}

// Law-test: Organizations, a resource control policy names everyone.
#[test]
fn a_resource_control_policy_names_everyone() {
    let text = |principal: &str| {
        one(&format!(
            r#""Effect": "Deny", "Principal": {principal}, "Action": "*", "Resource": "*""#
        ))
    };
    check_valid(PolicyKind::ResourceControl, &text("\"*\""));
    assert!(
        Policy::parse(PolicyKind::ResourceControl, &text(r#"{"AWS": "100000000001"}"#)).is_err()
    );
}

// Law-test: IAM, statement identifiers are letters and digits, for KMS spaces too, and unique.
// Law-test: KMS, a statement without a resource applies to nothing.
// Law-test: KMS, ForAllValues is refused on a key of an encryption context, which has one value.
#[test]
fn key_policies_have_rules_of_their_own() {
    let key = PolicyKind::Key;
    let allow = r#""Effect": "Allow", "Principal": "*", "Action": "kms:*""#;
    check_valid(key, &one(&format!(r#""Sid": "Let in", {allow}, "Resource": "*""#)));
    check_valid(key, &one(allow));
    check_invalid(key, r#""Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*""#);
    let condition =
        r#""Condition": {"ForAllValues:StringEquals": {"kms:EncryptionContext:a": "b"}}"#;
    let error = Policy::parse(key, &one(&format!("{allow}, {condition}"))).unwrap_err();
    assert_eq!(error.code(), "MalformedPolicyDocumentException");
    let condition = condition.replace("ForAllValues", "ForAnyValue");
    check_valid(key, &one(&format!("{allow}, {condition}")));
    assert!(
        Policy::parse(
            PolicyKind::Bucket,
            &one(r#""Effect": "Allow", "Principal": "*", "Action": "s3:*""#)
        )
        .is_err()
    );
}

// Law-test: IAM, documents have tab, line feed, carriage return and U+0020 to U+00FF.
#[test]
fn some_services_take_a_narrow_set_of_characters() {
    let text = |one_more: &str| {
        one(&format!(
            r#""Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b/{one_more}""#
        ))
    };
    check_valid(PolicyKind::Identity, &text("\u{e9}"));
    let error = Policy::parse(PolicyKind::Identity, &text("\u{100}")).unwrap_err();
    assert_eq!(error.fault.to_string(), "character U+0100 is not allowed");
    assert_eq!((error.place.line, error.place.column), (2, 78));
    check_valid(PolicyKind::ServiceControl, &text("\u{100}"));
}

// Law-test: IAM, quotas for the sizes of policies.
#[test]
fn a_policy_has_a_size_as_its_service_counts() {
    let sized = |principal: &str, size: usize| {
        let statement = |resource: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{principal}"Action":"s3:*","Resource":"arn:aws:s3:::{resource}"}}]}}"#
            )
        };
        statement(&"a".repeat(size - statement("").len()))
    };
    let principal = r#""Principal":"*","#;
    for (kind, principal, max, code) in [
        (PolicyKind::Identity, "", 6_144, "LimitExceeded"),
        (PolicyKind::Boundary, "", 6_144, "LimitExceeded"),
        (PolicyKind::Session, "", 2_048, "ValidationError"),
        (PolicyKind::ServiceControl, "", 5_120, "ConstraintViolationException"),
        (PolicyKind::Endpoint, principal, 20_480, "InvalidPolicyDocument"),
    ] {
        check_valid(kind, &sized(principal, max));
        let error = Policy::parse(kind, &sized(principal, max + 1)).unwrap_err();
        assert_eq!(error.code(), code);
    }
    // Of a bucket our own text of it is counted, in which a list of one is no list.
    check_valid(PolicyKind::Bucket, &sized(principal, 20_480));
    let error = Policy::parse(PolicyKind::Bucket, &sized(principal, 20_481)).unwrap_err();
    assert_eq!(error.code(), "PolicyTooLarge");
    let spaced = sized("", 6_144).replace(',', ",  \n ");
    check_valid(PolicyKind::Identity, &spaced);
}

// Law-test: IAM, the inline policies of one identity share a quota.
#[test]
fn inline_policies_share_a_quota() {
    let half = "a ".repeat(1_024);
    assert!(InlineOwner::User.fits([half.as_str(), half.as_str()]));
    assert!(!InlineOwner::User.fits([half.as_str(), half.as_str(), "a"]));
    assert!(InlineOwner::Group.fits([half.as_str(), half.as_str(), "a"]));
    assert_eq!(InlineOwner::Role.quota(), 10_240);
}

#[test]
fn a_policy_tells_which_keys_it_asks_for() {
    let text = one(
        r#""Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/a}",
        "Condition": {"StringEquals": {"S3:ExistingObjectTag/b": "${aws:username}"}}"#,
    );
    let policy = Policy::parse(PolicyKind::Identity, &text).unwrap();
    for (key, expected) in [
        ("s3:ExistingObjectTag/", true),
        ("aws:principaltag/", true),
        ("aws:username", true),
        ("aws:RequestTag/", false),
    ] {
        assert_eq!(policy.mentions(key), expected, "{key}");
    }
}
