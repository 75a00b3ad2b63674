//! Tags of objects and of buckets.

use crate::kit::{World, bucket, check_stats, refused};
use cistern_storage_core::{BucketTags, PutOptions, Tags, Versioning};

fn tags(key: &str) -> Tags {
    [(key, "1")].try_into().unwrap()
}

// Law-test: S3, PutObjectTagging, DeleteObjectTagging: the whole set is replaced; version, entity tag and date stay.
// Law-test: S3, PutObjectTagging, DeleteObjectTagging.
// Law-test: S3, GetObjectTagging.
#[test]
fn a_set_of_tags_is_replaced_as_a_whole() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    let old = bucket.put_with("k", "x", &PutOptions::new().tags(tags("a"))).unwrap();
    let new = bucket.put("k", "y").unwrap();
    assert!(bucket.object_tags("k", None).unwrap().is_empty(), "an overwrite begins anew");
    let before = bucket.head("k").unwrap();
    world.pass(60);
    assert_eq!(bucket.set_object_tags("k", None, &tags("b")).unwrap(), new.version.unwrap());
    assert_eq!(bucket.set_object_tags("k", old.version, &tags("c")).unwrap(), old.version.unwrap());
    assert_eq!(bucket.object_tags("k", None).unwrap(), tags("b"));
    assert_eq!(bucket.object_tags("k", old.version).unwrap(), tags("c"));
    let after = bucket.head("k").unwrap();
    assert_eq!(
        (after.version(), after.etag(), after.last_modified(), after.sequence()),
        (before.version(), before.etag(), before.last_modified(), before.sequence())
    );
    bucket.set_object_tags("k", None, &Tags::new()).unwrap();
    assert_eq!(bucket.head("k").unwrap(), before);
    check_stats(&bucket);
}

// Law-test: S3, GetObjectTagging.
#[test]
fn a_delete_marker_has_no_tags() {
    let bucket = bucket(Versioning::Enabled);
    refused(&bucket, "NoSuchKey", || bucket.object_tags("k", None));
    refused(&bucket, "NoSuchKey", || bucket.set_object_tags("k", None, &tags("a")));
    let version = bucket.put("k", "x").unwrap().version;
    let marker = bucket.delete("k").unwrap().version;
    refused(&bucket, "MethodNotAllowed", || bucket.object_tags("k", None));
    // Law-test: S3, versioning states; tags and locks on a delete marker, named or current.
    refused(&bucket, "MethodNotAllowed", || bucket.set_object_tags("k", None, &tags("a")));
    refused(&bucket, "MethodNotAllowed", || bucket.object_tags("k", marker));
    refused(&bucket, "MethodNotAllowed", || bucket.set_object_tags("k", marker, &tags("a")));
    refused(&bucket, "NoSuchVersion", || bucket.set_object_tags("other", version, &tags("a")));
    bucket.set_object_tags("k", version, &tags("a")).unwrap();
}

// Law-test: S3, object tags.
#[test]
fn tags_have_their_rules() {
    let eleven: Vec<(String, String)> = (0..11).map(|n| (n.to_string(), String::new())).collect();
    assert_eq!(Tags::try_from(eleven).unwrap_err().code(), "InvalidTag");
    for pairs in [[("a", "1"), ("a", "2")], [("aws:x", "1"), ("b", "")], [("", "1"), ("b", "")]] {
        assert_eq!(Tags::try_from(pairs).unwrap_err().code(), "InvalidTag");
    }
    assert_eq!(Tags::parse_query("a=%zz").unwrap_err().code(), "InvalidArgument");
}

// Law-test: S3, GetBucketTagging.
// Law-test: S3, PutBucketTagging, DeleteBucketTagging.
#[test]
fn a_bucket_without_tags_says_so() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    refused(&bucket, "NoSuchTagSet", || bucket.tags());
    let tags: BucketTags = [("team", "blue")].try_into().unwrap();
    bucket.set_tags(tags.clone()).unwrap();
    assert_eq!(bucket.tags().unwrap(), tags);
    assert_eq!(world.reopened(None).bucket("test").unwrap().tags().unwrap(), tags);
    bucket.set_tags(BucketTags::new()).unwrap();
    refused(&bucket, "NoSuchTagSet", || bucket.tags());
}
