//! Where which bytes are, plain and sealed. Arithmetic alone.

use crate::provider::TAG_BYTES;
use std::ops::Range;

/// Plain bytes of every chunk but the last.
pub const CHUNK_BYTES: usize = 16_384;
/// Sealed bytes of such a chunk.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// Bytes in front of the first chunk in the full mode: salt and commitment.
pub const HEADER_BYTES: usize = 56;
/// A container has at most so many chunks: the number of the last must fit in the nonce's five bytes.
pub(super) const CHUNKS_MAX: u64 = 1 << 40;

const PLAIN: u64 = CHUNK_BYTES as u64;
const SEALED: u64 = SEALED_CHUNK_BYTES as u64;

/// The longest body: 16 PiB less a byte.
pub(crate) const PLAIN_MAX: u64 = CHUNKS_MAX * PLAIN - 1;

/// The places in a container of a known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    header: u64,
    plain_len: u64,
}

impl Layout {
    /// A container in raw mode; `None` when the body is too long.
    #[must_use]
    pub fn raw(plain_len: u64) -> Option<Self> {
        Self::new(0, plain_len)
    }

    /// A container in full mode; `None` when the body is too long.
    #[must_use]
    pub fn full(plain_len: u64) -> Option<Self> {
        Self::new(HEADER_BYTES as u64, plain_len)
    }

    pub(super) fn new(header: u64, plain_len: u64) -> Option<Self> {
        (plain_len <= PLAIN_MAX).then_some(Self { header, plain_len })
    }

    /// The layout of so many sealed bytes; `None` when no container has that length.
    pub(super) fn of_sealed(header: u64, sealed_len: u64) -> Option<Self> {
        let chunks = sealed_len.checked_sub(header)?;
        let last = (chunks % SEALED).checked_sub(TAG_BYTES as u64)?;
        Self::new(header, chunks / SEALED * PLAIN + last)
    }

    /// Bytes of the body.
    #[must_use]
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Bytes of the container.
    #[must_use]
    pub fn sealed_len(&self) -> u64 {
        self.header + self.plain_len + (self.last_chunk() + 1) * TAG_BYTES as u64
    }

    pub(super) fn header_len(&self) -> u64 {
        self.header
    }

    /// The number of the short chunk at the end.
    pub(super) fn last_chunk(&self) -> u64 {
        self.plain_len / PLAIN
    }

    /// The chunks that hold the plain `range`. One that ends with the body takes the last chunk with it,
    /// though it may be empty: so a body that is read to its end is known to end there.
    pub(super) fn chunks(&self, range: &Range<u64>) -> Range<u64> {
        let end = if range.end >= self.plain_len {
            self.last_chunk() + 1
        } else if range.is_empty() {
            range.start / PLAIN
        } else {
            range.end.div_ceil(PLAIN)
        };
        range.start / PLAIN..end
    }

    /// The sealed bytes that opening the plain `range` needs. One that takes the first chunk takes the
    /// header with it.
    #[must_use]
    pub fn sealed_range(&self, range: Range<u64>) -> Range<u64> {
        let chunks = self.chunks(&range);
        let start = if chunks.start == 0 { 0 } else { self.header + chunks.start * SEALED };
        let end = if chunks.is_empty() {
            start
        } else {
            (self.header + chunks.end * SEALED).min(self.sealed_len())
        };
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(layout: Layout, range: Range<u64>, sealed: Range<u64>) {
        assert_eq!(layout.sealed_range(range), sealed);
    }

    #[test]
    fn a_range_needs_the_chunks_that_it_touches() {
        let raw = Layout::raw(40_000).unwrap();
        assert_eq!(raw.sealed_len(), 40_000 + 3 * 16);
        check(raw, 0..1, 0..16_400);
        check(raw, 16_383..16_385, 0..32_800);
        check(raw, 16_384..32_768, 16_400..32_800);
        check(raw, 32_768..32_769, 32_800..40_048);
        check(raw, 39_999..40_000, 32_800..40_048);
        check(raw, 20_000..20_000, 16_400..16_400);
        let full = Layout::full(40_000).unwrap();
        check(full, 0..1, 0..56 + 16_400);
        check(full, 16_384..16_385, 56 + 16_400..56 + 32_800);
    }

    #[test]
    fn a_range_to_the_end_takes_the_empty_last_chunk() {
        let layout = Layout::raw(32_768).unwrap();
        assert_eq!(layout.sealed_len(), 32_768 + 3 * 16);
        check(layout, 32_767..32_768, 16_400..32_816);
        check(layout, 32_766..32_767, 16_400..32_800);
        check(Layout::raw(0).unwrap(), 0..0, 0..16);
        check(Layout::full(0).unwrap(), 0..0, 0..72);
    }

    #[test]
    fn a_sealed_length_belongs_to_one_plain_length_or_to_none() {
        for header in [0, 56] {
            let mut known = std::collections::BTreeMap::new();
            for plain in (0..50).chain(16_370..16_420).chain(32_760..32_800) {
                let layout = Layout::new(header, plain).unwrap();
                assert_eq!(Layout::of_sealed(header, layout.sealed_len()), Some(layout));
                assert_eq!(known.insert(layout.sealed_len(), plain), None);
            }
            for sealed in 0..header + 16 {
                assert_eq!(Layout::of_sealed(header, sealed), None, "{sealed}");
            }
            // A last chunk that is missing, and one of less than a tag.
            for cut in 0..16 {
                assert_eq!(Layout::of_sealed(header, header + 16_400 + cut), None, "{cut}");
            }
        }
    }

    #[test]
    fn a_body_of_16_pib_is_one_byte_too_long() {
        assert!(Layout::raw(PLAIN_MAX).is_some());
        assert!(Layout::raw(PLAIN_MAX + 1).is_none());
        assert!(Layout::of_sealed(0, u64::MAX).is_none());
    }
}
