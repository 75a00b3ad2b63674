//! Why something happens, in words.

use crate::world::{at, policy};
use cistern_lifecycle::{
    Action, Days, Filter, Mismatch, Obstacle, Rule, RuleVerdict,
    StorageClass::{Glacier, StandardIa},
    VersionFacts,
};

#[test]
fn an_explanation_names_every_rule_and_what_stands_against_it() {
    let policy = policy([
        Rule::prefix("logs/").id("age").transition(Days(30), Glacier).expire(Days(90)),
        Rule::prefix("other/").id("elsewhere").expire(Days(1)),
        Rule::new(Filter::all().tag("a", "1")).id("tagged").expire(Days(1)),
        Rule::new(Filter::all().larger_than(1 << 30)).id("large").expire(Days(1)),
        Rule::all().id("off").expire(Days(1)).disabled(),
        Rule::all().id("warm").transition(Days(30), StandardIa),
        Rule::all().id("versions").expire_noncurrent(Days(1)),
    ]);
    let facts = VersionFacts::new("logs/a", 10 << 10, at("2026-01-01T12:00"));
    let explanation = policy.explain(&facts, at("2026-03-01"));
    assert_eq!(explanation.now, None);
    let next = explanation.next.unwrap();
    assert_eq!((next.action, next.due), (Action::Delete, at("2026-04-02")));
    let verdicts: Vec<_> = explanation.rules.iter().map(|one| one.verdict.clone()).collect();
    let RuleVerdict::Actions(age) = &verdicts[0] else { panic!("{verdicts:?}") };
    assert_eq!(age.len(), 2);
    assert!(age.iter().any(|one| one.obstacle == Some(Obstacle::SmallObject)));
    assert_eq!(verdicts[1], RuleVerdict::Mismatch(Mismatch::Prefix));
    assert_eq!(verdicts[2], RuleVerdict::Mismatch(Mismatch::Tag));
    assert_eq!(verdicts[3], RuleVerdict::Mismatch(Mismatch::Size));
    assert_eq!(verdicts[4], RuleVerdict::Disabled);
    assert_eq!(verdicts[6], RuleVerdict::Actions(vec![]));
    assert_eq!(
        explanation.to_string(),
        "next: delete for good from 2026-04-02T00:00:00.000Z, says rule `age`\n\
         rule `age`: delete for good from 2026-04-02T00:00:00.000Z, move to GLACIER from \
         2026-02-01T00:00:00.000Z but for: it is too small to move there by default\n\
         rule `elsewhere`: the key begins otherwise\n\
         rule `tagged`: a tag is missing or different\n\
         rule `large`: the size is out of its bounds\n\
         rule `off`: it is disabled\n\
         rule `warm`: move to STANDARD_IA from 2026-02-01T00:00:00.000Z but for: it is too small \
         to move there by default\n\
         rule `versions`: it has no action for such a version\n"
    );
}
