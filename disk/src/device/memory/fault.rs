//! Faults to order, and counts of what was asked.

use std::io;

/// A kind of call on a device or its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// Opening a file that is there.
    Open,
    /// Making a file.
    Create,
    /// Listing a folder.
    List,
    /// Renaming a file.
    Rename,
    /// Removing a file.
    Remove,
    /// Syncing a folder.
    SyncFolder,
    /// Taking the lock.
    Lock,
    /// Asking for a file's length.
    Len,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Syncing a file.
    Sync,
    /// Cutting or growing a file.
    SetLen,
}

impl Call {
    /// True when it alters files or names, or syncs them.
    #[must_use]
    pub fn is_change(self) -> bool {
        match self {
            Self::Open | Self::List | Self::Lock | Self::Len | Self::Read => false,
            Self::Create
            | Self::Rename
            | Self::Remove
            | Self::SyncFolder
            | Self::Write
            | Self::Sync
            | Self::SetLen => true,
        }
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// An I/O error (`EIO`); nothing was done. A failed sync leaves what it should have saved in
    /// doubt.
    Io,
    /// The medium is full (`ENOSPC`); nothing was done.
    NoSpace,
    /// The medium is full (`ENOSPC`) after the first half of a write. Calls other than writes fail
    /// as with [`Self::NoSpace`].
    Short,
    /// A read or a write is interrupted (`EINTR`) before it has done anything, and is to be made
    /// again. Other calls succeed.
    Interrupted,
    /// A read or a write does the first half of what it was asked to, one byte at least, and says
    /// so. Other calls succeed.
    Part,
}

impl Failure {
    fn strikes(self, call: Call) -> bool {
        match self {
            Self::Io | Self::NoSpace | Self::Short => true,
            Self::Interrupted | Self::Part => matches!(call, Call::Read | Call::Write),
        }
    }
}

// The same numbers on every Unix.
const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What was asked of a device since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls of every kind.
    pub calls: u64,
    /// Those that alter files or names, or sync them: see [`Call::is_change`].
    pub changes: u64,
    /// Reads of files.
    pub reads: u64,
    /// Writes to files.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of folders.
    pub folder_syncs: u64,
    /// Reads and writes that [`Failure::Part`] has struck.
    pub partial: u64,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeed,
    Fail(Failure),
    /// It is under way when the power goes.
    PowerOff,
}

impl Outcome {
    /// True when names and lengths change, be it only in the cache.
    pub(super) fn takes_effect(self) -> bool {
        !matches!(self, Self::Fail(_))
    }

    /// How many of `len` bytes get read or written.
    pub(super) fn bytes_moved(self, len: usize) -> usize {
        match self {
            Self::Succeed | Self::PowerOff => len,
            Self::Fail(Failure::Part) => len.div_ceil(2),
            Self::Fail(Failure::Short) => len / 2,
            Self::Fail(Failure::Io | Failure::NoSpace | Failure::Interrupted) => 0,
        }
    }

    pub(super) fn or_fail(self) -> io::Result<()> {
        let code = match self {
            Self::Succeed | Self::Fail(Failure::Part) => return Ok(()),
            Self::Fail(Failure::Io) => EIO,
            Self::Fail(Failure::NoSpace | Failure::Short) => ENOSPC,
            Self::Fail(Failure::Interrupted) => EINTR,
            Self::PowerOff => return Err(power_is_off()),
        };
        Err(io::Error::from_raw_os_error(code))
    }
}

/// The failures ordered, and the count of calls that tells when they are due.
#[derive(Debug, Default)]
pub(super) struct Faults {
    counts: Counts,
    /// The change, counted from 0, during which the power goes.
    power_off: Option<u64>,
    at: Vec<(u64, Failure)>,
    /// How many more calls of a kind succeed before one fails.
    nth: Vec<(Call, u64, Failure)>,
    always: Vec<(Call, Failure)>,
}

impl Faults {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn power_off_at(&mut self, nth: u64) {
        self.power_off = Some(self.counts.changes + nth);
    }

    pub(super) fn fail_at(&mut self, nth: u64, failure: Failure) {
        self.at.push((self.counts.calls + nth, failure));
    }

    pub(super) fn fail_nth(&mut self, call: Call, nth: u64, failure: Failure) {
        self.nth.push((call, nth, failure));
    }

    pub(super) fn fail_always(&mut self, call: Call, failure: Failure) {
        self.always.push((call, failure));
    }

    pub(super) fn mend(&mut self) {
        *self = Self { counts: self.counts, ..Self::default() };
    }

    /// Counts a call and says what becomes of it.
    ///
    /// # Errors
    /// When the power is off: then nothing happens any more.
    pub(super) fn call(&mut self, call: Call) -> io::Result<Outcome> {
        let (calls, changes) = (self.counts.calls, self.counts.changes);
        if self.power_off.is_some_and(|last| changes > last) {
            return Err(power_is_off());
        }
        self.count(call);
        if call.is_change() && self.power_off == Some(changes) {
            return Ok(Outcome::PowerOff);
        }
        let failure = self.due(call, calls).filter(|failure| failure.strikes(call));
        self.counts.partial += u64::from(failure == Some(Failure::Part));
        Ok(failure.map_or(Outcome::Succeed, Outcome::Fail))
    }

    fn due(&mut self, call: Call, calls: u64) -> Option<Failure> {
        let mut failure = self.at.iter().find(|(at, _)| *at == calls).map(|(_, failure)| *failure);
        self.nth.retain_mut(|(kind, left, ordered)| {
            if *kind != call {
                return true;
            }
            if *left == 0 {
                failure = failure.or(Some(*ordered));
                return false;
            }
            *left -= 1;
            true
        });
        let always = self.always.iter().find(|(kind, _)| *kind == call);
        failure.or(always.map(|(_, failure)| *failure))
    }

    fn count(&mut self, call: Call) {
        self.counts.calls += 1;
        self.counts.changes += u64::from(call.is_change());
        self.counts.reads += u64::from(call == Call::Read);
        self.counts.writes += u64::from(call == Call::Write);
        self.counts.syncs += u64::from(call == Call::Sync);
        self.counts.folder_syncs += u64::from(call == Call::SyncFolder);
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}
