//! What the tests share.

use bytes::Bytes;
use cistern_disk::{
    Background, DiskBackend, DiskSettings,
    device::{Device, FileEntry, MemoryDevice},
    threads::NoThreads,
};
use cistern_storage_core::port::{
    Backend, BackendError, Batch, BlobRef, BlobSource, BlobWritten, CommitError, Durability,
    SourceFailed,
};
use std::sync::Arc;

/// Small numbers, so that a few kilobytes make everything happen; no threads.
pub(crate) fn small() -> DiskSettings {
    DiskSettings::new()
        .segment_bytes(64 << 10)
        .overlay_bytes_max(64 << 10)
        .log_bytes_max(512 << 10)
        .block_cache_bytes(1 << 20)
        .background(Background::Manual)
        .store_id(*b"a store of tests")
}

/// Opens, or tells why not.
pub(crate) fn try_open(
    device: &MemoryDevice,
    settings: DiskSettings,
) -> Result<DiskBackend, BackendError> {
    DiskBackend::open_on(Arc::new(device.clone()), Arc::new(NoThreads), settings)
}

#[track_caller]
pub(crate) fn open(device: &MemoryDevice) -> DiskBackend {
    try_open(device, small()).unwrap()
}

/// A body that comes in chunks of some length.
pub(crate) struct Source {
    rest: Bytes,
    chunk_bytes: usize,
    tells: bool,
}

impl Source {
    pub(crate) fn new(body: &[u8]) -> Self {
        Self { rest: Bytes::copy_from_slice(body), chunk_bytes: 50_000, tells: true }
    }

    /// Does not tell how long it is.
    pub(crate) fn silent(body: &[u8]) -> Self {
        Self { tells: false, ..Self::new(body) }
    }
}

impl BlobSource for Source {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        let len = self.rest.len().min(self.chunk_bytes);
        Ok((len > 0).then(|| self.rest.split_to(len)))
    }

    fn remaining(&self) -> Option<u64> {
        self.tells.then_some(self.rest.len() as u64)
    }
}

/// `len` bytes that depend on `seed`.
pub(crate) fn body(seed: u64, len: usize) -> Vec<u8> {
    let mut word = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let byte = || {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()[3]
    };
    std::iter::repeat_with(byte).take(len).collect()
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn batch(durability: Durability, rows: &[(&str, &str)]) -> Batch {
    let mut batch = Batch::new(durability);
    rows.iter().for_each(|(key, value)| batch.put(bytes(key), bytes(value)));
    batch
}

/// Commits, and waits.
#[track_caller]
pub(crate) fn commit(backend: &DiskBackend, batch: Batch) {
    backend.commit(batch).unwrap().wait().unwrap();
}

#[track_caller]
pub(crate) fn put(backend: &DiskBackend, durability: Durability, key: &str, value: &str) {
    commit(backend, batch(durability, &[(key, value)]));
}

#[track_caller]
pub(crate) fn row(backend: &DiskBackend, key: &str) -> Option<String> {
    let value = backend.row(key.as_bytes()).unwrap()?;
    Some(String::from_utf8(value.to_bytes().to_vec()).unwrap())
}

#[track_caller]
pub(crate) fn write(backend: &DiskBackend, body: &[u8]) -> BlobWritten {
    backend.write_blob(&mut Source::new(body)).unwrap()
}

/// Writes a body and adopts it.
#[track_caller]
pub(crate) fn put_blob(backend: &DiskBackend, durability: Durability, body: &[u8]) -> BlobRef {
    let blob = write(backend, body).blob;
    let mut batch = Batch::new(durability);
    batch.adopts.push(blob);
    commit(backend, batch);
    blob
}

#[track_caller]
pub(crate) fn free(backend: &DiskBackend, durability: Durability, blob: BlobRef) {
    let mut batch = Batch::new(durability);
    batch.frees.push(blob);
    commit(backend, batch);
}

/// A body, read back in pieces.
pub(crate) fn read(backend: &DiskBackend, blob: &BlobRef) -> Result<Vec<u8>, BackendError> {
    let blob = backend.open_blob(blob)?;
    let mut body = Vec::new();
    while (body.len() as u64) < blob.len() {
        let at = body.len() as u64;
        body.extend_from_slice(&blob.read(at..blob.len().min(at + 100_000))?);
    }
    Ok(body)
}

#[track_caller]
pub(crate) fn is_gone(backend: &DiskBackend, blob: &BlobRef) {
    let opened = backend.open_blob(blob);
    assert!(matches!(opened, Err(BackendError::NoSuchBlob { .. })), "{opened:?}");
}

#[track_caller]
pub(crate) fn conflict(outcome: Result<cistern_storage_core::port::Ticket, CommitError>) -> usize {
    match outcome {
        Err(CommitError::Conflict { index }) => index,
        other => panic!("not a conflict: {other:?}"),
    }
}

/// Does all background work there is.
#[track_caller]
pub(crate) fn settle(backend: &DiskBackend) {
    let mut steps = 0;
    while backend.maintain().unwrap() {
        steps += 1;
        assert!(steps < 10_000, "background work does not come to an end");
    }
}

pub(crate) fn files(device: &MemoryDevice, folder: &str) -> Vec<FileEntry> {
    device.list(folder).unwrap()
}
