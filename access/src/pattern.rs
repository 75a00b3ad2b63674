//! `Pattern`: text with wildcards and policy variables.
//!
//! `*` is any run of characters, none included; `?` is exactly one character. There are no classes,
//! and no escapes but `${*}`, `${?}` and `${$}`. A variable `${key}` or `${key, 'default'}` stands for
//! a value of the request; what it inserts is text, whatever characters it has.

use crate::condition_key::{ConditionKey, Lookup};
use std::borrow::Cow;

/// What of a pattern's text is more than text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// `${..}` is a variable or an escape.
    pub(crate) variables: bool,
}

/// Text with wildcards and variables, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    tokens: Box<[Token]>,
    kind: Kind,
}

/// Patterns of the same text and syntax are the same; compiling adds nothing.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.tokens == other.tokens
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Wildcards and text.
    Fixed,
    /// Variables too.
    Variable,
    /// A variable is malformed: it matches nothing.
    Malformed,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Text(Box<str>),
    One,
    Star,
    Variable(Box<Variable>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    pub(crate) key: ConditionKey,
    default: Option<Box<str>>,
}

/// A token whose variables have their values.
#[derive(Clone, Copy)]
pub(crate) enum Piece<'p> {
    Text(&'p str),
    One,
    Star,
}

impl Pattern {
    pub(crate) fn new(text: &str, syntax: Syntax) -> Self {
        let (tokens, kind) = match tokens(text, syntax) {
            Some(tokens) => {
                let has_variable = tokens.iter().any(|one| matches!(one, Token::Variable(_)));
                (tokens, if has_variable { Kind::Variable } else { Kind::Fixed })
            }
            None => (Vec::new(), Kind::Malformed),
        };
        Self { text: text.into(), tokens: tokens.into(), kind }
    }

    /// Wildcards, no variables.
    pub(crate) fn plain(text: &str) -> Self {
        Self::new(text, Syntax { wildcards: true, variables: false })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// False when a variable in it is malformed.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.kind != Kind::Malformed
    }

    /// True when it is text alone.
    pub(crate) fn is_literal(&self) -> bool {
        self.is_well_formed() && self.tokens.iter().all(|one| matches!(one, Token::Text(_)))
    }

    /// The keys that its variables name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable(variable) => Some(&variable.key),
            _ => None,
        })
    }

    /// True when all of `text` matches.
    ///
    /// Cost: O(pattern x text) at worst, one pass over the text as a rule.
    pub(crate) fn matches(&self, text: &str, values: &dyn Lookup) -> bool {
        match self.kind {
            Kind::Malformed => false,
            Kind::Fixed => matches_tokens(&self.tokens, text),
            Kind::Variable => resolve(&self.tokens, values)
                .is_some_and(|pieces| glob(pieces.len(), |at| pieces[at].piece(), text)),
        }
    }

    /// The text that it stands for; `None` when a variable has no value, or there is a wildcard.
    pub(crate) fn expand<'a>(&'a self, values: &'a dyn Lookup) -> Option<Cow<'a, str>> {
        if !self.is_well_formed() {
            return None;
        }
        match &*self.tokens {
            [] => return Some(Cow::Borrowed("")),
            [Token::Text(text)] => return Some(Cow::Borrowed(text)),
            _ => {}
        }
        let mut out = String::new();
        for resolved in resolve(&self.tokens, values)? {
            match resolved.piece() {
                Piece::Text(text) => out.push_str(text),
                Piece::One | Piece::Star => return None,
            }
        }
        Some(Cow::Owned(out))
    }
}

impl Variable {
    /// The value of the request, or the default; `None` when it has neither.
    pub(crate) fn value<'a>(&'a self, values: &'a dyn Lookup) -> Option<&'a str> {
        // Law: IAM, a policy variable without a value makes its pattern match nothing.
        values.lookup(&self.key).one_value().or(self.default.as_deref())
    }
}

/// A token with its value, where it is a variable.
pub(crate) enum Resolved<'a> {
    Token(&'a Token),
    Value(&'a str),
}

impl Resolved<'_> {
    pub(crate) fn piece(&self) -> Piece<'_> {
        match self {
            Self::Value(text) => Piece::Text(text),
            Self::Token(token) => token.piece(),
        }
    }
}

impl Token {
    fn piece(&self) -> Piece<'_> {
        match self {
            Self::Text(text) => Piece::Text(text),
            Self::One => Piece::One,
            Self::Star => Piece::Star,
            Self::Variable(_) => unreachable!("variables are resolved before anything is matched"),
        }
    }
}

/// Every variable's value; `None` when one has none.
pub(crate) fn resolve<'a>(
    tokens: &'a [Token],
    values: &'a dyn Lookup,
) -> Option<Vec<Resolved<'a>>> {
    let resolve_one = |token: &'a Token| match token {
        Token::Variable(variable) => variable.value(values).map(Resolved::Value),
        token => Some(Resolved::Token(token)),
    };
    tokens.iter().map(resolve_one).collect()
}

