//! Every bug that a seed has found, as the steps that show it.

use cistern_conformance::model::Call;
use cistern_disk::device::{Call as DeviceCall, Crash, Failure};
use cistern_sim::{
    faults::Aim,
    plan::{Plan, Step},
    run_plan,
};
use cistern_storage_core::Durability;

/// Runs the steps with all chance that they leave open.
#[track_caller]
fn check(durability: Durability, steps: &[Step]) {
    for seed in 0..12 {
        let outcome = run_plan(&Plan::of(seed, durability, steps.to_vec()));
        assert!(outcome.violation.is_none(), "seed {seed}, {steps:?}: {:?}", outcome.violation);
    }
}

fn put(key: usize, len: usize) -> Step {
    Step::Call(Call::put(0, key, 1, len))
}

fn create() -> Step {
    Step::Call(Call::create_bucket(0, false))
}

fn fail(call: DeviceCall, nth: u64, failure: Failure) -> Step {
    Step::Fail { aim: Aim::Of(call, nth), failure }
}

/// Seeds 139, 207, 1125, 1248: after a sync had failed the next process found the pages in the
/// cache, and its own sync did not save them: the next loss of power took them, and the store did
/// not open any more.
#[test]
fn a_process_that_follows_a_failed_sync_makes_durable_what_it_finds() {
    for durability in [Durability::Synced, Durability::Os] {
        for nth in 0..6 {
            let steps = [
                create(),
                put(0, 700),
                fail(DeviceCall::Sync, nth, Failure::Io),
                put(0, 2000),
                put(1, 9000),
                Step::Flush,
                Step::Settle,
                Step::Reopen,
                put(2, 2000),
                Step::Crash(Crash::LoseAll),
            ];
            check(durability, &steps);
        }
    }
}

/// Seeds 5106 and 5105: the same for the manifest that a close leaves, and for syncs of folders.
#[test]
fn a_manifest_whose_sync_failed_is_written_again_before_anything_rests_on_it() {
    for call in [DeviceCall::Sync, DeviceCall::SyncFolder] {
        for nth in 0..6 {
            let steps = [
                create(),
                put(0, 3000),
                Step::Reopen,
                put(0, 3000),
                fail(call, nth, Failure::NoSpace),
                Step::Reopen,
                Step::Settle,
                put(1, 3000),
                Step::Crash(Crash::Seeded(nth)),
            ];
            check(Durability::Synced, &steps);
        }
    }
}

/// Seed 26228: a header that could not be read was taken for the end of the log; the store opened
/// without what stood behind it, and used the segment again.
#[test]
fn a_header_that_cannot_be_read_is_not_the_end_of_the_log() {
    for nth in 0..8 {
        let steps = [
            create(),
            put(0, 700),
            // There is no room for the checkpoint of a close, so that the log is replayed.
            fail(DeviceCall::Create, 0, Failure::NoSpace),
            fail(DeviceCall::Read, nth, Failure::Io),
            Step::Reopen,
            Step::Crash(Crash::KeepAll),
        ];
        check(Durability::Synced, &steps);
    }
}

/// Among the first 5000 seeds: a bucket's removal that failed half way left uploads that were counted, and
/// were not there.
#[test]
fn a_removal_of_a_bucket_that_fails_half_way_counts_its_uploads_right() {
    for nth in 0..8 {
        let steps = [
            create(),
            Step::Call(Call::begin_upload(0, 0)),
            Step::Call(Call::put_part(0, 1, 2000)),
            Step::Call(Call::begin_upload(0, 1)),
            fail(DeviceCall::Sync, nth, Failure::Io),
            Step::Call(Call::delete_bucket(0)),
            Step::Crash(Crash::LoseAll),
        ];
        check(Durability::Synced, &steps);
    }
}
