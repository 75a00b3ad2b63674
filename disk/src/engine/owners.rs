//! Who owns a blob, and what that means for the space it takes.
//!
//! The owners of a packed blob: no row means one, a row tells another number, and 0 means that it
//! is dead but its bytes are still there. A blob file's row tells its number always; without one
//! nobody owns it. A blob that was moved has a row with its place. All of these follow from the
//! commits and are not logged.

use crate::{
    engine::name::{BlobName, moved_key},
    format::{FrameKind, Lsn, frame_bytes},
    log::segments::Segments,
    segment::Segment,
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, BlobRef};
use std::sync::Arc;

/// What one commit does to the owners of one blob.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) blob: BlobRef,
    pub(crate) name: BlobName,
    /// Nobody owned it before, and its writer did not give it up.
    pub(crate) fresh: bool,
    pub(crate) adopts: u64,
    pub(crate) frees: u64,
}

/// What becomes of the space that a blob takes.
#[derive(Debug)]
pub(crate) enum SpaceChange {
    /// Bytes of a segment have an owner now. The blob that was written at `unowned` had none.
    Live { segment: Arc<Segment>, bytes: u64, unowned: Option<Lsn> },
    /// Bytes of a segment have none any more.
    Dead { segment: Arc<Segment>, bytes: u64 },
    /// A file has an owner now.
    FileLive { bytes: u64 },
    /// A file has none any more, and can be removed.
    FileDead { file: u64, bytes: u64 },
}

/// Rows and space that follow from a commit's claims.
#[derive(Debug, Default)]
pub(crate) struct OwnerChanges {
    pub(crate) rows: Vec<(Bytes, Option<Bytes>)>,
    pub(crate) space: Vec<SpaceChange>,
}

/// Collects what a commit's lists say of each blob.
///
/// # Errors
/// [`BackendError::NoSuchBlob`] for a name that this store never gave.
pub(crate) fn claims(
    store: &[u8; 16],
    adopts: &[BlobRef],
    frees: &[BlobRef],
    is_fresh: impl Fn(&BlobRef) -> bool,
) -> Result<Vec<Claim>, BackendError> {
    let mut claims: Vec<Claim> = Vec::new();
    let adopted = adopts.iter().map(|blob| (blob, 1, 0));
    let freed = frees.iter().map(|blob| (blob, 0, 1));
    for (blob, adopts, frees) in adopted.chain(freed) {
        match claims.iter_mut().find(|claim| claim.blob == *blob) {
            Some(claim) => {
                claim.adopts += adopts;
                claim.frees += frees;
            }
            None => {
                let name = BlobName::decode(store, blob)?;
                let fresh = is_fresh(blob);
                claims.push(Claim { blob: *blob, name, fresh, adopts, frees });
            }
        }
    }
    Ok(claims)
}

/// Decides what follows from `claims`, given the rows as they stand.
///
/// # Errors
/// [`BackendError::NoSuchBlob`] when a blob has no owner to begin with, or fewer than are freed;
/// whatever `read` fails with.
pub(crate) fn decide(
    claims: &[Claim],
    segments: &Segments,
    read: &mut dyn FnMut(Bytes) -> Result<Option<Bytes>, BackendError>,
) -> Result<OwnerChanges, BackendError> {
    let mut changes = OwnerChanges::default();
    for claim in claims {
        match claim.name {
            BlobName::Packed { lsn, len } => {
                decide_packed(claim, lsn, len, segments, read, &mut changes)?;
            }
            BlobName::File { file, len } => decide_file(claim, file, len, read, &mut changes)?,
        }
    }
    Ok(changes)
}

