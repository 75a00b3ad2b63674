//! `Report`: what came of asking for every promise.

use std::{any::Any, fmt};

/// What came of asking a backend for every promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a report says whether the backend holds its promises"]
pub struct Report {
    pub(super) held: Vec<&'static str>,
    pub(super) not_asked: Vec<&'static str>,
    pub(super) broken: Vec<Broken>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    name: &'static str,
    how: String,
}

impl Report {
    /// True when no promise is broken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    /// The promises that held.
    #[must_use]
    pub fn held(&self) -> &[&'static str] {
        &self.held
    }

    /// The promises that the backend's capabilities do not call for.
    #[must_use]
    pub fn not_asked(&self) -> &[&'static str] {
        &self.not_asked
    }

    /// The promises that are broken.
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }
}

impl Broken {
    pub(super) fn new(name: &'static str, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Self { name, how: text.unwrap_or("a panic that says nothing").to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What was seen.
    #[must_use]
    pub fn how(&self) -> &str {
        &self.how
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { held, not_asked, broken } = self;
        write!(
            f,
            "{} promises held, {} broken, {} not asked for",
            held.len(),
            broken.len(),
            not_asked.len()
        )?;
        broken.iter().try_for_each(|Broken { name, how }| write!(f, "\n- {name}: {how}"))
    }
}
