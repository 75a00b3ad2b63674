//! Access at work: policies that are kept in the store decide about handles of principals.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use cistern::{
    Action, Bucket, BucketName, Cistern, EventFilter, GetOptions, ListOptions, MemoryBackend,
    ObjectLockConfig, PutOptions, Retention, RetentionMode, StorageClass, Timestamp,
    access::{
        AccessError, AssumeRole, AuditLog, AuditRecord, AuditSink, Client, Identity, Policy,
        PolicyKind, PublicAccessBlock, Redacted,
    },
    port::{Clock, ManualClock, Sink},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

fn policy(statements: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)
}

fn allow(actions: &str, resource: &str, rest: &str) -> String {
    policy(&format!(
        r#"{{"Effect": "Allow", "Action": [{actions}], "Resource": "arn:aws:s3:::{resource}"{rest}}}"#
    ))
}

/// A cistern with the bucket `orders`, the object `a` in it and the user alice, who may do nothing.
fn world() -> (Cistern, Bucket) {
    let cistern = Cistern::in_memory();
    let orders = cistern.create_bucket("orders").unwrap();
    orders.put("a", "x").unwrap();
    cistern.access().unwrap().create_user("alice").unwrap();
    (cistern, orders)
}

fn grant(cistern: &Cistern, name: &str, policy: &str) {
    let alice = Identity::user("alice");
    cistern.access().unwrap().put_inline_policy(&alice, name, policy).unwrap();
}

fn orders_of(client: &Client) -> Bucket {
    client.bucket("orders").unwrap()
}

fn alice(cistern: &Cistern) -> Bucket {
    orders_of(&cistern.as_principal("alice").unwrap())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: cistern::Result<T>) {
    assert_eq!(result.unwrap_err().code(), "AccessDenied");
}

