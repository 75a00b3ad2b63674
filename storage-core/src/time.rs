//! `Timestamp`: a moment in UTC, to the millisecond. Arithmetic only; no clock.

use jiff::{
    Timestamp as Civil, ToSpan as _,
    civil::DateTime,
    fmt::rfc2822::{DateTimeParser, DateTimePrinter},
    tz::TimeZone,
};
use std::{fmt, time::Duration};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to this moment; negative when it is not earlier.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment and `by` later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment without its fraction of a second: what headers can say.
    #[must_use]
    pub const fn second(self) -> Self {
        self.truncated(SECOND)
    }

    /// 00:00Z of this moment's day.
    #[must_use]
    pub const fn day(self) -> Self {
        self.truncated(DAY)
    }

    /// The same time of day, so many days later.
    #[must_use]
    pub const fn plus_days(self, days: Days) -> Self {
        // At most 2^32 days of 86 400 000 ms, which is far below 2^63.
        Self(self.0.saturating_add(days.0 as i64 * DAY))
    }

    /// The same time of day and date, so many years later; 29 February becomes the 28th.
    #[must_use]
    pub fn plus_years(self, years: u32) -> Self {
        let civil = self.civil().to_zoned(TimeZone::UTC);
        let span = i64::from(years).min(YEARS_SPAN_MAX).years();
        civil.checked_add(span).map_or(Self(LAST), |later| Self(later.timestamp().as_millisecond()))
    }

    /// The first midnight that lies at least `days` whole days after this moment: when a rule of so
    /// many days is due.
    ///
    /// Exactly at midnight, a rule still waits for the day to end.
    ///
    /// Law: S3, lifecycle day arithmetic.
    #[must_use]
    pub const fn midnight_after(self, days: Days) -> Self {
        Self(self.day().plus_days(days).0.saturating_add(DAY))
    }

    /// ISO 8601 with milliseconds, as lists and events print it: `2026-01-02T03:04:05.678Z`.
    ///
    /// A moment outside the years -9999 to 9999 prints as the nearest one within.
    #[must_use]
    pub fn to_iso8601(self) -> String {
        format!("{:.3}", self.civil())
    }

    /// Reads ISO 8601, with any offset; a finer fraction than milliseconds is cut.
    #[must_use]
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::from_civil)
    }

    /// RFC 1123, as headers print it: `Fri, 21 Dec 2012 00:00:00 GMT`. Its fraction is cut.
    ///
    /// A moment outside the years 0 to 9999 prints as the nearest one within.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a clamped moment can always be printed")]
    pub fn to_http_date(self) -> String {
        let civil = Self(self.second().0.clamp(FIRST_OF_HEADERS, LAST)).civil();
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&civil)
            .expect("every year of four digits can be printed")
    }

    /// Reads RFC 1123.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        DateTimeParser::new().parse_timestamp(text.trim()).ok().map(Self::from_civil)
    }

    /// Year, month, day and hour in UTC.
    pub(crate) fn civil_hour(self) -> (i64, i64, i64, i64) {
        let civil = self.civil().to_zoned(TimeZone::UTC).datetime();
        let wide = |part: i8| i64::from(part);
        (i64::from(civil.year()), wide(civil.month()), wide(civil.day()), wide(civil.hour()))
    }

    /// The beginning of an hour; `None` when the calendar has no such hour.
    pub(crate) fn from_civil_hour(year: i64, month: i64, day: i64, hour: i64) -> Option<Self> {
        let small = |part: i64| i8::try_from(part).ok();
        let year = i16::try_from(year).ok()?;
        let civil = DateTime::new(year, small(month)?, small(day)?, small(hour)?, 0, 0, 0).ok()?;
        Some(Self::from_civil(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()))
    }

    const fn truncated(self, unit: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(unit)))
    }

    fn civil(self) -> Civil {
        Civil::from_millisecond(self.0.clamp(Civil::MIN.as_millisecond(), LAST))
            .expect("it was clamped to what a civil date can tell")
    }

    fn from_civil(civil: Civil) -> Self {
        // jiff rounds towards zero; a fraction is cut towards the past, before 1970 too.
        let millis = civil.as_nanosecond().div_euclid(1_000_000);
        Self(i64::try_from(millis).expect("10 000 years are fewer than 2^63 milliseconds"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_iso8601())
    }
}

/// A number of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Days(pub u32);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "day" } else { "days" })
    }
}

