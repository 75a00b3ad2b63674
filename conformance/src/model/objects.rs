//! `Objects`: buckets, keys and versions in maps.

use super::{
    answer::{Answer, Gone, Name, Outcome, Pairs, Picks, Refusal, Retained, refuse},
    op::{Condition, CopyExtras, DeleteWhen, Extras, Offset, Op, Place, Retain, Text, When, Which},
    uploads::{Begun, Completed, Upload},
};
use bytes::Bytes;
use cistern_storage_core::{ByteRange, ETag, RetentionMode, StorageClass, Versioning};
use std::{collections::BTreeMap, ops::Range};

/// A store of buckets, the plain way.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    pub(super) buckets: BTreeMap<Text, Bucket>,
    /// How many version names were given.
    pub(super) names: usize,
    /// How many writes there were.
    pub(super) writes: u64,
    /// Every upload that was ever begun.
    pub(super) begun: Vec<Begun>,
    pub(super) now: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) versioning: Versioning,
    pub(super) has_lock: bool,
    /// The versions of each key, oldest first. A key without any is not there.
    pub(super) keys: BTreeMap<Text, Vec<Version>>,
    /// Uploads in progress, and the answers of those completed, by their number among all begun.
    pub(super) uploads: BTreeMap<usize, Upload>,
    pub(super) completed: BTreeMap<usize, Completed>,
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) name: Name,
    /// Its place in the order of writes.
    pub(super) order: u64,
    pub(super) is_marker: bool,
    pub(super) body: Bytes,
    pub(super) etag: ModelTag,
    pub(super) modified: i64,
    pub(super) class: StorageClass,
    pub(super) tags: Pairs,
    pub(super) user: Pairs,
    pub(super) retention: Option<(RetentionMode, i64)>,
    pub(super) hold: Option<bool>,
    /// The sizes of the parts that an upload made it of.
    pub(super) parts: Option<Vec<u64>>,
}

/// An entity tag: of the body, or unlike that of any other write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ModelTag {
    Told(String),
    Opaque(u64),
}

impl ModelTag {
    pub(super) fn of(body: &[u8]) -> Self {
        Self::Told(ETag::of_bytes(body).to_string())
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Told(text) => text.clone(),
            Self::Opaque(_) => "opaque".into(),
        }
    }
}

/// What a version is written with, besides its place and name.
pub(super) struct New {
    pub(super) body: Bytes,
    pub(super) etag: ModelTag,
    pub(super) modified: i64,
    pub(super) class: StorageClass,
    pub(super) tags: Pairs,
    pub(super) user: Pairs,
    pub(super) retention: Option<(RetentionMode, i64)>,
    pub(super) hold: Option<bool>,
    pub(super) parts: Option<Vec<u64>>,
}

impl Objects {
    /// An empty store, at `now`.
    pub(super) fn new(now: i64) -> Self {
        Self { now, ..Self::default() }
    }

    /// Does what `op` says; `picks` are the versions that it names, as [`Self::picks`] told them.
    pub(super) fn apply(&mut self, op: &Op, picks: &Picks) -> Outcome {
        let pick = picks.version();
        match op {
            Op::CreateBucket { bucket, lock } => self.create_bucket(bucket, *lock),
            Op::DeleteBucket { bucket } => self.delete_bucket(bucket),
            Op::ListBuckets => {
                Ok(Answer::Names(self.buckets.keys().map(|name| (*name).to_owned()).collect()))
            }
            Op::SetVersioning { bucket, versioning } => self.set_versioning(bucket, *versioning),
            Op::Put { at, body, condition, extras } => {
                self.put(*at, body.bytes(), *condition, *extras)
            }
            Op::Get { at, range, part, when, .. } => self.get(*at, pick, *range, *part, *when),
            Op::Head { at, when, .. } => {
                let version = self.read(*at, pick, *when)?;
                Ok(Answer::Info(Box::new(self.info(*at, version))))
            }
            Op::Delete { at, condition, bypass, .. } => {
                self.delete(*at, pick, *condition, *bypass).map(Answer::Gone)
            }
            Op::DeleteMany { bucket, entries } => {
                self.delete_many(bucket, entries, &picks.versions)
            }
            Op::Copy { from, when, to, condition, extras, .. } => {
                self.copy(*from, pick, *when, *to, *condition, *extras)
            }
            Op::Rename { from, to, condition } => self.rename(*from, to, *condition),
            Op::Append { at, offset, body } => self.append(*at, *offset, &body.bytes()),
            Op::Tags { at, .. } => Ok(Answer::Tags(self.mark(*at, pick)?.tags.clone())),
            Op::SetTags { at, tag, .. } => {
                let version = self.mark(*at, pick)?;
                version.tags = tags(tag);
                Ok(Answer::Marked(version.name))
            }
            Op::SetRetention { at, retention, bypass, .. } => {
                self.set_retention(*at, pick, *retention, *bypass)
            }
            Op::Retention { at, .. } => match self.mark_locked(*at, pick)?.retention {
                Some(retention) => Ok(Answer::Retention(retained(retention))),
                None => refuse("NoSuchObjectLockConfiguration"),
            },
            Op::SetHold { at, on, .. } => {
                let version = self.mark_locked(*at, pick)?;
                version.hold = Some(*on);
                Ok(Answer::Marked(version.name))
            }
            Op::Hold { at, .. } => match self.mark_locked(*at, pick)?.hold {
                Some(on) => Ok(Answer::Hold(on)),
                None => refuse("NoSuchObjectLockConfiguration"),
            },
            Op::List { bucket, prefix, delimiter, after, max } => {
                self.list(bucket, prefix, delimiter, after, *max)
            }
            Op::ListVersions { bucket, prefix, delimiter, after, max } => {
                self.list_versions(bucket, prefix, delimiter, after, *max)
            }
            Op::BeginUpload { at, extras } => self.begin(*at, *extras),
            Op::PutPart { number, body, .. } => self.put_part(picks.upload, *number, body.bytes()),
            Op::CopyPart { number, from, range, .. } => {
                self.copy_part(picks.upload, *number, *from, pick, *range)
            }
            Op::Complete { condition, .. } => self.complete(picks.upload, &picks.parts, *condition),
            Op::Abort { .. } => self.abort(picks.upload),
            Op::ListParts { max, .. } => self.list_parts(picks.upload, *max),
            Op::ListUploads { bucket, prefix, delimiter, after, max } => {
                self.list_uploads(bucket, prefix, delimiter, after, *max)
            }
            Op::Advance { millis } => {
                self.now += i64::try_from(*millis).expect("some hours");
                Ok(Answer::Done)
            }
            Op::Reopen | Op::CutPower => Ok(Answer::Done),
        }
    }

