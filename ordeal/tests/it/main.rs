//! The outer ring: writers that are killed, and writers whose system calls fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "these tests are about the world: processes, pipes, time"
)]

mod faults;
mod kill;
mod kit;
