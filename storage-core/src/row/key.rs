//! Row keys. See the table in the module above.

use crate::{row_key::RowKey, time::Timestamp};
use bytes::{BufMut, Bytes, BytesMut};
use std::borrow::Cow;

const SEQUENCE: u8 = 0x01;
const BUCKET: u8 = 0x02;
const OBJECT: u8 = 0x03;
const UPLOAD: u8 = 0x04;
const PART: u8 = 0x05;
const MANIFEST: u8 = 0x06;
const CHANGE: u8 = 0x07;
const COMPLETED: u8 = 0x08;
const RENAMED: u8 = 0x09;
const SWEEP: u8 = 0x0a;
const RESTORING: u8 = 0x0b;

const ESCAPE: u8 = 0xff;
const END: [u8; 2] = [0x00, 0x01];
/// A bucket id behind a first byte.
const BUCKET_PREFIX_BYTES: usize = 5;
const HEAD: u8 = 0x00;
const NONCURRENT: u8 = 0x01;
/// Sorts behind every row of a key.
const BEYOND: u8 = 0x02;

/// The row key of a key's current version, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadKey(RowKey);

impl HeadKey {
    pub(crate) fn new(bucket: u32, key: &str) -> Self {
        let mut prefix = [OBJECT; BUCKET_PREFIX_BYTES];
        prefix[1..].copy_from_slice(&bucket.to_be_bytes());
        let suffix = [END[0], END[1], HEAD];
        let key = key.as_bytes();
        if memchr::memchr(0, key).is_none() {
            return Self(RowKey::concat([&prefix, key, &suffix]));
        }
        let mut escaped = BytesMut::with_capacity(key.len() + 1);
        escape(&mut escaped, key);
        Self(RowKey::concat([&prefix, &escaped, &suffix]))
    }

    pub(crate) fn row(&self) -> &RowKey {
        &self.0
    }

    fn stem(&self) -> &[u8] {
        &self.0[..self.0.len() - 1]
    }

    fn with(&self, suffix: &[u8]) -> Bytes {
        let mut row = BytesMut::with_capacity(self.0.len() + suffix.len());
        row.put_slice(self.stem());
        row.put_slice(suffix);
        row.freeze()
    }

    /// The row key of a noncurrent version.
    pub(crate) fn noncurrent(&self, seq: u64) -> Bytes {
        let mut suffix = [NONCURRENT; 9];
        suffix[1..].copy_from_slice(&(!seq).to_be_bytes());
        self.with(&suffix)
    }

    /// The first key a noncurrent version can have.
    pub(crate) fn noncurrent_start(&self) -> Bytes {
        self.with(&[NONCURRENT])
    }

    /// Sorts behind every version of this key, and before every other key's.
    pub(crate) fn beyond(&self) -> Bytes {
        self.with(&[BEYOND])
    }
}

fn prefixed(kind: u8, bucket: u32, more: usize) -> BytesMut {
    let mut row = BytesMut::with_capacity(BUCKET_PREFIX_BYTES + more);
    row.put_u8(kind);
    row.put_u32(bucket);
    row
}

fn escape(row: &mut BytesMut, mut key: &[u8]) {
    while let Some(zero) = memchr::memchr(0, key) {
        row.put_slice(&key[..=zero]);
        row.put_u8(ESCAPE);
        key = &key[zero + 1..];
    }
    row.put_slice(key);
}

/// The bucket row's key.
pub(crate) fn bucket_key(name: &str) -> Bytes {
    let mut row = BytesMut::with_capacity(1 + name.len());
    row.put_u8(BUCKET);
    row.put_slice(name.as_bytes());
    row.freeze()
}

/// The bucket's name in a bucket row's key.
pub(crate) fn bucket_name_of(row: &[u8]) -> Option<&str> {
    let (&BUCKET, name) = row.split_first()? else { return None };
    std::str::from_utf8(name).ok()
}

/// The row of the sequence's high-water mark.
pub(crate) fn sequence_key() -> Bytes {
    Bytes::from_static(&[SEQUENCE, b's', b'e', b'q'])
}

