//! Blobs: written once, adopted, freed, readable as long as somebody owns or holds them.

use crate::kit::{
    Source, body, commit, files, free, is_gone, open, put, put_blob, read, settle, small, try_open,
    write,
};
use cistern_disk::device::{Crash, MemoryDevice};
use cistern_storage_core::port::{
    Backend, BackendError, Batch, BlobRef, BlobSource, CommitError, Durability, SourceFailed,
};

const LENS: [usize; 9] = [0, 1, 2000, 65_536, 65_537, 262_144, 1_000_000, 4 << 20, (4 << 20) + 1];

#[test]
fn a_blob_reads_as_it_was_written_at_any_length() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let mut blobs = Vec::new();
    for (seed, len) in (0..).zip(LENS) {
        let body = body(seed, len);
        let written = if seed % 2 == 0 {
            write(&backend, &body)
        } else {
            backend.write_blob(&mut Source::silent(&body)).unwrap()
        };
        assert_eq!(written.len, len as u64);
        let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &body);
        assert_eq!(written.crc64, sum, "{len} bytes");
        // Before anybody owns it, and before it need be written.
        assert!(read(&backend, &written.blob).unwrap() == body, "{len} bytes");
        let mut batch = Batch::new(Durability::Synced);
        batch.adopts.push(written.blob);
        commit(&backend, batch);
        blobs.push((written.blob, body));
    }
    let check = |backend: &cistern_disk::DiskBackend| {
        blobs.iter().for_each(|(blob, body)| assert!(read(backend, blob).unwrap() == *body));
    };
    check(&backend);
    check(&open(&device.crash(Crash::LoseAll)));
    drop(backend);
    check(&open(&device));
}

#[test]
fn a_range_outside_of_a_blob_is_refused() {
    let backend = open(&MemoryDevice::new());
    let blob = put_blob(&backend, Durability::Os, &body(1, 100));
    let blob = backend.open_blob(&blob).unwrap();
    assert_eq!(blob.read(10..20).unwrap(), body(1, 100)[10..20]);
    assert!(blob.read(100..100).unwrap().is_empty());
    assert!(matches!(blob.read(0..101), Err(BackendError::OutOfBounds { .. })));
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let reversed = blob.read(20..10);
    assert!(matches!(reversed, Err(BackendError::OutOfBounds { .. })));
}

#[test]
fn a_blob_is_kept_until_it_was_freed_as_often_as_it_was_adopted() {
    for len in [2000, (4 << 20) + 1] {
        let device = MemoryDevice::new();
        let backend = open(&device);
        let body = body(7, len);
        let blob = put_blob(&backend, Durability::Os, &body);
        let mut twice = Batch::new(Durability::Os);
        twice.adopts.extend([blob, blob]);
        commit(&backend, twice);
        free(&backend, Durability::Os, blob);
        drop(backend);
        let backend = open(&device);
        free(&backend, Durability::Os, blob);
        settle(&backend);
        assert!(read(&backend, &blob).unwrap() == body);
        let held = backend.open_blob(&blob).unwrap();
        free(&backend, Durability::Synced, blob);
        settle(&backend);
        is_gone(&backend, &blob);
        assert_eq!(held.read(0..10).unwrap(), body[..10]);
        assert_eq!(files(&device, "blobs").len(), 0);
        assert_eq!(backend.stats().live_bytes, 0);
    }
}

#[test]
fn owning_what_is_not_there_fails_the_commit() {
    let backend = open(&MemoryDevice::new());
    let freed = put_blob(&backend, Durability::Os, &body(1, 2000));
    free(&backend, Durability::Os, freed);
    let discarded = write(&backend, &body(2, 2000)).blob;
    backend.discard_blob(&discarded);
    is_gone(&backend, &discarded);
    let discarded_file = write(&backend, &body(2, (4 << 20) + 1)).blob;
    backend.discard_blob(&discarded_file);
    is_gone(&backend, &discarded_file);
    let foreign = BlobRef::new(b"no blob of this store").unwrap();
    for blob in [freed, discarded, discarded_file, foreign] {
        let (mut adopt, mut free) = (Batch::default(), Batch::default());
        adopt.adopts.push(blob);
        free.frees.push(blob);
        for batch in [adopt, free] {
            let outcome = backend.commit(batch);
            let Err(CommitError::Backend(BackendError::NoSuchBlob { .. })) = outcome else {
                panic!("{outcome:?}");
            };
        }
    }
}

