//! Conditions on reads, writes and deletes: pure decisions over what is current.
//!
//! Every `check` answers what S3 answers; the verb turns the answer into its error.

use crate::{
    bucket_name::BucketName,
    error::{Error, Result},
    etag::ETag,
    object_key::ObjectKey,
    time::Timestamp,
};

/// What a conditional write or delete finds under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// Nothing.
    Absent,
    /// A delete marker.
    DeleteMarker,
    /// An object.
    Object(ETag),
}

/// How a condition of a write or delete came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It holds: go on.
    Proceed,
    /// There is no object for it to hold of.
    NoSuchKey,
    /// It does not hold.
    Failed {
        /// The condition, by its header's name.
        condition: &'static str,
    },
    /// It holds, but of something that came while the write was under way.
    Conflict,
}

/// Whether a key was written to or deleted since an upload to it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinceInitiation {
    /// It is as it was.
    Unchanged,
    /// It was written to or deleted.
    Changed,
}

impl Verdict {
    /// The verdict as a verb's answer about `key` in `bucket`.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::PreconditionFailed`] or [`Error::ConditionalRequestConflict`],
    /// unless it says to proceed.
    pub fn into_result(self, bucket: &BucketName, key: &ObjectKey) -> Result<()> {
        match self {
            Self::Proceed => Ok(()),
            Self::NoSuchKey => Err(Error::NoSuchKey {
                bucket: bucket.clone(),
                key: key.clone(),
                delete_marker: None,
            }),
            Self::Failed { condition } => Err(Error::PreconditionFailed { condition }),
            Self::Conflict => {
                Err(Error::ConditionalRequestConflict { bucket: bucket.clone(), key: key.clone() })
            }
        }
    }

    const fn unless(failed: bool, condition: &'static str) -> Self {
        if failed { Self::Failed { condition } } else { Self::Proceed }
    }
}

/// Under which condition an object is written: put, copied to, or completed.
///
/// Law: S3, conditional writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteCondition {
    /// None: the write replaces what is there.
    #[default]
    None,
    /// Only where no object is: `If-None-Match: *`.
    IfAbsent,
    /// Only over an object with this `ETag`: `If-Match`.
    IfMatch(ETag),
}

impl WriteCondition {
    /// Reads the two headers. A text that is no `ETag` is one that no object has.
    ///
    /// # Errors
    /// [`Error::NotImplemented`] for the forms that S3 refuses: `If-None-Match` with an `ETag`,
    /// `If-Match: *`, and both headers at once.
    ///
    /// Law: S3, conditional writes.
    pub fn from_headers(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<Self> {
        let refuse = |what: &'static str| Err(Error::NotImplemented { what: what.into() });
        match (if_match.map(str::trim), if_none_match.map(str::trim)) {
            (None, None) => Ok(Self::None),
            (None, Some("*")) => Ok(Self::IfAbsent),
            (None, Some(_)) => refuse("a write with If-None-Match and an ETag"),
            (Some("*"), None) => refuse("a write with If-Match: *"),
            (Some(text), None) => Ok(Self::IfMatch(text.parse().unwrap_or(ETag::OF_NOTHING))),
            (Some(_), Some(_)) => refuse("a write with both If-Match and If-None-Match"),
        }
    }

    /// Whether a write over `current` may go on.
    ///
    /// Law: S3, conditional writes. Law: W52.
    pub fn check(self, current: Current) -> Verdict {
        match (self, current) {
            (Self::None, _) | (Self::IfAbsent, Current::Absent | Current::DeleteMarker) => {
                Verdict::Proceed
            }
            (Self::IfAbsent, Current::Object(_)) => Verdict::Failed { condition: IF_NONE_MATCH },
            (Self::IfMatch(_), Current::Absent | Current::DeleteMarker) => Verdict::NoSuchKey,
            (Self::IfMatch(wanted), Current::Object(etag)) => {
                Verdict::unless(wanted != etag, IF_MATCH)
            }
        }
    }

    /// Whether completing an upload over `current` may go on, when the key may have changed since the
    /// upload began: a condition that holds only by such a change is a conflict, and the upload must
    /// be begun again.
    ///
    /// Law: S3, conditional completion of uploads.
    pub fn check_completion(self, current: Current, since: SinceInitiation) -> Verdict {
        match (self, self.check(current), since) {
            (Self::IfAbsent | Self::IfMatch(_), Verdict::Proceed, SinceInitiation::Changed) => {
                Verdict::Conflict
            }
            (_, verdict, _) => verdict,
        }
    }
}

/// Under which condition an object is deleted. Only the current version is looked at.
///
/// Law: S3, conditional deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteCondition {
    /// None: deleting what is not there succeeds.
    #[default]
    None,
    /// Only an object with this `ETag`: `If-Match`.
    IfMatch(ETag),
    /// Only an object that is there: `If-Match: *`.
    IfExists,
}

