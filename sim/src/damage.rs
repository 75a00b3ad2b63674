//! Damage at rest: bytes that are served are bytes that were written, or damage is told.

use crate::{chance::Chance, device::Watched, faults::Tally, plan::Plan, world::Violation};
use bytes::Bytes;
use cistern_conformance::model::Model;
use cistern_disk::{
    DiskBackend, Severity,
    device::{Crash, Device, MemoryDevice, OpenMode},
    threads::NoThreads,
    verify::verify_on,
};
use cistern_storage_core::{
    Error, Result, Settings, Store,
    port::{Durability, ManualClock, SeededEntropy},
};
use std::{collections::BTreeMap, sync::Arc};

/// What each key held, in the order of writes; `None` for nothing.
type History = Vec<(String, Option<Bytes>)>;

/// Fills a store, damages it, and reads all of it; says what struck.
///
/// # Errors
/// What did not hold.
pub fn run_damage(seed: u64) -> std::result::Result<Tally, Violation> {
    let chance = Chance::new(seed ^ 0xda3a_9e00);
    let plan = Plan::draw(seed);
    let device = Watched::new(MemoryDevice::new());
    let loses = chance.percent(25);
    if loses {
        device.lose_write(chance.below(120));
    }
    let mut history = History::new();
    // Closed in peace, the last state is what must be there; after a crash the end of the log may
    // look as if it had never been written.
    let closes = chance.percent(50);
    if let Err(error) = fill(&device, &plan, &chance, &mut history, closes) {
        // A write that was lost may be missed at once.
        return if loses && is_told(&error) { Ok(device.tally()) } else { Err(error.to_string()) };
    }
    let medium = device.crash(Crash::KeepAll);
    // One place: two at once can hide each other, a manifest and the end of the log that it covers.
    if !loses {
        damage(&medium, &chance).map_err(|error| error.to_string())?;
    }
    let checked: Arc<dyn Device> = Arc::new(medium.medium().clone());
    let findings = verify_on(&checked).map_err(|error| error.to_string());
    let told = findings
        .as_ref()
        .map_or(true, |found| found.iter().any(|one| one.severity == Severity::Damage));
    let store = match open(&medium, &plan) {
        Ok((_, store)) => store,
        Err(error) if is_told(&error) => return Ok(medium.tally()),
        Err(error) => return Err(format!("it does not open, and not for damage: {error}")),
    };
    let silent = check(&store, &history, closes && !loses).map_err(|violation| {
        format!("{violation}; closed: {closes}, lost a write: {loses}\n{}", medium.tally())
    })?;
    if silent && !told && closes && !loses {
        medium.count("damage that harmed nothing");
    }
    Ok(medium.tally())
}

fn open(device: &Watched, plan: &Plan) -> Result<(Arc<DiskBackend>, Store)> {
    let settings = plan.shape.settings();
    let backend = DiskBackend::open_on(Arc::new(device.clone()), Arc::new(NoThreads), settings);
    let backend = Arc::new(backend.map_err(|source| Error::backend("open", source))?);
    let store = Store::builder(Arc::clone(&backend) as _)
        .clock(Arc::new(ManualClock::new(Model::begin())))
        .entropy(Arc::new(SeededEntropy::new(plan.seed)))
        .settings(Settings::new())
        .build()?;
    Ok((backend, store))
}

fn fill(
    device: &Watched,
    plan: &Plan,
    chance: &Chance,
    history: &mut History,
    closes: bool,
) -> Result<()> {
    let (backend, store) = open(device, plan)?;
    let bucket = store.create_bucket("bucket")?;
    for _ in 0..20 + chance.below(60) {
        let key = format!("key {}", chance.below(12));
        let body = (!chance.percent(20)).then(|| {
            let len = chance.pick(&[0, 10, 900, 2000, 9000, 20_000]);
            let mut bytes = vec![0; len];
            let filler = SeededEntropy::new(chance.draw());
            cistern_storage_core::port::Entropy::fill(&filler, &mut bytes);
            Bytes::from(bytes)
        });
        match &body {
            Some(body) => {
                bucket.put(&*key, body.clone())?;
            }
            None => {
                bucket.delete(&*key)?;
            }
        }
        history.push((key, body));
        if chance.percent(30) {
            backend.maintain().map_err(|source| Error::backend("maintain", source))?;
        }
    }
    if closes {
        store.close()?;
    } else {
        store.flush(Durability::Synced)?;
        // As a process that dies.
        device.medium().power_off_at(0);
    }
    Ok(())
}

