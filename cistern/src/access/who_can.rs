//! `WhoCan`: a table of who may do what, and why.

use super::{
    Access, AccessResult,
    guard::{Guard, Origin, Who},
    snapshot::root_arn,
};
use cistern_access::{AssumeRole, Caller, Decision, Layers, Policy, PolicyKind, Role, Session};
use cistern_storage_core::{Action, port::GateRequest};
use std::sync::Arc;

/// Whether somebody may do something, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WhoCan {
    /// Who: an ARN, a role's for any session of it, or `anonymous`.
    pub principal: String,
    /// What was decided; `None` when it was refused before any policy was asked.
    pub decision: Option<Decision>,
}

impl WhoCan {
    /// True when he may.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.decision.as_ref().is_some_and(Decision::is_allowed)
    }
}

impl Access {
    /// Of the root, every user, every role and nobody in particular: whether a request that says
    /// nothing beside its action, its bucket and its key would be allowed, and why. No sink is told.
    ///
    /// # Errors
    /// [`super::AccessError::Store`] when there is no such bucket.
    pub fn who_can(
        &self,
        action: Action,
        bucket: &str,
        key: Option<&str>,
    ) -> AccessResult<Vec<WhoCan>> {
        let bucket_id = self.owner.bucket(bucket)?.id();
        let now = self.directory.clock.now();
        let snapshot = self.directory.snapshot();
        let mut who = vec![(root_arn(), Who::Root, Caller::parse(&root_arn())?)];
        for (name, user) in snapshot.users() {
            let caller = user.caller.clone().into_iter();
            who.extend(caller.map(|caller| {
                let of = Who::User(name.clone(), user.unique_id.clone());
                (caller.as_str().to_owned(), of, caller)
            }));
        }
        for (name, role) in snapshot.roles() {
            let session = session_of(name, &role.unique_id, super::guard::moment(now));
            who.extend(session.map(|session| {
                let caller = session.caller().clone();
                let of = Who::Session(name.clone(), role.unique_id.clone(), Arc::new(session));
                (super::Identity::role(name).arn(), of, caller)
            }));
        }
        who.push(("anonymous".into(), Who::Anonymous, Caller::anonymous()));
        let table = who.into_iter().map(|(principal, who, caller)| {
            let guard = Guard::new(Arc::clone(&self.directory), who, caller, Origin::default());
            let mut request = GateRequest::new(&principal, action);
            (request.bucket, request.bucket_id, request.key) = (Some(bucket), Some(bucket_id), key);
            let judged = guard.judge(&request, &snapshot, now).ok();
            WhoCan { decision: judged.map(|(decision, _)| decision), principal }
        });
        Ok(table.collect())
    }
}

/// A session of a role that everybody may take on, to ask what it could do.
fn session_of(name: &str, unique_id: &str, now: cistern_access::Moment) -> Option<Session> {
    const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}"#;
    let trust = Arc::new(Policy::parse(PolicyKind::Trust, TRUST).ok()?);
    let arn = cistern_access::Arn::parse(&super::Identity::role(name).arn()).ok()?;
    let ask = AssumeRole { session_name: "any", duration_seconds: 900, ..AssumeRole::default() };
    let root = Caller::parse(&root_arn()).ok()?;
    Role::new(arn, unique_id, vec![trust])
        .assume(&root, &ask, &Layers::new(), &cistern_access::Context::new(), now)
        .ok()
}
