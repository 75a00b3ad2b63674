//! redb, a copy-on-write B-tree. One transaction a put, as one S3 put is one commit.

use std::path::Path;

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::contender::{Contender, Outcome};
use crate::peer::bare_map::after_prefix;

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");

pub struct RedbStore {
    database: Database,
    durability: Durability,
}

impl RedbStore {
    pub fn open(folder: &Path, durability: Durability) -> Outcome<Self> {
        let database = Database::create(folder.join("objects.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(OBJECTS)?;
        transaction.commit()?;
        Ok(Self { database, durability })
    }
}

impl Contender for RedbStore {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(self.durability)?;
        transaction.open_table(OBJECTS)?.insert(key, &*body)?;
        Ok(transaction.commit()?)
    }

    /// Commits a thousand objects at a time: a commit for each would multiply what is written.
    fn put_all(&self, objects: &mut dyn Iterator<Item = (String, Bytes)>) -> Outcome<()> {
        let mut objects = objects.peekable();
        while objects.peek().is_some() {
            let transaction = self.database.begin_write()?;
            {
                let mut table = transaction.open_table(OBJECTS)?;
                for (key, body) in objects.by_ref().take(1000) {
                    table.insert(key.as_str(), &*body)?;
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Outcome<Bytes> {
        let table = self.database.begin_read()?.open_table(OBJECTS)?;
        let value = table.get(key)?.ok_or("no such key")?;
        Ok(Bytes::copy_from_slice(value.value()))
    }

    fn list(&self) -> Outcome<u64> {
        let table = self.database.begin_read()?.open_table(OBJECTS)?;
        let mut count = 0;
        for entry in table.iter()? {
            let (key, value) = entry?;
            std::hint::black_box((key.value(), value.value().len()));
            count += 1;
        }
        Ok(count)
    }

    fn level(&self) -> Outcome<u64> {
        let table = self.database.begin_read()?.open_table(OBJECTS)?;
        let mut count = 0;
        let mut from = String::new();
        while let Some(entry) = table.range(from.as_str()..)?.next() {
            from = after_prefix(entry?.0.value());
            count += 1;
        }
        Ok(count)
    }
}
