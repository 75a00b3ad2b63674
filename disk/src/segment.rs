//! A segment: one file of the log, `[start, start + capacity)` of it behind a header.
//!
//! ```text
//! offset  length  field
//!      0       8  magic "CISTSEG\0"
//!      8       4  format version, 1
//!     12       4  0
//!     16      16  identity of the store
//!     32       8  sequence number
//!     40       8  lsn of the first byte behind the header
//!     48       8  capacity: how many bytes of the log it holds
//!     56       8  lsn at which the log before it ended, when that was found by recovery; else 0
//!     64       8  CRC-64/NVME of bytes 0 to 64
//!   4096          frames
//! ```
//!
//! Between the last frame of a segment and the first of the next lsns may be skipped: what a crash
//! took is never handed out again. Such a segment says where the log before it ended.

use crate::{
    again,
    device::{Device, DeviceFile, OpenMode},
    format::{Lsn, checksum, word},
};
use cistern_storage_core::port::BackendError;
use parking_lot::RwLock;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// What a segment's file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The store it belongs to.
    pub store: [u8; 16],
    /// Counts the segments of the log.
    pub sequence: u64,
    /// Where in the log it begins.
    pub start: Lsn,
    /// How much of the log it holds.
    pub capacity: u64,
    /// Where the log before it ended, if recovery found that out; else 0.
    pub follows: Lsn,
}

impl SegmentHeader {
    /// How long the bytes are.
    pub(crate) const BYTES: usize = SUMMED_BYTES + 8;

    /// The header's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.store);
        for field in [self.sequence, self.start, self.capacity, self.follows] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a header back; what is wrong with it otherwise.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let Some(bytes) = bytes.get(..Self::BYTES) else { return Err("no whole header") };
        if checksum(&bytes[..SUMMED_BYTES]) != word(bytes, SUMMED_BYTES) {
            return Err("the header's checksum does not hold");
        }
        if &bytes[..8] != MAGIC {
            return Err("not a segment");
        }
        if bytes[8..12] != VERSION.to_le_bytes() {
            return Err("a segment of another format version");
        }
        Ok(Self {
            store: bytes[16..32].try_into().expect("sixteen bytes are sixteen bytes"),
            sequence: word(bytes, 32),
            start: word(bytes, 40),
            capacity: word(bytes, 48),
            follows: word(bytes, 56),
        })
    }

    /// The file's name.
    pub(crate) fn file_name(&self) -> String {
        file_name(self.sequence)
    }
}

/// The name of the segment with this sequence number.
pub(crate) fn file_name(sequence: u64) -> String {
    format!("{FOLDER}/{sequence:016x}.seg")
}

/// A segment in use. Whoever holds one keeps its file from being used again.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    device: Arc<dyn Device>,
    /// Opened when it is needed: a large store has more segments than a process may have files.
    file: RwLock<Option<Arc<dyn DeviceFile>>>,
    /// Bytes of frames whose blob a published commit owns.
    live: AtomicU64,
    /// Blobs written here that no published commit owns yet, and that were not discarded.
    unowned: AtomicU64,
    /// Where its last frame ends; 0 while it is being written.
    sealed: AtomicU64,
    /// Some blob of it is dead, so that whoever opens one has to ask.
    has_dead: AtomicBool,
    /// Some blob of it was copied elsewhere.
    has_moved: AtomicBool,
}

impl Segment {
    /// A segment whose file is there, by the name that its header tells.
    pub(crate) fn new(header: SegmentHeader, device: &Arc<dyn Device>) -> Self {
        Self {
            header,
            device: Arc::clone(device),
            file: RwLock::new(None),
            live: AtomicU64::new(0),
            unowned: AtomicU64::new(0),
            sealed: AtomicU64::new(0),
            has_dead: AtomicBool::new(false),
            has_moved: AtomicBool::new(false),
        }
    }

    /// A segment whose file is open already.
    pub(crate) fn open(
        header: SegmentHeader,
        device: &Arc<dyn Device>,
        file: Arc<dyn DeviceFile>,
    ) -> Self {
        let segment = Self::new(header, device);
        *segment.file.write() = Some(file);
        segment
    }

    fn file(&self) -> Result<Arc<dyn DeviceFile>, BackendError> {
        if let Some(file) = &*self.file.read() {
            return Ok(Arc::clone(file));
        }
        let mut file = self.file.write();
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let opened = self.device.open(&self.header.file_name(), OpenMode::Read);
        // A reader has no need to write, and the one segment that is written stays open.
        let opened = opened.map_err(|error| self.io("open", error))?;
        Ok(Arc::clone(file.insert(opened)))
    }

    /// True when its file is open.
    pub(crate) fn is_open(&self) -> bool {
        self.file.read().is_some()
    }

    /// Closes the file until it is needed again.
    pub(crate) fn close(&self) {
        *self.file.write() = None;
    }

    /// Opens the file for writing, to go on where an earlier process stopped.
    pub(crate) fn open_for_writing(&self) -> Result<(), BackendError> {
        let opened = self.device.open(&self.header.file_name(), OpenMode::Write);
        *self.file.write() = Some(opened.map_err(|error| self.io("open", error))?);
        Ok(())
    }

    /// How many bytes of the log the file holds, as it is.
    pub(crate) fn bytes_present(&self) -> Result<u64, BackendError> {
        let len = self.file()?.len().map_err(|error| self.io("measure", error))?;
        Ok(len.saturating_sub(HEADER_BYTES).min(self.header.capacity))
    }

