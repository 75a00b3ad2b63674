//! The faults of a run, and what is promised when they strike.
//!
//! **Power and processes.** The power goes at any single call that changes the medium. Of what was
//! not synced, each write is kept, lost or torn by 512-byte sectors, in any order; each name that was
//! made, renamed or removed is kept or lost, each by itself. A process dies and the next one finds
//! what the system still has in its cache, synced or not. Recovery itself is cut short in the same
//! ways. *Promise:* what was acknowledged at the durability that the fault leaves is there, byte for
//! byte; what was not is there whole or not at all; what is there is a prefix of the order of
//! commits.
//!
//! **Calls that fail.** Any call fails with `EIO`, or with `ENOSPC`, or a write stops half way; one
//! call or all of a kind. A sync that fails leaves what it should have saved in doubt for ever: a
//! later sync that succeeds does not save it. *Promise:* a verb that fails has done nothing, or all;
//! reads go on; after a failure that leaves anything in doubt writes are refused until the store is
//! opened again; a sync is never tried again.
//!
//! **Damage at rest.** Bits flip; a write never reached the medium, or reached another place; a file
//! ends early. *Promise:* bytes that are served are bytes that were written. Damage is told by the
//! verb that meets it, by opening, and by `verify`. What cannot be told from a loss of power (the end
//! of the log behind the last checkpoint) is treated as one.
//!
//! **Time.** The clock jumps forwards and backwards. *Promise:* the order of versions and sequence
//! numbers does not follow it.
//!
//! **A backend that fails.** Above any backend, calls fail before they do anything, tickets fail
//! after the commit has happened, and everything is refused from some moment on. *Promise:* that of a
//! verb.

use cistern_disk::device;
use std::{collections::BTreeMap, fmt};

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The call so many calls from now, whatever it is.
    Any(u64),
    /// The call so many calls of its kind from now.
    Of(device::Call, u64),
    /// Every call of a kind, until the store has been opened again.
    Every(device::Call),
}

/// How often each kind of fault struck.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, kind: impl Into<String>) {
        *self.0.entry(kind.into()).or_default() += 1;
    }

    /// Adds what another run counted.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            *self.0.entry(kind.clone()).or_default() += count;
        }
    }

    /// All faults that struck.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// How often one kind struck.
    #[must_use]
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(kind, count)| writeln!(f, "{count:>10}  {kind}"))
    }
}
