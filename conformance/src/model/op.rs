//! `Op`: one call, and how calls are made by chance: few buckets, few keys, so that they meet.

use cistern_storage_core::{ByteRange, RetentionMode, StorageClass, Versioning};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};

pub(super) type Text = &'static str;

pub(super) const BUCKETS: &[Text] = &["first", "second"];
/// Keys around a delimiter, around a prefix, and on both sides of them by bytes.
pub(super) const KEYS: &[Text] = &["a", "a/b", "a/c/d", "a/", "a0", "b", "\u{e9}/x"];
const PREFIXES: &[Text] = &["", "a", "a/", "b", "\u{e9}", "nothing"];
const DELIMITERS: &[Text] = &["", "/", "b", "/c"];
const TAGS: &[Text] = &["", "colour", "shape"];

/// One call.
#[derive(Clone, Debug)]
pub(super) enum Op {
    CreateBucket {
        bucket: Text,
        lock: bool,
    },
    DeleteBucket {
        bucket: Text,
    },
    ListBuckets,
    SetVersioning {
        bucket: Text,
        versioning: Versioning,
    },
    Put {
        at: Place,
        body: Content,
        condition: Condition,
        extras: Extras,
    },
    Get {
        at: Place,
        which: Which,
        range: Option<ByteRange>,
        part: Option<u32>,
        when: When,
    },
    Head {
        at: Place,
        which: Which,
        when: When,
    },
    Delete {
        at: Place,
        which: Which,
        condition: DeleteWhen,
        bypass: bool,
    },
    DeleteMany {
        bucket: Text,
        entries: Vec<(Text, Which)>,
    },
    Copy {
        from: Place,
        which: Which,
        when: When,
        to: Place,
        condition: Condition,
        extras: CopyExtras,
    },
    Rename {
        from: Place,
        to: Text,
        condition: Condition,
    },
    Append {
        at: Place,
        offset: Offset,
        body: Content,
    },
    Tags {
        at: Place,
        which: Which,
    },
    SetTags {
        at: Place,
        which: Which,
        tag: Text,
    },
    SetRetention {
        at: Place,
        which: Which,
        retention: Option<Retain>,
        bypass: bool,
    },
    Retention {
        at: Place,
        which: Which,
    },
    SetHold {
        at: Place,
        which: Which,
        on: bool,
    },
    Hold {
        at: Place,
        which: Which,
    },
    List {
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        max: u32,
    },
    ListVersions {
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        max: u32,
    },
    BeginUpload {
        at: Place,
        extras: Extras,
    },
    PutPart {
        upload: usize,
        number: u32,
        body: Content,
    },
    CopyPart {
        upload: usize,
        number: u32,
        from: Place,
        which: Which,
        range: Option<ByteRange>,
    },
    Complete {
        upload: usize,
        list: PartList,
        condition: Condition,
    },
    Abort {
        upload: usize,
    },
    ListParts {
        upload: usize,
        max: u32,
    },
    ListUploads {
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        max: u32,
    },
    Advance {
        millis: u64,
    },
    /// Close the store and open it again, where the medium allows it.
    Reopen,
    /// Lose power and open what is left, where the medium can: everything acknowledged is.
    CutPower,
}

/// Which parts a completion lists.
#[derive(Clone, Copy, Debug)]
pub(super) enum PartList {
    /// Those that are there; of a completed upload, those it was completed with.
    All,
    AllButTheFirst,
    Reversed,
    WithAWrongTag,
    WithOneMore,
    Nothing,
}

/// A bucket and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: Text,
    pub(super) key: Text,
}

/// Which version is named.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    Current,
    Null,
    /// One of those that the key has, if it has any; else one of all.
    OfKey(usize),
    /// One that was given at some time, to any key: mostly of another, or gone.
    Any(usize),
}

/// A body: so many bytes that follow from a seed. Some are kept in rows, others in blobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) seed: u8,
    pub(super) len: usize,
}

impl Content {
    pub(super) fn bytes(self) -> Vec<u8> {
        let step = u64::from(self.seed) * 2 + 1;
        let at = |index: u64| (index.wrapping_mul(step).wrapping_add(index >> 8)).to_le_bytes()[0];
        (0..self.len as u64).map(at).collect()
    }
}

