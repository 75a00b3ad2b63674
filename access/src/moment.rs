//! `Moment`: a moment in UTC, as policies and signatures write it. Arithmetic only; no clock.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, and a fraction.
///
/// Every function of this crate that needs the time is given one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

/// Later years have five digits, which none of the written forms has.
const YEAR_MAX: i64 = 9_999;
const DAY_SECONDS: i64 = 86_400;

impl Moment {
    /// From seconds since 1970.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0 }
    }

    /// From milliseconds since 1970.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self { seconds: millis.div_euclid(1_000), nanoseconds: nanoseconds_of(millis) }
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// So many seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self { seconds: self.seconds.saturating_add(seconds), nanoseconds: self.nanoseconds }
    }

    /// Reads what a condition may say: ISO 8601 in one of W3C's forms, or seconds since 1970.
    ///
    /// Law: IAM, dates are W3C's forms of ISO 8601 or seconds since 1970, and four digits are a year.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = |text: &str| {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let all_digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
            !whole.is_empty() && all_digits(whole) && !fraction.is_empty() && all_digits(fraction)
        };
        let is_year = text.len() == 4 && text.bytes().all(|one| one.is_ascii_digit());
        if is_number(text) && !is_year { parse_epoch(text) } else { parse_iso8601(text) }
    }

    /// `20150830T123600Z`, as signatures write it.
    ///
    /// A moment beyond the years 0 to 9999 prints as the nearest one within.
    #[must_use]
    pub fn to_basic(self) -> String {
        let (year, month, day, second) = self.civil();
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// Reads `20150830T123600Z`.
    #[must_use]
    pub fn parse_basic(text: &str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        let (date, time) = text.split_once('T')?;
        let time = time.strip_suffix('Z')?;
        if date.len() != 8 || time.len() != 6 {
            return None;
        }
        parse_iso8601(&format!(
            "{}-{}-{}T{}:{}:{}Z",
            &date[..4],
            &date[4..6],
            &date[6..],
            &time[..2],
            &time[2..4],
            &time[4..]
        ))
    }

    /// Year, month, day and second of the day.
    fn civil(self) -> (i64, i64, i64, i64) {
        let first = days_from_civil(0, 1, 1) * DAY_SECONDS;
        let last = days_from_civil(YEAR_MAX, 12, 31) * DAY_SECONDS + DAY_SECONDS - 1;
        let seconds = self.seconds.clamp(first, last);
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS));
        (year, month, day, seconds.rem_euclid(DAY_SECONDS))
    }
}

/// ISO 8601 with seconds: `2026-01-02T03:04:05Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, second) = self.civil();
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn nanoseconds_of(millis: i64) -> u32 {
    let rest = u32::try_from(millis.rem_euclid(1_000)).expect("a remainder of 1,000 is small");
    rest * 1_000_000
}

fn parse_epoch(text: &str) -> Option<Moment> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds = parse_fraction(fraction)?;
    if whole.starts_with('-') && nanoseconds > 0 {
        let seconds = seconds.checked_sub(1)?;
        return Some(Moment { seconds, nanoseconds: 1_000_000_000 - nanoseconds });
    }
    Some(Moment { seconds, nanoseconds })
}

/// Digits after the point, as nanoseconds; what is finer is cut off.
fn parse_fraction(text: &str) -> Option<u32> {
    let nine: String = text.chars().chain("000000000".chars()).take(9).collect();
    nine.parse().ok()
}

/// Reads digits and marks from the left.
struct Reader<'t>(&'t str);

