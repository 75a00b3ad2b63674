//! Which runs to merge, and when.
//!
//! Runs are kept in a row, the newest first. Together, all that are newer than a run stay below a
//! third of it: so at most a quarter of everything is out of date, there are about log4 of (store /
//! checkpoint) runs, and a row is rewritten about three times on each of these levels.

/// How much is to be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What keeps reads fast and space bounded while there are writers.
    Busy,
    /// What keeps little that is out of date, at the price of rewriting more: for a store at rest.
    Idle,
}

impl Effort {
    /// The newer runs may have up to this part of an older one: one in so many.
    const fn newer_share(self) -> u64 {
        match self {
            Self::Busy => 3,
            Self::Idle => 12,
        }
    }
}

/// What the choice depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight {
    /// Bytes of the run.
    pub(super) bytes: u64,
    /// Its entries, tombstones among them: these are short, but hide whole rows.
    pub(super) entries: u64,
}

/// How many of the newest runs to merge into one; `None` when all is well.
pub(super) fn merge_count(runs: &[Weight], effort: Effort) -> Option<usize> {
    let share = effort.newer_share();
    let mut newer = Weight { bytes: 0, entries: 0 };
    let mut count = None;
    for (number, run) in runs.iter().enumerate() {
        let heavy = newer.bytes * share > run.bytes || newer.entries * share > run.entries;
        if number > 0 && heavy {
            count = Some(number + 1);
        }
        newer.bytes += run.bytes;
        newer.entries += run.entries;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sizes: &[u64], expected: Option<usize>) {
        let weights: Vec<_> =
            sizes.iter().map(|&size| Weight { bytes: size * 100, entries: size }).collect();
        assert_eq!(merge_count(&weights, Effort::Busy), expected);
    }

    #[test]
    fn a_store_at_rest_keeps_less_that_is_out_of_date() {
        let weigh = |size| Weight { bytes: size * 100, entries: size };
        assert_eq!(merge_count(&[weigh(1), weigh(11)], Effort::Idle), Some(2));
        assert_eq!(merge_count(&[weigh(1), weigh(13)], Effort::Idle), None);
    }

    #[test]
    fn runs_are_merged_once_the_newer_ones_weigh_a_third_of_an_older_one() {
        check(&[], None);
        check(&[7], None);
        check(&[1, 3], None);
        check(&[1, 2], Some(2));
        check(&[1, 3, 12], None);
        check(&[1, 3, 11], Some(3));
        check(&[1, 1, 100], Some(2));
    }

    #[test]
    fn many_short_tombstones_weigh_as_much_as_the_rows_they_hide() {
        let rows = Weight { bytes: 100_000, entries: 1000 };
        let tombstones = Weight { bytes: 1000, entries: 500 };
        assert_eq!(merge_count(&[tombstones, rows], Effort::Busy), Some(2));
    }

    #[test]
    fn a_store_that_only_grows_keeps_few_runs_and_rewrites_little() {
        let (mut runs, mut written) = (Vec::<u64>::new(), 0);
        for _ in 0..1000 {
            runs.insert(0, 1);
            let weigh = |&size: &u64| Weight { bytes: size, entries: size };
            while let Some(count) =
                merge_count(&runs.iter().map(weigh).collect::<Vec<_>>(), Effort::Busy)
            {
                let merged = runs.drain(..count).sum();
                written += merged;
                runs.insert(0, merged);
            }
            assert!(runs.len() <= 6, "{runs:?}");
        }
        assert!(written < 20 * 1000, "{written} written for 1000");
    }
}
