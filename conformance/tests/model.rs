//! A store in memory is what the model says.

use cistern_conformance::{ReferenceBackend, backend::Fixture, model};
use cistern_storage_core::MemoryBackend;
use std::sync::Arc;

#[test]
fn a_store_in_memory_behaves_like_the_model() {
    model::run(|| Fixture::new(Arc::new(MemoryBackend::new())), 256);
}

#[test]
fn a_store_that_is_reopened_and_loses_power_behaves_like_the_model() {
    let fixture = || {
        let backend = ReferenceBackend::durable();
        let (medium, failing) = (backend.medium(), backend.medium());
        Fixture::new(Arc::new(backend))
            .reopened_by(move || Arc::new(ReferenceBackend::open(medium.clone())))
            .power_cut_by(move || {
                failing.cut_power();
                Arc::new(ReferenceBackend::open(failing.clone()))
            })
    };
    model::run(fixture, 64);
}
