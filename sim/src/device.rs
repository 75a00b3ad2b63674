//! `Watched`: a medium in memory that notes every call and its answer, loses writes in silence when
//! told to, and lets a scheduler decide whose call comes next.

use crate::{faults::Tally, trace::Trace, turns::Turns};
use cistern_disk::device::{
    Call, Crash, Device, DeviceFile, DeviceLock, FileEntry, LockError, MemoryDevice, OpenMode,
};
use parking_lot::Mutex;
use std::{fmt, io, sync::Arc};

/// A medium in memory, watched. Clones share it.
#[derive(Clone, Debug)]
pub struct Watched {
    medium: MemoryDevice,
    notes: Arc<Mutex<Notes>>,
    turns: Option<Arc<Turns>>,
}

/// What was noted.
#[derive(Debug, Default)]
struct Notes {
    trace: Trace,
    /// Calls that failed by a fault.
    struck: u64,
    tally: Tally,
    /// How many more writes are kept before one is lost.
    lose_write: Option<u64>,
}

impl Watched {
    /// Watches `medium`.
    #[must_use]
    pub fn new(medium: MemoryDevice) -> Self {
        Self { medium, notes: Arc::default(), turns: None }
    }

    /// Lets `turns` decide whose call comes next.
    #[must_use]
    pub fn with_turns(mut self, turns: Arc<Turns>) -> Self {
        self.turns = Some(turns);
        self
    }

    /// What is below: for faults, and for what is not counted as a call.
    #[must_use]
    pub fn medium(&self) -> &MemoryDevice {
        &self.medium
    }

    /// What a loss of power leaves; what was noted goes on.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        Self { medium: self.medium.crash(crash), ..self.clone() }
    }

    /// A sum over all calls and answers so far.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.notes.lock().trace.sum()
    }

    /// How many calls failed by a fault so far.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.notes.lock().struck
    }

    /// Counts a fault that is not a call's.
    pub fn count(&self, kind: impl Into<String>) {
        self.notes.lock().tally.count(kind);
    }

    /// Which faults struck so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.notes.lock().tally.clone()
    }

    /// Loses the `nth` write from now in silence: it succeeds, and the medium never gets it.
    pub fn lose_write(&self, nth: u64) {
        self.notes.lock().lose_write = Some(nth);
    }

    fn loses_this_write(&self) -> bool {
        let mut notes = self.notes.lock();
        let left = notes.lose_write;
        notes.lose_write = left.and_then(|left| left.checked_sub(1));
        if left == Some(0) {
            notes.tally.count("write lost in silence");
        }
        left == Some(0)
    }

    /// Makes a call when it is its turn, and notes what came of it.
    fn call<T>(
        &self,
        call: Call,
        name: &str,
        what: impl FnOnce(&mut Trace),
        act: impl FnOnce() -> io::Result<T>,
        answer: impl FnOnce(&mut Trace, &T),
    ) -> io::Result<T> {
        if let Some(turns) = &self.turns {
            turns.pass();
        }
        let partial = self.medium.counts().partial;
        let outcome = act();
        let partial = self.medium.counts().partial > partial;
        let mut notes = self.notes.lock();
        notes.trace.number(call as u64);
        notes.trace.bytes(name.as_bytes());
        what(&mut notes.trace);
        match &outcome {
            Ok(value) => {
                answer(&mut notes.trace, value);
                if partial {
                    notes.tally.count(format!("in part, {call:?}"));
                }
            }
            // Nobody need notice.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                notes.trace.number(u64::MAX);
                notes.tally.count(format!("EINTR, {call:?}"));
            }
            Err(error) => {
                notes.trace.number(u64::MAX);
                if is_fault(error) {
                    notes.struck += 1;
                    let kind = error.raw_os_error().map(|code| match code {
                        5 => format!("EIO, {call:?}"),
                        _ => format!("ENOSPC, {call:?}"),
                    });
                    kind.into_iter().for_each(|kind| notes.tally.count(kind));
                }
            }
        }
        outcome
    }
}

/// True for an error that no healthy medium gives.
fn is_fault(error: &io::Error) -> bool {
    error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Other
}

fn nothing<T>(_: &mut Trace, _: &T) {}

impl Device for Watched {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>> {
        let call = if mode == OpenMode::CreateNew { Call::Create } else { Call::Open };
        let what = |trace: &mut Trace| trace.number(mode as u64);
        let file = self.call(call, name, what, || self.medium.open(name, mode), nothing)?;
        Ok(Arc::new(WatchedFile { file, name: name.into(), device: self.clone() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>> {
        let answer = |trace: &mut Trace, entries: &Vec<FileEntry>| {
            for entry in entries {
                trace.bytes(entry.name.as_bytes());
                trace.number(entry.len);
            }
        };
        self.call(Call::List, folder, |_| (), || self.medium.list(folder), answer)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let what = |trace: &mut Trace| trace.bytes(to.as_bytes());
        self.call(Call::Rename, from, what, || self.medium.rename(from, to), nothing)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Call::Remove, name, |_| (), || self.medium.remove(name), nothing)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.call(Call::SyncFolder, folder, |_| (), || self.medium.sync_folder(folder), nothing)
    }

    fn lock(&self, owner: &str) -> Result<Box<dyn DeviceLock>, LockError> {
        let locked = self.medium.lock(owner);
        if let Err(LockError::Io(_)) = &locked {
            let mut notes = self.notes.lock();
            notes.struck += 1;
            notes.tally.count("failed, Lock");
        }
        locked
    }

    fn place(&self) -> String {
        self.medium.place()
    }
}

struct WatchedFile {
    file: Arc<dyn DeviceFile>,
    name: String,
    device: Watched,
}

impl DeviceFile for WatchedFile {
    fn len(&self) -> io::Result<u64> {
        let answer = |trace: &mut Trace, len: &u64| trace.number(*len);
        self.device.call(Call::Len, &self.name, |_| (), || self.file.len(), answer)
    }

    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let place = |trace: &mut Trace| trace.number(offset);
        let mut read = Trace::default();
        let act = || {
            let count = self.file.read_some_at(buffer, offset)?;
            read.bytes(&buffer[..count]);
            Ok((count, read.sum()))
        };
        let answer = |trace: &mut Trace, (_, sum): &(usize, u64)| trace.number(*sum);
        let read = self.device.call(Call::Read, &self.name, place, act, answer);
        read.map(|(count, _)| count)
    }

    fn write_some_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let what = |trace: &mut Trace| {
            trace.number(offset);
            trace.bytes(bytes);
        };
        let write = || {
            if self.device.loses_this_write() {
                return Ok(bytes.len());
            }
            self.file.write_some_at(bytes, offset)
        };
        let answer = |trace: &mut Trace, count: &usize| trace.number(*count as u64);
        self.device.call(Call::Write, &self.name, what, write, answer)
    }

    fn sync(&self) -> io::Result<()> {
        self.device.call(Call::Sync, &self.name, |_| (), || self.file.sync(), nothing)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let what = |trace: &mut Trace| trace.number(len);
        self.device.call(Call::SetLen, &self.name, what, || self.file.set_len(len), nothing)
    }
}

impl fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedFile").field("name", &self.name).finish_non_exhaustive()
    }
}
