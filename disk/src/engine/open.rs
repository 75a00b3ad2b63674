//! Opening a store.

use crate::{
    again,
    blob_file::BlobFileId,
    device::{Device, DeviceLock, FileEntry, LockError, OpenMode},
    engine::{
        Engine,
        blob_write::BlobFiles,
        identity,
        maintain::{Alarm, Maintenance},
        meta::{Meta, SegmentRecord},
        name::BlobName,
        publish::{Published, Touched},
        queue::Queue,
        replay::Replay,
    },
    format::{FrameHeader, FrameKind, HEADER_BYTES, Lsn},
    index::{Access, Index, IndexSettings},
    log::{segments::Segments, tail::Tail},
    segment::{self, FOLDER, Segment, SegmentHeader},
    settings::DiskSettings,
};
use cistern_storage_core::port::{BackendError, Durability};
use parking_lot::{Condvar, Mutex, RwLock};
use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

/// What an opener may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenAs {
    /// Everything; nobody else may meanwhile.
    Owner,
    /// Read what was committed when it opened.
    Reader,
}

/// Opens the store on `device`; an owner makes it if there is none.
pub(crate) fn open(
    device: &Arc<dyn Device>,
    settings: &DiskSettings,
    open_as: OpenAs,
) -> Result<Engine, BackendError> {
    let lock = match open_as {
        OpenAs::Owner => Some(lock(&**device)?),
        OpenAs::Reader => None,
    };
    let settings = &settings.bounded();
    let store = identify(&**device, settings, open_as)?;
    let mut attempts = 1;
    let (engine, replay) = loop {
        match recover(device, settings, store, open_as) {
            // The owner has used segments again since the manifest was read.
            Err(BackendError::Damaged { .. })
                if open_as == OpenAs::Reader && attempts < READER_ATTEMPTS =>
            {
                attempts += 1;
            }
            outcome => break outcome?,
        }
    };
    *engine.lock.lock() = lock;
    if open_as == OpenAs::Owner {
        engine.start(&replay)?;
    }
    Ok(engine)
}

/// The state that the files tell, up to where the log ends.
fn recover(
    device: &Arc<dyn Device>,
    settings: &DiskSettings,
    store: [u8; 16],
    open_as: OpenAs,
) -> Result<(Engine, Replay), BackendError> {
    let mut cut = None;
    loop {
        let (mut engine, meta) = Engine::unstarted(device, settings, store, open_as)?;
        let mut replay = Replay::begin(&engine, meta, cut)?;
        replay.run(&engine)?;
        cut = replay.first_lost_file(&engine)?;
        if cut.is_none() {
            engine.bury_unowned();
            engine.queue.get_mut().tail = Tail::new(Arc::clone(&replay.segment), replay.end);
            return Ok((engine, replay));
        }
    }
}

fn lock(device: &dyn Device) -> Result<Box<dyn DeviceLock>, BackendError> {
    device.lock("cistern").map_err(|error| match error {
        LockError::Held { owner } => BackendError::InUse { place: device.place(), owner },
        LockError::Io(error) => BackendError::io("lock", device.place(), error),
    })
}

fn identify(
    device: &dyn Device,
    settings: &DiskSettings,
    open_as: OpenAs,
) -> Result<[u8; 16], BackendError> {
    if let Some(store) = identity::read(device)? {
        if open_as == OpenAs::Owner && found_segments(device)?.next().is_none() {
            // Whoever made it may have failed to sync it.
            identity::save_again(device)?;
        }
        return Ok(store);
    }
    let foreign =
        |detail: &str| BackendError::Foreign { place: device.place(), detail: detail.into() };
    if open_as == OpenAs::Reader {
        return Err(foreign("there is none"));
    }
    if found_segments(device)?.next().is_some() {
        return Err(foreign("it has a log, but the file `cistern` is missing"));
    }
    identity::create(device, settings.store_id)
}

