//! Multipart uploads, from their beginning to their end.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

use bytes::Bytes;
use cistern_storage_core::{
    Bucket, BucketOptions, Checksum, ChecksumAlgorithm, ChecksumType, CompleteOptions,
    CompletedPart, CopyPartOptions, CopySource, ETag, Error, EtagMode, Event, EventFilter,
    EventName, GetOptions, Limits, ListPartsOptions, ListUploadsOptions, MemoryBackend, Metadata,
    Part, PartOptions, PutOptions, ReadConditions, Receipt, Result, Settings, StorageClass, Store,
    Tags, Timestamp, Upload, UploadId, UploadOptions, VersionId, Versioning, WriteCondition,
    port::{Clock, ManualClock, SealContext, SealError, Sealed, Sealer, Sealing, Sink},
};
use parking_lot::Mutex;
use std::{ops::Range, sync::Arc, time::Duration};

const MIB: usize = 1 << 20;

/// Parts may be small, so that tests are quick.
fn small_parts(etag: EtagMode) -> Settings {
    let mut limits = Limits::current();
    limits.part_bytes_min = 5;
    let mut settings = Settings::new();
    settings.limits = limits;
    settings.etag = etag;
    settings
}

fn store() -> Store {
    let builder = Store::builder(Arc::new(MemoryBackend::new()));
    builder.settings(small_parts(EtagMode::Md5)).build().unwrap()
}

fn bucket(versioning: Versioning) -> Bucket {
    store().create_bucket_with("test", BucketOptions::new().versioning(versioning)).unwrap()
}

fn list(parts: &[Part]) -> Vec<CompletedPart> {
    parts.iter().map(CompletedPart::from).collect()
}

fn source(bucket: &Bucket, key: &str) -> CopySource {
    CopySource::new(bucket, key).unwrap()
}

/// Uploads bodies as parts 1, 2, 3 and so on.
fn put_parts(upload: &Upload, bodies: &[&str]) -> Vec<CompletedPart> {
    (1..).zip(bodies).map(|(n, body)| upload.put_part(n, *body).unwrap().into()).collect()
}

fn complete(bucket: &Bucket, key: &str, bodies: &[&str]) -> Receipt {
    let upload = bucket.create_upload(key).unwrap();
    let parts = put_parts(&upload, bodies);
    upload.complete(&parts).unwrap()
}

#[track_caller]
fn check_body(bucket: &Bucket, key: &str, expected: &str) {
    assert_eq!(bucket.get(key).unwrap().text().unwrap(), expected);
}

#[track_caller]
fn check_fails<T: std::fmt::Debug>(result: Result<T>, code: &str) {
    assert_eq!(result.unwrap_err().code(), code);
}

/// The bytes of blobs that somebody owns.
fn live_bytes(store: &Store) -> u64 {
    store.backend_stats().live_bytes
}

// Law-test: S3, CreateMultipartUpload.
// Law-test: S3, CompleteMultipartUpload.
#[test]
fn parts_become_an_object_with_all_that_the_upload_asked_for() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "before").unwrap();
    let options = UploadOptions::new()
        .metadata(Metadata::new().with_user("colour", "blue").unwrap())
        .tags(Tags::new().with("a", "b").unwrap())
        .storage_class(StorageClass::StandardIa);
    let upload = bucket.create_upload_with("k", &options).unwrap();
    let second = upload.put_part(2, "world").unwrap();
    let first = upload.put_part(1, "hello ").unwrap();
    check_body(&bucket, "k", "before");
    assert_eq!(bucket.list("").count(), 1);

    let receipt = upload.complete(&list(&[first, second])).unwrap();
    check_body(&bucket, "k", "hello world");
    let info = bucket.head("k").unwrap();
    assert_eq!(receipt.version, None);
    assert_eq!((receipt.size, receipt.etag), (11, info.etag()));
    assert_eq!(receipt.checksum, Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, b"hello world"));
    assert_eq!(info.checksum(), receipt.checksum);
    assert_eq!(info.parts_count(), Some(2));
    assert_eq!(info.metadata().user("colour"), Some("blue"));
    assert_eq!(info.tags().value("a"), Some("b"));
    assert_eq!(info.storage_class(), StorageClass::StandardIa);
    let part = bucket.get_with("k", &GetOptions::new().part_number(2)).unwrap();
    assert_eq!((part.content_range(), &part.text().unwrap()[..]), (6..11, "world"));
    assert_eq!(&bucket.get_range("k", 4..8).unwrap()[..], b"o wo");
}

