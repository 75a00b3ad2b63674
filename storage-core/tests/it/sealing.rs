//! Sealed bodies: what reaches the backend, and what opens it.

use crate::kit::{Call, ToySealer, World, pattern, refused};
use cistern_storage_core::{
    Bucket, BucketOptions, ChecksumAlgorithm, CopyOptions, CopySource, ETag, GetOptions, Versioning,
};
use std::sync::Arc;

fn sealed() -> (World, Arc<ToySealer>) {
    let sealer = Arc::new(ToySealer::default());
    (World::sealed(&sealer), sealer)
}

const SIZES: [usize; 6] = [0, 5, 64, 1000, 5000, (1 << 20) + 99];

#[track_caller]
fn check(bucket: &Bucket, key: &str, expected: &[u8]) {
    let object = bucket.get(key).unwrap();
    assert_eq!(object.bytes().unwrap(), expected);
    let chunks: Vec<u8> = object.chunks().flat_map(Result::unwrap).collect();
    assert_eq!(chunks, expected);
}

#[test]
fn what_was_sealed_is_got_and_has_the_digests_of_the_plain_bytes() {
    let (world, _) = sealed();
    let bucket = world.bucket("test", Versioning::Enabled);
    for size in SIZES {
        let body = pattern(size, 1);
        let receipt = bucket.put("k", body.clone()).unwrap();
        assert_eq!(receipt.etag, ETag::of_bytes(&body));
        let sum = cistern_storage_core::Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, &body);
        assert_eq!((receipt.checksum, receipt.size), (sum, size as u64));
        check(&bucket, "k", &body);
    }
    crate::kit::check_stats(&bucket);
}

#[test]
fn no_plain_byte_reaches_the_backend() {
    let (world, _) = sealed();
    world.backend.keep();
    let bucket = world.bucket("test", Versioning::Enabled);
    let secret = b"the cellar key lies under the third stone";
    for repeats in [1, 200, 40_000] {
        let body = secret.repeat(repeats);
        bucket.put("k", body.clone()).unwrap();
        bucket.append("k", body.len() as u64, &secret[..]).unwrap();
        bucket.copy("k", "copy").unwrap();
        bucket.rename("copy", format!("renamed-{repeats}")).unwrap();
    }
    let seen = world.backend.seen();
    assert!(seen.iter().map(bytes::Bytes::len).sum::<usize>() > secret.len() * 40_000);
    for bytes in seen {
        let shows = bytes.windows(12).any(|window| window == &secret[4..16]);
        assert!(!shows, "plain bytes reached the backend");
    }
}