/// When to write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    None,
    IfAbsent,
    /// If the entity tag is that of the current version, or of nothing.
    IfMatch(Tag),
}

/// When to delete.
#[derive(Clone, Copy, Debug)]
pub(super) enum DeleteWhen {
    Always,
    IfExists,
    IfMatch(Tag),
}

/// An entity tag to compare with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tag {
    Current,
    Other,
}

/// When to read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct When {
    pub(super) if_match: Option<Tag>,
    pub(super) if_none_match: Option<Tag>,
    /// Milliseconds from now.
    pub(super) modified_since: Option<i64>,
    pub(super) unmodified_since: Option<i64>,
}

/// What a put brings with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extras {
    pub(super) class: StorageClass,
    pub(super) tag: Text,
    pub(super) user: bool,
    pub(super) retention: Option<Retain>,
    pub(super) hold: Option<bool>,
}

/// What a copy changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct CopyExtras {
    pub(super) class: Option<StorageClass>,
    pub(super) tag: Option<Text>,
    pub(super) user: Option<bool>,
}

/// A retention, its date told from now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retain {
    pub(super) mode: RetentionMode,
    pub(super) millis: i64,
}

/// Where an append begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offset {
    Zero,
    End,
    Beyond,
}

pub(super) fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    (beginning(), vec(any_op(), 1..=most)).prop_map(|(mut begin, ops)| {
        begin.extend(ops);
        begin
    })
}

/// Buckets to work in, or most calls of a run are refused: plain, versioned or locked.
pub(super) fn beginning() -> impl Strategy<Value = Vec<Op>> {
    let create = |bucket, lock| Op::CreateBucket { bucket, lock };
    let version = |bucket, versioning| Op::SetVersioning { bucket, versioning };
    let (first, second) = (BUCKETS[0], BUCKETS[1]);
    let enabled = Versioning::Enabled;
    select(vec![
        vec![create(first, false)],
        vec![create(first, false), create(second, true)],
        vec![create(first, false), version(first, enabled), create(second, false)],
        vec![create(first, false), version(first, Versioning::Suspended), create(second, true)],
        vec![create(first, true)],
        vec![create(first, true), create(second, true)],
        vec![create(first, true), create(second, false)],
    ])
}

pub(super) fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => about_buckets(),
        12 => about_writing(),
        9 => about_reading(),
        8 => about_deleting(),
        8 => about_moving(),
        4 => about_tags(),
        9 => about_locks(),
        6 => about_lists(),
        12 => about_uploads(),
        2 => select(vec![1_u64, 999, 1000, 60_000, 90_000_000])
            .prop_map(|millis| Op::Advance { millis }),
        1 => Just(Op::Reopen),
        1 => Just(Op::CutPower),
    ]
}

fn about_buckets() -> impl Strategy<Value = Op> {
    let versioning = vec![
        Versioning::Enabled,
        Versioning::Enabled,
        Versioning::Suspended,
        Versioning::Unversioned,
    ];
    prop_oneof![
        2 => (select(BUCKETS), any::<bool>())
            .prop_map(|(bucket, lock)| Op::CreateBucket { bucket, lock }),
        2 => select(BUCKETS).prop_map(|bucket| Op::DeleteBucket { bucket }),
        1 => Just(Op::ListBuckets),
        5 => (select(BUCKETS), select(versioning))
            .prop_map(|(bucket, versioning)| Op::SetVersioning { bucket, versioning }),
    ]
}

fn about_writing() -> impl Strategy<Value = Op> {
    let put = (place(), content(), condition(), extras())
        .prop_map(|(at, body, condition, extras)| Op::Put { at, body, condition, extras });
    let offset = select(vec![Offset::Zero, Offset::End, Offset::End, Offset::Beyond]);
    let append =
        (place(), offset, content()).prop_map(|(at, offset, body)| Op::Append { at, offset, body });
    prop_oneof![4 => put, 1 => append]
}

