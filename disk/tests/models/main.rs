//! Models of what threads do to each other, run under schedules that a machine rarely takes.
//!
//! Each model is a small copy of one protocol of the engine, with the same shape: the same locks,
//! the same order of steps, no medium. Its page says which function stands for which. A model is
//! run under random schedules and under schedules with few, well-placed changes of thread (PCT);
//! where all threads sleep, the run fails. Every model has broken variants, and each of them must
//! fail: a model that forgives them would prove nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod checkpoint;
mod compaction;
mod group_commit;

use shuttle::{
    Config, FailurePersistence, Runner,
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many schedules of each kind.
const SCHEDULES: usize = 2000;

/// How many changes of thread a schedule of the second kind is bent by.
const CHANGES: usize = 3;

const SEED: u64 = 0x5eed;

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    Runner::new(scheduler, config).run(model);
}

/// Runs a model that must hold.
fn holds(model: impl Fn() + Send + Sync + Copy + 'static) {
    run(RandomScheduler::new_from_seed(SEED, SCHEDULES), model);
    run(PctScheduler::new_from_seed(SEED, CHANGES, SCHEDULES), model);
}

/// Runs a model that must fail.
#[track_caller]
fn fails(model: impl Fn() + Send + Sync + Copy + 'static) {
    let outcome = catch_unwind(AssertUnwindSafe(|| holds(model)));
    assert!(outcome.is_err(), "no schedule shows what is broken");
}
