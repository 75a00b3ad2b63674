//! `Explanation`: why something happens to a version, or does not.

use crate::{
    evaluate::{Action, Decision, Obstacle},
    facts::VersionFacts,
    filter::Mismatch,
    policy::LifecyclePolicy,
    rule::{Rule, Status},
};
use cistern_storage_core::Timestamp;
use std::fmt;

/// What every rule says of a version, what is done now, and what will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'p> {
    /// Every rule of the policy, in its order.
    pub rules: Vec<RuleExplanation<'p>>,
    /// What a run does now.
    pub now: Option<Decision<'p>>,
    /// What is done first, now or later.
    pub next: Option<Decision<'p>>,
}

/// What one rule says of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleExplanation<'p> {
    /// The rule.
    pub rule: &'p Rule,
    /// What it says.
    pub verdict: RuleVerdict,
}

/// Whether a rule is about a version, and what it has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleVerdict {
    /// The rule is disabled.
    Disabled,
    /// Its filter means other objects.
    Mismatch(Mismatch),
    /// Its actions for this version; it may have none.
    Actions(Vec<Offered>),
}

/// An action that a rule has for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// What would be done.
    pub action: Action,
    /// From when.
    pub due: Timestamp,
    /// What stands against it.
    pub obstacle: Option<Obstacle>,
}

impl LifecyclePolicy {
    /// Why a run at `now` does with a version what it does.
    #[must_use]
    pub fn explain(&self, facts: &VersionFacts<'_>, now: Timestamp) -> Explanation<'_> {
        let explain = |(at, rule)| RuleExplanation { rule, verdict: self.verdict(at, facts, now) };
        Explanation {
            rules: self.rules().iter().enumerate().map(explain).collect(),
            now: self.evaluate(facts, now),
            next: self.next(facts, now),
        }
    }

    fn verdict(&self, at: usize, facts: &VersionFacts<'_>, now: Timestamp) -> RuleVerdict {
        let rule = &self.rules()[at];
        if rule.status() == Status::Disabled {
            return RuleVerdict::Disabled;
        }
        if let Some(why) = rule.filter().mismatch(facts.key, facts.tags, facts.size) {
            return RuleVerdict::Mismatch(why);
        }
        let mut offered = Vec::new();
        self.candidates_of(at, rule, facts, now, &mut |one| {
            offered.push(Offered { action: one.action, due: one.due, obstacle: one.obstacle });
        });
        RuleVerdict::Actions(offered)
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.now, &self.next) {
            (Some(now), _) => writeln!(f, "now: {now}")?,
            (None, Some(next)) => writeln!(f, "next: {next}")?,
            (None, None) => writeln!(f, "nothing will happen")?,
        }
        for one in &self.rules {
            writeln!(f, "rule `{}`: {}", one.rule.rule_id(), one.verdict)?;
        }
        Ok(())
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}, says rule `{}`", self.action, self.due, self.rule.rule_id())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete => f.write_str("delete for good"),
            Self::Transition(class) => write!(f, "move to {class}"),
            Self::PushDeleteMarker => f.write_str("hide behind a delete marker"),
            Self::AbortUpload => f.write_str("abort the upload"),
        }
    }
}

impl fmt::Display for RuleVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("it is disabled"),
            Self::Mismatch(Mismatch::Prefix) => f.write_str("the key begins otherwise"),
            Self::Mismatch(Mismatch::Tag) => f.write_str("a tag is missing or different"),
            Self::Mismatch(Mismatch::Size) => f.write_str("the size is out of its bounds"),
            Self::Actions(actions) if actions.is_empty() => {
                f.write_str("it has no action for such a version")
            }
            Self::Actions(actions) => {
                for (index, one) in actions.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{} from {}", one.action, one.due)?;
                    if let Some(obstacle) = one.obstacle {
                        write!(f, " but for: {obstacle}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replication => f.write_str("its replication is not complete"),
            Self::LegalHold => f.write_str("it is under legal hold"),
            Self::Retained { until } => write!(f, "it is retained until {until}"),
            Self::SmallObject => f.write_str("it is too small to move there by default"),
            Self::NoSuchMove => f.write_str("its class does not move there"),
            Self::KeptAsNewer { newer, kept } => {
                write!(f, "{kept} noncurrent versions are kept, and {newer} are newer")
            }
            Self::NotAlone => f.write_str("it hides older versions"),
        }
    }
}