impl Engine {
    /// A store as its last checkpoint left it, before replay.
    fn unstarted(
        device: &Arc<dyn Device>,
        settings: &DiskSettings,
        store: [u8; 16],
        open_as: OpenAs,
    ) -> Result<(Self, Option<Meta>), BackendError> {
        let read_only = open_as == OpenAs::Reader;
        let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
        let block_cache_bytes = usize::try_from(settings.block_cache_bytes).unwrap_or(usize::MAX);
        let index_settings = IndexSettings { block_cache_bytes, access };
        let (index, meta) = Index::open(device, index_settings)?;
        let meta = meta.map(|bytes| Meta::decode(&bytes).ok_or_else(foreign_meta)).transpose()?;
        let spares = settings.spare_segments;
        let segments = Segments::new(Arc::clone(device), store, settings.segment_bytes, spares);
        let nowhere = SegmentHeader { store, sequence: 0, start: 0, capacity: 0, follows: 0 };
        let tail = Tail::new(Arc::new(Segment::new(nowhere, device)), 0);
        let engine = Self {
            device: Arc::clone(device),
            settings: settings.clone(),
            store,
            read_only,
            index,
            segments,
            files: BlobFiles::new(Arc::clone(device), store),
            queue: Mutex::new(Queue::new(tail)),
            bells: Default::default(),
            leading: AtomicBool::new(false),
            finished: AtomicUsize::new(0),
            landed: Condvar::new(),
            flusher: Condvar::new(),
            fresh: Mutex::new(HashMap::new()),
            unowned: Mutex::default(),
            published: Mutex::new(Published::default()),
            counters: RwLock::default(),
            touched: Touched::new(),
            maintenance: Mutex::new(Maintenance::default()),
            alarm: Alarm::default(),
            lock: Mutex::new(None),
            position: AtomicU64::new(0),
            written: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            overlay_bytes: AtomicU64::new(0),
            frozen: AtomicBool::new(false),
            resting: AtomicBool::new(false),
            log_bytes_max: AtomicU64::new(settings.log_bytes_max),
            checkpoint: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            poison: OnceLock::new(),
            closing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        Ok((engine, meta))
    }

    /// What nobody owns after replay nobody ever will.
    fn bury_unowned(&self) {
        let lsns: Vec<Lsn> = std::mem::take(&mut *self.unowned.lock()).into_iter().collect();
        for lsn in &lsns {
            if let Some(segment) = self.segments.find(*lsn) {
                segment.mark_dead();
                segment.sub_unowned();
            }
        }
        self.bury(&lsns);
    }

    /// Makes durable what was found, clears away what is not needed, and goes on.
    fn start(&self, replay: &Replay) -> Result<(), BackendError> {
        for segment in &replay.replayed {
            let end = if segment.contains(replay.end) { replay.end } else { segment.end() };
            segment.save_again(replay.durable, segment.sealed().unwrap_or(end).min(end))?;
        }
        let mut handles = Vec::new();
        for file in &replay.unsynced_files {
            let name = self.files.id(*file).name();
            let handle = self.device.open(&name, OpenMode::Write);
            let handle = handle.map_err(|error| BackendError::io("open", &name, error))?;
            again::write(&*handle).map_err(|error| BackendError::io("write", &name, error))?;
            handles.push(handle);
        }
        if !handles.is_empty() {
            self.files.sync(&handles)?;
        }
        self.remove_orphans()?;
        self.fit_log()?;
        self.take_spares()?;
        self.go_on(replay)?;
        self.remove_stale_segments()?;
        let position = self.position.load(Ordering::Relaxed);
        let mut queue = self.queue.lock();
        queue.last = position;
        let next = queue.tail.next();
        self.written.store(next, Ordering::Release);
        self.durable.store(next, Ordering::Release);
        drop(queue);
        if replay.is_clean {
            self.mark_opened()?;
        }
        Ok(())
    }

    /// After a clean close the log goes on where it ended. Otherwise lsns were perhaps given out
    /// beyond that, of which a crash left no trace: they are skipped, for none is used twice.
    fn go_on(&self, replay: &Replay) -> Result<(), BackendError> {
        if replay.is_clean {
            replay.segment.open_for_writing()?;
            self.segments.resume(&replay.segment);
            return Ok(());
        }
        let last =
            replay.found.values().map(|header| (header.sequence, header.start + header.capacity));
        let sequence = last.clone().map(|(sequence, _)| sequence).max().unwrap_or(0);
        let start = last.map(|(_, end)| end).max().unwrap_or(FIRST_LSN).max(replay.end);
        let follows = if replay.found.is_empty() { 0 } else { replay.end };
        if follows != 0 {
            replay.segment.seal(replay.end);
        }
        let segment = self.segments.begin(sequence + 1, start, follows)?;
        // Numbers of files may have been given out, too, of which there is no trace.
        self.files.skip_to(segment.header.sequence * FILES_MAX);
        self.queue.lock().tail = Tail::new(segment, start);
        Ok(())
    }

    /// Leaves a trace in the log that lsns may have been given out since the clean close.
    fn mark_opened(&self) -> Result<(), BackendError> {
        let mut queue = self.queue.lock();
        self.make_room(&mut queue, HEADER_BYTES as u64)?;
        let header = FrameHeader {
            kind: FrameKind::Pad,
            flags: 0,
            len: 0,
            lsn: queue.tail.next(),
            durable: self.durable.load(Ordering::Relaxed),
            payload_sum: 0,
        };
        queue.tail.append(&header, &[], &[]);
        drop(queue);
        self.flush_all(Durability::Synced)
    }

    /// Removes files of bodies that nobody owns: nobody will.
    fn remove_orphans(&self) -> Result<(), BackendError> {
        let folder = BlobFileId::FOLDER;
        let listed = self.device.list(folder);
        let listed = listed.map_err(|error| BackendError::io("list", folder, error))?;
        for file in listed.iter().filter_map(|entry| BlobFileId::parse(&entry.name)) {
            self.files.skip_to(file + 1);
            let key = BlobName::File { file, len: 0 }.owners_key();
            if self.index.get(&key)?.is_none() {
                let name = self.files.id(file).name();
                let removed = self.device.remove(&name);
                removed.map_err(|error| BackendError::io("remove", &name, error))?;
            }
        }
        self.published.lock().dead_files.clear();
        Ok(())
    }

    /// Takes in the files that wait for use: a crash may have left some.
    fn take_spares(&self) -> Result<(), BackendError> {
        for entry in list_log(&*self.device)? {
            let name = format!("{FOLDER}/{}", entry.name);
            if entry.name.starts_with("spare-") {
                self.segments.insert_spare(&name, entry.len)?;
            }
        }
        Ok(())
    }

    /// Takes back segments that the log does not consist of.
    fn remove_stale_segments(&self) -> Result<(), BackendError> {
        let kept: Vec<_> =
            self.segments.all().iter().map(|segment| segment.header.file_name()).collect();
        for entry in list_log(&*self.device)? {
            let name = format!("{FOLDER}/{}", entry.name);
            if !entry.name.starts_with("spare-") && !kept.contains(&name) {
                self.segments.take_back(&name, entry.len)?;
            }
        }
        Ok(())
    }
}

/// The headers of all segments on `device`, by sequence number. One whose header does not verify or
/// says another number than its name is left out: it is missed if it is needed.
pub(super) fn read_headers(
    device: &dyn Device,
    store: [u8; 16],
) -> Result<BTreeMap<u64, SegmentHeader>, BackendError> {
    let mut headers = BTreeMap::new();
    for sequence in found_segments(device)? {
        let name = segment::file_name(sequence);
        let file = device.open(&name, OpenMode::Read);
        let file = file.map_err(|error| BackendError::io("open", &name, error))?;
        let mut bytes = [0; SegmentHeader::BYTES];
        match file.read_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            // To go on without it would be to take the log for shorter than it is.
            Err(error) => return Err(BackendError::io("read", &name, error)),
        }
        if let Ok(header) = SegmentHeader::decode(&bytes)
            && header.sequence == sequence
            && header.store == store
        {
            headers.insert(sequence, header);
        }
    }
    Ok(headers)
}

