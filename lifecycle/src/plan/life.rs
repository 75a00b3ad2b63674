//! The life of a cohort: held, moved, hidden, deleted, one span of days after another.

use super::{
    access::{AccessModel, AccessProfile, bounds},
    timeline::{Figure, Timeline},
};
use crate::{
    analysis::AgeBucket,
    calendar::{day_number, day_start},
    cost::{Billable, PriceTable, float},
    evaluate::{Action, Decision},
    facts::{Content, Place, VersionFacts},
    policy::LifecyclePolicy,
    restore::{Archived, RestoreTier},
    tiering::{ARCHIVE_INSTANT_DAYS, AccessTier, INFREQUENT_DAYS},
    waterfall::SMALL_OBJECT_BYTES,
};
use cistern_storage_core::{Days, StorageClass, Tags, Timestamp, Versioning};
use std::collections::BTreeMap;

/// What a plan takes for granted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Assumptions {
    /// How many days are simulated.
    pub days: u32,
    /// What things cost.
    pub prices: PriceTable,
    /// How often objects are read.
    pub access: AccessModel,
    /// How fast archived objects are restored to be read.
    pub restore_tier: RestoreTier,
    /// For how many days a restored copy is kept.
    pub restore_days: u32,
    /// What is put meanwhile.
    pub arrivals: Vec<Arrival>,
}

impl Assumptions {
    /// Nothing is read, nothing is put, and prices are those of us-east-1.
    #[must_use]
    pub fn days(days: Days) -> Self {
        Self {
            days: days.0,
            prices: PriceTable::us_east_1(),
            access: AccessModel::default(),
            restore_tier: RestoreTier::Standard,
            restore_days: 1,
            arrivals: Vec::new(),
        }
    }

    /// The same, for years of 365 days.
    #[must_use]
    pub fn years(years: u32) -> Self {
        Self::days(Days(years.saturating_mul(365)))
    }

    /// Other prices.
    #[must_use]
    pub fn prices(mut self, prices: PriceTable) -> Self {
        self.prices = prices;
        self
    }

    /// How often objects are read.
    #[must_use]
    pub fn access(mut self, access: AccessModel) -> Self {
        self.access = access;
        self
    }

    /// How archived objects are restored to be read.
    #[must_use]
    pub fn restores(mut self, tier: RestoreTier, kept: Days) -> Self {
        (self.restore_tier, self.restore_days) = (tier, kept.0);
        self
    }

    /// More that is put every day.
    #[must_use]
    pub fn arriving(mut self, arrival: Arrival) -> Self {
        self.arrivals.push(arrival);
        self
    }
}

/// Objects that are put every day.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    key: Box<str>,
    tags: Tags,
    class: StorageClass,
    versioning: Versioning,
    size: u64,
    objects_a_day: f64,
    yearly_growth: f64,
}

impl Arrival {
    /// So many objects a day of this size, with keys like `key` as far as filters go.
    #[must_use]
    pub fn new(key: impl Into<Box<str>>, size: u64, objects_a_day: f64) -> Self {
        Self {
            key: key.into(),
            tags: Tags::new(),
            class: StorageClass::Standard,
            versioning: Versioning::Unversioned,
            size,
            objects_a_day,
            yearly_growth: 1.0,
        }
    }

    /// Their tags.
    #[must_use]
    pub fn tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    /// The class they are put into.
    #[must_use]
    pub fn class(mut self, class: StorageClass) -> Self {
        self.class = class;
        self
    }

    /// The state of their bucket.
    #[must_use]
    pub fn versioning(mut self, versioning: Versioning) -> Self {
        self.versioning = versioning;
        self
    }

    /// By how much a year's objects are more than those of the year before: 1.5 for half as many
    /// again.
    #[must_use]
    pub fn yearly_growth(mut self, factor: f64) -> Self {
        self.yearly_growth = factor;
        self
    }

    pub(super) fn unit(&self, day: i64, start: i64) -> Unit<'_> {
        let absolute = start + day;
        let years = f64::from(i32::try_from(day).unwrap_or(i32::MAX)) / 365.0;
        let objects = self.objects_a_day * self.yearly_growth.powf(years);
        let facts = VersionFacts::new(&self.key, self.size, day_start(absolute))
            .tags(&self.tags)
            .class(self.class)
            .versioning(self.versioning);
        Unit::new(facts, absolute, absolute, objects, objects * float(self.size))
    }
}

/// Objects that share a fate, at some moment of it. Days are those since 1970.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    facts: VersionFacts<'a>,
    entered: i64,
    accessed: i64,
    objects: f64,
    bytes: f64,
    /// The delete marker above, when the simulation made it and nothing else is there.
    marker: Option<i64>,
}

impl<'a> Unit<'a> {
    pub(super) fn new(
        facts: VersionFacts<'a>,
        entered: i64,
        accessed: i64,
        objects: f64,
        bytes: f64,
    ) -> Self {
        Self { facts, entered, accessed, objects, bytes, marker: None }
    }

    fn is_small(&self) -> bool {
        self.facts.size < SMALL_OBJECT_BYTES
    }

