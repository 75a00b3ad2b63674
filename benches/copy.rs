//! Copy and rename, by reference.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

mod fixture;

use cistern::{RenameOptions, RenameTarget};
use criterion::{Criterion, criterion_group, criterion_main};

fn copy(criterion: &mut Criterion) {
    for store in [fixture::memory(), fixture::disk()] {
        let bucket = store.bucket();
        bucket.put("source", fixture::body(16 << 20)).unwrap();
        let mut group = criterion.benchmark_group(format!("copy, {}", store.name));
        group.bench_function("16 MiB", |bencher| {
            bencher.iter(|| bucket.copy("source", "target").unwrap());
        });
        let options = RenameOptions::new().target(RenameTarget::Any);
        group.bench_function("rename there and back", |bencher| {
            bencher.iter(|| {
                bucket.rename_with("source", "elsewhere", &options).unwrap();
                bucket.rename_with("elsewhere", "source", &options).unwrap();
            });
        });
    }
}

criterion_group!(benches, copy);
criterion_main!(benches);
