//! When: W1 to W10, W42, W49, W50.

use crate::world::{World, at, policy};
use cistern_lifecycle::{
    Action::{self, Delete, Transition},
    Days, Rule,
    StorageClass::{Glacier, StandardIa},
    VersionFacts,
};
use cistern_storage_core::Versioning;

/// The action is not taken a second before it is due, and is taken when it is.
#[track_caller]
fn check(rule: Rule, created: &str, due: &str, action: Action) {
    let policy = policy([rule]);
    let facts = VersionFacts::new("k", 1 << 20, at(created));
    let due = at(due);
    let before = cistern_lifecycle::Timestamp::from_millis(due.as_millis() - 1000);
    assert_eq!(policy.evaluate(&facts, before), None);
    let decision = policy.evaluate(&facts, due).unwrap();
    assert_eq!((decision.action, decision.due), (action, due));
    assert_eq!(policy.next(&facts, at(created)).unwrap().due, due);
}

#[test]
fn a_rule_of_days_is_due_at_the_midnight_after_them() {
    let to_glacier = |days| Rule::all().transition(Days(days), Glacier);
    let expire = |days| Rule::all().expire(Days(days));
    check(to_glacier(3), "2014-01-15T10:30", "2014-01-19", Transition(Glacier)); // W1
    check(expire(1), "2026-01-02T00:05", "2026-01-04", Delete); // W2
    check(to_glacier(0), "2026-01-02T23:59:59", "2026-01-03", Transition(Glacier)); // W3
    check(expire(1), "2026-01-02T00:00:00", "2026-01-04", Delete); // W4
    check(expire(1), "2024-02-28T12:00", "2024-03-01", Delete); // W5
    check(expire(365), "2023-03-01T08:00", "2024-03-01", Delete); // W5
}

fn three_steps() -> cistern_lifecycle::LifecyclePolicy {
    let rule = Rule::all().id("steps").transition(Days(30), StandardIa);
    policy([rule.transition(Days(90), Glacier).expire(Days(365))])
}

// Law-test: S3, x-amz-expiration.
#[test]
fn w6_an_object_goes_down_step_by_step_and_its_header_never_changes() {
    let policy = three_steps();
    let mut world = World::new("k", Versioning::Unversioned);
    world.put("a", "2026-01-01T12:00");
    let header = "expiry-date=\"Sat, 02 Jan 2027 00:00:00 GMT\", rule-id=\"steps\"";
    let told = |world: &World| policy.expiration_of(&world.facts(0)).unwrap().to_string();
    assert_eq!(told(&world), header);
    let done = world.daily(&policy, "2026-01-01", "2026-06-01");
    assert_eq!(told(&world), header);
    let expected = [("2026-02-01", Transition(StandardIa)), ("2026-04-02", Transition(Glacier))];
    assert_eq!(done, expected.map(|(day, action)| (day.to_owned(), action)));
    let done = world.daily(&policy, "2026-06-02", "2027-02-01");
    assert_eq!(done, [("2027-01-02".to_owned(), Delete)]);
    assert!(world.versions.is_empty());
}

#[test]
fn w7_a_late_run_goes_straight_to_the_colder_class() {
    let mut world = World::new("k", Versioning::Unversioned);
    world.put("a", "2026-01-01T12:00");
    assert_eq!(world.run(&three_steps(), at("2026-05-01")), [Transition(Glacier)]);
    assert_eq!(world.run(&three_steps(), at("2026-05-02")), []);
}

#[test]
fn w8_an_overwrite_begins_anew() {
    let mut world = World::new("k", Versioning::Unversioned);
    world.put("old", "2026-01-05T10:00");
    world.put("new", "2026-01-10T12:00");
    let done = world.daily(&policy([Rule::all().expire(Days(10))]), "2026-01-11", "2026-02-01");
    assert_eq!(done, [("2026-01-21".to_owned(), Delete)]);
}

#[test]
fn w9_a_date_that_is_past_is_due_at_once() {
    let mut world = World::new("k", Versioning::Unversioned);
    world.put("late", "2026-05-05T05:00");
    let policy = policy([Rule::all().expire(at("2026-03-01"))]);
    assert_eq!(world.run(&policy, at("2026-05-05T05:01")), [Delete]);
}

#[test]
fn w42_a_rule_that_is_enabled_again_acts_on_the_next_run() {
    let mut world = World::new("k", Versioning::Unversioned);
    world.put("a", "2026-01-01T12:00");
    let rule = Rule::all().expire(Days(1));
    assert_eq!(world.run(&policy([rule.clone().disabled()]), at("2026-01-03")), []);
    assert_eq!(world.run(&policy([rule]), at("2026-01-13")), [Delete]);
}

#[test]
fn w49_a_multipart_object_is_as_old_as_its_upload() {
    // LastModified is the moment of initiation, whenever it was completed.
    check(Rule::all().expire(Days(2)), "2026-05-01T10:00", "2026-05-04", Delete);
}

// Law-test: S3, AbortIncompleteMultipartUpload.
#[test]
fn w50_an_upload_is_aborted_at_the_midnight_after() {
    let policy = policy([
        Rule::all().id("slow").abort_uploads(Days(9)),
        Rule::prefix("k").id("seven").abort_uploads(Days(7)),
        Rule::prefix("other").abort_uploads(Days(1)),
        Rule::all().abort_uploads(Days(1)).disabled(),
    ]);
    let begun = at("2026-03-10T15:00");
    assert_eq!(policy.evaluate_upload("k", begun, at("2026-03-17T23:59")), None);
    let decision = policy.evaluate_upload("k", begun, at("2026-03-18")).unwrap();
    assert_eq!(decision.action, Action::AbortUpload);
    let headers = policy.abort_of("k", begun).unwrap().abort_headers();
    assert_eq!(headers[0].1, "Wed, 18 Mar 2026 00:00:00 GMT");
    assert_eq!(headers[1], ("x-amz-abort-rule-id", "seven".to_owned()));
}

// Law-test: S3, x-amz-expiration.
#[test]
fn w25_the_header_tells_the_earliest_rule_and_nothing_of_what_is_not_current() {
    let policy = policy([
        Rule::all().id("b").expire(Days(20)),
        Rule::all().id("a/1").expire(Days(10)),
        Rule::all().expire(Days(1)).disabled(),
        Rule::all().expire_noncurrent(Days(1)),
        Rule::all().expire_lone_delete_markers(),
    ]);
    let made = at("2026-01-01T12:00");
    let facts = VersionFacts::new("k", 1, made);
    let header = policy.expiration_of(&facts).unwrap();
    assert_eq!((header.expires, header.rule_id), (at("2026-01-12"), "a/1"));
    assert!(header.to_string().ends_with("rule-id=\"a%2F1\""));
    let noncurrent = cistern_lifecycle::Place::Noncurrent { since: made, newer: 0 };
    assert_eq!(policy.expiration_of(&facts.place(noncurrent)), None);
    assert_eq!(policy.expiration_of(&VersionFacts::delete_marker("k", made)), None);
}
