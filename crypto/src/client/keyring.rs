//! Keyrings: who wraps the data keys of client-side bodies.

use super::{ClientError, Suite};
use crate::{
    context::EncryptionContext,
    kms::{KeyService, KmsCall},
    provider::{Provider as _, RustCrypto, TAG_BYTES},
    secret::Key256,
};
use cistern_storage_core::port::{Entropy, OsEntropy};
use std::{fmt, sync::Arc};

/// The ways of wrapping, by the names of the formats.
///
/// Law: S3 Encryption Client, names of wrapping algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrapAlgorithm {
    /// `AES/GCM`, in format 3 `02`.
    AesGcm,
    /// `kms+context`, in format 3 `12`.
    KmsContext,
    /// `RSA-OAEP-SHA1`, in format 3 `22`.
    RsaOaepSha1,
    /// `kms`: opened alone.
    LegacyKms,
    /// `AESWrap`: opened alone.
    LegacyAesWrap,
}

/// Each with its name and its number in format 3.
const NAMES: [(WrapAlgorithm, &str, Option<&str>); 5] = [
    (WrapAlgorithm::AesGcm, "AES/GCM", Some("02")),
    (WrapAlgorithm::KmsContext, "kms+context", Some("12")),
    (WrapAlgorithm::RsaOaepSha1, "RSA-OAEP-SHA1", Some("22")),
    (WrapAlgorithm::LegacyKms, "kms", None),
    (WrapAlgorithm::LegacyAesWrap, "AESWrap", None),
];

impl WrapAlgorithm {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|known| known.1 == name).map(|known| known.0)
    }

    pub(super) fn of_code(code: &str) -> Option<Self> {
        NAMES.iter().find(|known| known.2 == Some(code)).map(|known| known.0)
    }

    /// Its name in formats 1 and 2.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "every way is in the table")]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|known| known.0 == self).expect("every way has a name").1
    }

    pub(super) fn code(self) -> &'static str {
        let known = NAMES.iter().find(|known| known.0 == self).expect("every way has a name");
        known.2.expect("what is written has a number")
    }

    /// True of what is only opened, and only where it is asked for.
    #[must_use]
    pub fn is_legacy(self) -> bool {
        matches!(self, Self::LegacyKms | Self::LegacyAesWrap)
    }

    /// True when the context goes to a key service, and is stored.
    #[must_use]
    pub fn has_context(self) -> bool {
        matches!(self, Self::KmsContext | Self::LegacyKms)
    }
}

/// Wraps and unwraps data keys.
///
/// Contract. What was wrapped for one suite does not open for another. A data key leaves only wrapped.
pub trait Keyring: fmt::Debug + Send + Sync + 'static {
    /// How it wraps.
    fn algorithm(&self) -> WrapAlgorithm;

    /// Makes a data key and wraps it. `context` holds the reserved pair of the suite.
    ///
    /// # Errors
    /// When no key can be had.
    fn make(
        &self,
        suite: Suite,
        context: &EncryptionContext,
    ) -> Result<(Key256, Vec<u8>), ClientError>;

    /// Opens a wrapped data key.
    ///
    /// # Errors
    /// [`ClientError::Keyring`] when it does not open what was wrapped so.
    fn open(
        &self,
        algorithm: WrapAlgorithm,
        suite: Suite,
        context: &EncryptionContext,
        wrapped: &[u8],
    ) -> Result<Key256, ClientError>;
}

/// A key of the application's own: AES-GCM, and the older `AESWrap` to read.
pub struct RawAesKeyring {
    key: Key256,
    entropy: Arc<dyn Entropy>,
}

impl RawAesKeyring {
    /// Wraps under `key`.
    #[must_use]
    pub fn new(key: Key256) -> Self {
        Self { key, entropy: Arc::new(OsEntropy) }
    }

    /// Draws from there.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    pub(super) fn wrap(&self, suite: Suite, nonce: &[u8; 12], data_key: &Key256) -> Vec<u8> {
        let mut wrapped = nonce.to_vec();
        wrapped.resize(12 + 32, 0);
        let cipher = RustCrypto.aes_256_gcm(&self.key);
        let aad = suite.wrapping_name().as_bytes();
        let tag = cipher.seal(nonce, aad, data_key.expose(), &mut wrapped[12..]);
        wrapped.extend_from_slice(&tag);
        wrapped
    }
}

impl Keyring for RawAesKeyring {
    fn algorithm(&self) -> WrapAlgorithm {
        WrapAlgorithm::AesGcm
    }

    fn make(
        &self,
        suite: Suite,
        _context: &EncryptionContext,
    ) -> Result<(Key256, Vec<u8>), ClientError> {
        let data_key = Key256::generate(&*self.entropy);
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let wrapped = self.wrap(suite, &nonce, &data_key);
        Ok((data_key, wrapped))
    }

    fn open(
        &self,
        algorithm: WrapAlgorithm,
        suite: Suite,
        _context: &EncryptionContext,
        wrapped: &[u8],
    ) -> Result<Key256, ClientError> {
        match algorithm {
            WrapAlgorithm::AesGcm => {
                let (nonce, rest) = wrapped.split_first_chunk().ok_or(ClientError::Unauthentic)?;
                let (bytes, tag) =
                    rest.split_last_chunk::<TAG_BYTES>().ok_or(ClientError::Unauthentic)?;
                if bytes.len() != 32 {
                    return Err(ClientError::Unauthentic);
                }
                let mut data_key = Key256::zero();
                let cipher = RustCrypto.aes_256_gcm(&self.key);
                let aad = suite.wrapping_name().as_bytes();
                cipher.open(nonce, aad, bytes, tag, data_key.expose_mut())?;
                Ok(data_key)
            }
            WrapAlgorithm::LegacyAesWrap => super::legacy::aes_unwrap(&self.key, wrapped),
            other => Err(ClientError::Keyring { algorithm: other.name().into() }),
        }
    }
}

impl fmt::Debug for RawAesKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawAesKeyring(..)")
    }
}

/// A key of a key service.
pub struct KmsKeyring {
    service: Arc<dyn KeyService>,
    key: String,
    principal: String,
}

impl KmsKeyring {
    /// Wraps under `key` of `service`, asked as `principal`.
    #[must_use]
    pub fn new(
        service: Arc<dyn KeyService>,
        key: impl Into<String>,
        principal: impl Into<String>,
    ) -> Self {
        Self { service, key: key.into(), principal: principal.into() }
    }
}

impl Keyring for KmsKeyring {
    fn algorithm(&self) -> WrapAlgorithm {
        WrapAlgorithm::KmsContext
    }

    fn make(
        &self,
        _suite: Suite,
        context: &EncryptionContext,
    ) -> Result<(Key256, Vec<u8>), ClientError> {
        let call = KmsCall::by(&self.principal);
        let made = self.service.generate_data_key(&call, &self.key, context)?;
        Ok((made.plaintext, made.ciphertext))
    }

    fn open(
        &self,
        algorithm: WrapAlgorithm,
        _suite: Suite,
        context: &EncryptionContext,
        wrapped: &[u8],
    ) -> Result<Key256, ClientError> {
        if !algorithm.has_context() {
            return Err(ClientError::Keyring { algorithm: algorithm.name().into() });
        }
        let call = KmsCall::by(&self.principal);
        let plain = self.service.decrypt(&call, Some(&self.key), context, wrapped)?;
        Key256::from_slice(&plain.plaintext).ok_or(ClientError::Unauthentic)
    }
}

impl fmt::Debug for KmsKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsKeyring({})", self.key)
    }
}
