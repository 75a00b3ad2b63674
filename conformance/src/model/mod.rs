//! The plainest S3 that could work, and a harness that holds a real store to it.
//!
//! The model keeps buckets, keys and versions in maps and vectors, and follows the rules of S3 the
//! long way round: a list looks at every key, numbers are counted when they are asked for. Calls made
//! by chance go to it and to a [`Store`](cistern_storage_core::Store) over any backend; after each,
//! the two must have given the same answer and must hold the same versions. Where they differ, the
//! calls are made fewer until no fewer show it.
//!
//! ```
//! use cistern_conformance::{ReferenceBackend, backend::Fixture, model};
//! use std::sync::Arc;
//!
//! model::run(|| Fixture::new(Arc::new(ReferenceBackend::in_memory())), 4);
//! ```

mod answer;
mod harness;
mod listing;
mod objects;
mod op;
mod real;
mod rules;
mod twin;
mod uploads;

pub use harness::run;
pub use twin::{Call, Differs, Expected, Heard, Held, Model};

use objects::Objects;

#[cfg(test)]
mod tests;
