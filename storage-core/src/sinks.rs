//! Ready-made sinks: a log that collects, and the sending end of a channel.

use crate::{event::Event, port::Sink};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

/// Collects events, for tests and small tools. Grows until it is taken from.
#[derive(Debug, Default)]
pub struct EventLog {
    events: Mutex<Vec<Event>>,
}

impl EventLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes out what was collected, in the order it was told.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock())
    }

    /// How many events wait to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.lock().len()
    }

    /// True when no event waits to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Sink for EventLog {
    fn tell(&self, event: &Event) {
        self.events.lock().push(event.clone());
    }
}

/// Sends events into a bounded channel, to be dealt with on another thread.
///
/// A full channel holds up the thread that tells, which is a writer: so whoever writes into the
/// store he listens to must not be the only one who empties the channel. Once the receiver is gone,
/// events are dropped. Whoever must not miss one reads the change feed instead.
pub struct EventChannel(SyncSender<Event>);

impl EventChannel {
    /// A channel that holds `capacity` events; 0 makes every writer wait for its receiver.
    #[must_use]
    pub fn new(capacity: usize) -> (Self, Receiver<Event>) {
        let (sender, receiver) = sync_channel(capacity);
        (Self(sender), receiver)
    }
}

impl Sink for EventChannel {
    fn tell(&self, event: &Event) {
        // It only fails when nobody will ever receive.
        drop(self.0.send(event.clone()));
    }
}

impl fmt::Debug for EventChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventChannel")
    }
}
