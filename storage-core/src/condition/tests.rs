use super::*;
use std::time::Duration;

const HERE: ETag = ETag::Md5([1; 16]);
const OTHER: ETag = ETag::Md5([2; 16]);
const FAILED_MATCH: Verdict = Verdict::Failed { condition: "If-Match" };
const FAILED_NONE_MATCH: Verdict = Verdict::Failed { condition: "If-None-Match" };

// Law-test: S3, conditional writes.
#[test]
fn the_table_of_conditional_writes() {
    // W52 is the second and third line and the one before the last.
    #[track_caller]
    fn check(condition: WriteCondition, current: Current, expected: Verdict) {
        assert_eq!(condition.check(current), expected);
    }
    check(WriteCondition::IfAbsent, Current::Absent, Verdict::Proceed);
    check(WriteCondition::IfAbsent, Current::DeleteMarker, Verdict::Proceed);
    check(WriteCondition::IfAbsent, Current::Object(HERE), FAILED_NONE_MATCH);
    check(WriteCondition::IfMatch(HERE), Current::Object(HERE), Verdict::Proceed);
    check(WriteCondition::IfMatch(HERE), Current::Object(OTHER), FAILED_MATCH);
    check(WriteCondition::IfMatch(HERE), Current::Absent, Verdict::NoSuchKey);
    check(WriteCondition::IfMatch(HERE), Current::DeleteMarker, Verdict::NoSuchKey);
    for current in [Current::Absent, Current::DeleteMarker, Current::Object(HERE)] {
        check(WriteCondition::None, current, Verdict::Proceed);
    }
}

// Law-test: S3, conditional writes.
#[test]
fn forms_of_conditional_writes_that_s3_refuses() {
    let tag = HERE.to_string();
    let tag = tag.as_str();
    for headers in [
        (None, Some(tag)),
        (Some("*"), None),
        (Some(tag), Some("*")),
        (Some(tag), Some(tag)),
        (Some("*"), Some("*")),
    ] {
        let error = WriteCondition::from_headers(headers.0, headers.1).unwrap_err();
        assert_eq!((error.code(), error.status()), ("NotImplemented", 501), "{headers:?}");
    }
    assert_eq!(WriteCondition::from_headers(None, None).unwrap(), WriteCondition::None);
    assert_eq!(WriteCondition::from_headers(None, Some("*")).unwrap(), WriteCondition::IfAbsent);
    let quoted = format!("\"{tag}\"");
    assert_eq!(
        WriteCondition::from_headers(Some(&quoted), None).unwrap(),
        WriteCondition::IfMatch(HERE)
    );
    let garbage = WriteCondition::from_headers(Some("garbage"), None).unwrap();
    assert_eq!(garbage.check(Current::Object(HERE)), FAILED_MATCH);
    assert_eq!(garbage.check(Current::Absent), Verdict::NoSuchKey);
}

// Law-test: S3, conditional completion of uploads.
#[test]
fn a_condition_on_completion_that_holds_by_a_later_change_is_a_conflict() {
    #[track_caller]
    fn check(condition: WriteCondition, current: Current, expected: Verdict) {
        let unchanged = condition.check_completion(current, SinceInitiation::Unchanged);
        assert_eq!(unchanged, condition.check(current));
        assert_eq!(condition.check_completion(current, SinceInitiation::Changed), expected);
    }
    check(WriteCondition::IfAbsent, Current::Object(HERE), FAILED_NONE_MATCH);
    check(WriteCondition::IfAbsent, Current::Absent, Verdict::Conflict);
    check(WriteCondition::IfAbsent, Current::DeleteMarker, Verdict::Conflict);
    check(WriteCondition::IfMatch(HERE), Current::Absent, Verdict::NoSuchKey);
    check(WriteCondition::IfMatch(OTHER), Current::Object(HERE), FAILED_MATCH);
    check(WriteCondition::IfMatch(HERE), Current::Object(HERE), Verdict::Conflict);
    check(WriteCondition::None, Current::Object(HERE), Verdict::Proceed);
}

// Law-test: S3, conditional deletes.
#[test]
fn the_table_of_conditional_deletes() {
    #[track_caller]
    fn check(condition: DeleteCondition, current: Current, expected: Verdict) {
        assert_eq!(condition.check(current), expected);
    }
    check(DeleteCondition::None, Current::Absent, Verdict::Proceed);
    check(DeleteCondition::None, Current::DeleteMarker, Verdict::Proceed);
    check(DeleteCondition::None, Current::Object(HERE), Verdict::Proceed);
    check(DeleteCondition::IfMatch(HERE), Current::Object(HERE), Verdict::Proceed);
    check(DeleteCondition::IfMatch(HERE), Current::Object(OTHER), FAILED_MATCH);
    check(DeleteCondition::IfMatch(HERE), Current::DeleteMarker, FAILED_MATCH);
    check(DeleteCondition::IfMatch(HERE), Current::Absent, Verdict::NoSuchKey);
    check(DeleteCondition::IfExists, Current::Object(HERE), Verdict::Proceed);
    check(DeleteCondition::IfExists, Current::DeleteMarker, FAILED_MATCH);
    check(DeleteCondition::IfExists, Current::Absent, Verdict::NoSuchKey);
    assert_eq!(DeleteCondition::from_header(None), DeleteCondition::None);
    assert_eq!(DeleteCondition::from_header(Some("*")), DeleteCondition::IfExists);
    assert_eq!(
        DeleteCondition::from_header(Some(&HERE.to_string())),
        DeleteCondition::IfMatch(HERE)
    );
}

