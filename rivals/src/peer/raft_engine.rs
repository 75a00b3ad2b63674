//! TiKV's raft-engine, a log for many writers with group commit. Each thread writes a region of its
//! own, so that writers meet only in the log.

use std::{
    cell::Cell,
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use protobuf::well_known_types::Any;
use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize};

use crate::contender::{Contender, Outcome, not_offered};

/// Files that raft-engine zero-fills at opening, when it may: two of its usual size.
const PREFILL: ReadableSize = ReadableSize::mb(256);

pub struct RaftEngine {
    engine: Engine,
    serial: u64,
}

/// Whose region this thread writes: engine, region, next index.
#[derive(Clone, Copy, Default)]
struct Region {
    engine: u64,
    id: u64,
    next: u64,
}

thread_local! {
    static REGION: Cell<Region> = Cell::default();
}

static SERIAL: AtomicU64 = AtomicU64::new(1);

struct EntryOfAny;

impl MessageExt for EntryOfAny {
    type Entry = Any;

    fn index(entry: &Any) -> u64 {
        let (index, _) = entry.type_url.split_once(' ').expect("written by `put`");
        index.parse().expect("written by `put`")
    }
}

impl RaftEngine {
    /// `prefill` lets it zero-fill its files ahead, which is off by default.
    pub fn open(folder: &Path, prefill: bool) -> Outcome<Self> {
        let engine = Engine::open(Config {
            dir: folder.to_str().ok_or("the folder's name is not UTF-8")?.into(),
            prefill_for_recycle: prefill,
            prefill_limit: prefill.then_some(PREFILL),
            purge_threshold: ReadableSize::gb(4),
            ..Config::default()
        })?;
        Ok(Self { engine, serial: SERIAL.fetch_add(1, Relaxed) })
    }

    fn next_place(&self) -> Region {
        let mut region = REGION.get();
        if region.engine != self.serial {
            region = Region { engine: self.serial, id: SERIAL.fetch_add(1, Relaxed), next: 1 };
        }
        REGION.set(Region { next: region.next + 1, ..region });
        region
    }
}

impl Contender for RaftEngine {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        let Region { id, next, .. } = self.next_place();
        let type_url = format!("{next} {key}");
        let entry = Any { type_url, value: body.into(), ..Any::default() };
        let mut batch = LogBatch::default();
        batch.add_entries::<EntryOfAny>(id, &[entry])?;
        self.engine.write(&mut batch, true)?;
        Ok(())
    }

    fn get(&self, _key: &str) -> Outcome<Bytes> {
        not_offered("get by key")
    }
}
