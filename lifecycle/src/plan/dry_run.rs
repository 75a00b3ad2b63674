//! `DryRun`: what a run would do now, without doing it.

use crate::{evaluate::Action, facts::VersionFacts, policy::LifecyclePolicy};
use cistern_storage_core::Timestamp;
use std::{collections::BTreeMap, fmt};

/// What one rule would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRunLine {
    /// To how many versions, or uploads.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first keys, as examples.
    pub examples: Vec<Box<str>>,
}

/// What a run would do, by rule and action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    lines: BTreeMap<(Box<str>, Action), DryRunLine>,
    seen: u64,
}

/// How many keys are kept as examples of a line.
const EXAMPLES_MAX: usize = 10;

impl DryRun {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes what a run at `now` would do with a version.
    pub fn version(&mut self, policy: &LifecyclePolicy, facts: &VersionFacts<'_>, now: Timestamp) {
        self.seen += 1;
        if let Some(decision) = policy.evaluate(facts, now) {
            self.note(decision.rule.rule_id(), decision.action, facts.key, facts.size);
        }
    }

    /// Notes what a run at `now` would do with an upload that has so many bytes.
    pub fn upload(
        &mut self,
        policy: &LifecyclePolicy,
        key: &str,
        initiated: Timestamp,
        bytes: u64,
        now: Timestamp,
    ) {
        self.seen += 1;
        if let Some(decision) = policy.evaluate_upload(key, initiated, now) {
            self.note(decision.rule.rule_id(), decision.action, key, bytes);
        }
    }

    fn note(&mut self, rule: &str, action: Action, key: &str, bytes: u64) {
        let line = self.lines.entry((rule.into(), action)).or_default();
        line.versions += 1;
        line.bytes += bytes;
        if line.examples.len() < EXAMPLES_MAX {
            line.examples.push(key.into());
        }
    }

    /// What would be done, by rule and action.
    pub fn lines(&self) -> impl Iterator<Item = (&str, Action, &DryRunLine)> {
        self.lines.iter().map(|((rule, action), line)| (&**rule, *action, line))
    }

    /// How many versions and uploads were looked at.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

impl LifecyclePolicy {
    /// What a run at `now` would do with these versions.
    #[must_use]
    pub fn dry_run<'f>(
        &self,
        versions: impl IntoIterator<Item = VersionFacts<'f>>,
        now: Timestamp,
    ) -> DryRun {
        let mut run = DryRun::new();
        versions.into_iter().for_each(|facts| run.version(self, &facts, now));
        run
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (rule, action, line) in self.lines() {
            let DryRunLine { versions, bytes, examples } = line;
            writeln!(f, "rule `{rule}`: {action}: {versions} versions, {bytes} bytes")?;
            examples.iter().try_for_each(|key| writeln!(f, "    {key}"))?;
        }
        let touched: u64 = self.lines.values().map(|line| line.versions).sum();
        writeln!(f, "{} of {} would be left as they are", self.seen - touched, self.seen)
    }
}
