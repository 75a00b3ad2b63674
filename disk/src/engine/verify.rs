//! Verification of an open store: everything at rest is read, and what is said twice is compared.

use crate::{
    blob_file::{BlobFileId, BlobFileReader},
    engine::{
        Engine,
        name::{self, BlobName},
        owners,
    },
    format::{ALIGN, FrameKind, Lsn},
    index::check,
    log::{batch_record::BatchRecord, reader::FrameReader},
    segment::Segment,
    verify::Finding,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, KeyRange, Order};
use std::collections::{BTreeMap, BTreeSet};

/// What the frames of the log say.
#[derive(Default)]
struct Frames {
    /// Packed blobs by the lsn they were written at.
    blobs: BTreeSet<Lsn>,
    /// Moved blobs: where they are, and where they were written.
    moved: BTreeMap<Lsn, Lsn>,
}

impl Engine {
    /// Reads segments, rows and blob files, and reports what is wrong.
    ///
    /// # Errors
    /// When the device fails; damage is reported.
    pub(crate) fn verify(&self, report: &mut dyn FnMut(Finding)) -> Result<(), BackendError> {
        let mut broken_rows = false;
        self.index.verify(&mut |finding| {
            broken_rows = true;
            report(finding);
        })?;
        let mut frames = Frames::default();
        let tail = self.queue.lock().tail.next();
        for segment in self.segments.all() {
            let end = segment.sealed().unwrap_or(tail).min(segment.end());
            let (whole, live) = self.verify_segment(&segment, end, &mut frames, report)?;
            // What cannot be read cannot be counted.
            if whole && !broken_rows && live != segment.live() {
                let counted = segment.live();
                let detail = format!("{counted} bytes are counted as live, {live} are");
                report(Finding::new(segment.header.file_name(), 0, detail));
            }
        }
        if !broken_rows {
            self.verify_places(&frames, report)?;
            self.verify_files(report)?;
        }
        Ok(())
    }

    /// Reads the frames of a segment. Returns whether all were intact, and how many bytes of them
    /// hold blobs that somebody owns.
    fn verify_segment(
        &self,
        segment: &Segment,
        end: Lsn,
        frames: &mut Frames,
        report: &mut dyn FnMut(Finding),
    ) -> Result<(bool, u64), BackendError> {
        let mut reader = FrameReader::new(segment)?;
        let (mut lsn, mut whole, mut live) = (segment.start(), true, 0);
        while lsn < end {
            let Some(frame) = reader.frame(lsn)? else {
                report(damage(segment, lsn, "no intact frame stands here"));
                whole = false;
                lsn = next_frame(&mut reader, lsn + ALIGN, end)?;
                continue;
            };
            match frame.header.kind {
                FrameKind::Batch if BatchRecord::decode(frame.payload()).is_none() => {
                    report(damage(segment, lsn, "the commit does not decode"));
                }
                FrameKind::Batch | FrameKind::Pad => {}
                FrameKind::Blob => {
                    frames.blobs.insert(lsn);
                    live += self.live_bytes(lsn, lsn, frame.header.frame_bytes())?;
                }
                FrameKind::Moved => {
                    frames.moved.insert(lsn, frame.origin());
                    live += self.live_bytes(frame.origin(), lsn, frame.header.frame_bytes())?;
                }
            }
            lsn = frame.end();
        }
        Ok((whole, live))
    }

    /// The frame's length, if the blob that was written at `origin` is owned and is at `lsn` now.
    fn live_bytes(&self, origin: Lsn, lsn: Lsn, bytes: u64) -> Result<u64, BackendError> {
        if self.unowned.lock().contains(&origin) {
            return Ok(0);
        }
        let owners = self.index.get(&name::packed_owners_key(origin))?;
        let is_dead = owners.map(|row| owners::count_of(&row)).transpose()? == Some(0);
        let moved = self.index.get(&name::moved_key(origin))?;
        let place = moved.map_or(Ok(origin), |row| owners::number_of(&row))?;
        Ok(if !is_dead && place == lsn { bytes } else { 0 })
    }

    /// Checks that what rows say of packed blobs is in the log.
    fn verify_places(
        &self,
        frames: &Frames,
        report: &mut dyn FnMut(Finding),
    ) -> Result<(), BackendError> {
        let mut missing = |lsn: Lsn, detail: String| {
            let place = self.segments.find(lsn);
            report(match place {
                Some(segment) => damage(&segment, lsn, detail),
                None => Finding::new(crate::segment::FOLDER, lsn, detail),
            });
        };
        let mut moved_from = BTreeSet::new();
        self.each_row(name::moved_key, |origin, row| {
            let lsn = owners::number_of(row)?;
            moved_from.insert(origin);
            if frames.moved.get(&lsn) != Some(&origin) {
                missing(
                    lsn,
                    format!("the blob written at lsn {origin} was moved here, but is not"),
                );
            }
            Ok(())
        })?;
        self.each_row(name::packed_owners_key, |origin, row| {
            let count = owners::count_of(row)?;
            if count > 0 && !frames.blobs.contains(&origin) && !moved_from.contains(&origin) {
                missing(origin, format!("a blob with {count} owners is not here"));
            }
            Ok(())
        })
    }

