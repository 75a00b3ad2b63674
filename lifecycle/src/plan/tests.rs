use super::*;
use crate::{
    AccessTier, Action, Content, Days, Filter, LifecyclePolicy, Month, Place, PriceTable, Rule,
    StorageClass, Timestamp, TransitionMinimumSize, VersionFacts,
    analysis::AgeBucket,
    cost::{Bill, Billable, Charge, GB, Usage},
};
use cistern_storage_core::{Retention, RetentionMode, VersionId, VersionLock, Versioning};
use proptest::prelude::*;
use std::time::Duration;

const DAY: i64 = 86_400_000;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

fn start() -> Timestamp {
    at("2026-12-01T00:00:00Z")
}

fn before(days: i64) -> Timestamp {
    Timestamp::from_millis(start().as_millis() - days * DAY + 3_600_000)
}

fn policy(rules: impl IntoIterator<Item = Rule>) -> LifecyclePolicy {
    LifecyclePolicy::new(rules).unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= expected.abs() * 1e-6 + 1e-6, "{found} not {expected}");
}

/// One object, simulated a day at a time by itself: what cohorts and spans must agree with.
#[derive(Clone, Debug)]
struct Plain {
    key: &'static str,
    size: u64,
    modified: Timestamp,
    entered: Timestamp,
    class: StorageClass,
    place: Place,
    versioning: Versioning,
    lock: VersionLock,
    content: Content,
    gone: bool,
}

impl Plain {
    fn facts(&self) -> VersionFacts<'static> {
        let facts = match self.content {
            Content::Data => VersionFacts::new(self.key, self.size, self.modified),
            Content::DeleteMarker => VersionFacts::delete_marker(self.key, self.modified),
        };
        facts
            .class(self.class)
            .place(self.place)
            .versioning(self.versioning)
            .version(VersionId::Stamped { seq: 1, tag: 1 })
            .lock(self.lock)
    }

    /// A night: the run, then what the day uses.
    fn night(&mut self, policy: &LifecyclePolicy, now: Timestamp, usage: &mut Usage) -> (f64, f64) {
        let stayed = || u32::try_from((now.as_millis() - self.entered.day().as_millis()) / DAY);
        let billable = |one: &Self| Billable::of(one.class, AccessTier::Frequent, one.size);
        let decision = policy.evaluate(&self.facts(), now).filter(|_| !self.gone);
        match decision.map(|decision| decision.action) {
            Some(Action::Transition(class)) => {
                usage.leave(self.class, billable(self), stayed().unwrap());
                usage.class_mut(class).transitions += 1.0;
                (self.class, self.entered) = (class, now);
            }
            Some(Action::PushDeleteMarker) => {
                self.place = Place::Noncurrent { since: now.day(), newer: 0 };
            }
            Some(Action::Delete) => {
                if self.content == Content::Data {
                    usage.leave(self.class, billable(self), stayed().unwrap());
                }
                self.gone = true;
            }
            Some(Action::AbortUpload) => unreachable!("it is no upload"),
            None => {}
        }
        if self.gone || self.content == Content::DeleteMarker {
            return (0.0, 0.0);
        }
        // None of these is read, so the tier is that of the clock alone.
        let clocks = crate::TierClocks::entered(self.entered);
        let tier = if self.class == StorageClass::IntelligentTiering {
            clocks.tier(self.size, crate::ArchiveTiers::default(), now)
        } else {
            AccessTier::Frequent
        };
        usage.keep(self.class, tier, billable(self));
        if self.class == StorageClass::IntelligentTiering && self.size >= 131_072 {
            usage.monitored += 1.0;
        }
        (1.0, crate::cost::float(self.size))
    }
}

