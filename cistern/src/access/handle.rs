//! `Access`: the owner's handle to identities and policies.

use super::{
    AccessError, AccessResult, AuditSink, Identity, IdentityKind,
    directory::{Directory, Rows},
    identity::{Document, IdentityRecord, check_name},
    row::{self, BucketRecord},
    snapshot::Records,
};
use cistern_access::{
    CHAINED_SECONDS_MAX, DURATION_SECONDS_MAX, Origin, Policy, PolicyKind, PublicAccessBlock,
};
use cistern_storage_core::{
    Store,
    port::{Backend, Clock, Entropy},
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Policies that one identity can have attached.
const ATTACHED_MAX: usize = 20;
/// Tags that a user or a role can have.
const TAGS_MAX: usize = 50;

/// Identities and policies of a cistern. Cheap to clone; every clone is of the same.
///
/// Every change is synced before its call returns, and is in force for every handle from then on.
///
/// Cost: a change compiles anew what follows from all identities; a look is at a snapshot.
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) owner: Store,
    pub(crate) directory: Arc<Directory>,
}

impl Access {
    /// Makes a user, who may do nothing.
    ///
    /// # Errors
    /// [`AccessError::EntityAlreadyExists`], [`AccessError::Invalid`] for its name.
    pub fn create_user(&self, name: &str) -> AccessResult<Identity> {
        self.create(Identity::user(name), None, 0)
    }

    /// Makes a group.
    ///
    /// # Errors
    /// As [`Self::create_user`].
    pub fn create_group(&self, name: &str) -> AccessResult<Identity> {
        self.create(Identity::group(name), None, 0)
    }

    /// Makes a role that those may take on whom its trust policy names, for up to an hour.
    ///
    /// # Errors
    /// As [`Self::create_user`]; [`AccessError::MalformedPolicy`].
    pub fn create_role(&self, name: &str, trust: &str) -> AccessResult<Identity> {
        self.create_role_for(name, trust, CHAINED_SECONDS_MAX)
    }

