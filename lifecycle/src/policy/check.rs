//! What S3 refuses of a policy, and with which code.

use super::{DAYS_MAX, NEWER_VERSIONS_MAX, RULE_ID_CHARACTERS_MAX, RULES_MAX};
use crate::{
    action::{Expiration, When},
    error::{Error, Result},
    rule::Rule,
    waterfall::{days_before, days_within, target_rank},
};
use cistern_storage_core::{Days, StorageClass, Timestamp};
use std::collections::HashSet;

/// Checks rules that all have an id.
pub(super) fn check(rules: &[Rule]) -> Result<()> {
    if rules.is_empty() {
        return Err(Error::NoRules);
    }
    if rules.len() > RULES_MAX {
        return Err(Error::TooManyRules { found: rules.len(), max: RULES_MAX });
    }
    let mut ids = HashSet::new();
    for rule in rules {
        check_rule(rule)?;
        if !ids.insert(&*rule.id) {
            return Err(Error::DuplicateRuleId { rule: rule.id.clone() });
        }
    }
    check_base_prefixes(rules)
}

fn check_rule(rule: &Rule) -> Result<()> {
    if rule.id.chars().count() > RULE_ID_CHARACTERS_MAX || rule.id.contains('\0') {
        return Err(Error::RuleId { rule: rule.id.clone() });
    }
    rule.filter().check(&rule.id)?;
    check_has_action(rule)?;
    check_numbers(rule)?;
    check_filter_fits(rule)?;
    check_days_or_dates(rule)?;
    check_current(rule)?;
    check_noncurrent(rule)
}

fn check_has_action(rule: &Rule) -> Result<()> {
    let some = rule.expiration.is_some()
        || rule.noncurrent_expiration.is_some()
        || rule.abort_uploads.is_some()
        || !rule.transitions.is_empty()
        || !rule.noncurrent_transitions.is_empty();
    if some { Ok(()) } else { Err(Error::NoAction { rule: rule.id.clone() }) }
}

/// Days and dates by themselves, and the numbers of newer versions.
fn check_numbers(rule: &Rule) -> Result<()> {
    match rule.expiration {
        Some(Expiration::At(When::Days(days))) => {
            check_days(rule, "Expiration", "Days", days, 1)?;
        }
        Some(Expiration::At(When::Date(date))) => check_date(rule, date)?,
        Some(Expiration::ExpiredObjectDeleteMarker) | None => {}
    }
    for transition in &rule.transitions {
        match transition.when {
            When::Days(days) => check_days(rule, "Transition", "Days", days, 0)?,
            When::Date(date) => check_date(rule, date)?,
        }
    }
    for transition in &rule.noncurrent_transitions {
        let action = "NoncurrentVersionTransition";
        check_days(rule, action, "NoncurrentDays", transition.days, 0)?;
        check_newer(rule, transition.newer_versions)?;
    }
    if let Some(expiration) = rule.noncurrent_expiration {
        let action = "NoncurrentVersionExpiration";
        check_days(rule, action, "NoncurrentDays", expiration.days, 1)?;
        check_newer(rule, expiration.newer_versions)?;
    }
    if let Some(days) = rule.abort_uploads {
        let action = "AbortIncompleteMultipartUpload";
        check_days(rule, action, "DaysAfterInitiation", days, 1)?;
    }
    Ok(())
}

fn check_days(
    rule: &Rule,
    action: &'static str,
    element: &'static str,
    days: Days,
    min: u32,
) -> Result<()> {
    if (min..=DAYS_MAX).contains(&days.0) {
        return Ok(());
    }
    let expected = if days.0 > DAYS_MAX { "at most 2147483647" } else { "a positive integer" };
    let found = i64::from(days.0);
    Err(Error::InvalidDays { rule: rule.id.clone(), action, element, expected, found })
}

fn check_date(rule: &Rule, date: Timestamp) -> Result<()> {
    if date == date.day() {
        return Ok(());
    }
    Err(Error::DateNotMidnight { rule: rule.id.clone(), found: date.to_iso8601().into() })
}

fn check_newer(rule: &Rule, newer: Option<u32>) -> Result<()> {
    let Some(newer) = newer else { return Ok(()) };
    if rule.has_base_prefix() {
        return Err(Error::NewerVersionsWithoutFilter { rule: rule.id.clone() });
    }
    if (1..=NEWER_VERSIONS_MAX).contains(&newer) {
        return Ok(());
    }
    Err(Error::InvalidNewerVersions { rule: rule.id.clone(), found: newer.into() })
}

/// Delete markers and uploads have neither tags nor sizes.
fn check_filter_fits(rule: &Rule) -> Result<()> {
    let filter = rule.filter();
    let predicate = if !filter.tags.is_empty() {
        "Tags"
    } else if filter.has_sizes() {
        "Object Size"
    } else {
        return Ok(());
    };
    let action = if rule.abort_uploads.is_some() {
        "AbortIncompleteMultipartUpload"
    } else if rule.expiration == Some(Expiration::ExpiredObjectDeleteMarker) {
        "ExpiredObjectDeleteMarker"
    } else {
        return Ok(());
    };
    Err(Error::FilterNotAllowed { rule: rule.id.clone(), action, predicate })
}

