use super::*;
use crate::{
    canonical::{UNSIGNED_PAYLOAD, payload_hash},
    condition_key::{ConditionKey, Found, Lookup as _},
    presign::presign,
};

/// The credentials of AWS's test suite, and its moment.
const SUITE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SUITE_SCOPE: Scope<'static> = Scope { region: "us-east-1", service: "service" };
const SUITE_TIME: &str = "20150830T123600Z";

/// The credentials of the examples in S3's documentation.
const S3_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const S3_SCOPE: Scope<'static> = Scope { region: "us-east-1", service: "s3" };
const S3_TIME: &str = "20130524T000000Z";
const S3_HOST: &str = "examplebucket.s3.amazonaws.com";

/// A query, in its order.
type Query = Vec<(String, String)>;

fn s3_credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", S3_SECRET)
}

fn s3_now() -> Moment {
    Moment::parse_basic(S3_TIME).unwrap()
}

// Law-test: SigV4, the signing key is derived from the secret by day, region and service.
#[test]
fn the_signing_key_is_that_of_the_documentation() {
    let scope = Scope { region: "us-east-1", service: "iam" };
    assert_eq!(
        hex(&signing_key(SUITE_SECRET, "20150830", scope)),
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    );
}

/// One of AWS's test suite.
#[track_caller]
fn check_suite(
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    expected: &str,
) {
    let host = [("Host", "example.amazonaws.com"), ("X-Amz-Date", SUITE_TIME)];
    let headers = [&host[..], headers].concat();
    let payload = payload_hash(b"");
    let request = SignedRequest { method, path, query, headers: &headers, payload: &payload };
    let credentials = Credentials::new("AKIDEXAMPLE", SUITE_SECRET);
    let authorization = sign(&request, &credentials, SUITE_SCOPE).unwrap();
    assert_eq!(authorization.rsplit('=').next(), Some(expected));
}

