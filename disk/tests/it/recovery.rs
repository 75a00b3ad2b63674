//! Recovery: what was promised is there, what was not is whole or absent, and damage is told.

use crate::kit::{
    batch, body, bytes, commit, conflict, files, free, is_gone, open, put, put_blob, read, row,
    settle, small, try_open, write,
};
use cistern_disk::{
    DiskBackend, DiskSettings,
    device::{Crash, Device, MemoryDevice, OpenMode},
};
use cistern_storage_core::port::{
    Backend, BackendError, Batch, BlobRef, CommitError, Durability, Op,
};
use std::{collections::BTreeSet, sync::Arc};

fn segment(sequence: u64) -> String {
    format!("log/{sequence:016x}.seg")
}

/// Where the bytes of `text` stand in the log: in which file, and at which byte.
#[track_caller]
fn find(device: &MemoryDevice, text: &str) -> (String, u64) {
    let found = files(device, "log").into_iter().find_map(|entry| {
        let name = format!("log/{}", entry.name);
        let contents = device.contents(&name).unwrap();
        let at = contents.windows(text.len()).position(|window| window == text.as_bytes())?;
        Some((name, at as u64))
    });
    found.expect("the text stands in the log")
}

#[test]
fn rows_counters_and_positions_survive_close_and_drop() {
    let device = MemoryDevice::new();
    let mut position = None;
    for turn in 0..5 {
        let backend = open(&device);
        if turn > 0 {
            assert_eq!(row(&backend, "turn"), Some((turn - 1).to_string()));
            assert_eq!(backend.counter(b"turns"), turn);
            assert_eq!(Some(backend.position()), position);
        }
        let mut batch = batch(Durability::Memory, &[("turn", &turn.to_string())]);
        batch.add(bytes("turns"), 1);
        let ticket = backend.commit(batch).unwrap();
        assert!(Some(ticket.position()) > position);
        position = Some(ticket.position());
        ticket.wait().unwrap();
        if turn % 2 == 0 {
            backend.close().unwrap();
        }
    }
}

#[test]
fn a_synced_commit_survives_losing_power_and_an_os_commit_the_death_of_the_process() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Memory, "memory, before", "1");
    put(&backend, Durability::Synced, "synced", "1");
    put(&backend, Durability::Os, "os", "1");
    put(&backend, Durability::Memory, "memory", "1");
    let killed = open(&device.crash(Crash::KeepAll));
    for (key, there) in
        [("memory, before", true), ("synced", true), ("os", true), ("memory", false)]
    {
        assert_eq!(row(&killed, key).is_some(), there, "{key}");
    }
    let dark = open(&device.crash(Crash::LoseAll));
    for (key, there) in [("memory, before", true), ("synced", true), ("os", false)] {
        assert_eq!(row(&dark, key).is_some(), there, "{key}");
    }
}

#[test]
fn flush_brings_weak_commits_to_the_durability_it_names() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Memory, "a", "1");
    backend.flush(Durability::Os).unwrap();
    assert_eq!(row(&open(&device.crash(Crash::KeepAll)), "a").as_deref(), Some("1"));
    backend.flush(Durability::Synced).unwrap();
    assert_eq!(row(&open(&device.crash(Crash::LoseAll)), "a").as_deref(), Some("1"));
    let ticket = backend.commit(batch(Durability::Os, &[("b", "1")])).unwrap();
    backend.flush(Durability::Synced).unwrap();
    assert_eq!(row(&backend, "b").as_deref(), Some("1"));
    ticket.wait().unwrap();
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_store_goes_on() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "1");
    put(&backend, Durability::Synced, "b", "the last commit's value");
    let (name, at) = find(&device, "the last commit's value");
    // The frame's header is 48 bytes, and the payload has 20 bytes of counts and 7 of lengths.
    let start = at - 1 - 7 - 20 - 48;
    let end = at + "the last commit's value".len() as u64;
    for cut in start..=end {
        let torn = device.crash(Crash::KeepAll);
        let file = torn.open(&name, OpenMode::Write).unwrap();
        file.write_at(&vec![0; usize::try_from(end - cut).unwrap()], cut).unwrap();
        let backend = open(&torn);
        assert_eq!(row(&backend, "a").as_deref(), Some("1"), "cut at {cut}");
        assert_eq!(row(&backend, "b").is_some(), cut == end, "cut at {cut}");
        put(&backend, Durability::Synced, "c", "after");
        let backend = open(&torn.crash(Crash::LoseAll));
        assert_eq!(row(&backend, "b").is_some(), cut == end, "cut at {cut}");
        assert_eq!(row(&backend, "c").as_deref(), Some("after"), "cut at {cut}");
    }
}

