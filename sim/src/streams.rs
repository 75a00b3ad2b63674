//! A stream on a medium that loses power: what was acknowledged is read again, each record once, each
//! key in the order in which it was told, and nothing that was never put.

use crate::{chance::Chance, device::Watched, faults::Tally, plan::Shape, world::Violation};
use bytes::Bytes;
use cistern_conformance::model::Model;
use cistern_disk::{
    DiskBackend,
    device::{Crash, MemoryDevice},
    threads::NoThreads,
};
use cistern_storage_core::{
    Durability,
    port::{Backend, ManualClock},
};
use cistern_stream::{
    Entry, Error, HashKey, PutOptions, Receipt, ShardFilter, StartAt, Stream, StreamSettings,
    Streams,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Streamed {
    /// A sum over all calls of the medium and their answers.
    pub trace: u64,
    /// Which faults struck.
    pub tally: Tally,
    /// How many records were acknowledged.
    pub acknowledged: u64,
    /// How many records were lost that were allowed to be.
    pub lost: u64,
}

/// A record that was put.
#[derive(Clone, Debug)]
struct Put {
    data: String,
    /// `None` when the call that put it failed: it may be there or not.
    durability: Option<Durability>,
    /// The call that put it: the records of one are there together, or not at all.
    call: u64,
}

#[derive(Default)]
struct Expected {
    by_key: BTreeMap<String, Vec<Put>>,
    calls: u64,
    /// The last token that a synced put took.
    token: Option<String>,
    acknowledged: u64,
    lost: u64,
}

type Outcome<T> = Result<T, Violation>;

/// Puts, reshards and loses power, a few times over.
///
/// # Errors
/// What did not hold.
pub fn run_streams(seed: u64) -> Outcome<Streamed> {
    let chance = Chance::new(seed ^ 0x57_4ea3);
    let mut device = Watched::new(MemoryDevice::new());
    let clock = Arc::new(ManualClock::new(Model::begin()));
    let mut expected = Expected::default();
    for _ in 0..3 + chance.index(3) {
        let shape = Shape {
            segment_bytes: 64 << 10,
            packed_bytes_max: 30_000,
            overlay_bytes_max: chance.pick(&[1024, 16 << 10]),
            cache_bytes: chance.pick(&[0, 64 << 10]),
        };
        let (backend, streams) = open(&device, &shape, &clock, &chance)?;
        let stream = match streams.stream("stream") {
            Ok(stream) => stream,
            Err(_) => streams.create("stream", 2).map_err(|error| error.to_string())?,
        };
        expected.check(&stream)?;
        expected.check_token(&stream)?;
        let crashes = chance.percent(80);
        if crashes {
            device.medium().power_off_at(chance.below(60));
        }
        for _ in 0..10 + chance.index(60) {
            clock.advance(Duration::from_millis(chance.below(50)));
            if expected.step(&chance, &stream, &backend).is_err() {
                break;
            }
        }
        let outlives = if chance.percent(60) { Durability::Synced } else { Durability::Os };
        drop((stream, streams));
        device = if outlives == Durability::Synced {
            device.count("power lost");
            device.crash(Crash::Seeded(chance.draw()))
        } else {
            device.count("process died");
            device.crash(Crash::KeepAll)
        };
        // What was still on its way when the store went fails on the medium of before.
        drop(backend);
        expected.weaken(outlives);
    }
    let shape = Shape {
        segment_bytes: 64 << 10,
        packed_bytes_max: 30_000,
        overlay_bytes_max: 1024,
        cache_bytes: 0,
    };
    let (_backend, streams) = open(&device, &shape, &clock, &chance)?;
    if let Ok(stream) = streams.stream("stream") {
        expected.check(&stream)?;
    }
    let (trace, tally) = (device.trace(), device.tally());
    Ok(Streamed { trace, tally, acknowledged: expected.acknowledged, lost: expected.lost })
}

fn open(
    device: &Watched,
    shape: &Shape,
    clock: &Arc<ManualClock>,
    chance: &Chance,
) -> Outcome<(Arc<DiskBackend>, Streams)> {
    let settings = shape.settings();
    let backend = DiskBackend::open_on(Arc::new(device.clone()), Arc::new(NoThreads), settings);
    let backend = Arc::new(backend.map_err(|error| error.to_string())?);
    let settings = StreamSettings::new()
        .recent_bytes_max(chance.pick(&[0, 2000, 1 << 20]))
        .inline_bytes_max(chance.pick(&[0, 500, 4096]))
        .memory_chunk_bytes(chance.pick(&[500, 64 << 10]));
    let shared = Arc::clone(&backend) as Arc<dyn Backend>;
    let streams = Streams::open(shared, Arc::clone(clock) as _, None, settings);
    Ok((backend, streams.map_err(|error| error.to_string())?))
}

impl Expected {
    /// Does something; the error is the medium's, and ends the round.
    fn step(
        &mut self,
        chance: &Chance,
        stream: &Stream,
        backend: &DiskBackend,
    ) -> Result<(), Error> {
        match chance.below(20) {
            0 => {
                let open = stream.shards(ShardFilter::AtLatest);
                let shard = open[chance.index(open.len())];
                let at = shard.range.start.0 + u128::from(chance.draw());
                medium(stream.split_shard(shard.id, HashKey(at)).map(drop))
            }
            1 => {
                let mut open = stream.shards(ShardFilter::AtLatest);
                open.sort_by_key(|shard| shard.range.start);
                let place = chance.index(open.len());
                match open[place..] {
                    [lower, upper, ..] => medium(stream.merge_shards(lower.id, upper.id).map(drop)),
                    _ => Ok(()),
                }
            }
            2 | 3 => backend.maintain().map(drop).map_err(|_| Error::InternalFailure),
            4..=7 => {
                let entries = (0..2 + chance.index(6)).map(|_| self.entry(chance)).collect();
                self.put(stream, entries, &PutOptions::new())
            }
            8 => {
                let token = format!("token {}", self.calls);
                let entries = vec![self.entry(chance)];
                self.put(stream, entries, &PutOptions::new().token(token.clone()))?;
                self.token = Some(token);
                Ok(())
            }
            _ => {
                let durability =
                    chance.pick(&[Durability::Synced, Durability::Os, Durability::Memory]);
                let entries = vec![self.entry(chance)];
                self.put(stream, entries, &PutOptions::new().durability(durability))
            }
        }
    }

    fn entry(&self, chance: &Chance) -> (String, String) {
        let key = format!("key {}", chance.below(7));
        let data = format!("{} {} {}", self.calls, chance.draw(), "x".repeat(chance.index(1500)));
        (key, data)
    }

    /// Puts records, and notes what may be expected of them.
    fn put(
        &mut self,
        stream: &Stream,
        entries: Vec<(String, String)>,
        options: &PutOptions,
    ) -> Result<(), Error> {
        let records: Result<Vec<_>, Error> =
            entries.iter().map(|(key, data)| Entry::new(&**key, data.clone())).collect();
        let mut records = records?;
        let outcome: Result<Vec<Receipt>, Error> = if records.len() == 1 {
            stream.put_with(records.remove(0), options).map(|receipt| vec![receipt])
        } else {
            stream.put_all(records, options)
        };
        let durability =
            outcome.as_ref().ok().and_then(|receipts| Some(receipts.first()?.durability));
        self.calls += 1;
        for (key, data) in entries {
            self.acknowledged += u64::from(durability.is_some());
            let put = Put { data, durability, call: self.calls };
            self.by_key.entry(key).or_default().push(put);
        }
        outcome.map(drop)
    }

    /// What was acknowledged at less than `outlives` may be gone from now on.
    fn weaken(&mut self, outlives: Durability) {
        for put in self.by_key.values_mut().flatten() {
            put.durability = put.durability.filter(|durability| *durability >= outlives);
        }
    }

    /// Holds the stream to what was put; from now on, what is there must stay.
    fn check(&mut self, stream: &Stream) -> Outcome<()> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let reader = stream.read(StartAt::TrimHorizon).map_err(|error| error.to_string())?;
        let mut last = BTreeMap::new();
        for record in reader {
            let record = record.map_err(|error| error.to_string())?;
            let before = last.insert(record.shard_id(), record.sequence_number);
            if before >= Some(record.sequence_number) {
                return Err(format!("{} does not grow", record.sequence_number));
            }
            let data = text(&record.data)?;
            found.entry(record.partition_key.to_string()).or_default().push(data);
        }
        self.check_records(&found)?;
        check_tiles(stream)
    }

    fn check_records(&mut self, found: &BTreeMap<String, Vec<String>>) -> Outcome<()> {
        let mut calls: BTreeMap<u64, (bool, bool)> = BTreeMap::new();
        if let Some(key) = found.keys().find(|key| !self.by_key.contains_key(*key)) {
            return Err(format!("{key} was never put"));
        }
        for (key, puts) in &mut self.by_key {
            let found = found.get(key).map_or(&[][..], Vec::as_slice);
            // What survives is a beginning of what was put under the key, and all that had to.
            let begins = puts.iter().map(|put| &put.data).take(found.len()).eq(found);
            if found.len() > puts.len() || !begins {
                return Err(format!("{key}: {} records, not those that were put", found.len()));
            }
            let (kept, gone) = puts.split_at(found.len());
            if let Some(put) = gone.iter().find(|put| put.durability.is_some()) {
                let data = put.data.chars().take(40).collect::<String>();
                return Err(format!("{key}: `{data}` was acknowledged, and is lost"));
            }
            kept.iter().for_each(|put| calls.entry(put.call).or_default().0 = true);
            gone.iter().for_each(|put| calls.entry(put.call).or_default().1 = true);
            self.lost += gone.len() as u64;
            puts.truncate(found.len());
            puts.iter_mut().for_each(|put| put.durability = Some(Durability::Synced));
        }
        match calls.iter().find(|(_, (kept, gone))| *kept && *gone) {
            Some((call, _)) => Err(format!("call {call} is there in part")),
            None => Ok(()),
        }
    }

    /// A put that was acknowledged with a token is not done again, whatever happened since.
    fn check_token(&mut self, stream: &Stream) -> Outcome<()> {
        let Some(token) = self.token.take() else { return Ok(()) };
        let entry = Entry::new("again", "again").map_err(|error| error.to_string())?;
        let receipt = stream.put_with(entry, &PutOptions::new().token(token));
        match receipt {
            Ok(receipt) if receipt.repeated => Ok(()),
            Ok(_) => Err("a put with a token was done twice".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Only what the medium did ends a round: a shard that is too small to be split is no failure.
fn medium(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error @ (Error::Backend { .. } | Error::Store(_))) => Err(error),
        _ => Ok(()),
    }
}

fn text(data: &Bytes) -> Outcome<String> {
    String::from_utf8(data.to_vec()).map_err(|_| "a record is not what was put".to_owned())
}

fn check_tiles(stream: &Stream) -> Outcome<()> {
    let mut open = stream.shards(ShardFilter::AtLatest);
    open.sort_by_key(|shard| shard.range.start);
    let ends = open.first().is_some_and(|shard| shard.range.start == HashKey(0))
        && open.last().is_some_and(|shard| shard.range.end == HashKey::MAX);
    let tiles = open.windows(2).all(|pair| pair[0].range.is_followed_by(&pair[1].range));
    if ends && tiles { Ok(()) } else { Err(format!("the shards do not tile the space: {open:?}")) }
}
