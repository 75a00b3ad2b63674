//! `Sealer`: plaintext to sealed bytes and back.

use bytes::Bytes;
use std::{fmt, ops::Range};

/// Seals bodies before they reach a backend, and opens them again.
///
/// Contract. A body is sealed in chunks that open on their own, so that a range opens only what it
/// touches. What opening needs (wrapped keys, salts) is the *envelope*: opaque bytes that the core
/// keeps in the object's row, bound by the sealer to the *binding*, a digest of all that the bytes
/// belong to (bucket, key, version, length, part). An envelope opens under its own binding alone.
/// Nothing is given out before it is authenticated.
pub trait Sealer: fmt::Debug + Send + Sync + 'static {
    /// Begins to seal one body.
    ///
    /// # Errors
    /// When no key can be had.
    fn seal(&self, context: &SealContext<'_>) -> Result<Box<dyn Sealing>, SealError>;

    /// Opens an envelope for reading; `plain_len` is the body's length.
    ///
    /// # Errors
    /// [`SealError::Refused`] when the envelope is not of this binding, or its key is not to be had.
    fn open(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        plain_len: u64,
    ) -> Result<Box<dyn Sealed>, SealError>;

    /// Moves an envelope from one binding to another, without touching the body: copy, rename,
    /// completing an upload.
    ///
    /// # Errors
    /// As [`Self::open`].
    fn rebind(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        from: &[u8; 32],
        to: &[u8; 32],
    ) -> Result<Bytes, SealError>;

    /// An envelope of the same binding under the newest key, without touching the body; `None` when
    /// it needs none. A sealer whose keys never change has nothing to do: that is the default.
    ///
    /// # Errors
    /// As [`Self::open`].
    fn renew(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
    ) -> Result<Option<Bytes>, SealError> {
        let _ = (context, envelope, binding);
        Ok(None)
    }
}

/// One body on its way in.
pub trait Sealing: fmt::Debug + Send {
    /// Takes the next plaintext and gives what is ready of the sealed bytes, perhaps nothing.
    ///
    /// # Errors
    /// When sealing fails; the body is given up then.
    fn update(&mut self, plain: &[u8]) -> Result<Bytes, SealError>;

    /// Ends the body: the last sealed bytes.
    ///
    /// # Errors
    /// When sealing fails.
    fn finish(&mut self) -> Result<Bytes, SealError>;

    /// The envelope, bound to `binding`. Called after [`Self::finish`], and again with another
    /// binding when a commit has to be tried again: then the body belongs to another version.
    ///
    /// # Errors
    /// When the key service fails.
    fn envelope(&mut self, binding: &[u8; 32]) -> Result<Bytes, SealError>;
}

/// One sealed body, open for reading.
pub trait Sealed: fmt::Debug + Send + Sync {
    /// Which sealed bytes opening the plain `range` needs.
    fn sealed_range(&self, range: Range<u64>) -> Range<u64>;

    /// Opens the plain `range`, given exactly the bytes that [`Self::sealed_range`] named.
    ///
    /// # Errors
    /// [`SealError::Refused`] when they are not authentic.
    fn open_range(&self, range: Range<u64>, sealed: &[u8]) -> Result<Bytes, SealError>;
}

/// What a body is, apart from its binding.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SealContext<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The object's key.
    pub key: &'a str,
}

impl<'a> SealContext<'a> {
    /// The body of `key` in `bucket`.
    #[must_use]
    pub fn new(bucket: &'a str, key: &'a str) -> Self {
        Self { bucket, key }
    }
}

/// Why a body could not be sealed or opened. Says nothing that helps to guess a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Wrong key, wrong binding, or bytes that are not authentic.
    #[error("the sealed bytes do not open")]
    Refused,
    /// The key cannot be had.
    #[error("key `{key}` is not available: {reason}")]
    NoKey {
        /// Which key.
        key: String,
        /// Why.
        reason: String,
    },
}
