//! `Population`: the objects of a bucket, grouped into cohorts that no rule tells apart.

use super::life::Unit;
use crate::{
    calendar::day_number,
    error::{Error, Result},
    facts::{Content, Place, Replication, VersionFacts},
    filter::Filter,
    policy::{LifecyclePolicy, NEWER_VERSIONS_MAX, PrefixIndex},
    tiering::AccessTier,
    waterfall::SMALL_OBJECT_BYTES,
};
use cistern_storage_core::{StorageClass, Tags, Timestamp, VersionId, VersionLock, Versioning};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// The objects of a bucket as a plan sees them.
///
/// The filters of all policies to be simulated must be watched before the first object is pushed:
/// [`Self::watch_policy`], [`Self::watch`].
///
/// Memory: some hundred bytes a cohort; an object adds nothing to a cohort that exists.
#[derive(Clone, Debug)]
pub struct Population {
    pub(super) start: Timestamp,
    filters: Vec<Filter>,
    index: PrefixIndex,
    kinds: Vec<Kind>,
    kinds_by_signature: HashMap<Signature, u32, FixedState>,
    cohorts: HashMap<CohortKey, Sums, FixedState>,
    scratch: Signature,
}

/// Which filters match, and what else the size and content of an object decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Signature {
    matches: Vec<u64>,
    is_small: bool,
    is_marker: bool,
}

/// One object of those that have a signature, to ask the policy about.
#[derive(Clone, Debug)]
struct Kind {
    key: Box<str>,
    tags: Tags,
    size: u64,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct CohortKey {
    kind: u32,
    class: StorageClass,
    tier: AccessTier,
    place: Place,
    version_is_null: bool,
    lock: VersionLock,
    replication: Replication,
    versioning: Versioning,
    modified_day: i64,
    entered_day: i64,
    accessed_day: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    objects: u64,
    bytes: u64,
}

/// Objects that no rule tells apart.
#[derive(Clone, Debug)]
pub(super) struct Cohort<'a> {
    pub(super) kind: u32,
    pub(super) facts: VersionFacts<'a>,
    /// When it came into its class, and when it was last read, as days since 1970.
    pub(super) entered: i64,
    pub(super) accessed: i64,
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

impl<'a> Cohort<'a> {
    /// It, or several like it, at the beginning of a plan.
    pub(super) fn unit(&self, objects: f64, bytes: f64) -> Unit<'a> {
        Unit::new(self.facts, self.entered, self.accessed, objects, bytes)
    }
}

