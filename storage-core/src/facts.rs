//! `Facts`: what a request says of itself, under the names of condition keys.

use crate::{
    condition::{DeleteCondition, WriteCondition},
    copy_options::{CopyOptions, CopySource},
    object_lock::{LegalHold, Retention},
    options::{DeleteOptions, PutOptions},
    port::{Fact, FactValue},
    storage_class::StorageClass,
    tags::Tags,
    time::Timestamp,
    upload::UploadOptions,
};
use std::borrow::Cow;

const DAY_MILLIS: i64 = 86_400_000;

/// What a request says of itself.
///
/// Law: Service Authorization Reference, condition keys for Amazon S3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(Vec<Fact>);

impl Facts {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn as_slice(&self) -> &[Fact] {
        &self.0
    }

    fn add(mut self, key: impl Into<Cow<'static, str>>, value: FactValue) -> Self {
        self.0.push(Fact { key: key.into(), value });
        self
    }

    fn one(self, key: &'static str, value: impl Into<String>) -> Self {
        self.add(key, FactValue::One(value.into()))
    }

    fn some(self, key: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.one(key, value),
            None => self,
        }
    }

    pub(crate) fn version(self, version: Option<&str>) -> Self {
        self.some("s3:versionid", version)
    }

    pub(crate) fn put(options: &PutOptions, now: Timestamp) -> Self {
        Self::none()
            .class(options.class)
            .tags(&options.tags)
            .retention(options.retention, now)
            .hold(options.legal_hold)
            .write_condition(&options.condition)
    }

    pub(crate) fn upload(options: &UploadOptions, now: Timestamp) -> Self {
        Self::none()
            .class(options.class)
            .tags(&options.tags)
            .retention(options.retention, now)
            .hold(options.legal_hold)
    }

    pub(crate) fn copy(source: &CopySource, options: &CopyOptions, now: Timestamp) -> Self {
        let replaces = options.metadata.is_some().then_some("REPLACE");
        let facts = Self::copy_source(source).some("s3:x-amz-metadata-directive", replaces);
        let facts = match &options.tags {
            Some(tags) => facts.tags(tags),
            None => facts,
        };
        facts
            .class(options.class.unwrap_or_default())
            .retention(options.retention, now)
            .hold(options.legal_hold)
            .write_condition(&options.condition)
    }

    pub(crate) fn copy_source(source: &CopySource) -> Self {
        let text = format!("{}/{}", source.bucket.name(), source.key.as_str());
        Self::none().one("s3:x-amz-copy-source", text)
    }

    pub(crate) fn delete(options: &DeleteOptions) -> Self {
        let wanted = match &options.condition {
            DeleteCondition::None => None,
            DeleteCondition::IfMatch(etag) => Some(etag.to_string()),
            DeleteCondition::IfExists => Some("*".into()),
        };
        Self::none().some("s3:if-match", wanted)
    }

    pub(crate) fn condition(condition: &WriteCondition) -> Self {
        Self::none().write_condition(condition)
    }

    /// Law: S3, a list without a prefix or a delimiter has none of these keys, and 1,000 keys at most.
    pub(crate) fn list(prefix: &str, delimiter: &str, max_keys: Option<u32>) -> Self {
        let sent = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self::none()
            .some("s3:prefix", sent(prefix))
            .some("s3:delimiter", sent(delimiter))
            .one("s3:max-keys", max_keys.unwrap_or(1000).to_string())
    }

    pub(crate) fn of_tags(tags: &Tags) -> Self {
        Self::none().tags(tags)
    }

    pub(crate) fn of_retention(retention: Option<Retention>, now: Timestamp) -> Self {
        Self::none().retention(retention, now)
    }

    pub(crate) fn of_hold(hold: LegalHold) -> Self {
        Self::none().hold(Some(hold))
    }

    /// A class that is not the default was sent.
    fn class(self, class: StorageClass) -> Self {
        let sent = (class != StorageClass::default()).then(|| class.as_str());
        self.some("s3:x-amz-storage-class", sent)
    }

    fn tags(mut self, tags: &Tags) -> Self {
        if tags.is_empty() {
            return self;
        }
        for (key, value) in tags.iter() {
            let name = format!("s3:RequestObjectTag/{key}");
            self = self.add(name, FactValue::One(value.to_owned()));
        }
        let keys = tags.iter().map(|(key, _)| key.to_owned()).collect();
        self.add("s3:RequestObjectTagKeys", FactValue::List(keys))
    }

    /// Law: S3, remaining retention is counted in days, a part of one as a whole one.
    fn retention(self, retention: Option<Retention>, now: Timestamp) -> Self {
        let Some(Retention { mode, until }) = retention else { return self };
        let left = until.millis_since(now).max(0);
        let days = left / DAY_MILLIS + i64::from(left % DAY_MILLIS != 0);
        self.one("s3:object-lock-mode", mode.as_str())
            .one("s3:object-lock-retain-until-date", until.to_iso8601())
            .one("s3:object-lock-remaining-retention-days", days.to_string())
    }

    fn hold(self, hold: Option<LegalHold>) -> Self {
        self.some("s3:object-lock-legal-hold", hold.map(LegalHold::as_str))
    }

    fn write_condition(self, condition: &WriteCondition) -> Self {
        match condition {
            WriteCondition::None => self,
            WriteCondition::IfAbsent => self.one("s3:if-none-match", "*"),
            WriteCondition::IfMatch(etag) => self.one("s3:if-match", etag.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_lock::RetentionMode;

    #[track_caller]
    fn check(facts: &Facts, expected: &[(&str, &str)]) {
        let found: Vec<_> = facts
            .as_slice()
            .iter()
            .map(|fact| match &fact.value {
                FactValue::One(value) => (&*fact.key, value.clone()),
                FactValue::List(values) => (&*fact.key, values.join("+")),
            })
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(key, value)| (*key, (*value).into())).collect();
        assert_eq!(found, expected);
    }

    // Law-test: S3, a list without a prefix or a delimiter has none of these keys, and 1,000 keys at
    // most.
    #[test]
    fn a_list_tells_what_was_sent() {
        check(&Facts::list("", "", None), &[("s3:max-keys", "1000")]);
        check(
            &Facts::list("a/", "/", Some(7)),
            &[("s3:prefix", "a/"), ("s3:delimiter", "/"), ("s3:max-keys", "7")],
        );
    }

    // Law-test: Service Authorization Reference, condition keys for Amazon S3.
    // Law-test: S3, remaining retention is counted in days, a part of one as a whole one.
    #[test]
    fn a_put_tells_what_it_sets_and_nothing_else() {
        let now = Timestamp::from_millis(0);
        check(&Facts::put(&PutOptions::new(), now), &[]);
        let until = Timestamp::from_millis(DAY_MILLIS + 1);
        let options = PutOptions::new()
            .storage_class(StorageClass::StandardIa)
            .tags([("team", "red")].try_into().unwrap())
            .retention(Retention { mode: RetentionMode::Governance, until })
            .legal_hold(LegalHold::On)
            .if_absent();
        check(
            &Facts::put(&options, now),
            &[
                ("s3:x-amz-storage-class", "STANDARD_IA"),
                ("s3:RequestObjectTag/team", "red"),
                ("s3:RequestObjectTagKeys", "team"),
                ("s3:object-lock-mode", "GOVERNANCE"),
                ("s3:object-lock-retain-until-date", &until.to_iso8601()),
                ("s3:object-lock-remaining-retention-days", "2"),
                ("s3:object-lock-legal-hold", "ON"),
                ("s3:if-none-match", "*"),
            ],
        );
    }
}
