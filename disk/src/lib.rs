//! Cistern's durable local backend: one log with group commit.

pub mod device;
pub mod threads;
