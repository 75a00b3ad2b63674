//! Object lock: retention, legal holds, defaults.

use crate::kit::{World, at, bucket, check_stats, refused, stack};
use RetentionMode::{Compliance, Governance};
use cistern_storage_core::{
    Bucket, BucketOptions, Bypass, DefaultRetention, DeleteOptions, LegalHold, ObjectLockConfig,
    PutOptions, Retention, RetentionMode, RetentionPeriod, Timestamp, VersionId, Versioning,
};

const LATE: &str = "2026-12-31T00:00:00Z";
const LATER: &str = "2027-12-31T00:00:00Z";

fn retained(mode: RetentionMode, until: &str) -> Retention {
    Retention { mode, until: at(until) }
}

fn put(bucket: &Bucket, options: &PutOptions) -> VersionId {
    bucket.put_with("k", "x", options).unwrap().version.unwrap()
}

fn by_version(version: VersionId) -> DeleteOptions {
    DeleteOptions::new().version(version)
}

// Law-test: W51
// Law-test: S3, DELETE Object versionId; Object Lock, deleting a protected version.
#[test]
fn governance_can_be_bypassed_and_a_simple_delete_hides() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    let version = put(&bucket, &PutOptions::new().retention(retained(Governance, LATE)));
    refused(&bucket, "AccessDenied", || bucket.delete_version("k", version));
    let deleted = bucket.delete("k").unwrap();
    assert!(deleted.delete_marker);
    bucket.delete_with("k", &by_version(version).bypass_governance()).unwrap();
    assert_eq!(stack(&bucket, "k"), ["1 DM"]);
    bucket.delete_version("k", deleted.version.unwrap()).unwrap();
    check_stats(&bucket);
}

// Law-test: S3, object lock deletes.
#[test]
fn compliance_ends_with_its_date_and_a_hold_when_it_is_switched_off() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    let version = put(&bucket, &PutOptions::new().retention(retained(Compliance, LATE)));
    let bypass = by_version(version).bypass_governance();
    refused(&bucket, "AccessDenied", || bucket.delete_with("k", &bypass));
    world.clock.set(at("2026-12-30T23:59:59.999Z"));
    refused(&bucket, "AccessDenied", || bucket.delete_version("k", version));
    world.clock.set(at(LATE));
    bucket.set_legal_hold("k", None, LegalHold::On).unwrap();
    refused(&bucket, "AccessDenied", || bucket.delete_with("k", &bypass));
    bucket.put("k", "overwritten").unwrap();
    refused(&bucket, "AccessDenied", || bucket.delete_version("k", version));
    bucket.set_legal_hold("k", Some(version), LegalHold::Off).unwrap();
    bucket.delete_version("k", version).unwrap();
    check_stats(&bucket);
}

// Law-test: S3, PutObjectRetention.
// Law-test: S3, GetObjectRetention.
#[test]
fn retention_is_prolonged_by_anybody_and_loosened_by_few() {
    #[track_caller]
    fn check(old: Retention, new: Option<Retention>, bypass: Bypass, allowed: bool) {
        let world = World::new();
        let bucket = world.locked("test", ObjectLockConfig::new());
        let version = Some(put(&bucket, &PutOptions::new().retention(old)));
        let set = || bucket.set_retention("k", version, new, bypass);
        if allowed {
            set().unwrap();
            assert_eq!(bucket.retention("k", version).ok(), new);
        } else {
            refused(&bucket, "AccessDenied", set);
            assert_eq!(bucket.retention("k", version).unwrap(), old);
        }
    }
    for mode in [Governance, Compliance] {
        check(retained(mode, LATE), Some(retained(mode, LATER)), Bypass::No, true);
        check(retained(mode, LATE), Some(retained(mode, LATE)), Bypass::No, true);
        check(retained(mode, LATER), Some(retained(mode, LATE)), Bypass::No, false);
        check(retained(mode, LATER), None, Bypass::No, false);
    }
    check(retained(Governance, LATER), Some(retained(Governance, LATE)), Bypass::Governance, true);
    check(retained(Governance, LATER), None, Bypass::Governance, true);
    check(retained(Governance, LATE), Some(retained(Compliance, LATE)), Bypass::No, true);
    check(retained(Governance, LATER), Some(retained(Compliance, LATE)), Bypass::No, false);
    check(retained(Compliance, LATER), Some(retained(Compliance, LATE)), Bypass::Governance, false);
    check(retained(Compliance, LATE), Some(retained(Governance, LATER)), Bypass::Governance, false);
    check(retained(Compliance, LATER), None, Bypass::Governance, false);
}

// Law-test: S3, object lock retention.
#[test]
fn a_date_must_be_in_the_future() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    let version = Some(put(&bucket, &PutOptions::new()));
    for past in ["2020-01-01T00:00:00Z", crate::kit::START] {
        let past = retained(Governance, past);
        let options = PutOptions::new().retention(past);
        refused(&bucket, "InvalidArgument", || bucket.put_with("k", "x", &options));
        refused(&bucket, "InvalidArgument", || {
            bucket.set_retention("k", version, Some(past), Bypass::No)
        });
    }
}