#[test]
fn nothing_is_allowed_until_a_policy_allows_it_and_from_then_on() {
    let (cistern, _) = world();
    let bucket = alice(&cistern);
    refused(bucket.get("a"));
    grant(&cistern, "reads", &allow(r#""s3:GetObject""#, "orders/*", ""));
    assert_eq!(bucket.get("a").unwrap().bytes().unwrap(), "x");
    refused(bucket.put("a", "y"));
    cistern.access().unwrap().delete_inline_policy(&Identity::user("alice"), "reads").unwrap();
    refused(bucket.get("a"));
}

#[test]
fn a_refusal_says_who_may_not_do_what_and_not_what_policies_say() {
    let (cistern, _) = world();
    assert_eq!(
        alice(&cistern).get("a").unwrap_err().to_string(),
        "access denied: User: arn:aws:iam::000000000000:user/alice is not authorized to perform: \
         s3:GetObject on resource: arn:aws:s3:::orders/a because no identity-based policy allows \
         the s3:GetObject action"
    );
}

// Law-test: S3, what is missing is a refusal to whoever may not list.
#[test]
fn a_missing_key_is_told_only_to_who_may_list() {
    let (cistern, _) = world();
    grant(&cistern, "reads", &allow(r#""s3:GetObject""#, "orders/*", ""));
    let bucket = alice(&cistern);
    refused(bucket.get("absent"));
    grant(&cistern, "lists", &allow(r#""s3:ListBucket""#, "orders", ""));
    assert_eq!(bucket.get("absent").unwrap_err().code(), "NoSuchKey");
}

#[test]
fn conditions_see_what_the_request_says() {
    let (cistern, orders) = world();
    let bucket = alice(&cistern);
    let only = |key: &str, value: &str| {
        format!(r#", "Condition": {{"StringEquals": {{"{key}": "{value}"}}}}"#)
    };
    let lists = allow(r#""s3:ListBucket""#, "orders", &only("s3:prefix", "home/"));
    grant(&cistern, "lists", &lists);
    refused(bucket.list_page(&ListOptions::new()));
    bucket.list_page(&ListOptions::new().prefix("home/")).unwrap();

    let class = only("s3:x-amz-storage-class", "STANDARD_IA");
    grant(&cistern, "puts", &allow(r#""s3:PutObject""#, "orders/*", &class));
    refused(bucket.put("b", "x"));
    let cold = PutOptions::new().storage_class(StorageClass::StandardIa);
    bucket.put_with("b", "x", &cold).unwrap();

    let tagged = only("s3:ExistingObjectTag/team", "red");
    grant(&cistern, "gets", &allow(r#""s3:GetObject""#, "orders/*", &tagged));
    refused(bucket.get("a"));
    orders.set_object_tags("a", None, &[("team", "red")].try_into().unwrap()).unwrap();
    bucket.get("a").unwrap();

    let own = allow(r#""s3:PutObject""#, "orders/home/${aws:username}/*", "");
    grant(&cistern, "puts", &own);
    bucket.put("home/alice/x", "x").unwrap();
    refused(bucket.put("home/bob/x", "x"));
}

#[test]
fn versions_tags_and_locks_need_permissions_of_their_own() {
    let cistern = Cistern::in_memory();
    let lock = cistern::BucketOptions::new().object_lock(ObjectLockConfig::new());
    let orders = cistern.create_bucket_with("orders", lock).unwrap();
    cistern.access().unwrap().create_user("alice").unwrap();
    let version = orders.put("a", "x").unwrap().version.unwrap();
    grant(&cistern, "plain", &allow(r#""s3:*Object""#, "orders/*", ""));
    let bucket = alice(&cistern);
    bucket.put("a", "y").unwrap();
    refused(bucket.get_with("a", &GetOptions::new().version(version)));
    refused(bucket.delete_version("a", version));
    refused(bucket.put_with("a", "y", &PutOptions::new().tags([("k", "v")].try_into().unwrap())));
    let until = cistern.clock().now().plus(Duration::from_secs(86_400));
    let retention = Retention { mode: RetentionMode::Governance, until };
    refused(bucket.put_with("a", "y", &PutOptions::new().retention(retention)));
    // At most a day: a longer one is not for everybody.
    let short = r#", "Condition": {"NumericLessThanEquals":
        {"s3:object-lock-remaining-retention-days": "1"}}"#;
    let locks = allow(r#""s3:PutObjectRetention""#, "orders/*", short);
    grant(&cistern, "locks", &locks);
    bucket.put_with("a", "y", &PutOptions::new().retention(retention)).unwrap();
    let until = until.plus(Duration::from_secs(86_400));
    let longer = Retention { until, ..retention };
    refused(bucket.put_with("a", "y", &PutOptions::new().retention(longer)));
}

#[test]
fn groups_managed_policies_and_boundaries_decide_together() {
    let (cistern, _) = world();
    let access = cistern.access().unwrap();
    let alice_ = Identity::user("alice");
    let staff = access.create_group("staff").unwrap();
    access.create_policy("all", &allow(r#""s3:*""#, "*", "")).unwrap();
    access.create_policy("reads", &allow(r#""s3:Get*""#, "*", "")).unwrap();
    let bucket = alice(&cistern);
    access.attach_policy(&staff, "all").unwrap();
    refused(bucket.put("b", "x"));
    access.add_to_group("alice", "staff").unwrap();
    bucket.put("b", "x").unwrap();
    access.set_boundary(&alice_, Some("reads")).unwrap();
    refused(bucket.put("b", "x"));
    bucket.get("b").unwrap();
    assert_eq!(access.delete_policy("reads").unwrap_err().code(), "DeleteConflict");
    assert_eq!(access.delete(&staff).unwrap_err().code(), "DeleteConflict");
    access.set_boundary(&alice_, None).unwrap();
    let denies = policy(r#"{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}"#);
    grant(&cistern, "denies", &denies);
    refused(bucket.put("b", "x"));
    access.remove_from_group("alice", "staff").unwrap();
    refused(bucket.get("b"));
    access.delete(&staff).unwrap();
    access.delete_policy("reads").unwrap();
}

// Law-test: S3, PutBucketPolicy; block public policy.
#[test]
fn a_bucket_policy_grants_and_denies() {
    let (cistern, _) = world();
    let access = cistern.access().unwrap();
    let names_alice = policy(
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/alice"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::orders/*"}"#,
    );
    access.set_bucket_policy("orders", &names_alice).unwrap();
    assert_eq!(access.bucket_policy("orders").unwrap(), Some(names_alice));
    let bucket = alice(&cistern);
    bucket.get("a").unwrap();
    // A namesake would come into what the policy grants.
    assert_eq!(access.delete(&Identity::user("alice")).unwrap_err().code(), "DeleteConflict");
    access.delete_bucket_policy("orders").unwrap();
    refused(bucket.get("a"));

    let other = policy(
        r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::others/*"}"#,
    );
    assert_eq!(access.set_bucket_policy("orders", &other).unwrap_err().code(), "MalformedPolicy");
    let none = other.replace("others", "none");
    assert_eq!(access.set_bucket_policy("none", &none).unwrap_err().code(), "NoSuchBucket");
}

// Law-test: S3, new buckets block all public access.
#[test]
fn a_public_policy_needs_the_block_to_be_lifted() {
    let (cistern, _) = world();
    let access = cistern.access().unwrap();
    let public = policy(
        r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::orders/*"}"#,
    );
    let anybody = orders_of(&cistern.as_anonymous().unwrap());
    let blocked = access.set_bucket_policy("orders", &public).unwrap_err();
    assert!(matches!(blocked, AccessError::PublicPolicyBlocked { .. }));
    access.set_public_access_block("orders", PublicAccessBlock::default()).unwrap();
    access.set_bucket_policy("orders", &public).unwrap();
    anybody.get("a").unwrap();
    refused(anybody.put("a", "y"));
    access.set_account_public_access_block(PublicAccessBlock::ALL).unwrap();
    refused(anybody.get("a"));
}

#[test]
fn a_bucket_of_the_same_name_does_not_inherit_a_policy() {
    let (cistern, orders) = world();
    let access = cistern.access().unwrap();
    let grants = policy(
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/alice"},
        "Action": "s3:*", "Resource": ["arn:aws:s3:::orders", "arn:aws:s3:::orders/*"]}"#,
    );
    access.set_bucket_policy("orders", &grants).unwrap();
    let before = alice(&cistern);
    orders.delete("a").unwrap();
    before.list_page(&ListOptions::new()).unwrap();
    cistern.as_principal("alice").unwrap().store().delete_bucket("orders").unwrap();
    cistern.create_bucket("orders").unwrap().put("a", "x").unwrap();
    refused(alice(&cistern).get("a"));
    assert_eq!(access.bucket_policy("orders").unwrap(), None);
    // Nor does it keep the name alive.
    access.delete(&Identity::user("alice")).unwrap();
}

// Law-test: VPC, an endpoint without a policy lets everything through.
#[test]
fn an_endpoint_is_seen_by_policies_and_limits_what_comes_through_it() {
    let (cistern, _) = world();
    let only_here =
        allow(r#""s3:*""#, "*", r#", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}"#);
    grant(&cistern, "only-here", &only_here);
    refused(alice(&cistern).get("a"));
    let endpoint = cistern.endpoint("vpce-1").unwrap().vpc("vpc-1");
    let bucket = orders_of(&endpoint.as_principal("alice").unwrap());
    bucket.put("a", "y").unwrap();
    let other = cistern.endpoint("vpce-2").unwrap().vpc("vpc-2");
    refused(orders_of(&other.as_principal("alice").unwrap()).get("a"));

    let reads =
        policy(r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": "*"}"#);
    let limited = endpoint.policy(&reads).unwrap();
    let bucket = orders_of(&limited.as_principal("alice").unwrap());
    bucket.get("a").unwrap();
    refused(bucket.put("a", "y"));
    refused(orders_of(&limited.as_anonymous()).get("a"));
}

// Law-test: IAM, the address of a caller is aws:VpcSourceIp through an endpoint, and else
// aws:SourceIp.
#[test]
fn the_address_of_a_caller_counts() {
    let (cistern, _) = world();
    let near = r#", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#;
    grant(&cistern, "near", &allow(r#""s3:GetObject""#, "*", near));
    let client = cistern.as_principal("alice").unwrap();
    refused(orders_of(&client).get("a"));
    let near = client.source_address("203.0.113.9".parse().unwrap());
    orders_of(&near).get("a").unwrap();
    refused(orders_of(&client.source_address("198.51.100.1".parse().unwrap())).get("a"));
    let insecure = policy(
        r#"{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
    );
    grant(&cistern, "secure", &insecure);
    orders_of(&near).get("a").unwrap();
    refused(orders_of(&near.in_clear()).get("a"));

    let through = cistern.endpoint("vpce-1").unwrap().as_principal("alice").unwrap();
    let through = orders_of(&through.source_address("203.0.113.9".parse().unwrap()));
    refused(through.get("a"));
    let near = r#", "Condition": {"IpAddress": {"aws:VpcSourceIp": "203.0.113.0/24"}}"#;
    grant(&cistern, "near", &allow(r#""s3:GetObject""#, "*", near));
    through.get("a").unwrap();
}

// Law-test: IAM, unique identifiers begin with the kind of what they identify.
#[test]
fn policies_know_a_caller_by_his_unique_identifier() {
    let (cistern, _) = world();
    for (pattern, is_allowed) in [("AROA*", false), ("AIDA????????????????", true)] {
        let of = format!(r#", "Condition": {{"StringLike": {{"aws:userid": "{pattern}"}}}}"#);
        grant(&cistern, "reads", &allow(r#""s3:GetObject""#, "*", &of));
        assert_eq!(alice(&cistern).get("a").is_ok(), is_allowed, "{pattern}");
    }
}

// Law-test: STS, AssumeRole.
#[test]
fn a_session_does_what_its_role_may_until_it_expires() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let cistern = Cistern::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    cistern.create_bucket("orders").unwrap().put("a", "x").unwrap();
    let access = cistern.access().unwrap();
    access.create_user("alice").unwrap();
    access.create_user("bob").unwrap();
    let trust = policy(
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/alice"},
        "Action": "sts:AssumeRole"}"#,
    );
    let etl = access.create_role("etl", &trust).unwrap();
    access.put_inline_policy(&etl, "all", &allow(r#""s3:*""#, "*", "")).unwrap();

    let bob = cistern.as_principal("bob").unwrap();
    assert_eq!(bob.assume_role("etl", "s1").unwrap_err().code(), "AccessDenied");
    assert_eq!(bob.assume_role("none", "s1").unwrap_err().code(), "NoSuchEntity");
    let alice = cistern.as_principal("alice").unwrap();
    refused(orders_of(&alice).get("a"));
    let session = alice.assume_role("etl", "s1").unwrap();
    assert_eq!(session.principal(), "arn:aws:sts::000000000000:assumed-role/etl/s1");
    orders_of(&session).put("a", "y").unwrap();

    let reads =
        [Arc::new(Policy::parse(PolicyKind::Session, &allow(r#""s3:Get*""#, "*", "")).unwrap())];
    let ask = AssumeRole {
        session_name: "s2",
        duration_seconds: 900,
        policies: &reads,
        ..AssumeRole::default()
    };
    let reader = orders_of(&alice.assume_role_with("etl", &ask).unwrap());
    reader.get("a").unwrap();
    refused(reader.put("a", "y"));

    clock.set(clock.now().plus(Duration::from_secs(900)));
    refused(reader.get("a"));
    orders_of(&session).get("a").unwrap();
    clock.set(clock.now().plus(Duration::from_secs(2700)));
    refused(orders_of(&session).get("a"));

    let session = alice.assume_role("etl", "s3").unwrap();
    orders_of(&session).get("a").unwrap();
    access.delete(&etl).unwrap();
    refused(orders_of(&session).get("a"));
    let again = access.create_role("etl", &trust).unwrap();
    access.put_inline_policy(&again, "all", &allow(r#""s3:*""#, "*", "")).unwrap();
    refused(orders_of(&session).get("a"));
}

#[test]
fn a_user_who_is_gone_may_nothing_nor_does_a_namesake_give_it_back() {
    let (cistern, _) = world();
    grant(&cistern, "all", &allow(r#""s3:*""#, "*", ""));
    let before = alice(&cistern);
    before.get("a").unwrap();
    let access = cistern.access().unwrap();
    access.delete(&Identity::user("alice")).unwrap();
    refused(before.get("a"));
    assert_eq!(cistern.as_principal("alice").unwrap_err().code(), "NoSuchEntity");
    access.create_user("alice").unwrap();
    grant(&cistern, "all", &allow(r#""s3:*""#, "*", ""));
    refused(before.get("a"));
    alice(&cistern).get("a").unwrap();
}

#[test]
fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let cistern = Cistern::open(folder.path()).unwrap();
    cistern.create_bucket("orders").unwrap().put("a", "x").unwrap();
    let access = cistern.access().unwrap();
    access.create_user("alice").unwrap();
    access.create_group("staff").unwrap();
    access.add_to_group("alice", "staff").unwrap();
    access.set_tags(&Identity::user("alice"), &[("team", "red")]).unwrap();
    let tagged = r#", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}"#;
    access.create_policy("reads", &allow(r#""s3:Get*""#, "*", tagged)).unwrap();
    access.attach_policy(&Identity::group("staff"), "reads").unwrap();
    let denies = policy(
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": "arn:aws:s3:::orders/secret/*"}"#,
    );
    access.set_bucket_policy("orders", &denies).unwrap();
    cistern.close().unwrap();
    drop((access, cistern));

    let cistern = Cistern::open(folder.path()).unwrap();
    let bucket = alice(&cistern);
    bucket.get("a").unwrap();
    refused(bucket.get("secret/a"));
    let access = cistern.access().unwrap();
    assert_eq!(access.bucket_policy("orders").unwrap(), Some(denies));
    assert_eq!(access.identities().len(), 2);
    assert_eq!(access.public_access_block("orders").unwrap(), PublicAccessBlock::ALL);
}

#[test]
fn what_cannot_be_read_allows_nothing() {
    let backend = Arc::new(MemoryBackend::new());
    let open = || Cistern::builder().backend(Arc::clone(&backend) as _).build().unwrap();
    let cistern = open();
    cistern.create_bucket("orders").unwrap().put("a", "x").unwrap();
    cistern.access().unwrap().create_user("alice").unwrap();
    grant(&cistern, "all", &allow(r#""s3:*""#, "*", ""));
    alice(&cistern).get("a").unwrap();

    // A policy of the language of tomorrow, and then a row that is none.
    let key = [&[0x31][..], b"later"].concat();
    let write = |key: Vec<u8>, value: Vec<u8>| {
        let mut batch = cistern::port::Batch::new(cistern::Durability::Memory);
        batch.put(key.into(), cistern::port::Value::from(bytes::Bytes::from(value)));
        cistern::port::Backend::commit(&*backend, batch).unwrap().wait().unwrap();
    };
    write(key, [&[1, 2, 0, 0, 0][..], b"{}"].concat());
    let cistern = open();
    let access = cistern.access().unwrap();
    alice(&cistern).get("a").unwrap();
    access.attach_policy(&Identity::user("alice"), "later").unwrap();
    refused(alice(&cistern).get("a"));

    write(vec![0x3f], vec![1]);
    let cistern = open();
    assert_eq!(cistern.as_principal("alice").unwrap_err().code(), "Damaged");
    assert_eq!(cistern.bucket("orders").unwrap().get("a").unwrap().bytes().unwrap(), "x");
}

// Law-test: IAM, names of users, groups and roles.
#[test]
fn names_tags_and_sizes_have_limits() {
    let (cistern, _) = world();
    let access = cistern.access().unwrap();
    let alice = Identity::user("alice");
    assert_eq!(access.create_user("alice").unwrap_err().code(), "EntityAlreadyExists");
    for name in ["", "a b", "a/b", &"a".repeat(65)] {
        assert_eq!(access.create_user(name).unwrap_err().code(), "ValidationError", "{name}");
    }
    let twice = [("team", "a"), ("Team", "b")];
    assert_eq!(access.set_tags(&alice, &twice).unwrap_err().code(), "ValidationError");
    let long = allow(r#""s3:GetObject""#, &format!("{}/*", "a".repeat(1200)), "");
    access.put_inline_policy(&alice, "one", &long).unwrap();
    let second = access.put_inline_policy(&alice, "two", &long).unwrap_err();
    assert_eq!(second.code(), "LimitExceeded");
    let wrong = access.put_inline_policy(&alice, "two", "{}").unwrap_err();
    assert_eq!(wrong.code(), "MalformedPolicyDocument");
    for who in ["bob", "arn:aws:iam::000000000000:user/bob"] {
        assert_eq!(cistern.as_principal(who).unwrap_err().code(), "NoSuchEntity");
    }
    for who in ["arn:aws:iam::100000000001:user/alice", "arn:aws:iam::000000000000:group/g"] {
        assert_eq!(cistern.as_principal(who).unwrap_err().code(), "ValidationError");
    }
    cistern.as_principal("arn:aws:iam::000000000000:user/alice").unwrap();
}

#[test]
fn a_table_tells_who_may_and_why() {
    let (cistern, _) = world();
    let access = cistern.access().unwrap();
    let trust = policy(r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}"#);
    let etl = access.create_role("etl", &trust).unwrap();
    access.put_inline_policy(&etl, "reads", &allow(r#""s3:Get*""#, "orders/*", "")).unwrap();
    let table = access.who_can(Action::GetObject, "orders", Some("a")).unwrap();
    let rows: Vec<_> = table.iter().map(|row| (row.principal.as_str(), row.is_allowed())).collect();
    assert_eq!(
        rows,
        [
            ("arn:aws:iam::000000000000:root", true),
            ("arn:aws:iam::000000000000:user/alice", false),
            ("arn:aws:iam::000000000000:role/etl", true),
            ("anonymous", false),
        ]
    );
}

#[test]
fn events_are_told_to_who_may_get_the_object() {
    #[derive(Debug, Default)]
    struct Keys(Mutex<Vec<String>>);
    impl Sink for Keys {
        fn tell(&self, event: &cistern::Event) {
            self.0.lock().unwrap().push(event.key.to_string());
        }
    }
    let (cistern, orders) = world();
    grant(&cistern, "reads", &allow(r#""s3:GetObject*""#, "orders/mine/*", ""));
    let keys = Arc::new(Keys::default());
    let store = cistern.as_principal("alice").unwrap().store();
    let _subscription = store.subscribe(EventFilter::new(), Arc::clone(&keys) as _);
    orders.put("mine/x", "x").unwrap();
    orders.put("yours/x", "x").unwrap();
    assert_eq!(*keys.0.lock().unwrap(), ["mine/x"]);
}

// Law-test: CloudTrail, contents of a record.
#[test]
fn every_decision_is_told_to_the_audit_and_none_of_the_owner() {
    #[derive(Debug, Default)]
    struct Count(Mutex<Vec<(u64, bool)>>);
    impl AuditSink for Count {
        fn tell(&self, record: &AuditRecord<'_>) {
            self.0.lock().unwrap().push((record.number, record.is_allowed()));
        }
    }
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let cistern = Cistern::builder().clock(clock).build().unwrap();
    let orders = cistern.create_bucket("orders").unwrap();
    orders.put("a\"b", "x").unwrap();
    let access = cistern.access().unwrap();
    access.create_user("alice").unwrap();
    grant(&cistern, "reads", &allow(r#""s3:GetObject""#, "orders/*", ""));
    let (log, plain, count) =
        (Arc::new(AuditLog::new(8)), Arc::new(AuditLog::new(1)), Arc::new(Count::default()));
    access.audit(Arc::new(Redacted(Arc::clone(&log))));
    access.audit(Arc::clone(&plain) as _);
    access.audit(Arc::clone(&count) as _);

    let client = cistern.as_principal("alice").unwrap();
    let bucket = orders_of(&client.source_address("203.0.113.9".parse().unwrap()));
    bucket.get("a\"b").unwrap();
    refused(bucket.put("secret", "y"));
    orders.get("a\"b").unwrap();

    assert_eq!(*count.0.lock().unwrap(), [(1, true), (2, false)]);
    let lines: Vec<serde_json::Value> =
        log.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[1],
        serde_json::json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser",
                "arn": "arn:aws:iam::000000000000:user/alice",
                "accountId": "000000000000",
            },
            "eventTime": "2027-01-15T08:00:00.000Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": "PutObject",
            "sourceIPAddress": "REDACTED",
            "errorCode": "AccessDenied",
            "errorMessage": "not allowed: no identity-based policy allows it",
            "requestParameters": {"bucketName": "orders", "key": "REDACTED"},
            "readOnly": false,
            "eventID": "2",
            "eventCategory": "Data",
        })
    );
    assert_eq!(lines[0].get("errorCode"), None);
    let last: serde_json::Value = serde_json::from_str(&plain.lines()[0]).unwrap();
    assert_eq!(last["requestParameters"]["key"], "secret");
    assert_eq!(last["sourceIPAddress"], "203.0.113.9");
}

// Law-test: S3, a bucket that is not there is told to everybody.
#[test]
fn a_bucket_that_is_not_there_is_told_to_everybody() {
    let (cistern, _) = world();
    let client = cistern.as_principal("alice").unwrap();
    assert_eq!(client.bucket("absent").unwrap_err().code(), "NoSuchBucket");
    let name = BucketName::try_from("new").unwrap();
    refused(client.store().create_bucket(name));
    refused(client.store().list_buckets());
}
