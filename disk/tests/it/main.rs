//! What a store on disk promises, one file a promise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod blobs;
mod commits;
mod kit;
mod maintenance;
mod model;
mod process;
mod recovery;
mod speed;
