//! Power goes at every change that checkpoints and merges make.

use super::{Effort, Index, Rows, all_rows, delete, open, put, try_open};
use crate::device::{Call, Crash, Failure, MemoryDevice};
use bytes::Bytes;
use cistern_storage_core::port::BackendError;

/// Round `number` of a history: rows that overwrite, delete and add.
fn publish_round(index: &Index, number: usize) {
    for row in 0..40 {
        put(index, format!("row-{:03}", (row * 7 + number * 3) % 60), format!("{number:300}"));
    }
    for row in 0..10 {
        delete(index, format!("row-{:03}", (row * 5 + number) % 60));
    }
    put(index, "round", number.to_string());
}

/// The rows after each round.
fn expected(rounds: usize) -> Vec<Rows> {
    let (index, _) = open(&MemoryDevice::new());
    let mut rows = vec![Rows::new()];
    for number in 1..=rounds {
        publish_round(&index, number);
        rows.push(all_rows(&index).unwrap());
    }
    rows
}

/// Goes through all rounds, with a checkpoint each and merges; returns the last one acknowledged.
fn run_rounds(index: &Index, first: usize, rounds: usize) -> (usize, Result<(), BackendError>) {
    let mut acknowledged = first - 1;
    for number in first..=rounds {
        publish_round(index, number);
        index.freeze();
        if let Err(error) = index.checkpoint(meta_of(number)) {
            return (acknowledged, Err(error));
        }
        acknowledged = number;
        if let Err(error) = index.merge(Effort::Busy) {
            return (acknowledged, Err(error));
        }
    }
    (acknowledged, Ok(()))
}

/// Longer than a sector, so that a manifest can be torn.
fn meta_of(round: usize) -> Bytes {
    format!("{round:2000}").into()
}

/// Reopens: the rows must be those of the round that the meta names, and no round is lost.
#[track_caller]
fn check_reopened(device: &MemoryDevice, acknowledged: usize, expected: &[Rows]) -> (Index, usize) {
    let (index, meta) = open(device);
    let round = meta.map_or(0, |meta| str::from_utf8(&meta).unwrap().trim().parse().unwrap());
    assert!(round >= acknowledged, "round {acknowledged} was acknowledged, {round} is there");
    assert!(round <= acknowledged + 1);
    assert_eq!(all_rows(&index).unwrap(), expected[round]);
    (index, round)
}

#[test]
fn a_crash_at_any_change_loses_no_acknowledged_checkpoint() {
    const ROUNDS: usize = 6;
    let expected = expected(ROUNDS + 1);
    let mut crashes = 0;
    for nth in 0.. {
        let device = MemoryDevice::new();
        let (index, _) = open(&device);
        device.power_off_at(nth);
        let (acknowledged, outcome) = run_rounds(&index, 1, ROUNDS);
        let seeds = (0..4).map(|seed| Crash::Seeded(seed * 1000 + nth));
        for crash in seeds.chain([Crash::LoseAll, Crash::KeepAll]) {
            let after = device.crash(crash);
            let (index, round) = check_reopened(&after, acknowledged, &expected);
            let (last, outcome) = run_rounds(&index, round + 1, ROUNDS + 1);
            outcome.unwrap();
            assert_eq!(last, ROUNDS + 1);
            check_reopened(&after.crash(Crash::LoseAll), last, &expected);
            crashes += 1;
        }
        if outcome.is_ok() {
            break;
        }
    }
    assert!(crashes > 200, "only {crashes} crashes tried");
}

#[test]
fn a_failure_at_any_change_leaves_what_was_acknowledged_readable() {
    const ROUNDS: usize = 5;
    let expected = expected(ROUNDS + 1);
    for failure in [Failure::Io, Failure::NoSpace, Failure::Short] {
        for call in [Call::Create, Call::Write, Call::Sync, Call::SyncFolder, Call::Remove] {
            for nth in 0.. {
                let device = MemoryDevice::new();
                let (index, _) = open(&device);
                device.fail_nth(call, nth, failure);
                let (acknowledged, outcome) = run_rounds(&index, 1, ROUNDS);
                let failed = outcome.is_err();
                // Nobody lost a row from sight, whatever failed.
                let now = if failed { now(&index) } else { ROUNDS };
                assert_eq!(all_rows(&index).unwrap(), expected[now]);
                device.mend();
                check_reopened(&device.crash(Crash::Seeded(nth)), acknowledged, &expected);
                if !failed && nth > 40 {
                    break;
                }
            }
        }
    }
}

fn now(index: &Index) -> usize {
    let round = index.get(b"round").unwrap().unwrap();
    str::from_utf8(&round).unwrap().parse().unwrap()
}

#[test]
fn no_checkpoint_follows_a_manifest_that_could_not_be_synced() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    index.checkpoint("first".into()).unwrap();
    device.fail_nth(Call::Sync, 0, Failure::Io);
    assert!(matches!(index.checkpoint("second".into()), Err(BackendError::Io { .. })));
    assert!(matches!(index.checkpoint("third".into()), Err(BackendError::Poisoned { .. })));
    let meta = open(&device.crash(Crash::LoseAll)).1.unwrap();
    assert_eq!(meta, "first");
}

#[test]
fn runs_stay_while_a_damaged_manifest_may_name_them() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    run_rounds(&index, 1, 2).1.unwrap();
    drop(index);
    let files = super::run_files(&device);
    // Round 2 stands in the first file or the second: damage whichever is newer.
    let newest = super::super::manifest::read(&device).unwrap().manifest.unwrap();
    let name = super::super::manifest::NAMES[usize::from(newest.sequence % 2 == 1)];
    device.flip_bits(name, 50, 1).unwrap();
    let _ = try_open(&device, super::SETTINGS);
    assert_eq!(super::run_files(&device), files);
}

#[test]
fn a_full_medium_leaves_no_pieces_behind_and_the_next_checkpoint_succeeds() {
    let expected = expected(3);
    for call in [Call::Create, Call::Write] {
        for nth in 0..6 {
            let device = MemoryDevice::new();
            let (index, _) = open(&device);
            run_rounds(&index, 1, 2).1.unwrap();
            publish_round(&index, 3);
            index.freeze();
            device.fail_nth(call, nth, Failure::Short);
            let outcome = index.checkpoint(meta_of(3));
            device.mend();
            if outcome.is_err() {
                check_reopened(&device.crash(Crash::Seeded(nth)), 2, &expected);
                index.checkpoint(meta_of(3)).unwrap();
            }
            while index.merge(Effort::Busy).unwrap() {}
            assert_eq!(super::run_files(&device).len(), index.stats().runs, "{call:?} {nth}");
            check_reopened(&device.crash(Crash::LoseAll), 3, &expected);
        }
    }
}
