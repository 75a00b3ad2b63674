//! Copies: by reference, of any version, within a store and between two.

use crate::kit::{Call, START, World, at, body_of, check_stats, pattern, refused, stack};
use cistern_storage_core::{
    Bucket, ChecksumAlgorithm, ChecksumType, CopyOptions, CopySource, ETag, LegalHold, Metadata,
    ObjectLockConfig, PutOptions, Retention, RetentionMode, StorageClass, SystemHeader, VersionId,
    Versioning,
};

const BIG: usize = 50_000;

fn source(bucket: &Bucket, key: &str) -> CopySource {
    CopySource::new(bucket, key).unwrap()
}

// Law-test: S3, CopyObject.
#[test]
fn a_copy_has_bytes_metadata_and_tags_and_a_date_of_its_own() {
    for size in [5, BIG] {
        let world = World::new();
        let from = world.bucket("source", Versioning::Enabled);
        let to = world.bucket("target", Versioning::Unversioned);
        let metadata = Metadata::new().with_user("a", "1").unwrap();
        let redirected = metadata.clone().with(SystemHeader::WebsiteRedirect, "/x").unwrap();
        let options = PutOptions::new()
            .metadata(redirected)
            .tags([("t", "1")].try_into().unwrap())
            .storage_class(StorageClass::GlacierIr)
            .checksum_algorithm(ChecksumAlgorithm::Sha256);
        let put = from.put_with("k", pattern(size, 1), &options).unwrap();
        world.pass(60);
        let live = world.backend.stats_live_bytes();
        let copied = to.copy_with(&source(&from, "k"), "copy", &CopyOptions::new()).unwrap();
        assert_eq!(Some(copied.source_version), put.version);
        assert_eq!((copied.receipt.version, copied.receipt.etag), (None, put.etag));
        assert_eq!(copied.receipt.checksum, put.checksum);
        assert_eq!(world.backend.stats_live_bytes(), live, "no byte was moved");

        let info = to.head("copy").unwrap();
        assert_eq!(info.metadata(), &metadata, "without the redirect");
        assert_eq!(info.tags().value("t"), Some("1"));
        assert_eq!(info.storage_class(), StorageClass::Standard, "a class is not copied");
        assert_eq!(info.last_modified().millis_since(at(START)), 60_000);
        assert_eq!(to.get("copy").unwrap().bytes().unwrap(), pattern(size, 1));

        from.delete_version("k", put.version.unwrap()).unwrap();
        assert_eq!(to.get("copy").unwrap().bytes().unwrap(), pattern(size, 1));
        check_stats(&from);
        check_stats(&to);
        to.delete("copy").unwrap();
        world.backend.check_no_leak();
        assert_eq!(world.backend.stats_live_bytes(), 0);
    }
}

// Law-test: S3, CopyObject.
#[test]
fn directives_replace_metadata_and_tags() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let old = PutOptions::new()
        .metadata(Metadata::new().with_user("a", "1").unwrap())
        .tags([("t", "1")].try_into().unwrap());
    bucket.put_with("k", "x", &old).unwrap();
    let other = World::new().bucket("other", Versioning::Unversioned);
    for target in [&bucket, &other] {
        let metadata = Metadata::new().with_content_type("text/plain").unwrap();
        let options = CopyOptions::new().replace_metadata(metadata.clone());
        target.copy_with(&source(&bucket, "k"), "c", &options).unwrap();
        let info = target.head("c").unwrap();
        assert_eq!((info.metadata(), info.tags().value("t")), (&metadata, Some("1")));

        let options = CopyOptions::new().replace_tags([("u", "2")].try_into().unwrap());
        target.copy_with(&source(&bucket, "k"), "c", &options).unwrap();
        let info = target.head("c").unwrap();
        assert_eq!(info.metadata().user("a"), Some("1"));
        assert_eq!((info.tags().value("t"), info.tags().value("u")), (None, Some("2")));

        let options = CopyOptions::new().storage_class(StorageClass::StandardIa);
        target.copy_with(&source(&bucket, "k"), "c", &options).unwrap();
        assert_eq!(target.head("c").unwrap().storage_class(), StorageClass::StandardIa);
        check_stats(target);
    }
    let options = CopyOptions::new().storage_class(StorageClass::ExpressOnezone);
    let from = source(&bucket, "k");
    refused(&bucket, "InvalidStorageClass", || bucket.copy_with(&from, "c", &options));
}