impl From<Days> for Duration {
    fn from(days: Days) -> Self {
        Self::from_secs(u64::from(days.0) * 86_400)
    }
}

const SECOND: i64 = 1000;
const DAY: i64 = 86_400 * SECOND;
/// 9999-12-30T22:00:00Z: the last moment that every offset can tell.
const LAST: i64 = 253_402_207_200_000;
/// 0000-01-01T00:00:00Z.
const FIRST_OF_HEADERS: i64 = -62_167_219_200_000;
const YEARS_SPAN_MAX: i64 = 19_998;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    #[test]
    fn both_texts_of_a_moment() {
        let moment = at("2026-01-02T03:04:05.678Z");
        assert_eq!(moment.to_iso8601(), "2026-01-02T03:04:05.678Z");
        assert_eq!(moment.to_http_date(), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_eq!(at("2012-12-21T00:00:00Z").to_http_date(), "Fri, 21 Dec 2012 00:00:00 GMT");
        assert_eq!(Timestamp::default().to_iso8601(), "1970-01-01T00:00:00.000Z");
        assert_eq!(at("2026-01-02T05:04:05.6789+02:00"), moment);
        assert_eq!(at("1969-12-31T23:59:59.9999Z").as_millis(), -1);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-02"] {
            assert_eq!(Timestamp::parse_iso8601(text), None, "{text}");
            assert_eq!(Timestamp::parse_http_date(text), None, "{text}");
        }
        assert_eq!(Timestamp::parse_http_date("Mon, 02 Jan 2026 03:04:05 GMT"), None);
    }

    // Law-test: S3, lifecycle day arithmetic.
    #[test]
    fn a_rule_of_days_is_due_at_the_midnight_after() {
        #[track_caller]
        fn check(created: &str, days: u32, due: &str) {
            assert_eq!(at(created).midnight_after(Days(days)).to_iso8601(), due);
        }
        check("2014-01-15T10:30:00Z", 3, "2014-01-19T00:00:00.000Z"); // W1
        check("2026-01-02T00:05:00Z", 1, "2026-01-04T00:00:00.000Z"); // W2
        check("2026-01-02T23:59:59Z", 0, "2026-01-03T00:00:00.000Z"); // W3
        check("2026-01-02T00:00:00Z", 1, "2026-01-04T00:00:00.000Z"); // W4
        check("2024-02-28T12:00:00Z", 1, "2024-03-01T00:00:00.000Z"); // W5
        check("2023-03-01T08:00:00Z", 365, "2024-03-01T00:00:00.000Z"); // W5
        check("2012-10-15T10:30:00Z", 3, "2012-10-19T00:00:00.000Z"); // W66
        check("2026-03-10T15:00:00Z", 7, "2026-03-18T00:00:00.000Z"); // W50
        check("1969-12-31T10:30:00Z", 0, "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn years_are_those_of_the_calendar() {
        assert_eq!(at("2026-05-01T10:00:00Z").plus_years(7), at("2033-05-01T10:00:00Z"));
        assert_eq!(at("2024-02-29T10:00:00Z").plus_years(1), at("2025-02-28T10:00:00Z"));
        assert_eq!(at("2026-05-01T10:00:00Z").plus_years(u32::MAX).as_millis(), LAST);
    }

    #[test]
    fn the_ends_of_time_can_be_printed() {
        for millis in [i64::MIN, i64::MAX] {
            let moment = Timestamp::from_millis(millis);
            assert!(Timestamp::parse_iso8601(&moment.to_iso8601()).is_some());
            assert!(Timestamp::parse_http_date(&moment.to_http_date()).is_some());
            let _ = moment.day().midnight_after(Days(u32::MAX)).plus_years(u32::MAX);
        }
    }

    proptest! {
        #[test]
        fn a_moment_reads_back_as_printed(millis in FIRST_OF_HEADERS..LAST) {
            let moment = Timestamp::from_millis(millis);
            prop_assert_eq!(at(&moment.to_iso8601()), moment);
            let seconds = Timestamp::parse_http_date(&moment.to_http_date()).unwrap();
            prop_assert_eq!(seconds, moment.second());
        }

        #[test]
        fn a_day_begins_at_most_a_day_before(millis in FIRST_OF_HEADERS..LAST) {
            let moment = Timestamp::from_millis(millis);
            prop_assert!((0..DAY).contains(&moment.millis_since(moment.day())));
            prop_assert_eq!(moment.day().as_millis().rem_euclid(DAY), 0);
        }
    }
}
