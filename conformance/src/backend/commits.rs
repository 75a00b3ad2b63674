//! Commits: whole or nothing, on conditions, in one order.

use super::{
    Fixture,
    shorthand::{
        EVERYTHING, assert_conflict, batch, bytes, commit, put, row, scan, scan_prefix, value,
    },
};
use bytes::Bytes;
use cistern_storage_core::port::{Batch, CommitError, Durability, Op, Position, Precondition};
use parking_lot::Mutex;
use std::sync::Arc;

/// A batch of many changes happens as one.
pub(super) fn a_commit_applies_everything_it_lists(store: Fixture) {
    put(&*store, "old", "value");
    let mut all = batch();
    (0..500).for_each(|index| all.put(bytes(format!("row {index:03}")), bytes(format!("{index}"))));
    all.delete(bytes("old"));
    all.add(bytes("count"), 500);
    commit(&*store, all);
    let rows = scan(&*store, EVERYTHING);
    assert_eq!(rows.len(), 500);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.key, format!("row {index:03}"));
        assert_eq!(row.value, value(format!("{index}")));
    }
    assert_eq!(store.counter(b"count"), 500);
}

/// An empty batch is a commit.
pub(super) fn an_empty_batch_commits(store: Fixture) {
    let first = commit(&*store, batch());
    assert!(commit(&*store, batch()) > first);
    assert_eq!(scan(&*store, EVERYTHING), []);
}

/// Of several ops on one key the last one counts.
pub(super) fn a_later_op_on_a_key_wins(store: Fixture) {
    put(&*store, "there", "before");
    let mut all = batch();
    for key in ["new", "there"] {
        all.put(bytes(key), bytes("first"));
        all.delete(bytes(key));
        all.put(bytes(key), bytes("last"));
    }
    all.put(bytes("gone"), bytes("first"));
    all.delete(bytes("gone"));
    all.delete(bytes("gone"));
    commit(&*store, all);
    assert_eq!(row(&*store, "new"), Some(bytes("last")));
    assert_eq!(row(&*store, "there"), Some(bytes("last")));
    assert_eq!(row(&*store, "gone"), None);
    assert_eq!(scan(&*store, EVERYTHING).len(), 2);
}

/// `Unchanged` holds for exactly the bytes that are there, or for nothing where nothing is.
pub(super) fn unchanged_holds_for_what_is_there_and_nothing_else(store: Fixture) {
    put(&*store, "row", "value");
    put(&*store, "empty", "");
    put(&*store, "gone", "value");
    let mut away = batch();
    away.delete(bytes("gone"));
    commit(&*store, away);
    let cases: [(&str, Option<&str>, bool); 13] = [
        ("row", Some("value"), true),
        ("row", Some("valu"), false),
        ("row", Some("value!"), false),
        ("row", Some(""), false),
        ("row", None, false),
        ("empty", Some(""), true),
        ("empty", None, false),
        ("empty", Some("value"), false),
        ("gone", None, true),
        ("gone", Some("value"), false),
        ("absent", None, true),
        ("absent", Some(""), false),
        ("absent", Some("value"), false),
    ];
    for (key, seen, holds) in cases {
        let mut one = batch();
        one.unchanged(bytes(key), seen.map(value));
        one.add(bytes("count"), 1);
        let outcome = store.commit(one).map(|ticket| ticket.wait().expect("is published"));
        match outcome {
            Ok(()) => assert!(holds, "{key} is not {seen:?}"),
            Err(CommitError::Conflict { index: 0 }) => assert!(!holds, "{key} is {seen:?}"),
            Err(other) => panic!("unexpected: {other}"),
        }
    }
    assert_eq!(store.counter(b"count"), 4);
}

