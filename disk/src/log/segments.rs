//! `Segments`: the files of the log. Makes them ahead, finds them, uses them again.
//!
//! ```text
//!            fill_spare             prepare / next              make_room
//!  (nothing) ----------> spare-n.seg ------------> <seq>.seg --------------> written, then sealed
//!                             ^                                                     | retire
//!                             +------------------ retired <-------------------------+
//!                                    recycle, once nobody holds it
//! ```
//!
//! A segment is filled with zeros before it is written, or was written in an earlier life: a sync
//! of bytes in blocks that the file already has costs half of one that must also find new blocks.

use crate::{
    device::{Device, DeviceFile, OpenMode},
    format::Lsn,
    segment::{self, FOLDER, Segment, SegmentHeader},
    settings::{PAGE_BYTES, SEGMENT_BYTES_MIN},
};
use cistern_storage_core::port::BackendError;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The segments of one log.
#[derive(Debug)]
pub(crate) struct Segments {
    device: Arc<dyn Device>,
    store: [u8; 16],
    /// The setting.
    longest: u64,
    /// How long segments grow in this store, and how long spares are: see [`Self::fit`].
    full: AtomicU64,
    spares_max: usize,
    /// By where they begin.
    table: RwLock<BTreeMap<Lsn, Arc<Segment>>>,
    /// Taken after the engine's commit lock, never before it.
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    /// The sequence number of the one that is being written.
    current: u64,
    /// The length of its file.
    current_bytes: u64,
    /// Follows it.
    next: Option<Arc<Segment>>,
    /// Names of files that wait for use, all of the full length.
    spares: Vec<String>,
    /// Makes the names of spares different.
    spare_number: u64,
    /// Dead, out of the table, and waiting for their last holder.
    retired: Vec<Arc<Segment>>,
}

impl Segments {
    pub(crate) fn new(
        device: Arc<dyn Device>,
        store: [u8; 16],
        longest: u64,
        spares_max: usize,
    ) -> Self {
        let (table, pool) = Default::default();
        Self { device, store, longest, full: AtomicU64::new(longest), spares_max, table, pool }
    }

    /// How long segments grow.
    pub(crate) fn full(&self) -> u64 {
        // Relaxed: a hint. Every segment says itself how long it is.
        self.full.load(Ordering::Relaxed)
    }

