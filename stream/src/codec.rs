//! Strict little-endian encoding of stored rows: lengths are checked, nothing may be left over.

use crate::error::{Error, Result};
use bytes::{BufMut, Bytes, BytesMut};

pub(crate) fn put_bytes(row: &mut BytesMut, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("a field of a row is bounded by its limits");
    row.put_u32_le(len);
    row.put_slice(bytes);
}

pub(crate) fn put_optional_u64(row: &mut BytesMut, value: Option<u64>) {
    row.put_u8(u8::from(value.is_some()));
    row.put_u64_le(value.unwrap_or(0));
}

/// Reads a row of `what`.
pub(crate) struct Decoder<'a> {
    what: &'static str,
    row: &'a Bytes,
    at: usize,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(what: &'static str, row: &'a Bytes) -> Self {
        Self { what, row, at: 0 }
    }

    pub(crate) fn damage(&self, detail: &'static str) -> Error {
        Error::damaged(self.what, detail)
    }

    pub(crate) fn raw(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(len);
        let bytes = end.and_then(|end| self.row.get(self.at..end));
        let bytes = bytes.ok_or_else(|| self.damage("it ends too early"))?;
        self.at += len;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.raw(N)?.try_into().expect("raw gives as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn bool(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damage("a flag is neither up nor down")),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn optional_u64(&mut self) -> Result<Option<u64>> {
        match (self.bool()?, self.u64()?) {
            (true, value) => Ok(Some(value)),
            (false, 0) => Ok(None),
            (false, _) => Err(self.damage("a number is there that should not be")),
        }
    }

    /// A length and the bytes, shared with the row.
    pub(crate) fn bytes(&mut self) -> Result<Bytes> {
        let len = self.u32()? as usize;
        let start = self.at;
        self.raw(len)?;
        Ok(self.row.slice(start..self.at))
    }

    pub(crate) fn str(&mut self) -> Result<&'a str> {
        let len = self.u32()? as usize;
        let bytes = self.raw(len)?;
        std::str::from_utf8(bytes).map_err(|_| self.damage("a text is not UTF-8"))
    }

    /// A text that may be absent.
    pub(crate) fn optional_str(&mut self) -> Result<Option<&'a str>> {
        match (self.bool()?, self.str()?) {
            (true, text) => Ok(Some(text)),
            (false, "") => Ok(None),
            (false, _) => Err(self.damage("a text is there that should not be")),
        }
    }

    /// A count of things of at least `bytes_min` bytes each: bounded by what is left of the row, so
    /// that a damaged count cannot ask for memory.
    pub(crate) fn count(&mut self, bytes_min: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        if count.saturating_mul(bytes_min) > self.row.len() - self.at {
            return Err(self.damage("a count is larger than the row"));
        }
        Ok(count)
    }

    /// The row's format, which must be one that this version writes.
    pub(crate) fn format(&mut self, format: u8) -> Result<()> {
        if self.u8()? == format {
            return Ok(());
        }
        Err(self.damage("it is of a format that this version does not know"))
    }

    /// All that is left, shared with the row.
    pub(crate) fn rest(&mut self) -> Bytes {
        let rest = self.row.slice(self.at..);
        self.at = self.row.len();
        rest
    }

    pub(crate) fn finish(self) -> Result<()> {
        if self.at == self.row.len() { Ok(()) } else { Err(self.damage("bytes are left over")) }
    }
}
