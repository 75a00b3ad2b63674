//! Hands committed events to whoever subscribed, in the order of commits, outside every lock.

use crate::{
    event::{Event, EventPattern},
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
