//! Months of the civil calendar, in UTC; what bills are by.

use cistern_storage_core::Timestamp;
use std::fmt;

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month of a moment.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        let (year, month, _) = civil(moment);
        Self { year, month }
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> u32 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.is_in_leap_year() => 29,
            2 => 28,
            _ => 31,
        }
    }

    fn is_in_leap_year(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// Whole days since 1970-01-01.
pub(crate) fn day_number(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(DAY_MILLIS)
}

/// 00:00Z of a day.
pub(crate) fn day_start(day: i64) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY_MILLIS))
}

/// Year, month and day in UTC.
///
/// The era-based algorithm of Howard Hinnant, "chrono-compatible low-level date algorithms": years
/// begin in March, so that the leap day is the last of a year.
pub(crate) fn civil(moment: Timestamp) -> (i64, u32, u32) {
    let shifted = day_number(moment) + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let small = |part: i64| u32::try_from(part).expect("a month or a day is small and positive");
    (year, small(month), small(day))
}

const DAY_MILLIS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn months_have_their_days() {
        let days = |text: &str| Month::of(Timestamp::parse_iso8601(text).unwrap()).days();
        assert_eq!(days("2026-02-28T23:59:59Z"), 28);
        assert_eq!(days("2024-02-29T00:00:00Z"), 29);
        assert_eq!(days("2000-02-01T00:00:00Z"), 29);
        assert_eq!(days("2100-02-01T00:00:00Z"), 28);
        assert_eq!(days("2026-04-01T00:00:00Z"), 30);
        assert_eq!(days("2026-12-31T00:00:00Z"), 31);
    }

    proptest! {
        #[test]
        fn a_date_is_the_one_that_is_printed(millis in -62_135_596_800_000_i64..253_402_000_000_000) {
            let moment = Timestamp::from_millis(millis);
            let (year, month, day) = civil(moment);
            prop_assert_eq!(&moment.to_iso8601()[..10], format!("{year:04}-{month:02}-{day:02}"));
            prop_assert_eq!(day_start(day_number(moment)), moment.day());
        }
    }
}
