//! Scrubbing: one step of reading what is at rest, while everything goes on.
//!
//! Nothing that is read can change under the reader: a segment is held, and so not used again; the
//! frames in front of what was written before the pass came to the log are not written twice; runs
//! and blob files never change. But a thing that is not intact may have ceased to matter. Whether
//! it still does is looked at after it was read, and only then it is reported.

use crate::{
    blob_file::BlobFileReader,
    engine::{
        Engine, identity,
        name::{self, BlobName},
        owners,
    },
    format::{ALIGN, FrameHeader, HEADER_BYTES, Lsn},
    log::reader::FrameReader,
    scrub::{ScrubArea, ScrubCursor, ScrubPlace, ScrubProgress, ScrubStep},
    segment::{Segment, SegmentHeader},
};
use cistern_storage_core::port::{BackendError, KeyRange};
use std::sync::{Arc, atomic::Ordering};

impl Engine {
    /// Reads about `bytes_max` bytes behind `from`.
    pub(crate) fn scrub(
        &self,
        from: ScrubCursor,
        bytes_max: u64,
    ) -> Result<ScrubStep, BackendError> {
        self.check_open()?;
        if self.read_only {
            return Err(BackendError::ReadOnly);
        }
        let mut place = from.place_in(&self.store)?;
        let mut step = ScrubProgress { bytes: 0, bytes_max, findings: Vec::new() };
        let next = loop {
            let Some(next) = self.scrub_from(place, &mut step)? else { break None };
            if step.is_full() {
                break Some(ScrubCursor::at(next, &self.store));
            }
            place = next;
        };
        let ScrubProgress { bytes, findings, .. } = step;
        let bytes_total = self.scrub_bytes();
        Ok(ScrubStep { next, bytes_read: bytes, bytes_total, findings })
    }

    /// Bytes of blocks in the cache.
    #[cfg(test)]
    pub(crate) fn cached_bytes(&self) -> usize {
        self.index.stats().cache_bytes
    }

    /// About how much a pass reads.
    fn scrub_bytes(&self) -> u64 {
        let written = self.written.load(Ordering::Acquire);
        let of = |segment: &Arc<Segment>| {
            let end = self.scrub_end(segment, written);
            end.saturating_sub(segment.start()) + SegmentHeader::BYTES as u64
        };
        let log: u64 = self.segments.all().iter().filter(|all| !self.is_spent(all)).map(of).sum();
        let files = self.published.lock().file_bytes;
        log + self.index.stats().run_bytes + files + identity::FILE_BYTES as u64
    }

    /// Goes on from `place`, until the step is full or it is time for something else. `None` at the
    /// end of the pass.
    fn scrub_from(
        &self,
        place: ScrubPlace,
        step: &mut ScrubProgress,
    ) -> Result<Option<ScrubPlace>, BackendError> {
        match place.area {
            ScrubArea::Identity => {
                self.scrub_identity(step)?;
                Ok(Some(ScrubPlace::new(ScrubArea::Manifest, 0)))
            }
            ScrubArea::Manifest => {
                self.index.scrub_manifest(step)?;
                // Acquire, with the release in `write_group`: what was written is in the files.
                let written = self.written.load(Ordering::Acquire);
                Ok(Some(ScrubPlace::new(ScrubArea::Log, written)))
            }
            ScrubArea::Log | ScrubArea::LogLost => self.scrub_log(place, step).map(Some),
            ScrubArea::Runs => self.scrub_runs(place, step).map(Some),
            ScrubArea::Files => self.scrub_files(place, step),
        }
    }

    fn scrub_identity(&self, step: &mut ScrubProgress) -> Result<(), BackendError> {
        let damaged = |detail: &str| BackendError::Damaged {
            place: identity::FILE.into(),
            offset: 0,
            detail: detail.into(),
        };
        let outcome = identity::read(&*self.device).and_then(|found| match found {
            Some(found) if found == self.store => Ok(()),
            Some(_) => Err(damaged("it is that of another store")),
            None => Err(damaged("it is not there")),
        });
        step.bytes += identity::FILE_BYTES as u64;
        step.note(outcome, identity::FILE, 0, || true)
    }

