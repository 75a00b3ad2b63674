//! What a store of buckets does, seen from outside.

mod appends;
mod buckets;
mod conditions;
mod copies;
mod delete_many;
mod events;
mod gate;
mod kit;
mod limits;
mod listing;
mod object_lock;
mod multipart;
mod objects;
mod races;
mod renames;
mod sealing;
mod tags;
mod versions;
