//! Sealed bodies through the verbs of a store.

use cistern_crypto::{Key256, KeyMemory, KeyRing, RootKey, StoreSealer};
use cistern_storage_core::{
    MemoryBackend, Store,
    port::{Backend, KeyRange, ManualClock, Order, SeededEntropy},
};
use std::{ops::Bound, sync::Arc};

const SECRET: &[u8] = b"the cellar key lies under the third stone";

fn ring(seed: u64) -> Arc<KeyRing> {
    let entropy = SeededEntropy::new(seed);
    let root = RootKey::new(Key256::generate(&entropy));
    let clock = ManualClock::new(Default::default());
    Arc::new(KeyRing::open(&root, Arc::new(KeyMemory::new()), &entropy, &clock).unwrap())
}

fn open(backend: &Arc<MemoryBackend>, ring: &Arc<KeyRing>) -> Store {
    let backend = Arc::clone(backend) as Arc<dyn Backend>;
    Store::builder(backend).sealer(Arc::new(StoreSealer::new(Arc::clone(ring)))).build().unwrap()
}

#[test]
fn puts_gets_ranges_copies_renames_and_uploads_work_on_sealed_bodies() {
    let (backend, ring) = (Arc::new(MemoryBackend::new()), ring(1));
    let store = open(&backend, &ring);
    let bucket = store.create_bucket("bucket").unwrap();
    for repeats in [0, 1, 100, 399, 400, 100_000] {
        let body = SECRET.repeat(repeats);
        bucket.put("k", body.clone()).unwrap();
        bucket.copy("k", "copy").unwrap();
        let renamed = format!("renamed-{repeats}");
        bucket.rename("copy", &*renamed).unwrap();
        bucket.append(&*renamed, body.len() as u64, "end").unwrap();
        assert!(bucket.get("k").unwrap().bytes().unwrap() == body);
        let longer = [&body[..], b"end"].concat();
        assert!(bucket.get(&*renamed).unwrap().bytes().unwrap() == longer);
        if repeats > 0 {
            let range = bucket.get_range("k", 5..body.len() as u64 - 5).unwrap();
            assert!(range == body[5..body.len() - 5]);
        }
    }
    let upload = bucket.create_upload("parts").unwrap();
    let part = SECRET.repeat(200_000);
    let parts = [upload.put_part(1, part.clone()).unwrap(), upload.put_part(2, SECRET).unwrap()];
    upload.complete(&parts.map(Into::into)).unwrap();
    let whole = [&part[..], SECRET].concat();
    assert!(bucket.get("parts").unwrap().bytes().unwrap() == whole);

    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    for row in backend.scan(all, Order::Forward, 1000).unwrap() {
        assert!(!row.value.to_bytes().windows(12).any(|window| window == &SECRET[4..16]));
    }
}

#[test]
fn a_store_under_rotated_keys_opens_and_under_anothers_does_not() {
    let (backend, ring) = (Arc::new(MemoryBackend::new()), ring(1));
    let store = open(&backend, &ring);
    let bucket = store.create_bucket("bucket").unwrap();
    bucket.put("small", SECRET).unwrap();
    bucket.put("large", SECRET.repeat(10_000)).unwrap();
    ring.rotate(&SeededEntropy::new(2), &ManualClock::new(Default::default())).unwrap();
    let again = open(&backend, &ring).bucket("bucket").unwrap();
    assert_eq!(again.get("small").unwrap().bytes().unwrap(), SECRET);
    assert!(again.get("large").unwrap().bytes().unwrap() == SECRET.repeat(10_000));
    let other = open(&backend, &self::ring(3)).bucket("bucket").unwrap();
    for key in ["small", "large"] {
        assert!(other.get(key).is_err(), "{key}");
    }
}
