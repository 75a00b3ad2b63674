//! `Edit`: one change to the versions of one key, on its way to a commit.
//!
//! ```text
//!   push a new one:     current --> noncurrent (newest first)
//!   remove by version:  current:    the newest noncurrent one takes its place
//!                       noncurrent: it is cut out
//! ```
//!
//! Every edit holds the current version's row to what it saw, so that two edits of one key never
//! both succeed on the same view. A promotion also holds the gap between the two rows it moves.

use crate::{
    bucket::BucketState,
    bucket_config::{BucketConfig, ChangeFeed},
    changes,
    error::{Error, Result},
    event::{Event, EventName},
    object_key::ObjectKey,
    port::{
        Batch, CommitError, Durability, KeyRange, Order, Position, Precondition, Ticket, Value,
    },
    row::{
        BodyRow, Extent, HeadKey, ManifestRow, ObjectRow, PartEntry, manifest_key, ranges, seq_of,
        split_row, stamped_prefix,
    },
    row_key::RowKey,
    stats::Tally,
    store::{StoreInner, after},
    version_id::VersionId,
    versioning::Versioning,
};
use bytes::Bytes;
use std::{borrow::Cow, sync::Arc};

/// How many versions or manifest rows are read at once.
const PAGE: usize = 256;
/// Parts in one manifest row: about 64 KiB.
const MANIFEST_PARTS: usize = 512;

pub(crate) struct Edit<'a> {
    store: &'a StoreInner,
    bucket: &'a Arc<BucketState>,
    config: &'a BucketConfig,
    key: &'a str,
    head: HeadKey,
    /// The row key of the current version, as a batch takes it.
    head_row: Bytes,
    batch: Batch,
    tally: Tally,
    events: Vec<Event>,
}

/// A version as it stands in its row.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The row's key.
    pub(crate) at: RowKey,
    /// The row's value.
    pub(crate) raw: Value,
    pub(crate) row: ObjectRow,
}

impl Stored {
    #[inline]
    pub(crate) fn decode(at: RowKey, raw: Value) -> Result<Self> {
        match ObjectRow::decode(&raw) {
            Ok(row) => Ok(Self { at, raw, row }),
            Err(damage) => Err(Error::damaged("an object's row", damage.0)),
        }
    }
}

/// What became of a search for a version by its name.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, never kept")]
pub(crate) enum Lookup {
    /// Here it is.
    Found(Stored),
    /// The key has no such version.
    Absent,
    /// The key's versions changed places meanwhile: look again.
    Disturbed,
}

impl<'a> Edit<'a> {
    // Made where it is used: it is too wide to be moved about.
    #[inline]
    pub(crate) fn new(
        store: &'a StoreInner,
        bucket: &'a Arc<BucketState>,
        config: &'a BucketConfig,
        key: &'a str,
        durability: Option<Durability>,
    ) -> Self {
        let durability = durability.or(config.durability).unwrap_or(store.settings.durability);
        let head = HeadKey::new(bucket.id, key);
        Self {
            store,
            bucket,
            config,
            key,
            head_row: head.row().to_bytes(),
            head,
            batch: Batch::new(durability),
            tally: Tally::default(),
            events: Vec::new(),
        }
    }

    /// A further key of the same bucket in the same commit.
    pub(crate) fn turn_to(&mut self, key: &'a str) {
        self.key = key;
        self.head = HeadKey::new(self.bucket.id, key);
        self.head_row = self.head.row().to_bytes();
    }