#[test]
fn a_file_cut_short_behind_the_last_commit_is_a_torn_tail_too() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "1");
    put(&backend, Durability::Synced, "b", "the last commit's value");
    let (name, at) = find(&device, "the last commit's value");
    let torn = device.crash(Crash::KeepAll);
    torn.open(&name, OpenMode::Write).unwrap().set_len(at + 5).unwrap();
    let backend = open(&torn);
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
    assert_eq!(row(&backend, "b"), None);
}

#[test]
fn a_flipped_bit_in_a_commit_that_was_durable_is_damage_in_that_file() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "some value to be damaged");
    put(&backend, Durability::Synced, "b", "2");
    put(&backend, Durability::Synced, "c", "3");
    let (name, at) = find(&device, "some value to be damaged");
    for offset in [at, at - 76, at - 40, at - 2] {
        let damaged = device.crash(Crash::LoseAll);
        damaged.flip_bits(&name, offset, 1).unwrap();
        for outcome in [
            try_open(&damaged, small()),
            DiskBackend::open_read_only_on(Arc::new(damaged.clone()), small()),
        ] {
            let Err(BackendError::Damaged { place, offset: told, .. }) = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(place, name);
            assert!(told <= offset && offset < told + 200, "{told} for {offset}");
        }
    }
}

#[test]
fn damage_in_an_earlier_segment_is_found_from_a_later_one() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "some value to be damaged");
    let value = "v".repeat(5000);
    for n in 0..20 {
        put(&backend, Durability::Synced, &format!("k{n}"), &value);
    }
    assert!(files(&device, "log").len() > 1);
    assert!(files(&device, "runs").is_empty());
    let (name, at) = find(&device, "some value to be damaged");
    let damaged = device.crash(Crash::LoseAll);
    damaged.flip_bits(&name, at, 1).unwrap();
    assert!(matches!(try_open(&damaged, small()), Err(BackendError::Damaged { .. })));
}

#[test]
fn commits_that_a_crash_took_out_of_order_are_cut_at_the_first_that_is_missing() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "synced", "1");
    for n in 0..20 {
        put(&backend, Durability::Os, &format!("k{n:02}"), &"v".repeat(900));
    }
    for seed in 0..100 {
        let backend = open(&device.crash(Crash::Seeded(seed)));
        assert_eq!(row(&backend, "synced").as_deref(), Some("1"), "seed {seed}");
        let there: Vec<bool> =
            (0..20).map(|n| row(&backend, &format!("k{n:02}")).is_some()).collect();
        assert!(there.is_sorted_by(|a, b| a >= b), "seed {seed}: {there:?}");
    }
}

#[test]
fn a_place_in_the_log_is_never_given_out_twice() {
    let mut device = MemoryDevice::new();
    let mut positions = BTreeSet::new();
    let mut blobs = BTreeSet::new();
    for turn in 0..6 {
        let backend = open(&device);
        for _ in 0..3 {
            let ticket = backend.commit(batch(Durability::Os, &[("a", "1")])).unwrap();
            assert!(positions.insert(ticket.position()), "turn {turn}");
            assert_eq!(positions.last(), Some(&ticket.position()));
            ticket.wait().unwrap();
            assert!(blobs.insert(write(&backend, b"short").blob));
            assert!(blobs.insert(write(&backend, &vec![0; (4 << 20) + 1]).blob));
        }
        device = device.crash(if turn % 2 == 0 { Crash::LoseAll } else { Crash::KeepAll });
    }
}

