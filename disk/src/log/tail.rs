//! `Tail`: where the next frame goes, and what was appended but not written yet.

use crate::{
    format::{ALIGN, FrameHeader, FrameKind, HEADER_BYTES, Lsn},
    log::segments::Segments,
    segment::Segment,
};
use cistern_storage_core::port::BackendError;
use std::{mem, sync::Arc};

/// The end of the log. Lives under the engine's commit lock.
#[derive(Debug)]
pub(crate) struct Tail {
    segment: Arc<Segment>,
    next: Lsn,
    buffer: Flight,
    /// The other buffer, while no group has it.
    idle: Flight,
    /// Segments that were left since the last sync.
    left: Vec<Arc<Segment>>,
}

/// Bytes on their way from memory to segments.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    bytes: Vec<u8>,
    extents: Vec<Extent>,
}

#[derive(Debug)]
struct Extent {
    segment: Arc<Segment>,
    lsn: Lsn,
    /// Where in the buffer it begins; it ends where the next one begins.
    start: usize,
}

impl Tail {
    /// Goes on at `next` in `segment`.
    pub(crate) fn new(segment: Arc<Segment>, next: Lsn) -> Self {
        Self { segment, next, buffer: Flight::default(), idle: Flight::default(), left: Vec::new() }
    }

    /// The lsn of the next frame, unless it does not fit into the segment.
    pub(crate) fn next(&self) -> Lsn {
        self.next
    }

    /// The segment that is being written.
    pub(crate) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// How many bytes wait to be written.
    pub(crate) fn buffered(&self) -> usize {
        self.buffer.bytes.len()
    }

    /// Makes sure that a frame of `bytes` fits in front of the segment's end, by going on to the
    /// next segment if need be. Nothing has changed when it fails.
    pub(crate) fn make_room(
        &mut self,
        bytes: u64,
        durable: Lsn,
        segments: &Segments,
    ) -> Result<(), BackendError> {
        debug_assert_eq!(bytes % ALIGN, 0);
        if self.next + bytes <= self.segment.end() {
            return Ok(());
        }
        let next = segments.next(&self.segment, bytes)?;
        self.go_on_in(next, durable);
        Ok(())
    }

    /// Goes on in a new segment whose file has `len` bytes, whatever room there is in this one.
    /// Nothing has changed when it fails.
    pub(crate) fn move_to(
        &mut self,
        len: u64,
        durable: Lsn,
        segments: &Segments,
    ) -> Result<(), BackendError> {
        let next = segments.next_of_len(&self.segment, len)?;
        self.go_on_in(next, durable);
        Ok(())
    }

    fn go_on_in(&mut self, next: Arc<Segment>, durable: Lsn) {
        self.pad(durable);
        self.segment.seal(self.next);
        self.next = next.start();
        self.left.push(mem::replace(&mut self.segment, next));
    }

    /// Fills the segment up, so that a reader knows to go on with the next.
    fn pad(&mut self, durable: Lsn) {
        let rest = self.segment.end() - self.next;
        if rest < HEADER_BYTES as u64 {
            return;
        }
        let len = u32::try_from(rest - HEADER_BYTES as u64).expect("a segment has at most 1 GiB");
        let (kind, lsn) = (FrameKind::Pad, self.next);
        let header = FrameHeader { kind, flags: 0, len, lsn, durable, payload_sum: 0 };
        self.push(&[&header.encode(&[])]);
    }

    /// Gives away room for a frame that its owner writes itself. [`Self::make_room`] came before.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Lsn {
        let lsn = self.next;
        self.next += bytes;
        debug_assert!(self.next <= self.segment.end());
        lsn
    }

    /// Appends a frame, given in parts. [`Self::make_room`] came before.
    pub(crate) fn append(&mut self, header: &FrameHeader, extension: &[u8], payload: &[&[u8]]) {
        debug_assert_eq!(header.lsn, self.next);
        self.push(&[&header.encode(extension), extension]);
        payload.iter().for_each(|part| self.buffer.bytes.extend_from_slice(part));
        let end = self.buffer.bytes.len().next_multiple_of(ALIGN_BYTES);
        self.buffer.bytes.resize(end, 0);
        self.next += header.frame_bytes();
    }

    fn push(&mut self, parts: &[&[u8]]) {
        let Flight { bytes, extents } = &mut self.buffer;
        let contiguous = extents.last().is_some_and(|last| {
            let len = (bytes.len() - last.start) as u64;
            last.lsn + len == self.next && Arc::ptr_eq(&last.segment, &self.segment)
        });
        if !contiguous {
            let segment = Arc::clone(&self.segment);
            extents.push(Extent { segment, lsn: self.next, start: bytes.len() });
        }
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
    }

    /// Takes what waits to be written.
    pub(crate) fn take(&mut self) -> Flight {
        mem::replace(&mut self.buffer, mem::take(&mut self.idle))
    }

    /// Gives a buffer back, for the next group.
    pub(crate) fn give_back(&mut self, mut flight: Flight) {
        flight.bytes.clear();
        flight.bytes.shrink_to(IDLE_BYTES_MAX);
        flight.extents.clear();
        self.idle = flight;
    }

    /// The segments that a sync must reach, to make durable all that was appended so far.
    pub(crate) fn take_unsynced(&mut self) -> Vec<Arc<Segment>> {
        let mut segments = mem::take(&mut self.left);
        segments.push(Arc::clone(&self.segment));
        segments
    }

    /// Bytes at `lsn` that are not written yet.
    pub(crate) fn peek(&self, lsn: Lsn, len: usize) -> Option<&[u8]> {
        self.buffer.peek(lsn, len)
    }
}

impl Flight {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes everything to where it belongs.
    pub(crate) fn write(&self) -> Result<(), BackendError> {
        self.parts().try_for_each(|(extent, bytes)| extent.segment.write(bytes, extent.lsn))
    }

    /// Bytes at `lsn`, if they all are here.
    pub(crate) fn peek(&self, lsn: Lsn, len: usize) -> Option<&[u8]> {
        self.parts().find_map(|(extent, bytes)| {
            let from = usize::try_from(lsn.checked_sub(extent.lsn)?).ok()?;
            bytes.get(from..from.checked_add(len)?)
        })
    }

    fn parts(&self) -> impl Iterator<Item = (&Extent, &[u8])> {
        let ends = self.extents.iter().skip(1).map(|extent| extent.start);
        let ends = ends.chain([self.bytes.len()]);
        self.extents.iter().zip(ends).map(|(extent, end)| (extent, &self.bytes[extent.start..end]))
    }
}

const ALIGN_BYTES: usize = 8;
const _: () = assert!(ALIGN_BYTES as u64 == ALIGN);

/// A buffer that grew beyond this is cut back when it is idle.
const IDLE_BYTES_MAX: usize = 4 << 20;
