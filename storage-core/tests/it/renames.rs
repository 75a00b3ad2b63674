//! Renames: one commit, no byte moved.

use crate::kit::{Call, START, World, at, body_of, check_stats, pattern, refused, stack};
use cistern_storage_core::{
    DefaultRetention, ETag, Error, LegalHold, Metadata, ObjectLockConfig, PutOptions,
    ReadConditions, RenameOptions, RenameTarget, RetentionMode, RetentionPeriod, Versioning,
};

// Law-test: S3, RenameObject.
#[test]
fn a_rename_keeps_all_but_the_key() {
    for versioning in [Versioning::Unversioned, Versioning::Enabled, Versioning::Suspended] {
        for size in [3, 50_000] {
            let world = World::new();
            let bucket = world.bucket("test", versioning);
            let options = PutOptions::new()
                .metadata(Metadata::new().with_user("a", "1").unwrap())
                .tags([("t", "1")].try_into().unwrap());
            let put = bucket.put_with("old", pattern(size, 1), &options).unwrap();
            world.pass(1000);
            let renamed = bucket.rename("old", "new").unwrap();
            assert_eq!((renamed.etag, renamed.last_modified), (put.etag, at(START)));
            let object = bucket.get("new").unwrap();
            assert_eq!(object.bytes().unwrap(), pattern(size, 1));
            assert_eq!(object.metadata().user("a"), Some("1"));
            assert_eq!(object.tags().value("t"), Some("1"));
            assert_eq!(object.last_modified(), at(START));
            let expected = match versioning {
                Versioning::Unversioned => 0,
                Versioning::Enabled => 2,
                Versioning::Suspended => 1,
            };
            assert_eq!(stack_len(&bucket, "old"), expected);
            let gone = bucket.get("old").unwrap_err();
            let marker = matches!(gone, Error::NoSuchKey { delete_marker: Some(_), .. });
            assert_eq!(marker, versioning != Versioning::Unversioned);
            check_stats(&bucket);
            for info in bucket.list_versions("").map(Result::unwrap).collect::<Vec<_>>() {
                bucket.delete_version(info.key(), info.version()).unwrap();
            }
            world.backend.check_no_leak();
            assert_eq!(world.backend.stats_live_bytes(), 0);
        }
    }
}

fn stack_len(bucket: &cistern_storage_core::Bucket, key: &str) -> usize {
    bucket.list_versions(key).count()
}

// Law-test: S3, RenameObject.
#[test]
fn what_is_under_the_new_key_decides() {
    let bucket = crate::kit::bucket(Versioning::Enabled);
    bucket.put("old", "x").unwrap();
    let taken = bucket.put("new", "y").unwrap();
    refused(&bucket, "PreconditionFailed", || bucket.rename("old", "new"));
    refused(&bucket, "InvalidRequest", || bucket.rename("old", "old"));
    refused(&bucket, "NoSuchKey", || bucket.rename("absent", "newer"));
    let wrong = RenameOptions::new().target(RenameTarget::Matches(ETag::of_bytes(b"z")));
    refused(&bucket, "PreconditionFailed", || bucket.rename_with("old", "new", &wrong));
    refused(&bucket, "NoSuchKey", || bucket.rename_with("old", "free", &wrong));
    let right = RenameOptions::new().target(RenameTarget::Matches(taken.etag));
    bucket.rename_with("old", "new", &right).unwrap();
    assert_eq!(stack(&bucket, "new"), ["2:x", "1:y"]);
    assert_eq!(stack(&bucket, "old"), ["2 DM", "1:x"]);
    refused(&bucket, "NoSuchKey", || bucket.rename("old", "again"));

    bucket.delete("new").unwrap();
    bucket.put("third", "z").unwrap();
    bucket.rename("third", "new").unwrap();
    assert_eq!(body_of(&bucket, "new", None), "z");
    bucket.put("fourth", "w").unwrap();
    let any = RenameOptions::new().target(RenameTarget::Any);
    bucket.rename_with("fourth", "new", &any).unwrap();
    assert_eq!(body_of(&bucket, "new", None), "w");
    check_stats(&bucket);
}