fn any_plain() -> impl Strategy<Value = Plain> {
    let key = prop::sample::select(vec!["logs/a", "logs/b/c", "other", "tmp/x"]);
    let size = prop::sample::select(vec![1u64, 1000, 131_071, 131_072, 5_000_000, 1 << 30]);
    let class = prop::sample::select(vec![
        StorageClass::Standard,
        StorageClass::Standard,
        StorageClass::StandardIa,
        StorageClass::GlacierIr,
        StorageClass::Glacier,
    ]);
    let kind = (0..4u8, prop::option::of(0..200i64));
    (key, size, class, 0..400i64, kind).prop_map(|(key, size, class, age, (kind, locked))| {
        let modified = before(age);
        let place = match kind {
            2 | 3 => Place::Noncurrent { since: before(age / 2), newer: u32::from(kind) },
            _ => Place::Current { others: 1 },
        };
        let versioning = if kind == 0 { Versioning::Unversioned } else { Versioning::Enabled };
        let until = |days: i64| Timestamp::from_millis(before(-days).as_millis());
        let retention =
            locked.map(|days| Retention { mode: RetentionMode::Compliance, until: until(days) });
        let lock = VersionLock { retention, ..VersionLock::default() };
        let (content, gone) = (Content::Data, false);
        let entered = modified;
        Plain { key, size, modified, entered, class, place, versioning, lock, content, gone }
    })
}

