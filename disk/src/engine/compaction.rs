//! Compaction: what is live in the emptiest segments is copied to the end of the log.
//!
//! A copy is a commit like any other, so that it has its place among the frees of the blobs it
//! copies. A blob keeps its name; a row tells where its bytes are now. Once nothing in a segment is
//! live, the next checkpoint retires it.

use crate::{
    engine::{
        Engine,
        maintain::Maintenance,
        name::{moved_key, packed_owners_key},
        owners::{self, Place, SpaceChange, count_of, count_row},
        queue::{Entry, Queue},
    },
    format::{FrameHeader, FrameKind, Lsn, frame_bytes},
    index::Effort,
    log::{
        reader::{Frame, FrameReader},
        segments::Segments,
    },
    segment::Segment,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Durability};
use std::sync::{Arc, atomic::Ordering};

/// A segment that is being emptied.
#[derive(Debug)]
pub(super) struct Victim {
    segment: Arc<Segment>,
    /// Frames in front of it have been looked at.
    at: Lsn,
}

/// A blob's way from one place to another.
pub(super) struct Move {
    pub(super) origin: Lsn,
    pub(super) len: u32,
    pub(super) from: Place,
    pub(super) to: Arc<Segment>,
    pub(super) lsn: Lsn,
}

/// What a copied blob changes.
pub(super) fn move_changes(segments: &Segments, moved: Move) -> Entry {
    // Whoever looks for the blob has to ask for its place from now on.
    if let Some(origin) = segments.find(moved.origin) {
        origin.mark_moved();
    }
    let bytes = frame_bytes(FrameKind::Moved, moved.len);
    Entry {
        position: moved.lsn,
        end: moved.lsn + bytes,
        durability: Durability::Os,
        rows: vec![(moved_key(moved.origin), Some(count_row(moved.lsn)))],
        adds: Vec::new(),
        space: vec![
            SpaceChange::Live { segment: moved.to, bytes, unowned: None },
            SpaceChange::Dead { segment: moved.from.segment, bytes: moved.from.bytes },
        ],
        on_publish: None,
    }
}

impl Engine {
    /// Copies some of what is live in the emptiest segment. True when there was something to do.
    pub(super) fn compact(
        &self,
        maintenance: &mut Maintenance,
        effort: Effort,
    ) -> Result<bool, BackendError> {
        if maintenance.victim.is_none() {
            maintenance.victim = self.choose_victim(maintenance, effort);
        }
        let Some(mut victim) = maintenance.victim.take() else { return Ok(false) };
        match self.empty(&mut victim)? {
            Emptied::InPart => maintenance.victim = Some(victim),
            Emptied::Wholly => {}
            // It stays as it is: what is intact in it is read where it is.
            Emptied::Damaged => maintenance.damaged.push(victim.segment.header.sequence),
        }
        self.flush_all(Durability::Os)?;
        Ok(true)
    }

    /// The emptiest segment, if there is too much dead space.
    fn choose_victim(&self, maintenance: &Maintenance, effort: Effort) -> Option<Victim> {
        let checkpoint = self.checkpoint.load(Ordering::Relaxed);
        let mut segments = self.segments.all();
        segments.retain(|segment| {
            segment.sealed().is_some_and(|sealed| sealed <= checkpoint)
                && segment.unowned() == 0
                && segment.live() > 0
                && !maintenance.damaged.contains(&segment.header.sequence)
        });
        let dead = |segment: &Arc<Segment>| segment.header.capacity.saturating_sub(segment.live());
        let slack = match effort {
            Effort::Busy => self.slack_bytes(),
            Effort::Idle => {
                // Nothing follows from the end of an idle compaction but the next look. So it must
                // come to an end by itself: each segment is copied at most once in a rest, and only
                // if the copy is worth it. (What frames do not fill counts as dead, too.)
                let behind = maintenance.rest.map_or(0, |(_, lsn)| lsn);
                segments.retain(|segment| {
                    let full = segment.header.capacity / 100 * FULL_PERCENT_IDLE;
                    segment.end() <= behind && segment.live() < full
                });
                self.packed_live_bytes() / 100 * DEAD_PERCENT_IDLE_MAX
            }
        };
        if segments.iter().map(dead).sum::<u64>() <= slack {
            return None;
        }
        let share = |segment: &&Arc<Segment>| {
            u128::from(segment.live()) * 1000 / u128::from(segment.header.capacity.max(1))
        };
        let segment = segments.iter().min_by_key(share)?;
        Some(Victim { segment: Arc::clone(segment), at: segment.start() })
    }

    /// How much dead space there may be.
    pub(super) fn slack_bytes(&self) -> u64 {
        self.packed_live_bytes() / 100 * DEAD_PERCENT_MAX + DEAD_SEGMENTS_MAX * self.segments.full()
    }

