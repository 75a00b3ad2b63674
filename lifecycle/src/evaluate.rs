//! The decision: (policy, facts, now) to at most one action. Pure.
//!
//! Every enabled rule that a version matches offers actions, each with the midnight at which it is
//! due and perhaps an obstacle. Of those that are due and free, the one that S3 prefers is taken. A
//! version gets one action a run; what it becomes is judged again by the next.

use crate::{
    action::Expiration,
    facts::{Content, Place, VersionFacts},
    policy::LifecyclePolicy,
    rule::Rule,
    waterfall::{TARGETS, may_move, target_rank},
};
use cistern_storage_core::{Bypass, LegalHold, StorageClass, Timestamp, Versioning};

/// What is to be done with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Delete it for good: data, or a delete marker.
    Delete,
    /// Move it to another class.
    Transition(StorageClass),
    /// Delete its key, as a delete without a version does: a delete marker is pushed. Where
    /// versioning is suspended, that replaces the null version.
    PushDeleteMarker,
    /// Abort an upload.
    AbortUpload,
}

impl Action {
    /// The event that S3 tells of it; none for an upload.
    ///
    /// Law: S3, lifecycle event notifications.
    #[must_use]
    pub const fn event_name(self) -> Option<&'static str> {
        match self {
            Self::Delete => Some("LifecycleExpiration:Delete"),
            Self::Transition(_) => Some("LifecycleTransition"),
            Self::PushDeleteMarker => Some("LifecycleExpiration:DeleteMarkerCreated"),
            Self::AbortUpload => None,
        }
    }

    /// The operation's name in S3's access logs.
    ///
    /// Law: S3, lifecycle access log entries.
    #[must_use]
    pub const fn log_name(self) -> &'static str {
        match self {
            Self::Delete => "S3.EXPIRE.OBJECT",
            Self::PushDeleteMarker => "S3.CREATE.DELETEMARKER",
            Self::AbortUpload => "S3.DELETE.UPLOAD",
            Self::Transition(class) => match class {
                StorageClass::StandardIa => "S3.TRANSITION_SIA.OBJECT",
                StorageClass::OnezoneIa => "S3.TRANSITION_ZIA.OBJECT",
                StorageClass::IntelligentTiering => "S3.TRANSITION_INT.OBJECT",
                StorageClass::GlacierIr => "S3.TRANSITION_GIR.OBJECT",
                StorageClass::DeepArchive => "S3.TRANSITION_GDA.OBJECT",
                _ => "S3.TRANSITION.OBJECT",
            },
        }
    }
}

/// One action, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'p> {
    /// What to do.
    pub action: Action,
    /// The rule that says so.
    pub rule: &'p Rule,
    /// The moment from which it may be done.
    pub due: Timestamp,
}

/// The time that a delete marker gets which lifecycle pushes in a run at `now`: the midnight of that
/// day, so that a run that is late does not shorten the days which follow.
///
/// Law: S3, lifecycle delete markers are stamped at midnight.
#[must_use]
pub const fn delete_marker_time(now: Timestamp) -> Timestamp {
    now.day()
}

impl LifecyclePolicy {
    /// What a run at `now` does with a version; `None` to leave it.
    ///
    /// Cost: one search among the prefixes, and what the rules of matching prefixes say. Nothing is
    /// allocated.
    ///
    /// Law: S3, lifecycle conflicts.
    #[must_use]
    pub fn evaluate(&self, facts: &VersionFacts<'_>, now: Timestamp) -> Option<Decision<'_>> {
        let mut offers = Offers::new(self, facts.class, now);
        self.each_candidate(facts, now, |candidate| offers.take(candidate));
        offers.decide()
    }

    /// The first thing that will happen to a version, now or later, if nobody touches it.
    ///
    /// The `due` of the answer is not before `now`.
    #[must_use]
    pub fn next(&self, facts: &VersionFacts<'_>, now: Timestamp) -> Option<Decision<'_>> {
        let mut moments = vec![now];
        self.each_candidate(facts, now, |candidate| {
            if let Some(free) = candidate.free_from().filter(|free| *free > now) {
                moments.push(free);
            }
        });
        moments.sort_unstable();
        moments.dedup();
        let decide = |at| Some(Decision { due: at, ..self.evaluate(facts, at)? });
        moments.into_iter().find_map(decide)
    }

    /// What a run at `now` does with an upload in progress.
    ///
    /// Law: S3, AbortIncompleteMultipartUpload.
    #[must_use]
    pub fn evaluate_upload(
        &self,
        key: &str,
        initiated: Timestamp,
        now: Timestamp,
    ) -> Option<Decision<'_>> {
        self.abort_of(key, initiated).filter(|decision| decision.due <= now)
    }

    /// When an upload in progress will be aborted, and by which rule.
    #[must_use]
    pub fn abort_of(&self, key: &str, initiated: Timestamp) -> Option<Decision<'_>> {
        let mut first: Option<Offer> = None;
        self.each_rule_of(key, |at, rule| {
            if let Some(days) = rule.abort_uploads {
                let offer = Offer { due: initiated.midnight_after(days), rule: at };
                first = Some(self.earlier(first, offer));
            }
        });
        let Offer { due, rule } = first?;
        Some(Decision { action: Action::AbortUpload, rule: &self.rules()[rule], due })
    }

