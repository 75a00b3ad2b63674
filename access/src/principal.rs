//! `Principals`: whom a statement names, and at which level that names a caller.

use crate::{
    arn::Arn,
    caller::{Caller, CallerKind, is_account},
};

/// At which level a resource's policy names a caller; each is worth more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// By his account: that hands the decision to his own policies.
    Account,
    /// By the role of his session: within its boundary and session policies.
    Entity,
    /// By himself, or as one of everybody.
    Direct,
}

/// The Principal or NotPrincipal of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Principals {
    pub(crate) entries: Vec<Principal>,
    pub(crate) is_negated: bool,
}

/// One of the principals that a statement names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Principal {
    Everyone,
    Account(Box<str>),
    /// A user, a role, a session of a role, or a federated user.
    Named(Arn),
    Service(Box<str>),
    Federated(Box<str>),
    Canonical(Box<str>),
    /// What names nobody, such as a group or a partial wildcard: kept, and matched by no caller.
    Nobody(Box<str>),
}

/// Canonical IDs of accounts.
pub(crate) type CanonicalIds = [(Box<str>, Box<str>)];

impl Principal {
    /// An entry under `AWS`.
    pub(crate) fn parse_aws(text: &str) -> Self {
        if text == "*" {
            return Self::Everyone;
        }
        if is_account(text) {
            return Self::Account(text.into());
        }
        // Law: IAM, a principal is named whole: a partial wildcard, a group or a policy names nobody.
        let nobody = || Self::Nobody(text.into());
        let Ok(arn) = Arn::parse(text) else { return nobody() };
        let is_plain = is_account(arn.account()) && !text.contains(['*', '?']);
        if !is_plain || !arn.region().is_empty() {
            return nobody();
        }
        let named = |after: Option<&str>| after.is_some_and(|name| !name.is_empty());
        let resource = arn.resource();
        let is_known = match arn.service() {
            "iam" if resource == "root" => return Self::Account(arn.account().into()),
            "iam" => named(resource.strip_prefix("user/").or(resource.strip_prefix("role/"))),
            "sts" => {
                named(resource.strip_prefix("federated-user/"))
                    || resource
                        .strip_prefix("assumed-role/")
                        .and_then(|rest| rest.split_once('/'))
                        .is_some_and(|(role, session)| !role.is_empty() && !session.is_empty())
            }
            _ => false,
        };
        if is_known { Self::Named(arn) } else { nobody() }
    }

    pub(crate) fn level(&self, caller: &Caller, ids: &CanonicalIds) -> Option<Level> {
        match self {
            Self::Everyone => Some(Level::Direct),
            Self::Account(account) => level_by_account(caller, account),
            Self::Canonical(id) => {
                let account = ids.iter().find(|(_, known)| known == id)?;
                level_by_account(caller, &account.0)
            }
            Self::Named(arn) if caller.arn() == Some(arn) => Some(Level::Direct),
            Self::Named(arn) => (caller.behind() == Some(arn)).then_some(Level::Entity),
            Self::Service(name) => (caller.service_name() == Some(name)).then_some(Level::Direct),
            Self::Federated(name) => {
                (caller.provider_name() == Some(name)).then_some(Level::Direct)
            }
            Self::Nobody(_) => None,
        }
    }
}

fn level_by_account(caller: &Caller, account: &str) -> Option<Level> {
    if caller.account() != Some(account) {
        return None;
    }
    Some(if caller.kind() == CallerKind::Root { Level::Direct } else { Level::Account })
}

impl Principals {
    /// The best level at which an Allow names the caller.
    pub(crate) fn level(&self, caller: &Caller, ids: &CanonicalIds) -> Option<Level> {
        // Law: S3, NotPrincipal with Allow is refused; where it is stored it allows nobody.
        if self.is_negated {
            return None;
        }
        self.entries.iter().filter_map(|entry| entry.level(caller, ids)).max()
    }

    /// True when a Deny reaches the caller.
    ///
    /// Law: IAM, NotPrincipal with Deny spares only a caller whose whole chain is listed, and none
    /// that has a permissions boundary.
    pub(crate) fn denies(&self, caller: &Caller, ids: &CanonicalIds, has_boundary: bool) -> bool {
        if !self.is_negated {
            return self.entries.iter().any(|entry| entry.level(caller, ids).is_some());
        }
        has_boundary || !self.lists_whole_chain(caller, ids)
    }

