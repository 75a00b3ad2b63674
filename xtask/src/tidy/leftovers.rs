//! Leftovers of writing: `todo!`, `unimplemented!`, `dbg!`.
//!
//! Clippy denies them too, but only in what it compiles, and a test may silence it.

use crate::source::{Kind, pieces};

const LEFTOVERS: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];

/// Every leftover in code; comments and strings may speak of them.
pub(super) fn check(path: &str, source: &str) -> Vec<String> {
    let mut errors = Vec::new();
    for piece in pieces(source).into_iter().filter(|piece| piece.kind == Kind::Code) {
        for (line, text) in (piece.line..).zip(piece.text.lines()) {
            for leftover in LEFTOVERS.iter().filter(|leftover| holds(text, leftover)) {
                errors.push(format!("{path}:{line}: `{leftover}` is not finished code"));
            }
        }
    }
    errors
}

/// True when `name` stands in `text` and is not the end of a longer name.
fn holds(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leftover_in_code_is_told_with_its_line() {
        assert_eq!(
            check("a.rs", "fn f() {\n    /* later */ todo!()\n}"),
            ["a.rs:2: `todo!` is not finished code"]
        );
    }

    #[test]
    fn a_comment_a_string_and_a_longer_name_are_no_leftover() {
        assert!(check("a.rs", "// dbg!\nf(\"todo!\"); my_dbg!(1);").is_empty());
    }
}
