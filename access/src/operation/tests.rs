use super::*;
use crate::s3_actions;

fn object() -> Parameters<'static> {
    Parameters { bucket: Some("b"), key: Some("k"), ..Parameters::default() }
}

/// Every check as `action resource`, by their short names.
#[track_caller]
fn check(service: &str, operation: &str, parameters: &Parameters<'_>, expected: &[&str]) {
    let found = checks(service, operation, parameters).unwrap();
    let found: Vec<String> = found
        .iter()
        .map(|one| format!("{} {}", one.action, one.resource.replace("arn:aws:s3:::", "")))
        .collect();
    assert_eq!(found, expected, "{operation}");
}

// Law-test: S3, which permissions an operation needs.
#[test]
fn reads_need_one_permission_and_a_version_needs_another() {
    let version = Parameters { is_versioned: true, ..object() };
    check("s3", "GetObject", &object(), &["s3:GetObject b/k"]);
    check("s3", "HeadObject", &version, &["s3:GetObjectVersion b/k"]);
    check(
        "s3",
        "GetObjectAttributes",
        &object(),
        &["s3:GetObject b/k", "s3:GetObjectAttributes b/k"],
    );
    check(
        "s3",
        "GetObjectAttributes",
        &version,
        &["s3:GetObjectVersion b/k", "s3:GetObjectVersionAttributes b/k"],
    );
    check("s3", "PutObjectTagging", &version, &["s3:PutObjectVersionTagging b/k"]);
    check("s3", "ListParts", &object(), &["s3:ListMultipartUploadParts b/k"]);
}

#[test]
fn a_write_needs_a_permission_for_each_thing_that_it_sends() {
    let all = Parameters {
        has_acl: true,
        has_tags: true,
        has_retention: true,
        has_legal_hold: true,
        ..object()
    };
    check("s3", "PutObject", &object(), &["s3:PutObject b/k"]);
    check(
        "s3",
        "CreateMultipartUpload",
        &all,
        &[
            "s3:PutObject b/k",
            "s3:PutObjectAcl b/k",
            "s3:PutObjectLegalHold b/k",
            "s3:PutObjectRetention b/k",
            "s3:PutObjectTagging b/k",
        ],
    );
    check("s3", "UploadPart", &all, &["s3:PutObject b/k"]);
}

#[test]
fn a_copy_reads_its_source() {
    let source = Source { bucket: "c", key: "l", is_versioned: false };
    let copy = Parameters { source: Some(source), copies_tags: true, ..object() };
    check(
        "s3",
        "CopyObject",
        &copy,
        &["s3:GetObject c/l", "s3:GetObjectTagging c/l", "s3:PutObject b/k"],
    );
    assert!(checks("s3", "CopyObject", &object()).is_err());
}

#[test]
fn deleting_checks_every_key_and_the_bypass() {
    let many = Parameters {
        bucket: Some("b"),
        objects: vec![("k", false), ("l", true)],
        bypasses_governance: true,
        ..Parameters::default()
    };
    check(
        "s3",
        "DeleteObjects",
        &many,
        &[
            "s3:BypassGovernanceRetention b/k",
            "s3:BypassGovernanceRetention b/l",
            "s3:DeleteObject b/k",
            "s3:DeleteObjectVersion b/l",
        ],
    );
}

#[test]
fn buckets_have_permissions_of_their_own() {
    check("s3", "ListObjectsV2", &object(), &["s3:ListBucket b"]);
    check("s3", "ListBuckets", &Parameters::default(), &["s3:ListAllMyBuckets *"]);
    check("s3", "DeleteBucketLifecycle", &object(), &["s3:PutLifecycleConfiguration b"]);
    let locked = Parameters { has_retention: true, has_acl: true, ..object() };
    check(
        "s3",
        "CreateBucket",
        &locked,
        &[
            "s3:CreateBucket b",
            "s3:PutBucketAcl b",
            "s3:PutBucketObjectLockConfiguration b",
            "s3:PutBucketVersioning b",
        ],
    );
}

#[test]
fn keys_of_kms_are_checked_beside() {
    let sealed = Parameters { kms_key: Some("K"), ..object() };
    check("s3", "GetObject", &sealed, &["kms:Decrypt K", "s3:GetObject b/k"]);
    check("s3", "PutObject", &sealed, &["kms:GenerateDataKey K", "s3:PutObject b/k"]);
    check(
        "s3",
        "UploadPart",
        &sealed,
        &["kms:Decrypt K", "kms:GenerateDataKey K", "s3:PutObject b/k"],
    );
}

#[test]
fn an_access_point_is_a_bucket_by_its_name() {
    let point = "arn:aws:s3:eu-west-1:100000000001:accesspoint/lake";
    let through = Parameters { bucket: Some(point), ..object() };
    check("s3", "GetObject", &through, &[&format!("s3:GetObject {point}/object/k")]);
    check("s3", "ListObjectsV2", &through, &[&format!("s3:ListBucket {point}")]);
}

// Law-test: Kinesis, actions for which AWS lists no resource are asked for on the stream.
#[test]
fn streams_and_consumers_are_checked_by_their_names() {
    let stream = Parameters { stream: Some("S"), consumer: Some("C"), ..Parameters::default() };
    check("kinesis", "PutRecords", &stream, &["kinesis:PutRecords S"]);
    check("kinesis", "SubscribeToShard", &stream, &["kinesis:SubscribeToShard C"]);
    check("kinesis", "UpdateShardCount", &stream, &["kinesis:UpdateShardCount S"]);
    check("kinesis", "ListStreams", &stream, &["kinesis:ListStreams *"]);
}

#[test]
fn an_unknown_operation_has_no_checks() {
    assert!(matches!(checks("s3", "Fly", &object()), Err(UnknownChecks::NoSuchOperation { .. })));
    assert!(checks("iam", "GetUser", &object()).is_err());
    assert!(checks("s3", "GetObject", &Parameters::default()).is_err());
}

#[test]
fn every_permission_of_s3_is_one_that_s3_has() {
    let of_buckets =
        BUCKET_NAMES.iter().map(|(_, name)| *name).chain(BUCKET_OWN_NAMES.iter().copied());
    for name in of_buckets {
        assert_eq!(s3_actions::of(&name.to_lowercase()), Some(s3_actions::Of::Bucket), "{name}");
    }
    for (_, plain, of_version) in OBJECT_NAMES {
        for name in [plain, of_version] {
            assert_eq!(s3_actions::of(&name.to_lowercase()), Some(s3_actions::Of::Object));
        }
    }
}
