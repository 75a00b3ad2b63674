mod stopping;

use super::*;
use crate::{Days, Rule, StorageClass, Timestamp, TransitionMinimumSize};
use cistern_storage_core::{
    BucketOptions, DeleteOptions, GetOptions, LegalHold, MemoryBackend, ObjectLockConfig,
    PutOptions, RestoreOptions, Retention, RetentionMode, VersionId,
    port::{Backend, Clock, ManualClock, SeededEntropy},
};
use std::{sync::Arc, time::Duration};

fn at(text: &str) -> Timestamp {
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { format!("{text}:00Z") };
    Timestamp::parse_iso8601(&full).unwrap()
}

/// A store in memory, its clock, and one bucket.
struct World {
    backend: Arc<dyn Backend>,
    clock: Arc<ManualClock>,
    lifecycle: Lifecycle,
    bucket: Bucket,
}

impl World {
    fn new(begin: &str, options: BucketOptions) -> Self {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        let clock = Arc::new(ManualClock::new(at(begin)));
        let store = open(&backend, &clock);
        let bucket = store.create_bucket_with("test", options).unwrap();
        Self { backend, clock, lifecycle: Lifecycle::new(store), bucket }
    }

    fn plain(begin: &str, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::of(begin, Versioning::Unversioned, rules)
    }

    fn of(begin: &str, state: Versioning, rules: impl IntoIterator<Item = Rule>) -> Self {
        let world = Self::new(begin, BucketOptions::new().versioning(state));
        world.bucket.set_lifecycle(policy(rules)).unwrap();
        world
    }

    /// Moves the clock to a moment, and runs.
    fn run(&self, now: &str) -> BucketReport {
        self.clock.set(at(now));
        self.lifecycle.run().unwrap().buckets.pop().unwrap()
    }

    /// Runs at each midnight from the day of the clock on, up to and with `last`.
    fn daily(&self, last: &str) {
        let mut day = self.clock.now().midnight_after(Days(0));
        while day <= at(last) {
            self.clock.set(day);
            self.lifecycle.run().unwrap();
            day = day.plus_days(Days(1));
        }
    }

    fn put(&self, key: &str, now: &str, size: usize) -> Option<VersionId> {
        self.clock.set(at(now));
        self.bucket.put(key, vec![7; size]).unwrap().version
    }

    /// Class by key, or `DM`, of all versions; newest first.
    fn stack(&self) -> Vec<String> {
        let tell = |info: cistern_storage_core::ObjectInfo| match info.is_delete_marker() {
            true => "DM".to_owned(),
            false => info.storage_class().to_string(),
        };
        self.bucket.list_versions("").map(|info| tell(info.unwrap())).collect()
    }
}

fn open(backend: &Arc<dyn Backend>, clock: &Arc<ManualClock>) -> Store {
    let builder = Store::builder(Arc::clone(backend)).clock(Arc::clone(clock) as _);
    builder.entropy(Arc::new(SeededEntropy::new(1))).build().unwrap()
}

fn policy(rules: impl IntoIterator<Item = Rule>) -> LifecyclePolicy {
    LifecyclePolicy::new(rules).unwrap()
}

const MIB: usize = 1 << 20;