fn check_days_or_dates(rule: &Rule) -> Result<()> {
    let expiration = match rule.expiration {
        Some(Expiration::At(when)) => Some(when),
        _ => None,
    };
    let mut all = rule.transitions.iter().map(|transition| transition.when).chain(expiration);
    let Some(first) = all.next() else { return Ok(()) };
    let same = |when: When| matches!(when, When::Date(_)) == matches!(first, When::Date(_));
    if all.all(same) { Ok(()) } else { Err(Error::DaysAndDates { rule: rule.id.clone() }) }
}

fn check_current(rule: &Rule) -> Result<()> {
    let action = "Transition";
    check_targets(rule, action, rule.transitions.iter().map(|one| one.class))?;
    let days = rule.transitions.iter().filter_map(|one| match one.when {
        When::Days(days) => Some((days, one.class)),
        When::Date(_) => None,
    });
    check_spacing(rule, action, "Days", days.collect())?;
    let Some(Expiration::At(end)) = rule.expiration else { return Ok(()) };
    for transition in &rule.transitions {
        let (element, is_last) = match (end, transition.when) {
            (When::Days(end), When::Days(days)) => ("Days", end > days),
            (When::Date(end), When::Date(date)) => ("Date", end > date),
            _ => unreachable!("days and dates are not mixed, or the rule is refused before"),
        };
        if !is_last {
            return Err(not_last(rule, "Expiration", action, element, transition.class));
        }
    }
    Ok(())
}

fn check_noncurrent(rule: &Rule) -> Result<()> {
    let action = "NoncurrentVersionTransition";
    check_targets(rule, action, rule.noncurrent_transitions.iter().map(|one| one.class))?;
    let days = rule.noncurrent_transitions.iter().map(|one| (one.days, one.class));
    check_spacing(rule, action, "NoncurrentDays", days.collect())?;
    let Some(end) = rule.noncurrent_expiration else { return Ok(()) };
    match rule.noncurrent_transitions.iter().find(|one| one.days >= end.days) {
        None => Ok(()),
        Some(late) => {
            let expiration = "NoncurrentVersionExpiration";
            Err(not_last(rule, expiration, action, "NoncurrentDays", late.class))
        }
    }
}

fn not_last(
    rule: &Rule,
    expiration: &'static str,
    transition: &'static str,
    element: &'static str,
    class: StorageClass,
) -> Error {
    Error::ExpirationNotLast { rule: rule.id.clone(), expiration, transition, element, class }
}

fn check_targets(
    rule: &Rule,
    action: &'static str,
    classes: impl Iterator<Item = StorageClass>,
) -> Result<()> {
    let mut seen = Vec::new();
    for class in classes {
        if target_rank(class).is_none() {
            return Err(Error::NoTarget { rule: rule.id.clone(), class });
        }
        if seen.contains(&class) {
            return Err(Error::ClassTwice { rule: rule.id.clone(), action, class });
        }
        seen.push(class);
    }
    Ok(())
}

fn check_spacing(
    rule: &Rule,
    action: &'static str,
    element: &'static str,
    mut moves: Vec<(Days, StorageClass)>,
) -> Result<()> {
    // Of two on the same day the warmer one counts as the earlier.
    moves.sort_by_key(|&(days, class)| (days, std::cmp::Reverse(target_rank(class))));
    for &(days, class) in &moves {
        let min = days_before(class);
        if days.0 < min {
            let (rule, found) = (rule.id.clone(), days.0);
            return Err(Error::TransitionTooEarly { rule, action, element, class, min, found });
        }
    }
    for pair in moves.windows(2) {
        let ((before_days, before), (days, class)) = (pair[0], pair[1]);
        let min = days_within(before);
        if days.0 - before_days.0 < min {
            return Err(Error::TransitionsTooClose {
                rule: rule.id.clone(),
                action,
                element,
                class,
                found: days.0.to_string().into(),
                before,
                found_before: before_days.0.to_string().into(),
                min,
            });
        }
    }
    Ok(())
}

/// Rules of the first version of the schema: all or none, and no two for the same objects.
fn check_base_prefixes(rules: &[Rule]) -> Result<()> {
    let Some(first) = rules.iter().find(|rule| rule.has_base_prefix()) else { return Ok(()) };
    if rules.iter().any(|rule| !rule.has_base_prefix()) {
        return Err(Error::PrefixBesideFilter { rule: first.id.clone() });
    }
    for (at, rule) in rules.iter().enumerate() {
        for other in &rules[..at] {
            let prefixes = (rule.filter().key_prefix(), other.filter().key_prefix());
            if !prefixes.0.starts_with(prefixes.1) && !prefixes.1.starts_with(prefixes.0) {
                continue;
            }
            if let Some(action) = shared_action(rule, other) {
                let (rule, other) = (other.id.clone(), rule.id.clone());
                return Err(Error::OverlappingPrefixes { rule, other, action });
            }
        }
    }
    Ok(())
}

fn shared_action(rule: &Rule, other: &Rule) -> Option<&'static str> {
    let has = |rule: &Rule| {
        [
            ("Expiration", rule.expiration.is_some()),
            ("Transition", !rule.transitions.is_empty()),
            ("NoncurrentVersionTransition", !rule.noncurrent_transitions.is_empty()),
            ("NoncurrentVersionExpiration", rule.noncurrent_expiration.is_some()),
            ("AbortIncompleteMultipartUpload", rule.abort_uploads.is_some()),
        ]
    };
    let both = has(rule).into_iter().zip(has(other)).find(|(one, two)| one.1 && two.1);
    both.map(|(one, _)| one.0)
}
