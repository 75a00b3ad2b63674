//! Digests computed while a body streams by.

use super::{Checksum, ChecksumAlgorithm, combine::Combiner};
use crate::error::{Error, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use crc_fast::CrcAlgorithm;
use md5::Digest as _;
use std::fmt;

/// Computes a [`Checksum`] piece by piece.
pub struct Hasher(State);

enum State {
    Crc(ChecksumAlgorithm, Box<crc_fast::Digest>),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Hasher {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        Self(match (algorithm, crc_algorithm(algorithm)) {
            (_, Some(crc)) => State::Crc(algorithm, Box::new(crc_fast::Digest::new(crc))),
            (ChecksumAlgorithm::Sha1, None) => State::Sha1(sha1::Sha1::new()),
            (_, None) => State::Sha256(sha2::Sha256::new()),
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc(_, digest) => digest.update(bytes),
            State::Sha1(digest) => digest.update(bytes),
            State::Sha256(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all that was taken.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a digest has its algorithm's length")]
    pub fn finish(self) -> Checksum {
        let hash = match self.0 {
            State::Crc(algorithm, digest) => {
                return Checksum::from_crc(algorithm, digest.finalize());
            }
            State::Sha1(digest) => Checksum::full(ChecksumAlgorithm::Sha1, &digest.finalize()),
            State::Sha256(digest) => Checksum::full(ChecksumAlgorithm::Sha256, &digest.finalize()),
        };
        hash.expect("a digest has its algorithm's length")
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = match &self.0 {
            State::Crc(algorithm, _) => *algorithm,
            State::Sha1(_) => ChecksumAlgorithm::Sha1,
            State::Sha256(_) => ChecksumAlgorithm::Sha256,
        };
        f.debug_tuple("Hasher").field(&algorithm).finish()
    }
}

/// Computes an MD5 piece by piece, for an `ETag` and for Content-MD5.
#[derive(Clone, Default)]
pub struct Md5(md5::Md5);

impl Md5 {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was taken.
    #[must_use]
    pub fn finish(self) -> [u8; 16] {
        self.0.finalize().into()
    }

    /// Reads a Content-MD5.
    ///
    /// # Errors
    /// [`Error::InvalidDigest`] when it is not the base64 of 16 bytes.
    ///
    /// Law: S3, Content-MD5.
    pub fn parse(text: &str) -> Result<[u8; 16]> {
        let digest = BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        digest.ok_or_else(|| Error::InvalidDigest { value: text.into() })
    }

    /// Compares the MD5 `found` in a body with the `announced` one.
    ///
    /// # Errors
    /// [`Error::BadDigest`] when they differ.
    ///
    /// Law: S3, Content-MD5.
    pub fn check(found: &[u8; 16], announced: &[u8; 16]) -> Result<()> {
        if found == announced {
            return Ok(());
        }
        Err(Error::BadDigest {
            algorithm: "MD5",
            expected: BASE64.encode(announced).into(),
            found: BASE64.encode(found).into(),
        })
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5")
    }
}

/// The CRC64NVME of `bytes`, as a number.
#[must_use]
#[inline]
pub fn crc64_nvme(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// Its name in the crate that computes it; `None` when it is no CRC.
const fn crc_algorithm(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

/// The CRC-64/NVME of two runs of bytes, from theirs and the length of the second.
///
/// Cost: one multiplication of polynomials (some 0.1 us) for each bit set in the length.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "CRC-64/NVME is a CRC")]
pub fn crc64_nvme_combine(first: u64, second: u64, second_len: u64) -> u64 {
    let combiner = Combiner::new(ChecksumAlgorithm::Crc64Nvme);
    combiner.expect("CRC-64/NVME is a CRC").combine(first, second, second_len)
}
