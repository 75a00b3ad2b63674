//! Rows: one ordered map of byte strings.

use super::{
    Fixture,
    shorthand::{EVERYTHING, batch, bytes, commit, put, row, scan, value},
};
use crate::dice::Dice;
use bytes::Bytes;
use cistern_storage_core::port::{
    BackendError, Batch, CommitError, Durability, KeyRange, Op, Order, Row, Step, Value,
};
use std::{collections::BTreeMap, ops::Bound};

const KEY_BYTES_MAX: usize = 8 << 10;
const VALUE_BYTES_MAX: usize = 4 << 20;

/// A row reads as the last commit left it: new, replaced, or not there.
pub(super) fn a_row_is_what_was_last_put(store: Fixture) {
    assert_eq!(row(&*store, "row"), None);
    put(&*store, "row", "first");
    assert_eq!(row(&*store, "row"), Some(bytes("first")));
    put(&*store, "row", "second");
    assert_eq!(row(&*store, "row"), Some(bytes("second")));
    let mut away = batch();
    away.delete(bytes("row"));
    away.delete(bytes("never there"));
    commit(&*store, away);
    assert_eq!(row(&*store, "row"), None);
    assert_eq!(scan(&*store, EVERYTHING), []);
}

/// A row with an empty value is there.
pub(super) fn an_empty_value_is_a_value(store: Fixture) {
    put(&*store, "empty", "");
    assert_eq!(row(&*store, "empty"), Some(Bytes::new()));
    assert_eq!(scan(&*store, EVERYTHING).len(), 1);
}

/// A value is read back, and held to, as the bytes of its head and those behind it.
pub(super) fn a_value_is_its_bytes_wherever_it_is_cut(store: Fixture) {
    for head in [0, 1, 4, 5] {
        let whole = bytes("value");
        let mut one = batch();
        one.put(bytes("row"), Value::joined(&whole[..head], whole.slice(head..)));
        commit(&*store, one);
        assert_eq!(row(&*store, "row"), Some(whole.clone()), "cut at {head}");
        assert!(scan(&*store, EVERYTHING).iter().all(|row| row.value.is(&whole)), "cut at {head}");
        let mut same = batch();
        same.unchanged(bytes("row"), Some(Value::joined(&whole[..2], whole.slice(2..))));
        commit(&*store, same);
    }
}

/// Keys may hold any bytes and begin with any byte; each is a key of its own, in its place.
pub(super) fn a_key_may_hold_any_bytes(store: Fixture) {
    let mut keys: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    for byte in [0x00, 0x01, 0x2f, 0x7f, 0x80, 0xfe, 0xff] {
        for other in [0x00, 0x01, 0x80, 0xff] {
            keys.push(vec![byte, other]);
            keys.push(vec![byte, other, 0x00]);
            keys.push(vec![byte, other, 0xff, 0xff]);
        }
    }
    let mut all = batch();
    keys.iter().rev().for_each(|key| all.put(bytes(key), bytes(key)));
    commit(&*store, all);
    keys.sort();
    let rows = scan(&*store, EVERYTHING);
    assert!(rows.iter().all(|row| row.value.is(&row.key)), "each value under its key");
    assert_eq!(rows.iter().map(|row| row.key.to_vec()).collect::<Vec<_>>(), keys);
    keys.iter().for_each(|key| assert_eq!(row(&*store, key), Some(bytes(key))));
}

/// Every kind of bound, at both ends, both ways, with every limit, gives what a plain map gives.
pub(super) fn a_scan_keeps_to_its_bounds_order_and_limit(store: Fixture) {
    let keys: [&[u8]; 9] =
        [b"\x01", b"a", b"a\x00", b"a\x00\xff", b"a\xff", b"b", b"b/c", b"\xff", b"\xff\xff"];
    let absent: [&[u8]; 4] = [b"\x01\x00", b"aa", b"b/", b"\xff\x01"];
    let mut all = batch();
    keys.iter().for_each(|key| all.put(bytes(key), bytes([key, &b"!"[..]].concat())));
    commit(&*store, all);
    let map: BTreeMap<Bytes, Bytes> =
        keys.iter().map(|key| (bytes(key), bytes([key, &b"!"[..]].concat()))).collect();
    let mut bounds = vec![Bound::Unbounded];
    for key in keys.iter().chain(&absent) {
        bounds.extend([Bound::Included(*key), Bound::Excluded(*key)]);
    }
    for start in &bounds {
        for end in &bounds {
            let range = KeyRange { start: *start, end: *end };
            for order in [Order::Forward, Order::Reverse] {
                for limit in [0, 1, 2, 5, keys.len(), usize::MAX] {
                    let rows = store.scan(range, order, limit).expect("scans");
                    assert_eq!(
                        rows,
                        model(&map, range, order, limit),
                        "{range:?} {order:?} {limit}"
                    );
                }
            }
        }
    }
}