// Law-test: W69
#[test]
fn the_tags_and_checksums_of_two_parts() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("test").unwrap();
    let full = ChecksumType::FullObject;
    for (algorithm, kind, expected) in [
        (ChecksumAlgorithm::Crc32, None, "dYPmEQ==-2"),
        (ChecksumAlgorithm::Crc32, Some(full), "rBxv8Q=="),
        (ChecksumAlgorithm::Sha256, None, "tfmzeY9XeH2OXmxrtS4iDWlNIKUTAFv0/csHs2lsoD8=-2"),
    ] {
        let mut options = UploadOptions::new().checksum_algorithm(algorithm);
        if let Some(kind) = kind {
            options = options.checksum_type(kind);
        }
        let upload = bucket.create_upload_with("k", &options).unwrap();
        let first = upload.put_part(1, vec![b'a'; 5 * MIB]).unwrap();
        let second = upload.put_part(2, "b").unwrap();
        assert_eq!(first.etag.to_string(), "79b281060d337b9b2b84ccf390adcf74");
        assert_eq!(second.etag.to_string(), "92eb5ffee6ae2fec3ad71c777531578f");
        assert_eq!(second.checksum, Checksum::of_bytes(algorithm, b"b"));
        let parts = list(&[first, second]);

        let wrong = Checksum::parse(algorithm, if kind.is_some() { "AAAAAA==" } else { expected });
        if let (Ok(wrong), Some(_)) = (wrong, kind) {
            let wrong = CompleteOptions::new().checksum(wrong);
            check_fails(upload.complete_with(&parts, &wrong), "BadDigest");
        }
        let announced = Checksum::parse(algorithm, expected).unwrap();
        let options = CompleteOptions::new().checksum(announced);
        let receipt = upload.complete_with(&parts, &options).unwrap();
        assert_eq!(receipt.etag.to_string(), "e5a8c5272b26fc10581a21089559b006-2");
        assert_eq!(receipt.checksum.to_string(), expected);
        let info = bucket.head("k").unwrap();
        assert_eq!(info.checksum(), announced);
        let mut whole = vec![b'a'; 5 * MIB];
        whole.push(b'b');
        assert_eq!(info.crc64(), cistern_storage_core::checksum::crc64_nvme(&whole));
        assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), whole);
    }
}

// Law-test: W70
#[test]
fn one_part_makes_a_multipart_object() {
    let bucket = bucket(Versioning::Unversioned);
    let receipt = complete(&bucket, "k", &["abc"]);
    assert_eq!(receipt.etag.to_string(), "af5da9f45af7a300e3aded972f8ff687-1");
    assert_eq!(bucket.head("k").unwrap().parts_count(), Some(1));
    check_body(&bucket, "k", "abc");
}

#[test]
fn one_part_may_be_empty() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let receipt = complete(&bucket, "k", &[""]);
    assert_eq!(receipt.size, 0);
    assert_eq!(receipt.etag, ETag::of_parts([ETag::of_bytes(b"").digest()]));
    check_body(&bucket, "k", "");
    let part = bucket.get_with("k", &GetOptions::new().part_number(1)).unwrap();
    assert_eq!(part.content_len(), 0);
    assert_eq!(live_bytes(&store), 0);
}

// Law-test: W73
#[test]
fn a_completion_that_fails_leaves_the_upload_alive() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let small = upload.put_part(1, vec![0; 4 * MIB]).unwrap();
    let last = upload.put_part(2, "x").unwrap();
    let parts = list(&[small, last]);
    let absent = CompletedPart::new(3, last.etag);
    let alive = || assert_eq!(upload.parts().count(), 2);

    let error = upload.complete(&parts).unwrap_err();
    let Error::EntityTooSmall { proposed, min, part_number, etag } = error else {
        panic!("{error}");
    };
    assert_eq!((proposed, min), (4 << 20, 5 << 20));
    assert_eq!((part_number, etag), (1, small.etag));
    alive();
    check_fails(upload.complete(&list(&[last, small])), "InvalidPartOrder");
    alive();
    check_fails(upload.complete(&list(&[small, small])), "InvalidPartOrder");
    check_fails(upload.complete(&[parts[1], absent]), "InvalidPart");
    alive();
    check_fails(upload.complete(&[CompletedPart::new(2, small.etag)]), "InvalidPart");
    let sum = Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, b"y");
    check_fails(upload.complete(&[parts[1].checksum(sum)]), "InvalidPart");
    check_fails(upload.complete(&[CompletedPart::new(70_000, last.etag)]), "InvalidPart");
    check_fails(upload.complete(&[]), "MalformedXML");
    alive();
    // An order that is wrong is told before a part that is missing, and that before a small one.
    check_fails(upload.complete(&[absent, parts[0]]), "InvalidPartOrder");
    check_fails(upload.complete(&[parts[0], absent]), "InvalidPart");
    let options = CompleteOptions::new().object_size(5);
    check_fails(upload.complete_with(&parts[1..], &options), "InvalidRequest");
    let options = CompleteOptions::new().checksum(sum);
    check_fails(upload.complete_with(&parts[1..], &options), "BadDigest");
    let sum = Checksum::of_bytes(ChecksumAlgorithm::Sha1, b"x");
    let options = CompleteOptions::new().checksum(sum);
    check_fails(upload.complete_with(&parts[1..], &options), "InvalidRequest");
    let options = CompleteOptions::new().if_match(last.etag);
    check_fails(upload.complete_with(&parts[1..], &options), "NoSuchKey");
    alive();
    check_fails(bucket.head("k"), "NoSuchKey");

    let options = CompleteOptions::new().object_size(1).if_absent();
    upload.complete_with(&parts[1..], &options).unwrap();
    check_body(&bucket, "k", "x");
}

// Law-test: W74
// Law-test: S3, CompleteMultipartUpload, repeated.
#[test]
fn the_same_completion_again_answers_the_same() {
    let store = store();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let bucket = store.create_bucket_with("test", options).unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let parts = put_parts(&upload, &["12345", "6"]);
    let options = CompleteOptions::new().if_absent();
    let receipt = upload.complete_with(&parts, &options).unwrap();
    let again = bucket.upload("k", upload.id()).unwrap();
    assert_eq!(again.complete_with(&parts, &options).unwrap(), receipt);
    assert_eq!(bucket.list_versions("").count(), 1);

    check_fails(upload.complete(&parts[..1]), "NoSuchUpload");
    check_fails(bucket.upload("other", upload.id()).unwrap().complete(&parts), "NoSuchUpload");
    bucket.delete_version("k", receipt.version.unwrap()).unwrap();
    assert_eq!(upload.complete(&parts).unwrap(), receipt);
    assert_eq!(bucket.list_versions("").count(), 0);
    check_fails(upload.abort(), "NoSuchUpload");
}

