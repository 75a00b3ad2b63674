//! A Rust source cut into code, comments and literals, so that a check can tell them apart.
//!
//! It knows just enough of the language: nested block comments, raw strings, and that `'a` is a
//! lifetime while `'a'` is a literal.

/// What a piece of source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Comment,
    Literal,
}

/// A piece of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// The line it begins on, counted from 1.
    pub(crate) line: usize,
}

/// Cuts `source` into pieces that together are all of it.
pub(crate) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut code_start, mut at, mut line) = (0, 0, 1);
    while at < source.len() {
        let rest = &source[at..];
        let Some((kind, len)) = special(rest, ends_word(&source[..at])) else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        push(&mut pieces, Kind::Code, &source[code_start..at], &mut line);
        push(&mut pieces, kind, &rest[..len], &mut line);
        at += len;
        code_start = at;
    }
    push(&mut pieces, Kind::Code, &source[code_start..], &mut line);
    pieces
}

fn push<'a>(pieces: &mut Vec<Piece<'a>>, kind: Kind, text: &'a str, line: &mut usize) {
    if !text.is_empty() {
        pieces.push(Piece { kind, text, line: *line });
        *line += text.matches('\n').count();
    }
}

/// The comment or literal that `rest` begins with, and its length. `after_word` says that a name
/// goes on here, so that the `r` of `for"` opens nothing.
fn special(rest: &str, after_word: bool) -> Option<(Kind, usize)> {
    if rest.starts_with("//") {
        return Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some((Kind::Comment, block_comment(rest)));
    }
    if rest.starts_with('"') {
        return Some((Kind::Literal, quoted(rest, '"')));
    }
    if rest.starts_with('\'') {
        return character(rest).map(|len| (Kind::Literal, len));
    }
    if after_word {
        return None;
    }
    raw_string(rest).map(|len| (Kind::Literal, len))
}

fn ends_word(before: &str) -> bool {
    before.ends_with(|last: char| last.is_alphanumeric() || last == '_')
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, one) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if one == '\\' {
            escaped = true;
        } else if one == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// `None` for a lifetime or a label.
fn character(rest: &str) -> Option<usize> {
    let mut after_quote = rest[1..].chars();
    let first = after_quote.next()?;
    (first == '\\' || after_quote.next() == Some('\'')).then(|| quoted(rest, '\''))
}

/// `r".."`, `r#".."#`, `br".."`, `cr".."`.
fn raw_string(rest: &str) -> Option<usize> {
    let after_r = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after_r.len() - after_r.trim_start_matches('#').len();
    let body = after_r[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", &after_r[..hashes]);
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(rest.len() - body.len() + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(Kind, &str, usize)]) {
        let found = pieces(source);
        let found: Vec<_> = found.iter().map(|one| (one.kind, one.text, one.line)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn comments_end_with_the_line_or_with_their_own_bracket() {
        check(
            "a // b\n/* c /* d */\n */ e",
            &[
                (Kind::Code, "a ", 1),
                (Kind::Comment, "// b", 1),
                (Kind::Code, "\n", 1),
                (Kind::Comment, "/* c /* d */\n */", 2),
                (Kind::Code, " e", 3),
            ],
        );
    }

    #[test]
    fn a_string_hides_a_comment_and_an_escaped_quote() {
        check(
            r#"let a = "// \" x";"#,
            &[
                (Kind::Code, "let a = ", 1),
                (Kind::Literal, r#""// \" x""#, 1),
                (Kind::Code, ";", 1),
            ],
        );
    }

    #[test]
    fn a_raw_string_ends_at_as_many_hashes_as_it_began_with() {
        let source = "f(r##\"a\"# b\"##, br\"\\\")";
        check(
            source,
            &[
                (Kind::Code, "f(", 1),
                (Kind::Literal, "r##\"a\"# b\"##", 1),
                (Kind::Code, ", ", 1),
                (Kind::Literal, "br\"\\\"", 1),
                (Kind::Code, ")", 1),
            ],
        );
    }

    #[test]
    fn a_lifetime_is_code_and_a_character_is_a_literal() {
        check(
            "fn f<'a>(q: &'a str) { g('\"', '\\'') }",
            &[
                (Kind::Code, "fn f<'a>(q: &'a str) { g(", 1),
                (Kind::Literal, "'\"'", 1),
                (Kind::Code, ", ", 1),
                (Kind::Literal, "'\\''", 1),
                (Kind::Code, ") }", 1),
            ],
        );
    }

    #[test]
    fn a_raw_name_and_a_word_that_ends_in_r_open_no_string() {
        check("r#type for", &[(Kind::Code, "r#type for", 1)]);
        check("bar\"x\"", &[(Kind::Code, "bar", 1), (Kind::Literal, "\"x\"", 1)]);
    }

    #[test]
    fn an_open_end_is_taken_to_the_last_byte() {
        check("/* a", &[(Kind::Comment, "/* a", 1)]);
        check("\"a\\", &[(Kind::Literal, "\"a\\", 1)]);
    }
}
