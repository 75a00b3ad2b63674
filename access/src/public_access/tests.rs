use super::*;
use crate::acl::AclTarget;

#[track_caller]
fn check_kind(kind: PolicyKind, origin: &Origin, principal: &str, condition: &str, expected: bool) {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},
        "Action":"s3:GetObject","Resource":"*","Condition":{condition}}}]}}"#
    );
    let policy = Policy::load(kind, &text).unwrap();
    assert_eq!(is_public(&policy, origin), expected, "{principal} {condition}");
}

#[track_caller]
fn check(principal: &str, condition: &str, expected: bool) {
    check_kind(PolicyKind::Bucket, &Origin::Internet, principal, condition, expected);
}

// Law-test: S3, a policy is public unless every Allow is limited to fixed principals or by a
// positive condition to fixed values.
#[test]
fn fixed_principals_and_fixed_values_make_a_policy_private() {
    check(r#""*""#, "{}", true);
    check(r#"{"AWS":"*"}"#, "{}", true);
    check(r#"{"AWS":["100000000001","*"]}"#, "{}", true);
    check(r#"{"AWS":"100000000001"}"#, "{}", false);
    check(r#"{"Service":"logging.s3.amazonaws.com"}"#, "{}", false);
    check(r#"{"CanonicalUser":"abc"}"#, "{}", false);
    check(r#"{"Federated":"accounts.example.com"}"#, "{}", true);
    check(r#""*""#, r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, false);
    check(r#""*""#, r#"{"StringEquals":{"aws:SourceVpc":["vpc-1","vpc-*"]}}"#, true);
    check(r#""*""#, r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#, true);
    check(r#""*""#, r#"{"StringEquals":{"aws:PrincipalOrgID":"${aws:PrincipalOrgID}"}}"#, true);
    check(r#""*""#, r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#, false);
    check(r#""*""#, r#"{"StringEquals":{"aws:UserAgent":"x"}}"#, true);
    check(r#""*""#, r#"{"StringLike":{"aws:userid":"AROLEID:*"}}"#, true);
    check(
        r#""*""#,
        r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:100000000001:t"}}"#,
        false,
    );
    check(r#""*""#, r#"{"Bool":{"aws:SecureTransport":"true"}}"#, true);
    check(r#""*""#, r#"{"IpAddress":{"aws:SourceIp":"52.0.0.0/8"}}"#, false);
    check(r#""*""#, r#"{"IpAddress":{"aws:SourceIp":["52.0.0.0/8","0.0.0.0/1"]}}"#, true);
}

// Law-test: S3, of the principal keys those that name an account, an organisation or a principal
// limit.
#[test]
fn a_tag_limits_nobody() {
    check(r#""*""#, r#"{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#, true);
    check(r#""*""#, r#"{"StringEquals":{"aws:PrincipalAccount":"100000000001"}}"#, false);
}

// Law-test: S3, IfExists, ForAllValues and negated operators do not make a policy less public.
#[test]
fn a_condition_that_may_be_passed_without_the_key_limits_nobody() {
    check(r#""*""#, r#"{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}"#, true);
    check(r#""*""#, r#"{"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, true);
    check(r#""*""#, r#"{"ForAnyValue:StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, false);
    check(r#""*""#, r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#, true);
}

// Law-test: S3, the name of an access point may be a wildcard where its account is fixed.
// Law-test: S3, the policy of an access point of a VPC is never public.
#[test]
fn access_points_have_rules_of_their_own() {
    let fixed = r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:100000000001:accesspoint/*"}}"#;
    let open = r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:*:accesspoint/*"}}"#;
    check(r#""*""#, fixed, false);
    check(r#""*""#, open, true);
    check_kind(PolicyKind::AccessPoint, &Origin::Internet, r#""*""#, fixed, true);
    check_kind(PolicyKind::AccessPoint, &Origin::Vpc(None), r#""*""#, "{}", false);
}

#[test]
fn a_deny_makes_nothing_private_and_without_an_allow_nothing_is_public() {
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#;
    let allow = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
    let public = |statements: &str| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        is_public(&Policy::load(PolicyKind::Bucket, &text).unwrap(), &Origin::Internet)
    };
    assert!(!public(deny));
    assert!(public(&format!("{deny},{allow}")));
}

// Law-test: S3, new buckets block all public access. Law-test: S3, flags of the account, the bucket
// and the access point add up.
#[test]
fn flags_refuse_what_is_public_and_add_up() {
    let none = PublicAccessBlock::default();
    assert_eq!(none.or(PublicAccessBlock::ALL), PublicAccessBlock::ALL);
    assert_eq!(PublicAccessBlock::ALL.or(none), PublicAccessBlock::ALL);
    let acl = |name| Acl::canned(name, AclTarget::Object, "1", "1").unwrap();
    assert!(PublicAccessBlock::ALL.refuses_acl(&acl("public-read")));
    assert!(!PublicAccessBlock::ALL.refuses_acl(&acl("private")));
    assert!(!none.refuses_acl(&acl("public-read")));
    let text = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
    let policy = Policy::load(PolicyKind::Bucket, text).unwrap();
    assert!(PublicAccessBlock::ALL.refuses_policy(&policy, &Origin::Internet));
    assert!(!none.refuses_policy(&policy, &Origin::Internet));
}