    fn packed_live_bytes(&self) -> u64 {
        self.segments.all().iter().map(|segment| segment.live()).sum()
    }

    fn empty(&self, victim: &mut Victim) -> Result<Emptied, BackendError> {
        let segment = Arc::clone(&victim.segment);
        let mut reader = FrameReader::new(&segment)?;
        let end = segment.sealed().unwrap_or(segment.end());
        let mut copied = 0;
        while copied < STEP_BYTES {
            // The rest is too short for a frame.
            if victim.at + crate::format::HEADER_BYTES as u64 > end || segment.live() == 0 {
                return Ok(Emptied::Wholly);
            }
            let Some(frame) = reader.frame(victim.at)? else { return Ok(Emptied::Damaged) };
            if frame.header.kind.is_blob() && self.move_blob(&segment, &frame)? {
                copied += frame.header.frame_bytes();
            }
            victim.at = frame.end();
        }
        Ok(Emptied::InPart)
    }

    /// Copies one blob to the end of the log, unless it is dead or lives elsewhere by now.
    fn move_blob(&self, segment: &Arc<Segment>, frame: &Frame<'_>) -> Result<bool, BackendError> {
        let lsn = frame.header.lsn;
        let origin = if frame.header.kind == FrameKind::Moved { frame.origin() } else { lsn };
        // First without the commit lock: most of an empty segment is dead.
        if !self.lives_at(origin, lsn, frame, &mut |key| self.index.get(&key))? {
            return Ok(false);
        }
        let bytes = frame_bytes(FrameKind::Moved, frame.header.len);
        let mut queue = self.queue.lock();
        self.check_writable()?;
        if !self.lives_at(origin, lsn, frame, &mut |key| self.read_pending(&queue, &key))? {
            return Ok(false);
        }
        self.make_room(&mut queue, bytes)?;
        let header = FrameHeader {
            kind: FrameKind::Moved,
            flags: 0,
            len: frame.header.len,
            lsn: queue.tail.next(),
            durable: self.durable.load(Ordering::Relaxed),
            payload_sum: frame.header.payload_sum,
        };
        queue.tail.append(&header, &extension(origin, frame), &[frame.payload()]);
        let from_bytes = frame.header.frame_bytes();
        let moved = Move {
            origin,
            len: frame.header.len,
            from: Place { segment: Arc::clone(segment), lsn, bytes: from_bytes, moved: true },
            to: Arc::clone(queue.tail.segment()),
            lsn: header.lsn,
        };
        let entry = move_changes(&self.segments, moved);
        queue.push(entry);
        self.relieve(queue)?;
        Ok(true)
    }

    /// True when the blob that was written at `origin` has an owner, and its bytes are in the frame
    /// at `lsn`.
    fn lives_at(
        &self,
        origin: Lsn,
        lsn: Lsn,
        frame: &Frame<'_>,
        read: &mut dyn FnMut(Bytes) -> Result<Option<Bytes>, BackendError>,
    ) -> Result<bool, BackendError> {
        let segment = self.segments.find(origin);
        let place = owners::place(origin, frame.header.len, segment, &self.segments, read)?;
        if place.is_none_or(|place| place.lsn != lsn) {
            return Ok(false);
        }
        let owners = read(packed_owners_key(origin))?;
        Ok(owners.map(|row| count_of(&row)).transpose()? != Some(0))
    }

    /// A row as all commits so far leave it.
    fn read_pending(&self, queue: &Queue, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        match queue.pending.get(key) {
            Some(pending) => Ok(pending.value.clone()),
            None => self.index.get(key),
        }
    }
}

enum Emptied {
    InPart,
    Wholly,
    Damaged,
}

/// A moved blob's extension: where it was written, and the checksums of its chunks.
fn extension(origin: Lsn, frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = origin.to_le_bytes().to_vec();
    let table = &frame.bytes[frame.header.extension()];
    let table = if frame.header.kind == FrameKind::Moved { &table[8..] } else { table };
    bytes.extend_from_slice(table);
    bytes
}

/// Dead space may be this part of what is live,
const DEAD_PERCENT_MAX: u64 = 15;

/// of a store at rest this one,
const DEAD_PERCENT_IDLE_MAX: u64 = 5;

/// where a segment of which so much is live is good as it is: the largest packed bodies fill fifteen
/// sixteenths of a segment, and no copy would do better,
const FULL_PERCENT_IDLE: u64 = 92;

/// and so many segments beside that.
const DEAD_SEGMENTS_MAX: u64 = 2;

/// How much is copied in one step.
const STEP_BYTES: u64 = 4 << 20;
