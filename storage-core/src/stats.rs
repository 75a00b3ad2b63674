//! `BucketStats`: how much a bucket holds, kept up to date by every commit.

use crate::{
    port::Batch,
    row::{ObjectRow, counter_key},
    storage_class::StorageClass,
};
use smallvec::SmallVec;

/// What is counted, as stored in a counter's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Objects = 0,
    ObjectBytes = 1,
    Noncurrent = 2,
    NoncurrentBytes = 3,
    DeleteMarkers = 4,
    Uploads = 5,
    UploadBytes = 6,
}

/// What a bucket holds in one storage class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// Current versions that are data.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Noncurrent versions that are data.
    pub noncurrent: u64,
    /// Their bytes.
    pub noncurrent_bytes: u64,
    /// Delete markers, current or not; they count under STANDARD.
    pub delete_markers: u64,
    /// Multipart uploads in progress.
    pub uploads: u64,
    /// Bytes of their parts.
    pub upload_bytes: u64,
}

/// What a bucket holds, by storage class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketStats {
    /// One entry for each class that holds something, by the class's stored order.
    pub classes: Vec<(StorageClass, ClassStats)>,
}

impl BucketStats {
    pub(crate) fn from_counters(
        prefix_bytes: usize,
        counters: impl Iterator<Item = (bytes::Bytes, i64)>,
    ) -> Self {
        let mut stats = Self::default();
        for (key, count) in counters {
            let Some([class, what]) = key.get(prefix_bytes..) else { continue };
            let Some(class) = StorageClass::from_code(*class) else { continue };
            let count = u64::try_from(count).unwrap_or(0);
            let entry = stats.entry(class);
            match *what {
                0 => entry.objects = count,
                1 => entry.object_bytes = count,
                2 => entry.noncurrent = count,
                3 => entry.noncurrent_bytes = count,
                4 => entry.delete_markers = count,
                5 => entry.uploads = count,
                6 => entry.upload_bytes = count,
                _ => {}
            }
        }
        stats
    }

    fn entry(&mut self, class: StorageClass) -> &mut ClassStats {
        let at = match self.classes.iter().position(|(known, _)| *known == class) {
            Some(at) => at,
            None => {
                self.classes.push((class, ClassStats::default()));
                self.classes.len() - 1
            }
        };
        &mut self.classes[at].1
    }

    /// The sum over all classes.
    #[must_use]
    pub fn total(&self) -> ClassStats {
        let mut total = ClassStats::default();
        for (_, class) in &self.classes {
            total.objects += class.objects;
            total.object_bytes += class.object_bytes;
            total.noncurrent += class.noncurrent;
            total.noncurrent_bytes += class.noncurrent_bytes;
            total.delete_markers += class.delete_markers;
            total.uploads += class.uploads;
            total.upload_bytes += class.upload_bytes;
        }
        total
    }

    /// What the bucket holds in one class.
    #[must_use]
    pub fn class(&self, class: StorageClass) -> ClassStats {
        let found = self.classes.iter().find(|(known, _)| *known == class);
        found.map(|(_, stats)| *stats).unwrap_or_default()
    }
}

/// The changes of one commit to a bucket's counters, before they are added up.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Few: a put changes two, or four when it replaces an object of another class.
    deltas: SmallVec<[(u8, Counted, i64); 6]>,
}

impl Tally {
    /// Counts a version in (`sign` 1) or out (-1).
    pub(crate) fn add(&mut self, row: &ObjectRow, is_current: bool, sign: i64) {
        if row.delete_marker {
            return self.change(StorageClass::Standard, Counted::DeleteMarkers, sign);
        }
        let (count, bytes) = if is_current {
            (Counted::Objects, Counted::ObjectBytes)
        } else {
            (Counted::Noncurrent, Counted::NoncurrentBytes)
        };
        self.change(row.class, count, sign);
        self.change(row.class, bytes, sign * signed(row.size));
    }

    /// Changes one counter.
    pub(crate) fn change(&mut self, class: StorageClass, what: Counted, delta: i64) {
        let class = class.code();
        match self.deltas.iter_mut().find(|(known, kind, _)| *known == class && *kind == what) {
            Some((_, _, sum)) => *sum += delta,
            None => self.deltas.push((class, what, delta)),
        }
    }

    /// The counters that have these changes, when they were 0 before.
    pub(crate) fn into_counts(self, bucket: u32) -> impl Iterator<Item = (bytes::Bytes, i64)> {
        let counts = self.deltas.into_iter().filter(|(.., count)| *count != 0);
        counts.map(move |(class, what, count)| (counter_key(bucket, class, what as u8), count))
    }

    pub(crate) fn finish(&mut self, bucket: u32, batch: &mut Batch) {
        for (class, what, delta) in self.deltas.drain(..) {
            if delta != 0 {
                batch.add(counter_key(bucket, class, what as u8), delta);
            }
        }
    }
}

/// A size as a counter's change. No body is longer than 2^63 bytes.
pub(crate) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
