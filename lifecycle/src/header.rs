//! The headers that tell when lifecycle will end something: `x-amz-expiration`, `x-amz-abort-date`.

use crate::{
    action::Expiration,
    evaluate::Decision,
    facts::{Content, Place, VersionFacts},
    policy::LifecyclePolicy,
};
use cistern_storage_core::Timestamp;
use std::fmt;

/// When an object expires, and by which rule: `x-amz-expiration`.
///
/// Prints the header's value; the rule's id is percent-encoded in it.
///
/// Law: S3, x-amz-expiration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpirationHeader<'p> {
    /// When.
    pub expires: Timestamp,
    /// The rule.
    pub rule_id: &'p str,
}

impl LifecyclePolicy {
    /// When the current version of a key expires, for the answer to a put, copy, completion, get or
    /// head that names no version. `None` for what is no current data, and when no rule says so.
    ///
    /// Law: S3, x-amz-expiration.
    #[must_use]
    pub fn expiration_of(&self, facts: &VersionFacts<'_>) -> Option<ExpirationHeader<'_>> {
        if facts.content != Content::Data || !matches!(facts.place, Place::Current { .. }) {
            return None;
        }
        let mut first: Option<ExpirationHeader<'_>> = None;
        for rule in self.rules_of(facts) {
            let Some(Expiration::At(when)) = rule.expiration() else { continue };
            let rule_id = rule.rule_id();
            let header = ExpirationHeader { expires: when.due(facts.modified), rule_id };
            let is_first =
                first.is_none_or(|best| (header.expires, rule_id) < (best.expires, best.rule_id));
            if is_first {
                first = Some(header);
            }
        }
        first
    }

    fn rules_of(&self, facts: &VersionFacts<'_>) -> Vec<&crate::Rule> {
        let mut found = Vec::new();
        self.each_rule_of(facts.key, |at, rule| {
            if rule.filter().mismatch_but_prefix(facts.tags, facts.size).is_none() {
                found.push(&self.rules()[at]);
            }
        });
        found
    }
}

impl fmt::Display for ExpirationHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expiry-date=\"{}\", rule-id=\"", self.expires.to_http_date())?;
        percent_encode(self.rule_id, f)?;
        f.write_str("\"")
    }
}

impl Decision<'_> {
    /// The headers that tell of the abort of an upload: `x-amz-abort-date`, `x-amz-abort-rule-id`.
    ///
    /// Law: S3, AbortIncompleteMultipartUpload.
    #[must_use]
    pub fn abort_headers(&self) -> [(&'static str, String); 2] {
        [
            ("x-amz-abort-date", self.due.to_http_date()),
            ("x-amz-abort-rule-id", self.rule.rule_id().to_owned()),
        ]
    }
}

pub(crate) fn percent_encode(text: &str, f: &mut impl fmt::Write) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}
