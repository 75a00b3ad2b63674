//! Conditional reads, writes and deletes.

use crate::kit::{World, at, body_of, bucket, refused};
use cistern_storage_core::{
    Bucket, CopyOptions, CopySource, DeleteCondition, DeleteOptions, ETag, Error, GetOptions,
    PutOptions, ReadConditions, Result, Versioning, WriteCondition,
};
use std::time::Duration;

const BODY: &str = "body";

/// What lies under the key before the call.
#[derive(Clone, Copy, Debug)]
enum State {
    Absent,
    Marker,
    Object,
}

fn prepared(state: State) -> Bucket {
    let bucket = bucket(Versioning::Enabled);
    bucket.put("source", "other").unwrap();
    match state {
        State::Absent => {}
        State::Marker => {
            bucket.put("k", BODY).unwrap();
            bucket.delete("k").unwrap();
        }
        State::Object => {
            bucket.put("k", BODY).unwrap();
        }
    }
    bucket
}

#[track_caller]
fn check_write(if_match: Option<&str>, if_none_match: Option<&str>, expected: [&str; 3]) {
    for (state, code) in [State::Absent, State::Marker, State::Object].into_iter().zip(expected) {
        let put = |bucket: &Bucket| -> Result<()> {
            let condition = WriteCondition::from_headers(if_match, if_none_match)?;
            let options = PutOptions::new().condition(condition);
            bucket.put_with("k", "new", &options).map(drop)
        };
        let copy = |bucket: &Bucket| -> Result<()> {
            let condition = WriteCondition::from_headers(if_match, if_none_match)?;
            let options = CopyOptions::new().condition(condition);
            let source = CopySource::new(bucket, "source")?;
            bucket.copy_with(&source, "k", &options).map(drop)
        };
        for call in [&put as &dyn Fn(&Bucket) -> Result<()>, &copy] {
            let bucket = prepared(state);
            if code == "ok" {
                call(&bucket).unwrap();
            } else {
                refused(&bucket, code, || call(&bucket));
            }
        }
    }
}

fn etag_of(body: &str) -> String {
    ETag::of_bytes(body.as_bytes()).to_string()
}

// Law-test: W52
// Law-test: S3, conditional writes.
// Law-test: S3, PutObject, conditional writes, checking object integrity.
#[test]
fn a_write_on_condition() {
    let (right, wrong) = (etag_of(BODY), etag_of("wrong"));
    check_write(None, Some("*"), ["ok", "ok", "PreconditionFailed"]);
    check_write(None, Some(&right), ["NotImplemented"; 3]);
    check_write(Some(&right), None, ["NoSuchKey", "NoSuchKey", "ok"]);
    check_write(Some(&wrong), None, ["NoSuchKey", "NoSuchKey", "PreconditionFailed"]);
    check_write(Some("garbage"), None, ["NoSuchKey", "NoSuchKey", "PreconditionFailed"]);
    check_write(Some("*"), None, ["NotImplemented"; 3]);
    check_write(Some(&right), Some("*"), ["NotImplemented"; 3]);
}

#[test]
fn a_failed_condition_names_its_header() {
    let bucket = prepared(State::Object);
    let error = bucket.put_with("k", "x", &PutOptions::new().if_absent()).unwrap_err();
    assert!(matches!(error, Error::PreconditionFailed { condition: "If-None-Match" }));
    assert_eq!(error.status(), 412);
    let wrong = PutOptions::new().if_match(ETag::of_bytes(b"wrong"));
    let error = bucket.put_with("k", "x", &wrong).unwrap_err();
    assert!(matches!(error, Error::PreconditionFailed { condition: "If-Match" }));
}

