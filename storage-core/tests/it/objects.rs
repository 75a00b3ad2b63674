//! Put, get, head: bodies, entity tags, checksums, ranges.

use crate::kit::{World, body_of, bucket, check_stats, dump, pattern, refused};
use bytes::Bytes;
use cistern_storage_core::{
    Body, Bucket, ByteRange, Checksum, ChecksumAlgorithm, ChecksumType, ETag, EtagMode, GetOptions,
    Metadata, PutOptions, Settings, StorageClass, SystemHeader, Versioning,
};
use std::io::{Cursor, Read, Seek, SeekFrom};

#[test]
fn what_was_put_is_got() {
    let bucket = bucket(Versioning::Unversioned);
    for size in [0, 1, 1000, 4096, 4097, 300_000, (1 << 20) - 1, (3 << 20) + 7] {
        let body = pattern(size, 1);
        let receipt = bucket.put("k", body.clone()).unwrap();
        assert_eq!(receipt.version, None);
        let object = bucket.get("k").unwrap();
        assert_eq!(object.bytes().unwrap(), body);
        assert_eq!(object.etag(), receipt.etag);
        assert_eq!(object.last_modified(), receipt.last_modified);
        let chunks: Vec<u8> = object.chunks().flat_map(Result::unwrap).collect();
        assert_eq!(chunks, body);
        check_stats(&bucket);
    }
}

#[test]
fn every_kind_of_body_is_taken() {
    let bucket = bucket(Versioning::Unversioned);
    let big = pattern(700_000, 2);
    let rope: Vec<Bytes> = big.chunks(9999).map(Bytes::copy_from_slice).collect();
    let bodies: Vec<(Body, &[u8])> = vec![
        ("text".into(), b"text"),
        (String::from("text").into(), b"text"),
        (b"text".into(), b"text"),
        (rope.into(), &big),
        (Body::reader(Cursor::new(big.clone())), &big),
        (Body::reader(Cursor::new(big.clone())).with_len(700_000), &big),
        (Body::reader(Cursor::new("small")), b"small"),
        (Body::empty(), b""),
    ];
    for (body, expected) in bodies {
        bucket.put("k", body).unwrap();
        assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), expected);
    }
}

// Law-test: S3, PutObject.
#[test]
fn a_put_that_fails_leaves_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _out: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the network is gone"))
        }
    }
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    bucket.put("k", "old").unwrap();
    for size in [10, 10_000, 2 << 20] {
        let reader = |size| Body::reader(Cursor::new(pattern(size, 1)));
        let short = reader(size).with_len(size as u64 + 1);
        refused(&bucket, "IncompleteBody", || bucket.put("k", short));
        let long = reader(size).with_len(size as u64 - 1);
        refused(&bucket, "IncompleteBody", || bucket.put("k", long));
        let chained = Cursor::new(pattern(size, 1)).chain(Broken);
        refused(&bucket, "IncompleteBody", || bucket.put("k", Body::reader(chained)));
        let wrong = PutOptions::new().content_md5([7; 16]);
        refused(&bucket, "BadDigest", || bucket.put_with("k", pattern(size, 1), &wrong));
    }
    refused(&bucket, "KeyTooLongError", || bucket.put("k".repeat(1025), "x"));
    refused(&bucket, "InvalidArgument", || bucket.put("", "x"));
    assert_eq!(body_of(&bucket, "k", None), "old");
    world.backend.check_no_leak();
    assert_eq!(world.backend.stats_live_bytes(), 0);
}

