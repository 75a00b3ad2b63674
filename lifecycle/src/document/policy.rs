//! `LifecycleConfiguration` and the policy it says.

use super::element::{Element, Fields, Value};
use crate::{
    action::{Expiration, NoncurrentExpiration, NoncurrentTransition, Transition, When},
    error::{Error, Result},
    filter::Filter,
    policy::{DAYS_MAX, LifecyclePolicy},
    rule::{Rule, Scope},
    waterfall::target_rank,
};
use cistern_storage_core::{Days, StorageClass, Timestamp};

pub(crate) const ROOT: &str = "LifecycleConfiguration";

/// The default for small objects, as the AWS CLI prints it beside the rules.
const MINIMUM_SIZE: &str = "TransitionDefaultMinimumObjectSize";

/// Law: S3, lifecycle configuration elements.
pub(crate) fn read(root: &Element) -> Result<LifecyclePolicy> {
    let mut fields = root.fields()?;
    let rules: Vec<Rule> = fields.all("Rule").into_iter().map(read_rule).collect::<Result<_>>()?;
    let minimum_size = fields.maybe(MINIMUM_SIZE)?;
    let minimum_size = minimum_size.map(|element| element.as_text()?.parse()).transpose()?;
    fields.finish()?;
    Ok(LifecyclePolicy::new(rules)?.minimum_size(minimum_size.unwrap_or_default()))
}

fn read_rule(element: &Element) -> Result<Rule> {
    let mut fields = element.fields()?;
    let id = fields.maybe("ID")?.map(Element::as_text).transpose()?.unwrap_or_default();
    let status = fields.one("Status")?.as_text()?.parse()?;
    let mut rule = Rule::of_scope(read_scope(&mut fields, id)?);
    (rule.id, rule.status) = (id.into(), status);
    let in_rule = InRule { id };
    rule.expiration = fields.maybe("Expiration")?.map(|one| in_rule.expiration(one)).transpose()?;
    for one in fields.all("Transition") {
        rule.transitions.push(in_rule.transition(one)?);
    }
    for one in fields.all("NoncurrentVersionTransition") {
        rule.noncurrent_transitions.push(in_rule.noncurrent_transition(one)?);
    }
    let expiration = fields.maybe("NoncurrentVersionExpiration")?;
    rule.noncurrent_expiration =
        expiration.map(|one| in_rule.noncurrent_expiration(one)).transpose()?;
    let abort = fields.maybe("AbortIncompleteMultipartUpload")?;
    rule.abort_uploads = abort.map(|one| in_rule.abort(one)).transpose()?;
    fields.finish()?;
    Ok(rule)
}

fn read_scope(fields: &mut Fields<'_>, rule: &str) -> Result<Scope> {
    match (fields.maybe("Filter")?, fields.maybe("Prefix")?) {
        (Some(filter), None) => Ok(Scope::Filter(read_filter(filter)?)),
        (None, Some(prefix)) => Ok(Scope::BasePrefix(Filter::all().prefix(prefix.as_text()?))),
        (Some(_), Some(_)) => Err(Error::PrefixBesideFilter { rule: rule.into() }),
        (None, None) => Err(Error::malformed("Rule", "it has neither Filter nor Prefix")),
    }
}

/// A filter: nothing, one predicate, or `And` with two at least.
pub(crate) fn read_filter(element: &Element) -> Result<Filter> {
    let mut fields = element.fields()?;
    if fields.len() > 1 {
        return Err(Error::malformed("Filter", "several predicates belong into And"));
    }
    let Some(and) = fields.maybe("And")? else {
        return read_predicates(fields);
    };
    let fields = and.fields()?;
    if fields.len() < 2 {
        return Err(Error::malformed("And", "it has fewer than two predicates"));
    }
    read_predicates(fields)
}

fn read_predicates(mut fields: Fields<'_>) -> Result<Filter> {
    let mut filter = Filter::all();
    if let Some(prefix) = fields.maybe("Prefix")? {
        filter = filter.prefix(prefix.as_text()?);
    }
    for tag in fields.all("Tag") {
        let mut pair = tag.fields()?;
        let (key, value) = (pair.one("Key")?.as_text()?, pair.one("Value")?.as_text()?);
        pair.finish()?;
        filter = filter.tag(key, value);
    }
    filter.larger_than = size(&mut fields, "ObjectSizeGreaterThan")?;
    filter.smaller_than = size(&mut fields, "ObjectSizeLessThan")?;
    fields.finish()?;
    Ok(filter)
}