#[test]
fn an_answer_is_kept_for_a_day() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000)));
    let builder = Store::builder(Arc::new(MemoryBackend::new())).clock(clock.clone());
    let store = builder.build().unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let parts = put_parts(&upload, &["x"]);
    let receipt = upload.complete(&parts).unwrap();
    clock.advance(Duration::from_hours(24));
    complete(&bucket, "other", &["y"]);
    assert_eq!(upload.complete(&parts).unwrap(), receipt);
    clock.advance(Duration::from_millis(1));
    complete(&bucket, "other", &["y"]);
    check_fails(upload.complete(&parts), "NoSuchUpload");
}

// Law-test: W48
#[test]
fn the_upload_that_began_last_is_current() {
    let bucket = bucket(Versioning::Enabled);
    let first = bucket.create_upload("k").unwrap();
    let second = bucket.create_upload("k").unwrap();
    let of_second = put_parts(&second, &["second"]);
    let of_first = put_parts(&first, &["first"]);
    let newer = second.complete(&of_second).unwrap().version;
    let older = first.complete(&of_first).unwrap().version;
    check_body(&bucket, "k", "second");
    let stack: Vec<_> = bucket.list_versions("").map(|it| Some(it.unwrap().version())).collect();
    assert_eq!(stack, [newer, older]);
    let old = bucket.get_with("k", &GetOptions::new().version(older.unwrap())).unwrap();
    assert_eq!(old.text().unwrap(), "first");
    let stats = bucket.stats().unwrap().total();
    assert_eq!((stats.objects, stats.noncurrent, stats.noncurrent_bytes), (1, 1, 5));
    bucket.delete_version("k", newer.unwrap()).unwrap();
    check_body(&bucket, "k", "first");
}

#[test]
fn in_a_bucket_without_versions_the_last_completion_stays() {
    for versioning in [Versioning::Unversioned, Versioning::Suspended] {
        let store = store();
        let options = BucketOptions::new().versioning(versioning);
        let bucket = store.create_bucket_with("test", options).unwrap();
        let upload = bucket.create_upload("k").unwrap();
        let parts = put_parts(&upload, &["upload"]);
        bucket.put("k", vec![0; 10_000]).unwrap();
        assert_eq!(upload.complete(&parts).unwrap().version, None);
        check_body(&bucket, "k", "upload");
        assert_eq!(bucket.list_versions("").count(), 1);
        assert_eq!(live_bytes(&store), 6);
    }
}

// Law-test: W49
#[test]
fn an_object_is_as_old_as_its_upload() {
    let at = |text| Timestamp::parse_iso8601(text).unwrap();
    let began = at("2026-05-01T10:00:00Z");
    let clock = Arc::new(ManualClock::new(began));
    let builder = Store::builder(Arc::new(MemoryBackend::new())).clock(clock.clone());
    let bucket = builder.build().unwrap().create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    clock.set(at("2026-05-04T09:00:00Z"));
    let part = upload.put_part(1, "x").unwrap();
    assert_eq!(part.last_modified, clock.now());
    let receipt = upload.complete(&list(&[part])).unwrap();
    assert_eq!(receipt.last_modified, began);
    assert_eq!(bucket.head("k").unwrap().last_modified(), began);
}

// Law-test: S3, conditional completion of uploads.
#[test]
fn a_condition_notices_what_happened_since_the_upload_began() {
    type Change = fn(&Bucket);
    let check = |versioning, before: Change, since: Change, condition, expected: Option<&str>| {
        let bucket = bucket(versioning);
        before(&bucket);
        let upload = bucket.create_upload("k").unwrap();
        let parts = put_parts(&upload, &["new"]);
        since(&bucket);
        let options = CompleteOptions::new().condition(condition);
        let outcome = upload.complete_with(&parts, &options);
        assert_eq!(outcome.as_ref().err().map(Error::code), expected, "{condition:?}");
        if expected.is_some() {
            assert_eq!(upload.parts().count(), 1);
        }
    };
    let nothing: Change = |_| ();
    let put: Change = |bucket| {
        bucket.put("k", "old").unwrap();
    };
    let put_other: Change = |bucket| {
        bucket.put("k", "other").unwrap();
    };
    let delete: Change = |bucket| {
        bucket.delete("k").unwrap();
    };
    let put_and_delete: Change = |bucket| {
        bucket.put("k", "x").unwrap();
        bucket.delete("k").unwrap();
    };
    let absent = WriteCondition::IfAbsent;
    let old = WriteCondition::IfMatch(ETag::of_bytes(b"old"));
    let other = WriteCondition::IfMatch(ETag::of_bytes(b"other"));
    for versioning in [Versioning::Unversioned, Versioning::Enabled, Versioning::Suspended] {
        check(versioning, nothing, nothing, absent, None);
        check(versioning, put, nothing, old, None);
        check(versioning, nothing, put, absent, Some("PreconditionFailed"));
        check(versioning, put, delete, absent, Some("ConditionalRequestConflict"));
        check(versioning, put, delete, old, Some("NoSuchKey"));
        check(versioning, put, put_other, old, Some("PreconditionFailed"));
        check(versioning, put, put_other, other, Some("ConditionalRequestConflict"));
        // The same bytes, but not the same object.
        check(versioning, put, put, old, Some("ConditionalRequestConflict"));
        check(versioning, put_and_delete, nothing, absent, None);
        check(versioning, put, put_other, WriteCondition::None, None);
    }
    let (versions, conflict) = (Versioning::Enabled, Some("ConditionalRequestConflict"));
    check(versions, nothing, put_and_delete, absent, conflict);
    check(versions, put_and_delete, delete, absent, conflict);
}

