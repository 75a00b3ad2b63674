//! `LocalKms`: a key service in the process. Here is what all calls share; the calls are beside it.
//!
//! ```text
//!   call -> due rotations and deletions -> quota -> key by its name -> policies and grants -> state -> act
//!                                                                                       -> audit, always
//! ```

use super::{
    KmsCall, KmsError,
    audit::{AuditEvent, AuditSink},
    authority::{KeyAuthority, KeyRequest, KeyVerdict, OwnerMayAll},
    key::{KeyRecord, KeyStatus, KeyUuid},
    operation::Operation,
    quota::{Buckets, KmsQuotas},
    record,
    rows::{KeyRows, RowChange, RowsError},
};
use crate::{codec::Damage, context::EncryptionContext, key_ring::KeyRing, xaes::WrappingKey};
use cistern_storage_core::{
    Timestamp,
    port::{Clock, Entropy, OsEntropy, SystemClock},
};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// A key service in the process, whose state is wrapped under a key ring.
pub struct LocalKms {
    rows: Arc<dyn KeyRows>,
    wrap: WrappingKey,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) clock: Arc<dyn Clock>,
    authority: Arc<dyn KeyAuthority>,
    audit: Option<Arc<dyn AuditSink>>,
    buckets: Buckets,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) state: RwLock<State>,
    /// Held while something changes, from reading the state to having saved it.
    pub(super) changing: Mutex<()>,
    generation: AtomicU64,
    /// When the next rotation, deletion or expiry is due, in milliseconds.
    due: AtomicI64,
}

/// All keys, aliases and grants.
#[derive(Default)]
pub(super) struct State {
    pub(super) keys: BTreeMap<KeyUuid, Arc<KeyRecord>>,
    pub(super) aliases: BTreeMap<String, KeyUuid>,
    /// Which key a grant is on, by the grant's id and by its token.
    pub(super) grants: HashMap<String, KeyUuid>,
}

/// Builds a [`LocalKms`].
#[must_use = "nothing is opened before open is called"]
pub struct LocalKmsBuilder {
    rows: Arc<dyn KeyRows>,
    ring: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    authority: Arc<dyn KeyAuthority>,
    audit: Option<Arc<dyn AuditSink>>,
    quotas: KmsQuotas,
    account: String,
    region: String,
}

impl LocalKmsBuilder {
    /// Where random bytes come from. Default: the operating system.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// What time it is. Default: the machine's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Who reads policies. Default: nobody; everything is allowed, and no policy can be put.
    pub fn authority(mut self, authority: Arc<dyn KeyAuthority>) -> Self {
        self.authority = authority;
        self
    }

    /// Who is told of every call. Default: nobody.
    pub fn audit(mut self, audit: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// How many calls a second. Default: without limit.
    pub fn quotas(mut self, quotas: KmsQuotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// The account and the region in ARNs. Default: `000000000000`, `us-east-1`.
    pub fn place(mut self, account: impl Into<String>, region: impl Into<String>) -> Self {
        (self.account, self.region) = (account.into(), region.into());
        self
    }

    /// Opens the service: reads its rows.
    ///
    /// # Errors
    /// When they cannot be read, or are not authentic.
    pub fn open(self) -> Result<LocalKms, KmsError> {
        let service = LocalKms {
            rows: self.rows,
            wrap: WrappingKey::new(&self.ring.rows_key()),
            entropy: self.entropy,
            clock: self.clock,
            authority: self.authority,
            audit: self.audit,
            buckets: Buckets::new(self.quotas),
            account: self.account,
            region: self.region,
            state: RwLock::default(),
            changing: Mutex::new(()),
            generation: AtomicU64::new(1),
            due: AtomicI64::new(i64::MAX),
        };
        *service.state.write() = service.load()?;
        service.find_due();
        Ok(service)
    }
}

/// What a call is about, for its audit event.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) context: Option<&'a EncryptionContext>,
}

/// What took part in a call, noted on the way.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) resources: Vec<String>,
    pub(super) material: Option<String>,
}