/// Damages one file.
fn damage(device: &Watched, chance: &Chance) -> std::io::Result<()> {
    let medium = device.medium();
    let mut files = Vec::new();
    for folder in ["", "log", "runs", "blobs"] {
        for entry in medium.list(folder)? {
            let separator = if folder.is_empty() { "" } else { "/" };
            files.push((format!("{folder}{separator}{}", entry.name), entry.len));
        }
    }
    files.retain(|(_, len)| *len > 0);
    let (name, len) = files[chance.index(files.len())].clone();
    // Most of a segment is empty: what is written stands in front.
    let reach = if chance.percent(50) { len } else { len.min(60_000) };
    let at = chance.below(reach);
    let sector = at / 512 * 512;
    let file = medium.open(&name, OpenMode::Write)?;
    match chance.below(4) {
        0 | 1 => {
            let bit = 1_u8 << chance.below(8);
            medium.flip_bits(&name, at, bit)?;
            device.count("bit flipped at rest");
        }
        2 => {
            // A write that went elsewhere: what lies in one place lies in another.
            let (from, from_len) = files[chance.index(files.len())].clone();
            let mut bytes = [0; 512];
            let from_at = chance.below(from_len) / 512 * 512;
            let count = usize::try_from((from_len - from_at).min(512)).expect("a sector");
            medium.open(&from, OpenMode::Read)?.read_at(&mut bytes[..count], from_at)?;
            let count = count.min(usize::try_from(len - sector).unwrap_or(512));
            file.write_at(&bytes[..count], sector)?;
            device.count("sector misdirected at rest");
        }
        _ if chance.percent(30) => {
            file.set_len(at)?;
            device.count("file cut short at rest");
        }
        _ => {
            let count = usize::try_from((len - sector).min(512)).expect("a sector");
            file.write_at(&[0; 512][..count], sector)?;
            device.count("sector lost at rest");
        }
    }
    Ok(())
}

/// True for an error that tells of damage.
fn is_told(error: &Error) -> bool {
    match error {
        Error::Damaged { .. } => true,
        Error::Backend { source, .. } => {
            use cistern_storage_core::port::BackendError;
            match &**source {
                BackendError::Damaged { .. }
                | BackendError::Foreign { .. }
                | BackendError::NoSuchBlob { .. } => true,
                // A file that ends early.
                BackendError::Io { source, .. } => {
                    matches!(
                        source.kind(),
                        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::NotFound
                    )
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Reads everything. Each key holds what it held at some moment, all keys at the same one; if it
/// `must_be_last`, that is the last. True when no damage was told.
fn check(
    store: &Store,
    history: &History,
    must_be_last: bool,
) -> std::result::Result<bool, Violation> {
    let mut silent = true;
    let mut found: BTreeMap<String, Option<Bytes>> = BTreeMap::new();
    let bucket = match store.bucket("bucket") {
        Ok(bucket) => bucket,
        Err(Error::NoSuchBucket { .. }) if !must_be_last => return Ok(silent),
        Err(error) if is_told(&error) => return Ok(false),
        Err(error) => return Err(format!("the bucket: {error}")),
    };
    for (key, _) in history {
        match bucket.get(&**key).and_then(|object| object.bytes()) {
            Ok(bytes) => drop(found.insert(key.clone(), Some(bytes))),
            Err(Error::NoSuchKey { .. }) => drop(found.insert(key.clone(), None)),
            Err(error) if is_told(&error) => silent = false,
            Err(error) => return Err(format!("{key}: {error}")),
        }
    }
    let mut state = BTreeMap::new();
    let matches = |state: &BTreeMap<&String, &Option<Bytes>>| {
        found.iter().all(|(key, body)| state.get(key).map_or(&None, |body| *body) == body)
    };
    let mut matched = matches(&state);
    for (key, body) in history {
        state.insert(key, body);
        matched = matches(&state) || (matched && !must_be_last);
    }
    if matched {
        return Ok(silent);
    }
    let last: BTreeMap<_, _> = history.iter().map(|(key, body)| (key, body)).collect();
    let len = |body: &Option<Bytes>| body.as_ref().map(Bytes::len);
    let wrong = found.iter().filter(|(key, body)| last.get(key).is_some_and(|last| last != body));
    let wrong: Vec<_> = wrong.map(|(key, body)| (key, len(body), len(last[key]))).collect();
    Err(format!("what is served was never there at one moment (key, found, last): {wrong:?}"))
}
