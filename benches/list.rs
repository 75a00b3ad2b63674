//! List: pages, common prefixes.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

mod fixture;

use cistern::ListOptions;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const OBJECTS: usize = 10_000;

fn list(criterion: &mut Criterion) {
    for store in [fixture::memory(), fixture::disk()] {
        let bucket = store.filled(OBJECTS, 100);
        let mut group = criterion.benchmark_group(format!("list, {}", store.name));
        group.throughput(Throughput::Elements(OBJECTS as u64));
        group.bench_function("every object", |bencher| {
            bencher.iter(|| assert_eq!(bucket.list("").count(), OBJECTS));
        });
        let options = ListOptions::new().delimiter("/");
        group.throughput(Throughput::Elements(100));
        group.bench_function("100 common prefixes", |bencher| {
            bencher.iter(|| {
                let page = bucket.list_page(&options).unwrap();
                assert_eq!(page.common_prefixes.len(), 100);
            });
        });
    }
}

criterion_group!(benches, list);
criterion_main!(benches);