fn some_policy(which: u8) -> LifecyclePolicy {
    use StorageClass::{DeepArchive, Glacier, GlacierIr, IntelligentTiering, StandardIa};
    let logs = Rule::prefix("logs/");
    match which {
        0 => policy([logs.transition(Days(30), StandardIa).transition(Days(90), Glacier)]),
        1 => policy([
            logs.transition(Days(0), IntelligentTiering).transition(Days(120), DeepArchive),
            Rule::all().expire(Days(200)).expire_noncurrent_but(2, Days(40)),
        ])
        .minimum_size(TransitionMinimumSize::VariesByStorageClass),
        2 => policy([
            Rule::new(Filter::all().larger_than(2000)).transition(Days(60), GlacierIr),
            Rule::all().transition_noncurrent(Days(10), Glacier).expire_noncurrent(Days(50)),
            Rule::all().expire(at("2027-03-01T00:00:00Z")),
        ]),
        _ => policy([
            Rule::prefix("logs/b/").expire(Days(5)),
            Rule::all().transition(Days(1), IntelligentTiering),
            Rule::all().transition(Days(150), GlacierIr),
        ]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cohorts_and_spans_agree_with_one_object_and_one_day_at_a_time(
        mut objects in prop::collection::vec(any_plain(), 1..40),
        which in 0..4u8,
    ) {
        let policy = some_policy(which);
        let mut population = Population::new(start()).watch_policy(&policy);
        objects.iter().for_each(|one| population.push(&one.facts()));
        let assumptions = Assumptions::days(Days(400));
        let simulation = population.simulate(&policy, &assumptions).unwrap();
        prop_assert_eq!(simulation.days.len(), 400);
        for day in &simulation.days {
            let (mut usage, mut count, mut bytes) = (Usage::default(), 0.0, 0.0);
            for one in &mut objects {
                let held = one.night(&policy, day.day, &mut usage);
                count += held.0;
                bytes += held.1;
            }
            let bill = usage.bill(&assumptions.prices, Month::of(day.day));
            for class in StorageClass::ALL {
                for charge in Charge::ALL {
                    let (found, expected) =
                        (day.bill.amount(class, charge).0, bill.amount(class, charge).0);
                    prop_assert!(
                        (found - expected).abs() <= expected * 1e-9 + 1e-12,
                        "{} {class} {charge:?}: {found} not {expected}", day.day
                    );
                }
            }
            let found: f64 = day.held.iter().map(|held| held.objects).sum();
            prop_assert!((found - count).abs() < 1e-6);
            prop_assert!((day.bytes() - bytes).abs() < 1e-3);
        }
    }
}

// Law-test: S3, lifecycle small objects.
#[test]
fn w79_small_objects_do_not_move_by_default_and_cost_their_requests_otherwise() {
    let all = policy([Rule::all().transition(Days(1), StorageClass::Glacier)]);
    let varies = all.clone().minimum_size(TransitionMinimumSize::VariesByStorageClass);
    let mut population = Population::new(start()).watch_policy(&all);
    for number in 0..1_000_000_u32 {
        population.push(&VersionFacts::new("k", 50 << 10, before(i64::from(number % 5))));
    }
    assert_eq!((population.objects(), population.cohorts_len()), (1_000_000, 5));
    let cost = |policy: &LifecyclePolicy| {
        let simulation = population.simulate(policy, &Assumptions::days(Days(10))).unwrap();
        simulation.bill().of_charge(Charge::Transitions).0
    };
    close(cost(&all), 0.0);
    close(cost(&varies), 30.0);
}

#[test]
fn a_hidden_version_its_end_and_its_lone_marker_follow_each_other() {
    let policy = policy([Rule::all().id("r").expire(Days(60)).expire_noncurrent(Days(30))]);
    let mut population = Population::new(at("2026-01-10T00:00:00Z")).watch_policy(&policy);
    let made = at("2026-01-10T09:00:00Z");
    let facts = VersionFacts::new("key", 1 << 20, made).versioning(Versioning::Enabled);
    population.push(&facts.version(VersionId::Stamped { seq: 1, tag: 1 }));
    let simulation = population.simulate(&policy, &Assumptions::years(1)).unwrap();
    let days: Vec<_> =
        simulation.changes.iter().map(|one| (one.day.to_iso8601(), one.action)).collect();
    let day = |day: &str| format!("{day}T00:00:00.000Z");
    // W31
    assert_eq!(
        days,
        [
            (day("2026-03-12"), Action::PushDeleteMarker),
            (day("2026-04-12"), Action::Delete),
            (day("2026-05-12"), Action::Delete),
        ]
    );
    close(simulation.deleted_objects(), 1.0);
    assert!(simulation.changes_to_csv().contains("2026-04-12,\"r\",delete for good,1,1048576"));
}

fn one_tb(class: StorageClass) -> Population {
    let mut population = Population::new(start()).watch(Filter::all());
    for _ in 0..1024 {
        population.push(&VersionFacts::new("k", 1 << 30, before(1000)).class(class));
    }
    population
}

fn nothing() -> LifecyclePolicy {
    policy([Rule::all().expire(Days(1)).disabled()])
}

#[test]
fn reading_costs_what_the_class_asks_for() {
    let cost = |class, reads| {
        let access = AccessModel::new(AccessProfile::constant(reads));
        let assumptions = Assumptions::days(Days(31)).access(access);
        one_tb(class).simulate(&nothing(), &assumptions).unwrap().bill()
    };
    let standard = cost(StorageClass::Standard, 1.0);
    close(standard.of_charge(Charge::Storage).0, 1024.0 * 0.023);
    close(standard.of_charge(Charge::Requests).0, 1024.0 * 31.0 * 0.0004 / 1000.0);
    close(standard.of_charge(Charge::Retrieval).0, 0.0);
    let instant = cost(StorageClass::GlacierIr, 0.1);
    close(instant.of_charge(Charge::Retrieval).0, 1024.0 * 3.1 * 0.03);
    let archive = cost(StorageClass::Glacier, 0.1);
    close(archive.of_charge(Charge::Retrieval).0, 0.0);
    let restored = 1024.0 * 3.1 * (0.01 + 0.05 / 1000.0);
    close(archive.of_charge(Charge::Restores).0, restored);
    let copies = archive.amount(StorageClass::Standard, Charge::Storage).0;
    close(copies, (102.4 * GB + 1024.0 * 8192.0) / GB * 0.023);
}

#[test]
fn intelligent_tiering_keeps_warm_what_is_read() {
    let month = |reads| {
        let access = AccessModel::new(AccessProfile::constant(reads));
        let assumptions = Assumptions::days(Days(31)).access(access);
        let population = one_tb(StorageClass::IntelligentTiering);
        let bill = population.simulate(&nothing(), &assumptions).unwrap().bill();
        bill.of_charge(Charge::Storage).0
    };
    close(month(0.0), 1024.0 * 0.004);
    close(month(10.0), 1024.0 * 0.023);
    let (cold, cool) = ((-91.0 * 0.02_f64).exp(), (-31.0 * 0.02_f64).exp());
    let mixed = cold * 0.004 + (cool - cold) * 0.0125 + (1.0 - cool) * 0.023;
    close(month(0.02), 1024.0 * mixed);
}

#[test]
fn what_arrives_ages_and_grows() {
    let policy = policy([Rule::all().expire(Days(9))]);
    let population = Population::new(start()).watch_policy(&policy);
    let arrival = Arrival::new("k", 1 << 20, 100.0);
    let assumptions = Assumptions::days(Days(730)).arriving(arrival.clone());
    let simulation = population.simulate(&policy, &assumptions).unwrap();
    // Made on day 0, gone by the run of day 10: there are ten days' worth of them.
    let objects = |day: usize| simulation.days[day].class(StorageClass::Standard).objects;
    close(objects(0), 100.0);
    close(objects(9), 1000.0);
    close(objects(100), 1000.0);
    let puts = simulation.bill().of_charge(Charge::Requests).0;
    close(puts, 100.0 * 730.0 * 0.005 / 1000.0);
    let growing = Assumptions::days(Days(366)).arriving(arrival.yearly_growth(3.0));
    let simulation = population.simulate(&nothing_watched(&population), &growing).unwrap();
    let held = |day: usize| simulation.days[day].class(StorageClass::Standard).objects;
    close(held(365) - held(364), 300.0);
}

fn nothing_watched(population: &Population) -> LifecyclePolicy {
    let rule = Rule::new(population.filters()[0].clone()).abort_uploads(Days(1));
    policy([rule])
}

#[test]
fn a_filter_that_was_not_watched_is_refused() {
    let population = one_tb(StorageClass::Standard);
    let policy = policy([Rule::prefix("a").expire(Days(1))]);
    let error = population.simulate(&policy, &Assumptions::years(1)).unwrap_err();
    assert_eq!(error.code(), "InvalidArgument");
    let model = AccessModel::default().with(Filter::all().prefix("a"), AccessProfile::NEVER);
    let assumptions = Assumptions::years(1).access(model);
    assert!(population.simulate(&nothing(), &assumptions).is_err());
}

fn suggested(limits: &SuggestionLimits, reads: f64) -> Suggestion {
    let access = AccessModel::new(AccessProfile::constant(reads));
    let assumptions = Assumptions::years(3).access(access);
    one_tb(StorageClass::Standard).suggest(&[Filter::all()], limits, &assumptions).unwrap()
}

fn moves(suggestion: &Suggestion) -> Vec<StorageClass> {
    let rules = suggestion.policy.iter().flat_map(LifecyclePolicy::rules);
    rules.flat_map(Rule::transitions).map(|transition| transition.class).collect()
}

#[test]
fn the_coldest_class_within_the_delay_is_suggested_for_what_is_not_read() {
    let slow = suggested(&SuggestionLimits::delay(Duration::from_secs(48 * 3600)), 0.0);
    assert_eq!(moves(&slow), [StorageClass::DeepArchive]);
    let hours = suggested(&SuggestionLimits::delay(Duration::from_secs(5 * 3600)), 0.0);
    assert_eq!(moves(&hours), [StorageClass::Glacier]);
    let immediate = suggested(&SuggestionLimits::immediate(), 0.0);
    assert_eq!(moves(&immediate), [StorageClass::GlacierIr]);
    assert!(slow.cost < hours.cost && hours.cost < immediate.cost);
    assert!(immediate.cost < immediate.cost_without);
    let without = SuggestionLimits::immediate().without(StorageClass::GlacierIr);
    assert!(!moves(&suggested(&without, 0.0)).contains(&StorageClass::GlacierIr));
}

#[test]
fn nothing_is_suggested_for_what_is_read_all_the_time() {
    let hot = suggested(&SuggestionLimits::delay(Duration::from_secs(48 * 3600)), 5.0);
    assert_eq!(hot.policy, None);
    assert_eq!(hot.cost, hot.cost_without);
}

#[test]
fn a_simulation_prints_years_and_compares() {
    let cold = policy([Rule::all().id("cold").transition(Days(1), StorageClass::DeepArchive)]);
    let population = one_tb(StorageClass::Standard);
    let assumptions = Assumptions::years(2).prices(PriceTable::us_east_1());
    let stay = population.simulate(&nothing(), &assumptions).unwrap();
    let move_down = population.simulate(&cold, &assumptions).unwrap();
    close(move_down.slow_objects(), 1024.0);
    let comparison = Comparison::new([("stay", &stay), ("cold", &move_down)]);
    assert_eq!(comparison.cheapest(), Some("cold"));
    assert!(comparison.to_string().lines().count() == 3);
    let text = move_down.to_string();
    assert!(
        text.contains("rule `cold`: move to DEEP_ARCHIVE: 1024 objects, 1024.000 GB"),
        "{text}"
    );
    let months = stay.bills_by_month();
    assert_eq!(months.len(), 24);
    assert_eq!(months[0].0.to_string(), "2026-12");
    close(months[0].1.total().0, 1024.0 * 0.023);
    let sum: Bill = months.iter().fold(Bill::default(), |mut sum, (_, bill)| {
        sum += bill;
        sum
    });
    close(sum.total().0, stay.bill().total().0);
    let csv = stay.to_csv();
    let row = csv.lines().nth(1).unwrap();
    assert!(row.starts_with("2026-12-01,STANDARD,1024,1099511627776,0.7597"), "{row}");
    assert_eq!(csv.lines().count(), 731);
}

#[cfg(feature = "chart")]
#[test]
fn charts_are_svg_with_a_legend() {
    let cold = policy([Rule::all().transition(Days(1), StorageClass::DeepArchive)]);
    let simulation =
        one_tb(StorageClass::Standard).simulate(&cold, &Assumptions::days(Days(100))).unwrap();
    for svg in [simulation.bytes_chart(), simulation.cost_chart()] {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("DEEP_ARCHIVE"));
    }
}

#[test]
fn a_dry_run_tells_what_a_run_would_do() {
    let policy = policy([
        Rule::prefix("a/").id("end").expire(Days(10)),
        Rule::all().id("slow").abort_uploads(Days(7)),
    ]);
    let keys: Vec<String> = (0..20).map(|number| format!("a/{number}")).collect();
    let all: Vec<_> =
        keys.iter().zip(0..).map(|(key, age)| VersionFacts::new(key, 5, before(age))).collect();
    let mut run = policy.dry_run(all, start());
    run.upload(&policy, "b", before(30), 77, start());
    let lines: Vec<_> = run.lines().collect();
    assert_eq!((lines.len(), run.seen()), (2, 21));
    let (rule, action, line) = lines[0];
    assert_eq!((rule, action, line.versions, line.bytes), ("end", Action::Delete, 9, 45));
    assert_eq!(&*line.examples[0], "a/11");
    assert_eq!((lines[1].1, lines[1].2.bytes), (Action::AbortUpload, 77));
    assert!(run.to_string().contains("11 of 21 would be left"));
}

#[test]
fn an_observed_profile_is_that_of_the_analysis() {
    let mut analysis = crate::StorageClassAnalysis::new("all");
    let figures = analysis.day(start(), StorageClass::Standard);
    figures.object(40, 1 << 20);
    figures.read(40, 1 << 20, 1 << 19);
    let profile = AccessProfile::observed(&analysis);
    close(profile.reads(AgeBucket::of(40)), 0.5);
    close(profile.reads(AgeBucket::of(0)), 0.0);
    assert_eq!(AccessProfile::new(|_| f64::NAN), AccessProfile::NEVER);
    assert_eq!(AccessProfile::constant(-1.0), AccessProfile::NEVER);
}
