//! Plans: what a policy would do to a bucket over years, and what it would cost, before it is set.
//!
//! ```
//! use cistern_lifecycle::{
//!     Days, LifecyclePolicy, Rule, StorageClass, Timestamp, VersionFacts,
//!     plan::{Assumptions, Population},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = LifecyclePolicy::new([
//!     Rule::prefix("logs/").transition(Days(30), StorageClass::GlacierIr).expire(Days(365)),
//! ])?;
//! let start = Timestamp::parse_iso8601("2026-12-01T00:00:00Z").ok_or("no moment")?;
//!
//! let mut population = Population::new(start).watch_policy(&policy);
//! for day in 0..100 {
//!     let made = Timestamp::from_millis(start.as_millis() - day * 86_400_000);
//!     population.push(&VersionFacts::new(&format!("logs/{day}"), 1 << 30, made));
//! }
//! let simulation = population.simulate(&policy, &Assumptions::years(2))?;
//! println!("{simulation}");
//! assert_eq!(simulation.deleted_objects().round(), 100.0);
//! # Ok(())
//! # }
//! ```
//!
//! Objects that no rule tells apart are one *cohort*: the same filters match them, they are of one class,
//! made on one day, and on the same side of 128 KB. A cohort keeps the exact sums of its objects, so
//! grouping changes no figure, and millions of objects are a few thousand cohorts. What happens to
//! one is asked of [`crate::LifecyclePolicy::next`], the function that a run obeys, about one object
//! of it.

mod access;
#[cfg(feature = "chart")]
mod chart;
mod dry_run;
mod life;
mod population;
mod simulation;
mod suggest;
mod timeline;

pub use access::{AccessModel, AccessProfile};
pub use dry_run::{DryRun, DryRunLine};
pub use life::{Arrival, Assumptions};
pub use population::Population;
pub use simulation::{Change, Comparison, DayFigures, Held, Simulation};
pub use suggest::{Suggestion, SuggestionLimits};

#[cfg(test)]
mod tests;
