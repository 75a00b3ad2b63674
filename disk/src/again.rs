//! Writing again what was found.
//!
//! A sync that fails leaves the system with pages that it takes for clean and that are not on the
//! medium: the process that saw it fail stops writing, but the next one reads them as if nothing had
//! happened, and a sync of its own that succeeds does not save them. So whoever opens a store writes
//! what is not known to be durable once more, byte for byte, before it syncs. What stands there
//! already is not changed by that, not even when the power goes half way.

use crate::device::DeviceFile;
use std::io;

/// Writes the whole file again.
pub(crate) fn write(file: &dyn DeviceFile) -> io::Result<()> {
    write_range(file, 0, file.len()?)
}

/// Writes the bytes from `start` up to `end` again.
pub(crate) fn write_range(file: &dyn DeviceFile, start: u64, end: u64) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut at = start;
    while at < end {
        let piece = (end - at).min(PIECE_BYTES);
        buffer.resize(usize::try_from(piece).expect("a piece fits into memory"), 0);
        file.read_at(&mut buffer, at)?;
        file.write_at(&buffer, at)?;
        at += piece;
    }
    Ok(())
}

const PIECE_BYTES: u64 = 1 << 20;
