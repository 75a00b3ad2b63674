//! `EncryptionContext`: pairs that are not secret, and without which nothing opens.

use std::{collections::BTreeMap, fmt};

/// Pairs of text that a ciphertext is bound to: decrypting takes exactly the same ones.
///
/// They are no secret: they stand in audit events. Their order does not matter.
///
/// Law: KMS, encryption context: exact, case-sensitive match of an unordered set of pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EncryptionContext {
    pairs: BTreeMap<String, String>,
    bytes: usize,
}

/// All keys and values of a context together: 8 KiB.
///
/// Law: KMS, encryption context: 8192 characters at most.
pub const CONTEXT_BYTES_MAX: usize = 8192;

/// A context that is too large, or that is no JSON object of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidContext {
    /// Over [`CONTEXT_BYTES_MAX`].
    #[error("an encryption context has at most {CONTEXT_BYTES_MAX} bytes")]
    TooLarge,
    /// Not base64 of a JSON object whose values are texts.
    ///
    /// Law: S3, a bad encryption context is answered in these words.
    #[error(
        "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string \
         holding JSON which represents a string-string map"
    )]
    NotAMap,
}

impl EncryptionContext {
    /// No pairs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The context of these pairs.
    ///
    /// # Errors
    /// When it is too large.
    pub fn of<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidContext> {
        let mut context = Self::new();
        for (key, value) in pairs {
            context.insert(key.as_ref(), value.as_ref())?;
        }
        Ok(context)
    }

    /// Reads the form of the header: base64 of a JSON object of texts.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_header(header: &str) -> Result<Self, InvalidContext> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let bytes = STANDARD.decode(header).map_err(|_| InvalidContext::NotAMap)?;
        Self::from_json(&bytes)
    }

    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidContext> {
        let map: BTreeMap<String, String> =
            serde_json::from_slice(json).map_err(|_| InvalidContext::NotAMap)?;
        Self::of(map)
    }

    /// A JSON object, its keys sorted.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a map of texts is always JSON")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.pairs).expect("a map of texts is JSON")
    }

    /// Adds a pair, or replaces the value of its key.
    ///
    /// # Errors
    /// When the context becomes too large; it is what it was then.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), InvalidContext> {
        let replaced = self.pairs.get(key).map_or(0, |old| key.len() + old.len());
        let bytes = self.bytes - replaced + key.len() + value.len();
        // The count must fit into two bytes, too, though all pairs were empty.
        if bytes > CONTEXT_BYTES_MAX {
            return Err(InvalidContext::TooLarge);
        }
        self.bytes = bytes;
        self.pairs.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    /// All pairs, sorted by their keys.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// True when all of its pairs are in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.pairs().all(|(key, value)| other.get(key) == Some(value))
    }

    /// The one form that is authenticated: sorted bytewise, every text behind its length.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes + 8 + 8 * self.len());
        bytes.extend_from_slice(&(self.len() as u64).to_be_bytes());
        for text in self.pairs().flat_map(|(key, value)| [key, value]) {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for EncryptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: KMS, encryption context: exact, case-sensitive match of an unordered set of pairs.
    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let one = EncryptionContext::of([("a", "1"), ("b", "2")]).unwrap();
        let same = EncryptionContext::of([("b", "2"), ("a", "1")]).unwrap();
        assert_eq!(one.canonical(), same.canonical());
        let others: [&[(&str, &str)]; 5] = [
            &[],
            &[("a", "1")],
            &[("A", "1"), ("b", "2")],
            &[("a", "1b"), ("", "2")],
            &[("a", "2"), ("b", "1")],
        ];
        for other in others {
            let other = EncryptionContext::of(other.iter().copied()).unwrap();
            assert_ne!(one.canonical(), other.canonical(), "{other}");
        }
    }

    // Law-test: S3, a bad encryption context is answered in these words.
    #[test]
    fn the_header_is_base64_of_a_map_of_texts() {
        let header = "eyJ0ZWFtIjoic3RvcmFnZSIsInByb2plY3QiOiJjaXN0ZXJuIn0=";
        let context = EncryptionContext::from_header(header).unwrap();
        assert_eq!(context.to_json(), r#"{"project":"cistern","team":"storage"}"#);
        for bad in ["", "%", "e30", "W10=", "eyJhIjoxfQ==", "bnVsbA=="] {
            let refused = EncryptionContext::from_header(bad);
            assert_eq!(refused, Err(InvalidContext::NotAMap), "{bad}");
        }
        assert!(InvalidContext::NotAMap.to_string().ends_with("a string-string map"));
    }

    // Law-test: KMS, encryption context: 8192 characters at most.
    #[test]
    fn a_context_of_8_kib_is_the_largest() {
        let mut context = EncryptionContext::of([("key", "x".repeat(8189))]).unwrap();
        assert_eq!(context.insert("k", ""), Err(InvalidContext::TooLarge));
        assert_eq!(context.len(), 1);
        context.insert("key", "short").unwrap();
        context.insert("k", "v").unwrap();
    }
}