// Law-test: S3, lifecycle rules act on all objects in the bucket.
#[test]
fn w6_an_object_goes_down_the_classes_and_then_for_good() {
    let rule = Rule::all()
        .transition(Days(30), StorageClass::StandardIa)
        .transition(Days(90), StorageClass::Glacier)
        .expire(Days(365));
    let world = World::plain("2026-01-01T12:00", [rule.clone()]);
    world.put("k", "2026-01-01T12:00", MIB);
    let born = world.bucket.head("k").unwrap();
    for (last, class) in [
        ("2026-01-31", StorageClass::Standard),
        ("2026-02-01", StorageClass::StandardIa),
        ("2026-04-01", StorageClass::StandardIa),
        ("2026-04-02", StorageClass::Glacier),
        ("2027-01-01", StorageClass::Glacier),
    ] {
        world.daily(last);
        let now = world.bucket.head("k").unwrap();
        assert_eq!(now.storage_class(), class, "{last}");
        assert_eq!((now.etag(), now.last_modified()), (born.etag(), born.last_modified()));
    }
    assert_eq!(world.bucket.get("k").unwrap_err().code(), "InvalidObjectState");
    let report = world.run("2027-01-02");
    assert_eq!(report.deleted, [(StorageClass::Glacier, 1)].into());
    assert_eq!(world.stack(), [""; 0]);
    assert_eq!(world.run("2027-01-02").acts(), 0);

    // W7: a first run that is late takes it to the last class at once.
    let world = World::plain("2026-01-01T12:00", [rule]);
    world.put("k", "2026-01-01T12:00", MIB);
    let report = world.run("2026-05-01");
    let moved = (StorageClass::Standard, StorageClass::Glacier);
    assert_eq!(report.transitions, [(moved, 1)].into());
    assert_eq!(report.to_string(), "test: 1 acts on 1 versions\n  STANDARD -> GLACIER: 1\n");
}

#[test]
fn w28_a_version_gets_one_action_a_run() {
    let rules = [
        Rule::all().transition(Days(30), StorageClass::Glacier),
        Rule::all().expire(Days(30)).id("end"),
    ];
    let world = World::of("2026-06-01T08:00", Versioning::Enabled, rules);
    world.put("k", "2026-06-01T08:00", MIB);
    world.run("2026-07-01T23:59");
    assert_eq!(world.stack(), ["STANDARD"]);
    world.run("2026-07-02");
    assert_eq!(world.stack(), ["GLACIER"]);
    world.run("2026-07-02");
    assert_eq!(world.stack(), ["DM", "GLACIER"]);
}

#[test]
fn w31_a_marker_is_pushed_the_data_goes_and_then_the_marker() {
    let rule = || Rule::all().expire(Days(60)).expire_noncurrent(Days(30));
    let world = World::of("2026-01-10T09:00", Versioning::Enabled, [rule()]);
    world.put("k", "2026-01-10T09:00", 1);
    world.daily("2026-03-11");
    assert_eq!(world.stack(), ["STANDARD"]);
    world.daily("2026-03-12");
    assert_eq!(world.stack(), ["DM", "STANDARD"]);
    let marker = world.bucket.list_versions("").next().unwrap().unwrap();
    assert_eq!(marker.last_modified(), at("2026-03-12"));
    world.daily("2026-04-11");
    assert_eq!(world.stack(), ["DM", "STANDARD"]);
    world.daily("2026-04-12");
    assert_eq!(world.stack(), ["DM"]);
    world.daily("2026-05-11");
    assert_eq!(world.stack(), ["DM"]);
    world.daily("2026-05-12");
    assert_eq!(world.stack(), [""; 0]);
    // A run that is late does not shorten the days that follow.
    let world = World::of("2026-01-10T09:00", Versioning::Enabled, [rule()]);
    world.put("k", "2026-01-10T09:00", 1);
    world.run("2026-04-20T07:00");
    world.daily("2026-05-20");
    assert_eq!(world.stack(), ["DM", "STANDARD"]);
    world.daily("2026-05-21");
    assert_eq!(world.stack(), ["DM"]);
}

#[test]
fn w32_and_w33_the_newest_noncurrent_versions_are_kept() {
    let fill = |rule| {
        let world = World::of("2026-01-01T12:00", Versioning::Enabled, [rule]);
        for day in 1..=10 {
            world.put("k", &format!("2026-01-{day:02}T12:00"), day);
        }
        world
    };
    let sizes = |world: &World| -> Vec<u64> {
        world.bucket.list_versions("").map(|info| info.unwrap().size()).collect()
    };
    let world = fill(Rule::all().expire_noncurrent_but(5, Days(5)));
    let report = world.run("2026-01-11");
    assert_eq!((report.acts(), report.left), (4, 0));
    assert_eq!(sizes(&world), [10, 9, 8, 7, 6, 5]);
    world.daily("2026-02-11");
    assert_eq!(sizes(&world), [10, 9, 8, 7, 6, 5]);
    let world = fill(Rule::all().expire_noncurrent(Days(5)));
    world.run("2026-01-15");
    assert_eq!(sizes(&world), [10, 9]);
    world.run("2026-01-16");
    assert_eq!(sizes(&world), [10]);
}

