//! A directory on disk: what is in it, and what was left out.

use cistern::{Checksum, ChecksumAlgorithm, Metadata, ObjectInfo, Timestamp, checksum::Hasher};
use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};
use walkdir::{DirEntry, WalkDir};

/// Names of user metadata.
pub(crate) const KIND: &str = "kind";
pub(crate) const MODE: &str = "mode";
pub(crate) const MODIFIED: &str = "modified";

/// The files of a directory, by their paths within it.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) files: Vec<Source>,
    /// What could not be read: it is neither archived nor taken for deleted.
    pub(crate) unread: Vec<Unread>,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Unread {
    /// The path within the directory, as far as it is text.
    pub(crate) name: String,
    pub(crate) why: String,
}

/// One file or symbolic link.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path within the directory, with `/` between its parts.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) len: u64,
    /// Permissions, where there are such: `755`.
    pub(crate) mode: Option<String>,
    pub(crate) modified: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    /// Archived as the path that it points to.
    Link,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Link => "link",
        }
    }
}

impl Folder {
    /// Finds every file but those of the store itself, and of builds.
    pub(crate) fn scan(directory: &Path, store: &Path) -> Self {
        let store = store.canonicalize().unwrap_or_else(|_| store.to_owned());
        let wanted = |entry: &DirEntry| {
            let build =
                entry.depth() > 0 && entry.file_type().is_dir() && entry.file_name() == "target";
            !build && entry.path() != store
        };
        let mut folder = Self::default();
        let walk = WalkDir::new(directory).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(wanted) {
            match entry {
                Ok(entry) => folder.add(directory, &entry),
                Err(error) => {
                    let path = error.path().unwrap_or(directory).to_owned();
                    folder.leave_out(directory, &path, error.to_string());
                }
            }
        }
        folder
    }

    fn add(&mut self, directory: &Path, entry: &DirEntry) {
        let Some(kind) = kind_of(entry.file_type()) else { return };
        let path = entry.path();
        let found = match name_within(directory, path) {
            Some(name) => Source::new(name, path, kind).map_err(|error| error.to_string()),
            None => Err("its name is not text".to_owned()),
        };
        match found {
            Ok(source) => {
                self.bytes += source.len;
                self.files.push(source);
            }
            Err(why) => self.leave_out(directory, path, why),
        }
    }

    fn leave_out(&mut self, directory: &Path, path: &Path, why: String) {
        let within = path.strip_prefix(directory).unwrap_or(path);
        self.unread.push(Unread { name: within.to_string_lossy().into_owned(), why });
    }
}

impl Source {
    fn new(name: String, path: &Path, kind: Kind) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let modified = metadata.modified().ok().and_then(|time| {
            let since = time.duration_since(UNIX_EPOCH).ok()?;
            Some(Timestamp::default().plus(since))
        });
        let len = match kind {
            Kind::File => metadata.len(),
            Kind::Link => link_text(path)?.len() as u64,
        };
        let mode = mode_of(&metadata);
        Ok(Self { name, path: path.to_owned(), kind, len, mode, modified })
    }

    /// The bytes as they are now.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self.kind {
            Kind::File => Box::new(File::open(&self.path)?),
            Kind::Link => Box::new(io::Cursor::new(link_text(&self.path)?)),
        })
    }

    /// Length and checksum as they are now.
    pub(crate) fn sum(&self) -> io::Result<(u64, Checksum)> {
        let mut reader = self.open()?;
        let mut hasher = Hasher::new(ChecksumAlgorithm::Crc64Nvme);
        let (mut len, mut chunk) = (0, vec![0; 256 << 10]);
        loop {
            let count = reader.read(&mut chunk)?;
            if count == 0 {
                return Ok((len, hasher.finish()));
            }
            hasher.update(&chunk[..count]);
            len += count as u64;
        }
    }

    /// What the object says of the file.
    pub(crate) fn metadata(&self) -> cistern::Result<Metadata> {
        let content_type = mime_guess::from_path(&self.name).first_or_octet_stream();
        let mut metadata = Metadata::new()
            .with_content_type(content_type.essence_str())?
            .with_user(KIND, self.kind.as_str())?;
        if let Some(mode) = &self.mode {
            metadata = metadata.with_user(MODE, mode.as_str())?;
        }
        if let Some(modified) = self.modified {
            metadata = metadata.with_user(MODIFIED, modified.to_iso8601())?;
        }
        Ok(metadata)
    }

    /// True when the object holds this: the same bytes of the same kind with the same permissions.
    /// A file that was merely touched is the same.
    pub(crate) fn is_in(&self, object: &ObjectInfo, len: u64, sum: &Checksum) -> bool {
        let said = |name| object.metadata().user(name);
        object.size() == len
            && object.checksum() == *sum
            && said(KIND) == Some(self.kind.as_str())
            && said(MODE) == self.mode.as_deref()
    }
}

fn kind_of(found: FileType) -> Option<Kind> {
    match found {
        found if found.is_file() => Some(Kind::File),
        found if found.is_symlink() => Some(Kind::Link),
        _ => None,
    }
}

/// The path within a directory, with `/` between its parts; `None` when it is not text.
fn name_within(directory: &Path, path: &Path) -> Option<String> {
    let within = path.strip_prefix(directory).ok()?;
    let parts: Option<Vec<&str>> = within.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

fn link_text(path: &Path) -> io::Result<String> {
    let target = fs::read_link(path)?;
    target.into_os_string().into_string().map_err(|_| io::Error::other("its target is not text"))
}

#[cfg(unix)]
fn mode_of(metadata: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    // A link has no permissions of its own.
    let mode = metadata.permissions().mode() & 0o7777;
    (!metadata.is_symlink()).then(|| format!("{mode:o}"))
}

#[cfg(not(unix))]
fn mode_of(_metadata: &fs::Metadata) -> Option<String> {
    None
}
