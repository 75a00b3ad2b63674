//! `Checksum`: proof that an object's bytes are those that were sent.

mod combine;
mod hasher;

use crate::error::{Error, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use combine::Combiner;
use std::{fmt, str::FromStr};

pub use hasher::{Hasher, Md5, crc64_nvme, crc64_nvme_combine};

/// How a checksum is computed.
///
/// Law: S3, checksum algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// 64 bits; what an object gets that asks for none.
    #[default]
    Crc64Nvme,
    /// 32 bits, of ISO-HDLC: that of gzip.
    Crc32,
    /// 32 bits, of Castagnoli.
    Crc32c,
    /// 160 bits.
    Sha1,
    /// 256 bits.
    Sha256,
}

/// What a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChecksumType {
    /// The object's bytes.
    FullObject,
    /// The checksums of its parts.
    Composite,
}

impl ChecksumAlgorithm {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::Crc64Nvme, Self::Crc32, Self::Crc32c, Self::Sha1, Self::Sha256];

    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The number that stored rows use. Never changed, never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Crc64Nvme => 0,
            Self::Crc32 => 1,
            Self::Crc32c => 2,
            Self::Sha1 => 3,
            Self::Sha256 => 4,
        }
    }

    /// The algorithm of a stored number; `None` when this version does not know it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// How many bytes a digest has.
    #[must_use]
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether an upload may have a checksum of this type.
    ///
    /// CRCs of parts combine to that of the whole, hashes do not; CRC64NVME is never composite.
    ///
    /// Law: S3, checksum types of multipart uploads.
    #[must_use]
    pub const fn allows(self, kind: ChecksumType) -> bool {
        match (self, kind) {
            (Self::Crc64Nvme, ChecksumType::Composite)
            | (Self::Sha1 | Self::Sha256, ChecksumType::FullObject) => false,
            (Self::Crc64Nvme | Self::Crc32 | Self::Crc32c, ChecksumType::FullObject)
            | (Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256, ChecksumType::Composite) => {
                true
            }
        }
    }

    /// The type that an upload gets which asks for none.
    ///
    /// Law: S3, checksum types of multipart uploads.
    #[must_use]
    pub const fn upload_type_default(self) -> ChecksumType {
        match self {
            Self::Crc64Nvme => ChecksumType::FullObject,
            Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256 => ChecksumType::Composite,
        }
    }

    /// Algorithm and type of an upload that asked for these.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a type without an algorithm, or one that it does not allow.
    ///
    /// Law: S3, checksum types of multipart uploads.
    pub fn for_upload(
        algorithm: Option<Self>,
        kind: Option<ChecksumType>,
    ) -> Result<(Self, ChecksumType)> {
        let (algorithm, kind) = match (algorithm, kind) {
            (None, None) => (Self::Crc64Nvme, ChecksumType::FullObject),
            (None, Some(_)) => {
                return Err(Error::invalid_request(
                    "a checksum type needs a checksum algorithm beside it",
                ));
            }
            (Some(algorithm), None) => (algorithm, algorithm.upload_type_default()),
            (Some(algorithm), Some(kind)) => (algorithm, kind),
        };
        if !algorithm.allows(kind) {
            return Err(Error::invalid_request(format!(
                "checksum type {kind} cannot be used with algorithm {algorithm}"
            )));
        }
        Ok((algorithm, kind))
    }
}

impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ChecksumAlgorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or_else(|| {
            Error::invalid_request(format!(
                "checksum algorithm `{text}` is not one of CRC64NVME, CRC32, CRC32C, SHA1, SHA256"
            ))
        })
    }
}

impl ChecksumType {
    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

impl fmt::Display for ChecksumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ChecksumType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "FULL_OBJECT" => Ok(Self::FullObject),
            "COMPOSITE" => Ok(Self::Composite),
            _ => Err(Error::invalid_request(format!(
                "checksum type `{text}` is not one of FULL_OBJECT, COMPOSITE"
            ))),
        }
    }
}

/// A checksum: algorithm, digest, and for a composite one the number of parts.
///
/// Text: the base64 of the digest, big-endian, with `-N` after it when composite of N parts.
///
/// Law: S3, checksum algorithms.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    /// 0 for that of a full object.
    parts: u32,
    /// Bytes past the algorithm's length are 0.
    digest: [u8; DIGEST_BYTES_MAX],
}

const DIGEST_BYTES_MAX: usize = 32;

