//! `Caller`: who asks.

use crate::arn::Arn;

/// Who asks: parsed once, with everything that policies may ask about him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    kind: CallerKind,
    arn: Option<Arn>,
    /// The role of a session, the user behind a federated one.
    behind: Option<Arn>,
    name: Box<str>,
    standing: Standing,
}

/// What kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// Nobody signed.
    Anonymous,
    /// The root of an account.
    Root,
    /// A user.
    User,
    /// A session of a role.
    RoleSession,
    /// A federated session.
    FederatedUser,
    /// A service on its own behalf.
    Service,
    /// An identity provider's word for somebody who has no session yet; trust policies alone name it.
    Provider,
}

/// How an account stands in its organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    is_management_account: bool,
    is_service_linked: bool,
}

/// A text that names no caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` does not name a caller: {rule}")]
pub struct InvalidCaller {
    /// The text.
    pub text: Box<str>,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl Caller {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::unnamed(CallerKind::Anonymous, "")
    }

    /// A service: `logging.s3.amazonaws.com`.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self::unnamed(CallerKind::Service, name)
    }

    /// Somebody for whom an identity provider vouches, as trust policies name it under `Federated`.
    #[must_use]
    pub fn provider(name: &str) -> Self {
        Self::unnamed(CallerKind::Provider, name)
    }

    fn unnamed(kind: CallerKind, name: &str) -> Self {
        Self { kind, arn: None, behind: None, name: name.into(), standing: Standing::default() }
    }

    /// The ARN of a root, a user, a session of a role or a federated session; or `anonymous`, or
    /// `service:NAME`.
    ///
    /// The role of a session is taken to have no path: [`Self::with_role`] tells a role that has one.
    ///
    /// # Errors
    /// [`InvalidCaller`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidCaller> {
        if text == "anonymous" {
            return Ok(Self::anonymous());
        }
        if let Some(name) = text.strip_prefix("service:") {
            return Ok(Self::service(name));
        }
        let invalid = |rule| InvalidCaller { text: text.into(), rule };
        let arn = Arn::parse(text).map_err(|error| invalid(error.rule))?;
        if !is_account(arn.account()) {
            return Err(invalid("an account has twelve digits"));
        }
        let (kind, name) = match (arn.service(), arn.resource().split_once('/')) {
            ("iam", None) if arn.resource() == "root" => (CallerKind::Root, ""),
            ("iam", Some(("user", path))) => (CallerKind::User, last_part(path)),
            ("sts", Some(("assumed-role", rest))) => {
                let (role, session) = rest.split_once('/').unwrap_or((rest, ""));
                if role.is_empty() || session.is_empty() || session.contains('/') {
                    return Err(invalid("a session is `assumed-role/ROLE/SESSION`"));
                }
                (CallerKind::RoleSession, role)
            }
            ("sts", Some(("federated-user", name))) => (CallerKind::FederatedUser, name),
            _ => return Err(invalid("it is a root, a user, a role's session or a federated user")),
        };
        if name.is_empty() && kind != CallerKind::Root {
            return Err(invalid("it has no name"));
        }
        let behind = (kind == CallerKind::RoleSession).then(|| role_without_path(&arn, name));
        let name = if kind == CallerKind::User { name.into() } else { Box::default() };
        Ok(Self { kind, behind, name, arn: Some(arn), standing: Standing::default() })
    }

    /// The role of a session, with its path.
    #[must_use]
    pub fn with_role(mut self, role: Arn) -> Self {
        if self.kind == CallerKind::RoleSession {
            self.behind = Some(role);
        }
        self
    }

    /// The user who asked for a federated session.
    #[must_use]
    pub fn with_user(mut self, user: Arn) -> Self {
        if self.kind == CallerKind::FederatedUser {
            self.behind = Some(user);
        }
        self
    }

    /// His account manages the organisation: its service control policies do not bind it.
    #[must_use]
    pub fn of_management_account(mut self) -> Self {
        self.standing.is_management_account = true;
        self
    }

    /// His role is linked to a service: policies of the organisation do not bind it.
    #[must_use]
    pub fn of_service_linked_role(mut self) -> Self {
        self.standing.is_service_linked = true;
        self
    }

    /// What kind of caller.
    #[must_use]
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// His own ARN, a session's where it is one.
    #[must_use]
    pub fn arn(&self) -> Option<&Arn> {
        self.arn.as_ref()
    }

    /// The role of a session, the user behind a federated one.
    #[must_use]
    pub fn behind(&self) -> Option<&Arn> {
        self.behind.as_ref()
    }

    /// His account, when he is signed.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.arn.as_ref().map(Arn::account)
    }

    /// How messages name him.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match (&self.arn, self.kind) {
            (Some(arn), _) => arn.as_str(),
            (None, CallerKind::Anonymous) => "anonymous",
            (None, _) => &self.name,
        }
    }

    /// The root of this account.
    pub(crate) fn is_root_of(&self, account: &str) -> bool {
        self.kind == CallerKind::Root && self.account() == Some(account)
    }

    pub(crate) fn is_bound_by_organisation(&self) -> bool {
        !self.standing.is_management_account && !self.standing.is_service_linked
    }

    pub(crate) fn is_service_linked(&self) -> bool {
        self.standing.is_service_linked
    }

    /// `aws:PrincipalArn`: a session's is its role's.
    pub(crate) fn principal_arn(&self) -> Option<&str> {
        match self.kind {
            CallerKind::RoleSession => self.behind.as_ref(),
            _ => self.arn.as_ref(),
        }
        .map(Arn::as_str)
    }

    /// `aws:username`: users only, without their path.
    pub(crate) fn username(&self) -> Option<&str> {
        (self.kind == CallerKind::User).then_some(&*self.name)
    }

    /// The name of a service.
    pub(crate) fn service_name(&self) -> Option<&str> {
        (self.kind == CallerKind::Service).then_some(&*self.name)
    }

    pub(crate) fn provider_name(&self) -> Option<&str> {
        (self.kind == CallerKind::Provider).then_some(&*self.name)
    }

    /// `aws:PrincipalType`.
    pub(crate) fn principal_type(&self) -> Option<&'static str> {
        match self.kind {
            CallerKind::Anonymous => Some("Anonymous"),
            CallerKind::Root => Some("Account"),
            CallerKind::User => Some("User"),
            CallerKind::RoleSession => Some("AssumedRole"),
            CallerKind::FederatedUser => Some("FederatedUser"),
            CallerKind::Service | CallerKind::Provider => None,
        }
    }
}

/// Twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|one| one.is_ascii_digit())
}

fn role_without_path(session: &Arn, name: &str) -> Arn {
    let (partition, account) = (session.partition(), session.account());
    Arn::parse(&format!("arn:{partition}:iam::{account}:role/{name}")).expect("it has five colons")
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: CallerKind, principal_arn: Option<&str>, username: Option<&str>) {
        let caller = Caller::parse(text).unwrap();
        assert_eq!(caller.kind(), kind);
        assert_eq!((caller.principal_arn(), caller.username()), (principal_arn, username));
    }

    #[test]
    fn every_kind_of_caller_is_told_by_his_name() {
        let root = "arn:aws:iam::100000000001:root";
        check(root, CallerKind::Root, Some(root), None);
        let carol = "arn:aws:iam::100000000001:user/ops/carol";
        check(carol, CallerKind::User, Some(carol), Some("carol"));
        let role = "arn:aws:iam::100000000001:role/etl";
        let session = "arn:aws:sts::100000000001:assumed-role/etl/s1";
        check(session, CallerKind::RoleSession, Some(role), None);
        let federated = "arn:aws:sts::100000000001:federated-user/alice";
        check(federated, CallerKind::FederatedUser, Some(federated), None);
        check("anonymous", CallerKind::Anonymous, None, None);
        check("service:logging.s3.amazonaws.com", CallerKind::Service, None, None);
    }

    #[test]
    fn any_other_text_names_no_caller() {
        for text in [
            "",
            "alice",
            "arn:aws:iam::1:user/alice",
            "arn:aws:iam::100000000001:user/",
            "arn:aws:iam::100000000001:user",
            "arn:aws:iam::100000000001:role/etl",
            "arn:aws:iam::100000000001:group/g",
            "arn:aws:sts::100000000001:assumed-role/etl",
            "arn:aws:sts::100000000001:assumed-role/etl/a/b",
        ] {
            assert!(Caller::parse(text).is_err(), "{text}");
        }
    }
}