impl<'t> Reader<'t> {
    fn number(&mut self, len: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(len)?;
        if !digits.bytes().all(|one| one.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    fn take(&mut self, mark: char) -> bool {
        let rest = self.0.strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn digits(&mut self) -> &'t str {
        let len = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        digits
    }
}

/// `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, and with a time of day, which needs a zone.
fn parse_iso8601(text: &str) -> Option<Moment> {
    let mut reader = Reader(text);
    let year = reader.number(4)?;
    let has_month = reader.take('-');
    let month = if has_month { reader.number(2)? } else { 1 };
    let has_day = has_month && reader.take('-');
    let day = if has_day { reader.number(2)? } else { 1 };
    if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY_SECONDS;
    if reader.0.is_empty() {
        return Some(Moment::from_seconds(midnight));
    }
    // A time of day belongs to a day, and has minutes.
    if !has_day || !reader.take('T') {
        return None;
    }
    let hour = reader.number(2)?;
    if !reader.take(':') {
        return None;
    }
    let minute = reader.number(2)?;
    let second = if reader.take(':') { reader.number(2)? } else { 0 };
    let nanoseconds = if reader.take('.') {
        let digits = reader.digits();
        if digits.is_empty() {
            return None;
        }
        parse_fraction(digits)?
    } else {
        0
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = parse_zone(&mut reader)?;
    let seconds = midnight + hour * 3_600 + minute * 60 + second - offset;
    reader.0.is_empty().then_some(Moment { seconds, nanoseconds })
}

/// Seconds east of UTC.
fn parse_zone(reader: &mut Reader<'_>) -> Option<i64> {
    if reader.take('Z') {
        return Some(0);
    }
    let sign = if reader.take('+') {
        1
    } else if reader.take('-') {
        -1
    } else {
        return None;
    };
    let hour = reader.number(2)?;
    if !reader.take(':') {
        return None;
    }
    let minute = reader.number(2)?;
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 3_600 + minute * 60))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 in the proleptic Gregorian calendar, from counting leap days of years that begin
/// in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // A guess that is at most a year off, and then the right one.
    let mut year = days.div_euclid(366) + 1970;
    if days < 0 {
        year -= 1;
    }
    while days_from_civil(year + 1, 1, 1) <= days {
        year += 1;
    }
    while days_from_civil(year, 1, 1) > days {
        year -= 1;
    }
    let month = (1..=12).rev().find(|month| days_from_civil(year, *month, 1) <= days);
    let month = month.expect("a year begins with January");
    (year, month, days - days_from_civil(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, seconds: i64) {
        assert_eq!(Moment::parse(text), Some(Moment::from_seconds(seconds)), "{text}");
    }

    // Law-test: IAM, dates are W3C's forms of ISO 8601 or seconds since 1970, and four digits are a
    // year.
    #[test]
    fn every_form_of_a_date_is_read() {
        check("1970", 0);
        check("1970-02", 31 * 86_400);
        check("1970-01-02", 86_400);
        check("2000-03-01T00:00Z", 951_868_800);
        check("2026-02-01T00:00:01Z", 1_769_904_001);
        check("2026-02-01T01:00:01+01:00", 1_769_904_001);
        check("2026-01-31T19:30:01-04:30", 1_769_904_001);
        check("1769904001", 1_769_904_001);
        check("0", 0);
        check("-1", -1);
        assert_eq!(Moment::parse("1970-01-01T00:00:00.25Z"), Some(Moment::from_millis(250)));
        assert_eq!(Moment::parse("-0.5"), Some(Moment::from_millis(-500)));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "a",
            "2026-13",
            "2026-02-30",
            "2025-02-29",
            "2026-02-01T00:00:00",
            "2026-1-1",
            "2026-02-01T24:00:00Z",
            "2026-02-01T00:60Z",
            "2026-02-01T00Z",
            "2026-02-01 00:00:00Z",
            "2026-02-01T00:00:00.Z",
            "2026-02-01T00:00:00+1:00",
            "2026-02-01Z",
            "20260201",
            "1.",
            "T",
            "2026-",
            "2026T00:00Z",
            "2026-02T00:00Z",
            "2026-02-01T00:00:00Zx",
        ] {
            // Eight digits are seconds.
            let expected = (text == "20260201").then(|| Moment::from_seconds(20_260_201));
            assert_eq!(Moment::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_form_of_signatures_is_read_and_written() {
        let moment = Moment::parse("2015-08-30T12:36:00Z").unwrap();
        assert_eq!(moment.to_basic(), "20150830T123600Z");
        assert_eq!(moment.to_string(), "2015-08-30T12:36:00Z");
        for text in [
            "",
            "20150830T123600",
            "20150830 123600Z",
            "2015083T0123600Z",
            "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}",
        ] {
            assert_eq!(Moment::parse_basic(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in -62_167_219_200_i64..253_402_300_800) {
            let moment = Moment::from_seconds(seconds);
            prop_assert_eq!(Moment::parse(&moment.to_string()), Some(moment));
            prop_assert_eq!(Moment::parse_basic(&moment.to_basic()), Some(moment));
        }
    }
}