// Law-test: S3, RenameObject.
#[test]
fn a_token_makes_a_rename_happen_once() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("old", "x").unwrap();
    let options = RenameOptions::new().client_token("t1").unwrap();
    let first = bucket.rename_with("old", "new", &options).unwrap();
    let again = bucket.rename_with("old", "new", &options).unwrap();
    assert_eq!(again, first);

    bucket.put("old", "y").unwrap();
    assert_eq!(bucket.rename_with("old", "new", &options).unwrap(), first);
    assert_eq!(body_of(&bucket, "old", None), "y", "it was not done again");

    let mismatch = "IdempotencyParameterMismatch";
    refused(&bucket, mismatch, || bucket.rename_with("old", "other", &options));
    let other_target = options.clone().target(RenameTarget::Any);
    refused(&bucket, mismatch, || bucket.rename_with("old", "new", &other_target));
    let conditions = ReadConditions::new().if_match(first.etag);
    let other_source = options.clone().source_conditions(conditions);
    refused(&bucket, mismatch, || bucket.rename_with("old", "new", &other_source));

    world.pass(86_400);
    let any = options.target(RenameTarget::Any);
    bucket.rename_with("old", "new", &any).unwrap();
    assert_eq!(body_of(&bucket, "new", None), "y");
    for token in ["", &"x".repeat(65), "\u{e9}"] {
        assert_eq!(RenameOptions::new().client_token(token).unwrap_err().code(), "InvalidArgument");
    }
}

#[test]
fn forgotten_tokens_are_cleared_away() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("0", "x").unwrap();
    let rows = |world: &World| {
        use cistern_storage_core::port::Backend as _;
        world.backend.stats().rows
    };
    let rename = |from: u32| {
        let options = RenameOptions::new().client_token(format!("{from:03}")).unwrap();
        bucket.rename_with(from.to_string(), (from + 1).to_string(), &options).unwrap();
    };
    let before = rows(&world);
    (0..40).for_each(rename);
    assert_eq!(rows(&world), before + 40);
    world.pass(90_000);
    (40..60).for_each(rename);
    assert!(rows(&world) <= before + 21, "{} rows are left", rows(&world));
}

#[test]
fn a_rename_is_current_whatever_came_to_its_key_meanwhile() {
    for call in [Call::Row, Call::Commit] {
        for skip in 0..4 {
            let world = World::new();
            let bucket = world.bucket("test", Versioning::Enabled);
            bucket.put("old", "renamed").unwrap();
            let writer = bucket.clone();
            world.backend.trap(call, skip, move || {
                writer.put("new", "meanwhile").unwrap();
            });
            let any = RenameOptions::new().target(RenameTarget::Any);
            bucket.rename_with("old", "new", &any).unwrap();
            world.backend.disarm();
            assert_eq!(body_of(&bucket, "new", None), "renamed", "{call:?} {skip}");
            check_stats(&bucket);
        }
    }
}

#[test]
fn a_lock_goes_with_the_object_and_the_default_holds_for_one_without() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    bucket.put_with("a", "x", &PutOptions::new().legal_hold(LegalHold::On)).unwrap();
    bucket.rename("a", "b").unwrap();
    assert_eq!(bucket.legal_hold("b", None).unwrap(), LegalHold::On);
    bucket.put("c", "y").unwrap();
    let default =
        DefaultRetention::new(RetentionMode::Compliance, RetentionPeriod::Days(1)).unwrap();
    bucket.set_object_lock(ObjectLockConfig::new().default_retention(default)).unwrap();
    let renamed = bucket.rename("c", "d").unwrap();
    let version = renamed.version.unwrap();
    refused(&bucket, "AccessDenied", || bucket.delete_version("d", version));
}
