use super::*;
use crate::etag::ETag;
use ChecksumAlgorithm::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use ChecksumType::{Composite, FullObject};
use proptest::prelude::*;

#[track_caller]
fn check(body: &[u8], algorithm: ChecksumAlgorithm, text: &str) {
    let checksum = Checksum::of_bytes(algorithm, body);
    assert_eq!(checksum.to_string(), text);
    assert_eq!(Checksum::parse(algorithm, text).unwrap(), checksum);
    assert_eq!((checksum.kind(), checksum.parts()), (FullObject, None));
}

// Law-test: S3, checksum algorithms.
#[test]
fn digests_of_known_bytes() {
    // W71
    check(b"123456789", Crc32, "y/Q5Jg==");
    check(b"123456789", Crc32c, "4waSgw==");
    check(b"123456789", Crc64Nvme, "rosUhgp5mIg=");
    assert_eq!(crc64_nvme(b"123456789"), 0xae8b_1486_0a79_9888);
    // W72
    check(b"hello world", Crc32, "DUoRhQ==");
    check(b"hello world", Crc32c, "yZRlqg==");
    check(b"hello world", Crc64Nvme, "jSnVw/bqjr4=");
    // The empty body.
    check(b"", Crc32, "AAAAAA==");
    check(b"", Crc64Nvme, "AAAAAAAAAAA=");
    check(b"", Sha1, "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    check(b"", Sha256, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

fn parts(algorithm: ChecksumAlgorithm) -> [(Checksum, u64); 2] {
    let first = vec![b'a'; 5 << 20];
    [(Checksum::of_bytes(algorithm, &first), 5 << 20), (Checksum::of_bytes(algorithm, b"b"), 1)]
}

// Law-test: S3, composite checksums of multipart uploads.
#[test]
fn a_composite_checksum_is_that_of_checksums() {
    // W69
    let composite =
        |algorithm| Checksum::of_parts(algorithm, parts(algorithm).map(|(part, _)| part)).unwrap();
    assert_eq!(composite(Crc32).to_string(), "dYPmEQ==-2");
    assert_eq!(composite(Sha256).to_string(), "tfmzeY9XeH2OXmxrtS4iDWlNIKUTAFv0/csHs2lsoD8=-2");
    assert_eq!((composite(Crc32).kind(), composite(Crc32).parts()), (Composite, Some(2)));
    assert_eq!(Checksum::of_parts(Crc64Nvme, [Checksum::of_bytes(Crc64Nvme, b"x")]), None);
    assert_eq!(Checksum::of_parts(Crc32, []), None);
    assert_eq!(Checksum::of_parts(Crc32, [Checksum::of_bytes(Crc32c, b"x")]), None);
    assert_eq!(Checksum::of_parts(Crc32, [composite(Crc32)]), None);
}

// Law-test: S3, full object checksums of multipart uploads.
#[test]
fn crcs_of_parts_merge_to_that_of_the_whole() {
    // W69
    assert_eq!(Checksum::merged(Crc32, parts(Crc32)).unwrap().to_string(), "rBxv8Q==");
    let mut whole = vec![b'a'; 5 << 20];
    whole.push(b'b');
    assert_eq!(ETag::of_bytes(&whole).to_string(), "ad8356a4d8256639d7a35e4c221289ea");
    for algorithm in [Crc32, Crc32c, Crc64Nvme] {
        let merged = Checksum::merged(algorithm, parts(algorithm)).unwrap();
        assert_eq!(merged, Checksum::of_bytes(algorithm, &whole));
    }
    for algorithm in [Sha1, Sha256] {
        assert_eq!(Checksum::merged(algorithm, parts(algorithm)), None);
    }
    assert_eq!(Checksum::merged(Crc32, parts(Crc32c)), None);
    assert_eq!(Checksum::merged(Crc64Nvme, []).unwrap(), Checksum::of_bytes(Crc64Nvme, b""));
}

// Law-test: S3, checksum types of multipart uploads.
#[test]
fn the_table_of_types() {
    #[track_caller]
    fn check(algorithm: ChecksumAlgorithm, composite: bool, full: bool, default: ChecksumType) {
        assert_eq!(algorithm.allows(Composite), composite);
        assert_eq!(algorithm.allows(FullObject), full);
        assert_eq!(algorithm.upload_type_default(), default);
        let answer = ChecksumAlgorithm::for_upload(Some(algorithm), None).unwrap();
        assert_eq!(answer, (algorithm, default));
        for (kind, allowed) in [(Composite, composite), (FullObject, full)] {
            match ChecksumAlgorithm::for_upload(Some(algorithm), Some(kind)) {
                Ok(answer) => assert!(allowed && answer == (algorithm, kind)),
                Err(error) => assert!(!allowed && error.code() == "InvalidRequest"),
            }
        }
    }
    check(Crc64Nvme, false, true, FullObject);
    check(Crc32, true, true, Composite);
    check(Crc32c, true, true, Composite);
    check(Sha1, true, false, Composite);
    check(Sha256, true, false, Composite);
    let nothing = ChecksumAlgorithm::for_upload(None, None).unwrap();
    assert_eq!(nothing, (Crc64Nvme, FullObject));
    let error = ChecksumAlgorithm::for_upload(None, Some(Composite)).unwrap_err();
    assert_eq!((error.code(), error.status()), ("InvalidRequest", 400));
}

// Law-test: S3, checksum values.
#[test]
fn a_value_that_is_none_is_an_invalid_request_and_a_wrong_one_a_bad_digest() {
    for (algorithm, text) in [
        (Crc32, ""),
        (Crc32, "y/Q5Jg"),
        (Crc32, "y/Q5Jg==="),
        (Crc32, "!!!!!!=="),
        (Crc32, "rosUhgp5mIg="),
        (Crc64Nvme, "y/Q5Jg=="),
        (Crc32, "y/Q5Jg==-0"),
        (Crc32, "y/Q5Jg==-"),
        (Crc32, "y/Q5Jg==-01"),
        (Crc32, "y/Q5Jg==-x"),
        (Crc64Nvme, "rosUhgp5mIg=-2"),
    ] {
        let error = Checksum::parse(algorithm, text).unwrap_err();
        assert_eq!((error.code(), error.status()), ("InvalidRequest", 400), "{text}");
    }
    let announced = Checksum::parse(Crc32, "y/Q5Jg==").unwrap();
    assert!(Checksum::of_bytes(Crc32, b"123456789").check(&announced).is_ok());
    let error = Checksum::of_bytes(Crc32, b"hello world").check(&announced).unwrap_err();
    assert_eq!((error.code(), error.status()), ("BadDigest", 400));
    assert!(error.to_string().contains("DUoRhQ=="), "{error}");
}

// Law-test: S3, Content-MD5.
#[test]
fn a_content_md5_is_the_base64_of_sixteen_bytes() {
    let mut md5 = Md5::new();
    md5.update(b"hello ");
    md5.update(b"world");
    let found = md5.finish();
    assert_eq!(ETag::Md5(found).to_string(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    let announced = Md5::parse("XrY7u+Ae7tCTyyK7j1rNww==").unwrap();
    assert!(Md5::check(&found, &announced).is_ok());
    assert_eq!(Md5::check(&[0; 16], &announced).unwrap_err().code(), "BadDigest");
    for text in ["", "5eb63bbbe01eeed093cb22bb8f5acdc3", "XrY7", "?"] {
        assert_eq!(Md5::parse(text).unwrap_err().code(), "InvalidDigest");
    }
}

#[test]
fn names_and_stored_codes_never_change() {
    assert_eq!(ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::code), [0, 1, 2, 3, 4]);
    for algorithm in ChecksumAlgorithm::ALL {
        assert_eq!(ChecksumAlgorithm::from_code(algorithm.code()), Some(algorithm));
        assert_eq!(algorithm.to_string().parse::<ChecksumAlgorithm>().unwrap(), algorithm);
    }
    for kind in [FullObject, Composite] {
        assert_eq!(kind.to_string().parse::<ChecksumType>().unwrap(), kind);
    }
    assert_eq!("MD4".parse::<ChecksumAlgorithm>().unwrap_err().code(), "InvalidRequest");
    assert_eq!("FULL".parse::<ChecksumType>().unwrap_err().code(), "InvalidRequest");
}

fn any_algorithm() -> impl Strategy<Value = ChecksumAlgorithm> {
    prop::sample::select(ChecksumAlgorithm::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_checksum_reads_back_as_printed(
        algorithm in any_algorithm(),
        digest: [u8; 32],
        parts in prop::option::of(1_u32..),
    ) {
        let digest = &digest[..algorithm.digest_bytes()];
        let checksum = match parts {
            Some(parts) => Checksum::composite(algorithm, digest, parts),
            None => Checksum::full(algorithm, digest),
        };
        if let Some(checksum) = checksum {
            let text = checksum.to_string();
            prop_assert_eq!(Checksum::parse(algorithm, &text).unwrap(), checksum);
            prop_assert_eq!(checksum.digest(), digest);
        } else {
            prop_assert_eq!(algorithm, Crc64Nvme);
        }
    }

    #[test]
    fn pieces_hash_as_the_whole(
        algorithm in any_algorithm(),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5),
    ) {
        let mut hasher = Hasher::new(algorithm);
        for piece in &pieces {
            hasher.update(piece);
        }
        let whole = Checksum::of_bytes(algorithm, &pieces.concat());
        prop_assert_eq!(hasher.finish(), whole);
        let parts = pieces.iter().map(|piece| (Checksum::of_bytes(algorithm, piece), piece.len() as u64));
        if let Some(merged) = Checksum::merged(algorithm, parts) {
            prop_assert_eq!(merged, whole);
        }
    }
}
