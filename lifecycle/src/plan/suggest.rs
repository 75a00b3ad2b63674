//! `suggest`: the cheapest transitions under a bound on how long a read may take to begin.
//!
//! For each filter in turn, chains of transitions are made longer one move at a time, and the best few
//! of each length go on (a beam search). A chain is judged by simulating it, on cohorts made coarser
//! by rounding ages to weeks; the answer is simulated on the population as it is. Nothing is ever
//! suggested that deletes.

use super::{
    Assumptions, Population, Simulation, life::Unit, population::Cohort, simulation::simulate,
};
use crate::{
    cost::{Usd, float},
    error::Result,
    filter::Filter,
    policy::LifecyclePolicy,
    restore::{Archive, RestoreTimes},
    rule::Rule,
    waterfall::{TARGETS, TransitionMinimumSize},
};
use cistern_storage_core::{Days, StorageClass};
use std::{collections::BTreeMap, time::Duration};

/// What a suggestion must keep to.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggestionLimits {
    /// How long it may take until an object's bytes can be read.
    pub retrieval_delay_max: Duration,
    /// How long restores take.
    pub times: RestoreTimes,
    /// Classes that are not to be used: one zone may not be enough for somebody.
    pub without: Vec<StorageClass>,
    /// What becomes of small objects.
    pub minimum_size: TransitionMinimumSize,
}

impl SuggestionLimits {
    /// Every byte is read at once; any class that allows it may be used.
    #[must_use]
    pub fn immediate() -> Self {
        Self::delay(Duration::ZERO)
    }

    /// A read may have to wait so long.
    #[must_use]
    pub fn delay(retrieval_delay_max: Duration) -> Self {
        Self {
            retrieval_delay_max,
            times: RestoreTimes::LONGEST,
            without: Vec::new(),
            minimum_size: TransitionMinimumSize::default(),
        }
    }

    /// Without this class.
    #[must_use]
    pub fn without(mut self, class: StorageClass) -> Self {
        self.without.push(class);
        self
    }

    fn classes(&self, assumptions: &Assumptions) -> Vec<StorageClass> {
        let allowed = |class: &StorageClass| {
            let waits = Archive::of_class(*class)
                .map(|archive| self.times.time(archive, assumptions.restore_tier, 0));
            let in_time = match waits {
                None => true,
                Some(time) => time.is_some_and(|time| time <= self.retrieval_delay_max),
            };
            in_time && !self.without.contains(class)
        };
        TARGETS.into_iter().filter(allowed).collect()
    }
}

/// A policy that costs less than none.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The policy; `None` when leaving everything where it is costs least.
    pub policy: Option<LifecyclePolicy>,
    /// What happens under it.
    pub simulation: Simulation,
    /// What it costs.
    pub cost: Usd,
    /// What no policy costs.
    pub cost_without: Usd,
}

type Chain = Vec<(Days, StorageClass)>;

/// Days at which moves are tried.
const DAYS_TRIED: [u32; 12] = [0, 1, 14, 30, 60, 90, 120, 180, 270, 365, 545, 730];
/// How many chains of one length go on.
const BEAM: usize = 4;
/// How many moves a chain has at most.
const MOVES_MAX: usize = 3;

impl Population {
    /// The cheapest policy of transitions found for these filters, which should not overlap.
    ///
    /// Arrivals and reads are those of the assumptions. The search is not exhaustive.
    ///
    /// # Errors
    /// As [`Population::simulate`], for a filter that is not watched.
    pub fn suggest(
        &self,
        filters: &[Filter],
        limits: &SuggestionLimits,
        assumptions: &Assumptions,
    ) -> Result<Suggestion> {
        let models = assumptions.access.profiles.iter().map(|(filter, _)| filter);
        self.check_watched(filters.iter().chain(models))?;
        let search = Search {
            population: self,
            units: self.coarse_units(),
            limits,
            assumptions,
            classes: limits.classes(assumptions),
        };
        let mut rules: Vec<Rule> = Vec::new();
        for filter in filters {
            let best = search.best_chain(filter, &rules);
            if !best.is_empty() {
                rules.push(rule(filter, &best));
            }
        }
        let nothing = self.simulate(&nothing(), assumptions)?;
        let cost_without = nothing.bill().total();
        if let Some(policy) = search.policy(&rules) {
            let simulation = self.simulate(&policy, assumptions)?;
            let cost = simulation.bill().total();
            if cost < cost_without {
                return Ok(Suggestion { policy: Some(policy), simulation, cost, cost_without });
            }
        }
        Ok(Suggestion { policy: None, simulation: nothing, cost: cost_without, cost_without })
    }