type Result<T, E = KmsError> = std::result::Result<T, E>;

impl LocalKms {
    /// A service whose state is in `rows`, wrapped under `ring`.
    pub fn builder(ring: Arc<KeyRing>, rows: Arc<dyn KeyRows>) -> LocalKmsBuilder {
        LocalKmsBuilder {
            rows,
            ring,
            entropy: Arc::new(OsEntropy),
            clock: Arc::new(SystemClock::default()),
            authority: Arc::new(OwnerMayAll),
            audit: None,
            quotas: KmsQuotas::unlimited(),
            account: "000000000000".into(),
            region: "us-east-1".into(),
        }
    }

    /// Runs one call: its quota first, its audit event last.
    pub(super) fn run<T>(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        about: About<'_>,
        act: impl FnOnce(&mut Trace) -> Result<T>,
    ) -> Result<T> {
        let mut trace = Trace::default();
        let outcome = self
            .settle()
            .and_then(|()| self.buckets.take(operation.quota(), self.clock.now()))
            .and_then(|()| act(&mut trace));
        self.tell(call, operation, about, &trace, outcome.as_ref().err());
        outcome
    }

    fn tell(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        about: About<'_>,
        trace: &Trace,
        error: Option<&KmsError>,
    ) {
        let Some(audit) = &self.audit else { return };
        audit.record(&AuditEvent {
            operation,
            call: *call,
            time: self.clock.now(),
            account: &self.account,
            region: &self.region,
            key: about.key,
            context: about.context,
            resources: &trace.resources,
            material: trace.material.as_deref(),
            error,
            request_id: KeyUuid::draw(&*self.entropy).to_string(),
            event_id: KeyUuid::draw(&*self.entropy).to_string(),
        });
    }

    /// An event of the service's own.
    pub(super) fn tell_own(&self, operation: Operation, trace: &Trace) {
        let call = KmsCall::by("kms.amazonaws.com");
        self.tell(&call, operation, About::default(), trace, None);
    }

    /// The key that `name` names, if the caller may do this with it and its state allows it.
    pub(super) fn permitted(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        name: &str,
        context: Option<&EncryptionContext>,
        trace: &mut Trace,
    ) -> Result<Arc<KeyRecord>> {
        let key = self.resolve(call, name)?;
        self.permit(call, operation, &key, context, trace)?;
        Ok(key)
    }

    pub(super) fn permit(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        key: &KeyRecord,
        context: Option<&EncryptionContext>,
        trace: &mut Trace,
    ) -> Result<()> {
        let arn = self.arn(key.id);
        trace.resources.push(arn.clone());
        self.authorise(call, operation, Some(key), &arn, context)?;
        operation.check_state(key, &arn)?;
        operation.check_usage(key, &arn)
    }

    /// Law: KMS, a call is allowed by a policy or by a grant, and an explicit deny wins.
    pub(super) fn authorise(
        &self,
        call: &KmsCall<'_>,
        operation: Operation,
        key: Option<&KeyRecord>,
        arn: &str,
        context: Option<&EncryptionContext>,
    ) -> Result<()> {
        let none = EncryptionContext::new();
        let context = context.unwrap_or(&none);
        self.check_tokens(call)?;
        let request = KeyRequest {
            principal: call.principal,
            action: operation.action(),
            key_arn: arn,
            policy: key.and_then(|key| key.policy.as_deref()),
            context,
            via: call.via,
            account: &self.account,
            spec: key.map(|key| key.spec),
        };
        let because = match self.authority.judge(&request) {
            KeyVerdict::Allow => return Ok(()),
            KeyVerdict::Deny => "with an explicit deny in a policy".to_owned(),
            KeyVerdict::Silent => {
                let granted = |key: &KeyRecord| {
                    key.grants.iter().any(|grant| grant.allows(call.principal, operation, context))
                };
                if key.is_some_and(granted) {
                    return Ok(());
                }
                format!("no identity-based policy allows the {} action", operation.action())
            }
        };
        Err(KmsError::AccessDenied {
            principal: call.principal.to_owned(),
            action: operation.action().to_owned(),
            resource: arn.to_owned(),
            because,
        })
    }

