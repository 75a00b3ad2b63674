//! Walks rows in order, a chunk at a time, and jumps where it is told to.

use crate::{
    error::Result,
    port::{KeyRange, Order, Row},
    store::{StoreInner, after},
};
use bytes::Bytes;

/// The first chunk after a jump: a list with a delimiter mostly wants one row and jumps again.
const CHUNK_AFTER_JUMP: usize = 2;
/// The largest chunk: a page and the row that tells whether there is another.
const CHUNK_MAX: usize = 1001;

#[derive(Clone)]
pub(crate) struct RowCursor<'a> {
    store: &'a StoreInner,
    /// Where the next chunk begins.
    start: Bytes,
    end: Bytes,
    chunk: usize,
    rows: std::vec::IntoIter<Row>,
    exhausted: bool,
}

impl<'a> RowCursor<'a> {
    /// Walks `start..end`, in chunks of `chunk` rows at first.
    pub(crate) fn new(store: &'a StoreInner, start: Bytes, end: Bytes, chunk: usize) -> Self {
        let chunk = chunk.clamp(1, CHUNK_MAX);
        Self { store, start, end, chunk, rows: Vec::new().into_iter(), exhausted: false }
    }

    /// Begins at `to` instead; nothing was read yet.
    pub(crate) fn begin(&mut self, to: Bytes) {
        self.start = to.max(std::mem::take(&mut self.start));
    }

    /// True when the next row needs another scan: what it shows is of another moment.
    pub(crate) fn is_due(&self) -> bool {
        self.rows.as_slice().is_empty() && !self.exhausted
    }

    /// Gives `row` out before all others.
    pub(crate) fn put_first(&mut self, row: Row) {
        let mut rows = vec![row];
        rows.extend(self.rows.by_ref());
        self.rows = rows.into_iter();
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row>> {
        if self.is_due() {
            self.fill()?;
        }
        Ok(self.rows.next())
    }

    /// Scans once.
    pub(crate) fn fill(&mut self) -> Result<()> {
        let range = KeyRange::between(&self.start, &self.end);
        let rows = self.store.scan(range, Order::Forward, self.chunk)?;
        self.exhausted = rows.len() < self.chunk;
        if let Some(last) = rows.last() {
            self.start = after(&last.key);
        }
        self.chunk = (self.chunk * 4).min(CHUNK_MAX);
        self.rows = rows.into_iter();
        Ok(())
    }

    /// Goes on at the first row that is not before `to`.
    pub(crate) fn jump(&mut self, to: Bytes) {
        let ahead = self.rows.as_slice();
        let passed = ahead.partition_point(|row| row.key < to);
        if passed < ahead.len() {
            self.rows.by_ref().take(passed).for_each(drop);
            return;
        }
        self.rows = Vec::new().into_iter();
        if to > self.start {
            self.start = to;
            self.chunk = CHUNK_AFTER_JUMP;
        }
    }
}
