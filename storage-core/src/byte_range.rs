//! `ByteRange`: which bytes of an object.

use crate::error::{Error, Result};
use std::{
    fmt,
    ops::{Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive},
};

/// A range as it is asked for, before the object's size is known.
///
/// Rust's ranges convert: `0..10`, `0..=9`, `..10`, `10..`. An empty or reversed one can never be
/// satisfied.
///
/// Law: S3, GetObject Range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteRange {
    /// From the first byte to the last, both included, as HTTP counts.
    FromTo(u64, u64),
    /// From a byte to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

impl ByteRange {
    /// Which bytes of an object of `size` are meant. Never empty.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] when it begins at or past the end, or is empty.
    ///
    /// Law: S3, GetObject Range.
    pub fn resolve(self, size: u64) -> Result<Range<u64>> {
        let range = match self {
            Self::FromTo(first, last) => first..last.saturating_add(1).min(size),
            Self::From(first) => first..size,
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        if range.is_empty() {
            return Err(Error::InvalidRange { requested: self, size });
        }
        Ok(range)
    }

    /// Reads a `Range` header. `None` when S3 ignores it and answers with the whole object: another
    /// unit, several ranges, a reversed one, garbage.
    ///
    /// Law: S3, GetObject Range.
    #[must_use]
    pub fn parse_header(header: &str) -> Option<Self> {
        let (unit, spec) = header.trim().split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = spec.trim().split_once('-')?;
        match (first, last) {
            ("", last) => Some(Self::Last(parse_number(last)?)),
            (first, "") => Some(Self::From(parse_number(first)?)),
            (first, last) => {
                let (first, last) = (parse_number(first)?, parse_number(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// Reads the range of a copied part, which must be `bytes=a-b` to the letter.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for any other form.
    ///
    /// Law: S3, UploadPartCopy range.
    pub fn parse_copy_source(header: &str) -> Result<Self> {
        let strict = || {
            let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
            let (first, last) = (parse_number(first)?, parse_number(last)?);
            (first <= last).then_some(Self::FromTo(first, last))
        };
        strict().ok_or_else(|| {
            Error::invalid_argument(
                "x-amz-copy-source-range",
                header,
                "the range of a copied part is bytes=first-last",
            )
        })
    }

    /// Which bytes of a copy source of `size` are meant: nothing is clipped.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when it begins at or past the end, [`Error::InvalidArgument`] when
    /// it ends past the end or is not `first..=last`.
    ///
    /// Law: S3, UploadPartCopy range.
    pub fn resolve_copy_source(self, size: u64) -> Result<Range<u64>> {
        let refuse = |reason: &'static str| {
            Error::invalid_argument("x-amz-copy-source-range", self.to_string(), reason)
        };
        match self {
            Self::FromTo(first, last) if first > last => Err(refuse("the range is empty")),
            Self::FromTo(first, _) if first >= size => Err(Error::invalid_request(
                "the range of a copied part begins past the end of its source",
            )),
            Self::FromTo(first, last) if last < size => Ok(first..last + 1),
            Self::FromTo(..) => Err(refuse("the range ends past the end of its source")),
            Self::From(_) | Self::Last(_) => {
                Err(refuse("the range of a copied part is bytes=first-last"))
            }
        }
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromTo(first, last) => write!(f, "bytes={first}-{last}"),
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Last(count) => write!(f, "bytes=-{count}"),
        }
    }
}

impl From<Range<u64>> for ByteRange {
    fn from(range: Range<u64>) -> Self {
        if range.is_empty() { NOTHING } else { Self::FromTo(range.start, range.end - 1) }
    }
}

impl From<RangeInclusive<u64>> for ByteRange {
    fn from(range: RangeInclusive<u64>) -> Self {
        if range.is_empty() { NOTHING } else { Self::FromTo(*range.start(), *range.end()) }
    }
}

impl From<RangeTo<u64>> for ByteRange {
    fn from(range: RangeTo<u64>) -> Self {
        (0..range.end).into()
    }
}

impl From<RangeToInclusive<u64>> for ByteRange {
    fn from(range: RangeToInclusive<u64>) -> Self {
        (0..=range.end).into()
    }
}

impl From<RangeFrom<u64>> for ByteRange {
    fn from(range: RangeFrom<u64>) -> Self {
        Self::From(range.start)
    }
}

/// An empty range: HTTP has no words for it but a suffix of no bytes, which is never satisfiable.
const NOTHING: ByteRange = ByteRange::Last(0);

/// Digits only, no sign; what is too large for a number is larger than every object.
fn parse_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Law-test: S3, GetObject Range.
    #[test]
    fn the_table_of_ranges_over_ten_bytes() {
        #[track_caller]
        fn check(header: &str, expected: &Result<Range<u64>, &str>) {
            let range = ByteRange::parse_header(header).expect("not ignored");
            let found = range.resolve(10);
            assert_eq!(found.as_ref().map_err(Error::code), expected.as_ref().map_err(|e| *e));
        }
        check("bytes=0-8", &Ok(0..9));
        check("bytes=0-100", &Ok(0..10));
        check("bytes=-2", &Ok(8..10));
        check("bytes=-15", &Ok(0..10));
        check("bytes=5-", &Ok(5..10));
        check("bytes=9-9", &Ok(9..10));
        check("bytes=0-18446744073709551615", &Ok(0..10));
        check("bytes=0-99999999999999999999999", &Ok(0..10));
        check("bytes=10-", &Err("InvalidRange"));
        check("bytes=-0", &Err("InvalidRange"));
        check("bytes=99999999999999999999999-", &Err("InvalidRange"));
    }

    // Law-test: S3, GetObject Range.
    #[test]
    fn a_header_that_is_not_one_range_is_ignored() {
        for header in [
            "bytes=1-0",
            "bytes=-",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes",
            "bytes=",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1--2",
            "",
        ] {
            assert_eq!(ByteRange::parse_header(header), None, "{header}");
        }
    }

    // Law-test: S3, GetObject Range.
    #[test]
    fn an_object_of_no_bytes_satisfies_no_range() {
        for range in [ByteRange::FromTo(0, 0), ByteRange::From(0), ByteRange::Last(1)] {
            let error = range.resolve(0).unwrap_err();
            assert!(
                matches!(error, Error::InvalidRange { size: 0, requested } if requested == range)
            );
        }
    }

    #[test]
    fn rust_ranges_mean_what_they_say() {
        assert_eq!(ByteRange::from(2..5).resolve(10).unwrap(), 2..5);
        assert_eq!(ByteRange::from(2..=5).resolve(10).unwrap(), 2..6);
        assert_eq!(ByteRange::from(..5).resolve(10).unwrap(), 0..5);
        assert_eq!(ByteRange::from(..=5).resolve(10).unwrap(), 0..6);
        assert_eq!(ByteRange::from(5..).resolve(10).unwrap(), 5..10);
        assert!(ByteRange::from(5..5).resolve(10).is_err());
        assert!(ByteRange::from(0..0).resolve(10).is_err());
        #[expect(clippy::reversed_empty_ranges, reason = "a caller may compute one")]
        let reversed = 5..2;
        assert!(ByteRange::from(reversed).resolve(10).is_err());
        assert!(ByteRange::FromTo(5, 2).resolve(10).is_err());
    }

    // Law-test: S3, UploadPartCopy range.
    #[test]
    fn the_range_of_a_copied_part_is_strict() {
        #[track_caller]
        fn check(header: &str, expected: &Result<Range<u64>, &str>) {
            let found = ByteRange::parse_copy_source(header)
                .and_then(|range| range.resolve_copy_source(10));
            assert_eq!(found.as_ref().map_err(Error::code), expected.as_ref().map_err(|e| *e));
        }
        check("bytes=0-9", &Ok(0..10));
        check("bytes=3-3", &Ok(3..4));
        check("bytes=0-10", &Err("InvalidArgument"));
        check("bytes=10-11", &Err("InvalidRequest"));
        check("bytes=5-", &Err("InvalidArgument"));
        check("bytes=-5", &Err("InvalidArgument"));
        check("bytes=5-4", &Err("InvalidArgument"));
        check("Bytes=0-4", &Err("InvalidArgument"));
        check("bytes=0-4,6-7", &Err("InvalidArgument"));
        check(" bytes=0-4", &Err("InvalidArgument"));
    }

    fn any_range() -> impl Strategy<Value = ByteRange> {
        prop_oneof![
            any::<(u64, u64)>().prop_map(|(a, b)| ByteRange::FromTo(a.min(b), a.max(b))),
            any::<u64>().prop_map(ByteRange::From),
            any::<u64>().prop_map(ByteRange::Last),
        ]
    }

    proptest! {
        #[test]
        fn a_range_reads_back_as_printed(range in any_range()) {
            prop_assert_eq!(ByteRange::parse_header(&range.to_string()), Some(range));
        }

        #[test]
        fn what_is_resolved_lies_within_the_object(range in any_range(), size: u64) {
            if let Ok(found) = range.resolve(size) {
                prop_assert!(found.start < found.end);
                prop_assert!(found.end <= size);
            }
        }
    }
}