impl Population {
    /// A population at the midnight on or before `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            start: start.day(),
            filters: Vec::new(),
            index: PrefixIndex::default(),
            kinds: Vec::new(),
            kinds_by_signature: HashMap::default(),
            cohorts: HashMap::default(),
            scratch: Signature::default(),
        }
    }

    /// Keeps apart what this policy's rules tell apart.
    ///
    /// # Panics
    /// When objects were pushed already: their cohorts cannot be told apart any more.
    #[must_use]
    pub fn watch_policy(mut self, policy: &LifecyclePolicy) -> Self {
        for rule in policy.rules() {
            self = self.watch(rule.filter().clone());
        }
        self
    }

    /// Keeps apart what this filter means from what it does not.
    ///
    /// # Panics
    /// As [`Self::watch_policy`].
    #[must_use]
    pub fn watch(mut self, filter: Filter) -> Self {
        assert!(self.kinds.is_empty(), "filters are watched before objects are pushed");
        if !self.filters.contains(&filter) {
            self.filters.push(filter);
        }
        let prefixes = self.filters.iter().map(Filter::key_prefix);
        self.index = PrefixIndex::new(prefixes.zip(0..));
        self
    }

    /// Counts an object that was never moved, and was last read when it was made.
    pub fn push(&mut self, facts: &VersionFacts<'_>) {
        self.push_with(facts, facts.modified, facts.modified);
    }

    /// Counts an object, with when it came into its class and when it was last read.
    pub fn push_with(&mut self, facts: &VersionFacts<'_>, entered: Timestamp, accessed: Timestamp) {
        let key = CohortKey {
            kind: self.kind(facts),
            class: facts.class,
            tier: facts.tier,
            place: coarse(facts.place),
            version_is_null: facts.version.is_null(),
            lock: facts.lock,
            replication: facts.replication,
            versioning: facts.versioning,
            modified_day: day_number(facts.modified),
            entered_day: day_number(entered),
            accessed_day: day_number(accessed),
        };
        let sums = self.cohorts.entry(key).or_default();
        sums.objects += 1;
        sums.bytes += facts.size;
    }

    /// How many objects were pushed.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.cohorts.values().map(|sums| sums.objects).sum()
    }

    /// How many cohorts they are.
    #[must_use]
    pub fn cohorts_len(&self) -> usize {
        self.cohorts.len()
    }

    /// The filters that are watched.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// That every filter of a policy is watched.
    pub(super) fn check_watched<'f>(
        &self,
        mut filters: impl Iterator<Item = &'f Filter>,
    ) -> Result<()> {
        match filters.find(|filter| !self.filters.contains(filter)) {
            None => Ok(()),
            Some(filter) => Err(Error::InvalidValue {
                what: "a filter of the plan",
                found: format!("{filter:?}").into(),
                reason: "it is not watched; watch it before objects are pushed",
            }),
        }
    }

    /// The cohorts, in the same order for the same objects.
    pub(super) fn cohorts(&self) -> Vec<Cohort<'_>> {
        let mut all: Vec<_> = self.cohorts.iter().collect();
        all.sort_unstable_by_key(|(key, sums)| {
            (key.kind, key.modified_day, key.entered_day, key.class, sums.objects, sums.bytes)
        });
        all.into_iter().map(|(key, sums)| self.cohort(key, *sums)).collect()
    }

    fn cohort(&self, key: &CohortKey, sums: Sums) -> Cohort<'_> {
        let kind = &self.kinds[usize::try_from(key.kind).expect("a kind's number is small")];
        let modified = crate::calendar::day_start(key.modified_day);
        let version = if key.version_is_null {
            VersionId::Null
        } else {
            VersionId::Stamped { seq: 0, tag: 0 }
        };
        let facts = match kind.content {
            Content::Data => VersionFacts::new(&kind.key, kind.size, modified),
            Content::DeleteMarker => VersionFacts::delete_marker(&kind.key, modified),
        };
        let facts = facts
            .version(version)
            .class(key.class)
            .tier(key.tier)
            .place(key.place)
            .tags(&kind.tags)
            .lock(key.lock)
            .replication(key.replication)
            .versioning(key.versioning);
        let (entered, accessed) = (key.entered_day, key.accessed_day);
        Cohort {
            kind: key.kind,
            facts,
            entered,
            accessed,
            objects: sums.objects,
            bytes: sums.bytes,
        }
    }

    /// The kind of an object; the first of each is kept, to ask policies about.
    fn kind(&mut self, facts: &VersionFacts<'_>) -> u32 {
        let mut signature = std::mem::take(&mut self.scratch);
        signature.matches.clear();
        signature.matches.resize(self.filters.len().div_ceil(64), 0);
        signature.is_small = facts.size < SMALL_OBJECT_BYTES;
        signature.is_marker = facts.content == Content::DeleteMarker;
        self.index.each(facts.key, |at| {
            if self.filters[at].mismatch_but_prefix(facts.tags, facts.size).is_none() {
                signature.matches[at / 64] |= 1 << (at % 64);
            }
        });
        let known = self.kinds_by_signature.get(&signature).copied();
        let kind = known.unwrap_or_else(|| self.new_kind(&signature, facts));
        self.scratch = signature;
        kind
    }

    fn new_kind(&mut self, signature: &Signature, facts: &VersionFacts<'_>) -> u32 {
        let kind = u32::try_from(self.kinds.len()).expect("there are fewer than 2^32 kinds");
        self.kinds.push(Kind {
            key: facts.key.into(),
            tags: facts.tags.clone(),
            size: facts.size,
            content: facts.content,
        });
        self.kinds_by_signature.insert(signature.clone(), kind);
        kind
    }
}

/// A place as far as rules see it: the day, and no more newer versions than a rule can count.
fn coarse(place: Place) -> Place {
    match place {
        Place::Current { others } => Place::Current { others: others.min(1) },
        Place::Noncurrent { since, newer } => {
            Place::Noncurrent { since: since.day(), newer: newer.min(NEWER_VERSIONS_MAX) }
        }
    }
}