    /// Chooses how long segments grow for a store that keeps so many bytes: at most an eighth of it, so
    /// that half empty ones are little beside what is kept. The setting, halved a few times.
    pub(crate) fn fit(&self, kept: u64) -> Result<(), BackendError> {
        let fitting = |kept: u64| {
            let mut full = self.longest;
            let least = (self.longest / SHORTEST_PART).max(SEGMENT_BYTES_MIN);
            let halves = |full: u64| full / 2 >= least && full.is_multiple_of(2 * PAGE_BYTES);
            while full > kept / KEPT_PARTS && halves(full) {
                full /= 2;
            }
            full
        };
        // Shorter ones only if they would not soon be too short.
        let full = fitting(kept).max(self.full().min(fitting(kept.saturating_mul(2))));
        if full != self.full() {
            let mut pool = self.pool.lock();
            self.full.store(full, Ordering::Relaxed);
            while let Some(name) = pool.spares.pop() {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// The segment that `lsn` lies in.
    pub(crate) fn find(&self, lsn: Lsn) -> Option<Arc<Segment>> {
        let table = self.table.read();
        let (_, segment) = table.range(..=lsn).next_back()?;
        segment.contains(lsn).then(|| Arc::clone(segment))
    }

    /// The segment that `lsn` lies in, or the first one behind it.
    pub(crate) fn find_from(&self, lsn: Lsn) -> Option<Arc<Segment>> {
        let table = self.table.read();
        let before = table.range(..=lsn).next_back().filter(|(_, found)| found.contains(lsn));
        before.or_else(|| table.range(lsn..).next()).map(|(_, segment)| Arc::clone(segment))
    }

    /// All, in the order of the log.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.table.read().values().cloned().collect()
    }

    /// Takes in a segment that was found on the medium.
    pub(crate) fn insert(&self, segment: Arc<Segment>) {
        self.table.write().insert(segment.start(), segment);
    }

    /// Takes in a spare that was found on the medium, or removes it when it is of no use.
    pub(crate) fn insert_spare(&self, name: &str, len: u64) -> Result<(), BackendError> {
        let mut pool = self.pool.lock();
        pool.spare_number = pool.spare_number.max(spare_number(name).map_or(0, |n| n + 1));
        if len == self.full() && pool.spares.len() < self.spares_max {
            pool.spares.push(name.into());
            return Ok(());
        }
        self.remove(name)
    }

    /// Takes in a file that is no part of the log any more, as a spare or not at all.
    pub(crate) fn take_back(&self, name: &str, len: u64) -> Result<(), BackendError> {
        self.take_back_into(&mut self.pool.lock(), name, len)
    }

    fn take_back_into(&self, pool: &mut Pool, name: &str, len: u64) -> Result<(), BackendError> {
        if len != self.full() || pool.spares.len() >= self.spares_max {
            return self.remove(name);
        }
        let spare = pool.spare_name();
        let renamed = self.device.rename(name, &spare);
        renamed.map_err(|error| BackendError::io("rename", name, error))?;
        pool.spares.push(spare);
        Ok(())
    }

    /// The segment that follows `last`, with room for a frame of `bytes`.
    pub(crate) fn next(&self, last: &Segment, bytes: u64) -> Result<Arc<Segment>, BackendError> {
        let mut pool = self.pool.lock();
        if let Some(next) = &pool.next {
            if next.header.capacity >= bytes {
                let next = pool.next.take().expect("it was just seen");
                self.enter(&mut pool, &next);
                return Ok(next);
            }
            // Too small for this frame: its place in the log is taken by one that is large enough.
            self.remove_next(&mut pool)?;
        }
        let header = self.header_after(last, last.end(), 0, bytes);
        let next = self.make(&mut pool, header)?;
        self.enter(&mut pool, &next);
        Ok(next)
    }

    /// The segment that follows `last`, with a file of `len` bytes.
    pub(crate) fn next_of_len(
        &self,
        last: &Segment,
        len: u64,
    ) -> Result<Arc<Segment>, BackendError> {
        let mut pool = self.pool.lock();
        self.remove_next(&mut pool)?;
        let mut header = self.header_after(last, last.end(), 0, 0);
        header.capacity = len - segment::HEADER_BYTES;
        let next = self.make(&mut pool, header)?;
        self.enter(&mut pool, &next);
        Ok(next)
    }

    /// From now on it is the one that is being written.
    fn enter(&self, pool: &mut Pool, segment: &Arc<Segment>) {
        (pool.current, pool.current_bytes) = (segment.header.sequence, segment.file_bytes());
        self.insert(Arc::clone(segment));
    }

    fn remove_next(&self, pool: &mut Pool) -> Result<(), BackendError> {
        if let Some(next) = &pool.next {
            self.remove(&next.header.file_name())?;
            self.sync_folder()?;
            pool.next = None;
        }
        Ok(())
    }

    /// A new segment that begins at `start` and says that the log before it ended at `follows`.
    pub(crate) fn begin(
        &self,
        sequence: u64,
        start: Lsn,
        follows: Lsn,
    ) -> Result<Arc<Segment>, BackendError> {
        let doublings = u32::try_from(sequence.saturating_sub(1).min(16)).expect("at most 16");
        let capacity = self.capacity(FIRST_BYTES << doublings, 0);
        let header = SegmentHeader { store: self.store, sequence, start, capacity, follows };
        let mut pool = self.pool.lock();
        let segment = self.make(&mut pool, header)?;
        self.enter(&mut pool, &segment);
        Ok(segment)
    }

    /// Goes on with a segment that was found on the medium.
    pub(crate) fn resume(&self, segment: &Segment) {
        let mut pool = self.pool.lock();
        (pool.current, pool.current_bytes) = (segment.header.sequence, segment.file_bytes());
    }

    /// Makes ready the segment that follows `last`, if it is not, and if `last` still is the last.
    pub(crate) fn prepare(&self, last: &Segment) -> Result<bool, BackendError> {
        let mut pool = self.pool.lock();
        if pool.next.is_some() || pool.current != last.header.sequence {
            return Ok(false);
        }
        let header = self.header_after(last, last.end(), 0, 0);
        pool.next = Some(self.make(&mut pool, header)?);
        Ok(true)
    }

    /// Fills one spare segment with zeros, if there is none.
    pub(crate) fn fill_spare(&self) -> Result<bool, BackendError> {
        let name = {
            let mut pool = self.pool.lock();
            // After a short segment comes one that is not long enough either, or is made ready alone.
            let short = pool.current_bytes < self.full();
            if !pool.spares.is_empty() || self.spares_max == 0 || short {
                return Ok(false);
            }
            pool.spare_name()
        };
        let file = self.fill(&name, self.full())?;
        file.sync().map_err(|error| BackendError::io("sync", &name, error))?;
        self.pool.lock().spares.push(name);
        Ok(true)
    }

    fn header_after(
        &self,
        last: &Segment,
        start: Lsn,
        follows: Lsn,
        frame_bytes: u64,
    ) -> SegmentHeader {
        let sequence = last.header.sequence + 1;
        let capacity = self.capacity(last.file_bytes().saturating_mul(2), frame_bytes);
        SegmentHeader { store: self.store, sequence, start, capacity, follows }
    }

    /// What a file of `len` bytes holds, but no more than the setting; a frame that is larger than a
    /// segment gets a large one.
    fn capacity(&self, len: u64, frame_bytes: u64) -> u64 {
        let bytes = self.full().min(len);
        (bytes - segment::HEADER_BYTES).max(frame_bytes.next_multiple_of(4096))
    }

    /// Makes a segment's file: durable, by its final name, before any of its lsns is given away.
    fn make(&self, pool: &mut Pool, header: SegmentHeader) -> Result<Arc<Segment>, BackendError> {
        let len = segment::HEADER_BYTES + header.capacity;
        let (name, file) = match (len == self.full()).then(|| pool.spares.pop()).flatten() {
            Some(name) => {
                let file = self.device.open(&name, OpenMode::Write);
                let file = file.map_err(|error| BackendError::io("open", &name, error))?;
                (name, file)
            }
            None => {
                let name = pool.spare_name();
                let file = self.fill(&name, len)?;
                (name, file)
            }
        };
        let io = |action, error| BackendError::io(action, &name, error);
        file.write_at(&header.encode(), 0).map_err(|error| io("write", error))?;
        file.sync().map_err(|error| io("sync", error))?;
        let renamed = self.device.rename(&name, &header.file_name());
        renamed.map_err(|error| io("rename", error))?;
        self.sync_folder()?;
        Ok(Arc::new(Segment::open(header, &self.device, file)))
    }

    /// Makes a file of `len` zeros; it is gone again when that fails.
    fn fill(&self, name: &str, len: u64) -> Result<Arc<dyn DeviceFile>, BackendError> {
        let file = self.device.open(name, OpenMode::CreateNew);
        let file = file.map_err(|error| BackendError::io("create", name, error))?;
        if let Err(error) = write_zeros(&*file, len) {
            drop(file);
            // The first error is the one to tell.
            let _ = self.device.remove(name);
            return Err(BackendError::io("fill", name, error));
        }
        Ok(file)
    }

    /// Takes dead segments out of the table; their files stay until [`Self::recycle`].
    pub(crate) fn retire(&self, segments: &[Arc<Segment>]) {
        let mut table = self.table.write();
        segments.iter().for_each(|segment| drop(table.remove(&segment.start())));
    }

    /// Hands over retired segments which a checkpoint no longer needs.
    pub(crate) fn release(&self, segments: Vec<Arc<Segment>>) {
        self.pool.lock().retired.extend(segments);
    }

    /// Turns one released segment that nobody holds into a spare, or removes it.
    pub(crate) fn recycle(&self) -> Result<bool, BackendError> {
        let mut pool = self.pool.lock();
        // Out of the table, a segment that has one holder gets no second.
        let free = pool.retired.iter().position(|segment| Arc::strong_count(segment) == 1);
        let Some(at) = free else { return Ok(false) };
        let segment = pool.retired.swap_remove(at);
        let name = segment.header.file_name();
        let len = segment::HEADER_BYTES + segment.header.capacity;
        self.take_back_into(&mut pool, &name, len)?;
        Ok(true)
    }

    /// Removes the spare segments. True when there were any.
    pub(crate) fn give_back_spares(&self) -> Result<bool, BackendError> {
        let mut pool = self.pool.lock();
        let any = !pool.spares.is_empty();
        while let Some(name) = pool.spares.pop() {
            self.remove(&name)?;
        }
        Ok(any)
    }

    /// As [`Self::give_back_spares`], unless the segment that is being written is of full length: then
    /// they will soon be of use.
    pub(crate) fn give_back_useless_spares(&self) -> Result<bool, BackendError> {
        if self.pool.lock().current_bytes == self.full() {
            return Ok(false);
        }
        self.give_back_spares()
    }

    /// Closes files of segments that nobody uses now, when many are open.
    pub(crate) fn close_idle(&self) {
        let table = self.table.read();
        if table.len() <= OPEN_FILES_MAX {
            return;
        }
        let open = table.values().filter(|segment| segment.is_open());
        let open: Vec<_> = open.collect();
        if open.len() > OPEN_FILES_MAX {
            let idle = open.iter().filter(|segment| Arc::strong_count(segment) == 1);
            idle.for_each(|segment| segment.close());
        }
    }

    /// Bytes of all files of the log.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let of = |segment: &Arc<Segment>| segment::HEADER_BYTES + segment.header.capacity;
        let table: u64 = self.table.read().values().map(of).sum();
        let pool = self.pool.lock();
        let retired: u64 = pool.retired.iter().chain(&pool.next).map(of).sum();
        table + retired + pool.spares.len() as u64 * self.full()
    }

    fn remove(&self, name: &str) -> Result<(), BackendError> {
        self.device.remove(name).map_err(|error| BackendError::io("remove", name, error))
    }

    fn sync_folder(&self) -> Result<(), BackendError> {
        let synced = self.device.sync_folder(FOLDER);
        synced.map_err(|error| BackendError::io("sync", FOLDER, error))
    }
}

impl Pool {
    fn spare_name(&mut self) -> String {
        let number = self.spare_number;
        self.spare_number += 1;
        format!("{FOLDER}/spare-{number}.seg")
    }
}

/// The number of a spare's name.
fn spare_number(name: &str) -> Option<u64> {
    name.strip_prefix(FOLDER)?.strip_prefix("/spare-")?.strip_suffix(".seg")?.parse().ok()
}

fn write_zeros(file: &dyn DeviceFile, len: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES];
    let mut at = 0;
    while at < len {
        let piece = (len - at).min(ZEROS_BYTES as u64);
        let bytes = usize::try_from(piece).expect("a piece fits into memory");
        file.write_at(&zeros[..bytes], at)?;
        at += piece;
    }
    Ok(())
}

/// The length of a store's first segment; each next one has twice the length of the one before, up to
/// the setting.
const FIRST_BYTES: u64 = 4 << 20;

/// A store's segments grow to this part of the setting at least, one in so many,
const SHORTEST_PART: u64 = 8;

/// and to this part of what is kept, one in so many.
const KEPT_PARTS: u64 = 8;

/// More files than this are closed again; what is needed is opened when it is.
const OPEN_FILES_MAX: usize = 256;

/// Filled in small pieces: a page cache that was filled in large ones takes several times as long for
/// every small write to come.
const ZEROS_BYTES: usize = 64 << 10;
