//! `LifecyclePolicy`: up to a thousand rules, checked when they are put together.

mod check;
mod prefix_index;

pub(crate) use prefix_index::PrefixIndex;

use crate::{
    document,
    error::{Error, Result},
    rule::{Rule, Status},
    waterfall::TransitionMinimumSize,
};

use std::collections::HashSet;

/// The lifecycle of a bucket's objects: rules, and what becomes of small objects.
///
/// A policy that exists is valid. The order of its rules means nothing; rules that are disabled are
/// as if they were not there.
///
/// ```
/// use cistern_lifecycle::{Days, LifecyclePolicy, Rule, StorageClass};
///
/// let policy = LifecyclePolicy::new([
///     Rule::prefix("logs/").transition(Days(30), StorageClass::StandardIa).expire(Days(365)),
///     Rule::all().abort_uploads(Days(7)),
/// ])?;
/// let xml = policy.to_xml();
/// assert_eq!(LifecyclePolicy::from_xml(&xml)?, policy);
/// # Ok::<(), cistern_lifecycle::Error>(())
/// ```
///
/// Law: S3, lifecycle configuration elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    rules: Vec<Rule>,
    minimum_size: TransitionMinimumSize,
    index: PrefixIndex,
}

impl LifecyclePolicy {
    /// A policy of these rules. One without an id gets `rule-1`, `rule-2` ..., by its place.
    ///
    /// # Errors
    /// The first rule of S3's that they break, with S3's code.
    ///
    /// Law: S3, PutBucketLifecycleConfiguration errors.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self> {
        let mut rules: Vec<Rule> = rules.into_iter().collect();
        name_the_nameless(&mut rules);
        check::check(&rules)?;
        let enabled = rules.iter().enumerate().filter(|(_, rule)| rule.status == Status::Enabled);
        let index = PrefixIndex::new(enabled.map(|(at, rule)| (rule.filter().key_prefix(), at)));
        Ok(Self { rules, minimum_size: TransitionMinimumSize::default(), index })
    }

    /// What becomes of small objects: a header beside the document, with S3.
    #[must_use]
    pub fn minimum_size(mut self, minimum_size: TransitionMinimumSize) -> Self {
        self.minimum_size = minimum_size;
        self
    }

    /// What becomes of small objects under rules that do not speak of sizes.
    #[must_use]
    pub fn transition_minimum_size(&self) -> TransitionMinimumSize {
        self.minimum_size
    }

    /// The rules, in the order in which they were given.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Reads the body of S3's `PutBucketLifecycleConfiguration`. The default for small objects is not
    /// part of it: [`Self::minimum_size`].
    ///
    /// # Errors
    /// [`Error::Malformed`] for what does not have the shape, and all errors of [`Self::new`].
    pub fn from_xml(text: &str) -> Result<Self> {
        document::policy::read(&document::xml::read(text, document::policy::ROOT)?)
    }

    /// The body of S3's `GetBucketLifecycleConfiguration`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        document::xml::write(&document::policy::write(self))
    }

    /// Reads the JSON that the AWS CLI takes and prints. What it prints has the default for small
    /// objects beside the rules, as `TransitionDefaultMinimumObjectSize`, which is read.
    ///
    /// # Errors
    /// As [`Self::from_xml`].
    pub fn from_json(text: &str) -> Result<Self> {
        document::policy::read(&document::json::read(text, document::policy::ROOT)?)
    }

    /// The JSON that the AWS CLI takes as `--lifecycle-configuration`; the default for small objects
    /// is another argument there.
    #[must_use]
    pub fn to_json(&self) -> String {
        document::json::write(&document::policy::write(self))
    }

    /// The most newer noncurrent versions that an enabled rule counts.
    pub(crate) fn newer_versions_kept(&self) -> usize {
        let enabled = self.rules.iter().filter(|rule| rule.status == Status::Enabled);
        let counted = enabled.flat_map(|rule| {
            let expiration = rule.noncurrent_expiration.and_then(|it| it.newer_versions);
            rule.noncurrent_transitions.iter().filter_map(|it| it.newer_versions).chain(expiration)
        });
        counted.max().map_or(0, |most| most as usize)
    }

    /// Calls `visit` for every enabled rule whose prefix `key` begins with.
    pub(crate) fn each_rule_of(&self, key: &str, mut visit: impl FnMut(usize, &Rule)) {
        self.index.each(key, |at| visit(at, &self.rules[at]));
    }
}

fn name_the_nameless(rules: &mut [Rule]) {
    if rules.iter().all(|rule| !rule.id.is_empty()) {
        return;
    }
    let taken: HashSet<Box<str>> = rules.iter().map(|rule| rule.id.clone()).collect();
    let mut number = 0;
    for rule in rules {
        number += 1;
        if rule.id.is_empty() {
            while taken.contains(format!("rule-{number}").as_str()) {
                number += 1;
            }
            rule.id = format!("rule-{number}").into();
        }
    }
}

/// The most rules of a policy. Law: S3, lifecycle configuration elements.
pub const RULES_MAX: usize = 1000;
/// The longest id of a rule, in characters. Law: S3, lifecycle configuration elements.
pub const RULE_ID_CHARACTERS_MAX: usize = 255;
/// The most newer noncurrent versions that a rule can keep.
/// Law: S3, lifecycle configuration elements.
pub const NEWER_VERSIONS_MAX: u32 = 100;
/// The most days: what a document's integer holds. Law: S3, lifecycle configuration elements.
pub const DAYS_MAX: u32 = i32::MAX as u32;

impl TryFrom<Vec<Rule>> for LifecyclePolicy {
    type Error = Error;

    fn try_from(rules: Vec<Rule>) -> Result<Self> {
        Self::new(rules)
    }
}
