//! Storage class analysis: how old data is read, day by day, and from which age on it looks infrequent.

use crate::{
    calendar::{civil, day_number},
    cost::{GB, PriceTable, float},
    error::{Error, Result},
    waterfall::SMALL_OBJECT_BYTES,
};
use cistern_storage_core::{StorageClass, Timestamp};
use std::{collections::BTreeMap, fmt::Write as _};

/// A bucket of ages, in days since an object was made.
///
/// Law: S3, storage class analysis age groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgeBucket(usize);

/// The first day of each bucket.
const FIRST_DAYS: [u32; 12] = [0, 15, 30, 45, 60, 75, 90, 120, 150, 180, 365, 730];

impl AgeBucket {
    /// How many there are.
    pub const COUNT: usize = FIRST_DAYS.len();

    /// The bucket of an age.
    ///
    /// Law: S3, storage class analysis age groups.
    #[must_use]
    pub fn of(age_days: u32) -> Self {
        Self(FIRST_DAYS.partition_point(|first| *first <= age_days) - 1)
    }

    /// Every bucket, the youngest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Its place among all.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }

    /// Its youngest age, in days.
    #[must_use]
    pub const fn first_day(self) -> u32 {
        FIRST_DAYS[self.0]
    }

    /// Its oldest age, in days; `None` of the last.
    #[must_use]
    pub fn last_day(self) -> Option<u32> {
        FIRST_DAYS.get(self.0 + 1).map(|next| next - 1)
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> String {
        let first = self.first_day();
        self.last_day().map_or_else(|| format!("{first}+"), |last| format!("{first}-{last}"))
    }
}

/// What one age group of one class did on a day. Only objects of 128 KB and more count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AgeFigures {
    /// Bytes kept.
    pub stored: u64,
    /// Bytes read.
    pub retrieved: u64,
    /// Gets and puts.
    pub requests: u64,
}

/// What one class did on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DayFigures {
    ages: [AgeFigures; AgeBucket::COUNT],
    all: AgeFigures,
    objects: u64,
    uploaded: u64,
}

impl DayFigures {
    /// Counts an object that is there, of an age.
    pub fn object(&mut self, age_days: u32, size: u64) {
        self.objects += 1;
        self.all.stored += size;
        if size >= SMALL_OBJECT_BYTES {
            self.ages[AgeBucket::of(age_days).index()].stored += size;
        }
    }

    /// Counts a put. What comes by multipart upload is not counted, as S3 does not.
    pub fn put(&mut self, size: u64) {
        self.uploaded += size;
        self.request(0, size, 0);
    }

    /// Counts a read of so many bytes of an object of this size. One that failed does not count.
    pub fn read(&mut self, age_days: u32, size: u64, bytes: u64) {
        self.request(age_days, size, bytes);
    }

    fn request(&mut self, age_days: u32, size: u64, bytes: u64) {
        let large = size >= SMALL_OBJECT_BYTES;
        let age = large.then(|| &mut self.ages[AgeBucket::of(age_days).index()]);
        for figures in age.into_iter().chain([&mut self.all]) {
            figures.requests += 1;
            figures.retrieved += bytes;
        }
    }

    /// The figures of an age group.
    #[must_use]
    pub fn age(&self, bucket: AgeBucket) -> AgeFigures {
        self.ages[bucket.index()]
    }
}

/// An analysis of a bucket, or of what a filter means in it, over days.
///
/// ```
/// use cistern_lifecycle::{StorageClass, StorageClassAnalysis, Timestamp};
///
/// let day = Timestamp::parse_iso8601("2026-01-01T00:00:00Z").expect("it is a moment");
/// let mut analysis = StorageClassAnalysis::new("all");
/// analysis.day(day, StorageClass::Standard).object(40, 1 << 20);
/// assert!(analysis.to_csv().lines().count() > 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StorageClassAnalysis {
    config_id: Box<str>,
    /// By class, then by day since 1970.
    days: BTreeMap<StorageClass, BTreeMap<i64, DayFigures>>,
    prices: PriceTable,
}

impl StorageClassAnalysis {
    /// An analysis that has seen nothing.
    #[must_use]
    pub fn new(config_id: impl Into<Box<str>>) -> Self {
        Self { config_id: config_id.into(), days: BTreeMap::new(), prices: PriceTable::us_east_1() }
    }

    /// Other prices to recommend by.
    #[must_use]
    pub fn prices(mut self, prices: PriceTable) -> Self {
        self.prices = prices;
        self
    }

    /// The figures of a class on a day, to be counted on.
    pub fn day(&mut self, day: Timestamp, class: StorageClass) -> &mut DayFigures {
        self.days.entry(class).or_default().entry(day_number(day)).or_default()
    }

    /// The age from which on data of `STANDARD` looks infrequent: the youngest group of 30 days and
    /// more, such that it and every older one costs less to read out of `STANDARD_IA` than it saves
    /// there. `None` when there is none, or nothing old was ever seen.
    ///
    /// S3 does not publish its own rule. This one decides on bytes read and stored, as S3 says it does.
    #[must_use]
    pub fn age_for_transition(&self) -> Option<u32> {
        self.age_until(i64::MAX)
    }

