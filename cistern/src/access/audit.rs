//! Audit: every decision as a record in the shape of CloudTrail's, told to sinks.
//!
//! A record borrows what it tells of: without a sink nothing is made, and a sink that only counts pays
//! for no text.

use super::ACCOUNT;
use cistern_access::{Decision, json::write_text};
use cistern_storage_core::{Action, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Is told of every decision about a handle of a principal.
///
/// Contract. It is called by the thread that asks, before the action is done or refused: it must be
/// quick, and must not use a handle of a principal, of which it would be told again. The owner's own
/// handles ask nobody, and nobody is told.
pub trait AuditSink: fmt::Debug + Send + Sync + 'static {
    /// Told of one decision.
    fn tell(&self, record: &AuditRecord<'_>);
}

/// One decision.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AuditRecord<'a> {
    /// Which one, from 1 on since the cistern was opened.
    pub number: u64,
    /// When, by the cistern's clock.
    pub time: Timestamp,
    /// Who asked: an ARN, or `anonymous`.
    pub principal: &'a str,
    /// What kind of caller: `IAMUser`, `AssumedRole`, `Root` or `Unknown`.
    pub principal_kind: &'static str,
    /// What was to be done.
    pub action: Action,
    /// In which bucket.
    pub bucket: Option<&'a str>,
    /// To which object.
    pub key: Option<&'a str>,
    /// To which version.
    pub version: Option<&'a str>,
    /// From which address, where one was told.
    pub source_address: Option<&'a str>,
    /// With which program, where it was told.
    pub user_agent: Option<&'a str>,
    /// Through which endpoint.
    pub endpoint: Option<&'a str>,
    /// What was decided and why; `None` when it was refused before any policy was asked.
    pub decision: Option<&'a Decision>,
}

impl AuditRecord<'_> {
    /// True when it may.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.decision.is_some_and(Decision::is_allowed)
    }

    /// One JSON object on one line, with the members that CloudTrail's data events have. It has no text
    /// of a policy in it, and of a refusal what decided, in words.
    ///
    /// Law: CloudTrail, contents of a record.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512);
        let name = self.action.as_str();
        let (service, event) = name.split_once(':').unwrap_or(("s3", name));
        out.push_str(r#"{"eventVersion":"1.11","userIdentity":{"type":"#);
        write_text(&mut out, self.principal_kind);
        member(&mut out, "arn", Some(self.principal));
        member(&mut out, "accountId", Some(ACCOUNT));
        out.push('}');
        member(&mut out, "eventTime", Some(&self.time.to_iso8601()));
        member(&mut out, "eventSource", Some(&format!("{service}.amazonaws.com")));
        member(&mut out, "eventName", Some(event));
        member(&mut out, "sourceIPAddress", self.source_address);
        member(&mut out, "userAgent", self.user_agent);
        self.write_error(&mut out);
        self.write_parameters(&mut out);
        let reads = ["Get", "List"].iter().any(|start| event.starts_with(start));
        out.push_str(if reads { r#","readOnly":true"# } else { r#","readOnly":false"# });
        member(&mut out, "eventID", Some(&self.number.to_string()));
        member(&mut out, "vpcEndpointId", self.endpoint);
        let category = if self.key.is_some() { "Data" } else { "Management" };
        member(&mut out, "eventCategory", Some(category));
        out.push('}');
        out
    }

    fn write_error(&self, out: &mut String) {
        if self.is_allowed() {
            return;
        }
        let why = match self.decision {
            Some(decision) => decision.to_string(),
            None => "refused before any policy was asked".into(),
        };
        member(out, "errorCode", Some("AccessDenied"));
        member(out, "errorMessage", Some(&why));
    }

    fn write_parameters(&self, out: &mut String) {
        out.push_str(r#","requestParameters":{"#);
        let mut inner = String::new();
        member(&mut inner, "bucketName", self.bucket);
        member(&mut inner, "key", self.key);
        member(&mut inner, "versionId", self.version);
        out.push_str(inner.strip_prefix(',').unwrap_or_default());
        out.push('}');
    }
}

/// Writes a member behind others; nothing when there is no value.
fn member(out: &mut String, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    out.push(',');
    write_text(out, name);
    out.push(':');
    write_text(out, value);
}

/// Keeps the last records as text, in memory.
#[derive(Debug)]
pub struct AuditLog {
    capacity: usize,
    lines: Mutex<VecDeque<String>>,
}

impl AuditLog {
    /// Keeps so many records; older ones are forgotten.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, lines: Mutex::default() }
    }

    /// The records, oldest first, each a JSON object.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

impl AuditSink for AuditLog {
    fn tell(&self, record: &AuditRecord<'_>) {
        let line = record.to_json();
        let mut lines = self.lines.lock();
        if lines.len() >= self.capacity {
            lines.pop_front();
        }
        if self.capacity > 0 {
            lines.push_back(line);
        }
    }
}

/// Tells another sink, without keys and without addresses.
#[derive(Debug)]
pub struct Redacted<S>(pub S);

/// What stands where something was.
const REDACTED: &str = "REDACTED";

impl<S: AuditSink> AuditSink for Redacted<S> {
    fn tell(&self, record: &AuditRecord<'_>) {
        self.0.tell(&AuditRecord {
            key: record.key.map(|_| REDACTED),
            source_address: record.source_address.map(|_| REDACTED),
            ..*record
        });
    }
}

impl<S: AuditSink> AuditSink for Arc<S> {
    fn tell(&self, record: &AuditRecord<'_>) {
        (**self).tell(record);
    }
}

/// Whoever is told.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    sinks: RwLock<Vec<Arc<dyn AuditSink>>>,
    count: AtomicU64,
}

impl Sinks {
    pub(crate) fn add(&self, sink: Arc<dyn AuditSink>) {
        self.sinks.write().push(sink);
    }

    /// Numbers the record, and tells it.
    pub(crate) fn tell(&self, mut record: AuditRecord<'_>) {
        record.number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        // Copied, so that a sink may add another; nothing is copied where there is none.
        let sinks = self.sinks.read().clone();
        sinks.iter().for_each(|sink| sink.tell(&record));
    }
}
