//! The mark of an encrypted store: known to every build, so that none writes into one in the clear.

use cistern_storage_core::{
    Error, Result,
    port::{Backend, Value},
};

/// The row that marks an encrypted store, and holds a format and the identity of its key ring.
pub(crate) const MARK: &[u8] = &[0x40];
pub(crate) const MARK_FORMAT: u8 = 1;

/// The identity of the key ring that the store is marked with.
pub(crate) fn mark_of(backend: &dyn Backend) -> Result<Option<[u8; 16]>> {
    let row = backend.row(MARK).map_err(|source| Error::backend("read a row", source))?;
    let Some(row) = row.map(Value::into_bytes) else { return Ok(None) };
    let damaged = || Error::damaged("the mark of an encrypted store", "it is of no known format");
    let (&format, identity) = row.split_first().ok_or_else(damaged)?;
    if format != MARK_FORMAT {
        return Err(damaged());
    }
    identity.try_into().map(Some).map_err(|_| damaged())
}

/// What a build that cannot encrypt says to an encrypted store.
#[cfg(not(feature = "encryption"))]
pub(crate) fn refuse_marked(backend: &dyn Backend) -> Result<()> {
    match mark_of(backend)? {
        None => Ok(()),
        Some(_) => {
            let what = "opening an encrypted store in a build without the feature `encryption`";
            Err(Error::NotImplemented { what: what.into() })
        }
    }
}
