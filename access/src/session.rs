//! `Session`: temporary credentials, and who may take on a role.

use crate::{
    action::Action,
    arn::{Arn, Resource},
    caller::{Caller, CallerKind},
    context::Context,
    decision::Decision,
    evaluate::evaluate,
    layers::Layers,
    moment::Moment,
    policy::Policy,
    request::Request,
};
use std::sync::Arc;

/// A session lasts at least so long, in seconds.
pub const DURATION_SECONDS_MIN: u32 = 900;
/// A role allows at most so long, in seconds.
pub const DURATION_SECONDS_MAX: u32 = 43_200;
/// A session that a session asks for lasts at most so long, in seconds.
pub const CHAINED_SECONDS_MAX: u32 = 3_600;
/// A session has at most so many tags.
pub const SESSION_TAGS_MAX: usize = 50;

/// A role, as far as taking it on goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    arn: Arn,
    unique_id: Box<str>,
    trust: Vec<Arc<Policy>>,
    duration_seconds_max: u32,
}

/// What somebody asks for who wants to take on a role.
#[derive(Clone, Debug, Default)]
pub struct AssumeRole<'a> {
    /// The session's name.
    pub session_name: &'a str,
    /// How long it is to last.
    pub duration_seconds: u32,
    /// Its tags.
    pub tags: &'a [(&'a str, &'a str)],
    /// What both sides have agreed on, against a confused deputy.
    pub external_id: Option<&'a str>,
    /// Policies of the session, compiled.
    pub policies: &'a [Arc<Policy>],
}

/// Temporary credentials: who they make of their bearer, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    caller: Caller,
    user_id: Box<str>,
    tags: Vec<(Box<str>, Box<str>)>,
    policies: Vec<Arc<Policy>>,
    issued: Moment,
    expires: Moment,
}

/// Why a session was not given.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSession {
    /// A parameter is wrong.
    #[error("{parameter} is not valid: {rule}")]
    Invalid {
        /// The parameter.
        parameter: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// It is longer than the role allows, or than a session may ask for.
    #[error("a session of {asked} s was asked for; here it lasts at most {max} s")]
    TooLong {
        /// What was asked for.
        asked: u32,
        /// What is allowed.
        max: u32,
    },
    /// The decision was no.
    #[error("not allowed to take on the role: {decision}")]
    Denied {
        /// The decision.
        decision: Box<Decision>,
    },
}

impl NoSession {
    /// The code of AWS's service.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::TooLong { .. } => "ValidationError",
            Self::Denied { .. } => "AccessDenied",
        }
    }
}

impl Role {
    /// A role by its ARN, its unique ID and its trust policies.
    #[must_use]
    pub fn new(arn: Arn, unique_id: &str, trust: Vec<Arc<Policy>>) -> Self {
        Self { arn, unique_id: unique_id.into(), trust, duration_seconds_max: CHAINED_SECONDS_MAX }
    }

    /// How long its sessions may last at most; 3,600 s when nothing is said.
    ///
    /// # Errors
    /// [`NoSession::Invalid`] outside of 3,600 s to [`DURATION_SECONDS_MAX`].
    pub fn with_duration_max(mut self, seconds: u32) -> Result<Self, NoSession> {
        if !(CHAINED_SECONDS_MAX..=DURATION_SECONDS_MAX).contains(&seconds) {
            let rule = "a role allows 3,600 s to 43,200 s";
            return Err(NoSession::Invalid { parameter: "MaxSessionDuration", rule });
        }
        self.duration_seconds_max = seconds;
        Ok(self)
    }

    /// Decides whether `caller` may take on the role, and makes the session.
    ///
    /// `layers` are the caller's own: his identity policies, his boundary, his session's policies,
    /// those of his organisation. The role's trust policy is added here.
    ///
    /// Law: STS, a role is taken on by whom its trust policy names; an account that it names hands the
    /// decision to its identity policies.
    ///
    /// # Errors
    /// [`NoSession`] says which parameter is wrong, or which layer did not allow it.
    pub fn assume(
        &self,
        caller: &Caller,
        ask: &AssumeRole<'_>,
        layers: &Layers<'_>,
        context: &Context,
        now: Moment,
    ) -> Result<Session, NoSession> {
        self.check(caller, ask)?;
        let action = match caller.kind() {
            CallerKind::Provider => "sts:AssumeRoleWithWebIdentity",
            _ => "sts:AssumeRole",
        };
        let context = asked_context(ask, context);
        self.decide(caller, action, layers, &context)?;
        // Law: STS, tags on a session need sts:TagSession in the trust policy, too.
        if !ask.tags.is_empty() {
            self.decide(caller, "sts:TagSession", layers, &context)?;
        }
        Ok(self.session(ask, now))
    }

