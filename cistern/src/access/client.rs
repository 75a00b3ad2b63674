//! `Client`: a handle of somebody whom policies decide about; and `Endpoint`, through which it comes.

use super::{
    ACCOUNT, AccessError, AccessResult, Identity,
    directory::Directory,
    guard::{Guard, Origin, Through, Who, moment},
    snapshot::{asks_tags, root_arn},
};
use cistern_access::{AssumeRole, Caller, CallerKind, Policy, PolicyKind};
use cistern_storage_core::{Bucket, IntoBucketName, Result, Store, port::Gate};
use std::{net::IpAddr, sync::Arc};

/// How long a session lasts when nothing is said, in seconds.
const SESSION_SECONDS: u32 = 3_600;

/// A handle of a user, of a session of a role, or of nobody in particular. Cheap to clone.
///
/// Policies decide at every call, as they are then: a user who is removed, a session that has expired
/// and a grant that was taken back end it for every handle that was made before.
#[derive(Clone, Debug)]
pub struct Client {
    owner: Store,
    guard: Arc<Guard>,
}

impl Client {
    pub(crate) fn new(
        owner: Store,
        directory: Arc<Directory>,
        who: &str,
        origin: Origin,
    ) -> AccessResult<Self> {
        let (who, caller) = find(&directory, who)?;
        Ok(Self { owner, guard: Arc::new(Guard::new(directory, who, caller, origin)) })
    }

    pub(crate) fn anonymous(owner: Store, directory: Arc<Directory>, origin: Origin) -> Self {
        let guard = Guard::new(directory, Who::Anonymous, Caller::anonymous(), origin);
        Self { owner, guard: Arc::new(guard) }
    }

    /// Who asks through it: an ARN, or `anonymous`.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.guard.caller().as_str()
    }

    /// The bucket of that name. Every call on it is decided by policies.
    ///
    /// Law: S3, a bucket that is not there is told to everybody.
    ///
    /// # Errors
    /// [`cistern_storage_core::Error::NoSuchBucket`].
    pub fn bucket(&self, name: impl IntoBucketName) -> Result<Bucket> {
        let bucket = self.owner.bucket(name)?;
        Ok(bucket.as_principal(self.principal(), self.gate()))
    }

    /// The store, on which every call is decided by policies: to make, list and delete buckets, and to
    /// hear of events. [`Store::bucket`] of it asks for `s3:ListBucket`, unlike [`Self::bucket`].
    #[must_use]
    pub fn store(&self) -> Store {
        self.owner.as_principal(self.principal(), self.gate())
    }

    fn gate(&self) -> Arc<dyn Gate> {
        Arc::clone(&self.guard) as _
    }

    fn with_origin(&self, change: impl FnOnce(&mut Origin)) -> Self {
        let Guard { directory, who, origin, .. } = &*self.guard;
        let mut origin = origin.clone();
        change(&mut origin);
        let caller = self.guard.caller().clone();
        let guard = Guard::new(Arc::clone(directory), who.clone(), caller, origin);
        Self { owner: self.owner.clone(), guard: Arc::new(guard) }
    }

    /// A handle whose requests come from this address: `aws:SourceIp`, and through an endpoint
    /// `aws:VpcSourceIp`. Default: not known.
    #[must_use]
    pub fn source_address(&self, address: IpAddr) -> Self {
        self.with_origin(|origin| origin.address = Some(address))
    }

    /// A handle whose requests were made by this program: `aws:UserAgent`. Default: not known.
    #[must_use]
    pub fn user_agent(&self, agent: &str) -> Self {
        self.with_origin(|origin| origin.user_agent = Some(agent.into()))
    }

    /// A handle whose requests came unencrypted: `aws:SecureTransport` is false. Default: it is true,
    /// since nothing leaves the process.
    #[must_use]
    pub fn in_clear(&self) -> Self {
        self.with_origin(|origin| origin.is_in_clear = true)
    }

    /// Takes on a role for an hour.
    ///
    /// # Errors
    /// As [`Self::assume_role_with`].
    pub fn assume_role(&self, role: &str, session_name: &str) -> AccessResult<Self> {
        let ask =
            AssumeRole { session_name, duration_seconds: SESSION_SECONDS, ..AssumeRole::default() };
        self.assume_role_with(role, &ask)
    }

    /// Takes on a role: a handle of its session, which ends by the cistern's clock.
    ///
    /// # Errors
    /// [`AccessError::NoSession`] says which parameter is wrong or that it is not allowed; a role that
    /// is not there is one that nobody may take on.
    ///
    /// Law: STS, AssumeRole.
    pub fn assume_role_with(&self, role: &str, ask: &AssumeRole<'_>) -> AccessResult<Self> {
        let directory = &self.guard.directory;
        let (snapshot, now) = (directory.snapshot(), directory.clock.now());
        let refused = || Identity::role(role).missing();
        let principal = self.guard.principal(&snapshot, now).ok_or_else(refused)?;
        let principal = principal.as_deref();
        let target = snapshot.role(role).ok_or_else(refused)?;
        let context = self.guard.context(principal, now);
        let session = target
            .role
            .as_ref()
            .ok_or_else(refused)?
            .assume(self.guard.caller(), ask, &self.guard.layers(principal), &context, moment(now))
            .map_err(|source| AccessError::NoSession { role: role.into(), source })?;
        let caller = session.caller().clone();
        let who = Who::Session(role.into(), target.unique_id.clone(), Arc::new(session));
        let origin = self.guard.origin.clone();
        let guard = Guard::new(Arc::clone(directory), who, caller, origin);
        Ok(Self { owner: self.owner.clone(), guard: Arc::new(guard) })
    }
}

