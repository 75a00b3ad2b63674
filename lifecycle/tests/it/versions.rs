//! Versions, delete markers, locks and replication: W29 to W41.

use crate::world::{World, at, policy};
use cistern_lifecycle::{
    Action::{self, Delete, PushDeleteMarker, Transition},
    Days, LifecyclePolicy, Replication, Rule,
    StorageClass::Glacier,
};
use cistern_storage_core::{LegalHold, Retention, RetentionMode, Versioning};

fn enabled() -> World {
    World::new("k", Versioning::Enabled)
}

#[track_caller]
fn check(world: &mut World, policy: &LifecyclePolicy, from: &str, to: &str, days: &[&str]) {
    let done = world.daily(policy, from, to);
    let found: Vec<_> = done.iter().map(|(day, _)| day.as_str()).collect();
    assert_eq!(found, days, "{done:?}");
}

#[test]
fn w29_a_hidden_version_goes_and_its_delete_marker_stays() {
    let mut world = enabled();
    world.put("photo.gif", "2014-01-01T10:30");
    world.delete("2014-01-02T11:30");
    let policy = policy([Rule::all().expire_noncurrent(Days(5))]);
    check(&mut world, &policy, "2014-01-02", "2014-03-01", &["2014-01-08"]);
    assert_eq!(world.names(), ["marker"]);
}

#[test]
fn w30_a_noncurrent_version_moves_from_when_it_became_so() {
    let mut world = enabled();
    world.put("v1", "2014-01-01T10:30");
    world.put("v2", "2014-01-15T10:30");
    let policy = policy([Rule::all().transition_noncurrent(Days(3), Glacier)]);
    check(&mut world, &policy, "2014-01-15", "2014-03-01", &["2014-01-19"]);
    assert_eq!(world.versions[1].class, Glacier);
}

// Law-test: S3, lifecycle delete markers are stamped at midnight.
#[test]
fn w31_expiry_marker_data_and_lone_marker_follow_each_other() {
    let rule = || Rule::all().expire(Days(60)).expire_noncurrent(Days(30));
    let mut world = enabled();
    world.put("a", "2026-01-10T09:00");
    let days = ["2026-03-12", "2026-04-12", "2026-05-12"];
    check(&mut world, &policy([rule()]), "2026-01-10", "2027-01-01", &days);
    assert!(world.versions.is_empty());

    let with_cleanup = policy([rule(), Rule::all().expire_lone_delete_markers()]);
    let mut world = enabled();
    world.put("a", "2026-01-10T09:00");
    let days = ["2026-03-12", "2026-04-12", "2026-04-13"];
    check(&mut world, &with_cleanup, "2026-01-10", "2027-01-01", &days);

    let mut world = enabled();
    world.put("a", "2026-01-10T09:00");
    assert_eq!(world.run(&policy([rule()]), at("2026-04-20T07:00")), [PushDeleteMarker]);
    assert_eq!(world.versions[0].modified, at("2026-04-20"));
    check(&mut world, &policy([rule()]), "2026-04-21", "2026-06-01", &["2026-05-21"]);
    assert_eq!(world.names(), ["marker"]);
}

fn ten_versions() -> World {
    let mut world = enabled();
    let names = ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10"];
    for (day, name) in (1..).zip(names) {
        world.put(name, &format!("2026-01-{day:02}T12:00"));
    }
    world
}

#[test]
fn w32_the_newest_noncurrent_versions_are_kept() {
    let policy = policy([Rule::all().expire_noncurrent_but(5, Days(5))]);
    let mut world = ten_versions();
    // A run a day as the versions come would do the same; here all come first.
    assert_eq!(world.run(&policy, at("2026-01-08")), [Delete]);
    assert_eq!(world.versions.last().unwrap().name, "v2");
    world.daily(&policy, "2026-01-09", "2026-01-11");
    let kept = ["v10", "v9", "v8", "v7", "v6", "v5"];
    assert_eq!(world.names(), kept);
    world.daily(&policy, "2026-01-12", "2027-01-01");
    assert_eq!(world.names(), kept);
}

#[test]
fn w33_without_such_a_number_all_go() {
    let policy = policy([Rule::all().expire_noncurrent(Days(5))]);
    let mut world = ten_versions();
    world.daily(&policy, "2026-01-10", "2026-01-15");
    assert_eq!(world.names(), ["v10", "v9"]);
    world.run(&policy, at("2026-01-16"));
    assert_eq!(world.names(), ["v10"]);
}

#[test]
fn w34_a_version_that_is_current_again_loses_its_clock() {
    let policy = policy([Rule::all().expire_noncurrent(Days(7))]);
    let mut world = enabled();
    world.put("v1", "2026-04-01T00:00");
    world.put("v2", "2026-04-03T09:00");
    world.versions.remove(0);
    check(&mut world, &policy, "2026-04-05", "2026-04-20", &[]);
    world.put("v3", "2026-04-20T10:00");
    check(&mut world, &policy, "2026-04-21", "2026-06-01", &["2026-04-28"]);
    assert_eq!(world.names(), ["v3"]);
}