pub(crate) fn upload_key(bucket: u32, key: &str, seq: u64) -> Bytes {
    let mut row = prefixed(UPLOAD, bucket, key.len() + 18);
    escape(&mut row, key.as_bytes());
    row.put_slice(&END);
    row.put_u64(seq);
    row.freeze()
}

pub(crate) fn part_key(bucket: u32, upload: u64, number: u16) -> Bytes {
    let mut row = prefixed(PART, bucket, 10);
    row.put_u64(upload);
    row.put_u16(number);
    row.freeze()
}

pub(crate) fn manifest_key(id: u64, chunk: u32) -> Bytes {
    let mut row = BytesMut::with_capacity(13);
    row.put_u8(MANIFEST);
    row.put_u64(id);
    row.put_u32(chunk);
    row.freeze()
}

/// What the key of a change row begins with: the commit's position and an index follow.
pub(crate) fn stamped_prefix(bucket: u32) -> Bytes {
    prefixed(CHANGE, bucket, 0).freeze()
}

pub(crate) fn completed_key(bucket: u32, upload: u64) -> Bytes {
    let mut row = prefixed(COMPLETED, bucket, 8);
    row.put_u64(upload);
    row.freeze()
}

pub(crate) fn renamed_key(bucket: u32, token: &str) -> Bytes {
    let mut row = prefixed(RENAMED, bucket, token.len());
    row.put_slice(token.as_bytes());
    row.freeze()
}

/// What is due of a restore: in the order of time.
pub(crate) fn restoring_key(bucket: u32, due: Timestamp, seq: u64) -> Bytes {
    let mut row = prefixed(RESTORING, bucket, 16);
    row.put_u64(due.as_millis().cast_unsigned() ^ SIGN);
    row.put_u64(seq);
    row.freeze()
}

/// When what this key is of is due, and the version's sequence number.
pub(crate) fn split_restoring(row: &[u8]) -> Option<(Timestamp, u64)> {
    let (due, seq) = row.get(BUCKET_PREFIX_BYTES..)?.split_first_chunk::<8>()?;
    let due = (u64::from_be_bytes(*due) ^ SIGN).cast_signed();
    Some((Timestamp::from_millis(due), u64::from_be_bytes(seq.try_into().ok()?)))
}

/// Turns the order of signed numbers into that of unsigned ones.
const SIGN: u64 = 1 << 63;

/// How far lifecycle's sweep of a bucket is.
pub(crate) fn sweep_key(bucket: u32) -> Bytes {
    prefixed(SWEEP, bucket, 0).freeze()
}

/// What the keys of a bucket's counters begin with.
pub(crate) fn counter_prefix(bucket: u32) -> [u8; 4] {
    bucket.to_be_bytes()
}

/// A counter of a bucket: what is counted, and for which storage class.
pub(crate) fn counter_key(bucket: u32, class: u8, what: u8) -> Bytes {
    let mut row = BytesMut::with_capacity(6);
    row.put_u32(bucket);
    row.put_u8(class);
    row.put_u8(what);
    row.freeze()
}

/// The object key in the key of an object or upload row, and what follows its end mark.
///
/// No copy when the key has no zero byte, which is nearly always.
pub(crate) fn split_row(row: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let escaped = row.get(BUCKET_PREFIX_BYTES..)?;
    let mut zero = memchr::memchr(0, escaped)?;
    if *escaped.get(zero + 1)? == END[1] {
        return Some((Cow::Borrowed(&escaped[..zero]), &escaped[zero + 2..]));
    }
    let mut key = Vec::with_capacity(escaped.len());
    let mut from = 0;
    loop {
        key.extend_from_slice(&escaped[from..zero]);
        match *escaped.get(zero + 1)? {
            byte if byte == END[1] => return Some((Cow::Owned(key), &escaped[zero + 2..])),
            ESCAPE => key.push(0),
            _ => return None,
        }
        from = zero + 2;
        zero = from + memchr::memchr(0, &escaped[from..])?;
    }
}

/// True when what follows the key says that the row is of the current version.
pub(crate) fn is_head(suffix: &[u8]) -> bool {
    suffix == [HEAD]
}

