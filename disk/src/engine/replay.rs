//! Replay: from the last checkpoint to the end of the log.
//!
//! The log goes on from frame to frame, from a full segment to the one behind it, and from where an
//! earlier recovery found its end to the segment that says so. It ends where no intact frame
//! stands. If something behind that place proves that the log had been durable there, it is not the
//! end but damage, and nothing is guessed.

use crate::{
    blob_file::BlobFileReader,
    engine::{
        Engine,
        commit::row_of,
        compaction::{Move, move_changes},
        meta::Meta,
        name::BlobName,
        open::{self, FIRST_LSN},
        owners,
        queue::Entry,
    },
    format::{FrameKind, HEADER_BYTES, Lsn},
    log::{
        batch_record::BatchRecord,
        reader::{Frame, FrameReader},
    },
    segment::{self, Segment, SegmentHeader},
};
use cistern_storage_core::port::{BackendError, BlobRef, Durability};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, atomic::Ordering},
};

/// A walk along the log.
pub(super) struct Replay {
    /// Where it is; in the end, where the log ends.
    pub(super) end: Lsn,
    /// The segment of that.
    pub(super) segment: Arc<Segment>,
    /// Segments that were read.
    pub(super) replayed: Vec<Arc<Segment>>,
    /// All segments on the medium that are whole.
    pub(super) found: BTreeMap<u64, SegmentHeader>,
    /// Files that got an owner by a commit that is not known to be durable.
    pub(super) unsynced_files: Vec<u64>,
    /// The store was closed, and nothing was written since.
    pub(super) is_clean: bool,
    /// The log is known to have been durable up to here.
    pub(super) durable: Lsn,
    /// Stop here, whatever follows.
    cut: Option<Lsn>,
    /// Files by the commits that adopted them first.
    adopted_files: Vec<(Lsn, u64, u64)>,
}

impl Replay {
    /// Takes in what the checkpoint says, and stands where replay begins.
    pub(super) fn begin(
        engine: &Engine,
        meta: Option<Meta>,
        cut: Option<Lsn>,
    ) -> Result<Self, BackendError> {
        let found = open::read_headers(&*engine.device, engine.store)?;
        let no_meta = meta.is_none();
        let meta = meta.unwrap_or_default();
        for record in &meta.segments {
            let header = found.get(&record.sequence).filter(|header| record.is_of(header));
            match header {
                Some(header) => engine.segments.insert(open::restore(engine, record, *header)),
                None if record.live == 0 && record.sealed != 0 && record.sealed <= meta.end => {}
                None => return Err(missing(record.sequence, "a segment with live data")),
            }
        }
        let (segment, end) = if no_meta {
            first_segment(engine, &found)?
        } else {
            let at = find_inclusive(engine, meta.end);
            (at.ok_or_else(|| missing(0, "the segment where replay begins"))?, meta.end)
        };
        let replay = Self {
            end,
            segment,
            replayed: Vec::new(),
            found,
            unsynced_files: Vec::new(),
            is_clean: meta.clean,
            durable: end,
            cut,
            adopted_files: Vec::new(),
        };
        for lsn in &meta.unowned {
            Self::take_unowned(engine, *lsn);
        }
        replay.take_meta(engine, meta);
        Ok(replay)
    }

    fn take_meta(&self, engine: &Engine, meta: Meta) {
        engine.files.skip_to(meta.next_file);
        engine.position.store(meta.position, Ordering::Release);
        engine.checkpoint.store(self.end, Ordering::Relaxed);
        *engine.counters.write() = meta.counters;
        let mut published = engine.published.lock();
        published.end = self.end;
        published.file_bytes = meta.file_bytes;
    }

    /// Replays to the end.
    pub(super) fn run(&mut self, engine: &Engine) -> Result<(), BackendError> {
        loop {
            let segment = Arc::clone(&self.segment);
            if self.run_segment(engine, &segment)? {
                // A lost file's commit: the log ends in front of it.
                return Ok(());
            }
            let Some(next) = self.next_segment() else { break };
            segment.seal(self.end);
            self.end = next.start;
            // The checkpoint may know it: it was begun before that.
            let known = engine.segments.find(next.start);
            self.segment = known.unwrap_or_else(|| {
                let segment = Arc::new(Segment::new(next, &engine.device));
                engine.segments.insert(Arc::clone(&segment));
                segment
            });
        }
        if self.is_clean { Ok(()) } else { self.check_end() }
    }

