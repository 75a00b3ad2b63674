//! Cistern's durable local backend: one log with group commit.

mod backend;
mod blob_file;
pub mod device;
mod engine;
mod format;
#[allow(dead_code, reason = "some of it is for verification")]
mod index;
mod log;
mod segment;
mod settings;
mod sum;
pub mod threads;
pub mod verify;

pub use backend::DiskBackend;
pub use settings::{Background, DiskSettings};
