//! The law list: the rules we follow, and the tests that guard them.
//!
//! A comment `Law: <rule>` says where a rule comes from; a comment `Law-test: <rule>` on a test, in
//! the same words, says which rule it guards. The mark begins a sentence. A rule may go on over
//! several comment lines; it ends with its full stop, with an empty comment line, or with the
//! comment.

use crate::{
    Failure, Result, Tree,
    source::{Kind, pieces},
};
use std::collections::BTreeMap;

/// What to do about a law without a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Counted,
    Refused,
}

/// Every rule by its words.
#[derive(Debug, Default)]
pub(crate) struct Laws(BTreeMap<String, Places>);

#[derive(Debug, Default)]
struct Places {
    laws: Vec<String>,
    tests: Vec<String>,
}

/// Lists the laws.
pub(crate) fn run(tree: &Tree, missing: Missing) -> Result<()> {
    let laws = Laws::of_tree(tree)?;
    for (words, places) in &laws.0 {
        println!("{words}");
        places.laws.iter().for_each(|place| println!("    law   {place}"));
        places.tests.iter().for_each(|place| println!("    test  {place}"));
    }
    println!("{}", laws.summary());

    let orphans = laws.tests_without_law();
    if !orphans.is_empty() {
        return Err(Failure::new(orphans.join("\n")));
    }
    if missing == Missing::Refused && !laws.untested().is_empty() {
        return Err(Failure::new(format!("without a test:\n{}", laws.untested().join("\n"))));
    }
    Ok(())
}

impl Laws {
    /// Reads every source but xtask's own, which speaks of laws and has none.
    pub(crate) fn of_tree(tree: &Tree) -> Result<Self> {
        let mut laws = Self::default();
        for path in tree.files()? {
            if path.ends_with(".rs") && !path.starts_with("xtask/") {
                laws.read(&path, &tree.read(&path)?);
            }
        }
        Ok(laws)
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        let known = self.0.values().filter(|places| !places.laws.is_empty()).count();
        format!("{known} laws, {} without a test", self.untested().len())
    }

    /// A test that guards a rule nobody states: one of the two is misspelt.
    pub(crate) fn tests_without_law(&self) -> Vec<String> {
        let orphans = self.0.iter().filter(|(_, places)| places.laws.is_empty());
        orphans
            .flat_map(|(words, places)| {
                places.tests.iter().map(move |place| {
                    format!("{place}: no `Law:` says \"{words}\"; use the words of the law")
                })
            })
            .collect()
    }

    fn untested(&self) -> Vec<&str> {
        let untested = self.0.iter().filter(|(_, places)| places.tests.is_empty());
        untested.map(|(words, _)| words.as_str()).collect()
    }

    fn read(&mut self, path: &str, source: &str) {
        for (line, mark, words) in marked(source) {
            let places = self.0.entry(words).or_default();
            let list = if mark == LAW { &mut places.laws } else { &mut places.tests };
            list.push(format!("{path}:{line}"));
        }
    }
}

const LAW: &str = "Law:";
const LAW_TEST: &str = "Law-test:";

