//! The in-memory backend holds every promise that its capabilities call for.

use cistern_conformance::{backend::Fixture, backend_suite};
use cistern_storage_core::MemoryBackend;
use std::sync::Arc;

backend_suite!(|| Fixture::new(Arc::new(MemoryBackend::new())));