// Law-test: S3, Object Lock: headers on a bucket without it are refused.
// Law-test: S3, GetObjectLegalHold.
// Law-test: S3, PutObjectLegalHold.
#[test]
fn a_bucket_without_lock_knows_no_locks() {
    let bucket = bucket(Versioning::Enabled);
    bucket.put("k", "x").unwrap();
    let retention = retained(Governance, LATE);
    for options in [
        PutOptions::new().retention(retention),
        PutOptions::new().legal_hold(LegalHold::On),
        PutOptions::new().legal_hold(LegalHold::Off),
    ] {
        refused(&bucket, "InvalidRequest", || bucket.put_with("k", "y", &options));
    }
    refused(&bucket, "InvalidRequest", || bucket.retention("k", None));
    refused(&bucket, "InvalidRequest", || bucket.legal_hold("k", None));
    refused(&bucket, "InvalidRequest", || bucket.set_legal_hold("k", None, LegalHold::On));
    let set = || bucket.set_retention("k", None, Some(retention), Bypass::No);
    refused(&bucket, "InvalidRequest", set);
    let bypass = DeleteOptions::new().bypass_governance();
    refused(&bucket, "InvalidArgument", || bucket.delete_with("k", &bypass));
    refused(&bucket, "ObjectLockConfigurationNotFoundError", || bucket.object_lock());
}

// Law-test: S3, GetObjectLegalHold.
#[test]
fn nothing_set_is_told_apart_from_off() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    let version = put(&bucket, &PutOptions::new());
    let nothing = "NoSuchObjectLockConfiguration";
    refused(&bucket, nothing, || bucket.retention("k", None));
    refused(&bucket, nothing, || bucket.legal_hold("k", Some(version)));
    bucket.set_legal_hold("k", None, LegalHold::Off).unwrap();
    assert_eq!(bucket.legal_hold("k", None).unwrap(), LegalHold::Off);
    refused(&bucket, "NoSuchKey", || bucket.legal_hold("absent", None));
    let marker = bucket.delete("k").unwrap().version;
    refused(&bucket, "MethodNotAllowed", || bucket.legal_hold("k", None));
    refused(&bucket, "MethodNotAllowed", || bucket.set_legal_hold("k", None, LegalHold::On));
    refused(&bucket, "MethodNotAllowed", || bucket.set_legal_hold("k", marker, LegalHold::On));
    let set = || bucket.set_retention("k", marker, Some(retained(Governance, LATE)), Bypass::No);
    refused(&bucket, "MethodNotAllowed", set);
}

// Law-test: S3, object lock prerequisites.
// Law-test: S3, GetObjectLockConfiguration.
// Law-test: S3, PutObjectLockConfiguration.
#[test]
fn a_lock_needs_versioning_and_keeps_it() {
    let world = World::new();
    for versioning in [Versioning::Unversioned, Versioning::Suspended] {
        let bucket = world.bucket(&format!("{versioning:?}").to_lowercase(), versioning);
        refused(&bucket, "InvalidBucketState", || bucket.set_object_lock(ObjectLockConfig::new()));
        let options = BucketOptions::new().object_lock(ObjectLockConfig::new());
        let made = world.store.create_bucket_with("never", options.versioning(versioning));
        assert_eq!(made.unwrap_err().code(), "InvalidBucketState");
    }
    assert_eq!(world.store.bucket("never").unwrap_err().code(), "NoSuchBucket");
    let bucket = world.bucket("test", Versioning::Enabled);
    bucket.set_object_lock(ObjectLockConfig::new()).unwrap();
    assert_eq!(bucket.object_lock().unwrap(), ObjectLockConfig::new());
    refused(&bucket, "InvalidBucketState", || bucket.set_versioning(Versioning::Suspended));
    bucket.set_versioning(Versioning::Enabled).unwrap();
}

// Law-test: S3, object lock default retention.
#[test]
fn a_default_holds_for_new_versions_that_do_not_say() {
    let world = World::new();
    let days = DefaultRetention::new(Governance, RetentionPeriod::Days(2)).unwrap();
    let bucket = world.locked("test", ObjectLockConfig::new().default_retention(days));
    let version = Some(put(&bucket, &PutOptions::new()));
    let until = at("2026-01-04T03:04:05.678Z");
    assert_eq!(bucket.retention("k", version).unwrap(), Retention { mode: Governance, until });
    let own = retained(Compliance, LATE);
    put(&bucket, &PutOptions::new().retention(own));
    assert_eq!(bucket.retention("k", None).unwrap(), own);
    let years = DefaultRetention::new(Compliance, RetentionPeriod::Years(1)).unwrap();
    bucket.set_object_lock(ObjectLockConfig::new().default_retention(years)).unwrap();
    assert_eq!(bucket.retention("k", version).unwrap().until, until, "what exists is not touched");
    put(&bucket, &PutOptions::new());
    let until: Timestamp = at("2027-01-02T03:04:05.678Z");
    assert_eq!(bucket.retention("k", None).unwrap(), Retention { mode: Compliance, until });
    bucket.copy("k", "copy").unwrap();
    assert_eq!(bucket.retention("copy", None).unwrap().until, until);
    let marker = bucket.delete("k").unwrap().version.unwrap();
    bucket.delete_version("k", marker).unwrap();
}
