//! Cistern's durable local backend: one log with group commit.

#[allow(dead_code, unused_imports, reason = "the engine that calls it is not here yet")]
mod blob_file;
pub mod device;
#[allow(dead_code, reason = "the engine that calls it is not here yet")]
mod sum;
pub mod threads;