#[test]
fn requests_of_the_test_suite_have_its_signatures() {
    check_suite(
        "GET",
        "/",
        &[],
        &[],
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    check_suite(
        "POST",
        "/",
        &[],
        &[],
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
    check_suite(
        "GET",
        "/",
        &[("Param2", "value2"), ("Param1", "value1")],
        &[],
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    check_suite(
        "GET",
        "/",
        &[],
        &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    );
    check_suite(
        "GET",
        "/\u{1234}",
        &[],
        &[],
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    );
    check_suite(
        "GET",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        &[],
        &[],
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    );
}

/// An example of S3's documentation: signed, and then verified.
#[track_caller]
fn check_s3(
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: &[u8],
    expected: &str,
) {
    let payload = payload_hash(body);
    let own = [("Host", S3_HOST), ("x-amz-content-sha256", &payload), ("x-amz-date", S3_TIME)];
    let headers = [&own[..], headers].concat();
    let request = SignedRequest { method, path, query, headers: &headers, payload: &payload };
    let authorization = sign(&request, &s3_credentials(), S3_SCOPE).unwrap();
    assert_eq!(authorization.rsplit('=').next(), Some(expected));

    let sent = [&headers[..], &[("Authorization", authorization.as_str())]].concat();
    let request = SignedRequest { headers: &sent, ..request };
    let claim = Claim::read(&request).unwrap().unwrap();
    let verified = claim.verify(&request, &s3_credentials(), S3_SCOPE, s3_now()).unwrap();
    assert_eq!(verified.auth_type, AuthType::Header);
}

#[test]
fn examples_of_the_documentation_have_its_signatures() {
    check_s3(
        "GET",
        "/test.txt",
        &[],
        &[("Range", "bytes=0-9")],
        b"",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    check_s3(
        "PUT",
        "/test$file.text",
        &[],
        &[("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
        b"Welcome to Amazon S3.",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    check_s3(
        "GET",
        "/",
        &[("lifecycle", "")],
        &[],
        b"",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    check_s3(
        "GET",
        "/",
        &[("max-keys", "2"), ("prefix", "J")],
        &[],
        b"",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

const HOST: [(&str, &str); 1] = [("host", S3_HOST)];

fn presigned(expires_seconds: u32) -> Query {
    presign(&to_presign(), &s3_credentials(), S3_SCOPE, s3_now(), expires_seconds).unwrap()
}

fn to_presign() -> SignedRequest<'static> {
    let payload = UNSIGNED_PAYLOAD;
    SignedRequest { method: "GET", path: "/test.txt", query: &[], headers: &HOST, payload }
}

/// Verifies a presigned request so many seconds after it was signed, with a change to it.
fn verify_presigned(
    expires_seconds: u32,
    after_seconds: i64,
    change: impl FnOnce(&mut SignedRequest<'_>, &mut Query),
) -> Result<Verified, SignatureError> {
    let mut query = presigned(expires_seconds);
    let mut request = to_presign();
    change(&mut request, &mut query);
    let query: Vec<(&str, &str)> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = SignedRequest { query: &query, ..request };
    let now = s3_now().plus_seconds(after_seconds);
    let claim = Claim::read(&request)?.expect("it claims something");
    claim.verify(&request, &s3_credentials(), S3_SCOPE, now)
}

#[test]
fn a_presigned_request_of_the_documentation_has_its_signature() {
    let query = presigned(86_400);
    assert_eq!(
        query.last().unwrap().1,
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
    let verified = verify_presigned(86_400, 86_400, |_, _| {}).unwrap();
    assert_eq!((verified.auth_type, verified.age_millis), (AuthType::Query, 86_400_000));
}

// Law-test: S3, a presigned request is valid for 1 s to 604,800 s.
#[test]
fn a_presigned_request_is_valid_for_its_time() {
    let error = verify_presigned(60, 61, |_, _| {}).unwrap_err();
    assert_eq!((error.code(), error.status()), ("AccessDenied", 403));
    let error = verify_presigned(60, -901, |_, _| {}).unwrap_err();
    assert_eq!(error, SignatureError::NotYet { from: s3_now() });
    assert!(verify_presigned(60, -900, |_, _| {}).is_ok());
    for seconds in [0, EXPIRES_SECONDS_MAX + 1] {
        let request = to_presign();
        let presigned = presign(&request, &s3_credentials(), S3_SCOPE, s3_now(), seconds);
        assert_eq!(presigned.unwrap_err().code(), "AuthorizationQueryParametersError");
    }
    for text in ["0", "604801", "-1", "+5", "", "x", "4294967297"] {
        let changed = verify_presigned(60, 0, |_, query| query[3].1 = text.into());
        let error = changed.unwrap_err();
        assert_eq!((error.code(), error.status()), ("AuthorizationQueryParametersError", 400));
    }
}

#[test]
fn whatever_is_changed_the_signature_no_longer_matches() {
    let check = |change: &dyn Fn(&mut SignedRequest<'_>, &mut Query)| {
        let error = verify_presigned(60, 0, |request, query| change(request, query)).unwrap_err();
        assert_eq!(error, SignatureError::Mismatch);
    };
    check(&|request, _| request.method = "PUT");
    check(&|request, _| request.path = "/test.txt2");
    check(&|request, _| request.payload = "0");
    check(&|_, query| query.push(("x".into(), "y".into())));
    check(&|_, query| query[3].1 = "61".into());
    check(&|_, query| query[1].1 = query[1].1.replace("AKIA", "AKIB"));
    check(&|_, query| query[5].1.truncate(63));
    check(&|_, query| query[5].1 = query[5].1.to_uppercase());
    check(&|_, query| query.push(("X-Amz-Security-Token".into(), "t".into())));
}

#[test]
fn a_claim_that_cannot_be_read_is_malformed() {
    let check = |change: &dyn Fn(&mut Query)| {
        let error = verify_presigned(60, 0, |_, query| change(query)).unwrap_err();
        assert_eq!(error.code(), "AuthorizationQueryParametersError", "{error}");
    };
    check(&|query| query[0].1 = "AWS4-HMAC-MD5".into());
    check(&|query| query[1].1 = "AKIA/20130524/us-east-1/s3".into());
    check(&|query| query[1].1 = query[1].1.replace("20130524", "20130525"));
    check(&|query| query[1].1 = query[1].1.replace("us-east-1", "eu-west-1"));
    check(&|query| query[2].1 = "yesterday".into());
    check(&|query| query[4].1 = "HOST".into());
    check(&|query| query.truncate(5));
    check(&|query| query.push(query[3].clone()));
}

// Law-test: S3, `host` and every `x-amz-` header of a request are signed.
#[test]
fn a_header_of_amazon_that_is_not_signed_is_refused() {
    const EXTRA: [(&str, &str); 2] = [("host", S3_HOST), ("X-Amz-Acl", "public-read")];
    let error = verify_presigned(60, 0, |request, _| request.headers = &EXTRA).unwrap_err();
    assert_eq!(error, SignatureError::Unsigned { header: "x-amz-acl".into() });
    let error = verify_presigned(60, 0, |_, query| query[4].1 = "range".into()).unwrap_err();
    assert_eq!(error, SignatureError::Unsigned { header: "host".into() });
}

// Law-test: S3, a request whose time differs by more than 15 minutes is refused.
#[test]
fn clocks_may_differ_by_fifteen_minutes() {
    let headers = [("host", S3_HOST), ("x-amz-date", S3_TIME)];
    let request = SignedRequest { headers: &headers, ..to_presign() };
    let authorization = sign(&request, &s3_credentials(), S3_SCOPE).unwrap();
    let sent = [&headers[..], &[("authorization", authorization.as_str())]].concat();
    let request = SignedRequest { headers: &sent, ..request };
    let claim = Claim::read(&request).unwrap().unwrap();
    for (after, expected) in [(900, true), (-900, true), (901, false), (-901, false)] {
        let now = s3_now().plus_seconds(after);
        let verified = claim.verify(&request, &s3_credentials(), S3_SCOPE, now);
        assert_eq!(verified.is_ok(), expected);
    }
    let late = claim.verify(&request, &s3_credentials(), S3_SCOPE, s3_now().plus_seconds(901));
    assert_eq!(late.unwrap_err().code(), "RequestTimeTooSkewed");
}

#[test]
fn a_session_signs_with_its_token() {
    let session = s3_credentials().with_session_token("token");
    let query = presign(&to_presign(), &session, S3_SCOPE, s3_now(), 60).unwrap();
    let query: Vec<(&str, &str)> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = SignedRequest { query: &query, ..to_presign() };
    let claim = Claim::read(&request).unwrap().unwrap();
    assert_eq!(claim.session_token(), Some("token"));
    assert!(claim.verify(&request, &session, S3_SCOPE, s3_now()).is_ok());
    let without = claim.verify(&request, &s3_credentials(), S3_SCOPE, s3_now());
    assert_eq!(without, Err(SignatureError::Mismatch));
}

// Law-test: S3, the age of a signature is known of presigned requests only.
#[test]
fn a_signature_tells_policies_how_it_came_and_how_old_it_is() {
    let verified = verify_presigned(60, 7, |_, _| {}).unwrap();
    let found = |verified: &Verified, key: &str| match verified
        .context(Context::new())
        .lookup(&ConditionKey::new(key))
    {
        Found::One(value) => value.to_owned(),
        _ => String::new(),
    };
    assert_eq!(found(&verified, "s3:signatureAge"), "7000");
    assert_eq!(found(&verified, "s3:authType"), "REST-QUERY-STRING");
    let by_header = Verified { auth_type: AuthType::Header, ..verified };
    assert_eq!(found(&by_header, "s3:signatureAge"), "");
    assert_eq!(found(&by_header, "s3:authType"), "REST-HEADER");
}

#[test]
fn a_request_that_claims_nothing_is_anonymous_and_a_secret_is_never_printed() {
    assert_eq!(Claim::read(&to_presign()).unwrap(), None);
    let text = format!("{:?}", s3_credentials().with_session_token("token"));
    assert!(!text.contains(S3_SECRET) && !text.contains("token\""), "{text}");
}
