//! A store with everything in it, whole and then damaged.

use super::*;
use crate::{
    Background, DiskBackend,
    device::{Crash, MemoryDevice, OpenMode},
    threads::OsThreads,
};
use bytes::Bytes;
use cistern_storage_core::port::{Backend, Batch, BlobRef, BlobSource, Durability, SourceFailed};

struct Chunks(Vec<Bytes>);

impl BlobSource for Chunks {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        Ok(self.0.pop())
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

fn open(device: &MemoryDevice) -> DiskBackend {
    let settings = DiskSettings::new()
        .background(Background::Manual)
        .segment_bytes(64 << 10)
        .blob_file_bytes_min(20_000)
        .log_bytes_max(128 << 10)
        .store_id(*b"sixteen bytes id");
    DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings).unwrap()
}

fn blob(store: &DiskBackend, len: usize, fill: u8) -> BlobRef {
    store.write_blob(&mut Chunks(vec![Bytes::from(vec![fill; len])])).unwrap().blob
}

fn commit(store: &DiskBackend, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new(Durability::Synced);
    change(&mut batch);
    store.commit(batch).unwrap().wait().unwrap();
}

/// Rows, packed and moved bodies with one owner and several, files; some freed, some never owned.
fn fill(store: &DiskBackend) {
    let mut owned = Vec::new();
    for number in 0..60_u8 {
        let body = blob(store, 3000 + usize::from(number) * 10, number);
        commit(store, |batch| {
            batch.put(Bytes::from(format!("row-{number:03}")), Bytes::from(vec![number; 200]));
            batch.adopts.push(body);
            batch.add("rows".into(), 1);
        });
        owned.push(body);
    }
    for (number, body) in owned.into_iter().enumerate() {
        commit(store, |batch| match number % 5 {
            0 => batch.adopts.push(body),
            1 => {}
            _ => batch.frees.push(body),
        });
    }
    let (kept, freed) = (blob(store, 30_000, 1), blob(store, 40_000, 2));
    commit(store, |batch| batch.adopts.extend([kept, freed]));
    commit(store, |batch| batch.frees.push(freed));
    blob(store, 500, 9);
    while store.maintain().unwrap() {}
}

fn whole() -> MemoryDevice {
    let device = MemoryDevice::new();
    let store = open(&device);
    fill(&store);
    store.close().unwrap();
    device
}

fn findings(device: &MemoryDevice) -> Vec<Finding> {
    let device: Arc<dyn Device> = Arc::new(device.clone());
    verify_on(&device).unwrap()
}

fn damages(device: &MemoryDevice) -> Vec<Finding> {
    let mut findings = findings(device);
    findings.retain(|finding| finding.severity == Severity::Damage);
    findings
}

/// All files that matter: a segment without a frame waits for use.
fn files(device: &MemoryDevice) -> Vec<String> {
    let list = |folder: &str| device.list(folder).unwrap();
    let inside = |folder: &'static str| {
        list(folder).into_iter().map(move |entry| format!("{folder}/{}", entry.name))
    };
    let top = list("").into_iter().map(|entry| entry.name);
    let all = top.chain(inside("log")).chain(inside("runs")).chain(inside("blobs"));
    let waits = |name: &String| device.contents(name).unwrap().get(4096..4100) != Some(b"CFR1");
    all.filter(|name| !name.starts_with("log/") || !waits(name)).collect()
}

#[test]
fn a_whole_store_gives_no_finding_open_closed_or_killed() {
    let device = MemoryDevice::new();
    let store = open(&device);
    fill(&store);
    assert_eq!(damages(&device.crash(Crash::KeepAll)), vec![]);
    commit(&store, |batch| batch.put("after".into(), "the checkpoint"));
    assert_eq!(damages(&device.crash(Crash::LoseAll)), vec![]);
    store.close().unwrap();
    assert_eq!(findings(&device), vec![]);
}

#[test]
fn verification_writes_nothing() {
    let device = whole();
    let before = device.counts().changes;
    findings(&device);
    assert_eq!(device.counts().changes, before);
}