    /// What `op` names.
    pub(super) fn picks(&self, op: &Op) -> Picks {
        let mut picks = Picks::default();
        match op {
            Op::Get { at, which, .. }
            | Op::Head { at, which, .. }
            | Op::Delete { at, which, .. }
            | Op::Copy { from: at, which, .. }
            | Op::CopyPart { from: at, which, .. }
            | Op::Tags { at, which }
            | Op::SetTags { at, which, .. }
            | Op::SetRetention { at, which, .. }
            | Op::Retention { at, which }
            | Op::SetHold { at, which, .. }
            | Op::Hold { at, which } => picks.versions = vec![self.pick(at.bucket, at.key, *which)],
            Op::DeleteMany { bucket, entries } => {
                let pick = |(key, which): &(Text, Which)| self.pick(bucket, key, *which);
                picks.versions = entries.iter().map(pick).collect();
            }
            _ => {}
        }
        if let Op::PutPart { upload, .. }
        | Op::CopyPart { upload, .. }
        | Op::Complete { upload, .. }
        | Op::Abort { upload }
        | Op::ListParts { upload, .. } = op
        {
            picks.upload = self.pick_upload(*upload);
        }
        if let (Op::Complete { list, .. }, Some(upload)) = (op, picks.upload) {
            picks.parts = self.pick_parts(upload, *list);
        }
        picks
    }

    fn pick(&self, bucket: Text, key: Text, which: Which) -> Option<Name> {
        match which {
            Which::Current => None,
            Which::Null => Some(Name::Null),
            Which::OfKey(index) => {
                let versions = self.buckets.get(bucket).and_then(|bucket| bucket.keys.get(key));
                match versions {
                    Some(versions) => Some(versions[index % versions.len()].name),
                    None => self.pick(bucket, key, Which::Any(index)),
                }
            }
            Which::Any(_) if self.names == 0 => Some(Name::Null),
            Which::Any(index) => Some(Name::Nth(index % self.names)),
        }
    }

    fn create_bucket(&mut self, bucket: Text, lock: bool) -> Outcome {
        if self.buckets.contains_key(bucket) {
            return refuse("BucketAlreadyOwnedByYou");
        }
        let versioning = if lock { Versioning::Enabled } else { Versioning::Unversioned };
        let (keys, uploads, completed) = Default::default();
        let made = Bucket { versioning, has_lock: lock, keys, uploads, completed };
        self.buckets.insert(bucket, made);
        Ok(Answer::Done)
    }

    fn delete_bucket(&mut self, bucket: Text) -> Outcome {
        if !self.bucket(bucket)?.keys.is_empty() {
            return refuse("BucketNotEmpty");
        }
        self.buckets.remove(bucket);
        Ok(Answer::Done)
    }

