//! Writes a run: rows in, in ascending order; one synced file out.

use super::{
    block::BlockBuilder,
    block_index::{BlockIndexBuilder, separator},
    bloom::{Bloom, hash},
    cache::BlockCache,
    run::{FOLDER, Footer, HEADER_BYTES, Run, file_name, header},
    sum::checksum,
};
use crate::device::{Device, DeviceFile, OpenMode};
use cistern_storage_core::port::BackendError;
use std::{mem, sync::Arc};

/// Blocks are cut before they pass this, unless a single row does.
pub(super) const BLOCK_BYTES: usize = 4096;

/// Blocks are collected up to this before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// A run being written. Dropping it leaves a file that no manifest names.
#[derive(Debug)]
pub(super) struct RunWriter {
    device: Arc<dyn Device>,
    id: u64,
    name: String,
    file: Arc<dyn DeviceFile>,
    buffer: Vec<u8>,
    /// Where the buffer belongs in the file.
    buffer_at: u64,
    block: BlockBuilder,
    block_separator: Vec<u8>,
    last_key: Vec<u8>,
    index: BlockIndexBuilder,
    bloom: Bloom,
    rows: u64,
    tombstones: u64,
}

impl RunWriter {
    /// Begins run `id` of at most `entries_max` entries.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn create(
        device: &Arc<dyn Device>,
        id: u64,
        entries_max: u64,
    ) -> Result<Self, BackendError> {
        let name = file_name(id);
        let file = device
            .open(&name, OpenMode::CreateNew)
            .map_err(|error| BackendError::io("create", name.as_str(), error))?;
        Ok(Self {
            device: Arc::clone(device),
            id,
            name,
            file,
            buffer: header(id).to_vec(),
            buffer_at: 0,
            block: BlockBuilder::default(),
            block_separator: Vec::new(),
            last_key: Vec::new(),
            index: BlockIndexBuilder::default(),
            bloom: Bloom::with_capacity(entries_max),
            rows: 0,
            tombstones: 0,
        })
    }

    /// Adds an entry, a tombstone when it has no value; its key is above all before it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), BackendError> {
        assert!(self.entries() == 0 || self.last_key.as_slice() < key, "rows come in order");
        if !self.block.is_empty() && self.block.len_with(key, value) > BLOCK_BYTES {
            self.cut_block()?;
        }
        if self.block.is_empty() {
            self.block_separator.clear();
            let between = if self.entries() == 0 { key } else { separator(&self.last_key, key) };
            self.block_separator.extend_from_slice(between);
        }
        self.block.push(key, value);
        self.bloom.insert(hash(key));
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        match value {
            Some(_) => self.rows += 1,
            None => self.tombstones += 1,
        }
        Ok(())
    }

    /// How many bytes the file has so far.
    pub(super) fn len(&self) -> u64 {
        self.buffer_at + self.buffer.len() as u64
    }

    /// How many entries were added.
    pub(super) fn entries(&self) -> u64 {
        self.rows + self.tombstones
    }

    fn cut_block(&mut self) -> Result<(), BackendError> {
        let offset = self.len();
        let len = self.block.finish(self.id, offset, &mut self.buffer);
        self.index.push(&self.block_separator, len);
        if self.buffer.len() >= BUFFER_BYTES { self.write_buffer() } else { Ok(()) }
    }

    fn write_buffer(&mut self) -> Result<(), BackendError> {
        self.file
            .write_at(&self.buffer, self.buffer_at)
            .map_err(|error| BackendError::io("write", self.name.as_str(), error))?;
        self.buffer_at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Appends a section; returns where it lies, how long it is and its sum.
    fn section(&mut self, bytes: &[u8]) -> Result<(u64, u64, u64), BackendError> {
        let at = self.len();
        self.buffer.extend_from_slice(bytes);
        self.write_buffer()?;
        Ok((at, bytes.len() as u64, checksum(bytes)))
    }

    /// Makes the run durable, name and all, and opens it. `None` when nothing was added. No file is
    /// left then, nor when it fails.
    ///
    /// # Errors
    /// When it cannot be written, synced or read back.
    pub(super) fn finish(mut self, cache: &Arc<BlockCache>) -> Result<Option<Run>, BackendError> {
        if self.entries() == 0 {
            self.abandon();
            return Ok(None);
        }
        // Opened from the file, not from what is in memory: it must be found there from now on.
        let opened = self.seal().and_then(|()| Run::open(&*self.device, self.id, cache));
        if opened.is_err() {
            self.abandon();
        }
        opened.map(Some)
    }

    /// Writes what is left and syncs.
    fn seal(&mut self) -> Result<(), BackendError> {
        self.cut_block()?;
        let blocks = self.index.count();
        let index = mem::take(&mut self.index).finish(&self.last_key);
        let (index_at, index_len, index_sum) = self.section(&index)?;
        let bloom = self.bloom.to_bytes();
        let (bloom_at, bloom_len, bloom_sum) = self.section(&bloom)?;
        let (id, rows, tombstones) = (self.id, self.rows, self.tombstones);
        let footer = Footer {
            id,
            rows,
            tombstones,
            blocks,
            index_at,
            index_len,
            index_sum,
            bloom_at,
            bloom_len,
            bloom_sum,
        };
        self.buffer.extend_from_slice(&footer.encode());
        self.write_buffer()?;
        self.file.sync().map_err(|error| BackendError::io("sync", self.name.as_str(), error))?;
        let named = self.device.sync_folder(FOLDER);
        named.map_err(|error| BackendError::io("sync the folder", FOLDER, error))
    }

    /// Removes what was written so far, if that can be done; the next opening removes it otherwise.
    pub(super) fn abandon(self) {
        let _ = self.device.remove(&self.name);
    }
}

const _: () = assert!(BLOCK_BYTES < 1 << 16, "an entry's place in a block is a u16");
const _: () = assert!(HEADER_BYTES < BUFFER_BYTES);
