//! Lifecycle: what becomes of objects with time, decided by pure functions and done by a runner.
//!
//! ```
//! use cistern_lifecycle::{Action, Days, LifecyclePolicy, Rule, StorageClass, VersionFacts};
//! use cistern_storage_core::Timestamp;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = LifecyclePolicy::new([
//!     Rule::prefix("logs/").transition(Days(30), StorageClass::StandardIa).expire(Days(365)),
//! ])?;
//!
//! let made = Timestamp::parse_iso8601("2026-01-01T12:00:00Z").ok_or("no moment")?;
//! let facts = VersionFacts::new("logs/today", 1 << 20, made);
//! let now = Timestamp::parse_iso8601("2026-02-01T00:00:00Z").ok_or("no moment")?;
//!
//! let decision = policy.evaluate(&facts, now).ok_or("nothing is due")?;
//! assert_eq!(decision.action, Action::Transition(StorageClass::StandardIa));
//! println!("{}", policy.explain(&facts, now));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is, and what it is not
//!
//! It is S3's rules: lifecycle policies as the AWS CLI reads and writes them, with S3's refusals, restores of
//! archived objects, the tiers of intelligent tiering, prices and bills, and plans that compare
//! policies over years.
//!
//! [`Lifecycle`] runs the policies of a store's buckets. It is no service: it starts no thread, and runs
//! when it is called. Nothing else here reads a bucket, changes one or asks for the time.
//!
//! # The one design decision
//!
//! *A policy is data, a decision is a function.* `evaluate(policy, facts, now)` does no I/O, so that a
//! test of a year takes no year, a dry run is the same code as the run, and a plan for ten years asks
//! the same function as tonight's sweep.
//!
//! # Caveats
//!
//! - A version gets one action a run; two that are due together take two runs.
//! - Objects of `INTELLIGENT_TIERING` are run as if they lay in the frequent tier: nobody writes down
//!   when an object was last read. The tiers are here for plans, and for who keeps that.
//! - A run holds the versions of one key in memory.
//! - Results depend on how often a policy is run only where S3's do: a run that is late takes an
//!   object to the last class at once, and stamps delete markers with the day of the run.

pub mod action;
pub mod analysis;
pub mod calendar;
pub mod cost;
mod document;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod facts;
pub mod filter;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod header;
pub mod inventory;
pub mod plan;
pub mod policy;
pub mod restore;
pub mod rule;
pub mod run;
pub mod tiering;
pub mod waterfall;

pub use action::{Expiration, NoncurrentExpiration, NoncurrentTransition, Transition, When};
pub use analysis::{AgeBucket, StorageClassAnalysis};
pub use calendar::Month;
pub use cistern_storage_core::{Days, StorageClass, Timestamp};
pub use cost::{Bill, Billable, Charge, PriceTable, Usage, Usd};
pub use error::{Error, Result};
pub use evaluate::{Action, Decision, Obstacle, delete_marker_time};
pub use explain::{Explanation, Offered, RuleExplanation, RuleVerdict};
pub use facts::{Content, Place, Replication, VersionFacts};
pub use filter::{Filter, Mismatch};
pub use header::ExpirationHeader;
pub use inventory::{
    IncludedVersions, InventoryConfiguration, InventoryField, InventoryRecord, InventoryWriter,
};
pub use policy::LifecyclePolicy;
pub use restore::{
    Archive, Archived, Restore, RestoreAnswer, RestoreRequest, RestoreState, RestoreTier,
    RestoreTimes,
};
pub use rule::{Rule, Status};
pub use run::{BucketReport, Lifecycle, RunError, RunReport};
pub use tiering::{Access, AccessTier, ArchiveTiers, TierClocks, TieringConfiguration};
pub use waterfall::TransitionMinimumSize;
