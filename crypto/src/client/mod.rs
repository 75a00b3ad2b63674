//! Client-side encryption in the formats of the S3 Encryption Client: the store sees ciphertext and metadata.
//!
//! Functions over bytes and maps of metadata; putting them into objects is the caller's.
//!
//! | format | key | body | here |
//! |---|---|---|---|
//! | 3 | with key commitment | AES-256-GCM under a derived key | written by default, read |
//! | 2 | | AES-256-GCM | written where the policy asks for it, read |
//! | 2 and 1 | `kms`, `AESWrap` | AES-256-CBC | read where legacy ways are on |
//!
//! ```
//! use cistern_crypto::{EncryptionContext, Key256, client::{ClientEncryption, RawAesKeyring}};
//! use cistern_storage_core::port::OsEntropy;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), cistern_crypto::client::ClientError> {
//! let keyring = RawAesKeyring::new(Key256::generate(&OsEntropy));
//! let client = ClientEncryption::new(Arc::new(keyring));
//! let context = EncryptionContext::new();
//! let sealed = client.encrypt(&context, b"hello, cistern")?;
//! assert_eq!(sealed.metadata["x-amz-c"], "115");
//! let plain = client.open(&context, &sealed.metadata, None)?.decrypt(&sealed.body)?;
//! assert_eq!(plain, b"hello, cistern");
//! # Ok(())
//! # }
//! ```

mod body;
mod error;
mod format;
mod gcm;
mod keyring;
mod legacy;

use crate::{
    context::EncryptionContext,
    derive::{expand_sha512, hmac_sha512},
    secret::Key256,
};
use cistern_storage_core::port::{Entropy, OsEntropy};
use format::{Content, Header, SUITE_PAIR};
use gcm::GcmStream;
use std::{fmt, ops::Range, sync::Arc};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use body::{BodyDecryptor, BodyEncryptor, Release, range_to_fetch};
pub use error::ClientError;
pub use format::MetadataMap;
pub use keyring::{Keyring, KmsKeyring, RawAesKeyring, WrapAlgorithm};

/// How a body is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suite {
    /// AES-256-CBC: read alone.
    Cbc,
    /// AES-256-GCM.
    Gcm,
    /// AES-256-GCM with key commitment.
    GcmCommitting,
}

impl Suite {
    /// What wrapped keys and contexts are bound to.
    #[must_use]
    pub fn wrapping_name(self) -> &'static str {
        match self {
            Self::Cbc => "AES/CBC/PKCS5Padding",
            Self::Gcm => "AES/GCM/NoPadding",
            Self::GcmCommitting => "115",
        }
    }
}

/// Which formats are written and read.
///
/// Law: S3 Encryption Client, policies on key commitment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitmentPolicy {
    /// Writes format 2, reads all.
    ForbidEncryptAllowDecrypt,
    /// Writes format 3, reads all.
    RequireEncryptAllowDecrypt,
    /// Writes format 3 and reads nothing else.
    #[default]
    RequireEncryptRequireDecrypt,
}

/// Whether ways are open that newer clients have given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legacy {
    /// They are not.
    #[default]
    Off,
    /// CBC, `kms`, `AESWrap` and ranges that nobody authenticates are read.
    Read,
}

/// Encrypts and decrypts bodies under a keyring.
#[derive(Clone)]
pub struct ClientEncryption {
    keyring: Arc<dyn Keyring>,
    entropy: Arc<dyn Entropy>,
    policy: CommitmentPolicy,
    legacy: Legacy,
}

/// A body as it goes into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedBody {
    /// The object's bytes.
    pub body: Vec<u8>,
    /// What goes into its metadata.
    pub metadata: MetadataMap,
}

/// Where what belongs to the key goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelopes {
    /// All of it, for the object's metadata.
    pub metadata: MetadataMap,
    /// What stays in the object's metadata when there is an instruction file.
    pub beside_instruction: MetadataMap,
    /// The instruction file: JSON, for the object `<key>.instruction`.
    pub instruction: String,
}

impl ClientEncryption {
    /// Encrypts under `keyring`, in format 3, and reads nothing else.
    #[must_use]
    pub fn new(keyring: Arc<dyn Keyring>) -> Self {
        Self {
            keyring,
            entropy: Arc::new(OsEntropy),
            policy: CommitmentPolicy::default(),
            legacy: Legacy::Off,
        }
    }

