//! The outer ring of the proof: a real process on a real file system, and what becomes of it.
//!
//! - [`plan`]: what a writer's thread does, step by step, all of it told by a seed; and what the
//!   store then holds.
//! - [`ledger`]: what a writer told before it ended, line by line.
//! - [`writer`]: does the steps, and tells each that was acknowledged.
//! - [`judge`]: opens the store again and compares it with the ledger.
//!
//! A writer tells through a pipe, and what a pipe took stays when the writer is killed. Each thread
//! has keys of its own and does one step after the other, so that the steps which a ledger does not
//! tell are at most one a thread: the store holds that one whole, or not at all.
//!
//! The same writer serves the tests (killed with SIGKILL, system calls made to fail) and the
//! scripts in `scripts/power-cut`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program about the world: processes, pipes, time"
)]

pub mod judge;
pub mod ledger;
pub mod plan;
pub mod writer;
