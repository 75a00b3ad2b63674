//! What a store promises when the power goes or the medium fails, tried at every single call.
//!
//! Fault model: that of [`MemoryDevice`]. Every unsynced write is lost, kept or torn by sector,
//! every unsynced name is lost or kept; any call may fail, and a failed sync leaves what it should
//! have saved in doubt for ever.
//!
//! Promised, and checked against a plain model:
//! - what survives is a prefix of the order of commits, each of them whole;
//! - no commit is missing that was acknowledged at the durability that the fault leaves;
//! - every row's body is there, byte for byte; space is accounted for; no file is left over;
//! - the store that was found goes on as if nothing had happened.
//!
//! `CISTERN_SEEDS=20` tries 20 workloads a test; `CISTERN_SEED=7` tries one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod chance;
mod model;
mod world;

use chance::Chance;
use cistern_disk::device::{Call, Crash, Device, Failure, MemoryDevice};
use cistern_storage_core::port::{Backend, Durability};
use world::{Profile, Stop, World};

/// The workloads of a test.
fn seeds(default: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("CISTERN_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("CISTERN_SEEDS").unwrap_or(default)).collect(),
    }
}

/// Runs a workload until it stops, with faults ordered before it begins.
fn run(profile: Profile, seed: u64, order: impl FnOnce(&MemoryDevice)) -> (World, Option<Stop>) {
    let mut world = World::new(profile, seed);
    order(&world.device);
    let stop = world.run(profile.steps()).err();
    (world, stop)
}

/// How many changes of the medium a workload makes, and how many calls of all kinds.
fn size(profile: Profile, seed: u64) -> (u64, u64) {
    let (world, stop) = run(profile, seed, |_| ());
    assert!(stop.is_none(), "seed {seed}: {stop:?}");
    (world.device.counts().changes, world.device.counts().calls)
}

/// Finds the store on what a crash has left, checks it, and goes on with it.
fn check_after(world: &World, crash: Crash, what: &str) {
    let what = format!("{what}, {crash:?}");
    let durability = if crash == Crash::KeepAll { Durability::Os } else { Durability::Synced };
    let found = world.recover(world.device.crash(crash), durability, &what);
    go_on(found, &what);
}

/// A store that was recovered takes writes, background work, a close, and another crash.
fn go_on(mut found: World, what: &str) {
    let stop = found.run(12).err();
    assert!(stop.is_none(), "{what}: going on stopped with {stop:?}");
    let again = found.recover(found.device.crash(Crash::Seeded(1)), Durability::Synced, what);
    let stop = again.close().err();
    assert!(stop.is_none(), "{what}: closing stopped with {stop:?}");
}

fn power_loss_at_every_change(profile: Profile, seed: u64) {
    let (changes, _) = size(profile, seed);
    for at in 0..changes {
        // It need not notice: what is only tidying up may fail in silence.
        let (world, _) = run(profile, seed, |device| device.power_off_at(at));
        assert_eq!(world.device.counts().changes, at + 1, "seed {seed}: another run than before");
        let what = format!("seed {seed}, change {at}");
        check_after(&world, Crash::LoseAll, &what);
        check_after(&world, Crash::KeepAll, &what);
        check_after(&world, Crash::Seeded(at), &what);
        check_after(&world, Crash::Seeded(!at), &what);
    }
}

#[test]
fn the_workload_reaches_what_it_is_for() {
    let mut reached = Reached::default();
    for seed in [0, 1] {
        for profile in [Profile::Small, Profile::Churn] {
            let (world, stop) = run(profile, seed, |_| ());
            assert!(stop.is_none(), "seed {seed}: {stop:?}");
            reached.add(&world);
        }
    }
    assert!(reached.moved > 0 && reached.files > 0 && reached.shared > 0, "{reached:?}");
    assert!(reached.spares > 0 && reached.runs > 1 && reached.recycled > 0, "{reached:?}");
}

/// What was seen in some store.
#[derive(Debug, Default)]
struct Reached {
    /// Bodies that compaction has copied.
    moved: usize,
    files: usize,
    /// Bodies with several owners.
    shared: usize,
    spares: usize,
    /// Runs of one store.
    runs: usize,
    /// Segments that the log has left behind.
    recycled: usize,
}

impl Reached {
    fn add(&mut self, world: &World) {
        let list = |folder| world.device.list(folder).unwrap();
        let state = world.model.latest();
        let owners = state.rows.values().filter(|(_, body)| body.is_some()).count();
        self.moved += world.moved_bodies();
        self.files += list("blobs").len();
        self.shared += owners - state.bodies().len();
        self.spares += list("log").iter().filter(|file| file.name.starts_with("spare")).count();
        self.runs = self.runs.max(list("runs").len());
        let numbers = list("log")
            .into_iter()
            .filter_map(|file| u64::from_str_radix(file.name.strip_suffix(".seg")?, 16).ok());
        let numbers: Vec<u64> = numbers.collect();
        let last = numbers.iter().max().copied().unwrap_or(0);
        self.recycled += usize::try_from(last).unwrap() - numbers.len();
    }
}

