//! Restore: a temporary copy of archived bytes, and the gate in front of those that have none.
//!
//! A read needs no more than the version's row and the time. So that somebody can be told when a copy
//! is there and when it lapses, a restore also leaves a note for either moment, in the order of time.

use super::{
    mark::{Marked, mark},
    until_undisturbed,
};
use crate::{
    authority::Permit,
    bucket::Bucket,
    edit::{Edit, Lookup},
    error::{Error, Result},
    event::EventName,
    object_key::ObjectKey,
    port::{KeyRange, Order, Row, Ticket},
    restore::{
        Archive, Restore, RestoreAnswer, RestoreOptions, RestoreRefusal, RestoreState, RestoreWish,
        RestoresSettled,
    },
    row::{Decoder, Encoder, ObjectRow, ranges, restoring_key, split_restoring},
    time::Timestamp,
    version_id::VersionId,
};

/// The most days: what a document's integer holds.
const DAYS_MAX: u32 = i32::MAX as u32;

/// Archived bytes are read while a restored copy of them lives.
///
/// Law: S3, archived objects are restored before they are read.
pub(crate) fn check_readable(key: &ObjectKey, row: &ObjectRow, now: Timestamp) -> Result<()> {
    if !row.class.is_archive() {
        return Ok(());
    }
    let restore = row.rare.as_deref().and_then(|rare| rare.restore.as_ref());
    match restore {
        Some(restore) if restore.is_readable(now) => Ok(()),
        _ => Err(not_in_state(key, row)),
    }
}

pub(crate) fn not_in_state(key: &ObjectKey, row: &ObjectRow) -> Error {
    Error::InvalidObjectState { key: key.clone(), storage_class: row.class, access_tier: None }
}

/// Law: S3, RestoreObject.
pub(crate) fn restore(
    bucket: &Bucket,
    _permit: Permit,
    key: &str,
    version: Option<VersionId>,
    options: RestoreOptions,
) -> Result<RestoreAnswer> {
    if !(1..=DAYS_MAX).contains(&options.days.0) {
        let reason = "it is a positive integer";
        return Err(Error::invalid_argument("Days", options.days.0.to_string(), reason));
    }
    let name = ObjectKey::try_from(key)?;
    let store = bucket.store();
    let marked = mark(bucket, key, version, |row, edit| {
        let archive = Archive::of_class(row.class).ok_or_else(|| not_in_state(&name, row))?;
        let (days, tier) = (Some(options.days), options.tier);
        let wish = RestoreWish { archive, size: row.size, days, tier };
        let current = row.rare.as_deref().and_then(|rare| rare.restore);
        let (now, times) = (store.now(), &store.settings.restore_times);
        let begun = Restore::begin(wish, current.as_ref(), now, times);
        let (restore, answer) = begun.map_err(|refusal| refused(refusal, &name, options))?;
        row.rare_mut().restore = Some(restore);
        note_down(bucket, edit, key, row, current.as_ref());
        if current.is_some_and(|current| current.state(now) == RestoreState::Lapsed) {
            // Nobody told yet that the copy before has lapsed.
            let seq = edit.next_seq()?;
            edit.announce(EventName::ObjectRestoreDelete, row, seq)?;
        }
        let event = (answer == RestoreAnswer::Started).then_some(EventName::ObjectRestorePost);
        Ok(Marked { event, answer })
    })?;
    Ok(marked.1)
}

fn refused(refusal: RestoreRefusal, key: &ObjectKey, options: RestoreOptions) -> Error {
    match refusal {
        RestoreRefusal::AlreadyInProgress => Error::RestoreAlreadyInProgress { key: key.clone() },
        RestoreRefusal::NoSuchTier => Error::invalid_argument(
            "Tier",
            options.tier.as_str(),
            "a deep archive has no expedited restores",
        ),
    }
}

/// Leaves notes for the moments of a restore that are to come, in place of those of the one before.
fn note_down(
    bucket: &Bucket,
    edit: &mut Edit<'_>,
    key: &str,
    row: &ObjectRow,
    before: Option<&Restore>,
) {
    let (id, now) = (bucket.state().id, bucket.store().now());
    let to_come = |restore: Option<&Restore>| {
        let moments = restore.map(|restore| [Some(restore.completes), restore.expires]);
        moments.into_iter().flatten().flatten().filter(move |due| *due > now)
    };
    let after: Vec<_> =
        to_come(row.rare.as_deref().and_then(|rare| rare.restore.as_ref())).collect();
    for due in to_come(before).filter(|due| !after.contains(due)) {
        edit.batch().delete(restoring_key(id, due, row.seq));
    }
    for due in after {
        let mut note = Encoder::with_capacity(10 + key.len());
        note.u8(NOTE_FORMAT);
        let tag = if let VersionId::Stamped { tag, .. } = row.version { Some(tag) } else { None };
        note.optional(tag, Encoder::u64);
        note.raw(key.as_bytes());
        edit.batch().put(restoring_key(id, due, row.seq), note.finish());
    }
}

