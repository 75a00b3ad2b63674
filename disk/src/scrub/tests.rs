//! A store with everything in it: whole, in use, damaged, and opened again between steps.

use super::*;
use crate::{
    Background, DiskBackend, DiskSettings,
    device::{
        Call, Device, DeviceFile, DeviceLock, Failure, FileEntry, LockError, MemoryDevice, OpenMode,
    },
    engine::{OpenAs, name::BlobName, open as open_engine},
    segment,
    threads::OsThreads,
};
use bytes::Bytes;
use cistern_storage_core::port::{Backend, Batch, BlobRef, BlobSource, Durability, SourceFailed};
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

struct Chunks(Vec<Bytes>);

impl BlobSource for Chunks {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        Ok(self.0.pop())
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

const STORE: [u8; 16] = *b"sixteen bytes id";

fn settings(background: Background) -> DiskSettings {
    DiskSettings::new()
        .background(background)
        .segment_bytes(64 << 10)
        .overlay_bytes_max(32 << 10)
        .blob_file_bytes_min(60_000)
        .log_bytes_max(128 << 10)
        .store_id(STORE)
}

fn open(device: &MemoryDevice) -> DiskBackend {
    let settings = settings(Background::Manual);
    DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings).unwrap()
}

fn blob(store: &DiskBackend, len: usize, fill: u8) -> BlobRef {
    store.write_blob(&mut Chunks(vec![Bytes::from(vec![fill; len])])).unwrap().blob
}

fn commit(store: &DiskBackend, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new(Durability::Os);
    change(&mut batch);
    store.commit(batch).unwrap().wait().unwrap();
}

/// Rows, packed bodies short and long, files of one chunk and of several, some of them freed.
/// Returns the bodies that are kept.
fn fill(store: &DiskBackend) -> Vec<BlobRef> {
    let mut kept = Vec::new();
    for number in 0..90_u8 {
        let body = blob(store, 2000 + usize::from(number) * 10, number);
        commit(store, |batch| {
            batch.put(Bytes::from(format!("row-{number:03}")), Bytes::from(vec![number; 200]));
            batch.adopts.push(body);
        });
        if number % 3 == 0 {
            commit(store, |batch| batch.frees.push(body));
        } else {
            kept.push(body);
        }
    }
    let freed = blob(store, 70_000, 2);
    let bodies = [blob(store, 60_000, 1), freed, blob(store, 300_000, 3), blob(store, 65_600, 4)];
    commit(store, |batch| batch.adopts.extend(bodies));
    commit(store, |batch| batch.frees.push(freed));
    kept.extend(bodies.into_iter().filter(|body| *body != freed));
    store.flush(Durability::Synced).unwrap();
    while store.maintain().unwrap() {}
    kept
}

/// A store that was closed once, so that it is as it will be after every further opening.
fn whole() -> (MemoryDevice, Vec<BlobRef>) {
    let device = MemoryDevice::new();
    let store = open(&device);
    let kept = fill(&store);
    store.close().unwrap();
    (device, kept)
}

/// A whole pass in steps of `bytes_max`: what it read, and what it found.
#[track_caller]
fn pass(store: &DiskBackend, bytes_max: u64) -> (u64, Vec<Finding>) {
    let (mut cursor, mut bytes, mut findings) = (ScrubCursor::start(), 0, Vec::new());
    for _ in 0..100_000 {
        let step = store.scrub(cursor, bytes_max).unwrap();
        bytes += step.bytes_read;
        findings.extend(step.findings);
        match step.next {
            Some(next) => cursor = next.to_string().parse().unwrap(),
            None => return (bytes, findings),
        }
    }
    panic!("the pass does not end: {cursor}");
}

/// What a pass has to read, counted another way: files of which all is read, by their length.
fn files_bytes(device: &MemoryDevice) -> u64 {
    let of = |folder| device.list(folder).unwrap().into_iter().map(|entry| entry.len).sum::<u64>();
    of("runs") + of("blobs")
}