/// The sequence number in what follows the key of a noncurrent version or of an upload.
pub(crate) fn seq_of(suffix: &[u8]) -> Option<u64> {
    match *suffix {
        [NONCURRENT, ref inverted @ ..] if inverted.len() == 8 => {
            Some(!u64::from_be_bytes(inverted.try_into().ok()?))
        }
        _ => Some(u64::from_be_bytes(suffix.try_into().ok()?)),
    }
}

/// Ranges of rows, as owned `start..end`.
pub(crate) mod ranges {
    use super::{
        BUCKET, BUCKET_PREFIX_BYTES, CHANGE, COMPLETED, END, MANIFEST, OBJECT, PART, RENAMED,
        RESTORING, UPLOAD, escape, prefixed,
    };
    use bytes::{BufMut, Bytes, BytesMut};

    /// A range `start..end`.
    pub(crate) type Owned = (Bytes, Bytes);

    /// All bucket rows.
    pub(crate) fn buckets() -> Owned {
        (Bytes::from_static(&[BUCKET]), Bytes::from_static(&[BUCKET + 1]))
    }

    /// All versions of all objects of a bucket.
    pub(crate) fn objects(bucket: u32) -> Owned {
        of_bucket(OBJECT, bucket)
    }

    /// All uploads in progress of a bucket.
    pub(crate) fn uploads(bucket: u32) -> Owned {
        of_bucket(UPLOAD, bucket)
    }

    /// All versions of all objects, and behind them all uploads in progress.
    pub(crate) fn versions_and_uploads() -> Owned {
        const { assert!(OBJECT + 1 == UPLOAD, "they lie next to each other") };
        (Bytes::from_static(&[OBJECT]), Bytes::from_static(&[UPLOAD + 1]))
    }

    /// The bucket in the key of an object or upload row.
    pub(crate) fn bucket_of(row: &[u8]) -> Option<u32> {
        let id = row.get(1..BUCKET_PREFIX_BYTES)?.try_into().ok()?;
        Some(u32::from_be_bytes(id))
    }

    /// True for the key of an upload's row.
    pub(crate) fn is_upload(row: &[u8]) -> bool {
        row.first() == Some(&UPLOAD)
    }

    /// All changes of a bucket.
    pub(crate) fn changes(bucket: u32) -> Owned {
        of_bucket(CHANGE, bucket)
    }

    /// The answers of completed uploads of a bucket.
    pub(crate) fn completed(bucket: u32) -> Owned {
        of_bucket(COMPLETED, bucket)
    }

    /// What is due of the restores of a bucket.
    pub(crate) fn restoring(bucket: u32) -> Owned {
        of_bucket(RESTORING, bucket)
    }

    /// The answers of renames of a bucket.
    pub(crate) fn renamed(bucket: u32) -> Owned {
        of_bucket(RENAMED, bucket)
    }

    /// Where rows of keys that are at least `key` begin, for objects.
    pub(crate) fn objects_from(bucket: u32, key: &str) -> Bytes {
        let mut row = prefixed(OBJECT, bucket, key.len() + 2);
        escape(&mut row, key.as_bytes());
        row.freeze()
    }

    /// Where rows of keys that are at least `key` begin, for uploads.
    pub(crate) fn uploads_from(bucket: u32, key: &str) -> Bytes {
        let mut row = prefixed(UPLOAD, bucket, key.len() + 2);
        escape(&mut row, key.as_bytes());
        row.freeze()
    }

    /// Behind every object row whose key begins with `prefix`.
    pub(crate) fn objects_beyond(bucket: u32, prefix: &str) -> Bytes {
        beyond_prefix(OBJECT, bucket, prefix)
    }

    /// Behind every upload row whose key begins with `prefix`.
    pub(crate) fn uploads_beyond(bucket: u32, prefix: &str) -> Bytes {
        beyond_prefix(UPLOAD, bucket, prefix)
    }

    /// Behind every upload of exactly this key.
    pub(crate) fn uploads_of_key_beyond(bucket: u32, key: &str) -> Bytes {
        let mut row = prefixed(UPLOAD, bucket, key.len() + 4);
        escape(&mut row, key.as_bytes());
        row.put_slice(&[END[0], END[1] + 1]);
        row.freeze()
    }

    /// The parts of every upload of a bucket.
    pub(crate) fn all_parts(bucket: u32) -> Owned {
        of_bucket(PART, bucket)
    }