#[test]
fn w35_the_next_newer_version_that_is_there_counts() {
    let policy = policy([Rule::all().expire_noncurrent(Days(7))]);
    let mut world = enabled();
    world.put("v1", "2026-04-01T00:00");
    world.put("v2", "2026-04-03T00:00");
    world.put("v3", "2026-04-08T10:00");
    world.versions.remove(1);
    check(&mut world, &policy, "2026-04-09", "2026-06-01", &["2026-04-16"]);
}

#[test]
fn w36_expiry_of_versions_hides_and_frees_nothing() {
    let policy = policy([Rule::all().expire(Days(7))]);
    let mut world = enabled();
    world.put("a", "2026-01-01T12:00");
    assert_eq!(world.run(&policy, at("2026-01-09")), [PushDeleteMarker]);
    assert_eq!(world.names(), ["marker", "a"]);
}

#[test]
fn w37_a_delete_marker_that_hides_versions_is_left() {
    let policy = policy([Rule::all().expire(Days(1)), Rule::all().expire_lone_delete_markers()]);
    let mut world = enabled();
    world.put("v1", "2026-01-01T12:00");
    world.put("v2", "2026-01-02T12:00");
    world.delete("2026-01-03T12:00");
    check(&mut world, &policy, "2026-01-03", "2027-01-01", &[]);
    assert_eq!(world.names(), ["marker", "v2", "v1"]);
}

#[test]
fn w38_in_a_suspended_bucket_the_null_version_is_gone_for_good() {
    let policy = policy([Rule::all().expire(Days(10))]);
    let mut world = World::new("k", Versioning::Suspended);
    world.put("A", "2026-01-05T10:00");
    check(&mut world, &policy, "2026-01-05", "2026-01-16", &["2026-01-16"]);
    assert_eq!(world.names(), ["marker"]);
    check(&mut world, &policy, "2026-01-17", "2026-03-01", &["2026-01-27"]);
    assert!(world.versions.is_empty());
}

#[test]
fn w39_in_a_suspended_bucket_a_stamped_version_is_hidden() {
    let policy = policy([Rule::all().expire(Days(10))]);
    let mut world = enabled();
    world.put("A", "2026-01-05T10:00");
    world.versioning = Versioning::Suspended;
    assert_eq!(world.run(&policy, at("2026-01-16")), [PushDeleteMarker]);
    assert_eq!(world.names(), ["marker", "A"]);
    assert!(world.versions[0].id.is_null());
}

// Law-test: S3, lifecycle and object lock.
#[test]
fn w40_a_locked_version_moves_and_goes_when_it_is_free() {
    let rule = Rule::all().transition_noncurrent(Days(0), Glacier).expire_noncurrent(Days(1));
    let policy = policy([rule]);
    let mut world = enabled();
    let until = at("2027-01-01");
    let retention = Retention { mode: RetentionMode::Compliance, until };
    world.put("v1", "2026-06-01T12:00").lock.retention = Some(retention);
    world.put("v2", "2026-06-02T12:00");
    let next = policy.next(&world.facts(1), at("2026-06-04")).unwrap();
    assert_eq!((next.action, next.due), (Transition(Glacier), at("2026-06-04")));
    check(&mut world, &policy, "2026-06-02", "2026-12-31", &["2026-06-03"]);
    assert_eq!(world.versions[1].class, Glacier);
    let next = policy.next(&world.facts(1), at("2026-12-01")).unwrap();
    assert_eq!((next.action, next.due), (Delete, until));
    let mut held = world.clone();
    check(&mut world, &policy, "2027-01-01", "2027-02-01", &["2027-01-01"]);

    held.versions[1].lock.legal_hold = LegalHold::On;
    check(&mut held, &policy, "2027-01-01", "2027-06-01", &[]);
    assert_eq!(policy.next(&held.facts(1), at("2027-01-01")), None);
}

// Law-test: S3, lifecycle and replication.
#[test]
fn w41_a_version_that_is_not_replicated_yet_is_left() {
    let policy = policy([Rule::all().transition(Days(0), Glacier).expire(Days(1))]);
    let mut world = enabled();
    world.put("a", "2026-01-01T12:00").replication = Replication::Failed;
    check(&mut world, &policy, "2026-01-01", "2026-12-31", &[]);
    world.versions[0].replication = Replication::Completed;
    let done: Vec<Action> =
        [world.run(&policy, at("2027-01-01")), world.run(&policy, at("2027-01-02"))].concat();
    assert_eq!(done, [Transition(Glacier), PushDeleteMarker]);
}

#[test]
fn noncurrent_delete_markers_go_and_count_as_versions() {
    let mut world = enabled();
    world.put("v1", "2026-01-01T12:00");
    world.delete("2026-01-02T12:00");
    world.delete("2026-01-03T12:00");
    world.put("v2", "2026-01-04T12:00");
    let mut all = world.clone();
    all.daily(&policy([Rule::all().expire_noncurrent(Days(1))]), "2026-01-04", "2026-02-01");
    assert_eq!(all.names(), ["v2"]);
    let kept = policy([Rule::all().expire_noncurrent_but(2, Days(1))]);
    world.daily(&kept, "2026-01-04", "2026-02-01");
    assert_eq!(world.names(), ["v2", "marker", "marker"]);
}