    /// The key that is edited.
    pub(crate) fn key(&self) -> &'a str {
        self.key
    }

    /// The next number in the order of writes.
    pub(crate) fn next_seq(&self) -> Result<u64> {
        self.store.sequence.next(&*self.store.backend)
    }

    pub(crate) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// The current version, or the delete marker in its place; the commit holds it to this.
    #[inline]
    pub(crate) fn current(&mut self) -> Result<Option<Stored>> {
        let raw = self.store.row(self.head.row())?;
        self.batch.unchanged(self.head_row.clone(), raw.clone());
        raw.map(|raw| Stored::decode(self.head.row().clone(), raw)).transpose()
    }

    /// The version of that name, in whichever place; the commit holds it to this. `current` is what
    /// [`Self::current`] gave.
    pub(crate) fn version(
        &mut self,
        current: Option<&Stored>,
        version: VersionId,
    ) -> Result<Lookup> {
        if let Some(current) = current
            && current.row.version == version
        {
            return Ok(Lookup::Found(current.clone()));
        }
        let found = match version.seq() {
            Some(seq) => {
                let at = RowKey::from(&self.head.noncurrent(seq)[..]);
                let raw = self.store.row(&at)?;
                raw.map(|raw| Stored::decode(at, raw)).transpose()?
            }
            None => self.find_noncurrent_null(current)?,
        };
        if let Some(stored) = found.filter(|stored| stored.row.version == version) {
            self.batch.unchanged(stored.at.to_bytes(), Some(stored.raw.clone()));
            return Ok(Lookup::Found(stored));
        }
        // A version that is not where it was looked for may have become the current one since.
        let again = self.store.row(self.head.row())?;
        let undisturbed = again.as_ref() == current.map(|stored| &stored.raw);
        Ok(if undisturbed { Lookup::Absent } else { Lookup::Disturbed })
    }

    /// The null version, when it is not the current one. A key has at most one, so there is none
    /// below a current null version.
    fn find_noncurrent_null(&self, current: Option<&Stored>) -> Result<Option<Stored>> {
        if current.is_none_or(|current| current.row.version.is_null()) {
            return Ok(None);
        }
        find_null(self.store, &self.head)
    }

    /// Makes `new` the current version, or the version its sequence number makes it; the bucket's
    /// versioning says what becomes of the others.
    ///
    /// Law: S3, versioning states; PUT in unversioned, enabled and suspended buckets.
    /// Law: W43. Law: W44.
    pub(crate) fn push(&mut self, current: Option<Stored>, new: &ObjectRow) -> Result<()> {
        let current = match self.config.versioning {
            Versioning::Unversioned => {
                if let Some(old) = &current {
                    self.erase(&old.row, true)?;
                }
                None
            }
            Versioning::Enabled => current,
            Versioning::Suspended => self.erase_null(current)?,
        };
        match current {
            Some(old) if old.row.seq > new.seq => {
                // An upload that began before the current version was written.
                self.batch.put(self.head.noncurrent(new.seq), new.encode());
                self.tally.add(new, false, 1);
            }
            old => {
                if let Some(old) = old {
                    self.batch.put(self.head.noncurrent(old.row.seq), old.raw);
                    self.tally.add(&old.row, true, -1);
                    self.tally.add(&old.row, false, 1);
                }
                self.batch.put(self.head_row.clone(), new.encode());
                self.tally.add(new, true, 1);
            }
        }
        Ok(())
    }

    /// Removes the null version, wherever it is; gives back the current version if it stays.
    fn erase_null(&mut self, current: Option<Stored>) -> Result<Option<Stored>> {
        let Some(current) = current else { return Ok(None) };
        if current.row.version.is_null() {
            self.erase(&current.row, true)?;
            return Ok(None);
        }
        // Disturbed is as good as absent: the commit holds the current version to what it was.
        if let Lookup::Found(null) = self.version(Some(&current), VersionId::Null)? {
            self.batch.delete(null.at.to_bytes());
            self.erase(&null.row, false)?;
        }
        Ok(Some(current))
    }

    /// Replaces a version's row in place: tags, retention, holds.
    pub(crate) fn rewrite(&mut self, stored: &Stored, new: &ObjectRow) {
        self.batch.put(stored.at.to_bytes(), new.encode());
    }

    /// Removes one version for good; if it is the current one, the newest other takes its place.
    ///
    /// Law: S3, DELETE Object versionId. Law: W47.
    pub(crate) fn remove(&mut self, stored: &Stored) -> Result<()> {
        let is_current = stored.at == *self.head.row();
        self.erase(&stored.row, is_current)?;
        if !is_current {
            self.batch.delete(stored.at.to_bytes());
            return Ok(());
        }
        let (start, end) = (self.head.noncurrent_start(), self.head.beyond());
        let heir = self.store.scan(KeyRange::between(&start, &end), Order::Forward, 1)?.pop();
        match heir {
            None => {
                self.batch.preconditions.push(Precondition::RangeEmpty { start, end });
                self.batch.delete(stored.at.to_bytes());
            }
            Some(row) => {
                let gap = Precondition::RangeEmpty { start, end: row.key.clone() };
                self.batch.preconditions.push(gap);
                self.batch.unchanged(row.key.clone(), Some(row.value.clone()));
                let heir = Stored::decode(RowKey::from(&row.key[..]), row.value.clone())?;
                self.tally.add(&heir.row, false, -1);
                self.tally.add(&heir.row, true, 1);
                self.batch.delete(row.key);
                self.batch.put(self.head_row.clone(), row.value);
            }
        }
        Ok(())
    }

    /// Frees what a version's row holds on to, and stops counting it.
    fn erase(&mut self, row: &ObjectRow, is_current: bool) -> Result<()> {
        self.tally.add(row, is_current, -1);
        match &row.body {
            BodyRow::Inline(_) => {}
            BodyRow::Extents(extents) => {
                self.batch.frees.extend(extents.iter().map(|extent| extent.blob));
            }
            BodyRow::Manifest { id, .. } => {
                for (at, manifest) in manifest_rows(self.store, *id)? {
                    self.free_parts(&manifest.parts);
                    self.batch.delete(at);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn free_parts(&mut self, parts: &[PartEntry]) {
        let extents = parts.iter().flat_map(|part| &part.extents);
        self.batch.frees.extend(extents.map(|extent| extent.blob));
    }

    /// Becomes one more owner of blobs, fresh or not.
    pub(crate) fn adopt<'b>(&mut self, extents: impl IntoIterator<Item = &'b Extent>) {
        self.batch.adopts.extend(extents.into_iter().map(|extent| extent.blob));
    }

    /// Replaces a version's row in place by one of another class.
    pub(crate) fn reclassify(&mut self, stored: &Stored, new: &ObjectRow) {
        let is_current = stored.at == *self.head.row();
        self.tally.add(&stored.row, is_current, -1);
        self.tally.add(new, is_current, 1);
        self.rewrite(stored, new);
    }

    /// Puts `new` in the place of the current version, which keeps all its blobs.
    pub(crate) fn replace(&mut self, current: &Stored, new: &ObjectRow) {
        self.tally.add(&current.row, true, -1);
        self.tally.add(new, true, 1);
        self.batch.put(current.at.to_bytes(), new.encode());
    }

    /// Writes the last row of a manifest, whose other rows are as they were.
    pub(crate) fn put_manifest_end(&mut self, id: u64, parts: &[PartEntry]) {
        if let Some((chunk, parts)) = (0..).zip(parts.chunks(MANIFEST_PARTS)).last() {
            self.batch.put(manifest_key(id, chunk), ManifestRow::encode(parts));
        }
    }

    /// Writes the rows of a manifest.
    pub(crate) fn put_manifest(&mut self, id: u64, parts: &[PartEntry]) {
        for (chunk, parts) in (0..).zip(parts.chunks(MANIFEST_PARTS)) {
            self.batch.put(manifest_key(id, chunk), ManifestRow::encode(parts));
        }
    }

    /// Writes down what happened, for the feed and for whoever listens.
    pub(crate) fn announce(&mut self, name: EventName, row: &ObjectRow, seq: u64) -> Result<()> {
        if !self.store.hub.is_listened_to() && self.config.change_feed == ChangeFeed::Off {
            return Ok(());
        }
        let of_data = !row.delete_marker && name.leaves_data();
        self.events.push(Event {
            name,
            time: self.store.now(),
            bucket: self.bucket.name.clone(),
            key: ObjectKey::try_from(self.key)?,
            version: (self.config.versioning != Versioning::Unversioned).then_some(row.version),
            size: of_data.then_some(row.size),
            etag: of_data.then_some(row.etag),
            sequencer: seq,
            position: Position(0),
        });
        Ok(())
    }

    /// Hands the edit to the backend. `None` when another edit came first: look again.
    #[inline]
    pub(crate) fn commit(mut self) -> Result<Option<Ticket>> {
        self.tally.finish(self.bucket.id, &mut self.batch);
        self.tell_events();
        match self.store.backend.commit(self.batch) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Backend(source)) => Err(Error::backend("commit", source)),
        }
    }

    fn tell_events(&mut self) {
        if self.events.is_empty() {
            return;
        }
        if self.config.change_feed == ChangeFeed::On {
            for (index, event) in (0u16..).zip(&self.events) {
                self.batch.ops.push(crate::port::Op::PutStamped {
                    prefix: stamped_prefix(self.bucket.id),
                    suffix: Bytes::copy_from_slice(&changes::suffix(index)),
                    value: changes::encode(event).into(),
                });
            }
        }
        if self.store.hub.is_listened_to() {
            let hub = Arc::clone(&self.store.hub);
            let events = std::mem::take(&mut self.events);
            self.batch.on_publish = Some(Box::new(move |position| {
                for mut event in events {
                    event.position = position;
                    hub.queue(event);
                }
            }));
        }
    }
}

