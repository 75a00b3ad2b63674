//! Rename: an object under another key, in one commit. No byte is moved; metadata, tags and dates stay.

use super::{
    get::no_such_key,
    put::{Receipt, Stamp, delete_marker_row, receipt_of, retention_at_birth},
    until_undisturbed,
};
use crate::{
    authority::Permit,
    bodies::{parts_of, rebind, rebind_inline},
    bucket::Bucket,
    checksum::crc64_nvme,
    condition::{Current, ETags, WriteCondition},
    copy_options::{RenameOptions, RenameTarget},
    edit::Edit,
    error::{Error, Result},
    event::EventName,
    object_key::ObjectKey,
    port::{Durability, KeyRange, Order, Ticket},
    row::{BodyRow, Decoder, Encoder, ObjectRow, ranges, renamed_key},
    store::after,
    time::{Days, Timestamp},
    versioning::Versioning,
};
use bytes::Bytes;

pub(crate) fn rename(
    bucket: &Bucket,
    _permit: Permit,
    from: &str,
    to: &str,
    options: &RenameOptions,
) -> Result<Receipt> {
    if from == to {
        return Err(Error::invalid_request("a rename needs two different keys"));
    }
    let store = bucket.store();
    match until_undisturbed(bucket, from, || attempt(bucket, from, to, options))? {
        Outcome::Committed(ticket, row) => {
            let done = store.wait(ticket)?;
            Ok(receipt_of(&row, done.durability))
        }
        Outcome::Repeated(durability, row) => {
            // The first one may have asked for less, or not been waited for.
            let durability = durability.min(store.capabilities.durability_max);
            store.backend.flush(durability).map_err(|source| Error::backend("flush", source))?;
            Ok(receipt_of(&row, durability))
        }
    }
}

enum Outcome {
    Committed(Ticket, ObjectRow),
    /// It was done before, under the same token; the answer is to be this safe.
    Repeated(Durability, ObjectRow),
}

type Attempt = Option<Outcome>;

fn attempt(bucket: &Bucket, from: &str, to: &str, options: &RenameOptions) -> Result<Attempt> {
    let store = bucket.store();
    let config = bucket.config()?;
    let mut edit = Edit::new(store, bucket.state(), &config, from, options.durability);
    if let Some(done) = remembered(bucket, &mut edit, from, to, options)? {
        return Ok(Some(Outcome::Repeated(edit.batch().durability, done)));
    }
    let source = edit.current()?;
    let key = ObjectKey::try_from(from)?;
    let marker = source.as_ref().filter(|stored| stored.row.delete_marker);
    let marker = marker.map(|stored| stored.row.version);
    let source = source
        .filter(|stored| !stored.row.delete_marker)
        .ok_or_else(|| no_such_key(bucket, &key, marker))?;
    let (etag, modified) = (source.row.etag, source.row.modified);
    options
        .source_conditions
        .check_copy_source(etag, modified, store.now())
        .into_result(etag, modified)?;

    edit.turn_to(to);
    let target = edit.current()?;
    check_target(bucket, to, options.target, target.as_ref().map(|stored| &stored.row))?;
    edit.turn_to(from);

    // After the look at the new key, or a write to it in between could get the higher number.
    let stamp = Stamp::new(store, &config)?;
    let (old_owner, new_owner) = (
        bucket.owner(key, source.row.version),
        bucket.owner(ObjectKey::try_from(to)?, stamp.version),
    );
    let mut row = source.row.clone();
    (row.seq, row.version) = (stamp.seq, stamp.version);
    let own = row.rare.as_ref().and_then(|rare| rare.retention);
    if let Some(retention) = retention_at_birth(&config, own, stamp.now) {
        row.rare_mut().retention = Some(retention);
    }
    if let Some(envelope) = rebind_inline(bucket, &old_owner, &new_owner, &source.row)? {
        row.rare_mut().envelope = Some(envelope);
    }
    let mut parts = parts_of(bucket, &source.row)?;
    rebind(bucket, &old_owner, &new_owner, &mut parts)?;

    // The body has one owner more before the old row lets it go, so it is never without one.
    edit.adopt(parts.iter().flat_map(|part| &part.extents));
    let leaves_marker = config.versioning != Versioning::Unversioned;
    if leaves_marker {
        let marker_stamp = Stamp::new(store, &config)?;
        let marker = delete_marker_row(&marker_stamp);
        edit.announce(EventName::ObjectRemovedDeleteMarkerCreated, &marker, marker.seq)?;
        edit.push(Some(source.clone()), &marker)?;
    } else {
        edit.announce(EventName::ObjectRemovedDelete, &source.row, edit.next_seq()?)?;
        edit.remove(&source)?;
    }
    edit.turn_to(to);
    row.body = match row.body {
        BodyRow::Inline(bytes) => BodyRow::Inline(bytes),
        BodyRow::Extents(_) => {
            BodyRow::Extents(parts.into_iter().flat_map(|part| part.extents).collect())
        }
        BodyRow::Manifest { parts: count, visible, .. } => {
            edit.put_manifest(stamp.seq, &parts);
            BodyRow::Manifest { id: stamp.seq, parts: count, visible }
        }
    };
    edit.push(target, &row)?;
    edit.announce(EventName::ObjectCreatedCopy, &row, row.seq)?;
    remember(bucket, &mut edit, from, to, options, &row)?;
    Ok(edit.commit()?.map(|ticket| Outcome::Committed(ticket, row)))
}

