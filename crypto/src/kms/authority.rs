//! `KeyAuthority`: what policies say of a call.

use super::key::KeySpec;
use crate::context::EncryptionContext;
use std::fmt;

/// Judges a call by the key's policy and the identity's policies. Grants are the key service's own.
///
/// Contract. A verdict is a function of the request and of the authority's own policies: no I/O, and no
/// call back. What it cannot decide, it denies.
pub trait KeyAuthority: fmt::Debug + Send + Sync + 'static {
    /// Judges one call.
    fn judge(&self, request: &KeyRequest<'_>) -> KeyVerdict;

    /// What is wrong with a policy that somebody wants to put; `None` when nothing is.
    fn fault_of(&self, policy: &str) -> Option<String>;
}

/// The question.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KeyRequest<'a> {
    /// The ARN of who asks.
    pub principal: &'a str,
    /// `kms:Decrypt`.
    pub action: &'static str,
    /// The key's ARN; of the account's keys altogether where there is none yet: `*`.
    pub key_arn: &'a str,
    /// The key's policy; `None` is the default one, which leaves it to the account.
    pub policy: Option<&'a str>,
    /// Condition keys `kms:EncryptionContext:k` and `kms:EncryptionContextKeys`.
    pub context: &'a EncryptionContext,
    /// Condition key `kms:ViaService`, without the region.
    pub via: Option<&'a str>,
    /// Condition key `kms:CallerAccount`.
    pub account: &'a str,
    /// Condition key `kms:KeySpec`.
    pub spec: Option<KeySpec>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// A policy allows it, and none denies.
    Allow,
    /// Nothing is said: a grant may still allow it.
    Silent,
    /// A policy denies it, and no grant helps.
    Deny,
}

/// No policies: whoever can call the key service may use it, as whoever holds a store may use that.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnerMayAll;

impl KeyAuthority for OwnerMayAll {
    fn judge(&self, request: &KeyRequest<'_>) -> KeyVerdict {
        // Nobody here can read a policy. One that was put is not obeyed by ignoring it.
        if request.policy.is_none() { KeyVerdict::Allow } else { KeyVerdict::Silent }
    }

    fn fault_of(&self, _policy: &str) -> Option<String> {
        Some("the key service was opened without anybody who reads policies".into())
    }
}
