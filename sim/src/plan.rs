//! `Plan`: everything that happens in a run, drawn from its seed before it begins, so that a run which
//! fails can be made shorter.

use crate::{chance::Chance, faults::Aim};
use cistern_conformance::model::Call;
use cistern_disk::{
    Background, DiskSettings,
    device::{Call as DeviceCall, Crash, Failure},
};
use cistern_storage_core::port::Durability;

/// What happens in a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What chose all this.
    pub seed: u64,
    /// How small everything is.
    pub shape: Shape,
    /// How safe a write is before it is acknowledged.
    pub durability: Durability,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A verb is called.
    Call(Call),
    /// So many steps of background work are done.
    Maintain(u32),
    /// Background work is done to the end, with all that is worth doing when nobody writes.
    Settle,
    /// The clock jumps by so many milliseconds.
    Clock(i64),
    /// Everything so far is synced.
    Flush,
    /// The store is closed and opened again.
    Reopen,
    /// The process dies, and another one opens the store on what the system has in its cache.
    Restart,
    /// The power goes.
    Crash(Crash),
    /// The power will go during a change of the medium, so many changes from now.
    PowerOff {
        /// How many changes from now.
        change: u64,
        /// What it will leave.
        left: Crash,
    },
    /// A call of the medium will fail.
    Fail {
        /// Which one.
        aim: Aim,
        /// How.
        failure: Failure,
    },
}

impl Step {
    /// True for what a healthy machine does not do.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Restart | Self::Crash(_) | Self::PowerOff { .. } | Self::Fail { .. })
    }
}

/// How small everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a segment of the log.
    pub segment_bytes: u64,
    /// The longest body that is packed into a segment.
    pub packed_bytes_max: u64,
    /// Bytes of changed rows in memory before a checkpoint.
    pub overlay_bytes_max: u64,
    /// Bytes of the cache of the index.
    pub cache_bytes: u64,
}

impl Shape {
    fn draw(chance: &Chance) -> Self {
        Self {
            segment_bytes: chance.pick(&[64, 64, 128, 256]) << 10,
            packed_bytes_max: chance.pick(&[4_000, 14_000, 30_000]),
            overlay_bytes_max: chance.pick(&[1, 4, 16, 64]) << 10,
            cache_bytes: chance.pick(&[0, 16, 1024]) << 10,
        }
    }

    /// The settings of a store of this shape.
    #[must_use]
    pub fn settings(&self) -> DiskSettings {
        DiskSettings::new()
            .background(Background::Manual)
            .segment_bytes(self.segment_bytes)
            .inline_bytes_max(1000)
            .blob_file_bytes_min(self.packed_bytes_max)
            .overlay_bytes_max(self.overlay_bytes_max)
            .block_cache_bytes(self.cache_bytes)
            .log_bytes_max(2 * self.segment_bytes)
            .spare_segments(1)
            .store_id([7; 16])
    }
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let chance = Chance::new(seed ^ 0x9e37_79b9_7f4a_7c15);
        let mut shape = Shape::draw(&chance);
        let durability = if chance.percent(75) { Durability::Synced } else { Durability::Os };
        let churns = chance.percent(40);
        if churns {
            shape.segment_bytes = 64 << 10;
            shape.packed_bytes_max = 30_000;
        }
        let count = if churns { 20 } else { chance.pick(&[15, 30, 30, 60]) };
        let mut steps = Vec::new();
        for call in Call::draw(chance.draw(), count) {
            steps.push(Step::Call(call));
            if churns {
                churn(&chance, &mut steps);
            }
            if chance.percent(if churns { 70 } else { 35 }) {
                steps.push(between(&chance));
            }
        }
        for _ in 0..chance.below(6) {
            let at = chance.index(steps.len());
            steps.insert(at, fault(&chance));
        }
        Self { seed, shape, durability, steps }
    }
}

impl Plan {
    /// The same, and before all else `step`.
    #[must_use]
    pub fn beginning_with(&self, step: Step) -> Self {
        let mut plan = self.clone();
        plan.steps.insert(0, step);
        plan
    }

    /// Just these steps, in a store of the smallest shape.
    #[must_use]
    pub fn of(seed: u64, durability: Durability, steps: Vec<Step>) -> Self {
        let shape = Shape {
            segment_bytes: 64 << 10,
            packed_bytes_max: 4000,
            overlay_bytes_max: 4096,
            cache_bytes: 0,
        };
        Self { seed, shape, durability, steps }
    }
}

/// Much comes and goes on few keys, and something stays on others: segments die, and are emptied.
fn churn(chance: &Chance, steps: &mut Vec<Step>) {
    for _ in 0..chance.below(11) {
        let key = if chance.percent(75) { chance.index(2) } else { chance.index(7) };
        let len = chance.index(20_000);
        let seed = chance.draw().to_le_bytes()[0];
        steps.push(Step::Call(match chance.below(10) {
            0 => Call::delete(0, key, None),
            1..3 => Call::delete(0, key, Some(chance.index(5))),
            _ => Call::put(0, key, seed, len),
        }));
    }
}

/// What a healthy machine does between two calls.
fn between(chance: &Chance) -> Step {
    match chance.below(20) {
        0..11 => Step::Maintain(u32::try_from(1 + chance.below(4)).expect("small")),
        11..14 => Step::Settle,
        14..17 => {
            let jumps = [-86_400_000, -1000, -1, 1, 999, 60_000, 90_000_000];
            Step::Clock(chance.pick(&jumps))
        }
        17 => Step::Flush,
        _ => Step::Reopen,
    }
}

fn fault(chance: &Chance) -> Step {
    let left = match chance.below(6) {
        0 => Crash::LoseAll,
        1 => Crash::KeepAll,
        _ => Crash::Seeded(chance.draw()),
    };
    match chance.below(10) {
        0 => Step::Restart,
        1 | 2 => Step::Crash(left),
        3..6 => Step::PowerOff { change: chance.below(40), left },
        _ => {
            let aim = aim(chance);
            let failures = match aim {
                // What is interrupted every time never comes to an end.
                Aim::Every(_) => &FAILURES[..FAILURES.len() - 1],
                _ => FAILURES,
            };
            Step::Fail { aim, failure: chance.pick(failures) }
        }
    }
}

fn aim(chance: &Chance) -> Aim {
    use DeviceCall::{
        Create, Len, List, Open, Read, Remove, Rename, SetLen, Sync, SyncFolder, Write,
    };
    let of = |chance: &Chance| match chance.below(10) {
        0..3 => Write,
        3..6 => Sync,
        6 => Read,
        _ => chance.pick(&[Create, Len, List, Open, Remove, Rename, SetLen, SyncFolder]),
    };
    match chance.below(10) {
        0..3 => Aim::Any(chance.below(60)),
        3 => Aim::Every(of(chance)),
        _ => Aim::Of(of(chance), chance.below(8)),
    }
}

/// How calls fail; each is as likely as it is often here.
const FAILURES: &[Failure] = &[
    Failure::Io,
    Failure::Io,
    Failure::Io,
    Failure::NoSpace,
    Failure::NoSpace,
    Failure::Short,
    Failure::Part,
    Failure::Interrupted,
];
