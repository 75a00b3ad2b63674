use super::*;
use std::error::Error as _;

fn bucket() -> BucketName {
    BucketName::try_from("photos").unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::try_from("cat.jpg").unwrap()
}

#[test]
fn a_result_stays_small_enough_to_return() {
    assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
}

// Law-test: S3, error responses.
#[test]
fn codes_and_statuses_are_those_of_s3() {
    #[track_caller]
    fn check(error: &Error, code: &str, status: u16) {
        assert_eq!((error.code(), error.status()), (code, status));
    }
    let etag = ETag::Md5([7; 16]);
    let now = Timestamp::from_millis(0);
    let no_key = Error::NoSuchKey { bucket: bucket(), key: key(), delete_marker: None };
    check(&no_key, "NoSuchKey", 404);
    check(&Error::KeyTooLong { size: 1025, max: 1024 }, "KeyTooLongError", 400);
    check(&Error::MalformedXml { reason: "empty".into() }, "MalformedXML", 400);
    check(&Error::PreconditionFailed { condition: "If-Match" }, "PreconditionFailed", 412);
    check(&Error::NotModified { etag, last_modified: now }, "NotModified", 304);
    check(&Error::InvalidRange { requested: ByteRange::Last(0), size: 1 }, "InvalidRange", 416);
    check(&Error::InvalidPartNumber { part_number: 3, parts: 2 }, "InvalidPartNumber", 416);
    check(&Error::NotImplemented { what: "it".into() }, "NotImplemented", 501);
    check(
        &Error::IllegalVersioningConfiguration { reason: "no status".into() },
        "IllegalVersioningConfigurationException",
        400,
    );
    check(
        &Error::ObjectLockConfigurationNotFound { bucket: bucket() },
        "ObjectLockConfigurationNotFoundError",
        404,
    );
    check(
        &Error::NoSuchLifecycleConfiguration { bucket: bucket() },
        "NoSuchLifecycleConfiguration",
        404,
    );
    check(&Error::BucketNotEmpty { bucket: bucket() }, "BucketNotEmpty", 409);
    let archived = Error::InvalidObjectState {
        key: key(),
        storage_class: StorageClass::Glacier,
        access_tier: None,
    };
    check(&archived, "InvalidObjectState", 403);
    check(&Error::Closed, "ServiceUnavailable", 503);
}

#[test]
fn a_message_says_what_happened_to_what_and_what_to_do() {
    let error =
        Error::NoSuchKey { bucket: bucket(), key: key(), delete_marker: Some(VersionId::Null) };
    assert_eq!(
        error.to_string(),
        "key `cat.jpg` does not exist in bucket `photos`: delete marker `null` hides it; delete \
         the marker to bring it back"
    );
    let error = Error::InvalidRange { requested: ByteRange::From(10), size: 10 };
    assert_eq!(
        error.to_string(),
        "range bytes=10- cannot be read from an object of 10 bytes; ask for less"
    );
}

#[test]
fn a_backend_error_keeps_its_cause_and_damage_is_told_apart() {
    let damage = BackendError::Damaged {
        place: "segment 3".to_owned(),
        offset: 17,
        detail: "checksum".to_owned(),
    };
    let error = Error::backend("read a row", damage);
    assert!(matches!(&error, Error::Damaged { what, .. } if &**what == "segment 3"));
    assert!(error.source().is_some());
    assert_eq!(error.advice(), Advice::Stop);

    let error = Error::backend("read a row", BackendError::ReadOnly);
    assert!(matches!(&error, Error::Backend { action: "read a row", .. }));
    assert_eq!(error.source().unwrap().to_string(), BackendError::ReadOnly.to_string());
    assert!(matches!(Error::backend("commit", BackendError::Closed), Error::Closed));
}

#[test]
fn advice_follows_from_who_can_help() {
    assert_eq!(Error::PreconditionFailed { condition: "If-Match" }.advice(), Advice::Refresh);
    assert_eq!(Error::OperationAborted { bucket: bucket() }.advice(), Advice::Retry);
    assert_eq!(Error::NoSuchBucket { bucket: bucket() }.advice(), Advice::Fix);
    assert_eq!(Error::damaged("row", "short").advice(), Advice::Stop);
}