// Law-test: S3, CopyObject onto itself: something must change, unless an older version comes back.
#[test]
fn a_copy_onto_itself_changes_something() {
    let world = World::new();
    for versioning in [Versioning::Unversioned, Versioning::Enabled] {
        let bucket = world.bucket(&format!("{versioning:?}").to_lowercase(), versioning);
        let first = bucket.put("k", pattern(BIG, 1)).unwrap();
        let itself = source(&bucket, "k");
        refused(&bucket, "InvalidRequest", || bucket.copy("k", "k"));
        let version = first.version.unwrap_or_default();
        refused(&bucket, "InvalidRequest", || {
            bucket.copy_with(&itself.clone().version(version), "k", &CopyOptions::new())
        });
        let tags = CopyOptions::new().replace_tags([("a", "1")].try_into().unwrap());
        refused(&bucket, "InvalidRequest", || bucket.copy_with(&itself, "k", &tags));
        for changed in [
            CopyOptions::new().replace_metadata(Metadata::new()),
            CopyOptions::new().storage_class(StorageClass::StandardIa),
            CopyOptions::new().checksum_algorithm(ChecksumAlgorithm::Crc32),
        ] {
            let copied = bucket.copy_with(&itself, "k", &changed).unwrap();
            assert_eq!(copied.receipt.etag, first.etag, "the same content, the same tag");
            assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), pattern(BIG, 1));
            check_stats(&bucket);
        }
    }
    world.backend.check_no_leak();
}

// Law-test: S3, CopyObject onto itself: something must change, unless an older version comes back.
#[test]
fn an_older_version_comes_back_by_a_copy() {
    let bucket = crate::kit::bucket(Versioning::Enabled);
    let old = bucket.put("k", "old").unwrap().version.unwrap();
    bucket.put("k", "new").unwrap();
    let copied =
        bucket.copy_with(&source(&bucket, "k").version(old), "k", &CopyOptions::new()).unwrap();
    assert_eq!(copied.source_version, old);
    assert_eq!(stack(&bucket, "k"), ["3:old", "2:new", "1:old"]);
    check_stats(&bucket);
}

// Law-test: S3, CopyObject: source versions, conditional copies, size.
#[test]
fn what_cannot_be_copied() {
    let bucket = crate::kit::bucket(Versioning::Enabled);
    let version = bucket.put("k", "x").unwrap().version.unwrap();
    let marker = bucket.delete("k").unwrap().version.unwrap();
    refused(&bucket, "NoSuchKey", || bucket.copy("absent", "c"));
    refused(&bucket, "NoSuchKey", || bucket.copy("k", "c"));
    let plain = CopyOptions::new();
    let of_marker = source(&bucket, "k").version(marker);
    refused(&bucket, "InvalidRequest", || bucket.copy_with(&of_marker, "c", &plain));
    let absent = source(&bucket, "other").version(version);
    refused(&bucket, "NoSuchVersion", || bucket.copy_with(&absent, "c", &plain));
    let null = source(&bucket, "k").version(VersionId::Null);
    refused(&bucket, "NoSuchVersion", || bucket.copy_with(&null, "c", &plain));
    let copied = bucket.copy_with(&source(&bucket, "k").version(version), "c", &plain).unwrap();
    assert!(copied.receipt.version.is_some());
    assert_eq!(body_of(&bucket, "c", None), "x");
}

// Law-test: S3, CopyObject.
#[test]
fn a_lock_is_not_copied() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    let until = at("2027-01-01T00:00:00Z");
    let retention = Retention { mode: RetentionMode::Compliance, until };
    let locked = PutOptions::new().retention(retention).legal_hold(LegalHold::On);
    bucket.put_with("k", "x", &locked).unwrap();
    bucket.copy("k", "c").unwrap();
    let info = bucket.head("c").unwrap();
    assert_eq!((info.retention(), info.legal_hold()), (None, None));
    let options = CopyOptions::new().retention(retention).legal_hold(LegalHold::Off);
    bucket.copy_with(&source(&bucket, "k"), "d", &options).unwrap();
    let info = bucket.head("d").unwrap();
    assert_eq!((info.retention(), info.legal_hold()), (Some(retention), Some(LegalHold::Off)));

    let plain = world.bucket("plain", Versioning::Enabled);
    refused(&plain, "InvalidRequest", || plain.copy_with(&source(&bucket, "k"), "d", &options));
}

