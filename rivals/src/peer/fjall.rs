//! fjall, a log-structured merge tree, with a cache as large as redb's.

use std::path::Path;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::contender::{Contender, Outcome};
use crate::peer::bare_map::after_prefix;

const CACHE_BYTES: u64 = 1 << 30;

pub struct FjallStore {
    database: Database,
    objects: Keyspace,
    synced: bool,
}

impl FjallStore {
    pub fn open(folder: &Path, synced: bool) -> Outcome<Self> {
        let database = Database::builder(folder).cache_size(CACHE_BYTES).open()?;
        let objects = database.keyspace("objects", KeyspaceCreateOptions::default)?;
        Ok(Self { database, objects, synced })
    }
}

impl Contender for FjallStore {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        if self.synced {
            let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
            batch.insert(&self.objects, key, &*body);
            return Ok(batch.commit()?);
        }
        Ok(self.objects.insert(key, &*body)?)
    }

    fn get(&self, key: &str) -> Outcome<Bytes> {
        let value = self.objects.get(key)?.ok_or("no such key")?;
        Ok(Bytes::from_owner(value))
    }

    fn list(&self) -> Outcome<u64> {
        let mut count = 0;
        for entry in self.objects.iter() {
            std::hint::black_box(entry.into_inner()?);
            count += 1;
        }
        Ok(count)
    }

    fn level(&self) -> Outcome<u64> {
        let snapshot = self.database.snapshot();
        let mut count = 0;
        let mut from = String::new();
        while let Some(entry) =
            fjall::Readable::range(&snapshot, &self.objects, from.as_str()..).next()
        {
            from = after_prefix(std::str::from_utf8(&entry.key()?)?);
            count += 1;
        }
        Ok(count)
    }
}
