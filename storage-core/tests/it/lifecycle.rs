//! Acts of lifecycle: each holds what it was decided on to what it was.

use crate::kit::{World, at, check_stats, dump, refused, stack};
use cistern_storage_core::{
    Bucket, Event, EventFilter, LegalHold, LifecycleAct, LifecycleChange, LifecycleDocument,
    LifecycleOutcome, ObjectInfo, ObjectLockConfig, PutOptions, Result, StorageClass, Tags,
    Versioning,
    port::{Decision, Gate, GateRequest, Sink},
};
use std::sync::{Arc, Mutex};

use LifecycleChange::{Delete, PushDeleteMarker, Transition};
use LifecycleOutcome::{Changed, Done, Locked};

fn document() -> LifecycleDocument {
    LifecycleDocument::new("<a/>", "all")
}

fn versions(bucket: &Bucket) -> Vec<ObjectInfo> {
    bucket.list_versions("").map(Result::unwrap).collect()
}

fn change(version: &ObjectInfo, newer: &[ObjectInfo], change: LifecycleChange) -> LifecycleAct {
    LifecycleAct::Change { version: version.clone(), newer: newer.to_vec(), change }
}

#[track_caller]
fn check(bucket: &Bucket, act: LifecycleAct, outcome: LifecycleOutcome) {
    let before = dump(bucket);
    assert_eq!(bucket.apply_lifecycle(&document(), &[act]).unwrap(), [outcome]);
    assert_eq!(dump(bucket) == before, outcome != Done, "an act does something, or nothing");
    check_stats(bucket);
}

fn world(versioning: Versioning) -> (World, Bucket) {
    let world = World::new();
    let bucket = world.bucket("test", versioning);
    bucket.set_lifecycle(document()).unwrap();
    (world, bucket)
}

// Law-test: S3, lifecycle transitions keep the object.
#[test]
fn a_transition_changes_the_class_and_nothing_else() {
    let (world, bucket) = world(Versioning::Enabled);
    bucket.put("k", "old").unwrap();
    bucket.put("k", "new").unwrap();
    world.pass(86_400);
    for nth in [0, 1] {
        let before = versions(&bucket)[nth].clone();
        check(&bucket, change(&before, &[], Transition(StorageClass::GlacierIr)), Done);
        let after = versions(&bucket)[nth].clone();
        assert_eq!(after.storage_class(), StorageClass::GlacierIr);
        assert_eq!(after.in_class_since(), world.store.clock().now());
        assert_eq!(before.in_class_since(), before.last_modified());
        let told = |info: &ObjectInfo| {
            (info.version(), info.etag(), info.last_modified(), info.is_latest(), info.crc64())
        };
        assert_eq!(told(&before), told(&after));
        // What was decided on the version as it was does not hold for what it is now.
        check(&bucket, change(&before, &[], Transition(StorageClass::Glacier)), Changed);
        check(&bucket, change(&after, &[], Transition(StorageClass::GlacierIr)), Changed);
    }
    assert_eq!(stack(&bucket, "k"), ["2:new", "1:old"]);
}

#[test]
fn an_act_is_left_when_what_it_rests_on_has_changed() {
    let (_world, bucket) = world(Versioning::Enabled);
    for body in ["a", "b", "c"] {
        bucket.put("k", body).unwrap();
    }
    let [c, b, a] = versions(&bucket).try_into().unwrap();
    let delete = |newer: &[ObjectInfo]| change(&a, newer, Delete);
    // Its tags are others.
    let tags: Tags = [("keep", "me")].try_into().unwrap();
    bucket.set_object_tags("k", Some(a.version()), &tags).unwrap();
    check(&bucket, delete(&[]), Changed);
    bucket.set_object_tags("k", Some(a.version()), &Tags::new()).unwrap();
    // A newer version that it rests on is gone.
    bucket.delete_version("k", b.version()).unwrap();
    check(&bucket, delete(&[b.clone(), c.clone()]), Changed);
    // It has become the current one.
    bucket.delete_version("k", c.version()).unwrap();
    check(&bucket, delete(&[]), Changed);
    // The lifecycle is another.
    bucket.put("k", "d").unwrap();
    bucket.set_lifecycle(LifecycleDocument::new("<b/>", "all")).unwrap();
    check(&bucket, delete(&[]), Changed);
    bucket.set_lifecycle(document()).unwrap();
    check(&bucket, delete(&versions(&bucket)[..1]), Done);
    check(&bucket, delete(&[]), Changed);
    assert_eq!(stack(&bucket, "k"), ["1:d"]);
}

#[test]
fn what_no_lifecycle_does_is_not_done() {
    let (_world, bucket) = world(Versioning::Enabled);
    bucket.put("k", "a").unwrap();
    check(&bucket, change(&versions(&bucket)[0], &[], Delete), Changed);
    bucket.delete("k").unwrap();
    let [marker, data] = versions(&bucket).try_into().unwrap();
    check(&bucket, change(&marker, &[], Delete), Changed);
    check(&bucket, change(&marker, &[], Transition(StorageClass::Glacier)), Changed);
    check(&bucket, change(&data, &[], PushDeleteMarker(at("2026-02-01T00:00:00Z"))), Changed);
    check(&bucket, change(&data, std::slice::from_ref(&marker), Delete), Done);
    check(&bucket, change(&marker, &[], Delete), Done);
    assert_eq!(versions(&bucket), []);
    let express = Transition(StorageClass::ExpressOnezone);
    bucket.put("k", "a").unwrap();
    refused(&bucket, "InvalidStorageClass", || {
        bucket.apply_lifecycle(&document(), &[change(&versions(&bucket)[0], &[], express)])
    });
}

