//! `KeyService`: who makes and opens data keys.

use super::KmsError;
use crate::{context::EncryptionContext, secret::Key256};
use std::fmt;
use zeroize::Zeroizing;

/// Makes data keys, encrypts and decrypts small secrets, under keys that never leave it.
///
/// Contract. A key is named by its id, its ARN, or an alias (`alias/name`, or the alias's ARN); answers name
/// it by its ARN. A ciphertext opens with exactly the context it was made with. What cannot be decided
/// about permission is denied. A call may take as long as a network does; no lock of the store is held.
pub trait KeyService: fmt::Debug + Send + Sync + 'static {
    /// Makes a key of 256 bits: in the clear, and encrypted under `key`.
    ///
    /// # Errors
    /// By KMS's names.
    fn generate_data_key(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<DataKey, KmsError>;

    /// Encrypts at most 4096 bytes.
    ///
    /// # Errors
    /// By KMS's names.
    fn encrypt(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Encrypted, KmsError>;

    /// Decrypts what this service encrypted; `key` says under which key it must have been.
    ///
    /// # Errors
    /// By KMS's names.
    fn decrypt(
        &self,
        call: &KmsCall<'_>,
        key: Option<&str>,
        context: &EncryptionContext,
        ciphertext: &[u8],
    ) -> Result<Decrypted, KmsError>;

    /// A number that changes whenever a key's state or policy does: whatever was cached of the key is
    /// forgotten then.
    fn generation(&self) -> u64;
}

/// On whose behalf a call is made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KmsCall<'a> {
    /// The ARN of who asks.
    pub principal: &'a str,
    /// The service that asks for it: `s3`.
    pub via: Option<&'a str>,
    /// Tokens of grants that are to count already.
    pub grant_tokens: &'a [String],
    /// Where the call came from, for the audit.
    pub source_ip: &'a str,
    /// With what it was made, for the audit.
    pub user_agent: &'a str,
}

impl<'a> KmsCall<'a> {
    /// A call by `principal` itself.
    #[must_use]
    pub fn by(principal: &'a str) -> Self {
        let (via, grant_tokens): (_, &[String]) = (None, &[]);
        Self { principal, via, grant_tokens, source_ip: "127.0.0.1", user_agent: "cistern" }
    }

    /// The same, made by the service `via` for it.
    #[must_use]
    pub fn via(mut self, via: &'a str) -> Self {
        self.via = Some(via);
        self
    }

    /// The same, with tokens of grants.
    #[must_use]
    pub fn grant_tokens(mut self, tokens: &'a [String]) -> Self {
        self.grant_tokens = tokens;
        self
    }
}

/// A fresh key, and its encrypted form.
#[derive(Debug)]
pub struct DataKey {
    /// The key.
    pub plaintext: Key256,
    /// What [`KeyService::decrypt`] makes it from again.
    pub ciphertext: Vec<u8>,
    /// The ARN of the key it is encrypted under.
    pub key_arn: String,
    /// Which material of that key.
    pub material: String,
}

/// A ciphertext, and under what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
    /// The ARN of the key.
    pub key_arn: String,
    /// Which material of that key.
    pub material: String,
}

/// A plaintext, and under what it was.
pub struct Decrypted {
    /// The plaintext; wiped when it is dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The ARN of the key.
    pub key_arn: String,
    /// Which material of that key.
    pub material: String,
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decrypted({} bytes, {})", self.plaintext.len(), self.key_arn)
    }
}