// Law-test: W72
#[test]
fn the_entity_tag_of_a_put_is_its_md5() {
    let bucket = bucket(Versioning::Unversioned);
    let receipt = bucket.put("k", "hello world").unwrap();
    assert_eq!(receipt.etag.to_string(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    assert_eq!(
        bucket.head("k").unwrap().etag(),
        "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"".parse().unwrap()
    );
    let same = bucket.put("other", "hello world").unwrap();
    assert_eq!(same.etag, receipt.etag, "it tells of content only");
}

#[test]
fn an_opaque_entity_tag_tells_two_writes_apart() {
    let mut settings = Settings::new();
    settings.etag = EtagMode::Opaque;
    let bucket = World::with(settings, None).bucket("test", Versioning::Unversioned);
    let first = bucket.put("k", "same").unwrap().etag;
    let second = bucket.put("k", "same").unwrap().etag;
    assert_ne!(first, second);
    assert!(matches!(second, ETag::Opaque(_)));
    bucket.put_with("k", "more", &PutOptions::new().if_match(second)).unwrap();
}

#[track_caller]
fn check_checksum(body: &'static str, algorithm: ChecksumAlgorithm, expected: &str) {
    let bucket = bucket(Versioning::Unversioned);
    let options = PutOptions::new().checksum_algorithm(algorithm);
    let receipt = bucket.put_with("k", body, &options).unwrap();
    assert_eq!(receipt.checksum.to_string(), expected);
    let info = bucket.head("k").unwrap();
    assert_eq!(info.checksum(), receipt.checksum);
    assert_eq!(info.checksum_type(), ChecksumType::FullObject);

    let announced = Checksum::parse(algorithm, expected).unwrap();
    bucket.put_with("k", body, &PutOptions::new().checksum(announced)).unwrap();
    assert_eq!(bucket.head("k").unwrap().checksum(), announced);
    let options = PutOptions::new().checksum(announced);
    refused(&bucket, "BadDigest", || bucket.put_with("k", "another body", &options));
}

// Law-test: W71
// Law-test: W72
// Law-test: S3, checksum algorithms.
#[test]
fn a_checksum_is_computed_kept_and_checked() {
    use ChecksumAlgorithm::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
    check_checksum("123456789", Crc32, "y/Q5Jg==");
    check_checksum("123456789", Crc32c, "4waSgw==");
    check_checksum("123456789", Crc64Nvme, "rosUhgp5mIg=");
    check_checksum("hello world", Crc32, "DUoRhQ==");
    check_checksum("hello world", Crc32c, "yZRlqg==");
    check_checksum("hello world", Crc64Nvme, "jSnVw/bqjr4=");
    check_checksum("abc", Sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    check_checksum("abc", Sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

// Law-test: S3, checking object integrity: one checksum, of the whole body.
#[test]
fn a_put_names_one_checksum_of_the_whole_body() {
    let bucket = bucket(Versioning::Unversioned);
    let sum = Checksum::of_bytes(ChecksumAlgorithm::Sha256, b"x");
    let two = PutOptions::new().checksum(sum).checksum_algorithm(ChecksumAlgorithm::Crc32);
    refused(&bucket, "InvalidRequest", || bucket.put_with("k", "x", &two));
    let composite = Checksum::composite(ChecksumAlgorithm::Sha256, sum.digest(), 1).unwrap();
    let options = PutOptions::new().checksum(composite);
    refused(&bucket, "InvalidRequest", || bucket.put_with("k", "x", &options));
    let one = PutOptions::new().checksum(sum).checksum_algorithm(ChecksumAlgorithm::Sha256);
    bucket.put_with("k", "x", &one).unwrap();
}

// Law-test: S3, checksum algorithms.
#[test]
fn an_object_without_a_checksum_gets_crc64nvme() {
    let bucket = bucket(Versioning::Unversioned);
    for size in [3, 100_000] {
        let body = pattern(size, 1);
        let expected = Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, &body);
        assert_eq!(bucket.put("k", body).unwrap().checksum, expected);
        assert_eq!(bucket.head("k").unwrap().checksum(), expected);
    }
}

#[track_caller]
fn check_range(bucket: &Bucket, header: &str, expected: Result<&str, &str>) {
    let mut options = GetOptions::new();
    if let Some(range) = ByteRange::parse_header(header) {
        options = options.range(range);
    }
    match (bucket.get_with("k", &options), expected) {
        (Ok(object), Ok(body)) => {
            assert_eq!(object.text().unwrap(), body, "{header}");
            assert_eq!(object.content_len(), body.len() as u64);
            assert_eq!(object.size(), 10);
            let range = object.content_range();
            let mut read = String::new();
            object.into_reader().read_to_string(&mut read).unwrap();
            assert_eq!(read, body);
            assert_eq!(range.end - range.start, body.len() as u64);
        }
        (Err(error), Err(code)) => {
            assert_eq!(error.code(), code, "{header}");
            let head = bucket.head_with("k", &options).unwrap_err();
            assert_eq!(head.code(), code, "a head answers like a get");
        }
        (found, expected) => panic!("{header}: {found:?} instead of {expected:?}"),
    }
}

// Law-test: S3, GetObject Range.
// Law-test: S3, GetObject, Range.
// Law-test: S3, GET Object, Range and partNumber.
#[test]
fn ranges_of_ten_bytes() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "0123456789").unwrap();
    check_range(&bucket, "bytes=0-8", Ok("012345678"));
    check_range(&bucket, "bytes=0-100", Ok("0123456789"));
    check_range(&bucket, "bytes=-2", Ok("89"));
    check_range(&bucket, "bytes=-15", Ok("0123456789"));
    check_range(&bucket, "bytes=5-", Ok("56789"));
    check_range(&bucket, "bytes=9-9", Ok("9"));
    check_range(&bucket, "bytes=10-", Err("InvalidRange"));
    check_range(&bucket, "bytes=10-20", Err("InvalidRange"));
    check_range(&bucket, "bytes=-0", Err("InvalidRange"));
    for ignored in ["bytes=1-0", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "garbage", ""] {
        check_range(&bucket, ignored, Ok("0123456789"));
    }
    let error = bucket.get_range("k", 10..).unwrap_err();
    assert_eq!(error.status(), 416);
    assert_eq!(bucket.get_range("k", 2..4).unwrap(), "23");
}

// Law-test: S3, GET Object, Range and partNumber.
#[test]
fn no_range_of_an_empty_object_can_be_read() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "").unwrap();
    for range in [ByteRange::FromTo(0, 0), ByteRange::From(0), ByteRange::Last(1)] {
        let options = GetOptions::new().range(range);
        assert_eq!(bucket.get_with("k", &options).unwrap_err().code(), "InvalidRange");
    }
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), "");
}

