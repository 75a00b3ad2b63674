//! The physical limit in memory: a map under a lock, and a pointer for a body.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::contender::{Contender, Outcome};

#[derive(Default)]
pub struct BareMap(RwLock<BTreeMap<String, Bytes>>);

impl Contender for BareMap {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        let replaced = self.0.write().insert(key.into(), body);
        drop(replaced);
        Ok(())
    }

    fn get(&self, key: &str) -> Outcome<Bytes> {
        self.0.read().get(key).cloned().ok_or_else(|| "no such key".into())
    }

    fn list(&self) -> Outcome<u64> {
        let map = self.0.read();
        let mut count = 0;
        for (key, body) in &*map {
            std::hint::black_box((key, body.len()));
            count += 1;
        }
        Ok(count)
    }

    fn level(&self) -> Outcome<u64> {
        let map = self.0.read();
        let mut count = 0;
        let mut from = String::new();
        while let Some((key, _)) =
            map.range::<str, _>((Bound::Included(from.as_str()), Bound::Unbounded)).next()
        {
            from = after_prefix(key);
            count += 1;
        }
        Ok(count)
    }
}

/// The least key that is above every key which shares this one's first component.
pub fn after_prefix(key: &str) -> String {
    match key.find('/') {
        // '0' follows '/' in ASCII.
        Some(place) => format!("{}0", &key[..place]),
        None => format!("{key}\0"),
    }
}
