//! The public behaviour, by S3's worked examples.

mod conflicts;
mod dates;
mod documents;
mod explanations;
mod validation;
mod versions;
mod world;
