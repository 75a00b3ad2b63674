//! What a store of buckets does, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test does not expect ends it, in its helpers too"
)]

mod appends;
mod archives;
mod buckets;

mod changes;
mod check;
mod conditions;
mod copies;
mod delete_many;
mod events;
mod gate;
mod kit;
mod lifecycle;
mod limits;
mod listing;
mod multipart;
mod object_lock;
mod objects;
mod races;
mod renames;
mod sealing;
mod sinks;
mod tags;
mod versions;
