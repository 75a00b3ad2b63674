//! The bucket's change feed: read it, find its end, trim it.

use super::{Bucket, Listing, listing::pages};
use crate::{
    action::Action,
    bucket_config::ChangeFeed,
    changes::{self, Change, Cursor},
    error::{Error, Result},
    port::{Batch, CommitError, KeyRange, Order, Row, Value},
    row::ranges,
    store::Committed,
};

/// Changes that are read at once, and rows that one commit of a trim removes.
const PAGE: usize = 256;

impl Bucket {
    /// Every change behind `since`, in the order of commits: what was written to the bucket, of
    /// which key and version, in the same commit as the change itself.
    ///
    /// The iterator ends where the feed ends by then, and after the first error. To go on later, ask
    /// again with the cursor of the last change: no change is missed and none comes twice, across
    /// crashes too, and also between two changes of one commit. Changes of one key come in the order
    /// of their sequencers.
    ///
    /// Only changes that were made while the feed was on are in it.
    ///
    /// Cost: one scan and one row for each 256 changes. Memory: one such page. A change costs its
    /// writer one more row in a commit that happens anyway: about 100 bytes and the key, until it is
    /// trimmed.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the bucket keeps no feed; [`Error::InvalidArgument`] for a
    /// cursor of another bucket, and for one whose following changes were trimmed.
    pub fn changes(&self, since: Cursor) -> Listing<Change> {
        let bucket = self.clone();
        pages(Some(since), move |since| bucket.changes_page(*since))
    }

    /// The place behind the newest change; [`Cursor::start`] when there is none. Reading from here
    /// gives what happens from now on.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when the bucket keeps no feed.
    pub fn changes_end(&self) -> Result<Cursor> {
        self.permit(Action::ListBucketVersions, None, None)?;
        self.check_feed()?;
        let id = self.state().id;
        let (start, end) = (Cursor::start().row_behind(id), ranges::changes(id).1);
        let range = KeyRange::between(&start, &end);
        if let Some(newest) = self.store().scan(range, Order::Reverse, 1)?.pop() {
            return Ok(self.change(&newest)?.cursor());
        }
        Ok(self.changes_floor()?.map_or(Cursor::start(), |(_, floor)| floor))
    }

    /// Forgets all changes up to `until`, with the one it was taken from. Gives back how many.
    ///
    /// A reader who stands before `until` is turned away from then on: he would miss changes without
    /// knowing. What was trimmed stays trimmed when this fails half way. Also works where the feed
    /// was switched off meanwhile.
    ///
    /// Cost: one commit for each 256 changes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a cursor of another bucket.
    pub fn trim_changes(&self, until: Cursor) -> Result<u64> {
        self.permit(Action::PutBucketNotification, None, None)?;
        let id = self.state().id;
        until.check_bucket(id)?;
        let mut trimmed = 0;
        if until == Cursor::start() {
            return Ok(trimmed);
        }
        let (start, end) = (Cursor::start().row_behind(id), until.row_behind(id));
        loop {
            let rows = self.store().scan(KeyRange::between(&start, &end), Order::Forward, PAGE)?;
            if rows.is_empty() {
                return Ok(trimmed);
            }
            // `None` when somebody else trimmed at the same time: look again.
            if self.trim(&rows)?.is_some() {
                trimmed += rows.len() as u64;
            }
        }
    }

    fn changes_page(&self, since: Cursor) -> Result<(Vec<Change>, Option<Cursor>)> {
        self.permit(Action::ListBucketVersions, None, None)?;
        self.check_feed()?;
        let id = self.state().id;
        since.check_bucket(id)?;
        let (start, end) = (since.row_behind(id), ranges::changes(id).1);
        let rows = self.store().scan(KeyRange::between(&start, &end), Order::Forward, PAGE)?;
        // The floor is read after the rows: a trim between the two is noticed.
        let floor = self.changes_floor()?.map(|(_, floor)| floor);
        if since.is_before_floor(floor) {
            return Err(changes::trimmed(since));
        }
        let full = rows.len() == PAGE;
        let page: Vec<Change> = rows.iter().map(|row| self.change(row)).collect::<Result<_>>()?;
        let next = page.last().map(Change::cursor).filter(|_| full);
        Ok((page, next))
    }

    fn check_feed(&self) -> Result<()> {
        match self.config()?.change_feed {
            ChangeFeed::On => Ok(()),
            ChangeFeed::Off => Err(Error::invalid_request(
                "the bucket keeps no change feed; switch it on with ChangeFeed::On",
            )),
        }
    }

    fn change(&self, row: &Row) -> Result<Change> {
        changes::decode(self.state().id, self.name(), &row.key, &row.value.to_bytes())
    }

    fn changes_floor(&self) -> Result<Option<(Value, Cursor)>> {
        let raw = self.store().row(&changes::floor_key(self.state().id))?;
        raw.map(|raw| changes::decode_floor(&raw.to_bytes()).map(|floor| (raw, floor))).transpose()
    }

    /// Removes change rows, the oldest there are, and raises the floor over them.
    fn trim(&self, rows: &[Row]) -> Result<Option<Committed>> {
        let store = self.store();
        // Held until the commit has its place: a bucket is not deleted and made anew in between.
        let config = self.config()?;
        let mut batch = Batch::new(config.durability.unwrap_or(store.settings.durability));
        let seen = self.changes_floor()?;
        let last = rows.last().expect("a trim begins with at least one row");
        let mut floor = self.change(last)?.cursor();
        if let Some((_, seen)) = &seen {
            floor = floor.max(*seen);
        }
        let key = changes::floor_key(self.state().id);
        batch.unchanged(key.clone(), seen.map(|(raw, _)| raw));
        batch.put(key, changes::encode_floor(floor));
        rows.iter().for_each(|row| batch.delete(row.key.clone()));
        let ticket = match store.backend.commit(batch) {
            Ok(ticket) => ticket,
            Err(CommitError::Conflict { .. }) => return Ok(None),
            Err(CommitError::Backend(source)) => {
                return Err(Error::backend("trim a change feed", source));
            }
        };
        drop(config);
        store.wait(ticket).map(Some)
    }
}