    /// Makes a role whose sessions may last up to so many seconds: 3,600 to 43,200.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub fn create_role_for(
        &self,
        name: &str,
        trust: &str,
        session_seconds_max: u32,
    ) -> AccessResult<Identity> {
        if !(CHAINED_SECONDS_MAX..=DURATION_SECONDS_MAX).contains(&session_seconds_max) {
            let rule = "sessions of a role may last 3,600 to 43,200 seconds";
            return Err(AccessError::Invalid { value: session_seconds_max.to_string(), rule });
        }
        let trust = document(PolicyKind::Trust, trust)?;
        self.create(Identity::role(name), Some(trust), session_seconds_max)
    }

    fn create(
        &self,
        identity: Identity,
        trust: Option<Document>,
        session_seconds_max: u32,
    ) -> AccessResult<Identity> {
        identity.check()?;
        let record = IdentityRecord {
            unique_id: self.unique_id(identity.kind),
            created: self.directory.clock.now(),
            attached: Vec::new(),
            inline: BTreeMap::new(),
            boundary: None,
            groups: Vec::new(),
            tags: Vec::new(),
            trust,
            session_seconds_max,
        };
        self.directory.change(|records, rows| {
            if records.identities.contains_key(&identity) {
                let (kind, name) = (identity.kind.as_str(), identity.name.clone());
                return Err(AccessError::EntityAlreadyExists { kind, name });
            }
            store_identity(records, rows, &identity, record);
            Ok(())
        })?;
        Ok(identity)
    }

    /// Sixteen letters and digits of chance behind four that tell the kind.
    fn unique_id(&self, kind: IdentityKind) -> String {
        const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut chance = [0; 16];
        self.directory.entropy.fill(&mut chance);
        let digits = chance.iter().map(|byte| char::from(DIGITS[usize::from(byte % 32)]));
        kind.id_prefix().chars().chain(digits).collect()
    }

    /// Removes a user, a group or a role, with its inline policies. Handles and sessions of it end.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`]; [`AccessError::DeleteConflict`] for a group that has users, and
    /// for a user or role whom a policy of a bucket or a trust policy names: a namesake would come into
    /// what that policy grants.
    pub fn delete(&self, identity: &Identity) -> AccessResult<()> {
        self.directory.change(|records, rows| {
            self.forget_buckets_that_are_gone(records, rows)?;
            records.identities.remove(identity).ok_or_else(|| identity.missing())?;
            if let Some(reason) = what_needs(records, identity) {
                let (kind, name) = (identity.kind.as_str(), identity.name.clone());
                return Err(AccessError::DeleteConflict { kind, name, reason });
            }
            rows.delete(row::identity_key(identity));
            Ok(())
        })
    }

    /// Every user, group and role.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        self.directory.snapshot().records.identities.keys().cloned().collect()
    }

    /// Puts a user into a group.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`] for either.
    pub fn add_to_group(&self, user: &str, group: &str) -> AccessResult<()> {
        self.edit(&Identity::user(user), |records, record| {
            let of = Identity::group(group);
            if !records.identities.contains_key(&of) {
                return Err(of.missing());
            }
            insert(&mut record.groups, group);
            Ok(())
        })
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`] for the user, and when he is not in it.
    pub fn remove_from_group(&self, user: &str, group: &str) -> AccessResult<()> {
        self.edit(&Identity::user(user), |_, record| {
            remove(&mut record.groups, group).ok_or_else(|| Identity::group(group).missing())
        })
    }

    /// Sets the tags of a user or a role, which policies know as `aws:PrincipalTag`.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`]; [`AccessError::Invalid`] for more than 50, for keys that differ
    /// in case alone or have not 1 to 128 characters, for values of more than 256, and for a group.
    pub fn set_tags(&self, identity: &Identity, tags: &[(&str, &str)]) -> AccessResult<()> {
        let invalid = |value: &str, rule| AccessError::Invalid { value: value.into(), rule };
        if identity.kind == IdentityKind::Group {
            return Err(invalid(&identity.name, "a group has no tags"));
        }
        if tags.len() > TAGS_MAX {
            return Err(invalid(&identity.name, "an identity has at most 50 tags"));
        }
        for (number, (key, value)) in tags.iter().enumerate() {
            if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
                return Err(invalid(key, "a tag has a key of 1 to 128 and a value of up to 256"));
            }
            if tags[..number].iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
                return Err(invalid(key, "no two tags differ in the case of their keys alone"));
            }
        }
        self.edit(identity, |_, record| {
            let owned = |(key, value): &(&str, &str)| ((*key).into(), (*value).into());
            record.tags = tags.iter().map(owned).collect();
            Ok(())
        })
    }

    /// Writes an inline policy of a user, a group or a role, new or not.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`], [`AccessError::MalformedPolicy`],
    /// [`AccessError::LimitExceeded`].
    pub fn put_inline_policy(
        &self,
        identity: &Identity,
        name: &str,
        json: &str,
    ) -> AccessResult<()> {
        check_name(name, 128)?;
        let policy = document(PolicyKind::Identity, json)?;
        self.edit(identity, |_, record| {
            record.inline.insert(name.into(), policy);
            let owner = identity.kind.inline_owner();
            if owner.fits(record.inline.values().map(|document| document.text.as_str())) {
                return Ok(());
            }
            Err(AccessError::LimitExceeded { name: identity.name.clone(), max: owner.quota() })
        })
    }

    /// Removes an inline policy.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`].
    pub fn delete_inline_policy(&self, identity: &Identity, name: &str) -> AccessResult<()> {
        self.edit(identity, |_, record| {
            record.inline.remove(name).map(drop).ok_or_else(|| no_such_policy(name))
        })
    }

    /// Makes a managed policy, to be attached to identities or to bound them.
    ///
    /// # Errors
    /// [`AccessError::EntityAlreadyExists`], [`AccessError::MalformedPolicy`].
    pub fn create_policy(&self, name: &str, json: &str) -> AccessResult<()> {
        self.write_policy(name, json, |exists| match exists {
            true => Err(AccessError::EntityAlreadyExists { kind: "policy", name: name.into() }),
            false => Ok(()),
        })
    }

    /// Replaces a managed policy, wherever it is in force.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`], [`AccessError::MalformedPolicy`].
    pub fn set_policy(&self, name: &str, json: &str) -> AccessResult<()> {
        self.write_policy(name, json, |exists| match exists {
            true => Ok(()),
            false => Err(no_such_policy(name)),
        })
    }

    fn write_policy(
        &self,
        name: &str,
        json: &str,
        check: impl FnOnce(bool) -> AccessResult<()>,
    ) -> AccessResult<()> {
        check_name(name, 128)?;
        let policy = document(PolicyKind::Identity, json)?;
        self.directory.change(|records, rows| {
            check(records.policies.contains_key(name))?;
            rows.put(row::policy_key(name), row::encode_policy(&policy));
            records.policies.insert(name.into(), policy);
            Ok(())
        })
    }

    /// Removes a managed policy.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`]; [`AccessError::DeleteConflict`] while it is in force somewhere.
    pub fn delete_policy(&self, name: &str) -> AccessResult<()> {
        self.directory.change(|records, rows| {
            records.policies.remove(name).ok_or_else(|| no_such_policy(name))?;
            let user = records.identities.iter().find(|(_, record)| {
                record.boundary.as_deref() == Some(name)
                    || record.attached.iter().any(|attached| attached == name)
            });
            if let Some((identity, _)) = user {
                let reason = format!("{identity} has it");
                return Err(AccessError::DeleteConflict {
                    kind: "policy",
                    name: name.into(),
                    reason,
                });
            }
            rows.delete(row::policy_key(name));
            Ok(())
        })
    }

    /// Attaches a managed policy.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`] for either; [`AccessError::Invalid`] for the 21st.
    pub fn attach_policy(&self, identity: &Identity, policy: &str) -> AccessResult<()> {
        self.edit(identity, |records, record| {
            if !records.policies.contains_key(policy) {
                return Err(no_such_policy(policy));
            }
            insert(&mut record.attached, policy);
            if record.attached.len() > ATTACHED_MAX {
                let rule = "an identity has at most 20 policies attached";
                return Err(AccessError::Invalid { value: policy.into(), rule });
            }
            Ok(())
        })
    }

    /// Detaches a managed policy.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`] for the identity, and when it is not attached.
    pub fn detach_policy(&self, identity: &Identity, policy: &str) -> AccessResult<()> {
        self.edit(identity, |_, record| {
            remove(&mut record.attached, policy).ok_or_else(|| no_such_policy(policy))
        })
    }

    /// Bounds a user or a role by a managed policy, the most that it can have; `None` removes the
    /// bounds.
    ///
    /// # Errors
    /// [`AccessError::NoSuchEntity`] for either; [`AccessError::Invalid`] for a group.
    pub fn set_boundary(&self, identity: &Identity, policy: Option<&str>) -> AccessResult<()> {
        if identity.kind == IdentityKind::Group {
            let rule = "a group has no permissions boundary";
            return Err(AccessError::Invalid { value: identity.name.clone(), rule });
        }
        self.edit(identity, |records, record| {
            if let Some(name) = policy.filter(|name| !records.policies.contains_key(*name)) {
                return Err(no_such_policy(name));
            }
            record.boundary = policy.map(Into::into);
            Ok(())
        })
    }

    fn edit(
        &self,
        identity: &Identity,
        change: impl FnOnce(&Records, &mut IdentityRecord) -> AccessResult<()>,
    ) -> AccessResult<()> {
        self.directory.change(|records, rows| {
            let known = records.identities.get(identity).ok_or_else(|| identity.missing())?;
            let mut record = IdentityRecord::clone(known);
            change(records, &mut record)?;
            store_identity(records, rows, identity, record);
            Ok(())
        })
    }

    /// Sets the policy of a bucket.
    ///
    /// # Errors
    /// [`AccessError::MalformedPolicy`], also for one that names another bucket;
    /// [`AccessError::PublicPolicyBlocked`]; [`AccessError::Store`] when there is no such bucket.
    ///
    /// Law: S3, PutBucketPolicy; block public policy.
    pub fn set_bucket_policy(&self, bucket: &str, json: &str) -> AccessResult<()> {
        let own = format!("arn:aws:s3:::{bucket}");
        let policy = Arc::new(Policy::parse_for(PolicyKind::Bucket, json, &own)?);
        self.edit_bucket(bucket, |records, record| {
            let block = record.block.or(records.account);
            if block.refuses_policy(&policy, &Origin::Internet) {
                return Err(AccessError::PublicPolicyBlocked { bucket: bucket.into() });
            }
            record.policy = Some(Document { text: json.into(), policy });
            Ok(())
        })
    }

    /// The policy of a bucket, as it was written.
    ///
    /// # Errors
    /// [`AccessError::Store`] when there is no such bucket.
    pub fn bucket_policy(&self, bucket: &str) -> AccessResult<Option<String>> {
        let record = self.bucket_record(bucket)?;
        Ok(record.and_then(|record| record.policy.as_ref().map(|policy| policy.text.clone())))
    }

    /// Removes the policy of a bucket, there or not.
    ///
    /// # Errors
    /// [`AccessError::Store`] when there is no such bucket.
    pub fn delete_bucket_policy(&self, bucket: &str) -> AccessResult<()> {
        self.edit_bucket(bucket, |_, record| {
            record.policy = None;
            Ok(())
        })
    }

    /// Sets what of public access is blocked for a bucket; a new bucket blocks all.
    ///
    /// # Errors
    /// [`AccessError::Store`] when there is no such bucket.
    pub fn set_public_access_block(
        &self,
        bucket: &str,
        block: PublicAccessBlock,
    ) -> AccessResult<()> {
        self.edit_bucket(bucket, |_, record| {
            record.block = block;
            Ok(())
        })
    }

    /// What of public access is blocked for a bucket, by itself.
    ///
    /// # Errors
    /// [`AccessError::Store`] when there is no such bucket.
    pub fn public_access_block(&self, bucket: &str) -> AccessResult<PublicAccessBlock> {
        Ok(self.bucket_record(bucket)?.map_or(PublicAccessBlock::ALL, |record| record.block))
    }

    /// Sets what of public access is blocked for every bucket, beside what each blocks. Default:
    /// nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_account_public_access_block(&self, block: PublicAccessBlock) -> AccessResult<()> {
        self.directory.change(|records, rows| {
            records.account = block;
            rows.put(row::account_key(), row::encode_account(block));
            Ok(())
        })
    }

    fn bucket_record(&self, bucket: &str) -> AccessResult<Option<Arc<BucketRecord>>> {
        let id = self.owner.bucket(bucket)?.id();
        Ok(self.directory.snapshot().records.buckets.get(&id).cloned())
    }

    fn edit_bucket(
        &self,
        bucket: &str,
        change: impl FnOnce(&Records, &mut BucketRecord) -> AccessResult<()>,
    ) -> AccessResult<()> {
        let id = self.owner.bucket(bucket)?.id();
        self.directory.change(|records, rows| {
            self.forget_buckets_that_are_gone(records, rows)?;
            let known = records.buckets.get(&id);
            let mut record = known.map_or_else(BucketRecord::default, |known| (**known).clone());
            change(records, &mut record)?;
            rows.put(row::bucket_key(id), row::encode_bucket(&record));
            records.buckets.insert(id, Arc::new(record));
            Ok(())
        })
    }

    /// Looks at the buckets while nothing of access changes: what has a record has been there before.
    fn forget_buckets_that_are_gone(
        &self,
        records: &mut Records,
        rows: &mut Rows,
    ) -> AccessResult<()> {
        let infos = self.owner.list_buckets()?;
        let found = infos.into_iter().filter_map(|info| self.owner.bucket(info.name).ok());
        let there: BTreeSet<u32> = found.map(|bucket| bucket.id()).collect();
        records.buckets.retain(|id, _| {
            let is_there = there.contains(id);
            if !is_there {
                rows.delete(row::bucket_key(*id));
            }
            is_there
        });
        Ok(())
    }

    /// Tells `sink` of every decision from now on, as long as the cistern is open.
    pub fn audit(&self, sink: Arc<dyn AuditSink>) {
        self.directory.sinks.add(sink);
    }
}

