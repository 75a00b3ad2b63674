//! Get: whole bodies and ranges, hot.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

mod fixture;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const OBJECTS: usize = 1000;

fn get(criterion: &mut Criterion) {
    for store in [fixture::memory(), fixture::disk()] {
        let mut group = criterion.benchmark_group(format!("get, {}", store.name));
        for size in [100, 1 << 10, 64 << 10] {
            let bucket = store.filled(OBJECTS, size);
            let mut nth = 0;
            let mut next = || {
                nth = (nth + 7919) % OBJECTS;
                fixture::key(nth)
            };
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(format!("{size} bytes"), |bencher| {
                bencher.iter_batched(
                    &mut next,
                    |key| bucket.get(key).unwrap().bytes().unwrap(),
                    BatchSize::SmallInput,
                );
            });
        }
        let bucket = store.bucket();
        bucket.put("large", fixture::body(32 << 20)).unwrap();
        group.throughput(Throughput::Bytes(4 << 10));
        group.bench_function("4 KiB out of 32 MiB", |bencher| {
            bencher.iter(|| bucket.get_range("large", 17 << 20..(17 << 20) + (4 << 10)).unwrap());
        });
    }
}

criterion_group!(benches, get);
criterion_main!(benches);
