//! Random cases from small pools, so that policies and requests often meet.

use serde_json::{Map, Value, json};

/// A stream of chance that one number repeats.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64 of Steele, Lea and Flood.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count).unwrap()).unwrap()
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn of<'p, T: ?Sized>(&mut self, pool: &[&'p T]) -> &'p T {
        pool[self.below(pool.len())]
    }

    fn some(&mut self, pool: &[&str], most: usize) -> Value {
        let count = self.below(most) + 1;
        if count == 1 {
            return json!(self.of(pool));
        }
        (0..count).map(|_| json!(self.of(pool))).collect()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

const CALLERS: [&str; 9] = [
    "arn:aws:iam::100000000001:user/alice",
    "arn:aws:iam::100000000001:user/ops/carol",
    "arn:aws:iam::100000000001:root",
    "arn:aws:sts::100000000001:assumed-role/etl/s1",
    "arn:aws:sts::100000000001:federated-user/fred",
    "arn:aws:iam::200000000002:user/xena",
    "arn:aws:iam::200000000002:root",
    "anonymous",
    "service:logging.s3.amazonaws.com",
];
const ROLE_WITH_PATH: &str = "arn:aws:iam::100000000001:role/jobs/etl";
const PRINCIPALS: [&str; 14] = [
    "*",
    "100000000001",
    "200000000002",
    "arn:aws:iam::100000000001:root",
    "arn:aws:iam::100000000001:user/alice",
    "arn:aws:iam::100000000001:user/ops/carol",
    "arn:aws:iam::100000000001:role/etl",
    ROLE_WITH_PATH,
    "arn:aws:sts::100000000001:assumed-role/etl/s1",
    "arn:aws:sts::100000000001:federated-user/fred",
    "arn:aws:iam::200000000002:user/xena",
    "arn:aws:iam::100000000001:user/*",
    "arn:aws:iam::100000000001:user/bob",
    "arn:aws:iam::100000000001:group/all",
];
const REQUESTS: [(&str, &str); 12] = [
    ("s3:GetObject", "arn:aws:s3:::orders/a/1"),
    ("s3:GetObject", "arn:aws:s3:::orders/home/alice/x"),
    ("s3:GetObject", "arn:aws:s3:::orders/*"),
    ("s3:PutObject", "arn:aws:s3:::orders/a/1"),
    ("s3:DeleteObject", "arn:aws:s3:::orders/a/1"),
    ("s3:DeleteObjectVersion", "arn:aws:s3:::orders/b"),
    ("s3:ListBucket", "arn:aws:s3:::orders"),
    ("s3:DeleteBucketPolicy", "arn:aws:s3:::orders"),
    ("s3:ListAllMyBuckets", "*"),
    ("kinesis:PutRecord", "arn:aws:kinesis:eu-west-1:100000000001:stream/taps"),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:100000000001:key/k1"),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:100000000001:key/k2"),
];
const ACTIONS: [&str; 14] = [
    "*",
    "*",
    "s3:*",
    "s3:*",
    "s3:Get*",
    "s3:getobject",
    "s3:*Object",
    "s3:GetObjec?",
    "s3:PutObject",
    "S3:List*",
    "k*",
    "kinesis:Put*",
    "kms:Decrypt",
    "s3:DeleteObject?ersion",
];
const RESOURCES: [&str; 16] = [
    "*",
    "*",
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::orders",
    "arn:aws:s3:::orders/*",
    "arn:aws:s3:::orders/a/?",
    "arn:aws:s3:::o*/*a*1*",
    "arn:aws:s3:::orders/home/${aws:username}/*",
    "arn:aws:s3:::orders/${aws:PrincipalTag/team, 'a'}/1",
    "arn:aws:s3:::orders/${*}",
    "arn:aws:s3:*:orders",
    "arn:aws:s3",
    "arn:aws:kinesis:*:100000000001:stream/*",
    "arn:aws:kms:eu-west-1:*:key/k?",
    "arn:aws:s3:eu-west-1:100000000001:accesspoint/lake*",
];
const TEXT_KEYS: [&str; 9] = [
    "aws:PrincipalTag/team",
    "aws:principaltag/Team",
    "aws:UserAgent",
    "aws:username",
    "aws:PrincipalType",
    "aws:PrincipalAccount",
    "aws:TagKeys",
    "aws:SourceVpce",
    "s3:DataAccessPointAccount",
];
const TEXTS: [&str; 13] = [
    "red",
    "Red",
    "blue",
    "r*",
    "?ed",
    "",
    "*",
    "${aws:username}",
    "${aws:PrincipalTag/team}",
    "${aws:UserAgent, 'red'}",
    "${*}",
    "100000000001",
    "vpce-1",
];
const TEXT_OPERATORS: [&str; 6] = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
];
const NUMBERS: [&str; 6] = ["9", "10", "10.0", "-1", "1e1", "soon"];
const NUMBER_OPERATORS: [&str; 6] = [
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
];
const DATES: [&str; 7] = [
    "2026-01-01T00:00:00Z",
    "1767225600",
    "2026-01-01",
    "2026",
    "2026-01-01T01:00:00+01:00",
    "2026-02-01T00:00:00Z",
    "soon",
];
const DATE_OPERATORS: [&str; 6] = [
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
];
const NETWORKS: [&str; 6] =
    ["203.0.113.0/24", "203.0.113.7", "0.0.0.0/0", "2001:db8::/32", "::/0", "10.0.0.0/8"];