/// A user by name or ARN, or the root by its ARN.
fn find(directory: &Directory, who: &str) -> AccessResult<(Who, Caller)> {
    let not_ours = AccessError::Invalid {
        value: who.into(),
        rule: "it is the name of a user, or the ARN of a user or of the root of this account",
    };
    let name = if who.starts_with("arn:") {
        let caller = Caller::parse(who)?;
        if caller.account() != Some(ACCOUNT) {
            return Err(not_ours);
        }
        match caller.kind() {
            CallerKind::Root if who == root_arn() => return Ok((Who::Root, caller)),
            CallerKind::User => who.rsplit('/').next().unwrap_or(who),
            _ => return Err(not_ours),
        }
    } else {
        who
    };
    let user = Identity::user(name);
    let snapshot = directory.snapshot();
    let principal = snapshot.user(name).ok_or_else(|| user.missing())?;
    match &principal.caller {
        Some(caller) if !who.starts_with("arn:") || who == user.arn() => {
            Ok((Who::User(name.into(), principal.unique_id.clone()), caller.clone()))
        }
        _ => Err(user.missing()),
    }
}

/// An endpoint: handles that are made of it carry `aws:SourceVpce` and `aws:SourceVpc`, and its policy
/// limits them. It never grants.
///
/// Law: VPC, an endpoint without a policy lets everything through.
#[derive(Clone, Debug)]
pub struct Endpoint {
    owner: Store,
    directory: Arc<Directory>,
    through: Through,
}

impl Endpoint {
    pub(crate) fn new(owner: Store, directory: Arc<Directory>, id: &str) -> Self {
        Self { owner, directory, through: Through { id: id.into(), ..Through::default() } }
    }

    /// The network that it is in.
    #[must_use]
    pub fn vpc(mut self, id: &str) -> Self {
        self.through.vpc = Some(id.into());
        self
    }

    /// Its policy.
    ///
    /// # Errors
    /// [`AccessError::MalformedPolicy`].
    pub fn policy(mut self, json: &str) -> AccessResult<Self> {
        self.through.policy = vec![Arc::new(Policy::parse(PolicyKind::Endpoint, json)?)];
        self.through.asks_tags = asks_tags(&self.through.policy);
        Ok(self)
    }

    /// A handle of a user, by name or ARN, that comes through it.
    ///
    /// # Errors
    /// As [`crate::Cistern::as_principal`].
    pub fn as_principal(&self, who: &str) -> AccessResult<Client> {
        Client::new(self.owner.clone(), Arc::clone(&self.directory), who, self.origin())
    }

    /// A handle of nobody in particular that comes through it.
    #[must_use]
    pub fn as_anonymous(&self) -> Client {
        Client::anonymous(self.owner.clone(), Arc::clone(&self.directory), self.origin())
    }

    fn origin(&self) -> Origin {
        Origin { endpoint: Some(Arc::new(self.through.clone())), ..Origin::default() }
    }
}
