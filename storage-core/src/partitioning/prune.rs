//! `PrunedList`: a walk over the partitions that a predicate can match.
//!
//! ```text
//!   level 0   values that the predicate names   --> straight to each prefix
//!   level 1   a range of ordered texts          --> common prefixes from bound to bound
//!   level 2   anything else                     --> all common prefixes, looked at one by one
//!   files     the objects under the prefix
//! ```

use super::{
    Partitioning,
    field::Field,
    known::Known,
    predicate::Tree,
    reach::{Reach, reach},
    value::Value,
};
use crate::{
    bucket::{Bucket, Listing},
    error::Result,
    listing::{ListEntry, ListOptions},
    object::ObjectInfo,
};
use std::{collections::BTreeSet, fmt};

/// The objects of the partitions that a predicate can match. Ends after the first error.
pub struct PrunedList {
    partitioning: Partitioning,
    bucket: Bucket,
    tree: Tree,
    levels: Vec<Level>,
    stats: PruneStats,
}

/// What a walk has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneStats {
    /// Partitions that were entered, of every level; also those that a predicate named and that
    /// turned out to be empty.
    pub prefixes_visited: u64,
    /// Partitions that were seen and passed over. What a walk jumps over it does not see.
    pub prefixes_skipped: u64,
    /// Objects that were listed.
    pub objects: u64,
    /// Objects and prefixes that the partitioning would not have made, and that were passed over.
    pub foreign: u64,
}

/// A level on the way down.
struct Level {
    prefix: String,
    values: Vec<Value>,
    next: Next,
}

/// What comes next on a level.
enum Next {
    /// The values that a predicate names.
    Values(std::collections::btree_set::IntoIter<Value>),
    /// Common prefixes, up to the last one that can match.
    Prefixes(Listing<ListEntry>, Option<String>),
    /// The objects of a partition.
    Objects(Listing<ObjectInfo>),
}

/// What the walk does next.
enum Step {
    Enter(Value, String),
    Give(ObjectInfo),
    PassOver,
    Leave,
}

impl PrunedList {
    pub(super) fn new(partitioning: Partitioning, bucket: Bucket, tree: Tree) -> Self {
        let root = partitioning.root().to_owned();
        let stats = PruneStats::default();
        let mut list = Self { partitioning, bucket, tree, levels: Vec::new(), stats };
        if list.partitioning.can_hold(&list.tree, &[]) {
            list.enter(root, Vec::new());
        }
        list
    }

    /// What the walk has seen so far.
    #[must_use]
    pub fn stats(&self) -> PruneStats {
        self.stats
    }

    fn enter(&mut self, prefix: String, values: Vec<Value>) {
        let fields = self.partitioning.fields();
        let next = match fields.get(values.len()) {
            None => Next::Objects(self.bucket.list(prefix.as_str())),
            Some(field) => {
                let known = Known { fields, values: &values };
                match reach(&self.tree, field, known) {
                    Reach::Values(mut values) => {
                        // What the field cannot hold, no key says.
                        values.retain(|value| field.kind.encode(value).is_some());
                        Next::Values(values.into_iter())
                    }
                    Reach::Between(low, high) if field.kind.keeps_order() => {
                        self.between(&prefix, field, low.as_ref(), high.as_ref())
                    }
                    Reach::Between(..) | Reach::Anything => {
                        let options = ListOptions::new().prefix(prefix.as_str()).delimiter("/");
                        Next::Prefixes(self.bucket.list_entries(options), None)
                    }
                }
            }
        };
        self.levels.push(Level { prefix, values, next });
    }

    /// The common prefixes from one value to another. A bound that the field cannot hold is none.
    fn between(
        &self,
        prefix: &str,
        field: &Field,
        low: Option<&Value>,
        high: Option<&Value>,
    ) -> Next {
        if let (Some(low), Some(high)) = (low, high)
            && low > high
        {
            return Next::Values(BTreeSet::new().into_iter());
        }
        let place = |value: &Value| {
            let segment = self.partitioning.segment(field, value)?;
            Some(format!("{prefix}{segment}"))
        };
        let mut options = ListOptions::new().prefix(prefix).delimiter("/");
        if let Some(start) = low.and_then(place) {
            // Without the slash it sorts before everything in that partition, and is not in it.
            options = options.start_after(&start[..start.len() - 1]);
        }
        // No page larger than the range: what a page finds behind the bound it finds in vain.
        let distance = match (low, high) {
            (Some(Value::Integer(low)), Some(Value::Integer(high))) => high.checked_sub(*low),
            (Some(Value::Time(low)), Some(Value::Time(high))) => {
                Some(high.millis_since(*low) / DAY_MILLIS)
            }
            _ => None,
        };
        if let Some(places) = distance.and_then(|distance| u32::try_from(distance).ok()) {
            options = options.max_keys(places.saturating_add(1));
        }
        Next::Prefixes(self.bucket.list_entries(options), high.and_then(place))
    }

    fn step(&mut self) -> Result<Option<Step>> {
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        let field = self.partitioning.fields().get(level.values.len());
        let step = match (&mut level.next, field) {
            (Next::Objects(objects), _) => match objects.next().transpose()? {
                // A key that ends with the partition itself names no file.
                Some(info) if info.key().as_str() == level.prefix => Step::PassOver,
                Some(info) => Step::Give(info),
                None => Step::Leave,
            },
            (Next::Values(values), Some(field)) => match values.next() {
                Some(value) => {
                    let segment = self.partitioning.segment(field, &value).unwrap_or_default();
                    Step::Enter(value, format!("{}{segment}", level.prefix))
                }
                None => Step::Leave,
            },
            (Next::Prefixes(entries, last), Some(field)) => match entries.next().transpose()? {
                Some(ListEntry::CommonPrefix(prefix)) => {
                    if last.as_ref().is_some_and(|last| prefix > *last) {
                        Step::Leave
                    } else {
                        let segment = &prefix[level.prefix.len()..];
                        let value = self.partitioning.read_segment(field, segment);
                        value.map_or(Step::PassOver, |value| Step::Enter(value, prefix))
                    }
                }
                Some(ListEntry::Object(_)) => Step::PassOver,
                None => Step::Leave,
            },
            // Only objects lie below the last field.
            (_, None) => Step::Leave,
        };
        Ok(Some(step))
    }

    fn descend(&mut self, value: Value, prefix: String) {
        let Some(level) = self.levels.last() else { return };
        let mut values = level.values.clone();
        values.push(value);
        if self.partitioning.can_hold(&self.tree, &values) {
            self.stats.prefixes_visited += 1;
            self.enter(prefix, values);
        } else {
            self.stats.prefixes_skipped += 1;
        }
    }
}

const DAY_MILLIS: i64 = 86_400_000;

impl Iterator for PrunedList {
    type Item = Result<ObjectInfo>;

    fn next(&mut self) -> Option<Result<ObjectInfo>> {
        loop {
            match self.step() {
                Ok(None) => return None,
                Ok(Some(Step::Give(info))) => {
                    self.stats.objects += 1;
                    return Some(Ok(info));
                }
                Ok(Some(Step::Enter(value, prefix))) => self.descend(value, prefix),
                Ok(Some(Step::PassOver)) => self.stats.foreign += 1,
                Ok(Some(Step::Leave)) => drop(self.levels.pop()),
                Err(error) => {
                    self.levels.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl fmt::Debug for PrunedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrunedList")
            .field("partitioning", &self.partitioning)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