#[test]
fn w35_a_version_is_dated_by_the_next_newer_one_that_is_there() {
    let rule = Rule::all().expire_noncurrent(Days(7));
    let world = World::of("2026-04-01T10:00", Versioning::Enabled, [rule]);
    world.put("k", "2026-04-01T10:00", 1);
    let second = world.put("k", "2026-04-03T10:00", 2).unwrap();
    world.put("k", "2026-04-08T10:00", 3);
    world.clock.set(at("2026-04-09T10:00"));
    world.bucket.delete_with("k", &DeleteOptions::new().version(second)).unwrap();
    world.daily("2026-04-15");
    assert_eq!(world.stack().len(), 2);
    world.daily("2026-04-16");
    assert_eq!(world.stack().len(), 1);
}

#[test]
fn w37_a_marker_that_hides_versions_stays() {
    let world = World::of("2026-01-01T10:00", Versioning::Enabled, [Rule::all().expire(Days(1))]);
    world.put("k", "2026-01-01T10:00", 1);
    world.put("k", "2026-01-01T11:00", 1);
    world.bucket.delete("k").unwrap();
    world.daily("2026-02-01");
    assert_eq!(world.stack(), ["DM", "STANDARD", "STANDARD"]);
}

#[test]
fn w38_a_suspended_bucket_replaces_its_null_version() {
    let world = World::of("2026-01-05T10:00", Versioning::Enabled, [Rule::all().expire(Days(10))]);
    world.bucket.set_versioning(Versioning::Suspended).unwrap();
    world.put("k", "2026-01-05T10:00", 1);
    world.daily("2026-01-15");
    assert_eq!(world.stack(), ["STANDARD"]);
    world.daily("2026-01-16");
    assert_eq!(world.stack(), ["DM"]);
    world.daily("2026-01-26");
    assert_eq!(world.stack(), ["DM"]);
    world.daily("2026-01-27");
    assert_eq!(world.stack(), [""; 0]);
}

#[test]
fn w40_a_locked_version_stays_as_long_as_it_is_locked_and_is_moved_meanwhile() {
    let world =
        World::new("2026-01-01T10:00", BucketOptions::new().object_lock(ObjectLockConfig::new()));
    let rule = Rule::all()
        .transition_noncurrent(Days(1), StorageClass::Glacier)
        .expire_noncurrent(Days(2));
    world.bucket.set_lifecycle(policy([rule])).unwrap();
    let until = at("2027-01-01");
    let retention = Retention { mode: RetentionMode::Compliance, until };
    world.bucket.put_with("k", vec![1; MIB], &PutOptions::new().retention(retention)).unwrap();
    let held = PutOptions::new().legal_hold(LegalHold::On);
    let held = world.bucket.put_with("k", vec![1; MIB], &held).unwrap().version;
    world.put("k", "2026-01-02T10:00", 1);
    world.daily("2026-12-31");
    assert_eq!(world.stack(), ["STANDARD", "GLACIER", "GLACIER"]);
    world.run("2027-01-01");
    assert_eq!(world.stack(), ["STANDARD", "GLACIER"]);
    world.bucket.set_legal_hold("k", held, LegalHold::Off).unwrap();
    world.run("2027-01-01");
    assert_eq!(world.stack(), ["STANDARD"]);
}

