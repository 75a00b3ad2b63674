//! `Value`: what a row holds.

use bytes::{Bytes, BytesMut};
use std::{borrow::Cow, fmt};

/// The bytes of a row: a short head, kept in place, and shared bytes behind it.
///
/// It means the two one after the other. Where they meet says nothing: values are equal when their
/// bytes are, and a backend may give a value back in one piece, or cut as it was written.
///
/// So a large piece that is at hand, such as the body of an object, gets a head without being copied:
/// a backend in memory goes on sharing it, one on a medium writes the two pieces one after the other.
#[derive(Clone)]
pub struct Value {
    head_len: u8,
    head: [u8; Self::HEAD_BYTES_MAX],
    tail: Bytes,
}

// A cache line and a half: two with a row's key.
const _: () = assert!(size_of::<Value>() == 96);

impl Value {
    /// The longest head that is kept in place.
    pub const HEAD_BYTES_MAX: usize = 63;

    /// `head`, and `tail` behind it.
    ///
    /// Cost: copies `head`; copies both when `head` is longer than [`Self::HEAD_BYTES_MAX`].
    #[must_use]
    #[inline]
    #[expect(clippy::missing_panics_doc, reason = "a head in place has at most 63 bytes")]
    pub fn joined(head: &[u8], tail: Bytes) -> Self {
        let mut value = Self::default();
        match value.head.get_mut(..head.len()) {
            Some(place) => {
                place.copy_from_slice(head);
                value.head_len = u8::try_from(head.len()).expect("a head has at most 63 bytes");
                value.tail = tail;
            }
            None if tail.is_empty() => value.tail = Bytes::copy_from_slice(head),
            None => value.tail = concat(head, &tail),
        }
        value
    }

    /// The value, to be looked at.
    #[must_use]
    pub fn lend(&self) -> Lent<'_> {
        Lent { head: self.head(), tail: &self.tail }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.head_len) + self.tail.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes, up to where the shared ones begin.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// The shared bytes behind the head.
    #[must_use]
    pub fn tail(&self) -> &Bytes {
        &self.tail
    }

    /// All bytes in one piece. Cost: a copy, unless there is no head.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        if self.head_len == 0 { self.tail.clone() } else { concat(self.head(), &self.tail) }
    }

    /// As [`Self::to_bytes`], for a value that is not needed any more.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.head_len == 0 { self.tail } else { concat(self.head(), &self.tail) }
    }

    /// True when these are the value's bytes.
    #[must_use]
    pub fn is(&self, bytes: &[u8]) -> bool {
        let head = self.head();
        self.len() == bytes.len() && bytes.starts_with(head) && self.tail == bytes[head.len()..]
    }
}

/// A value that is shown where it lies: its bytes are those of the head, then those of the tail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lent<'a> {
    head: &'a [u8],
    tail: &'a [u8],
}

impl<'a> Lent<'a> {
    /// The first bytes, as they lie together; perhaps none.
    #[must_use]
    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    /// What lies behind them; perhaps nothing.
    #[must_use]
    pub fn tail(&self) -> &'a [u8] {
        self.tail
    }

    /// All the bytes together; copied when they lie apart.
    #[must_use]
    pub fn whole(&self) -> Cow<'a, [u8]> {
        match (self.head, self.tail) {
            (head, []) => Cow::Borrowed(head),
            ([], tail) => Cow::Borrowed(tail),
            (head, tail) => Cow::Owned([head, tail].concat()),
        }
    }
}

impl<'a> From<&'a [u8]> for Lent<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { head: bytes, tail: &[] }
    }
}

fn concat(head: &[u8], tail: &[u8]) -> Bytes {
    let mut whole = BytesMut::with_capacity(head.len() + tail.len());
    whole.extend_from_slice(head);
    whole.extend_from_slice(tail);
    whole.freeze()
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        if self.head_len != other.head_len {
            return self.len() == other.len() && self.to_bytes() == other.to_bytes();
        }
        // The head first: it mostly differs when anything does. And the very same bytes, which is
        // what nearly always is behind the same head, are not compared.
        self.head() == other.head()
            && self.tail.len() == other.tail.len()
            && (self.tail.as_ptr() == other.tail.as_ptr() || self.tail == other.tail)
    }
}

impl Eq for Value {}

impl Default for Value {
    fn default() -> Self {
        Self { head_len: 0, head: [0; Self::HEAD_BYTES_MAX], tail: Bytes::new() }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().fmt(f)
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self { tail: bytes, ..Self::default() }
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static [u8]> for Value {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        text.as_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: usize, tail: usize) {
        let whole: Vec<u8> = (0..=u8::MAX).cycle().take(head + tail).collect();
        let value = Value::joined(&whole[..head], Bytes::copy_from_slice(&whole[head..]));
        assert_eq!(value.len(), whole.len());
        assert_eq!(value.is_empty(), whole.is_empty());
        assert_eq!([value.head(), value.tail()].concat(), whole);
        assert_eq!(value.to_bytes(), whole);
        assert!(value.is(&whole));
        assert_eq!(value, Value::from(whole.clone()));
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            assert!(!value.is(&other), "byte {at} differs");
            assert_ne!(value, Value::from(other.clone()), "byte {at} differs");
            let cut_alike = Value::joined(&other[..head], Bytes::copy_from_slice(&other[head..]));
            assert_ne!(value, cut_alike, "byte {at} differs");
        }
        let longer = [&whole[..], b"."].concat();
        assert!(!value.is(&longer));
        assert_ne!(value, Value::from(longer));
        assert_eq!(value.into_bytes(), whole);
    }

    #[test]
    fn a_value_is_its_bytes_wherever_it_is_cut() {
        for head in [0, 1, Value::HEAD_BYTES_MAX, Value::HEAD_BYTES_MAX + 1, 300] {
            for tail in [0, 1, 100] {
                check(head, tail);
            }
        }
    }

    #[test]
    fn what_stands_behind_a_short_head_is_shared() {
        let body = Bytes::from(vec![7; 100]);
        let value = Value::joined(b"head", body.clone());
        assert_eq!(value.tail().as_ptr(), body.as_ptr());
    }
}