fn about_reading() -> impl Strategy<Value = Op> {
    let range = prop_oneof![
        (0..120_u64, 0..120_u64).prop_map(|(first, more)| ByteRange::FromTo(first, first + more)),
        (0..6000_u64).prop_map(ByteRange::From),
        (0..6000_u64).prop_map(ByteRange::Last),
    ];
    let part = prop_oneof![3 => Just(None), 1 => (0..4_u32).prop_map(Some)];
    prop_oneof![
        3 => (place(), which(), maybe(range), part, when())
            .prop_map(|(at, which, range, part, when)| Op::Get { at, which, range, part, when }),
        1 => (place(), which(), when()).prop_map(|(at, which, when)| Op::Head { at, which, when }),
    ]
}

fn about_deleting() -> impl Strategy<Value = Op> {
    let condition = prop_oneof![
        6 => Just(DeleteWhen::Always),
        1 => Just(DeleteWhen::IfExists),
        2 => tag().prop_map(DeleteWhen::IfMatch),
    ];
    prop_oneof![
        5 => (place(), which(), condition, seldom())
            .prop_map(|(at, which, condition, bypass)| Op::Delete { at, which, condition, bypass }),
        1 => (select(BUCKETS), vec((select(KEYS), which()), 0..4))
            .prop_map(|(bucket, entries)| Op::DeleteMany { bucket, entries }),
    ]
}

fn about_moving() -> impl Strategy<Value = Op> {
    let extras = (maybe(class()), maybe(select(TAGS)), maybe(any::<bool>()))
        .prop_map(|(class, tag, user)| CopyExtras { class, tag, user });
    prop_oneof![
        3 => (place(), which(), when(), place(), condition(), extras).prop_map(
            |(from, which, when, to, condition, extras)| {
                Op::Copy { from, which, when, to, condition, extras }
            }
        ),
        2 => (place(), select(KEYS), condition())
            .prop_map(|(from, to, condition)| Op::Rename { from, to, condition }),
    ]
}

fn about_tags() -> impl Strategy<Value = Op> {
    prop_oneof![
        (place(), which()).prop_map(|(at, which)| Op::Tags { at, which }),
        (place(), which(), select(TAGS)).prop_map(|(at, which, tag)| Op::SetTags {
            at,
            which,
            tag
        }),
    ]
}

fn about_locks() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (crowded(), which(), maybe(retain()), seldom()).prop_map(
            |(at, which, retention, bypass)| Op::SetRetention { at, which, retention, bypass }
        ),
        2 => (crowded(), which()).prop_map(|(at, which)| Op::Retention { at, which }),
        2 => (crowded(), which(), any::<bool>()).prop_map(|(at, which, on)| Op::SetHold { at, which, on }),
        2 => (crowded(), which()).prop_map(|(at, which)| Op::Hold { at, which }),
    ]
}

fn about_lists() -> impl Strategy<Value = Op> {
    let after = prop_oneof![3 => Just(""), 1 => select(KEYS), 1 => Just("a/c"), 1 => Just("z")];
    let list = (select(BUCKETS), select(PREFIXES), select(DELIMITERS), after, 0..5_u32);
    (list, any::<bool>()).prop_map(|((bucket, prefix, delimiter, after, max), versions)| {
        if versions {
            Op::ListVersions { bucket, prefix, delimiter, after, max }
        } else {
            Op::List { bucket, prefix, delimiter, after, max }
        }
    })
}

