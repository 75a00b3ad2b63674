//! Cistern's durable local backend: one log with group commit.

mod backend;
#[allow(dead_code, unused_imports, reason = "some of it is for verification")]
mod blob_file;
pub mod device;
mod engine;
mod format;
#[cfg(test)]
mod golden;
mod index;
mod log;
pub mod repair;
mod segment;
mod settings;
mod sum;
pub mod threads;
pub mod verify;

pub use backend::DiskBackend;
pub use repair::{Repaired, repair};
pub use settings::{Background, DiskSettings};
pub use verify::{Finding, Severity, verify};
