//! Strict little-endian encoding of what is stored: lengths are checked, nothing may be left over.

use zeroize::Zeroizing;

/// Stored bytes that do not decode: damage, or a later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes do not decode: {0}")]
pub(crate) struct Damage(pub(crate) &'static str);

type Result<T> = std::result::Result<T, Damage>;

/// Writes.
#[derive(Default)]
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    /// Bytes whose length is known.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes with their length in two bytes in front.
    pub(crate) fn short(&mut self, bytes: &[u8]) {
        self.u16(u16::try_from(bytes.len()).expect("short bytes are below 64 KiB"));
        self.raw(bytes);
    }

    /// Bytes with their length in four bytes in front.
    pub(crate) fn long(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).expect("long bytes are below 4 GiB"));
        self.raw(bytes);
    }

    /// A moment that may be missing.
    pub(crate) fn maybe_i64(&mut self, value: Option<i64>) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            self.i64(value);
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// As [`Self::finish`], for what holds a secret.
    pub(crate) fn finish_secret(self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0)
    }

    /// For what will hold a secret: room at once, so that growing leaves no copy.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }
}

/// Reads.
pub(crate) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Damage("it is cut off"))?;
        self.0 = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damage("a flag is neither 0 nor 1")),
        }
    }

    pub(crate) fn maybe_i64(&mut self) -> Result<Option<i64>> {
        if self.flag()? { self.i64().map(Some) } else { Ok(None) }
    }

    pub(crate) fn short(&mut self) -> Result<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }

    pub(crate) fn short_text(&mut self) -> Result<String> {
        text(self.short()?)
    }

    pub(crate) fn long_text(&mut self) -> Result<String> {
        let len = self.u32()?;
        text(self.take(usize::try_from(len).map_err(|_| Damage("it is cut off"))?)?)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Damage("it is cut off"))?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn end(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Damage("bytes are left over")) }
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Damage("a text is not UTF-8"))
}
