//! Bodies on their way in.

use crate::{
    blob_file::{BlobFileId, BlobFileWriter},
    device::{Device, DeviceFile},
    engine::{
        Engine,
        name::{BlobName, packed_owners_key},
        owners::count_row,
        queue::Queue,
    },
    format::{FrameHeader, FrameKind, HEADER_BYTES, Lsn, frame_bytes},
    log::body::Body,
    segment::Segment,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, BlobRef, BlobSource, BlobWritten};
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A blob that nobody owns yet.
#[derive(Debug)]
pub(crate) enum Fresh {
    /// In the log; its segment stays until it is adopted or discarded.
    Packed(Arc<Segment>),
    /// In a file of its own.
    File { file: Arc<dyn DeviceFile>, synced: bool },
}

impl Engine {
    /// Writes a new blob from `source`.
    pub(crate) fn write_blob(
        &self,
        source: &mut dyn BlobSource,
    ) -> Result<BlobWritten, BackendError> {
        self.check_writable()?;
        let limit = self.settings.blob_file_bytes_min;
        let mut chunks = Vec::new();
        let mut len = 0;
        if source.remaining().is_none_or(|remaining| remaining <= limit) {
            while let Some(chunk) = source.next_chunk().map_err(|_| BackendError::Source)? {
                len += chunk.len() as u64;
                chunks.push(chunk);
                if len > limit {
                    return self.write_file(chunks, source);
                }
            }
            return self.write_packed(&Body::new(chunks));
        }
        self.write_file(chunks, source)
    }

    fn write_packed(&self, body: &Body) -> Result<BlobWritten, BackendError> {
        let bytes = frame_bytes(FrameKind::Blob, body.len);
        let mut queue = self.queue.lock();
        self.check_writable()?;
        self.make_room(&mut queue, bytes)?;
        let lsn = queue.tail.next();
        let header = FrameHeader {
            kind: FrameKind::Blob,
            flags: 0,
            len: body.len,
            lsn,
            durable: self.durable.load(Ordering::Relaxed),
            payload_sum: body.sum,
        };
        let segment = Arc::clone(queue.tail.segment());
        let blob = BlobName::Packed { lsn, len: body.len }.encode(&self.store);
        // Before the commit lock is let go: whoever finds the frame finds that it is not dead.
        segment.add_unowned();
        self.unowned.lock().insert(lsn);
        self.fresh.lock().insert(blob, Fresh::Packed(Arc::clone(&segment)));
        if u64::from(body.len) >= DIRECT_BYTES_MIN {
            self.write_direct(queue, &segment, &header, body)?;
        } else {
            let chunks: Vec<&[u8]> = body.chunks.iter().map(|chunk| &chunk[..]).collect();
            queue.tail.append(&header, &body.table, &chunks);
            self.relieve(queue)?;
        }
        Ok(BlobWritten::new(blob, u64::from(body.len), body.sum))
    }

    /// Writes a frame to where it belongs, without a copy, while others go on committing.
    fn write_direct(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        segment: &Segment,
        header: &FrameHeader,
        body: &Body,
    ) -> Result<(), BackendError> {
        queue.tail.reserve(header.frame_bytes());
        queue.direct.push(header.lsn);
        drop(queue);
        let mut landing = Landing { engine: self, lsn: header.lsn, intact: false };
        // Poisoned before it lands: a group that waits for these bytes must not go on.
        write_frame(segment, header, body).map_err(|error| self.poison(error))?;
        landing.intact = true;
        Ok(())
    }

    fn write_file(
        &self,
        chunks: Vec<Bytes>,
        source: &mut dyn BlobSource,
    ) -> Result<BlobWritten, BackendError> {
        let id = BlobFileId { store: self.store, file: self.files.next_number() };
        let mut writer = BlobFileWriter::create(&self.device, id)?;
        for chunk in chunks {
            writer.write(&chunk)?;
        }
        while let Some(chunk) = source.next_chunk().map_err(|_| BackendError::Source)? {
            writer.write(&chunk)?;
        }
        let written = writer.finish()?;
        let blob = BlobName::File { file: id.file, len: written.len }.encode(&self.store);
        self.files.keep(id.file, Arc::clone(&written.file));
        self.fresh.lock().insert(blob, Fresh::File { file: written.file, synced: false });
        Ok(BlobWritten::new(blob, written.len, written.crc64))
    }

    /// Gives up a blob that was written and will not be adopted.
    pub(crate) fn discard_blob(&self, blob: &BlobRef) {
        let Ok(name) = self.name_of(blob) else { return };
        let mut fresh = self.fresh.lock();
        if !fresh.contains_key(blob) {
            return;
        }
        match name {
            BlobName::Packed { lsn, .. } => {
                // The row before the blob ceases to be fresh, or a commit could take it for owned.
                self.bury(&[lsn]);
                if let Some(Fresh::Packed(segment)) = fresh.remove(blob) {
                    segment.mark_dead();
                    self.unowned.lock().remove(&lsn);
                    segment.sub_unowned();
                }
            }
            BlobName::File { file, .. } => {
                fresh.remove(blob);
                drop(fresh);
                self.files.forget(file);
                // What cannot be removed now is removed at the next opening: nothing names it.
                let _ = self.device.remove(&self.files.id(file).name());
            }
        }
    }

