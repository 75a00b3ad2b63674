//! Closing, and what a backend says of itself.

use super::{
    Fixture,
    bodies::{Chunks, body},
    shorthand::{EVERYTHING, assert_conflict, batch, bytes, free, own, put},
};
use cistern_storage_core::port::{BackendError, Batch, CommitError, Durability, Order};

/// After closing, every call that can fail says `Closed`; closing again does nothing.
pub(super) fn a_closed_backend_says_so(store: Fixture) {
    put(&*store, "row", "value");
    let blob = own(&*store, &body(40, 1000));
    store.close().expect("closes");
    let closed = |what: &str, outcome: Result<(), BackendError>| {
        assert!(matches!(outcome, Err(BackendError::Closed)), "{what}: {outcome:?}");
    };
    closed("row", store.row(b"row").map(drop));
    closed("scan", store.scan(EVERYTHING, Order::Forward, 1).map(drop));
    closed("open_blob", store.open_blob(&blob).map(drop));
    closed("write_blob", store.write_blob(&mut Chunks::whole(&body(41, 10))).map(drop));
    for level in [Durability::Memory, Durability::Os, Durability::Synced] {
        closed("flush", store.flush(level));
        let mut one = Batch::new(level);
        one.put(bytes("row"), bytes("after"));
        match store.commit(one) {
            Err(CommitError::Backend(BackendError::Closed)) => {}
            other => panic!("a commit after closing is answered by {other:?}"),
        }
    }
    store.discard_blob(&blob);
    store.close().expect("a second close does nothing");
    store.close().expect("nor does a third");
}

/// Closing brings what was committed before it to its end: tickets not waited for yet succeed.
pub(super) fn closing_finishes_what_was_committed(store: Fixture) {
    let levels = [Durability::Memory, Durability::Os, Durability::Synced];
    let tickets = levels.map(|level| {
        let mut one = Batch::new(level);
        one.put(bytes(format!("{level:?}")), bytes("value"));
        store.commit(one).expect("commits")
    });
    store.close().expect("closes");
    for ticket in tickets {
        ticket.wait().expect("was finished by closing");
    }
}

/// Capabilities are constant.
pub(super) fn capabilities_are_constant(store: Fixture) {
    let before = store.capabilities();
    put(&*store, "row", "value");
    assert_eq!(store.capabilities(), before);
    store.close().expect("closes");
    assert_eq!(store.capabilities(), before);
}

/// What the numbers say, where they say anything, is so.
pub(super) fn the_numbers_are_plausible(store: Fixture) {
    let start = store.stats();
    let body = body(42, 1 << 20);
    let blob = own(&*store, &body);
    let (mut live, len) = (store.stats().live_bytes, body.len() as u64);
    assert!(live == 0 || (len..2 * len).contains(&live), "{live} live bytes of one blob of {len}");
    for _ in 0..9 {
        put(&*store, "row", "value");
    }
    let mut bad = batch();
    bad.unchanged(bytes("row"), None);
    assert_conflict(&*store, bad, 0);
    let stats = store.stats();
    let commits = stats.commits - start.commits;
    assert!(commits == 0 || commits == 10, "{commits} commits, of 10");
    assert!(stats.rows <= 100, "{} rows, of 1", stats.rows);
    assert!(stats.stored_bytes == 0 || stats.stored_bytes >= stats.live_bytes, "{stats:?}");
    if live > 0 {
        free(&*store, &[blob]);
        live = store.stats().live_bytes;
        assert!(live < len, "{live} live bytes after the only blob was freed");
    }
}