/// `RangeEmpty` looks from its start, inclusive, to its end, exclusive.
pub(super) fn range_empty_looks_from_its_start_up_to_its_end(store: Fixture) {
    put(&*store, "b", "");
    put(&*store, "d", "");
    put(&*store, "gone", "");
    let mut away = batch();
    away.delete(bytes("gone"));
    commit(&*store, away);
    let cases: [(&[u8], &[u8], bool); 12] = [
        (b"a", b"b", true),
        (b"a", b"b\x00", false),
        (b"b", b"c", false),
        (b"b\x00", b"d", true),
        (b"c", b"d\x00", false),
        (b"a", b"z", false),
        (b"d\x00", b"\xff\xff", true),
        (b"f", b"h", true),
        (b"b", b"b", true),
        (b"e", b"a", true),
        (b"\x01", b"\xff", false),
        (b"d", b"d\x00", false),
    ];
    for (start, end, holds) in cases {
        let mut one = batch();
        one.preconditions.push(Precondition::RangeEmpty { start: bytes(start), end: bytes(end) });
        match store.commit(one).map(|ticket| ticket.wait().expect("is published")) {
            Ok(()) => assert!(holds, "there is a row in {start:?}..{end:?}"),
            Err(CommitError::Conflict { index: 0 }) => {
                assert!(!holds, "{start:?}..{end:?} is empty");
            }
            Err(other) => panic!("unexpected: {other}"),
        }
    }
}

/// A conflict names a precondition that does not hold, counted from 0.
pub(super) fn a_conflict_tells_which_precondition_failed(store: Fixture) {
    put(&*store, "row", "value");
    for failing in 0..5 {
        let mut one = batch();
        for index in 0..5 {
            if index % 2 == 0 {
                let seen = if index == failing { "other" } else { "value" };
                one.unchanged(bytes("row"), Some(value(seen)));
            } else {
                let (start, end) = if index == failing { ("r", "s") } else { ("x", "y") };
                let (start, end) = (bytes(start), bytes(end));
                one.preconditions.push(Precondition::RangeEmpty { start, end });
            }
        }
        assert_conflict(&*store, one, failing);
    }
    let mut several = batch();
    for seen in ["value", "other", "value", "another"] {
        several.unchanged(bytes("row"), Some(value(seen)));
    }
    match store.commit(several) {
        Err(CommitError::Conflict { index }) => assert!(index == 1 || index == 3, "{index} holds"),
        other => panic!("two failing preconditions are answered by {other:?}"),
    }
}

/// After a conflict everything is as it was.
pub(super) fn a_conflict_changes_nothing(store: Fixture) {
    put(&*store, "row", "value");
    let position = store.position();
    let told = Arc::new(Mutex::new(0));
    let teller = Arc::clone(&told);
    let mut bad = Batch { on_publish: Some(Box::new(move |_| *teller.lock() += 1)), ..batch() };
    bad.put(bytes("row"), bytes("after"));
    bad.put(bytes("new"), bytes("after"));
    bad.ops.push(Op::PutStamped { prefix: bytes("s"), suffix: bytes(""), value: value("after") });
    bad.unchanged(bytes("row"), Some(value("value")));
    bad.unchanged(bytes("row"), None);
    assert_conflict(&*store, bad, 1);
    assert_eq!(scan(&*store, EVERYTHING).len(), 1);
    assert_eq!(row(&*store, "row"), Some(bytes("value")));
    assert_eq!(store.position(), position);
    assert_eq!(*told.lock(), 0, "a conflict is not published");
}

/// Preconditions see the rows as earlier commits leave them, not what their own batch does.
pub(super) fn preconditions_look_before_the_batch(store: Fixture) {
    put(&*store, "row", "before");
    let mut one = batch();
    one.put(bytes("row"), bytes("after"));
    one.put(bytes("new"), bytes("after"));
    one.unchanged(bytes("row"), Some(value("before")));
    one.unchanged(bytes("new"), None);
    one.preconditions.push(Precondition::RangeEmpty { start: bytes("n"), end: bytes("o") });
    commit(&*store, one);
    assert_eq!(row(&*store, "new"), Some(bytes("after")));
}