    /// The cohorts with their ages rounded to weeks, so that there are few.
    fn coarse_units(&self) -> Vec<Unit<'_>> {
        let week = |day: i64| day.div_euclid(7);
        let mut merged: BTreeMap<_, (Cohort<'_>, f64, f64)> = BTreeMap::new();
        for cohort in self.cohorts() {
            let facts = &cohort.facts;
            let modified = week(crate::calendar::day_number(facts.modified));
            let days = (modified, week(cohort.entered), week(cohort.accessed));
            let rest = format!(
                "{:?}{:?}{:?}{:?}{:?}",
                facts.place, facts.lock, facts.version, facts.versioning, facts.replication
            );
            let key = (cohort.kind, facts.class, facts.tier, days, rest);
            let (objects, bytes) = (float(cohort.objects), float(cohort.bytes));
            let sums = merged.entry(key).or_insert((cohort, 0.0, 0.0));
            sums.1 += objects;
            sums.2 += bytes;
        }
        merged.into_values().map(|(cohort, objects, bytes)| cohort.unit(objects, bytes)).collect()
    }
}

struct Search<'a> {
    population: &'a Population,
    units: Vec<Unit<'a>>,
    limits: &'a SuggestionLimits,
    assumptions: &'a Assumptions,
    classes: Vec<StorageClass>,
}

impl Search<'_> {
    fn best_chain(&self, filter: &Filter, rules: &[Rule]) -> Chain {
        let cost = |chain: &Chain| {
            let mut rules = rules.to_vec();
            if !chain.is_empty() {
                rules.push(rule(filter, chain));
            }
            self.cost(&rules)
        };
        let mut best: (Chain, Usd) = (Chain::new(), cost(&Chain::new()).unwrap_or_default());
        let mut beam: Vec<Chain> = vec![Chain::new()];
        for _ in 0..MOVES_MAX {
            let longer = beam.iter().flat_map(|chain| self.longer(chain));
            let mut judged: Vec<(Chain, Usd)> =
                longer.filter_map(|chain| cost(&chain).map(|cost| (chain, cost))).collect();
            judged.sort_by(|one, other| one.1.0.total_cmp(&other.1.0));
            judged.truncate(BEAM);
            match judged.first() {
                Some((chain, cost)) if *cost < best.1 => best = (chain.clone(), *cost),
                _ => break,
            }
            beam = judged.into_iter().map(|(chain, _)| chain).collect();
        }
        best.0
    }

    /// A chain with one more move, in all ways.
    fn longer(&self, chain: &Chain) -> Vec<Chain> {
        let last = chain.last().map(|(days, _)| days.0);
        let mut all = Vec::new();
        for &class in &self.classes {
            for days in DAYS_TRIED.into_iter().filter(|days| last.is_none_or(|last| *days > last)) {
                if chain.iter().all(|(_, other)| *other != class) {
                    all.push([chain.as_slice(), &[(Days(days), class)]].concat());
                }
            }
        }
        all
    }

    /// What rules cost; `None` when S3 would refuse them.
    fn cost(&self, rules: &[Rule]) -> Option<Usd> {
        let policy = if rules.is_empty() { nothing() } else { self.policy(rules)? };
        let units = self.units.iter().cloned();
        let simulation = simulate(units, self.population.start, &policy, self.assumptions);
        Some(simulation.bill().total())
    }

    fn policy(&self, rules: &[Rule]) -> Option<LifecyclePolicy> {
        let policy = LifecyclePolicy::new(rules.to_vec()).ok()?;
        Some(policy.minimum_size(self.limits.minimum_size))
    }
}

fn rule(filter: &Filter, chain: &Chain) -> Rule {
    let moves = chain.iter();
    moves.fold(Rule::new(filter.clone()), |rule, (days, class)| rule.transition(*days, *class))
}

/// A policy that does nothing: one rule, and that disabled.
fn nothing() -> LifecyclePolicy {
    let rule = Rule::all().abort_uploads(Days(1)).disabled();
    LifecyclePolicy::new([rule]).expect("a rule with one action and no filter is valid")
}
