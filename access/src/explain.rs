//! Explaining: what every statement in force says of a request, and who can do what.

use crate::{
    decision::{Decision, StatementRef},
    evaluate::{Authorization, Naming, Side, evaluate},
    layers::{Layer, Layers},
    principal::Level,
    request::{Facts, Request},
    statement::Effect,
};
use std::fmt;

/// A decision, with what every statement in force had to say.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The decision itself.
    pub decision: Decision,
    /// Every statement, in the order of layers, policies and statements.
    pub statements: Vec<Opinion>,
}

/// What one statement says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The statement.
    pub statement: StatementRef,
    /// What it does where it applies.
    pub effect: Effect,
    /// Whether it applies, and what of it does not.
    pub fit: Fit,
}

/// Whether a statement applies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fit {
    /// It does; a resource's policy names the caller at this level.
    Applies(Level),
    /// It does not cover the action.
    OtherAction,
    /// It does not cover the resource.
    OtherResource,
    /// It does not name the caller.
    OtherPrincipal,
    /// These conditions do not hold.
    Conditions(Vec<FailedCondition>),
}

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCondition {
    /// Its operator, as it was written.
    pub operator: String,
    /// Its key, as it was written.
    pub key: String,
    /// The request says something of the key.
    pub is_present: bool,
}

/// Decides as [`evaluate`] does, and tells what every statement had to say.
///
/// Through an access point, statements of the bucket's side are told of the bucket's name, all others
/// of the access point's.
pub fn explain(request: &Request<'_>, layers: &Layers<'_>) -> Explanation {
    let decision = evaluate(request, layers);
    let facts = Facts { request, access_point: layers.access_point };
    let on_point = layers.access_point.map(|point| point.resource(request.resource));
    let mut statements = Vec::new();
    for (layer, policies) in layers.lists() {
        let side = if layer == Layer::AccessPoint { Side::AccessPoint } else { Side::Resource };
        let authorization = Authorization { facts, layers, side };
        let resource = match &on_point {
            Some(name) if layer != Layer::Resource => name,
            _ => request.resource,
        };
        if matches!(layer, Layer::ServiceControl(_)) && !authorization.is_bound_by_service_control()
            || matches!(layer, Layer::ResourceControl(_)) && request.caller.is_service_linked()
        {
            continue;
        }
        let naming = match layer {
            Layer::Endpoint => Naming::Endpoint,
            Layer::Resource | Layer::AccessPoint | Layer::ResourceControl(_) => Naming::Principals,
            _ => Naming::Implied,
        };
        for (policy, of) in policies.iter().enumerate() {
            for (number, statement) in of.document().statements.iter().enumerate() {
                let sid = statement.sid.clone();
                let place = StatementRef { layer, policy, statement: number, sid };
                let fit = if !statement.covers_action(request.action) {
                    Fit::OtherAction
                } else if !statement.covers_resource(resource, &facts) {
                    Fit::OtherResource
                } else if let Some(level) = authorization.names(statement, resource, naming) {
                    let failed: Vec<FailedCondition> = statement
                        .conditions
                        .iter()
                        .filter(|condition| !condition.holds(&facts))
                        .map(|condition| FailedCondition::of(condition, &facts))
                        .collect();
                    if failed.is_empty() { Fit::Applies(level) } else { Fit::Conditions(failed) }
                } else {
                    Fit::OtherPrincipal
                };
                statements.push(Opinion { statement: place, effect: statement.effect, fit });
            }
        }
    }
    Explanation { decision, statements }
}

impl FailedCondition {
    fn of(condition: &crate::condition::Condition, facts: &Facts<'_>) -> Self {
        use crate::condition_key::Lookup as _;
        Self {
            operator: condition.operator.to_string(),
            key: condition.key.as_str().to_owned(),
            is_present: !facts.lookup(&condition.key).is_empty(),
        }
    }
}

/// The decision on a line, and a line for every statement that came near.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decision)?;
        for opinion in &self.statements {
            let effect = if opinion.effect == Effect::Allow { "allows" } else { "forbids" };
            match &opinion.fit {
                Fit::Applies(_) => write!(f, "\n{} {effect}", opinion.statement)?,
                Fit::OtherPrincipal => {
                    write!(f, "\n{} {effect} it to others", opinion.statement)?;
                }
                Fit::Conditions(failed) => {
                    write!(f, "\n{} would apply but for", opinion.statement)?;
                    for one in failed {
                        let absent = if one.is_present { "" } else { " (absent)" };
                        write!(f, " {} {}{absent}", one.operator, one.key)?;
                    }
                }
                Fit::OtherAction | Fit::OtherResource => {}
            }
        }
        Ok(())
    }
}

