//! A key of the key service: what it is, in which state, and its materials.

use super::{KmsError, grant::Grant};
use crate::{hex, xaes::WrappingKey};
use cistern_storage_core::Timestamp;
use std::{collections::BTreeMap, fmt, sync::Arc};
use zeroize::Zeroizing;

/// What kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySpec {
    /// `SYMMETRIC_DEFAULT`: AES-256.
    #[default]
    Symmetric,
    /// `HMAC_224`.
    Hmac224,
    /// `HMAC_256`.
    Hmac256,
    /// `HMAC_384`.
    Hmac384,
    /// `HMAC_512`.
    Hmac512,
}

/// What a key is for; its spec says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyUsage {
    /// `ENCRYPT_DECRYPT`.
    EncryptDecrypt,
    /// `GENERATE_VERIFY_MAC`.
    GenerateVerifyMac,
}

impl KeyUsage {
    /// KMS's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EncryptDecrypt => "ENCRYPT_DECRYPT",
            Self::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
        }
    }
}

/// Every spec, its name, its number in rows, and how many bytes its material has.
const SPECS: [(KeySpec, &str, u8, usize); 5] = [
    (KeySpec::Symmetric, "SYMMETRIC_DEFAULT", 1, 32),
    (KeySpec::Hmac224, "HMAC_224", 2, 28),
    (KeySpec::Hmac256, "HMAC_256", 3, 32),
    (KeySpec::Hmac384, "HMAC_384", 4, 48),
    (KeySpec::Hmac512, "HMAC_512", 5, 64),
];

impl KeySpec {
    fn facts(self) -> (KeySpec, &'static str, u8, usize) {
        *SPECS.iter().find(|facts| facts.0 == self).expect("every spec is in the table")
    }

    /// KMS's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().1
    }

    pub(crate) fn number(self) -> u8 {
        self.facts().2
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        SPECS.iter().find(|facts| facts.2 == number).map(|facts| facts.0)
    }

    pub(crate) fn material_bytes(self) -> usize {
        self.facts().3
    }

    /// What a key of this kind is for.
    #[must_use]
    pub fn usage(self) -> KeyUsage {
        match self {
            Self::Symmetric => KeyUsage::EncryptDecrypt,
            _ => KeyUsage::GenerateVerifyMac,
        }
    }
}

/// Where a key's material comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyOrigin {
    /// `AWS_KMS`: made here.
    #[default]
    Service,
    /// `EXTERNAL`: imported.
    External,
}

/// Who made a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyManager {
    /// `CUSTOMER`.
    #[default]
    Customer,
    /// `AWS`: made by the service on first use, for `alias/aws/s3`.
    Service,
}

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStatus {
    /// It can be used.
    Enabled,
    /// It cannot be used until it is enabled.
    Disabled,
    /// It will be gone.
    PendingDeletion {
        /// When.
        at: Timestamp,
    },
    /// It has no material, or has it no longer.
    PendingImport,
}

impl KeyStatus {
    /// KMS's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion { .. } => "PendingDeletion",
            Self::PendingImport => "PendingImport",
        }
    }
}

/// How a material came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationKind {
    /// With the key, by import or by making.
    First,
    /// Because it was time.
    Automatic,
    /// Because somebody asked.
    OnDemand,
}

/// One backing material: the newest encrypts, all decrypt.
#[derive(Clone)]
pub(crate) struct Material {
    pub(crate) id: [u8; 32],
    pub(crate) created: Timestamp,
    pub(crate) kind: RotationKind,
    /// Not there when it was imported and is gone again.
    pub(crate) secret: Option<Secret>,
    pub(crate) expires: Option<Timestamp>,
}

/// The bytes of a material, and the cipher under them where it is one of AES.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) bytes: Arc<Zeroizing<Vec<u8>>>,
    pub(crate) wrapping: Option<Arc<WrappingKey>>,
}

/// Which key rotates by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) period_days: u16,
    pub(crate) next: Timestamp,
}

/// What lets material in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImportToken {
    pub(crate) token: [u8; 32],
    pub(crate) until: Timestamp,
}

/// All there is to know of a key.
#[derive(Clone)]
pub(crate) struct KeyRecord {
    pub(crate) id: KeyUuid,
    pub(crate) spec: KeySpec,
    pub(crate) origin: KeyOrigin,
    pub(crate) manager: KeyManager,
    pub(crate) status: KeyStatus,
    pub(crate) created: Timestamp,
    pub(crate) description: String,
    pub(crate) policy: Option<String>,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) on_demand: u8,
    pub(crate) materials: Vec<Material>,
    pub(crate) import: Option<ImportToken>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Kept in rows of their own.
    pub(crate) grants: Vec<Arc<Grant>>,
}

/// The id of a key: a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyUuid(pub(crate) [u8; 16]);

impl KeyUuid {
    /// A random one, version 4 of RFC 9562.
    pub(crate) fn draw(entropy: &dyn cistern_storage_core::port::Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
        if text.len() != 36 || dashes != [8, 13, 18, 23] {
            return None;
        }
        hex::decode(&text.replace('-', ""))?.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex::encode(&self.0);
        let (first, rest) = digits.split_at(8);
        write!(f, "{first}-{}-{}-{}-{}", &rest[..4], &rest[4..8], &rest[8..12], &rest[12..])
    }
}

impl Secret {
    pub(crate) fn new(spec: KeySpec, bytes: Zeroizing<Vec<u8>>) -> Self {
        let key = crate::Key256::from_slice(&bytes).filter(|_| spec == KeySpec::Symmetric);
        let wrapping = key.map(|key| Arc::new(WrappingKey::new(&key)));
        Self { bytes: Arc::new(bytes), wrapping }
    }
}

impl KeyRecord {
    /// The material that encrypts.
    pub(crate) fn current(&self) -> Result<(&Material, &Secret), KmsError> {
        let newest = self.materials.last();
        newest.and_then(|material| Some((material, material.secret.as_ref()?))).ok_or_else(|| {
            KmsError::InvalidState { arn: self.id.to_string(), is: "is pending import" }
        })
    }

    /// The material whose id begins so.
    pub(crate) fn material(&self, prefix: [u8; 8]) -> Option<(&Material, &Secret)> {
        let found = self.materials.iter().find(|material| material.id.starts_with(&prefix))?;
        Some((found, found.secret.as_ref()?))
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRecord({}, {})", self.id, self.status.name())
    }
}

/// What `DescribeKey` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyMetadata {
    /// The UUID.
    pub id: String,
    /// The whole name.
    pub arn: String,
    /// The account it is of.
    pub account: String,
    /// What kind of key.
    pub spec: KeySpec,
    /// Where its material comes from.
    pub origin: KeyOrigin,
    /// Who made it.
    pub manager: KeyManager,
    /// Its state.
    pub status: KeyStatus,
    /// Since when it is there.
    pub created: Timestamp,
    /// What somebody wrote about it.
    pub description: String,
    /// Which material encrypts, if there is one.
    pub current_material: Option<String>,
    /// When imported material ends, if it does.
    pub valid_to: Option<Timestamp>,
}
