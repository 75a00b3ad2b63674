//! AES-256-GCM from AWS-LC: four times as fast, and in need of a C compiler.

use super::{Aead, NONCE_BYTES, Provider, TAG_BYTES, Unauthentic};
use crate::secret::Key256;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::fmt;
use zeroize::Zeroize as _;

/// AWS-LC through `aws-lc-rs`. It wipes its keys when they are freed.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

impl Provider for AwsLc {
    fn name(&self) -> &'static str {
        "AWS-LC"
    }

    fn aes_256_gcm(&self, key: &Key256) -> Box<dyn Aead> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of 256 bits fits");
        Box::new(Gcm(LessSafeKey::new(key)))
    }
}

struct Gcm(LessSafeKey);

impl Aead for Gcm {
    fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        assert_eq!(plain.len(), sealed.len(), "both buffers have one length");
        let mut tag = [0; TAG_BYTES];
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let done =
            self.0.seal_out_of_place_scatter(nonce, Aad::from(aad), plain, sealed, &[], &mut tag);
        done.expect("a message is far below 64 GiB");
        tag
    }

    fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
        tag: &[u8; TAG_BYTES],
        plain: &mut [u8],
    ) -> Result<(), Unauthentic> {
        assert_eq!(plain.len(), sealed.len(), "both buffers have one length");
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_separate_gather(nonce, Aad::from(aad), sealed, tag, plain);
        opened.map_err(|_| {
            plain.zeroize();
            Unauthentic
        })
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm(..)")
    }
}
