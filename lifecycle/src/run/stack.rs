//! The versions of one key, newest first, and what is decided about them.

use crate::{
    evaluate::{Action, delete_marker_time},
    facts::{Place, VersionFacts},
    policy::LifecyclePolicy,
};
use cistern_storage_core::{LifecycleAct, LifecycleChange, ObjectInfo, Timestamp, Versioning};

/// All versions of one key.
#[derive(Debug, Default)]
pub(super) struct Stack(Vec<ObjectInfo>);

impl Stack {
    pub(super) fn is_of_other_key(&self, version: &ObjectInfo) -> bool {
        self.0.last().is_some_and(|last| last.key() != version.key())
    }

    pub(super) fn push(&mut self, version: ObjectInfo) {
        self.0.push(version);
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// What is due, the oldest version first: what an act rests on is newer, and still there then.
    pub(super) fn decide(
        &self,
        policy: &LifecyclePolicy,
        versioning: Versioning,
        now: Timestamp,
    ) -> Vec<LifecycleAct> {
        // The current version goes while the list is read: then the key waits for the next run.
        if !self.0.first().is_some_and(ObjectInfo::is_latest) {
            return Vec::new();
        }
        let kept = policy.newer_versions_kept();
        let decide = |at: usize| {
            let version = &self.0[at];
            let facts = VersionFacts::of(version, self.place(at), versioning);
            let decision = policy.evaluate(&facts, now)?;
            let change = match decision.action {
                Action::Delete => LifecycleChange::Delete,
                Action::Transition(class) => LifecycleChange::Transition(class),
                Action::PushDeleteMarker => {
                    LifecycleChange::PushDeleteMarker(delete_marker_time(now))
                }
                Action::AbortUpload => return None,
            };
            // Its successor, which dates it, and as many versions as a rule may count.
            let newer = self.0[at.saturating_sub(kept.max(1))..at].to_vec();
            Some(LifecycleAct::Change { version: version.clone(), newer, change })
        };
        (0..self.0.len()).rev().filter_map(decide).collect()
    }

    /// Forgets all of them, and gives their key.
    pub(super) fn take_key(&mut self) -> Option<String> {
        let key = self.0.first().map(|version| version.key().as_str().to_owned());
        self.0.clear();
        key
    }

    fn place(&self, at: usize) -> Place {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        match at.checked_sub(1) {
            None => Place::Current { others: count(self.0.len() - 1) },
            Some(newer) => {
                Place::Noncurrent { since: self.0[newer].last_modified(), newer: count(newer) }
            }
        }
    }
}
