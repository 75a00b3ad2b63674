//! What the checks say often, said short.

use super::bodies::Chunks;
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, Batch, BlobRef, CommitError, Durability, KeyRange, Order, Position, Row,
    Value,
};
use std::ops::Bound;

/// All keys.
pub(super) const EVERYTHING: KeyRange<'static> =
    KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };

/// A batch at the strongest durability.
pub(super) fn batch() -> Batch {
    Batch::new(Durability::Synced)
}

pub(super) fn bytes(text: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(text.as_ref())
}

pub(super) fn value(text: impl AsRef<[u8]>) -> Value {
    bytes(text).into()
}

#[track_caller]
pub(super) fn commit(backend: &dyn Backend, batch: Batch) -> Position {
    let ticket = backend.commit(batch).expect("commits");
    let position = ticket.position();
    ticket.wait().expect("is published");
    position
}

#[track_caller]
pub(super) fn put(backend: &dyn Backend, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    let mut one = batch();
    one.put(bytes(key), bytes(value));
    commit(backend, one);
}

#[track_caller]
pub(super) fn row(backend: &dyn Backend, key: impl AsRef<[u8]>) -> Option<Bytes> {
    backend.row(key.as_ref()).expect("reads a row").map(Value::into_bytes)
}

#[track_caller]
pub(super) fn scan(backend: &dyn Backend, range: KeyRange<'_>) -> Vec<Row> {
    backend.scan(range, Order::Forward, usize::MAX).expect("scans")
}

/// Rows whose key begins with `prefix`, which does not end in `ff`.
#[track_caller]
pub(super) fn scan_prefix(backend: &dyn Backend, prefix: &[u8]) -> Vec<Row> {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("a prefix") += 1;
    scan(backend, KeyRange::between(prefix, &end))
}

/// Writes a blob that nobody owns yet.
#[track_caller]
pub(super) fn write(backend: &dyn Backend, body: &Bytes) -> BlobRef {
    backend.write_blob(&mut Chunks::whole(body)).expect("writes a blob").blob
}

/// Writes a blob and gives it one owner.
#[track_caller]
pub(super) fn own(backend: &dyn Backend, body: &Bytes) -> BlobRef {
    let blob = write(backend, body);
    adopt(backend, &[blob]);
    blob
}

#[track_caller]
pub(super) fn adopt(backend: &dyn Backend, blobs: &[BlobRef]) {
    commit(backend, Batch { adopts: blobs.to_vec(), ..batch() });
}

#[track_caller]
pub(super) fn free(backend: &dyn Backend, blobs: &[BlobRef]) {
    commit(backend, Batch { frees: blobs.to_vec(), ..batch() });
}

/// The blob opens, and holds `body`.
#[track_caller]
pub(super) fn assert_holds(backend: &dyn Backend, blob: &BlobRef, body: &Bytes) {
    let open = backend.open_blob(blob).expect("the blob opens");
    assert_eq!(open.len(), body.len() as u64, "the blob's length");
    assert!(read_whole(&*open) == *body, "the blob's {} bytes are those written", body.len());
}

/// All bytes of a blob, asked for a MiB at a time.
#[track_caller]
pub(super) fn read_whole(blob: &dyn cistern_storage_core::port::Blob) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut at = 0;
    while at < blob.len() {
        let to = blob.len().min(at + (1 << 20));
        let piece = blob.read(at..to).expect("reads inside a blob");
        assert_eq!(piece.len() as u64, to - at, "a read gives all of its range");
        whole.extend_from_slice(&piece);
        at = to;
    }
    whole
}

/// The blob is not there, and cannot be adopted.
#[track_caller]
pub(super) fn assert_gone(backend: &dyn Backend, blob: &BlobRef) {
    match backend.open_blob(blob) {
        Err(BackendError::NoSuchBlob { blob: named }) => assert_eq!(named, *blob),
        other => panic!("a blob that is gone opens as {other:?}"),
    }
    let refused = backend.commit(Batch { adopts: vec![*blob], ..batch() });
    assert_no_such_blob(refused.map(drop), blob);
}

#[track_caller]
pub(super) fn assert_no_such_blob(outcome: Result<(), CommitError>, blob: &BlobRef) {
    match outcome {
        Err(CommitError::Backend(BackendError::NoSuchBlob { blob: named })) => {
            assert_eq!(named, *blob, "the error names the blob");
        }
        other => panic!("listing a blob that is not there is answered by {other:?}"),
    }
}

#[track_caller]
pub(super) fn assert_conflict(backend: &dyn Backend, batch: Batch, expected: usize) {
    match backend.commit(batch) {
        Err(CommitError::Conflict { index }) => assert_eq!(index, expected, "which one"),
        other => panic!("a precondition that does not hold is answered by {other:?}"),
    }
}
