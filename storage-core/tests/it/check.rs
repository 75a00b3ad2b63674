//! Check: a store tells what its rows say wrongly of each other.

use bytes::Bytes;
use cistern_storage_core::{
    Bucket, BucketOptions, CompletedPart, Inconsistency, MemoryBackend, PutOptions, Store,
    Versioning,
    port::{Backend, Batch, Durability, KeyRange, Order},
};
use std::{ops::Bound, sync::Arc};

fn store() -> (Arc<MemoryBackend>, Store, Bucket) {
    let backend = Arc::new(MemoryBackend::new());
    let store = Store::builder(Arc::clone(&backend) as _).build().unwrap();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let bucket = store.create_bucket_with("test", options).unwrap();
    bucket.put("small", "x").unwrap();
    bucket.put("small", "y").unwrap();
    bucket.put("large", vec![7; 100_000]).unwrap();
    bucket.delete("gone").unwrap();
    let upload = bucket.create_upload("parts").unwrap();
    let part = upload.put_part(1, vec![1; 10_000]).unwrap();
    upload.complete(&[CompletedPart::from(&part)]).unwrap();
    let open = bucket.create_upload("open").unwrap();
    open.put_part(1, vec![2; 10_000]).unwrap();
    bucket.copy("large", "copy").unwrap();
    (backend, store, bucket)
}

fn findings(store: &Store) -> Vec<Inconsistency> {
    let mut found = Vec::new();
    store.check(|inconsistency| found.push(inconsistency)).unwrap();
    found
}

#[test]
fn a_store_after_all_kinds_of_writes_is_consistent() {
    let (_, store, bucket) = store();
    assert_eq!(findings(&store), []);
    bucket.put_with("small", "z", &PutOptions::new()).unwrap();
    assert_eq!(findings(&store), []);
}

#[test]
fn whatever_row_is_lost_or_spoilt_is_told() {
    let (backend, ..) = store();
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    let rows = backend.scan(all, Order::Forward, 1000).unwrap();
    // Objects, uploads, parts, manifests.
    for nth in (0..rows.len()).filter(|&nth| (3..=6).contains(&rows[nth].key[0])) {
        let (backend, store, _) = store();
        let key = &backend.scan(all, Order::Forward, 1000).unwrap()[nth].key;
        let mut lose = Batch::new(Durability::Memory);
        lose.delete(key.clone());
        backend.commit(lose).unwrap().wait().unwrap();
        assert!(!findings(&store).is_empty(), "row {nth} was lost");
        let mut spoil = Batch::new(Durability::Memory);
        spoil.put(key.clone(), Bytes::from_static(b"\x63nothing"));
        backend.commit(spoil).unwrap().wait().unwrap();
        assert!(!findings(&store).is_empty(), "row {nth} was spoilt");
    }
}

#[test]
fn a_counter_that_is_wrong_is_told() {
    let (backend, store, _) = store();
    let counters = backend.counters(&[]);
    let mut batch = Batch::new(Durability::Memory);
    batch.add(counters[0].0.clone(), 5);
    backend.commit(batch).unwrap().wait().unwrap();
    let found = findings(&store);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].what.starts_with("counter"));
}