#[test]
fn a_verdict_becomes_the_error_of_its_name() {
    let bucket = BucketName::try_from("photos").unwrap();
    let key = ObjectKey::from_static("cat.jpg");
    assert!(Verdict::Proceed.into_result(&bucket, &key).is_ok());
    assert_eq!(Verdict::NoSuchKey.into_result(&bucket, &key).unwrap_err().code(), "NoSuchKey");
    let error = Verdict::Conflict.into_result(&bucket, &key).unwrap_err();
    assert_eq!((error.code(), error.status()), ("ConditionalRequestConflict", 409));
    let error = FAILED_MATCH.into_result(&bucket, &key).unwrap_err();
    assert!(matches!(error, Error::PreconditionFailed { condition: "If-Match" }));
}

fn written() -> Timestamp {
    Timestamp::from_millis(1_000_000_000_500)
}

fn before() -> Timestamp {
    Timestamp::from_millis(999_999_999_999)
}

fn after() -> Timestamp {
    Timestamp::from_millis(1_000_000_001_000)
}

fn now() -> Timestamp {
    written().plus(Duration::from_secs(3600))
}

// Law-test: S3, conditional reads.
#[test]
fn the_precedence_of_conditional_reads() {
    #[track_caller]
    fn check(conditions: &ReadConditions, expected: Outcome) {
        assert_eq!(conditions.check(HERE, written(), now()), expected);
    }
    let failed = |condition| Outcome::Failed { condition };
    let ask = ReadConditions::new;
    check(&ask(), Outcome::Proceed);

    // One at a time.
    check(&ask().if_match(HERE), Outcome::Proceed);
    check(&ask().if_match(OTHER), failed("If-Match"));
    check(&ask().if_match(ETags::Any), Outcome::Proceed);
    check(&ask().if_match(vec![OTHER, HERE]), Outcome::Proceed);
    check(&ask().if_unmodified_since(before()), failed("If-Unmodified-Since"));
    check(&ask().if_unmodified_since(written()), Outcome::Proceed);
    check(&ask().if_unmodified_since(written().second()), Outcome::Proceed);
    check(&ask().if_unmodified_since(after()), Outcome::Proceed);
    check(&ask().if_none_match(HERE), Outcome::NotModified);
    check(&ask().if_none_match(ETags::Any), Outcome::NotModified);
    check(&ask().if_none_match(OTHER), Outcome::Proceed);
    check(&ask().if_modified_since(before()), Outcome::Proceed);
    check(&ask().if_modified_since(written().second()), Outcome::NotModified);
    check(&ask().if_modified_since(after()), Outcome::NotModified);

    // Of a pair, the ETag decides.
    check(&ask().if_match(HERE).if_unmodified_since(before()), Outcome::Proceed);
    check(&ask().if_match(OTHER).if_unmodified_since(after()), failed("If-Match"));
    check(&ask().if_none_match(OTHER).if_modified_since(after()), Outcome::Proceed);
    check(&ask().if_none_match(HERE).if_modified_since(before()), Outcome::NotModified);

    // The first pair comes before the second.
    check(&ask().if_match(OTHER).if_none_match(HERE), failed("If-Match"));
    check(&ask().if_match(HERE).if_none_match(HERE), Outcome::NotModified);
    check(&ask().if_unmodified_since(before()).if_none_match(HERE), failed("If-Unmodified-Since"));
    check(&ask().if_match(HERE).if_modified_since(after()), Outcome::NotModified);
}

// Law-test: S3, conditional reads.
#[test]
fn a_date_in_the_future_says_nothing_about_what_was_modified() {
    let tomorrow = now().plus(Duration::from_secs(86_400));
    let ask = ReadConditions::new();
    assert_eq!(
        ask.clone().if_modified_since(tomorrow).check(HERE, written(), now()),
        Outcome::Proceed
    );
    assert_eq!(ask.if_unmodified_since(tomorrow).check(HERE, written(), now()), Outcome::Proceed);
}

// Law-test: S3, conditional copy sources.
#[test]
fn every_failed_condition_on_a_copy_source_is_a_412() {
    let ask = ReadConditions::new;
    for (conditions, condition) in [
        (ask().if_match(OTHER), "x-amz-copy-source-if-match"),
        (ask().if_none_match(HERE), "x-amz-copy-source-if-none-match"),
        (ask().if_modified_since(after()), "x-amz-copy-source-if-modified-since"),
        (ask().if_unmodified_since(before()), "x-amz-copy-source-if-unmodified-since"),
        (ask().if_match(HERE).if_none_match(HERE), "x-amz-copy-source-if-none-match"),
    ] {
        let outcome = conditions.check_copy_source(HERE, written(), now());
        assert_eq!(outcome, Outcome::Failed { condition });
        assert_eq!(outcome.into_result(HERE, written()).unwrap_err().status(), 412);
    }
    let holds = ask().if_match(HERE).if_unmodified_since(before()).if_none_match(OTHER);
    assert_eq!(holds.check_copy_source(HERE, written(), now()), Outcome::Proceed);
}

#[test]
fn headers_list_etags_and_garbage_matches_nothing() {
    let header = format!("\"{OTHER}\", garbage, {HERE}");
    assert_eq!(ETags::from_header(&header), ETags::Listed(vec![OTHER, HERE]));
    assert_eq!(ETags::from_header(" * "), ETags::Any);
    assert!(!ETags::from_header(&format!("W/\"{HERE}\"")).contains(HERE));
    let error = Outcome::NotModified.into_result(HERE, written()).unwrap_err();
    assert_eq!((error.code(), error.status()), ("NotModified", 304));
    assert!(ReadConditions::new().is_empty());
}
