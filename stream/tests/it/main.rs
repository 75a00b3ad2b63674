//! Streams over a store: Kinesis's worked examples, and what they promise beyond.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test does not expect ends it, in its helpers too"
)]

mod durability;
mod fan_out;
mod groups;
mod iterators;
mod limits;
mod lineage;
mod model;
mod producers;
mod puts;
mod resharding;
mod retention;
mod scaling;
mod sealing;
mod world;
