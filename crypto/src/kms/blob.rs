//! The ciphertext of the key service.
//!
//! ```text
//! version u8 = 1, key's UUID[16], first bytes of the material's id[8], XAES nonce[24], ciphertext, tag[16]
//! ```
//!
//! A data key of 32 bytes becomes 97. It is bound to the key's ARN and to the encryption context.

use super::key::{KeyUuid, Material, Secret};
use crate::{context::EncryptionContext, kms::KmsError};
use cistern_storage_core::port::Entropy;
use zeroize::Zeroizing;

/// A ciphertext, taken apart.
pub(crate) struct Blob<'a> {
    pub(crate) key: KeyUuid,
    pub(crate) material: [u8; 8],
    wrapped: &'a [u8],
}

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + 16 + 8;
/// The most that can be decrypted.
///
/// Law: KMS, limits of plaintext and ciphertext.
pub(crate) const CIPHERTEXT_BYTES_MAX: usize = 6144;
/// The most that can be encrypted.
pub(crate) const PLAINTEXT_BYTES_MAX: usize = 4096;

impl<'a> Blob<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, KmsError> {
        if bytes.len() > CIPHERTEXT_BYTES_MAX {
            return Err(KmsError::too_long("ciphertextBlob", CIPHERTEXT_BYTES_MAX));
        }
        let refused = KmsError::InvalidCiphertext;
        let (head, wrapped) = bytes.split_at_checked(HEAD_BYTES).ok_or(refused.clone())?;
        let (&version, rest) = head.split_first().ok_or(refused.clone())?;
        let (uuid, material) = rest.split_first_chunk().ok_or(refused.clone())?;
        if version != VERSION {
            return Err(refused);
        }
        let material = material.try_into().map_err(|_| refused)?;
        Ok(Self { key: KeyUuid(*uuid), material, wrapped })
    }

    pub(crate) fn open(
        &self,
        secret: &Secret,
        arn: &str,
        context: &EncryptionContext,
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let wrapping = secret.wrapping.as_ref().ok_or(KmsError::InvalidCiphertext)?;
        let aad = aad(arn, context);
        wrapping.unwrap(&aad, self.wrapped).map_err(|_| KmsError::InvalidCiphertext)
    }
}

pub(crate) fn make(
    entropy: &dyn Entropy,
    key: KeyUuid,
    (material, secret): (&Material, &Secret),
    arn: &str,
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Vec<u8> {
    let wrapping = secret.wrapping.as_ref().expect("only keys for encryption get here");
    let mut bytes = Vec::with_capacity(HEAD_BYTES + 24 + plaintext.len() + 16);
    bytes.push(VERSION);
    bytes.extend_from_slice(&key.0);
    bytes.extend_from_slice(&material.id[..8]);
    bytes.extend_from_slice(&wrapping.wrap(entropy, &aad(arn, context), plaintext));
    bytes
}

fn aad(arn: &str, context: &EncryptionContext) -> Vec<u8> {
    let mut aad = b"cistern/kms/v1".to_vec();
    aad.extend_from_slice(&(arn.len() as u64).to_be_bytes());
    aad.extend_from_slice(arn.as_bytes());
    aad.extend_from_slice(&context.canonical());
    aad
}