    /// Writes down that the blobs at these lsns are dead.
    pub(super) fn bury(&self, lsns: &[Lsn]) {
        let position = self.position.load(Ordering::Acquire);
        let rows = || lsns.iter().map(|lsn| (packed_owners_key(*lsn), Some(count_row(0))));
        // Newer than all that was read so far.
        rows().for_each(|(key, _)| self.touched.mark(&key, position + 1));
        self.index.publish(rows());
    }

    /// Syncs those of `blobs` that are fresh files, before a commit that must be durable names them.
    pub(super) fn sync_fresh_files(&self, blobs: &[BlobRef]) -> Result<(), BackendError> {
        if blobs.is_empty() {
            return Ok(());
        }
        let unsynced = |fresh: &HashMap<BlobRef, Fresh>| {
            let file = |blob: &BlobRef| match fresh.get(blob) {
                Some(Fresh::File { file, synced: false }) => Some((*blob, Arc::clone(file))),
                _ => None,
            };
            blobs.iter().filter_map(file).collect::<Vec<_>>()
        };
        let files = unsynced(&self.fresh.lock());
        if files.is_empty() {
            return Ok(());
        }
        let handles: Vec<_> = files.iter().map(|(_, file)| Arc::clone(file)).collect();
        self.files.sync(&handles).map_err(|error| self.poison(error))?;
        let mut fresh = self.fresh.lock();
        for (blob, _) in files {
            if let Some(Fresh::File { synced, .. }) = fresh.get_mut(&blob) {
                *synced = true;
            }
        }
        Ok(())
    }
}

/// A frame that its owner writes itself. Dropped, whoever waits for it goes on.
struct Landing<'a> {
    engine: &'a Engine,
    lsn: Lsn,
    intact: bool,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        if !self.intact {
            self.engine.poison_with("write a blob".into());
        }
        let mut queue = self.engine.queue.lock();
        queue.direct.retain(|lsn| *lsn != self.lsn);
        self.engine.landed.notify_all();
    }
}

fn write_frame(segment: &Segment, header: &FrameHeader, body: &Body) -> Result<(), BackendError> {
    let mut head = Vec::with_capacity(HEADER_BYTES + body.table.len());
    head.extend_from_slice(&header.encode(&body.table));
    head.extend_from_slice(&body.table);
    segment.write(&head, header.lsn)?;
    let mut at = header.lsn + head.len() as u64;
    for chunk in &body.chunks {
        segment.write(chunk, at)?;
        at += chunk.len() as u64;
    }
    Ok(())
}

/// Bodies with a file of their own.
pub(crate) struct BlobFiles {
    device: Arc<dyn Device>,
    store: [u8; 16],
    next: AtomicU64,
    /// Open files, the one used last at the end.
    open: Mutex<Vec<(u64, Arc<dyn DeviceFile>)>>,
    /// How many asked for a sync of the folder, and which of them have it.
    asked: AtomicU64,
    synced: Mutex<u64>,
}

impl BlobFiles {
    pub(crate) fn new(device: Arc<dyn Device>, store: [u8; 16]) -> Self {
        Self {
            device,
            store,
            next: AtomicU64::new(1),
            open: Mutex::default(),
            asked: AtomicU64::new(0),
            synced: Mutex::default(),
        }
    }

    pub(crate) fn id(&self, file: u64) -> BlobFileId {
        BlobFileId { store: self.store, file }
    }

    /// Sees to it that no number below `next` is given out.
    pub(crate) fn skip_to(&self, next: u64) {
        self.next.fetch_max(next, Ordering::Relaxed);
    }

    fn next_number(&self) -> u64 {
        // Relaxed: it only has to be unique.
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The number that would be given out next.
    pub(crate) fn peek_number(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Keeps a file open for those who will read it.
    pub(crate) fn keep(&self, file: u64, handle: Arc<dyn DeviceFile>) {
        let mut open = self.open.lock();
        open.retain(|(number, _)| *number != file);
        if open.len() == OPEN_FILES_MAX {
            open.remove(0);
        }
        open.push((file, handle));
    }

    /// The open file, if it is kept.
    pub(crate) fn kept(&self, file: u64) -> Option<Arc<dyn DeviceFile>> {
        let mut open = self.open.lock();
        let at = open.iter().rposition(|(number, _)| *number == file)?;
        let kept = open.remove(at);
        let handle = Arc::clone(&kept.1);
        open.push(kept);
        Some(handle)
    }

    /// Does not keep the file any longer.
    pub(crate) fn forget(&self, file: u64) {
        self.open.lock().retain(|(number, _)| *number != file);
    }

    /// Makes files and their names durable. A sync of the folder serves all who wait for one.
    pub(crate) fn sync(&self, files: &[Arc<dyn DeviceFile>]) -> Result<(), BackendError> {
        let folder = BlobFileId::FOLDER;
        for file in files {
            file.sync().map_err(|error| BackendError::io("sync a file of", folder, error))?;
        }
        // Relaxed: the lock orders the rest.
        let mine = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut synced = self.synced.lock();
        if *synced < mine {
            let all = self.asked.load(Ordering::Relaxed);
            let outcome = self.device.sync_folder(folder);
            outcome.map_err(|error| BackendError::io("sync", folder, error))?;
            *synced = all;
        }
        Ok(())
    }
}

impl fmt::Debug for BlobFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobFiles").field("next", &self.peek_number()).finish_non_exhaustive()
    }
}

/// Frames of this size are written by their owner, so that small commits need not wait for a copy.
const DIRECT_BYTES_MIN: u64 = 256 << 10;

const OPEN_FILES_MAX: usize = 64;
