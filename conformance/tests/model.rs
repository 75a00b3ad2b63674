//! A store in memory is what the model says.

use cistern_conformance::{ReferenceBackend, backend::Fixture, model};
use cistern_storage_core::MemoryBackend;
use std::sync::Arc;

#[test]
fn a_store_in_memory_behaves_like_the_model() {
    model::run(|| Fixture::new(Arc::new(MemoryBackend::new())), 256);
}

#[test]
fn a_store_that_is_opened_again_behaves_like_the_model() {
    let fixture = || {
        let backend = ReferenceBackend::durable();
        let medium = backend.medium();
        Fixture::new(Arc::new(backend))
            .reopened_by(move || Arc::new(ReferenceBackend::open(medium.clone())))
    };
    model::run(fixture, 64);
}