impl Checksum {
    /// The checksum of bytes that are at hand whole.
    ///
    /// Law: W71. Law: W72.
    #[must_use]
    pub fn of_bytes(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// One of the object's bytes, from its digest; `None` when the digest has the wrong length.
    #[must_use]
    pub fn full(algorithm: ChecksumAlgorithm, digest: &[u8]) -> Option<Self> {
        Self::new(algorithm, digest, 0)
    }

    /// One of `parts` parts, from its digest; `None` when the digest has the wrong length, there are
    /// no parts, or the algorithm is never composite.
    #[must_use]
    pub fn composite(algorithm: ChecksumAlgorithm, digest: &[u8], parts: u32) -> Option<Self> {
        if parts == 0 || !algorithm.allows(ChecksumType::Composite) {
            return None;
        }
        Self::new(algorithm, digest, parts)
    }

    /// Reads the text of a checksum.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when it is not base64, of the wrong length, or has parts where it
    /// cannot.
    ///
    /// Law: S3, checksum values.
    pub fn parse(algorithm: ChecksumAlgorithm, text: &str) -> Result<Self> {
        let read = || {
            let (digest, parts) = match text.split_once('-') {
                None => (text, None),
                Some((digest, parts)) => (digest, Some(parse_parts(parts)?)),
            };
            let digest = BASE64.decode(digest).ok()?;
            match parts {
                None => Self::full(algorithm, &digest),
                Some(parts) => Self::composite(algorithm, &digest, parts),
            }
        };
        read().ok_or_else(|| {
            Error::invalid_request(format!(
                "`{text}` is not a value of {algorithm}, which is the base64 of {} bytes",
                algorithm.digest_bytes()
            ))
        })
    }

    /// The checksum of parts in order, computed from theirs: the CRC of the whole without reading it
    /// again. Each part comes with its length.
    ///
    /// `None` when the algorithm is no CRC, or a part's checksum is of another kind.
    ///
    /// Cost: below 100 ns a part, and a few microseconds more whenever the length changes.
    ///
    /// Law: S3, full object checksums of multipart uploads.
    #[must_use]
    pub fn merged(
        algorithm: ChecksumAlgorithm,
        parts: impl IntoIterator<Item = (Self, u64)>,
    ) -> Option<Self> {
        let mut combiner = Combiner::new(algorithm)?;
        let whole = parts.into_iter().try_fold(0, |whole, (part, len)| {
            let part = part.is_full_of(algorithm).then(|| part.as_crc())?;
            Some(combiner.combine(whole, part, len))
        })?;
        Some(Self::from_crc(algorithm, whole))
    }

    /// The checksum of the checksums of parts, in order.
    ///
    /// `None` without parts, when the algorithm is never composite, or a part's checksum is of
    /// another kind.
    ///
    /// Law: S3, composite checksums of multipart uploads.
    #[must_use]
    pub fn of_parts(
        algorithm: ChecksumAlgorithm,
        parts: impl IntoIterator<Item = Self>,
    ) -> Option<Self> {
        let mut hasher = Hasher::new(algorithm);
        let mut count: u32 = 0;
        for part in parts {
            if !part.is_full_of(algorithm) {
                return None;
            }
            hasher.update(part.digest());
            count = count.checked_add(1)?;
        }
        Self::composite(algorithm, hasher.finish().digest(), count)
    }

    /// How it was computed.
    #[must_use]
    pub const fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// What it covers.
    #[must_use]
    pub const fn kind(&self) -> ChecksumType {
        if self.parts == 0 { ChecksumType::FullObject } else { ChecksumType::Composite }
    }

    /// Of how many parts it is composed; `None` for one of a full object.
    #[must_use]
    pub const fn parts(&self) -> Option<u32> {
        if self.parts == 0 { None } else { Some(self.parts) }
    }

    /// The digest's bytes, big-endian.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest[..self.algorithm.digest_bytes()]
    }

    /// Compares this one, computed from a body, with the `announced` one.
    ///
    /// # Errors
    /// [`Error::BadDigest`] when they differ.
    ///
    /// Law: S3, checksum values.
    pub fn check(&self, announced: &Self) -> Result<()> {
        if self == announced {
            return Ok(());
        }
        Err(Error::BadDigest {
            algorithm: announced.algorithm.as_str(),
            expected: announced.to_string().into(),
            found: self.to_string().into(),
        })
    }

    fn new(algorithm: ChecksumAlgorithm, digest: &[u8], parts: u32) -> Option<Self> {
        if digest.len() != algorithm.digest_bytes() {
            return None;
        }
        let mut bytes = [0; DIGEST_BYTES_MAX];
        bytes[..digest.len()].copy_from_slice(digest);
        Some(Self { algorithm, parts, digest: bytes })
    }

    /// A CRC as a number, which has its digest in the low bytes.
    fn from_crc(algorithm: ChecksumAlgorithm, crc: u64) -> Self {
        let word = crc.to_be_bytes();
        Self::full(algorithm, &word[word.len() - algorithm.digest_bytes()..])
            .expect("a CRC has at most 8 bytes")
    }

    /// The checksum that is a CRC-64/NVME.
    #[must_use]
    pub fn of_crc64(crc: u64) -> Self {
        Self::from_crc(ChecksumAlgorithm::Crc64Nvme, crc)
    }

    fn as_crc(&self) -> u64 {
        self.digest().iter().fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    fn is_full_of(&self, algorithm: ChecksumAlgorithm) -> bool {
        self.algorithm == algorithm && self.parts == 0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = BASE64.encode(self.digest());
        match self.parts() {
            None => f.pad(&digest),
            Some(parts) => write!(f, "{digest}-{parts}"),
        }
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.algorithm)
    }
}

fn parse_parts(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