// Law-test: S3, UploadPart.
#[test]
fn a_part_uploaded_again_replaces_the_first() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let first = upload.put_part(1, vec![1; 10_000]).unwrap();
    let second = upload.put_part(1, vec![2; 20_000]).unwrap();
    upload.put_part(9, vec![3; 5_000]).unwrap();
    assert_eq!(live_bytes(&store), 25_000);
    let stats = bucket.stats().unwrap().total();
    assert_eq!((stats.uploads, stats.upload_bytes), (1, 25_000));
    check_fails(upload.complete(&list(&[first])), "InvalidPart");
    upload.complete(&list(&[second])).unwrap();
    // Part 9 was not listed.
    assert_eq!(live_bytes(&store), 20_000);
    let stats = bucket.stats().unwrap().total();
    assert_eq!((stats.uploads, stats.upload_bytes, stats.object_bytes), (0, 0, 20_000));
    bucket.delete("k").unwrap();
    assert_eq!(live_bytes(&store), 0);
    assert_eq!(bucket.stats().unwrap().total(), cistern_storage_core::ClassStats::default());
}

// Law-test: S3, multipart upload limits.
#[test]
fn the_limits_of_parts() {
    let mut settings = small_parts(EtagMode::Md5);
    settings.limits.part_bytes_max = 10;
    settings.limits.object_bytes_max = 15;
    let builder = Store::builder(Arc::new(MemoryBackend::new())).settings(settings);
    let store = builder.build().unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    for number in [0, 10_001, 65_537] {
        check_fails(upload.put_part(number, "x"), "InvalidArgument");
    }
    check_fails(upload.put_part(1, "12345678901"), "EntityTooLarge");
    bucket.put("long", "12345678901").unwrap();
    check_fails(upload.copy_part(1, &source(&bucket, "long")), "InvalidRequest");
    let parts = put_parts(&upload, &["12345678", "12345678"]);
    check_fails(upload.complete(&parts), "EntityTooLarge");
    let last = upload.put_part(10_000, "1234567").unwrap();
    upload.complete(&[parts[0], last.into()]).unwrap();
    check_body(&bucket, "k", "123456781234567");
}

// Law-test: S3, AbortMultipartUpload.
#[test]
fn an_aborted_upload_is_gone_with_its_parts() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let parts: Vec<_> = (1..=20).map(|n| upload.put_part(n, vec![7; 100]).unwrap()).collect();
    let other = bucket.create_upload("k").unwrap();
    other.put_part(1, vec![7; 50]).unwrap();
    upload.abort().unwrap();
    assert_eq!(live_bytes(&store), 50);
    check_fails(upload.abort(), "NoSuchUpload");
    check_fails(upload.put_part(1, "late"), "NoSuchUpload");
    check_fails(upload.complete(&list(&parts)), "NoSuchUpload");
    check_fails(upload.parts_page(&ListPartsOptions::new()), "NoSuchUpload");
    let stats = bucket.stats().unwrap().total();
    assert_eq!((stats.uploads, stats.upload_bytes), (1, 50));
    store.delete_bucket("test").unwrap();
    assert_eq!(live_bytes(&store), 0);
}

/// A body that calls `then` before its last byte is read.
struct Late<F: FnMut()>(usize, F);

impl<F: FnMut()> std::io::Read for Late<F> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            (self.1)();
        }
        let count = out.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }
}

#[test]
fn a_part_that_comes_too_late_leaves_nothing() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let aborting = upload.clone();
    let body = Late(10_000, move || drop(aborting.abort()));
    let late = cistern_storage_core::Body::reader(body);
    check_fails(upload.put_part(1, late), "NoSuchUpload");
    assert_eq!(live_bytes(&store), 0);
    assert_eq!(bucket.list_uploads("").count(), 0);
}

#[test]
fn an_unknown_name_is_of_no_upload() {
    let bucket = bucket(Versioning::Unversioned);
    let upload = bucket.create_upload("k").unwrap();
    let part = upload.put_part(1, "x").unwrap();
    let other = bucket.upload("other", upload.id()).unwrap();
    let mut text = upload.id().to_string();
    text.replace_range(0..1, if text.starts_with('0') { "1" } else { "0" });
    let names = ["", "null", "nonsense", &text];
    let unknown = names.map(|name| bucket.upload("k", &UploadId::from(name)).unwrap());
    for wrong in unknown.iter().chain([&other]) {
        check_fails(wrong.put_part(1, "x"), "NoSuchUpload");
        check_fails(wrong.copy_part(1, &source(&bucket, "k")), "NoSuchUpload");
        check_fails(wrong.complete(&list(&[part])), "NoSuchUpload");
        check_fails(wrong.abort(), "NoSuchUpload");
        check_fails(wrong.parts_page(&ListPartsOptions::new()), "NoSuchUpload");
    }
    bucket.upload("k", &upload.id().to_string().into()).unwrap().complete(&list(&[part])).unwrap();
}

