//! Subscribers in process: filters, order, ready-made sinks.

use cistern_storage_core::{EventChannel, EventFilter, EventLog, EventName, Store};
use std::{sync::Arc, thread};

#[test]
fn a_subscriber_hears_what_passes_its_filter_until_it_is_dropped() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("photos").unwrap();
    let log = Arc::new(EventLog::new());
    let filter = EventFilter::new()
        .bucket("photos")
        .event("s3:ObjectCreated:*".parse().unwrap())
        .prefix("cats/")
        .suffix(".jpg");
    let subscription = store.subscribe(filter, log.clone());
    for key in ["cats/tom.jpg", "cats/tom.txt", "dogs/rex.jpg"] {
        bucket.put(key, "x").unwrap();
        bucket.delete(key).unwrap();
    }
    let heard: Vec<_> = log.take().into_iter().map(|event| (event.name, event.key)).collect();
    assert_eq!(heard, [(EventName::ObjectCreatedPut, "cats/tom.jpg".parse().unwrap())]);
    drop(subscription);
    bucket.put("cats/tom.jpg", "x").unwrap();
    assert!(log.is_empty());
}

#[test]
fn subscribers_may_overlap_and_each_hears_everything() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("photos").unwrap();
    let (one, two) = (Arc::new(EventLog::new()), Arc::new(EventLog::new()));
    let _one = store.subscribe(EventFilter::new(), one.clone());
    let _two = store.subscribe(EventFilter::new().prefix("cats/"), two.clone());
    bucket.put("cats/tom.jpg", "x").unwrap();
    assert_eq!(one.take(), two.take());
}

#[test]
fn a_full_channel_makes_writers_wait_and_loses_nothing() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("photos").unwrap();
    let (channel, receiver) = EventChannel::new(1);
    let subscription = store.subscribe(EventFilter::new(), Arc::new(channel));
    thread::scope(|scope| {
        let writer = bucket.clone();
        scope.spawn(move || {
            for number in 0..100 {
                writer.put(format!("k{number}"), "x").unwrap();
            }
            drop(subscription);
        });
        let heard: Vec<_> = receiver.iter().map(|event| event.key.to_string()).collect();
        let expected: Vec<_> = (0..100).map(|number| format!("k{number}")).collect();
        assert_eq!(heard, expected);
    });
}

#[test]
fn a_receiver_that_is_gone_holds_nobody_up() {
    let store = Store::in_memory();
    let bucket = store.create_bucket("photos").unwrap();
    let (channel, receiver) = EventChannel::new(0);
    let _subscription = store.subscribe(EventFilter::new(), Arc::new(channel));
    drop(receiver);
    bucket.put("k", "x").unwrap();
}
