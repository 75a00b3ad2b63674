//! How the layers go together: the laws of the last step, by worked cases and a few more.

#![allow(clippy::needless_pass_by_value, reason = "values are written where they are passed")]

use crate::{cases::check_worked, line};
use serde_json::{Value, json};

const ALICE: &str = "arn:aws:iam::100000000001:user/alice";
const OBJECT: &str = "arn:aws:s3:::orders/a/1";

fn statement(effect: &str, more: Value) -> Value {
    let mut statement = json!({"Effect": effect, "Action": "*", "Resource": "*"});
    for (key, value) in more.as_object().unwrap() {
        statement[key] = value.clone();
    }
    statement
}

fn policy(kind: &str, statements: Value) -> Value {
    json!({"kind": kind, "document": {"Version": "2012-10-17", "Statement": statements}})
}

fn request(principal: &str) -> Value {
    json!({"principal": principal, "action": "s3:GetObject", "resource": OBJECT,
        "resource_account": "100000000001", "context": {}})
}

#[track_caller]
fn check(policies: &[Value], request: &Value, expected: &str) {
    let case = json!({"name": "l", "policies": policies, "request": request});
    assert_eq!(line(&case.to_string()), format!("l\t{expected}"), "{case:#}");
}

const ALLOW: &str = "allow\t-";
const IMPLICIT: &str = "deny\timplicit";
const EXPLICIT: &str = "deny\texplicit";

// Law-test: IAM, across accounts both sides must allow.
#[test]
fn across_accounts_both_sides_must_allow() {
    check_worked(&[60, 61, 62, 63, 64]);
}

// Law-test: IAM, boundaries and session policies do not limit what a resource's policy grants to
// the user or the session itself in the same account.
#[test]
fn a_direct_grant_passes_boundary_and_session_policies() {
    check_worked(&[47, 48, 49, 50, 51, 52, 53]);
}

// Law-test: IAM, a federated session without a session policy has only what is granted to itself.
#[test]
fn a_federated_session_has_what_its_session_policy_leaves_it() {
    check_worked(&[55]);
    let federated = request("arn:aws:sts::100000000001:federated-user/alice");
    let allow = policy("identity", statement("Allow", json!({})));
    let session = policy("session", statement("Allow", json!({})));
    check(&[allow, session], &federated, ALLOW);
    let named = json!({"Principal": {"AWS": "arn:aws:sts::100000000001:federated-user/alice"}});
    check(&[policy("resource", statement("Allow", named))], &federated, ALLOW);
}

// Law-test: IAM, a NotResource entry whose variable has no value excludes nothing.
#[test]
fn an_exclusion_without_a_value_excludes_nothing() {
    let deny = |variable: &str| {
        let mut deny = statement("Deny", json!({}));
        deny.as_object_mut().unwrap().remove("Resource");
        deny["NotResource"] = json!(format!("arn:aws:s3:::orders/{variable}/*"));
        let allow = statement("Allow", json!({}));
        policy("identity", json!([allow, deny]))
    };
    check(&[deny("${aws:userid}")], &request(ALICE), EXPLICIT);
    check(&[deny("${aws:userid, 'a'}")], &request(ALICE), ALLOW);
}

// Law-test: IAM, keys that follow from the request are what it says, whatever its context says.
#[test]
fn a_context_cannot_say_who_asks() {
    let only = |name: &str| {
        let condition = json!({"Condition": {"StringEquals": {"aws:username": name}}});
        policy("identity", statement("Allow", condition))
    };
    let mut lying = request(ALICE);
    lying["context"] = json!({"aws:username": "bob", "AWS:UserName": "bob"});
    check(&[only("bob")], &lying, IMPLICIT);
    check(&[only("alice")], &lying, ALLOW);
}

// Law-test: IAM, policy variables are read from version 2012-10-17 on.
#[test]
fn the_old_language_has_no_variables() {
    check_worked(&[36, 40]);
}

// Law-test: KMS, identity policies count for a key only where its own policy names the account; for
// the trust policy of a role it is the same.
#[test]
fn a_key_is_its_own_policys() {
    check_worked(&[106, 107, 108, 109, 110]);
    let mut root = request("arn:aws:iam::100000000001:root");
    root["action"] = json!("kms:Decrypt");
    root["resource"] = json!("arn:aws:kms:eu-west-1:100000000001:key/k1");
    check(&[], &root, IMPLICIT);
}

