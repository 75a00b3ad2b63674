//! A deterministic world for Cistern: one seed decides workload, clock, background work, threads and
//! faults.
//!
//! [`faults`] says what may happen and what is promised then; [`checkers`] and the plain model of
//! `cistern-conformance` hold a store to it.

pub mod backend;
pub mod chance;
pub mod checkers;
pub mod churn;
pub mod damage;
pub mod device;
pub mod faults;
pub mod plan;
mod run;
pub mod streams;
pub mod threads;
mod trace;
pub mod turns;
pub mod verbs;
pub mod world;
mod yielding;

pub use churn::run_churn;
pub use damage::run_damage;
pub use run::{
    Outcome, Told, fail_every_call, power_off_at_every_change, run, run_in_parts, run_plan, shrink,
};
pub use streams::run_streams;
pub use threads::run_threads;
pub use verbs::run_verbs;
pub use world::World;

/// The seeds of a test: `CISTERN_SEED=7` asks for one, `CISTERN_SEEDS=100000` for more.
#[must_use]
pub fn seeds(default: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("CISTERN_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("CISTERN_SEEDS").unwrap_or(default)).collect(),
    }
}
