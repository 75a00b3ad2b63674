//! Versions, delete markers and the null version, in the three versioning states.

use crate::kit::{Call, World, body_of, bucket, check_stats, dump, refused, stack};
use cistern_storage_core::{Bucket, Error, GetOptions, StorageClass, VersionId, Versioning};

fn get(bucket: &Bucket, version: VersionId) -> cistern_storage_core::Result<String> {
    bucket.get_with("k", &GetOptions::new().version(version))?.text()
}

// Law-test: W43
// Law-test: S3, PutBucketVersioning.
#[test]
fn a_put_of_a_suspended_bucket_replaces_the_null_version_wherever_it_is() {
    let bucket = bucket(Versioning::Unversioned);
    assert_eq!(bucket.put("k", "A").unwrap().version, None);
    bucket.set_versioning(Versioning::Enabled).unwrap();
    assert_eq!(stack(&bucket, "k"), ["null:A"], "changing the state touches no object");
    let b = bucket.put("k", "B").unwrap().version.unwrap();
    assert_eq!(stack(&bucket, "k"), ["1:B", "null:A"]);
    check_stats(&bucket);
    bucket.set_versioning(Versioning::Suspended).unwrap();
    assert_eq!(bucket.put("k", "C").unwrap().version, None);
    assert_eq!(stack(&bucket, "k"), ["null:C", "1:B"]);
    assert_eq!(get(&bucket, VersionId::Null).unwrap(), "C");
    assert_eq!(get(&bucket, b).unwrap(), "B");
    check_stats(&bucket);
}

// Law-test: W44
#[test]
fn a_delete_of_a_suspended_bucket_leaves_one_null_marker() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "A").unwrap();
    bucket.set_versioning(Versioning::Enabled).unwrap();
    let b = bucket.put("k", "B").unwrap().version.unwrap();
    bucket.set_versioning(Versioning::Suspended).unwrap();
    bucket.put("k", "C").unwrap();
    for _ in 0..2 {
        let deleted = bucket.delete("k").unwrap();
        assert_eq!((deleted.delete_marker, deleted.version), (true, Some(VersionId::Null)));
        assert_eq!(stack(&bucket, "k"), ["null DM", "1:B"]);
        check_stats(&bucket);
    }
    let error = bucket.get("k").unwrap_err();
    assert!(matches!(error, Error::NoSuchKey { delete_marker: Some(VersionId::Null), .. }));
    assert_eq!(get(&bucket, VersionId::Null).unwrap_err().code(), "MethodNotAllowed");
    assert_eq!(get(&bucket, b).unwrap(), "B");
    bucket.put("k", "D").unwrap();
    assert_eq!(stack(&bucket, "k"), ["null:D", "1:B"], "a null marker is replaced too");
    check_stats(&bucket);
}

// Law-test: S3, versioning states; PUT in unversioned, enabled and suspended buckets.
#[test]
fn a_null_version_deep_in_the_stack_is_replaced() {
    for null_is_a_marker in [false, true] {
        let bucket = bucket(Versioning::Enabled);
        bucket.put("k", "1").unwrap();
        bucket.set_versioning(Versioning::Suspended).unwrap();
        if null_is_a_marker {
            bucket.delete("k").unwrap();
        } else {
            bucket.put("k", "N").unwrap();
        }
        bucket.set_versioning(Versioning::Enabled).unwrap();
        bucket.put("k", "2").unwrap();
        bucket.put("k", "3").unwrap();
        let middle = if null_is_a_marker { "null DM" } else { "null:N" };
        assert_eq!(stack(&bucket, "k"), ["3:3", "2:2", middle, "1:1"]);
        bucket.set_versioning(Versioning::Suspended).unwrap();
        bucket.put("k", "M").unwrap();
        assert_eq!(stack(&bucket, "k"), ["null:M", "3:3", "2:2", "1:1"]);
        check_stats(&bucket);

        bucket.set_versioning(Versioning::Enabled).unwrap();
        bucket.put("k", "4").unwrap();
        let deleted = bucket.delete_version("k", VersionId::Null).unwrap();
        assert_eq!((deleted.delete_marker, deleted.version), (false, Some(VersionId::Null)));
        assert_eq!(stack(&bucket, "k"), ["4:4", "3:3", "2:2", "1:1"]);
        check_stats(&bucket);
    }
}

