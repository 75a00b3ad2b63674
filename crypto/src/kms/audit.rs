//! What is told of each call, in CloudTrail's shape.

use super::{KmsCall, KmsError, operation::Operation};
use crate::context::EncryptionContext;
use cistern_storage_core::Timestamp;
use serde_json::{Map, Value, json};
use std::fmt;

/// Hears of every call, whether it succeeded or not.
///
/// Contract. Told once the call is decided, on the caller's thread; it must not call the key service. An
/// event holds what is listed here and nothing else: no plaintext, no ciphertext, no key.
pub trait AuditSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: &AuditEvent<'_>);
}

/// One call.
///
/// Law: KMS, audit events in CloudTrail's shape.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuditEvent<'a> {
    /// What was asked.
    pub operation: Operation,
    /// By whom.
    pub call: KmsCall<'a>,
    /// When.
    pub time: Timestamp,
    /// In which account and region.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The key as the caller named it.
    pub key: Option<&'a str>,
    /// The encryption context, of calls that take one.
    pub context: Option<&'a EncryptionContext>,
    /// The ARNs of the keys that took part; the source first.
    pub resources: &'a [String],
    /// Which material of the key, of calls that used one.
    pub material: Option<&'a str>,
    /// Why it failed, if it did.
    pub error: Option<&'a KmsError>,
    /// The id of the request, a UUID.
    pub request_id: String,
    /// The id of the event, a UUID.
    pub event_id: String,
}

impl AuditEvent<'_> {
    /// The event as CloudTrail writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut event = json!({
            "eventVersion": "1.11",
            "userIdentity": self.identity(),
            "eventTime": self.time.second().to_iso8601().replace(".000Z", "Z"),
            "eventSource": "kms.amazonaws.com",
            "eventName": self.operation.name(),
            "awsRegion": self.region,
            "sourceIPAddress": self.call.source_ip,
            "userAgent": self.call.user_agent,
            "requestParameters": self.parameters(),
            "responseElements": null,
            "requestID": self.request_id,
            "eventID": self.event_id,
            "readOnly": self.operation.is_read_only(),
            "resources": self.resources.iter().map(|arn| json!({
                "ARN": arn, "accountId": self.account, "type": "AWS::KMS::Key",
            })).collect::<Vec<_>>(),
            "eventType": if self.operation == Operation::RotateKey { "AwsServiceEvent" }
                else { "AwsApiCall" },
            "managementEvent": true,
            "recipientAccountId": self.account,
            "eventCategory": "Management",
        });
        if let Some(material) = self.material {
            event["additionalEventData"] = json!({ "keyMaterialId": material });
        }
        if let Some(error) = self.error {
            event["errorCode"] = error.name().into();
            event["errorMessage"] = error.to_string().into();
        }
        event
    }

    fn identity(&self) -> Value {
        let name = self.call.principal.rsplit(['/', ':']).next().unwrap_or_default();
        let kind = if self.call.principal.ends_with(":root") { "Root" } else { "IAMUser" };
        let mut identity = json!({
            "type": kind, "principalId": name, "arn": self.call.principal,
            "accountId": self.account,
        });
        if let Some(via) = self.call.via {
            identity["invokedBy"] = via.into();
        }
        identity
    }

    fn parameters(&self) -> Value {
        let mut parameters = Map::new();
        if let Some(key) = self.key {
            parameters.insert("keyId".into(), key.into());
        }
        match self.operation {
            Operation::GenerateDataKey | Operation::GenerateDataKeyWithoutPlaintext => {
                parameters.insert("keySpec".into(), "AES_256".into());
            }
            Operation::Encrypt | Operation::Decrypt | Operation::ReEncrypt => {
                parameters.insert("encryptionAlgorithm".into(), "SYMMETRIC_DEFAULT".into());
            }
            _ => {}
        }
        if let Some(context) = self.context.filter(|context| !context.is_empty()) {
            let pairs = context.pairs().map(|(key, value)| (key.to_owned(), value.into()));
            parameters.insert("encryptionContext".into(), Value::Object(pairs.collect()));
        }
        if parameters.is_empty() { Value::Null } else { Value::Object(parameters) }
    }
}
