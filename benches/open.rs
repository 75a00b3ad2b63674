//! Open: a new store in memory, and one on disk after a clean close.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]
#![allow(clippy::unwrap_used, reason = "a bench that fails should stop")]

mod fixture;

use cistern::{Cistern, Durability};
use criterion::{Criterion, criterion_group, criterion_main};
use tempfile::TempDir;

const OBJECTS: usize = 10_000;

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    group.bench_function("in memory", |bencher| bencher.iter(Cistern::in_memory));

    let folder = TempDir::new().unwrap();
    let open =
        || Cistern::builder().durability(Durability::Os).disk(folder.path()).build().unwrap();
    let cistern = open();
    let bucket = cistern.create_bucket("bench").unwrap();
    for nth in 0..OBJECTS {
        bucket.put(fixture::key(nth), "x").unwrap();
    }
    cistern.close().unwrap();
    drop((cistern, bucket));
    group.bench_function("on disk, 10,000 objects, and close", |bencher| {
        bencher.iter(|| open().close().unwrap());
    });
}

criterion_group!(benches, open);
criterion_main!(benches);
