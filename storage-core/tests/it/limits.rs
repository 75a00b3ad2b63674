//! How large, how many.

use crate::kit::{World, pattern, refused};
use cistern_storage_core::{
    Body, BucketTags, CopyOptions, CopySource, Error, Metadata, PutOptions, Settings, Versioning,
};

fn world(put: u64, copy: u64, object: u64) -> World {
    let mut settings = Settings::new();
    settings.limits.put_bytes_max = put;
    settings.limits.copy_bytes_max = copy;
    settings.limits.object_bytes_max = object;
    World::with(settings, None)
}

// Law-test: S3, multipart upload limits.
#[test]
fn a_body_over_the_limit_is_refused_however_it_comes() {
    let world = world(5000, 5000, 6000);
    let bucket = world.bucket("test", Versioning::Unversioned);
    let reader = |len| Body::reader(std::io::Cursor::new(pattern(len, 1)));
    bucket.put("k", pattern(5000, 1)).unwrap();
    bucket.put("k", reader(5000)).unwrap();
    refused(&bucket, "EntityTooLarge", || bucket.put("k", pattern(5001, 1)));
    refused(&bucket, "EntityTooLarge", || bucket.put("k", reader(5001)));
    refused(&bucket, "EntityTooLarge", || bucket.put("k", reader(5001).with_len(5001)));
    let endless = Body::reader(std::io::repeat(0));
    let error = bucket.put("k", endless).unwrap_err();
    assert!(matches!(error, Error::EntityTooLarge { max: 5000, .. }));

    bucket.append("k", 5000, pattern(1000, 2)).unwrap();
    refused(&bucket, "EntityTooLarge", || bucket.append("k", 6000, "x"));
    refused(&bucket, "InvalidRequest", || bucket.copy("k", "copy"));
    world.backend.check_no_leak();
}

// Law-test: S3, CopyObject: source versions, conditional copies, size.
#[test]
fn a_copy_between_stores_has_the_limit_of_a_put() {
    let here = world(5000, 5000, 6000).bucket("test", Versioning::Unversioned);
    let there = world(100, 5000, 6000).bucket("test", Versioning::Unversioned);
    here.put("k", pattern(101, 1)).unwrap();
    let source = CopySource::new(&here, "k").unwrap();
    refused(&there, "EntityTooLarge", || there.copy_with(&source, "k", &CopyOptions::new()));
}

#[test]
fn a_body_said_to_be_too_long_is_not_read() {
    struct Untouched;
    impl std::io::Read for Untouched {
        fn read(&mut self, _out: &mut [u8]) -> std::io::Result<usize> {
            panic!("it was read")
        }
    }
    let bucket = world(5000, 5000, 6000).bucket("test", Versioning::Unversioned);
    let body = Body::reader(Untouched).with_len(5001);
    refused(&bucket, "EntityTooLarge", || bucket.put("k", body));
}

// Law-test: S3, working with object metadata.
#[test]
fn two_kilobytes_of_metadata_fit() {
    let bucket = crate::kit::bucket(Versioning::Unversioned);
    let full = Metadata::new().with_user("a", "x".repeat(2047)).unwrap();
    bucket.put_with("k", "x", &PutOptions::new().metadata(full.clone())).unwrap();
    assert_eq!(bucket.head("k").unwrap().metadata(), &full);
    assert_eq!(full.with_user("b", "").unwrap_err().code(), "MetadataTooLarge");
}

// Law-test: S3, naming objects.
#[test]
fn a_key_of_1024_bytes_fits_even_of_zeroes() {
    let bucket = crate::kit::bucket(Versioning::Enabled);
    for key in ["\0".repeat(1024), "\u{10ffff}".repeat(256), "k".repeat(1024)] {
        bucket.put(&key, "x").unwrap();
        bucket.put(&key, "y").unwrap();
        assert_eq!(bucket.get(&key).unwrap().text().unwrap(), "y");
        assert_eq!(bucket.list_versions(&key).count(), 2);
    }
    assert_eq!(bucket.list("").count(), 3);
}

// Law-test: S3, bucket tags.
#[test]
fn a_bucket_has_fifty_tags() {
    let pairs = |count: u32| (0..count).map(|n| (n.to_string(), String::new())).collect::<Vec<_>>();
    let bucket = crate::kit::bucket(Versioning::Unversioned);
    bucket.set_tags(BucketTags::try_from(pairs(50)).unwrap()).unwrap();
    assert_eq!(bucket.tags().unwrap().iter().count(), 50);
    assert_eq!(BucketTags::try_from(pairs(51)).unwrap_err().code(), "InvalidTag");
}