#[test]
fn opening_again_and_again_without_writing_changes_nothing() {
    let mut device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "1");
    for _ in 0..5 {
        device = device.crash(Crash::LoseAll);
        assert_eq!(row(&open(&device), "a").as_deref(), Some("1"));
    }
    for _ in 0..5 {
        // Neither closed nor crashed: closed by being dropped.
        assert_eq!(row(&open(&device), "a").as_deref(), Some("1"));
    }
    assert!(files(&device, "log").len() < 12, "{:?}", files(&device, "log"));
}

/// All of it takes a minute; a part of it tells as much on most days.
fn step() -> usize {
    if std::env::var_os("CISTERN_SLOW").is_some() { 1 } else { 7 }
}

#[test]
fn power_lost_at_any_call_loses_nothing_that_was_promised() {
    let settings = || small().log_bytes_max(60_000);
    for nth in (0..).step_by(step()) {
        let device = MemoryDevice::new();
        let backend = try_open(&device, settings()).unwrap();
        device.power_off_at(nth);
        let mut done = Vec::new();
        let is_over = work(&backend, &mut done).is_ok();
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Seeded(nth)] {
            let told = format!("call {nth}, {crash:?}");
            check_work(&device.crash(crash), &done, &told);
        }
        if is_over {
            return;
        }
    }
}

/// Rows, blobs packed and in files, frees, checkpoints, compaction.
fn work(backend: &DiskBackend, done: &mut Vec<u64>) -> Result<(), CommitError> {
    let mut last = None;
    for n in 0..12 {
        let len = if n % 4 == 3 { (4 << 20) + 1 } else { 20_000 };
        let written = backend.write_blob(&mut crate::kit::Source::new(&body(n, len)))?;
        let mut batch = Batch::new(Durability::Synced);
        batch.put(
            bytes(&format!("blob{n:02}")),
            bytes::Bytes::copy_from_slice(written.blob.as_bytes()),
        );
        batch.adopts.push(written.blob);
        if let Some((key, blob)) = last.take() {
            batch.delete(key);
            batch.frees.push(blob);
        }
        if n % 3 == 0 {
            last = Some((bytes(&format!("blob{n:02}")), written.blob));
        }
        backend.commit(batch)?.wait()?;
        done.push(n);
        for _ in 0..3 {
            backend.maintain()?;
        }
    }
    Ok(())
}

/// Everything that was waited for is there, and the store goes on.
#[track_caller]
fn check_work(device: &MemoryDevice, done: &[u64], told: &str) {
    let settings = small().log_bytes_max(60_000);
    let backend = try_open(device, settings).unwrap_or_else(|error| panic!("{told}: {error:?}"));
    let last = done.last().copied();
    for n in done {
        let key = format!("blob{n:02}");
        let blob = backend.row(key.as_bytes()).unwrap();
        // The commit after the last that was waited for may have happened.
        if blob.is_none() && n % 3 == 0 {
            continue;
        }
        let gone = n % 3 == 0 && Some(*n) != last;
        assert!(blob.is_some() && !gone, "{told}: {key}");
        let blob = BlobRef::new(&blob.unwrap().to_bytes()).unwrap();
        let len = if n % 4 == 3 { (4 << 20) + 1 } else { 20_000 };
        let found = read(&backend, &blob).unwrap_or_else(|error| panic!("{told}: {error:?}"));
        assert!(found == body(*n, len), "{told}: {key}");
    }
    put(&backend, Durability::Synced, "on it goes", "1");
}

