//! `Answer`: what a call gives back, in words that model and store share.
//!
//! Version names are opaque, so they are told by the order in which they were made; opaque entity
//! tags are only said to be opaque.

use std::{collections::BTreeMap, ops::Range};

/// A version's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Null,
    /// The n-th that the store gave.
    Nth(usize),
    /// One that no list has shown: the model never gives it.
    Unknown,
}

/// What a call names that cannot be known when calls are made up: told by the model.
#[derive(Clone, Debug, Default)]
pub(super) struct Picks {
    /// A version for each that is named; `None` for what is current.
    pub(super) versions: Vec<Option<Name>>,
    /// Which of all uploads begun.
    pub(super) upload: Option<usize>,
    /// Numbers and entity tags of the parts to complete.
    pub(super) parts: Vec<(u32, String)>,
}

impl Picks {
    pub(super) fn version(&self) -> Option<Name> {
        self.versions.first().copied().flatten()
    }
}

/// Why a call was refused: the error's code, and the delete marker that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) marker: Option<Name>,
}

pub(super) type Outcome<T = Answer> = Result<T, Refusal>;

pub(super) fn refuse<T>(code: &'static str) -> Outcome<T> {
    Err(Refusal { code, marker: None })
}

/// What a call gives back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Done,
    Names(Vec<String>),
    Written(Written),
    Copied(Written, Name),
    Read(Box<Info>, Range<u64>, Vec<u8>),
    Info(Box<Info>),
    Gone(Gone),
    EachGone(Vec<Outcome<Gone>>),
    Marked(Name),
    Tags(Pairs),
    Retention(Retained),
    Hold(bool),
    Pages(Vec<Page<Info>>),
    /// The n-th upload that was begun.
    Begun(usize),
    Part(Part),
    UploadPages(Vec<Page<Begun>>),
    PartPages(Vec<Page<Part>>),
}

pub(super) type Pairs = BTreeMap<String, String>;

/// Mode and date of a retention.
pub(super) type Retained = (&'static str, i64);

/// What a write tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) version: Option<Name>,
    pub(super) etag: String,
    pub(super) size: u64,
    pub(super) modified: i64,
}

/// What a delete tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gone {
    pub(super) marker: bool,
    pub(super) version: Option<Name>,
}

/// What is known of a version.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Info {
    pub(super) key: String,
    pub(super) version: Name,
    pub(super) is_latest: bool,
    pub(super) is_marker: bool,
    pub(super) size: u64,
    /// Empty for a delete marker, as all that follows is.
    pub(super) etag: String,
    pub(super) modified: i64,
    pub(super) class: &'static str,
    pub(super) tags: Pairs,
    pub(super) user: Pairs,
    pub(super) retention: Option<Retained>,
    pub(super) hold: Option<bool>,
    pub(super) parts: Option<u32>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page<E> {
    pub(super) entries: Vec<E>,
    pub(super) prefixes: Vec<String>,
    pub(super) is_truncated: bool,
}

impl<E> Default for Page<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), prefixes: Vec::new(), is_truncated: false }
    }
}

/// A part: its number, its size, its entity tag, when it came.
pub(super) type Part = (u32, u64, String, i64);

/// An upload in a list: its key, which of all begun it is, and when it was begun.
pub(super) type Begun = (String, usize, i64);

/// Objects, their bytes, noncurrent versions, their bytes, delete markers, uploads, their bytes.
pub(super) type Numbers = [u64; 7];