    fn lists_whole_chain(&self, caller: &Caller, ids: &CanonicalIds) -> bool {
        if self.entries.contains(&Principal::Everyone) {
            return true;
        }
        let Some(account) = caller.account() else {
            return self.entries.iter().any(|entry| entry.level(caller, ids).is_some());
        };
        let lists_account = self.entries.iter().any(|entry| match entry {
            Principal::Account(listed) => **listed == *account,
            Principal::Canonical(id) => {
                ids.iter().any(|(of, known)| known == id && **of == *account)
            }
            _ => false,
        });
        let lists = |arn: &Arn| {
            self.entries.iter().any(|entry| matches!(entry, Principal::Named(one) if one == arn))
        };
        let lists_self = caller.kind() == CallerKind::Root || caller.arn().is_some_and(lists);
        lists_account && lists_self && caller.behind().is_none_or(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "arn:aws:iam::100000000001:user/alice";
    const SESSION: &str = "arn:aws:sts::100000000001:assumed-role/etl/s1";
    const ROLE: &str = "arn:aws:iam::100000000001:role/etl";
    const ROOT: &str = "arn:aws:iam::100000000001:root";

    #[track_caller]
    fn check(principal: &str, caller: &str, expected: Option<Level>) {
        let principal = Principal::parse_aws(principal);
        assert_eq!(principal.level(&Caller::parse(caller).unwrap(), &[]), expected);
    }

    #[test]
    fn a_principal_names_a_caller_at_a_level() {
        check("*", "anonymous", Some(Level::Direct));
        check("100000000001", ROOT, Some(Level::Direct));
        check("100000000001", ALICE, Some(Level::Account));
        check(ROOT, ALICE, Some(Level::Account));
        check("100000000001", "anonymous", None);
        check(ALICE, ALICE, Some(Level::Direct));
        check(ALICE, SESSION, None);
        check(SESSION, SESSION, Some(Level::Direct));
        check(ROLE, SESSION, Some(Level::Entity));
    }

    // Law-test: IAM, a principal is named whole: a partial wildcard, a group or a policy names nobody.
    #[test]
    fn what_does_not_name_a_principal_whole_names_nobody() {
        for text in [
            "",
            "alice",
            "10000000000?",
            "arn:aws:iam::100000000001:user/*",
            "arn:aws:iam::100000000001:user/",
            "arn:aws:iam::*:root",
            "arn:aws:iam::100000000001:group/g",
            "arn:aws:iam::100000000001:policy/p",
            "arn:aws:sts::100000000001:assumed-role/etl",
            "arn:aws:s3:::b",
        ] {
            assert_eq!(Principal::parse_aws(text), Principal::Nobody(text.into()));
        }
    }

    #[test]
    fn a_canonical_id_stands_for_its_account() {
        let ids = [("100000000001".into(), "abc".into())];
        let principal = Principal::Canonical("abc".into());
        let alice = Caller::parse(ALICE).unwrap();
        assert_eq!(principal.level(&alice, &ids), Some(Level::Account));
        assert_eq!(principal.level(&alice, &[]), None);
    }

    #[track_caller]
    fn check_spared(listed: &[&str], caller: &str, expected: bool) {
        let entries = listed.iter().map(|text| Principal::parse_aws(text)).collect();
        let principals = Principals { entries, is_negated: true };
        let caller = Caller::parse(caller).unwrap();
        assert_eq!(!principals.denies(&caller, &[], false), expected);
        assert!(principals.denies(&caller, &[], true));
    }

    // Law-test: IAM, NotPrincipal with Deny spares only a caller whose whole chain is listed, and
    // none that has a permissions boundary.
    #[test]
    fn only_a_whole_chain_is_spared() {
        check_spared(&["100000000001", ALICE], ALICE, true);
        check_spared(&[ALICE], ALICE, false);
        check_spared(&["100000000001"], ALICE, false);
        check_spared(&["100000000001"], ROOT, true);
        check_spared(&["100000000001", ROLE, SESSION], SESSION, true);
        check_spared(&["100000000001", ROLE], SESSION, false);
        check_spared(&["100000000001", SESSION], SESSION, false);
        check_spared(&["100000000001", ALICE], "anonymous", false);
        check_spared(&["*"], "anonymous", true);
    }

    // Law-test: S3, NotPrincipal with Allow is refused; where it is stored it allows nobody.
    #[test]
    fn an_allow_by_exclusion_allows_nobody() {
        let principals = Principals { entries: vec![Principal::parse_aws(ROLE)], is_negated: true };
        assert_eq!(principals.level(&Caller::parse(ALICE).unwrap(), &[]), None);
    }
}
