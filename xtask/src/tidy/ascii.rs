//! ASCII everywhere, but in what tests feed in.
//!
//! A dash or a quote that only looks like ASCII cannot be searched for, and a letter that only looks
//! like another can hide a change.

use crate::source::{Kind, pieces};

/// Files that may hold any character.
const EXCEPTIONS: &[&str] = &[];

/// The first offending character of each line.
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    if text.is_ascii() || EXCEPTIONS.contains(&path) {
        return Vec::new();
    }
    let checked =
        if path.ends_with(".rs") { without_test_literals(path, text) } else { text.into() };
    let mut errors = Vec::new();
    for (line, text) in (1..).zip(checked.lines()) {
        if let Some(foreign) = text.chars().find(|one| !one.is_ascii()) {
            errors.push(format!("{path}:{line}: U+{:04X} is not ASCII", u32::from(foreign)));
        }
    }
    errors
}

/// Exceptions for files that are gone.
pub(super) fn stale_exceptions(files: &[String]) -> Vec<String> {
    let stale = EXCEPTIONS.iter().filter(|path| !files.iter().any(|file| file == *path));
    stale.map(|path| format!("xtask: there is no {path} to be excepted from ASCII")).collect()
}

/// The source with the literals of tests emptied, line for line.
fn without_test_literals(path: &str, source: &str) -> String {
    let mut in_tests = is_test_file(path);
    let mut checked = String::with_capacity(source.len());
    for piece in pieces(source) {
        in_tests |= piece.kind == Kind::Code && piece.text.contains("#[cfg(test)]");
        if in_tests && piece.kind == Kind::Literal {
            checked.extend(piece.text.chars().filter(|one| *one == '\n'));
        } else {
            checked.push_str(piece.text);
        }
    }
    checked
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("tests.rs") || path.split('/').any(|part| part == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(check(path, text), expected);
    }

    #[test]
    fn a_foreign_character_is_told_with_its_line() {
        check_text("README.md", "a\nb \u{2014} c\n", &["README.md:2: U+2014 is not ASCII"]);
    }

    #[test]
    fn a_literal_of_code_is_checked() {
        check_text("a/b.rs", "f(\"\u{e9}\");", &["a/b.rs:1: U+00E9 is not ASCII"]);
    }

    #[test]
    fn a_literal_of_a_test_is_free_and_its_comment_is_not() {
        let tests = "#[cfg(test)]\nmod tests { f(\"\u{e9}\n\"); } // \u{e9}";
        check_text("a/b.rs", tests, &["a/b.rs:3: U+00E9 is not ASCII"]);
        check_text("a/tests/b.rs", "f(\"\u{e9}\");", &[]);
        check_text("a/src/b/tests.rs", "f(\"\u{e9}\");", &[]);
    }
}
