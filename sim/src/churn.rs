//! Space under churn: ten times what is live comes and goes, and the medium holds little more than
//! what is live.

use crate::{chance::Chance, plan::Shape, world::Violation};
use bytes::Bytes;
use cistern_conformance::model::Model;
use cistern_disk::{
    DiskBackend,
    device::{Device, MemoryDevice},
    threads::NoThreads,
};
use cistern_storage_core::{
    Store,
    port::{ManualClock, SeededEntropy},
};
use std::sync::Arc;

/// What churn left behind.
#[derive(Clone, Copy, Debug)]
pub struct Churned {
    /// Bytes of bodies that can be read.
    pub live: u64,
    /// Bytes of all files, at their most once the first bodies were all there.
    pub most: u64,
    /// Bytes of all files in the end.
    pub last: u64,
    /// Bytes of a segment.
    pub segment: u64,
}

impl Churned {
    /// True when there is never more than half as much again, and two segments.
    #[must_use]
    pub fn is_within_bounds(&self) -> bool {
        let most = self.live + self.live / 2 + 2 * self.segment;
        self.most <= most && self.last <= most
    }
}

/// Overwrites `keys` bodies of some KiB at random, ten times their size in all.
///
/// # Errors
/// What fails.
///
/// # Panics
/// When there are more keys than fit into memory.
pub fn run_churn(seed: u64, keys: u64) -> Result<Churned, Violation> {
    let chance = Chance::new(seed);
    let shape = Shape {
        segment_bytes: 256 << 10,
        packed_bytes_max: 30_000,
        overlay_bytes_max: 16 << 10,
        cache_bytes: 256 << 10,
    };
    let device = MemoryDevice::new();
    let settings = shape.settings();
    let backend = DiskBackend::open_on(Arc::new(device.clone()), Arc::new(NoThreads), settings);
    let backend = Arc::new(backend.map_err(|error| error.to_string())?);
    let store = Store::builder(Arc::clone(&backend) as _)
        .clock(Arc::new(ManualClock::new(Model::begin())))
        .entropy(Arc::new(SeededEntropy::new(seed)));
    let store = store.build().map_err(|error| error.to_string())?;
    let bucket = store.create_bucket("bucket").map_err(|error| error.to_string())?;
    let mut lens = vec![0_u64; usize::try_from(keys).expect("some thousands")];
    let mut churned = Churned { live: 0, most: 0, last: 0, segment: shape.segment_bytes };
    let mut over = 0_i128;
    for nth in 0..keys * 11 {
        let key = if nth < keys { nth } else { chance.below(keys) };
        let index = usize::try_from(key).expect("some thousands");
        let len = chance.index(16_000) + 2000;
        lens[index] = len as u64;
        let body = Bytes::from(vec![chance.draw().to_le_bytes()[0]; len]);
        bucket.put(format!("key {key}"), body).map_err(|error| error.to_string())?;
        // As often as a thread of its own would.
        for _ in 0..2 {
            backend.maintain().map_err(|error| error.to_string())?;
        }
        if nth >= keys {
            let (live, bytes) = (lens.iter().sum::<u64>(), bytes_of(&device)?);
            let bound = live + live / 2 + 2 * shape.segment_bytes;
            if i128::from(bytes) - i128::from(bound) > over || churned.live == 0 {
                over = i128::from(bytes) - i128::from(bound);
                churned.most = bytes;
            }
            churned.live = live;
            churned.last = bytes;
        }
    }
    Ok(churned)
}

fn bytes_of(device: &MemoryDevice) -> Result<u64, Violation> {
    let mut sum = 0;
    for folder in ["", "log", "runs", "blobs"] {
        let entries = device.list(folder).map_err(|error| error.to_string())?;
        sum += entries.iter().map(|entry| entry.len).sum::<u64>();
    }
    Ok(sum)
}
