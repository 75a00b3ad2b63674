//! Events: of every change, in order, and no others.

use crate::kit::{Call, World, pattern};
use cistern_storage_core::{
    Bucket, BucketOptions, DeleteEntry, Event, EventFilter, PutOptions, RenameOptions, Store, Tags,
    Versioning, port::Sink,
};
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn tell(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Heard {
    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Ear {
    bucket: Bucket,
    heard: Arc<Heard>,
    _subscription: cistern_storage_core::Subscription,
}

fn ear(versioning: Versioning) -> Ear {
    let world = World::new();
    let bucket = world.bucket("test", versioning);
    let heard = Arc::new(Heard::default());
    let subscription = world.store.subscribe(EventFilter::new(), Arc::clone(&heard) as _);
    Ear { bucket, heard, _subscription: subscription }
}

impl Ear {
    #[track_caller]
    fn check(&self, expected: &[(&str, &str)]) {
        let events = self.heard.take();
        let found: Vec<_> =
            events.iter().map(|event| (event.name.as_str(), event.key.as_str())).collect();
        assert_eq!(found, expected);
        assert!(events.is_sorted_by_key(|event| event.position));
    }
}

// Law-test: S3, supported event types for notifications.
#[test]
fn every_verb_tells_its_event() {
    let ear = ear(Versioning::Unversioned);
    let bucket = &ear.bucket;
    bucket.put("k", "x").unwrap();
    ear.check(&[("ObjectCreated:Put", "k")]);
    bucket.append("k", 1, "y").unwrap();
    ear.check(&[("ObjectCreated:Put", "k")]);
    bucket.copy("k", "c").unwrap();
    ear.check(&[("ObjectCreated:Copy", "c")]);
    bucket.rename("c", "r").unwrap();
    ear.check(&[("ObjectRemoved:Delete", "c"), ("ObjectCreated:Copy", "r")]);
    bucket.set_object_tags("k", None, &[("a", "1")].try_into().unwrap()).unwrap();
    ear.check(&[("ObjectTagging:Put", "k")]);
    bucket.set_object_tags("k", None, &Tags::new()).unwrap();
    ear.check(&[("ObjectTagging:Delete", "k")]);
    bucket.delete("k").unwrap();
    ear.check(&[("ObjectRemoved:Delete", "k")]);
    bucket.delete("k").unwrap();
    ear.check(&[]);

    bucket.set_versioning(Versioning::Enabled).unwrap();
    let version = bucket.put("k", "x").unwrap().version.unwrap();
    bucket.delete("k").unwrap();
    bucket.rename("r", "s").unwrap();
    bucket.delete_version("k", version).unwrap();
    bucket.delete_version("k", version).unwrap();
    ear.check(&[
        ("ObjectCreated:Put", "k"),
        ("ObjectRemoved:DeleteMarkerCreated", "k"),
        ("ObjectRemoved:DeleteMarkerCreated", "r"),
        ("ObjectCreated:Copy", "s"),
        ("ObjectRemoved:Delete", "k"),
    ]);
    let entries = [DeleteEntry::new("s").unwrap(), DeleteEntry::new("s").unwrap()];
    bucket.delete_many(&entries).unwrap();
    ear.check(&[("ObjectRemoved:DeleteMarkerCreated", "s"); 2]);
}

#[test]
fn what_does_not_change_anything_tells_nothing() {
    let ear = ear(Versioning::Enabled);
    let bucket = &ear.bucket;
    bucket.put("k", "x").unwrap();
    bucket.put("l", "x").unwrap();
    ear.heard.take();
    bucket.put_with("k", "y", &PutOptions::new().if_absent()).unwrap_err();
    bucket.copy("absent", "c").unwrap_err();
    bucket.rename("k", "l").unwrap_err();
    bucket.append("k", 7, "y").unwrap_err();
    bucket.get("k").unwrap().bytes().unwrap();
    bucket.list("").count();
    ear.check(&[]);
    let token = RenameOptions::new().client_token("t").unwrap();
    bucket.rename_with("k", "m", &token).unwrap();
    ear.heard.take();
    bucket.rename_with("k", "m", &token).unwrap();
    ear.check(&[]);
}

#[test]
fn an_event_tells_what_a_message_needs() {
    let ear = ear(Versioning::Enabled);
    let put = ear.bucket.put("k", "hello").unwrap();
    let marker = ear.bucket.delete("k").unwrap();
    let events = ear.heard.take();
    assert_eq!(events[0].version, put.version);
    assert_eq!((events[0].size, events[0].etag), (Some(5), Some(put.etag)));
    assert_eq!((events[0].bucket.as_str(), events[0].time), ("test", put.last_modified));
    assert_eq!((events[1].version, events[1].size, events[1].etag), (marker.version, None, None));
    assert!(events[0].sequencer_text() < events[1].sequencer_text());

    let ear = self::ear(Versioning::Unversioned);
    ear.bucket.put("k", "hello").unwrap();
    assert_eq!(ear.heard.take()[0].version, None);
}

#[test]
fn sequencers_order_the_events_of_a_key() {
    let ear = ear(Versioning::Enabled);
    for round in 0..5 {
        ear.bucket.put("k", "x").unwrap();
        ear.bucket.set_object_tags("k", None, &[("a", "1")].try_into().unwrap()).unwrap();
        ear.bucket.append("k", 1, pattern(10, round)).unwrap();
        ear.bucket.copy("k", "l").unwrap();
        ear.bucket.delete("k").unwrap();
        let version = ear.bucket.list_versions("k").next().unwrap().unwrap().version();
        ear.bucket.delete_version("k", version).unwrap();
    }
    let events = ear.heard.take();
    let of_key = |key: &str| {
        let events = events.iter().filter(|event| event.key == key);
        events.map(|event| event.sequencer).collect::<Vec<_>>()
    };
    assert_eq!((of_key("k").len(), of_key("l").len()), (25, 5));
    for key in ["k", "l"] {
        assert!(of_key(key).is_sorted_by(|earlier, later| earlier < later));
    }
}

// Law-test: S3, configuring event notifications using object key name filtering.
#[test]
fn a_subscriber_hears_what_it_asked_for() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let other = world.bucket("other", Versioning::Unversioned);
    let heard = Arc::new(Heard::default());
    let filter = EventFilter::new()
        .bucket("test")
        .event("s3:ObjectCreated:*".parse().unwrap())
        .event("s3:ObjectRemoved:Delete".parse().unwrap())
        .prefix("images/")
        .suffix(".jpg");
    let subscription = world.store.subscribe(filter, Arc::clone(&heard) as _);
    for key in ["images/1.jpg", "images/1.png", "1.jpg"] {
        bucket.put(key, "x").unwrap();
        other.put(key, "x").unwrap();
    }
    bucket.set_object_tags("images/1.jpg", None, &[("a", "1")].try_into().unwrap()).unwrap();
    bucket.delete("images/1.jpg").unwrap();
    let names: Vec<_> = heard.take().iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["ObjectCreated:Put", "ObjectRemoved:Delete"]);
    drop(subscription);
    bucket.put("images/2.jpg", "x").unwrap();
    assert!(heard.take().is_empty());
    let _again = world.store.subscribe(EventFilter::new(), Arc::clone(&heard) as _);
    other.delete("1.jpg").unwrap();
    assert_eq!(heard.take().len(), 1, "only what happens from now on");
}