// Law-test: S3, checksum types of multipart uploads.
#[test]
fn a_composite_checksum_needs_every_part() {
    let bucket = bucket(Versioning::Unversioned);
    let options = UploadOptions::new().checksum_algorithm(ChecksumAlgorithm::Sha1);
    let upload = bucket.create_upload_with("k", &options).unwrap();
    let crc = Checksum::of_bytes(ChecksumAlgorithm::Crc32, b"12345");
    let options = PartOptions::new().checksum(crc);
    check_fails(upload.put_part_with(1, "12345", &options), "InvalidRequest");
    let sha = Checksum::of_bytes(ChecksumAlgorithm::Sha1, b"12345");
    let options = PartOptions::new().checksum(sha);
    check_fails(upload.put_part_with(1, "1234x", &options), "BadDigest");
    let first = upload.put_part_with(1, "12345", &options).unwrap();
    let third = upload.put_part(3, "z").unwrap();
    check_fails(upload.complete(&list(&[first, third])), "InvalidRequest");
    check_fails(upload.complete(&list(&[third])), "InvalidRequest");
    let second = upload.put_part(2, "67890").unwrap();
    let receipt = upload.complete(&list(&[first, second, third])).unwrap();
    assert_eq!(receipt.checksum.parts(), Some(3));

    let plain = bucket.create_upload("k").unwrap();
    let parts = [1, 5, 14].map(|n| plain.put_part(n, "12345").unwrap());
    plain.complete(&list(&parts)).unwrap();
    check_body(&bucket, "k", "123451234512345");
    let wrong = UploadOptions::new().checksum_type(ChecksumType::Composite);
    check_fails(bucket.create_upload_with("k", &wrong), "InvalidRequest");
    let wrong = wrong.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    check_fails(bucket.create_upload_with("k", &wrong), "InvalidRequest");
}

#[test]
fn a_lock_needs_a_bucket_with_object_lock() {
    let bucket = bucket(Versioning::Enabled);
    let held = UploadOptions::new().legal_hold(cistern_storage_core::LegalHold::On);
    check_fails(bucket.create_upload_with("k", &held), "InvalidRequest");
    let store = store();
    let lock = cistern_storage_core::ObjectLockConfig::new();
    let locked =
        store.create_bucket_with("locked", BucketOptions::new().object_lock(lock)).unwrap();
    let upload = locked.create_upload_with("k", &held).unwrap();
    let parts = put_parts(&upload, &["x"]);
    let version = upload.complete(&parts).unwrap().version.unwrap();
    check_fails(locked.delete_version("k", version), "AccessDenied");
}

// Law-test: S3, ListParts.
#[test]
fn parts_are_listed_by_number() {
    let bucket = bucket(Versioning::Unversioned);
    let upload = bucket.create_upload("k").unwrap();
    for number in [300, 2, 10_000, 7] {
        upload.put_part(number, "x").unwrap();
    }
    let numbers: Vec<_> = upload.parts().map(|part| part.unwrap().number).collect();
    assert_eq!(numbers, [2, 7, 300, 10_000]);
    let options = ListPartsOptions::new().part_number_marker(2).max_parts(2);
    let page = upload.parts_page(&options).unwrap();
    assert_eq!(page.parts.iter().map(|part| part.number).collect::<Vec<_>>(), [7, 300]);
    assert_eq!((page.is_truncated, page.next_part_number_marker), (true, Some(300)));
    assert_eq!((page.parts[0].size, page.parts[0].etag), (1, ETag::of_bytes(b"x")));
    let page = upload.parts_page(&options.part_number_marker(300)).unwrap();
    assert_eq!((page.is_truncated, page.next_part_number_marker), (false, None));
    assert_eq!(page.parts.len(), 1);
    for (marker, max) in [(10_000, 5), (70_000, 5), (u32::MAX, 5), (0, 0)] {
        let options = ListPartsOptions::new().part_number_marker(marker).max_parts(max);
        let page = upload.parts_page(&options).unwrap();
        assert!(page.parts.is_empty() && !page.is_truncated);
    }
}

// Law-test: S3, ListMultipartUploads.
#[test]
fn uploads_are_listed_by_key_then_by_age() {
    let bucket = bucket(Versioning::Unversioned);
    let keys = ["b", "a/2", "a/1", "b", "c/1", "d", "b"];
    let uploads: Vec<_> = keys.map(|key| bucket.create_upload(key).unwrap()).into();
    let id = |at: usize| uploads[at].id().clone();
    let all: Vec<_> = bucket.list_uploads("").map(|upload| upload.unwrap().id).collect();
    assert_eq!(all, [id(2), id(1), id(0), id(3), id(6), id(4), id(5)]);
    assert_eq!(bucket.list_uploads("a/").count(), 2);

    let options = ListUploadsOptions::new().delimiter("/").max_uploads(2);
    let page = bucket.list_uploads_page(&options).unwrap();
    assert_eq!((&page.common_prefixes[..], page.uploads.len()), (&["a/".to_owned()][..], 1));
    assert_eq!(
        (page.next_key_marker.as_deref(), page.next_upload_id_marker),
        (Some("b"), Some(id(0)))
    );
    // The marker is gone when the next page is asked for.
    uploads[0].abort().unwrap();
    let next = options.clone().key_marker("b").upload_id_marker(id(0)).max_uploads(3);
    let page = bucket.list_uploads_page(&next).unwrap();
    let ids: Vec<_> = page.uploads.iter().map(|upload| upload.id.clone()).collect();
    assert_eq!((ids, &page.common_prefixes[..]), (vec![id(3), id(6)], &["c/".to_owned()][..]));
    assert_eq!((page.next_key_marker.as_deref(), page.next_upload_id_marker), (Some("c/"), None));
    let page = bucket.list_uploads_page(&options.clone().key_marker("c/")).unwrap();
    assert_eq!((page.uploads[0].id.clone(), page.is_truncated), (id(5), false));
    let page = bucket.list_uploads_page(&options.clone().key_marker("a/1")).unwrap();
    assert!(page.common_prefixes.is_empty());

    let wrong = ListUploadsOptions::new().key_marker("b");
    for marker in [id(1), "nonsense".into()] {
        check_fails(
            bucket.list_uploads_page(&wrong.clone().upload_id_marker(marker)),
            "InvalidArgument",
        );
    }
    let page = bucket.list_uploads_page(&wrong).unwrap();
    assert_eq!(page.uploads.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["c/1", "d"]);
    let ignored = ListUploadsOptions::new().upload_id_marker(id(1));
    assert_eq!(bucket.list_uploads_page(&ignored).unwrap().uploads.len(), 6);
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn tell(&self, event: &Event) {
        self.0.lock().push(event.clone());
    }
}