#[test]
fn a_range_opens_what_it_touches_and_no_more() {
    let (world, sealer) = sealed();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let body = pattern(1 << 20, 2);
    bucket.put("k", body.clone()).unwrap();
    for (range, chunks) in [(0..1, 1), (63..65, 2), (640..704, 1), (1_048_575..1_048_576, 1)] {
        let (opened, read) = (sealer.chunks_opened(), world.backend.read_bytes());
        let found = bucket.get_range("k", range.clone()).unwrap();
        let (start, end) =
            (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        assert_eq!(found, body[start..end]);
        assert_eq!(sealer.chunks_opened() - opened, chunks);
        assert_eq!(world.backend.read_bytes() - read, chunks * 72);
    }
}

#[test]
fn copies_renames_and_appends_stay_readable() {
    let (world, sealer) = sealed();
    for versioning in [Versioning::Unversioned, Versioning::Enabled, Versioning::Suspended] {
        let bucket = world.bucket(&format!("{versioning:?}").to_lowercase(), versioning);
        let other = world.bucket(&format!("{versioning:?}-2").to_lowercase(), versioning);
        for size in SIZES {
            let mut body = pattern(size, 3);
            bucket.put("k", body.clone()).unwrap();
            for round in 0..7 {
                let more = pattern(100, round);
                bucket.append("k", body.len() as u64, more.clone()).unwrap();
                body.extend_from_slice(&more);
                check(&bucket, "k", &body);
            }
            let source = CopySource::new(&bucket, "k").unwrap();
            other.copy_with(&source, "copy", &CopyOptions::new()).unwrap();
            bucket.rename("k", "r").unwrap();
            bucket.copy("r", "k").unwrap();
            other.rename("copy", "r").unwrap();
            other.append("r", body.len() as u64, "end").unwrap();
            check(&bucket, "r", &body);
            check(&bucket, "k", &body);
            body.extend_from_slice(b"end");
            check(&other, "r", &body);
            bucket.delete("r").unwrap();
            other.delete("r").unwrap();
        }
        crate::kit::check_stats(&bucket);
    }
    assert!(sealer.rebound() > 0);
    world.backend.check_no_leak();
}

#[test]
fn a_body_that_is_written_in_place_is_bound_once() {
    let (world, sealer) = sealed();
    let bucket = world.bucket("test", Versioning::Unversioned);
    for at in 0..50 {
        bucket.append("k", at * 10, pattern(10, 1)).unwrap();
    }
    assert_eq!(sealer.rebound(), 0);
    check(&bucket, "k", &pattern(10, 1).repeat(50));
}

#[test]
fn a_write_that_is_disturbed_binds_to_the_version_it_gets() {
    let (world, _) = sealed();
    let bucket = world.bucket("test", Versioning::Enabled);
    for size in [10, 10_000] {
        let other = bucket.clone();
        world.backend.trap(Call::Commit, 0, move || {
            other.put("k", "first").unwrap();
        });
        let body = pattern(size, 4);
        bucket.put("k", body.clone()).unwrap();
        check(&bucket, "k", &body);
        let other = bucket.clone();
        world.backend.trap(Call::Commit, 0, move || {
            other.set_object_tags("k", None, &[("a", "1")].try_into().unwrap()).unwrap();
        });
        bucket.append("k", body.len() as u64, "more").unwrap();
        check(&bucket, "k", &[&body[..], b"more"].concat());
    }
}

#[test]
fn an_envelope_in_another_row_does_not_open() {
    use cistern_storage_core::port::{Backend as _, Batch, Durability, KeyRange, Order};
    for size in [10, 10_000] {
        let (world, _) = sealed();
        let bucket = world.bucket("test", Versioning::Enabled);
        let theirs = world.store.create_bucket_with("theirs", BucketOptions::new()).unwrap();
        bucket.put("secret", pattern(size, 5)).unwrap();
        bucket.put("mine", pattern(size, 6)).unwrap();
        theirs.put("secret", pattern(size, 7)).unwrap();
        // Rows of objects begin with 3, the bucket's id and the key.
        let range = KeyRange::between(&[3], &[4]);
        let rows = world.backend.scan(range, Order::Forward, 10).unwrap();
        assert_eq!(rows.len(), 3);
        let secret = rows[1].value.clone();
        for row in [&rows[0], &rows[2]] {
            let mut batch = Batch::new(Durability::Memory);
            batch.put(row.key.clone(), secret.clone());
            world.backend.commit(batch).unwrap().wait().unwrap();
        }
        for (bucket, key) in [(&bucket, "mine"), (&theirs, "secret")] {
            assert_eq!(bucket.get(key).unwrap_err().code(), "AccessDenied");
            assert!(bucket.copy(key, "copy").is_err());
            assert!(bucket.rename(key, "renamed").is_err());
        }
        check(&bucket, "secret", &pattern(size, 5));
    }
}

#[test]
fn a_store_without_the_sealer_denies() {
    let (world, sealer) = sealed();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("small", pattern(10, 1)).unwrap();
    bucket.put("large", pattern(10_000, 1)).unwrap();
    let plain = world.reopened(None).bucket("test").unwrap();
    for key in ["small", "large"] {
        refused(&plain, "AccessDenied", || plain.get(key));
        refused(&plain, "AccessDenied", || plain.get_with(key, &GetOptions::new().range(0..1)));
        refused(&plain, "AccessDenied", || plain.copy(key, "copy"));
        refused(&plain, "AccessDenied", || plain.rename(key, "renamed"));
        assert!(plain.head(key).is_ok(), "what is known of it is not sealed");
    }
    let again = world.reopened(Some(sealer)).bucket("test").unwrap();
    check(&again, "small", &pattern(10, 1));
    check(&again, "large", &pattern(10_000, 1));
}
