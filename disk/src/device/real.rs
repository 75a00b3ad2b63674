//! `RealDevice`: a store in a folder of the file system.

use super::{Device, DeviceFile, DeviceLock, FileEntry, LockError, OpenMode, name};
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{DirEntry, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A store in a folder of the file system. Nothing is made before the first file is.
///
/// A file's name is durable after [`Device::sync_folder`], which sees to the folder's own name too.
/// The lock is a file named `lock`, which stays when it is let go: a
/// file that is locked and removed at once would let two openers in. It is not listed.
#[derive(Debug)]
pub struct RealDevice {
    root: PathBuf,
    /// Folders whose own names were synced since this device was made. A folder that is found may
    /// have been made just before its maker was killed, so that being there proves nothing.
    named: Mutex<BTreeSet<String>>,
}

impl RealDevice {
    /// The store in the folder `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), named: Mutex::default() }
    }

    fn folder_path(&self, folder: &str) -> PathBuf {
        // Joining an empty part would add a slash at the end.
        if folder.is_empty() { self.root.clone() } else { self.root.join(folder) }
    }

    /// Makes durable the name of `folder`, and of the store's folder above it.
    fn sync_name_of(&self, folder: &str) -> io::Result<()> {
        if self.named.lock().contains(folder) {
            return Ok(());
        }
        if folder.is_empty() {
            match sync_folder_at(parent(&self.root)) {
                // Whoever may not even list the folder above did not make the store's folder.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                outcome => outcome?,
            }
        } else {
            sync_folder_at(&self.root)?;
            self.sync_name_of("")?;
        }
        self.named.lock().insert(folder.into());
        Ok(())
    }

    /// Opens a file for writing; if its folder turns out to be absent, makes the folder first.
    fn open_making_folder(
        &self,
        folder: &str,
        file: &str,
        options: &OpenOptions,
    ) -> io::Result<File> {
        let folder = self.folder_path(folder);
        match open(options, &folder.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(&folder)?;
                open(options, &folder.join(file))
            }
            outcome => outcome,
        }
    }
}

impl Device for RealDevice {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>> {
        let (folder, file) = name::split(name)?;
        let mut options = OpenOptions::new();
        options.read(true).write(mode != OpenMode::Read);
        let file = match mode {
            OpenMode::Read | OpenMode::Write => {
                open(&options, &self.folder_path(folder).join(file))?
            }
            OpenMode::CreateNew => {
                self.open_making_folder(folder, file, options.create_new(true))?
            }
        };
        Ok(Arc::new(RealFile { file }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>> {
        name::check_folder(folder)?;
        let mut entries = Vec::new();
        for entry in read_folder(&self.folder_path(folder))? {
            if let Some(entry) = file_entry(&entry?)?
                && !(folder.is_empty() && entry.name == LOCK)
            {
                entries.push(entry);
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the device")]
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (folder, old, new) = name::split_pair(from, to)?;
        let folder = self.folder_path(folder);
        std::fs::rename(folder.join(old), folder.join(new))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the device")]
    fn remove(&self, name: &str) -> io::Result<()> {
        let (folder, file) = name::split(name)?;
        std::fs::remove_file(self.folder_path(folder).join(file))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        name::check_folder(folder)?;
        match sync_folder_at(&self.folder_path(folder)) {
            // A folder that does not exist has no names to lose.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_name_of(folder),
        }
    }

    fn lock(&self, owner: &str) -> Result<Box<dyn DeviceLock>, LockError> {
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is ours the text in it is the holder's.
        options.read(true).write(true).create(true).truncate(false);
        let file = self.open_making_folder("", LOCK, &options)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { owner: read_owner(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let lock = RealLock { file };
        lock.file.set_len(0)?;
        lock.file.write_all_at(describe(owner).as_bytes(), 0)?;
        Ok(Box::new(lock))
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
}

impl DeviceFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_some_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
}

/// Holds the lock file. The lock belongs to the open file, not to the process, so that a second
/// opening in the same process is refused as well.
#[derive(Debug)]
struct RealLock {
    file: File,
}

impl DeviceLock for RealLock {}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Neither can be reported, nor does either matter: the text is for people, and closing the
        // file unlocks it. Unlocking first lets it go even if a child process inherited the file.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the device")]
fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// Makes a folder and those above it, each durable before anything is put into it.
#[expect(clippy::disallowed_methods, reason = "this is the device")]
fn make_folder(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Ok(()) => sync_folder_at(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent(path) != Path::new(".") => {
            make_folder(parent(path))?;
            make_folder(path)
        }
        Err(error) => Err(error),
    }
}

/// The folder that `path` is in; a bare name is in the working folder.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[expect(clippy::disallowed_methods, reason = "this is the device")]
fn sync_folder_at(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[expect(clippy::disallowed_methods, reason = "this is the device")]
fn read_folder(path: &Path) -> io::Result<impl Iterator<Item = io::Result<DirEntry>>> {
    match std::fs::read_dir(path) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

/// A file that a store could have made; `None` for anything else that lies around.
fn file_entry(entry: &DirEntry) -> io::Result<Option<FileEntry>> {
    let Some(name) = entry.file_name().to_str().filter(|name| name::is_part(name)).map(Into::into)
    else {
        return Ok(None);
    };
    match entry.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(FileEntry { name, len: metadata.len() })),
        Ok(_) => Ok(None),
        // Removed since its folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the holder wrote into the lock file, for a message.
fn read_owner(file: &File) -> String {
    let mut text = [0; OWNER_BYTES_MAX];
    let len = file.read_at(&mut text, 0).unwrap_or(0);
    let text = String::from_utf8_lossy(&text[..len]);
    // The holder may be about to write it.
    if text.trim().is_empty() { "an unknown process".into() } else { text.trim().into() }
}

/// `owner`, and which process that is.
fn describe(owner: &str) -> String {
    let program: OsString = std::env::args_os().next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().display();
    let process = std::process::id();
    let mut text = match owner {
        "" => format!("process {process} ({program})"),
        _ => format!("{owner} in process {process} ({program})"),
    };
    while text.len() >= OWNER_BYTES_MAX {
        text.pop();
    }
    text.push('\n');
    text
}

const LOCK: &str = "lock";

/// More is neither written nor read.
const OWNER_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests;
