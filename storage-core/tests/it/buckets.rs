//! Buckets: making, finding, configuring and removing them.

use crate::kit::{World, body_of, check_stats};
use cistern_storage_core::{
    BucketOptions, BucketTags, ChangeFeed, Durability, RenameOptions, Settings, Versioning,
};

// Law-test: S3, CreateBucket.
// Law-test: S3, HeadBucket.
// Law-test: S3, ListBuckets.
#[test]
fn buckets_are_made_found_and_listed() {
    let world = World::new();
    for name in ["zebra", "apple", "mango"] {
        world.pass(1);
        world.store.create_bucket(name).unwrap();
    }
    let names: Vec<_> = world.store.list_buckets().unwrap();
    let names: Vec<_> = names.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["apple", "mango", "zebra"]);
    assert_eq!(world.store.bucket("mango").unwrap().name(), &"mango");
    let again = world.store.create_bucket("mango").unwrap_err();
    assert_eq!((again.code(), again.status()), ("BucketAlreadyOwnedByYou", 409));
    assert_eq!(world.store.bucket("absent").unwrap_err().status(), 404);
    for bad in ["ab", "Upper", "a..b", "192.168.0.1", "xn--a", "-a-", "a-s3alias"] {
        assert_eq!(
            world.store.create_bucket(bad).unwrap_err().code(),
            "InvalidBucketName",
            "{bad}"
        );
    }
    assert_eq!(world.store.list_buckets().unwrap().len(), 3);
}

// Law-test: S3, DeleteBucket.
#[test]
fn a_bucket_is_deleted_only_when_it_holds_nothing() {
    let world = World::new();
    let store = &world.store;
    let bucket = world.bucket("test", Versioning::Enabled);
    let version = bucket.put("k", "x").unwrap().version.unwrap();
    let marker = bucket.delete("k").unwrap().version.unwrap();
    assert_eq!(store.delete_bucket("test").unwrap_err().code(), "BucketNotEmpty");
    bucket.delete_version("k", version).unwrap();
    assert_eq!(
        store.delete_bucket("test").unwrap_err().code(),
        "BucketNotEmpty",
        "a marker counts"
    );
    bucket.delete_version("k", marker).unwrap();
    bucket.put("k", "still there").unwrap();
    assert_eq!(body_of(&bucket, "k", None), "still there", "a refusal changes nothing");
    bucket.delete_version("k", bucket.head("k").unwrap().version()).unwrap();
    store.delete_bucket("test").unwrap();
    assert_eq!(store.delete_bucket("test").unwrap_err().code(), "NoSuchBucket");
    assert!(store.list_buckets().unwrap().is_empty());
}

#[test]
fn a_handle_of_a_deleted_bucket_answers_that_it_is_gone() {
    let world = World::new();
    let old = world.bucket("test", Versioning::Unversioned);
    world.store.delete_bucket("test").unwrap();
    let new = world.store.create_bucket("test").unwrap();
    new.put("k", "x").unwrap();
    let gone = |code: &str| assert_eq!(code, "NoSuchBucket");
    gone(old.put("k", "y").unwrap_err().code());
    gone(old.get("k").unwrap_err().code());
    gone(old.head("k").unwrap_err().code());
    gone(old.delete("k").unwrap_err().code());
    gone(
        old.delete_many(&[cistern_storage_core::DeleteEntry::new("k").unwrap()])
            .unwrap_err()
            .code(),
    );
    gone(old.copy("k", "l").unwrap_err().code());
    gone(old.rename("k", "l").unwrap_err().code());
    gone(old.append("k", 0, "y").unwrap_err().code());
    gone(old.attributes("k").unwrap_err().code());
    gone(old.object_tags("k", None).unwrap_err().code());
    gone(old.set_object_tags("k", None, &cistern_storage_core::Tags::new()).unwrap_err().code());
    gone(old.list("").next().unwrap().unwrap_err().code());
    gone(old.list_versions("").next().unwrap().unwrap_err().code());
    gone(old.stats().unwrap_err().code());
    gone(old.versioning().unwrap_err().code());
    gone(old.set_versioning(Versioning::Enabled).unwrap_err().code());
    gone(old.tags().unwrap_err().code());
    assert_eq!(body_of(&new, "k", None), "x");
    assert!(old.list("").nth(1).is_none(), "a list ends after its first error");
}