#[test]
fn a_completion_is_told_once() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let heard = Arc::new(Heard::default());
    let _subscription = store.subscribe(EventFilter::new(), heard.clone());
    let upload = bucket.create_upload("k").unwrap();
    let parts = put_parts(&upload, &["x"]);
    bucket.create_upload("k").unwrap().abort().unwrap();
    upload.complete(&parts).unwrap();
    upload.complete(&parts).unwrap();
    let events = heard.0.lock();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name, EventName::ObjectCreatedCompleteMultipartUpload);
    assert_eq!((events[0].size, events[0].key.as_str()), (Some(1), "k"));
}

// Law-test: S3, UploadPartCopy.
#[test]
fn a_copied_part_shares_its_bytes() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    bucket.put("large", body.clone()).unwrap();
    bucket.put("small", "0123456789").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let before = live_bytes(&store);
    let whole = upload.copy_part(1, &source(&bucket, "large")).unwrap();
    assert_eq!((whole.size, whole.etag), (400_000, bucket.head("large").unwrap().etag()));
    let range = CopyPartOptions::new().range(100_001..=300_000);
    let part = upload.copy_part_with(2, &source(&bucket, "large"), &range).unwrap();
    assert_eq!(part.etag, ETag::of_bytes(&body[100_001..=300_000]));
    assert_eq!(
        part.checksum,
        Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, &body[100_001..=300_000])
    );
    // Again, over itself: it has one owner more and one less.
    upload.copy_part_with(2, &source(&bucket, "large"), &range).unwrap();
    assert_eq!(live_bytes(&store), before);
    let small = upload
        .copy_part_with(3, &source(&bucket, "small"), &CopyPartOptions::new().range(2..4))
        .unwrap();
    assert_eq!(small.etag, ETag::of_bytes(b"23"));
    bucket.delete("large").unwrap();
    bucket.delete("small").unwrap();
    upload.complete(&list(&[whole, part, small])).unwrap();
    let mut expected = body.clone();
    expected.extend_from_slice(&body[100_001..=300_000]);
    expected.extend_from_slice(b"23");
    let object = bucket.get("k").unwrap();
    assert_eq!(object.bytes().unwrap(), expected);
    assert_eq!(object.crc64(), cistern_storage_core::checksum::crc64_nvme(&expected));

    // A part of a multipart object, across its parts.
    let upload = bucket.create_upload("again").unwrap();
    let range = CopyPartOptions::new().range(399_990..600_001);
    let part = upload.copy_part_with(1, &source(&bucket, "k"), &range).unwrap();
    upload.complete(&list(&[part])).unwrap();
    bucket.delete("k").unwrap();
    let copied = bucket.get("again").unwrap().bytes().unwrap();
    assert_eq!(copied, expected[399_990..600_001]);
    bucket.delete("again").unwrap();
    assert_eq!(live_bytes(&store), 0);
}

// Law-test: S3, UploadPartCopy range.
// Law-test: S3, UploadPartCopy, source.
#[test]
fn the_source_of_a_copied_part_is_checked() {
    let store = store();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let sources = store.create_bucket_with("sources", options).unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let old = sources.put("s", "0123456789").unwrap();
    let etag = sources.put("s", "abcdefghij").unwrap().etag;
    let marker = {
        sources.put("gone", "x").unwrap();
        sources.delete("gone").unwrap().version.unwrap()
    };
    let upload = bucket.create_upload("k").unwrap();
    let copy = |source: CopySource| upload.copy_part(1, &source);
    let s = || source(&sources, "s");
    let gone = source(&sources, "gone");
    check_fails(copy(source(&sources, "absent")), "NoSuchKey");
    check_fails(copy(gone.clone()), "NoSuchKey");
    check_fails(copy(gone.version(marker)), "InvalidRequest");
    check_fails(copy(s().version(marker)), "NoSuchVersion");
    let plain = CopyPartOptions::new;
    for (options, code) in [
        (plain().range(0..11), "InvalidArgument"),
        (plain().range(10..11), "InvalidRequest"),
        (plain().range(5..), "InvalidArgument"),
    ] {
        check_fails(upload.copy_part_with(1, &s(), &options), code);
    }
    for failing in [
        ReadConditions::new().if_match(old.etag),
        ReadConditions::new().if_none_match(etag),
        ReadConditions::new().if_modified_since(store.clock().now()),
    ] {
        check_fails(copy(s().conditions(failing)), "PreconditionFailed");
    }
    check_fails(upload.copy_part(0, &s()), "InvalidArgument");
    let source = s().version(old.version.unwrap());
    let source = source.conditions(ReadConditions::new().if_match(old.etag));
    let part = upload.copy_part_with(1, &source, &plain().range(0..3)).unwrap();
    upload.complete(&list(&[part])).unwrap();
    check_body(&bucket, "k", "012");
}