    fn set_versioning(&mut self, bucket: Text, versioning: Versioning) -> Outcome {
        let bucket = self.bucket_mut(bucket)?;
        if bucket.has_lock && versioning != Versioning::Enabled {
            return refuse("InvalidBucketState");
        }
        if versioning == Versioning::Unversioned {
            return refuse("IllegalVersioningConfigurationException");
        }
        bucket.versioning = versioning;
        Ok(Answer::Done)
    }

    fn put(&mut self, at: Place, body: Vec<u8>, condition: Condition, extras: Extras) -> Outcome {
        self.check_lock(at, extras)?;
        self.may_write(at, condition)?;
        let new = New {
            etag: ModelTag::of(&body),
            body: body.into(),
            modified: self.now,
            class: extras.class,
            tags: tags(extras.tag),
            user: user(extras.user),
            retention: extras.retention.map(|retain| (retain.mode, self.now + retain.millis)),
            hold: extras.hold,
            parts: None,
        };
        Ok(Answer::Written(self.push(at, new)))
    }

    fn get(
        &self,
        at: Place,
        pick: Option<Name>,
        range: Option<ByteRange>,
        part: Option<u32>,
        when: When,
    ) -> Outcome {
        let version = self.read(at, pick, when)?;
        let size = version.body.len() as u64;
        let range = match (range, part) {
            (Some(_), Some(_)) => return refuse("InvalidRequest"),
            (None, None) => 0..size,
            (None, Some(number)) => version.part(number)?,
            (Some(range), None) => within(range, size)?,
        };
        let index = |at: u64| usize::try_from(at).expect("inside a body");
        let bytes = version.body[index(range.start)..index(range.end)].to_vec();
        Ok(Answer::Read(Box::new(self.info(at, version)), range, bytes))
    }

    fn delete(
        &mut self,
        at: Place,
        pick: Option<Name>,
        condition: DeleteWhen,
        bypass: bool,
    ) -> Outcome<Gone> {
        let bucket = self.bucket(at.bucket)?;
        if bypass && !bucket.has_lock {
            return refuse("InvalidArgument");
        }
        self.may_delete(at, condition)?;
        if let Some(name) = pick {
            return self.delete_version(at, name, bypass);
        }
        if self.bucket(at.bucket)?.versioning == Versioning::Unversioned {
            self.bucket_mut(at.bucket)?.keys.remove(at.key);
            return Ok(Gone { marker: false, version: None });
        }
        let name = self.push_marker(at);
        Ok(Gone { marker: true, version: Some(name) })
    }

    fn delete_version(&mut self, at: Place, name: Name, bypass: bool) -> Outcome<Gone> {
        let now = self.now;
        let versions = self.bucket_mut(at.bucket)?.keys.entry(at.key).or_default();
        let found = versions.iter().position(|version| version.name == name);
        let mut gone = Gone { marker: false, version: Some(name) };
        let outcome = match found {
            None => Ok(gone),
            Some(index) if versions[index].is_protected(now, bypass) => refuse("AccessDenied"),
            Some(index) => {
                gone.marker = versions.remove(index).is_marker;
                Ok(gone)
            }
        };
        self.forget_empty_key(at);
        outcome
    }

    fn delete_many(
        &mut self,
        bucket: Text,
        entries: &[(Text, Which)],
        picks: &[Option<Name>],
    ) -> Outcome {
        self.bucket(bucket)?;
        if entries.is_empty() {
            return refuse("MalformedXML");
        }
        let each = entries.iter().zip(picks).map(|((key, _), pick)| {
            let at = Place { bucket, key };
            if let Some(name @ Name::Nth(_)) = pick
                && self.version(at, *name).is_none()
            {
                return refuse("NoSuchVersion");
            }
            self.delete(at, *pick, DeleteWhen::Always, false)
        });
        Ok(Answer::EachGone(each.collect()))
    }

    fn copy(
        &mut self,
        from: Place,
        pick: Option<Name>,
        when: When,
        to: Place,
        condition: Condition,
        extras: CopyExtras,
    ) -> Outcome {
        self.bucket(to.bucket)?;
        let source = match self.find(from, pick) {
            Err(Refusal { code: "MethodNotAllowed", .. }) => return refuse("InvalidRequest"),
            found => found?.clone(),
        };
        // Of a source nothing is "not modified": that too is a condition that fails.
        let met = self.check_reading(from, &source, when);
        met.or_else(|_| refuse("PreconditionFailed"))?;
        let is_current = self.current(from).is_some_and(|current| current.order == source.order);
        let class = extras.class.unwrap_or(StorageClass::Standard);
        let changes = extras.user.is_some() || class != source.class;
        if from == to && is_current && !changes {
            return refuse("InvalidRequest");
        }
        self.may_write(to, condition)?;
        let new = New {
            etag: ModelTag::of(&source.body),
            modified: self.now,
            class,
            tags: extras.tag.map_or(source.tags, tags),
            user: extras.user.map_or(source.user, user),
            body: source.body,
            retention: None,
            hold: None,
            parts: None,
        };
        Ok(Answer::Copied(self.push(to, new), source.name))
    }

