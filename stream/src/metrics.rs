//! Metrics: what went in and out, as plain numbers.

use crate::{shard_id::ShardId, stream::Stream};
use std::sync::atomic::{AtomicU64, Ordering};

/// What went in and out of a shard, or of a stream, since the store was opened.
///
/// Law: Kinesis, shard-level metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Bytes that were put, data and partition keys.
    pub incoming_bytes: u64,
    /// Records that were put.
    pub incoming_records: u64,
    /// Bytes that were read.
    pub outgoing_bytes: u64,
    /// Records that were read.
    pub outgoing_records: u64,
    /// Records that were refused because the shard had taken enough.
    pub write_throttles: u64,
    /// Reads that were refused because the shard had given enough.
    pub read_throttles: u64,
}

impl Metrics {
    fn plus(self, other: Self) -> Self {
        Self {
            incoming_bytes: self.incoming_bytes + other.incoming_bytes,
            incoming_records: self.incoming_records + other.incoming_records,
            outgoing_bytes: self.outgoing_bytes + other.outgoing_bytes,
            outgoing_records: self.outgoing_records + other.outgoing_records,
            write_throttles: self.write_throttles + other.write_throttles,
            read_throttles: self.read_throttles + other.read_throttles,
        }
    }
}

impl Stream {
    /// What went in and out of each shard, by its number.
    #[must_use]
    pub fn shard_metrics(&self) -> Vec<(ShardId, Metrics)> {
        let table = self.state.table.read();
        table.shards.values().map(|shard| (shard.id, shard.counters.read())).collect()
    }

    /// What went in and out of the stream.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let shards = self.shard_metrics().into_iter();
        shards.fold(Metrics::default(), |sum, (_, shard)| sum.plus(shard))
    }
}

/// A shard's numbers as they are counted. Each is exact; together they are of about one moment.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    incoming_bytes: AtomicU64,
    incoming_records: AtomicU64,
    outgoing_bytes: AtomicU64,
    outgoing_records: AtomicU64,
    write_throttles: AtomicU64,
    read_throttles: AtomicU64,
}

impl Counters {
    pub(crate) fn put(&self, records: u64, bytes: u64) {
        self.incoming_records.fetch_add(records, Ordering::Relaxed);
        self.incoming_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn read_out(&self, records: u64, bytes: u64) {
        self.outgoing_records.fetch_add(records, Ordering::Relaxed);
        self.outgoing_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn throttle_write(&self) {
        self.write_throttles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttle_read(&self) {
        self.read_throttles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn incoming_bytes(&self) -> u64 {
        self.incoming_bytes.load(Ordering::Relaxed)
    }

    fn read(&self) -> Metrics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            incoming_bytes: load(&self.incoming_bytes),
            incoming_records: load(&self.incoming_records),
            outgoing_bytes: load(&self.outgoing_bytes),
            outgoing_records: load(&self.outgoing_records),
            write_throttles: load(&self.write_throttles),
            read_throttles: load(&self.read_throttles),
        }
    }
}