/// Preconditions count what was committed and is not yet waited for; and when it makes one fail, it
/// can be read by the time the caller hears of it.
pub(super) fn preconditions_see_commits_that_nobody_waited_for(store: Fixture) {
    for durability in [Durability::Memory, Durability::Os, Durability::Synced] {
        put(&*store, "row", "first");
        let mut second = Batch::new(durability);
        second.put(bytes("row"), bytes("second"));
        second.put(bytes("range/new"), bytes("second"));
        let second = store.commit(second).expect("commits");

        let mut stale = Batch::new(durability);
        stale.unchanged(bytes("row"), Some(value("first")));
        assert_conflict(&*store, stale, 0);
        assert_eq!(row(&*store, "row"), Some(bytes("second")), "what made it fail can be read");

        let mut stale = Batch::new(durability);
        stale
            .preconditions
            .push(Precondition::RangeEmpty { start: bytes("range/"), end: bytes("range0") });
        assert_conflict(&*store, stale, 0);

        let mut third = Batch::new(durability);
        third.unchanged(bytes("row"), Some(value("second")));
        third.put(bytes("row"), bytes("third"));
        third.delete(bytes("range/new"));
        let third = store.commit(third).expect("sees what the commit before it leaves");
        let mut fourth = Batch::new(durability);
        fourth.unchanged(bytes("row"), Some(value("third")));
        fourth.unchanged(bytes("range/new"), None);
        fourth
            .preconditions
            .push(Precondition::RangeEmpty { start: bytes("range/"), end: bytes("range0") });
        let fourth = store.commit(fourth).expect("sees what the commits before it leave");
        assert!(second.position() < third.position());
        assert!(third.position() < fourth.position());
        for ticket in [fourth, third, second] {
            ticket.wait().expect("is published");
        }
        assert_eq!(row(&*store, "row"), Some(bytes("third")));
    }
}

/// Positions grow from commit to commit, and are told alike by ticket, callback and backend.
pub(super) fn positions_grow(store: Fixture) {
    let mut last = store.position();
    for _ in 0..100 {
        let told = Arc::new(Mutex::new(None));
        let teller = Arc::clone(&told);
        let tell = move |position| *teller.lock() = Some(position);
        let position = commit(&*store, Batch { on_publish: Some(Box::new(tell)), ..batch() });
        assert!(position > last, "{position:?} follows {last:?}");
        assert_eq!(*told.lock(), Some(position), "what the callback was told");
        assert_eq!(store.position(), position, "the position of the last published commit");
        last = position;
    }
}

/// Stamped rows carry their commit's position between prefix and suffix, and so sort by commit.
pub(super) fn stamped_rows_sort_in_the_order_of_commits(store: Fixture) {
    let mut expected = Vec::new();
    for round in 0..300 {
        let mut one = batch();
        for suffix in ["\x00", "a", "b"] {
            let (prefix, suffix) = (bytes("feed/"), bytes(suffix));
            one.ops.push(Op::PutStamped { prefix, suffix, value: value(format!("{round}")) });
        }
        let position = commit(&*store, one);
        for suffix in ["\x00", "a", "b"] {
            let key = [b"feed/", &position.0.to_be_bytes()[..], suffix.as_bytes()].concat();
            expected.push((Bytes::from(key), bytes(format!("{round}"))));
        }
    }
    let rows = scan_prefix(&*store, b"feed/");
    assert!(
        rows.into_iter().map(|row| (row.key, row.value.into_bytes())).eq(expected),
        "rows by commit"
    );
    let bare = Op::PutStamped { prefix: Bytes::new(), suffix: Bytes::new(), value: value("bare") };
    let position = commit(&*store, Batch { ops: vec![bare].into(), ..batch() });
    assert_eq!(row(&*store, position.0.to_be_bytes()), Some(bytes("bare")));
}

/// Callbacks come once a commit, in the order of commits, whatever thread commits.
pub(super) fn publication_is_told_once_and_in_order(store: Fixture) {
    const THREADS: usize = 4;
    const EACH: usize = 150;
    let told: Arc<Mutex<Vec<Position>>> = Arc::default();
    let backend = store.share();
    let mut waited: Vec<Position> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (told, backend) = (&told, &backend);
                scope.spawn(move || {
                    let commit_one = |round: usize| {
                        let teller = Arc::clone(told);
                        let levels = [Durability::Memory, Durability::Os, Durability::Synced];
                        let mut one = Batch::new(levels[(round + thread) % 3]);
                        one.on_publish = Some(Box::new(move |at| teller.lock().push(at)));
                        one.put(bytes(format!("{thread}")), bytes(format!("{round}")));
                        let position = commit(&**backend, one);
                        assert!(told.lock().contains(&position), "told by the time it is waited");
                        position
                    };
                    (0..EACH).map(commit_one).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    waited.sort();
    assert_eq!(*told.lock(), waited, "each once, in order");
    waited.dedup();
    assert_eq!(waited.len(), THREADS * EACH, "no position twice");
}