#[test]
fn power_lost_at_any_call_while_opening_loses_nothing_either() {
    let device = MemoryDevice::new();
    let backend = try_open(&device, small().log_bytes_max(60_000)).unwrap();
    let mut done = Vec::new();
    work(&backend, &mut done).unwrap();
    put_blob(&backend, Durability::Os, &body(1, 100));
    for first in [Crash::LoseAll, Crash::KeepAll, Crash::Seeded(1), Crash::Seeded(2)] {
        let crashed = device.crash(first);
        for nth in 0.. {
            let again = crashed.crash(Crash::KeepAll);
            again.power_off_at(nth);
            let is_over = try_open(&again, small()).is_ok_and(|backend| {
                backend
                    .commit(batch(Durability::Synced, &[("x", "1")]))
                    .is_ok_and(|t| t.wait().is_ok())
            });
            for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Seeded(nth)] {
                check_work(
                    &again.crash(crash),
                    &done,
                    &format!("call {nth}, {first:?}, {crash:?}"),
                );
            }
            if is_over {
                break;
            }
        }
    }
}

#[test]
fn an_unsynced_body_never_outlives_its_commit_nor_holds_up_the_others() {
    for seed in 0..40 {
        let device = MemoryDevice::new();
        let backend = open(&device);
        put(&backend, Durability::Synced, "a", "1");
        let blob = put_blob(&backend, Durability::Os, &body(1, (4 << 20) + 1));
        put(&backend, Durability::Os, "b", "2");
        let backend = open(&device.crash(Crash::Seeded(seed)));
        assert_eq!(row(&backend, "a").as_deref(), Some("1"));
        match read(&backend, &blob) {
            Ok(found) => assert!(found == body(1, (4 << 20) + 1)),
            Err(BackendError::NoSuchBlob { .. }) => assert_eq!(row(&backend, "b"), None),
            // Its length is right, and some of its bytes were not saved: told, not made up.
            Err(BackendError::Damaged { .. }) => {}
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
        // A sync saves what weaker commits before it own.
        put_blob(&backend, Durability::Synced, &body(2, (4 << 20) + 1));
    }
    let device = MemoryDevice::new();
    let backend = open(&device);
    let blob = put_blob(&backend, Durability::Os, &body(1, (4 << 20) + 1));
    put(&backend, Durability::Synced, "b", "2");
    let backend = open(&device.crash(Crash::LoseAll));
    assert!(read(&backend, &blob).unwrap() == body(1, (4 << 20) + 1));
}

#[test]
fn a_file_freed_and_removed_does_not_trouble_replay() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let blob = put_blob(&backend, Durability::Synced, &body(1, (4 << 20) + 1));
    free(&backend, Durability::Synced, blob);
    while backend.maintain().unwrap() {}
    assert_eq!(files(&device, "blobs").len(), 0);
    put(&backend, Durability::Synced, "a", "1");
    let backend = open(&device.crash(Crash::LoseAll));
    is_gone(&backend, &blob);
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
}

#[test]
fn a_reader_sees_what_was_committed_when_it_opened_and_writes_nothing() {
    let device = MemoryDevice::new();
    let refused = DiskBackend::open_read_only_on(Arc::new(device.clone()), small());
    assert!(matches!(refused, Err(BackendError::Foreign { .. })), "{refused:?}");
    let backend = open(&device);
    put(&backend, Durability::Os, "a", "1");
    let blob = put_blob(&backend, Durability::Os, &body(1, 5000));
    let before = device.counts().changes;
    let reader = DiskBackend::open_read_only_on(Arc::new(device.clone()), small()).unwrap();
    assert_eq!(device.counts().changes, before);
    put(&backend, Durability::Os, "a", "2");
    assert_eq!(row(&reader, "a").as_deref(), Some("1"));
    assert_eq!(read(&reader, &blob).unwrap(), body(1, 5000));
    let refused = reader.commit(batch(Durability::Os, &[("a", "3")]));
    assert!(matches!(refused, Err(CommitError::Backend(BackendError::ReadOnly))));
    let refused = reader.write_blob(&mut crate::kit::Source::new(b"x"));
    assert!(matches!(refused, Err(BackendError::ReadOnly)));
    assert!(!reader.maintain().unwrap());
    let before = device.counts().changes;
    reader.close().unwrap();
    assert_eq!(device.counts().changes, before);
    assert_eq!(row(&backend, "a").as_deref(), Some("2"));
}

