//! Deletes of many entries.

use crate::kit::{World, bucket, check_stats, refused, stack};
use cistern_storage_core::{
    Bucket, DeleteEntry, DeleteOptions, DeleteOutcome, ETag, ObjectLockConfig, PutOptions,
    Retention, RetentionMode, VersionId, Versioning,
};

fn entry(key: &str) -> DeleteEntry {
    DeleteEntry::new(key).unwrap()
}

fn codes(outcomes: &[DeleteOutcome]) -> Vec<&'static str> {
    outcomes
        .iter()
        .map(|it| it.outcome.as_ref().map_or_else(cistern_storage_core::Error::code, |_| "ok"))
        .collect()
}

// Law-test: S3, DeleteObjects.
#[test]
fn every_entry_has_its_own_outcome() {
    let bucket = bucket(Versioning::Unversioned);
    for key in ["a", "b", "c"] {
        bucket.put(key, key).unwrap();
    }
    let entries = [
        entry("a"),
        entry("absent"),
        entry("b").if_match(ETag::of_bytes(b"wrong")),
        entry("c").if_match(ETag::of_bytes(b"c")),
        entry("absent").if_match(ETag::of_bytes(b"c")),
        entry("a"),
    ];
    let outcomes = bucket.delete_many(&entries).unwrap();
    assert_eq!(codes(&outcomes), ["ok", "ok", "PreconditionFailed", "ok", "NoSuchKey", "ok"]);
    let keys: Vec<_> = outcomes.iter().map(|outcome| outcome.key.as_str()).collect();
    assert_eq!(keys, ["a", "absent", "b", "c", "absent", "a"]);
    assert_eq!(bucket.list("").count(), 1);
    check_stats(&bucket);
}

// Law-test: S3, DeleteObjects.
// Law-test: S3, DeleteObjects: a version that does not exist is an error here, unlike in DeleteObject.
#[test]
fn versions_and_markers_of_many() {
    let bucket = bucket(Versioning::Enabled);
    let version = bucket.put("k", "x").unwrap().version.unwrap();
    let outcomes = bucket.delete_many(&[entry("k"), entry("k")]).unwrap();
    let markers: Vec<_> = outcomes.iter().map(|it| *it.outcome.as_ref().unwrap()).collect();
    assert!(markers.iter().all(|deleted| deleted.delete_marker));
    assert_ne!(markers[0].version, markers[1].version, "twice is two markers");
    assert_eq!(stack(&bucket, "k"), ["3 DM", "2 DM", "1:x"]);

    let unknown: VersionId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let entries = [
        entry("k").version(unknown),
        entry("k").version(markers[1].version.unwrap()),
        entry("k").version(version),
        entry("k").version(version),
        entry("other").version(version),
    ];
    let outcomes = bucket.delete_many(&entries).unwrap();
    let expected = ["NoSuchVersion", "ok", "ok", "NoSuchVersion", "NoSuchVersion"];
    assert_eq!(codes(&outcomes), expected);
    assert!(outcomes[1].outcome.as_ref().unwrap().delete_marker);
    assert_eq!(outcomes[2].version, Some(version));
    assert_eq!(stack(&bucket, "k"), ["1 DM"]);
    check_stats(&bucket);
}

// Law-test: S3, DeleteObjects.
#[test]
fn one_to_a_thousand_entries() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "x").unwrap();
    refused(&bucket, "MalformedXML", || bucket.delete_many(&[]));
    let many = vec![entry("k"); 1001];
    refused(&bucket, "MalformedXML", || bucket.delete_many(&many));
    let outcomes = bucket.delete_many(&many[..1000]).unwrap();
    assert_eq!(outcomes.len(), 1000);
    check_stats(&bucket);
}

#[test]
fn a_locked_version_is_one_failed_entry() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    let until = crate::kit::at("2027-01-01T00:00:00Z");
    let retention = Retention { mode: RetentionMode::Governance, until };
    let put = |bucket: &Bucket, key: &str, options: &PutOptions| {
        bucket.put_with(key, "x", options).unwrap().version.unwrap()
    };
    let locked = put(&bucket, "a", &PutOptions::new().retention(retention));
    let free = put(&bucket, "b", &PutOptions::new());
    let entries = [entry("a").version(locked), entry("b").version(free)];
    assert_eq!(codes(&bucket.delete_many(&entries).unwrap()), ["AccessDenied", "ok"]);
    let bypass = DeleteOptions::new().bypass_governance();
    assert_eq!(codes(&bucket.delete_many_with(&entries[..1], &bypass).unwrap()), ["ok"]);
    check_stats(&bucket);
}