    /// The same, once 30 days were observed.
    ///
    /// Law: S3, storage class analysis recommendation.
    #[must_use]
    pub fn recommended_age(&self) -> Option<u32> {
        self.recommended_until(i64::MAX)
    }

    /// How often an age group of `STANDARD` is read: bytes a day by bytes kept. `None` when nothing
    /// was kept.
    #[must_use]
    pub fn daily_read_ratio(&self, bucket: AgeBucket) -> Option<f64> {
        self.daily_ratio(bucket, i64::MAX)
    }

    fn recommended_until(&self, day: i64) -> Option<u32> {
        let days = self.days.get(&StorageClass::Standard)?;
        let first = *days.keys().next()?;
        let last = (*days.keys().next_back()?).min(day);
        if last - first + 1 < OBSERVED_DAYS_MIN { None } else { self.age_until(day) }
    }

    fn age_until(&self, day: i64) -> Option<u32> {
        let mut youngest = None;
        for bucket in AgeBucket::all().rev() {
            if bucket.first_day() < INFREQUENT_AGE_MIN {
                break;
            }
            match self.daily_ratio(bucket, day) {
                Some(ratio) if !self.is_worth_moving(ratio) => break,
                Some(_) => youngest = Some(bucket.first_day()),
                // A group that holds nothing says nothing; it joins an older one that does.
                None if youngest.is_some() => youngest = Some(bucket.first_day()),
                None => {}
            }
        }
        youngest
    }

    fn is_worth_moving(&self, daily_ratio: f64) -> bool {
        let price = |class| self.prices.class(class).storage.first().0;
        let saved = price(StorageClass::Standard) - price(StorageClass::StandardIa);
        let read = self.prices.class(StorageClass::StandardIa).retrieval_gb.0;
        daily_ratio * 30.0 * read < saved
    }

    fn daily_ratio(&self, bucket: AgeBucket, until: i64) -> Option<f64> {
        let days = self.days.get(&StorageClass::Standard)?;
        let (mut stored, mut retrieved) = (0.0, 0.0);
        for figures in days.range(..=until).map(|(_, figures)| figures.age(bucket)) {
            stored += float(figures.stored);
            retrieved += float(figures.retrieved);
        }
        (stored > 0.0).then(|| retrieved / stored)
    }

    /// The report: S3's columns, rows sorted by date within an age group, `ALL` last.
    ///
    /// Law: S3, storage class analysis export columns.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = COLUMNS.join(",");
        csv.push('\n');
        for (class, days) in &self.days {
            let groups = AgeBucket::all().map(Some).chain([None]);
            for group in groups {
                self.write_group(*class, days, group, &mut csv);
            }
        }
        csv
    }

    fn write_group(
        &self,
        class: StorageClass,
        days: &BTreeMap<i64, DayFigures>,
        group: Option<AgeBucket>,
        csv: &mut String,
    ) {
        let (mut retrieved, mut stored, mut seen) = (0.0, 0.0, 0.0);
        for (day, figures) in days {
            let one = group.map_or(figures.all, |bucket| figures.age(bucket));
            retrieved += float(one.retrieved);
            stored += float(one.stored);
            seen += 1.0;
            let mean: f64 = stored / seen;
            let ratio = if mean > 0.0 { retrieved / mean } else { 0.0 };
            let row = Row { class, day: *day, group, figures, one, ratio };
            self.write_row(&row, csv);
        }
    }

    fn write_row(&self, row: &Row<'_>, csv: &mut String) {
        let (year, month, day) = civil(crate::calendar::day_start(row.day));
        let age = row.group.map_or_else(|| "ALL".to_owned(), AgeBucket::name);
        let is_all = row.group.is_none();
        let only_all = |text: String| if is_all { text } else { String::new() };
        let whole = is_all && row.class == StorageClass::Standard;
        let advice = |age: Option<u32>| {
            age.filter(|_| whole).map_or_else(String::new, |age| age.to_string())
        };
        let cells = [
            format!("{month:02}-{day:02}-{year:04}"),
            quoted_if_needed(&self.config_id),
            String::new(),
            row.class.as_str().to_owned(),
            age,
            only_all(row.figures.objects.to_string()),
            only_all(megabytes(row.figures.uploaded)),
            megabytes(row.one.stored),
            megabytes(row.one.retrieved),
            row.one.requests.to_string(),
            format!("{:.6}", row.ratio),
            advice(self.age_until(row.day)),
            advice(self.recommended_until(row.day)),
        ];
        writeln!(csv, "{}", cells.join(",")).expect("writing to a string cannot fail");
    }

    /// Checks the id of the configuration, which file names hold.
    ///
    /// # Errors
    /// [`Error::InvalidValue`] for one that is empty, longer than 64 bytes, or has other signs than
    /// letters, digits, `-`, `_` and `.`.
    pub fn check_id(&self) -> Result<()> {
        check_id(&self.config_id)
    }
}