fn size(fields: &mut Fields<'_>, name: &str) -> Result<Option<u64>> {
    fields.maybe(name)?.map(Element::as_number).transpose()
}

/// The actions of one rule, whose errors name it.
struct InRule<'a> {
    id: &'a str,
}

impl InRule<'_> {
    fn expiration(&self, element: &Element) -> Result<Expiration> {
        let mut fields = element.fields()?;
        let when = self.when(&mut fields, "Expiration", 1)?;
        let marker =
            fields.maybe("ExpiredObjectDeleteMarker")?.map(Element::as_bool).transpose()?;
        fields.finish()?;
        match (when, marker) {
            (Some(when), None) => Ok(Expiration::At(when)),
            (None, Some(true)) => Ok(Expiration::ExpiredObjectDeleteMarker),
            _ => Err(Error::malformed(
                "Expiration",
                "it says exactly one of Days, Date and a true ExpiredObjectDeleteMarker",
            )),
        }
    }

    fn transition(&self, element: &Element) -> Result<Transition> {
        let mut fields = element.fields()?;
        let when = self.when(&mut fields, "Transition", 0)?;
        let class = read_class(&mut fields)?;
        fields.finish()?;
        let when = when.ok_or_else(|| Error::malformed("Transition", "it has no Days or Date"))?;
        Ok(Transition { when, class })
    }

    fn noncurrent_transition(&self, element: &Element) -> Result<NoncurrentTransition> {
        let mut fields = element.fields()?;
        let days = fields.one("NoncurrentDays")?;
        let days = self.days(days, "NoncurrentVersionTransition", 0)?;
        let newer_versions = self.newer_versions(&mut fields)?;
        let class = read_class(&mut fields)?;
        fields.finish()?;
        Ok(NoncurrentTransition { days, class, newer_versions })
    }

    fn noncurrent_expiration(&self, element: &Element) -> Result<NoncurrentExpiration> {
        let mut fields = element.fields()?;
        let days = fields.one("NoncurrentDays")?;
        let days = self.days(days, "NoncurrentVersionExpiration", 1)?;
        let newer_versions = self.newer_versions(&mut fields)?;
        fields.finish()?;
        Ok(NoncurrentExpiration { days, newer_versions })
    }

    fn abort(&self, element: &Element) -> Result<Days> {
        let mut fields = element.fields()?;
        let days = fields.one("DaysAfterInitiation")?;
        let days = self.days(days, "AbortIncompleteMultipartUpload", 1)?;
        fields.finish()?;
        Ok(days)
    }

    fn when(
        &self,
        fields: &mut Fields<'_>,
        action: &'static str,
        min: i64,
    ) -> Result<Option<When>> {
        match (fields.maybe("Days")?, fields.maybe("Date")?) {
            (None, None) => Ok(None),
            (Some(days), None) => Ok(Some(When::Days(self.days(days, action, min)?))),
            (None, Some(date)) => Ok(Some(When::Date(read_date(date)?))),
            (Some(_), Some(_)) => Err(Error::malformed(action, "it has both Days and Date")),
        }
    }

    /// A number of days. One that is too small is told here, where it can still be negative.
    fn days(&self, element: &Element, action: &'static str, min: i64) -> Result<Days> {
        let found: i64 = element.as_number()?;
        match u32::try_from(found) {
            Ok(days) if found >= min && days <= DAYS_MAX => Ok(Days(days)),
            _ => Err(Error::InvalidDays {
                rule: self.id.into(),
                action,
                element: days_element(&element.name),
                expected: match (found > i64::from(DAYS_MAX), min) {
                    (true, _) => "at most 2147483647",
                    (false, 0) => "a nonnegative integer",
                    (false, _) => "a positive integer",
                },
                found,
            }),
        }
    }

    fn newer_versions(&self, fields: &mut Fields<'_>) -> Result<Option<u32>> {
        let Some(element) = fields.maybe("NewerNoncurrentVersions")? else { return Ok(None) };
        let found: i64 = element.as_number()?;
        let newer = u32::try_from(found);
        newer.map(Some).map_err(|_| Error::InvalidNewerVersions { rule: self.id.into(), found })
    }
}

