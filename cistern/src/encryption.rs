//! Encryption at rest, wired: where keys are kept, and which sealer a store gets.
//!
//! ```text
//!   is the store marked?  is encryption asked for?
//!     no                    no    no sealer: bodies lie in the clear
//!     no                    yes   a new key ring; the store is marked with the ring's identity
//!     yes                   yes   the ring it is marked with, or an error
//!     yes                   no    a sealer without keys: it opens nothing, and seals nothing
//! ```

use crate::{
    keys::Keys,
    mark::{MARK, MARK_FORMAT, mark_of},
};
use cistern_crypto::{
    KeyFile, KeyMemory, KeyRing, KeyRingError, KeyStorage, LockedSealer, RootKey, StoreSealer,
};
use cistern_storage_core::{
    Durability, Error, Result,
    port::{Backend, Batch, Clock, CommitError, Entropy, SealError, Sealer},
};
use std::{
    error::Error as StdError,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Encryption {
    pub(crate) root: Root,
    pub(crate) storage: Option<Arc<dyn KeyStorage>>,
}

#[derive(Debug, Default)]
pub(crate) enum Root {
    /// Nothing is to be encrypted.
    #[default]
    None,
    /// Kept in a file beside the store.
    Beside,
    /// Brought by the application.
    Given(RootKey),
}

/// Where a store is, as far as its keys are concerned.
pub(crate) enum Home {
    Memory,
    /// Its folder.
    Disk(PathBuf),
    /// Its folder, which nothing is written to, nor beside.
    ReadOnly(PathBuf),
    Elsewhere,
}

/// A sealer, and the keys behind it when they are there.
pub(crate) type Unlocked = (Option<Arc<dyn Sealer>>, Option<Keys>);

impl Encryption {
    /// The sealer of the store in `backend`.
    pub(crate) fn unlock(
        self,
        home: &Home,
        backend: &Arc<dyn Backend>,
        entropy: &Arc<dyn Entropy>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Unlocked> {
        let marked = mark_of(&**backend)?;
        if matches!(self.root, Root::None) {
            let locked = marked.map(|_| Arc::new(LockedSealer::new()) as Arc<dyn Sealer>);
            return Ok((locked, None));
        }
        let storage = match self.storage {
            Some(storage) => storage,
            None => home.key_storage(RING)?,
        };
        let found = storage.load().map_err(|error| no_key("key ring", &error))?;
        if found.is_none() && marked.is_some() {
            let reason = "the store is encrypted, and its key ring is not where it is looked for";
            return Err(no_key_because("key ring", reason.to_owned()));
        }
        if found.is_none() && matches!(home, Home::ReadOnly(_)) {
            // Nothing in it is sealed, and nothing can be made.
            return Ok((None, None));
        }
        let root = match self.root {
            Root::Given(root) => root,
            Root::None | Root::Beside => {
                let storage = home.key_storage(ROOT)?;
                let root = storage.load().map_err(|error| no_key("root key", &error))?;
                if root.is_none() && found.is_some() {
                    let reason = "there is a key ring, and no root key beside it";
                    return Err(no_key_because("root key", reason.to_owned()));
                }
                RootKey::in_storage(&*storage, &**entropy)
                    .map_err(|error| no_key("root key", &error))?
            }
        };
        let ring = KeyRing::open(&root, storage, &**entropy, &**clock)
            .map_err(|error| ring_error(&error))?;
        bind(&**backend, marked, &ring, matches!(home, Home::ReadOnly(_)))?;
        let ring = Arc::new(ring);
        let sealer = StoreSealer::new(Arc::clone(&ring))
            .entropy(Arc::clone(entropy))
            .clock(Arc::clone(clock));
        let keys = Keys::new(ring, Arc::clone(entropy), Arc::clone(clock));
        Ok((Some(Arc::new(sealer)), Some(keys)))
    }
}

impl Home {
    fn key_storage(&self, kind: Kind) -> Result<Arc<dyn KeyStorage>> {
        match self {
            Self::Memory => Ok(Arc::new(KeyMemory::new())),
            Self::Disk(path) | Self::ReadOnly(path) => {
                let file = beside(path, kind.file).ok_or_else(|| {
                    let reason = "the store's path ends in no name beside which keys could lie";
                    no_key_because(kind.name, reason.to_owned())
                })?;
                Ok(Arc::new(KeyFile::new(file)))
            }
            Self::Elsewhere => {
                let reason = "a backend of your own takes a root key and a key storage of your own";
                Err(no_key_because(kind.name, reason.to_owned()))
            }
        }
    }
}

/// What is kept: how errors call it, and what its file is called.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    file: &'static str,
}

const RING: Kind = Kind { name: "key ring", file: "keyring" };
const ROOT: Kind = Kind { name: "root key", file: "root-key" };

/// `photos.keyring` beside `photos`: not in it, so that who copies the folder has no key.
fn beside(path: &Path, file: &str) -> Option<PathBuf> {
    let mut name = path.file_name()?.to_owned();
    name.push(".");
    name.push(file);
    Some(path.with_file_name(name))
}

/// Holds the store to its ring. One without a mark gets it, before anything is sealed.
fn bind(
    backend: &dyn Backend,
    marked: Option<[u8; 16]>,
    ring: &KeyRing,
    read_only: bool,
) -> Result<()> {
    match marked {
        Some(identity) if identity == ring.store() => Ok(()),
        Some(_) => Err(no_key_because("key ring", "it is the ring of another store".to_owned())),
        None if read_only => Ok(()),
        None => {
            let mut batch = Batch::new(Durability::Synced);
            batch.unchanged(MARK.into(), None);
            let mark = [&[MARK_FORMAT], &ring.store()[..]].concat();
            batch.put(MARK.into(), bytes::Bytes::from(mark));
            let failed = |error| match error {
                CommitError::Backend(source) => Error::backend("mark the store", source),
                conflict => Error::damaged("the mark of an encrypted store", conflict.to_string()),
            };
            let ticket = backend.commit(batch).map_err(failed)?;
            ticket.wait().map_err(|source| Error::backend("mark the store", source))
        }
    }
}

pub(crate) fn ring_error(error: &KeyRingError) -> Error {
    let key = match error {
        KeyRingError::WrongRootKey { wanted, .. } => format!("root key {wanted}"),
        KeyRingError::LostKey { id } | KeyRingError::Current { id } => id.to_string(),
        _ => "key ring".to_owned(),
    };
    no_key(&key, error)
}

/// The error with all of its causes: a reason is text.
fn no_key(key: &str, error: &dyn StdError) -> Error {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    no_key_because(key, reason)
}

pub(crate) fn no_key_because(key: &str, reason: String) -> Error {
    Error::Seal(SealError::NoKey { key: key.to_owned(), reason })
}
