//! Strict little-endian encoding of stored rows: lengths are checked, nothing may be left over.

use bytes::{BufMut, Bytes, BytesMut};

/// A stored row does not decode: damage, or a row of a later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row does not decode: {0}")]
pub(crate) struct Damage(pub(crate) &'static str);

type Result<T> = std::result::Result<T, Damage>;

/// Writes a row.
#[derive(Debug)]
pub(crate) struct Encoder(BytesMut);

impl Encoder {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(BytesMut::with_capacity(capacity))
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.put_u8(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.put_u16_le(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.put_u32_le(value);
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.put_u64_le(value);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.put_i64_le(value);
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    /// A length and the bytes. No field of a row is longer than 4 GiB.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).expect("a field of a row is bounded by its limits"));
        self.raw(bytes);
    }

    /// A count of things to follow.
    pub(crate) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).expect("a list in a row is bounded by its limits"));
    }

    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

/// Reads a row.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    row: &'a [u8],
    /// The same, if bytes of it may be shared.
    shared: Option<&'a Bytes>,
    at: usize,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(row: &'a Bytes) -> Self {
        Self { row, shared: Some(row), at: 0 }
    }

    /// Reads a row that is somebody else's: bytes of it are copied.
    pub(crate) fn lent(row: &'a [u8]) -> Self {
        Self { row, shared: None, at: 0 }
    }

    pub(crate) fn raw(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(len).ok_or(Damage("a length overflows"))?;
        let bytes = self.row.get(self.at..end).ok_or(Damage("it ends too early"))?;
        self.at = end;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.raw(N)?.try_into().expect("raw gives as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
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

    /// A length and the bytes, shared with the row where that may be.
    pub(crate) fn bytes(&mut self) -> Result<Bytes> {
        let len = self.u32()? as usize;
        let bytes = self.raw(len)?;
        Ok(self.owned(bytes))
    }

    pub(crate) fn str(&mut self) -> Result<&'a str> {
        let len = self.u32()? as usize;
        std::str::from_utf8(self.raw(len)?).map_err(|_| Damage("a text is not UTF-8"))
    }

    /// A count of things of at least `bytes_min` bytes each: bounded by what is left of the row, so
    /// that a damaged count cannot ask for memory.
    pub(crate) fn count(&mut self, bytes_min: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        let left = self.row.len() - self.at;
        if count.saturating_mul(bytes_min) > left {
            return Err(Damage("a count is larger than the row"));
        }
        Ok(count)
    }

    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Damage("an optional field is neither there nor absent")),
        }
    }

    /// All that is left, shared with the row where that may be.
    pub(crate) fn rest(&mut self) -> Bytes {
        let rest = &self.row[self.at..];
        self.at = self.row.len();
        self.owned(rest)
    }

    fn owned(&self, bytes: &'a [u8]) -> Bytes {
        self.shared.map_or_else(|| Bytes::copy_from_slice(bytes), |row| row.slice_ref(bytes))
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.row.len()
    }

    pub(crate) fn finish(self) -> Result<()> {
        if self.at == self.row.len() { Ok(()) } else { Err(Damage("bytes are left over")) }
    }
}
