//! How a body is to be protected, and what a reader has to bring.

use crate::{
    context::EncryptionContext,
    derive::{expand_key, hmac_sha256},
    secret::Key256,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The four ways of encryption at rest.
///
/// Law: S3, modes of server-side encryption.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Protection {
    /// SSE-S3: under the store's own keys. No object is ever stored without at least this.
    #[default]
    S3,
    /// SSE-KMS: under a key of the key service.
    Kms(KmsProtection),
    /// DSSE-KMS: two layers, under a key of the key service and under the store's own. It never uses a
    /// bucket key.
    Dsse(KmsProtection),
    /// SSE-C: under a key that the caller brings and the store does not keep.
    Customer(CustomerKey),
}

impl Protection {
    /// What the header `x-amz-server-side-encryption` says of it; nothing for SSE-C.
    #[must_use]
    pub fn header(&self) -> Option<&'static str> {
        match self {
            Self::S3 => Some("AES256"),
            Self::Kms(_) => Some("aws:kms"),
            Self::Dsse(_) => Some("aws:kms:dsse"),
            Self::Customer(_) => None,
        }
    }
}

/// Under which key of the key service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KmsProtection {
    /// Id, ARN or alias; `None` is the account's own `aws/s3`.
    pub key: Option<String>,
    /// What the caller adds to the encryption context.
    pub context: EncryptionContext,
    /// Whether one call serves many objects.
    pub bucket_key: BucketKey,
}

impl KmsProtection {
    /// Under the key named so.
    #[must_use]
    pub fn with_key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// With these pairs in the encryption context, beside the ARN.
    #[must_use]
    pub fn context(mut self, context: EncryptionContext) -> Self {
        self.context = context;
        self
    }

    /// With a bucket key, or without.
    #[must_use]
    pub fn bucket_key(mut self, bucket_key: BucketKey) -> Self {
        self.bucket_key = bucket_key;
        self
    }
}

/// Whether objects share a data key for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BucketKey {
    /// Each object asks the key service.
    #[default]
    Off,
    /// One key per bucket, key and requester, for five minutes at most.
    On,
}

/// A key of the caller's own, for SSE-C.
pub struct CustomerKey(Key256);

/// What is wrong with the headers that bring a customer's key; S3's codes and words.
///
/// Law: S3, checks of customer-provided keys, in their order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomerKeyError {
    /// Together with another mode.
    #[error(
        "Server Side Encryption with Customer provided key is incompatible with the encryption \
         method specified"
    )]
    WithOtherMode,
    /// A key or its MD5 without the algorithm.
    #[error(
        "Requests specifying Server Side Encryption with Customer provided keys must provide a \
         valid encryption algorithm."
    )]
    NoAlgorithm,
    /// The algorithm without the key.
    #[error(
        "Requests specifying Server Side Encryption with Customer provided keys must provide an \
         appropriate secret key."
    )]
    NoKey,
    /// An algorithm other than `AES256`.
    #[error("The Encryption request you specified is not valid. Supported value: AES256.")]
    Algorithm,
    /// The MD5 is of other bytes.
    #[error("The calculated MD5 hash of the key did not match the hash that was provided.")]
    Digest,
    /// The key is not of 32 bytes.
    #[error("The secret key was invalid for the specified algorithm.")]
    Length,
}

impl CustomerKeyError {
    /// S3's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Algorithm => "InvalidEncryptionAlgorithmError",
            _ => "InvalidArgument",
        }
    }
}

impl CustomerKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(key: Key256) -> Self {
        Self(key)
    }

    /// Reads the three headers, and what `x-amz-server-side-encryption` says beside them; `None` when none
    /// of the three is there. The digest may be left out.
    ///
    /// # Errors
    /// By S3's order of checks.
    pub fn from_headers(
        other_mode: Option<&str>,
        algorithm: Option<&str>,
        key: Option<&str>,
        digest: Option<&str>,
    ) -> Result<Option<Self>, CustomerKeyError> {
        if algorithm.is_none() && key.is_none() && digest.is_none() {
            return Ok(None);
        }
        if other_mode.is_some() {
            return Err(CustomerKeyError::WithOtherMode);
        }
        let algorithm = algorithm.ok_or(CustomerKeyError::NoAlgorithm)?;
        let key = key.ok_or(CustomerKeyError::NoKey)?;
        if algorithm != "AES256" {
            return Err(CustomerKeyError::Algorithm);
        }
        // What is no base64 has no length either.
        let bytes = STANDARD.decode(key).map(Zeroizing::new).unwrap_or_default();
        if digest.is_some_and(|digest| !is_digest(digest, &Md5::digest(&bytes[..]))) {
            return Err(CustomerKeyError::Digest);
        }
        let key = Key256::from_slice(&bytes).ok_or(CustomerKeyError::Length)?;
        Ok(Some(Self(key)))
    }

    /// Base64 of the key's MD5, as answers echo it.
    #[must_use]
    pub fn digest(&self) -> String {
        STANDARD.encode(Md5::digest(self.0.expose()))
    }

    pub(crate) fn wrapping_key(&self, salt: &[u8; 32]) -> Key256 {
        expand_key(&self.0, &[b"cistern/v1/ssec-kek", salt])
    }

    /// The salted check: it tells a wrong key before anything is opened, and nothing to who lacks the
    /// store's own key.
    pub(crate) fn verifier(&self, store_key: &Key256, salt: &[u8; 32]) -> [u8; 32] {
        hmac_sha256(store_key.expose(), &[salt, self.0.expose()])
    }

    pub(crate) fn fits(&self, store_key: &Key256, salt: &[u8; 32], verifier: &[u8; 32]) -> bool {
        self.verifier(store_key, salt).ct_eq(verifier).into()
    }
}

