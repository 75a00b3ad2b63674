//! The `object_store` crate: files, and memory.

use std::{io::Read, path::Path as FilePath};

use bytes::Bytes;
use futures_util::{FutureExt, TryStreamExt};
use object_store::{
    MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem,
    memory::InMemory, path::Path,
};

use crate::contender::{Contender, Outcome, Pending, Streamer, TaskContender};
use crate::{
    measure::runtime,
    workload::{MIB, Source},
};

/// What S3 clients commonly use.
const PART_BYTES: usize = 8 * MIB;

pub struct LocalObjects(LocalFileSystem);

impl LocalObjects {
    pub fn new(root: &FilePath, fsync: bool) -> Outcome<Self> {
        Ok(Self(LocalFileSystem::new_with_prefix(root)?.with_fsync(fsync)))
    }
}

impl Streamer for LocalObjects {
    fn put_from(&self, key: &str, mut source: Source) -> Outcome<()> {
        runtime().block_on(async {
            let mut upload = self.0.put_multipart(&Path::from(key)).await?;
            loop {
                let mut part = Vec::with_capacity(PART_BYTES);
                (&mut source).take(PART_BYTES as u64).read_to_end(&mut part)?;
                if part.is_empty() {
                    break;
                }
                upload.put_part(part.into()).await?;
            }
            upload.complete().await?;
            Ok(())
        })
    }

    fn get_into(&self, key: &str, drain: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        runtime().block_on(async {
            let mut chunks = self.0.get(&Path::from(key)).await?.into_stream();
            while let Some(chunk) = chunks.try_next().await? {
                drain(&chunk);
            }
            Ok(())
        })
    }
}

impl TaskContender for LocalObjects {
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Pending<'a, ()> {
        Box::pin(put(&self.0, key, body))
    }

    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Bytes> {
        Box::pin(get(&self.0, key))
    }

    fn list(&self) -> Pending<'_, u64> {
        Box::pin(list(&self.0))
    }

    fn level(&self) -> Pending<'_, u64> {
        Box::pin(level(&self.0))
    }
}

/// It never waits, so it is polled once where it stands: cheaper for it than any runtime.
#[derive(Default)]
pub struct MemoryObjects(InMemory);

const NEVER_WAITS: &str = "InMemory never waits";

impl Contender for MemoryObjects {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        put(&self.0, key, body).now_or_never().expect(NEVER_WAITS)
    }

    fn get(&self, key: &str) -> Outcome<Bytes> {
        get(&self.0, key).now_or_never().expect(NEVER_WAITS)
    }

    fn list(&self) -> Outcome<u64> {
        list(&self.0).now_or_never().expect(NEVER_WAITS)
    }

    fn level(&self) -> Outcome<u64> {
        level(&self.0).now_or_never().expect(NEVER_WAITS)
    }
}

async fn put(store: &impl ObjectStore, key: &str, body: Bytes) -> Outcome<()> {
    store.put(&Path::from(key), PutPayload::from(body)).await?;
    Ok(())
}

async fn get(store: &impl ObjectStore, key: &str) -> Outcome<Bytes> {
    Ok(store.get(&Path::from(key)).await?.bytes().await?)
}

async fn list(store: &impl ObjectStore) -> Outcome<u64> {
    let mut objects = store.list(None);
    let mut count = 0;
    while let Some(object) = objects.try_next().await? {
        std::hint::black_box(object.size);
        count += 1;
    }
    Ok(count)
}

async fn level(store: &impl ObjectStore) -> Outcome<u64> {
    Ok(store.list_with_delimiter(None).await?.common_prefixes.len() as u64)
}