// Law-test: S3, CopyObject: a copy of a multipart object is an object made in one.
#[test]
fn a_copy_of_many_pieces_has_the_digests_of_one() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let body = pattern(100_000, 7);
    for (at, chunk) in (0..).step_by(10_000).zip(body.chunks(10_000)) {
        bucket.append("k", at, chunk).unwrap();
    }
    assert!(matches!(bucket.head("k").unwrap().etag(), ETag::Opaque(_)));
    bucket.copy("k", "c").unwrap();
    let copy = bucket.get("c").unwrap();
    assert_eq!(copy.bytes().unwrap(), body);
    assert_eq!(copy.etag(), ETag::of_bytes(&body));
    assert_eq!(copy.checksum_type(), ChecksumType::FullObject);
    assert_eq!(copy.parts_count(), None);
    bucket.delete("k").unwrap();
    assert_eq!(bucket.get("c").unwrap().bytes().unwrap(), body);
    bucket.delete("c").unwrap();
    world.backend.check_no_leak();
    assert_eq!(world.backend.stats_live_bytes(), 0);
}

// Law-test: S3, CopyObject.
#[test]
fn another_algorithm_reads_the_body() {
    let bucket = crate::kit::bucket(Versioning::Unversioned);
    for size in [9, BIG] {
        let body = pattern(size, 3);
        bucket.put("k", body.clone()).unwrap();
        for algorithm in ChecksumAlgorithm::ALL {
            let options = CopyOptions::new().checksum_algorithm(algorithm);
            let copied = bucket.copy_with(&source(&bucket, "k"), "c", &options).unwrap();
            let expected = cistern_storage_core::Checksum::of_bytes(algorithm, &body);
            assert_eq!(copied.receipt.checksum, expected);
            let kept = bucket.copy("c", "d").unwrap();
            assert_eq!(kept.receipt.checksum, expected, "a copy keeps the algorithm");
        }
    }
}

#[test]
fn a_copy_to_another_store_moves_the_bytes() {
    let (here, there) = (World::new(), World::new());
    let from = here.bucket("source", Versioning::Enabled);
    let to = there.bucket("target", Versioning::Enabled);
    let old = from.put("k", pattern(BIG, 1)).unwrap();
    from.put("k", "new").unwrap();
    let of_old = source(&from, "k").version(old.version.unwrap());
    let copied = to.copy_with(&of_old, "c", &CopyOptions::new()).unwrap();
    assert_eq!((copied.receipt.etag, Some(copied.source_version)), (old.etag, old.version));
    assert_eq!(to.get("c").unwrap().bytes().unwrap(), pattern(BIG, 1));
    to.copy_with(&source(&from, "k"), "c", &CopyOptions::new()).unwrap();
    assert_eq!((body_of(&to, "c", None).as_str(), to.list_versions("c").count()), ("new", 2));
    refused(&to, "NoSuchKey", || to.copy_with(&source(&from, "no"), "c", &CopyOptions::new()));
    check_stats(&to);
}

#[test]
fn a_copy_of_what_changes_meanwhile_is_of_one_version() {
    // Read as one: between the row and its bytes, and between the bytes and the commit.
    for skip in 0..6 {
        for call in [Call::Row, Call::Scan, Call::Commit] {
            let world = World::new();
            let bucket = world.bucket("test", Versioning::Unversioned);
            for at in 0..6 {
                bucket.append("k", at * 10, pattern(10, 1)).unwrap();
            }
            let (writer, body) = (bucket.clone(), pattern(500, 9));
            let expected = body.clone();
            world.backend.trap(call, skip, move || {
                writer.put("k", body).unwrap();
            });
            bucket.copy("k", "c").unwrap();
            let found = bucket.get("c").unwrap().bytes().unwrap();
            assert!(found.len() == 60 || found == expected);
            bucket.delete("k").unwrap();
            bucket.delete("c").unwrap();
            world.backend.check_no_leak();
        }
    }
}

#[test]
fn a_copy_that_is_disturbed_does_not_read_its_source_again() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("k", pattern(BIG, 1)).unwrap();
    let before = world.backend.read_bytes();
    let other = bucket.clone();
    world.backend.trap(Call::Commit, 0, move || {
        other.put("c", "first").unwrap();
    });
    let options = CopyOptions::new().checksum_algorithm(ChecksumAlgorithm::Sha1);
    bucket.copy_with(&source(&bucket, "k"), "c", &options).unwrap();
    assert_eq!(world.backend.read_bytes() - before, BIG as u64);
}

#[test]
fn a_copy_whose_target_is_taken_reads_nothing() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("k", pattern(BIG, 1)).unwrap();
    bucket.put("c", "taken").unwrap();
    let before = world.backend.read_bytes();
    let options = CopyOptions::new()
        .checksum_algorithm(ChecksumAlgorithm::Sha1)
        .condition(cistern_storage_core::WriteCondition::IfAbsent);
    let from = source(&bucket, "k");
    refused(&bucket, "PreconditionFailed", || bucket.copy_with(&from, "c", &options));
    assert_eq!(world.backend.read_bytes(), before);
}
