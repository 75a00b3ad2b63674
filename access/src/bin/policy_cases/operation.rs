//! The answer to a case about an operation.

use crate::field::{Read, optional, scalar, text};
use cistern_access::{
    Parameters, Source, checks,
    json::{Member, Node, Value},
};

/// `name`, then `action resource` for every check, sorted.
pub(crate) fn line(name: &str, given: &Value) -> Read<String> {
    let (service, operation) = (text(given, "service")?, text(given, "operation")?);
    let members = optional(given, "params").and_then(Value::as_object).unwrap_or_default();
    let params = Params::read(service, operation, members)?;
    let checks =
        checks(service, operation, &params.parameters()).map_err(|error| error.to_string())?;
    let checks: Vec<String> =
        checks.iter().map(|check| format!("{} {}", check.action, check.resource)).collect();
    Ok(format!("{name}\t{}", checks.join(";")))
}

/// The parameters of a case: AWS's names, in any of the usual spellings.
#[derive(Default)]
struct Params {
    bucket: Option<String>,
    key: Option<String>,
    version: Option<String>,
    objects: Vec<(String, bool)>,
    source: Option<String>,
    source_bucket: Option<String>,
    source_key: Option<String>,
    source_version: Option<String>,
    copies_tags: bool,
    acl: Option<String>,
    has_grants: bool,
    has_tags: bool,
    has_retention: bool,
    has_legal_hold: bool,
    bypasses_governance: bool,
    has_ownership: bool,
    kms_key: Option<String>,
    source_kms_key: Option<String>,
    stream: Option<String>,
    consumer: Option<String>,
    account: Option<String>,
    region: Option<String>,
    is_bucket: bool,
}

impl Params {
    fn read(service: &str, operation: &str, members: &[Member]) -> Read<Self> {
        let mut params = Self { is_bucket: operation == "CreateBucket", ..Self::default() };
        for member in members.iter().filter(|member| member.value.node != Node::Null) {
            params.set(service, member)?;
        }
        params.name_stream()?;
        Ok(params)
    }

    fn set(&mut self, service: &str, member: &Member) -> Read<()> {
        let value = &member.value;
        let text = || scalar(value).map(Some);
        // A flag is set by true, and any other parameter by being there.
        let is_set = value.node != Node::Bool(false);
        let plain: String = member.key.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_lowercase().as_str() {
            "bucket" | "accesspoint" | "accesspointarn" => self.bucket = text()?,
            "key" if service == "kms" => self.kms_key = text()?,
            "key" => self.key = text()?,
            "versionid" | "version" => self.version = text()?.filter(|_| is_set),
            "objects" | "keys" | "delete" => self.objects = objects(value)?,
            "copysource" | "source" => match value.as_object() {
                Some(members) => {
                    for inner in members {
                        let key = format!("source{}", inner.key);
                        self.set(service, &Member { key, ..inner.clone() })?;
                    }
                }
                None => self.source = text()?,
            },
            "sourcebucket" | "copysourcebucket" => self.source_bucket = text()?,
            "sourcekey" | "copysourcekey" => self.source_key = text()?,
            "sourceversionid" | "copysourceversionid" | "sourceversion" => {
                self.source_version = text()?;
            }
            "taggingdirective" => self.copies_tags |= scalar(value)?.eq_ignore_ascii_case("copy"),
            "copiestags" | "copytags" | "copytagging" | "sourcetags" => self.copies_tags = is_set,
            "acl" | "cannedacl" => self.acl = text()?.filter(|_| is_set),
            name if name.starts_with("grant") => self.has_grants |= is_set,
            "hasacl" | "aclheader" => self.has_grants |= is_set,
            "tagging" | "tags" | "hastags" => self.has_tags = is_set,
            "retention"
            | "objectlockmode"
            | "objectlockretainuntildate"
            | "objectlock"
            | "objectlockenabled"
            | "objectlockenabledforbucket"
            | "lock" => {
                self.has_retention |= is_set;
            }
            "legalhold" | "objectlocklegalhold" | "objectlocklegalholdstatus" => {
                self.has_legal_hold = is_set;
            }
            "bypassgovernance" | "bypassgovernanceretention" | "bypass" => {
                self.bypasses_governance = is_set;
            }
            "objectownership" | "ownership" => self.has_ownership = is_set,
            "kmskey" | "kmskeyid" | "kmskeyarn" | "ssekmskeyid" | "ssekmskey" | "keyid"
            | "keyarn" => {
                self.kms_key = text()?;
            }
            "sourcekmskey" | "sourcekmskeyid" | "sourcekmskeyarn" => self.source_kms_key = text()?,
            "stream" | "streamarn" | "streamname" | "resourcearn" => self.stream = text()?,
            "consumer" | "consumerarn" => self.consumer = text()?,
            "account" | "accountid" => self.account = text()?,
            "region" => self.region = text()?,
            // Whatever else an operation takes has no say in what it needs.
            _ => {}
        }
        Ok(())
    }