    /// The parts of an upload.
    pub(crate) fn parts(bucket: u32, upload: u64) -> Owned {
        let start = super::part_key(bucket, upload, 0);
        let end = successor(&start[..start.len() - 2]);
        (start, end)
    }

    /// The chunks of a manifest.
    pub(crate) fn manifest(id: u64) -> Owned {
        let mut start = BytesMut::with_capacity(9);
        start.put_u8(MANIFEST);
        start.put_u64(id);
        let end = successor(&start);
        (start.freeze(), end)
    }

    fn of_bucket(kind: u8, bucket: u32) -> Owned {
        let start = prefixed(kind, bucket, 0).freeze();
        let end = successor(&start);
        (start, end)
    }

    fn beyond_prefix(kind: u8, bucket: u32, prefix: &str) -> Bytes {
        let mut row = prefixed(kind, bucket, prefix.len());
        escape(&mut row, prefix.as_bytes());
        debug_assert!(row.len() >= BUCKET_PREFIX_BYTES);
        into_successor(row)
    }

    /// The smallest byte string that sorts behind everything that begins with `prefix`.
    ///
    /// A prefix here begins with a kind below `ff`, so there always is one.
    fn successor(prefix: &[u8]) -> Bytes {
        into_successor(BytesMut::from(prefix))
    }

    fn into_successor(mut row: BytesMut) -> Bytes {
        let kept = row.iter().rposition(|&byte| byte != 0xff).expect("the kind is below ff");
        row.truncate(kept + 1);
        row[kept] += 1;
        row.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str) {
        let head = HeadKey::new(7, key);
        let row = head.row().to_bytes();
        let (found, suffix) = split_row(&row).unwrap();
        assert_eq!(found, key.as_bytes());
        assert!(is_head(suffix));
        for seq in [0, 1, 0x0001_0000_0001_0000, u64::MAX, !0x0100] {
            let row = head.noncurrent(seq);
            let (found, suffix) = split_row(&row).unwrap();
            assert_eq!((&found[..], seq_of(suffix)), (key.as_bytes(), Some(seq)));
            assert!(!is_head(suffix));
            let upload = upload_key(7, key, seq);
            let (found, suffix) = split_row(&upload).unwrap();
            assert_eq!((&found[..], seq_of(suffix)), (key.as_bytes(), Some(seq)));
            assert!(head.row()[..] < row[..] && row < head.beyond());
        }
    }

    #[test]
    fn a_key_comes_back_from_its_rows() {
        for key in
            ["a", "a/b", "\0", "a\0b", "\0\0", "a\0", "\0\u{1}\u{1}", "\u{1}\u{1}12345678", "é"]
        {
            check(key);
        }
        check("\0\u{1}\u{1}\0\0\0\0\0\0\0\0");
        check("abc\0\u{1}\u{1}1234567");
    }

    #[test]
    fn rows_sort_as_their_keys() {
        let mut keys =
            vec!["a", "a\0", "a\0b", "a\u{1}", "aa", "b", "\0", "z", "é", "\u{ff21}", "😀"];
        let mut rows: Vec<_> =
            keys.iter().map(|key| HeadKey::new(1, key).row().to_bytes()).collect();
        keys.sort_unstable();
        rows.sort_unstable();
        let from_rows: Vec<_> = rows.iter().map(|row| split_row(row).unwrap().0).collect();
        assert_eq!(from_rows, keys.iter().map(|key| key.as_bytes()).collect::<Vec<_>>());
    }

    #[test]
    fn newer_noncurrent_versions_sort_first() {
        let head = HeadKey::new(1, "k");
        assert!(head.noncurrent(9) < head.noncurrent(8));
    }

    #[test]
    fn a_prefix_ends_before_the_next_key() {
        for (prefix, inside, outside) in [("a/", "a/\u{10ffff}", "a0"), ("a\0", "a\0z", "a\u{1}")] {
            let beyond = ranges::objects_beyond(1, prefix);
            assert!(HeadKey::new(1, inside).beyond() < beyond);
            assert!(HeadKey::new(1, outside).row()[..] >= beyond[..]);
        }
    }
}