#[test]
fn a_pass_reads_every_byte_once_however_short_its_steps_are() {
    let (device, _) = whole();
    let store = open(&device);
    let (all, findings) = pass(&store, u64::MAX);
    assert_eq!(findings, vec![]);
    let log: u64 = device.list("log").unwrap().iter().map(|entry| entry.len).sum();
    let files = files_bytes(&device);
    assert!((files..files + log).contains(&all), "{all} of {files} and at most {log}");
    for bytes_max in [0, 1, 1000, 70_000] {
        assert_eq!(pass(&store, bytes_max), (all, vec![]), "in steps of {bytes_max}");
    }
    let total = store.scrub(ScrubCursor::start(), 0).unwrap().bytes_total;
    assert!(total.abs_diff(all) < all / 5, "{total} were estimated, {all} read");
}

#[test]
fn a_step_reads_little_more_than_it_may() {
    let (device, _) = whole();
    let store = open(&device);
    let mut cursor = Some(ScrubCursor::start());
    while let Some(from) = cursor {
        let step = store.scrub(from, 1000).unwrap();
        assert!(step.bytes_read < 1000 + 80_000, "{} from {from}", step.bytes_read);
        cursor = step.next;
    }
}

#[test]
fn a_pass_goes_on_from_the_text_of_its_cursor_after_every_step_and_opening() {
    let (device, _) = whole();
    let all = pass(&open(&device), u64::MAX).0;
    let (mut text, mut bytes, mut steps) = (ScrubCursor::start().to_string(), 0, 0);
    loop {
        let store = open(&device);
        let step = store.scrub(text.parse().unwrap(), 20_000).unwrap();
        assert_eq!(step.findings, vec![]);
        (bytes, steps) = (bytes + step.bytes_read, steps + 1);
        let Some(next) = step.next else { break };
        text = next.to_string();
    }
    assert!(steps > 10, "only {steps} steps");
    // An opening leaves a mark of 48 bytes in the log, and the pass began one opening later.
    assert_eq!(bytes, all + 48, "in {steps} steps");
}

/// Where the frame of a packed body begins, or the file of another one.
fn place_of(device: &MemoryDevice, body: &BlobRef) -> (String, u64) {
    match BlobName::decode(&STORE, body).unwrap() {
        BlobName::File { file, .. } => (format!("blobs/{file:016x}.blob"), 0),
        BlobName::Packed { lsn, .. } => {
            let logs = device.list("log").unwrap().into_iter();
            let logs = logs.map(|entry| format!("log/{}", entry.name));
            let mut found = logs.filter_map(|name| {
                let bytes = device.contents(&name).unwrap();
                let header = segment::SegmentHeader::decode(&bytes).ok()?;
                let within = lsn.checked_sub(header.start).filter(|at| *at < header.capacity)?;
                Some((name, segment::HEADER_BYTES + within))
            });
            found.next_back().unwrap()
        }
    }
}

/// Flips a bit, and expects a pass to find it at or just before that place, and nothing else.
#[track_caller]
fn check_found(device: &MemoryDevice, store: &DiskBackend, name: &str, offset: u64, within: u64) {
    device.flip_bits(name, offset, 4).unwrap();
    let (_, findings) = pass(store, 10_000);
    device.flip_bits(name, offset, 4).unwrap();
    let [finding] = &*findings else { panic!("byte {offset} of {name}: {findings:?}") };
    assert_eq!(finding.file, name, "byte {offset}: {finding}");
    let found = finding.offset <= offset && offset < finding.offset + within;
    assert!(found, "byte {offset} of {name}: {finding}");
}

