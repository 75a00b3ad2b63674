//! The rules of the model: what is found, what is refused, what a write does to the stack of versions.

use super::{
    Objects,
    answer::{Info, Name, Numbers, Outcome, Pairs, Refusal, Written, refuse},
    objects::{Bucket, ModelTag, New, Version, retained},
    op::{Condition, DeleteWhen, Extras, Place, Retain, Tag, Text, When},
};
use cistern_storage_core::{StorageClass, Versioning};
use std::collections::BTreeMap;

impl Objects {
    pub(super) fn bucket(&self, bucket: Text) -> Outcome<&Bucket> {
        self.buckets.get(bucket).map_or_else(|| refuse("NoSuchBucket"), Ok)
    }

    pub(super) fn bucket_mut(&mut self, bucket: Text) -> Outcome<&mut Bucket> {
        self.buckets.get_mut(bucket).map_or_else(|| refuse("NoSuchBucket"), Ok)
    }

    pub(super) fn current(&self, at: Place) -> Option<&Version> {
        self.buckets.get(at.bucket)?.keys.get(at.key)?.last()
    }

    pub(super) fn version(&self, at: Place, name: Name) -> Option<&Version> {
        let versions = self.buckets.get(at.bucket)?.keys.get(at.key)?;
        versions.iter().find(|version| version.name == name)
    }

    /// A version that is data.
    pub(super) fn find(&self, at: Place, pick: Option<Name>) -> Outcome<&Version> {
        self.bucket(at.bucket)?;
        match (pick, pick.map_or_else(|| self.current(at), |name| self.version(at, name))) {
            (None, None) => refuse("NoSuchKey"),
            (Some(_), None) => refuse("NoSuchVersion"),
            (None, Some(version)) if version.is_marker => {
                Err(Refusal { code: "NoSuchKey", marker: Some(version.name) })
            }
            (Some(_), Some(version)) if version.is_marker => {
                Err(Refusal { code: "MethodNotAllowed", marker: Some(version.name) })
            }
            (_, Some(version)) => Ok(version),
        }
    }

    pub(super) fn read(&self, at: Place, pick: Option<Name>, when: When) -> Outcome<&Version> {
        let version = self.find(at, pick)?;
        self.check_reading(at, version, when)?;
        Ok(version)
    }

    pub(super) fn check_reading(&self, at: Place, version: &Version, when: When) -> Outcome<()> {
        let second = |millis: i64| millis.div_euclid(1000);
        let modified = second(version.modified);
        let equals = |tag: Tag| self.tag(at, tag).is_some_and(|tag| tag == version.etag);
        let failed = match (when.if_match, when.unmodified_since) {
            (Some(tag), _) => !equals(tag),
            (None, Some(date)) => modified > second(self.now + date),
            (None, None) => false,
        };
        if failed {
            return refuse("PreconditionFailed");
        }
        let unmodified = match (when.if_none_match, when.modified_since) {
            (Some(tag), _) => equals(tag),
            (None, Some(date)) => {
                let date = second(self.now + date);
                date <= second(self.now) && modified <= date
            }
            (None, None) => false,
        };
        if unmodified { refuse("NotModified") } else { Ok(()) }
    }

    pub(super) fn tag(&self, at: Place, tag: Tag) -> Option<ModelTag> {
        match tag {
            Tag::Current => Some(self.find(at, None).ok()?.etag.clone()),
            Tag::Other => None,
        }
    }

    pub(super) fn may_write(&self, at: Place, condition: Condition) -> Outcome<()> {
        self.bucket(at.bucket)?;
        let current = self.current(at).filter(|version| !version.is_marker);
        match (condition, current) {
            (Condition::None, _)
            | (Condition::IfAbsent, None)
            | (Condition::IfMatch(Tag::Current), Some(_)) => Ok(()),
            (Condition::IfMatch(_), None) => refuse("NoSuchKey"),
            (Condition::IfAbsent | Condition::IfMatch(Tag::Other), Some(_)) => {
                refuse("PreconditionFailed")
            }
        }
    }

    pub(super) fn may_delete(&self, at: Place, condition: DeleteWhen) -> Outcome<()> {
        match (condition, self.current(at)) {
            (DeleteWhen::Always, _) => Ok(()),
            (_, None) => refuse("NoSuchKey"),
            (_, Some(version)) if version.is_marker => refuse("PreconditionFailed"),
            (DeleteWhen::IfMatch(Tag::Other), _) => refuse("PreconditionFailed"),
            (DeleteWhen::IfExists | DeleteWhen::IfMatch(Tag::Current), _) => Ok(()),
        }
    }

    pub(super) fn check_lock(&self, at: Place, extras: Extras) -> Outcome<()> {
        let asks = extras.retention.is_some() || extras.hold.is_some();
        if asks && !self.bucket(at.bucket)?.has_lock {
            return refuse("InvalidRequest");
        }
        self.check_future(extras.retention)
    }

    pub(super) fn check_future(&self, retain: Option<Retain>) -> Outcome<()> {
        match retain {
            Some(retain) if retain.millis <= 0 => refuse("InvalidArgument"),
            _ => Ok(()),
        }
    }