/// A note, as it stands in its row.
struct Note {
    due: Timestamp,
    version: VersionId,
    key: ObjectKey,
    row: Row,
}

impl Note {
    fn decode(row: Row) -> Result<Self> {
        let damaged = |detail| Error::damaged("a note of a restore", detail);
        let (due, seq) =
            split_restoring(&row.key).ok_or_else(|| damaged("its key does not decode"))?;
        let bytes = row.value.to_bytes();
        let mut note = Decoder::new(&bytes);
        let read = |error: crate::row::Damage| damaged(error.0);
        if note.u8().map_err(read)? != NOTE_FORMAT {
            return Err(damaged("an unknown format"));
        }
        let tag = note.optional(Decoder::u64).map_err(read)?;
        let version = tag.map_or(VersionId::Null, |tag| VersionId::Stamped { seq, tag });
        let rest = note.rest();
        let key = ObjectKey::try_from(crate::listing::key_text(&rest)?)?;
        Ok(Self { due, version, key, row })
    }
}

/// Tells of every restore that is done and every copy that has lapsed by now, once each.
///
/// Law: S3, restore event notifications.
pub(crate) fn settle(bucket: &Bucket, _permit: Permit) -> Result<RestoresSettled> {
    let store = bucket.store();
    let id = bucket.state().id;
    let (start, _) = ranges::restoring(id);
    let end = restoring_key(id, store.now().plus(std::time::Duration::from_millis(1)), 0);
    let mut settled = RestoresSettled::default();
    loop {
        let rows = store.scan(KeyRange::between(&start, &end), Order::Forward, NOTES)?;
        let full = rows.len() == NOTES;
        let mut tickets = Vec::new();
        for row in rows {
            let note = Note::decode(row)?;
            let key = note.key.as_str();
            let (ticket, name) = until_undisturbed(bucket, key, || settle_one(bucket, &note))?;
            match name {
                Some(EventName::ObjectRestoreCompleted) => settled.completed += 1,
                Some(_) => settled.lapsed += 1,
                None => {}
            }
            tickets.extend(ticket);
        }
        for ticket in tickets {
            store.settle(ticket)?;
        }
        store.tell_events();
        if !full {
            return Ok(settled);
        }
    }
}

type Settled = (Option<Ticket>, Option<EventName>);

fn settle_one(bucket: &Bucket, note: &Note) -> Result<Option<Settled>> {
    if bucket.store().row(&note.row.key)?.as_ref() != Some(&note.row.value) {
        // Somebody else took it.
        return Ok(Some((None, None)));
    }
    let config = bucket.config()?;
    let key = note.key.as_str();
    let mut edit = Edit::new(bucket.store(), bucket.state(), &config, key, None);
    edit.batch().unchanged(note.row.key.clone(), Some(note.row.value.clone()));
    edit.batch().delete(note.row.key.clone());
    let current = edit.current()?;
    let stored = match edit.version(current.as_ref(), note.version)? {
        Lookup::Found(stored) => Some(stored),
        Lookup::Absent => None,
        Lookup::Disturbed => return Ok(None),
    };
    let (_, seq) = split_restoring(&note.row.key).expect("the note was decoded from it");
    let stored = stored.filter(|stored| stored.row.seq == seq);
    let restore = stored.as_ref().and_then(|stored| stored.row.rare.as_deref()?.restore);
    let name = match restore {
        Some(restore) if restore.completes == note.due => Some(EventName::ObjectRestoreCompleted),
        Some(restore) if restore.expires == Some(note.due) => Some(EventName::ObjectRestoreDelete),
        _ => None,
    };
    if let (Some(name), Some(stored)) = (name, &stored) {
        let mut row = stored.row.clone();
        if name == EventName::ObjectRestoreDelete {
            row.rare_mut().restore = None;
            row.tidy();
            edit.rewrite(stored, &row);
        }
        let seq = edit.next_seq()?;
        edit.announce(name, &row, seq)?;
    }
    Ok(edit.commit()?.map(|ticket| (Some(ticket), name)))
}

const NOTE_FORMAT: u8 = 1;
/// Notes that are settled with one wait.
const NOTES: usize = 1000;
