//! The peers, each as its own documentation recommends for the sync level of its row.

pub mod bare_log;
pub mod bare_map;
pub mod fjall;
pub mod local_files;
pub mod object_store;
#[cfg(feature = "opendal")]
pub mod opendal;
pub mod raft_engine;
pub mod redb;