// Law-test: W45
// Law-test: S3, DeleteObject.
#[test]
fn deleting_what_never_was_pushes_markers() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    let first = bucket.delete("k").unwrap();
    let second = bucket.delete("k").unwrap();
    assert!(first.delete_marker && second.delete_marker && first.version != second.version);
    assert_eq!(stack(&bucket, "k"), ["2 DM", "1 DM"]);
    let error = bucket.get("k").unwrap_err();
    assert!(
        matches!(error, Error::NoSuchKey { delete_marker, .. } if delete_marker == second.version)
    );
    assert_eq!(bucket.list("").count(), 0);
    assert_eq!(world.store.delete_bucket("test").unwrap_err().code(), "BucketNotEmpty");
    assert_eq!(bucket.stats().unwrap().class(StorageClass::Standard).delete_markers, 2);
    check_stats(&bucket);
}

// Law-test: W46
// Law-test: S3, GET Object in the three versioning states.
#[test]
fn a_delete_marker_cannot_be_read() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    world.pass(10);
    let marker = bucket.delete("k").unwrap().version.unwrap();
    let made = world.store.clock().now();
    world.pass(10);
    let error = get(&bucket, marker).unwrap_err();
    assert_eq!(error.status(), 405);
    assert!(matches!(
        error,
        Error::MethodNotAllowed { version, last_modified, .. } if version == marker && last_modified == made
    ));
    let options = GetOptions::new().version(marker);
    assert_eq!(bucket.head_with("k", &options).unwrap_err().code(), "MethodNotAllowed");
}

// Law-test: W47
// Law-test: S3, DELETE Object versionId.
// Law-test: S3, DeleteObject, versionId.
#[test]
fn deleting_markers_brings_the_object_back() {
    let bucket = bucket(Versioning::Enabled);
    let a = bucket.put("k", "A").unwrap().version.unwrap();
    let first = bucket.delete("k").unwrap().version.unwrap();
    let second = bucket.delete("k").unwrap().version.unwrap();
    let deleted = bucket.delete_version("k", second).unwrap();
    assert_eq!((deleted.delete_marker, deleted.version), (true, Some(second)));
    assert_eq!(stack(&bucket, "k"), ["2 DM", "1:A"]);
    assert_eq!(bucket.get("k").unwrap_err().code(), "NoSuchKey");
    bucket.delete_version("k", first).unwrap();
    assert_eq!(body_of(&bucket, "k", None), "A");
    check_stats(&bucket);
    let again = bucket.delete_version("k", first).unwrap();
    assert_eq!((again.delete_marker, again.durability), (false, None));
    bucket.delete_version("k", a).unwrap();
    assert!(dump(&bucket).0.is_empty());
    check_stats(&bucket);
}

// Law-test: S3, GET Object in the three versioning states.
#[test]
fn versions_by_id() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "A").unwrap();
    assert_eq!(get(&bucket, VersionId::Null).unwrap(), "A");
    let unknown: VersionId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    assert_eq!(get(&bucket, unknown).unwrap_err().code(), "NoSuchVersion");
    assert_eq!("not an id".parse::<VersionId>().unwrap_err().code(), "InvalidArgument");
    let nothing = bucket.delete_version("k", unknown).unwrap();
    assert_eq!(nothing.durability, None);
    let deleted = bucket.delete_version("k", VersionId::Null).unwrap();
    assert!(!deleted.delete_marker);
    assert_eq!(bucket.get("k").unwrap_err().code(), "NoSuchKey");

    bucket.set_versioning(Versioning::Enabled).unwrap();
    let old = bucket.put("k", "B").unwrap().version.unwrap();
    let new = bucket.put("k", "C").unwrap().version.unwrap();
    assert_eq!(get(&bucket, old).unwrap(), "B");
    assert_eq!(get(&bucket, new).unwrap(), "C");
    assert_eq!(get(&bucket, unknown).unwrap_err().code(), "NoSuchVersion");
    assert_eq!(get(&bucket, VersionId::Null).unwrap_err().code(), "NoSuchVersion");
    assert_eq!(old.to_string().parse::<VersionId>().unwrap(), old);
    // The right number with another tag is another id.
    let VersionId::Stamped { seq, tag } = old else { panic!("it is stamped") };
    let forged = VersionId::Stamped { seq, tag: tag ^ 1 };
    assert_eq!(get(&bucket, forged).unwrap_err().code(), "NoSuchVersion");
    assert_eq!(bucket.delete_version("k", forged).unwrap().durability, None);
    assert_eq!(get(&bucket, old).unwrap(), "B");
}