#[test]
fn a_flipped_bit_is_found_in_every_kind_of_file_with_its_place() {
    let (device, kept) = whole();
    let store = open(&device);
    for offset in 0..40 {
        check_found(&device, &store, "cistern", offset, 40);
    }
    let manifest = format!("manifest-{}", newest_manifest(&device));
    for offset in 0..40 {
        check_found(&device, &store, &manifest, offset, 40);
    }
    let mut segments = BTreeSet::new();
    for body in kept.iter().step_by(5).chain(kept.iter().rev().take(3)) {
        let (name, at) = place_of(&device, body);
        if name.starts_with("log/") {
            for offset in [0, 9, 20, 47, 48, 1900] {
                check_found(&device, &store, &name, at + offset, 2900);
            }
            segments.insert(name);
        } else {
            let len = device.contents(&name).unwrap().len() as u64;
            for offset in (0..len).step_by(7001) {
                // A table that is damaged is told instead of its chunks.
                check_found(&device, &store, &name, offset, 64 << 10);
            }
        }
    }
    assert!(segments.len() > 2, "{segments:?}");
    for name in segments {
        check_found(&device, &store, &name, 0, 72);
        check_found(&device, &store, &name, 71, 72);
    }
    for entry in device.list("runs").unwrap() {
        let name = format!("runs/{}", entry.name);
        for offset in (0..entry.len).step_by(191) {
            device.flip_bits(&name, offset, 4).unwrap();
            let (_, findings) = pass(&store, 10_000);
            device.flip_bits(&name, offset, 4).unwrap();
            assert!(!findings.is_empty(), "byte {offset} of {name}");
            // Rows that name files may be in the damaged block: what is not read then is told, too.
            let named = |finding: &Finding| finding.file == name || finding.file == "blobs";
            assert!(findings.iter().all(named), "byte {offset} of {name}: {findings:?}");
            assert_eq!(findings[0].file, name);
        }
    }
    assert_eq!(pass(&store, u64::MAX).1, vec![]);
}

fn newest_manifest(device: &MemoryDevice) -> char {
    let sequence = |slot: char| {
        let bytes = device.contents(&format!("manifest-{slot}")).unwrap_or_default();
        bytes.get(16..24).map(|word| u64::from_le_bytes(word.try_into().unwrap()))
    };
    if sequence('a') > sequence('b') { 'a' } else { 'b' }
}

#[test]
fn damage_hides_nothing_else() {
    let (device, kept) = whole();
    let store = open(&device);
    let all = pass(&store, u64::MAX).0;
    let packed = kept.iter().map(|body| place_of(&device, body));
    let packed: Vec<_> = packed.filter(|(name, _)| name.starts_with("log/")).step_by(9).collect();
    for (at, (name, offset)) in packed.iter().enumerate() {
        // Headers, which tell where the next frame begins, and bodies.
        device.flip_bits(name, offset + if at % 2 == 0 { 1 } else { 100 }, 1).unwrap();
    }
    let (bytes, findings) = pass(&store, 500);
    let found = findings.into_iter().map(|finding| (finding.file, finding.offset));
    assert_eq!(found.collect::<BTreeSet<_>>(), packed.into_iter().collect::<BTreeSet<_>>());
    assert_eq!(bytes, all);
}

#[test]
fn damage_to_what_nobody_needs_is_nobodys_concern() {
    let (device, _) = whole();
    let store = open(&device);
    let body = blob(&store, 3000, 5);
    let other = blob(&store, 3000, 6);
    commit(&store, |batch| batch.adopts.extend([body, other]));
    store.flush(Durability::Synced).unwrap();
    let (name, offset) = place_of(&device, &body);
    device.flip_bits(&name, offset + 500, 1).unwrap();
    assert_eq!(pass(&store, 1000).1.len(), 1);
    commit(&store, |batch| batch.frees.push(body));
    // Replay would still read it.
    assert_eq!(pass(&store, 1000).1.len(), 1);
    store.close().unwrap();
    let store = open(&device);
    assert_eq!(pass(&store, 1000).1, vec![]);
}

#[test]
fn a_file_that_is_missing_or_cannot_be_read_is_a_finding() {
    let (device, kept) = whole();
    for name in [place_of(&device, &kept[0]).0, place_of(&device, kept.last().unwrap()).0] {
        let device = device.crash(crate::device::Crash::KeepAll);
        let store = open(&device);
        device.remove(&name).unwrap();
        let findings = pass(&store, 5000).1;
        assert!(findings.iter().any(|finding| finding.file == name), "{name}: {findings:?}");
        assert!(findings.iter().all(|finding| finding.file == name), "{name}: {findings:?}");
    }
    let store = open(&device);
    device.fail_always(Call::Read, Failure::Io);
    let findings = pass(&store, 5000).1;
    device.mend();
    for kind in ["cistern", "manifest-", "log/", "runs", "blobs"] {
        assert!(findings.iter().any(|finding| finding.file.starts_with(kind)), "{findings:?}");
    }
    assert_eq!(pass(&store, 5000).1, vec![]);
}

