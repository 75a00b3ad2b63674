//! `Real`: a store over some backend, its answers told in the words of the model.

mod uploads;

use super::{
    answer::{Answer, Gone, Info, Name, Numbers, Outcome, Page, Pairs, Picks, Refusal, Written},
    objects,
    op::{Condition, CopyExtras, DeleteWhen, Extras, Op, Place, Retain, Tag, Text, When},
    uploads::PART_BYTES_MIN,
};
use crate::backend::Fixture;
use cistern_storage_core::{
    Bucket, BucketOptions, CopyOptions, CopySource, DeleteCondition, DeleteEntry, DeleteOptions,
    Deleted, Durability, ETag, Error, GetOptions, LegalHold, ListOptions, ListUploadsOptions,
    ListVersionsOptions, Metadata, ObjectInfo, ObjectLockConfig, PutOptions, Receipt,
    RenameOptions, RenameTarget, Retention, Settings, Store, Tags, Timestamp, UploadId, VersionId,
    WriteCondition,
    object_lock::Bypass,
    port::{ManualClock, SeededEntropy},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A store over some backend.
#[derive(Debug)]
pub(super) struct Real {
    /// `None` only while the medium is opened again.
    store: Option<Store>,
    /// `None` when somebody else opens and closes the store.
    fixture: Option<Fixture>,
    clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    /// The version names given so far, in the order in which they were made.
    pub(super) given: Vec<VersionId>,
    /// Every upload that was begun, in order.
    pub(super) begun: Vec<(Place, UploadId)>,
    /// A list that was to tell names could not be read.
    pub(super) is_blind: bool,
}

/// Where the clock begins: a day in 2026, not at midnight.
pub(super) const BEGIN: Timestamp = Timestamp::from_millis(1_780_000_000_123);

impl Real {
    pub(super) fn new(fixture: Fixture) -> Self {
        let clock = Arc::new(ManualClock::new(BEGIN));
        let entropy = Arc::new(SeededEntropy::new(1));
        let mut real = Self { fixture: Some(fixture), entropy, ..Self::elsewhere(clock) };
        real.open();
        real
    }

    /// One whose store somebody else opens, over `clock`.
    pub(super) fn elsewhere(clock: Arc<ManualClock>) -> Self {
        let (given, begun, is_blind) = (Vec::new(), Vec::new(), false);
        let entropy = Arc::new(SeededEntropy::new(1));
        Self { store: None, fixture: None, clock, entropy, given, begun, is_blind }
    }

    /// Goes on with another handle, or with none.
    pub(super) fn set_store(&mut self, store: Option<Store>) {
        self.store = store;
    }

    fn open(&mut self) {
        let Some(fixture) = &self.fixture else { return };
        let mut settings = Settings::new();
        // A medium that loses power must keep what was acknowledged; others need not be slowed down.
        let loses_power = fixture.asks_of().loses_power;
        settings.durability = if loses_power { Durability::Synced } else { Durability::Os };
        settings.limits.part_bytes_min = PART_BYTES_MIN;
        let mut builder = Store::builder(fixture.share())
            .clock(Arc::clone(&self.clock) as _)
            .entropy(Arc::clone(&self.entropy) as _)
            .settings(settings);
        if let Some(sealer) = fixture.sealer() {
            builder = builder.sealer(sealer);
        }
        self.store = Some(builder.build().expect("the store opens"));
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().expect("the store is closed only while it is opened again")
    }

    /// Does what `op` says; `picks` are the versions that it names.
    pub(super) fn apply(&mut self, op: &Op, picks: &Picks) -> Outcome {
        let outcome = self.call(op, picks);
        outcome.map_err(|error| self.refusal(&error))
    }

    pub(super) fn call(&mut self, op: &Op, picks: &Picks) -> Result<Answer, Error> {
        let version = picks.version().map(|name| self.id(name));
        match op {
            Op::CreateBucket { bucket, lock } => {
                let options = BucketOptions::new();
                let config = ObjectLockConfig::default();
                let options = if *lock { options.object_lock(config) } else { options };
                self.store().create_bucket_with(*bucket, options).map(|_| Answer::Done)
            }
            Op::DeleteBucket { bucket } => {
                self.store().delete_bucket(*bucket).map(|()| Answer::Done)
            }
            Op::ListBuckets => {
                let buckets = self.store().list_buckets()?;
                Ok(Answer::Names(buckets.iter().map(|bucket| bucket.name.to_string()).collect()))
            }
            Op::SetVersioning { bucket, versioning } => {
                self.bucket(bucket)?.set_versioning(*versioning).map(|()| Answer::Done)
            }
            Op::Put { at, body, condition, extras } => {
                let bucket = self.bucket(at.bucket)?;
                let options = self.put_options(&bucket, *at, *condition, *extras)?;
                let receipt = bucket.put_with(at.key, body.bytes(), &options)?;
                Ok(Answer::Written(self.written(&receipt)))
            }
            Op::Get { at, range, part, when, .. } => {
                let bucket = self.bucket(at.bucket)?;
                let mut options = self.get_options(&bucket, *at, version, *when)?;
                if let Some(range) = range {
                    options = options.range(*range);
                }
                if let Some(part) = part {
                    options = options.part_number(*part);
                }
                let object = bucket.get_with(at.key, &options)?;
                let info = Box::new(self.info(object.info()));
                Ok(Answer::Read(info, object.content_range(), object.bytes()?.to_vec()))
            }
            Op::Head { at, when, .. } => {
                let bucket = self.bucket(at.bucket)?;
                let options = self.get_options(&bucket, *at, version, *when)?;
                let info = bucket.head_with(at.key, &options)?;
                Ok(Answer::Info(Box::new(self.info(&info))))
            }
            Op::Delete { at, condition, bypass, .. } => {
                let bucket = self.bucket(at.bucket)?;
                let condition = match condition {
                    DeleteWhen::Always => DeleteCondition::None,
                    DeleteWhen::IfExists => DeleteCondition::IfExists,
                    DeleteWhen::IfMatch(tag) => {
                        DeleteCondition::IfMatch(etag(&bucket, at.key, *tag)?)
                    }
                };
                let mut options = DeleteOptions::new().condition(condition);
                if let Some(version) = version {
                    options = options.version(version);
                }
                if *bypass {
                    options = options.bypass_governance();
                }
                let deleted = bucket.delete_with(at.key, &options)?;
                Ok(Answer::Gone(self.gone(deleted)))
            }
            Op::DeleteMany { bucket, entries } => {
                self.delete_many(bucket, entries, &picks.versions)
            }
            Op::Copy { from, when, to, condition, extras, .. } => {
                self.copy(*from, version, *when, *to, *condition, *extras)
            }
            Op::Rename { from, to, condition } => {
                let bucket = self.bucket(from.bucket)?;
                let target = match condition {
                    Condition::None => RenameTarget::Any,
                    Condition::IfAbsent => RenameTarget::Absent,
                    Condition::IfMatch(tag) => RenameTarget::Matches(etag(&bucket, to, *tag)?),
                };
                let options = RenameOptions::new().target(target);
                let receipt = bucket.rename_with(from.key, *to, &options)?;
                Ok(Answer::Written(self.written(&receipt)))
            }
            Op::Append { at, offset, body } => {
                let bucket = self.bucket(at.bucket)?;
                let size = found(bucket.head(at.key))?.map_or(0, |info| info.size());
                let receipt = bucket.append(at.key, offset.of(size), body.bytes())?;
                Ok(Answer::Written(self.written(&receipt)))
            }
            Op::Tags { at, .. } => {
                let tags = self.bucket(at.bucket)?.object_tags(at.key, version)?;
                Ok(Answer::Tags(pairs(tags.iter())))
            }
            Op::SetTags { at, tag, .. } => {
                let bucket = self.bucket(at.bucket)?;
                let id = bucket.set_object_tags(at.key, version, &tags(objects::tags(tag)))?;
                Ok(Answer::Marked(self.name(id)))
            }
            Op::SetRetention { at, retention, bypass, .. } => {
                let bucket = self.bucket(at.bucket)?;
                let retention = retention.map(|retain| self.retention(retain));
                let bypass = if *bypass { Bypass::Governance } else { Bypass::No };
                let id = bucket.set_retention(at.key, version, retention, bypass)?;
                Ok(Answer::Marked(self.name(id)))
            }
            Op::Retention { at, .. } => {
                let retention = self.bucket(at.bucket)?.retention(at.key, version)?;
                Ok(Answer::Retention((retention.mode.as_str(), retention.until.as_millis())))
            }
            Op::SetHold { at, on, .. } => {
                let bucket = self.bucket(at.bucket)?;
                Ok(Answer::Marked({
                    let id = bucket.set_legal_hold(at.key, version, hold(*on))?;
                    self.name(id)
                }))
            }
            Op::Hold { at, .. } => {
                let hold = self.bucket(at.bucket)?.legal_hold(at.key, version)?;
                Ok(Answer::Hold(hold == LegalHold::On))
            }
            Op::List { bucket, prefix, delimiter, after, max } => {
                let options = ListOptions::new().prefix(*prefix).delimiter(*delimiter);
                self.list(bucket, options.start_after(*after).max_keys(*max))
            }
            Op::ListVersions { bucket, prefix, delimiter, after, max } => {
                let options = ListVersionsOptions::new().prefix(*prefix).delimiter(*delimiter);
                self.list_versions(bucket, options.key_marker(*after).max_keys(*max))
            }
            Op::BeginUpload { at, extras } => self.begin(*at, *extras),
            Op::PutPart { number, body, .. } => self.put_part(picks, *number, body.bytes()),
            Op::CopyPart { number, from, range, .. } => {
                self.copy_part(picks, *number, *from, version, *range)
            }
            Op::Complete { condition, .. } => self.complete(picks, *condition),
            Op::Abort { .. } => self.abort(picks),
            Op::ListParts { max, .. } => self.list_parts(picks, *max),
            Op::ListUploads { bucket, prefix, delimiter, after, max } => {
                let options = ListUploadsOptions::new().prefix(*prefix).delimiter(*delimiter);
                self.list_uploads(bucket, options.key_marker(*after).max_uploads(*max))
            }
            Op::Advance { millis } => {
                self.clock.advance(Duration::from_millis(*millis));
                Ok(Answer::Done)
            }
            Op::Reopen => {
                if let Some(fixture) = &mut self.fixture
                    && fixture.capabilities().reopens
                {
                    self.store = None;
                    fixture.close_and_reopen();
                    self.open();
                }
                Ok(Answer::Done)
            }
            Op::CutPower => {
                if let Some(fixture) = &mut self.fixture
                    && fixture.asks_of().loses_power
                {
                    self.store = None;
                    fixture.cut_power();
                    self.open();
                }
                Ok(Answer::Done)
            }
        }
    }

    fn delete_many(
        &mut self,
        bucket: Text,
        entries: &[(Text, super::op::Which)],
        picks: &[Option<Name>],
    ) -> Result<Answer, Error> {
        let bucket = self.bucket(bucket)?;
        let mut asked = Vec::new();
        for ((key, _), pick) in entries.iter().zip(picks) {
            let entry = DeleteEntry::new(*key)?;
            asked.push(match pick {
                Some(name) => entry.version(self.id(*name)),
                None => entry,
            });
        }
        let outcomes = bucket.delete_many(&asked)?;
        let each = outcomes.into_iter().map(|outcome| match outcome.outcome {
            Ok(deleted) => Ok(self.gone(deleted)),
            Err(error) => Err(self.refusal(&error)),
        });
        Ok(Answer::EachGone(each.collect()))
    }

    fn copy(
        &mut self,
        from: Place,
        version: Option<VersionId>,
        when: When,
        to: Place,
        condition: Condition,
        extras: CopyExtras,
    ) -> Result<Answer, Error> {
        let bucket = self.bucket(to.bucket)?;
        let from_bucket = self.bucket(from.bucket)?;
        let mut source = CopySource::new(&from_bucket, from.key)?;
        source = source.conditions(self.conditions(&from_bucket, from.key, when)?);
        if let Some(version) = version {
            source = source.version(version);
        }
        let mut options =
            CopyOptions::new().condition(write_condition(&bucket, to.key, condition)?);
        if let Some(class) = extras.class {
            options = options.storage_class(class);
        }
        if let Some(tag) = extras.tag {
            options = options.replace_tags(tags(objects::tags(tag)));
        }
        if let Some(user) = extras.user {
            options = options.replace_metadata(metadata(objects::user(user)));
        }
        let copied = bucket.copy_with(&source, to.key, &options)?;
        let source_version = self.name(copied.source_version);
        Ok(Answer::Copied(self.written(&copied.receipt), source_version))
    }

    fn list(&mut self, bucket: Text, options: ListOptions) -> Result<Answer, Error> {
        let bucket = self.bucket(bucket)?;
        let mut pages = Vec::new();
        let mut next = Some(options);
        while let Some(options) = next {
            let page = bucket.list_page(&options)?;
            next = page.next_continuation_token.map(|token| options.continuation_token(token));
            assert_eq!(next.is_some(), page.is_truncated, "a token comes with a truncated page");
            let entries = page.objects.iter().map(|info| self.info(info)).collect();
            let (prefixes, is_truncated) = (page.common_prefixes, page.is_truncated);
            pages.push(Page { entries, prefixes, is_truncated });
        }
        Ok(Answer::Pages(pages))
    }

    fn list_versions(&mut self, bucket: Text, first: ListVersionsOptions) -> Result<Answer, Error> {
        let bucket = self.bucket(bucket)?;
        let mut pages = Vec::new();
        let mut next = Some(first);
        while let Some(options) = next {
            let page = bucket.list_versions_page(&options)?;
            next = page.next_continuation_token.map(|token| options.continuation_token(token));
            assert_eq!(next.is_some(), page.is_truncated, "a token comes with a truncated page");
            let entries = page.versions.iter().map(|info| self.info(info)).collect();
            let (prefixes, is_truncated) = (page.common_prefixes, page.is_truncated);
            pages.push(Page { entries, prefixes, is_truncated });
        }
        Ok(Answer::Pages(pages))
    }

    /// All versions of a bucket, in the order of a list.
    pub(super) fn all_versions(&mut self, bucket: Text) -> Result<Vec<Info>, Error> {
        let bucket = self.bucket(bucket)?;
        let listed = bucket.list_versions("").collect::<Result<Vec<ObjectInfo>, Error>>()?;
        Ok(listed.iter().map(|info| self.info(info)).collect())
    }

    pub(super) fn stats(&self, bucket: Text) -> Result<BTreeMap<&'static str, Numbers>, Error> {
        let stats = self.bucket(bucket)?.stats()?;
        let numbers = stats.classes.iter().map(|(class, one)| {
            let numbers = [
                one.objects,
                one.object_bytes,
                one.noncurrent,
                one.noncurrent_bytes,
                one.delete_markers,
                one.uploads,
                one.upload_bytes,
            ];
            (class.as_str(), numbers)
        });
        Ok(numbers.filter(|(_, numbers)| *numbers != Numbers::default()).collect())
    }

    /// The bytes of a version.
    pub(super) fn body(&self, at: Place, name: Name) -> Result<Vec<u8>, Error> {
        let options = GetOptions::new().version(self.id(name));
        Ok(self.bucket(at.bucket)?.get_with(at.key, &options)?.bytes()?.to_vec())
    }

    pub(super) fn bucket(&self, bucket: Text) -> Result<Bucket, Error> {
        self.store().bucket(bucket)
    }

    /// The id that the store gave as the n-th, or one that it gave to nobody.
    fn id(&self, name: Name) -> VersionId {
        let never = VersionId::Stamped { seq: u64::MAX, tag: 0 };
        match name {
            Name::Null => VersionId::Null,
            Name::Nth(nth) => self.given.get(nth).copied().unwrap_or(never),
            Name::Unknown => never,
        }
    }

    fn name(&mut self, id: VersionId) -> Name {
        if id.is_null() {
            return Name::Null;
        }
        if !self.given.contains(&id) {
            self.is_blind |= self.discover().is_err();
        }
        let nth = self.given.iter().position(|given| *given == id);
        nth.map_or(Name::Unknown, Name::Nth)
    }

    /// Learns the names that were given since, in the order of writes.
    fn discover(&mut self) -> Result<(), Error> {
        let mut new = Vec::new();
        for bucket in self.store().list_buckets()? {
            let bucket = self.store().bucket(bucket.name)?;
            let listed = bucket.list_versions("").collect::<Result<Vec<_>, _>>()?;
            let stamped = listed.into_iter().filter(|one| !one.version().is_null());
            new.extend(stamped.map(|info| (info.sequence(), info.version())));
        }
        new.retain(|(_, id)| !self.given.contains(id));
        new.sort_by_key(|(sequence, _)| *sequence);
        self.given.extend(new.into_iter().map(|(_, id)| id));
        Ok(())
    }

    pub(super) fn refusal(&mut self, error: &Error) -> Refusal {
        let marker = match error {
            Error::NoSuchKey { delete_marker, .. } => *delete_marker,
            Error::MethodNotAllowed { version, .. } => Some(*version),
            _ => None,
        };
        Refusal { code: error.code(), marker: marker.map(|id| self.name(id)) }
    }

    fn written(&mut self, receipt: &Receipt) -> Written {
        Written {
            version: receipt.version.map(|id| self.name(id)),
            etag: etag_text(receipt.etag),
            size: receipt.size,
            modified: receipt.last_modified.as_millis(),
        }
    }

    fn gone(&mut self, deleted: Deleted) -> Gone {
        Gone { marker: deleted.delete_marker, version: deleted.version.map(|id| self.name(id)) }
    }

    fn info(&mut self, info: &ObjectInfo) -> Info {
        let is_marker = info.is_delete_marker();
        let retention = info.retention();
        Info {
            key: info.key().as_str().to_owned(),
            version: self.name(info.version()),
            is_latest: info.is_latest(),
            is_marker,
            size: info.size(),
            etag: if is_marker { String::new() } else { etag_text(info.etag()) },
            modified: info.last_modified().as_millis(),
            class: info.storage_class().as_str(),
            tags: pairs(info.tags().iter()),
            user: pairs(info.metadata().user_pairs()),
            retention: retention.map(|one| (one.mode.as_str(), one.until.as_millis())),
            hold: info.legal_hold().map(|hold| hold == LegalHold::On),
            parts: info.parts_count(),
        }
    }

    fn put_options(
        &self,
        bucket: &Bucket,
        at: Place,
        condition: Condition,
        extras: Extras,
    ) -> Result<PutOptions, Error> {
        let mut options = PutOptions::new()
            .condition(write_condition(bucket, at.key, condition)?)
            .storage_class(extras.class)
            .tags(tags(objects::tags(extras.tag)))
            .metadata(metadata(objects::user(extras.user)));
        if let Some(retain) = extras.retention {
            options = options.retention(self.retention(retain));
        }
        if let Some(on) = extras.hold {
            options = options.legal_hold(hold(on));
        }
        Ok(options)
    }

    fn get_options(
        &self,
        bucket: &Bucket,
        at: Place,
        version: Option<VersionId>,
        when: When,
    ) -> Result<GetOptions, Error> {
        let options = GetOptions::new().conditions(self.conditions(bucket, at.key, when)?);
        Ok(match version {
            Some(version) => options.version(version),
            None => options,
        })
    }

    fn conditions(
        &self,
        bucket: &Bucket,
        key: Text,
        when: When,
    ) -> Result<cistern_storage_core::ReadConditions, Error> {
        let mut conditions = cistern_storage_core::ReadConditions::new();
        if let Some(tag) = when.if_match {
            conditions = conditions.if_match(etag(bucket, key, tag)?);
        }
        if let Some(tag) = when.if_none_match {
            conditions = conditions.if_none_match(etag(bucket, key, tag)?);
        }
        if let Some(millis) = when.modified_since {
            conditions = conditions.if_modified_since(self.later(millis));
        }
        if let Some(millis) = when.unmodified_since {
            conditions = conditions.if_unmodified_since(self.later(millis));
        }
        Ok(conditions)
    }

    fn retention(&self, retain: Retain) -> Retention {
        Retention { mode: retain.mode, until: self.later(retain.millis) }
    }

    fn later(&self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.store().clock().now().as_millis() + millis)
    }
}