fn decide_packed(
    claim: &Claim,
    lsn: Lsn,
    len: u32,
    segments: &Segments,
    read: &mut dyn FnMut(Bytes) -> Result<Option<Bytes>, BackendError>,
    changes: &mut OwnerChanges,
) -> Result<(), BackendError> {
    let key = claim.name.owners_key();
    let row = if claim.fresh { None } else { read(key.clone())? };
    let before = match &row {
        _ if claim.fresh => 0,
        Some(row) => count_of(row)?,
        None => 1,
    };
    let after = owners_after(claim, before)?;
    let origin = segments.find(lsn);
    let Some(place) = place(lsn, len, origin.clone(), segments, read)? else {
        return Err(BackendError::NoSuchBlob { blob: claim.blob });
    };
    if claim.fresh {
        let (segment, bytes) = (Arc::clone(&place.segment), place.bytes);
        changes.space.push(SpaceChange::Live { segment, bytes, unowned: Some(lsn) });
    }
    if after == 0 {
        changes.space.push(SpaceChange::Dead { segment: place.segment, bytes: place.bytes });
        if place.moved {
            changes.rows.push((moved_key(lsn), None));
        }
    }
    match after {
        // The place where it was written is still there, and must not be taken for live.
        0 if origin.is_some() => changes.rows.push((key, Some(count_row(0)))),
        0 | 1 if row.is_some() => changes.rows.push((key, None)),
        0 | 1 => {}
        several => changes.rows.push((key, Some(count_row(several)))),
    }
    Ok(())
}

/// Where the frame of a packed blob is now.
pub(crate) struct Place {
    pub(crate) segment: Arc<Segment>,
    pub(crate) lsn: Lsn,
    /// What the frame takes.
    pub(crate) bytes: u64,
    pub(crate) moved: bool,
}

/// Finds the frame of the blob that was written at `lsn`; `origin` is the segment of that, if it is
/// still there.
pub(crate) fn place(
    lsn: Lsn,
    len: u32,
    origin: Option<Arc<Segment>>,
    segments: &Segments,
    read: &mut dyn FnMut(Bytes) -> Result<Option<Bytes>, BackendError>,
) -> Result<Option<Place>, BackendError> {
    let may_have_moved = origin.as_ref().is_none_or(|segment| segment.has_moved());
    if may_have_moved && let Some(row) = read(moved_key(lsn))? {
        let lsn = number_of(&row)?;
        let bytes = frame_bytes(FrameKind::Moved, len);
        return Ok(segments.find(lsn).map(|segment| Place { segment, lsn, bytes, moved: true }));
    }
    let bytes = frame_bytes(FrameKind::Blob, len);
    Ok(origin.map(|segment| Place { segment, lsn, bytes, moved: false }))
}

fn decide_file(
    claim: &Claim,
    file: u64,
    bytes: u64,
    read: &mut dyn FnMut(Bytes) -> Result<Option<Bytes>, BackendError>,
    changes: &mut OwnerChanges,
) -> Result<(), BackendError> {
    let key = claim.name.owners_key();
    let before = match read(key.clone())? {
        _ if claim.fresh => 0,
        Some(row) => count_of(&row)?,
        None => return Err(BackendError::NoSuchBlob { blob: claim.blob }),
    };
    let after = owners_after(claim, before)?;
    if claim.fresh {
        changes.space.push(SpaceChange::FileLive { bytes });
    }
    if after == 0 {
        changes.space.push(SpaceChange::FileDead { file, bytes });
    }
    changes.rows.push((key, (after > 0).then(|| file_row(after, bytes))));
    Ok(())
}

fn owners_after(claim: &Claim, before: u64) -> Result<u64, BackendError> {
    let nobodys = before == 0 && !claim.fresh;
    let after = (before + claim.adopts).checked_sub(claim.frees).filter(|_| !nobodys);
    after.ok_or(BackendError::NoSuchBlob { blob: claim.blob })
}

/// The row that tells a number of owners.
pub(crate) fn count_row(count: u64) -> Bytes {
    Bytes::copy_from_slice(&count.to_le_bytes())
}

/// A file's row: its owners, and its length.
fn file_row(count: u64, len: u64) -> Bytes {
    Bytes::from([count.to_le_bytes(), len.to_le_bytes()].concat())
}

/// The length that a file's row tells.
pub(crate) fn file_len_of(row: &[u8]) -> Result<u64, BackendError> {
    number_of(row.get(8..).unwrap_or(&[]))
}

/// The number of owners that a row tells.
pub(crate) fn count_of(row: &[u8]) -> Result<u64, BackendError> {
    number_of(row)
}

/// The number that a row begins with.
pub(crate) fn number_of(row: &[u8]) -> Result<u64, BackendError> {
    let number = row.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    number.ok_or_else(|| BackendError::Damaged {
        place: "the index".into(),
        offset: 0,
        detail: "a row about a blob is too short".into(),
    })
}
