//! `Action`: what a request wants to do, and what policies say of it.

use crate::{condition_key::NoValues, pattern::Pattern};
use std::fmt;

/// The name of an action: `s3:GetObject`. Names ignore case.
#[derive(Clone, Debug)]
pub struct Action {
    text: Box<str>,
    lower: Box<str>,
}

/// A text that is no action's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an action; write `service:Name`")]
pub struct InvalidAction {
    /// The text.
    pub text: Box<str>,
}

impl Action {
    /// A service and a name, with one colon between them.
    ///
    /// # Errors
    /// [`InvalidAction`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidAction> {
        let invalid = || InvalidAction { text: text.into() };
        let (service, name) = text.split_once(':').ok_or_else(invalid)?;
        if service.is_empty() || name.is_empty() || name.contains(':') {
            return Err(invalid());
        }
        Ok(Self { text: text.into(), lower: text.to_lowercase().into() })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The service, in small letters.
    #[must_use]
    pub fn service(&self) -> &str {
        self.lower.split(':').next().unwrap_or_default()
    }

    /// The name behind the colon, in small letters.
    pub(crate) fn lower_name(&self) -> &str {
        self.lower.split_once(':').map_or("", |(_, name)| name)
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.lower == other.lower
    }
}

impl Eq for Action {}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// An entry of Action or NotAction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActionPattern {
    text: Box<str>,
    lower: Pattern,
}

impl ActionPattern {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), lower: Pattern::plain(&text.to_lowercase()) }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, action: &Action) -> bool {
        self.lower.matches(&action.lower, &NoValues)
    }

    /// As [`Self::matches`], of a name in small letters.
    pub(crate) fn matches_lower(&self, lower: &str) -> bool {
        self.lower.matches(lower, &NoValues)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, action: &str, expected: bool) {
        let action = Action::parse(action).unwrap();
        assert_eq!(ActionPattern::new(pattern).matches(&action), expected);
    }

    #[test]
    fn names_ignore_case_and_wildcards_stand_anywhere() {
        check("s3:getobject", "s3:GetObject", true);
        check("S3:Get*", "s3:GetObject", true);
        check("*", "s3:GetObject", true);
        check("s*:*Object", "s3:GetObject", true);
        check("s3:GetObjec?", "s3:GetObject", true);
        check("s3:GetObject?", "s3:GetObject", false);
        check("s3:Get", "s3:GetObject", false);
        check("kms:*", "s3:GetObject", false);
    }

    #[test]
    fn an_action_has_a_service_and_a_name() {
        for text in ["", "s3", "s3:", ":GetObject", "s3:Get:Object"] {
            assert!(Action::parse(text).is_err(), "{text}");
        }
        assert_eq!(Action::parse("S3:GetObject").unwrap().service(), "s3");
    }
}
