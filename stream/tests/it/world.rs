//! A store in memory, with a clock that is moved by hand.

use cistern_storage_core::{
    MemoryBackend, Timestamp,
    port::{Backend, ManualClock},
};
use cistern_stream::{Record, ShardId, StartAt, Stream, StreamSettings, Streams};
use std::{sync::Arc, time::Duration};

pub(crate) struct World {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) settings: StreamSettings,
    pub(crate) streams: Streams,
}

/// 2023-11-14T22:13:20Z.
pub(crate) const START: i64 = 1_700_000_000_000;

impl World {
    pub(crate) fn new() -> Self {
        Self::with(StreamSettings::default())
    }

    pub(crate) fn with(settings: StreamSettings) -> Self {
        Self::on(Arc::new(MemoryBackend::new()), settings)
    }

    pub(crate) fn on(backend: Arc<dyn Backend>, settings: StreamSettings) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
        let streams =
            Streams::open(Arc::clone(&backend), Arc::clone(&clock) as _, None, settings.clone());
        Self { backend, clock, settings, streams: streams.unwrap() }
    }

    /// Opens the streams again, as another process would find them.
    pub(crate) fn reopen(&mut self) {
        let (backend, clock) = (Arc::clone(&self.backend), Arc::clone(&self.clock));
        self.streams = Streams::open(backend, clock, None, self.settings.clone()).unwrap();
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

pub(crate) fn shard(number: u32) -> ShardId {
    ShardId::new(number).unwrap()
}

/// All that a shard holds, from its oldest record on.
pub(crate) fn datas(stream: &Stream, number: u32) -> Vec<String> {
    let iterator = stream.shard_iterator(shard(number), StartAt::TrimHorizon).unwrap();
    texts(&stream.get_records(&iterator, 10_000).unwrap().records)
}

pub(crate) fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()).collect()
}
