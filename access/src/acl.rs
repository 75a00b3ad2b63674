//! `Acl`: grants on a bucket or an object, the older way of sharing.

use crate::{
    action::Action,
    caller::{Caller, CallerKind},
    principal::{CanonicalIds, Level},
};

/// The owner of what an anonymous caller wrote.
pub const ANONYMOUS_OWNER: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

/// How many grants one ACL may have.
///
/// Law: S3, an ACL has at most 100 grants.
pub const GRANTS_MAX: usize = 100;

/// What an ACL is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AclTarget {
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// To whom a grant is made. Never a user: an account's users need a policy of their own, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// An account, by its number or its canonical ID.
    Account(Box<str>),
    /// Everybody.
    AllUsers,
    /// Everybody who signs.
    AuthenticatedUsers,
    /// The service that delivers logs.
    LogDelivery,
}

impl Grantee {
    /// Law: S3, a grant is public when it is to AllUsers or AuthenticatedUsers.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self, Self::AllUsers | Self::AuthenticatedUsers)
    }

    /// The level of a policy that would say the same.
    fn level(&self, caller: &Caller, ids: &CanonicalIds) -> Option<Level> {
        match self {
            Self::AllUsers => Some(Level::Direct),
            Self::AuthenticatedUsers => caller.account().map(|_| Level::Direct),
            Self::LogDelivery => {
                let name = caller.service_name()?;
                matches!(name, "logging.s3.amazonaws.com" | "delivery.logs.amazonaws.com")
                    .then_some(Level::Direct)
            }
            Self::Account(name) => {
                let account = caller.account()?;
                let is_own =
                    **name == *account || ids.iter().any(|(of, id)| **of == *account && id == name);
                let is_root = caller.kind() == CallerKind::Root;
                is_own.then_some(if is_root { Level::Direct } else { Level::Account })
            }
        }
    }
}

/// What a grant lets its grantee do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// List a bucket; read an object.
    Read,
    /// Put objects into a bucket.
    Write,
    /// Read the ACL.
    ReadAcp,
    /// Write the ACL.
    WriteAcp,
    /// All of these.
    FullControl,
}

const BUCKET_READ: [&str; 3] = ["listbucket", "listbucketversions", "listbucketmultipartuploads"];
const OWNER_WRITE: [&str; 2] = ["deleteobject", "deleteobjectversion"];

impl Permission {
    /// By S3's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "READ" => Some(Self::Read),
            "WRITE" => Some(Self::Write),
            "READ_ACP" => Some(Self::ReadAcp),
            "WRITE_ACP" => Some(Self::WriteAcp),
            "FULL_CONTROL" => Some(Self::FullControl),
            _ => None,
        }
    }

    /// Law: S3, what each permission of an ACL allows.
    fn allows(self, target: AclTarget, lower_name: &str, is_bucket_owner: bool) -> bool {
        let is_full = self == Self::FullControl;
        let read = is_full || self == Self::Read;
        let write = is_full || self == Self::Write;
        let read_acp = is_full || self == Self::ReadAcp;
        let write_acp = is_full || self == Self::WriteAcp;
        match target {
            AclTarget::Bucket => {
                read && BUCKET_READ.contains(&lower_name)
                    || write && lower_name == "putobject"
                    || write && is_bucket_owner && OWNER_WRITE.contains(&lower_name)
                    || read_acp && lower_name == "getbucketacl"
                    || write_acp && lower_name == "putbucketacl"
            }
            AclTarget::Object => {
                read && ["getobject", "getobjectversion"].contains(&lower_name)
                    || read_acp && ["getobjectacl", "getobjectversionacl"].contains(&lower_name)
                    || write_acp && ["putobjectacl", "putobjectversionacl"].contains(&lower_name)
            }
        }
    }
}

/// A grantee and what he may do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// Grants on a bucket or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    target: AclTarget,
    owner: Box<str>,
    grants: Vec<Grant>,
}

/// More grants than an ACL may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ACL has at most {GRANTS_MAX} grants, and this would have {found}")]
pub struct TooManyGrants {
    /// How many were given.
    pub found: usize,
}

impl Acl {
    /// With these grants and no other.
    ///
    /// # Errors
    /// [`TooManyGrants`] past [`GRANTS_MAX`].
    pub fn new(target: AclTarget, owner: &str, grants: Vec<Grant>) -> Result<Self, TooManyGrants> {
        if grants.len() > GRANTS_MAX {
            return Err(TooManyGrants { found: grants.len() });
        }
        Ok(Self { target, owner: owner.into(), grants })
    }

