//! What has to be allowed for an operation: one check or several, all of which must be allowed.

use crate::arn::Resource;

/// An action on a resource that must be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Check {
    /// The action: `s3:GetObject`.
    pub action: Box<str>,
    /// The resource: an ARN, or `*`.
    pub resource: Box<str>,
}

/// What of an operation's parameters decides which checks it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is the presence of one parameter")]
pub struct Parameters<'a> {
    /// The bucket's name, or the ARN of an access point.
    pub bucket: Option<&'a str>,
    /// The object's key.
    pub key: Option<&'a str>,
    /// A version is named.
    pub is_versioned: bool,
    /// Objects to delete, with whether a version is named.
    pub objects: Vec<(&'a str, bool)>,
    /// The source of a copy.
    pub source: Option<Source<'a>>,
    /// The source's tags go with it.
    pub copies_tags: bool,
    /// An ACL or a grant is sent; of a bucket, one that is not private.
    pub has_acl: bool,
    /// Tags are sent.
    pub has_tags: bool,
    /// Retention is sent; of a bucket, object lock.
    pub has_retention: bool,
    /// A legal hold is sent.
    pub has_legal_hold: bool,
    /// Governance is to be bypassed.
    pub bypasses_governance: bool,
    /// The mode of object ownership is sent.
    pub has_ownership: bool,
    /// The ARN of the key that seals what is written or read, when it is one of KMS.
    pub kms_key: Option<&'a str>,
    /// The same for the source of a copy.
    pub source_kms_key: Option<&'a str>,
    /// The ARN of the stream.
    pub stream: Option<&'a str>,
    /// The ARN of the consumer.
    pub consumer: Option<&'a str>,
}

/// The source of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Its bucket.
    pub bucket: &'a str,
    /// Its key.
    pub key: &'a str,
    /// A version is named.
    pub is_versioned: bool,
}

/// Why the checks of an operation cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownChecks {
    /// There is none of that name here: whoever asks must refuse it.
    #[error("there is no operation {service}:{operation}")]
    NoSuchOperation {
        /// The service.
        service: Box<str>,
        /// The operation.
        operation: Box<str>,
    },
    /// A parameter is missing.
    #[error("{operation} needs the parameter {parameter}")]
    Missing {
        /// The operation.
        operation: Box<str>,
        /// The parameter.
        parameter: &'static str,
    },
}

/// What has to be allowed for an operation, sorted.
///
/// Law: S3, which permissions an operation needs.
///
/// # Errors
/// [`UnknownChecks`] for an operation that is not known, or too few parameters.
pub fn checks(
    service: &str,
    operation: &str,
    parameters: &Parameters<'_>,
) -> Result<Vec<Check>, UnknownChecks> {
    let mut list = List { operation, parameters, checks: Vec::new() };
    match service {
        "s3" => list.s3(operation)?,
        "kinesis" => list.kinesis(operation)?,
        "kms" => list.kms(operation)?,
        _ => return Err(list.no_such_operation(service)),
    }
    list.checks.sort();
    list.checks.dedup();
    Ok(list.checks)
}