    fn billable(&self) -> Billable {
        let facts = &self.facts;
        Billable::of_many(facts.class, facts.tier, self.objects, self.bytes, self.is_small())
    }

    /// What is left when the data is gone: the delete marker that hid it, or nothing.
    fn without_data(mut self) -> Option<Self> {
        let marker = day_start(self.marker?);
        let versioning = self.facts.versioning;
        self.facts = VersionFacts::delete_marker(self.facts.key, marker).versioning(versioning);
        self.bytes = 0.0;
        Some(self)
    }

    /// The tier of objects that nobody reads.
    fn idle_tier(&self, day: i64) -> AccessTier {
        let idle = day - self.accessed;
        if self.is_small() {
            AccessTier::Frequent
        } else if idle > i64::from(ARCHIVE_INSTANT_DAYS.0) {
            AccessTier::ArchiveInstant
        } else if idle > i64::from(INFREQUENT_DAYS.0) {
            AccessTier::Infrequent
        } else {
            AccessTier::Frequent
        }
    }
}

/// What was done, by day since the start, rule and action: objects and bytes.
pub(super) type Changes<'p> = BTreeMap<(i64, &'p str, Action), (f64, f64)>;

/// Lets units live under a policy, and notes what they use.
#[derive(Debug)]
pub(super) struct World<'p> {
    pub(super) policy: &'p LifecyclePolicy,
    pub(super) assumptions: &'p Assumptions,
    /// The day on which the plan begins, since 1970.
    pub(super) start: i64,
    pub(super) timeline: Timeline,
    pub(super) changes: Changes<'p>,
}

impl<'p> World<'p> {
    /// A unit that is there when the plan begins.
    pub(super) fn resident(&mut self, unit: Unit<'_>) {
        self.live(unit, self.start, self.start);
    }

    /// A unit that is put on a day of the plan, after that day's run.
    pub(super) fn arrive(&mut self, arrival: &Arrival, day: i64) {
        let unit = arrival.unit(day, self.start);
        self.timeline.once(arrival.class, Figure::Puts, day, unit.objects);
        self.live(unit, self.start + day, self.start + day + 1);
    }

    /// From `held_from` the unit is kept; `judged_from` is the first run that sees it.
    fn live(&mut self, mut unit: Unit<'_>, mut held_from: i64, mut judged_from: i64) {
        let end = self.start + self.timeline.days();
        while held_from < end {
            let decision = self.policy.next(&unit.facts, day_start(judged_from));
            let at = decision.as_ref().map_or(end, |one| run_after(one.due).min(end));
            self.hold(&unit, held_from, at);
            held_from = at;
            let Some(decision) = decision.filter(|_| at < end) else { return };
            let tier = self.tier_at(&unit, at);
            if tier != unit.facts.tier {
                // The tier has changed meanwhile, and with it what may be done.
                unit.facts.tier = tier;
                judged_from = at;
                continue;
            }
            let Some(next) = self.apply(unit, &decision, at) else { return };
            (unit, judged_from) = (next, at + 1);
        }
    }

    fn tier_at(&self, unit: &Unit<'_>, day: i64) -> AccessTier {
        let tiered = unit.facts.class == StorageClass::IntelligentTiering;
        let decided = !tiered || unit.facts.tier.is_archive() || !self.profile(unit).is_never();
        if decided { unit.facts.tier } else { unit.idle_tier(day) }
    }