#[test]
fn a_store_in_use_never_looks_damaged() {
    let device = MemoryDevice::new();
    let settings = settings(Background::Threads);
    let store = DiskBackend::open_on(Arc::new(device.clone()), Arc::new(OsThreads), settings);
    let store = &store.unwrap();
    let (done, passes) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let write = |writer: usize| {
            move || {
                let mut live = Vec::new();
                for turn in 0..700 {
                    let len = if turn % 50 == 0 { 80_000 } else { 500 + turn * 7919 % 5000 };
                    let body = blob(store, len, 3);
                    commit(store, |batch| {
                        let key = format!("{writer}-{:03}", turn % 100);
                        batch.put(key.into(), Bytes::from(vec![1; 300]));
                        batch.adopts.push(body);
                    });
                    live.push(body);
                    if live.len() > 30 {
                        let gone = live.swap_remove(turn * 31 % 30);
                        commit(store, |batch| batch.frees.push(gone));
                    }
                    if turn % 11 == 0 {
                        store.discard_blob(&blob(store, 1000, 4));
                    }
                }
            }
        };
        let scrub = |bytes_max: u64| {
            let (done, passes) = (&done, &passes);
            move || {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(pass(store, bytes_max).1, vec![], "in steps of {bytes_max}");
                    passes.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let scrubbers = [scope.spawn(scrub(3000)), scope.spawn(scrub(100_000))];
        let writers: Vec<_> = (0..2).map(|writer| scope.spawn(write(writer))).collect();
        let written: Vec<_> =
            writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        scrubbers.into_iter().for_each(|scrubber| scrubber.join().unwrap());
        written.into_iter().for_each(|outcome| outcome.unwrap());
    });
    assert!(passes.load(Ordering::Relaxed) > 2);
    // Segments went, runs were merged: there was something to be wrong about.
    let first = |folder: &str| device.list(folder).unwrap().remove(0).name;
    assert!(first("log") > format!("{:016x}.seg", 8), "{}", first("log"));
    assert!(first("runs") > format!("{:016x}.run", 4), "{}", first("runs"));
}

/// A device on which something happens just before a file is opened.
struct Hooked {
    device: MemoryDevice,
    hook: Mutex<Option<Hook>>,
}

/// The file's name, and what happens.
type Hook = (String, Box<dyn FnOnce() + Send>);

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.device.fmt(f)
    }
}

impl Device for Hooked {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>> {
        let hook = self.hook.lock().take_if(|(awaited, _)| name == awaited);
        if let Some((_, act)) = hook {
            act();
        }
        self.device.open(name, mode)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>> {
        self.device.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.device.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.device.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.device.sync_folder(folder)
    }

    fn lock(&self, owner: &str) -> Result<Box<dyn DeviceLock>, LockError> {
        self.device.lock(owner)
    }

