//! Bodies on their way out.

use crate::{
    blob_file::BlobFileReader,
    device::OpenMode,
    engine::{
        Engine,
        name::{BlobName, moved_key},
        owners::{self, count_of},
    },
    format::{
        CHUNK_BYTES, FrameHeader, FrameKind, HEADER_BYTES, Lsn, checksum, extension_bytes, word,
    },
    segment::Segment,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Blob, BlobRef};
use std::{
    fmt, io,
    ops::Range,
    sync::{Arc, OnceLock, atomic::Ordering},
};

impl Engine {
    /// Opens a blob and holds its place.
    pub(crate) fn open_blob(
        self: &Arc<Self>,
        blob: &BlobRef,
    ) -> Result<Arc<dyn Blob>, BackendError> {
        self.check_open()?;
        match self.name_of(blob)? {
            BlobName::Packed { lsn, len } => self.open_packed(blob, lsn, len),
            BlobName::File { file, len } => self.open_file(blob, file, len),
        }
    }

    fn open_packed(
        self: &Arc<Self>,
        blob: &BlobRef,
        lsn: Lsn,
        len: u32,
    ) -> Result<Arc<dyn Blob>, BackendError> {
        let gone = || BackendError::NoSuchBlob { blob: *blob };
        let origin = self.segments.find(lsn);
        if let Some(segment) = &origin {
            // What a crash took was never written.
            if segment.sealed().is_some_and(|end| lsn >= end) {
                return Err(gone());
            }
            if segment.has_dead()
                && let Some(row) = self.index.get(&BlobName::Packed { lsn, len }.owners_key())?
                && count_of(&row)? == 0
            {
                return Err(gone());
            }
        }
        let (segment, place, kind) = match origin {
            // While that segment is there its bytes are, moved or not.
            Some(segment) => (segment, lsn, FrameKind::Blob),
            None => {
                let (segment, place) = self.moved_place(lsn)?.ok_or_else(gone)?;
                (segment, place, FrameKind::Moved)
            }
        };
        self.segments.close_idle();
        let engine = Arc::clone(self);
        Ok(Arc::new(PackedBlob { engine, segment, lsn: place, kind, len, table: OnceLock::new() }))
    }

    /// Where the blob is that was written at `origin`, in a segment which is not there any more.
    fn moved_place(&self, origin: Lsn) -> Result<Option<(Arc<Segment>, Lsn)>, BackendError> {
        let mut before = None;
        loop {
            let Some(row) = self.index.get(&moved_key(origin))? else { return Ok(None) };
            let lsn = owners::number_of(&row)?;
            if let Some(segment) = self.segments.find(lsn) {
                return Ok(Some((segment, lsn)));
            }
            // It has moved again since the row was read, and its segment was retired: the row tells
            // another place now. A row that tells the same one is damage, not a race.
            if before.replace(lsn) == Some(lsn) {
                return Ok(None);
            }
        }
    }

    fn open_file(
        &self,
        blob: &BlobRef,
        file: u64,
        len: u64,
    ) -> Result<Arc<dyn Blob>, BackendError> {
        let gone = || BackendError::NoSuchBlob { blob: *blob };
        let id = self.files.id(file);
        let owned = self.index.get(&BlobName::File { file, len }.owners_key())?.is_some();
        if !owned && !self.fresh.lock().contains_key(blob) {
            return Err(gone());
        }
        if let Some(handle) = self.files.kept(file) {
            return Ok(Arc::new(BlobFileReader::of(handle, id, len)?));
        }
        let handle = match self.device.open(&id.name(), OpenMode::Read) {
            Ok(handle) => handle,
            // Freed since it was looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
            Err(error) => return Err(BackendError::io("open", id.name(), error)),
        };
        let reader = BlobFileReader::of(Arc::clone(&handle), id, len)?;
        self.files.keep(file, handle);
        Ok(Arc::new(reader))
    }

