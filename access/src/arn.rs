//! `Arn`, `Resource`, and what policies say of them.
//!
//! An ARN has six segments; the last takes the rest. Patterns match segment by segment, so that a
//! wildcard never leaves the one it stands in; in the last it crosses `/` and `:`.

use crate::{
    condition_key::{ConditionKey, Lookup},
    pattern::{Pattern, Syntax, Token, Variable, glob, matches_tokens, resolve},
};
use std::fmt;

const SEGMENTS: usize = 6;

/// The name of a thing: `arn:partition:service:region:account:resource`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    text: Box<str>,
    /// Where the first five colons are.
    colons: [usize; SEGMENTS - 1],
}

/// A text that is no ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an ARN: {rule}")]
pub struct InvalidArn {
    /// The text.
    pub text: Box<str>,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl Arn {
    /// Six segments, the first of them `arn`.
    ///
    /// # Errors
    /// [`InvalidArn`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        let invalid = |rule| InvalidArn { text: text.into(), rule };
        let mut colons = [0; SEGMENTS - 1];
        let mut found = text.match_indices(':');
        for colon in &mut colons {
            *colon = found.next().ok_or_else(|| invalid("it has fewer than six segments"))?.0;
        }
        if !text.starts_with("arn:") {
            return Err(invalid("it begins with `arn:`"));
        }
        Ok(Self { text: text.into(), colons })
    }

    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.segment(1)
    }

    /// `s3`, `kinesis`, `kms` ...
    #[must_use]
    pub fn service(&self) -> &str {
        self.segment(2)
    }

    /// Empty where a name needs no region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.segment(3)
    }

    /// The account; empty for buckets and objects.
    #[must_use]
    pub fn account(&self) -> &str {
        self.segment(4)
    }

    /// What the service calls it: `bucket/key`, `stream/name`, `user/path/name` ...
    #[must_use]
    pub fn resource(&self) -> &str {
        self.segment(5)
    }

    fn segment(&self, number: usize) -> &str {
        let start = if number == 0 { 0 } else { self.colons[number - 1] + 1 };
        let end = self.colons.get(number).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Nothing in particular: actions on an account, which policies allow on `*` alone.
    Account,
    /// This.
    Named(Arn),
}

