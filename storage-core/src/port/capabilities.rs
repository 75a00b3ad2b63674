//! `Capabilities`: what a backend is, as plain data that selects its tests.

use super::Durability;

/// What a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The strongest durability it can give. A batch that asks for more gets this, and its receipt
    /// says so.
    pub durability_max: Durability,
    /// True when what was synced is there after closing and opening it again.
    pub reopens: bool,
    /// True when no call ever waits for a medium, so that an async caller may call inline.
    pub never_blocks: bool,
    /// True when every row that is read was checked since it left a medium, or never was on one: the
    /// core does not sum the bodies in them again then.
    pub checks_rows: bool,
    /// Bodies up to this many bytes are better kept in a row than in a blob of their own.
    pub inline_bytes_max: u32,
}

impl Capabilities {
    /// A backend in memory: nothing outlives it, nothing waits.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            durability_max: Durability::Memory,
            reopens: false,
            never_blocks: true,
            checks_rows: true,
            inline_bytes_max: 4096,
        }
    }

    /// A backend on a medium that syncs.
    #[must_use]
    pub fn durable(inline_bytes_max: u32) -> Self {
        Self {
            durability_max: Durability::Synced,
            reopens: true,
            never_blocks: false,
            checks_rows: false,
            inline_bytes_max,
        }
    }

    /// The same, of a backend that checks every row it reads from its medium.
    #[must_use]
    pub fn checking_rows(mut self) -> Self {
        self.checks_rows = true;
        self
    }
}
