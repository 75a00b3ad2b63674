use super::*;
use crate::{
    condition_key::{ConditionKey, Found, Lookup},
    policy::PolicyKind,
};

const ALICE: &str = "arn:aws:iam::100000000001:user/alice";
const SESSION: &str = "arn:aws:sts::100000000001:assumed-role/etl/s1";

fn policy(kind: PolicyKind, statement: &str) -> Arc<Policy> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    Arc::new(Policy::parse(kind, &text).unwrap())
}

fn role(trust: &str) -> Role {
    let arn = Arn::parse("arn:aws:iam::100000000001:role/jobs/load").unwrap();
    Role::new(arn, "AROAX", vec![policy(PolicyKind::Trust, trust)])
}

fn trusting(principal: &str, action: &str) -> Role {
    role(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{action}}}"#))
}

fn ask() -> AssumeRole<'static> {
    AssumeRole { session_name: "s1", duration_seconds: 900, ..AssumeRole::default() }
}

fn now() -> Moment {
    Moment::from_seconds(1_000)
}

#[track_caller]
fn assume(
    role: &Role,
    caller: &str,
    ask: &AssumeRole<'_>,
    identity: &[Arc<Policy>],
) -> Result<Session, NoSession> {
    let caller = Caller::parse(caller).unwrap();
    let layers = Layers::new().identity(identity);
    role.assume(&caller, ask, &layers, &Context::new(), now())
}

// Law-test: STS, a role is taken on by whom its trust policy names; an account that it names hands
// the decision to its identity policies.
#[test]
fn a_trust_policy_names_who_takes_on_the_role() {
    let own =
        [policy(PolicyKind::Identity, r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#)];
    let named = trusting(ALICE, r#""sts:AssumeRole""#);
    assert!(assume(&named, ALICE, &ask(), &[]).is_ok());
    let account = trusting("100000000001", r#""sts:AssumeRole""#);
    assert_eq!(assume(&account, ALICE, &ask(), &[]).unwrap_err().code(), "AccessDenied");
    assert!(assume(&account, ALICE, &ask(), &own).is_ok());
    let other = trusting("arn:aws:iam::100000000001:user/bob", r#""sts:AssumeRole""#);
    assert!(assume(&other, ALICE, &ask(), &own).is_err());
    let across = "arn:aws:iam::200000000002:user/xena";
    let foreign = trusting("200000000002", r#""sts:AssumeRole""#);
    assert!(assume(&foreign, across, &ask(), &[]).is_err());
    assert!(assume(&foreign, across, &ask(), &own).is_ok());
}

#[test]
fn a_session_names_its_role_and_ends() {
    let session = assume(&trusting(ALICE, r#""sts:AssumeRole""#), ALICE, &ask(), &[]).unwrap();
    assert_eq!(session.caller().as_str(), "arn:aws:sts::100000000001:assumed-role/load/s1");
    let role = session.caller().behind().unwrap().as_str();
    assert_eq!(role, "arn:aws:iam::100000000001:role/jobs/load");
    assert_eq!(session.expires(), Moment::from_seconds(1_900));
    assert!(!session.is_expired(Moment::from_seconds(1_899)));
    assert!(session.is_expired(Moment::from_seconds(1_900)));
}

#[test]
fn an_external_id_is_a_condition_of_the_trust_policy() {
    let role = role(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::100000000001:user/alice"},
        "Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"agreed"}}}"#,
    );
    assert!(assume(&role, ALICE, &ask(), &[]).is_err());
    let agreed = AssumeRole { external_id: Some("agreed"), ..ask() };
    assert!(assume(&role, ALICE, &agreed, &[]).is_ok());
}

#[test]
fn a_provider_takes_on_a_role_by_an_action_of_its_own() {
    let web = role(
        r#"{"Effect":"Allow","Principal":{"Federated":"accounts.example.com"},
        "Action":"sts:AssumeRoleWithWebIdentity"}"#,
    );
    let assume = |name: &str| {
        web.assume(&Caller::provider(name), &ask(), &Layers::new(), &Context::new(), now())
    };
    assert!(assume("accounts.example.com").is_ok());
    assert!(assume("accounts.example.org").is_err());
}

// Law-test: STS, tags on a session need sts:TagSession in the trust policy, too.
#[test]
fn tags_need_a_permission_of_their_own() {
    let tagged = AssumeRole { tags: &[("team", "red")], ..ask() };
    assert!(assume(&trusting(ALICE, r#""sts:AssumeRole""#), ALICE, &tagged, &[]).is_err());
    let both = trusting(ALICE, r#"["sts:AssumeRole","sts:TagSession"]"#);
    assert!(assume(&both, ALICE, &tagged, &[]).is_ok());
}

// Law-test: IAM, of a tag that a role and its session both have the session's counts.
#[test]
fn the_tags_of_a_session_count_before_those_of_its_role() {
    let tagged = AssumeRole { tags: &[("team", "red")], ..ask() };
    let both = trusting(ALICE, r#"["sts:AssumeRole","sts:TagSession"]"#);
    let session = assume(&both, ALICE, &tagged, &[]).unwrap();
    let context = session.context(Context::new().with("aws:PrincipalTag/team", "blue"));
    let found = |key: &str| match context.lookup(&ConditionKey::new(key)) {
        Found::One(value) => value.to_owned(),
        other => panic!("{key} is {other:?}"),
    };
    assert_eq!(found("aws:PrincipalTag/team"), "red");
    assert_eq!(found("aws:userid"), "AROAX:s1");
    assert_eq!(found("aws:TokenIssueTime"), "1970-01-01T00:16:40Z");
}

// Law-test: STS, session names, durations and tags have bounds, and a chained session lasts an hour.
#[test]
fn what_is_asked_for_has_bounds() {
    let role = trusting("*", r#"["sts:AssumeRole","sts:TagSession"]"#);
    let role = role.with_duration_max(7_200).unwrap();
    let many: Vec<(String, String)> = (0..=50).map(|n| (n.to_string(), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    for (wrong, code) in [
        (AssumeRole { session_name: "s", ..ask() }, "ValidationError"),
        (AssumeRole { session_name: "a/b", ..ask() }, "ValidationError"),
        (AssumeRole { duration_seconds: 899, ..ask() }, "ValidationError"),
        (AssumeRole { duration_seconds: 7_201, ..ask() }, "ValidationError"),
        (AssumeRole { external_id: Some("x"), ..ask() }, "ValidationError"),
        (AssumeRole { tags: &many, ..ask() }, "ValidationError"),
        (AssumeRole { tags: &[("", "x")], ..ask() }, "ValidationError"),
        (AssumeRole { tags: &[("a", "x"), ("A", "y")], ..ask() }, "ValidationError"),
    ] {
        assert_eq!(assume(&role, ALICE, &wrong, &[]).unwrap_err().code(), code, "{wrong:?}");
    }
    let long = AssumeRole { duration_seconds: 7_200, ..ask() };
    assert!(assume(&role, ALICE, &long, &[]).is_ok());
    assert_eq!(
        assume(&role, SESSION, &long, &[]).unwrap_err(),
        NoSession::TooLong { asked: 7_200, max: 3_600 }
    );
    assert!(role.clone().with_duration_max(43_201).is_err());
}