    /// Which formats are written and read.
    #[must_use]
    pub fn policy(mut self, policy: CommitmentPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Whether legacy ways are read.
    #[must_use]
    pub fn legacy(mut self, legacy: Legacy) -> Self {
        self.legacy = legacy;
        self
    }

    /// Where message ids and nonces come from. Default: the operating system.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Encrypts a whole body.
    ///
    /// # Errors
    /// When the keyring has no key.
    pub fn encrypt(
        &self,
        context: &EncryptionContext,
        plain: &[u8],
    ) -> Result<EncryptedBody, ClientError> {
        let (envelopes, mut stream) = self.begin(context, Some(plain.len() as u64))?;
        let mut body = stream.update(plain)?;
        body.extend_from_slice(&stream.finish());
        Ok(EncryptedBody { body, metadata: envelopes.metadata })
    }

    /// Begins a body that comes in pieces, in one stream over all parts of an upload. `plain_len` goes into
    /// the metadata of format 2 when it is known.
    ///
    /// # Errors
    /// When the keyring has no key.
    #[expect(clippy::missing_panics_doc, reason = "a map of texts is always JSON")]
    pub fn begin(
        &self,
        context: &EncryptionContext,
        plain_len: Option<u64>,
    ) -> Result<(Envelopes, BodyEncryptor), ClientError> {
        let suite = match self.policy {
            CommitmentPolicy::ForbidEncryptAllowDecrypt => Suite::Gcm,
            _ => Suite::GcmCommitting,
        };
        let algorithm = self.keyring.algorithm();
        let context = self.full_context(context, suite, algorithm)?;
        let (data_key, wrapped) = self.keyring.make(suite, &context)?;
        let (content, stream) = match suite {
            Suite::Gcm => {
                let mut iv = [0; 12];
                self.entropy.fill(&mut iv);
                (Content::Gcm { iv }, GcmStream::new(&data_key, &iv, b""))
            }
            _ => {
                let mut message_id = [0; 28];
                self.entropy.fill(&mut message_id);
                let (key, commitment) = committed(&data_key, &message_id);
                let stream = GcmStream::new(&key, &COMMITTING_IV, &COMMITTING_AAD);
                (Content::Committing { message_id, commitment }, stream)
            }
        };
        let header = Header { suite, algorithm, wrapped, context, content, plain_len };
        let (beside_instruction, key) = header.write();
        let instruction = serde_json::to_string(&key).expect("a map of texts is JSON");
        let mut metadata = beside_instruction.clone();
        metadata.extend(key);
        Ok((Envelopes { metadata, beside_instruction, instruction }, BodyEncryptor(stream)))
    }

    /// The context as it is stored: with the reserved pair where a key service sees it.
    ///
    /// Law: S3 Encryption Client, the pair `aws:x-amz-cek-alg` is not the caller's to set.
    fn full_context(
        &self,
        context: &EncryptionContext,
        suite: Suite,
        algorithm: WrapAlgorithm,
    ) -> Result<EncryptionContext, ClientError> {
        if context.get(SUITE_PAIR).is_some() {
            return Err(ClientError::ReservedContext { key: SUITE_PAIR });
        }
        let mut context = context.clone();
        if algorithm == WrapAlgorithm::KmsContext {
            context.insert(SUITE_PAIR, suite.wrapping_name())?;
        }
        Ok(context)
    }

    /// Opens the data key of an object, by its metadata and by its instruction file if it has one. A context
    /// that a key service saw must be `context`, which is found out before the service is asked.
    ///
    /// # Errors
    /// When the metadata is of no format, the policy does not allow it, or the key does not open.
    pub fn open(
        &self,
        context: &EncryptionContext,
        metadata: &MetadataMap,
        instruction: Option<&[u8]>,
    ) -> Result<OpenedContent, ClientError> {
        let header = Header::read(metadata, instruction)?;
        self.check_policy(&header)?;
        if header.algorithm.has_context() && header.callers_context()? != *context {
            return Err(ClientError::Context);
        }
        let named = header.context.get(SUITE_PAIR);
        if header.algorithm == WrapAlgorithm::KmsContext
            && named != Some(header.suite.wrapping_name())
        {
            return Err(ClientError::Context);
        }
        let data_key =
            self.keyring.open(header.algorithm, header.suite, &header.context, &header.wrapped)?;
        let content = header.content;
        let key = match &content {
            Content::Committing { message_id, commitment } => {
                let (key, found) = committed(&data_key, message_id);
                let fits: bool = found.ct_eq(commitment).into();
                fits.then_some(key).ok_or(ClientError::Commitment)?
            }
            _ => data_key,
        };
        Ok(OpenedContent { content, key, legacy: self.legacy })
    }

    fn check_policy(&self, header: &Header) -> Result<(), ClientError> {
        let committing = header.suite == Suite::GcmCommitting;
        if self.policy == CommitmentPolicy::RequireEncryptRequireDecrypt && !committing {
            return Err(ClientError::Policy { what: "reading an object without key commitment" });
        }
        if self.legacy == Legacy::Read {
            return Ok(());
        }
        if header.suite == Suite::Cbc {
            return Err(ClientError::Legacy { what: "AES-CBC" });
        }
        if header.algorithm.is_legacy() {
            return Err(ClientError::Legacy { what: header.algorithm.name() });
        }
        Ok(())
    }
}

/// A body whose key is open.
pub struct OpenedContent {
    content: Content,
    key: Key256,
    legacy: Legacy,
}

impl OpenedContent {
    /// Decrypts a whole body.
    ///
    /// # Errors
    /// [`ClientError::Unauthentic`] when it is not what was encrypted.
    pub fn decrypt(&self, body: &[u8]) -> Result<Vec<u8>, ClientError> {
        if let Content::Cbc { iv } = &self.content {
            return Ok(std::mem::take(&mut *legacy::cbc_open(&self.key, iv, body)?));
        }
        let mut stream = self.stream(Release::Authentic { bytes_max: body.len() })?;
        stream.update(body)?;
        stream.finish()
    }