    /// Reads all blob files that somebody owns.
    fn verify_files(&self, report: &mut dyn FnMut(Finding)) -> Result<(), BackendError> {
        let (mut total, mut owned) = (0, BTreeSet::new());
        let key = |file| BlobName::File { file, len: 0 }.owners_key();
        self.each_row(key, |file, row| {
            let len = owners::file_len_of(row)?;
            total += len;
            owned.insert(file);
            let id = self.files.id(file);
            let outcome =
                BlobFileReader::open(&*self.device, id, len).and_then(|file| file.verify());
            check::report_damage(outcome, &id.name(), report)
        })?;
        let counted = self.published.lock().file_bytes;
        if counted != total {
            let detail = format!("{counted} bytes are counted as live, {total} are");
            report(Finding::new(BlobFileId::FOLDER, 0, detail));
        }
        let listed = self.device.list(BlobFileId::FOLDER);
        let io = |error| BackendError::io("list", BlobFileId::FOLDER, error);
        for entry in listed.map_err(io)? {
            let file = BlobFileId::parse(&entry.name);
            if file.is_none_or(|file| !owned.contains(&file)) {
                let name = format!("{}/{}", BlobFileId::FOLDER, entry.name);
                report(Finding::note(
                    name,
                    0,
                    "nobody owns this file; opening the store removes it",
                ));
            }
        }
        Ok(())
    }

    /// Tells every own row of one kind: its number and its value.
    fn each_row(
        &self,
        key: impl Fn(u64) -> Bytes,
        mut tell: impl FnMut(u64, &[u8]) -> Result<(), BackendError>,
    ) -> Result<(), BackendError> {
        let (mut start, last) = (key(0), key(u64::MAX));
        loop {
            let range = KeyRange::between(&start, &last);
            let rows = self.index.scan(range, Order::Forward, ROWS_AT_ONCE)?;
            let Some(row) = rows.last() else { return Ok(()) };
            let after = name::lsn_of_key(&row.key).map_or(u64::MAX, |number| number + 1);
            for row in &rows {
                tell(name::lsn_of_key(&row.key).unwrap_or(u64::MAX), &row.value.to_bytes())?;
            }
            start = key(after);
        }
    }
}

/// The first intact frame at `lsn` or behind it, or `end`.
fn next_frame(reader: &mut FrameReader<'_>, mut lsn: Lsn, end: Lsn) -> Result<Lsn, BackendError> {
    while lsn < end && reader.frame(lsn)?.is_none() {
        lsn += ALIGN;
    }
    Ok(lsn.min(end))
}

fn damage(segment: &Segment, lsn: Lsn, detail: impl Into<String>) -> Finding {
    Finding::new(segment.header.file_name(), segment.offset(lsn), detail)
}

const ROWS_AT_ONCE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        device::{Device, MemoryDevice},
        engine::{OpenAs, open},
        settings::{Background, DiskSettings},
    };
    use cistern_storage_core::port::{Batch, Durability};
    use std::sync::Arc;

    #[test]
    fn a_count_of_live_bytes_that_is_wrong_and_a_place_that_is_not_there_are_found() {
        let device: Arc<dyn Device> = Arc::new(MemoryDevice::new());
        let settings = DiskSettings::new().background(Background::Manual);
        let engine = Arc::new(open(&device, &settings, OpenAs::Owner).unwrap());
        let mut batch = Batch::new(Durability::Synced);
        batch.put("key".into(), "value");
        engine.commit(batch).unwrap().wait().unwrap();
        let findings = || {
            let mut findings = Vec::new();
            engine.verify(&mut |finding| findings.push(finding)).unwrap();
            findings
        };
        assert_eq!(findings(), vec![]);
        engine.segments.all()[0].add_live(8);
        assert_eq!(findings().len(), 1);
        let place = |number: u64| Some(owners::count_row(number));
        engine.index.publish([(name::moved_key(5000), place(6000))]);
        assert_eq!(findings().len(), 2);
        engine.index.publish([(name::packed_owners_key(7000), place(2))]);
        assert_eq!(findings().len(), 3);
    }
}
