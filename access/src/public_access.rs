//! `PublicAccessBlock`, and what makes a policy public.

use crate::{
    access_point::Origin,
    acl::Acl,
    arn::Arn,
    caller::is_account,
    condition::Condition,
    operator::{Family, Quantifier},
    policy::{Policy, PolicyKind},
    principal::Principal,
    statement::{Effect, Statement},
};

/// The four flags of block public access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "S3 has these four flags")]
pub struct PublicAccessBlock {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Public grants count for nothing.
    pub ignore_public_acls: bool,
    /// New public policies are refused.
    pub block_public_policy: bool,
    /// While a public policy is stored, only the owner's account and services get in.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// As every new bucket has it.
    ///
    /// Law: S3, new buckets block all public access.
    pub const ALL: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };

    /// What is in force where both are.
    ///
    /// Law: S3, flags of the account, the bucket and the access point add up.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            block_public_acls: self.block_public_acls || other.block_public_acls,
            ignore_public_acls: self.ignore_public_acls || other.ignore_public_acls,
            block_public_policy: self.block_public_policy || other.block_public_policy,
            restrict_public_buckets: self.restrict_public_buckets || other.restrict_public_buckets,
        }
    }

    /// True when a new ACL is to be refused.
    #[must_use]
    pub fn refuses_acl(self, acl: &Acl) -> bool {
        self.block_public_acls && acl.is_public()
    }

    /// True when a new policy is to be refused; `origin` is that of the access point it is for.
    #[must_use]
    pub fn refuses_policy(self, policy: &Policy, origin: &Origin) -> bool {
        self.block_public_policy && is_public(policy, origin)
    }
}

/// True when a policy lets in more than fixed principals or fixed places.
///
/// `origin` is that of the access point whose policy it is; [`Origin::Internet`] for all else.
///
/// Law: S3, a policy is public unless every Allow is limited to fixed principals or by a positive
/// condition to fixed values.
#[must_use]
pub fn is_public(policy: &Policy, origin: &Origin) -> bool {
    let is_of_point = policy.kind() == PolicyKind::AccessPoint;
    // Law: S3, the policy of an access point of a VPC is never public.
    if is_of_point && matches!(origin, Origin::Vpc(_)) {
        return false;
    }
    let mut allows = policy.document().statements.iter().filter(|one| one.effect == Effect::Allow);
    allows.any(|statement| {
        !has_fixed_principals(statement)
            && !statement.conditions.iter().any(|condition| limits(condition, is_of_point))
    })
}

fn has_fixed_principals(statement: &Statement) -> bool {
    let Some(principals) = &statement.principals else { return false };
    let is_fixed = |principal: &Principal| match principal {
        Principal::Everyone | Principal::Federated(_) => false,
        Principal::Nobody(text) => !text.contains(['*', '?']),
        Principal::Account(_)
        | Principal::Named(_)
        | Principal::Service(_)
        | Principal::Canonical(_) => true,
    };
    !principals.is_negated && principals.entries.iter().all(is_fixed)
}

/// Keys whose fixed values tell who calls, or from where.
///
/// Law: S3, of the principal keys those that name an account, an organisation or a principal limit.
const LIMITING: [&str; 13] = [
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalServiceName",
    "aws:SourceArn",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceOwner",
    "aws:SourceAccount",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:DataAccessPointAccount",
];

/// Law: S3, IfExists, ForAllValues and negated operators do not make a policy less public.
fn limits(condition: &Condition, is_of_point: bool) -> bool {
    let operator = condition.operator;
    let is_positive =
        !operator.is_negated && !operator.if_exists && operator.quantifier != Some(Quantifier::All);
    if !is_positive {
        return false;
    }
    match operator.family {
        Family::Address => condition.key.is("aws:SourceIp") && condition.is_narrow(),
        Family::Text | Family::TextIgnoreCase | Family::TextLike | Family::Arn => {
            if condition.key.is("s3:DataAccessPointArn") {
                return !is_of_point && condition.texts().all(has_fixed_account);
            }
            condition.is_fixed() && LIMITING.iter().any(|key| condition.key.is(key))
        }
        _ => false,
    }
}

/// Law: S3, the name of an access point may be a wildcard where its account is fixed.
fn has_fixed_account(text: &str) -> bool {
    let Ok(arn) = Arn::parse(text) else { return false };
    let is_fixed = |segment: &str| !segment.contains(['*', '?', '$']);
    is_account(arn.account())
        && [arn.partition(), arn.service(), arn.region()].into_iter().all(is_fixed)
        && !arn.resource().contains("${")
}

#[cfg(test)]
mod tests;