/// Operations on a bucket whose permission has another name.
const BUCKET_NAMES: &[(&str, &str)] = &[
    ("DeleteBucketAnalyticsConfiguration", "PutAnalyticsConfiguration"),
    ("DeleteBucketCors", "PutBucketCORS"),
    ("DeleteBucketEncryption", "PutEncryptionConfiguration"),
    ("DeleteBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration"),
    ("DeleteBucketInventoryConfiguration", "PutInventoryConfiguration"),
    ("DeleteBucketLifecycle", "PutLifecycleConfiguration"),
    ("DeleteBucketMetricsConfiguration", "PutMetricsConfiguration"),
    ("DeleteBucketOwnershipControls", "PutBucketOwnershipControls"),
    ("DeleteBucketReplication", "PutReplicationConfiguration"),
    ("DeleteBucketTagging", "PutBucketTagging"),
    ("DeletePublicAccessBlock", "PutBucketPublicAccessBlock"),
    ("GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"),
    ("GetBucketAnalyticsConfiguration", "GetAnalyticsConfiguration"),
    ("GetBucketCors", "GetBucketCORS"),
    ("GetBucketEncryption", "GetEncryptionConfiguration"),
    ("GetBucketIntelligentTieringConfiguration", "GetIntelligentTieringConfiguration"),
    ("GetBucketInventoryConfiguration", "GetInventoryConfiguration"),
    ("GetBucketLifecycle", "GetLifecycleConfiguration"),
    ("GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"),
    ("GetBucketMetricsConfiguration", "GetMetricsConfiguration"),
    ("GetBucketNotificationConfiguration", "GetBucketNotification"),
    ("GetBucketReplication", "GetReplicationConfiguration"),
    ("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"),
    ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("HeadBucket", "ListBucket"),
    ("ListBucketAnalyticsConfigurations", "GetAnalyticsConfiguration"),
    ("ListBucketIntelligentTieringConfigurations", "GetIntelligentTieringConfiguration"),
    ("ListBucketInventoryConfigurations", "GetInventoryConfiguration"),
    ("ListBucketMetricsConfigurations", "GetMetricsConfiguration"),
    ("ListMultipartUploads", "ListBucketMultipartUploads"),
    ("ListObjectVersions", "ListBucketVersions"),
    ("ListObjects", "ListBucket"),
    ("ListObjectsV2", "ListBucket"),
    ("PutBucketAccelerateConfiguration", "PutAccelerateConfiguration"),
    ("PutBucketAnalyticsConfiguration", "PutAnalyticsConfiguration"),
    ("PutBucketCors", "PutBucketCORS"),
    ("PutBucketEncryption", "PutEncryptionConfiguration"),
    ("PutBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration"),
    ("PutBucketInventoryConfiguration", "PutInventoryConfiguration"),
    ("PutBucketLifecycle", "PutLifecycleConfiguration"),
    ("PutBucketLifecycleConfiguration", "PutLifecycleConfiguration"),
    ("PutBucketMetricsConfiguration", "PutMetricsConfiguration"),
    ("PutBucketNotificationConfiguration", "PutBucketNotification"),
    ("PutBucketReplication", "PutReplicationConfiguration"),
    ("PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"),
    ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
];

/// Operations on a bucket whose permission has their own name.
const BUCKET_OWN_NAMES: &[&str] = &[
    "DeleteBucket",
    "DeleteBucketPolicy",
    "DeleteBucketWebsite",
    "GetBucketAcl",
    "GetBucketLocation",
    "GetBucketLogging",
    "GetBucketNotification",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketWebsite",
    "PutBucketAcl",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketRequestPayment",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
];

/// Operations on an object, the permission they need, and the one they need for a version.
const OBJECT_NAMES: &[(&str, &str, &str)] = &[
    ("AbortMultipartUpload", "AbortMultipartUpload", "AbortMultipartUpload"),
    ("DeleteObjectTagging", "DeleteObjectTagging", "DeleteObjectVersionTagging"),
    ("GetObjectAcl", "GetObjectAcl", "GetObjectVersionAcl"),
    ("GetObjectLegalHold", "GetObjectLegalHold", "GetObjectLegalHold"),
    ("GetObjectRetention", "GetObjectRetention", "GetObjectRetention"),
    ("GetObjectTagging", "GetObjectTagging", "GetObjectVersionTagging"),
    ("GetObjectTorrent", "GetObjectTorrent", "GetObjectVersionTorrent"),
    ("ListParts", "ListMultipartUploadParts", "ListMultipartUploadParts"),
    ("PutObjectAcl", "PutObjectAcl", "PutObjectVersionAcl"),
    ("PutObjectLegalHold", "PutObjectLegalHold", "PutObjectLegalHold"),
    ("PutObjectTagging", "PutObjectTagging", "PutObjectVersionTagging"),
    ("RestoreObject", "RestoreObject", "RestoreObject"),
];

const ACCOUNT_STREAMS: &[&str] = &["DescribeLimits", "ListStreams"];
const STREAM_CONSUMERS: &[&str] =
    &["DeregisterStreamConsumer", "DescribeStreamConsumer", "SubscribeToShard"];
const STREAM_PRODUCERS: &[&str] = &["PutRecord", "PutRecords"];
const STREAM_READERS: &[&str] = &["GetRecords", "SubscribeToShard"];
const STREAMS: &[&str] = &[
    "AddTagsToStream",
    "CreateStream",
    "DecreaseStreamRetentionPeriod",
    "DeleteResourcePolicy",
    "DeleteStream",
    "DescribeStream",
    "DescribeStreamSummary",
    "DisableEnhancedMonitoring",
    // Law: Kinesis, actions for which AWS lists no resource are asked for on the stream.
    "EnableEnhancedMonitoring",
    "GetRecords",
    "GetResourcePolicy",
    "GetShardIterator",
    "IncreaseStreamRetentionPeriod",
    "ListShards",
    "ListStreamConsumers",
    "ListTagsForResource",
    "ListTagsForStream",
    "MergeShards",
    "PutRecord",
    "PutRecords",
    "PutResourcePolicy",
    "RegisterStreamConsumer",
    "RemoveTagsFromStream",
    "SplitShard",
    "StartStreamEncryption",
    "StopStreamEncryption",
    "TagResource",
    "UntagResource",
    "UpdateShardCount",
    "UpdateStreamMode",
];

