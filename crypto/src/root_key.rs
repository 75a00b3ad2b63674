//! `RootKey`: the one secret that the application keeps, and everything else hangs from.

use crate::{
    derive::{expand_key, hmac_sha256},
    hex,
    key_storage::{KeyStorage, StorageError},
    secret::Key256,
};
use cistern_storage_core::port::Entropy;
use std::fmt;
use zeroize::Zeroizing;

/// 256 random bits under which all other keys are wrapped. Lost, everything that was sealed is lost.
///
/// It is never written by us but into the file that [`RootKey::in_storage`] is asked to make.
pub struct RootKey {
    key: Key256,
    id: RootKeyId,
}

/// Tells root keys apart, and says nothing of them: the beginning of an HMAC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootKeyId(pub(crate) [u8; 8]);

/// Why a root key could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeyError {
    /// The variable is not set, or not text.
    #[error("the environment variable `{name}` holds no root key")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// The text is not 64 hexadecimal digits, or base64 of 32 bytes. What it is instead is not said.
    #[error("the root key from {place} is not 32 bytes in hexadecimal or base64")]
    Malformed {
        /// Where it came from.
        place: String,
    },
    /// It could not be read or written.
    #[error("the root key cannot be kept")]
    Storage(#[source] StorageError),
}

/// What a root key's file begins with.
const FILE_HEAD: &str = "cistern-root-key-1 ";

impl RootKey {
    /// The root key that is this key: drawn by the application, or by [`Key256::generate`].
    #[must_use]
    pub fn new(key: Key256) -> Self {
        let digest = hmac_sha256(key.expose(), &[b"cistern/v1/root-id"]);
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Self { key, id: RootKeyId(id) }
    }

    /// Reads 64 hexadecimal digits, or base64 of 32 bytes, with or without white space around them.
    ///
    /// # Errors
    /// When the text is anything else. `place` says in the error where it came from.
    pub fn parse(text: &str, place: &str) -> Result<Self, RootKeyError> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let text = text.trim();
        let bytes = hex::decode(text).or_else(|| STANDARD.decode(text).ok()).map(Zeroizing::new);
        let key = bytes.and_then(|bytes| Key256::from_slice(&bytes));
        key.map(Self::new).ok_or_else(|| RootKeyError::Malformed { place: place.to_owned() })
    }

    /// Reads the environment variable `name`.
    ///
    /// # Errors
    /// When it is not set, or does not hold a key.
    pub fn from_environment(name: &str) -> Result<Self, RootKeyError> {
        let text =
            std::env::var(name).map_err(|_| RootKeyError::NoVariable { name: name.to_owned() })?;
        Self::parse(&Zeroizing::new(text), name)
    }

    /// Asks the application: a keychain, a hardware module, a person.
    ///
    /// # Errors
    /// When the answer is not a key; or what the application says.
    pub fn from_callback<E>(ask: impl FnOnce() -> Result<Key256, E>) -> Result<Self, E> {
        ask().map(Self::new)
    }

    /// The key in `storage`; made and kept there when there is none yet. A key beside the store it
    /// protects protects from nobody who takes both.
    ///
    /// # Errors
    /// When it cannot be read or written, or is not a key.
    pub fn in_storage(
        storage: &dyn KeyStorage,
        entropy: &dyn Entropy,
    ) -> Result<Self, RootKeyError> {
        if let Some(bytes) = storage.load().map_err(RootKeyError::Storage)? {
            let text =
                std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_prefix(FILE_HEAD));
            return Self::parse(text.unwrap_or_default(), "its file");
        }
        let key = Key256::generate(entropy);
        let digits = Zeroizing::new(hex::encode(key.expose()));
        let mut text = Zeroizing::new(String::with_capacity(FILE_HEAD.len() + digits.len() + 1));
        text.push_str(FILE_HEAD);
        text.push_str(&digits);
        text.push('\n');
        storage.save(text.as_bytes()).map_err(RootKeyError::Storage)?;
        Ok(Self::new(key))
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> RootKeyId {
        self.id
    }

    /// The key for one purpose in one store.
    pub(crate) fn derive(&self, purpose: &str, store: &[u8; 16]) -> Key256 {
        expand_key(&self.key, &[b"cistern/v1/", purpose.as_bytes(), store])
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey({})", self.id)
    }
}

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(&self.0))
    }
}

impl fmt::Debug for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_storage::KeyMemory;
    use cistern_storage_core::port::SeededEntropy;

    #[test]
    fn a_root_key_is_read_from_hexadecimal_and_base64() {
        let hexadecimal = "07".repeat(32);
        let one = RootKey::parse(&format!(" {hexadecimal}\n"), "a test").unwrap();
        let base64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        assert_eq!(RootKey::parse(base64, "a test").unwrap().id(), one.id());
        for bad in ["", "07", &hexadecimal[1..], "not a key", &"07".repeat(33)] {
            let refused = RootKey::parse(bad, "a test").unwrap_err().to_string();
            assert!(bad.is_empty() || !refused.contains(bad), "{refused}");
        }
    }

    #[test]
    fn a_root_key_is_made_once_and_found_again() {
        let (storage, entropy) = (KeyMemory::new(), SeededEntropy::new(1));
        let made = RootKey::in_storage(&storage, &entropy).unwrap();
        let found = RootKey::in_storage(&storage, &entropy).unwrap();
        assert!(made.key.is(&found.key));
        storage.save(b"cistern-root-key-1 0707").unwrap();
        assert!(RootKey::in_storage(&storage, &entropy).is_err());
    }

    #[test]
    fn purposes_and_stores_have_keys_of_their_own() {
        let root = RootKey::new(Key256::zero());
        let key = root.derive("root-wrap", &[0; 16]);
        assert!(!key.is(&root.derive("root-wrap", &[1; 16])));
        assert!(!key.is(&root.derive("ssec-verifier", &[0; 16])));
        assert!(key.is(&root.derive("root-wrap", &[0; 16])));
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let refused = RootKey::from_environment("CISTERN_NO_SUCH_KEY").unwrap_err();
        assert!(refused.to_string().contains("CISTERN_NO_SUCH_KEY"));
    }
}