    /// A version whose tags or lock are meant. Delete markers have neither.
    pub(super) fn mark(&mut self, at: Place, pick: Option<Name>) -> Outcome<&mut Version> {
        let found = match self.find(at, pick) {
            // Unlike for a read, a marker is a wrong object even where none is named.
            Err(refusal) if refusal.marker.is_some() => self.find(at, refusal.marker),
            found => found,
        };
        let order = found?.order;
        let versions = self.bucket_mut(at.bucket)?.keys.entry(at.key).or_default();
        let version = versions.iter_mut().find(|version| version.order == order);
        Ok(version.expect("it was just found"))
    }

    pub(super) fn mark_locked(&mut self, at: Place, pick: Option<Name>) -> Outcome<&mut Version> {
        if self.bucket(at.bucket)?.has_lock {
            self.mark(at, pick)
        } else {
            refuse("InvalidRequest")
        }
    }

    pub(super) fn push(&mut self, at: Place, new: New) -> Written {
        self.push_at(at, new, None)
    }

    /// Pushes a version; one that gets a name of its own takes the place `began`, if there is one.
    pub(super) fn push_at(&mut self, at: Place, new: New, began: Option<u64>) -> Written {
        let (name, mut order) = self.next(at);
        if let (Name::Nth(_), Some(began)) = (name, began) {
            order = began;
        }
        let written = Written {
            version: (name != Name::Null).then_some(name),
            etag: new.etag.text(),
            size: new.body.len() as u64,
            modified: new.modified,
        };
        let New { body, etag, modified, class, tags, user, retention, hold, parts } = new;
        let is_marker = false;
        let version = Version {
            name,
            order,
            is_marker,
            body,
            etag,
            modified,
            class,
            tags,
            user,
            retention,
            hold,
            parts,
        };
        self.insert(at, version);
        written
    }

    pub(super) fn push_marker(&mut self, at: Place) -> Name {
        let (name, order) = self.next(at);
        let version = Version {
            name,
            order,
            is_marker: true,
            body: bytes::Bytes::new(),
            etag: ModelTag::Told(String::new()),
            modified: self.now,
            class: StorageClass::Standard,
            tags: Pairs::new(),
            user: Pairs::new(),
            retention: None,
            hold: None,
            parts: None,
        };
        self.insert(at, version);
        name
    }

    /// The name and the place of the next version.
    pub(super) fn next(&mut self, at: Place) -> (Name, u64) {
        self.writes += 1;
        if self.buckets[at.bucket].versioning != Versioning::Enabled {
            return (Name::Null, self.writes);
        }
        self.names += 1;
        (Name::Nth(self.names - 1), self.writes)
    }

    /// A key has one null version at most: a new one takes the place of the old.
    pub(super) fn insert(&mut self, at: Place, new: Version) {
        let bucket = self.buckets.get_mut(at.bucket).expect("it was looked up before");
        let versions = bucket.keys.entry(at.key).or_default();
        if new.name == Name::Null {
            versions.retain(|version| version.name != Name::Null);
        }
        versions.push(new);
        versions.sort_by_key(|version| version.order);
    }

    pub(super) fn forget_empty_key(&mut self, at: Place) {
        if let Some(bucket) = self.buckets.get_mut(at.bucket) {
            bucket.keys.retain(|_, versions| !versions.is_empty());
        }
    }

    pub(super) fn info(&self, at: Place, version: &Version) -> Info {
        let is_latest = self.current(at).is_some_and(|current| current.order == version.order);
        Info {
            key: at.key.to_owned(),
            version: version.name,
            is_latest,
            is_marker: version.is_marker,
            size: version.body.len() as u64,
            etag: version.etag.text(),
            modified: version.modified,
            class: version.class.as_str(),
            tags: version.tags.clone(),
            user: version.user.clone(),
            retention: version.retention.map(retained),
            hold: version.hold,
            parts: version.parts.as_ref().map(|parts| u32::try_from(parts.len()).expect("a few")),
        }
    }

    /// Everything that a bucket holds, counted.
    pub(super) fn stats(&self, bucket: Text) -> BTreeMap<&'static str, Numbers> {
        let mut stats = BTreeMap::<_, Numbers>::new();
        for versions in self.buckets[bucket].keys.values() {
            for (age, version) in versions.iter().rev().enumerate() {
                let numbers = stats.entry(version.class.as_str()).or_default();
                if version.is_marker {
                    numbers[4] += 1;
                } else {
                    let at = if age == 0 { 0 } else { 2 };
                    numbers[at] += 1;
                    numbers[at + 1] += version.body.len() as u64;
                }
            }
        }
        for upload in self.buckets[bucket].uploads.values() {
            let numbers = stats.entry(upload.class()).or_default();
            numbers[5] += 1;
            numbers[6] += upload.bytes();
        }
        stats
    }

    /// The bytes of every version that is data.
    pub(super) fn bodies(&self) -> Vec<(Place, Name, &[u8])> {
        let mut bodies = Vec::new();
        for (bucket, Bucket { keys, .. }) in &self.buckets {
            for (key, versions) in keys {
                let at = Place { bucket, key };
                let data = versions.iter().filter(|version| !version.is_marker);
                bodies.extend(data.map(|version| (at, version.name, &version.body[..])));
            }
        }
        bodies
    }
}