    /// Every action that an enabled rule has for the version, due or not, free or not.
    pub(crate) fn each_candidate(
        &self,
        facts: &VersionFacts<'_>,
        now: Timestamp,
        mut visit: impl FnMut(Candidate),
    ) {
        self.each_rule_of(facts.key, |at, rule| {
            if rule.filter().mismatch_but_prefix(facts.tags, facts.size).is_none() {
                self.candidates_of(at, rule, facts, now, &mut visit);
            }
        });
    }

    /// What one rule has for a version that it matches.
    pub(crate) fn candidates_of(
        &self,
        at: usize,
        rule: &Rule,
        facts: &VersionFacts<'_>,
        now: Timestamp,
        visit: &mut impl FnMut(Candidate),
    ) {
        let judge = Judge { policy: self, rule, facts, now };
        match facts.place {
            Place::Current { others } => judge.current(at, others, visit),
            Place::Noncurrent { since, newer } => judge.noncurrent(at, since, newer, visit),
        }
    }

    /// Of two offers the earlier; of two at once that whose rule's id comes first, so that the order
    /// of rules means nothing.
    fn earlier(&self, one: Option<Offer>, other: Offer) -> Offer {
        match one {
            Some(one) if (one.due, self.id_of(one)) <= (other.due, self.id_of(other)) => one,
            _ => other,
        }
    }

    fn id_of(&self, offer: Offer) -> &str {
        self.rules()[offer.rule].rule_id()
    }
}

/// An action that a rule has for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) rule: usize,
    pub(crate) action: Action,
    /// Whether data goes for good with it.
    pub(crate) permanent: bool,
    pub(crate) due: Timestamp,
    pub(crate) obstacle: Option<Obstacle>,
}

impl Candidate {
    /// From when nothing but time stands against it; `None` when something else does.
    fn free_from(&self) -> Option<Timestamp> {
        match self.obstacle {
            None => Some(self.due),
            Some(Obstacle::Retained { until }) => Some(self.due.max(until)),
            Some(_) => None,
        }
    }
}

/// What stands against an action that a rule has for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Obstacle {
    /// Its replication is pending or failed.
    Replication,
    /// It is under legal hold.
    LegalHold,
    /// It is retained.
    Retained {
        /// Until when.
        until: Timestamp,
    },
    /// It is too small to move to this class by default.
    SmallObject,
    /// Objects of its class do not move to this one.
    NoSuchMove,
    /// It is one of the newest noncurrent versions, which are kept.
    KeptAsNewer {
        /// How many noncurrent versions are newer.
        newer: u32,
        /// How many are kept.
        kept: u32,
    },
    /// It is a delete marker that hides older versions.
    NotAlone,
}

/// One rule in front of one version.
struct Judge<'a, 'f> {
    policy: &'a LifecyclePolicy,
    rule: &'a Rule,
    facts: &'a VersionFacts<'f>,
    now: Timestamp,
}

impl Judge<'_, '_> {
    fn current(&self, rule: usize, others: u32, visit: &mut impl FnMut(Candidate)) {
        let facts = self.facts;
        if facts.content == Content::DeleteMarker {
            return self.current_marker(rule, others, visit);
        }
        if let Some(Expiration::At(when)) = self.rule.expiration {
            let due = when.due(facts.modified);
            let replaces_data =
                facts.versioning == Versioning::Suspended && facts.version.is_null();
            let permanent = facts.versioning == Versioning::Unversioned || replaces_data;
            let action = match facts.versioning {
                Versioning::Unversioned => Action::Delete,
                _ => Action::PushDeleteMarker,
            };
            let obstacle = if permanent { self.lock() } else { self.replication() };
            visit(Candidate { rule, action, permanent, due, obstacle });
        }
        for transition in &self.rule.transitions {
            let due = transition.when.due(facts.modified);
            visit(self.transition(rule, transition.class, due, None));
        }
    }

    fn current_marker(&self, rule: usize, others: u32, visit: &mut impl FnMut(Candidate)) {
        let due = match self.rule.expiration {
            Some(Expiration::At(when)) => when.due(self.facts.modified),
            Some(Expiration::ExpiredObjectDeleteMarker) => self.facts.modified,
            None => return,
        };
        let alone = (others > 0).then_some(Obstacle::NotAlone);
        let obstacle = alone.or(self.replication());
        visit(Candidate { rule, action: Action::Delete, permanent: true, due, obstacle });
    }

