//! Running seeds, and making those that fail shorter.

use crate::{
    faults::{Aim, Tally},
    plan::{Plan, Step},
    world::{Violation, World},
};
use cistern_disk::device::{Call, Crash, Failure};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// A sum over all calls of the medium and their answers.
    pub trace: u64,
    /// Which faults struck.
    pub tally: Tally,
    /// What did not hold.
    pub violation: Option<Violation>,
}

/// Runs a seed.
#[must_use]
pub fn run(seed: u64) -> Outcome {
    run_plan(&Plan::draw(seed))
}

/// Runs a plan.
#[must_use]
pub fn run_plan(plan: &Plan) -> Outcome {
    let mut outcome =
        Outcome { seed: plan.seed, trace: 0, tally: Tally::default(), violation: None };
    let mut world = match World::new(plan) {
        Ok(world) => world,
        Err(violation) => return Outcome { violation: Some(violation), ..outcome },
    };
    outcome.violation = catch_unwind(AssertUnwindSafe(|| go(&mut world, plan)))
        .unwrap_or_else(|panic| Err(format!("it panicked: {}", message_of(&*panic))))
        .err();
    outcome.trace = world.trace();
    outcome.tally = world.tally();
    outcome
}

/// The plan of a seed without its faults.
fn healthy(seed: u64) -> Plan {
    let mut plan = Plan::draw(seed);
    plan.steps.retain(|step| !step.is_fault());
    plan
}

/// How many calls of the medium a plan makes, and how many of them change it.
fn size(plan: &Plan) -> (u64, u64) {
    let Ok(mut world) = World::new(plan) else { return (0, 0) };
    let before = world.counts();
    for step in &plan.steps {
        // What does not hold is told by the runs with faults, too.
        let _ = world.step(step);
    }
    let after = world.counts();
    (after.calls - before.calls, after.changes - before.changes)
}

/// Runs the plan of a seed once for every change of the medium that it makes: there the power goes.
#[must_use]
pub fn power_off_at_every_change(seed: u64) -> Vec<Outcome> {
    let plan = healthy(seed);
    let (_, changes) = size(&plan);
    let off = |change| {
        let left = match change % 3 {
            0 => Crash::LoseAll,
            1 => Crash::KeepAll,
            _ => Crash::Seeded(change),
        };
        run_plan(&plan.beginning_with(Step::PowerOff { change, left }))
    };
    (0..changes).map(off).collect()
}

/// Runs the plan of a seed once for every call of the medium that it makes: that one fails.
#[must_use]
pub fn fail_every_call(seed: u64, failure: Failure) -> Vec<Outcome> {
    let plan = healthy(seed);
    let (calls, _) = size(&plan);
    let fail = |nth| run_plan(&plan.beginning_with(Step::Fail { aim: Aim::Any(nth), failure }));
    (0..calls).map(fail).collect()
}

/// Runs the plan of a seed on a medium that reads and writes everything in parts.
#[must_use]
pub fn run_in_parts(seed: u64) -> Outcome {
    let always = |call| Step::Fail { aim: Aim::Every(call), failure: Failure::Part };
    let plan = healthy(seed).beginning_with(always(Call::Read));
    run_plan(&plan.beginning_with(always(Call::Write)))
}

fn go(world: &mut World, plan: &Plan) -> Result<(), Violation> {
    for (at, step) in plan.steps.iter().enumerate() {
        world.step(step).map_err(|violation| format!("step {at}, {step:?}: {violation}"))?;
    }
    world.finish(plan.seed.is_multiple_of(3))
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Drops steps from a plan for as long as it still fails, at most `tries` times.
#[must_use]
pub fn shrink(plan: &Plan, mut tries: u32) -> Plan {
    let mut plan = plan.clone();
    let mut chunk = plan.steps.len().div_ceil(2);
    while chunk > 0 && tries > 0 {
        let mut at = 0;
        let mut dropped = false;
        while at < plan.steps.len() && tries > 0 {
            tries -= 1;
            let mut shorter = plan.clone();
            shorter.steps.drain(at..shorter.steps.len().min(at + chunk));
            if run_plan(&shorter).violation.is_some() {
                plan = shorter;
                dropped = true;
            } else {
                at += chunk;
            }
        }
        if !(dropped && chunk == 1) {
            chunk /= 2;
        }
    }
    plan
}

/// A run that failed, for people: the line that replays it, and the shortest plan found.
#[derive(Debug)]
pub struct Told {
    outcome: Outcome,
    shrunk: Plan,
    shrunk_violation: Violation,
}

impl Outcome {
    /// Shrinks a run that failed; `None` for one that did not.
    #[must_use]
    pub fn tell(&self) -> Option<Told> {
        self.violation.as_ref()?;
        let shrunk = shrink(&Plan::draw(self.seed), SHRINK_TRIES);
        let shrunk_violation = run_plan(&shrunk).violation.unwrap_or_default();
        Some(Told { outcome: self.clone(), shrunk, shrunk_violation })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, shrunk, shrunk_violation } = self;
        let seed = outcome.seed;
        writeln!(f, "replay with CISTERN_SEED={seed} cargo test -p cistern-sim one_seed_decides")?;
        writeln!(f, "{}", outcome.violation.as_deref().unwrap_or_default())?;
        writeln!(f, "shrunk to {} steps, {:?}:", shrunk.steps.len(), shrunk.durability)?;
        writeln!(f, "{:?}", shrunk.shape)?;
        for step in &shrunk.steps {
            writeln!(f, "  {step:?}")?;
        }
        write!(f, "{shrunk_violation}")
    }
}

const SHRINK_TRIES: u32 = 400;
