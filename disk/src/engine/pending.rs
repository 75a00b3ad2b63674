//! `PendingRows`: rows as they will be once all that was committed is published.

use crate::format::Lsn;
use bytes::Bytes;
use std::{collections::BTreeMap, mem, ops::Bound};

/// A committed change of a row that is not published.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) position: Lsn,
    pub(crate) value: Option<Bytes>,
}

/// The changed rows of some commits; of each key the last change.
pub(crate) type Changes = BTreeMap<Bytes, Pending>;

/// Two maps, so that the rows of a group are let go as a whole and not one by one: under the commit
/// lock that costs two moves a group, whatever its size.
#[derive(Debug, Default)]
pub(crate) struct PendingRows {
    /// Of commits that no group has taken. Some may be published by now; what they say is still
    /// true, because later commits come here as well.
    queued: Changes,
    /// Of the group that is being written.
    leaving: Changes,
}

impl PendingRows {
    /// What the last of the commits that may not be published made of the row.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Pending> {
        self.queued.get(key).or_else(|| self.leaving.get(key))
    }

    /// The rows of a range that such commits changed, each once, in no order.
    pub(crate) fn range<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
    ) -> impl Iterator<Item = (&'a Bytes, &'a Pending)> {
        let bounds = (Bound::Included(start), Bound::Excluded(end));
        let older = self.leaving.range::<[u8], _>(bounds);
        let older = older.filter(|(key, _)| !self.queued.contains_key(&key[..]));
        self.queued.range::<[u8], _>(bounds).chain(older)
    }

    /// Takes note of a commit's change.
    pub(crate) fn insert(&mut self, key: Bytes, change: Pending) {
        self.queued.insert(key, change);
    }

    /// A group takes all that is queued.
    pub(crate) fn leave(&mut self) {
        debug_assert!(self.leaving.is_empty(), "one group is written at a time");
        self.leaving = mem::take(&mut self.queued);
    }

    /// The group is published. What it leaves is to be dropped without the commit lock.
    pub(crate) fn arrive(&mut self) -> Changes {
        mem::take(&mut self.leaving)
    }

    /// All that was queued is published.
    pub(crate) fn forget_queued(&mut self) -> Changes {
        mem::take(&mut self.queued)
    }

    /// True when every commit is published, and none is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty() && self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(position: Lsn, value: Option<&'static str>) -> Pending {
        Pending { position, value: value.map(Bytes::from) }
    }

    fn positions(rows: &PendingRows) -> Vec<Lsn> {
        let mut positions: Vec<_> = rows.range(b"a", b"z").map(|(_, row)| row.position).collect();
        positions.sort_unstable();
        positions
    }

    #[test]
    fn the_last_change_counts_until_its_group_is_published() {
        let mut rows = PendingRows::default();
        rows.insert("b".into(), change(8, Some("old")));
        rows.insert("c".into(), change(16, None));
        rows.leave();
        rows.insert("b".into(), change(24, Some("new")));
        assert_eq!(rows.get(b"b").map(|row| row.position), Some(24));
        assert_eq!(rows.get(b"c").map(|row| row.position), Some(16));
        assert_eq!(positions(&rows), [16, 24]);
        assert_eq!(rows.arrive().len(), 2);
        assert_eq!(positions(&rows), [24]);
        assert!(rows.get(b"c").is_none());
        assert_eq!(rows.forget_queued().len(), 1);
        assert!(rows.is_empty());
    }
}