    fn scrub_log(
        &self,
        place: ScrubPlace,
        step: &mut ScrubProgress,
    ) -> Result<ScrubPlace, BackendError> {
        let found = self.segments.find_from(place.at);
        let Some(segment) = found.filter(|segment| segment.start() < place.until) else {
            return Ok(ScrubPlace::new(ScrubArea::Runs, self.index.run_end()));
        };
        let behind = ScrubPlace { area: ScrubArea::Log, ..place.to(segment.end(), 0) };
        if self.is_spent(&segment) {
            return Ok(behind);
        }
        let is_new = place.at <= segment.start();
        if is_new {
            step.bytes += SegmentHeader::BYTES as u64;
            let is_needed = || self.is_needed(&segment, segment.start());
            step.note(segment.verify_header(), &segment.header.file_name(), 0, is_needed)?;
        }
        let (reader, at) = (FrameReader::with_window(&segment, WINDOW_BYTES), place.at);
        let reader = match reader {
            Ok(reader) => reader,
            Err(error) => {
                // Its header could not be read either, and that was told.
                if !is_new {
                    let is_needed = || self.is_needed(&segment, at);
                    step.note(Err(error), &segment.header.file_name(), 0, is_needed)?;
                }
                return Ok(behind);
            }
        };
        let mut frames = Frames {
            engine: self,
            segment: &segment,
            reader,
            at: at.max(segment.start()),
            is_lost: place.area == ScrubArea::LogLost,
        };
        let end = self.scrub_end(&segment, place.until);
        while frames.at < end {
            frames.next(end, step)?;
            if step.is_full() {
                break;
            }
        }
        if frames.at >= end {
            return Ok(behind);
        }
        let area = if frames.is_lost { ScrubArea::LogLost } else { ScrubArea::Log };
        Ok(ScrubPlace { area, ..place.to(frames.at, 0) })
    }

    /// Where what is at rest in a segment ends, if the log was written up to `written`.
    fn scrub_end(&self, segment: &Segment, written: Lsn) -> Lsn {
        segment.sealed().unwrap_or(segment.end()).min(written)
    }

    /// True when nothing in the segment is needed any more.
    fn is_spent(&self, segment: &Segment) -> bool {
        let checkpoint = self.checkpoint.load(Ordering::Relaxed);
        // In this order: a blob is live before it ceases to be unowned.
        segment.sealed().is_some_and(|sealed| sealed <= checkpoint)
            && segment.unowned() == 0
            && segment.live() == 0
    }

    /// True when something unknown at `lsn` may be needed: by replay, or by an owner of a body.
    fn is_needed(&self, segment: &Segment, lsn: Lsn) -> bool {
        let replayed = lsn >= self.checkpoint.load(Ordering::Relaxed);
        let holds = segment.unowned() > 0 || segment.live() > 0;
        (replayed || holds) && self.segments.find(segment.start()).is_some()
    }

    /// True when this frame is needed, and is no copy that was left behind.
    fn is_frame_needed(&self, segment: &Segment, header: &FrameHeader, origin: Lsn) -> bool {
        if header.lsn >= self.checkpoint.load(Ordering::Relaxed) {
            return self.segments.find(segment.start()).is_some();
        }
        // What cannot be told is not to be kept secret.
        header.kind.is_blob()
            && self.is_owned_at(origin, header.lsn).unwrap_or(true)
            // Last: the rows of a segment are forgotten once nobody finds it.
            && self.segments.find(segment.start()).is_some()
    }

    /// True when the body that was written at `origin` has an owner, or may get one, and is at `lsn`.
    fn is_owned_at(&self, origin: Lsn, lsn: Lsn) -> Result<bool, BackendError> {
        if self.unowned.lock().contains(&origin) {
            return Ok(origin == lsn);
        }
        // In this order: a body that is freed loses its place and its owners at once, and one that
        // has no place of its own any more must not be taken for one that was never moved.
        let moved = self.index.get(&name::moved_key(origin))?;
        let place = moved.map_or(Ok(origin), |row| owners::number_of(&row))?;
        let owners = self.index.get(&name::packed_owners_key(origin))?;
        let is_dead = owners.map(|row| owners::count_of(&row)).transpose()? == Some(0);
        Ok(place == lsn && !is_dead)
    }

    fn scrub_runs(
        &self,
        place: ScrubPlace,
        step: &mut ScrubProgress,
    ) -> Result<ScrubPlace, BackendError> {
        let found = self.index.run_from(place.at);
        let Some(run) = found.filter(|run| run.id() < place.until) else {
            return Ok(ScrubPlace::new(ScrubArea::Files, self.files.peek_number()));
        };
        let from = if run.id() == place.at { place.within } else { 0 };
        let next = self.index.scrub_run(&run, from, step)?;
        Ok(next.map_or(place.to(run.id() + 1, 0), |part| place.to(run.id(), part)))
    }

