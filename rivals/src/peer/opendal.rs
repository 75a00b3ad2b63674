//! Apache OpenDAL over local files. It syncs a file when it is closed, and not its directory.

use std::path::Path;

use bytes::Bytes;
use futures_util::TryStreamExt;
use opendal::{Operator, services::Fs};

use crate::contender::{Outcome, Pending, TaskContender};

pub struct OpendalFiles(Operator);

impl OpendalFiles {
    pub fn new(root: &Path) -> Outcome<Self> {
        let root = root.to_str().ok_or("the folder's name is not UTF-8")?;
        Ok(Self(Operator::new(Fs::default().root(root))?))
    }

    async fn count(&self, recursive: bool) -> Outcome<u64> {
        let mut entries = self.0.lister_with("/").recursive(recursive).await?;
        let mut count = 0;
        while let Some(entry) = entries.try_next().await? {
            // The root itself is among the entries.
            count += u64::from(entry.metadata().is_file() == recursive && entry.path() != "/");
        }
        Ok(count)
    }
}

impl TaskContender for OpendalFiles {
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Pending<'a, ()> {
        Box::pin(async move {
            self.0.write(key, body).await?;
            Ok(())
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Bytes> {
        Box::pin(async move { Ok(self.0.read(key).await?.to_bytes()) })
    }

    fn list(&self) -> Pending<'_, u64> {
        Box::pin(self.count(true))
    }

    fn level(&self) -> Pending<'_, u64> {
        Box::pin(self.count(false))
    }
}
