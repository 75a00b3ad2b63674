//! What every Cistern backend must do, as tests that anybody can run.
//!
//! The contracts of [`cistern_storage_core::port`] are sentences; here each sentence is a *promise*
//! with a name and a check. A backend that holds them all can carry a store.
//!
//! It is not a benchmark, and it does not look inside: it calls the socket, and judges the answers.
//!
//! ```
//! use cistern_conformance::{ReferenceBackend, backend::{Fixture, run}};
//! use std::sync::Arc;
//!
//! let report = run(|| Fixture::new(Arc::new(ReferenceBackend::in_memory())));
//! assert!(report.is_whole(), "{report}");
//! ```
//!
//! In a test file, [`backend_suite!`] makes one `#[test]` a promise, so that the one which is broken
//! is named:
//!
//! ```
//! use cistern_conformance::{ReferenceBackend, backend::Fixture, backend_suite};
//! use std::sync::Arc;
//!
//! fn fixture() -> Fixture {
//!     let backend = Arc::new(ReferenceBackend::durable());
//!     let medium = backend.medium();
//!     Fixture::new(backend)
//!         .reopened_by(move || Arc::new(ReferenceBackend::open(medium.clone())))
//! }
//!
//! backend_suite!(fixture);
//! # fn main() {}
//! ```
//!
//! Which promises a backend is asked for follows from its
//! [`Capabilities`](cistern_storage_core::port::Capabilities). One that declares `reopens` must be
//! given a way to reopen; a promise is never passed over for want of it.
//!
//! [`ReferenceBackend`] is the plainest backend that holds every promise: read it before you write
//! your own.

pub mod backend;
mod crc64;
mod dice;
pub mod linearizable;
pub mod model;
pub mod reference_backend;

pub use crc64::crc64_nvme;
pub use reference_backend::ReferenceBackend;