/// The null version among the noncurrent ones of a key.
pub(crate) fn find_null(store: &StoreInner, head: &HeadKey) -> Result<Option<Stored>> {
    let (mut start, end) = (head.noncurrent_start(), head.beyond());
    loop {
        let rows = store.scan(KeyRange::between(&start, &end), Order::Forward, PAGE)?;
        let Some(last) = rows.last() else { return Ok(None) };
        start = after(&last.key);
        for row in rows {
            let stored = Stored::decode(RowKey::from(&row.key[..]), row.value)?;
            if stored.row.version.is_null() {
                return Ok(Some(stored));
            }
        }
    }
}

/// Looks a version up for reading: the current one, or one by name.
pub(crate) fn look_up(
    store: &StoreInner,
    head: &HeadKey,
    version: Option<VersionId>,
) -> Result<Option<Stored>> {
    let read = |at: &RowKey| -> Result<Option<Stored>> {
        store.row(at)?.map(|raw| Stored::decode(at.clone(), raw)).transpose()
    };
    let Some(wanted) = version else { return read(head.row()) };
    // A version that moves from one place to the other between two reads is seen in the next round.
    // Every round more means that somebody else's write to this key has succeeded.
    loop {
        let current = read(head.row())?;
        if current.as_ref().is_some_and(|stored| stored.row.version == wanted) {
            return Ok(current);
        }
        let found = match wanted.seq() {
            Some(seq) => read(&RowKey::from(&head.noncurrent(seq)[..]))?,
            None => find_null(store, head)?,
        };
        if let Some(found) = found.filter(|stored| stored.row.version == wanted) {
            return Ok(Some(found));
        }
        let again = read(head.row())?;
        if again.map(|stored| stored.raw) == current.map(|stored| stored.raw) {
            return Ok(None);
        }
    }
}

/// The rows of a manifest, in order.
pub(crate) fn manifest_rows(store: &StoreInner, id: u64) -> Result<Vec<(Bytes, ManifestRow)>> {
    let (mut start, end) = ranges::manifest(id);
    let mut all = Vec::new();
    loop {
        let rows = store.scan(KeyRange::between(&start, &end), Order::Forward, PAGE)?;
        let full = rows.len() == PAGE;
        if let Some(last) = rows.last() {
            start = after(&last.key);
        }
        for row in rows {
            let manifest = ManifestRow::decode(&row.value.to_bytes())
                .map_err(|damage| Error::damaged("a manifest", damage.0))?;
            all.push((row.key, manifest));
        }
        if !full {
            return Ok(all);
        }
    }
}

/// The key and the sequence number in the row key of a noncurrent version.
pub(crate) fn key_and_seq(row: &[u8]) -> Option<(Cow<'_, [u8]>, Option<u64>)> {
    let (key, suffix) = split_row(row)?;
    let seq = if crate::row::is_head(suffix) { None } else { Some(seq_of(suffix)?) };
    Some((key, seq))
}