/// The rows of a plain map, by looking at every one.
fn model(
    map: &BTreeMap<Bytes, Bytes>,
    range: KeyRange<'_>,
    order: Order,
    limit: usize,
) -> Vec<Row> {
    let within = map.iter().filter(|(key, _)| range.contains(key));
    let mut rows: Vec<Row> =
        within.map(|(key, value)| Row { key: key.clone(), value: value.clone().into() }).collect();
    if order == Order::Reverse {
        rows.reverse();
    }
    rows.truncate(limit);
    rows
}

/// Thousands of rows, walked page by page from either end, come each once.
pub(super) fn pages_of_a_scan_join_without_a_gap(store: Fixture) {
    let dice = Dice::new(30);
    let mut map = BTreeMap::new();
    while map.len() < 3000 {
        let mut some = batch();
        for _ in 0..100 {
            let key = dice.bytes(1 + dice.index(12));
            map.insert(key.clone(), key.clone());
            some.put(key.clone(), key);
        }
        commit(&*store, some);
    }
    for order in [Order::Forward, Order::Reverse] {
        let mut seen: Vec<Row> = Vec::new();
        loop {
            let last = seen.last().map(|row| row.key.clone());
            let edge = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let range = match order {
                Order::Forward => KeyRange { start: edge, ..EVERYTHING },
                Order::Reverse => KeyRange { end: edge, ..EVERYTHING },
            };
            let page = store.scan(range, order, 97).expect("scans");
            let is_last = page.len() < 97;
            seen.extend(page);
            if is_last {
                break;
            }
        }
        assert!(seen == model(&map, EVERYTHING, order, usize::MAX), "all rows, {order:?}");
    }
}

/// A walk shows what a scan gives, up to where it is stopped; after a jump, what one from there gives.
pub(super) fn a_walk_goes_on_where_it_is_told(store: Fixture) {
    let dice = Dice::new(33);
    let key = |dice: &Dice| bytes(format!("{:02}/{:03}", dice.below(40), dice.below(200)));
    let mut map = BTreeMap::new();
    while map.len() < 2000 {
        let mut some = batch();
        for _ in 0..100 {
            let key = key(&dice);
            map.insert(key.clone(), bytes([&key[..], b"!"].concat()));
            some.put(key.clone(), map[&key].clone());
        }
        commit(&*store, some);
    }
    for _ in 0..300 {
        let (one, other) = (key(&dice), key(&dice));
        let bounds = [Bound::Unbounded, Bound::Included(&one[..]), Bound::Excluded(&one[..])];
        let range = KeyRange { start: bounds[dice.index(3)], end: Bound::Excluded(&other) };
        let mut expected = model(&map, range, Order::Forward, usize::MAX).into_iter().peekable();
        let (mut left, mut stopped) = (1 + dice.index(300), false);
        let walked = store.walk(range, &mut |shown, value| {
            assert!(!stopped, "{shown:?} is shown to a walk that was stopped");
            let row = expected.next().expect("no more rows than there are");
            assert_eq!(
                (shown, value.whole().into_owned()),
                (&row.key[..], row.value.to_bytes().to_vec())
            );
            left -= 1;
            stopped = left == 0;
            match dice.below(8) {
                _ if stopped => Step::Stop,
                // As often back as ahead.
                0 => {
                    let to = key(&dice);
                    while expected.next_if(|row| row.key < to).is_some() {}
                    Step::Jump(to)
                }
                _ => Step::Next,
            }
        });
        walked.expect("walks");
        assert!(stopped || expected.next().is_none(), "it goes on to the end");
    }
}

