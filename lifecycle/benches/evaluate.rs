//! Evaluate: versions a second, under policies of few and of many rules.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

use cistern_lifecycle::{
    Days, Filter, LifecyclePolicy, Place, Rule, StorageClass, Timestamp, VersionFacts,
};
use cistern_storage_core::{Tags, Versioning};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const VERSIONS: u32 = 10_000;
const DAY: i64 = 86_400_000;

fn policy(prefixes: u32) -> LifecyclePolicy {
    let mut rules = vec![
        Rule::all().transition(Days(30), StorageClass::StandardIa).expire(Days(365)),
        Rule::all().expire_noncurrent_but(3, Days(30)),
        Rule::all().expire_lone_delete_markers().abort_uploads(Days(7)),
        Rule::new(Filter::all().tag("keep", "short").larger_than(1 << 20)).expire(Days(7)),
    ];
    let of_prefix = |number| {
        Rule::prefix(format!("team-{number}/")).transition(Days(90), StorageClass::Glacier)
    };
    rules.extend((0..prefixes).map(of_prefix));
    LifecyclePolicy::new(rules).unwrap()
}

fn evaluate(criterion: &mut Criterion) {
    let tags = Tags::parse_query("keep=long&project=blue").unwrap();
    let keys: Vec<_> =
        (0..VERSIONS).map(|one| format!("team-{}/logs/object-{one:08}", one % 500)).collect();
    let now = Timestamp::from_millis(20_000 * DAY);
    let facts = |(number, key)| {
        let number: u32 = number;
        let modified = Timestamp::from_millis((20_000 - i64::from(number % 800)) * DAY + 7);
        let facts = VersionFacts::new(key, u64::from(number) << 10, modified);
        let place = match number % 3 {
            0 => Place::Current { others: 1 },
            newer => Place::Noncurrent { since: modified, newer },
        };
        facts.tags(&tags).versioning(Versioning::Enabled).place(place)
    };
    let all: Vec<_> = (0..).zip(keys.iter().map(String::as_str)).map(facts).collect();
    let mut group = criterion.benchmark_group("evaluate");
    group.throughput(Throughput::Elements(VERSIONS.into()));
    for prefixes in [0, 16, 996] {
        let policy = policy(prefixes);
        group.bench_function(format!("{} rules", policy.rules().len()), |bencher| {
            bencher.iter(|| {
                all.iter().filter(|facts| policy.evaluate(black_box(facts), now).is_some()).count()
            });
        });
    }
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