#[test]
fn deletes_in_an_unversioned_bucket() {
    let bucket = bucket(Versioning::Unversioned);
    let nothing = bucket.delete("k").unwrap();
    assert_eq!((nothing.delete_marker, nothing.version), (false, None));
    bucket.put("k", "A").unwrap();
    let deleted = bucket.delete("k").unwrap();
    assert_eq!((deleted.delete_marker, deleted.version), (false, None));
    assert!(dump(&bucket).0.is_empty());
    check_stats(&bucket);
}

#[test]
fn any_version_can_be_deleted_from_the_stack() {
    for deleted in 0..4 {
        let world = World::new();
        let bucket = world.bucket("test", Versioning::Enabled);
        let body = |number: usize| crate::kit::pattern(5000 + number, 1);
        let versions: Vec<_> =
            (0..4).map(|number| bucket.put("k", body(number)).unwrap().version.unwrap()).collect();
        bucket.delete_version("k", versions[deleted]).unwrap();
        for (number, &version) in versions.iter().enumerate() {
            let found = bucket.get_with("k", &GetOptions::new().version(version));
            match found {
                Ok(object) => assert_eq!(object.bytes().unwrap(), body(number)),
                Err(error) => assert_eq!((number, error.code()), (deleted, "NoSuchVersion")),
            }
        }
        let current = if deleted == 3 { 2 } else { 3 };
        assert_eq!(bucket.head("k").unwrap().version(), versions[current]);
        check_stats(&bucket);
        world.backend.check_no_leak();
    }
}

// Law-test: S3, GetBucketVersioning.
#[test]
fn the_state_never_goes_back() {
    let bucket = bucket(Versioning::Unversioned);
    assert_eq!(bucket.versioning().unwrap(), Versioning::Unversioned);
    let illegal = "IllegalVersioningConfigurationException";
    refused(&bucket, illegal, || bucket.set_versioning(Versioning::Unversioned));
    for state in [Versioning::Suspended, Versioning::Enabled, Versioning::Suspended] {
        bucket.set_versioning(state).unwrap();
        assert_eq!(bucket.versioning().unwrap(), state);
        refused(&bucket, illegal, || bucket.set_versioning(Versioning::Unversioned));
    }
}

#[test]
fn a_version_that_becomes_current_while_it_is_looked_for_is_found() {
    // While the older of two versions is looked for, the newer one is deleted.
    for skip in 0..3 {
        let moved = || {
            let world = World::new();
            let bucket = world.bucket("test", Versioning::Enabled);
            let old = bucket.put("k", "old").unwrap().version.unwrap();
            let new = bucket.put("k", "new").unwrap().version.unwrap();
            let other = bucket.clone();
            world.backend.trap(Call::Row, skip, move || {
                other.delete_version("k", new).unwrap();
            });
            (world, bucket, old)
        };
        let (_world, bucket, old) = moved();
        bucket.delete_version("k", old).unwrap();
        bucket.head("k").ok();
        assert_eq!(get(&bucket, old).unwrap_err().code(), "NoSuchVersion", "{skip}: it is deleted");

        let (_world, bucket, old) = moved();
        assert_eq!(get(&bucket, old).unwrap(), "old");

        let (_world, bucket, old) = moved();
        bucket.set_object_tags("k", Some(old), &[("a", "1")].try_into().unwrap()).unwrap();
    }
}