fn days_element(name: &str) -> &'static str {
    match name {
        "NoncurrentDays" => "NoncurrentDays",
        "DaysAfterInitiation" => "DaysAfterInitiation",
        _ => "Days",
    }
}

/// ISO 8601; a date alone is its midnight, and no offset means UTC.
fn read_date(element: &Element) -> Result<Timestamp> {
    let text = element.as_text()?.trim();
    let forms = ["", "Z", "T00:00:00Z"];
    let parse = |end: &str| Timestamp::parse_iso8601(&format!("{text}{end}"));
    let date = forms.into_iter().find_map(parse);
    date.ok_or_else(|| Error::malformed("Date", "it is no date of ISO 8601"))
}

fn read_class(fields: &mut Fields<'_>) -> Result<StorageClass> {
    let class = fields.one("StorageClass")?.as_text()?.parse::<StorageClass>();
    let target = class.ok().filter(|class| target_rank(*class).is_some());
    target.ok_or_else(|| Error::malformed("StorageClass", "it is none that lifecycle moves to"))
}

/// The document of a policy.
pub(crate) fn write(policy: &LifecyclePolicy) -> Element {
    Element::new(ROOT, policy.rules().iter().map(write_rule).collect())
}

fn write_rule(rule: &Rule) -> Element {
    let mut fields = vec![Element::text("ID", rule.rule_id())];
    fields.push(match &rule.scope {
        Scope::Filter(filter) => write_filter(filter),
        Scope::BasePrefix(filter) => Element::text("Prefix", filter.key_prefix()),
    });
    fields.push(Element::text("Status", rule.status().as_str()));
    fields.extend(rule.transitions.iter().map(|one| {
        let class = Element::text("StorageClass", one.class.as_str());
        Element::new("Transition", vec![write_when(one.when), class])
    }));
    fields.extend(rule.expiration.map(|expiration| {
        let what = match expiration {
            Expiration::At(when) => write_when(when),
            Expiration::ExpiredObjectDeleteMarker => {
                Element::truth("ExpiredObjectDeleteMarker", true)
            }
        };
        Element::new("Expiration", vec![what])
    }));
    fields.extend(rule.noncurrent_transitions.iter().map(|one| {
        let mut fields = write_noncurrent(one.days, one.newer_versions);
        fields.push(Element::text("StorageClass", one.class.as_str()));
        Element::new("NoncurrentVersionTransition", fields)
    }));
    fields.extend(rule.noncurrent_expiration.map(|one| {
        let fields = write_noncurrent(one.days, one.newer_versions);
        Element::new("NoncurrentVersionExpiration", fields)
    }));
    fields.extend(rule.abort_uploads.map(|days| {
        let days = Element::number("DaysAfterInitiation", days.0);
        Element::new("AbortIncompleteMultipartUpload", vec![days])
    }));
    Element::new("Rule", fields)
}

fn write_noncurrent(days: Days, newer_versions: Option<u32>) -> Vec<Element> {
    let newer = newer_versions.map(|newer| Element::number("NewerNoncurrentVersions", newer));
    std::iter::once(Element::number("NoncurrentDays", days.0)).chain(newer).collect()
}

fn write_when(when: When) -> Element {
    match when {
        When::Days(days) => Element::number("Days", days.0),
        When::Date(date) => Element::text("Date", date.to_iso8601()),
    }
}

pub(crate) fn write_filter(filter: &Filter) -> Element {
    let mut predicates = Vec::new();
    predicates.extend(filter.prefix.as_deref().map(|prefix| Element::text("Prefix", prefix)));
    predicates.extend(filter.tags().map(|(key, value)| {
        Element::new("Tag", vec![Element::text("Key", key), Element::text("Value", value)])
    }));
    let (larger, smaller) = filter.sizes();
    predicates.extend(larger.map(|bytes| Element::number("ObjectSizeGreaterThan", bytes)));
    predicates.extend(smaller.map(|bytes| Element::number("ObjectSizeLessThan", bytes)));
    if predicates.len() > 1 {
        predicates = vec![Element { name: "And".into(), value: Value::Elements(predicates) }];
    }
    Element::new("Filter", predicates)
}