// Law-test: S3, GET Object, Range and partNumber.
#[test]
fn an_object_made_in_one_is_its_only_part() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", "0123456789").unwrap();
    let part = |number| bucket.get_with("k", &GetOptions::new().part_number(number));
    let object = part(1).unwrap();
    assert_eq!((object.text().unwrap().as_str(), object.parts_count()), ("0123456789", None));
    assert_eq!(part(2).unwrap_err().code(), "InvalidPartNumber");
    assert_eq!(part(2).unwrap_err().status(), 416);
    assert_eq!(part(0).unwrap_err().code(), "InvalidArgument");
    assert_eq!(part(10_001).unwrap_err().code(), "InvalidArgument");
    let both = GetOptions::new().part_number(1).range(0..1);
    assert_eq!(bucket.get_with("k", &both).unwrap_err().code(), "InvalidRequest");
}

#[test]
fn ranges_of_a_large_object_and_seeks_in_it() {
    let bucket = bucket(Versioning::Unversioned);
    let body = pattern((2 << 20) + 77, 3);
    bucket.put("k", body.clone()).unwrap();
    for (start, end) in [(0, 1), (1 << 20, (1 << 20) + 1), (1_048_570, 1_048_590), (5, 2_097_200)] {
        let found = bucket.get_range("k", start..end).unwrap();
        let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
        assert_eq!(found, body[start..end]);
    }
    let mut reader = bucket.get("k").unwrap().into_reader();
    for (to, start) in [
        (SeekFrom::Start(100), 100),
        (SeekFrom::Current(-50), 60),
        (SeekFrom::End(-10), body.len() - 10),
        (SeekFrom::Start(0), 0),
    ] {
        assert_eq!(reader.seek(to).unwrap(), start as u64);
        let mut out = [0; 10];
        reader.read_exact(&mut out).unwrap();
        assert_eq!(out, body[start..start + 10]);
    }
    assert!(reader.seek(SeekFrom::End(-(1 << 40))).is_err());
}