    fn rename(&mut self, from: Place, to: Text, condition: Condition) -> Outcome {
        self.bucket(from.bucket)?;
        if from.key == to {
            return refuse("InvalidRequest");
        }
        let source = self.find(from, None)?.clone();
        let to = Place { key: to, ..from };
        self.may_write(to, condition)?;
        let new = New {
            body: source.body,
            etag: source.etag,
            modified: source.modified,
            class: source.class,
            tags: source.tags,
            user: source.user,
            retention: source.retention,
            hold: source.hold,
            parts: source.parts,
        };
        let written = self.push(to, new);
        if self.bucket(from.bucket)?.versioning == Versioning::Unversioned {
            self.bucket_mut(from.bucket)?.keys.remove(from.key);
        } else {
            self.push_marker(from);
        }
        Ok(Answer::Written(written))
    }

    fn append(&mut self, at: Place, offset: Offset, more: &[u8]) -> Outcome {
        self.bucket(at.bucket)?;
        let current = self.current(at).filter(|version| !version.is_marker).cloned();
        let size = current.as_ref().map_or(0, |version| version.body.len());
        let offset = offset.of(size as u64);
        let Some(old) = current else {
            if offset > 0 {
                self.find(at, None)?;
            }
            let extras = Extras::default();
            return self.put(at, more.to_vec(), Condition::None, extras);
        };
        if offset != size as u64 {
            return refuse("InvalidWriteOffset");
        }
        let new = New {
            body: [&old.body[..], more].concat().into(),
            etag: ModelTag::Opaque(self.writes),
            modified: self.now,
            class: old.class,
            tags: old.tags,
            user: old.user,
            // Locks belong to the version before, as with any write.
            retention: None,
            hold: None,
            parts: None,
        };
        Ok(Answer::Written(self.push(at, new)))
    }

    fn set_retention(
        &mut self,
        at: Place,
        pick: Option<Name>,
        retain: Option<Retain>,
        bypass: bool,
    ) -> Outcome {
        let now = self.now;
        self.mark_locked(at, pick)?;
        self.check_future(retain)?;
        let version = self.mark_locked(at, pick)?;
        let new = retain.map(|retain| (retain.mode, now + retain.millis));
        if let Some((mode, until)) = version.retention.filter(|(_, until)| now < *until) {
            let stricter = new.is_some_and(|(new, date)| new >= mode && date >= until);
            let may_loosen = mode == RetentionMode::Governance && bypass;
            if !stricter && !may_loosen {
                return refuse("AccessDenied");
            }
        }
        version.retention = new;
        Ok(Answer::Marked(version.name))
    }
}

impl Version {
    fn is_protected(&self, now: i64, bypass: bool) -> bool {
        let held = self.hold == Some(true);
        let retained = self.retention.is_some_and(|(mode, until)| {
            now < until && !(mode == RetentionMode::Governance && bypass)
        });
        held || retained
    }

    /// Where the part of that number lies, counted from 1.
    fn part(&self, number: u32) -> Outcome<Range<u64>> {
        let whole = [self.body.len() as u64];
        let parts = self.parts.as_deref().unwrap_or(&whole);
        let Some(index) = number.checked_sub(1) else { return refuse("InvalidArgument") };
        let index = usize::try_from(index).expect("a small number");
        let Some(size) = parts.get(index) else { return refuse("InvalidPartNumber") };
        let start = parts[..index].iter().sum();
        Ok(start..start + size)
    }

    pub(super) fn is_marker(&self) -> bool {
        self.is_marker
    }
}

impl Offset {
    pub(super) fn of(self, size: u64) -> u64 {
        match self {
            Self::Zero => 0,
            Self::End => size,
            Self::Beyond => size + 1,
        }
    }
}

pub(super) fn tags(tag: Text) -> Pairs {
    let pair = (tag.to_owned(), "value".to_owned());
    if tag.is_empty() { Pairs::new() } else { Pairs::from([pair]) }
}

pub(super) fn user(some: bool) -> Pairs {
    if some { Pairs::from([("note".to_owned(), "text".to_owned())]) } else { Pairs::new() }
}

pub(super) fn retained((mode, until): (RetentionMode, i64)) -> Retained {
    (mode.as_str(), until)
}

/// The bytes of a body of `size` that `range` means; a range that begins beyond them is refused.
fn within(range: ByteRange, size: u64) -> Outcome<Range<u64>> {
    let range = match range {
        ByteRange::FromTo(first, last) => first..size.min(last + 1),
        ByteRange::From(first) => first..size,
        ByteRange::Last(count) => size - count.min(size)..size,
    };
    if range.start >= range.end { refuse("InvalidRange") } else { Ok(range) }
}