    pub(super) fn fault_of(&self, policy: &str) -> Option<String> {
        self.authority.fault_of(policy)
    }

    /// A token must be of a grant. In one process a grant works at once, with its token and without.
    fn check_tokens(&self, call: &KmsCall<'_>) -> Result<()> {
        if call.grant_tokens.is_empty() {
            return Ok(());
        }
        let state = self.state.read();
        match call.grant_tokens.iter().find(|token| !state.grants.contains_key(*token)) {
            None => Ok(()),
            Some(_) => Err(KmsError::InvalidGrant { message: "Invalid grant token".into() }),
        }
    }

    /// The key that `name` names: UUID, ARN, alias, or the ARN of an alias.
    ///
    /// Law: KMS, forms of a key's identifier.
    pub(super) fn resolve(&self, call: &KmsCall<'_>, name: &str) -> Result<Arc<KeyRecord>> {
        let local = self.local_part(name)?;
        if let Some(alias) = local.strip_prefix("alias/") {
            if let Some(key) = self.aliased(local) {
                return Ok(key);
            }
            if alias == "aws/s3" && call.via == Some("s3") {
                return self.create_managed(local);
            }
            let message = format!("Alias {} is not found.", self.alias_arn(local));
            return Err(KmsError::NotFound { message });
        }
        let text = if name.starts_with("arn:") { local.strip_prefix("key/") } else { Some(local) };
        let id = text
            .and_then(KeyUuid::parse)
            .ok_or_else(|| KmsError::NotFound { message: format!("Invalid keyId '{name}'") })?;
        let found = self.state.read().keys.get(&id).cloned();
        found.ok_or_else(|| KmsError::NotFound {
            message: format!("Key '{}' does not exist", self.arn(id)),
        })
    }

