//! The public behaviour, by S3's worked examples.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod conflicts;
mod dates;
mod documents;
mod explanations;
mod validation;
mod versions;
mod world;
