//! Cistern's durable local backend: one log with group commit.

pub mod device;
#[allow(dead_code, reason = "the engine calls it")]
mod index;
pub mod threads;
pub mod verify;
