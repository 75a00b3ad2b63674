//! What the benches share: stores to work on, and keys that look like somebody's.
#![allow(dead_code, reason = "no bench uses all of it")]

use bytes::Bytes;
use cistern::{Bucket, Cistern, Durability, EtagMode};
use tempfile::TempDir;

/// A store to measure, and the folder that goes with it.
pub(crate) struct Fixture {
    pub(crate) name: &'static str,
    pub(crate) cistern: Cistern,
    _folder: Option<TempDir>,
}

/// A store in memory with opaque entity tags, so that MD5 does not hide everything else.
pub(crate) fn memory() -> Fixture {
    let cistern = Cistern::builder().etag(EtagMode::Opaque).build().expect("it opens");
    Fixture { name: "memory", cistern, _folder: None }
}

/// A store on disk that hands writes to the system and does not wait for the medium.
pub(crate) fn disk() -> Fixture {
    on_disk("disk, os", Durability::Os)
}

/// A store on disk that waits for the medium.
pub(crate) fn disk_synced() -> Fixture {
    on_disk("disk, synced", Durability::Synced)
}

fn on_disk(name: &'static str, durability: Durability) -> Fixture {
    let folder = TempDir::new().expect("a folder can be made");
    let builder = Cistern::builder().etag(EtagMode::Opaque).durability(durability);
    let cistern = builder.disk(folder.path()).build().expect("it opens");
    Fixture { name, cistern, _folder: Some(folder) }
}

impl Fixture {
    /// A bucket, made at the first call.
    pub(crate) fn bucket(&self) -> Bucket {
        self.cistern
            .create_bucket("bench")
            .or_else(|_| self.cistern.bucket("bench"))
            .expect("it is there")
    }

    /// A bucket of `count` objects of `size` bytes.
    pub(crate) fn filled(&self, count: usize, size: usize) -> Bucket {
        let bucket = self.bucket();
        let body = body(size);
        for nth in 0..count {
            bucket.put(key(nth), body.clone()).expect("it is put");
        }
        bucket
    }
}

/// The `nth` key: 100 data sets of 50 parts.
pub(crate) fn key(nth: usize) -> String {
    format!("dataset-{:03}/part={:04}/object-{nth:08}.bin", nth % 100, nth / 100 % 50)
}

/// Bytes that do not compress.
pub(crate) fn body(size: usize) -> Bytes {
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes = std::iter::repeat_with(|| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()
    });
    bytes.flatten().take(size).collect::<Vec<u8>>().into()
}