#[test]
fn an_open_object_stays_readable() {
    let bucket = bucket(Versioning::Unversioned);
    for size in [10, 100_000] {
        let body = pattern(size, 4);
        bucket.put("k", body.clone()).unwrap();
        let object = bucket.get("k").unwrap();
        bucket.put("k", "overwritten").unwrap();
        bucket.delete("k").unwrap();
        assert_eq!(object.bytes().unwrap(), body);
    }
}

// Law-test: S3, HeadObject.
// Law-test: S3, GetObject.
#[test]
fn a_head_tells_what_was_put() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let metadata = Metadata::new().with_user("Camera", "X100").unwrap();
    let metadata = metadata.with(SystemHeader::CacheControl, "no-store").unwrap();
    let options = PutOptions::new()
        .metadata(metadata.clone())
        .tags([("a", "1")].try_into().unwrap())
        .storage_class(StorageClass::StandardIa);
    bucket.put_with("k", "x", &options).unwrap();
    let info = bucket.head("k").unwrap();
    assert_eq!(info.metadata(), &metadata);
    assert_eq!(info.metadata().content_type(), "binary/octet-stream");
    assert_eq!(info.tags().value("a"), Some("1"));
    assert_eq!(info.storage_class(), StorageClass::StandardIa);
    assert_eq!((info.size(), info.is_latest(), info.version().is_null()), (1, true, true));
    assert_eq!(info.last_modified().to_iso8601(), crate::kit::START);
    assert_eq!(bucket.get("k").unwrap().info(), &info);
    assert_eq!(bucket.head("absent").unwrap_err().code(), "NoSuchKey");
    assert_eq!(bucket.get("absent").unwrap_err().status(), 404);

    bucket.put("k", "y").unwrap();
    let info = bucket.head("k").unwrap();
    assert!(info.metadata().is_empty() && info.tags().is_empty(), "an overwrite begins anew");
    assert_eq!(info.storage_class(), StorageClass::Standard);
}

// Law-test: S3, PutObject storage class.
#[test]
fn a_put_takes_the_classes_of_general_purpose_buckets() {
    let bucket = bucket(Versioning::Enabled);
    for class in StorageClass::ALL {
        let options = PutOptions::new().storage_class(class);
        if class == StorageClass::ExpressOnezone {
            refused(&bucket, "InvalidStorageClass", || bucket.put_with("k", "x", &options));
        } else {
            bucket.put_with("k", "x", &options).unwrap();
            assert_eq!(bucket.head("k").unwrap().storage_class(), class);
        }
        check_stats(&bucket);
    }
}

#[test]
fn an_error_about_text_does_not_hold_the_text() {
    let bucket = bucket(Versioning::Unversioned);
    bucket.put("k", b"secret \xff secret").unwrap();
    let error = bucket.get("k").unwrap().text().unwrap_err();
    assert!(!format!("{error:?}").contains("115, 101, 99"), "{error:?}");
}

#[test]
fn attributes_of_an_object_made_in_one() {
    let bucket = bucket(Versioning::Enabled);
    let receipt = bucket.put("k", "hello world").unwrap();
    let attributes = bucket.attributes("k").unwrap();
    assert_eq!(attributes.parts, None);
    assert_eq!((attributes.info.size(), attributes.info.etag()), (11, receipt.etag));
    bucket.put("k", "newer").unwrap();
    let old = bucket.attributes_page("k", receipt.version, 0, None).unwrap();
    assert_eq!((old.info.size(), old.info.is_latest()), (11, false));
    assert_eq!(bucket.attributes("absent").unwrap_err().code(), "NoSuchKey");
    let marker = bucket.delete("k").unwrap().version;
    assert_eq!(
        bucket.attributes_page("k", marker, 0, None).unwrap_err().code(),
        "MethodNotAllowed"
    );
}

// Law-test: S3, GetObjectAttributes.
#[test]
fn reading_changes_nothing() {
    let bucket = bucket(Versioning::Enabled);
    bucket.put("k", "x").unwrap();
    let before = dump(&bucket);
    bucket.get("k").unwrap().bytes().unwrap();
    bucket.head("k").unwrap();
    bucket.attributes("k").unwrap();
    bucket.object_tags("k", None).unwrap();
    assert_eq!(dump(&bucket), before);
}
