//! Reads the bytes of a version, wherever they are.

use crate::{
    binding::binding,
    bucket_name::BucketName,
    checksum::crc64_nvme,
    error::{Error, Result},
    object_key::ObjectKey,
    port::{BackendError, Blob, SealContext, Sealed},
    row::{BodyRow, Extent, ObjectRow, PartEntry},
    store::StoreInner,
    version_id::VersionId,
};
use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    sync::Arc,
};

/// How much a reader fetches at once.
const CHUNK_BYTES: u64 = 1 << 20;
/// A body of at most so many extents is opened whole at once, so that it stays readable.
const OPEN_AT_ONCE_MAX: usize = 4;

/// The bytes of one version.
#[derive(Clone)]
pub(crate) enum Content {
    /// Kept in the row, opened and checked.
    Inline(Bytes),
    /// Kept in blobs.
    Pieces(Arc<Pieces>),
}

pub(crate) struct Pieces {
    store: Arc<StoreInner>,
    /// What envelopes are bound to.
    owner: Owner,
    size: u64,
    pieces: Vec<Piece>,
}

/// What a body belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) bucket_id: u32,
    pub(crate) bucket: BucketName,
    pub(crate) key: ObjectKey,
    pub(crate) version: VersionId,
}

struct Piece {
    /// Where in the body it begins.
    start: u64,
    /// Its place among the body's extents, counted from 0.
    ordinal: u32,
    extent: Extent,
    opened: Mutex<Option<Opened>>,
}

#[derive(Clone)]
struct Opened {
    blob: Arc<dyn Blob>,
    sealed: Option<Arc<dyn Sealed>>,
}

impl Content {
    /// Opens the body of `row`. `parts` are its manifest's, when it has one; `owner` is asked when the
    /// body is sealed, or not in the row.
    ///
    /// `None` when a blob is not there: the row is no longer what it was, or the store is damaged.
    pub(crate) fn open(
        store: &Arc<StoreInner>,
        owner: impl FnOnce() -> Owner,
        row: &ObjectRow,
        parts: Vec<PartEntry>,
    ) -> Result<Option<Self>> {
        let pieces = match &row.body {
            BodyRow::Inline(bytes) => {
                return open_inline(store, owner, row, bytes)
                    .map(|bytes| Some(Self::Inline(bytes)));
            }
            BodyRow::Extents(extents) => pieces(extents.iter().cloned()),
            BodyRow::Manifest { .. } => pieces(parts.into_iter().flat_map(|part| part.extents)),
        };
        let pieces = Pieces { store: Arc::clone(store), owner: owner(), size: row.size, pieces };
        match pieces.check() {
            Ok(()) => Ok(Some(Self::Pieces(Arc::new(pieces)))),
            Err(Error::Backend { source, .. })
                if matches!(*source, BackendError::NoSuchBlob { .. }) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The bytes of `range`, which lies within the body.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            _ if range.is_empty() => Ok(Bytes::new()),
            Self::Inline(bytes) => Ok(bytes.slice(index(range.start)..index(range.end))),
            Self::Pieces(pieces) => pieces.read(range),
        }
    }

    pub(crate) fn reader(self, range: Range<u64>) -> ObjectReader {
        ObjectReader { content: self, at: range.start, range, buffer: Bytes::new() }
    }
}

impl Pieces {
    fn check(&self) -> Result<()> {
        let pieces = &self.pieces;
        let end = pieces.last().map_or(0, |piece| piece.start + piece.extent.len);
        if end != self.size {
            let detail = format!("its parts have {end} bytes, not {}", self.size);
            return Err(Error::damaged(self.owner.to_string(), detail));
        }
        if pieces.len() <= OPEN_AT_ONCE_MAX {
            pieces.iter().try_for_each(|piece| self.opened(piece).map(drop))?;
        }
        Ok(())
    }

    /// The bytes of `range`, which lies within the body and is not empty.
    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let pieces = &self.pieces;
        let first = pieces.partition_point(|piece| piece.start <= range.start) - 1;
        let touched = pieces[first..].iter().take_while(|piece| piece.start < range.end);
        let mut joined = BytesMut::new();
        for piece in touched {
            let from = range.start.max(piece.start) - piece.start;
            let to = (range.end - piece.start).min(piece.extent.len);
            // Sealed bytes are opened chunk by chunk, or there would be two copies of all of them.
            let at_once = to - from <= CHUNK_BYTES || piece.extent.envelope.is_none();
            if at_once && joined.is_empty() && piece.start + to == range.end {
                return self.read_piece(piece, from..to);
            }
            if joined.is_empty() {
                joined.reserve(index(range.end - range.start));
            }
            let mut at = from;
            while at < to {
                let end = (at + CHUNK_BYTES).min(to);
                joined.extend_from_slice(&self.read_piece(piece, at..end)?);
                at = end;
            }
        }
        Ok(joined.freeze())
    }

    fn read_piece(&self, piece: &Piece, range: Range<u64>) -> Result<Bytes> {
        let opened = self.opened(piece)?;
        let offset = piece.extent.offset;
        let range = range.start + offset..range.end + offset;
        let read = |range| opened.blob.read(range).map_err(|error| Error::backend("read", error));
        match &opened.sealed {
            None => read(range),
            Some(sealed) => {
                let bytes = read(sealed.sealed_range(range.clone()))?;
                sealed.open_range(range, &bytes).map_err(|error| self.refused(error))
            }
        }
    }

    /// Sealed bytes that do not open although their envelope did are damaged.
    fn refused(&self, error: crate::port::SealError) -> Error {
        match error {
            crate::port::SealError::Refused => {
                Error::damaged(self.owner.to_string(), "its sealed bytes are not authentic")
            }
            error => error.into(),
        }
    }

    fn opened(&self, piece: &Piece) -> Result<Opened> {
        if let Some(opened) = &*piece.opened.lock() {
            return Ok(opened.clone());
        }
        let blob = self.store.backend.open_blob(&piece.extent.blob);
        let blob = blob.map_err(|source| Error::backend("open a blob", source))?;
        let sealed = match &piece.extent.envelope {
            None => None,
            Some(envelope) => {
                let binding = binding(&self.owner, piece.ordinal, piece.extent.blob_len);
                let sealer = self.store.sealer.as_ref().ok_or_else(no_sealer)?;
                let context = self.owner.context();
                let blob_len = piece.extent.blob_len;
                Some(sealer.open(&context, envelope, &binding, blob_len)?.into())
            }
        };
        let opened = Opened { blob, sealed };
        // Of a body in many pieces only those being read are kept open.
        if self.pieces.len() <= OPEN_AT_ONCE_MAX {
            *piece.opened.lock() = Some(opened.clone());
        }
        Ok(opened)
    }
}