// Law-test: S3, conditional writes.
#[test]
fn of_many_that_write_if_absent_one_does() {
    let bucket = bucket(Versioning::Enabled);
    let outcomes: Vec<Result<_>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|number| {
                let bucket = &bucket;
                scope.spawn(move || {
                    bucket.put_with("k", format!("{number}"), &PutOptions::new().if_absent())
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let lost = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(lost.into_iter().all(|error| error.code() == "PreconditionFailed"));
    assert_eq!(bucket.list_versions("").count(), 1);
}

#[track_caller]
fn check_delete(condition: DeleteCondition, expected: [&str; 3]) {
    for (state, code) in [State::Absent, State::Marker, State::Object].into_iter().zip(expected) {
        let bucket = prepared(state);
        let options = DeleteOptions::new().condition(condition);
        if code == "ok" {
            assert!(bucket.delete_with("k", &options).unwrap().delete_marker);
        } else {
            refused(&bucket, code, || bucket.delete_with("k", &options));
        }
    }
}

// Law-test: S3, conditional deletes.
// Law-test: S3, DeleteObject, conditional deletes, Object Lock.
#[test]
fn a_delete_on_condition() {
    let (right, wrong) = (ETag::of_bytes(BODY.as_bytes()), ETag::of_bytes(b"wrong"));
    check_delete(DeleteCondition::None, ["ok"; 3]);
    check_delete(DeleteCondition::IfExists, ["NoSuchKey", "PreconditionFailed", "ok"]);
    check_delete(DeleteCondition::IfMatch(right), ["NoSuchKey", "PreconditionFailed", "ok"]);
    check_delete(
        DeleteCondition::IfMatch(wrong),
        ["NoSuchKey", "PreconditionFailed", "PreconditionFailed"],
    );
}

// Law-test: S3, conditional deletes.
#[test]
fn a_condition_looks_at_the_current_version_even_when_another_is_deleted() {
    let bucket = bucket(Versioning::Enabled);
    let old = bucket.put("k", "old").unwrap();
    bucket.put("k", "new").unwrap();
    let options = DeleteOptions::new().version(old.version.unwrap());
    let by_old = options.clone().condition(DeleteCondition::IfMatch(old.etag));
    refused(&bucket, "PreconditionFailed", || bucket.delete_with("k", &by_old));
    let by_new = options.condition(DeleteCondition::IfMatch(ETag::of_bytes(b"new")));
    bucket.delete_with("k", &by_new).unwrap();
    assert_eq!(bucket.list_versions("").count(), 1);
}

/// `HIT` or `MISS` for entity tags, seconds relative to the date of the object.
#[derive(Clone, Copy, Default)]
struct Read {
    if_match: Option<bool>,
    if_unmodified_since: Option<i64>,
    if_none_match: Option<bool>,
    if_modified_since: Option<i64>,
}

const HIT: Option<bool> = Some(true);
const MISS: Option<bool> = Some(false);

fn conditions(read: Read, etag: ETag) -> ReadConditions {
    let tag = |hit| if hit { etag } else { ETag::of_bytes(b"another") };
    let date = |seconds: i64| {
        let written = at(crate::kit::START).as_millis();
        cistern_storage_core::Timestamp::from_millis(written + seconds * 1000)
    };
    let mut conditions = ReadConditions::new();
    conditions.if_match = read.if_match.map(|hit| tag(hit).into());
    conditions.if_none_match = read.if_none_match.map(|hit| tag(hit).into());
    conditions.if_modified_since = read.if_modified_since.map(date);
    conditions.if_unmodified_since = read.if_unmodified_since.map(date);
    conditions
}

#[track_caller]
fn check_read(read: Read, expected: u16) {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let etag = bucket.put("k", BODY).unwrap().etag;
    world.clock.advance(Duration::from_secs(3600));
    let conditions = conditions(read, etag);
    let options = GetOptions::new().conditions(conditions.clone());
    let status = |result: Result<()>| result.map_or_else(|error| error.status(), |()| 200);
    assert_eq!(status(bucket.get_with("k", &options).map(drop)), expected, "get");
    assert_eq!(status(bucket.head_with("k", &options).map(drop)), expected, "head");

    // Out of range, and it would be 416: conditions come first.
    let beyond = options.range(100..);
    let with_range = if expected == 200 { 416 } else { expected };
    assert_eq!(status(bucket.get_with("k", &beyond).map(drop)), with_range, "before the range");

    let source = CopySource::new(&bucket, "k").unwrap().conditions(conditions.clone());
    let of_copy = if expected == 304 { 412 } else { expected };
    let copied = bucket.copy_with(&source, "copy", &CopyOptions::new());
    assert_eq!(status(copied.map(drop)), of_copy, "copy source");
    let other = World::new();
    let elsewhere = other.bucket("test", Versioning::Unversioned);
    let copied = elsewhere.copy_with(&source, "copy", &CopyOptions::new());
    assert_eq!(status(copied.map(drop)), of_copy, "copy source in another store");
    let rename = cistern_storage_core::RenameOptions::new().source_conditions(conditions);
    assert_eq!(status(bucket.rename_with("k", "renamed", &rename).map(drop)), of_copy, "rename");
}

// Law-test: S3, conditional reads.
// Law-test: S3, conditional copy sources.
// Law-test: S3, GetObject, conditional reads.
// Law-test: S3, GET Object: versions, delete markers, conditions before ranges.
#[test]
fn conditions_of_a_read_in_their_order() {
    let none = Read::default();
    check_read(none, 200);
    check_read(Read { if_match: HIT, ..none }, 200);
    check_read(Read { if_match: MISS, ..none }, 412);
    check_read(Read { if_match: HIT, if_unmodified_since: Some(-10), ..none }, 200);
    check_read(Read { if_match: MISS, if_unmodified_since: Some(10), ..none }, 412);
    check_read(Read { if_unmodified_since: Some(-1), ..none }, 412);
    check_read(Read { if_unmodified_since: Some(0), ..none }, 200);
    check_read(Read { if_unmodified_since: Some(10), ..none }, 200);
    check_read(Read { if_none_match: HIT, ..none }, 304);
    check_read(Read { if_none_match: MISS, ..none }, 200);
    check_read(Read { if_none_match: MISS, if_modified_since: Some(10), ..none }, 200);
    check_read(Read { if_none_match: HIT, if_modified_since: Some(-10), ..none }, 304);
    check_read(Read { if_modified_since: Some(-1), ..none }, 200);
    check_read(Read { if_modified_since: Some(0), ..none }, 304);
    check_read(Read { if_modified_since: Some(10), ..none }, 304);
    check_read(Read { if_modified_since: Some(100_000), ..none }, 200);
    check_read(Read { if_match: MISS, if_none_match: HIT, ..none }, 412);
    check_read(Read { if_match: HIT, if_none_match: HIT, ..none }, 304);
    check_read(Read { if_unmodified_since: Some(-1), if_none_match: HIT, ..none }, 412);
    check_read(Read { if_unmodified_since: Some(10), if_modified_since: Some(0), ..none }, 304);
}

// Law-test: S3, conditional reads.
#[test]
fn dates_compare_by_whole_seconds() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("k", BODY).unwrap();
    world.pass(60);
    // The object was written at 678 ms of this second.
    let second = at("2026-01-02T03:04:05.000Z");
    let unmodified = ReadConditions::new().if_unmodified_since(second);
    bucket.get_with("k", &GetOptions::new().conditions(unmodified)).unwrap();
    let modified = ReadConditions::new().if_modified_since(second);
    let error = bucket.get_with("k", &GetOptions::new().conditions(modified)).unwrap_err();
    let etag = ETag::of_bytes(BODY.as_bytes());
    let last_modified = at(crate::kit::START);
    assert!(matches!(
        error,
        Error::NotModified { etag: found, last_modified: date } if found == etag && date == last_modified
    ));
}

#[test]
fn a_missing_key_comes_before_conditions() {
    let bucket = bucket(Versioning::Unversioned);
    let conditions = ReadConditions::new().if_match(ETag::of_bytes(b""));
    let options = GetOptions::new().conditions(conditions);
    assert_eq!(bucket.get_with("absent", &options).unwrap_err().code(), "NoSuchKey");
    bucket.put("k", BODY).unwrap();
    assert_eq!(body_of(&bucket, "k", None), BODY);
}
