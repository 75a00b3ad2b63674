//! What can be asked of the key service, and what is true of each call: one table.

use super::KmsError;
use crate::kms::key::{KeyRecord, KeyStatus, KeyUsage};

macro_rules! operations {
    ($($name:ident: $quota:ident, $effect:ident, $states:ident;)+) => {
        /// One operation of KMS.
        ///
        /// Law: KMS, which operation works in which state of a key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($name), "`.")] $name,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// KMS's name of it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The name that policies use: `kms:Decrypt`.
            #[must_use]
            pub fn action(self) -> &'static str {
                match self { $(Self::$name => concat!("kms:", stringify!($name)),)+ }
            }

            /// The quota that it counts against.
            #[must_use]
            pub fn quota(self) -> Quota {
                match self { $(Self::$name => Quota::$quota,)+ }
            }

            /// True when audit events call it reading.
            #[must_use]
            pub fn is_read_only(self) -> bool {
                match self { $(Self::$name => Effect::$effect == Effect::Reads,)+ }
            }

            fn states(self) -> States {
                match self { $(Self::$name => States::$states,)+ }
            }
        }
    };
}

#[derive(PartialEq, Eq)]
enum Effect {
    Reads,
    Writes,
}

/// In which states of a key an operation works.
#[derive(Clone, Copy, PartialEq, Eq)]
enum States {
    Any,
    /// Enabled alone.
    Enabled,
    /// Any but pending deletion.
    NotDying,
    /// Any but pending deletion and pending import.
    Complete,
    /// Pending deletion alone.
    Dying,
    /// Pending import alone, or a key that has its material already.
    Importing,
}

operations! {
    CreateKey: Rare, Writes, Any;
    DescribeKey: DescribeKey, Reads, Any;
    ListKeys: Lists, Reads, Any;
    EnableKey: Rare, Writes, Complete;
    DisableKey: Rare, Writes, Complete;
    ScheduleKeyDeletion: Changes, Writes, NotDying;
    CancelKeyDeletion: Rare, Writes, Dying;
    UpdateKeyDescription: Rare, Writes, NotDying;
    CreateAlias: Rare, Writes, NotDying;
    UpdateAlias: Rare, Writes, NotDying;
    DeleteAlias: Rare, Writes, Any;
    ListAliases: Lists, Reads, Any;
    PutKeyPolicy: Changes, Writes, Any;
    GetKeyPolicy: Policies, Reads, Any;
    CreateGrant: CreateGrant, Writes, Enabled;
    ListGrants: Lists, Reads, Any;
    RetireGrant: RevokeGrant, Writes, Any;
    RevokeGrant: RevokeGrant, Writes, Any;
    Encrypt: Cryptographic, Reads, Enabled;
    Decrypt: Cryptographic, Reads, Enabled;
    ReEncrypt: Cryptographic, Reads, Enabled;
    GenerateDataKey: Cryptographic, Reads, Enabled;
    GenerateDataKeyWithoutPlaintext: Cryptographic, Reads, Enabled;
    GenerateRandom: Cryptographic, Reads, Any;
    GenerateMac: Cryptographic, Reads, Enabled;
    VerifyMac: Cryptographic, Reads, Enabled;
    EnableKeyRotation: Changes, Writes, Enabled;
    DisableKeyRotation: Rare, Writes, Enabled;
    GetKeyRotationStatus: Policies, Reads, NotDying;
    RotateKeyOnDemand: Rare, Writes, Enabled;
    ListKeyRotations: Lists, Reads, Any;
    RotateKey: Unlimited, Writes, Any;
    GetParametersForImport: Rare, Writes, Importing;
    ImportKeyMaterial: Rare, Writes, Importing;
    DeleteImportedKeyMaterial: Rare, Writes, NotDying;
    TagResource: Rare, Writes, NotDying;
    UntagResource: Rare, Writes, NotDying;
    ListResourceTags: Lists, Reads, Any;
}

/// Which calls count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quota {
    /// Everything that uses a key.
    Cryptographic,
    /// `DescribeKey`.
    DescribeKey,
    /// Reading policies and the state of rotation.
    Policies,
    /// Lists.
    Lists,
    /// `CreateGrant`.
    CreateGrant,
    /// Revoking and retiring grants.
    RevokeGrant,
    /// Policies, rotation, scheduled deletion.
    Changes,
    /// Everything that nobody does often.
    Rare,
    /// What nobody asks for.
    Unlimited,
}

impl Operation {
    /// Whether it works on `key` as it is now.
    pub(crate) fn check_state(self, key: &KeyRecord, arn: &str) -> Result<(), KmsError> {
        let is = |is| Err(KmsError::InvalidState { arn: arn.to_owned(), is });
        match (key.status, self.states()) {
            (KeyStatus::PendingDeletion { .. }, States::Any | States::Dying) => Ok(()),
            (KeyStatus::PendingDeletion { .. }, _) => is("is pending deletion"),
            (_, States::Dying) => is("is not pending deletion"),
            (KeyStatus::Disabled, States::Enabled) => {
                Err(KmsError::Disabled { arn: arn.to_owned() })
            }
            (KeyStatus::PendingImport, States::Enabled | States::Complete) => {
                is("is pending import")
            }
            _ => Ok(()),
        }
    }

    /// Whether `key` is for this.
    pub(crate) fn check_usage(self, key: &KeyRecord, arn: &str) -> Result<(), KmsError> {
        let wanted = match self {
            Self::GenerateMac | Self::VerifyMac => KeyUsage::GenerateVerifyMac,
            Self::Encrypt
            | Self::Decrypt
            | Self::ReEncrypt
            | Self::GenerateDataKey
            | Self::GenerateDataKeyWithoutPlaintext => KeyUsage::EncryptDecrypt,
            _ => return Ok(()),
        };
        if key.spec.usage() == wanted {
            return Ok(());
        }
        let (usage, operation) = (key.spec.usage().name(), self.name());
        Err(KmsError::InvalidKeyUsage { arn: arn.to_owned(), usage, operation })
    }
}
