//! `Event`: what happened to an object, by S3's names.

use crate::{
    bucket_name::BucketName,
    error::{Error, Result},
    etag::ETag,
    object_key::ObjectKey,
    port::Position,
    time::Timestamp,
    version_id::VersionId,
};
use std::{fmt, str::FromStr};

/// What happened.
///
/// Law: S3, supported event types for notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventName {
    /// An object was put, or appended to.
    ObjectCreatedPut,
    /// An object was made by a copy or a rename.
    ObjectCreatedCopy,
    /// An object was made by completing an upload.
    ObjectCreatedCompleteMultipartUpload,
    /// An object, a version or a delete marker was removed for good.
    ObjectRemovedDelete,
    /// A delete marker was pushed.
    ObjectRemovedDeleteMarkerCreated,
    /// A version's tags were set.
    ObjectTaggingPut,
    /// A version's tags were removed.
    ObjectTaggingDelete,
    /// Lifecycle moved a version to another storage class.
    LifecycleTransition,
    /// Lifecycle removed a version or a delete marker for good.
    LifecycleExpirationDelete,
    /// Lifecycle pushed a delete marker.
    LifecycleExpirationDeleteMarkerCreated,
    /// A restore of an archived version began.
    ObjectRestorePost,
    /// The restored copy of an archived version is there.
    ObjectRestoreCompleted,
    /// The restored copy of an archived version lapsed.
    ObjectRestoreDelete,
}

impl EventName {
    /// Every name, with its text and its stored code.
    const ALL: [(Self, &'static str, u8); 13] = [
        (Self::ObjectCreatedPut, "ObjectCreated:Put", 1),
        (Self::ObjectCreatedCopy, "ObjectCreated:Copy", 2),
        (Self::ObjectCreatedCompleteMultipartUpload, "ObjectCreated:CompleteMultipartUpload", 3),
        (Self::ObjectRemovedDelete, "ObjectRemoved:Delete", 4),
        (Self::ObjectRemovedDeleteMarkerCreated, "ObjectRemoved:DeleteMarkerCreated", 5),
        (Self::ObjectTaggingPut, "ObjectTagging:Put", 6),
        (Self::ObjectTaggingDelete, "ObjectTagging:Delete", 7),
        (Self::LifecycleTransition, "LifecycleTransition", 8),
        (Self::LifecycleExpirationDelete, "LifecycleExpiration:Delete", 9),
        (
            Self::LifecycleExpirationDeleteMarkerCreated,
            "LifecycleExpiration:DeleteMarkerCreated",
            10,
        ),
        (Self::ObjectRestorePost, "ObjectRestore:Post", 11),
        (Self::ObjectRestoreCompleted, "ObjectRestore:Completed", 12),
        (Self::ObjectRestoreDelete, "ObjectRestore:Delete", 13),
    ];

    /// The name in messages: `ObjectCreated:Put`, without the `s3:` of configurations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().1
    }

    /// Every name.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|entry| entry.0)
    }

    /// The number this event is stored under; never reused.
    pub(crate) fn code(self) -> u8 {
        self.entry().2
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|entry| entry.2 == code).map(|entry| entry.0)
    }

    /// True for the events of the family `ObjectCreated`.
    #[must_use]
    pub fn is_created(self) -> bool {
        self.as_str().starts_with("ObjectCreated:")
    }

    /// True for the events of the family `ObjectTagging`.
    #[must_use]
    pub fn is_tagging(self) -> bool {
        self.as_str().starts_with("ObjectTagging:")
    }

    /// True for the events of the family `ObjectRestore`.
    #[must_use]
    pub fn is_restore(self) -> bool {
        self.as_str().starts_with("ObjectRestore:")
    }

    /// True for what lifecycle did.
    #[must_use]
    pub fn is_lifecycle(self) -> bool {
        self.as_str().starts_with("Lifecycle")
    }

    /// True when the event's version is still there as data, so that its size and tag are told.
    pub(crate) fn leaves_data(self) -> bool {
        self.is_created()
            || self.is_tagging()
            || self.is_restore()
            || self == Self::LifecycleTransition
    }

    fn entry(self) -> &'static (Self, &'static str, u8) {
        Self::ALL.iter().find(|entry| entry.0 == self).expect("every name stands in the table")
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which events a subscriber wants: one, or a family.
///
/// Parsed from S3's form: `s3:ObjectCreated:*`, `s3:ObjectRemoved:Delete`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventPattern(String);

impl EventPattern {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self(String::new())
    }

    /// True when `name` is meant.
    #[must_use]
    pub fn matches(&self, name: EventName) -> bool {
        match self.0.strip_suffix('*') {
            Some(family) => name.as_str().starts_with(family),
            None => self.0.is_empty() || self.0 == name.as_str(),
        }
    }
}

impl FromStr for EventPattern {
    type Err = Error;

    /// # Errors
    /// [`Error::InvalidArgument`] when no event of this store has such a name.
    fn from_str(text: &str) -> Result<Self> {
        let pattern = Self(text.strip_prefix("s3:").unwrap_or(text).to_owned());
        let known = EventName::ALL.iter().any(|entry| pattern.matches(entry.0));
        if known && !pattern.0.is_empty() {
            return Ok(pattern);
        }
        Err(Error::invalid_argument("Event", text, "no event of this store has this name"))
    }
}

/// One change, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub name: EventName,
    /// When, on the store's clock.
    pub time: Timestamp,
    /// In which bucket.
    pub bucket: BucketName,
    /// To which object.
    pub key: ObjectKey,
    /// To which version; `None` in a bucket that was never versioned.
    pub version: Option<VersionId>,
    /// The object's size; `None` for removals.
    pub size: Option<u64>,
    /// The object's entity tag; `None` for removals.
    pub etag: Option<ETag>,
    /// Grows with every change of the store: orders the events of one key, and more.
    pub sequencer: u64,
    /// The commit that made the change. Several events of one commit share it.
    pub position: Position,
}

impl Event {
    /// The sequencer as S3 writes it: hexadecimal, of fixed width, so that text order is its order.
    #[must_use]
    pub fn sequencer_text(&self) -> String {
        format!("{:016X}", self.sequencer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: EventName, expected: bool) {
        assert_eq!(pattern.parse::<EventPattern>().unwrap().matches(name), expected, "{pattern}");
    }

    #[test]
    fn patterns_name_one_event_or_a_family() {
        check("s3:ObjectCreated:*", EventName::ObjectCreatedCopy, true);
        check("s3:ObjectCreated:*", EventName::ObjectRemovedDelete, false);
        check("s3:ObjectRemoved:Delete", EventName::ObjectRemovedDelete, true);
        check("s3:ObjectRemoved:Delete", EventName::ObjectRemovedDeleteMarkerCreated, false);
        assert!(EventPattern::all().matches(EventName::ObjectTaggingPut));
    }

    #[test]
    fn an_unknown_event_is_refused() {
        for text in ["", "s3:", "s3:ObjectCreated:Never", "ObjectEaten:*"] {
            assert_eq!(text.parse::<EventPattern>().unwrap_err().code(), "InvalidArgument");
        }
    }

    #[test]
    fn codes_come_back() {
        for (name, _, code) in EventName::ALL {
            assert_eq!(EventName::from_code(code), Some(name));
        }
        assert_eq!(EventName::from_code(0), None);
    }
}