    fn noncurrent(
        &self,
        rule: usize,
        since: Timestamp,
        newer: u32,
        visit: &mut impl FnMut(Candidate),
    ) {
        let kept = |kept: Option<u32>| {
            let kept = kept.unwrap_or(0);
            (newer < kept).then_some(Obstacle::KeptAsNewer { newer, kept })
        };
        if let Some(expiration) = self.rule.noncurrent_expiration {
            let due = since.midnight_after(expiration.days);
            let obstacle = kept(expiration.newer_versions).or(self.lock());
            visit(Candidate { rule, action: Action::Delete, permanent: true, due, obstacle });
        }
        if self.facts.content == Content::Data {
            for transition in &self.rule.noncurrent_transitions {
                let due = since.midnight_after(transition.days);
                let kept = kept(transition.newer_versions);
                visit(self.transition(rule, transition.class, due, kept));
            }
        }
    }

    fn transition(
        &self,
        rule: usize,
        class: StorageClass,
        due: Timestamp,
        kept: Option<Obstacle>,
    ) -> Candidate {
        let facts = self.facts;
        let sizes_said = self.rule.filter().has_sizes();
        let obstacle = if kept.is_some() {
            kept
        } else if !may_move(facts.class, facts.tier, class) {
            Some(Obstacle::NoSuchMove)
        } else if !sizes_said && !self.policy.transition_minimum_size().allows(facts.size, class) {
            Some(Obstacle::SmallObject)
        } else {
            self.replication()
        };
        Candidate { rule, action: Action::Transition(class), permanent: false, due, obstacle }
    }

    /// What keeps a version from going for good.
    ///
    /// Law: S3, lifecycle and object lock.
    fn lock(&self) -> Option<Obstacle> {
        let lock = &self.facts.lock;
        if lock.may_delete(self.now, Bypass::No).is_ok() {
            return self.replication();
        }
        if lock.legal_hold == LegalHold::On {
            return Some(Obstacle::LegalHold);
        }
        let held = lock.retention.map(|retention| Obstacle::Retained { until: retention.until });
        self.replication().or(held)
    }

    fn replication(&self) -> Option<Obstacle> {
        self.facts.replication.holds().then_some(Obstacle::Replication)
    }
}

#[derive(Clone, Copy)]
struct Offer {
    due: Timestamp,
    rule: usize,
}

/// The best offer of each kind that is due.
struct Offers<'p> {
    policy: &'p LifecyclePolicy,
    now: Timestamp,
    permanent: Option<(Offer, Action)>,
    marker: Option<Offer>,
    transitions: [Option<Offer>; TARGETS.len()],
    /// The rank of the class that the version is in, and the last due date of a rule that moves
    /// there.
    own_rank: Option<usize>,
    settled: Option<Timestamp>,
}

impl<'p> Offers<'p> {
    fn new(policy: &'p LifecyclePolicy, class: StorageClass, now: Timestamp) -> Self {
        Self {
            policy,
            now,
            permanent: None,
            marker: None,
            transitions: [None; TARGETS.len()],
            own_rank: target_rank(class),
            settled: None,
        }
    }

    fn take(&mut self, candidate: Candidate) {
        if candidate.due > self.now {
            return;
        }
        let offer = Offer { due: candidate.due, rule: candidate.rule };
        if let Action::Transition(class) = candidate.action
            && target_rank(class) == self.own_rank
        {
            self.settled = self.settled.max(Some(offer.due));
        }
        if candidate.obstacle.is_some() {
            return;
        }
        match candidate.action {
            Action::Transition(class) => {
                let rank = target_rank(class).expect("a policy moves to targets alone");
                let slot = &mut self.transitions[rank];
                *slot = Some(self.policy.earlier(*slot, offer));
            }
            action if candidate.permanent => {
                let best = self.permanent.map(|(best, _)| best);
                self.permanent = Some((self.policy.earlier(best, offer), action));
            }
            _ => self.marker = Some(self.policy.earlier(self.marker, offer)),
        }
    }

    fn decide(&self) -> Option<Decision<'p>> {
        let (offer, action) = self
            .permanent
            .or_else(|| self.transition())
            .or_else(|| Some((self.marker?, Action::PushDeleteMarker)))?;
        Some(Decision { action, rule: &self.policy.rules()[offer.rule], due: offer.due })
    }

    fn transition(&self) -> Option<(Offer, Action)> {
        let ranked = self.transitions.iter().enumerate();
        ranked.filter_map(|(rank, offer)| Some((rank, (*offer)?))).find_map(|(rank, offer)| {
            // A rule that lost against the one that brought the version here does not win the day
            // after.
            let lost = self.settled >= Some(offer.due) && self.own_rank < Some(rank);
            let lost = lost && self.own_rank.is_some();
            (!lost).then_some((offer, Action::Transition(TARGETS[rank])))
        })
    }
}
