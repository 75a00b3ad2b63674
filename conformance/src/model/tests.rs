//! Chance reaches what it should: a harness whose calls are all refused compares nothing.

use super::{
    Objects,
    op::{Op, ops},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use std::collections::BTreeMap;

/// How often each call ended in which way, over some hundred cases, on the model alone.
fn census() -> BTreeMap<(String, &'static str), usize> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let mut census = BTreeMap::new();
    for _ in 0..400 {
        let ops = ops(120).new_tree(&mut runner).unwrap().current();
        let mut model = Objects::new(0);
        for op in &ops {
            let picks = model.picks(op);
            let ended = model.apply(op, &picks).map_or_else(|refusal| refusal.code, |_| "Ok");
            *census.entry((kind(op), ended)).or_default() += 1;
        }
    }
    census
}

fn kind(op: &Op) -> String {
    let text = format!("{op:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_call_succeeds_and_is_refused_in_every_way() {
    let census = census();
    let told = |kind: &str, ended: &'static str| {
        census.get(&(kind.to_owned(), ended)).copied().unwrap_or_default()
    };
    let ways: &[(&str, &[&'static str])] = &[
        ("CreateBucket", &["BucketAlreadyOwnedByYou"]),
        ("DeleteBucket", &["BucketNotEmpty", "NoSuchBucket"]),
        ("ListBuckets", &[]),
        ("SetVersioning", &["InvalidBucketState", "IllegalVersioningConfigurationException"]),
        ("Put", &["PreconditionFailed", "NoSuchKey", "InvalidRequest", "InvalidArgument"]),
        ("Get", &["NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "InvalidRange", "NotModified"]),
        ("Get", &["PreconditionFailed", "InvalidPartNumber", "InvalidRequest", "InvalidArgument"]),
        ("Head", &["NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "PreconditionFailed"]),
        ("Delete", &["NoSuchKey", "PreconditionFailed", "AccessDenied", "InvalidArgument"]),
        ("DeleteMany", &["MalformedXML", "NoSuchBucket"]),
        ("Copy", &["NoSuchKey", "NoSuchVersion", "InvalidRequest", "PreconditionFailed"]),
        ("Rename", &["NoSuchKey", "InvalidRequest", "PreconditionFailed"]),
        ("Append", &["NoSuchKey", "InvalidWriteOffset"]),
        ("Tags", &["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"]),
        ("SetTags", &["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"]),
        ("SetRetention", &["AccessDenied", "InvalidArgument", "InvalidRequest"]),
        ("Retention", &["NoSuchObjectLockConfiguration", "InvalidRequest"]),
        ("SetHold", &["InvalidRequest", "NoSuchKey"]),
        ("Hold", &["NoSuchObjectLockConfiguration", "InvalidRequest"]),
        ("List", &["NoSuchBucket"]),
        ("ListVersions", &["NoSuchBucket"]),
        ("BeginUpload", &["NoSuchBucket", "InvalidRequest"]),
        ("PutPart", &["NoSuchUpload", "InvalidArgument"]),
        ("CopyPart", &["NoSuchUpload", "NoSuchKey", "InvalidArgument", "InvalidRequest"]),
        ("Complete", &["NoSuchUpload", "MalformedXML", "InvalidPart", "InvalidPartOrder"]),
        ("Complete", &["EntityTooSmall", "PreconditionFailed", "ConditionalRequestConflict"]),
        ("Abort", &["NoSuchUpload"]),
        ("ListParts", &["NoSuchUpload"]),
        ("ListUploads", &["NoSuchBucket"]),
        ("Advance", &[]),
        ("Reopen", &[]),
        ("CutPower", &[]),
    ];
    for (kind, refusals) in ways {
        assert!(told(kind, "Ok") >= 10, "{kind} succeeds too seldom: {census:#?}");
        for refusal in *refusals {
            assert!(told(kind, refusal) >= 3, "{kind} meets {refusal} too seldom: {census:#?}");
        }
    }
}