    /// A canned one; `bucket_owner` is the account of the bucket.
    ///
    /// `None` where S3 has none of that name for the target.
    ///
    /// Law: S3, canned ACLs.
    #[must_use]
    pub fn canned(name: &str, target: AclTarget, owner: &str, bucket_owner: &str) -> Option<Self> {
        let account = |name: &str| Grantee::Account(name.into());
        let extra: Vec<(Grantee, Permission)> = match (name, target) {
            ("private" | "aws-exec-read", _) => vec![],
            ("public-read", _) => vec![(Grantee::AllUsers, Permission::Read)],
            ("public-read-write", _) => {
                vec![(Grantee::AllUsers, Permission::Read), (Grantee::AllUsers, Permission::Write)]
            }
            ("authenticated-read", _) => vec![(Grantee::AuthenticatedUsers, Permission::Read)],
            ("bucket-owner-read", AclTarget::Object) => {
                vec![(account(bucket_owner), Permission::Read)]
            }
            ("bucket-owner-full-control", AclTarget::Object) => {
                vec![(account(bucket_owner), Permission::FullControl)]
            }
            ("log-delivery-write", AclTarget::Bucket) => vec![
                (Grantee::LogDelivery, Permission::Write),
                (Grantee::LogDelivery, Permission::ReadAcp),
            ],
            _ => return None,
        };
        let own = (account(owner), Permission::FullControl);
        let grants = std::iter::once(own).chain(extra);
        let grants = grants.map(|(grantee, permission)| Grant { grantee, permission }).collect();
        Some(Self { target, owner: owner.into(), grants })
    }

    /// What it is on.
    #[must_use]
    pub fn target(&self) -> AclTarget {
        self.target
    }

    /// The account that owns what it is on.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its grants.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// True when anybody, or anybody who signs, is granted something.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| grant.grantee.is_public())
    }

    /// The best level at which it allows, as a policy would.
    pub(crate) fn level(
        &self,
        caller: &Caller,
        action: &Action,
        bucket_owner: &str,
        ids: &CanonicalIds,
        ignores_public: bool,
    ) -> Option<Level> {
        if action.service() != "s3" {
            return None;
        }
        let is_bucket_owner = caller.account() == Some(bucket_owner);
        let allows = |grant: &&Grant| {
            !(ignores_public && grant.grantee.is_public())
                && grant.permission.allows(self.target, action.lower_name(), is_bucket_owner)
        };
        let allowing = self.grants.iter().filter(allows);
        allowing.filter_map(|grant| grant.grantee.level(caller, ids)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "100000000001";

    // Law-test: S3, what each permission of an ACL allows.
    #[test]
    fn a_permission_allows_its_own_actions() {
        use Permission::{FullControl, Read, ReadAcp, Write, WriteAcp};
        let table = [
            (AclTarget::Bucket, "listbucket", vec![Read]),
            (AclTarget::Bucket, "listbucketversions", vec![Read]),
            (AclTarget::Bucket, "getobject", vec![]),
            (AclTarget::Bucket, "putobject", vec![Write]),
            (AclTarget::Bucket, "getbucketacl", vec![ReadAcp]),
            (AclTarget::Bucket, "putbucketacl", vec![WriteAcp]),
            (AclTarget::Object, "getobjectversion", vec![Read]),
            (AclTarget::Object, "putobject", vec![]),
            (AclTarget::Object, "getobjectacl", vec![ReadAcp]),
            (AclTarget::Object, "putobjectversionacl", vec![WriteAcp]),
            (AclTarget::Object, "deleteobject", vec![]),
        ];
        for (target, name, by) in table {
            for permission in [Read, Write, ReadAcp, WriteAcp] {
                assert_eq!(permission.allows(target, name, false), by.contains(&permission));
            }
            assert_eq!(FullControl.allows(target, name, false), !by.is_empty(), "{name}");
        }
        assert!(Write.allows(AclTarget::Bucket, "deleteobject", true));
        assert!(!Write.allows(AclTarget::Bucket, "deleteobject", false));
    }

    // Law-test: S3, canned ACLs. Law-test: S3, a grant is public when it is to AllUsers or
    // AuthenticatedUsers.
    #[test]
    fn canned_acls_grant_what_they_are_named_for() {
        for (name, bucket, object, is_public) in [
            ("private", Some(1), Some(1), false),
            ("aws-exec-read", Some(1), Some(1), false),
            ("public-read", Some(2), Some(2), true),
            ("public-read-write", Some(3), Some(3), true),
            ("authenticated-read", Some(2), Some(2), true),
            ("bucket-owner-read", None, Some(2), false),
            ("bucket-owner-full-control", None, Some(2), false),
            ("log-delivery-write", Some(3), None, false),
            ("secret", None, None, false),
        ] {
            for (target, grants) in [(AclTarget::Bucket, bucket), (AclTarget::Object, object)] {
                let acl = Acl::canned(name, target, "200000000002", OWNER);
                assert_eq!(acl.as_ref().map(|acl| acl.grants().len()), grants, "{name}");
                assert!(acl.is_none_or(|acl| acl.is_public() == is_public), "{name}");
            }
        }
    }

    // Law-test: S3, an ACL has at most 100 grants.
    #[test]
    fn an_acl_has_at_most_so_many_grants() {
        let grant = Grant { grantee: Grantee::AllUsers, permission: Permission::Read };
        let acl = |count| Acl::new(AclTarget::Object, OWNER, vec![grant.clone(); count]);
        assert!(acl(GRANTS_MAX).is_ok());
        assert_eq!(acl(GRANTS_MAX + 1), Err(TooManyGrants { found: GRANTS_MAX + 1 }));
    }
}
