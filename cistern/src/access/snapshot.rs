//! `Snapshot`: everything that decides, as of one moment, compiled.

use super::{
    ACCOUNT,
    identity::{Document, Identity, IdentityKind, IdentityRecord},
    row::{BucketRecord, Record},
};
use cistern_access::{Arn, Caller, Policy, PublicAccessBlock, Role};
use std::{collections::BTreeMap, sync::Arc};

/// Condition keys that only a read of the object can answer.
const STORED_TAGS: &str = "s3:ExistingObjectTag/";

/// What is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) identities: BTreeMap<Identity, Arc<IdentityRecord>>,
    pub(crate) policies: BTreeMap<String, Document>,
    pub(crate) buckets: BTreeMap<u32, Arc<BucketRecord>>,
    pub(crate) account: PublicAccessBlock,
}

/// What is stored, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) records: Records,
    users: BTreeMap<String, Arc<Principal>>,
    roles: BTreeMap<String, Arc<Principal>>,
    buckets: BTreeMap<u32, BucketRules>,
}

/// A user or a role, with the policies that are in force for it.
#[derive(Debug)]
pub(crate) struct Principal {
    pub(crate) unique_id: String,
    /// Of a user; sessions have callers of their own.
    pub(crate) caller: Option<Caller>,
    /// Of a role.
    pub(crate) role: Option<Role>,
    pub(crate) identity: Vec<Arc<Policy>>,
    pub(crate) boundary: Vec<Arc<Policy>>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) asks_tags: bool,
}

/// What is in force for a bucket.
#[derive(Debug)]
pub(crate) struct BucketRules {
    pub(crate) policy: Vec<Arc<Policy>>,
    pub(crate) block: PublicAccessBlock,
    pub(crate) asks_tags: bool,
}

impl Records {
    pub(crate) fn add(&mut self, record: Record) {
        match record {
            Record::Identity(name, record) => {
                self.identities.insert(name, record.into());
            }
            Record::Policy(name, document) => {
                self.policies.insert(name, document);
            }
            Record::Bucket(id, record) => {
                self.buckets.insert(id, record.into());
            }
            Record::Account(block) => self.account = block,
        }
    }
}

impl Snapshot {
    /// `None` when something that is stored names what is not stored: nothing then follows from it.
    pub(crate) fn new(records: Records) -> Option<Self> {
        let mut snapshot = Self::default();
        for (name, record) in &records.identities {
            let principal = match name.kind {
                IdentityKind::Group => continue,
                IdentityKind::User | IdentityKind::Role => principal(&records, name, record)?,
            };
            let kept = match name.kind {
                IdentityKind::Role => &mut snapshot.roles,
                _ => &mut snapshot.users,
            };
            kept.insert(name.name.clone(), Arc::new(principal));
        }
        for (id, record) in &records.buckets {
            let policy: Vec<_> =
                record.policy.iter().map(|document| Arc::clone(&document.policy)).collect();
            let rules = BucketRules {
                asks_tags: asks_tags(&policy),
                block: record.block.or(records.account),
                policy,
            };
            snapshot.buckets.insert(*id, rules);
        }
        snapshot.records = records;
        Some(snapshot)
    }

    pub(crate) fn user(&self, name: &str) -> Option<&Arc<Principal>> {
        self.users.get(name)
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Arc<Principal>> {
        self.roles.get(name)
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = (&String, &Arc<Principal>)> {
        self.users.iter()
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = (&String, &Arc<Principal>)> {
        self.roles.iter()
    }

    pub(crate) fn bucket(&self, id: u32) -> Option<&BucketRules> {
        self.buckets.get(&id)
    }
}

pub(crate) fn asks_tags(policies: &[Arc<Policy>]) -> bool {
    policies.iter().any(|policy| policy.mentions(STORED_TAGS))
}

fn principal(records: &Records, name: &Identity, record: &IdentityRecord) -> Option<Principal> {
    let mut identity = Vec::new();
    collect(records, record, &mut identity)?;
    for group in &record.groups {
        collect(records, records.identities.get(&Identity::group(group))?, &mut identity)?;
    }
    let boundary = match &record.boundary {
        Some(policy) => vec![Arc::clone(&records.policies.get(policy)?.policy)],
        None => Vec::new(),
    };
    let arn = name.arn();
    let (caller, role) = match (name.kind, &record.trust) {
        (IdentityKind::Role, Some(trust)) => {
            let arn = Arn::parse(&arn).ok()?;
            let role = Role::new(arn, &record.unique_id, vec![Arc::clone(&trust.policy)]);
            (None, Some(role.with_duration_max(record.session_seconds_max).ok()?))
        }
        (IdentityKind::Role, None) => return None,
        _ => (Some(Caller::parse(&arn).ok()?), None),
    };
    Some(Principal {
        unique_id: record.unique_id.clone(),
        asks_tags: asks_tags(&identity) || asks_tags(&boundary),
        caller,
        role,
        identity,
        boundary,
        tags: record.tags.clone(),
    })
}

/// Managed and inline policies, all together.
fn collect(records: &Records, of: &IdentityRecord, into: &mut Vec<Arc<Policy>>) -> Option<()> {
    for name in &of.attached {
        into.push(Arc::clone(&records.policies.get(name)?.policy));
    }
    into.extend(of.inline.values().map(|document| Arc::clone(&document.policy)));
    Some(())
}

/// The root of the account.
pub(crate) fn root_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:root")
}
