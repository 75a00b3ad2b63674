//! What a policy may not say: W10, W53 to W57, and the table of refusals.

use cistern_lifecycle::{
    Days, Error, Filter, LifecyclePolicy, Result, Rule,
    StorageClass::{self, DeepArchive, Glacier, GlacierIr, OnezoneIa, StandardIa},
    Timestamp,
};

fn new(rule: Rule) -> Result<LifecyclePolicy> {
    LifecyclePolicy::new([rule])
}

#[track_caller]
fn refused(rule: Rule, code: &str, says: &str) {
    let error = new(rule).unwrap_err();
    assert_eq!((error.code(), error.status()), (code, 400), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[track_caller]
fn accepted(rule: Rule) {
    assert_eq!(new(rule).err(), None);
}

fn to(days: u32, class: StorageClass) -> Rule {
    Rule::all().transition(Days(days), class)
}

// Law-test: S3, lifecycle transition constraints.
#[test]
fn w53_infrequent_classes_wait_thirty_days() {
    refused(
        to(29, StandardIa),
        "InvalidArgument",
        "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
    );
    accepted(to(30, StandardIa));
    let noncurrent = |days| Rule::all().transition_noncurrent(Days(days), OnezoneIa);
    refused(noncurrent(29), "InvalidArgument", "'NoncurrentDays'");
    accepted(noncurrent(30));
    accepted(to(0, GlacierIr));
    accepted(to(0, StorageClass::IntelligentTiering));
}

// Law-test: S3, lifecycle transition constraints.
#[test]
fn w54_and_w55_moves_of_one_rule_keep_their_distance() {
    refused(
        to(4, GlacierIr).transition(Days(20), DeepArchive),
        "InvalidArgument",
        "must be 90 days more than",
    );
    accepted(to(4, GlacierIr).transition(Days(94), DeepArchive));
    accepted(to(94, DeepArchive).transition(Days(4), GlacierIr));
    assert!(LifecyclePolicy::new([to(4, GlacierIr), to(20, DeepArchive)]).is_ok());
    refused(to(30, StandardIa).transition(Days(59), Glacier), "InvalidArgument", "30 days more");
    accepted(to(30, StandardIa).transition(Days(60), Glacier));
    let noncurrent = |days| {
        let rule = Rule::all().transition_noncurrent(Days(30), StandardIa);
        rule.transition_noncurrent(Days(days), Glacier)
    };
    refused(noncurrent(59), "InvalidArgument", "30 days more");
    accepted(noncurrent(60));
}

// Law-test: S3, PutBucketLifecycleConfiguration errors.
#[test]
fn w56_the_end_comes_after_every_move() {
    refused(to(30, StandardIa).expire(Days(30)), "InvalidArgument", "must be greater than");
    accepted(to(30, StandardIa).expire(Days(31)));
    let date = |text| Timestamp::parse_iso8601(text).unwrap();
    let first = date("2026-03-01T00:00:00Z");
    let dated = Rule::all().transition(first, Glacier);
    refused(dated.clone().expire(first), "InvalidArgument", "'Date'");
    accepted(dated.expire(date("2026-03-02T00:00:00Z")));
    let noncurrent =
        |days| Rule::all().transition_noncurrent(Days(3), Glacier).expire_noncurrent(Days(days));
    refused(noncurrent(3), "InvalidArgument", "NoncurrentVersionExpiration");
    accepted(noncurrent(4));
}

// Law-test: S3, PutBucketLifecycleConfiguration errors.
#[test]
fn w57_rules_that_say_too_much_or_nothing() {
    let tagged = || Rule::new(Filter::all().tag("a", "1"));
    let sized = || Rule::new(Filter::all().larger_than(1));
    refused(tagged().expire_lone_delete_markers(), "InvalidRequest", "Tags");
    refused(sized().expire_lone_delete_markers(), "InvalidRequest", "Object Size");
    refused(tagged().abort_uploads(Days(1)), "InvalidRequest", "Tags");
    refused(sized().abort_uploads(Days(1)), "InvalidRequest", "Object Size");
    refused(Rule::all().expire_noncurrent_but(101, Days(1)), "InvalidArgument", "1 to 100");
    refused(Rule::all().expire_noncurrent_but(0, Days(1)), "InvalidArgument", "1 to 100");
    refused(Rule::all(), "InvalidRequest", "at least one action");
    let rules = |count: usize| vec![Rule::all().expire(Days(1)); count];
    assert_eq!(LifecyclePolicy::new(rules(1000)).err(), None);
    let error = LifecyclePolicy::new(rules(1001)).unwrap_err();
    assert_eq!((error.code(), error.status()), ("InvalidRequest", 400));
    assert_eq!(LifecyclePolicy::new(rules(0)).unwrap_err().code(), "MalformedXML");
}

// Law-test: S3, lifecycle configuration elements.
#[test]
fn ids_are_short_and_unique_and_given_where_there_is_none() {
    let named = |id: &str| Rule::all().id(id).expire(Days(1));
    accepted(named(&"\u{e9}".repeat(255)));
    refused(named(&"a".repeat(256)), "InvalidArgument", "255");
    let error = LifecyclePolicy::new([named("a"), named("a")]).unwrap_err();
    assert_eq!(error.code(), "InvalidArgument");
    let policy = LifecyclePolicy::new([named(""), named("rule-2"), named("")]).unwrap();
    let ids: Vec<_> = policy.rules().iter().map(Rule::rule_id).collect();
    assert_eq!(ids, ["rule-1", "rule-2", "rule-3"]);
}

// Law-test: S3, PutBucketLifecycleConfiguration errors.
#[test]
fn days_dates_and_targets() {
    refused(Rule::all().expire(Days(0)), "InvalidArgument", "'Days' for Expiration action");
    refused(Rule::all().expire(Days(1 << 31)), "InvalidArgument", "2147483647");
    refused(Rule::all().expire_noncurrent(Days(0)), "InvalidArgument", "NoncurrentDays");
    refused(Rule::all().abort_uploads(Days(0)), "InvalidArgument", "DaysAfterInitiation");
    let date = Timestamp::parse_iso8601("2026-03-01T01:00:00Z").unwrap();
    refused(Rule::all().expire(date), "InvalidArgument", "'Date' must be at midnight GMT"); // W10
    refused(Rule::all().transition(date, Glacier), "InvalidArgument", "midnight");
    refused(to(1, Glacier).expire(date.day()), "InvalidRequest", "mixed");
    refused(to(1, Glacier).transition(Days(200), Glacier), "InvalidRequest", "twice");
    for class in [StorageClass::Standard, StorageClass::ReducedRedundancy] {
        refused(to(1, class), "MalformedXML", class.as_str());
    }
}

#[test]
fn rules_of_the_first_version_do_not_overlap_or_mix() {
    let base = |prefix: &str| Rule::base_prefix(prefix);
    let policy = |rules: [Rule; 2]| LifecyclePolicy::new(rules);
    let error = policy([base("a").expire(Days(1)), base("a/b").expire(Days(2))]).unwrap_err();
    assert!(matches!(error, Error::OverlappingPrefixes { action: "Expiration", .. }), "{error}");
    assert_eq!(error.code(), "InvalidRequest");
    assert!(policy([base("a").expire(Days(1)), base("b").expire(Days(2))]).is_ok());
    assert!(policy([base("a").expire(Days(1)), base("a").abort_uploads(Days(2))]).is_ok());
    let error = policy([base("a").expire(Days(1)), Rule::all().expire(Days(2))]).unwrap_err();
    assert!(matches!(error, Error::PrefixBesideFilter { .. }), "{error}");
    let error = LifecyclePolicy::new([base("a").expire_noncurrent_but(1, Days(1))]).unwrap_err();
    assert_eq!(error.code(), "InvalidRequest");
}
