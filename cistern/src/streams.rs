//! Streams, opened when they are first asked for: a cistern of buckets alone does not pay for them.

use cistern_storage_core::port::{Backend, Clock, Sealer};
use cistern_stream::{Result, StreamSettings, Streams};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) struct LazyStreams {
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    sealer: Option<Arc<dyn Sealer>>,
    settings: StreamSettings,
    opened: Mutex<Option<Streams>>,
}

impl LazyStreams {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        sealer: Option<Arc<dyn Sealer>>,
        settings: StreamSettings,
    ) -> Self {
        Self { backend, clock, sealer, settings, opened: Mutex::new(None) }
    }

    /// The streams; opens them the first time.
    pub(crate) fn get(&self) -> Result<Streams> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = &*opened {
            return Ok(streams.clone());
        }
        let streams = Streams::open(
            Arc::clone(&self.backend),
            Arc::clone(&self.clock),
            self.sealer.clone(),
            self.settings.clone(),
        )?;
        *opened = Some(streams.clone());
        Ok(streams)
    }

    /// The streams, if anybody has asked for them.
    pub(crate) fn opened(&self) -> Option<Streams> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