fn is_digest(given: &str, found: &[u8]) -> bool {
    STANDARD.decode(given).is_ok_and(|given| given.ct_eq(found).into())
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MTIzNDU2Nzg5MGFiY2RlZjEyMzQ1Njc4OTBhYmNkZWY=";
    const DIGEST: &str = "JMwgiexXqwuPqIPjYFmIZQ==";

    #[track_caller]
    fn check(headers: [Option<&str>; 4], expected: Result<Option<&str>, CustomerKeyError>) {
        let [mode, algorithm, key, digest] = headers;
        let found = CustomerKey::from_headers(mode, algorithm, key, digest);
        let found = found.map(|key| key.map(|key| key.digest()));
        assert_eq!(found, expected.map(|digest| digest.map(str::to_owned)));
    }

    // Law-test: S3, checks of customer-provided keys, in their order.
    #[test]
    fn the_headers_are_checked_in_order() {
        let aes = Some("AES256");
        check([None; 4], Ok(None));
        check([Some("AES256"), None, None, None], Ok(None));
        check([None, aes, Some(KEY), Some(DIGEST)], Ok(Some(DIGEST)));
        check([None, aes, Some(KEY), None], Ok(Some(DIGEST)));
        let kms = Some("KMS");
        check([aes, kms, Some(KEY), Some(DIGEST)], Err(CustomerKeyError::WithOtherMode));
        check([None, None, Some(KEY), Some(DIGEST)], Err(CustomerKeyError::NoAlgorithm));
        check([None, None, None, Some(DIGEST)], Err(CustomerKeyError::NoAlgorithm));
        check([None, aes, None, Some(DIGEST)], Err(CustomerKeyError::NoKey));
        check([None, kms, None, None], Err(CustomerKeyError::NoKey));
        check([None, kms, Some(KEY), Some(DIGEST)], Err(CustomerKeyError::Algorithm));
        check([None, aes, Some(KEY), Some("AAAA")], Err(CustomerKeyError::Digest));
        check([None, aes, Some("c2hvcnQ="), Some(DIGEST)], Err(CustomerKeyError::Digest));
        check([None, aes, Some("c2hvcnQ="), None], Err(CustomerKeyError::Length));
        check([None, aes, Some("%%%"), None], Err(CustomerKeyError::Length));
        assert_eq!(CustomerKeyError::Algorithm.code(), "InvalidEncryptionAlgorithmError");
        assert_eq!(CustomerKeyError::Digest.code(), "InvalidArgument");
    }

    #[test]
    fn digests_are_those_of_s3() {
        let digest = |bytes: &[u8]| CustomerKey(Key256::from_slice(bytes).unwrap()).digest();
        let counted: Vec<u8> = (0..32).collect();
        assert_eq!(digest(&counted), "tP/LI3N87DFaSk0aoqYgzg==");
        assert_eq!(digest(&[b'a'; 32]), "Xsqb0+sHwAbNQ65I395/0w==");
        assert_eq!(digest(b"abcdef1234567890abcdef1234567890"), "KoitZ78ZSAQHz4+gxDpJqQ==");
    }

    // Law-test: S3, modes of server-side encryption.
    #[test]
    fn each_mode_has_its_header() {
        let kms = KmsProtection::default;
        let headers = [Protection::S3, Protection::Kms(kms()), Protection::Dsse(kms())]
            .map(|protection| protection.header().unwrap());
        assert_eq!(headers, ["AES256", "aws:kms", "aws:kms:dsse"]);
        assert_eq!(Protection::Customer(CustomerKey(Key256::zero())).header(), None);
    }
}
