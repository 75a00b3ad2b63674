//! Put: bodies of several sizes, in memory, handed to the system, synced.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

mod fixture;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn put(criterion: &mut Criterion) {
    for store in [fixture::memory(), fixture::disk(), fixture::disk_synced()] {
        let bucket = store.bucket();
        let mut group = criterion.benchmark_group(format!("put, {}", store.name));
        for size in [100, 1 << 10, 64 << 10, 8 << 20] {
            let body = fixture::body(size);
            let mut nth = 0;
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(format!("{size} bytes"), |bencher| {
                let next = || {
                    nth = (nth + 7919) % 10_000;
                    fixture::key(nth)
                };
                bencher.iter_batched(
                    next,
                    |key| bucket.put(key, body.clone()).unwrap(),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

criterion_group!(benches, put);
criterion_main!(benches);