const ACCOUNT_KEYS: &[&str] = &["CreateKey", "ListAliases", "ListKeys"];
const KEYS: &[&str] = &[
    "CancelKeyDeletion",
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListGrants",
    "ListKeyPolicies",
    "ListResourceTags",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "RevokeGrant",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
];

struct List<'a> {
    operation: &'a str,
    parameters: &'a Parameters<'a>,
    checks: Vec<Check>,
}

type Listed = Result<(), UnknownChecks>;

impl List<'_> {
    fn no_such_operation(&self, service: &str) -> UnknownChecks {
        let (service, operation) = (service.into(), self.operation.into());
        UnknownChecks::NoSuchOperation { service, operation }
    }

    fn needed<'p>(
        &self,
        parameter: &'static str,
        value: Option<&'p str>,
    ) -> Result<&'p str, UnknownChecks> {
        let operation = self.operation.into();
        value.ok_or(UnknownChecks::Missing { operation, parameter })
    }

    fn add(&mut self, service: &str, name: &str, resource: &str) {
        let action = format!("{service}:{name}").into();
        self.checks.push(Check { action, resource: resource.into() });
    }

    fn on_bucket(&mut self, name: &str) -> Listed {
        let bucket = self.needed("bucket", self.parameters.bucket)?;
        self.add("s3", name, &bucket_name(bucket));
        Ok(())
    }

    fn on_object(&mut self, name: &str) -> Listed {
        let bucket = self.needed("bucket", self.parameters.bucket)?;
        let key = self.needed("key", self.parameters.key)?;
        self.add("s3", name, &object_name(bucket, key));
        Ok(())
    }

    fn with_key(&mut self, names: &[&str]) {
        if let Some(key) = self.parameters.kms_key {
            names.iter().for_each(|name| self.add("kms", name, key));
        }
    }

    fn s3(&mut self, operation: &str) -> Listed {
        let is_versioned = self.parameters.is_versioned;
        if let Some((_, name)) = BUCKET_NAMES.iter().find(|(own, _)| *own == operation) {
            return self.on_bucket(name);
        }
        if BUCKET_OWN_NAMES.contains(&operation) {
            return self.on_bucket(operation);
        }
        if let Some((_, plain, of_version)) =
            OBJECT_NAMES.iter().find(|(own, ..)| *own == operation)
        {
            return self.on_object(if is_versioned { of_version } else { plain });
        }
        match operation {
            "ListBuckets" => self.add("s3", "ListAllMyBuckets", "*"),
            "CreateBucket" => self.create_bucket()?,
            "GetObject" | "HeadObject" | "SelectObjectContent" => {
                self.on_object(if is_versioned { "GetObjectVersion" } else { "GetObject" })?;
                self.with_key(&["Decrypt"]);
            }
            "GetObjectAttributes" if is_versioned => {
                self.on_object("GetObjectVersion")?;
                self.on_object("GetObjectVersionAttributes")?;
            }
            "GetObjectAttributes" => {
                self.on_object("GetObject")?;
                self.on_object("GetObjectAttributes")?;
            }
            "PutObject" | "PostObject" => {
                self.write()?;
                self.with_key(&["GenerateDataKey"]);
            }
            "CreateMultipartUpload" => {
                self.write()?;
                self.with_key(&["Decrypt", "GenerateDataKey"]);
            }
            "UploadPart" | "CompleteMultipartUpload" => {
                self.on_object("PutObject")?;
                self.with_key(&["Decrypt", "GenerateDataKey"]);
            }
            "CopyObject" => {
                self.source()?;
                self.write()?;
                self.with_key(&["GenerateDataKey"]);
            }
            "UploadPartCopy" => {
                self.source()?;
                self.on_object("PutObject")?;
                self.with_key(&["Decrypt", "GenerateDataKey"]);
            }
            "DeleteObject" => {
                let key = self.needed("key", self.parameters.key)?;
                self.delete(key, is_versioned)?;
            }
            "DeleteObjects" => {
                for (key, is_versioned) in self.parameters.objects.clone() {
                    self.delete(key, is_versioned)?;
                }
            }
            "PutObjectRetention" => {
                self.on_object("PutObjectRetention")?;
                if self.parameters.bypasses_governance {
                    self.on_object("BypassGovernanceRetention")?;
                }
            }
            _ => return Err(self.no_such_operation("s3")),
        }
        Ok(())
    }

    fn create_bucket(&mut self) -> Listed {
        self.on_bucket("CreateBucket")?;
        if self.parameters.has_acl {
            self.on_bucket("PutBucketAcl")?;
        }
        if self.parameters.has_retention {
            self.on_bucket("PutBucketObjectLockConfiguration")?;
            self.on_bucket("PutBucketVersioning")?;
        }
        if self.parameters.has_ownership {
            self.on_bucket("PutBucketOwnershipControls")?;
        }
        Ok(())
    }

    fn write(&mut self) -> Listed {
        self.on_object("PutObject")?;
        for (is_sent, name) in [
            (self.parameters.has_acl, "PutObjectAcl"),
            (self.parameters.has_tags, "PutObjectTagging"),
            (self.parameters.has_retention, "PutObjectRetention"),
            (self.parameters.has_legal_hold, "PutObjectLegalHold"),
        ] {
            if is_sent {
                self.on_object(name)?;
            }
        }
        Ok(())
    }

    fn source(&mut self) -> Listed {
        let operation = self.operation.into();
        let missing = UnknownChecks::Missing { operation, parameter: "source" };
        let source = self.parameters.source.ok_or(missing)?;
        let name = object_name(source.bucket, source.key);
        let of_version = |plain: &'static str, of_version: &'static str| {
            if source.is_versioned { of_version } else { plain }
        };
        self.add("s3", of_version("GetObject", "GetObjectVersion"), &name);
        if self.parameters.copies_tags {
            self.add("s3", of_version("GetObjectTagging", "GetObjectVersionTagging"), &name);
        }
        if let Some(key) = self.parameters.source_kms_key {
            self.add("kms", "Decrypt", key);
        }
        Ok(())
    }

    fn delete(&mut self, key: &str, is_versioned: bool) -> Listed {
        let bucket = self.needed("bucket", self.parameters.bucket)?;
        let name = object_name(bucket, key);
        self.add("s3", if is_versioned { "DeleteObjectVersion" } else { "DeleteObject" }, &name);
        if self.parameters.bypasses_governance {
            self.add("s3", "BypassGovernanceRetention", &name);
        }
        Ok(())
    }

    fn kinesis(&mut self, operation: &str) -> Listed {
        if ACCOUNT_STREAMS.contains(&operation) {
            self.add("kinesis", operation, "*");
            return Ok(());
        }
        let resource = if STREAM_CONSUMERS.contains(&operation) {
            self.needed("consumer", self.parameters.consumer)?
        } else if STREAMS.contains(&operation) {
            self.needed("stream", self.parameters.stream.or(self.parameters.consumer))?
        } else {
            return Err(self.no_such_operation("kinesis"));
        };
        self.add("kinesis", operation, resource);
        if STREAM_PRODUCERS.contains(&operation) {
            self.with_key(&["GenerateDataKey"]);
        }
        if STREAM_READERS.contains(&operation) {
            self.with_key(&["Decrypt"]);
        }
        Ok(())
    }

    fn kms(&mut self, operation: &str) -> Listed {
        if ACCOUNT_KEYS.contains(&operation) {
            self.add("kms", operation, "*");
        } else if KEYS.contains(&operation) {
            let key = self.needed("kms_key", self.parameters.kms_key)?;
            self.add("kms", operation, key);
        } else {
            return Err(self.no_such_operation("kms"));
        }
        Ok(())
    }
}

fn bucket_name(bucket: &str) -> String {
    if bucket.starts_with("arn:") {
        bucket.to_owned()
    } else {
        Resource::bucket(bucket).as_str().to_owned()
    }
}

fn object_name(bucket: &str, key: &str) -> String {
    if bucket.starts_with("arn:") && bucket.contains(":accesspoint/") {
        return format!("{bucket}/object/{key}");
    }
    format!("{}/{key}", bucket_name(bucket))
}

#[cfg(test)]
mod tests;