#[test]
fn w14_and_w15_small_objects_stay_unless_the_bucket_says_otherwise() {
    let rules = || [Rule::all().transition(Days(1), StorageClass::Glacier)];
    let world = World::plain("2026-01-01T10:00", rules());
    world.put("large", "2026-01-01T10:00", 131_072);
    world.put("small", "2026-01-01T10:00", 131_071);
    world.run("2026-01-03");
    assert_eq!(world.stack(), ["GLACIER", "STANDARD"]);
    let varies = policy(rules()).minimum_size(TransitionMinimumSize::VariesByStorageClass);
    world.bucket.set_lifecycle(&varies).unwrap();
    assert_eq!(LifecyclePolicy::try_from(&world.bucket.lifecycle().unwrap()).unwrap(), varies);
    world.run("2026-01-03");
    assert_eq!(world.stack(), ["GLACIER", "GLACIER"]);
}

#[test]
fn w49_and_w50_uploads_are_aborted_and_date_their_object_from_their_beginning() {
    let rule = Rule::all().abort_uploads(Days(7)).expire(Days(2));
    let world = World::plain("2026-03-10T15:00", [rule]);
    let lost = world.bucket.create_upload("lost").unwrap();
    lost.put_part(1, "part").unwrap();
    let upload = world.bucket.create_upload("whole").unwrap();
    let part = upload.put_part(1, "part").unwrap();
    world.clock.set(at("2026-03-13T09:00"));
    upload.complete(&[part.into()]).unwrap();
    assert_eq!(world.run("2026-03-13T09:00").deleted.len(), 1);
    world.daily("2026-03-17");
    assert_eq!(world.bucket.list_uploads("").count(), 1);
    assert_eq!(world.run("2026-03-18").uploads_aborted, 1);
    assert_eq!(world.bucket.list_uploads("").count(), 0);
    assert_eq!(world.bucket.stats().unwrap().classes, []);
}

#[test]
fn w42_a_policy_that_is_gone_does_nothing_and_one_that_is_new_is_for_old_objects_too() {
    let rule = || Rule::all().expire(Days(1));
    let world = World::plain("2026-01-01T10:00", [rule().disabled()]);
    world.put("k", "2026-01-01T10:00", 1);
    assert_eq!(world.run("2026-01-13").acts(), 0);
    world.bucket.delete_lifecycle().unwrap();
    assert_eq!(world.lifecycle.run().unwrap().buckets, []);
    world.bucket.set_lifecycle(policy([rule()])).unwrap();
    assert_eq!(world.run("2026-01-13").acts(), 1);
}

#[test]
fn a_document_that_is_no_policy_fails_the_run_once_all_others_are_done() {
    let world = World::plain("2026-01-01T10:00", [Rule::all().expire(Days(1))]);
    let broken = world.lifecycle.store.create_bucket("broken").unwrap();
    broken.set_lifecycle(LifecycleDocument::new("<a/>", "all_storage_classes_128K")).unwrap();
    world.put("k", "2026-01-01T10:00", 1);
    world.clock.set(at("2026-01-13"));
    let error = world.lifecycle.run().unwrap_err();
    assert!(matches!(error, RunError::Policy { bucket, .. } if bucket.as_str() == "broken"));
    assert_eq!(world.stack(), [""; 0]);
}

#[test]
fn restores_are_told_of_in_buckets_without_a_lifecycle_too() {
    let world = World::new("2026-01-01T10:00", BucketOptions::new());
    let cold = PutOptions::new().storage_class(StorageClass::Glacier);
    world.bucket.put_with("k", "x", &cold).unwrap();
    world.bucket.restore_object("k", None, RestoreOptions::days(Days(1))).unwrap();
    assert_eq!(world.lifecycle.run().unwrap().buckets, []);
    let restores = world.run("2026-01-01T15:00").restores;
    assert_eq!((restores.completed, restores.lapsed), (1, 0));
    assert_eq!(world.lifecycle.run().unwrap().buckets, []);
    let report = world.run("2026-01-03");
    assert_eq!(report.to_string(), "test: 0 acts on 0 versions\n  restored copies lapsed: 1\n");
}

