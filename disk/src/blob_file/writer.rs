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
/// from where they are, smaller ones are gathered first.
pub(crate) struct BlobFileWriter {
    device: Arc<dyn Device>,
    file: Arc<dyn DeviceFile>,
    id: BlobFileId,
    name: String,
    /// Bytes not yet written: less than [`WRITE_BYTES`].
    gathered: Vec<u8>,
    /// Bytes of the body that were written: whole chunks, until the last.
    written: u64,
    crc64: u64,
    /// Sums of the chunks of the current group.
    sums: Vec<u64>,
    finished: bool,
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
/// copied and being summed.
const WRITE_BYTES: usize = 256 << 10;

const _: () = assert!(WRITE_BYTES.is_multiple_of(CHUNK_BYTES));

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
        if !self.gathered.is_empty() {
            // Up to the end of a chunk if more follows, so that the rest need not be gathered.
            let room = self.gathered.len().next_multiple_of(CHUNK_BYTES) - self.gathered.len();
            let room =
                if bytes.len() < CHUNK_BYTES { WRITE_BYTES - self.gathered.len() } else { room };
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.gathered.extend_from_slice(now);
            bytes = later;
            if self.gathered.len() == WRITE_BYTES || !bytes.is_empty() {
                self.write_gathered()?;
            }
        }
        let whole = bytes.len() - bytes.len() % CHUNK_BYTES;
        let (now, later) = bytes.split_at(whole);
        self.write_chunks(now)?;
        self.gather(later);
        Ok(())
    }

    /// Writes what is left. The file is complete then, and not synced.
    ///
    /// # Errors
    /// [`BackendError::Io`] when the medium refuses.
    pub(crate) fn finish(mut self) -> Result<BlobFileWritten, BackendError> {
        self.write_gathered()?;
        if !self.sums.is_empty() {
            self.write_table()?;
        }
        self.finished = true;
        Ok(BlobFileWritten { file: Arc::clone(&self.file), len: self.written, crc64: self.crc64 })
    }

    fn gather(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.gathered.reserve_exact(WRITE_BYTES - self.gathered.len());
            self.gathered.extend_from_slice(bytes);
        }
    }

    fn write_gathered(&mut self) -> Result<(), BackendError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.write_chunks(&gathered)?;
        gathered.clear();
        self.gathered = gathered;
        Ok(())
    }

    /// Writes whole chunks, or the last bytes of the body.
    fn write_chunks(&mut self, mut bytes: &[u8]) -> Result<(), BackendError> {
        while !bytes.is_empty() {
            let room = (CHUNKS_PER_GROUP - self.sums.len()) * CHUNK_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(room).min(WRITE_BYTES));
            // Summing after writing finds the bytes in the core's cache, where the write has
            // brought them faster than summing would.
            self.put(now, layout::data_offset(self.written))?;
            for chunk in now.chunks(CHUNK_BYTES) {
                let sum = sum(chunk);
                self.crc64 = combine(self.crc64, sum, chunk.len() as u64);
                self.sums.push(sum);
            }
            self.written += now.len() as u64;
            bytes = later;
            if self.sums.len() == CHUNKS_PER_GROUP {
                self.write_table()?;
            }
        }
        Ok(())
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