/// The marked rules of one source: line, mark, words.
fn marked(source: &str) -> Vec<(usize, &'static str, String)> {
    let mut rules: Vec<(usize, &'static str, String)> = Vec::new();
    // The line on which the last rule would go on, if it does.
    let mut open = None;
    for (line, mut text) in comment_lines(source) {
        let goes_on = open == Some(line) && !text.is_empty() && !text.starts_with("Law");
        open = None;
        if goes_on {
            let (more, rest) = sentence(text);
            let (_, _, words) = rules.last_mut().expect("an open rule is the last one");
            words.push(' ');
            words.push_str(more);
            open = rest.is_none().then_some(line + 1);
            text = rest.unwrap_or_default();
        }
        while let Some((mark, after)) = mark_of(text) {
            let (words, rest) = sentence(after);
            rules.push((line, mark, words.to_owned()));
            open = rest.is_none().then_some(line + 1);
            text = rest.unwrap_or_default();
        }
    }
    rules
}

/// The first mark that begins a sentence, and what follows it.
fn mark_of(text: &str) -> Option<(&'static str, &str)> {
    let found = [LAW, LAW_TEST].into_iter().filter_map(|mark| {
        let mut starts = text.match_indices(mark).map(|(at, _)| at);
        let at = starts.find(|at| *at == 0 || text[..*at].ends_with(". "))?;
        Some((at, mark))
    });
    let (at, mark) = found.min()?;
    Some((mark, text[at + mark.len()..].trim_start()))
}

/// The text up to its full stop, and what follows that; `None` when there is no full stop.
fn sentence(text: &str) -> (&str, Option<&str>) {
    match text.split_once(". ") {
        Some((sentence, rest)) => (sentence, Some(rest.trim_start())),
        None => text.strip_suffix('.').map_or((text, None), |sentence| (sentence, Some(""))),
    }
}

/// Every line of every comment, without its slashes.
fn comment_lines(source: &str) -> Vec<(usize, &str)> {
    let comments = pieces(source).into_iter().filter(|piece| piece.kind == Kind::Comment);
    comments
        .flat_map(|comment| (comment.line..).zip(comment.text.lines()))
        .map(|(line, text)| {
            let text = text.trim().trim_start_matches("/*").trim_end_matches("*/");
            (line, text.trim_start_matches(['/', '!', '*']).trim())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(usize, &str, &str)]) {
        let found = marked(source);
        let found: Vec<_> = found.iter().map(|one| (one.0, one.1, one.2.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_law_is_a_comment_line_and_loses_its_full_stop() {
        check("/// Reads.\n///\n/// Law: S3, ranges.\nfn read() {}", &[(3, LAW, "S3, ranges")]);
        check("    // Law-test: S3, ranges", &[(1, LAW_TEST, "S3, ranges")]);
    }

    #[test]
    fn a_law_goes_on_until_its_full_stop() {
        check(
            "//! Law: S3, a rule\n//! of two lines.\n//! More.",
            &[(1, LAW, "S3, a rule of two lines")],
        );
    }

    #[test]
    fn a_law_ends_with_an_empty_comment_line_with_its_comment_and_before_another() {
        check("/// Law: S3, a\n///\n/// More.", &[(1, LAW, "S3, a")]);
        check("// Law: S3, a\nfn f() {}\n// More.", &[(1, LAW, "S3, a")]);
        check("// Law: S3, a\n// Law: S3, b", &[(1, LAW, "S3, a"), (2, LAW, "S3, b")]);
    }

    #[test]
    fn a_law_may_stand_between_other_sentences() {
        check("/// The most. Law: S3, a 1.5. It was 2.", &[(1, LAW, "S3, a 1.5")]);
        check("// Law: S3, a. Law-test: S3, b.", &[(1, LAW, "S3, a"), (1, LAW_TEST, "S3, b")]);
        check(
            "/// The most. Law: S3, a rule\n/// of two lines. More. Law: S3, b\n///\n/// More.",
            &[(1, LAW, "S3, a rule of two lines"), (2, LAW, "S3, b")],
        );
    }

    #[test]
    fn a_string_and_a_word_within_a_line_are_no_law() {
        check("let a = \"// Law: S3\"; // see Law: S3", &[]);
    }

    #[test]
    fn a_law_without_a_test_and_a_test_without_a_law_are_told() {
        let mut laws = Laws::default();
        laws.read("a.rs", "// Law: S3, a.\n// Law: S3, b.\n");
        laws.read("b.rs", "// Law-test: S3, a.\n// Law-test: S3, c.\n");

        assert_eq!(laws.summary(), "2 laws, 1 without a test");
        assert_eq!(laws.untested(), ["S3, b"]);
        assert_eq!(
            laws.tests_without_law(),
            ["b.rs:2: no `Law:` says \"S3, c\"; use the words of the law"]
        );
    }
}
