//! The reference backend holds every promise, also those about reopening and power.

use cistern_conformance::{ReferenceBackend, backend::Fixture, backend_suite};
use std::sync::Arc;

fn fixture() -> Fixture {
    let backend = ReferenceBackend::durable();
    let (medium, failing) = (backend.medium(), backend.medium());
    Fixture::new(Arc::new(backend))
        .reopened_by(move || Arc::new(ReferenceBackend::open(medium.clone())))
        .power_cut_by(move || {
            failing.cut_power();
            Arc::new(ReferenceBackend::open(failing.clone()))
        })
}

backend_suite!(fixture);
