//! Archives: bytes that are read once a copy of them is restored, and while it lives.

use crate::kit::{World, at, body_of, refused};
use cistern_storage_core::{
    Bucket, CompletedPart, CopyOptions, CopySource, Days, Event, EventFilter, GetOptions,
    LifecycleDocument, PutOptions, RestoreAnswer, RestoreOptions, RestoreState, RestoreTier,
    RestoreTimes, Settings, StorageClass, Versioning, port::Sink,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const HOUR: u64 = 3600;

fn archived(world: &World, class: StorageClass) -> Bucket {
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put_with("k", "frozen", &PutOptions::new().storage_class(class)).unwrap();
    bucket
}

fn days(days: u32) -> RestoreOptions {
    RestoreOptions::days(Days(days))
}

// Law-test: S3, archived objects are restored before they are read.
#[test]
fn archived_bytes_are_not_read_before_they_are_restored_nor_after_the_copy_lapsed() {
    let world = World::new();
    let bucket = archived(&world, StorageClass::Glacier);
    let none = |bucket: &Bucket| {
        let error = bucket.get("k").unwrap_err();
        assert_eq!((error.code(), error.status()), ("InvalidObjectState", 403));
    };
    none(&bucket);
    refused(&bucket, "InvalidObjectState", || bucket.get_range("k", 0..2));
    refused(&bucket, "InvalidObjectState", || {
        bucket.get_with("k", &GetOptions::new().part_number(1))
    });
    assert_eq!(bucket.head("k").unwrap().size(), 6);
    bucket.attributes("k").unwrap();

    assert_eq!(bucket.restore_object("k", None, days(3)).unwrap(), RestoreAnswer::Started);
    let info = bucket.head("k").unwrap();
    assert_eq!(info.restore().unwrap().state(world.store.clock().now()), RestoreState::Running);
    assert_eq!(info.storage_class(), StorageClass::Glacier);
    world.pass(5 * HOUR - 1);
    none(&bucket);
    world.pass(1);
    assert_eq!(body_of(&bucket, "k", None), "frozen");
    assert_eq!(bucket.get_range("k", 0..2).unwrap(), "fr");
    let listed = bucket.list("").next().unwrap().unwrap();
    let header = listed.restore().unwrap().header(world.store.clock().now()).unwrap();
    let expiry = "expiry-date=\"Tue, 06 Jan 2026 00:00:00 GMT\"";
    assert_eq!(header, format!("ongoing-request=\"false\", {expiry}"));

    world.clock.set(at("2026-01-05T23:59:59.999Z"));
    assert_eq!(body_of(&bucket, "k", None), "frozen");
    world.clock.set(at("2026-01-06T00:00:00Z"));
    none(&bucket);
    let reopened = world.reopened(None).bucket("test").unwrap();
    assert_eq!(reopened.head("k").unwrap(), bucket.head("k").unwrap());
    none(&reopened);
}

// Law-test: S3, archived objects are restored before they are read.
#[test]
fn archived_bytes_are_no_source_and_nothing_is_appended_to_them() {
    let world = World::new();
    let bucket = archived(&world, StorageClass::DeepArchive);
    let source = CopySource::new(&bucket, "k").unwrap();
    let upload = bucket.create_upload("u").unwrap();
    let other = World::new().bucket("test", Versioning::Unversioned);
    refused(&bucket, "InvalidObjectState", || bucket.copy("k", "c"));
    refused(&bucket, "InvalidObjectState", || upload.copy_part(1, &source));
    refused(&bucket, "InvalidObjectState", || bucket.append("k", 6, "more"));
    refused(&other, "InvalidObjectState", || other.copy_with(&source, "c", &CopyOptions::new()));

    bucket.restore_object("k", None, days(1)).unwrap();
    world.pass(12 * HOUR);
    bucket.copy("k", "c").unwrap();
    let copy = bucket.head("c").unwrap();
    assert_eq!((copy.storage_class(), copy.restore()), (StorageClass::Standard, None));
    let part = upload.copy_part(1, &source).unwrap();
    upload.complete(&[CompletedPart::from(part)]).unwrap();
    assert_eq!(body_of(&bucket, "u", None), "frozen");
    // Onto itself, in another class: out of the archive for good.
    let warm = CopyOptions::new().storage_class(StorageClass::Standard);
    bucket.copy_with(&source, "k", &warm).unwrap();
    world.pass(100 * 24 * HOUR);
    assert_eq!(body_of(&bucket, "k", None), "frozen");
    refused(&bucket, "InvalidObjectState", || bucket.restore_object("k", None, days(1)));
}

// Law-test: S3, RestoreObject.
#[test]
fn a_restore_that_runs_is_sped_up_and_a_copy_that_is_there_is_kept_longer() {
    let world = World::new();
    let bucket = archived(&world, StorageClass::Glacier);
    let bulk = days(2).tier(RestoreTier::Bulk);
    assert_eq!(bucket.restore_object("k", None, bulk).unwrap(), RestoreAnswer::Started);
    refused(&bucket, "RestoreAlreadyInProgress", || bucket.restore_object("k", None, bulk));
    let fast = days(9).tier(RestoreTier::Expedited);
    assert_eq!(bucket.restore_object("k", None, fast).unwrap(), RestoreAnswer::SpedUp);
    refused(&bucket, "RestoreAlreadyInProgress", || bucket.restore_object("k", None, days(1)));
    world.pass(300);
    assert_eq!(body_of(&bucket, "k", None), "frozen");
    let expires = |bucket: &Bucket| bucket.head("k").unwrap().restore().unwrap().expires;
    assert_eq!(expires(&bucket), Some(at("2026-01-05T00:00:00Z")));
    assert_eq!(bucket.restore_object("k", None, days(9)).unwrap(), RestoreAnswer::Prolonged);
    assert_eq!(expires(&bucket), Some(at("2026-01-12T00:00:00Z")));
}

// Law-test: S3, RestoreObject.
#[test]
fn restores_that_do_not_fit_are_refused() {
    let world = World::new();
    let bucket = archived(&world, StorageClass::DeepArchive);
    bucket.put("warm", "x").unwrap();
    let fast = days(1).tier(RestoreTier::Expedited);
    refused(&bucket, "InvalidObjectState", || bucket.restore_object("warm", None, days(1)));
    refused(&bucket, "InvalidArgument", || bucket.restore_object("k", None, fast));
    refused(&bucket, "InvalidArgument", || bucket.restore_object("k", None, days(0)));
    refused(&bucket, "InvalidArgument", || bucket.restore_object("k", None, days(u32::MAX)));
    refused(&bucket, "NoSuchKey", || bucket.restore_object("absent", None, days(1)));
    bucket.set_versioning(Versioning::Enabled).unwrap();
    let marker = bucket.delete("k").unwrap().version;
    refused(&bucket, "MethodNotAllowed", || bucket.restore_object("k", marker, days(1)));
}

#[test]
fn how_long_a_restore_takes_is_a_setting() {
    let mut settings = Settings::new();
    let second = Duration::from_secs(1);
    settings.restore_times =
        RestoreTimes { flexible: [second; 3], deep: [second; 2], huge: second };
    let world = World::with(settings, None);
    let bucket = archived(&world, StorageClass::DeepArchive);
    bucket.restore_object("k", None, days(1)).unwrap();
    world.pass(1);
    assert_eq!(body_of(&bucket, "k", None), "frozen");
}

// Law-test: S3, restore event notifications.
#[test]
fn a_restore_is_told_when_it_begins_when_it_is_done_and_when_it_lapses() {
    #[derive(Debug, Default)]
    struct Names(Mutex<Vec<String>>);
    impl Sink for Names {
        fn tell(&self, event: &Event) {
            self.0.lock().unwrap().push(format!("{} {}", event.name, event.size.unwrap()));
        }
    }
    let world = World::new();
    let bucket = archived(&world, StorageClass::Glacier);
    let names = Arc::new(Names::default());
    let _subscription = world.store.subscribe(EventFilter::new(), Arc::clone(&names) as _);
    bucket.restore_object("k", None, days(1).tier(RestoreTier::Bulk)).unwrap();
    bucket.restore_object("k", None, days(1)).unwrap();
    let told = || std::mem::take(&mut *names.0.lock().unwrap());
    assert_eq!(told(), ["ObjectRestore:Post 6"]);
    let settle = || {
        let settled = bucket.settle_restores().unwrap();
        (settled.completed, settled.lapsed)
    };
    assert_eq!(settle(), (0, 0));
    world.pass(5 * HOUR);
    assert_eq!(settle(), (1, 0));
    assert_eq!((settle(), told()), ((0, 0), vec!["ObjectRestore:Completed 6".to_owned()]));
    // Kept longer: the old end is none.
    bucket.restore_object("k", None, days(3)).unwrap();
    world.clock.set(at("2026-01-05T00:00:00Z"));
    assert_eq!(settle(), (0, 0));
    world.clock.set(at("2026-01-06T00:00:00Z"));
    assert_eq!(settle(), (0, 1));
    assert_eq!((settle(), told()), ((0, 0), vec!["ObjectRestore:Delete 6".to_owned()]));
    assert_eq!(bucket.head("k").unwrap().restore(), None);
    // Nobody looked for a long time: both are told, in their order.
    bucket.restore_object("k", None, days(1)).unwrap();
    world.pass(100 * 24 * HOUR);
    assert_eq!(settle(), (1, 1));
    assert_eq!(
        told(),
        ["ObjectRestore:Post 6", "ObjectRestore:Completed 6", "ObjectRestore:Delete 6"]
    );
    // What is gone is not told of, and leaves nothing behind.
    bucket.restore_object("k", None, days(1)).unwrap();
    bucket.put("k", "fresh").unwrap();
    told();
    world.pass(100 * 24 * HOUR);
    assert_eq!((settle(), told()), ((0, 0), vec![]));
}

// Law-test: S3, GetBucketLifecycleConfiguration. Law-test: S3, PutBucketLifecycleConfiguration.
// Law-test: S3, DeleteBucketLifecycle.
#[test]
fn a_lifecycle_is_kept_as_it_was_given() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let none = |bucket: &Bucket| {
        let error = bucket.lifecycle().unwrap_err();
        assert_eq!((error.code(), error.status()), ("NoSuchLifecycleConfiguration", 404));
    };
    none(&bucket);
    bucket.delete_lifecycle().unwrap();
    let document = LifecycleDocument::new("<a/>", "varies_by_storage_class");
    bucket.set_lifecycle(document.clone()).unwrap();
    assert_eq!(bucket.lifecycle().unwrap(), document);
    let reopened = world.reopened(None).bucket("test").unwrap();
    assert_eq!(reopened.lifecycle().unwrap(), document);
    reopened.delete_lifecycle().unwrap();
    none(&reopened);
}