#[test]
fn a_folder_that_is_no_store_is_left_alone() {
    let device = MemoryDevice::new();
    drop(open(&device));
    let file = device.open("cistern", OpenMode::Write).unwrap();
    file.write_at(b"not a cistern", 0).unwrap();
    assert!(matches!(try_open(&device, small()), Err(BackendError::Foreign { .. })));
    device.remove("cistern").unwrap();
    assert!(matches!(try_open(&device, small()), Err(BackendError::Foreign { .. })));
}

#[test]
fn a_missing_segment_is_damage() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let blob = put_blob(&backend, Durability::Synced, &body(1, 5000));
    backend.close().unwrap();
    device.remove(&segment(1)).unwrap();
    let outcome = try_open(&device, small());
    assert!(matches!(outcome, Err(BackendError::Damaged { .. })), "{outcome:?} {blob}");
}

#[test]
fn a_segment_that_is_missing_in_the_middle_of_the_log_is_damage() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    for nth in 0..10 {
        put_blob(&backend, Durability::Synced, &body(nth, 25_000));
    }
    assert!(files(&device, "log").len() > 4);
    assert!(files(&device, "runs").is_empty());
    let damaged = device.crash(Crash::LoseAll);
    damaged.remove(&segment(3)).unwrap();
    let outcome = try_open(&damaged, small());
    assert!(matches!(outcome, Err(BackendError::Damaged { .. })), "{outcome:?}");
}

#[test]
fn conditions_and_stamps_hold_across_a_crash() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let mut stamped = Batch::new(Durability::Synced);
    let (prefix, suffix) = (bytes("log/"), bytes(""));
    stamped.ops.push(Op::PutStamped { prefix, suffix, value: bytes("event").into() });
    let ticket = backend.commit(stamped).unwrap();
    let key = [b"log/", &ticket.position().0.to_be_bytes()[..]].concat();
    ticket.wait().unwrap();
    let backend = open(&device.crash(Crash::LoseAll));
    assert_eq!(backend.row(&key).unwrap(), Some(bytes("event").into()));
    let mut wrong = Batch::new(Durability::Os);
    wrong.unchanged(key.into(), None);
    assert_eq!(conflict(backend.commit(wrong)), 0);
}

#[test]
fn a_real_folder_does_as_the_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || DiskSettings::new().segment_bytes(1 << 20);
    let backend = DiskBackend::open(folder.path(), settings()).unwrap();
    put(&backend, Durability::Synced, "a", "1");
    let small = put_blob(&backend, Durability::Synced, &body(1, 5000));
    let large = put_blob(&backend, Durability::Synced, &body(2, 5 << 20));
    let refused = DiskBackend::open(folder.path(), settings());
    assert!(matches!(refused, Err(BackendError::InUse { .. })), "{refused:?}");
    let reader = DiskBackend::open_read_only(folder.path(), settings()).unwrap();
    assert_eq!(row(&reader, "a").as_deref(), Some("1"));
    drop(backend);
    let backend = DiskBackend::open(folder.path(), settings()).unwrap();
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
    assert_eq!(read(&backend, &small).unwrap(), body(1, 5000));
    assert!(read(&backend, &large).unwrap() == body(2, 5 << 20));
    commit(&backend, Batch::new(Durability::Synced));
    settle(&backend);
}