    fn apply<'a>(
        &mut self,
        mut unit: Unit<'a>,
        decision: &Decision<'p>,
        at: i64,
    ) -> Option<Unit<'a>> {
        let change = (at - self.start, decision.rule.rule_id(), decision.action);
        let sums = self.changes.entry(change).or_default();
        sums.0 += unit.objects;
        sums.1 += unit.bytes;
        match decision.action {
            Action::Transition(class) => {
                self.leave(&unit, at);
                self.timeline.once(class, Figure::Transitions, at - self.start, unit.objects);
                (unit.facts.class, unit.facts.tier) = (class, AccessTier::Frequent);
                (unit.entered, unit.accessed) = (at, at);
                Some(unit)
            }
            Action::PushDeleteMarker => {
                let alone = matches!(unit.facts.place, Place::Current { others: 0 });
                unit.marker = alone.then_some(at);
                if unit.facts.versioning == Versioning::Suspended && unit.facts.version.is_null() {
                    self.leave(&unit, at);
                    return unit.without_data();
                }
                unit.facts.place = Place::Noncurrent { since: day_start(at), newer: 0 };
                Some(unit)
            }
            Action::Delete if unit.facts.content == Content::Data => {
                self.leave(&unit, at);
                unit.without_data()
            }
            Action::Delete | Action::AbortUpload => None,
        }
    }

    /// The fee for leaving a class early.
    fn leave(&mut self, unit: &Unit<'_>, at: i64) {
        let class = unit.facts.class;
        let stayed = u32::try_from(at - unit.entered).unwrap_or(0);
        let left = class.facts().minimum_days.saturating_sub(stayed);
        if left > 0 {
            let byte_days = unit.billable().bytes * f64::from(left);
            self.timeline.once(class, Figure::EarlyByteDays, at - self.start, byte_days);
        }
    }

    /// Keeps a unit as it is from one day up to another, not included.
    fn hold(&mut self, unit: &Unit<'_>, from: i64, to: i64) {
        let (days, class) = ((from - self.start, to - self.start), unit.facts.class);
        if unit.facts.content == Content::DeleteMarker {
            let key_bytes = u64::try_from(unit.facts.key.len()).unwrap_or(0);
            let billed = float(key_bytes) * unit.objects;
            return self.timeline.span(StorageClass::Standard, Figure::Billed, days, billed);
        }
        self.timeline.span(class, Figure::Objects, days, unit.objects);
        self.timeline.span(class, Figure::Bytes, days, unit.bytes);
        let billable = unit.billable();
        let standard = StorageClass::Standard;
        self.timeline.span(standard, Figure::Billed, days, billable.standard_bytes);
        if class == StorageClass::IntelligentTiering {
            self.hold_tiers(unit, billable.bytes, from, to);
        } else {
            self.timeline.span(class, Figure::Billed, days, billable.bytes);
        }
        if matches!(unit.facts.place, Place::Current { .. }) {
            self.read(unit, from, to);
        }
    }

    fn profile(&self, unit: &Unit<'_>) -> &'p AccessProfile {
        self.assumptions.access.profile(unit.facts.key, unit.facts.tags, unit.facts.size)
    }

    fn hold_tiers(&mut self, unit: &Unit<'_>, billed: f64, from: i64, to: i64) {
        let days = (from - self.start, to - self.start);
        if unit.facts.tier.is_archive() {
            return self.timeline.tier(unit.facts.tier, days, billed);
        }
        if unit.is_small() {
            return self.timeline.tier(AccessTier::Frequent, days, billed);
        }
        self.timeline.monitored(days, unit.objects);
        let profile = self.profile(unit);
        if profile.is_never() || !matches!(unit.facts.place, Place::Current { .. }) {
            return self.hold_idle_tiers(unit, billed, from, to);
        }
        let modified = day_number(unit.facts.modified);
        for day in from..to {
            let idle = |least: Days| {
                let least = i64::from(least.0) + 1;
                if day - unit.accessed < least {
                    return 0.0;
                }
                let age = day - modified;
                (-profile.reads_between(age - least, age)).exp()
            };
            let (infrequent, instant) = (idle(INFREQUENT_DAYS), idle(ARCHIVE_INSTANT_DAYS));
            let days = (day - self.start, day - self.start + 1);
            self.timeline.tier(AccessTier::ArchiveInstant, days, billed * instant);
            self.timeline.tier(AccessTier::Infrequent, days, billed * (infrequent - instant));
            self.timeline.tier(AccessTier::Frequent, days, billed * (1.0 - infrequent));
        }
    }

    fn hold_idle_tiers(&mut self, unit: &Unit<'_>, billed: f64, from: i64, to: i64) {
        let cold = unit.accessed + i64::from(INFREQUENT_DAYS.0) + 1;
        let colder = unit.accessed + i64::from(ARCHIVE_INSTANT_DAYS.0) + 1;
        let tiers = [
            (AccessTier::Frequent, from, to.min(cold)),
            (AccessTier::Infrequent, from.max(cold), to.min(colder)),
            (AccessTier::ArchiveInstant, from.max(colder), to),
        ];
        for (tier, from, to) in tiers {
            self.timeline.tier(tier, (from - self.start, to - self.start), billed);
        }
    }

    /// What reading costs in this class: nothing but requests, or a fee by bytes, or restores.
    fn read(&mut self, unit: &Unit<'_>, from: i64, to: i64) {
        let (profile, class) = (self.profile(unit), unit.facts.class);
        if profile.is_never() {
            return;
        }
        let place = Archived { class, tier: unit.facts.tier, size: unit.facts.size };
        let archived = place.archive().is_some();
        let modified = day_number(unit.facts.modified);
        for bucket in AgeBucket::all() {
            let (first, end) = bounds(bucket);
            let (from, to) = (from.max(modified + first), to.min(modified + end));
            let (days, rate) = ((from - self.start, to - self.start), profile.reads(bucket));
            let (reads, bytes) = (rate * unit.objects, rate * unit.bytes);
            if from >= to || reads == 0.0 {
                continue;
            }
            self.timeline.span(class, Figure::Gets, days, reads);
            if archived {
                self.timeline.span(class, Figure::Restores, days, reads);
                self.timeline.span(class, Figure::RestoredBytes, days, bytes);
                let kept = (rate * f64::from(self.assumptions.restore_days)).min(1.0);
                let copies = unit.bytes * kept;
                self.timeline.span(StorageClass::Standard, Figure::Billed, days, copies);
            } else if class.facts().has_retrieval_fee {
                self.timeline.span(class, Figure::Retrieved, days, bytes);
            }
        }
    }
}

/// The day of the first midnight at which something that is due at a moment can be done.
fn run_after(due: Timestamp) -> i64 {
    let day = day_number(due);
    if due == due.day() { day } else { day + 1 }
}