#[test]
fn owners_count_as_all_earlier_commits_leave_them() {
    let backend = open(&MemoryDevice::new());
    let blob = write(&backend, &body(1, 2000)).blob;
    let batch = |adopts: usize, frees: usize| {
        let mut batch = Batch::new(Durability::Synced);
        batch.adopts = vec![blob; adopts];
        batch.frees = vec![blob; frees];
        backend.commit(batch)
    };
    // None of these is published before the last one is waited for.
    let tickets = [batch(1, 0).unwrap(), batch(2, 1).unwrap(), batch(0, 2).unwrap()];
    assert!(batch(0, 1).is_err());
    assert!(batch(1, 0).is_err());
    tickets.into_iter().for_each(|ticket| ticket.wait().unwrap());
    is_gone(&backend, &blob);
}

#[test]
fn a_source_that_fails_leaves_nothing_behind() {
    struct Fails(usize);
    impl BlobSource for Fails {
        fn next_chunk(&mut self) -> Result<Option<bytes::Bytes>, SourceFailed> {
            self.0 = self.0.checked_sub(1).ok_or(SourceFailed)?;
            Ok(Some(vec![1; 1 << 20].into()))
        }
        fn remaining(&self) -> Option<u64> {
            None
        }
    }
    let device = MemoryDevice::new();
    let backend = open(&device);
    for chunks in [0, 1, 6] {
        let outcome = backend.write_blob(&mut Fails(chunks));
        assert!(matches!(outcome, Err(BackendError::Source)), "{outcome:?}");
    }
    assert_eq!(files(&device, "blobs").len(), 0);
}

#[test]
fn blobs_that_nobody_adopted_are_gone_after_reopening() {
    for crash in [true, false] {
        let device = MemoryDevice::new();
        let backend = open(&device);
        let orphans = [write(&backend, &body(1, 2000)), write(&backend, &body(2, (4 << 20) + 1))];
        let kept = put_blob(&backend, Durability::Synced, &body(3, 2000));
        let device = if crash { device.crash(Crash::KeepAll) } else { device };
        drop(backend);
        let backend = open(&device);
        orphans.iter().for_each(|orphan| is_gone(&backend, &orphan.blob));
        assert_eq!(files(&device, "blobs").len(), 0);
        assert_eq!(read(&backend, &kept).unwrap(), body(3, 2000));
    }
}

#[test]
fn a_blob_written_before_a_checkpoint_can_be_adopted_after_it() {
    let device = MemoryDevice::new();
    let backend = try_open(&device, small().log_bytes_max(0)).unwrap();
    let blob = write(&backend, &body(1, 2000)).blob;
    let dropped = write(&backend, &body(2, 2000)).blob;
    put_blob(&backend, Durability::Os, &body(4, 10));
    settle_once(&backend);
    let mut batch = Batch::new(Durability::Synced);
    batch.adopts.push(blob);
    commit(&backend, batch);
    let backend = open(&device.crash(Crash::LoseAll));
    assert_eq!(read(&backend, &blob).unwrap(), body(1, 2000));
    is_gone(&backend, &dropped);
}

fn settle_once(backend: &cistern_disk::DiskBackend) {
    for _ in 0..10 {
        backend.maintain().unwrap();
    }
}

#[test]
fn a_flipped_bit_in_a_blob_is_damage_and_never_wrong_bytes() {
    for len in [2000, 300_000, (4 << 20) + 1] {
        let device = MemoryDevice::new();
        let backend = open(&device);
        let body = body(5, len);
        let blob = put_blob(&backend, Durability::Synced, &body);
        let folder = if len > 4 << 20 { "blobs" } else { "log" };
        let place = files(&device, folder).into_iter().find_map(|entry| {
            let name = format!("{folder}/{}", entry.name);
            let contents = device.contents(&name).unwrap();
            let at = contents.windows(64).position(|window| window == &body[len - 64..])?;
            Some((name, at as u64))
        });
        let (name, at) = place.unwrap();
        device.flip_bits(&name, at, 4).unwrap();
        let outcome = read(&backend, &blob);
        assert!(matches!(outcome, Err(BackendError::Damaged { .. })), "{len}: {outcome:?}");
        if len > 65_536 {
            // Other chunks are intact.
            let blob = backend.open_blob(&blob).unwrap();
            assert_eq!(blob.read(0..1000).unwrap(), body[..1000]);
        }
    }
}

#[test]
fn a_segment_with_a_body_that_nobody_owns_yet_is_not_used_again() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let blob = write(&backend, &body(1, 2000)).blob;
    // All else that its segment holds are rows, which checkpoints take over.
    for number in 0..800 {
        let key = format!("key-{}", number % 10);
        put(&backend, Durability::Os, &key, &"x".repeat(1000));
        if number % 20 == 0 {
            settle(&backend);
        }
    }
    settle(&backend);
    let mut batch = Batch::new(Durability::Synced);
    batch.adopts.push(blob);
    commit(&backend, batch);
    assert_eq!(read(&backend, &blob).unwrap(), body(1, 2000));
    let backend = open(&device.crash(Crash::LoseAll));
    assert_eq!(read(&backend, &blob).unwrap(), body(1, 2000));
}
