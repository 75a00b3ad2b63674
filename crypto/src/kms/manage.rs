//! The calls that make keys and change them.

use super::{
    KmsCall, KmsError,
    key::{
        KeyManager, KeyMetadata, KeyOrigin, KeyRecord, KeySpec, KeyStatus, KeyUuid, Material,
        RotationKind, Secret,
    },
    operation::Operation,
    record,
    service::{About, LocalKms, Trace},
};
use crate::derive::hmac_sha256;
use cistern_storage_core::{Days, Timestamp};
use std::{collections::BTreeMap, sync::Arc};
use zeroize::Zeroizing;

type Result<T> = std::result::Result<T, KmsError>;

/// What a new key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateKey {
    /// What kind.
    pub spec: KeySpec,
    /// Where its material comes from.
    pub origin: KeyOrigin,
    /// What to remember of it.
    pub description: String,
    /// Its policy; `None` leaves it to the account.
    pub policy: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl CreateKey {
    /// A key for encryption, made here.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of this kind.
    #[must_use]
    pub fn spec(mut self, spec: KeySpec) -> Self {
        self.spec = spec;
        self
    }

    /// With material from there.
    #[must_use]
    pub fn origin(mut self, origin: KeyOrigin) -> Self {
        self.origin = origin;
        self
    }

    /// With this description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// With this policy.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// With this tag, too.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }
}

/// Law: KMS, resource quotas: 100,000 keys, 50 aliases and 50,000 grants a key, policies of 32 KiB.
const KEYS_MAX: usize = 100_000;
const POLICY_BYTES_MAX: usize = 32_768;
const DESCRIPTION_BYTES_MAX: usize = 8192;
const TAGS_MAX: usize = 50;
/// Law: KMS, a deletion waits 7 to 30 days, 30 unless said otherwise.
const WAITING_DAYS: std::ops::RangeInclusive<u32> = 7..=30;
const WAITING_DAYS_DEFAULT: u32 = 30;

