//! AES-256-GCM in pure Rust, from the `RustCrypto` project.

use super::{Aead, NONCE_BYTES, Provider, TAG_BYTES, Unauthentic};
use crate::secret::Key256;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, aead::inout::InOutBuf};
use std::fmt;

/// The default provider: no C compiler, and wiped on drop.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl Provider for RustCrypto {
    fn name(&self) -> &'static str {
        "RustCrypto"
    }

    fn aes_256_gcm(&self, key: &Key256) -> Box<dyn Aead> {
        Box::new(Gcm(Aes256Gcm::new(key.expose().into())))
    }
}

struct Gcm(Aes256Gcm);

impl Aead for Gcm {
    fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        let buffer = InOutBuf::new(plain, sealed).expect("both buffers have one length");
        let tag = self.0.encrypt_inout_detached(nonce.into(), aad, buffer);
        tag.expect("a message is far below 64 GiB").into()
    }

    fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
        tag: &[u8; TAG_BYTES],
        plain: &mut [u8],
    ) -> Result<(), Unauthentic> {
        let buffer = InOutBuf::new(sealed, plain).expect("both buffers have one length");
        // It compares the tag before it decrypts, so that a failure leaves `plain` as it was.
        let opened = self.0.decrypt_inout_detached(nonce.into(), aad, buffer, tag.into());
        opened.map_err(|_| Unauthentic)
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm(..)")
    }
}