#[test]
fn a_loss_of_power_at_any_change_loses_nothing_promised() {
    for seed in seeds(1) {
        power_loss_at_every_change(Profile::Small, seed);
    }
}

#[test]
fn a_loss_of_power_among_large_bodies_loses_nothing_promised() {
    for seed in seeds(1) {
        power_loss_at_every_change(Profile::Large, seed + 1000);
    }
}

#[test]
fn a_loss_of_power_during_compaction_loses_nothing_promised() {
    for seed in seeds(1) {
        power_loss_at_every_change(Profile::Churn, seed);
    }
}

#[test]
fn a_loss_of_power_during_recovery_loses_nothing_promised() {
    for seed in seeds(1) {
        let (changes, _) = size(Profile::Small, seed);
        let mut chance = Chance::new(seed);
        for at in (0..changes).step_by(3) {
            let (world, _) = run(Profile::Small, seed, |device| device.power_off_at(at));
            let what = format!("seed {seed}, change {at}, then during recovery");
            for again in 0..30 {
                let device = world.device.crash(Crash::Seeded(at));
                device.power_off_at(again);
                if world.open(&device).is_ok() {
                    break;
                }
                let left = device.crash(Crash::Seeded(chance.draw()));
                let what = format!("{what}, change {again}");
                world.recover(left, Durability::Synced, &what).close().unwrap();
            }
        }
    }
}

/// Orders one failure at every call, checks what is left readable, and what is found afterwards.
fn failure_at_every_call(profile: Profile, seed: u64, failure: Failure) {
    let (_, calls) = size(profile, seed);
    for at in 0..calls {
        let what = format!("seed {seed}, {failure:?} at call {at}");
        let (mut world, first) = run(profile, seed, |device| device.fail_at(at, failure));
        if let Some(first) = &first
            && world.survives(first, &what)
        {
            // Nothing was in doubt, so that all goes on.
            let stop = world.run(12).err();
            assert!(stop.is_none(), "{what}: went on after {first:?}, then stopped with {stop:?}");
        }
        world.check_readable(&what);
        world.device.mend();
        check_after(&world, Crash::Seeded(at), &what);
        check_after(&world, Crash::KeepAll, &what);
    }
}

#[test]
fn an_io_error_at_any_call_loses_nothing_promised() {
    for seed in seeds(1) {
        failure_at_every_call(Profile::Small, seed + 2000, Failure::Io);
    }
}

#[test]
fn a_failure_during_compaction_loses_nothing_promised() {
    for seed in seeds(1) {
        failure_at_every_call(Profile::Churn, seed, Failure::Io);
        failure_at_every_call(Profile::Churn, seed, Failure::Short);
    }
}

#[test]
fn a_medium_that_is_full_at_any_call_loses_nothing_promised() {
    for seed in seeds(1) {
        failure_at_every_call(Profile::Small, seed + 3000, Failure::NoSpace);
    }
}

#[test]
fn a_write_that_stops_half_way_at_any_call_loses_nothing_promised() {
    for seed in seeds(1) {
        failure_at_every_call(Profile::Small, seed + 4000, Failure::Short);
    }
}

#[test]
fn after_a_failed_sync_no_later_commit_is_acknowledged() {
    for seed in seeds(3) {
        let (world, _) = run(Profile::Small, seed, |_| ());
        let syncs = world.device.counts().syncs;
        for nth in 0..syncs {
            let what = format!("seed {seed}, sync {nth} fails");
            let fail = |device: &MemoryDevice| device.fail_nth(Call::Sync, nth, Failure::Io);
            let (mut world, stop) = run(Profile::Small, seed, fail);
            let Some(stop) = stop else { panic!("{what}: nobody was told") };
            if let Some(store) = &world.store {
                let (syncs, refused) = (world.device.counts().syncs, world.probe(store));
                assert!(refused.is_err(), "{what}: after {stop:?} a commit was taken");
                // It may have failed to do something else, with all commits safe.
                if store.flush(Durability::Synced).is_ok() {
                    let all = world.model.acknowledged(Durability::Memory);
                    world.model.acknowledge(all, Durability::Synced);
                }
                assert_eq!(world.device.counts().syncs, syncs, "{what}: tried again");
            }
            world.check_readable(&what);
            check_after(&world, Crash::LoseAll, &what);
            check_after(&world, Crash::Seeded(nth), &what);
        }
    }
}
