//! An event as S3's notifications write it: JSON, for whoever already reads such messages.

use crate::event::{Event, EventName};
use std::fmt::Write;

/// What a message says beside the event itself: where, on whose behalf, for which configuration.
///
/// Everything is text that is passed on as it is. What is not set is empty in the message, and there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageContext {
    region: String,
    configuration_id: String,
    principal: String,
    source_ip: String,
    request_id: String,
    host_id: String,
    owner: String,
}

impl Default for MessageContext {
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            configuration_id: String::new(),
            principal: String::new(),
            source_ip: String::new(),
            request_id: String::new(),
            host_id: String::new(),
            owner: String::new(),
        }
    }
}

impl MessageContext {
    /// In region `us-east-1`; nothing else is said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `awsRegion`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// `configurationId`: which of the receiver's configurations the message answers.
    #[must_use]
    pub fn configuration_id(mut self, id: impl Into<String>) -> Self {
        self.configuration_id = id.into();
        self
    }

    /// `userIdentity.principalId`: who made the change.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.principal = principal.into();
        self
    }

    /// `requestParameters.sourceIPAddress`: from where.
    #[must_use]
    pub fn source_ip(mut self, address: impl Into<String>) -> Self {
        self.source_ip = address.into();
        self
    }

    /// `x-amz-request-id`: by which request.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = id.into();
        self
    }

    /// `x-amz-id-2`: through which host.
    #[must_use]
    pub fn host_id(mut self, id: impl Into<String>) -> Self {
        self.host_id = id.into();
        self
    }

    /// `ownerIdentity.principalId`: whose bucket it is.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }
}

impl Event {
    /// The event as the JSON of S3's notifications: one record, with S3's fields in S3's order.
    ///
    /// The key is form-URL-encoded. `versionId` is absent where the bucket was never versioned,
    /// `size` and `eTag` of removals, `sequencer` of anything that neither makes nor removes.
    /// `eventVersion` is 2.1, and 2.3 for tagging, for lifecycle and for a restored copy that lapsed.
    /// What lifecycle does, it does as `s3.amazonaws.com`. The objects `lifecycleEventData` and
    /// `glacierEventData` are left out: an event does not know them. S3's `s3:TestEvent`, which it sends when a
    /// configuration is saved, is no event of an object and has no form here.
    ///
    /// Law: S3, event message structure.
    #[must_use]
    pub fn to_message(&self, context: &MessageContext) -> String {
        let mut text = String::with_capacity(768);
        let record = object([
            ("eventVersion", string(self.message_version())),
            ("eventSource", string("aws:s3")),
            ("awsRegion", string(&context.region)),
            ("eventTime", string(&self.time.to_iso8601())),
            ("eventName", string(self.name.as_str())),
            ("userIdentity", principal(self.message_actor(&context.principal))),
            (
                "requestParameters",
                object([("sourceIPAddress", string(self.message_actor(&context.source_ip)))]),
            ),
            (
                "responseElements",
                object([
                    ("x-amz-request-id", string(&context.request_id)),
                    ("x-amz-id-2", string(&context.host_id)),
                ]),
            ),
            ("s3", self.message_body(context)),
        ]);
        text.push_str(r#"{"Records":["#);
        text.push_str(&record);
        text.push_str("]}");
        text
    }

    fn message_body(&self, context: &MessageContext) -> String {
        let bucket = self.bucket.as_str();
        object([
            ("s3SchemaVersion", string("1.0")),
            ("configurationId", string(&context.configuration_id)),
            (
                "bucket",
                object([
                    ("name", string(bucket)),
                    ("ownerIdentity", principal(&context.owner)),
                    ("arn", string(&format!("arn:aws:s3:::{bucket}"))),
                ]),
            ),
            ("object", self.message_object()),
        ])
    }

    fn message_object(&self) -> String {
        let key = string(&form_encode(self.key.as_str()));
        let sequenced = self.name.is_created() || self.is_removal();
        let fields = [
            Some(("key", key)),
            self.size.map(|size| ("size", size.to_string())),
            self.etag.map(|etag| ("eTag", string(&etag.to_string()))),
            self.version.map(|version| ("versionId", string(&version.to_string()))),
            sequenced.then(|| ("sequencer", string(&self.sequencer_text()))),
        ];
        object(fields.into_iter().flatten())
    }

    /// Law: S3, event message structure, eventVersion.
    fn message_version(&self) -> &'static str {
        let lapsed = self.name == EventName::ObjectRestoreDelete;
        let later = self.name.is_tagging() || self.name.is_lifecycle() || lapsed;
        if later { "2.3" } else { "2.1" }
    }

    fn is_removal(&self) -> bool {
        self.name.as_str().starts_with("ObjectRemoved:")
            || self.name.as_str().starts_with("LifecycleExpiration:")
    }

