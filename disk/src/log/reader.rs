//! `FrameReader`: the frames of a segment, one after the other.

use crate::{
    format::{ALIGN, FrameHeader, FrameKind, HEADER_BYTES, Lsn, word},
    segment::Segment,
};
use cistern_storage_core::port::BackendError;

/// Reads a segment through a window that moves forward.
pub(crate) struct FrameReader<'a> {
    segment: &'a Segment,
    /// Where the bytes of the file end; behind it all is as if zero.
    limit: Lsn,
    window: Vec<u8>,
    window_start: Lsn,
    /// How much is read at once.
    window_bytes: usize,
}

/// A whole, intact frame.
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(crate) fn payload(&self) -> &'a [u8] {
        if self.header.kind == FrameKind::Pad {
            return &[];
        }
        &self.bytes[self.header.payload()]
    }

    /// A moved blob's original lsn.
    pub(crate) fn origin(&self) -> Lsn {
        word(self.bytes, HEADER_BYTES)
    }

    /// The lsn behind it.
    pub(crate) fn end(&self) -> Lsn {
        self.header.lsn + self.header.frame_bytes()
    }
}

impl<'a> FrameReader<'a> {
    pub(crate) fn new(segment: &'a Segment) -> Result<Self, BackendError> {
        Self::with_window(segment, WINDOW_BYTES)
    }

    /// A reader that reads so much at once, or a frame if that is longer.
    pub(crate) fn with_window(
        segment: &'a Segment,
        window_bytes: usize,
    ) -> Result<Self, BackendError> {
        let limit = segment.start() + segment.bytes_present()?;
        let (window, window_start) = (Vec::new(), segment.start());
        Ok(Self { segment, limit, window, window_start, window_bytes })
    }

    /// The frame at `lsn`, or `None` when no intact one stands there.
    pub(crate) fn frame(&mut self, lsn: Lsn) -> Result<Option<Frame<'_>>, BackendError> {
        self.load(lsn, HEADER_BYTES)?;
        let Some(header) = FrameHeader::peek(self.loaded(lsn), lsn) else { return Ok(None) };
        if lsn + header.frame_bytes() > self.segment.end() {
            return Ok(None);
        }
        let len = if header.kind == FrameKind::Pad { HEADER_BYTES } else { header.payload().end };
        self.load(lsn, len)?;
        let bytes = self.loaded(lsn);
        let Some(bytes) = bytes.get(..len) else { return Ok(None) };
        let frame = Frame { header, bytes };
        Ok((header.is_intact(bytes) && header.fits(frame.payload())).then_some(frame))
    }

    /// The intact header at `lsn` with a moved blob's original lsn, whatever its payload is like.
    pub(crate) fn header(&mut self, lsn: Lsn) -> Result<Option<(FrameHeader, Lsn)>, BackendError> {
        self.load(lsn, HEADER_BYTES)?;
        let Some(header) = FrameHeader::peek(self.loaded(lsn), lsn) else { return Ok(None) };
        if lsn + header.frame_bytes() > self.segment.end() {
            return Ok(None);
        }
        self.load(lsn, header.extension().end)?;
        let bytes = self.loaded(lsn);
        if !header.is_intact(bytes) {
            return Ok(None);
        }
        let moved = header.kind == FrameKind::Moved;
        Ok(Some((header, if moved { word(bytes, HEADER_BYTES) } else { lsn })))
    }

    /// The first intact frame header at `lsn` or behind it that says the log was durable beyond
    /// `point`: where it stands.
    pub(crate) fn find_evidence(
        &mut self,
        mut lsn: Lsn,
        point: Lsn,
    ) -> Result<Option<Lsn>, BackendError> {
        while lsn + HEADER_BYTES as u64 <= self.limit {
            self.load(lsn, HEADER_BYTES)?;
            if let Some(header) = FrameHeader::peek(self.loaded(lsn), lsn)
                && header.durable > point
            {
                self.load(lsn, header.extension().end)?;
                if header.is_intact(self.loaded(lsn)) {
                    return Ok(Some(lsn));
                }
            }
            lsn += ALIGN;
        }
        Ok(None)
    }

    /// Brings `len` bytes at `lsn` into the window, or what there is of them.
    fn load(&mut self, lsn: Lsn, len: usize) -> Result<(), BackendError> {
        let end = lsn + len as u64;
        let window_end = self.window_start + self.window.len() as u64;
        if lsn >= self.window_start && (end <= window_end || window_end == self.limit) {
            return Ok(());
        }
        let len = len.max(self.window_bytes) as u64;
        let len = len.min(self.limit.saturating_sub(lsn));
        self.window.resize(usize::try_from(len).expect("a window fits into memory"), 0);
        self.window_start = lsn;
        self.segment.read(&mut self.window, lsn)
    }

    fn loaded(&self, lsn: Lsn) -> &[u8] {
        let from = usize::try_from(lsn - self.window_start).expect("a window fits into memory");
        self.window.get(from..).unwrap_or(&[])
    }
}

const WINDOW_BYTES: usize = 1 << 20;