/// The entity tag of what is there, or that of nothing.
fn etag(bucket: &Bucket, key: &str, tag: Tag) -> Result<ETag, Error> {
    let current = match tag {
        Tag::Current => found(bucket.head(key))?,
        Tag::Other => None,
    };
    Ok(current.map_or_else(|| ETag::of_bytes(b"no body that is ever put"), |info| info.etag()))
}

/// What is there, if anything is; an error only when the store could not tell.
fn found(outcome: Result<ObjectInfo, Error>) -> Result<Option<ObjectInfo>, Error> {
    match outcome {
        Ok(info) => Ok(Some(info)),
        Err(error) if is_failure(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// True for what is no answer of S3's: the store could not do it.
pub(super) fn is_failure(error: &Error) -> bool {
    matches!(error, Error::Backend { .. } | Error::Damaged { .. } | Error::Closed)
}

fn write_condition(
    bucket: &Bucket,
    key: &str,
    condition: Condition,
) -> Result<WriteCondition, Error> {
    Ok(match condition {
        Condition::None => WriteCondition::None,
        Condition::IfAbsent => WriteCondition::IfAbsent,
        Condition::IfMatch(tag) => WriteCondition::IfMatch(etag(bucket, key, tag)?),
    })
}

fn etag_text(etag: ETag) -> String {
    if matches!(etag, ETag::Opaque(_)) { "opaque".into() } else { etag.to_string() }
}

fn hold(on: bool) -> LegalHold {
    if on { LegalHold::On } else { LegalHold::Off }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Pairs {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn tags(pairs: Pairs) -> Tags {
    Tags::from_pairs(pairs).expect("few and short")
}

fn metadata(pairs: Pairs) -> Metadata {
    let with = |metadata: Metadata, (name, value): (String, String)| {
        metadata.with_user(&name, value).expect("few and short")
    };
    pairs.into_iter().fold(Metadata::new(), with)
}
