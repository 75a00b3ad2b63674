//! `Body`: what a caller hands in. Bytes, a rope of them, a file, any reader.

use crate::error::{Error, Result};
use bytes::{Bytes, BytesMut};
use std::{collections::VecDeque, fmt, fs::File, io::Read};

/// The bytes of an object or part on their way in.
///
/// Made by `From` from whatever holds bytes: `&str`, `String`, `&[u8]`, `Vec<u8>`, [`Bytes`], a rope
/// (`Vec<Bytes>`), an open [`File`]; or from any reader by [`Body::reader`]. Nothing is read before the
/// body is put, and then with bounded memory, whatever its size.
pub struct Body {
    source: Source,
    /// How long the caller says it is.
    declared: Option<u64>,
}

enum Source {
    One(Bytes),
    Rope(VecDeque<Bytes>),
    Reader(Box<dyn Read + Send>),
}

impl Body {
    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Bytes::new().into()
    }

    /// All that `reader` gives.
    #[must_use]
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self { source: Source::Reader(Box::new(reader)), declared: None }
    }

    /// Says how many bytes there are: one that turns out shorter or longer is refused as
    /// [`Error::IncompleteBody`].
    #[must_use]
    pub fn with_len(mut self, len: u64) -> Self {
        self.declared = Some(len);
        self
    }

    /// How many bytes there are, when that is known.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        self.declared
    }

    /// All of it, when it is in memory in one piece of at most `limit` bytes; else the body back.
    pub(crate) fn into_single(self, limit: u64) -> std::result::Result<Bytes, Self> {
        match self {
            Self { source: Source::One(bytes), declared: Some(len) }
                if len <= limit && len == bytes.len() as u64 =>
            {
                Ok(bytes)
            }
            other => Err(other),
        }
    }

    pub(crate) fn into_chunks(self) -> Chunks {
        Chunks { source: self.source, declared: self.declared, given: 0, done: false }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("len", &self.declared).finish_non_exhaustive()
    }
}

/// A body being pulled.
pub(crate) struct Chunks {
    source: Source,
    declared: Option<u64>,
    given: u64,
    done: bool,
}

impl Chunks {
    /// How many bytes are still to come, when that is known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.declared.map(|len| len.saturating_sub(self.given))
    }

    /// The next chunk; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        if self.done {
            return Ok(None);
        }
        let chunk = match &mut self.source {
            Source::One(bytes) if bytes.is_empty() => None,
            Source::One(bytes) => Some(std::mem::take(bytes)),
            Source::Rope(rope) => rope.pop_front(),
            Source::Reader(reader) => read_chunk(reader, self.declared.map(|n| n - self.given))?,
        };
        self.given += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.done = chunk.is_none();
        self.check()?;
        Ok(chunk)
    }

    fn check(&self) -> Result<()> {
        match self.declared {
            Some(expected) if self.given > expected || (self.done && self.given < expected) => {
                Err(Error::IncompleteBody { expected, found: self.given })
            }
            _ => Ok(()),
        }
    }
}

/// How much is read at once: large enough to make calls rare, small enough to stay in a core's
/// second-level cache until it is hashed and written.
const READ_BYTES: usize = 256 << 10;
/// What the first read of a reader of unknown length asks for: most bodies are small.
const READ_BYTES_FIRST: usize = 8 << 10;

/// Fills a chunk, as far as the reader goes; asks for one byte more than declared, so that a reader
/// that goes on is noticed.
fn read_chunk(reader: &mut dyn Read, left: Option<u64>) -> Result<Option<Bytes>> {
    let want = match left {
        Some(left) => {
            usize::try_from(left.saturating_add(1)).map_or(READ_BYTES, |n| n.min(READ_BYTES))
        }
        None => READ_BYTES,
    };
    let mut buffer = BytesMut::zeroed(want.min(READ_BYTES_FIRST));
    let mut filled = 0;
    loop {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::body(error)),
        }
        if filled == want {
            break;
        }
        if filled == buffer.len() {
            buffer.resize(want, 0);
        }
    }
    buffer.truncate(filled);
    // A chunk may be kept as long as its object: it does not hold on to what it does not fill.
    let sparse = filled < buffer.capacity() / 2;
    let chunk = if sparse { Bytes::copy_from_slice(&buffer) } else { buffer.freeze() };
    Ok((filled > 0).then_some(chunk))
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let declared = Some(bytes.len() as u64);
        Self { source: Source::One(bytes), declared }
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(rope: Vec<Bytes>) -> Self {
        let declared = Some(rope.iter().map(|chunk| chunk.len() as u64).sum());
        Self { source: Source::Rope(rope.into()), declared }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Bytes::copy_from_slice(text.as_bytes()).into()
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

impl From<File> for Body {
    /// Reads the file from where it stands to its end.
    fn from(file: File) -> Self {
        Self::reader(file)
    }
}