impl DeleteCondition {
    /// Reads the header. A text that is no `ETag` is one that no object has.
    ///
    /// Law: S3, conditional deletes.
    #[must_use]
    pub fn from_header(if_match: Option<&str>) -> Self {
        match if_match.map(str::trim) {
            None => Self::None,
            Some("*") => Self::IfExists,
            Some(text) => Self::IfMatch(text.parse().unwrap_or(ETag::OF_NOTHING)),
        }
    }

    /// Whether deleting `current` may go on.
    ///
    /// Law: S3, conditional deletes.
    pub fn check(self, current: Current) -> Verdict {
        match (self, current) {
            (Self::None, _) | (Self::IfExists, Current::Object(_)) => Verdict::Proceed,
            (Self::IfMatch(_) | Self::IfExists, Current::Absent) => Verdict::NoSuchKey,
            (Self::IfMatch(_) | Self::IfExists, Current::DeleteMarker) => {
                Verdict::Failed { condition: IF_MATCH }
            }
            (Self::IfMatch(wanted), Current::Object(etag)) => {
                Verdict::unless(wanted != etag, IF_MATCH)
            }
        }
    }
}

/// Which `ETag`s a conditional read names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ETags {
    /// Every one: `*`.
    Any,
    /// These. None at all when the header held no `ETag`: it matches nothing.
    Listed(Vec<ETag>),
}

impl ETags {
    /// Reads a header: `*`, or `ETag`s with commas between. What is no `ETag` matches nothing.
    #[must_use]
    pub fn from_header(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        Self::Listed(header.split(',').filter_map(|text| text.trim().parse().ok()).collect())
    }

    /// Whether `etag` is among them.
    #[must_use]
    pub fn contains(&self, etag: ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.contains(&etag),
        }
    }
}

impl From<ETag> for ETags {
    fn from(etag: ETag) -> Self {
        Self::Listed(vec![etag])
    }
}

impl From<Vec<ETag>> for ETags {
    fn from(etags: Vec<ETag>) -> Self {
        Self::Listed(etags)
    }
}

/// Under which conditions an object is read.
///
/// Law: S3, conditional reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadConditions {
    /// Only these `ETag`s.
    pub if_match: Option<ETags>,
    /// Any `ETag` but these.
    pub if_none_match: Option<ETags>,
    /// Only if written after.
    pub if_modified_since: Option<Timestamp>,
    /// Only if not written after.
    pub if_unmodified_since: Option<Timestamp>,
}

/// How the conditions of a read came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// They hold: read.
    Proceed,
    /// The caller has the object already.
    NotModified,
    /// One does not hold.
    Failed {
        /// The condition, by its header's name.
        condition: &'static str,
    },
}

impl ReadConditions {
    /// No conditions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only these `ETag`s.
    #[must_use]
    pub fn if_match(mut self, etags: impl Into<ETags>) -> Self {
        self.if_match = Some(etags.into());
        self
    }

    /// Any `ETag` but these.
    #[must_use]
    pub fn if_none_match(mut self, etags: impl Into<ETags>) -> Self {
        self.if_none_match = Some(etags.into());
        self
    }