    /// A stream that is given by its name.
    fn name_stream(&mut self) -> Read<()> {
        let Some(stream) = self.stream.as_deref().filter(|stream| !stream.starts_with("arn:"))
        else {
            return Ok(());
        };
        let (Some(region), Some(account)) = (&self.region, &self.account) else {
            return Err("a stream's name needs a region and an account beside it".into());
        };
        self.stream = Some(format!("arn:aws:kinesis:{region}:{account}:stream/{stream}"));
        Ok(())
    }

    fn parameters(&self) -> Parameters<'_> {
        let acl = self.acl.as_deref();
        Parameters {
            bucket: self.bucket.as_deref(),
            key: self.key.as_deref(),
            is_versioned: self.version.is_some(),
            objects: self.objects.iter().map(|(key, version)| (key.as_str(), *version)).collect(),
            source: self.source(),
            copies_tags: self.copies_tags,
            has_acl: self.has_grants || acl.is_some_and(|acl| !self.is_bucket || acl != "private"),
            has_tags: self.has_tags,
            has_retention: self.has_retention,
            has_legal_hold: self.has_legal_hold,
            bypasses_governance: self.bypasses_governance,
            has_ownership: self.has_ownership,
            kms_key: self.kms_key.as_deref(),
            source_kms_key: self.source_kms_key.as_deref(),
            stream: self.stream.as_deref(),
            consumer: self.consumer.as_deref(),
        }
    }

    /// `bucket/key?versionId=id`, or each by itself.
    fn source(&self) -> Option<Source<'_>> {
        if let Some(bucket) = &self.source_bucket {
            let key = self.source_key.as_deref()?;
            return Some(Source { bucket, key, is_versioned: self.source_version.is_some() });
        }
        let source = self.source.as_deref()?;
        let source = source.strip_prefix("arn:aws:s3:::").unwrap_or(source);
        let (path, version) = match source.split_once("?versionId=") {
            Some((path, _)) => (path, true),
            None => (source, self.source_version.is_some()),
        };
        let (bucket, key) = path.trim_start_matches('/').split_once('/')?;
        Some(Source { bucket, key, is_versioned: version })
    }
}

/// Keys, or objects of a key and perhaps a version.
fn objects(value: &Value) -> Read<Vec<(String, bool)>> {
    let list = value.as_list().or_else(|| value.member("Objects").and_then(Value::as_list));
    let list = list.ok_or("objects to delete are not a list")?;
    let object = |one: &Value| {
        if let Some(key) = one.as_text() {
            return Ok((key.to_owned(), false));
        }
        let member = |names: [&str; 3]| names.into_iter().find_map(|name| optional(one, name));
        let key = member(["key", "Key", "k"]).and_then(Value::as_text);
        let key = key.ok_or("an object to delete has no key")?;
        Ok((key.to_owned(), member(["version_id", "VersionId", "versionId"]).is_some()))
    };
    list.iter().map(object).collect()
}
