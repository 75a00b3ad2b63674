//! Space: what is counted is what is there, and nothing is left over.

use crate::world::Violation;
use cistern_disk::{
    DiskBackend, Severity,
    device::{Device, MemoryDevice},
    verify::verify_on,
};
use cistern_storage_core::port::Backend;
use std::sync::Arc;

/// Reads everything on `medium`, without a change: owners, places and counts of live bytes agree.
///
/// # Errors
/// What does not.
pub fn check_medium(medium: &MemoryDevice) -> Result<(), Violation> {
    let device: Arc<dyn Device> = Arc::new(medium.clone());
    let findings = verify_on(&device).map_err(|error| format!("it is not verified: {error}"))?;
    match findings.iter().find(|finding| finding.severity == Severity::Damage) {
        None => Ok(()),
        Some(finding) => Err(format!("verification finds {finding}")),
    }
}

/// Once everything is removed and background work is done, no body takes space.
///
/// # Errors
/// What does.
pub fn check_nothing_is_left(
    backend: &DiskBackend,
    medium: &MemoryDevice,
) -> Result<(), Violation> {
    let live = backend.stats().live_bytes;
    if live != 0 {
        return Err(format!("{live} bytes are live though everything was removed"));
    }
    let files = medium.list("blobs").map_err(|error| error.to_string())?;
    match files.first() {
        None => Ok(()),
        Some(file) => Err(format!("the file {} is left though nobody owns it", file.name)),
    }
}
