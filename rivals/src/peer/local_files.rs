//! What a program does without any of us: a temporary file, then a rename.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;

use crate::contender::{Contender, Outcome, Streamer};
use crate::workload::{KIB, Source};

/// The kernel caches a file in pages as large as the calls that write it. For a call of a mebibyte and
/// more it takes memory that it has never touched, which on a virtual machine the host has yet to
/// provide: a new file is then written at 0.15 GB/s instead of 1.7 (Linux 6.18).
const CALL_BYTES: usize = 256 * KIB;

pub struct LocalFiles {
    root: PathBuf,
    /// File and directory are synced before the put returns.
    synced: bool,
    /// A listing asks for size and time, as every object listing must.
    metadata: bool,
    serial: AtomicU64,
}

impl LocalFiles {
    pub fn new(root: PathBuf, synced: bool) -> Self {
        Self { root, synced, metadata: true, serial: AtomicU64::new(0) }
    }

    pub fn names_only(root: PathBuf) -> Self {
        Self { metadata: false, ..Self::new(root, false) }
    }

    fn publish(
        &self,
        key: &str,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Outcome<()> {
        let path = self.root.join(key);
        let serial = self.serial.fetch_add(1, Relaxed);
        let staged = path.with_extension(format!("{serial}.tmp"));
        let mut file = create(&staged)?;
        write(&mut file)?;
        if self.synced {
            file.sync_all()?;
        }
        fs::rename(&staged, &path)?;
        if self.synced {
            File::open(path.parent().expect("a key lies below the root"))?.sync_all()?;
        }
        Ok(())
    }
}

/// Opens for writing; only a missing folder costs a second call.
fn create(path: &Path) -> std::io::Result<File> {
    match File::create(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().expect("a key lies below the root"))?;
            File::create(path)
        }
        other => other,
    }
}

impl Streamer for LocalFiles {
    /// Streams `source` into `key`, a call at a time.
    fn put_from(&self, key: &str, mut source: Source) -> Outcome<()> {
        self.publish(key, |file| {
            let mut chunk = vec![0; CALL_BYTES];
            loop {
                match source.read(&mut chunk)? {
                    0 => return Ok(()),
                    length => file.write_all(&chunk[..length])?,
                }
            }
        })
    }

    /// Streams `key` out, a call at a time.
    fn get_into(&self, key: &str, drain: &mut dyn FnMut(&[u8])) -> Outcome<()> {
        let mut file = File::open(self.root.join(key))?;
        let mut chunk = vec![0; CALL_BYTES];
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(()),
                length => drain(&chunk[..length]),
            }
        }
    }
}

impl Contender for LocalFiles {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        self.publish(key, |file| {
            body.chunks(CALL_BYTES).try_for_each(|chunk| file.write_all(chunk))
        })
    }

    fn get(&self, key: &str) -> Outcome<Bytes> {
        Ok(fs::read(self.root.join(key))?.into())
    }

    fn list(&self) -> Outcome<u64> {
        let mut count = 0;
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                if self.metadata {
                    std::hint::black_box(entry.metadata()?.len());
                }
                std::hint::black_box(entry.file_name());
                count += 1;
            }
        }
        Ok(count)
    }

    fn level(&self) -> Outcome<u64> {
        let mut count = 0;
        for entry in fs::read_dir(&self.root)? {
            count += u64::from(entry?.file_type()?.is_dir());
        }
        Ok(count)
    }
}
