//! Cistern linked in: one bucket of one store.

mod far_end;

use std::path::Path;

use bytes::Bytes;
use cistern::{
    Body, Bucket, Cistern, EtagMode, ListEntry, ListOptions, PutOptions, port::Durability,
};

pub use far_end::far_end;

use super::{Tag, Whole};
use crate::{
    contender::{Contender, Outcome, Streamer, SyncLevel},
    workload::Source,
};

struct Ours {
    cistern: Cistern,
    bucket: Bucket,
    options: PutOptions,
}

pub fn on_disk(folder: &Path, level: SyncLevel, tag: Tag) -> Outcome<Option<Box<dyn Whole>>> {
    let etag = match tag {
        Tag::Opaque => EtagMode::Opaque,
        Tag::Md5 => EtagMode::Md5,
    };
    let cistern = Cistern::builder().disk(folder).etag(etag).build()?;
    Ok(Some(Box::new(Ours::new(cistern, level)?)))
}

/// One store on disk, as handles that ask for different levels.
pub fn on_disk_at(folder: &Path, levels: &[SyncLevel]) -> Outcome<Option<Vec<Box<dyn Whole>>>> {
    let cistern = Cistern::builder().disk(folder).etag(EtagMode::Opaque).build()?;
    let mut handles: Vec<Box<dyn Whole>> = Vec::new();
    for level in levels {
        handles.push(Box::new(Ours::new(cistern.clone(), *level)?));
    }
    Ok(Some(handles))
}

pub fn in_memory() -> Outcome<Option<Box<dyn Whole>>> {
    let cistern = Cistern::builder().memory().etag(EtagMode::Opaque).build()?;
    Ok(Some(Box::new(Ours::new(cistern, SyncLevel::Memory)?)))
}

impl Ours {
    fn new(cistern: Cistern, level: SyncLevel) -> Outcome<Self> {
        let bucket = match cistern.bucket("rivals") {
            Ok(bucket) => bucket,
            Err(_) => cistern.create_bucket("rivals")?,
        };
        let durability = match level {
            SyncLevel::Synced | SyncLevel::FileSynced => Durability::Synced,
            SyncLevel::Os => Durability::Os,
            SyncLevel::Memory => Durability::Memory,
        };
        Ok(Self { cistern, bucket, options: PutOptions::new().durability(durability) })
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        if let Err(error) = self.cistern.close() {
            eprintln!("cistern did not close cleanly: {error}");
        }
    }
}

impl Contender for Ours {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        self.bucket.put_with(key, body, &self.options)?;
        Ok(())
    }

    fn get(&self, key: &str) -> Outcome<Bytes> {
        Ok(self.bucket.get(key)?.bytes()?)
    }

    fn list(&self) -> Outcome<u64> {
        let mut count = 0;
        for object in self.bucket.list("") {
            std::hint::black_box(object?.size());
            count += 1;
        }
        Ok(count)
    }

    fn level(&self) -> Outcome<u64> {
        let mut count = 0;
        for entry in self.bucket.list_entries(ListOptions::new().delimiter("/")) {
            count += u64::from(matches!(entry?, ListEntry::CommonPrefix(_)));
        }
        Ok(count)
    }
}

impl Streamer for Ours {
    fn put_from(&self, key: &str, source: Source) -> Outcome<()> {
        self.bucket.put_with(key, Body::reader(source), &self.options)?;
        Ok(())
    }

    fn get_into(&self, key: &str, drain: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        for chunk in self.bucket.get(key)?.chunks() {
            drain(&chunk?);
        }
        Ok(())
    }
}
