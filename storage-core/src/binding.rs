//! What the envelope of a sealed body is bound to.

use crate::content::Owner;
use sha2::{Digest, Sha256};

/// A digest of all that a sealed body belongs to: the bucket (by its id, which is never used
/// again), the key, the version, the place among the body's extents, the length. An envelope moved
/// anywhere else does not open.
pub(crate) fn binding(owner: &Owner, ordinal: u32, plain_len: u64) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(b"cistern/binding/v1");
    digest.update(owner.bucket_id.to_be_bytes());
    for text in [owner.key.as_str(), &owner.version.to_string()] {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    digest.update(ordinal.to_be_bytes());
    digest.update(plain_len.to_be_bytes());
    digest.finalize().into()
}
