//! Appends: more bytes at the end.

use crate::kit::{Call, World, body_of, check_stats, pattern, refused, stack};
use cistern_storage_core::{
    Checksum, ChecksumAlgorithm, DefaultRetention, ETag, Error, LegalHold, Metadata,
    ObjectLockConfig, PutOptions, RetentionMode, RetentionPeriod, Settings, Versioning,
};

// Law-test: S3, PutObject, write offset.
#[test]
fn bytes_come_at_the_end_and_nowhere_else() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    refused(&bucket, "NoSuchKey", || bucket.append("k", 1, "x"));
    bucket.append("k", 0, "one").unwrap();
    refused(&bucket, "InvalidWriteOffset", || bucket.append("k", 0, "x"));
    refused(&bucket, "InvalidWriteOffset", || bucket.append("k", 2, "x"));
    let error = bucket.append("k", 4, "x").unwrap_err();
    assert!(matches!(error, Error::InvalidWriteOffset { offset: 4, size: 3 }));
    let receipt = bucket.append("k", 3, " two").unwrap();
    assert_eq!((receipt.size, receipt.version), (7, None));
    assert!(matches!(receipt.etag, ETag::Opaque(_)));
    assert_eq!(body_of(&bucket, "k", None), "one two");
    assert_eq!(receipt.checksum, Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, b"one two"));
    check_stats(&bucket);
    bucket.delete("k").unwrap();
    world.backend.check_no_leak();
    assert_eq!(world.backend.stats_live_bytes(), 0);
}

// Law-test: S3, PutObject, write offset.
#[test]
fn an_empty_object_ends_at_0() {
    for versioning in [Versioning::Unversioned, Versioning::Enabled, Versioning::Suspended] {
        let bucket = crate::kit::bucket(versioning);
        bucket.put("k", "").unwrap();
        bucket.append("k", 0, "first").unwrap();
        bucket.append("k", 5, "").unwrap();
        bucket.append("k", 5, " second").unwrap();
        assert_eq!(body_of(&bucket, "k", None), "first second");
        check_stats(&bucket);
    }
}

#[test]
fn an_append_over_a_delete_marker_begins_an_object() {
    let bucket = crate::kit::bucket(Versioning::Enabled);
    bucket.put("k", "old").unwrap();
    let marker = bucket.delete("k").unwrap().version;
    let error = bucket.append("k", 3, "x").unwrap_err();
    assert!(matches!(error, Error::NoSuchKey { delete_marker, .. } if delete_marker == marker));
    bucket.append("k", 0, "new").unwrap();
    assert_eq!(stack(&bucket, "k"), ["3:new", "2 DM", "1:old"]);
}

#[test]
fn an_append_in_a_versioned_bucket_makes_a_version() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    let metadata = Metadata::new().with_user("a", "1").unwrap();
    bucket.put_with("k", "a", &PutOptions::new().metadata(metadata.clone())).unwrap();
    for (offset, body) in [(1, "b"), (2, "c"), (3, "d"), (4, "e"), (5, "f"), (6, "g")] {
        bucket.append("k", offset, body).unwrap();
        check_stats(&bucket);
    }
    let expected = ["7:abcdefg", "6:abcdef", "5:abcde", "4:abcd", "3:abc", "2:ab", "1:a"];
    assert_eq!(stack(&bucket, "k"), expected);
    assert_eq!(bucket.head("k").unwrap().metadata(), &metadata);
    for info in bucket.list_versions("").map(Result::unwrap).collect::<Vec<_>>() {
        bucket.delete_version("k", info.version()).unwrap();
    }
    world.backend.check_no_leak();
    assert_eq!(world.backend.stats_live_bytes(), 0);
}

#[test]
fn a_lock_stays_with_the_version_it_was_put_on() {
    let world = World::new();
    let default =
        DefaultRetention::new(RetentionMode::Governance, RetentionPeriod::Days(1)).unwrap();
    let bucket = world.locked("test", ObjectLockConfig::new().default_retention(default));
    let options = PutOptions::new().legal_hold(LegalHold::On);
    let old = bucket.put_with("k", "a", &options).unwrap();
    world.pass(3600);
    bucket.append("k", 1, "b").unwrap();
    let info = bucket.head("k").unwrap();
    assert_eq!(info.legal_hold(), None);
    assert_eq!(info.retention(), Some(default.of_version(info.last_modified())));
    assert_eq!(bucket.legal_hold("k", old.version).unwrap(), LegalHold::On);
}

