//! What is measured: a store behind the smallest interface that every peer can offer.
//!
//! A blocking store is called from as many threads as a row asks for. An async store is driven the
//! way its users drive it, by that many tasks on one tokio runtime, so that neither kind pays for
//! the other's habits.

use std::{error::Error, fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::workload::Source;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Outcome<T>> + Send + 'a>>;

/// What an acknowledged write has survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncLevel {
    /// Data and the name that leads to it are on the device.
    Synced,
    /// The file's data is on the device, its directory entry is not.
    FileSynced,
    /// Handed to the operating system: survives the process, not the machine.
    Os,
    /// Lives in the process.
    Memory,
}

impl fmt::Display for SyncLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "synced",
            Self::FileSynced => "file synced",
            Self::Os => "os",
            Self::Memory => "memory",
        })
    }
}

/// A blocking store. An act that a peer does not have answers [`NotOffered`].
pub trait Contender: Send + Sync {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()>;

    fn get(&self, key: &str) -> Outcome<Bytes>;

    /// Loads many objects, as the store's documentation recommends for loading.
    fn put_all(&self, objects: &mut dyn Iterator<Item = (String, Bytes)>) -> Outcome<()> {
        for (key, body) in objects {
            self.put(&key, body)?;
        }
        Ok(())
    }

    /// Visits the key and size of every object, and counts them.
    fn list(&self) -> Outcome<u64> {
        not_offered("list")
    }

    /// Lists the top level with the delimiter `/`, and counts its common prefixes.
    fn level(&self) -> Outcome<u64> {
        not_offered("list with a delimiter")
    }
}

/// Bodies that are never whole in memory.
pub trait Streamer {
    fn put_from(&self, key: &str, source: Source) -> Outcome<()>;

    fn get_into(&self, key: &str, drain: &mut dyn FnMut(&[u8])) -> Outcome<()>;
}

/// An async store, driven by tasks.
pub trait TaskContender: Send + Sync {
    fn put<'a>(&'a self, key: &'a str, body: Bytes) -> Pending<'a, ()>;

    fn get<'a>(&'a self, key: &'a str) -> Pending<'a, Bytes>;

    fn list(&self) -> Pending<'_, u64>;

    fn level(&self) -> Pending<'_, u64>;
}

#[derive(Clone)]
pub enum Store {
    Calls(Arc<dyn Contender>),
    Tasks(Arc<dyn TaskContender>),
}

/// One row of a table.
#[derive(Clone)]
pub struct Entrant {
    pub name: String,
    pub level: SyncLevel,
    pub store: Store,
}

impl Entrant {
    pub fn calls(name: &str, level: SyncLevel, store: impl Contender + 'static) -> Self {
        Self { name: name.into(), level, store: Store::Calls(Arc::new(store)) }
    }

    pub fn tasks(name: &str, level: SyncLevel, store: impl TaskContender + 'static) -> Self {
        Self { name: name.into(), level, store: Store::Tasks(Arc::new(store)) }
    }

    pub fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        match &self.store {
            Store::Calls(store) => store.put(key, body),
            Store::Tasks(store) => crate::measure::runtime().block_on(store.put(key, body)),
        }
    }

    pub fn get(&self, key: &str) -> Outcome<Bytes> {
        match &self.store {
            Store::Calls(store) => store.get(key),
            Store::Tasks(store) => crate::measure::runtime().block_on(store.get(key)),
        }
    }

    pub fn list(&self) -> Outcome<u64> {
        match &self.store {
            Store::Calls(store) => store.list(),
            Store::Tasks(store) => crate::measure::runtime().block_on(store.list()),
        }
    }

    pub fn level(&self) -> Outcome<u64> {
        match &self.store {
            Store::Calls(store) => store.level(),
            Store::Tasks(store) => crate::measure::runtime().block_on(store.level()),
        }
    }
}

/// The peer has no such act.
#[derive(Debug)]
pub struct NotOffered(&'static str);

impl fmt::Display for NotOffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this peer does not offer {}", self.0)
    }
}

impl Error for NotOffered {}

pub fn not_offered<T>(act: &'static str) -> Outcome<T> {
    Err(Box::new(NotOffered(act)))
}

/// How a run was asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    pub quick: bool,
    pub folder: PathBuf,
}

impl Settings {
    /// `full` for a run worth quoting, `quick` for one that shows that all works.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A fresh directory that belongs to one contender of one scenario.
    ///
    /// It stays until the run ends: ext4 creates files an order of magnitude slower in the minutes
    /// after mass deletes, and the next contender would pay for it.
    pub fn fresh(&self, name: &str) -> Outcome<PathBuf> {
        let readable: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{readable}-"))
            .tempdir_in(&self.folder)?
            .keep();
        Ok(folder)
    }
}
