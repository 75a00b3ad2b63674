//! Verification: what is wrong with a store, as data.

use crate::{
    device::{Device, RealDevice},
    engine::{self, OpenAs, identity},
    index::check,
    settings::DiskSettings,
};
use cistern_storage_core::port::BackendError;
use std::{fmt, path::Path, sync::Arc};

/// Reads everything in the store in the folder `path` and tells what is not as it was written: its
/// identity, manifests, runs, the frames of its log, the files of its bodies; and whether owners,
/// places and counts of live bytes agree. Never writes. Nobody may have the store open for writing.
///
/// Cost: reads every byte that is kept, with bounded memory but for 16 bytes a packed body.
///
/// # Errors
/// [`BackendError::Foreign`] when there is no store; [`BackendError::Io`] when the system refuses.
/// Damage is not an error here: it is what was asked for.
pub fn verify(path: impl AsRef<Path>) -> Result<Vec<Finding>, BackendError> {
    let device: Arc<dyn Device> = Arc::new(RealDevice::new(path.as_ref()));
    verify_on(&device)
}

/// As [`verify`], on a device of the caller's.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(device: &Arc<dyn Device>) -> Result<Vec<Finding>, BackendError> {
    let mut findings = Vec::new();
    let mut report = |finding| {
        // What was found on the way to opening is found again behind it.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    };
    let known = identity::read(&**device).and_then(|store| {
        let detail = "there is no store".into();
        store.ok_or_else(|| BackendError::Foreign { place: device.place(), detail })
    });
    if let Err(BackendError::Damaged { .. }) = known {
        check::report_damage(known.map(drop), identity::FILE, &mut report)?;
        return Ok(findings);
    }
    known?;
    check::base(&**device, &mut report)?;
    let settings = DiskSettings::new().block_cache_bytes(CACHE_BYTES);
    let outcome = engine::open(device, &settings, OpenAs::Reader)
        .and_then(|engine| engine.verify(&mut report));
    check::report_damage(outcome, "the store", &mut report)?;
    Ok(findings)
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file, by its name within the store.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What was expected and found.
    pub detail: String,
    /// Whether it matters.
    pub severity: Severity,
}

/// Whether a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// What a crash leaves behind and opening clears away.
    Note,
    /// Something is lost or wrong.
    Damage,
}

impl Finding {
    /// Damage in `file` at `offset`.
    #[must_use]
    pub fn new(file: impl Into<String>, offset: u64, detail: impl Into<String>) -> Self {
        let severity = Severity::Damage;
        Self { file: file.into(), offset, detail: detail.into(), severity }
    }

    /// Something harmless in `file` at `offset`.
    #[must_use]
    pub fn note(file: impl Into<String>, offset: u64, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::new(file, offset, detail) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file, self.offset, self.detail)
    }
}

/// Every block is read once, so that there is little use in keeping them.
const CACHE_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests;
