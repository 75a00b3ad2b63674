//! Memory for bodies on their way out.

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

/// Bytes to be read into.
#[derive(Debug)]
pub(super) enum Buffer {
    Heap(BytesMut),
    /// Pages of 2 MiB: 64 MiB of them cost 32 faults instead of 16,384, and those cost as much as
    /// copying the bytes.
    #[cfg(target_os = "linux")]
    Huge {
        pages: memmap2::MmapMut,
        len: usize,
    },
}

impl Buffer {
    /// `len` zeros, of which the system makes those that are touched.
    pub(super) fn zeroed(len: usize) -> Self {
        #[cfg(target_os = "linux")]
        if len >= HUGE_BYTES_MIN
            && let Some(pages) = huge_pages(len)
        {
            return Self::Huge { pages, len };
        }
        Self::Heap(BytesMut::zeroed(len))
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            #[cfg(target_os = "linux")]
            Self::Huge { pages, len } => &mut pages[..*len],
        }
    }

    pub(super) fn freeze(self) -> Bytes {
        match self {
            Self::Heap(bytes) => bytes.freeze(),
            #[cfg(target_os = "linux")]
            Self::Huge { pages, len } => Bytes::from_owner(pages).slice(..len),
        }
    }
}

/// Memory of whole huge pages, which the system gives as such if it has them and may; `None` when it
/// gives none at all.
#[cfg(target_os = "linux")]
fn huge_pages(len: usize) -> Option<memmap2::MmapMut> {
    // What is as long as huge pages is placed where they begin.
    let pages = memmap2::MmapMut::map_anon(len.checked_next_multiple_of(HUGE_PAGE_BYTES)?).ok()?;
    // Refused by a kernel without huge pages; small ones do as well then.
    let _ = pages.advise(memmap2::Advice::HugePage);
    Some(pages)
}

#[cfg(target_os = "linux")]
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The last page may be filled in small part: it costs at most a third of the memory here.
#[cfg(target_os = "linux")]
const HUGE_BYTES_MIN: usize = 2 * HUGE_PAGE_BYTES;

/// The buffer that was given out last. Whoever reads a body piece by piece has mostly let go of one
/// piece before asking for the next, and memory that was used is neither zeroed nor faulted in again.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Option<Bytes>>);

impl Spare {
    /// `len` bytes: those given out last, as they are, if they fit and nobody has them any more.
    pub(super) fn take(&self, len: usize) -> Buffer {
        if len <= SPARE_BYTES_MAX
            && let Some(spare) = self.0.lock().take()
            && (len / 2..=2 * len).contains(&spare.len())
            && let Ok(mut spare) = spare.try_into_mut()
        {
            spare.resize(len, 0);
            return Buffer::Heap(spare);
        }
        Buffer::zeroed(len)
    }

    /// Remembers what is given out.
    pub(super) fn keep(&self, given: &Bytes) {
        if given.len() <= SPARE_BYTES_MAX {
            *self.0.lock() = Some(given.clone());
        }
    }
}

/// A reader that is open pins no more: what one fetches at once, and the chunks about it.
const SPARE_BYTES_MAX: usize = (1 << 20) + (128 << 10);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(len: usize) {
        let mut buffer = Buffer::zeroed(len);
        assert!(buffer.bytes().iter().all(|byte| *byte == 0));
        assert_eq!(buffer.bytes().len(), len);
        for (at, byte) in buffer.bytes().iter_mut().enumerate() {
            *byte = at.to_le_bytes()[0];
        }
        let bytes = buffer.freeze();
        assert_eq!(bytes.len(), len);
        assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == at.to_le_bytes()[0]));
    }

    #[test]
    fn a_buffer_of_any_length_is_as_long_as_asked_and_keeps_what_is_written() {
        for len in [0, 1, 100_000, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 9_000_001] {
            check(len);
        }
    }

    #[test]
    fn what_was_let_go_is_given_out_again_and_what_is_held_is_not() {
        let spare = Spare::default();
        let given = |len: usize| {
            let bytes = spare.take(len).freeze();
            spare.keep(&bytes);
            bytes
        };
        let first = given(100_000);
        let place = first.as_ptr();
        drop(first.slice(10..20));
        let held = given(100_000);
        assert_ne!(held.as_ptr(), place);
        drop(first);
        let place = held.as_ptr();
        drop(held);
        let again = given(90_000);
        assert_eq!((again.as_ptr(), again.len()), (place, 90_000));
        drop(again);
        // A short piece does not pin a long buffer.
        assert_ne!(given(1000).as_ptr(), place);
    }

    #[test]
    fn a_long_piece_is_not_kept() {
        let spare = Spare::default();
        let long = spare.take(SPARE_BYTES_MAX + 1).freeze();
        spare.keep(&long);
        assert!(long.is_unique());
    }
}
