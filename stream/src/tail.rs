//! `Tail`: reading that waits for more.

use crate::{
    bell::Waker, error::Result, iterator::StartAt, read::Reader, record::Record, stream::Stream,
};
use std::time::Duration;

/// Reads a stream along its lineage and, at the tip, waits. Made by [`Stream::tail`].
#[derive(Debug)]
pub struct Tail {
    stream: Stream,
    reader: Reader,
}

impl Stream {
    /// Reads every record from `start` on, parents before their children, and waits for more.
    ///
    /// # Errors
    /// As [`Stream::shard_iterator`].
    pub fn tail(&self, start: StartAt) -> Result<Tail> {
        Ok(Tail { stream: self.clone(), reader: self.read(start)? })
    }
}

impl Tail {
    /// The next record, if there is one now.
    ///
    /// # Errors
    /// When it cannot be read; [`crate::Error::ResourceNotFound`] once the stream is deleted.
    pub fn try_next(&mut self) -> Result<Option<Record>> {
        self.reader.try_next()
    }

    /// The next record; waits for one, for at most `at_most` of the machine's time. Woken by the
    /// commit: nothing is polled.
    ///
    /// # Errors
    /// As [`Self::try_next`].
    pub fn next_within(&mut self, at_most: Duration) -> Result<Option<Record>> {
        if let Some(record) = self.try_next()? {
            return Ok(Some(record));
        }
        let state = std::sync::Arc::clone(&self.stream.state);
        let mut waiting = state.bell.enter();
        loop {
            if let Some(record) = self.try_next()? {
                return Ok(Some(record));
            }
            if !waiting.wait(at_most) {
                return self.try_next();
            }
        }
    }

    /// Calls `wake` once, when there may be a next record; at once when there is one. Holds no
    /// thread meanwhile. Another record than the next may wake it: ask [`Self::try_next`], and
    /// register again when it has none.
    pub fn on_ready(&mut self, wake: impl FnOnce() + Send + 'static) {
        let state = std::sync::Arc::clone(&self.stream.state);
        let wake: Waker = Box::new(wake);
        state.bell.leave(wake);
        if self.reader.is_ready() {
            state.bell.ring();
        }
    }

    /// How many records were too old before they could be read.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.reader.lost()
    }
}