/// Uses the store it listens to.
#[derive(Debug)]
struct Busy {
    store: Store,
    seen: Mutex<usize>,
}

impl Sink for Busy {
    fn tell(&self, event: &Event) {
        let bucket = self.store.bucket(event.bucket.as_str()).unwrap();
        let number = {
            let mut seen = self.seen.lock().unwrap();
            *seen += 1;
            *seen
        };
        bucket.head(&event.key).ok();
        bucket.set_tags([("seen", number.to_string())].try_into().unwrap()).unwrap();
        if number <= 3 {
            bucket.copy(&event.key, format!("{}+", event.key)).unwrap();
            let name = format!("made-{number}");
            self.store.create_bucket(name.as_str()).unwrap();
            self.store.delete_bucket(name.as_str()).unwrap();
        }
    }
}

#[test]
fn a_sink_may_use_the_store_whoever_tells_it() {
    // A put that is committed and not told yet: whoever commits next tells its event, be it a
    // change of configuration that holds the bucket, or a new bucket.
    type Next = fn(&Store, &Bucket);
    let nexts: [Next; 4] = [
        |_, bucket| bucket.set_tags([("a", "1")].try_into().unwrap()).unwrap(),
        |store, _| drop(store.create_bucket("next").unwrap()),
        |store, _| store.delete_bucket("empty").unwrap(),
        |_, bucket| bucket.put("other", "x").map(drop).unwrap(),
    ];
    for next in nexts {
        let world = World::new();
        let bucket = world.bucket("test", Versioning::Unversioned);
        world.bucket("empty", Versioning::Unversioned);
        bucket.put("warm", "up").unwrap();
        let busy = Arc::new(Busy { store: world.store.clone(), seen: Mutex::new(0) });
        let _subscription = world.store.subscribe(EventFilter::new(), Arc::clone(&busy) as _);
        let (store, other) = (world.store.clone(), bucket.clone());
        world.backend.trap(Call::Wait, 0, move || next(&store, &other));
        bucket.put("k", "x").unwrap();
        assert!(*busy.seen.lock().unwrap() >= 4);
        assert!(bucket.head("k+").is_ok());
    }
}

#[test]
fn an_event_is_told_when_its_change_can_be_read() {
    #[derive(Debug)]
    struct Reads(Store, Mutex<Vec<bool>>);
    impl Sink for Reads {
        fn tell(&self, event: &Event) {
            let there = self.0.bucket("test").unwrap().head(&event.key).is_ok();
            self.1.lock().unwrap().push(there == event.name.is_created());
        }
    }
    let world = World::new();
    let options = BucketOptions::new().versioning(Versioning::Unversioned);
    let bucket = world.store.create_bucket_with("test", options).unwrap();
    let sink = Arc::new(Reads(world.store.clone(), Mutex::default()));
    let _subscription = world.store.subscribe(EventFilter::new(), Arc::clone(&sink) as _);
    for key in ["a", "b"] {
        bucket.put(key, "x").unwrap();
        bucket.delete(key).unwrap();
    }
    assert_eq!(*sink.1.lock().unwrap(), [true; 4]);
}
