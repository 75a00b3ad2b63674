//! What a store of buckets does, seen from outside.

mod changes;
mod multipart;
mod objects;
