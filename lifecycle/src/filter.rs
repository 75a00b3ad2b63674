//! `Filter`: which objects a rule is about.

use crate::error::{Error, Result};
use cistern_storage_core::{Tags, limits};

/// Which objects a rule is about: those that have all of what it names.
///
/// A prefix is of bytes, with no wildcard. Every tag must be there, key and value to the letter; others
/// do not matter. Sizes are exclusive: `larger_than(500)` begins at 501 bytes. An empty filter means
/// every object.
///
/// Law: S3, lifecycle filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub(crate) prefix: Option<Box<str>>,
    pub(crate) tags: Vec<(Box<str>, Box<str>)>,
    pub(crate) larger_than: Option<u64>,
    pub(crate) smaller_than: Option<u64>,
}

impl Filter {
    /// Every object.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Objects with this tag, among others that they may have.
    #[must_use]
    pub fn tag(mut self, key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Objects of more than so many bytes.
    #[must_use]
    pub fn larger_than(mut self, bytes: u64) -> Self {
        self.larger_than = Some(bytes);
        self
    }

    /// Objects of fewer than so many bytes.
    #[must_use]
    pub fn smaller_than(mut self, bytes: u64) -> Self {
        self.smaller_than = Some(bytes);
        self
    }

    /// What a key begins with; empty when it does not matter.
    #[must_use]
    pub fn key_prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }

    /// The tags, in the order they were named.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.tags.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The exclusive bounds of the size: larger than, smaller than.
    #[must_use]
    pub fn sizes(&self) -> (Option<u64>, Option<u64>) {
        (self.larger_than, self.smaller_than)
    }

    /// Whether it speaks of sizes.
    #[must_use]
    pub fn has_sizes(&self) -> bool {
        self.larger_than.is_some() || self.smaller_than.is_some()
    }

    /// Whether an object is meant.
    #[must_use]
    pub fn matches(&self, key: &str, tags: &Tags, size: u64) -> bool {
        self.mismatch(key, tags, size).is_none()
    }

    /// Why an object is not meant; `None` when it is.
    #[must_use]
    pub fn mismatch(&self, key: &str, tags: &Tags, size: u64) -> Option<Mismatch> {
        if !key.as_bytes().starts_with(self.key_prefix().as_bytes()) {
            return Some(Mismatch::Prefix);
        }
        self.mismatch_but_prefix(tags, size)
    }

    pub(crate) fn mismatch_but_prefix(&self, tags: &Tags, size: u64) -> Option<Mismatch> {
        if self.larger_than.is_some_and(|bound| size <= bound)
            || self.smaller_than.is_some_and(|bound| size >= bound)
        {
            return Some(Mismatch::Size);
        }
        let has = |(key, value): &(Box<str>, Box<str>)| tags.value(key) == Some(value);
        (!self.tags.iter().all(has)).then_some(Mismatch::Tag)
    }

    /// Checks what no single setter can see.
    pub(crate) fn check(&self, rule: &str) -> Result<()> {
        check_prefix(self.key_prefix(), rule)?;
        for (index, (key, _)) in self.tags.iter().enumerate() {
            if self.tags[..index].iter().any(|(other, _)| other == key) {
                return Err(Error::DuplicateTagKey { rule: rule.into(), key: key.clone() });
            }
        }
        Tags::from_pairs(self.tags.iter().cloned()).map_err(|error| Error::InvalidTag {
            rule: rule.into(),
            reason: error.to_string().into(),
        })?;
        let within = |bound: Option<u64>| bound.is_none_or(|bound| bound <= SIZE_BOUND_MAX);
        let some_fit = match (self.larger_than, self.smaller_than) {
            (Some(larger), Some(smaller)) => larger < smaller,
            (None, Some(smaller)) => smaller > 0,
            _ => true,
        };
        if within(self.larger_than) && within(self.smaller_than) && some_fit {
            return Ok(());
        }
        Err(Error::InvalidSizes { rule: rule.into(), max: SIZE_BOUND_MAX })
    }
}

fn check_prefix(prefix: &str, rule: &str) -> Result<()> {
    let reason = if prefix.len() > limits::KEY_BYTES_MAX {
        "it is longer than a key can be"
    } else if prefix.contains('\0') {
        "it holds U+0000, which no document can say"
    } else {
        return Ok(());
    };
    Err(Error::InvalidPrefix { rule: rule.into(), reason })
}

/// Why an object is not meant by a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// Its key begins otherwise.
    Prefix,
    /// It does not have a tag, or with another value.
    Tag,
    /// It is too small or too large.
    Size,
}

/// The largest bound of a size: a thousand TiB. Law: S3, lifecycle filters.
pub const SIZE_BOUND_MAX: u64 = 1_099_511_627_776_000;

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: S3, lifecycle filters.
    #[test]
    fn a_prefix_is_of_bytes_and_has_no_wildcard() {
        // W11
        let filter = Filter::all().prefix("logs/");
        let matches = |key: &str| filter.matches(key, &Tags::new(), 1);
        assert!(matches("logs/a"));
        assert!(matches("logs/"));
        for key in ["Logs/a", "/logs/a", "logs", "x"] {
            assert!(!matches(key), "{key}");
        }
        assert!(!Filter::all().prefix("lo*").matches("logs/a", &Tags::new(), 1));
        assert!(Filter::all().matches("anything", &Tags::new(), 0));
    }

    // Law-test: S3, lifecycle filters.
    #[test]
    fn every_tag_must_be_there_to_the_letter() {
        // W12
        let filter = Filter::all().tag("a", "1").tag("b", "2");
        let matches = |tags: &str| filter.matches("k", &Tags::parse_query(tags).unwrap(), 1);
        assert!(matches("a=1&b=2&c=3"));
        for tags in ["a=1", "a=1&b=3", "A=1&b=2", ""] {
            assert!(!matches(tags), "{tags}");
        }
        let empty = Filter::all().tag("a", "");
        assert!(empty.matches("k", &Tags::parse_query("a=").unwrap(), 1));
        assert!(!empty.matches("k", &Tags::parse_query("a=1").unwrap(), 1));
    }

    // Law-test: S3, lifecycle filters.
    #[test]
    fn sizes_are_exclusive() {
        // W13
        let filter = Filter::all().larger_than(500).smaller_than(64_000);
        let matches = |size| filter.matches("k", &Tags::new(), size);
        assert_eq!([500, 501, 63_999, 64_000].map(matches), [false, true, true, false]);
        assert!(Filter::all().smaller_than(1).matches("k", &Tags::new(), 0));
    }

    #[track_caller]
    fn refused(filter: &Filter, code: &str) {
        assert_eq!(filter.check("r").unwrap_err().code(), code);
    }

    // Law-test: S3, PutBucketLifecycleConfiguration errors.
    #[test]
    fn filters_that_mean_nothing_are_refused() {
        refused(&Filter::all().tag("a", "1").tag("a", "2"), "InvalidRequest");
        refused(&Filter::all().tag("aws:x", "1"), "InvalidTag");
        refused(&Filter::all().tag("", "1"), "InvalidTag");
        refused(&Filter::all().larger_than(5).smaller_than(5), "InvalidRequest");
        refused(&Filter::all().smaller_than(0), "InvalidRequest");
        refused(&Filter::all().larger_than(SIZE_BOUND_MAX + 1), "InvalidRequest");
        refused(&Filter::all().prefix("a".repeat(1025)), "InvalidArgument");
        refused(&Filter::all().prefix("a\0"), "InvalidArgument");
        assert_eq!(Filter::all().prefix("a").tag("b", "").larger_than(0).check("r"), Ok(()));
    }
}
