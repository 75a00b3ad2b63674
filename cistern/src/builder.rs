//! `Builder`: the one place where the parts are wired together.

use crate::access::LazyAccess;
use crate::cistern::Cistern;
#[cfg(feature = "encryption")]
use crate::encryption::{Encryption, Home, Root};
use crate::streams::LazyStreams;
use cistern_disk::{DiskBackend, DiskSettings};
use cistern_storage_core::{
    Durability, Error, EtagMode, Limits, MemoryBackend, Result, Settings, Store,
    port::{Backend, Clock, Entropy, OsEntropy, Sealer, SystemClock},
};
use cistern_stream::StreamSettings;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Puts a cistern together.
#[derive(Debug)]
#[must_use = "nothing is opened before build is called"]
pub struct Builder {
    place: Place,
    clock: Option<Arc<dyn Clock>>,
    entropy: Option<Arc<dyn Entropy>>,
    sealer: Option<Arc<dyn Sealer>>,
    #[cfg(feature = "encryption")]
    encryption: Encryption,
    settings: Settings,
    stream_settings: StreamSettings,
}

#[derive(Debug)]
enum Place {
    Memory,
    Disk(PathBuf, DiskSettings, Access),
    Backend(Arc<dyn Backend>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Write,
    ReadOnly,
}

#[cfg(feature = "encryption")]
impl Place {
    fn home(&self) -> Home {
        match self {
            Self::Memory => Home::Memory,
            Self::Disk(path, _, Access::Write) => Home::Disk(path.clone()),
            Self::Disk(path, _, Access::ReadOnly) => Home::ReadOnly(path.clone()),
            Self::Backend(_) => Home::Elsewhere,
        }
    }
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Memory,
            clock: None,
            entropy: None,
            sealer: None,
            #[cfg(feature = "encryption")]
            encryption: Encryption::default(),
            settings: Settings::default(),
            stream_settings: StreamSettings::default(),
        }
    }

    /// Keeps everything in memory. The default.
    pub fn memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// Keeps everything in the folder `path`, which is made when it is not there.
    pub fn disk(self, path: impl AsRef<Path>) -> Self {
        self.disk_with(path, DiskSettings::default())
    }

    /// Keeps everything in the folder `path`, with these numbers.
    pub fn disk_with(mut self, path: impl AsRef<Path>, settings: DiskSettings) -> Self {
        self.place = Place::Disk(path.as_ref().to_owned(), settings, Access::Write);
        self
    }

    /// Opens what is in the folder `path` for reading only: as it is now, also while another process
    /// writes to it. Every write fails.
    pub fn disk_read_only(mut self, path: impl AsRef<Path>) -> Self {
        let settings = DiskSettings::default();
        self.place = Place::Disk(path.as_ref().to_owned(), settings, Access::ReadOnly);
        self
    }

    /// Keeps everything in a backend of your own.
    pub fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.place = Place::Backend(backend);
        self
    }

    /// What time it is. Default: the machine's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where random bytes come from. Default: the operating system.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = Some(entropy);
        self
    }

    /// What seals bodies before they reach the backend. Default: nothing; bodies lie in the clear.
    pub fn sealer(mut self, sealer: Arc<dyn Sealer>) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// Encrypts bodies, of objects and of the records of encrypted streams, before they are kept.
    ///
    /// On disk two files are made beside the store's folder, for their owner alone: of a store
    /// `photos` they are `photos.root-key`, which everything hangs from, and `photos.keyring`, which
    /// holds the store's keys wrapped under it. **Who loses one of them loses the bodies.** Who
    /// copies the folder alone can read none; keep the root key elsewhere with
    /// [`Self::encrypt_with`] if the disk itself may be stolen. In memory the keys live as long as
    /// the cistern.
    ///
    /// What was written before the store was encrypted stays as it is, and readable. A store that
    /// was encrypted once and is opened without its keys gives out no body and takes none.
    #[cfg(feature = "encryption")]
    pub fn encrypt(mut self) -> Self {
        self.encryption.root = Root::Beside;
        self
    }

    /// Encrypts bodies as [`Self::encrypt`] does, under a root key that the application keeps: in
    /// its environment, its keychain, wherever a callback finds it.
    ///
    /// ```
    /// use cistern::{Cistern, crypto::{Key256, RootKey}, port::OsEntropy};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Or RootKey::from_environment("PHOTOS_KEY")?, or RootKey::from_callback(ask_keychain)?.
    /// let root = RootKey::new(Key256::generate(&OsEntropy));
    /// let cistern = Cistern::builder().memory().encrypt_with(root).build()?;
    /// cistern.create_bucket("photos")?.put("tom", "meow")?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "encryption")]
    pub fn encrypt_with(mut self, root: cistern_crypto::RootKey) -> Self {
        self.encryption.root = Root::Given(root);
        self
    }

    /// Where the key ring of an encrypted cistern is kept. Default: in a file beside the store's
    /// folder; in memory for a store in memory. A backend of your own needs one.
    #[cfg(feature = "encryption")]
    pub fn key_storage(mut self, storage: Arc<dyn cistern_crypto::KeyStorage>) -> Self {
        self.encryption.storage = Some(storage);
        self
    }

    /// What entity tags are made of. Default: the MD5 of the body, as S3 does it.
    pub fn etag(mut self, mode: EtagMode) -> Self {
        self.settings.etag = mode;
        self
    }

    /// How safe a write is before it is acknowledged, unless the bucket, the stream or the call says
    /// otherwise. Default: synced.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self.stream_settings.durability = durability;
        self
    }

    /// The limits in force. Default: [`Limits::current`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How streams behave. Their durability is then what these settings say.
    pub fn streams(mut self, settings: StreamSettings) -> Self {
        self.stream_settings = settings;
        self
    }

    /// Opens the cistern.
    ///
    /// # Errors
    /// When its place cannot be opened; when it is encrypted, and a key is not to be had.
    pub fn build(self) -> Result<Cistern> {
        #[cfg(feature = "encryption")]
        let home = self.place.home();
        let mut disk = None;
        let backend: Arc<dyn Backend> = match self.place {
            Place::Memory => Arc::new(MemoryBackend::new()),
            Place::Disk(path, settings, access) => {
                let opened = match access {
                    Access::Write => DiskBackend::open(path, settings),
                    Access::ReadOnly => DiskBackend::open_read_only(path, settings),
                };
                let opened = opened.map_err(|source| Error::backend("open the store", source))?;
                Arc::clone(disk.insert(Arc::new(opened))) as Arc<dyn Backend>
            }
            Place::Backend(backend) => backend,
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::default()));
        let entropy = self.entropy.unwrap_or_else(|| Arc::new(OsEntropy));
        let sealer = self.sealer;
        // A sealer of one's own comes first: it knows what it sealed.
        #[cfg(feature = "encryption")]
        let (sealer, keys) = match sealer {
            Some(sealer) => (Some(sealer), None),
            None => self.encryption.unlock(&home, &backend, &entropy, &clock)?,
        };
        #[cfg(not(feature = "encryption"))]
        if sealer.is_none() {
            crate::mark::refuse_marked(&*backend)?;
        }
        let streams = LazyStreams::new(
            Arc::clone(&backend),
            Arc::clone(&clock),
            sealer.clone(),
            self.stream_settings,
        );
        let access =
            LazyAccess::new(Arc::clone(&backend), Arc::clone(&clock), Arc::clone(&entropy));
        let builder = Store::builder(backend).settings(self.settings);
        let mut builder = builder.clock(clock).entropy(entropy);
        if let Some(sealer) = sealer {
            builder = builder.sealer(sealer);
        }
        let cistern = Cistern::new(builder.build()?, disk, streams, access);
        #[cfg(feature = "encryption")]
        let cistern = cistern.with_keys(keys);
        Ok(cistern)
    }
}