fn check_target(
    bucket: &Bucket,
    to: &str,
    target: RenameTarget,
    current: Option<&ObjectRow>,
) -> Result<()> {
    let condition = match target {
        RenameTarget::Any => WriteCondition::None,
        RenameTarget::Absent => WriteCondition::IfAbsent,
        RenameTarget::Matches(etag) => WriteCondition::IfMatch(etag),
    };
    let state = match current {
        None => Current::Absent,
        Some(row) if row.delete_marker => Current::DeleteMarker,
        Some(row) => Current::Object(row.etag),
    };
    condition.check(state).into_result(bucket.name(), &ObjectKey::try_from(to)?)
}

/// How long a client token is remembered.
const TOKEN_LIFE: Days = Days(1);
/// How many forgotten tokens one rename clears away.
const TOKENS_CLEARED: usize = 8;

/// What a repeat of a rename must have in common with it.
fn request_digest(from: &str, to: &str, options: &RenameOptions) -> u64 {
    let mut request = Encoder::with_capacity(from.len() + to.len() + 64);
    request.bytes(from.as_bytes());
    request.bytes(to.as_bytes());
    match options.target {
        RenameTarget::Absent => request.u8(0),
        RenameTarget::Any => request.u8(1),
        RenameTarget::Matches(etag) => {
            request.u8(2);
            request.bytes(etag.to_string().as_bytes());
        }
    }
    let conditions = &options.source_conditions;
    for etags in [&conditions.if_match, &conditions.if_none_match] {
        let listed = etags.as_ref().map(|etags| match etags {
            ETags::Any => vec!["*".to_owned()],
            ETags::Listed(etags) => etags.iter().map(ToString::to_string).collect(),
        });
        request.optional(listed, |request, etags| {
            request.count(etags.len());
            etags.iter().for_each(|etag| request.bytes(etag.as_bytes()));
        });
    }
    for moment in [conditions.if_modified_since, conditions.if_unmodified_since] {
        request.optional(moment, |request, moment| request.i64(moment.as_millis()));
    }
    crc64_nvme(&request.finish())
}

/// What the rename with this token answered before.
fn remembered(
    bucket: &Bucket,
    edit: &mut Edit<'_>,
    from: &str,
    to: &str,
    options: &RenameOptions,
) -> Result<Option<ObjectRow>> {
    let Some(token) = &options.client_token else { return Ok(None) };
    let at = renamed_key(bucket.state().id, token);
    let seen = bucket.store().row(&at)?;
    edit.batch().unchanged(at, seen.clone());
    let Some(memo) = seen else { return Ok(None) };
    let (time, request, row) = decode_memo(&memo.into_bytes())?;
    if time.plus_days(TOKEN_LIFE) <= bucket.store().now() {
        return Ok(None);
    }
    if request == request_digest(from, to, options) {
        return Ok(Some(row));
    }
    Err(Error::IdempotencyParameterMismatch { token: token.as_str().into() })
}

fn remember(
    bucket: &Bucket,
    edit: &mut Edit<'_>,
    from: &str,
    to: &str,
    options: &RenameOptions,
    row: &ObjectRow,
) -> Result<()> {
    let Some(token) = &options.client_token else { return Ok(()) };
    let now = bucket.store().now();
    clear_tokens(bucket, edit, now)?;
    let mut memo = Encoder::with_capacity(128);
    memo.i64(now.as_millis());
    memo.u64(request_digest(from, to, options));
    // The answer needs no body.
    let answer = ObjectRow { body: BodyRow::Inline(Bytes::new()), ..row.clone() };
    memo.raw(&answer.encode().into_bytes());
    edit.batch().put(renamed_key(bucket.state().id, token), memo.finish());
    Ok(())
}

fn clear_tokens(bucket: &Bucket, edit: &mut Edit<'_>, now: Timestamp) -> Result<()> {
    let (start, end) = ranges::renamed(bucket.state().id);
    // Begins at a place that moves, so that one token in use does not shield the others.
    let from = after(&renamed_key(bucket.state().id, &now.as_millis().rem_euclid(64).to_string()));
    for start in [start, from] {
        let range = KeyRange::between(&start, &end);
        for row in bucket.store().scan(range, Order::Forward, TOKENS_CLEARED)? {
            let (time, ..) = decode_memo(&row.value.to_bytes())?;
            if time.plus_days(TOKEN_LIFE) <= now {
                // Not if a rename uses the token again meanwhile.
                edit.batch().unchanged(row.key.clone(), Some(row.value));
                edit.batch().delete(row.key);
            }
        }
    }
    Ok(())
}

fn decode_memo(memo: &Bytes) -> Result<(Timestamp, u64, ObjectRow)> {
    let damaged = |damage: crate::row::Damage| Error::damaged("a rename's memo", damage.0);
    let mut fields = Decoder::new(memo);
    let time = Timestamp::from_millis(fields.i64().map_err(damaged)?);
    let request = fields.u64().map_err(damaged)?;
    let row = ObjectRow::decode(&fields.rest().into()).map_err(damaged)?;
    Ok((time, request, row))
}
