//! Lifecycle over the engine on disk: stopped in the middle, opened again, finished.

use cistern::{
    Cistern, Days, GetOptions, PutOptions, RestoreOptions, StorageClass, Timestamp,
    lifecycle::{LifecyclePolicy, Rule},
    port::{Clock, ManualClock},
};
use std::{path::Path, sync::Arc, time::Duration};

const DAY: Duration = Duration::from_secs(86_400);

fn open(folder: &Path, clock: &Arc<ManualClock>) -> Cistern {
    let builder = Cistern::builder().disk(folder).clock(Arc::clone(clock) as _);
    builder.build().expect("nobody else has the folder")
}

#[test]
fn a_lifecycle_that_stopped_on_disk_goes_on_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let start = Timestamp::parse_iso8601("2026-01-01T10:00:00Z").unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let cistern = open(folder.path(), &clock);
    let bucket = cistern.create_bucket("logs").unwrap();
    let rules = [Rule::all().transition(Days(30), StorageClass::Glacier).expire(Days(400))];
    bucket.set_lifecycle(LifecyclePolicy::new(rules).unwrap()).unwrap();
    for nth in 0..40 {
        bucket.put(format!("{nth:02}"), vec![nth; 131_072]).unwrap();
    }
    // A sweep that was stopped behind key 19: as a run leaves it that is killed.
    clock.advance(DAY * 31);
    bucket.set_sweep_position(Some("19")).unwrap();
    drop((bucket, cistern));

    let cistern = open(folder.path(), &clock);
    let report = cistern.lifecycle().batch(7).run().unwrap();
    assert_eq!((report.moved(), report.left()), (40, 0));
    assert_eq!(cistern.lifecycle().run().unwrap().acts(), 0);
    let bucket = cistern.bucket("logs").unwrap();
    assert_eq!(bucket.sweep_position().unwrap(), None);
    assert_eq!(bucket.get("07").unwrap_err().code(), "InvalidObjectState");
    bucket.restore_object("07", None, RestoreOptions::days(Days(2))).unwrap();
    cistern.close().unwrap();
    drop((bucket, cistern));

    clock.advance(Duration::from_secs(5 * 3600));
    let cistern = open(folder.path(), &clock);
    let bucket = cistern.bucket("logs").unwrap();
    assert_eq!(bucket.get("07").unwrap().bytes().unwrap(), vec![7; 131_072]);
    assert_eq!(bucket.get("08").unwrap_err().code(), "InvalidObjectState");
    clock.advance(DAY * 3);
    assert_eq!(bucket.get("07").unwrap_err().code(), "InvalidObjectState");
    clock.advance(DAY * 400);
    assert_eq!(cistern.lifecycle().run().unwrap().deleted(), 40);
    assert_eq!(bucket.list("").count(), 0);
    cistern.check(|finding| panic!("{finding:?}")).unwrap();
}

#[test]
fn what_is_archived_at_once_is_read_in_the_time_of_its_tier() {
    let clock = Arc::new(ManualClock::new(Timestamp::default()));
    let cistern = Cistern::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    let bucket = cistern.create_bucket("vault").unwrap();
    let deep = PutOptions::new().storage_class(StorageClass::DeepArchive);
    bucket.put_with("k", "x", &deep).unwrap();
    bucket.restore_object("k", None, RestoreOptions::days(Days(1))).unwrap();
    for hour in 0..=12 {
        let read = bucket.get_with("k", &GetOptions::new());
        assert_eq!(read.is_ok(), hour == 12, "after {hour} hours");
        clock.advance(Duration::from_secs(3600));
    }
    let state = bucket.head("k").unwrap().restore().unwrap().header(clock.now());
    assert!(state.unwrap().starts_with("ongoing-request=\"false\""));
}