    /// Only if written after `moment`.
    #[must_use]
    pub fn if_modified_since(mut self, moment: Timestamp) -> Self {
        self.if_modified_since = Some(moment);
        self
    }

    /// Only if not written after `moment`.
    #[must_use]
    pub fn if_unmodified_since(mut self, moment: Timestamp) -> Self {
        self.if_unmodified_since = Some(moment);
        self
    }

    /// True when there is nothing to check.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an object with this `etag`, written at `last_modified`, may be read.
    ///
    /// Of each pair, the `ETag` decides when it is there. Dates compare by whole seconds, and one
    /// that lies after `now` says nothing about what was modified.
    ///
    /// Law: S3, conditional reads.
    pub fn check(&self, etag: ETag, last_modified: Timestamp, now: Timestamp) -> Outcome {
        if let Some(condition) = self.failed(etag, last_modified) {
            return Outcome::Failed { condition };
        }
        match self.unmodified(etag, last_modified, now) {
            Some(_) => Outcome::NotModified,
            None => Outcome::Proceed,
        }
    }

    /// Whether it may be copied from: the same pairs, but nothing is "not modified".
    ///
    /// Law: S3, conditional copy sources.
    pub fn check_copy_source(
        &self,
        etag: ETag,
        last_modified: Timestamp,
        now: Timestamp,
    ) -> Outcome {
        let failed = self
            .failed(etag, last_modified)
            .or_else(|| self.unmodified(etag, last_modified, now))
            .map(copy_source_header);
        failed.map_or(Outcome::Proceed, |condition| Outcome::Failed { condition })
    }

    /// The header that asks for an object other than this one.
    fn failed(&self, etag: ETag, last_modified: Timestamp) -> Option<&'static str> {
        match (&self.if_match, self.if_unmodified_since) {
            (Some(wanted), _) => (!wanted.contains(etag)).then_some(IF_MATCH),
            (None, Some(date)) => {
                (last_modified.second() > date.second()).then_some(IF_UNMODIFIED_SINCE)
            }
            (None, None) => None,
        }
    }

    /// The header that says that the caller has this object.
    fn unmodified(
        &self,
        etag: ETag,
        last_modified: Timestamp,
        now: Timestamp,
    ) -> Option<&'static str> {
        match (&self.if_none_match, self.if_modified_since) {
            (Some(known), _) => known.contains(etag).then_some(IF_NONE_MATCH),
            (None, Some(date)) if date.second() > now.second() => None,
            (None, Some(date)) => {
                (last_modified.second() <= date.second()).then_some(IF_MODIFIED_SINCE)
            }
            (None, None) => None,
        }
    }
}

impl Outcome {
    /// The outcome as a verb's answer about an object with this `etag` and `last_modified`.
    ///
    /// # Errors
    /// [`Error::NotModified`] or [`Error::PreconditionFailed`], unless it says to proceed.
    pub fn into_result(self, etag: ETag, last_modified: Timestamp) -> Result<()> {
        match self {
            Self::Proceed => Ok(()),
            Self::NotModified => Err(Error::NotModified { etag, last_modified }),
            Self::Failed { condition } => Err(Error::PreconditionFailed { condition }),
        }
    }
}

fn copy_source_header(header: &'static str) -> &'static str {
    match header {
        IF_MATCH => "x-amz-copy-source-if-match",
        IF_NONE_MATCH => "x-amz-copy-source-if-none-match",
        IF_MODIFIED_SINCE => "x-amz-copy-source-if-modified-since",
        IF_UNMODIFIED_SINCE => "x-amz-copy-source-if-unmodified-since",
        other => other,
    }
}

const IF_MATCH: &str = "If-Match";
const IF_NONE_MATCH: &str = "If-None-Match";
const IF_MODIFIED_SINCE: &str = "If-Modified-Since";
const IF_UNMODIFIED_SINCE: &str = "If-Unmodified-Since";

#[cfg(test)]
mod tests;
