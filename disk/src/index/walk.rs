//! Walks: rows are shown where they lie, and passed over where the walk jumps.
//!
//! Cursors over runs and frozen generations stay alive from jump to jump. The active generation
//! changes all the while: its rows are copied, a few at a time, under the lock. Each time it is
//! looked whether all below it is still what the other cursors walk over; if it is not, the walk
//! begins anew where it is, on what is there now. So whatever is shown is of the moment of the last
//! copy, and the next rows are of a later one.

use super::{
    Index, Lower,
    cursor::{FrozenCursor, Keep, Merged, RunCursor, Source},
};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, KeyRange, Order, Step, Visit};
use std::{ops::Bound, sync::Arc, vec};

/// How many rows of the active generation are copied first, and after a jump.
const ROWS_MIN: usize = 4;

/// How many are copied at most.
const ROWS_MAX: usize = 1024;

impl Index {
    /// Shows the rows of `range` to `visit`, and goes on where it says.
    ///
    /// # Errors
    /// When a block cannot be read or is damaged.
    pub(crate) fn walk(
        &self,
        range: KeyRange<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(), BackendError> {
        let mut start = range.start.map(Bytes::copy_from_slice);
        loop {
            let rest = KeyRange { start: borrowed(&start), end: range.end };
            if rest.is_empty() {
                return Ok(());
            }
            let lower = Arc::clone(&self.state.read().lower);
            match self.walk_over(&lower, rest, visit)? {
                Some(stale_from) => start = stale_from,
                None => return Ok(()),
            }
        }
    }

    /// Walks as long as `lower` is what lies below the active generation; where it is not any more,
    /// says where to go on.
    fn walk_over(
        &self,
        lower: &Arc<Lower>,
        range: KeyRange<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Bound<Bytes>>, BackendError> {
        let mut merged = self.merge_for_walk(lower, range)?;
        let rest = KeyRange { start: Bound::Unbounded, end: range.end };
        loop {
            merged.next()?;
            if let Some(from) = merged.stale_from() {
                return Ok(Some(from.clone()));
            }
            let Some(source) = merged.current() else { return Ok(None) };
            let Some(key) = source.key().filter(|key| rest.contains(key)) else { return Ok(None) };
            let Some(value) = source.value_slice() else { continue };
            match visit(key, value.into()) {
                Step::Next => {}
                Step::Jump(to) if &to[..] > key => merged.seek(&to)?,
                Step::Jump(_) => {}
                Step::Stop => return Ok(None),
            }
        }
    }

    fn merge_for_walk<'a>(
        &'a self,
        lower: &'a Arc<Lower>,
        range: KeyRange<'a>,
    ) -> Result<Merged<'a>, BackendError> {
        let mut sources = Vec::with_capacity(1 + lower.frozen.len() + lower.runs.len());
        sources.push(Source::Active(ActiveCursor::new(self, lower, range)));
        for frozen in &lower.frozen {
            sources.push(Source::Frozen(FrozenCursor::new(frozen, range, Order::Forward)));
        }
        for run in &lower.runs {
            let cursor = RunCursor::seek(run, range, Order::Forward, Keep::InCache)?;
            sources.extend(cursor.map(Source::Run));
        }
        Ok(Merged::new(sources, Order::Forward))
    }
}

fn borrowed(bound: &Bound<Bytes>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| &key[..])
}

/// A cursor over the active generation.
#[derive(Debug)]
pub(super) struct ActiveCursor<'a> {
    index: &'a Index,
    /// What the other cursors walk over.
    lower: &'a Arc<Lower>,
    end: Bound<&'a [u8]>,
    head: Option<(Bytes, Option<Bytes>)>,
    copied: vec::IntoIter<(Bytes, Option<Bytes>)>,
    /// There may be more behind what was copied.
    more: bool,
    limit: usize,
    /// Where the rows begin that were asked for when `lower` was no longer what it was.
    stale_from: Option<Bound<Bytes>>,
}

impl<'a> ActiveCursor<'a> {
    fn new(index: &'a Index, lower: &'a Arc<Lower>, range: KeyRange<'a>) -> Self {
        let (end, copied) = (range.end, Vec::new().into_iter());
        let (head, more, limit, stale_from) = (None, false, ROWS_MIN, None);
        let mut cursor = Self { index, lower, end, head, copied, more, limit, stale_from };
        cursor.copy_from(range.start);
        cursor
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        self.head.as_ref().map(|(key, _)| &key[..])
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        self.head.as_ref().and_then(|(_, value)| value.as_deref())
    }

    pub(super) fn stale_from(&self) -> Option<&Bound<Bytes>> {
        self.stale_from.as_ref()
    }

    pub(super) fn advance(&mut self) {
        let before = self.head.take();
        self.head = self.copied.next();
        if let (None, true, Some((key, _))) = (&self.head, self.more, before) {
            self.limit = (self.limit * 4).min(ROWS_MAX);
            self.copy_from(Bound::Excluded(&key));
        }
    }

    /// Goes ahead to the first row that is not before `to`.
    pub(super) fn seek(&mut self, to: &[u8]) {
        let passed = self.copied.as_slice().partition_point(|(key, _)| &key[..] < to);
        self.head = self.copied.nth(passed);
        if self.head.is_none() && self.more {
            self.limit = ROWS_MIN;
            self.copy_from(Bound::Included(to));
        }
    }

    fn copy_from(&mut self, start: Bound<&[u8]>) {
        let range = KeyRange { start, end: self.end };
        let state = self.index.settled();
        if !Arc::ptr_eq(&state.lower, self.lower) {
            self.stale_from = Some(start.map(Bytes::copy_from_slice));
            return;
        }
        let copied = state.active.copy(range, Order::Forward, self.limit);
        drop(state);
        self.more = copied.iter().filter(|(_, value)| value.is_some()).count() == self.limit;
        self.copied = copied.into_iter();
        self.head = self.copied.next();
    }
}