fn store_identity(
    records: &mut Records,
    rows: &mut Rows,
    identity: &Identity,
    record: IdentityRecord,
) {
    rows.put(row::identity_key(identity), row::encode_identity(&record));
    records.identities.insert(identity.clone(), Arc::new(record));
}

fn document(kind: PolicyKind, json: &str) -> AccessResult<Document> {
    Ok(Document { text: json.into(), policy: Arc::new(Policy::parse(kind, json)?) })
}

fn no_such_policy(name: &str) -> AccessError {
    AccessError::NoSuchEntity { kind: "policy", name: name.into() }
}

fn insert(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.into());
    }
}

fn remove(names: &mut Vec<String>, name: &str) -> Option<()> {
    let at = names.iter().position(|known| known == name)?;
    names.remove(at);
    Some(())
}

/// What would be left dangling without `identity`, which is no more among the records.
fn what_needs(records: &Records, identity: &Identity) -> Option<String> {
    if identity.kind == IdentityKind::Group {
        let member =
            records.identities.iter().find(|(_, record)| record.groups.contains(&identity.name));
        return member.map(|(member, _)| format!("{member} is in it"));
    }
    let session = format!(":assumed-role/{}/", identity.name);
    let is_named = |document: &Document| {
        let text = document.policy.to_json();
        text.contains(&format!("\"{}\"", identity.arn()))
            || (identity.kind == IdentityKind::Role && text.contains(&session))
    };
    let mut trusts = records.identities.iter();
    let trusting = trusts.find(|(_, record)| record.trust.as_ref().is_some_and(is_named));
    if let Some((role, _)) = trusting {
        return Some(format!("the trust policy of {role} names it"));
    }
    let mut buckets = records.buckets.iter();
    buckets
        .find(|(_, record)| record.policy.as_ref().is_some_and(is_named))
        .map(|_| "the policy of a bucket names it".into())
}

/// Access, opened when it is first asked for: a cistern without principals does not pay for it.
pub(crate) struct LazyAccess {
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    opened: Mutex<Option<Arc<Directory>>>,
}

impl LazyAccess {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { backend, clock, entropy, opened: Mutex::new(None) }
    }

    pub(crate) fn directory(&self) -> AccessResult<Arc<Directory>> {
        let mut opened = self.opened.lock();
        if let Some(directory) = &*opened {
            return Ok(Arc::clone(directory));
        }
        let directory = Arc::new(Directory::open(
            Arc::clone(&self.backend),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        )?);
        *opened = Some(Arc::clone(&directory));
        Ok(directory)
    }
}
