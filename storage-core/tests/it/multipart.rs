//! Multipart uploads, from their beginning to their end.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

mod copied_parts;
mod lists;
mod meddling;

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

// Law-test: S3, ETag of a multipart upload. Example W69.
// Law-test: S3, composite checksums of multipart uploads.
// Law-test: S3, full object checksums of multipart uploads.
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

// Law-test: S3, ETag of a multipart upload. Example W70.
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

// Law-test: S3, CompleteMultipartUpload, order, parts and sizes. Example W73.
// Law-test: S3, CompleteMultipartUpload, object size and checksum.
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

// Law-test: S3, CompleteMultipartUpload, repeated. Example W74.
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

// Law-test: S3, CompleteMultipartUpload in unversioned, enabled and suspended buckets. Example W48.
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

// Law-test: S3, CompleteMultipartUpload in unversioned, enabled and suspended buckets.
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

// Law-test: S3, CompleteMultipartUpload in unversioned, enabled and suspended buckets. Example W49.
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

// Law-test: S3, multipart upload and pricing.
#[test]
fn parts_that_will_be_archived_count_as_standard_until_then() {
    let bucket = bucket(Versioning::Unversioned);
    for (class, staged) in [
        (StorageClass::StandardIa, StorageClass::StandardIa),
        (StorageClass::DeepArchive, StorageClass::Standard),
    ] {
        let options = UploadOptions::new().storage_class(class);
        let upload = bucket.create_upload_with("k", &options).unwrap();
        let parts = put_parts(&upload, &["12345"]);
        let stats = bucket.stats().unwrap().class(staged);
        assert_eq!((stats.uploads, stats.upload_bytes), (1, 5));
        upload.complete(&parts).unwrap();
        let stats = bucket.stats().unwrap();
        assert_eq!((stats.total().uploads, stats.total().upload_bytes), (0, 0));
        assert_eq!((stats.class(class).objects, stats.class(class).object_bytes), (1, 5));
    }
    let express = UploadOptions::new().storage_class(StorageClass::ExpressOnezone);
    check_fails(bucket.create_upload_with("k", &express), "InvalidStorageClass");
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
