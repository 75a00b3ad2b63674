//! Reopening: what was synced is there.

use super::{
    Fixture,
    bodies::body,
    shorthand::{
        EVERYTHING, adopt, assert_gone, assert_holds, batch, bytes, commit, free, own, put, row,
        scan, scan_prefix, value, write,
    },
};
use bytes::Bytes;
use cistern_storage_core::port::{
    Backend, BackendError, Batch, BlobRef, Durability, Op, Position, Row,
};
use std::collections::BTreeSet;

/// Everything a store can hold, and what must be found of it.
struct Contents {
    rows: Vec<Row>,
    counters: Vec<(Bytes, i64)>,
    /// Blobs, their bytes and their number of owners.
    blobs: Vec<(BlobRef, Bytes, usize)>,
    freed: BlobRef,
    position: Position,
}

fn fill(store: &dyn Backend) -> Contents {
    let mut blobs = Vec::new();
    for (owners, len) in [0, 1, 513, 5000, 70_000, 1 << 20, 5 << 20].into_iter().enumerate() {
        let body = body(50, len);
        let blob = write(store, &body);
        adopt(store, &vec![blob; owners + 1]);
        blobs.push((blob, body, owners + 1));
    }
    let freed = own(store, &body(51, 3000));
    free(store, &[freed]);
    for round in 0..200_u16 {
        let mut one = batch();
        one.put(bytes(format!("row/{:03}", round * 7 % 150)), bytes(format!("{round}")));
        one.put(bytes([&[0xff], &round.to_be_bytes()[..]].concat()), bytes(""));
        one.delete(bytes(format!("row/{:03}", round * 11 % 150)));
        let (prefix, suffix) = (bytes("feed/"), Bytes::new());
        one.ops.push(Op::PutStamped { prefix, suffix, value: value(format!("{round}")) });
        one.add(bytes(format!("count/{}", round % 5)), i64::from(round) - 3);
        one.add(bytes("zero"), if round % 2 == 0 { 1 } else { -1 });
        commit(store, one);
    }
    put(store, "large", body(52, 300_000));
    let rows = scan(store, EVERYTHING);
    let counters = store.counters(b"");
    Contents { rows, counters, blobs, freed, position: store.position() }
}

fn assert_all_there(store: &dyn Backend, contents: &Contents) {
    assert!(scan(store, EVERYTHING) == contents.rows, "the rows are those before");
    assert_eq!(store.counters(b""), contents.counters);
    for (blob, body, _) in &contents.blobs {
        assert_holds(store, blob, body);
    }
    assert_gone(store, &contents.freed);
}

fn assert_owners(store: &dyn Backend, contents: &Contents) {
    for (blob, body, owners) in &contents.blobs {
        if let Some(all_but_one) = owners.checked_sub(1) {
            free(store, &vec![*blob; all_but_one]);
        }
        assert_holds(store, blob, body);
        free(store, &[*blob]);
        assert_gone(store, blob);
    }
}

/// After closing and opening again: rows, counters, blobs and their owners.
pub(super) fn what_was_synced_is_there_after_closing(mut store: Fixture) {
    let contents = fill(&*store);
    for _ in 0..3 {
        store.close_and_reopen();
        assert_all_there(&*store, &contents);
    }
    assert_owners(&*store, &contents);
}

/// The same when nobody closed: the process may go at any time.
pub(super) fn what_was_synced_is_there_without_closing(mut store: Fixture) {
    let contents = fill(&*store);
    for _ in 0..3 {
        store.drop_and_reopen();
        assert_all_there(&*store, &contents);
    }
    assert_owners(&*store, &contents);
}

/// Closing syncs also what asked for less, and what nobody waited for.
pub(super) fn closing_syncs_what_asked_for_less(mut store: Fixture) {
    let body = body(53, 5 << 20);
    let blob = write(&*store, &body);
    for level in [Durability::Memory, Durability::Os, Durability::Memory] {
        let mut one = Batch::new(level);
        one.put(bytes(format!("{level:?}")), bytes("value"));
        one.add(bytes("count"), 1);
        drop(store.commit(one).expect("commits"));
    }
    let last = Batch { adopts: vec![blob], ..Batch::new(Durability::Memory) };
    drop(store.commit(last).expect("commits"));
    store.close_and_reopen();
    assert_eq!(row(&*store, "Memory"), Some(bytes("value")));
    assert_eq!(row(&*store, "Os"), Some(bytes("value")));
    assert_eq!(store.counter(b"count"), 3);
    assert_holds(&*store, &blob, &body);
}

/// Positions go on growing, names go on being new, and commits go on as before.
pub(super) fn positions_and_names_go_on_after_reopening(mut store: Fixture) {
    let (mut names, mut last) = (BTreeSet::new(), Position(0));
    for opening in 0..4 {
        for round in 0..10 {
            let blob = write(&*store, &body(54, 600));
            assert!(names.insert(blob), "{blob} was given before");
            match round % 3 {
                0 => adopt(&*store, &[blob]),
                1 => store.discard_blob(&blob),
                // Left behind: nobody's.
                _ => {}
            }
            let (prefix, suffix) = (bytes("feed/"), Bytes::new());
            let op = Op::PutStamped { prefix, suffix, value: value(format!("{opening} {round}")) };
            let position = commit(&*store, Batch { ops: vec![op].into(), ..batch() });
            assert!(position > last, "{position:?} follows {last:?}");
            last = position;
        }
        if opening % 2 == 0 { store.close_and_reopen() } else { store.drop_and_reopen() }
    }
    let feed: Vec<Bytes> =
        scan_prefix(&*store, b"feed/").into_iter().map(|row| row.value.into_bytes()).collect();
    let expected =
        (0..4).flat_map(|opening| (0..10).map(move |round| format!("{opening} {round}")));
    assert!(feed.into_iter().eq(expected.map(bytes)), "the feed is in the order of commits");
}

/// A blob that nobody adopted may be there after reopening or not; if it is, it is whole, and it
/// stands in nobody's way.
pub(super) fn a_blob_left_behind_is_whole_or_gone(mut store: Fixture) {
    let bodies: Vec<_> = [10, 5000, 5 << 20].map(|len| body(55, len)).into();
    let left: Vec<_> = bodies.iter().map(|body| write(&*store, body)).collect();
    let kept = own(&*store, &bodies[1]);
    store.close_and_reopen();
    for (blob, body) in left.iter().zip(&bodies) {
        match store.open_blob(blob) {
            Ok(_) => assert_holds(&*store, blob, body),
            Err(BackendError::NoSuchBlob { .. }) => {}
            Err(other) => panic!("a blob left behind is answered by {other}"),
        }
    }
    assert_holds(&*store, &kept, &bodies[1]);
}

/// What is done after reopening is as good as what was done before.
pub(super) fn a_reopened_backend_works_on(mut store: Fixture) {
    let first = fill(&*store);
    store.close_and_reopen();
    let second = fill(&*store);
    assert!(second.position > first.position);
    store.drop_and_reopen();
    assert_all_there(&*store, &second);
    for (blob, body, _) in &first.blobs {
        assert_holds(&*store, blob, body);
    }
    assert_owners(&*store, &second);
    assert_owners(&*store, &first);
}
