//! Which object, and which of several rules: W14 to W28.

use crate::world::{World, at, policy};
use cistern_lifecycle::{
    Action::{self, Delete, PushDeleteMarker, Transition},
    Days, Filter, LifecyclePolicy, Rule, StorageClass,
    StorageClass::{
        DeepArchive, Glacier, GlacierIr, IntelligentTiering, OnezoneIa, Standard, StandardIa,
    },
    TransitionMinimumSize,
};
use cistern_storage_core::{Tags, Versioning};

fn day(day: &str, action: Action) -> (String, Action) {
    (day.to_owned(), action)
}

/// What becomes within two months of an object of this size, made on 2026-01-01.
fn moves(policy: &LifecyclePolicy, size: u64) -> Vec<Action> {
    let mut world = World::new("logs/x", Versioning::Unversioned);
    world.put("a", "2026-01-01T12:00").size = size;
    let done = world.daily(policy, "2026-01-01", "2026-03-01");
    done.into_iter().map(|(_, action)| action).collect()
}

// Law-test: S3, lifecycle small objects.
#[test]
fn w14_to_w18_small_objects_stay_unless_a_rule_speaks_of_sizes() {
    let to = |class| policy([Rule::all().transition(Days(30), class)]);
    assert_eq!(moves(&to(StandardIa), 131_071), []); // W14
    assert_eq!(moves(&to(StandardIa), 131_072), [Transition(StandardIa)]);

    let varies = |class| to(class).minimum_size(TransitionMinimumSize::VariesByStorageClass);
    assert_eq!(moves(&to(Glacier), 10 << 10), []); // W15
    assert_eq!(moves(&varies(Glacier), 10 << 10), [Transition(Glacier)]);
    assert_eq!(moves(&varies(GlacierIr), 10 << 10), []); // W16

    let filter = Filter::all().larger_than(1);
    let sized = policy([Rule::new(filter).transition(Days(1), GlacierIr)]);
    assert_eq!(moves(&sized, 10 << 10), [Transition(GlacierIr)]); // W17
    assert_eq!(moves(&sized, 1), []);

    assert_eq!(moves(&policy([Rule::all().expire(Days(1))]), 5), [Delete]); // W18
}

#[track_caller]
fn check(rules: impl IntoIterator<Item = Rule>, tags: &str, expected: &[(String, Action)]) {
    let rules: Vec<Rule> = rules.into_iter().collect();
    let reversed: Vec<Rule> = rules.iter().rev().cloned().collect();
    for rules in [rules, reversed] {
        let mut world = World::new("logs/x", Versioning::Unversioned);
        world.tags = Tags::parse_query(tags).unwrap();
        world.put("a", "2026-06-01T08:00").size = 200 << 10;
        assert_eq!(world.daily(&policy(rules), "2026-06-01", "2028-01-01"), expected);
    }
}

// Law-test: S3, lifecycle conflicts.
#[test]
fn w19_to_w22_rules_that_are_due_at_different_times_act_at_theirs() {
    let logs = || Rule::prefix("logs/");
    let expire = |days| Rule::all().expire(Days(days));
    check(
        [expire(365), logs().transition(Days(30), StandardIa)],
        "",
        &[day("2026-07-02", Transition(StandardIa)), day("2027-06-02", Delete)],
    ); // W19
    check(
        [logs().expire(Days(365)), logs().transition(Days(365), StandardIa)],
        "",
        &[day("2027-06-02", Delete)],
    ); // W20
    check(
        [Rule::all().transition(Days(30), StandardIa), logs().transition(Days(365), StandardIa)],
        "",
        &[day("2026-07-02", Transition(StandardIa))],
    ); // W21
    let tagged = |key: &str, value: &str| Rule::new(Filter::all().tag(key, value));
    check(
        [
            tagged("tag1", "v1").transition(Days(365), Glacier),
            tagged("tag2", "v2").expire(Days(14)),
        ],
        "tag1=v1&tag2=v2",
        &[day("2026-06-16", Delete)],
    ); // W22
}

