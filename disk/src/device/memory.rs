//! `MemoryDevice`: a medium in memory that loses power, fills up, fails and rots when told to.
//!
//! Fault model, per file: a write is in the cache at once and on the medium after a sync. Losing
//! power leaves of each unsynced write all, nothing, or some 512-byte sectors, independently of
//! what came before or after it; a sector is never mixed. Per folder: a name that was made, renamed
//! or removed without a [`Device::sync_folder`] is as if it had been, or not, each by itself; but a
//! file never has two names.
//! A sync that fails leaves what it should have saved in doubt for ever: a later sync that succeeds
//! does not save it.

mod content;
mod crash;
mod fault;
mod folder;

pub use crash::Crash;
pub use fault::{Call, Counts, Failure};

use super::{Device, DeviceFile, DeviceLock, FileEntry, LockError, OpenMode, name};
use content::Content;
use crash::Chance;
use fault::{Faults, Outcome};
use folder::{Folder, NameChange};
use parking_lot::Mutex;
use std::{collections::BTreeMap, fmt, io, sync::Arc};

/// A medium in memory. Clones share it, as two openers of one folder would.
///
/// Cost: a page of zeros takes no memory; a crash copies no bytes.
#[derive(Clone, Default)]
pub struct MemoryDevice {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    folders: BTreeMap<String, Folder>,
    /// By number, as a removed file lives on while it is open or its removal is not durable.
    files: BTreeMap<FileNumber, Content>,
    next_file: FileNumber,
    holder: Option<String>,
    faults: Faults,
}

type FileNumber = u64;

impl MemoryDevice {
    /// An empty medium without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The medium as it would be found after losing power now: unlocked, without faults or counts,
    /// all of it synced. This device goes on as it is.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        let mut chance = Chance::new(crash);
        let world = self.world.lock();
        let mut after = World { next_file: world.next_file, ..World::default() };
        for (name, folder) in &world.folders {
            let names = folder.crash(&mut chance);
            for file in names.values() {
                let content = &world.files[file];
                after.files.entry(*file).or_insert_with(|| content.crash(&mut chance));
            }
            after.folders.insert(name.clone(), Folder::of(names));
        }
        Self { world: Arc::new(Mutex::new(after)) }
    }

    /// What was asked of the medium so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.world.lock().faults.counts()
    }

    /// Lets the power go at the `nth` change from now (0 is the next one): that change is left
    /// unsynced, it fails, and so does every call after it. A change is a call that alters files or
    /// names, or syncs them. Go on with [`Self::crash`].
    pub fn power_off_at(&self, nth: u64) {
        self.world.lock().faults.power_off_at(nth);
    }

    /// Makes the `nth` call from now fail (0 is the next one), whatever it is.
    pub fn fail_at(&self, nth: u64, failure: Failure) {
        self.world.lock().faults.fail_at(nth, failure);
    }

    /// Makes the `nth` call of a kind from now fail (0 is the next one).
    pub fn fail_nth(&self, call: Call, nth: u64, failure: Failure) {
        self.world.lock().faults.fail_nth(call, nth, failure);
    }

    /// Makes every call of a kind fail, until [`Self::mend`].
    pub fn fail_always(&self, call: Call, failure: Failure) {
        self.world.lock().faults.fail_always(call, failure);
    }

    /// Takes back every failure that was ordered and has not happened. What a failed sync left in
    /// doubt stays so.
    pub fn mend(&self) {
        self.world.lock().faults.mend();
    }

    /// Flips the bits of `mask` in one byte at rest.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `UnexpectedEof` when it has no such byte.
    pub fn flip_bits(&self, name: &str, offset: u64, mask: u8) -> io::Result<()> {
        let mut world = self.world.lock();
        let file = world.find(name)?;
        world.content(file).flip_bits(offset, mask)
    }

    /// All bytes of a file, not counted as a call.
    ///
    /// # Errors
    /// `NotFound` when there is no such file.
    pub fn contents(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut world = self.world.lock();
        let file = world.find(name)?;
        Ok(world.content(file).to_vec())
    }
}