impl Resource {
    /// `*` or an ARN. The text is never a pattern: a `*` in a key is a character.
    ///
    /// # Errors
    /// [`InvalidArn`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        if text == "*" { Ok(Self::Account) } else { Arn::parse(text).map(Self::Named) }
    }

    /// The bucket of this name.
    #[must_use]
    pub fn bucket(name: &str) -> Self {
        Self::of(&["arn:aws:s3:::", name])
    }

    /// The object under this key, as it is: keys are not normalised.
    #[must_use]
    pub fn object(bucket: &str, key: &str) -> Self {
        Self::of(&["arn:aws:s3:::", bucket, "/", key])
    }

    fn of(parts: &[&str]) -> Self {
        Self::Named(Arn::parse(&parts.concat()).expect("the first part has five colons"))
    }

    /// The name; `*` for an account.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account => "*",
            Self::Named(arn) => arn.as_str(),
        }
    }

    /// The name, where it is one.
    #[must_use]
    pub fn arn(&self) -> Option<&Arn> {
        match self {
            Self::Account => None,
            Self::Named(arn) => Some(arn),
        }
    }

    /// The bucket and the key of an object; `None` for anything else.
    #[must_use]
    pub fn as_object(&self) -> Option<(&str, &str)> {
        let arn = self.arn()?;
        let is_s3 = arn.service() == "s3" && arn.region().is_empty() && arn.account().is_empty();
        if is_s3 { arn.resource().split_once('/') } else { None }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An entry of Resource or NotResource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResourcePattern {
    text: Box<str>,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    All,
    Segments(Box<[Pattern; SEGMENTS]>),
}

impl ResourcePattern {
    /// Law: IAM, an ARN in a policy that has fewer than six segments is filled up with `*`.
    ///
    /// Law: IAM, policy variables stand in the last segment of a resource only.
    pub(crate) fn new(text: &str, has_variables: bool) -> Self {
        let shape = if text == "*" {
            Shape::All
        } else {
            let mut segments = text.splitn(SEGMENTS, ':');
            Shape::Segments(Box::new(std::array::from_fn(|number| {
                let segment = segments.next().unwrap_or("*");
                let variables = has_variables && number == SEGMENTS - 1;
                Pattern::new(segment, Syntax { wildcards: true, variables })
            })))
        };
        Self { text: text.into(), shape }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text of a segment; `None` for `*`.
    pub(crate) fn segment(&self, number: usize) -> Option<&str> {
        match &self.shape {
            Shape::All => None,
            Shape::Segments(segments) => Some(segments[number].text()),
        }
    }

    pub(crate) fn is_well_formed(&self) -> bool {
        match &self.shape {
            Shape::All => true,
            Shape::Segments(segments) => segments.iter().all(Pattern::is_well_formed),
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        let last = match &self.shape {
            Shape::All => None,
            Shape::Segments(segments) => Some(&segments[SEGMENTS - 1]),
        };
        last.into_iter().flat_map(Pattern::keys)
    }

    pub(crate) fn matches(&self, resource: &Resource, values: &dyn Lookup) -> bool {
        match (&self.shape, resource) {
            (Shape::All, _) => true,
            (Shape::Segments(_), Resource::Account) => false,
            (Shape::Segments(segments), Resource::Named(arn)) => (0..SEGMENTS)
                .rev()
                .all(|number| segments[number].matches(arn.segment(number), values)),
        }
    }

    /// True when some resource of `bucket` may match: the bucket itself, or objects in it.
    pub(crate) fn may_be_in_bucket(&self, bucket: &str) -> bool {
        let Shape::Segments(segments) = &self.shape else { return true };
        let [_, _, service, region, account, resource] = &**segments;
        let none = crate::condition_key::NoValues;
        let is_s3 =
            service.matches("s3", &none) && region.matches("", &none) && account.matches("", &none);
        let name = resource.text().split('/').next().unwrap_or_default();
        is_s3 && (Pattern::plain(name).matches(bucket, &none) || resource.text().starts_with('*'))
    }
}

/// A value of an ARN condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ArnOperand {
    /// `*`: every ARN.
    All,
    /// A variable that is the whole of it: its value is an ARN, taken as text.
    Whole(Box<Variable>),
    Segments(Box<[Vec<Token>; SEGMENTS]>),
    /// No ARN: nothing can be said of it.
    Broken,
}

impl ArnOperand {
    pub(crate) fn new(pattern: &Pattern) -> Self {
        if !pattern.is_well_formed() {
            return Self::Broken;
        }
        match pattern.tokens() {
            // Law: IAM, an ARN condition with the value `*` matches every ARN.
            [Token::Star] => return Self::All,
            [Token::Variable(variable)] => return Self::Whole(variable.clone()),
            _ => {}
        }
        // Only colons that the policy's author wrote part segments: what a variable inserts is text.
        let mut segments: [Vec<Token>; SEGMENTS] = Default::default();
        let mut at = 0;
        for token in pattern.tokens() {
            let Token::Text(text) = token else {
                segments[at].push(token.clone());
                continue;
            };
            let mut rest: &str = text;
            while at + 1 < SEGMENTS
                && let Some((before, after)) = rest.split_once(':')
            {
                push_text(&mut segments[at], before);
                (at, rest) = (at + 1, after);
            }
            push_text(&mut segments[at], rest);
        }
        if at + 1 == SEGMENTS { Self::Segments(Box::new(segments)) } else { Self::Broken }
    }

    pub(crate) fn matches(&self, arn: &Arn, values: &dyn Lookup) -> bool {
        match self {
            Self::All => true,
            Self::Broken => false,
            Self::Whole(variable) => variable.value(values) == Some(arn.as_str()),
            Self::Segments(segments) => (0..SEGMENTS)
                .all(|number| matches_segment(&segments[number], arn.segment(number), values)),
        }
    }
}

fn push_text(tokens: &mut Vec<Token>, text: &str) {
    if !text.is_empty() {
        tokens.push(Token::Text(text.into()));
    }
}

fn matches_segment(tokens: &[Token], text: &str, values: &dyn Lookup) -> bool {
    if tokens.iter().any(|token| matches!(token, Token::Variable(_))) {
        let Some(pieces) = resolve(tokens, values) else { return false };
        return glob(pieces.len(), |at| pieces[at].piece(), text);
    }
    matches_tokens(tokens, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{condition_key::NoValues, context::Context};

    #[track_caller]
    fn check(pattern: &str, resource: &str, expected: bool) {
        let pattern = ResourcePattern::new(pattern, true);
        let resource = Resource::parse(resource).unwrap();
        assert_eq!(pattern.matches(&resource, &NoValues), expected);
    }

    #[test]
    fn an_arn_has_six_segments() {
        let arn = Arn::parse("arn:aws:kinesis:eu-west-1:1:stream/s/consumer/c:2").unwrap();
        assert_eq!((arn.partition(), arn.service()), ("aws", "kinesis"));
        assert_eq!((arn.region(), arn.account()), ("eu-west-1", "1"));
        assert_eq!(arn.resource(), "stream/s/consumer/c:2");
        assert!(Arn::parse("arn:aws:s3::bucket").is_err());
        assert!(Arn::parse("urn:aws:s3:::bucket").is_err());
    }

    #[test]
    fn a_wildcard_stays_in_its_segment_and_crosses_slashes_in_the_last() {
        check("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b:c", true);
        check("arn:aws:s3:::b/*", "arn:aws:s3:::b", false);
        check("arn:aws:s3:::b", "arn:aws:s3:::b/a", false);
        check("arn:aws:s3:::B/*", "arn:aws:s3:::b/a", false);
        check("arn:aws:s3:*:b", "arn:aws:s3:::b", false);
        check("arn:aws:*:*:*:*", "arn:aws:s3:::b", true);
        check("arn:aws:s3:::b?", "arn:aws:s3:::b", false);
    }

    #[test]
    fn the_text_of_a_request_is_no_pattern() {
        check("arn:aws:s3:::b/a", "arn:aws:s3:::b/*", false);
        check("arn:aws:s3:::b/../c", "arn:aws:s3:::b/../c", true);
        check("arn:aws:s3:::b/c", "arn:aws:s3:::b/../b/c", false);
    }

    #[test]
    fn an_account_matches_the_lone_star_alone() {
        check("*", "*", true);
        check("arn:aws:s3:::*", "*", false);
        check("*", "arn:aws:s3:::b", true);
    }

    // Law-test: IAM, an ARN in a policy that has fewer than six segments is filled up with `*`.
    #[test]
    fn a_short_pattern_is_filled_up() {
        check("arn:aws:s3", "arn:aws:s3:::b", true);
        check("arn:aws:kinesis:*:stream/taps", "arn:aws:kinesis:eu-west-1:1:stream/taps", false);
    }

    // Law-test: IAM, policy variables stand in the last segment of a resource only.
    #[test]
    fn variables_stand_in_the_last_segment_only() {
        let values = Context::new().with("a", "b");
        let check = |pattern: &str, resource: &str| {
            let resource = Resource::parse(resource).unwrap();
            ResourcePattern::new(pattern, true).matches(&resource, &values)
        };
        assert!(check("arn:aws:s3:::${a}", "arn:aws:s3:::b"));
        assert!(!check("arn:aws:s3:${a}::c", "arn:aws:s3:b::c"));
    }

    #[track_caller]
    fn check_operand(operand: &str, arn: &str, expected: bool) {
        let values = Context::new()
            .with("aws:PrincipalTag/colon", "eu:1")
            .with("aws:PrincipalArn2", "arn:aws:s3:::b/*");
        let pattern = Pattern::new(operand, Syntax { wildcards: true, variables: true });
        let arn = Arn::parse(arn).unwrap();
        assert_eq!(ArnOperand::new(&pattern).matches(&arn, &values), expected);
    }

    // Law-test: IAM, an ARN condition with the value `*` matches every ARN.
    #[test]
    fn a_condition_value_matches_segment_by_segment() {
        check_operand("*", "arn:aws:s3:::b", true);
        check_operand("arn:aws:s3:::*", "arn:aws:s3:::b:c", true);
        check_operand("arn:aws:s3:::*", "arn:aws:s3:eu-west-1::b", false);
        check_operand("arn:aws:s3", "arn:aws:s3:::b", false);
        check_operand("${aws:PrincipalArn2}", "arn:aws:s3:::b/*", true);
        check_operand("${aws:PrincipalArn2}", "arn:aws:s3:::b/a", false);
    }

    #[test]
    fn a_colon_that_a_variable_inserts_parts_no_segments() {
        check_operand("arn:aws:s3:${aws:PrincipalTag/colon}:b", "arn:aws:s3:eu:1:b", false);
        check_operand("arn:aws:s3:::${aws:PrincipalTag/colon}", "arn:aws:s3:::eu:1", true);
    }
}
