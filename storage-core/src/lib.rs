//! Buckets, objects and versions with S3's semantics, over pluggable backends.

pub mod action;
pub mod event;
pub mod port;
pub mod time;
