//! Decide: a bucket policy of 20 statements with conditions, and two identity policies.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

use cistern_access::{
    Action, Caller, Context, Layers, Policy, PolicyKind, Request, Resource, evaluate,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{fmt::Write as _, hint::black_box, sync::Arc};

const OWNER: &str = "100000000001";
const STATEMENTS: usize = 20;

/// Every statement is about the request's bucket, and asks for two or three keys.
fn bucket_policy() -> String {
    let mut text = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for number in 0..STATEMENTS {
        let comma = if number == 0 { "" } else { "," };
        let statement = match number % 4 {
            0 => format!(
                r#""Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{OWNER}:user/user-{number}"}},
                "Action":"s3:Get*","Resource":"arn:aws:s3:::orders/team-{number}/*","Condition":
                {{"StringEquals":{{"aws:PrincipalTag/team":"team-{number}"}}}}"#
            ),
            1 => r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":
                ["arn:aws:s3:::orders","arn:aws:s3:::orders/*"],"Condition":
                {"Bool":{"aws:SecureTransport":"false"}}"#
                .to_owned(),
            2 => format!(
                r#""Effect":"Allow","Principal":{{"AWS":"{OWNER}"}},"Action":["s3:GetObject",
                "s3:PutObject"],"Resource":"arn:aws:s3:::orders/*","Condition":{{"IpAddress":
                {{"aws:SourceIp":["10.{number}.0.0/16","192.0.2.0/24"]}},"StringLike":
                {{"aws:UserAgent":"agent/{number}.*"}}}}"#
            ),
            _ => format!(
                r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":
                "arn:aws:s3:::orders/*","Condition":{{"DateLessThan":
                {{"aws:CurrentTime":"2020-01-{number:02}T00:00:00Z"}},"StringNotEquals":
                {{"aws:SourceVpce":"vpce-{number}"}}}}"#
            ),
        };
        write!(text, "{comma}{{{statement}}}").unwrap();
    }
    text.push_str("]}");
    text
}

const IDENTITY: [&str; 2] = [
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],
    "Resource":["arn:aws:s3:::orders","arn:aws:s3:::orders/home/${aws:username}/*"],"Condition":
    {"StringEquals":{"aws:PrincipalTag/team":["red","blue"]}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kinesis:*","Resource":"*"},
    {"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":
    {"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}"#,
];

fn decide(criterion: &mut Criterion) {
    let bucket = [Arc::new(Policy::parse(PolicyKind::Bucket, &bucket_policy()).unwrap())];
    let identity =
        IDENTITY.map(|text| Arc::new(Policy::parse(PolicyKind::Identity, text).unwrap()));
    let layers = Layers::new().identity(&identity).resource(&bucket);
    let caller = Caller::parse(&format!("arn:aws:iam::{OWNER}:user/alice")).unwrap();
    let action = Action::parse("s3:GetObject").unwrap();
    let context = Context::new()
        .with("aws:CurrentTime", "2026-02-01T00:00:00Z")
        .with("aws:SecureTransport", "true")
        .with("aws:SourceIp", "10.1.2.3")
        .with("aws:UserAgent", "agent/9.1")
        .with("aws:PrincipalTag/team", "red");
    let mut group = criterion.benchmark_group("decide, 20 statements and 2 identity policies");
    group.throughput(Throughput::Elements(1));
    for (name, key, expected) in
        [("allowed", "home/alice/cat.jpg", true), ("not allowed", "home/bob/cat.jpg", false)]
    {
        let resource = Resource::object("orders", key);
        let request = Request::new(&caller, &action, &resource, OWNER, &context);
        assert_eq!(evaluate(&request, &layers).is_allowed(), expected);
        group.bench_function(name, |bencher| {
            bencher.iter(|| evaluate(black_box(&request), black_box(&layers)));
        });
    }
    group.bench_function("allowed, request made anew", |bencher| {
        bencher.iter(|| {
            let resource = Resource::object("orders", black_box("home/alice/cat.jpg"));
            let action = Action::parse(black_box("s3:GetObject")).unwrap();
            let request = Request::new(&caller, &action, &resource, OWNER, &context);
            evaluate(&request, &layers)
        });
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