    fn scrub_files(
        &self,
        place: ScrubPlace,
        step: &mut ScrubProgress,
    ) -> Result<Option<ScrubPlace>, BackendError> {
        let (file, len) = match self.file_from(place.at, place.until) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => {
                step.note(Err(error), "runs", 0, || true)?;
                let detail = "the rows that name these files are damaged: not all were read";
                let folder = crate::blob_file::BlobFileId::FOLDER;
                step.findings.push(crate::verify::Finding::new(folder, 0, detail));
                return Ok(None);
            }
        };
        let from = if file == place.at { place.within } else { 0 };
        let next = self.scrub_file(file, len, from, step)?;
        Ok(Some(next.map_or(place.to(file + 1, 0), |at| place.to(file, at))))
    }

    /// The owned file with this number, or the one with the next higher; and its body's length.
    fn file_from(&self, file: u64, until: u64) -> Result<Option<(u64, u64)>, BackendError> {
        let key = |file| BlobName::File { file, len: 0 }.owners_key();
        let (start, end) = (key(file), key(until));
        let rows = self.index.scan_past_cache(KeyRange::between(&start, &end), 1)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let len = owners::file_len_of(&row.value.to_bytes())?;
        Ok(name::lsn_of_key(&row.key).map(|file| (file, len)))
    }

    /// Reads a file from the body's byte `from` on. Returns where to go on, `None` at its end.
    fn scrub_file(
        &self,
        file: u64,
        len: u64,
        from: u64,
        step: &mut ScrubProgress,
    ) -> Result<Option<u64>, BackendError> {
        let id = self.files.id(file);
        let key = BlobName::File { file, len }.owners_key();
        // Numbers are not given twice: a file with an owner now had one all the time.
        let is_owned = || self.index.get(&key).map_or(true, |row| row.is_some());
        let reader = match BlobFileReader::open(&*self.device, id, len) {
            Ok(reader) => reader,
            Err(error) => {
                step.note(Err(error), &id.name(), 0, is_owned)?;
                return Ok(None);
            }
        };
        if from == 0 {
            step.bytes += BlobFileReader::BLOCK_BYTES;
        }
        let mut at = from;
        while at < len {
            let (next, outcome) = reader.verify_chunk(at);
            // What is not intact was read as well.
            step.bytes += *outcome.as_ref().unwrap_or(&(next - at));
            step.note(outcome.map(drop), &id.name(), at, is_owned)?;
            at = next;
            if step.is_full() {
                break;
            }
        }
        Ok((at < len).then_some(at))
    }
}

/// A segment's frames, one after the other.
struct Frames<'a> {
    engine: &'a Engine,
    segment: &'a Segment,
    reader: FrameReader<'a>,
    at: Lsn,
    /// No frame stands in front of `at`.
    is_lost: bool,
}

impl Frames<'_> {
    /// Reads one frame, or looks for the next one in a window's length of what is none.
    fn next(&mut self, end: Lsn, step: &mut ScrubProgress) -> Result<(), BackendError> {
        if self.is_lost {
            let from = self.at;
            self.find(end);
            step.bytes += self.at - from;
            return Ok(());
        }
        let lsn = self.at;
        let frame = self.reader.frame(lsn);
        let outcome = match frame {
            Ok(Some(frame)) => {
                step.bytes += read_bytes(&frame.header);
                self.at = frame.end();
                return Ok(());
            }
            Ok(None) => Err(self.segment.damaged(lsn, "no intact frame stands here")),
            Err(error) => Err(error),
        };
        let (engine, segment) = (self.engine, self.segment);
        let (name, offset) = (segment.header.file_name(), segment.offset(lsn));
        if let Ok(Some((header, origin))) = self.reader.header(lsn) {
            step.bytes += read_bytes(&header);
            self.at = lsn + header.frame_bytes();
            let is_needed = || engine.is_frame_needed(segment, &header, origin);
            return step.note(outcome, &name, offset, is_needed);
        }
        step.bytes += ALIGN;
        self.at = lsn + ALIGN;
        self.is_lost = true;
        step.note(outcome, &name, offset, || engine.is_needed(segment, lsn))
    }

    fn find(&mut self, end: Lsn) {
        let stop = (self.at + WINDOW_BYTES as u64).min(end);
        while self.at < stop {
            match self.reader.header(self.at) {
                Ok(Some(_)) => {
                    self.is_lost = false;
                    return;
                }
                Ok(None) => self.at += ALIGN,
                // There may be more of what cannot be read.
                Err(_) => self.at = stop,
            }
        }
    }
}

/// What is read of a frame: nobody knows what lies in a pad.
fn read_bytes(header: &FrameHeader) -> u64 {
    if header.kind == crate::format::FrameKind::Pad {
        HEADER_BYTES as u64
    } else {
        header.frame_bytes()
    }
}

/// How much of the log is read at once, but for longer frames: what must be given up when it cannot
/// be read.
const WINDOW_BYTES: usize = 64 << 10;
