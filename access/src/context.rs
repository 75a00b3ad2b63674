//! `Context`: what is known of a request beside who, what and where.

use crate::condition_key::{ConditionKey, Fit, Found, Lookup};

/// Condition keys of a request and their values.
///
/// A key that is not known is left out: its absence has a meaning of its own. A list is a list even
/// with one item. Who asks, and what of, is not to be repeated here: keys that follow from the
/// request (`aws:PrincipalArn` ...) are derived, and what a context says of them counts for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    entries: Vec<(Box<str>, Values)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    One(Box<str>),
    List(Vec<String>),
}

impl Context {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// With a key that has one value; the same key again replaces it.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, Values::One(value.into()));
        self
    }

    /// With a key whose value is a list.
    #[must_use]
    pub fn with_list<T: Into<String>>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.set(key, Values::List(values.into_iter().map(Into::into).collect()));
        self
    }

    fn set(&mut self, key: &str, values: Values) {
        match self.entries.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, known)) => *known = values,
            None => self.entries.push((key.into(), values)),
        }
    }
}

impl Values {
    fn found(&self) -> Found<'_> {
        match self {
            Self::One(value) => Found::One(value),
            Self::List(values) => Found::List(values),
        }
    }

    fn texts(&self) -> Vec<&str> {
        match self {
            Self::One(value) => vec![value],
            Self::List(values) => values.iter().map(String::as_str).collect(),
        }
    }
}

impl Lookup for Context {
    /// Law: S3, of tags that differ only in case the one written exactly counts, else they are a list.
    fn lookup<'a>(&'a self, key: &ConditionKey) -> Found<'a> {
        let mut best: Option<(Fit, &Values)> = None;
        let mut is_shared = false;
        for (name, values) in &self.entries {
            let Some(fit) = key.fit(name) else { continue };
            match best {
                Some((known, _)) if known > fit => {}
                Some((known, _)) if known == fit => is_shared = true,
                _ => (best, is_shared) = (Some((fit, values)), false),
            }
        }
        match best {
            None => Found::Absent,
            Some((_, values)) if !is_shared => values.found(),
            Some((best, _)) => {
                let fitting = self.entries.iter().filter(|(name, _)| key.fit(name) == Some(best));
                Found::Several(fitting.flat_map(|(_, values)| values.texts()).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> Context {
        Context::new()
            .with("s3:ExistingObjectTag/Team", "red")
            .with("s3:ExistingObjectTag/team", "blue")
            .with_list("aws:TagKeys", ["a"])
    }

    #[track_caller]
    fn check(key: &str, expected: &Found<'_>) {
        assert_eq!(tags().lookup(&ConditionKey::new(key)), *expected);
    }

    // Law-test: S3, of tags that differ only in case the one written exactly counts, else they are a
    // list.
    #[test]
    fn a_tag_written_exactly_counts_before_those_that_differ_in_case() {
        check("s3:ExistingObjectTag/Team", &Found::One("red"));
        check("s3:existingobjecttag/team", &Found::One("blue"));
        check("s3:ExistingObjectTag/TEAM", &Found::Several(vec!["red", "blue"]));
    }

    #[test]
    fn a_list_of_one_is_a_list_and_an_unknown_key_is_absent() {
        check("aws:tagkeys", &Found::List(&["a".to_owned()]));
        check("aws:SourceIp", &Found::Absent);
    }

    #[test]
    fn the_same_key_again_replaces_its_value() {
        let context = Context::new().with("a:b", "1").with("a:b", "2");
        assert_eq!(context.lookup(&ConditionKey::new("a:b")), Found::One("2"));
    }
}
