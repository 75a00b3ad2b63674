//! The calls that use keys.

use super::{
    DataKey, Decrypted, Encrypted, KeyService, KmsCall, KmsError,
    blob::{self, Blob, PLAINTEXT_BYTES_MAX},
    key::{KeyRecord, KeySpec, Material},
    operation::Operation,
    service::{About, LocalKms, Trace},
};
use crate::{context::EncryptionContext, hex, secret::Key256};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, KmsError>;

/// What `ReEncrypt` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReEncrypted {
    /// The ciphertext under the new key.
    pub encrypted: Encrypted,
    /// The ARN of the old key.
    pub source_arn: String,
    /// Which material of the old key.
    pub source_material: String,
}

/// A code over a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mac {
    /// The code.
    pub mac: Vec<u8>,
    /// The ARN of the key.
    pub key_arn: String,
}

impl KeyService for LocalKms {
    fn generate_data_key(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<DataKey> {
        self.make_data_key(call, Operation::GenerateDataKey, key, context)
    }

    fn encrypt(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Encrypted> {
        let about = About { key: Some(key), context: Some(context) };
        self.run(call, Operation::Encrypt, about, |trace| {
            check_plaintext(plaintext)?;
            let found = self.permitted(call, Operation::Encrypt, key, Some(context), trace)?;
            self.encrypt_under(&found, context, plaintext, trace)
        })
    }

    fn decrypt(
        &self,
        call: &KmsCall<'_>,
        key: Option<&str>,
        context: &EncryptionContext,
        ciphertext: &[u8],
    ) -> Result<Decrypted> {
        let about = About { key, context: Some(context) };
        self.run(call, Operation::Decrypt, about, |trace| {
            self.decrypt_for(call, Operation::Decrypt, key, context, ciphertext, trace)
        })
    }

    fn generation(&self) -> u64 {
        self.generation_now()
    }
}

impl LocalKms {
    /// Makes a key of 256 bits, and gives its encrypted form alone.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn generate_data_key_without_plaintext(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<Encrypted> {
        let operation = Operation::GenerateDataKeyWithoutPlaintext;
        let made = self.make_data_key(call, operation, key, context)?;
        let DataKey { ciphertext, key_arn, material, .. } = made;
        Ok(Encrypted { ciphertext, key_arn, material })
    }

    /// Moves a ciphertext to another key or another context; its plaintext never leaves.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn re_encrypt(
        &self,
        call: &KmsCall<'_>,
        source: (Option<&str>, &EncryptionContext, &[u8]),
        target: (&str, &EncryptionContext),
    ) -> Result<ReEncrypted> {
        let (source_key, source_context, ciphertext) = source;
        let (target_key, target_context) = target;
        let about = About { key: Some(target_key), context: Some(target_context) };
        self.run(call, Operation::ReEncrypt, about, |trace| {
            let operation = Operation::ReEncrypt;
            let plain =
                self.decrypt_for(call, operation, source_key, source_context, ciphertext, trace)?;
            let found = self.permitted(call, operation, target_key, Some(target_context), trace)?;
            let encrypted = self.encrypt_under(&found, target_context, &plain.plaintext, trace)?;
            let (source_arn, source_material) = (plain.key_arn, plain.material);
            Ok(ReEncrypted { encrypted, source_arn, source_material })
        })
    }

    /// Random bytes: 1 to 1024.
    ///
    /// # Errors
    /// When more are asked for.
    pub fn generate_random(&self, call: &KmsCall<'_>, bytes: usize) -> Result<Zeroizing<Vec<u8>>> {
        self.run(call, Operation::GenerateRandom, About::default(), |_| {
            if !(1..=1024).contains(&bytes) {
                return Err(KmsError::invalid(
                    "numberOfBytes",
                    "Member must be between 1 and 1024",
                ));
            }
            self.authorise(call, Operation::GenerateRandom, None, "*", None)?;
            let mut random = Zeroizing::new(vec![0; bytes]);
            self.entropy.fill(&mut random);
            Ok(random)
        })
    }

