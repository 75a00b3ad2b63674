//! Reading ranges of a blob file.

use super::{
    BlobFileId,
    buffer::Spare,
    layout::{self, BLOCK_BYTES, Block, CHUNK_BYTES, Table},
};
use crate::{
    device::{Device, DeviceFile, OpenMode},
    sum::sum,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Blob};
use parking_lot::Mutex;
use std::{io, ops::Range, sync::Arc};

/// One open blob file.
///
/// Cost: one read of the chunks that a range touches, and one of a table when the range lies in
/// another group (31 MiB) than the last one read. Memory: one table, what is asked for, and what was
/// given out last if it was at most some 1 MiB.
#[derive(Debug)]
pub(crate) struct BlobFileReader {
    file: Arc<dyn DeviceFile>,
    id: BlobFileId,
    len: u64,
    /// The table read last.
    table: Mutex<Option<Arc<Table>>>,
    spare: Spare,
}

impl BlobFileReader {
    /// What the header takes, and each table.
    pub(crate) const BLOCK_BYTES: u64 = BLOCK_BYTES as u64;

    /// Opens the file of a body of `len` bytes, and checks its header and its length.
    ///
    /// # Errors
    /// [`BackendError::Damaged`] when the file is not that of this body; [`BackendError::Io`] with
    /// `NotFound` within when it is not there.
    pub(crate) fn open(
        device: &dyn Device,
        id: BlobFileId,
        len: u64,
    ) -> Result<Self, BackendError> {
        let file = device
            .open(&id.name(), OpenMode::Read)
            .map_err(|error| BackendError::io("open", id.name(), error))?;
        Self::of(file, id, len)
    }

    /// Reads a file that is already open, as [`Self::open`] does.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) fn of(
        file: Arc<dyn DeviceFile>,
        id: BlobFileId,
        len: u64,
    ) -> Result<Self, BackendError> {
        let reader = Self { file, id, len, table: Mutex::default(), spare: Spare::default() };
        let found = reader.file.len().map_err(|error| reader.failed("look at", 0, error))?;
        if Some(found) != layout::file_len(len) {
            let detail = format!("the file has {found} bytes, which is not right for {len}");
            return Err(reader.damaged(found, detail));
        }
        let header = reader.read_block(0)?;
        layout::check_header(&header, id).map_err(|detail| reader.damaged(0, detail))?;
        Ok(reader)
    }

    /// Reads the whole file and checks all of it, with bounded memory.
    ///
    /// # Errors
    /// [`BackendError::Damaged`] with the first damage.
    pub(crate) fn verify(&self) -> Result<(), BackendError> {
        let mut start = 0;
        while start < self.len {
            let end = (start + READ_BYTES).min(self.len);
            self.read(start..end)?;
            start = end;
        }
        Ok(())
    }

    /// Reads and checks the chunk that begins at `at`, and before a group's first one its table.
    /// Returns where to go on (behind the group when its table is damaged) and how much was read.
    pub(crate) fn verify_chunk(&self, at: u64) -> (u64, Result<u64, BackendError>) {
        let group = layout::group_of(at);
        if let Err(error) = self.table(group) {
            return (layout::group_start(group + 1).min(self.len), Err(error));
        }
        let end = (at + CHUNK_BYTES as u64).min(self.len);
        let table = if at == layout::group_start(group) { Self::BLOCK_BYTES } else { 0 };
        let outcome = self.read_chunks(&mut vec![0; in_memory(end - at)], at);
        (end, outcome.map(|()| table + end - at))
    }

    /// Reads whole chunks of one group into `buffer`, and checks them.
    fn read_chunks(&self, buffer: &mut [u8], start: u64) -> Result<(), BackendError> {
        let table = self.table(layout::group_of(start))?;
        let offset = layout::data_offset(start);
        self.file.read_at(buffer, offset).map_err(|error| self.failed("read", offset, error))?;
        let sums = &table.sums[layout::chunk_of(start)..];
        for (at, (chunk, expected)) in buffer.chunks(CHUNK_BYTES).zip(sums).enumerate() {
            let found = sum(chunk);
            if found != *expected {
                let offset = offset + (at * CHUNK_BYTES) as u64;
                return Err(self.damaged(offset, layout::mismatch(found, *expected)));
            }
        }
        Ok(())
    }

    fn table(&self, group: u64) -> Result<Arc<Table>, BackendError> {
        if let Some(table) = self.table.lock().as_ref().filter(|table| table.group == group) {
            return Ok(Arc::clone(table));
        }
        let offset = layout::table_offset(group);
        let block = self.read_block(offset)?;
        let table = Table::decode(&block, self.id.file, group, self.len)
            .map_err(|detail| self.damaged(offset, detail))?;
        let table = Arc::new(table);
        *self.table.lock() = Some(Arc::clone(&table));
        Ok(table)
    }

    fn read_block(&self, offset: u64) -> Result<Block, BackendError> {
        let mut block = [0; BLOCK_BYTES];
        let outcome = self.file.read_at(&mut block, offset);
        outcome.map_err(|error| self.failed("read", offset, error))?;
        Ok(block)
    }

    fn failed(&self, action: &'static str, offset: u64, error: io::Error) -> BackendError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.damaged(offset, "the file ends too early".into());
        }
        BackendError::io(action, self.id.name(), error)
    }

    fn damaged(&self, offset: u64, detail: String) -> BackendError {
        BackendError::Damaged { place: self.id.name(), offset, detail }
    }
}

impl Blob for BlobFileReader {
    fn len(&self) -> u64 {
        self.len
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The returned bytes pin the chunks that the range touches.
    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let Range { start, end } = range;
        if start > end || end > self.len {
            return Err(BackendError::OutOfBounds { start, end, len: self.len });
        }
        if start == end {
            return Ok(Bytes::new());
        }
        let (first, last) = (layout::chunk_start(start), layout::chunk_end(end).min(self.len));
        let mut buffer = self.spare.take(in_memory(last - first));
        let bytes = buffer.bytes();
        let mut at = first;
        while at < last {
            let group_end = layout::group_start(layout::group_of(at) + 1);
            let end = last.min(group_end).min(at + READ_BYTES);
            self.read_chunks(&mut bytes[in_memory(at - first)..in_memory(end - first)], at)?;
            at = end;
        }
        let bytes = buffer.freeze();
        self.spare.keep(&bytes);
        Ok(bytes.slice(in_memory(start - first)..in_memory(end - first)))
    }
}

/// What is read at once: more would have left the core's cache by the time it is summed.
const READ_BYTES: u64 = 1 << 20;

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("a caller asks for no more than fits into memory")
}
