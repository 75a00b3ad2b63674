//! Put, get, head, delete and lists in the three versioning states.

use cistern_storage_core::{
    Bucket, BucketOptions, DeleteOptions, Error, GetOptions, ListOptions, PutOptions, Store,
    Versioning,
};

fn bucket(versioning: Versioning) -> Bucket {
    let store = Store::in_memory();
    store.create_bucket_with("test", BucketOptions::new().versioning(versioning)).unwrap()
}

#[track_caller]
fn check_body(bucket: &Bucket, key: &str, expected: &str) {
    assert_eq!(bucket.get(key).unwrap().text().unwrap(), expected);
}

#[test]
fn what_was_put_is_got() {
    let bucket = bucket(Versioning::Unversioned);
    for size in [0, 1, 1000, 4096, 4097, 300_000, 3 << 20] {
        let body: Vec<u8> = (0..size).map(|at: u32| at.to_le_bytes()[0]).collect();
        let receipt = bucket.put("k", body.clone()).unwrap();
        let object = bucket.get("k").unwrap();
        assert_eq!(object.bytes().unwrap(), body);
        assert_eq!(object.etag(), receipt.etag);
        let chunks: Vec<u8> = object.chunks().flat_map(|chunk| chunk.unwrap()).collect();
        assert_eq!(chunks, body);
    }
}

// Law-test: S3, PUT in unversioned, enabled and suspended buckets.
#[test]
fn an_enabled_bucket_keeps_what_was_overwritten() {
    let bucket = bucket(Versioning::Enabled);
    let first = bucket.put("k", "one").unwrap().version.unwrap();
    let second = bucket.put("k", "two").unwrap().version.unwrap();
    check_body(&bucket, "k", "two");
    let old = bucket.get_with("k", &GetOptions::new().version(first)).unwrap();
    assert_eq!(old.text().unwrap(), "one");
    let stats = bucket.stats().unwrap().total();
    assert_eq!((stats.objects, stats.noncurrent, stats.object_bytes), (1, 1, 3));

    bucket.delete_version("k", second).unwrap();
    check_body(&bucket, "k", "one");
    bucket.delete("k").unwrap();
    assert!(matches!(bucket.get("k"), Err(Error::NoSuchKey { delete_marker: Some(_), .. })));
    assert_eq!(bucket.list_versions("").count(), 2);
    assert_eq!(bucket.list("").count(), 0);
}

// Law-test: S3, conditional writes.
#[test]
fn if_absent_writes_once() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put_with("k", "one", &PutOptions::new().if_absent()).unwrap();
    let again = bucket.put_with("k", "two", &PutOptions::new().if_absent());
    assert_eq!(again.unwrap_err().code(), "PreconditionFailed");
    check_body(&bucket, "k", "one");
}

// Law-test: W75
#[test]
fn a_delimiter_rolls_keys_up_across_pages() {
    let bucket = bucket(Versioning::Unversioned);
    for key in ["a/1", "a/2", "b", "c/1"] {
        bucket.put(key, "x").unwrap();
    }
    let options = ListOptions::new().delimiter("/").max_keys(2);
    let page = bucket.list_page(&options).unwrap();
    assert_eq!(page.common_prefixes, ["a/"]);
    assert_eq!(page.objects[0].key(), &"b");
    assert_eq!(page.next_marker.as_deref(), Some("b"));
    let token = page.next_continuation_token.unwrap();
    let page = bucket.list_page(&options.continuation_token(token)).unwrap();
    assert_eq!(page.common_prefixes, ["c/"]);
    assert!(page.objects.is_empty() && !page.is_truncated);
}

#[test]
fn a_bucket_is_deleted_only_when_empty() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("test").unwrap();
    bucket.put("k", "x").unwrap();
    assert_eq!(store.delete_bucket("test").unwrap_err().code(), "BucketNotEmpty");
    bucket.delete_with("k", &DeleteOptions::new()).unwrap();
    store.delete_bucket("test").unwrap();
    assert_eq!(bucket.put("k", "x").unwrap_err().code(), "NoSuchBucket");
    assert_eq!(store.bucket("test").unwrap_err().code(), "NoSuchBucket");
}