    /// Fills `buffer` from the log at `lsn`, wherever those bytes are by now.
    fn read_log(&self, segment: &Segment, lsn: Lsn, buffer: &mut [u8]) -> Result<(), BackendError> {
        // Acquire, with the release in `write_group`: what was written is in the file. What was
        // not is in a buffer, or its owner has written it itself.
        if lsn >= self.written.load(Ordering::Acquire)
            && let Some(bytes) = self.queue.lock().peek(lsn, buffer.len())
        {
            buffer.copy_from_slice(bytes);
            return Ok(());
        }
        segment.read(buffer, lsn)
    }
}

/// A blob in the log, open for reading.
struct PackedBlob {
    engine: Arc<Engine>,
    /// Held, so that the segment is not used again.
    segment: Arc<Segment>,
    lsn: Lsn,
    kind: FrameKind,
    len: u32,
    /// Checksums of the chunks of a long blob.
    table: OnceLock<Vec<u8>>,
}

impl PackedBlob {
    /// One read for header and payload.
    fn read_whole(&self) -> Result<Bytes, BackendError> {
        let start = HEADER_BYTES + extension_bytes(self.kind, self.len);
        let mut frame = vec![0; start + self.bytes()];
        self.engine.read_log(&self.segment, self.lsn, &mut frame)?;
        let header = self.check_header(&frame)?;
        if !header.fits(&frame[start..]) {
            return Err(self.damaged(0, "the checksum of the payload does not hold"));
        }
        Ok(Bytes::from(frame).slice(start..))
    }

    fn read_chunks(&self, range: Range<usize>) -> Result<Bytes, BackendError> {
        let table = match self.table.get() {
            Some(table) => table,
            None => {
                let table = self.read_table()?;
                self.table.get_or_init(|| table)
            }
        };
        let first = range.start / CHUNK_BYTES;
        let start = first * CHUNK_BYTES;
        let end = range.end.next_multiple_of(CHUNK_BYTES).min(self.bytes());
        let mut bytes = vec![0; end - start];
        let payload = HEADER_BYTES + extension_bytes(self.kind, self.len);
        self.engine.read_log(&self.segment, self.lsn + (payload + start) as u64, &mut bytes)?;
        for (number, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
            if checksum(chunk) != word(table, (first + number) * 8) {
                let offset = payload + start + number * CHUNK_BYTES;
                return Err(self.damaged(offset, "the checksum of 64 KiB does not hold"));
            }
        }
        Ok(Bytes::from(bytes).slice(range.start - start..range.end - start))
    }

    fn read_table(&self) -> Result<Vec<u8>, BackendError> {
        let mut head = vec![0; HEADER_BYTES + extension_bytes(self.kind, self.len)];
        self.engine.read_log(&self.segment, self.lsn, &mut head)?;
        self.check_header(&head)?;
        // A moved blob's extension begins with where it was.
        let table = head.len() - self.bytes().div_ceil(CHUNK_BYTES) * 8;
        Ok(head.split_off(table))
    }

    fn check_header(&self, frame: &[u8]) -> Result<FrameHeader, BackendError> {
        let header = FrameHeader::decode(frame, self.lsn);
        let header = header.filter(|header| header.kind == self.kind && header.len == self.len);
        header.ok_or_else(|| self.damaged(0, "no intact frame of this blob"))
    }

    fn damaged(&self, offset: usize, detail: &str) -> BackendError {
        self.segment.damaged(self.lsn + offset as u64, detail)
    }

    fn bytes(&self) -> usize {
        usize::try_from(self.len).expect("a packed blob fits into memory")
    }
}

impl Blob for PackedBlob {
    fn len(&self) -> u64 {
        u64::from(self.len)
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let (start, end, len) = (range.start, range.end, u64::from(self.len));
        if start > end || end > len {
            return Err(BackendError::OutOfBounds { start, end, len });
        }
        if start == end {
            return Ok(Bytes::new());
        }
        let within = |at: u64| usize::try_from(at).expect("a packed blob fits into memory");
        let range = within(start)..within(end);
        if self.bytes() <= CHUNK_BYTES {
            Ok(self.read_whole()?.slice(range))
        } else {
            self.read_chunks(range)
        }
    }
}

impl fmt::Debug for PackedBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedBlob")
            .field("segment", &self.segment.header.file_name())
            .field("lsn", &self.lsn)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