#[test]
fn a_bucket_of_the_same_name_begins_with_nothing() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("a", "x").unwrap();
    let token = RenameOptions::new().client_token("t").unwrap();
    bucket.rename_with("a", "b", &token).unwrap();
    bucket.delete("b").unwrap();
    world.store.delete_bucket("test").unwrap();
    let again = world.store.create_bucket("test").unwrap();
    again.put("a", "new").unwrap();
    again.rename_with("a", "b", &token).unwrap();
    assert_eq!(body_of(&again, "b", None), "new");
    check_stats(&again);
}

#[test]
fn a_deleted_bucket_leaves_no_rows_and_no_counters() {
    use cistern_storage_core::port::Backend as _;
    let world = World::new();
    world.bucket("other", Versioning::Unversioned);
    let before = world.backend.stats().rows;
    let options = BucketOptions::new().change_feed(ChangeFeed::On);
    let bucket = world.store.create_bucket_with("test", options).unwrap();
    bucket.put("k", "x").unwrap();
    bucket.rename_with("k", "l", &RenameOptions::new().client_token("t").unwrap()).unwrap();
    bucket.delete("l").unwrap();
    bucket.create_upload("u").unwrap().put_part(1, vec![7; 10_000]).unwrap();
    world.store.delete_bucket("test").unwrap();
    world.backend.check_no_leak();
    assert_eq!(world.backend.stats_live_bytes(), 0);
    assert_eq!(world.backend.stats().rows, before);
    assert_eq!(world.backend.counters(&[]), []);
}

#[test]
fn a_configuration_is_there_after_opening_again() {
    let world = World::new();
    let tags: BucketTags = [("a", "1")].try_into().unwrap();
    let options = BucketOptions::new()
        .versioning(Versioning::Enabled)
        .durability(Durability::Os)
        .change_feed(ChangeFeed::On)
        .tags(tags.clone());
    let made = world.store.create_bucket_with("test", options).unwrap();
    let bucket = world.reopened(None).bucket("test").unwrap();
    assert_eq!(bucket.versioning().unwrap(), Versioning::Enabled);
    assert_eq!(bucket.durability().unwrap(), Some(Durability::Os));
    assert_eq!(bucket.change_feed().unwrap(), ChangeFeed::On);
    assert_eq!((bucket.tags().unwrap(), bucket.created()), (tags, made.created()));
    bucket.set_durability(None).unwrap();
    bucket.set_change_feed(ChangeFeed::Off).unwrap();
    let bucket = world.reopened(None).bucket("test").unwrap();
    assert_eq!(
        (bucket.durability().unwrap(), bucket.change_feed().unwrap()),
        (None, ChangeFeed::Off)
    );
}

#[test]
fn versions_go_on_growing_after_opening_again() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    bucket.put("k", "old").unwrap();
    let again = world.reopened(None).bucket("test").unwrap();
    again.put("k", "new").unwrap();
    assert_eq!(crate::kit::stack(&again, "k"), ["2:new", "1:old"]);
}

#[test]
fn a_closed_store_reads_and_writes_nothing() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("k", "x").unwrap();
    world.store.close().unwrap();
    assert_eq!(bucket.put("k", "y").unwrap_err().code(), "ServiceUnavailable");
    assert_eq!(bucket.get("k").unwrap_err().code(), "ServiceUnavailable");
    assert_eq!(bucket.list("").next().unwrap().unwrap_err().code(), "ServiceUnavailable");
    assert_eq!(world.store.create_bucket("other").unwrap_err().code(), "ServiceUnavailable");
    world.store.close().unwrap();
}

// Law-test: S3, general purpose bucket quotas.
#[test]
fn a_store_has_so_many_buckets() {
    let mut settings = Settings::new();
    settings.limits.buckets_max = 2;
    let world = World::with(settings, None);
    world.store.create_bucket("one").unwrap();
    world.store.create_bucket("two").unwrap();
    assert_eq!(world.store.create_bucket("three").unwrap_err().code(), "TooManyBuckets");
    world.store.delete_bucket("one").unwrap();
    world.store.create_bucket("three").unwrap();
}
