//! The calls about grants.

use super::{
    KmsCall, KmsError,
    grant::{Grant, GrantConstraint, can_be_granted},
    key::KeyUuid,
    operation::Operation,
    record,
    service::{About, LocalKms},
};
use crate::{context::EncryptionContext, hex};
use std::sync::Arc;

type Result<T> = std::result::Result<T, KmsError>;

/// What a new grant is to give.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateGrant {
    /// The ARN of who may.
    pub grantee: String,
    /// The ARN of who may retire it, beside the grantee.
    pub retiring: Option<String>,
    /// What may be done.
    pub operations: Vec<Operation>,
    /// With which context.
    pub constraint: GrantConstraint,
    /// A name: the same grant under the same name is made once.
    pub name: Option<String>,
}

impl CreateGrant {
    /// Lets `grantee` do these.
    #[must_use]
    pub fn new(grantee: impl Into<String>, operations: &[Operation]) -> Self {
        let (operations, constraint) = (operations.to_vec(), GrantConstraint::None);
        Self { grantee: grantee.into(), retiring: None, operations, constraint, name: None }
    }

    /// With exactly this context alone.
    #[must_use]
    pub fn context_equals(mut self, context: EncryptionContext) -> Self {
        self.constraint = GrantConstraint::Equals(context);
        self
    }

    /// With a context that holds these pairs.
    #[must_use]
    pub fn context_subset(mut self, context: EncryptionContext) -> Self {
        self.constraint = GrantConstraint::Subset(context);
        self
    }

    /// Also `principal` may retire it.
    #[must_use]
    pub fn retiring(mut self, principal: impl Into<String>) -> Self {
        self.retiring = Some(principal.into());
        self
    }

    /// Under this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

const GRANTS_MAX: usize = 50_000;

impl LocalKms {
    /// Makes a grant. It works at once.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn create_grant(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        wanted: &CreateGrant,
    ) -> Result<Grant> {
        let about = About { key: Some(key), context: None };
        self.run(call, Operation::CreateGrant, about, |trace| {
            check(wanted)?;
            let id = self.resolve(call, key)?.id;
            let _changing = self.changing.lock();
            let mut fresh = self.fresh(id)?;
            self.permit(call, Operation::CreateGrant, &fresh, None, trace)?;
            let is_same = |known: &&Arc<Grant>| wanted.name.is_some() && is_same(known, wanted);
            if let Some(known) = fresh.grants.iter().find(is_same) {
                return Ok(Grant::clone(known));
            }
            if fresh.grants.len() >= GRANTS_MAX {
                let message = format!("a key has at most {GRANTS_MAX} grants");
                return Err(KmsError::LimitExceeded { message });
            }
            let grant = self.new_grant(wanted);
            let row = record::grant_row(id, &grant.id);
            let value = self.seal_row(&row, &record::encode_grant(&grant));
            self.save(&[(row, Some(value))])?;
            fresh.grants.push(Arc::new(grant.clone()));
            let mut state = self.state.write();
            state.grants.insert(grant.id.clone(), id);
            state.grants.insert(grant.token.clone(), id);
            state.keys.insert(id, Arc::new(fresh));
            drop(state);
            self.changed();
            Ok(grant)
        })
    }

    fn new_grant(&self, wanted: &CreateGrant) -> Grant {
        let mut bytes = [0; 64];
        self.entropy.fill(&mut bytes);
        let (id, token) = bytes.split_at(32);
        Grant {
            id: hex::encode(id),
            token: hex::encode(token),
            grantee: wanted.grantee.clone(),
            retiring: wanted.retiring.clone(),
            operations: wanted.operations.clone(),
            constraint: wanted.constraint.clone(),
            name: wanted.name.clone(),
            created: self.clock.now(),
        }
    }

    /// All grants of a key, the oldest first.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn list_grants(&self, call: &KmsCall<'_>, key: &str) -> Result<Vec<Grant>> {
        self.on_key(call, Operation::ListGrants, key, |key, _| {
            Ok(key.grants.iter().map(|grant| Grant::clone(grant)).collect())
        })
    }

    /// Takes a grant back, by its id: the key's administrator does it.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn revoke_grant(&self, call: &KmsCall<'_>, key: &str, grant: &str) -> Result<()> {
        let about = About { key: Some(key), context: None };
        self.run(call, Operation::RevokeGrant, about, |trace| {
            let id = self.resolve(call, key)?.id;
            let _changing = self.changing.lock();
            let fresh = self.fresh(id)?;
            self.permit(call, Operation::RevokeGrant, &fresh, None, trace)?;
            let found = fresh.grants.iter().find(|known| known.id == grant);
            let found = Arc::clone(found.ok_or_else(|| no_grant(grant))?);
            self.drop_grant(id, &found)
        })
    }

    /// Gives a grant up, by its token or id: its grantee does it, or who may retire it, or whom a policy
    /// allows it.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn retire_grant(&self, call: &KmsCall<'_>, grant: &str) -> Result<()> {
        self.run(call, Operation::RetireGrant, About::default(), |trace| {
            let _changing = self.changing.lock();
            let id = self.state.read().grants.get(grant).copied();
            let id = id.ok_or_else(|| no_grant(grant))?;
            let fresh = self.fresh(id)?;
            let found = fresh.grants.iter().find(|known| known.id == grant || known.token == grant);
            let found = Arc::clone(found.ok_or_else(|| no_grant(grant))?);
            let his = found.retiring.as_deref() == Some(call.principal)
                || (found.grantee == call.principal
                    && found.operations.contains(&Operation::RetireGrant));
            if his {
                trace.resources.push(self.arn(id));
            } else {
                self.permit(call, Operation::RetireGrant, &fresh, None, trace)?;
            }
            self.drop_grant(id, &found)
        })
    }

    fn drop_grant(&self, id: KeyUuid, grant: &Grant) -> Result<()> {
        self.save(&[(record::grant_row(id, &grant.id), None)])?;
        let mut state = self.state.write();
        state.grants.remove(&grant.id);
        state.grants.remove(&grant.token);
        if let Some(key) = state.keys.get_mut(&id) {
            Arc::make_mut(key).grants.retain(|known| known.id != grant.id);
        }
        drop(state);
        self.changed();
        Ok(())
    }
}

fn check(wanted: &CreateGrant) -> Result<()> {
    if wanted.operations.is_empty() || !wanted.operations.iter().all(|&one| can_be_granted(one)) {
        return Err(KmsError::invalid(
            "operations",
            "Member must list operations that grants allow",
        ));
    }
    if wanted.grantee.is_empty() || wanted.grantee.len() > 256 {
        return Err(KmsError::invalid("granteePrincipal", "Member must be of 1 to 256 characters"));
    }
    let texts = [&wanted.retiring, &wanted.name];
    if texts.into_iter().flatten().any(|text| text.is_empty() || text.len() > 256) {
        return Err(KmsError::invalid("name", "Member must be of 1 to 256 characters"));
    }
    Ok(())
}

fn is_same(known: &Grant, wanted: &CreateGrant) -> bool {
    let one = (&known.grantee, &known.retiring, &known.operations, &known.constraint, &known.name);
    let other =
        (&wanted.grantee, &wanted.retiring, &wanted.operations, &wanted.constraint, &wanted.name);
    one == other
}

fn no_grant(grant: &str) -> KmsError {
    KmsError::NotFound { message: format!("Grant ID {grant} not found") }
}
