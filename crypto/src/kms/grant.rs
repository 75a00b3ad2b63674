//! Grants: permission for one principal, on one key, for named operations.

use super::operation::Operation;
use crate::context::EncryptionContext;
use cistern_storage_core::Timestamp;

/// What a grant gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Proves that the grant exists, where it may not be known yet.
    pub token: String,
    /// The ARN of who may.
    pub grantee: String,
    /// The ARN of who may retire it, beside the grantee.
    pub retiring: Option<String>,
    /// What may be done.
    pub operations: Vec<Operation>,
    /// With which context.
    pub constraint: GrantConstraint,
    /// A name, for people.
    pub name: Option<String>,
    /// Since when it is there.
    pub created: Timestamp,
}

/// What the context of a call must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantConstraint {
    /// Anything.
    #[default]
    None,
    /// `EncryptionContextEquals`.
    Equals(EncryptionContext),
    /// `EncryptionContextSubset`: these pairs, and perhaps others.
    Subset(EncryptionContext),
}

impl Grant {
    /// Whether it allows a call.
    ///
    /// Law: KMS, grants allow the operations they list, under their constraint on the context.
    pub(crate) fn allows(
        &self,
        principal: &str,
        operation: Operation,
        context: &EncryptionContext,
    ) -> bool {
        let fits = match &self.constraint {
            GrantConstraint::None => true,
            GrantConstraint::Equals(expected) => expected == context,
            GrantConstraint::Subset(expected) => expected.is_subset(context),
        };
        self.grantee == principal && self.operations.contains(&operation) && fits
    }
}

/// What a grant may list.
pub(crate) fn can_be_granted(operation: Operation) -> bool {
    use Operation as O;
    matches!(
        operation,
        O::Encrypt
            | O::Decrypt
            | O::ReEncrypt
            | O::GenerateDataKey
            | O::GenerateDataKeyWithoutPlaintext
            | O::GenerateMac
            | O::VerifyMac
            | O::CreateGrant
            | O::RetireGrant
            | O::DescribeKey
    )
}