    /// Replays what is left of a segment. True when it came to the cut.
    fn run_segment(
        &mut self,
        engine: &Engine,
        segment: &Arc<Segment>,
    ) -> Result<bool, BackendError> {
        if segment.header.capacity == 0 {
            return Ok(false);
        }
        let mut reader = FrameReader::new(segment)?;
        self.replayed.push(Arc::clone(segment));
        loop {
            if self.cut.is_some_and(|cut| self.end >= cut) {
                return Ok(true);
            }
            // An earlier recovery found the end here; whatever stands behind it is void.
            if self.end == segment.end() || self.jump().is_some() {
                return Ok(false);
            }
            let Some(frame) = reader.frame(self.end)? else { return Ok(false) };
            self.is_clean = false;
            self.durable = self.durable.max(frame.header.durable);
            self.apply(engine, segment, &frame)?;
            self.end = frame.end();
        }
    }

    /// The segment that an earlier recovery began because it found the end of the log here.
    fn jump(&self) -> Option<&SegmentHeader> {
        let later = self.found.range(self.segment.header.sequence + 1..);
        later.map(|(_, header)| header).find(|header| header.follows == self.end)
    }

    fn next_segment(&mut self) -> Option<SegmentHeader> {
        if let Some(header) = self.jump().copied() {
            // That recovery synced everything in front of it.
            self.durable = self.durable.max(self.end);
            self.is_clean = false;
            return Some(header);
        }
        // A rest that is too short for a pad is skipped.
        if self.segment.end() - self.end >= HEADER_BYTES as u64 {
            return None;
        }
        let behind =
            |header: &&SegmentHeader| header.start == self.segment.end() && header.follows == 0;
        let later = self.found.range(self.segment.header.sequence + 1..);
        let next = later.map(|(_, header)| header).find(behind).copied()?;
        self.is_clean = false;
        Some(next)
    }

    /// Looks behind the end for proof that it is none.
    fn check_end(&self) -> Result<(), BackendError> {
        let proof = self.find_proof()?;
        let Some(proof) = proof else { return Ok(()) };
        let detail = format!("no intact frame, though lsn {proof} tells that one was durable here");
        Err(self.segment.damaged(self.end, detail))
    }

    fn find_proof(&self) -> Result<Option<Lsn>, BackendError> {
        if self.segment.header.capacity == 0 {
            return Ok(None);
        }
        let here = FrameReader::new(&self.segment)?.find_evidence(self.end, self.end)?;
        if here.is_some() {
            return Ok(here);
        }
        for header in self.found.range(self.segment.header.sequence + 1..).map(|(_, header)| header)
        {
            if header.follows > self.end {
                return Ok(Some(header.start));
            }
            let segment = Segment::new(*header, self.segment.device());
            let there = FrameReader::new(&segment)?.find_evidence(header.start, self.end)?;
            if there.is_some() {
                return Ok(there);
            }
        }
        Ok(None)
    }

    fn apply(
        &mut self,
        engine: &Engine,
        segment: &Arc<Segment>,
        frame: &Frame<'_>,
    ) -> Result<(), BackendError> {
        let lsn = frame.header.lsn;
        let undecodable = |detail: &str| segment.damaged(lsn, detail);
        match frame.header.kind {
            FrameKind::Pad => {}
            FrameKind::Blob => {
                Self::take_unowned(engine, lsn);
            }
            FrameKind::Batch => {
                let record = BatchRecord::decode(frame.payload());
                let record = record.ok_or_else(|| undecodable("a commit that does not decode"))?;
                self.apply_batch(engine, lsn, frame.end(), record).map_err(
                    |error| match error {
                        BackendError::NoSuchBlob { blob } => {
                            undecodable(&format!("a commit about blob {blob}, which is not there"))
                        }
                        error => error,
                    },
                )?;
            }
            FrameKind::Moved => apply_moved(engine, segment, frame)?,
        }
        Ok(())
    }

    fn apply_batch(
        &mut self,
        engine: &Engine,
        position: Lsn,
        end: Lsn,
        record: BatchRecord,
    ) -> Result<(), BackendError> {
        let BatchRecord { ops, adds, fresh, mut adopts, frees } = record;
        for blob in &fresh {
            self.take_fresh(engine, position, blob)?;
        }
        let is_fresh = |blob: &BlobRef| fresh.contains(blob);
        adopts.extend_from_slice(&fresh);
        let claims = owners::claims(&engine.store, &adopts, &frees, is_fresh)?;
        let read = &mut |key: bytes::Bytes| engine.index.get(&key);
        let changes = owners::decide(&claims, &engine.segments, read)?;
        let mut rows: Vec<_> = ops.into_iter().map(|op| row_of(op, position)).collect();
        rows.extend(changes.rows);
        let entry = Entry {
            position,
            end,
            durability: Durability::Memory,
            rows,
            adds,
            space: changes.space,
            on_publish: None,
        };
        engine.publish(&mut [entry]);
        Ok(())
    }