// Law-test: S3, lifecycle conflicts.
#[test]
fn w23_and_w24_of_two_moves_at_once_the_preferred_one_is_taken_for_good() {
    let both = |one, other| {
        [Rule::all().transition(Days(30), one), Rule::all().transition(Days(30), other)]
    };
    let only = |class| [day("2026-07-02", Transition(class))];
    check(both(StandardIa, Glacier), "", &only(Glacier)); // W23
    check(both(IntelligentTiering, GlacierIr), "", &only(IntelligentTiering)); // W24
    check(both(IntelligentTiering, DeepArchive), "", &only(DeepArchive)); // W24
    check(both(IntelligentTiering, OnezoneIa), "", &only(IntelligentTiering));
    check(
        [
            Rule::all().transition(Days(30), IntelligentTiering),
            Rule::all().transition(Days(90), GlacierIr),
        ],
        "",
        &[
            day("2026-07-02", Transition(IntelligentTiering)),
            day("2026-08-31", Transition(GlacierIr)),
        ],
    );
}

fn from(class: StorageClass, rules: impl IntoIterator<Item = Rule>) -> Vec<(String, Action)> {
    let mut world = World::new("k", Versioning::Unversioned);
    world.put("a", "2026-01-01T12:00").class = class;
    world.daily(&policy(rules), "2026-01-01", "2026-12-31")
}

// Law-test: S3, lifecycle supported transitions.
#[test]
fn w26_and_w27_a_move_up_the_waterfall_is_skipped() {
    let up = [Rule::all().transition(Days(30), StandardIa)];
    assert_eq!(from(GlacierIr, up.clone()), []); // W26, with the fewest days that are allowed
    assert_eq!(from(Standard, up), [day("2026-02-01", Transition(StandardIa))]);
    let two = [
        Rule::all().transition(Days(60), GlacierIr),
        Rule::all().transition(Days(90), DeepArchive),
    ];
    assert_eq!(from(OnezoneIa, two), [day("2026-04-02", Transition(DeepArchive))]); // W27
}

#[test]
fn w28_a_move_goes_before_a_delete_marker_and_the_marker_follows() {
    let policy = policy([Rule::all().transition(Days(30), Glacier), Rule::all().expire(Days(30))]);
    let mut world = World::new("k", Versioning::Enabled);
    world.put("a", "2026-06-01T08:00");
    assert_eq!(world.run(&policy, at("2026-07-02")), [Transition(Glacier)]);
    assert_eq!(world.run(&policy, at("2026-07-03")), [PushDeleteMarker]);
    assert_eq!(world.run(&policy, at("2026-07-04")), []);
    assert_eq!(world.names(), ["marker", "a"]);
}

// Law-test: S3, lifecycle event notifications.
// Law-test: S3, lifecycle access log entries.
#[test]
fn every_action_has_its_names() {
    assert_eq!(Delete.event_name(), Some("LifecycleExpiration:Delete"));
    assert_eq!(PushDeleteMarker.event_name(), Some("LifecycleExpiration:DeleteMarkerCreated"));
    assert_eq!(Transition(Glacier).event_name(), Some("LifecycleTransition"));
    assert_eq!(Action::AbortUpload.event_name(), None);
    let names = [
        (StandardIa, "S3.TRANSITION_SIA.OBJECT"),
        (OnezoneIa, "S3.TRANSITION_ZIA.OBJECT"),
        (IntelligentTiering, "S3.TRANSITION_INT.OBJECT"),
        (GlacierIr, "S3.TRANSITION_GIR.OBJECT"),
        (Glacier, "S3.TRANSITION.OBJECT"),
        (DeepArchive, "S3.TRANSITION_GDA.OBJECT"),
    ];
    for (class, name) in names {
        assert_eq!(Transition(class).log_name(), name);
    }
    assert_eq!(Delete.log_name(), "S3.EXPIRE.OBJECT");
    assert_eq!(PushDeleteMarker.log_name(), "S3.CREATE.DELETEMARKER");
    assert_eq!(Action::AbortUpload.log_name(), "S3.DELETE.UPLOAD");
}