    /// Reads the header from the file, and checks that it is this segment's.
    pub(crate) fn verify_header(&self) -> Result<(), BackendError> {
        let mut bytes = [0; SegmentHeader::BYTES];
        let outcome = self.file()?.read_at(&mut bytes, 0);
        outcome.map_err(|error| self.io("read", error))?;
        let detail = match SegmentHeader::decode(&bytes) {
            Ok(header) if header == self.header => return Ok(()),
            Ok(_) => "this is the header of another segment",
            Err(detail) => detail,
        };
        let place = self.header.file_name();
        Err(BackendError::Damaged { place, offset: 0, detail: detail.into() })
    }

    pub(crate) fn device(&self) -> &Arc<dyn Device> {
        &self.device
    }

    /// Where in the log it begins.
    pub(crate) fn start(&self) -> Lsn {
        self.header.start
    }

    /// Where in the log it ends.
    pub(crate) fn end(&self) -> Lsn {
        self.header.start + self.header.capacity
    }

    /// How long its file is.
    pub(crate) fn file_bytes(&self) -> u64 {
        HEADER_BYTES + self.header.capacity
    }

    /// Where it is half full: time to make the next one ready.
    pub(crate) fn half(&self) -> Lsn {
        self.header.start + self.header.capacity / 2
    }

    pub(crate) fn contains(&self, lsn: Lsn) -> bool {
        (self.start()..self.end()).contains(&lsn)
    }

    /// Where in the file the byte at `lsn` lies.
    pub(crate) fn offset(&self, lsn: Lsn) -> u64 {
        debug_assert!(lsn >= self.start());
        HEADER_BYTES + (lsn - self.start())
    }

    pub(crate) fn read(&self, buffer: &mut [u8], lsn: Lsn) -> Result<(), BackendError> {
        let outcome = self.file()?.read_at(buffer, self.offset(lsn));
        outcome.map_err(|error| self.io("read", error))
    }

    pub(crate) fn write(&self, bytes: &[u8], lsn: Lsn) -> Result<(), BackendError> {
        let outcome = self.file()?.write_at(bytes, self.offset(lsn));
        outcome.map_err(|error| self.io("write", error))
    }

    pub(crate) fn sync(&self) -> Result<(), BackendError> {
        self.file()?.sync().map_err(|error| self.io("sync", error))
    }

    /// Makes durable what was found up to `end`, of which all in front of `durable` is, see
    /// [`again`].
    pub(crate) fn save_again(&self, durable: Lsn, end: Lsn) -> Result<(), BackendError> {
        if durable < end {
            self.open_for_writing()?;
            let file = self.file()?;
            let from = if durable <= self.start() { 0 } else { self.offset(durable) };
            let written = again::write_range(&*file, from, self.offset(end));
            written.map_err(|error| self.io("write", error))?;
        }
        self.sync()
    }

    fn io(&self, action: &'static str, error: std::io::Error) -> BackendError {
        BackendError::io(action, self.header.file_name(), error)
    }

    /// An error that names the frame at `lsn`.
    pub(crate) fn damaged(&self, lsn: Lsn, detail: impl Into<String>) -> BackendError {
        BackendError::Damaged {
            place: self.header.file_name(),
            offset: self.offset(lsn),
            detail: detail.into(),
        }
    }

    // The orderings below: each of these numbers is only ever decided upon under the locks of the
    // engine, which order them; outside of those they are hints and statistics.

    pub(crate) fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn add_live(&self, bytes: u64) {
        self.live.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn sub_live(&self, bytes: u64) {
        let before = self.live.fetch_sub(bytes, Ordering::Relaxed);
        assert!(before >= bytes, "a segment has no less than no live bytes");
    }

    pub(crate) fn unowned(&self) -> u64 {
        self.unowned.load(Ordering::Acquire)
    }

    pub(crate) fn add_unowned(&self) {
        self.unowned.fetch_add(1, Ordering::Relaxed);
    }

    /// Released after `live` was raised, so that whoever sees no unowned blob sees the live bytes.
    pub(crate) fn sub_unowned(&self) {
        let before = self.unowned.fetch_sub(1, Ordering::Release);
        assert!(before > 0, "a blob ceases to be unowned once");
    }

    /// Where its last frame ends, once nothing more is written to it.
    pub(crate) fn sealed(&self) -> Option<Lsn> {
        match self.sealed.load(Ordering::Acquire) {
            0 => None,
            end => Some(end),
        }
    }

    pub(crate) fn seal(&self, end: Lsn) {
        self.sealed.store(end, Ordering::Release);
    }

    pub(crate) fn has_dead(&self) -> bool {
        self.has_dead.load(Ordering::Acquire)
    }

    pub(crate) fn mark_dead(&self) {
        self.has_dead.store(true, Ordering::Release);
    }

    pub(crate) fn has_moved(&self) -> bool {
        self.has_moved.load(Ordering::Acquire)
    }

    pub(crate) fn mark_moved(&self) {
        self.has_moved.store(true, Ordering::Release);
    }
}

/// Where frames begin in the file.
pub(crate) const HEADER_BYTES: u64 = 4096;

/// The folder of the log.
pub(crate) const FOLDER: &str = "log";

const MAGIC: &[u8; 8] = b"CISTSEG\0";
const VERSION: u32 = 1;
const SUMMED_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        let store = *b"a store's own id";
        SegmentHeader { store, sequence: 3, start: 8192, capacity: 4096, follows: 8000 }
    }

    #[test]
    fn a_header_decodes_to_what_was_encoded() {
        assert_eq!(SegmentHeader::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_found() {
        let mut bytes = header().encode();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_header_that_is_cut_short_is_refused() {
        assert_eq!(SegmentHeader::decode(&header().encode()[..71]), Err("no whole header"));
    }
}