    /// Begins to decrypt a body that comes in pieces.
    ///
    /// # Errors
    /// [`ClientError::Legacy`] for AES-CBC, which is decrypted whole.
    pub fn stream(&self, release: Release) -> Result<BodyDecryptor, ClientError> {
        let stream = match &self.content {
            Content::Gcm { iv } => GcmStream::new(&self.key, iv, b""),
            Content::Committing { .. } => {
                GcmStream::new(&self.key, &COMMITTING_IV, &COMMITTING_AAD)
            }
            Content::Cbc { .. } => return Err(ClientError::Legacy { what: "AES-CBC in pieces" }),
        };
        Ok(BodyDecryptor::new(stream, release))
    }

    /// Decrypts the plain `range` of an object of `sealed_len` bytes, given what [`range_to_fetch`] names.
    /// Nothing authenticates it; so it is open only where legacy ways are.
    ///
    /// # Errors
    /// [`ClientError::Legacy`] where they are not, and for AES-CBC; [`ClientError::Range`] outside the body.
    pub fn decrypt_range(
        &self,
        range: &Range<u64>,
        sealed_len: u64,
        fetched: &[u8],
    ) -> Result<Vec<u8>, ClientError> {
        if self.legacy == Legacy::Off {
            return Err(ClientError::Legacy { what: "a range without authentication" });
        }
        let nonce = match &self.content {
            Content::Gcm { iv } => iv,
            Content::Committing { .. } => &COMMITTING_IV,
            Content::Cbc { .. } => return Err(ClientError::Legacy { what: "a range of AES-CBC" }),
        };
        body::open_range(&self.key, nonce, range, sealed_len, fetched)
    }
}

/// The suite's id in two bytes: what its content is bound to.
const COMMITTING_AAD: [u8; 2] = [0x00, 0x73];
/// Every content key of format 3 encrypts one message.
const COMMITTING_IV: [u8; 12] = [1; 12];

/// The content key of format 3, and the commitment to it.
///
/// Law: S3 Encryption Client, keys of format 3 come from HKDF-SHA512 salted with the message id.
fn committed(data_key: &Key256, message_id: &[u8; 28]) -> (Key256, [u8; 28]) {
    let prk = Zeroizing::new(hmac_sha512(message_id, &[data_key.expose()]));
    let (mut key, mut commitment) = (Key256::zero(), [0; 28]);
    expand_sha512(&prk[..], &[&COMMITTING_AAD, b"DERIVEKEY"], key.expose_mut());
    expand_sha512(&prk[..], &[&COMMITTING_AAD, b"COMMITKEY"], &mut commitment);
    (key, commitment)
}

impl fmt::Debug for ClientEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientEncryption({:?}, {:?})", self.keyring, self.policy)
    }
}

impl fmt::Debug for OpenedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedContent(..)")
    }
}

/// True when `file` is an instruction file beside the metadata of format 3, or alone.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz_instruction(file: &[u8]) -> bool {
    let committing = [("x-amz-c", "115".to_owned())]
        .into_iter()
        .chain(["x-amz-d", "x-amz-i"].map(|name| (name, "A".repeat(37) + "A==")))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    [MetadataMap::new(), committing].iter().any(|map| Header::read(map, Some(file)).is_ok())
}

#[cfg(test)]
mod tests;
