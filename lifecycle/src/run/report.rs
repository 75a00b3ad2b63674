//! What a run did, by action and class.

use cistern_storage_core::{
    BucketName, LifecycleAct, LifecycleChange, LifecycleOutcome, RestoresSettled, StorageClass,
};
use std::{collections::BTreeMap, fmt};

/// What a run did in the whole store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunReport {
    /// Every bucket that has a lifecycle, or a restore that was done or lapsed; by name.
    pub buckets: Vec<BucketReport>,
}

/// What a run did in one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketReport {
    /// The bucket.
    pub bucket: BucketName,
    /// How many versions and delete markers were looked at.
    pub versions: u64,
    /// Versions that were moved, by class left and class entered.
    pub transitions: BTreeMap<(StorageClass, StorageClass), u64>,
    /// Versions that were deleted for good, by class.
    pub deleted: BTreeMap<StorageClass, u64>,
    /// Delete markers that were removed.
    pub delete_markers_removed: u64,
    /// Delete markers that were pushed.
    pub delete_markers_created: u64,
    /// Uploads that were aborted.
    pub uploads_aborted: u64,
    /// Acts that were left to the next run, because something else changed at the same time.
    pub left: u64,
    /// Deletions that a lock stood against.
    pub locked: u64,
    /// Restores that are done, and copies that have lapsed.
    pub restores: RestoresSettled,
}

impl BucketReport {
    pub(super) fn new(bucket: BucketName) -> Self {
        Self {
            bucket,
            versions: 0,
            transitions: BTreeMap::new(),
            deleted: BTreeMap::new(),
            delete_markers_removed: 0,
            delete_markers_created: 0,
            uploads_aborted: 0,
            left: 0,
            locked: 0,
            restores: RestoresSettled::default(),
        }
    }

    pub(super) fn count(&mut self, act: &LifecycleAct, outcome: LifecycleOutcome) {
        match (outcome, act) {
            (LifecycleOutcome::Done, LifecycleAct::AbortUpload(_)) => self.uploads_aborted += 1,
            (LifecycleOutcome::Done, LifecycleAct::Change { version, change, .. }) => {
                let class = version.storage_class();
                match change {
                    LifecycleChange::Transition(to) => {
                        *self.transitions.entry((class, *to)).or_default() += 1;
                    }
                    LifecycleChange::Delete if version.is_delete_marker() => {
                        self.delete_markers_removed += 1;
                    }
                    LifecycleChange::Delete => *self.deleted.entry(class).or_default() += 1,
                    LifecycleChange::PushDeleteMarker(_) => self.delete_markers_created += 1,
                    // This crate decides on nothing else.
                    _ => {}
                }
            }
            (LifecycleOutcome::Locked, _) => self.locked += 1,
            _ => self.left += 1,
        }
    }

    /// Versions that were moved.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.transitions.values().sum()
    }

    /// Everything that was done.
    #[must_use]
    pub fn acts(&self) -> u64 {
        self.moved()
            + self.deleted.values().sum::<u64>()
            + self.delete_markers_removed
            + self.delete_markers_created
            + self.uploads_aborted
    }
}

impl RunReport {
    /// Everything that was done.
    #[must_use]
    pub fn acts(&self) -> u64 {
        self.buckets.iter().map(BucketReport::acts).sum()
    }

    /// Versions that were moved to another class.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.buckets.iter().map(BucketReport::moved).sum()
    }

    /// Versions that were deleted for good; delete markers do not count.
    #[must_use]
    pub fn deleted(&self) -> u64 {
        self.buckets.iter().flat_map(|bucket| bucket.deleted.values()).sum()
    }

    /// Acts that were left to the next run.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.left).sum()
    }
}

/// One line for each kind of act that was done: `STANDARD -> GLACIER: 3`.
impl fmt::Display for BucketReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} acts on {} versions", self.bucket, self.acts(), self.versions)?;
        for ((from, to), count) in &self.transitions {
            writeln!(f, "  {from} -> {to}: {count}")?;
        }
        for (class, count) in &self.deleted {
            writeln!(f, "  {class} deleted: {count}")?;
        }
        let numbers = [
            ("delete markers pushed", self.delete_markers_created),
            ("delete markers removed", self.delete_markers_removed),
            ("uploads aborted", self.uploads_aborted),
            ("left to the next run", self.left),
            ("held by a lock", self.locked),
            ("restores done", self.restores.completed),
            ("restored copies lapsed", self.restores.lapsed),
        ];
        let some = numbers.iter().filter(|(_, count)| *count > 0);
        some.into_iter().try_for_each(|(what, count)| writeln!(f, "  {what}: {count}"))
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.buckets.iter().try_for_each(|bucket| bucket.fmt(f))
    }
}
