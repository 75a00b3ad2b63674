//! Blobs: written once, read in ranges, named once.

use super::{
    Fixture,
    bodies::{Chunks, SIZES, body},
    shorthand::{adopt, assert_gone, assert_holds, batch, commit, free, own, put, row, write},
};
use crate::{crc64::crc64_nvme, dice::Dice};
use cistern_storage_core::port::{BackendError, BlobRef, BlobSource, SourceFailed};
use std::collections::BTreeSet;

/// Of every size and however cut, a blob has the length, the sum and the bytes that were written.
pub(super) fn a_blob_reads_back_as_it_was_written(store: Fixture) {
    for (seed, len) in (0..).zip(SIZES) {
        let body = body(1, len);
        let crc64 = crc64_nvme(&body);
        let cuts = if len > 1 << 20 { 1 } else { 4 };
        let whole = std::iter::once(Chunks::whole(&body));
        for mut source in whole.chain((0..cuts).map(|cut| Chunks::cut(&body, seed * 31 + cut))) {
            let written = store.write_blob(&mut source).expect("writes a blob");
            assert_eq!(written.len, len as u64, "length of {len} bytes");
            assert_eq!(written.crc64, crc64, "CRC-64/NVME of {len} bytes");
            assert_holds(&*store, &written.blob, &body);
            adopt(&*store, &[written.blob]);
            assert_holds(&*store, &written.blob, &body);
            assert_eq!(store.open_blob(&written.blob).expect("opens").is_empty(), len == 0);
        }
    }
}

/// Any range inside a blob reads exactly its bytes.
pub(super) fn a_range_of_a_blob_reads_its_bytes(store: Fixture) {
    let dice = Dice::new(2);
    for (seed, len) in (0..).zip(SIZES) {
        let body = body(2, len);
        let mut source = Chunks::cut(&body, 900 + seed);
        let blob = store.write_blob(&mut source).expect("writes a blob").blob;
        let open = store.open_blob(&blob).expect("opens");
        for _ in 0..60 {
            let start = dice.index(len + 1);
            let longest = (len - start).min(if dice.below(4) == 0 { 1 << 20 } else { 5000 });
            let end = start + dice.index(longest + 1);
            let read = open.read(start as u64..end as u64).expect("reads inside the blob");
            assert!(read == body[start..end], "bytes {start}..{end} of {len}");
        }
    }
}

/// A range that is not inside the blob is an error that says what was asked and what there is.
pub(super) fn a_range_outside_a_blob_is_refused(store: Fixture) {
    for len in [0, 1, 4096, 5 << 20] {
        let blob = write(&*store, &body(3, len));
        let open = store.open_blob(&blob).expect("opens");
        let len = len as u64;
        let inverted = (len.max(1), len.max(1) - 1);
        let outside = [(0, len + 1), (len, len + 1), (len + 1, len + 1), (0, u64::MAX), inverted];
        for (start, end) in outside {
            match open.read(start..end) {
                Err(BackendError::OutOfBounds { start: from, end: to, len: of }) => {
                    assert_eq!((from, to, of), (start, end, len), "what the error says");
                }
                other => panic!("bytes {start}..{end} of {len} are answered by {other:?}"),
            }
        }
        assert!(open.read(len..len).expect("the empty range at the end is inside").is_empty());
    }
}

/// A source is not asked again after its end, nor after it failed.
pub(super) fn a_source_is_not_asked_after_its_end(store: Fixture) {
    // `Chunks` panics when it is.
    for seed in 0..8 {
        let body = body(4, 1000 * usize::try_from(seed).expect("small"));
        store.write_blob(&mut Chunks::cut(&body, seed)).expect("writes a blob");
        assert!(store.write_blob(&mut Chunks::failing_after(&body, seed)).is_err());
    }
}

/// When the source fails the write fails, and nothing is left of it.
pub(super) fn a_failing_source_leaves_nothing(store: Fixture) {
    put(&*store, "row", "value");
    let (live, position) = (store.stats().live_bytes, store.position());
    for (seed, len) in (0..).zip([0, 1, 4097, 70_000, 5 << 20, 9 << 20]) {
        let mut source = Chunks::failing_after(&body(5, len), seed);
        match store.write_blob(&mut source) {
            Err(BackendError::Source) => {}
            other => panic!("a source that fails after {len} bytes is answered by {other:?}"),
        }
    }
    assert_eq!(store.stats().live_bytes, live, "live bytes");
    assert_eq!(store.position(), position, "position");
    assert_eq!(row(&*store, "row").as_deref(), Some(&b"value"[..]), "rows");
    let after = body(6, 10_000);
    let blob = own(&*store, &after);
    assert_holds(&*store, &blob, &after);
}