    fn place(&self) -> String {
        self.device.place()
    }
}

/// Goes through a pass in the middle of which, when it is about to read the file `name`, `act`
/// happens, and nothing must look damaged.
#[track_caller]
fn check_passed_over(
    device: &MemoryDevice,
    name: &str,
    act: impl FnOnce(&DiskBackend) + Send + 'static,
) {
    let hooked = Arc::new(Hooked { device: device.clone(), hook: Mutex::default() });
    let shared = Arc::clone(&hooked) as Arc<dyn Device>;
    let settings = settings(Background::Manual);
    let store = Arc::new(DiskBackend::open_on(shared, Arc::new(OsThreads), settings).unwrap());
    let other = Arc::clone(&store);
    *hooked.hook.lock() = Some((name.to_owned(), Box::new(move || act(&other))));
    assert_eq!(pass(&store, 10_000).1, vec![]);
    assert!(hooked.hook.lock().is_none(), "{name} was never opened");
}

/// Commits rows, and maintains, until `is_done`.
fn churn_until(store: &DiskBackend, is_done: impl Fn() -> bool) {
    for number in 0..10_000 {
        if is_done() {
            return;
        }
        commit(store, |batch| {
            batch.put(Bytes::from(format!("{number}")), Bytes::from(vec![1; 5000]));
        });
        while store.maintain().unwrap() {}
    }
    panic!("it does not come to pass");
}

#[test]
fn what_goes_away_while_a_pass_is_about_to_read_it_is_passed_over() {
    let (device, kept) = whole();
    let file = *kept.last().unwrap();
    let name = place_of(&device, &file).0;
    let (medium, gone) = (device.clone(), name.clone());
    check_passed_over(&device, &name, move |store| {
        commit(store, |batch| batch.frees.push(file));
        store.flush(Durability::Synced).unwrap();
        while store.maintain().unwrap() {}
        assert!(medium.contents(&gone).is_err(), "the file is still there");
    });

    let run = format!("runs/{}", device.list("runs").unwrap()[0].name);
    let (medium, gone) = (device.clone(), run.clone());
    check_passed_over(&device, &run, move |store| {
        churn_until(store, || medium.contents(&gone).is_err());
    });

    // The store's opening writes no manifest, so that the next one to be written is the other one.
    let slot = newest_manifest(&device);
    let (medium, name) = (device.clone(), format!("manifest-{slot}"));
    let before = device.contents(&name).unwrap();
    let manifest = name.clone();
    check_passed_over(&device, &name, move |store| {
        churn_until(store, || medium.contents(&manifest).unwrap()[..40] != before[..40]);
    });
}

#[test]
fn a_pass_puts_nothing_into_the_block_cache_and_writes_nothing() {
    let (device, _) = whole();
    let settings = settings(Background::Manual);
    let shared: Arc<dyn Device> = Arc::new(device.clone());
    let engine = Arc::new(open_engine(&shared, &settings, OpenAs::Owner).unwrap());
    let (cached, changes) = (engine.cached_bytes(), device.counts().changes);
    let mut cursor = Some(ScrubCursor::start());
    while let Some(from) = cursor {
        cursor = engine.scrub(from, 5000).unwrap().next;
    }
    assert_eq!((engine.cached_bytes(), device.counts().changes), (cached, changes));
}

#[test]
fn a_cursor_of_another_store_or_that_was_changed_is_refused() {
    let (device, _) = whole();
    let store = open(&device);
    let next = store.scrub(ScrubCursor::start(), 5000).unwrap().next.unwrap();
    let text = next.to_string();
    assert_eq!(text.parse(), Ok(next));
    let mut parts: Vec<&str> = text.split('-').collect();
    let further = format!("{}8", parts[1]);
    parts[1] = &further;
    let other = ScrubCursor::at(next.place, b"some other store");
    for cursor in [parts.join("-").parse().unwrap(), other] {
        assert!(matches!(store.scrub(cursor, 1), Err(BackendError::Io { .. })), "{cursor}");
    }
    for text in
        ["", "log", "start", "log-1-2-3", "logs-0-0-0-0000000000000000", &format!("{text}-")]
    {
        assert_eq!(text.parse::<ScrubCursor>(), Err(InvalidCursor), "{text}");
    }
}

#[test]
fn a_reader_and_a_closed_store_do_not_scrub() {
    let (device, _) = whole();
    let settings = settings(Background::Manual);
    let reader = DiskBackend::open_read_only_on(Arc::new(device.clone()), settings).unwrap();
    let refused = reader.scrub(ScrubCursor::start(), 1);
    assert!(matches!(refused, Err(BackendError::ReadOnly)), "{refused:?}");
    let store = open(&device);
    store.close().unwrap();
    let refused = store.scrub(ScrubCursor::start(), 1);
    assert!(matches!(refused, Err(BackendError::Closed)), "{refused:?}");
}