/// A key of 8 KiB and a value of 4 MiB are allowed; one byte more is refused by name, and nothing
/// of its batch happens.
pub(super) fn a_row_over_its_limits_is_refused(store: Fixture) {
    let key = Bytes::from(vec![b'k'; KEY_BYTES_MAX]);
    let value = Bytes::from(vec![b'v'; VALUE_BYTES_MAX]);
    put(&*store, &key, "long key");
    put(&*store, "long value", &value);
    assert_eq!(row(&*store, &key), Some(bytes("long key")));
    assert!(row(&*store, "long value") == Some(value.clone()), "the largest value reads back");
    let stamped_prefix = Bytes::from(vec![b's'; KEY_BYTES_MAX - 8 - 3]);
    let mut fits = batch();
    fits.ops.push(stamped(stamped_prefix.clone(), bytes("end")));
    let position = commit(&*store, fits);
    let stamped_key = [&stamped_prefix[..], &position.0.to_be_bytes(), b"end"].concat();
    assert_eq!(row(&*store, stamped_key), Some(bytes("value")));

    let put_op =
        |key: &[u8], value: &Bytes| Op::Put { key: bytes(key), value: value.clone().into() };
    let longer_key = [&key[..], b"k"].concat();
    let longer_value = Bytes::from(vec![b'v'; VALUE_BYTES_MAX + 1]);
    refused(&store, put_op(&longer_key, &bytes("v")), ("key", KEY_BYTES_MAX));
    refused(&store, put_op(b"row", &longer_value), ("value", VALUE_BYTES_MAX));
    refused(&store, stamped(stamped_prefix.clone(), bytes("end!")), ("key", KEY_BYTES_MAX));
    let op = Op::PutStamped { prefix: bytes("s"), suffix: bytes(""), value: longer_value.into() };
    refused(&store, op, ("value", VALUE_BYTES_MAX));
}

fn stamped(prefix: Bytes, suffix: Bytes) -> Op {
    Op::PutStamped { prefix, suffix, value: value("value") }
}

#[track_caller]
fn refused(store: &Fixture, op: Op, (expected_what, expected_limit): (&str, usize)) {
    let before = (store.position(), scan(&**store, EVERYTHING).len());
    let mut bad = batch();
    bad.put(bytes("before it"), bytes("value"));
    bad.ops.push(op);
    bad.add(bytes("count"), 1);
    match store.commit(bad) {
        Err(CommitError::Backend(BackendError::RowTooLarge { what, len, limit })) => {
            assert_eq!((what, len, limit), (expected_what, expected_limit + 1, expected_limit));
        }
        other => panic!("a {expected_what} over its limit is answered by {other:?}"),
    }
    assert_eq!((store.position(), scan(&**store, EVERYTHING).len()), before, "nothing happened");
    assert_eq!(store.counter(b"count"), 0, "nothing was counted");
}

/// Through a thousand commits of chance, rows and counters are those of two plain maps.
pub(super) fn a_thousand_random_commits_agree_with_a_map(store: Fixture) {
    let dice = Dice::new(31);
    let key = |dice: &Dice| bytes(format!("{:02}/{}", dice.below(12), dice.below(8)));
    let (mut rows, mut counters) = (BTreeMap::new(), BTreeMap::<Bytes, i64>::new());
    for round in 0..1000 {
        let levels = [Durability::Memory, Durability::Os, Durability::Synced];
        let mut some = Batch::new(levels[dice.index(3)]);
        for _ in 0..dice.below(6) {
            let key = key(&dice);
            if dice.below(3) == 0 {
                rows.remove(&key);
                some.delete(key);
            } else {
                let value = dice.bytes(dice.index(40));
                rows.insert(key.clone(), value.clone());
                some.put(key, value);
            }
        }
        if dice.below(2) == 0 {
            let (key, delta) = (key(&dice), 5 - i64::try_from(dice.below(11)).expect("small"));
            *counters.entry(key.clone()).or_default() += delta;
            some.add(key, delta);
        }
        commit(&*store, some);
        if round % 10 == 0 {
            let (one, other) = (key(&dice), key(&dice));
            let range = KeyRange::between(&one, &other);
            let order = if dice.below(2) == 0 { Order::Forward } else { Order::Reverse };
            let limit = dice.index(30);
            let found = store.scan(range, order, limit).expect("scans");
            assert_eq!(found, model(&rows, range, order, limit), "after {round} commits");
            assert_eq!(row(&*store, &one), rows.get(&one).cloned(), "after {round} commits");
        }
    }
    assert_eq!(scan(&*store, EVERYTHING), model(&rows, EVERYTHING, Order::Forward, usize::MAX));
    counters.retain(|_, count| *count != 0);
    assert_eq!(store.counters(b""), counters.into_iter().collect::<Vec<_>>());
}