#[test]
fn a_part_can_be_copied_from_another_store() {
    let other = store().create_bucket("other").unwrap();
    let bucket = bucket(Versioning::Unversioned);
    let body = vec![5; 2 * MIB];
    other.put("s", body.clone()).unwrap();
    let options = UploadOptions::new().checksum_algorithm(ChecksumAlgorithm::Crc32c);
    let upload = bucket.create_upload_with("k", &options).unwrap();
    let part = upload.copy_part(1, &source(&other, "s")).unwrap();
    assert_eq!(part.checksum, Checksum::of_bytes(ChecksumAlgorithm::Crc32c, &body));
    upload.complete(&list(&[part])).unwrap();
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), body);
}

#[test]
fn a_copied_part_gets_the_checksum_of_its_upload() {
    let bucket = bucket(Versioning::Unversioned);
    let body = vec![9; 100_000];
    let sha = ChecksumAlgorithm::Sha256;
    bucket.put("plain", body.clone()).unwrap();
    bucket.put_with("sha", body.clone(), &PutOptions::new().checksum_algorithm(sha)).unwrap();
    let options = UploadOptions::new().checksum_algorithm(sha);
    let upload = bucket.create_upload_with("k", &options).unwrap();
    for (number, key) in [(1, "plain"), (2, "sha")] {
        let part = upload.copy_part(number, &source(&bucket, key)).unwrap();
        assert_eq!(part.checksum, Checksum::of_bytes(sha, &body));
        assert_eq!(part.etag, ETag::of_bytes(&body));
    }
}

#[test]
fn a_source_of_many_pieces_is_written_anew() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let bodies: Vec<String> = (0..40).map(|n| format!("part {n:02};")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    complete(&bucket, "s", &bodies);
    let before = live_bytes(&store);
    let upload = bucket.create_upload("k").unwrap();
    let shared = upload
        .copy_part_with(1, &source(&bucket, "s"), &CopyPartOptions::new().range(0..=127))
        .unwrap();
    assert_eq!(live_bytes(&store), before);
    let written = upload.copy_part(2, &source(&bucket, "s")).unwrap();
    assert_eq!(live_bytes(&store), before + 320);
    upload.complete(&list(&[shared, written])).unwrap();
    let all = bodies.concat();
    check_body(&bucket, "k", &format!("{}{all}", &all[..128]));
}

#[test]
fn a_thousand_parts_of_one_source_make_a_large_object() {
    let settings = small_parts(EtagMode::Opaque);
    let builder = Store::builder(Arc::new(MemoryBackend::new())).settings(settings);
    let store = builder.build().unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let body: Vec<u8> = (0..=250).cycle().take(6 * MIB).collect();
    bucket.put("s", body.clone()).unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let copy = |n| upload.copy_part(n, &source(&bucket, "s")).unwrap();
    let parts: Vec<_> = (1..=1000).map(copy).collect();
    assert_eq!(upload.parts().count(), 1000);
    upload.complete(&list(&parts)).unwrap();
    let info = bucket.head("k").unwrap();
    assert_eq!((info.size(), info.parts_count()), (6000 << 20, Some(1000)));
    let end = info.size();
    assert_eq!(&bucket.get_range("k", end - 10..end).unwrap()[..], &body[body.len() - 10..]);
    let seam = 6 * MIB as u64 * 500;
    let across = bucket.get_range("k", seam - 3..seam + 3).unwrap();
    assert_eq!(&across[..], [&body[body.len() - 3..], &body[..3]].concat());
    bucket.delete("s").unwrap();
    assert_eq!(live_bytes(&store), 6 << 20);
    bucket.delete("k").unwrap();
    assert_eq!((live_bytes(&store), bucket.stats().unwrap().total().objects), (0, 0));
}

#[test]
fn parts_that_race_with_the_end_of_their_upload_leave_nothing() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    for round in 0..30 {
        let upload = bucket.create_upload("k").unwrap();
        let parts = put_parts(&upload, &["12345", "67890"]);
        std::thread::scope(|scope| {
            for number in 2..6 {
                let upload = &upload;
                scope.spawn(move || while upload.put_part(number, "again").is_ok() {});
            }
            let end = || match round % 2 {
                0 => upload.abort(),
                _ => upload.complete(&parts[..1]).map(drop),
            };
            assert!(end().is_ok());
        });
    }
    bucket.delete("k").unwrap();
    assert_eq!(live_bytes(&store), 0);
    let stats = bucket.stats().unwrap().total();
    assert_eq!((stats.uploads, stats.upload_bytes), (0, 0));
}

#[test]
fn a_completion_in_a_suspended_bucket_replaces_the_null_version_alone() {
    let store = store();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let bucket = store.create_bucket_with("test", options).unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let parts = put_parts(&upload, &["upload"]);
    let stamped = bucket.put("k", "stamped").unwrap().version.unwrap();
    bucket.set_versioning(Versioning::Suspended).unwrap();
    bucket.put("k", "null").unwrap();
    upload.complete(&parts).unwrap();
    check_body(&bucket, "k", "upload");
    let stack: Vec<_> = bucket.list_versions("").map(|it| it.unwrap().version()).collect();
    assert_eq!(stack, [VersionId::Null, stamped]);
}

