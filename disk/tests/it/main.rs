//! What a store on disk promises, one file a promise.

mod blobs;
mod commits;
mod kit;
mod maintenance;
mod recovery;
mod speed;