pub(crate) fn check_id(id: &str) -> Result<()> {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    if (1..=64).contains(&id.len()) && id.chars().all(plain) {
        return Ok(());
    }
    let reason = "it has 1 to 64 letters, digits, `-`, `_` and `.`";
    Err(Error::InvalidValue { what: "the configuration's id", found: id.into(), reason })
}

struct Row<'a> {
    class: StorageClass,
    day: i64,
    group: Option<AgeBucket>,
    figures: &'a DayFigures,
    one: AgeFigures,
    ratio: f64,
}

fn megabytes(bytes: u64) -> String {
    format!("{:.4}", float(bytes) / (GB / 1024.0))
}

fn quoted_if_needed(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// Law: S3, storage class analysis export columns.
const COLUMNS: [&str; 13] = [
    "Date",
    "ConfigId",
    "Filter",
    "StorageClass",
    "ObjectAge",
    "ObjectCount",
    "DataUploaded_MB",
    "Storage_MB",
    "DataRetrieved_MB",
    "GetRequestCount",
    "CumulativeAccessRatio",
    "ObjectAgeForSIATransition",
    "RecommendedObjectAgeForSIATransition",
];

/// Days to observe before anything is recommended. Law: S3, storage class analysis recommendation.
const OBSERVED_DAYS_MIN: i64 = 30;
/// Data younger than this does not move to `STANDARD_IA`.
const INFREQUENT_AGE_MIN: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use cistern_storage_core::Days;

    // Law-test: S3, storage class analysis age groups.
    #[test]
    fn w80_ages_fall_into_their_groups() {
        let names = [0, 14, 15, 29, 30, 729, 730].map(|age| AgeBucket::of(age).name());
        assert_eq!(names, ["0-14", "0-14", "15-29", "15-29", "30-44", "365-729", "730+"]);
        let all: Vec<_> = AgeBucket::all().map(AgeBucket::name).collect();
        assert_eq!(all[6..10], ["90-119", "120-149", "150-179", "180-364"]);
    }

    /// So many days in which data of every age is kept, and that of each group is read at a rate.
    fn observe(days: u32, reads: impl Fn(u32) -> u64) -> StorageClassAnalysis {
        let first = Timestamp::parse_iso8601("2026-01-01T00:00:00Z").unwrap();
        let mut analysis = StorageClassAnalysis::new("all");
        for day in 0..days {
            let figures = analysis.day(first.plus_days(Days(day)), StorageClass::Standard);
            figures.put(1 << 20);
            figures.object(3, 1000);
            for bucket in AgeBucket::all() {
                let age = bucket.first_day();
                figures.object(age, 1 << 20);
                figures.read(age, 1 << 20, reads(age));
            }
        }
        analysis
    }

    // Law-test: S3, storage class analysis recommendation.
    #[test]
    fn the_youngest_age_is_recommended_from_which_on_little_is_read() {
        let young = |age: u32| if age < 75 { 1 << 20 } else { 100 };
        assert_eq!(observe(40, young).recommended_age(), Some(75));
        assert_eq!(observe(29, young).recommended_age(), None);
        assert_eq!(observe(29, young).age_for_transition(), Some(75));
        assert_eq!(observe(30, |_| 0).recommended_age(), Some(30));
        assert_eq!(observe(40, |_| 1 << 20).recommended_age(), None);
        // Old data that is read keeps the younger from moving.
        assert_eq!(
            observe(40, |age| if age == 365 { 1 << 20 } else { 0 }).recommended_age(),
            Some(730)
        );
        assert_eq!(StorageClassAnalysis::new("empty").recommended_age(), None);
    }

    // Law-test: S3, storage class analysis export columns.
    #[test]
    fn the_report_has_the_columns_of_s3() {
        let csv = observe(31, |_| 0).to_csv();
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines.len(), 1 + 31 * 13);
        assert!(lines[0].starts_with("Date,ConfigId,Filter,StorageClass,ObjectAge,ObjectCount,"));
        assert_eq!(lines[1], "01-01-2026,all,,STANDARD,0-14,,,1.0000,0.0000,2,0.000000,,");
        assert!(lines[32].starts_with("01-01-2026,all,,STANDARD,15-29,"));
        let all = lines.last().unwrap();
        assert_eq!(*all, "01-31-2026,all,,STANDARD,ALL,13,1.0000,12.0010,0.0000,13,0.000000,30,30");
        let before = lines[lines.len() - 3];
        assert!(before.ends_with(",30,"), "{before}");
    }

    #[test]
    fn ids_that_no_file_can_have_are_refused() {
        assert_eq!(StorageClassAnalysis::new("a-b_c.1").check_id(), Ok(()));
        for id in ["", "a/b", "a b", &"a".repeat(65)] {
            let error = StorageClassAnalysis::new(id).check_id().unwrap_err();
            assert_eq!(error.code(), "InvalidArgument");
        }
    }
}