impl Device for MemoryDevice {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>> {
        let mut world = self.world.lock();
        let number = match mode {
            OpenMode::Read | OpenMode::Write => {
                world.faults.call(Call::Open)?.or_fail()?;
                world.find(name)?
            }
            OpenMode::CreateNew => world.create(name)?,
        };
        world.content(number).handles += 1;
        let world = Arc::clone(&self.world);
        Ok(Arc::new(MemoryFile { world, number, writable: mode != OpenMode::Read }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>> {
        name::check_folder(folder)?;
        let mut world = self.world.lock();
        world.faults.call(Call::List)?.or_fail()?;
        let names = world.folders.get(folder).map(Folder::names).into_iter().flatten();
        let entry = |(name, file): (&String, &FileNumber)| FileEntry {
            name: name.clone(),
            len: world.files[file].len(),
        };
        Ok(names.map(entry).collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (folder, from, to) = name::split_pair(from, to)?;
        let mut world = self.world.lock();
        let outcome = world.faults.call(Call::Rename)?;
        let change = |file| NameChange::Renamed { to: to.into(), file };
        world.change_name(folder, from, outcome, change)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (folder, file) = name::split(name)?;
        let mut world = self.world.lock();
        let outcome = world.faults.call(Call::Remove)?;
        let change = |number| NameChange::Removed { name: file.into(), file: number };
        world.change_name(folder, file, outcome, change)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        name::check_folder(folder)?;
        let mut world = self.world.lock();
        let outcome = world.faults.call(Call::SyncFolder)?;
        let Some(names) = world.folders.get_mut(folder) else { return outcome.or_fail() };
        // Names that a failed sync left in doubt are settled by a later one: a file system keeps them
        // in a journal, which goes on from where it is or fails for good.
        if let Outcome::Succeed = outcome {
            names.sync();
            world.forget_unreachable();
        }
        outcome.or_fail()
    }

    fn lock(&self, owner: &str) -> Result<Box<dyn DeviceLock>, LockError> {
        let mut world = self.world.lock();
        world.faults.call(Call::Lock)?.or_fail()?;
        if let Some(owner) = &world.holder {
            return Err(LockError::Held { owner: owner.clone() });
        }
        world.holder = Some(owner.into());
        Ok(Box::new(MemoryLock { world: Arc::clone(&self.world) }))
    }

    fn place(&self) -> String {
        "memory".into()
    }
}

impl World {
    fn find(&self, name: &str) -> io::Result<FileNumber> {
        let (folder, file) = name::split(name)?;
        let number = self.folders.get(folder).and_then(|folder| folder.find(file));
        number.ok_or_else(|| not_found(name))
    }

    fn content(&mut self, number: FileNumber) -> &mut Content {
        self.files.get_mut(&number).expect("a file lives while it has a name or a handle")
    }

    fn create(&mut self, name: &str) -> io::Result<FileNumber> {
        let (folder, file) = name::split(name)?;
        let outcome = self.faults.call(Call::Create)?;
        if self.find(name).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("`{name}` exists")));
        }
        let number = self.next_file;
        if outcome.takes_effect() {
            self.next_file += 1;
            self.files.insert(number, Content::default());
            let change = NameChange::Made { name: file.into(), file: number };
            self.folders.entry(folder.into()).or_default().change(change);
        }
        outcome.or_fail()?;
        Ok(number)
    }

    fn change_name(
        &mut self,
        folder: &str,
        name: &str,
        outcome: Outcome,
        change: impl FnOnce(FileNumber) -> NameChange,
    ) -> io::Result<()> {
        let folder = self.folders.get_mut(folder);
        let found = folder.and_then(|folder| folder.find(name).map(|file| (folder, file)));
        let (folder, file) = found.ok_or_else(|| not_found(name))?;
        if outcome.takes_effect() {
            folder.change(change(file));
        }
        outcome.or_fail()
    }

    /// Drops files that have neither a handle nor a name, not even after a crash.
    fn forget_unreachable(&mut self) {
        let folders = &self.folders;
        self.files.retain(|number, content| {
            content.handles > 0 || folders.values().any(|folder| folder.may_name(*number))
        });
    }
}

struct MemoryFile {
    world: Arc<Mutex<World>>,
    number: FileNumber,
    writable: bool,
}

impl MemoryFile {
    /// Counts a call, and gives what becomes of it to `act` together with the file.
    fn call<T>(
        &self,
        call: Call,
        act: impl FnOnce(&mut Content, Outcome) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.world.lock();
        let outcome = world.faults.call(call)?;
        act(world.content(self.number), outcome)
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is open for reading only"))
    }
}

impl DeviceFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        self.call(Call::Len, |content, outcome| {
            outcome.or_fail()?;
            Ok(content.len())
        })
    }

    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call(Call::Read, |content, outcome| {
            outcome.or_fail()?;
            let count = outcome.bytes_moved(buffer.len());
            Ok(content.read_at(&mut buffer[..count], offset))
        })
    }

    fn write_some_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        self.call(Call::Write, |content, outcome| {
            let count = outcome.bytes_moved(bytes.len());
            content.write_at(&bytes[..count], offset);
            outcome.or_fail()?;
            Ok(count)
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.call(Call::Sync, |content, outcome| {
            match &outcome {
                Outcome::Succeed => content.sync(),
                Outcome::PowerOff => {}
                Outcome::Fail(_) => content.abandon(),
            }
            outcome.or_fail()
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.call(Call::SetLen, |content, outcome| {
            if outcome.takes_effect() {
                content.set_len(len);
            }
            outcome.or_fail()
        })
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        let mut world = self.world.lock();
        let content = world.content(self.number);
        content.handles -= 1;
        if content.handles == 0 {
            world.forget_unreachable();
        }
    }
}

struct MemoryLock {
    world: Arc<Mutex<World>>,
}

impl DeviceLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.world.lock().holder = None;
    }
}

impl fmt::Debug for MemoryDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.world.lock();
        let mut names = f.debug_map();
        for (folder, names_in) in &world.folders {
            for (name, file) in names_in.names() {
                names.entry(&format_args!("{folder}/{name}"), &world.files[file].len());
            }
        }
        names.finish()
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("number", &self.number).finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLock").finish_non_exhaustive()
    }
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("`{name}` does not exist"))
}

#[cfg(test)]
mod tests;
