//! `Statement`: an effect, and to whom, to what and when it applies.

use crate::{
    action::{Action, ActionPattern},
    arn::{Resource, ResourcePattern},
    condition::Condition,
    condition_key::{ConditionKey, Lookup},
    principal::Principals,
};
use std::sync::Arc;

/// What a statement that applies does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It forbids, whatever else allows.
    Deny,
}

/// Entries, or everything but them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selection<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) is_negated: bool,
}

/// To what a statement applies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resources {
    /// To what it selects.
    Selected(Selection<ResourcePattern>),
    /// To the role whose trust policy it is in, which names no resource.
    Own,
    /// To nothing: a key policy may say so.
    Nothing,
}

/// An effect, and to whom, to what and when it applies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Arc<str>>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<Principals>,
    pub(crate) actions: Selection<ActionPattern>,
    pub(crate) resources: Resources,
    pub(crate) conditions: Vec<Condition>,
}

impl Statement {
    pub(crate) fn covers_action(&self, action: &Action) -> bool {
        let named = self.actions.entries.iter().any(|entry| entry.matches(action));
        named != self.actions.is_negated
    }

    /// Law: IAM, a NotResource entry whose variable has no value excludes nothing.
    ///
    /// Law: KMS, a statement without a resource applies to nothing.
    pub(crate) fn covers_resource(&self, resource: &Resource, values: &dyn Lookup) -> bool {
        let resources = match &self.resources {
            Resources::Selected(resources) => resources,
            Resources::Own => return true,
            Resources::Nothing => return false,
        };
        let named = resources.entries.iter().any(|entry| entry.matches(resource, values));
        named != resources.is_negated
    }

    /// The first condition that does not hold.
    pub(crate) fn failing_condition(&self, values: &dyn Lookup) -> Option<usize> {
        self.conditions.iter().position(|condition| !condition.holds(values))
    }

    /// Every key that decides it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        let entries = match &self.resources {
            Resources::Selected(resources) => resources.entries.as_slice(),
            Resources::Own | Resources::Nothing => &[],
        };
        let in_resources = entries.iter().flat_map(ResourcePattern::keys);
        in_resources.chain(self.conditions.iter().flat_map(Condition::keys))
    }
}