// Law-test: S3, lifecycle and object lock.
#[test]
fn a_locked_version_is_moved_and_hidden_and_never_deleted() {
    let world = World::new();
    let bucket = world.locked("test", ObjectLockConfig::new());
    bucket.set_lifecycle(document()).unwrap();
    bucket.put_with("k", "a", &PutOptions::new().legal_hold(LegalHold::On)).unwrap();
    let date = at("2026-01-02T00:00:00Z");
    check(&bucket, change(&versions(&bucket)[0], &[], PushDeleteMarker(date)), Done);
    check(&bucket, change(&versions(&bucket)[1], &[], Transition(StorageClass::Glacier)), Done);
    let [marker, data] = versions(&bucket).try_into().unwrap();
    assert_eq!(marker.last_modified(), date);
    check(&bucket, change(&data, &[], Delete), Locked);
    bucket.set_legal_hold("k", Some(data.version()), LegalHold::Off).unwrap();
    check(&bucket, change(&versions(&bucket)[1], &[], Delete), Done);
}

// Law-test: S3, lifecycle in the three versioning states.
#[test]
fn an_expiry_deletes_hides_or_replaces_by_the_state_of_the_bucket() {
    let date = at("2026-01-02T00:00:00Z");
    let (_world, bucket) = world(Versioning::Unversioned);
    bucket.put("k", "a").unwrap();
    check(&bucket, change(&versions(&bucket)[0], &[], PushDeleteMarker(date)), Changed);
    check(&bucket, change(&versions(&bucket)[0], &[], Delete), Done);
    bucket.put("k", "b").unwrap();
    bucket.set_versioning(Versioning::Enabled).unwrap();
    bucket.put("k", "c").unwrap();
    bucket.set_versioning(Versioning::Suspended).unwrap();
    check(&bucket, change(&versions(&bucket)[0], &[], PushDeleteMarker(date)), Done);
    assert_eq!(stack(&bucket, "k"), ["null DM", "1:c"]);
}

// Law-test: S3, lifecycle event notifications.
#[test]
fn acts_are_told_by_their_own_names_and_an_upload_is_not() {
    #[derive(Debug, Default)]
    struct Names(Mutex<Vec<String>>);
    impl Sink for Names {
        fn tell(&self, event: &Event) {
            self.0.lock().unwrap().push(event.name.to_string());
        }
    }
    let (world, bucket) = world(Versioning::Enabled);
    bucket.put("k", "a").unwrap();
    let names = Arc::new(Names::default());
    let _subscription = world.store.subscribe(EventFilter::new(), Arc::clone(&names) as _);
    check(&bucket, change(&versions(&bucket)[0], &[], Transition(StorageClass::Glacier)), Done);
    let date = at("2026-01-02T00:00:00Z");
    check(&bucket, change(&versions(&bucket)[0], &[], PushDeleteMarker(date)), Done);
    check(&bucket, change(&versions(&bucket)[1], &[], Delete), Done);
    let upload = bucket.create_upload("u").unwrap();
    upload.put_part(1, "part").unwrap();
    let abort = [LifecycleAct::AbortUpload(upload)];
    assert_eq!(bucket.apply_lifecycle(&document(), &abort).unwrap(), [Done]);
    assert_eq!(bucket.apply_lifecycle(&document(), &abort).unwrap(), [Changed]);
    assert_eq!(bucket.list_uploads("").count(), 0);
    let told = names.0.lock().unwrap();
    assert_eq!(
        *told,
        [
            "LifecycleTransition",
            "LifecycleExpiration:DeleteMarkerCreated",
            "LifecycleExpiration:Delete",
        ]
    );
}

#[test]
fn only_the_owner_acts_and_a_place_is_kept() {
    #[derive(Debug)]
    struct Open;
    impl Gate for Open {
        fn decide(&self, _: &GateRequest<'_>) -> Decision {
            Decision::Allow
        }
    }
    let (world, bucket) = world(Versioning::Unversioned);
    let alice = bucket.as_principal("alice", Arc::new(Open));
    refused(&bucket, "AccessDenied", || alice.apply_lifecycle(&document(), &[]));
    refused(&bucket, "AccessDenied", || alice.sweep_position());
    refused(&bucket, "AccessDenied", || alice.set_sweep_position(None));
    assert_eq!(bucket.sweep_position().unwrap(), None);
    bucket.set_sweep_position(Some("a/b")).unwrap();
    let reopened = world.reopened(None).bucket("test").unwrap();
    assert_eq!(reopened.sweep_position().unwrap().as_deref(), Some("a/b"));
    reopened.set_sweep_position(None).unwrap();
    assert_eq!(reopened.sweep_position().unwrap(), None);
}
