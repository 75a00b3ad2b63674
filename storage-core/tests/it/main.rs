//! What a store of buckets does, seen from outside.

mod multipart;
mod objects;
