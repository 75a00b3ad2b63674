//! Hands committed events to whoever subscribed, in the order of commits, outside every lock.

use crate::{
    event::{Event, EventName, EventPattern},
    port::Sink,
};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Which events a subscriber hears: of which bucket, of which kinds, of which keys.
///
/// Subscribers in process may overlap: each hears all that passes its own filter. S3 refuses
/// notification configurations that do; whoever keeps such a list asks [`EventFilter::overlaps`].
///
/// Law: S3, configuring event notifications using object key name filtering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    bucket: Option<String>,
    patterns: Vec<EventPattern>,
    prefix: String,
    suffix: String,
}

impl EventFilter {
    /// Everything that happens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what happens in this bucket.
    #[must_use]
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.bucket = Some(name.into());
        self
    }

    /// Only these events; several calls add up.
    #[must_use]
    pub fn event(mut self, pattern: EventPattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    /// Only keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only keys that end with `suffix`.
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// True when `event` passes.
    #[must_use]
    pub fn passes(&self, event: &Event) -> bool {
        self.bucket.as_deref().is_none_or(|name| name == event.bucket.as_str())
            && (self.patterns.is_empty()
                || self.patterns.iter().any(|pattern| pattern.matches(event.name)))
            && event.key.as_str().starts_with(&self.prefix)
            && event.key.as_str().ends_with(&self.suffix)
    }

    /// True when S3 would refuse the two as notification configurations of one bucket: they mean the
    /// same event, and both their prefixes and their suffixes overlap. Two prefixes overlap when one
    /// begins with the other, two suffixes when one ends with the other.
    ///
    /// It is a rule about the filters' texts: filters that overlap by it need not have a key in
    /// common.
    ///
    /// Law: S3, notification configurations must not overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let buckets =
            self.bucket.is_none() || other.bucket.is_none() || self.bucket == other.bucket;
        let means = |filter: &Self, name| {
            filter.patterns.is_empty() || filter.patterns.iter().any(|one| one.matches(name))
        };
        let names = EventName::all().any(|name| means(self, name) && means(other, name));
        let (prefix, suffix) = (self.prefix.as_str(), self.suffix.as_str());
        let prefixes = prefix.starts_with(&other.prefix) || other.prefix.starts_with(prefix);
        let suffixes = suffix.ends_with(&other.suffix) || other.suffix.ends_with(suffix);
        buckets && names && prefixes && suffixes
    }
}

/// Hears events until it is dropped.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    hub: Arc<EventHub>,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.id);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
pub(crate) struct EventHub {
    subscribers: RwLock<Vec<Subscriber>>,
    /// How many there are: read on every write, so that nobody listening costs nothing.
    listening: AtomicUsize,
    queue: Mutex<VecDeque<Event>>,
    /// Held by the one thread that is telling.
    telling: Mutex<()>,
    subscribed: Mutex<u64>,
}

#[derive(Clone, Debug)]
struct Subscriber {
    id: u64,
    filter: EventFilter,
    sink: Arc<dyn Sink>,
}

impl EventHub {
    /// True when somebody would hear.
    pub(crate) fn is_listened_to(&self) -> bool {
        // Relaxed: who subscribes while a write is under way may or may not hear of it.
        self.listening.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn subscribe(
        self: &Arc<Self>,
        filter: EventFilter,
        sink: Arc<dyn Sink>,
    ) -> Subscription {
        let id = {
            let mut subscribed = self.subscribed.lock();
            *subscribed += 1;
            *subscribed
        };
        let mut subscribers = self.subscribers.write();
        if subscribers.is_empty() {
            // Left by a commit that came in while the last one who listened went away.
            self.queue.lock().clear();
        }
        subscribers.push(Subscriber { id, filter, sink });
        self.listening.store(subscribers.len(), Ordering::Relaxed);
        Subscription { hub: Arc::clone(self), id }
    }

    fn unsubscribe(&self, id: u64) {
        let mut subscribers = self.subscribers.write();
        subscribers.retain(|subscriber| subscriber.id != id);
        self.listening.store(subscribers.len(), Ordering::Relaxed);
    }

    /// Queues an event. Called at publication, inside the backend, in the order of commits.
    pub(crate) fn queue(&self, event: Event) {
        self.queue.lock().push_back(event);
    }

    /// Tells what is queued, unless somebody else is at it: then that thread tells ours too.
    pub(crate) fn tell(&self) {
        // A queue that fills between the last pop and the release of `telling` is looked at again,
        // or its event would wait for the next write.
        while !self.queue.lock().is_empty() {
            let Some(_telling) = self.telling.try_lock() else { return };
            while let Some(event) = self.pop() {
                let hearing: Vec<_> = {
                    let subscribers = self.subscribers.read();
                    subscribers.iter().filter(|one| one.filter.passes(&event)).cloned().collect()
                };
                for subscriber in hearing {
                    subscriber.sink.tell(&event);
                }
            }
        }
    }

    fn pop(&self) -> Option<Event> {
        self.queue.lock().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pattern: &str, prefix: &str, suffix: &str) -> EventFilter {
        EventFilter::new().event(pattern.parse().unwrap()).prefix(prefix).suffix(suffix)
    }

    #[track_caller]
    fn check(left: (&str, &str, &str), right: (&str, &str, &str), expected: bool) {
        let left = filter(left.0, left.1, left.2);
        let right = filter(right.0, right.1, right.2);
        assert_eq!(left.overlaps(&right), expected);
        assert_eq!(right.overlaps(&left), expected);
    }

    // Law-test: S3, notification configurations must not overlap.
    #[test]
    fn filters_overlap_when_events_prefixes_and_suffixes_all_do() {
        let (all, put) = ("s3:ObjectCreated:*", "s3:ObjectCreated:Put");
        check((all, "", ""), (put, "", ""), true);
        check((all, "", ""), ("s3:ObjectRemoved:*", "", ""), false);
        check((put, "", ""), ("s3:ObjectCreated:Copy", "", ""), false);
        check((put, "images", ""), (put, "images/2026", ""), true);
        check((put, "images/", ""), (put, "logs/", ""), false);
        check((put, "images/", ".jpg"), (put, "images/", ".png"), false);
        check((put, "images/", "jpg"), (put, "images/", ".jpg"), true);
        check((put, "images/", ".jpg"), (put, "", ""), true);
        check((put, "images/", ".jpg"), (put, "logs/", ".jpg"), false);
    }

    #[test]
    fn filters_of_two_buckets_do_not_overlap() {
        let (one, two) = (EventFilter::new().bucket("one"), EventFilter::new().bucket("two"));
        assert!(!one.overlaps(&two));
        assert!(one.overlaps(&one));
        assert!(one.overlaps(&EventFilter::new()));
    }
}