const ADDRESSES: [&str; 5] = ["203.0.113.7", "10.1.2.3", "2001:db8::1", "192.0.2.1", "here"];
const ARN_PATTERNS: [&str; 7] = [
    "*",
    "arn:aws:iam::*:user/*",
    "arn:aws:iam::100000000001:role/etl",
    "arn:aws:s3:::orders",
    "arn:aws:s3:::*",
    "arn:aws:s3:*:*:accesspoint/*",
    "orders",
];
const ARNS: [&str; 3] = ["arn:aws:s3:::orders", "arn:aws:s3:eu-west-1:1:accesspoint/p", "orders"];
const POINT: &str = "arn:aws:s3:eu-west-1:100000000001:accesspoint/lake";
const ACCOUNTS: [&str; 2] = ["100000000001", "200000000002"];

/// A case in the form of the worked ones.
pub(crate) fn case(seed: u64) -> Value {
    let mut chance = Chance::new(seed);
    let (action, resource) = REQUESTS[chance.below(REQUESTS.len())];
    let mut request = json!({
        "principal": chance.of(&CALLERS),
        "action": action,
        "resource": resource,
        "resource_account": ACCOUNTS[0],
        "context": context(&mut chance),
    });
    if chance.once_in(4) {
        request["role_arn"] = json!(ROLE_WITH_PATH);
    }
    if chance.once_in(3) {
        request["user_arn"] = json!(CALLERS[0]);
    }
    if chance.once_in(12) {
        request["principal_flags"] = json!([chance.of(&["management_account", "service_linked"])]);
    }
    let is_bucket = resource.starts_with("arn:aws:s3:");
    if is_bucket && chance.once_in(6) {
        request["access_point"] = json!(POINT);
    }
    if is_bucket && chance.once_in(4) {
        request["object_owner"] = json!(ACCOUNTS[chance.below(2)]);
    }
    let policies = policies(&mut chance, is_bucket);
    json!({"name": "r", "policies": policies, "request": request})
}

fn policies(chance: &mut Chance, is_bucket: bool) -> Vec<Value> {
    let mut policies = Vec::new();
    let mut add = |chance: &mut Chance, kind: &str, level: Option<usize>| {
        let document = document(chance, kind);
        let mut policy = json!({"kind": kind, "document": document});
        if let Some(level) = level {
            policy["level"] = json!(level);
        }
        policies.push(policy);
    };
    for _ in 0..chance.below(3) {
        add(chance, "identity", None);
    }
    for (kind, times) in
        [("resource", 2), ("boundary", 5), ("session", 5), ("endpoint", 7), ("access_point", 4)]
    {
        if chance.once_in(times) {
            add(chance, kind, None);
        }
    }
    if chance.once_in(6) {
        for level in 0..=chance.below(2) {
            for _ in 0..=chance.below(2) {
                add(chance, "scp", Some(level));
            }
        }
    }
    if is_bucket {
        sharing(chance, &mut policies);
    }
    policies
}

/// ACLs, ownership and block public access.
fn sharing(chance: &mut Chance, policies: &mut Vec<Value>) {
    if chance.once_in(2) {
        let mode = chance.of(&["ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced"]);
        policies.push(json!({"kind": "ownership", "document": {"mode": mode}}));
    }
    for _ in 0..chance.below(3) {
        let grant = json!({
            "grantee": chance.of(&["AllUsers", "AuthenticatedUsers", ACCOUNTS[0], ACCOUNTS[1]]),
            "permission": chance.of(&["READ", "WRITE", "FULL_CONTROL", "READ_ACP"]),
        });
        let target = chance.of(&["bucket", "object"]);
        let document = json!({"target": target, "owner": ACCOUNTS[0], "grants": [grant]});
        policies.push(json!({"kind": "acl", "document": document}));
    }
    if chance.once_in(4) {
        let document = json!({
            "scope": "bucket",
            "IgnorePublicAcls": chance.once_in(2),
            "RestrictPublicBuckets": chance.once_in(2),
        });
        policies.push(json!({"kind": "bpa", "document": document}));
    }
}