/// A sealed body in a store that was opened without a sealer.
pub(crate) fn no_sealer() -> Error {
    Error::AccessDenied { reason: "the object is sealed, and the store has no sealer".into() }
}

fn open_inline(
    store: &StoreInner,
    owner: impl FnOnce() -> Owner,
    row: &ObjectRow,
    bytes: &Bytes,
) -> Result<Bytes> {
    let Some(envelope) = row.rare.as_ref().and_then(|rare| rare.envelope.as_ref()) else {
        // Most backends check their rows: summing a body that lies in memory would cost more than
        // everything else that a read does.
        let is_intact = store.capabilities.checks_rows || crc64_nvme(bytes) == row.crc64;
        if bytes.len() as u64 == row.size && is_intact {
            return Ok(bytes.clone());
        }
        return Err(mismatch(&owner()));
    };
    let owner = owner();
    let sealer = store.sealer.as_ref().ok_or_else(no_sealer)?;
    let binding = binding(&owner, 0, row.size);
    let sealed = sealer.open(&owner.context(), envelope, &binding, row.size)?;
    // What was sealed is authenticated.
    let plain = sealed.open_range(0..row.size, bytes)?;
    if plain.len() as u64 == row.size { Ok(plain) } else { Err(mismatch(&owner)) }
}

fn mismatch(owner: &Owner) -> Error {
    Error::damaged(owner.to_string(), "its checksum does not match its bytes")
}

fn pieces(extents: impl IntoIterator<Item = Extent>) -> Vec<Piece> {
    let mut start = 0;
    let piece = |(ordinal, extent): (u32, Extent)| {
        let piece = Piece { start, ordinal, extent, opened: Mutex::new(None) };
        start += piece.extent.len;
        piece
    };
    (0..).zip(extents).map(piece).collect()
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a range of bytes in memory can be addressed")
}

impl Owner {
    pub(crate) fn context(&self) -> SealContext<'_> {
        SealContext::new(self.bucket.as_str(), self.key.as_str())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version `{}` of key `{}` in bucket `{}`", self.version, self.key, self.bucket)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(bytes) => write!(f, "Content({} bytes)", bytes.len()),
            Self::Pieces(pieces) => write!(f, "Content({})", pieces.owner),
        }
    }
}

/// The bytes of an object, or of a range of it, as `Read + Seek`. Memory: one chunk of 1 MiB.
#[derive(Debug)]
pub struct ObjectReader {
    content: Content,
    range: Range<u64>,
    /// The next byte to give out, counted in the whole body; what is in `buffer` begins there.
    at: u64,
    buffer: Bytes,
}

impl ObjectReader {
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the bytes at rest are not those that were written.
    pub fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.buffer.is_empty() {
            // Chunks end at multiples of their size, so that each is read and checked once.
            let end = ((self.at / CHUNK_BYTES + 1) * CHUNK_BYTES).min(self.range.end);
            self.buffer = self.content.read(self.at..end.max(self.at))?;
        }
        let chunk = std::mem::take(&mut self.buffer);
        self.at += chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

impl Read for ObjectReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let Some(mut chunk) = self.next_chunk().map_err(io::Error::other)? else { return Ok(0) };
        let count = chunk.len().min(out.len());
        chunk.copy_to_slice(&mut out[..count]);
        self.at -= chunk.len() as u64;
        self.buffer = chunk;
        Ok(count)
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, delta) = match to {
            SeekFrom::Start(offset) => (offset, 0),
            SeekFrom::End(delta) => (self.range.end - self.range.start, delta),
            SeekFrom::Current(delta) => (self.at - self.range.start, delta),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a seek before the first byte");
        let offset = base.checked_add_signed(delta).ok_or_else(before)?;
        let target = self.range.start.saturating_add(offset).min(self.range.end);
        let ahead = target.checked_sub(self.at).filter(|ahead| *ahead <= self.buffer.len() as u64);
        match ahead {
            Some(ahead) => self.buffer.advance(index(ahead)),
            None => self.buffer = Bytes::new(),
        }
        self.at = target;
        Ok(target - self.range.start)
    }
}