impl LocalKms {
    /// Makes a key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn create_key(&self, call: &KmsCall<'_>, wanted: &CreateKey) -> Result<KeyMetadata> {
        self.run(call, Operation::CreateKey, About::default(), |trace| {
            check_description(&wanted.description)?;
            wanted.policy.iter().try_for_each(|policy| self.check_policy(policy))?;
            check_tags(&wanted.tags)?;
            self.authorise(call, Operation::CreateKey, None, "*", None)?;
            let _changing = self.changing.lock();
            self.check_room()?;
            let key = self.replace(self.new_key(wanted, KeyManager::Customer))?;
            trace.resources.push(self.arn(key.id));
            Ok(self.metadata(&key))
        })
    }

    fn check_room(&self) -> Result<()> {
        if self.state.read().keys.len() < KEYS_MAX {
            return Ok(());
        }
        Err(KmsError::LimitExceeded { message: format!("an account has at most {KEYS_MAX} keys") })
    }

    fn new_key(&self, wanted: &CreateKey, manager: KeyManager) -> KeyRecord {
        let now = self.clock.now();
        let id = KeyUuid::draw(&*self.entropy);
        let (status, materials) = match wanted.origin {
            KeyOrigin::External => (KeyStatus::PendingImport, Vec::new()),
            KeyOrigin::Service => {
                let first = self.new_material(wanted.spec, RotationKind::First, now);
                (KeyStatus::Enabled, vec![first])
            }
        };
        KeyRecord {
            id,
            spec: wanted.spec,
            origin: wanted.origin,
            manager,
            status,
            created: now,
            description: wanted.description.clone(),
            policy: wanted.policy.clone(),
            rotation: None,
            on_demand: 0,
            materials,
            import: None,
            tags: wanted.tags.clone(),
            grants: Vec::new(),
        }
    }

    pub(super) fn new_material(
        &self,
        spec: KeySpec,
        kind: RotationKind,
        now: Timestamp,
    ) -> Material {
        let mut bytes = Zeroizing::new(vec![0; spec.material_bytes()]);
        self.entropy.fill(&mut bytes);
        let mut id = [0; 32];
        self.entropy.fill(&mut id);
        let secret = Some(Secret::new(spec, bytes));
        Material { id, created: now, kind, secret, expires: None }
    }

    /// The account's own key for S3, on its first use.
    pub(super) fn create_managed(&self, alias: &str) -> Result<Arc<KeyRecord>> {
        let _changing = self.changing.lock();
        let known = {
            let state = self.state.read();
            state.aliases.get(alias).and_then(|id| state.keys.get(id)).cloned()
        };
        if let Some(key) = known {
            return Ok(key);
        }
        let wanted = CreateKey::new()
            .description("Default key that protects my S3 objects when no other key is defined");
        let mut key = self.new_key(&wanted, KeyManager::Service);
        // Keys that the service manages rotate every year, and nobody can stop them.
        key.rotation = Some(super::rotation::plan(365, key.created));
        let key = self.replace(key)?;
        self.put_alias(alias, key.id)?;
        Ok(key)
    }

    /// What is known of a key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn describe_key(&self, call: &KmsCall<'_>, key: &str) -> Result<KeyMetadata> {
        self.on_key(call, Operation::DescribeKey, key, |found, _| Ok(self.metadata(found)))
    }

    /// The ids of at most `limit` keys, behind the one that `after` names.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn list_keys(
        &self,
        call: &KmsCall<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.run(call, Operation::ListKeys, About::default(), |_| {
            if !(1..=1000).contains(&limit) {
                return Err(KmsError::invalid("limit", "Member must be between 1 and 1000"));
            }
            self.authorise(call, Operation::ListKeys, None, "*", None)?;
            let marker = |text: &str| {
                KeyUuid::parse(text)
                    .ok_or_else(|| KmsError::invalid("marker", "Member must be a key's id"))
            };
            let after = after.map(marker).transpose()?;
            let state = self.state.read();
            let ids = state.keys.keys().filter(|id| after.is_none_or(|after| **id > after));
            Ok(ids.take(limit).map(ToString::to_string).collect())
        })
    }

    /// Lets a disabled key be used again.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn enable_key(&self, call: &KmsCall<'_>, key: &str) -> Result<()> {
        self.change(call, Operation::EnableKey, key, |key| {
            key.status = KeyStatus::Enabled;
            Ok(())
        })
    }

    /// Keeps a key from being used.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn disable_key(&self, call: &KmsCall<'_>, key: &str) -> Result<()> {
        self.change(call, Operation::DisableKey, key, |key| {
            key.status = KeyStatus::Disabled;
            Ok(())
        })
    }

    /// Deletes a key in so many days, 30 unless said otherwise; gives the moment.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn schedule_key_deletion(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        days: Option<u32>,
    ) -> Result<Timestamp> {
        let now = self.clock.now();
        self.change(call, Operation::ScheduleKeyDeletion, key, |key| {
            let days = days.unwrap_or(WAITING_DAYS_DEFAULT);
            if !WAITING_DAYS.contains(&days) {
                let rule = "Member must be between 7 and 30";
                return Err(KmsError::invalid("pendingWindowInDays", rule));
            }
            let at = now.plus_days(Days(days));
            key.status = KeyStatus::PendingDeletion { at };
            Ok(at)
        })
    }

    /// Keeps a key from being deleted; it is disabled then.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn cancel_key_deletion(&self, call: &KmsCall<'_>, key: &str) -> Result<()> {
        self.change(call, Operation::CancelKeyDeletion, key, |key| {
            let has_material = key.current().is_ok();
            key.status = if has_material { KeyStatus::Disabled } else { KeyStatus::PendingImport };
            Ok(())
        })
    }

    /// Says something else of a key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn update_key_description(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        description: &str,
    ) -> Result<()> {
        self.change(call, Operation::UpdateKeyDescription, key, |key| {
            check_description(description)?;
            description.clone_into(&mut key.description);
            Ok(())
        })
    }

    /// Puts a key's policy.
    ///
    /// # Errors
    /// By KMS's names; also when nobody is there to read policies.
    pub fn put_key_policy(&self, call: &KmsCall<'_>, key: &str, policy: &str) -> Result<()> {
        self.change(call, Operation::PutKeyPolicy, key, |key| {
            self.check_policy(policy)?;
            key.policy = Some(policy.to_owned());
            Ok(())
        })
    }

    /// A key's policy; `None` when it was never put.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn get_key_policy(&self, call: &KmsCall<'_>, key: &str) -> Result<Option<String>> {
        self.on_key(call, Operation::GetKeyPolicy, key, |key, _| Ok(key.policy.clone()))
    }

    /// Adds tags to a key, or replaces their values.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn tag_resource(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<()> {
        self.change(call, Operation::TagResource, key, |key| {
            key.tags.extend(tags.clone());
            check_tags(&key.tags)
        })
    }

    /// Takes tags from a key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn untag_resource(&self, call: &KmsCall<'_>, key: &str, tags: &[&str]) -> Result<()> {
        self.change(call, Operation::UntagResource, key, |key| {
            key.tags.retain(|name, _| !tags.contains(&name.as_str()));
            Ok(())
        })
    }

    /// The tags of a key.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn list_resource_tags(
        &self,
        call: &KmsCall<'_>,
        key: &str,
    ) -> Result<BTreeMap<String, String>> {
        self.on_key(call, Operation::ListResourceTags, key, |key, _| Ok(key.tags.clone()))
    }

    /// A call that reads a key.
    pub(super) fn on_key<T>(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        key: &str,
        act: impl FnOnce(&KeyRecord, &mut Trace) -> Result<T>,
    ) -> Result<T> {
        let about = About { key: Some(key), context: None };
        self.run(call, operation, about, |trace| {
            let found = self.permitted(call, operation, key, None, trace)?;
            act(&found, trace)
        })
    }

    /// A call that changes a key: all of it, or nothing when the change or saving it fails.
    pub(super) fn change<T>(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        key: &str,
        act: impl FnOnce(&mut KeyRecord) -> Result<T>,
    ) -> Result<T> {
        let about = About { key: Some(key), context: None };
        self.run(call, operation, about, |trace| {
            let id = self.resolve(call, key)?.id;
            let _changing = self.changing.lock();
            let mut fresh = self.fresh(id)?;
            self.permit(call, operation, &fresh, None, trace)?;
            if fresh.manager == KeyManager::Service && !operation.is_read_only() {
                let message = "a key that is managed by the service cannot be changed";
                return Err(KmsError::Unsupported { message: message.into() });
            }
            let done = act(&mut fresh)?;
            self.replace(fresh)?;
            Ok(done)
        })
    }

    fn check_policy(&self, policy: &str) -> Result<()> {
        if policy.len() > POLICY_BYTES_MAX {
            return Err(KmsError::too_long("policy", POLICY_BYTES_MAX));
        }
        match self.fault_of(policy) {
            None => Ok(()),
            Some(message) => Err(KmsError::Unsupported { message }),
        }
    }

    pub(super) fn metadata(&self, key: &KeyRecord) -> KeyMetadata {
        KeyMetadata {
            id: key.id.to_string(),
            arn: self.arn(key.id),
            account: self.account.clone(),
            spec: key.spec,
            origin: key.origin,
            manager: key.manager,
            status: key.status,
            created: key.created,
            description: key.description.clone(),
            current_material: key
                .current()
                .ok()
                .map(|(material, _)| super::data::name_of(material)),
            valid_to: key.materials.iter().filter_map(|material| material.expires).min(),
        }
    }

    /// What became due of a key. The caller holds `changing`.
    pub(super) fn do_due(&self, id: KeyUuid, now: Timestamp) -> Result<()> {
        let mut key = self.fresh(id)?;
        if let KeyStatus::PendingDeletion { at } = key.status
            && at <= now
        {
            return self.forget(&key);
        }
        self.end_material(&mut key, now);
        let rotated = self.rotate_if_due(&mut key, now);
        let key = self.replace(key)?;
        if rotated {
            let material = key.current().ok().map(|(material, _)| super::data::name_of(material));
            let trace = Trace { resources: vec![self.arn(id)], material };
            self.tell_own(Operation::RotateKey, &trace);
        }
        Ok(())
    }

    /// Deletes a key with everything that hangs on it: its ciphertexts are lost.
    fn forget(&self, key: &KeyRecord) -> Result<()> {
        let names: Vec<String> = {
            let state = self.state.read();
            let of_key = state.aliases.iter().filter(|(_, id)| **id == key.id);
            of_key.map(|(name, _)| name.clone()).collect()
        };
        let mut changes = vec![(record::key_row(key.id), None)];
        changes.extend(names.iter().map(|name| (record::alias_row(name), None)));
        changes.extend(key.grants.iter().map(|grant| (record::grant_row(key.id, &grant.id), None)));
        self.save(&changes)?;
        let mut state = self.state.write();
        state.keys.remove(&key.id);
        state.aliases.retain(|_, id| *id != key.id);
        state.grants.retain(|_, id| *id != key.id);
        drop(state);
        self.changed();
        Ok(())
    }

    /// The id of imported material: the same bytes in the same key have the same one, and it tells nothing.
    pub(super) fn imported_id(&self, key: KeyUuid, bytes: &[u8]) -> [u8; 32] {
        hmac_sha256(bytes, &[b"cistern/kms-material/v1", &key.0])
    }
}

fn check_description(description: &str) -> Result<()> {
    if description.len() <= DESCRIPTION_BYTES_MAX {
        return Ok(());
    }
    Err(KmsError::too_long("description", DESCRIPTION_BYTES_MAX))
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    if tags.len() > TAGS_MAX {
        let message = format!("a key has at most {TAGS_MAX} tags");
        return Err(KmsError::LimitExceeded { message });
    }
    for (key, value) in tags {
        if !(1..=128).contains(&key.chars().count()) || key.starts_with("aws:") {
            return Err(KmsError::invalid("tagKey", "Member must be of 1 to 128 characters"));
        }
        if value.chars().count() > 256 {
            return Err(KmsError::too_long("tagValue", 256));
        }
    }
    Ok(())
}