fn about_uploads() -> impl Strategy<Value = Op> {
    use PartList::{All, AllButTheFirst, Nothing, Reversed, WithAWrongTag, WithOneMore};
    let lists = vec![
        All,
        All,
        All,
        All,
        AllButTheFirst,
        Reversed,
        Reversed,
        WithAWrongTag,
        WithOneMore,
        Nothing,
    ];
    let number = || prop_oneof![8 => 1..4_u32, 1 => Just(0), 1 => Just(10_000), 1 => Just(10_001)];
    let upload = any::<u8>().prop_map(usize::from);
    let range = prop_oneof![
        3 => (0..120_u64, 0..5000_u64).prop_map(|(first, more)| ByteRange::FromTo(first, first + more)),
        1 => Just(ByteRange::FromTo(5, 4)),
        1 => (0..100_u64).prop_map(ByteRange::From),
    ];
    let list = (select(BUCKETS), select(PREFIXES), select(DELIMITERS));
    let after = prop_oneof![3 => Just(""), 1 => select(KEYS)];
    prop_oneof![
        4 => (crowded(), extras()).prop_map(|(at, extras)| Op::BeginUpload { at, extras }),
        14 => (upload.clone(), number(), content())
            .prop_map(|(upload, number, body)| Op::PutPart { upload, number, body }),
        3 => (upload.clone(), number(), place(), which(), maybe(range)).prop_map(
            |(upload, number, from, which, range)| {
                Op::CopyPart { upload, number, from, which, range }
            }
        ),
        7 => (upload.clone(), select(lists), prop_oneof![Just(Condition::IfAbsent), condition()])
            .prop_map(|(upload, list, condition)| Op::Complete { upload, list, condition }),
        1 => upload.clone().prop_map(|upload| Op::Abort { upload }),
        1 => (upload, 0..4_u32).prop_map(|(upload, max)| Op::ListParts { upload, max }),
        1 => (list, after, 0..4_u32).prop_map(|((bucket, prefix, delimiter), after, max)| {
            Op::ListUploads { bucket, prefix, delimiter, after, max }
        }),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let bucket = prop_oneof![4 => Just(BUCKETS[0]), 1 => Just(BUCKETS[1])];
    let key = prop_oneof![5 => Just(KEYS[0]), 2 => Just(KEYS[1]), 2 => select(KEYS)];
    (bucket, key).prop_map(|(bucket, key)| Place { bucket, key })
}

/// Mostly one key: locks and uploads show what they do when they meet.
fn crowded() -> impl Strategy<Value = Place> {
    prop_oneof![3 => Just(Place { bucket: BUCKETS[0], key: KEYS[0] }), 1 => place()]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        7 => Just(Which::Current),
        1 => Just(Which::Null),
        5 => any::<u8>().prop_map(|index| Which::OfKey(index.into())),
        1 => any::<u8>().prop_map(|index| Which::Any(index.into())),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    let len = select(vec![0, 1, 10, 100, 1023, 1025, 4096, 4097, 9000]);
    (0..4_u8, len).prop_map(|(seed, len)| Content { seed, len })
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        7 => Just(Condition::None),
        2 => Just(Condition::IfAbsent),
        2 => tag().prop_map(Condition::IfMatch),
    ]
}

fn tag() -> impl Strategy<Value = Tag> {
    select(vec![Tag::Current, Tag::Current, Tag::Other])
}

fn when() -> impl Strategy<Value = When> {
    let date = || maybe(select(vec![-90_000_000_i64, -1001, -1000, -1, 0, 1, 1000, 5000]));
    let some = (maybe(tag()), maybe(tag()), date(), date()).prop_map(
        |(if_match, if_none_match, modified_since, unmodified_since)| When {
            if_match,
            if_none_match,
            modified_since,
            unmodified_since,
        },
    );
    prop_oneof![3 => Just(When::default()), 1 => some]
}

fn class() -> impl Strategy<Value = StorageClass> {
    select(vec![StorageClass::Standard, StorageClass::StandardIa, StorageClass::GlacierIr])
}

fn extras() -> impl Strategy<Value = Extras> {
    let locked = (maybe(retain()), maybe(any::<bool>()));
    let lock = prop_oneof![3 => Just((None, None)), 1 => locked];
    (class(), select(TAGS), any::<bool>(), lock).prop_map(
        |(class, tag, user, (retention, hold))| Extras { class, tag, user, retention, hold },
    )
}

fn retain() -> impl Strategy<Value = Retain> {
    let mode = select(vec![RetentionMode::Governance, RetentionMode::Compliance]);
    let millis = select(vec![-1000_i64, 0, 1000, 80_000_000, 80_000_001, 200_000_000]);
    (mode, millis).prop_map(|(mode, millis)| Retain { mode, millis })
}

fn seldom() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.2)
}

fn maybe<T: Clone + std::fmt::Debug>(
    some: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.4, some)
}