// Law-test: Organizations, service control policies bind signed callers of member accounts.
#[test]
fn service_control_policies_bind_members_alone() {
    check_worked(&[56, 57]);
    let deny = policy("scp", statement("Deny", json!({})));
    let allow = policy("identity", statement("Allow", json!({})));
    let everyone = policy("resource", statement("Allow", json!({"Principal": "*"})));
    check(&[deny.clone(), allow.clone()], &request(ALICE), EXPLICIT);
    for flag in ["management_account", "service_linked"] {
        let mut exempt = request(ALICE);
        exempt["principal_flags"] = json!([flag]);
        check(&[deny.clone(), allow.clone()], &exempt, ALLOW);
    }
    check(&[deny, everyone], &request("anonymous"), ALLOW);
}

#[test]
fn resource_control_policies_bind_whoever_comes() {
    let everyone = policy("resource", statement("Allow", json!({"Principal": "*"})));
    let control = |effect: &str, action: &str| {
        policy("rcp", statement(effect, json!({"Principal": "*", "Action": action})))
    };
    for principal in [ALICE, "anonymous"] {
        let request = request(principal);
        check(&[everyone.clone(), control("Allow", "*")], &request, ALLOW);
        check(&[everyone.clone(), control("Allow", "kms:*")], &request, IMPLICIT);
        check(&[everyone.clone(), control("Deny", "s3:*")], &request, EXPLICIT);
    }
}

// Law-test: S3, RestrictPublicBuckets leaves a public policy to the owner's account and to services.
#[test]
fn a_restricted_bucket_is_closed_to_outsiders() {
    check_worked(&[92, 93, 94, 99, 100]);
    let block = json!({"kind": "bpa", "document": {"RestrictPublicBuckets": true}});
    let everyone = policy("resource", statement("Allow", json!({"Principal": "*"})));
    check(&[everyone, block], &request("service:logging.s3.amazonaws.com"), ALLOW);
}

// Law-test: S3, a bucket policy allows nothing on an object that another account owns; the bucket's
// owner may delete it.
#[test]
fn an_object_of_another_account_is_its_owners() {
    check_worked(&[89, 90, 98]);
    let writer = json!({"kind": "ownership", "document": {"mode": "ObjectWriter"}});
    let grant = json!({"grantee": "100000000001", "permission": "READ"});
    let document = json!({"target": "object", "owner": "200000000002", "grants": [grant]});
    let acl = json!({"kind": "acl", "document": document});
    let allow = policy("identity", statement("Allow", json!({})));
    let deny = policy("resource", statement("Deny", json!({"Principal": "*"})));
    let mut foreign = request(ALICE);
    foreign["object_owner"] = json!("200000000002");
    check(&[writer.clone(), acl.clone(), allow.clone()], &foreign, ALLOW);
    check(&[writer, acl, allow, deny], &foreign, EXPLICIT);
}

// Law-test: S3, a request through an access point is decided on the access point and on the bucket.
#[test]
fn an_access_point_and_its_bucket_must_both_allow() {
    check_worked(&[80, 81, 82, 83]);
}

#[test]
fn an_access_point_of_a_vpc_refuses_calls_from_elsewhere() {
    let allow = policy("identity", statement("Allow", json!({})));
    let mut through = request(ALICE);
    through["access_point"] = json!("arn:aws:s3:eu-west-1:100000000001:accesspoint/lake");
    check(std::slice::from_ref(&allow), &through, ALLOW);
    through["access_point_origin"] = json!("vpc-1");
    check(std::slice::from_ref(&allow), &through, IMPLICIT);
    through["context"] = json!({"aws:SourceVpc": "vpc-1"});
    check(&[allow], &through, ALLOW);
}

// Law-test: S3, an account that an endpoint policy allows is its root alone.
#[test]
fn an_endpoint_policy_lets_through_what_it_names() {
    check_worked(&[74, 75, 76, 79]);
    let allow = policy("identity", statement("Allow", json!({})));
    let account = json!({"Principal": {"AWS": "100000000001"}});
    let endpoint = policy("endpoint", statement("Allow", account.clone()));
    check(&[allow.clone(), endpoint], &request("arn:aws:iam::100000000001:root"), ALLOW);
    let everyone = statement("Allow", json!({"Principal": "*"}));
    let endpoint = policy("endpoint", json!([everyone, statement("Deny", account)]));
    check(&[allow, endpoint], &request(ALICE), EXPLICIT);
}

// Law-test: S3, the root of the bucket's account may always get, put and delete its policy.
#[test]
fn the_owners_root_can_repair_a_bucket_policy() {
    check_worked(&[67, 68, 69]);
    let deny = policy("resource", statement("Deny", json!({"Principal": "*"})));
    let scp = policy("scp", statement("Deny", json!({})));
    let mut root = request("arn:aws:iam::100000000001:root");
    root["action"] = json!("s3:PutBucketPolicy");
    root["resource"] = json!("arn:aws:s3:::orders");
    check(std::slice::from_ref(&deny), &root, ALLOW);
    check(&[deny, scp], &root, EXPLICIT);
}