/// A row of the table of who can do what.
#[derive(Clone, Debug)]
pub struct WhoCan<'a> {
    /// The request that was tried.
    pub request: Request<'a>,
    /// What was decided.
    pub decision: Decision,
}

/// Decides every request under the layers that are in force for it: the rows of a table of who can do
/// what.
///
/// A caller has layers of his own, so whoever keeps identities pairs them.
pub fn who_can<'a>(
    requests: impl IntoIterator<Item = (Request<'a>, Layers<'a>)>,
) -> impl Iterator<Item = WhoCan<'a>> {
    requests.into_iter().map(|(request, layers)| {
        let decision = evaluate(&request, &layers);
        WhoCan { request, decision }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::Action,
        arn::Resource,
        caller::Caller,
        context::Context,
        policy::{Policy, PolicyKind},
    };
    use std::sync::Arc;

    fn policy(kind: PolicyKind, statements: &str) -> Vec<Arc<Policy>> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        vec![Arc::new(Policy::load(kind, &text).unwrap())]
    }

    fn identity() -> Vec<Arc<Policy>> {
        policy(
            PolicyKind::Identity,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"},
            {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::other/*"},
            {"Sid":"Mfa","Effect":"Allow","Action":"s3:*","Resource":"*","Condition":
            {"Bool":{"aws:MultiFactorAuthPresent":"true"},"StringEquals":{"aws:UserAgent":"x"}}}"#,
        )
    }

    fn bucket() -> Vec<Arc<Policy>> {
        policy(
            PolicyKind::Bucket,
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::100000000001:user/bob"},
            "Action":"s3:GetObject","Resource":"arn:aws:s3:::orders/*"}"#,
        )
    }

    #[test]
    fn an_explanation_tells_of_every_statement_what_of_it_did_not_fit() {
        let (identity, bucket) = (identity(), bucket());
        let layers = Layers::new().identity(&identity).resource(&bucket);
        let caller = Caller::parse("arn:aws:iam::100000000001:user/alice").unwrap();
        let action = Action::parse("s3:GetObject").unwrap();
        let resource = Resource::object("orders", "a");
        let context = Context::new().with("aws:UserAgent", "y");
        let request = Request::new(&caller, &action, &resource, "100000000001", &context);

        let explanation = explain(&request, &layers);
        let fits: Vec<&Fit> = explanation.statements.iter().map(|one| &one.fit).collect();
        let failed = |operator: &str, key: &str, is_present| FailedCondition {
            operator: operator.into(),
            key: key.into(),
            is_present,
        };
        let conditions = Fit::Conditions(vec![
            failed("Bool", "aws:MultiFactorAuthPresent", false),
            failed("StringEquals", "aws:UserAgent", true),
        ]);
        assert_eq!(
            fits,
            [&Fit::OtherAction, &Fit::OtherResource, &conditions, &Fit::OtherPrincipal]
        );
        assert_eq!(
            explanation.to_string(),
            "not allowed: no identity-based policy allows it; condition 0 of statement Mfa of \
             identity-based policy 0 does not hold\n\
             statement Mfa of identity-based policy 0 would apply but for Bool \
             aws:MultiFactorAuthPresent (absent) StringEquals aws:UserAgent\n\
             statement 0 of resource-based policy 0 allows it to others"
        );
    }

    // Law-test: IAM, a refusal names the kind of policy and never its text.
    #[test]
    fn a_table_tells_who_can_and_a_refusal_says_which_kind_of_policy_is_missing() {
        let bucket = bucket();
        let layers = Layers::new().resource(&bucket);
        let callers = ["alice", "bob"]
            .map(|name| Caller::parse(&format!("arn:aws:iam::100000000001:user/{name}")).unwrap());
        let action = Action::parse("s3:GetObject").unwrap();
        let resource = Resource::object("orders", "a");
        let context = Context::new();
        let requests = callers.iter().map(|caller| {
            (Request::new(caller, &action, &resource, "100000000001", &context), layers)
        });
        let rows: Vec<WhoCan<'_>> = who_can(requests).collect();
        assert_eq!(
            rows.iter().map(|row| row.decision.is_allowed()).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(
            rows[0].decision.message(&rows[0].request).unwrap(),
            "User: arn:aws:iam::100000000001:user/alice is not authorized to perform: s3:GetObject \
             on resource: arn:aws:s3:::orders/a because no identity-based policy allows the \
             s3:GetObject action"
        );
        assert_eq!(rows[1].decision.message(&rows[1].request), None);
    }
}
