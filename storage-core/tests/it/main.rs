//! What a store of buckets does, seen from outside.

mod changes;
mod events;
mod multipart;
mod objects;
