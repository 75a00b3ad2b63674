//! Counters: numbers beside the rows, added to by commits.

use super::{
    Fixture,
    shorthand::{assert_conflict, batch, bytes, commit, put, row, value},
};
use bytes::Bytes;

const NONE: [Bytes; 0] = [];

fn add(store: &Fixture, adds: &[(&[u8], i64)]) {
    let mut some = batch();
    some.adds = adds.iter().map(|(key, delta)| (bytes(key), *delta)).collect();
    commit(&**store, some);
}

/// A counter is the sum of what was added to it; 0 before.
pub(super) fn a_counter_is_the_sum_of_what_was_added(store: Fixture) {
    assert_eq!(store.counter(b"count"), 0);
    add(&store, &[(b"count", 5)]);
    add(&store, &[(b"count", -7), (b"count", 1), (b"other", 3)]);
    assert_eq!(store.counter(b"count"), -1);
    assert_eq!(store.counter(b"other"), 3);
    add(&store, &[(b"large", i64::MAX - 1), (b"count", 0)]);
    add(&store, &[(b"large", 1), (b"small", i64::MIN)]);
    assert_eq!(store.counter(b"large"), i64::MAX);
    assert_eq!(store.counter(b"small"), i64::MIN);
    assert_eq!(store.counter(b"count"), -1);
}

/// Counters are listed by prefix, in byte order, and never those which are 0.
pub(super) fn counters_are_listed_in_byte_order_without_zeros(store: Fixture) {
    let keys: [&[u8]; 8] =
        [b"\x00", b"a", b"a\x00", b"a/b", b"a\xff", b"a\xff\xff", b"b", b"\xff\xff"];
    for (delta, key) in (1..).zip(keys.iter().rev()) {
        add(&store, &[(key, delta)]);
    }
    let listed = |prefix: &[u8]| -> Vec<Bytes> {
        store.counters(prefix).into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(listed(b""), keys.map(bytes));
    assert_eq!(listed(b"a"), keys[1..6].iter().map(bytes).collect::<Vec<_>>());
    assert_eq!(listed(b"a\xff"), keys[4..6].iter().map(bytes).collect::<Vec<_>>());
    assert_eq!(listed(b"\xff"), [bytes(b"\xff\xff")]);
    assert_eq!(listed(b"c"), NONE);
    assert_eq!(store.counters(b"a/b"), [(bytes("a/b"), 5)]);
    add(&store, &[(b"a/b", -5), (b"never", 0), (b"b", 1), (b"b", -1)]);
    assert_eq!(listed(b"a/"), NONE, "what came back to 0 is not listed");
    assert_eq!(listed(b"n"), NONE, "what never left 0 is not listed");
    assert_eq!(store.counter(b"a/b"), 0);
    assert_eq!(listed(b"").len(), keys.len() - 1);
}

/// Counters change with their commit, or not at all.
pub(super) fn a_conflict_counts_nothing(store: Fixture) {
    add(&store, &[(b"count", 2)]);
    let mut bad = batch();
    bad.unchanged(bytes("row"), Some(value("never")));
    bad.add(bytes("count"), 1);
    bad.add(bytes("new"), 1);
    assert_conflict(&*store, bad, 0);
    assert_eq!(store.counters(b""), [(bytes("count"), 2)]);
}

/// A counter and a row may have the same key, and nothing else in common.
pub(super) fn a_counter_and_a_row_may_share_a_key(store: Fixture) {
    put(&*store, "key", "value");
    add(&store, &[(b"key", 4)]);
    assert_eq!(row(&*store, "key"), Some(bytes("value")));
    let mut away = batch();
    away.delete(bytes("key"));
    commit(&*store, away);
    assert_eq!(store.counter(b"key"), 4);
    assert_eq!(row(&*store, "key"), None);
}