#[test]
fn a_thousand_appends_are_one_object() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let mut expected = Vec::new();
    let mut half = None;
    for number in 0..1100u32 {
        let more = format!("{number} ");
        bucket.append("k", expected.len() as u64, more.as_str()).unwrap();
        expected.extend_from_slice(more.as_bytes());
        if number == 600 {
            half = Some((bucket.get("k").unwrap(), expected.clone()));
        }
    }
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), expected);
    assert_eq!(bucket.get_range("k", 2000..2100).unwrap(), expected[2000..2100]);
    let (object, so_far) = half.unwrap();
    assert_eq!(object.bytes().unwrap(), so_far, "an open reader reads what it opened");
    let reopened = world.reopened(None).bucket("test").unwrap();
    assert_eq!(reopened.get("k").unwrap().bytes().unwrap(), expected);
    reopened.append("k", expected.len() as u64, "end").unwrap();
    assert!(reopened.get("k").unwrap().text().unwrap().ends_with("1099 end"));
    check_stats(&reopened);
    reopened.rename("k", "l").unwrap();
    reopened.copy("l", "m").unwrap();
    reopened.delete("l").unwrap();
    assert!(reopened.get("m").unwrap().text().unwrap().ends_with("1099 end"));
    reopened.delete("m").unwrap();
    world.backend.check_no_leak();
    assert_eq!(world.backend.stats_live_bytes(), 0);
}

#[test]
fn an_object_takes_so_many_appends() {
    let mut settings = Settings::new();
    settings.limits.parts_max = 8;
    let bucket = World::with(settings, None).bucket("test", Versioning::Unversioned);
    let mut size = 0;
    let refusal = loop {
        match bucket.append("k", size, "x") {
            Ok(_) => size += 1,
            Err(error) => break error,
        }
        assert!(size < 100);
    };
    assert_eq!(refusal.code(), "TooManyParts");
    refused(&bucket, "TooManyParts", || bucket.append("k", size, "x"));
    assert!(size >= 8);
}

#[test]
fn a_checksum_of_one_gives_way_to_the_one_every_object_has() {
    let bucket = crate::kit::bucket(Versioning::Unversioned);
    let options = PutOptions::new().checksum_algorithm(ChecksumAlgorithm::Sha256);
    bucket.put_with("k", "abc", &options).unwrap();
    let receipt = bucket.append("k", 3, "def").unwrap();
    assert_eq!(receipt.checksum, Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, b"abcdef"));
}

#[test]
fn an_append_that_is_overtaken_is_at_the_wrong_offset() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    for (skip, first) in [(0, ""), (0, "abc")] {
        if !first.is_empty() {
            bucket.put("k", first).unwrap();
        }
        let (other, offset) = (bucket.clone(), first.len() as u64);
        let overtake = move || {
            other.append("k", offset, "first").unwrap();
        };
        world.backend.trap(Call::Commit, skip, overtake);
        let error = bucket.append("k", offset, "second").unwrap_err();
        assert_eq!(error.code(), "InvalidWriteOffset");
        assert_eq!(body_of(&bucket, "k", None), format!("{first}first"));
        bucket.delete("k").unwrap();
    }
    world.backend.check_no_leak();
}

#[test]
fn what_was_kept_of_a_version_that_went_is_given_back() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    // The first look finds it in its row, the second in a blob of the same size.
    bucket.put("k", pattern(100, 1)).unwrap();
    let other = bucket.clone();
    world.backend.trap(Call::Commit, 0, move || {
        other.put("k", pattern(50, 2)).unwrap();
        other.append("k", 50, pattern(50, 3)).unwrap();
    });
    bucket.append("k", 100, "end").unwrap();
    assert_eq!(bucket.head("k").unwrap().size(), 103);
    world.backend.check_no_leak();
}
