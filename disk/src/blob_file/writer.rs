//! Writing a blob file from front to back, with bounded memory.

use super::{
    BlobFileId,
    layout::{self, CHUNK_BYTES, CHUNKS_PER_GROUP, Table},
};
use crate::{
    device::{Device, DeviceFile, OpenMode},
    sum::{combine, sum},
};
use cistern_storage_core::port::BackendError;
use std::{fmt, io, sync::Arc};

/// A blob file in the making. Dropped unfinished, it removes the file.
///
/// Memory: [`WRITE_BYTES`] and one table. Bytes that come in pieces of a chunk or more are written
/// from where they are, smaller ones are gathered first. Writes end at whole [`WRITE_BYTES`] of the
/// file where the pieces allow: the system caches a file in pages as large as a write and aligned
/// to their size, and one that begins elsewhere is cut into several.
pub(crate) struct BlobFileWriter {
    device: Arc<dyn Device>,
    file: Arc<dyn DeviceFile>,
    id: BlobFileId,
    name: String,
    /// Bytes not yet written: less than [`WRITE_BYTES`].
    gathered: Vec<u8>,
    /// Bytes of the body that were written.
    written: u64,
    /// Of the whole chunks.
    crc64: u64,
    /// Sums of the chunks of the current group.
    sums: Vec<u64>,
    open: OpenChunk,
    finished: bool,
}

/// The chunk that is not whole yet.
#[derive(Debug, Default)]
struct OpenChunk {
    /// That of no bytes is 0.
    sum: u64,
    len: usize,
}

/// A blob file that was written, and not synced.
#[derive(Debug)]
pub(crate) struct BlobFileWritten {
    /// The open file: sync it, and its folder, before a synced commit names it.
    pub(crate) file: Arc<dyn DeviceFile>,
    /// The body's length.
    pub(crate) len: u64,
    /// CRC-64/NVME of the body.
    pub(crate) crc64: u64,
}

/// What is gathered and written at once: small enough to stay in a core's cache between being
/// copied and being summed. For a call of 1 MiB the system takes memory that it has not used before.
const WRITE_BYTES: usize = 256 << 10;

const _: () = assert!(WRITE_BYTES >= CHUNK_BYTES);

impl BlobFileWriter {
    /// Makes the file.
    ///
    /// # Errors
    /// [`BackendError::Io`] when the medium refuses.
    pub(crate) fn create(device: &Arc<dyn Device>, id: BlobFileId) -> Result<Self, BackendError> {
        let name = id.name();
        let file = device
            .open(&name, OpenMode::CreateNew)
            .map_err(|error| BackendError::io("create", &name, error))?;
        let writer = Self {
            device: Arc::clone(device),
            file,
            id,
            name,
            gathered: Vec::new(),
            written: 0,
            crc64: sum(&[]),
            sums: Vec::with_capacity(CHUNKS_PER_GROUP),
            open: OpenChunk::default(),
            finished: false,
        };
        writer.put(&layout::encode_header(id), 0)?;
        Ok(writer)
    }

    /// Appends bytes to the body.
    ///
    /// # Errors
    /// [`BackendError::Io`] when the medium refuses; the writer is good for nothing then.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), BackendError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.room()));
            if now.len() < CHUNK_BYTES {
                self.gather(now)?;
            } else {
                self.write_gathered()?;
                self.write_data(now)?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Writes what is left. The file is complete then, and not synced.
    ///
    /// # Errors
    /// [`BackendError::Io`] when the medium refuses.
    pub(crate) fn finish(mut self) -> Result<BlobFileWritten, BackendError> {
        self.write_gathered()?;
        if self.open.len > 0 {
            self.end_chunk();
        }
        if !self.sums.is_empty() {
            self.write_table()?;
        }
        self.finished = true;
        Ok(BlobFileWritten { file: Arc::clone(&self.file), len: self.written, crc64: self.crc64 })
    }

    /// How many bytes there are until the next write has to end: at a whole [`WRITE_BYTES`] of the
    /// file, or with its group.
    fn room(&self) -> usize {
        let at = self.written + self.gathered.len() as u64;
        let offset = layout::data_offset(at);
        let in_file = (offset + 1).next_multiple_of(WRITE_BYTES as u64) - offset;
        let in_group = layout::group_start(layout::group_of(at) + 1) - at;
        usize::try_from(in_file.min(in_group)).expect("at most what is written at once")
    }

    /// Keeps bytes of which there is room for all.
    fn gather(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        let room = self.room();
        if self.gathered.is_empty() {
            self.gathered.reserve_exact(room);
        }
        self.gathered.extend_from_slice(bytes);
        if bytes.len() == room { self.write_gathered() } else { Ok(()) }
    }

    fn write_gathered(&mut self) -> Result<(), BackendError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.write_data(&gathered)?;
        gathered.clear();
        self.gathered = gathered;
        Ok(())
    }

    /// Writes bytes of one group, and its table when they are its last.
    fn write_data(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        if bytes.is_empty() {
            return Ok(());
        }
        // Summing after writing finds the bytes in the core's cache, where the write has brought
        // them faster than summing would.
        self.put(bytes, layout::data_offset(self.written))?;
        self.sum(bytes);
        if self.sums.len() == CHUNKS_PER_GROUP { self.write_table() } else { Ok(()) }
    }

    /// Sums bytes that were written, up to the end of each chunk.
    fn sum(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = CHUNK_BYTES - self.open.len;
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.open.sum = combine(self.open.sum, sum(now), now.len() as u64);
            self.open.len += now.len();
            self.written += now.len() as u64;
            if self.open.len == CHUNK_BYTES {
                self.end_chunk();
            }
            bytes = later;
        }
    }

    /// The chunk that is being summed is whole, or the last.
    fn end_chunk(&mut self) {
        let OpenChunk { sum, len } = std::mem::take(&mut self.open);
        self.crc64 = combine(self.crc64, sum, len as u64);
        self.sums.push(sum);
    }

    /// Writes the table of the group that ends here.
    fn write_table(&mut self) -> Result<(), BackendError> {
        let group = layout::group_of(self.written - 1);
        let last_chunk_bytes = layout::last_chunk_bytes(self.written);
        let sums = std::mem::take(&mut self.sums);
        let table = Table { file: self.id.file, group, last_chunk_bytes, sums };
        self.put(&table.encode(), layout::table_offset(group))?;
        self.sums = table.sums;
        self.sums.clear();
        Ok(())
    }

    fn put(&self, bytes: &[u8], offset: u64) -> Result<(), BackendError> {
        let outcome: io::Result<()> = self.file.write_at(bytes, offset);
        outcome.map_err(|error| BackendError::io("write", &self.name, error))
    }
}

impl Drop for BlobFileWriter {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed now is removed when the store is next opened: nothing names it.
            let _ = self.device.remove(&self.name);
        }
    }
}

impl fmt::Debug for BlobFileWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobFileWriter")
            .field("name", &self.name)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
