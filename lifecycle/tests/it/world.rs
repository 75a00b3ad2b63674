//! A bucket in a few lines: the plainest thing that can obey decisions.

use cistern_lifecycle::{
    Action, Content, LifecyclePolicy, Place, Replication, StorageClass, Timestamp, VersionFacts,
    delete_marker_time,
};
use cistern_storage_core::{Tags, VersionId, VersionLock, Versioning};

pub(crate) fn at(text: &str) -> Timestamp {
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    Timestamp::parse_iso8601(&full).unwrap()
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) name: &'static str,
    pub(crate) id: VersionId,
    pub(crate) modified: Timestamp,
    pub(crate) size: u64,
    pub(crate) class: StorageClass,
    pub(crate) content: Content,
    pub(crate) lock: VersionLock,
    pub(crate) replication: Replication,
}

/// One key's versions, newest first.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) key: &'static str,
    pub(crate) tags: Tags,
    pub(crate) versioning: Versioning,
    pub(crate) versions: Vec<Version>,
    seq: u64,
}

impl World {
    pub(crate) fn new(key: &'static str, versioning: Versioning) -> Self {
        Self { key, tags: Tags::new(), versioning, versions: Vec::new(), seq: 0 }
    }

    fn push(&mut self, name: &'static str, modified: Timestamp, content: Content) {
        self.seq += 1;
        let id = match self.versioning {
            Versioning::Enabled => VersionId::Stamped { seq: self.seq, tag: 7 },
            _ => VersionId::Null,
        };
        if id.is_null() {
            self.versions.retain(|version| !version.id.is_null());
        }
        let size = if content == Content::Data { 1 << 20 } else { 0 };
        let class = StorageClass::Standard;
        let (lock, replication) = (VersionLock::default(), Replication::None);
        let version = Version { name, id, modified, size, class, content, lock, replication };
        self.versions.insert(0, version);
    }

    pub(crate) fn put(&mut self, name: &'static str, modified: &str) -> &mut Version {
        self.push(name, at(modified), Content::Data);
        &mut self.versions[0]
    }

    pub(crate) fn delete(&mut self, when: &str) {
        self.push("marker", at(when), Content::DeleteMarker);
    }

    pub(crate) fn facts(&self, index: usize) -> VersionFacts<'_> {
        let version = &self.versions[index];
        let count = |n: usize| u32::try_from(n).unwrap();
        let place = match index.checked_sub(1) {
            None => Place::Current { others: count(self.versions.len() - 1) },
            Some(newer) => {
                Place::Noncurrent { since: self.versions[newer].modified, newer: count(newer) }
            }
        };
        let facts = match version.content {
            Content::Data => VersionFacts::new(self.key, version.size, version.modified),
            Content::DeleteMarker => VersionFacts::delete_marker(self.key, version.modified),
        };
        facts
            .version(version.id)
            .place(place)
            .class(version.class)
            .tags(&self.tags)
            .lock(version.lock)
            .replication(version.replication)
            .versioning(self.versioning)
    }

    /// One pass: all versions are judged as they are before it, then all is done.
    pub(crate) fn run(&mut self, policy: &LifecyclePolicy, now: Timestamp) -> Vec<Action> {
        let judged: Vec<_> = (0..self.versions.len())
            .map(|index| policy.evaluate(&self.facts(index), now).map(|one| one.action))
            .collect();
        let before = std::mem::take(&mut self.versions);
        let mut pushed = false;
        for (mut version, action) in before.into_iter().zip(&judged) {
            match action {
                Some(Action::Delete) => continue,
                Some(Action::Transition(class)) => version.class = *class,
                Some(Action::PushDeleteMarker) => pushed = true,
                Some(Action::AbortUpload) => unreachable!("versions are no uploads"),
                None => {}
            }
            self.versions.push(version);
        }
        if pushed {
            self.push("marker", delete_marker_time(now), Content::DeleteMarker);
        }
        judged.into_iter().flatten().collect()
    }

    /// A run at every midnight from one day up to another; what was done, with its day.
    pub(crate) fn daily(
        &mut self,
        policy: &LifecyclePolicy,
        from: &str,
        to: &str,
    ) -> Vec<(String, Action)> {
        let (mut now, to) = (at(from), at(to));
        let mut done = Vec::new();
        while now <= to {
            for action in self.run(policy, now) {
                done.push((now.to_iso8601()[..10].to_owned(), action));
            }
            now = now.midnight_after(cistern_lifecycle::Days(0));
        }
        done
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.versions.iter().map(|version| version.name).collect()
    }
}

pub(crate) fn policy(rules: impl IntoIterator<Item = cistern_lifecycle::Rule>) -> LifecyclePolicy {
    LifecyclePolicy::new(rules).unwrap()
}
