//! Bodies that are encrypted and decrypted as they come, and ranges of them.

use super::{
    ClientError,
    gcm::{self, GcmStream, MESSAGE_BYTES_MAX},
};
use crate::{
    provider::{NONCE_BYTES, TAG_BYTES},
    secret::Key256,
};
use ctr::cipher::StreamCipher as _;
use std::{fmt, ops::Range};
use zeroize::Zeroizing;

/// A body on its way into an object.
#[derive(Debug)]
pub struct BodyEncryptor(pub(super) GcmStream);

impl BodyEncryptor {
    /// Encrypts the next bytes.
    ///
    /// # Errors
    /// [`ClientError::TooLong`] past 2^36 - 32 bytes.
    pub fn update(&mut self, plain: &[u8]) -> Result<Vec<u8>, ClientError> {
        let mut bytes = plain.to_vec();
        self.0.encrypt(&mut bytes).ok_or(ClientError::TooLong)?;
        Ok(bytes)
    }

    /// Ends the body: its last bytes.
    #[must_use]
    pub fn finish(self) -> [u8; TAG_BYTES] {
        self.0.tag()
    }
}

/// When plain bytes are given out.
///
/// Law: S3 Encryption Client, nothing is released before its tag was checked unless that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// Once the tag was checked: all of the body is held back until then, up to so many bytes.
    Authentic {
        /// A longer body is refused.
        bytes_max: usize,
    },
    /// As they come: the caller must throw them away when [`BodyDecryptor::finish`] fails.
    Delayed,
}

impl Default for Release {
    fn default() -> Self {
        Self::Authentic { bytes_max: 64 << 20 }
    }
}

/// A body on its way out of an object.
pub struct BodyDecryptor {
    stream: GcmStream,
    release: Release,
    /// The last bytes that came: they may be the tag.
    tail: Vec<u8>,
    held: Zeroizing<Vec<u8>>,
}

impl BodyDecryptor {
    pub(super) fn new(stream: GcmStream, release: Release) -> Self {
        Self { stream, release, tail: Vec::new(), held: Zeroizing::default() }
    }

    /// Takes the next bytes of the object, and gives what may be given out of the body.
    ///
    /// # Errors
    /// [`ClientError::NotBuffered`] when more would have to be held back than is allowed.
    pub fn update(&mut self, sealed: &[u8]) -> Result<Vec<u8>, ClientError> {
        self.tail.extend_from_slice(sealed);
        let ready = self.tail.len().saturating_sub(TAG_BYTES);
        let mut plain = Zeroizing::new(self.tail.drain(..ready).collect::<Vec<u8>>());
        self.stream.decrypt(&mut plain).ok_or(ClientError::TooLong)?;
        match self.release {
            Release::Delayed => Ok(std::mem::take(&mut *plain)),
            Release::Authentic { bytes_max } => {
                if self.held.len() + plain.len() > bytes_max {
                    return Err(ClientError::NotBuffered { limit: bytes_max });
                }
                self.held.extend_from_slice(&plain);
                Ok(Vec::new())
            }
        }
    }

    /// Ends the body: what was held back, now that it is known to be authentic.
    ///
    /// # Errors
    /// [`ClientError::Unauthentic`] when it is not.
    pub fn finish(mut self) -> Result<Vec<u8>, ClientError> {
        self.stream.verify(&self.tail)?;
        Ok(std::mem::take(&mut *self.held))
    }
}

impl fmt::Debug for BodyDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyDecryptor({:?})", self.stream)
    }
}

const BLOCK: u64 = 16;

/// Which bytes of the object reading the plain `range` takes: a block before and one behind. `sealed_len` is
/// the object's length.
///
/// Law: S3 Encryption Client, ranged reads fetch a block more on either side and never deliver the tag.
#[must_use]
pub fn range_to_fetch(range: &Range<u64>, sealed_len: u64) -> Range<u64> {
    let start = (range.start / BLOCK).saturating_sub(1) * BLOCK;
    let last = range.end.saturating_sub(1);
    let end = last.saturating_add(BLOCK - last % BLOCK + BLOCK + 1);
    start.min(sealed_len)..end.min(sealed_len).max(start.min(sealed_len))
}

/// Decrypts the plain `range`, which is not authenticated. `fetched` is what [`range_to_fetch`] named.
pub(super) fn open_range(
    key: &Key256,
    nonce: &[u8; NONCE_BYTES],
    range: &Range<u64>,
    sealed_len: u64,
    fetched: &[u8],
) -> Result<Vec<u8>, ClientError> {
    let plain_len = sealed_len.checked_sub(TAG_BYTES as u64).ok_or(ClientError::Range)?;
    let place = range_to_fetch(range, sealed_len);
    let fits = range.start <= range.end && range.end <= plain_len;
    if !fits || plain_len > MESSAGE_BYTES_MAX || place.end - place.start != fetched.len() as u64 {
        return Err(ClientError::Range);
    }
    let index = |at: u64| usize::try_from(at - place.start).map_err(|_| ClientError::Range);
    let (start, end) = (index(range.start)?, index(range.end)?);
    let block = u32::try_from(place.start / BLOCK).map_err(|_| ClientError::Range)?;
    let mut bytes = Zeroizing::new(fetched[..end].to_vec());
    gcm::keystream(key, nonce, block).apply_keystream(&mut bytes);
    Ok(bytes[start..].to_vec())
}