    /// What is behind the region and account of an ARN, which must be ours; all of anything else.
    fn local_part<'a>(&self, name: &'a str) -> Result<&'a str> {
        let Some(rest) = name.strip_prefix("arn:aws:kms:") else {
            return if name.starts_with("arn:") { Err(not_an_arn(name)) } else { Ok(name) };
        };
        let mut parts = rest.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(region), ..) if region != self.region => {
                Err(KmsError::NotFound { message: format!("Invalid arn {region}") })
            }
            (_, Some(account), Some(local)) if account == self.account => Ok(local),
            (_, Some(_), Some(_)) => {
                Err(KmsError::NotFound { message: format!("Key '{name}' does not exist") })
            }
            _ => Err(not_an_arn(name)),
        }
    }

    fn aliased(&self, name: &str) -> Option<Arc<KeyRecord>> {
        let state = self.state.read();
        state.aliases.get(name).and_then(|id| state.keys.get(id)).cloned()
    }

    pub(super) fn arn(&self, id: KeyUuid) -> String {
        format!("arn:aws:kms:{}:{}:key/{id}", self.region, self.account)
    }

    pub(super) fn alias_arn(&self, name: &str) -> String {
        format!("arn:aws:kms:{}:{}:{name}", self.region, self.account)
    }

    /// Changes a key: saved first, then shown. The caller holds `changing`.
    pub(super) fn replace(&self, key: KeyRecord) -> Result<Arc<KeyRecord>> {
        let row = record::key_row(key.id);
        let value = self.seal_row(&row, &record::encode_key(&key));
        self.save(&[(row, Some(value))])?;
        let key = Arc::new(key);
        self.state.write().keys.insert(key.id, Arc::clone(&key));
        self.changed();
        Ok(key)
    }

    /// The key as it is now, to be changed. The caller holds `changing`.
    pub(super) fn fresh(&self, id: KeyUuid) -> Result<KeyRecord> {
        let found = self.state.read().keys.get(&id).map(|key| KeyRecord::clone(key));
        found.ok_or_else(|| KmsError::NotFound {
            message: format!("Key '{}' does not exist", self.arn(id)),
        })
    }

    pub(super) fn save(&self, changes: &[RowChange]) -> Result<()> {
        self.rows.commit(changes).map_err(|error: RowsError| KmsError::internal("save", &error))
    }

    /// Whatever was derived from keys, policies and grants is to be looked at again.
    pub(super) fn changed(&self) {
        // Release: who sees the new number sees the new state; the state's own lock does the rest.
        self.generation.fetch_add(1, Ordering::Release);
        self.find_due();
    }

    pub(super) fn generation_now(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn seal_row(&self, row: &[u8], plain: &[u8]) -> Vec<u8> {
        self.wrap.wrap(&*self.entropy, &row_aad(row), plain)
    }

    fn load(&self) -> Result<State> {
        let damaged = |damage: Damage| KmsError::internal("read its rows", &damage);
        let rows = self.rows.all().map_err(|error| KmsError::internal("read its rows", &error))?;
        let mut state = State::default();
        let mut grants = Vec::new();
        for (row, value) in &rows {
            let plain = self.wrap.unwrap(&row_aad(row), value);
            let plain = plain.map_err(|error| KmsError::internal("open its rows", &error))?;
            match record::parse_row_key(row).map_err(damaged)? {
                record::RowKey::Key => {
                    let key = record::decode_key(&plain).map_err(damaged)?;
                    state.keys.insert(key.id, Arc::new(key));
                }
                record::RowKey::Alias(name) => {
                    let id = <[u8; 16]>::try_from(&plain[..]);
                    let id = id.map_err(|_| damaged(Damage("an alias names no key")))?;
                    state.aliases.insert(name.to_owned(), KeyUuid(id));
                }
                record::RowKey::Grant(key) => {
                    grants.push((key, record::decode_grant(&plain).map_err(damaged)?));
                }
            }
        }
        for (id, grant) in grants {
            state.grants.insert(grant.id.clone(), id);
            state.grants.insert(grant.token.clone(), id);
            if let Some(key) = state.keys.get_mut(&id) {
                Arc::make_mut(key).grants.push(Arc::new(grant));
            }
        }
        Ok(state)
    }

    fn find_due(&self) {
        let state = self.state.read();
        let due = state.keys.values().flat_map(|key| due_of(key)).min();
        self.due.store(due.map_or(i64::MAX, Timestamp::as_millis), Ordering::Release);
    }

    /// Does what became due: rotations, deletions, the end of imported material.
    fn settle(&self) -> Result<()> {
        let now = self.clock.now();
        if now.as_millis() < self.due.load(Ordering::Acquire) {
            return Ok(());
        }
        let _changing = self.changing.lock();
        let due: Vec<KeyUuid> = {
            let state = self.state.read();
            let is_due = |key: &&Arc<KeyRecord>| due_of(key).any(|at| at <= now);
            state.keys.values().filter(is_due).map(|key| key.id).collect()
        };
        for id in due {
            self.do_due(id, now)?;
        }
        self.find_due();
        Ok(())
    }
}

/// What will happen to a key by itself, and when.
fn due_of(key: &KeyRecord) -> impl Iterator<Item = Timestamp> {
    let dies = match key.status {
        KeyStatus::PendingDeletion { at } => Some(at),
        _ => None,
    };
    // Law: KMS, a key that is disabled does not rotate.
    let rotates = key.rotation.filter(|_| key.status == KeyStatus::Enabled).map(|plan| plan.next);
    let ends = key.materials.iter().filter(|material| material.secret.is_some());
    let ends = ends.filter_map(|material| material.expires).min();
    [dies, rotates, ends].into_iter().flatten()
}

fn not_an_arn(name: &str) -> KmsError {
    KmsError::NotFound { message: format!("Invalid arn {name}") }
}

fn row_aad(row: &[u8]) -> Vec<u8> {
    [b"cistern/kms-row/v1", row].concat()
}

impl fmt::Debug for LocalKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKms({} keys)", self.state.read().keys.len())
    }
}

impl fmt::Debug for LocalKmsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKmsBuilder(..)")
    }
}