#[test]
fn a_part_copied_while_its_source_is_overwritten_is_of_one_version() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let bodies = [vec![1; 9_000], vec![2; 9_000]];
    bucket.put("s", bodies[0].clone()).unwrap();
    let upload = bucket.create_upload("k").unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..300 {
                bucket.put("s", bodies[round % 2].clone()).unwrap();
            }
        });
        while !writer.is_finished() {
            let options = CopyPartOptions::new().range(10..8_000);
            let part = upload.copy_part_with(1, &source(&bucket, "s"), &options).unwrap();
            let tags = bodies.each_ref().map(|body| ETag::of_bytes(&body[10..8_000]));
            assert!(tags.contains(&part.etag));
        }
    });
    let parts: Vec<CompletedPart> = upload.parts().map(|part| part.unwrap().into()).collect();
    upload.complete(&parts).unwrap();
    bucket.delete("s").unwrap();
    let bytes = bucket.get("k").unwrap().bytes().unwrap();
    assert!(bodies.iter().any(|body| bytes == body[10..8_000]));
    bucket.delete("k").unwrap();
    assert_eq!(live_bytes(&store), 0);
}

/// Seals with one byte, and binds as strictly as a real one.
#[derive(Debug)]
struct ToySealer;

#[derive(Debug)]
struct Toy(u8);

impl Sealer for ToySealer {
    fn seal(&self, context: &SealContext<'_>) -> Result<Box<dyn Sealing>, SealError> {
        Ok(Box::new(Toy(0x40 | u8::try_from(context.key.len()).unwrap())))
    }

    fn open(
        &self,
        _context: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        _plain_len: u64,
    ) -> Result<Box<dyn Sealed>, SealError> {
        match envelope.split_first() {
            Some((key, bound)) if bound == binding => Ok(Box::new(Toy(*key))),
            _ => Err(SealError::Refused),
        }
    }

    fn rebind(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        from: &[u8; 32],
        to: &[u8; 32],
    ) -> Result<Bytes, SealError> {
        self.open(context, envelope, from, 0)?;
        Ok([&envelope[..1], to].concat().into())
    }
}

impl Sealing for Toy {
    fn update(&mut self, plain: &[u8]) -> Result<Bytes, SealError> {
        Ok(plain.iter().map(|byte| byte ^ self.0).collect())
    }

    fn finish(&mut self) -> Result<Bytes, SealError> {
        Ok(Bytes::new())
    }

    fn envelope(&mut self, binding: &[u8; 32]) -> Result<Bytes, SealError> {
        Ok([&[self.0], &binding[..]].concat().into())
    }
}

impl Sealed for Toy {
    fn sealed_range(&self, range: Range<u64>) -> Range<u64> {
        range
    }

    fn open_range(&self, _range: Range<u64>, sealed: &[u8]) -> Result<Bytes, SealError> {
        Ok(sealed.iter().map(|byte| byte ^ self.0).collect())
    }
}

#[test]
fn sealed_parts_are_bound_to_their_upload_and_then_to_their_object() {
    let backend = Arc::new(MemoryBackend::new());
    let builder = Store::builder(backend.clone()).sealer(Arc::new(ToySealer));
    let store = builder.settings(small_parts(EtagMode::Md5)).build().unwrap();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let bucket = store.create_bucket_with("test", options).unwrap();
    let other = store.create_bucket("other").unwrap();
    let body: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
    bucket.put("s", body.clone()).unwrap();

    let upload = bucket.create_upload("k").unwrap();
    let first = upload.put_part(2, body.clone()).unwrap();
    let second = upload.copy_part(5, &source(&bucket, "s")).unwrap();
    let before = live_bytes(&store);
    let last = upload.put_part(7, "end").unwrap();
    upload.complete(&list(&[first, second, last])).unwrap();
    let all = [&body[..], &body, b"end"].concat();
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), all);
    assert_eq!(live_bytes(&store), before + 3);

    // Across the parts, into another bucket, and on from there.
    let upload = other.create_upload("copy").unwrap();
    let options = CopyPartOptions::new().range(100_000..400_003);
    let first = upload.copy_part_with(1, &source(&bucket, "k"), &options).unwrap();
    let second = upload.copy_part(2, &source(&bucket, "k")).unwrap();
    upload.complete(&list(&[first, second])).unwrap();
    assert_eq!(live_bytes(&store), before + 3);
    assert_eq!(other.get("copy").unwrap().bytes().unwrap(), [&all[100_000..], &all].concat());

    let plain = Store::builder(backend).build().unwrap().bucket("other").unwrap();
    check_fails(plain.get("copy").and_then(|object| object.bytes()), "AccessDenied");
}

#[test]
fn an_upload_goes_on_after_its_store_was_opened_again() {
    let backend = Arc::new(MemoryBackend::new());
    let open = || Store::builder(backend.clone()).build().unwrap();
    let bucket = open().create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let part = upload.put_part(1, "x").unwrap();
    let bucket = open().bucket("test").unwrap();
    let upload = bucket.upload("k", upload.id()).unwrap();
    let receipt = upload.complete(&list(&[part])).unwrap();
    let upload = open().bucket("test").unwrap().upload("k", upload.id()).unwrap();
    assert_eq!(upload.complete(&list(&[part])).unwrap(), receipt);
}
