//! Plan: objects taken in a second, and simulations of five years.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

use cistern_lifecycle::{
    Days, Filter, LifecyclePolicy, Rule, StorageClass, Timestamp, VersionFacts,
    plan::{AccessModel, AccessProfile, Assumptions, Population, SuggestionLimits},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const DAY: i64 = 86_400_000;
/// `CISTERN_PLAN_OBJECTS` asks for another number.
const OBJECTS: u32 = 100_000;

fn policy() -> LifecyclePolicy {
    LifecyclePolicy::new([
        Rule::prefix("logs/").transition(Days(30), StorageClass::StandardIa).expire(Days(730)),
        Rule::prefix("media/").transition(Days(60), StorageClass::GlacierIr),
        Rule::new(Filter::all().prefix("tmp/").larger_than(1 << 20)).expire(Days(7)),
        Rule::all().transition(Days(400), StorageClass::DeepArchive),
    ])
    .unwrap()
}

fn start() -> Timestamp {
    Timestamp::from_millis(20_800 * DAY)
}

fn population(objects: u32) -> Population {
    let mut population = Population::new(start()).watch_policy(&policy()).watch(Filter::all());
    let keys = ["logs/app/2026", "media/cat.jpg", "tmp/scratch", "home/tom/notes.txt"];
    let classes = [StorageClass::Standard, StorageClass::StandardIa, StorageClass::Glacier];
    // A linear congruence: the same objects every time.
    let mut dice: u64 = 1;
    for _ in 0..objects {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = |shift: u32, of: u64| usize::try_from((dice >> shift) % of).unwrap();
        let age = i64::try_from(pick(20, 1_825)).unwrap();
        let modified = Timestamp::from_millis(start().as_millis() - age * DAY - 1);
        let size = 1 << pick(45, 31);
        let facts = VersionFacts::new(keys[pick(33, 4)], size, modified);
        population.push(&facts.class(classes[pick(40, 3)]));
    }
    population
}

fn plan(criterion: &mut Criterion) {
    let asked = std::env::var("CISTERN_PLAN_OBJECTS").ok();
    let objects = asked.map_or(OBJECTS, |text| text.parse().unwrap());
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    group.throughput(Throughput::Elements(objects.into()));
    group.bench_function("take objects in", |bencher| bencher.iter(|| population(objects)));

    let population = population(objects);
    let reads = AccessProfile::new(|bucket| if bucket.first_day() < 60 { 0.1 } else { 0.001 });
    let assumptions = Assumptions::years(5).access(AccessModel::new(reads));
    let cohorts = u64::try_from(population.cohorts_len()).unwrap();
    group.throughput(Throughput::Elements(cohorts));
    group.bench_function("simulate five years, by cohorts", |bencher| {
        bencher.iter(|| population.simulate(&policy(), &assumptions).unwrap());
    });
    group.bench_function("suggest", |bencher| {
        let limits = SuggestionLimits::immediate();
        bencher.iter(|| population.suggest(&[Filter::all()], &limits, &assumptions).unwrap());
    });
}

criterion_group!(benches, plan);
criterion_main!(benches);