    /// Who made the change. Law: S3, event message structure: lifecycle is the service itself.
    fn message_actor<'a>(&self, otherwise: &'a str) -> &'a str {
        if self.name.is_lifecycle() { "s3.amazonaws.com" } else { otherwise }
    }
}

fn principal(id: &str) -> String {
    object([("principalId", string(id))])
}

/// A JSON object of fields whose values are JSON already, in the order given.
fn object(fields: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut text = String::from("{");
    for (place, (name, value)) in fields.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push('"');
        text.push_str(name);
        text.push_str("\":");
        text.push_str(&value);
    }
    text.push('}');
    text
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `application/x-www-form-urlencoded`: a space is `+`, and what is not a letter, a digit or one of
/// `*-._` is `%` and two digits.
fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a text takes what is written to it"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bucket_name::BucketName, etag::ETag, object_key::ObjectKey, port::Position,
        time::Timestamp, version_id::VersionId,
    };

    fn event(name: EventName) -> Event {
        let removed = name.as_str().starts_with("ObjectRemoved");
        Event {
            name,
            time: Timestamp::parse_iso8601("2026-01-02T03:04:05.678Z").unwrap(),
            bucket: BucketName::try_from("photos").unwrap(),
            key: ObjectKey::from_static("my cats/red+flower \u{e9}.jpg"),
            version: None,
            size: (!removed).then_some(1024),
            etag: (!removed).then_some(ETag::Md5([0xab; 16])),
            sequencer: 0x55_aed6_dcd9,
            position: Position(1),
        }
    }

    // Law-test: S3, event message structure.
    #[test]
    fn a_message_has_every_field_where_s3_has_it() {
        let context = MessageContext::new()
            .region("eu-central-1")
            .configuration_id("all \"puts\"")
            .principal("EXAMPLE")
            .source_ip("127.0.0.1")
            .request_id("C3D13FE58DE4C810")
            .host_id("FMyUVURIY8")
            .owner("OWNER");
        let mut event = event(EventName::ObjectCreatedPut);
        event.version = Some(VersionId::Null);
        let golden = concat!(
            r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","#,
            r#""awsRegion":"eu-central-1","eventTime":"2026-01-02T03:04:05.678Z","#,
            r#""eventName":"ObjectCreated:Put","userIdentity":{"principalId":"EXAMPLE"},"#,
            r#""requestParameters":{"sourceIPAddress":"127.0.0.1"},"#,
            r#""responseElements":{"x-amz-request-id":"C3D13FE58DE4C810","#,
            r#""x-amz-id-2":"FMyUVURIY8"},"s3":{"s3SchemaVersion":"1.0","#,
            r#""configurationId":"all \"puts\"","bucket":{"name":"photos","#,
            r#""ownerIdentity":{"principalId":"OWNER"},"arn":"arn:aws:s3:::photos"},"#,
            r#""object":{"key":"my+cats%2Fred%2Bflower+%C3%A9.jpg","size":1024,"#,
            r#""eTag":"abababababababababababababababab","versionId":"null","#,
            r#""sequencer":"00000055AED6DCD9"}}}]}"#,
        );
        assert_eq!(event.to_message(&context), golden);
    }

    // Law-test: S3, event message structure: lifecycle is the service itself.
    #[test]
    fn what_lifecycle_does_the_service_itself_did() {
        let context = MessageContext::new().principal("EXAMPLE").source_ip("127.0.0.1");
        let message = event(EventName::LifecycleTransition).to_message(&context);
        assert!(message.contains(r#""principalId":"s3.amazonaws.com""#), "{message}");
        assert!(!message.contains("EXAMPLE"), "{message}");
        let message = event(EventName::ObjectCreatedPut).to_message(&context);
        assert!(message.contains(r#""principalId":"EXAMPLE""#), "{message}");
    }

    // Law-test: S3, event message structure, eventVersion.
    #[test]
    fn a_message_leaves_out_what_its_event_does_not_have() {
        #[track_caller]
        fn check(name: EventName, version: &str, fields: &[&str]) {
            let message = event(name).to_message(&MessageContext::new());
            let message: serde_json::Value = serde_json::from_str(&message).unwrap();
            let record = &message["Records"][0];
            assert_eq!(record["eventVersion"], version);
            assert_eq!(record["awsRegion"], "us-east-1");
            let object = record["s3"]["object"].as_object().unwrap();
            assert_eq!(object.keys().collect::<Vec<_>>(), fields);
        }
        check(EventName::ObjectCreatedCopy, "2.1", &["eTag", "key", "sequencer", "size"]);
        check(EventName::ObjectRemovedDelete, "2.1", &["key", "sequencer"]);
        check(EventName::ObjectTaggingPut, "2.3", &["eTag", "key", "size"]);
        check(EventName::LifecycleTransition, "2.3", &["eTag", "key", "size"]);
        check(EventName::ObjectRestorePost, "2.1", &["eTag", "key", "size"]);
        check(EventName::ObjectRestoreDelete, "2.3", &["eTag", "key", "size"]);
    }
}