/// Matches tokens without variables.
pub(crate) fn matches_tokens(tokens: &[Token], text: &str) -> bool {
    match tokens {
        [Token::Star] => true,
        [Token::Text(whole)] => &**whole == text,
        _ => glob(tokens.len(), |at| tokens[at].piece(), text),
    }
}

/// Matches with one remembered star: a later star makes the earlier ones final, since whatever an
/// earlier one could take more, the later one can take too.
pub(crate) fn glob<'p>(len: usize, piece: impl Fn(usize) -> Piece<'p>, text: &str) -> bool {
    let (mut at, mut rest) = (0, text);
    // The piece after the last star, and the text that it was tried on.
    let mut star: Option<(usize, &str)> = None;
    loop {
        if at == len {
            if rest.is_empty() {
                return true;
            }
        } else {
            match piece(at) {
                Piece::Star if at + 1 == len => return true,
                Piece::Star => {
                    at += 1;
                    star = Some((at, rest));
                    continue;
                }
                Piece::One => {
                    let mut characters = rest.chars();
                    if characters.next().is_some() {
                        (at, rest) = (at + 1, characters.as_str());
                        continue;
                    }
                }
                Piece::Text(literal) => {
                    if let Some(after) = rest.strip_prefix(literal) {
                        (at, rest) = (at + 1, after);
                        continue;
                    }
                }
            }
        }
        // The star takes one character more, or as many as it takes to reach the next literal.
        let Some((after_star, tried)) = star else { return false };
        let mut characters = tried.chars();
        if characters.next().is_none() {
            return false;
        }
        let mut next = characters.as_str();
        if let Piece::Text(literal) = piece(after_star) {
            let Some(found) = next.find(literal) else { return false };
            next = &next[found..];
        }
        (at, rest, star) = (after_star, next, Some((after_star, next)));
    }
}

/// The tokens of a text; `None` when a variable is malformed.
fn tokens(text: &str, syntax: Syntax) -> Option<Vec<Token>> {
    let (mut tokens, mut literal) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(one) = rest.chars().next() {
        let special = match one {
            '*' if syntax.wildcards => Some((Token::Star, 1)),
            '?' if syntax.wildcards => Some((Token::One, 1)),
            '$' if syntax.variables && rest.starts_with("${") => match variable(rest)? {
                (Inserted::Text(text), len) => {
                    literal.push_str(text);
                    rest = &rest[len..];
                    continue;
                }
                (Inserted::Variable(variable), len) => {
                    Some((Token::Variable(Box::new(variable)), len))
                }
            },
            _ => None,
        };
        let Some((token, len)) = special else {
            literal.push(one);
            rest = &rest[one.len_utf8()..];
            continue;
        };
        if !literal.is_empty() {
            tokens.push(Token::Text(std::mem::take(&mut literal).into()));
        }
        // Two stars in a row are one. And what is one character behind a star is one before it: so
        // a star is followed by a literal, which is searched for and not tried at every place.
        match (tokens.last(), &token) {
            (Some(Token::Star), Token::Star) => {}
            (Some(Token::Star), Token::One) => tokens.insert(tokens.len() - 1, token),
            _ => tokens.push(token),
        }
        rest = &rest[len..];
    }
    if !literal.is_empty() {
        tokens.push(Token::Text(literal.into()));
    }
    Some(tokens)
}

enum Inserted<'t> {
    Text(&'t str),
    Variable(Variable),
}

/// The variable or escape at the beginning of `text`, and its length; `None` when it is malformed.
///
/// Law: IAM, a policy variable is `${key}` or `${key, 'default'}` with just that comma and that space.
fn variable(text: &str) -> Option<(Inserted<'_>, usize)> {
    let inner = text.strip_prefix("${")?;
    for escaped in ["*", "?", "$"] {
        if inner.strip_prefix(escaped).is_some_and(|after| after.starts_with('}')) {
            return Some((Inserted::Text(&inner[..1]), 4));
        }
    }
    let name_len = inner.find(['}', ',', '\'', '{', '$'])?;
    let (name, after) = inner.split_at(name_len);
    if name.is_empty() || name.trim() != name {
        return None;
    }
    let (default, after) = if let Some(quoted) = after.strip_prefix(", '") {
        let (default, after) = quoted.split_once('\'')?;
        (Some(default.into()), after)
    } else {
        (None, after)
    };
    let after = after.strip_prefix('}')?;
    let variable = Variable { key: ConditionKey::new(name), default };
    Some((Inserted::Variable(variable), text.len() - after.len()))
}

#[cfg(test)]
mod tests;