/// The sequence numbers that the names of the log's files tell.
fn found_segments(device: &dyn Device) -> Result<impl Iterator<Item = u64>, BackendError> {
    Ok(list_log(device)?.into_iter().filter_map(|entry| sequence_of(&entry.name)))
}

fn list_log(device: &dyn Device) -> Result<Vec<FileEntry>, BackendError> {
    device.list(FOLDER).map_err(|error| BackendError::io("list", FOLDER, error))
}

fn sequence_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// A segment of a checkpoint, as it was then.
pub(super) fn restore(
    engine: &Engine,
    record: &SegmentRecord,
    header: SegmentHeader,
) -> Arc<Segment> {
    let segment = Segment::new(header, &engine.device);
    segment.add_live(record.live);
    segment.seal(record.sealed);
    if record.has_dead {
        segment.mark_dead();
    }
    if record.has_moved {
        segment.mark_moved();
    }
    Arc::new(segment)
}

fn foreign_meta() -> BackendError {
    BackendError::Foreign {
        place: "the manifest".into(),
        detail: "the engine's part is of another version".into(),
    }
}

/// Where the log of a new store begins: 0 is nobody's place.
pub(super) const FIRST_LSN: Lsn = 4096;

/// How many times a reader that takes no lock begins anew.
const READER_ATTEMPTS: usize = 4;

/// A process writes fewer files than this in its life.
const FILES_MAX: u64 = 1 << 32;
