//! `Action`: what a request wants to do, by AWS's names.

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident),+ $(,)?) => {
        /// One action of the S3 family.
        ///
        /// Law: Service Authorization Reference, actions defined by Amazon S3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $action,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action),+];

            /// The name that policies use: `s3:GetObject`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => concat!("s3:", stringify!($action)),)+
                }
            }
        }
    };
}

actions! {
    // The store.
    /// Make a bucket.
    CreateBucket,
    /// List the buckets.
    ListAllMyBuckets,

    // A bucket.
    /// Remove an empty bucket.
    DeleteBucket,
    /// List objects; see whether a bucket exists.
    ListBucket,
    /// List versions.
    ListBucketVersions,
    /// List uploads in progress.
    ListBucketMultipartUploads,
    /// See where a bucket is.
    GetBucketLocation,
    /// See a bucket's versioning.
    GetBucketVersioning,
    /// Set a bucket's versioning.
    PutBucketVersioning,
    /// See a bucket's tags.
    GetBucketTagging,
    /// Set or remove a bucket's tags.
    PutBucketTagging,
    /// See a bucket's object lock.
    GetBucketObjectLockConfiguration,
    /// Set a bucket's object lock.
    PutBucketObjectLockConfiguration,
    /// See a bucket's lifecycle.
    GetLifecycleConfiguration,
    /// Set or remove a bucket's lifecycle.
    PutLifecycleConfiguration,
    /// Configure who is told of a bucket's changes; trim its change feed.
    PutBucketNotification,

    // An object.
    /// Read an object or its metadata.
    GetObject,
    /// Read a version by its id.
    GetObjectVersion,
    /// Read what is known of an object.
    GetObjectAttributes,
    /// Read what is known of a version by its id.
    GetObjectVersionAttributes,
    /// Write an object: put, copy to, append, and every step of an upload.
    PutObject,
    /// Delete an object, leaving a marker where versions are kept.
    DeleteObject,
    /// Delete a version for good, by its id.
    DeleteObjectVersion,
    /// Bring back a copy of an archived object.
    RestoreObject,

    // Its tags.
    /// Read an object's tags.
    GetObjectTagging,
    /// Read a version's tags, by its id.
    GetObjectVersionTagging,
    /// Set an object's tags.
    PutObjectTagging,
    /// Set a version's tags, by its id.
    PutObjectVersionTagging,
    /// Remove an object's tags.
    DeleteObjectTagging,
    /// Remove a version's tags, by its id.
    DeleteObjectVersionTagging,

    // Its locks.
    /// Read a version's retention.
    GetObjectRetention,
    /// Set a version's retention.
    PutObjectRetention,
    /// Delete under governance, or loosen it.
    BypassGovernanceRetention,
    /// Read a version's legal hold.
    GetObjectLegalHold,
    /// Set a version's legal hold.
    PutObjectLegalHold,

    // Uploads.
    /// List the parts of an upload.
    ListMultipartUploadParts,
    /// Give an upload up.
    AbortMultipartUpload,
}

impl Action {
    /// It is on an object that is there already, whose tags policies may ask for.
    ///
    /// Law: Service Authorization Reference, actions to which s3:ExistingObjectTag applies.
    pub(crate) const fn is_on_existing_object(self) -> bool {
        matches!(
            self,
            Self::GetObject
                | Self::GetObjectVersion
                | Self::GetObjectAttributes
                | Self::GetObjectVersionAttributes
                | Self::GetObjectTagging
                | Self::GetObjectVersionTagging
                | Self::PutObjectTagging
                | Self::PutObjectVersionTagging
                | Self::DeleteObjectTagging
                | Self::DeleteObjectVersionTagging
                | Self::GetObjectRetention
                | Self::PutObjectRetention
                | Self::GetObjectLegalHold
                | Self::PutObjectLegalHold
                | Self::RestoreObject
        )
    }

    /// The action of a policy's name; `None` when there is none of that name here.
    ///
    /// Names in policies are read without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: Service Authorization Reference, actions to which s3:ExistingObjectTag applies.
    #[test]
    fn tags_are_asked_for_where_an_object_is_read_and_not_where_one_is_written_or_deleted() {
        for (action, expected) in [
            (Action::GetObject, true),
            (Action::GetObjectVersion, true),
            (Action::PutObjectTagging, true),
            (Action::DeleteObjectVersionTagging, true),
            (Action::PutObjectRetention, true),
            (Action::PutObject, false),
            (Action::DeleteObject, false),
            (Action::DeleteObjectVersion, false),
            (Action::BypassGovernanceRetention, false),
            (Action::ListBucket, false),
            (Action::AbortMultipartUpload, false),
        ] {
            assert_eq!(action.is_on_existing_object(), expected, "{action}");
        }
    }

    // Law-test: Service Authorization Reference, actions defined by Amazon S3.
    #[test]
    fn every_action_has_a_name_that_reads_back() {
        for &action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
            assert!(action.as_str().starts_with("s3:"));
        }
        assert_eq!(Action::GetObject.to_string(), "s3:GetObject");
        assert_eq!(Action::parse("S3:getobject"), Some(Action::GetObject));
        assert_eq!(Action::parse("GetObject"), None);
        assert_eq!(Action::parse("s3:*"), None);
    }
}