/// A document of a kind.
pub(crate) fn document(chance: &mut Chance, kind: &str) -> Value {
    let statements: Vec<Value> = (0..=chance.below(3)).map(|_| statement(chance, kind)).collect();
    match chance.below(12) {
        0 => json!({"Statement": statements}),
        1 => json!({"Version": "2008-10-17", "Statement": statements[0]}),
        _ => json!({"Version": "2012-10-17", "Statement": statements}),
    }
}

pub(crate) fn statement(chance: &mut Chance, kind: &str) -> Value {
    let effect = if chance.once_in(5) { "Deny" } else { "Allow" };
    let mut statement = Map::new();
    statement.insert("Effect".into(), json!(effect));
    if chance.once_in(3) {
        statement.insert("Sid".into(), json!(chance.of(&["A", "B", ""])));
    }
    if ["resource", "endpoint", "access_point"].contains(&kind) {
        let element = if chance.once_in(8) { "NotPrincipal" } else { "Principal" };
        statement.insert(element.into(), principal(chance));
    }
    let element = if chance.once_in(8) { "NotAction" } else { "Action" };
    statement.insert(element.into(), chance.some(&ACTIONS, 3));
    let element = if chance.once_in(8) { "NotResource" } else { "Resource" };
    statement.insert(element.into(), chance.some(&RESOURCES, 3));
    if chance.once_in(2) {
        let mut conditions = Map::new();
        for _ in 0..=chance.below(2) {
            let (operator, keys) = condition(chance);
            conditions.insert(operator, keys);
        }
        statement.insert("Condition".into(), Value::Object(conditions));
    }
    Value::Object(statement)
}

fn principal(chance: &mut Chance) -> Value {
    match chance.below(5) {
        0 | 1 => json!("*"),
        2 => json!({"Service": "logging.s3.amazonaws.com", "AWS": chance.of(&PRINCIPALS)}),
        _ => json!({"AWS": chance.some(&PRINCIPALS, 4)}),
    }
}

fn condition(chance: &mut Chance) -> (String, Value) {
    let (operator, keys, values): (&str, &[&str], &[&str]) = match chance.below(9) {
        0 => ("Null", &TEXT_KEYS, &["true", "false"]),
        1 => (chance.of(&NUMBER_OPERATORS), &["s3:max-keys"], &NUMBERS),
        2 => (chance.of(&DATE_OPERATORS), &["aws:CurrentTime"], &DATES),
        3 => (chance.of(&["IpAddress", "NotIpAddress"]), &["aws:SourceIp"], &NETWORKS),
        4 => {
            let operators = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
            let keys = &["aws:SourceArn", "aws:PrincipalArn", "s3:DataAccessPointArn"];
            (chance.of(&operators), keys, &ARN_PATTERNS)
        }
        5 => ("Bool", &["aws:SecureTransport"], &["true", "False"]),
        6 => ("BinaryEquals", &["aws:Binary"], &["YWI=", "YWM="]),
        _ => (chance.of(&TEXT_OPERATORS), &TEXT_KEYS, &TEXTS),
    };
    let mut name = operator.to_owned();
    if operator != "Null" {
        let set = chance.of(&["", "", "", "ForAllValues:", "ForAnyValue:"]);
        let suffix = chance.of(&["", "", "IfExists"]);
        name = format!("{set}{operator}{suffix}");
    }
    (name, json!({ (chance.of(keys)): chance.some(values, 2) }))
}

fn context(chance: &mut Chance) -> Value {
    let mut context = Map::new();
    for (key, values) in [
        ("aws:PrincipalTag/team", &["red", "Red", "*", ""][..]),
        ("aws:PrincipalTag/Team", &["blue", "red"]),
        ("aws:UserAgent", &["red", "blue", ""]),
        ("aws:SourceVpce", &["vpce-1", "vpce-2"]),
        ("s3:max-keys", &NUMBERS),
        ("aws:CurrentTime", &DATES),
        ("aws:SourceIp", &ADDRESSES),
        ("aws:SourceArn", &ARNS),
        ("aws:SecureTransport", &["true", "false", "maybe"]),
        ("aws:Binary", &["YWI=", "YWM="]),
        // What a caller says of himself counts for nothing.
        ("aws:PrincipalArn", &["arn:aws:iam::100000000001:role/etl"]),
    ] {
        if chance.once_in(3) {
            let value = chance.of(values);
            context
                .insert(key.into(), if chance.once_in(8) { json!([value]) } else { json!(value) });
        }
    }
    if chance.once_in(2) {
        let tags = (0..chance.below(3)).map(|_| json!(chance.of(&["red", "blue", ""])));
        context.insert("aws:TagKeys".into(), tags.collect());
    }
    Value::Object(context)
}
