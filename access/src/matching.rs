//! Matching by itself: what a pattern of a policy covers, for tools that explain policies.

use crate::{
    action::{Action, ActionPattern},
    arn::{Resource, ResourcePattern},
    condition_key::NoValues,
    pattern::{Pattern, Syntax},
};

/// True when a value of a `StringLike` covers a text; variables have no value.
#[must_use]
pub fn string(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern, Syntax { wildcards: true, variables: true }).matches(text, &NoValues)
}

/// True when an entry of Action covers an action; false for a text that is no action.
#[must_use]
pub fn action(pattern: &str, text: &str) -> bool {
    Action::parse(text).is_ok_and(|action| ActionPattern::new(pattern).matches(&action))
}

/// True when an entry of Resource covers a resource; variables have no value, and a text that is
/// neither an ARN nor `*` is covered by nothing.
#[must_use]
pub fn resource(pattern: &str, text: &str) -> bool {
    let resource = Resource::parse(text);
    resource.is_ok_and(|resource| ResourcePattern::new(pattern, true).matches(&resource, &NoValues))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_pattern_matches_in_its_own_way() {
        assert!(string("a*c", "abcc"));
        assert!(string("a${*}", "a*"));
        assert!(!string("a${*}", "ab"));
        assert!(action("S3:get*", "s3:GetObject"));
        assert!(!action("*", "GetObject"));
        assert!(resource("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/c"));
        assert!(!resource("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/alice"));
        assert!(!resource("*", "b"));
    }
}