/// 60 keys, each with versions and all that a policy can do to them.
fn crowd(batch: usize) -> World {
    let rules = [
        Rule::prefix("a").transition(Days(1), StorageClass::Glacier).expire(Days(9)),
        Rule::prefix("b").expire_noncurrent_but(2, Days(1)),
        Rule::all().abort_uploads(Days(3)),
    ];
    let mut world = World::of("2026-01-01T10:00", Versioning::Enabled, rules);
    for nth in 0..60 {
        let key = format!("{}/{nth:02}", if nth % 2 == 0 { 'a' } else { 'b' });
        world.bucket.put(&key, vec![0; 131_072]).unwrap();
        for size in 0..nth % 6 {
            world.bucket.put(&key, vec![0; size]).unwrap();
        }
        if nth % 5 == 0 {
            world.bucket.create_upload(&key).unwrap();
        }
    }
    world.lifecycle = world.lifecycle.batch(batch);
    world
}

/// What can be seen of a bucket: key, class, size, marker; and its uploads.
fn seen(bucket: &Bucket) -> (Vec<(String, StorageClass, u64, bool)>, usize) {
    let tell = |info: cistern_storage_core::ObjectInfo| {
        let key = info.key().to_string();
        (key, info.storage_class(), info.size(), info.is_delete_marker())
    };
    let versions = bucket.list_versions("").map(|info| tell(info.unwrap())).collect();
    (versions, bucket.list_uploads("").count())
}

#[test]
fn a_second_run_at_the_same_time_changes_nothing() {
    for batch in [1, 7, 1000] {
        let world = crowd(batch);
        let first = world.run("2026-01-06");
        assert!(first.moved() > 0 && first.uploads_aborted == 12 && first.left == 0, "{first}");
        let (before, position) = (seen(&world.bucket), world.bucket.sweep_position().unwrap());
        assert_eq!(position, None);
        assert_eq!(world.run("2026-01-06").acts(), 0);
        assert_eq!(seen(&world.bucket), before);
    }
}

#[test]
fn a_run_that_is_stopped_anywhere_is_finished_by_the_next() {
    let whole = crowd(1000);
    let acts = whole.run("2026-01-06").acts();
    let expected = seen(&whole.bucket);
    for stop in 0..40 {
        let world = crowd(3);
        world.clock.set(at("2026-01-06"));
        let commits = stopping::Stopping::new(Arc::clone(&world.backend), stop * 4);
        let backend: Arc<dyn Backend> = Arc::new(commits);
        let halted = Lifecycle::new(open(&backend, &world.clock)).batch(3).run();
        // The process is gone; what was committed is there, and nothing else.
        let store = open(&world.backend, &world.clock);
        let again = Lifecycle::new(store.clone()).batch(3).run().unwrap();
        let bucket = store.bucket("test").unwrap();
        assert_eq!(seen(&bucket), expected, "stopped after {} commits", stop * 4);
        assert_eq!(bucket.sweep_position().unwrap(), None);
        if stop == 0 {
            assert_eq!((halted.unwrap_err().to_string(), again.acts()), (STOPPED.into(), acts));
        }
        store.check(|finding| panic!("{finding:?}")).unwrap();
    }
}

const STOPPED: &str = "the lifecycle of the store could not be run";

#[test]
fn a_year_of_every_day_takes_no_time() {
    let rule =
        Rule::prefix("thumbs/").transition(Days(30), StorageClass::OnezoneIa).expire(Days(60));
    let world = World::plain("2026-01-01T10:00", [rule]);
    for day in 0..365_u64 {
        let key = format!("thumbs/{day:03}");
        world.bucket.put(key, vec![0; 131_072]).unwrap();
        world.clock.advance(Duration::from_secs(86_400));
        world.lifecycle.run().unwrap();
    }
    // Of each of the last 61 days one is left, the older half of them in one zone.
    let stats = world.bucket.stats().unwrap();
    assert_eq!(stats.class(StorageClass::Standard).objects, 30);
    assert_eq!(stats.class(StorageClass::OnezoneIa).objects, 30);
    let oldest = world.bucket.list("").next().unwrap().unwrap();
    world.bucket.get_with(oldest.key().clone(), &GetOptions::new()).unwrap();
}