    fn decide(
        &self,
        caller: &Caller,
        action: &str,
        layers: &Layers<'_>,
        context: &Context,
    ) -> Result<(), NoSession> {
        let action = Action::parse(action).expect("it is an action of STS");
        let resource = Resource::Named(self.arn.clone());
        let request = Request::new(caller, &action, &resource, self.arn.account(), context);
        let decision = evaluate(&request, &layers.resource(&self.trust));
        if decision.is_allowed() {
            return Ok(());
        }
        Err(NoSession::Denied { decision: Box::new(decision) })
    }

    /// Law: STS, session names, durations and tags have bounds, and a chained session lasts an hour.
    fn check(&self, caller: &Caller, ask: &AssumeRole<'_>) -> Result<(), NoSession> {
        let invalid = |parameter, rule| Err(NoSession::Invalid { parameter, rule });
        let is_name = |one: char| one.is_ascii_alphanumeric() || "_+=,.@-".contains(one);
        if !(2..=64).contains(&ask.session_name.len()) || !ask.session_name.chars().all(is_name) {
            let rule = "it has 2 to 64 letters, digits and `_+=,.@-`";
            return invalid("RoleSessionName", rule);
        }
        if ask.duration_seconds < DURATION_SECONDS_MIN {
            return invalid("DurationSeconds", "a session lasts at least 900 s");
        }
        let is_chained = caller.kind() == CallerKind::RoleSession;
        let max = if is_chained {
            CHAINED_SECONDS_MAX.min(self.duration_seconds_max)
        } else {
            self.duration_seconds_max
        };
        if ask.duration_seconds > max {
            return Err(NoSession::TooLong { asked: ask.duration_seconds, max });
        }
        if ask.external_id.is_some_and(|id| !(2..=1_224).contains(&id.len())) {
            return invalid("ExternalId", "it has 2 to 1,224 characters");
        }
        let fits = |(key, value): &(&str, &str)| {
            let (key, value) = (key.chars().count(), value.chars().count());
            (1..=128).contains(&key) && value <= 256
        };
        if ask.tags.len() > SESSION_TAGS_MAX || !ask.tags.iter().all(fits) {
            let rule = "there are at most 50 tags, with keys of 1 to 128 and values of up to 256";
            return invalid("Tags", rule);
        }
        for (number, (key, _)) in ask.tags.iter().enumerate() {
            if ask.tags[..number].iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
                return invalid("Tags", "no two keys differ in case alone");
            }
        }
        Ok(())
    }

    fn session(&self, ask: &AssumeRole<'_>, now: Moment) -> Session {
        let name = self.arn.resource().rsplit('/').next().unwrap_or_default();
        let text = format!(
            "arn:{}:sts::{}:assumed-role/{name}/{}",
            self.arn.partition(),
            self.arn.account(),
            ask.session_name
        );
        let caller =
            Caller::parse(&text).expect("its parts were checked").with_role(self.arn.clone());
        let tag = |(key, value): &(&str, &str)| ((*key).into(), (*value).into());
        Session {
            caller,
            user_id: format!("{}:{}", self.unique_id, ask.session_name).into(),
            tags: ask.tags.iter().map(tag).collect(),
            policies: ask.policies.to_vec(),
            issued: now,
            expires: now.plus_seconds(ask.duration_seconds.into()),
        }
    }
}

/// The context with what STS knows of the call.
fn asked_context(ask: &AssumeRole<'_>, context: &Context) -> Context {
    let mut context = context.clone().with("sts:RoleSessionName", ask.session_name);
    if let Some(id) = ask.external_id {
        context = context.with("sts:ExternalId", id);
    }
    for (key, value) in ask.tags {
        context = context.with(&format!("aws:RequestTag/{key}"), value);
    }
    if !ask.tags.is_empty() {
        context = context.with_list("aws:TagKeys", ask.tags.iter().map(|(key, _)| *key));
    }
    context
}

impl Session {
    /// Who bears it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Its policies, for [`Layers::session`].
    #[must_use]
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// When it ends.
    #[must_use]
    pub fn expires(&self) -> Moment {
        self.expires
    }

    /// True from the moment of its end on.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> bool {
        now >= self.expires
    }

    /// What policies may ask about it, added to what is known of a request.
    ///
    /// Law: IAM, of a tag that a role and its session both have the session's counts.
    #[must_use]
    pub fn context(&self, known: Context) -> Context {
        let mut context = known
            .with("aws:userid", &self.user_id)
            .with("aws:TokenIssueTime", &self.issued.to_string());
        for (key, value) in &self.tags {
            context = context.with(&format!("aws:PrincipalTag/{key}"), value);
        }
        context
    }
}

#[cfg(test)]
mod tests;
