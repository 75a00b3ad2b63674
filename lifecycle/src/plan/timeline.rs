//! `Timeline`: figures of every day, added up from spans of days that change nothing within.
//!
//! A span is two numbers, one where it begins and its opposite where it ends; running sums at the
//! end give the days. So a cohort costs what happens to it, not how long it is watched.

use crate::{cost::Usage, restore::RestoreTier, tiering::AccessTier};
use cistern_storage_core::StorageClass;

/// What is counted of a class.
#[derive(Clone, Copy, Debug)]
pub(super) enum Figure {
    /// Objects that are there.
    Objects,
    /// Their bytes as they are.
    Bytes,
    /// Their bytes as they are billed, but of `INTELLIGENT_TIERING`.
    Billed,
    Puts,
    Gets,
    Retrieved,
    Restores,
    RestoredBytes,
    Transitions,
    EarlyByteDays,
}

const FIGURES: usize = Figure::EarlyByteDays as usize + 1;
const CLASSES: usize = StorageClass::ALL.len();
const TIERS: usize = AccessTier::ALL.len();
const WIDTH: usize = CLASSES * FIGURES + TIERS + 1;

/// The figures of all days.
#[derive(Debug)]
pub(super) struct Timeline {
    days: i64,
    /// A row a day, and one for what ends with the last.
    rows: Vec<[f64; WIDTH]>,
}

impl Timeline {
    pub(super) fn new(days: u32) -> Self {
        let len = usize::try_from(days).expect("a day's number fits memory");
        Self { days: i64::from(days), rows: vec![[0.0; WIDTH]; len + 1] }
    }

    pub(super) fn days(&self) -> i64 {
        self.days
    }

    /// Adds an amount to each day from one up to another, not included.
    pub(super) fn span(
        &mut self,
        class: StorageClass,
        figure: Figure,
        days: (i64, i64),
        amount: f64,
    ) {
        self.add(usize::from(class.code()) * FIGURES + figure as usize, days, amount);
    }

    /// Adds an amount to one day.
    pub(super) fn once(&mut self, class: StorageClass, figure: Figure, day: i64, amount: f64) {
        self.span(class, figure, (day, day + 1), amount);
    }

    /// Adds billed bytes to a tier.
    pub(super) fn tier(&mut self, tier: AccessTier, days: (i64, i64), bytes: f64) {
        self.add(CLASSES * FIGURES + tier as usize, days, bytes);
    }

    /// Adds watched objects.
    pub(super) fn monitored(&mut self, days: (i64, i64), objects: f64) {
        self.add(WIDTH - 1, days, objects);
    }

    fn add(&mut self, column: usize, (from, to): (i64, i64), amount: f64) {
        let row = |day: i64| usize::try_from(day.clamp(0, self.days)).expect("it is not negative");
        let (from, to) = (row(from), row(to));
        if from < to {
            self.rows[from][column] += amount;
            self.rows[to][column] -= amount;
        }
    }

    /// The days, summed up: of each what it used, and objects and bytes by class.
    pub(super) fn finish(
        mut self,
        tier: RestoreTier,
        mut each: impl FnMut(Usage, [(f64, f64); CLASSES]),
    ) {
        let last = self.rows.len() - 1;
        let mut sums = [0.0; WIDTH];
        for row in &mut self.rows[..last] {
            for (sum, change) in sums.iter_mut().zip(row.iter()) {
                *sum += change;
            }
            // What comes and goes leaves crumbs of rounding, which are no bytes.
            let settled = sums.map(|sum: f64| if sum < 1e-6 { 0.0 } else { sum });
            each(usage(&settled, tier), held(&settled));
        }
    }
}

fn figure(row: &[f64; WIDTH], class: usize, figure: Figure) -> f64 {
    row[class * FIGURES + figure as usize]
}

fn usage(row: &[f64; WIDTH], tier: RestoreTier) -> Usage {
    let mut usage = Usage::default();
    for (at, class) in usage.classes.iter_mut().enumerate() {
        class.bytes = figure(row, at, Figure::Billed);
        class.puts = figure(row, at, Figure::Puts);
        class.gets = figure(row, at, Figure::Gets);
        class.retrieved_bytes = figure(row, at, Figure::Retrieved);
        class.transitions = figure(row, at, Figure::Transitions);
        class.early_byte_days = figure(row, at, Figure::EarlyByteDays);
        class.restores[tier as usize].requests = figure(row, at, Figure::Restores);
        class.restores[tier as usize].bytes = figure(row, at, Figure::RestoredBytes);
    }
    for (at, bytes) in usage.tier_bytes.iter_mut().enumerate() {
        *bytes = row[CLASSES * FIGURES + at];
    }
    usage.monitored = row[WIDTH - 1];
    usage
}

fn held(row: &[f64; WIDTH]) -> [(f64, f64); CLASSES] {
    std::array::from_fn(|at| (figure(row, at, Figure::Objects), figure(row, at, Figure::Bytes)))
}