    /// The code of `message` under an HMAC key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn generate_mac(&self, call: &KmsCall<'_>, key: &str, message: &[u8]) -> Result<Mac> {
        let about = About { key: Some(key), context: None };
        self.run(call, Operation::GenerateMac, about, |trace| {
            check_message(message)?;
            let found = self.permitted(call, Operation::GenerateMac, key, None, trace)?;
            Ok(Mac { mac: mac_of(&found, message)?, key_arn: self.arn(found.id) })
        })
    }

    /// Checks a code.
    ///
    /// # Errors
    /// [`KmsError::InvalidMac`] when it does not fit.
    pub fn verify_mac(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        message: &[u8],
        mac: &[u8],
    ) -> Result<()> {
        let about = About { key: Some(key), context: None };
        self.run(call, Operation::VerifyMac, about, |trace| {
            check_message(message)?;
            let found = self.permitted(call, Operation::VerifyMac, key, None, trace)?;
            let fits: bool = mac_of(&found, message)?.ct_eq(mac).into();
            if fits { Ok(()) } else { Err(KmsError::InvalidMac) }
        })
    }

    fn make_data_key(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<DataKey> {
        let about = About { key: Some(key), context: Some(context) };
        self.run(call, operation, about, |trace| {
            let found = self.permitted(call, operation, key, Some(context), trace)?;
            let plaintext = Key256::generate(&*self.entropy);
            let made = self.encrypt_under(&found, context, plaintext.expose(), trace)?;
            let Encrypted { ciphertext, key_arn, material } = made;
            Ok(DataKey { plaintext, ciphertext, key_arn, material })
        })
    }

    fn encrypt_under(
        &self,
        key: &KeyRecord,
        context: &EncryptionContext,
        plaintext: &[u8],
        trace: &mut Trace,
    ) -> Result<Encrypted> {
        let key_arn = self.arn(key.id);
        let current = key.current()?;
        let material = name_of(current.0);
        trace.material = Some(material.clone());
        let ciphertext = blob::make(&*self.entropy, key.id, current, &key_arn, context, plaintext);
        Ok(Encrypted { ciphertext, key_arn, material })
    }

    /// Law: KMS, a ciphertext names its key, and a key named beside it must be that one.
    fn decrypt_for(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        key: Option<&str>,
        context: &EncryptionContext,
        ciphertext: &[u8],
        trace: &mut Trace,
    ) -> Result<Decrypted> {
        let blob = Blob::parse(ciphertext)?;
        let named = key.map(|name| self.resolve(call, name)).transpose()?;
        let found = match named {
            Some(named) if named.id != blob.key => {
                self.permit(call, operation, &named, Some(context), trace)?;
                return Err(KmsError::IncorrectKey);
            }
            Some(named) => named,
            // A key that was deleted, or of another service: it is not said which.
            None => {
                let state = self.state.read();
                state.keys.get(&blob.key).cloned().ok_or(KmsError::InvalidCiphertext)?
            }
        };
        self.permit(call, operation, &found, Some(context), trace)?;
        let (material, secret) =
            found.material(blob.material).ok_or(KmsError::InvalidCiphertext)?;
        let key_arn = self.arn(found.id);
        let plaintext = blob.open(secret, &key_arn, context)?;
        let material = name_of(material);
        trace.material = Some(material.clone());
        Ok(Decrypted { plaintext, key_arn, material })
    }
}

pub(super) fn name_of(material: &Material) -> String {
    hex::encode(&material.id)
}

/// Law: KMS, limits of plaintext and ciphertext.
fn check_plaintext(plaintext: &[u8]) -> Result<()> {
    match plaintext.len() {
        0 => Err(KmsError::invalid(
            "plaintext",
            "Member must have length greater than or equal to 1",
        )),
        1..=PLAINTEXT_BYTES_MAX => Ok(()),
        _ => Err(KmsError::too_long("plaintext", PLAINTEXT_BYTES_MAX)),
    }
}

fn check_message(message: &[u8]) -> Result<()> {
    match message.len() {
        0 => {
            Err(KmsError::invalid("message", "Member must have length greater than or equal to 1"))
        }
        1..=4096 => Ok(()),
        _ => Err(KmsError::too_long("message", 4096)),
    }
}

fn mac_of(key: &KeyRecord, message: &[u8]) -> Result<Vec<u8>> {
    macro_rules! hmac {
        ($digest:ty, $bytes:expr) => {{
            let mut mac =
                Hmac::<$digest>::new_from_slice($bytes).expect("HMAC takes a key of any length");
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    let bytes = &key.current()?.1.bytes[..];
    Ok(match key.spec {
        KeySpec::Hmac224 => hmac!(Sha224, bytes),
        KeySpec::Hmac256 => hmac!(Sha256, bytes),
        KeySpec::Hmac384 => hmac!(Sha384, bytes),
        KeySpec::Hmac512 => hmac!(Sha512, bytes),
        KeySpec::Symmetric => unreachable!("the key's usage was checked"),
    })
}
