//! Scrubbing: a store in use is read and checked, step by step.

use crate::{format::checksum, verify::Finding};
use cistern_storage_core::port::BackendError;
use std::{fmt, io, str::FromStr};

/// How far a pass has come; see [`DiskBackend::scrub`](crate::DiskBackend::scrub).
///
/// Its text can be kept, and the pass goes on from there after the store was opened again. It is of
/// use to the store that gave it alone.
///
/// ```
/// use cistern_disk::{DiskBackend, DiskSettings, ScrubCursor};
/// use cistern_storage_core::port::{Clock, SystemClock};
/// use std::time::Duration;
///
/// # let folder = tempfile::tempdir()?;
/// # let store = DiskBackend::open(folder.path(), DiskSettings::new())?;
/// # let clock = SystemClock::default();
/// let mut kept = ScrubCursor::start().to_string();
/// loop {
///     let step = store.scrub(kept.parse()?, 1 << 20)?;
///     for finding in &step.findings {
///         eprintln!("{finding}");
///     }
///     let Some(next) = step.next else { break };
///     kept = next.to_string(); // and into a file
///     // 1 MiB every 10 ms: no more than 100 MiB in a second.
///     clock.wait_until(clock.now().plus(Duration::from_millis(10)));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScrubCursor {
    place: ScrubPlace,
    /// Of the store's identity and the place: nothing else is to be gone on from.
    tag: u64,
}

/// What a step of a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScrubStep {
    /// Where to go on; `None` at the end of the pass.
    pub next: Option<ScrubCursor>,
    /// How many bytes were read and checked.
    pub bytes_read: u64,
    /// About how many a whole pass reads, as the store is now.
    pub bytes_total: u64,
    /// What is not as it was written, or cannot be read.
    pub findings: Vec<Finding>,
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("this is not the cursor of a scrub; begin at the start")]
pub struct InvalidCursor;

/// Where a pass is. A pass goes through the areas in order, through each by ascending numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScrubPlace {
    pub(crate) area: ScrubArea,
    /// The lsn, or the number of the run or file.
    pub(crate) at: u64,
    /// What comes next in that run or file.
    pub(crate) within: u64,
    /// What has this number or a higher one came after the pass did, and is left to the next one.
    pub(crate) until: u64,
}

/// Kinds of things that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScrubArea {
    Identity,
    Manifest,
    Log,
    /// The log, behind a place where no frame stands: the next one is being looked for.
    LogLost,
    Runs,
    Files,
}

impl ScrubArea {
    const NAMES: [(Self, &str); 6] = [
        (Self::Identity, "start"),
        (Self::Manifest, "manifest"),
        (Self::Log, "log"),
        (Self::LogLost, "lost"),
        (Self::Runs, "runs"),
        (Self::Files, "files"),
    ];

    fn name(self) -> &'static str {
        let found = Self::NAMES.into_iter().find(|(area, _)| *area == self);
        found.expect("every area has a name").1
    }
}

impl ScrubCursor {
    /// Where a pass begins, in any store.
    #[must_use]
    pub fn start() -> Self {
        Self { place: ScrubPlace::START, tag: 0 }
    }

    pub(crate) fn at(place: ScrubPlace, store: &[u8; 16]) -> Self {
        Self { place, tag: place.tag(store) }
    }

    /// Where to go on in `store`.
    ///
    /// # Errors
    /// When the cursor is not of that store.
    pub(crate) fn place_in(self, store: &[u8; 16]) -> Result<ScrubPlace, BackendError> {
        if self == Self::start() || self.tag == self.place.tag(store) {
            return Ok(self.place);
        }
        let other = io::Error::new(io::ErrorKind::InvalidInput, "it is of another store");
        Err(BackendError::io("go on from", "the cursor of a scrub", other))
    }
}

impl ScrubPlace {
    const START: Self = Self { area: ScrubArea::Identity, at: 0, within: 0, until: 0 };

    pub(crate) fn new(area: ScrubArea, until: u64) -> Self {
        Self { area, at: 0, within: 0, until }
    }

    /// The same pass, further on.
    pub(crate) fn to(self, at: u64, within: u64) -> Self {
        Self { at, within, ..self }
    }

    fn tag(&self, store: &[u8; 16]) -> u64 {
        let mut bytes = store.to_vec();
        bytes.extend_from_slice(self.area.name().as_bytes());
        for number in [self.at, self.within, self.until] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        checksum(&bytes)
    }
}

impl Default for ScrubCursor {
    fn default() -> Self {
        Self::start()
    }
}

impl fmt::Display for ScrubCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScrubPlace { area, at, within, until } = self.place;
        write!(f, "{}-{at:x}-{within:x}-{until:x}-{:016x}", area.name(), self.tag)
    }
}

impl FromStr for ScrubCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let mut parts = text.split('-');
        let name = parts.next().unwrap_or_default();
        let known = ScrubArea::NAMES.into_iter().find(|(_, known)| *known == name);
        let area = known.ok_or(InvalidCursor)?.0;
        let mut number = || {
            let digits = parts.next().unwrap_or_default();
            u64::from_str_radix(digits, 16).map_err(|_| InvalidCursor)
        };
        let place = ScrubPlace { area, at: number()?, within: number()?, until: number()? };
        let cursor = Self { place, tag: number()? };
        // One text for one cursor.
        if cursor.to_string() == text { Ok(cursor) } else { Err(InvalidCursor) }
    }
}

/// What a step has done so far.
#[derive(Debug)]
pub(crate) struct ScrubProgress {
    pub(crate) bytes: u64,
    pub(crate) bytes_max: u64,
    pub(crate) findings: Vec<Finding>,
}

impl ScrubProgress {
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }

    /// Takes note of something whose checking ended like this, if `is_needed` still.
    ///
    /// # Errors
    /// When that says nothing about what is at rest.
    pub(crate) fn note(
        &mut self,
        outcome: Result<(), BackendError>,
        place: &str,
        offset: u64,
        is_needed: impl FnOnce() -> bool,
    ) -> Result<(), BackendError> {
        let Err(error) = outcome else { return Ok(()) };
        let finding = finding_of(error, place, offset)?;
        if is_needed() {
            self.findings.push(finding);
        }
        Ok(())
    }
}

/// What an error tells about what is at rest at `offset` of the file `place`.
///
/// # Errors
/// The same one when it tells nothing.
fn finding_of(error: BackendError, place: &str, offset: u64) -> Result<Finding, BackendError> {
    match error {
        BackendError::Damaged { place, offset, detail } => Ok(Finding::new(place, offset, detail)),
        BackendError::Foreign { detail, .. } => Ok(Finding::new(place, offset, detail)),
        BackendError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Ok(Finding::new(place, 0, "it is not there"))
        }
        BackendError::Io { source, .. } if !is_want(&source) => {
            Ok(Finding::new(place, offset, format!("it cannot be read: {source}")))
        }
        error => Err(error),
    }
}

/// True for want of memory or of handles: ENOMEM, ENFILE, EMFILE.
fn is_want(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
        || (cfg!(unix) && matches!(error.raw_os_error(), Some(12 | 23 | 24)))
}

#[cfg(test)]
mod tests;
