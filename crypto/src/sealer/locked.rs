//! `LockedSealer`: stands in for the sealer of a store that was opened without its keys.

use crate::envelope::{Envelope, KeyReference};
use bytes::Bytes;
use cistern_storage_core::port::{SealContext, SealError, Sealed, Sealer, Sealing};

/// Opens nothing and seals nothing, and names the key that it would take.
///
/// For a store that is known to be encrypted and was opened without its keys: what is not encrypted in
/// it (names, lists, tags) is there, no body is read, and none is written in the clear.
#[derive(Clone, Copy, Debug, Default)]
pub struct LockedSealer;

impl LockedSealer {
    /// A sealer without keys.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Sealer for LockedSealer {
    fn seal(&self, _: &SealContext<'_>) -> Result<Box<dyn Sealing>, SealError> {
        Err(missing("current store key".into()))
    }

    fn open(
        &self,
        _: &SealContext<'_>,
        envelope: &[u8],
        _: &[u8; 32],
        _: u64,
    ) -> Result<Box<dyn Sealed>, SealError> {
        Err(missing(key_of(envelope)?))
    }

    fn rebind(
        &self,
        _: &SealContext<'_>,
        envelope: &[u8],
        _: &[u8; 32],
        _: &[u8; 32],
    ) -> Result<Bytes, SealError> {
        Err(missing(key_of(envelope)?))
    }
}

fn missing(key: String) -> SealError {
    let reason = "the store is encrypted, and was opened without its keys".to_owned();
    SealError::NoKey { key, reason }
}

/// The outermost key of an envelope, by name.
fn key_of(envelope: &[u8]) -> Result<String, SealError> {
    let envelope = Envelope::decode(envelope).map_err(|_| SealError::Refused)?;
    let layer = envelope.layers.last().ok_or(SealError::Refused)?;
    Ok(match &layer.key {
        KeyReference::Ring(id) => id.to_string(),
        KeyReference::Kms(kms) => kms.arn.clone(),
        KeyReference::Customer { .. } => "customer key".into(),
    })
}
