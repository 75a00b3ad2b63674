//! The actions that S3 has, and what each is about.

use crate::action::ActionPattern;

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Account,
    Bucket,
    Object,
}

/// What the actions are about that match a pattern in small letters.
///
/// Law: S3, a bucket policy names actions that S3 has.
pub(crate) fn matching(pattern: &str) -> impl Iterator<Item = Of> {
    let pattern = ActionPattern::new(pattern);
    let lists = [(ACCOUNT, Of::Account), (BUCKET, Of::Bucket), (OBJECT, Of::Object)];
    lists
        .into_iter()
        .flat_map(|(names, of)| names.iter().map(move |name| (*name, of)))
        .filter(move |(name, _)| pattern.matches_lower(&format!("s3:{}", name.to_lowercase())))
        .map(|(_, of)| of)
}

/// What an action is about; `None` when S3 has none of that name, in small letters.
#[cfg(test)]
pub(crate) fn of(lower_name: &str) -> Option<Of> {
    let is_in = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(lower_name));
    if is_in(OBJECT) {
        Some(Of::Object)
    } else if is_in(BUCKET) {
        Some(Of::Bucket)
    } else {
        is_in(ACCOUNT).then_some(Of::Account)
    }
}

const ACCOUNT: &[&str] = &[
    "CreateJob",
    "DescribeJob",
    "GetAccessPoint",
    "GetAccountPublicAccessBlock",
    "ListAccessPoints",
    "ListAllMyBuckets",
    "ListJobs",
    "ListStorageLensConfigurations",
    "PutAccountPublicAccessBlock",
    "PutStorageLensConfiguration",
];

const BUCKET: &[&str] = &[
    "CreateAccessPoint",
    "CreateBucket",
    "CreateBucketMetadataTableConfiguration",
    "DeleteAccessPoint",
    "DeleteAccessPointPolicy",
    "DeleteBucket",
    "DeleteBucketMetadataTableConfiguration",
    "DeleteBucketPolicy",
    "DeleteBucketWebsite",
    "GetAccelerateConfiguration",
    "GetAccessPointPolicy",
    "GetAccessPointPolicyStatus",
    "GetAnalyticsConfiguration",
    "GetBucketAcl",
    "GetBucketCORS",
    "GetBucketLocation",
    "GetBucketLogging",
    "GetBucketMetadataTableConfiguration",
    "GetBucketNotification",
    "GetBucketObjectLockConfiguration",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketPublicAccessBlock",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketWebsite",
    "GetEncryptionConfiguration",
    "GetIntelligentTieringConfiguration",
    "GetInventoryConfiguration",
    "GetLifecycleConfiguration",
    "GetMetricsConfiguration",
    "GetReplicationConfiguration",
    "ListBucket",
    "ListBucketMultipartUploads",
    "ListBucketVersions",
    "PutAccelerateConfiguration",
    "PutAccessPointPolicy",
    "PutAnalyticsConfiguration",
    "PutBucketAcl",
    "PutBucketCORS",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketObjectLockConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketRequestPayment",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutEncryptionConfiguration",
    "PutIntelligentTieringConfiguration",
    "PutInventoryConfiguration",
    "PutLifecycleConfiguration",
    "PutMetricsConfiguration",
    "PutReplicationConfiguration",
];

const OBJECT: &[&str] = &[
    "AbortMultipartUpload",
    "BypassGovernanceRetention",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjectVersion",
    "DeleteObjectVersionTagging",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "GetObjectVersion",
    "GetObjectVersionAcl",
    "GetObjectVersionAttributes",
    "GetObjectVersionForReplication",
    "GetObjectVersionTagging",
    "GetObjectVersionTorrent",
    "InitiateReplication",
    "ListMultipartUploadParts",
    "ObjectOwnerOverrideToBucketOwner",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
    "ReplicateDelete",
    "ReplicateObject",
    "ReplicateTags",
    "RestoreObject",
    "UpdateObjectEncryption",
];

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: S3, a bucket policy names actions that S3 has.
    #[test]
    fn a_pattern_matches_actions_that_exist() {
        assert_eq!(matching("s3:getobject").collect::<Vec<_>>(), [Of::Object]);
        assert_eq!(matching("s3:getobjects").count(), 0);
        assert_eq!(matching("s3:*").count(), ACCOUNT.len() + BUCKET.len() + OBJECT.len());
        assert!(matching("s3:listbucket*").all(|of| of == Of::Bucket));
    }

    #[test]
    fn an_action_is_about_one_thing() {
        assert_eq!(of("getobject"), Some(Of::Object));
        assert_eq!(of("listbucket"), Some(Of::Bucket));
        assert_eq!(of("listallmybuckets"), Some(Of::Account));
        assert_eq!(of("fly"), None);
        for name in BUCKET.iter().chain(OBJECT) {
            let everywhere = ACCOUNT.iter().chain(BUCKET).chain(OBJECT);
            assert_eq!(everywhere.filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}
