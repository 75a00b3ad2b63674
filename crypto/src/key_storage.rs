//! `KeyStorage`: where a few secret bytes are kept; a file, or memory. The one place of this crate that
//! opens files.

use parking_lot::Mutex;
use std::{
    fmt, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Keeps one small document.
///
/// Contract. `load` gives what the last successful `save` took, or `None` before the first. A `save` that
/// fails or is torn by a crash leaves what was there before. What is kept may be a secret: nobody but its
/// owner reads it.
pub trait KeyStorage: fmt::Debug + Send + Sync + 'static {
    /// What is kept.
    ///
    /// # Errors
    /// When it cannot be read, or others could read it, too.
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError>;

    /// Keeps `bytes` in place of what was kept.
    ///
    /// # Errors
    /// When they cannot be written.
    fn save(&self, bytes: &[u8]) -> Result<(), StorageError>;
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The medium refused.
    #[error("failed to {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of secrets that others may read or write.
    #[error("{} is open to others (mode {mode:o}); make it 600", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// A document in a file that only its owner may read: mode 600, replaced whole, synced.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file at `path`, which need not be there yet; its folder must be.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned() }
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> StorageError {
        let path = self.path.clone();
        move |source| StorageError::Io { action, path, source }
    }
}

impl KeyStorage for KeyFile {
    #[expect(clippy::disallowed_methods, reason = "the one place that opens files of keys")]
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        use io::Read as _;
        let mut file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("open")(error)),
        };
        let known = file.metadata().map_err(self.failed("examine"))?;
        self.check_permissions(&known)?;
        // Room at once: growing would leave copies behind.
        let room = usize::try_from(known.len()).unwrap_or(0).saturating_add(1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        file.read_to_end(&mut bytes).map_err(self.failed("read"))?;
        Ok(Some(bytes))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that opens files of keys")]
    fn save(&self, bytes: &[u8]) -> Result<(), StorageError> {
        use io::Write as _;
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        // What a crash left behind may have other permissions.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.failed("replace")(error));
            }
            _ => {}
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh).map_err(self.failed("create"))?;
        file.write_all(bytes).map_err(self.failed("write"))?;
        file.sync_all().map_err(self.failed("sync"))?;
        std::fs::rename(&fresh, &self.path).map_err(self.failed("replace"))?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Systems that cannot open a folder need no sync of it.
        #[cfg(unix)]
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(self.failed("sync the folder of"))?;
        #[cfg(not(unix))]
        let _ = folder;
        Ok(())
    }
}

impl KeyFile {
    #[cfg(unix)]
    fn check_permissions(&self, known: &std::fs::Metadata) -> Result<(), StorageError> {
        let mode = std::os::unix::fs::PermissionsExt::mode(&known.permissions()) & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        Err(StorageError::TooOpen { path: self.path.clone(), mode })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as its twin")]
    fn check_permissions(&self, _known: &std::fs::Metadata) -> Result<(), StorageError> {
        Ok(())
    }
}

/// A document in memory: for tests, and for applications that keep it elsewhere.
#[derive(Default)]
pub struct KeyMemory(Mutex<Option<Zeroizing<Vec<u8>>>>);

impl KeyMemory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was kept elsewhere.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Mutex::new(Some(Zeroizing::new(bytes.to_vec()))))
    }
}

impl KeyStorage for KeyMemory {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        Ok(self.0.lock().clone())
    }

    fn save(&self, bytes: &[u8]) -> Result<(), StorageError> {
        *self.0.lock() = Some(Zeroizing::new(bytes.to_vec()));
        Ok(())
    }
}

impl fmt::Debug for KeyMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMemory(..)")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_of_keys_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let file = KeyFile::new(&path);
        assert!(file.load().unwrap().is_none());
        for bytes in [&b"one"[..], b"another, and longer"] {
            file.save(bytes).unwrap();
            assert_eq!(file.load().unwrap().unwrap()[..], *bytes);
            let mode = path.symlink_metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        for mode in [0o644, 0o640, 0o606, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = file.load().unwrap_err();
            assert!(matches!(refused, StorageError::TooOpen { mode: found, .. } if found == mode));
        }
    }

    #[test]
    fn what_a_torn_save_left_behind_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let file = KeyFile::new(&path);
        file.save(b"old").unwrap();
        KeyFile::new(folder.path().join("keys.new")).save(b"torn").unwrap();
        assert_eq!(file.load().unwrap().unwrap()[..], *b"old");
        file.save(b"new").unwrap();
        assert_eq!(file.load().unwrap().unwrap()[..], *b"new");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("no/keys"));
        assert!(file.save(b"x").unwrap_err().to_string().contains("no/keys"));
    }
}