#[test]
fn a_flipped_bit_in_what_is_kept_is_found_in_its_file() {
    let device = whole();
    let mut found = 0;
    for name in files(&device) {
        let len = device.contents(&name).unwrap().len() as u64;
        let in_use = |offset| match name.as_str() {
            name if name.starts_with("log/") => offset < 72 || (4096..6000).contains(&offset),
            "manifest-a" | "manifest-b" => offset < 40,
            _ => true,
        };
        let step = (len / 97).max(1);
        for offset in (0..len).step_by(usize::try_from(step).unwrap()).filter(|at| in_use(*at)) {
            device.flip_bits(&name, offset, 1).unwrap();
            let shared: Arc<dyn Device> = Arc::new(device.clone());
            match verify_on(&shared) {
                Ok(findings) => {
                    let named = findings.iter().any(|finding| finding.file == name);
                    assert!(named, "byte {offset} of {name}: {findings:?}");
                }
                Err(BackendError::Foreign { place, .. }) => assert_eq!(place, name),
                Err(error) => panic!("byte {offset} of {name}: {error}"),
            }
            found += 1;
            device.flip_bits(&name, offset, 1).unwrap();
        }
    }
    assert!(found > 200, "only {found} bytes were flipped");
}

#[test]
fn a_file_that_is_missing_is_found() {
    let whole = whole();
    for name in files(&whole).into_iter() {
        let device = whole.crash(Crash::KeepAll);
        device.remove(&name).unwrap();
        let shared: Arc<dyn Device> = Arc::new(device.clone());
        match verify_on(&shared) {
            Ok(findings) if name.starts_with("manifest") => drop(findings),
            Ok(findings) => assert!(!findings.is_empty(), "{name}"),
            Err(error) => assert!(matches!(error, BackendError::Foreign { .. }), "{error}"),
        }
    }
}

#[test]
fn what_a_crash_leaves_behind_is_a_note() {
    let device = whole();
    drop(device.open("blobs/00000000000000ff.blob", OpenMode::CreateNew).unwrap());
    drop(device.open("runs/00000000000000ff.run", OpenMode::CreateNew).unwrap());
    let findings = findings(&device);
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note));
}

#[test]
fn a_folder_without_a_store_is_foreign() {
    let device: Arc<dyn Device> = Arc::new(MemoryDevice::new());
    assert!(matches!(verify_on(&device), Err(BackendError::Foreign { .. })));
}

#[test]
fn owners_places_and_counts_agree_all_through_churn_and_compaction() {
    let device = MemoryDevice::new();
    let store = open(&device);
    let mut owned: Vec<(BlobRef, usize)> = Vec::new();
    for round in 0..40_usize {
        for number in 0..12 {
            let body = blob(&store, 1000 + (round * 37 + number * 511) % 5000, 7);
            let owners = 1 + number % 3;
            commit(&store, |batch| batch.adopts.extend(std::iter::repeat_n(body, owners)));
            owned.push((body, owners));
        }
        if round.is_multiple_of(8) {
            blob(&store, 2000, 8);
        }
        store.discard_blob(&blob(&store, 3000, 9));
        // Three of four bodies go soon, some owner by owner; the others stay.
        let gone = |at: usize| !at.is_multiple_of(4) && (at * 7 + round) % 5 < 3;
        for at in (0..owned.len()).filter(|at| gone(*at)) {
            let (body, owners) = &mut owned[at];
            if *owners > 0 {
                *owners -= 1;
                commit(&store, |batch| batch.frees.push(*body));
            }
        }
        while store.maintain().unwrap() {}
        let crash = if round % 2 == 0 { Crash::KeepAll } else { Crash::LoseAll };
        assert_eq!(damages(&device.crash(crash)), vec![], "round {round}");
    }
    let has_moved = |name: &String| {
        let bytes = device.contents(name).unwrap();
        bytes.chunks(8).any(|word| word.starts_with(b"CFR1\x03"))
    };
    assert!(files(&device).iter().any(has_moved), "nothing was moved");
    store.close().unwrap();
    assert_eq!(damages(&device), vec![]);
}