    fn take_fresh(
        &mut self,
        engine: &Engine,
        position: Lsn,
        blob: &BlobRef,
    ) -> Result<(), BackendError> {
        match engine.name_of(blob)? {
            BlobName::Packed { lsn, .. } => {
                let known = engine.unowned.lock().contains(&lsn);
                known.then_some(()).ok_or(BackendError::NoSuchBlob { blob: *blob })
            }
            BlobName::File { file, len } => {
                engine.files.skip_to(file + 1);
                self.adopted_files.push((position, file, len));
                Ok(())
            }
        }
    }

    fn take_unowned(engine: &Engine, lsn: Lsn) {
        if let Some(segment) = engine.segments.find(lsn)
            && engine.unowned.lock().insert(lsn)
        {
            segment.add_unowned();
        }
    }

    /// The first commit that names a file which a crash took: one that was not known to be durable
    /// yet, and whose file had not been synced. The log ends in front of it.
    pub(super) fn first_lost_file(&mut self, engine: &Engine) -> Result<Option<Lsn>, BackendError> {
        for (position, file, len) in std::mem::take(&mut self.adopted_files) {
            if position < self.durable {
                continue;
            }
            let name = BlobName::File { file, len };
            if engine.index.get(&name.owners_key())?.is_none() {
                // Freed again by a later commit, and perhaps removed already.
                continue;
            }
            let file_of = BlobFileReader::open(&*engine.device, engine.files.id(file), len);
            // All of it: what was not synced may be there in part.
            match file_of.and_then(|reader| reader.verify()) {
                Ok(()) => self.unsynced_files.push(file),
                Err(error) if is_lost(&error) => return Ok(Some(position)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn is_lost(error: &BackendError) -> bool {
    match error {
        BackendError::Damaged { .. } | BackendError::NoSuchBlob { .. } => true,
        BackendError::Io { source, .. } => {
            matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}

fn apply_moved(
    engine: &Engine,
    segment: &Arc<Segment>,
    frame: &Frame<'_>,
) -> Result<(), BackendError> {
    let (origin, len) = (frame.origin(), frame.header.len);
    let read = &mut |key: bytes::Bytes| engine.index.get(&key);
    let from = owners::place(origin, len, engine.segments.find(origin), &engine.segments, read)?;
    let Some(from) = from else {
        return Err(segment.damaged(frame.header.lsn, "a blob moved from a place that is gone"));
    };
    let moved = Move { origin, len, from, to: Arc::clone(segment), lsn: frame.header.lsn };
    engine.publish(&mut [move_changes(&engine.segments, moved)]);
    Ok(())
}

/// Where the log of a store begins that never had a checkpoint.
fn first_segment(
    engine: &Engine,
    found: &BTreeMap<u64, SegmentHeader>,
) -> Result<(Arc<Segment>, Lsn), BackendError> {
    match found.first_key_value() {
        None => {
            let nowhere = SegmentHeader {
                store: engine.store,
                sequence: 0,
                start: FIRST_LSN,
                capacity: 0,
                follows: 0,
            };
            Ok((Arc::new(Segment::new(nowhere, &engine.device)), FIRST_LSN))
        }
        Some((1, header)) => {
            let segment = Arc::new(Segment::new(*header, &engine.device));
            engine.segments.insert(Arc::clone(&segment));
            Ok((segment, header.start))
        }
        Some((sequence, _)) => Err(missing(sequence - 1, "a segment that no checkpoint covers")),
    }
}

/// The segment that `lsn` lies in, or at whose end it is.
fn find_inclusive(engine: &Engine, lsn: Lsn) -> Option<Arc<Segment>> {
    engine.segments.find(lsn).or_else(|| {
        let all = engine.segments.all();
        all.into_iter().rev().find(|segment| segment.end() == lsn)
    })
}

fn missing(sequence: u64, what: &str) -> BackendError {
    BackendError::Damaged {
        place: segment::file_name(sequence),
        offset: 0,
        detail: format!("{what} is missing, or its header does not verify"),
    }
}
