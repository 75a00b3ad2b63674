//! `ObjectOwnership`: who owns what is written into a bucket, and whether ACLs count there.

/// A bucket's mode.
///
/// Law: S3, modes of object ownership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ObjectOwnership {
    /// The bucket's owner owns everything in it, and ACLs are off.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner owns what is given to him with full control.
    BucketOwnerPreferred,
    /// Whoever wrote an object owns it.
    ObjectWriter,
}

impl ObjectOwnership {
    /// By S3's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "BucketOwnerEnforced" => Some(Self::BucketOwnerEnforced),
            "BucketOwnerPreferred" => Some(Self::BucketOwnerPreferred),
            "ObjectWriter" => Some(Self::ObjectWriter),
            _ => None,
        }
    }

    /// ACLs count.
    #[must_use]
    pub fn has_acls(self) -> bool {
        self != Self::BucketOwnerEnforced
    }

    /// Who owns an object that `writer` writes with a canned ACL.
    #[must_use]
    pub fn owner_of_new<'a>(
        self,
        bucket_owner: &'a str,
        writer: &'a str,
        canned_acl: Option<&str>,
    ) -> &'a str {
        match self {
            Self::BucketOwnerEnforced => bucket_owner,
            Self::BucketOwnerPreferred if canned_acl == Some("bucket-owner-full-control") => {
                bucket_owner
            }
            Self::BucketOwnerPreferred | Self::ObjectWriter => writer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: S3, modes of object ownership.
    #[test]
    fn the_mode_decides_who_owns_what_is_written() {
        let full = Some("bucket-owner-full-control");
        for (name, without, with, has_acls) in [
            ("BucketOwnerEnforced", "owner", "owner", false),
            ("BucketOwnerPreferred", "writer", "owner", true),
            ("ObjectWriter", "writer", "writer", true),
        ] {
            let mode = ObjectOwnership::parse(name).unwrap();
            assert_eq!(mode.owner_of_new("owner", "writer", None), without);
            assert_eq!(mode.owner_of_new("owner", "writer", full), with);
            assert_eq!(mode.has_acls(), has_acls);
        }
        assert_eq!(ObjectOwnership::parse("Nobody"), None);
        assert_eq!(ObjectOwnership::default(), ObjectOwnership::BucketOwnerEnforced);
    }
}