/// A source that fails at once, as one does whose file is gone.
#[derive(Debug)]
struct Broken;

impl BlobSource for Broken {
    fn next_chunk(&mut self) -> Result<Option<bytes::Bytes>, SourceFailed> {
        Err(SourceFailed)
    }

    fn remaining(&self) -> Option<u64> {
        Some(1 << 40)
    }
}

/// A source that announces much and gives nothing costs nothing and leaves nothing.
pub(super) fn an_announced_length_is_a_hint(store: Fixture) {
    assert!(matches!(store.write_blob(&mut Broken), Err(BackendError::Source)));
    let after = body(7, 100);
    let blob = own(&*store, &after);
    assert_holds(&*store, &blob, &after);
}

/// No name is given twice: not for equal bytes, not after a discard, not after the last free.
pub(super) fn a_blob_name_is_never_given_twice(store: Fixture) {
    let mut names = BTreeSet::new();
    let same = body(8, 700);
    for round in 0..300 {
        let len = [0, 1, 700, 5000][round % 4];
        let body = if round % 2 == 0 { same.clone() } else { body(9, len) };
        let blob = write(&*store, &body);
        assert!(names.insert(blob), "{blob} was given before");
        match round % 3 {
            0 => store.discard_blob(&blob),
            1 => {
                adopt(&*store, &[blob]);
                free(&*store, &[blob]);
            }
            _ => adopt(&*store, &[blob]),
        }
    }
}

/// Equal bytes written twice are two blobs, each with its own life.
pub(super) fn equal_bytes_written_twice_are_two_blobs(store: Fixture) {
    let body = body(10, 3000);
    let (first, second) = (own(&*store, &body), own(&*store, &body));
    free(&*store, &[first]);
    assert_gone(&*store, &first);
    assert_holds(&*store, &second, &body);
}

/// A name that was never given names nothing.
pub(super) fn an_unknown_blob_is_not_there(store: Fixture) {
    own(&*store, &body(11, 100));
    for name in strange_names() {
        assert_gone(&*store, &name);
        // Giving up what is not there is no error, and does no harm.
        store.discard_blob(&name);
    }
}

/// Names of every length that no backend has given yet: none of its blobs is that long or far away.
pub(super) fn strange_names() -> Vec<BlobRef> {
    let name = |bytes: &[u8]| BlobRef::new(bytes).expect("short enough");
    (0..=BlobRef::BYTES_MAX).map(|len| name(&[0xff; BlobRef::BYTES_MAX][..len])).collect()
}

/// Until a commit adopts it, a written blob can be read, and waits for as long as it takes.
pub(super) fn a_written_blob_waits_for_its_commit(store: Fixture) {
    let bodies: Vec<_> = [1, 600, 100_000, 5 << 20].map(|len| body(12, len)).into();
    let blobs: Vec<_> = bodies.iter().map(|body| write(&*store, body)).collect();
    for round in 0..200 {
        put(&*store, format!("row {round}"), "value");
    }
    store.flush(cistern_storage_core::port::Durability::Synced).expect("flushes");
    for (blob, body) in blobs.iter().zip(&bodies) {
        assert_holds(&*store, blob, body);
        adopt(&*store, &[*blob]);
        assert_holds(&*store, blob, body);
    }
}

/// An open blob reads on after its last free, and after what comes later.
pub(super) fn an_open_blob_outlives_its_free(store: Fixture) {
    for len in [1, 513, 70_000, 1 << 20, 5 << 20] {
        let body = body(13, len);
        let blob = own(&*store, &body);
        let open = store.open_blob(&blob).expect("opens");
        free(&*store, &[blob]);
        for round in 0..20 {
            own(&*store, &super::bodies::body(14 + round, len.min(100_000)));
        }
        assert_gone(&*store, &blob);
        assert!(super::shorthand::read_whole(&*open) == body, "{len} bytes read after the free");
    }
}

/// An open blob reads on after it was discarded.
pub(super) fn an_open_blob_outlives_its_discard(store: Fixture) {
    for len in [1, 513, 70_000, 5 << 20] {
        let body = body(15, len);
        let blob = write(&*store, &body);
        let open = store.open_blob(&blob).expect("opens");
        store.discard_blob(&blob);
        commit(&*store, batch());
        assert!(super::shorthand::read_whole(&*open) == body, "{len} bytes after the discard");
        // A second discard finds nothing to do.
        store.discard_blob(&blob);
    }
}
