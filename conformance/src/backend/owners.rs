//! Owners: a blob adopted n times is kept until it was freed n times.

use super::{
    Fixture,
    blobs::strange_names,
    bodies::body,
    shorthand::{
        adopt, assert_gone, assert_holds, assert_no_such_blob, batch, bytes, commit, free, own,
        put, row, value, write,
    },
};
use crate::dice::Dice;
use cistern_storage_core::port::{Batch, BlobRef, CommitError};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// Adopted n times, in one commit or in many, a blob is there until the n-th free.
pub(super) fn a_blob_lives_until_its_last_free(store: Fixture) {
    for len in [0, 1, 513, 70_000, 5 << 20] {
        let body = body(20, len);
        let blob = write(&*store, &body);
        adopt(&*store, &[blob, blob, blob]);
        adopt(&*store, &[blob]);
        adopt(&*store, &[blob, blob]);
        for frees in [1, 2, 1, 1] {
            free(&*store, &vec![blob; frees]);
            assert_holds(&*store, &blob, &body);
        }
        free(&*store, &[blob]);
        assert_gone(&*store, &blob);
    }
}

/// A copy by reference: another row adopts the blob before the first frees it.
pub(super) fn a_blob_passes_from_row_to_row(store: Fixture) {
    let body = body(21, 2000);
    let blob = write(&*store, &body);
    let mut first = Batch { adopts: vec![blob], ..batch() };
    first.put(bytes("first"), bytes(blob.as_bytes()));
    commit(&*store, first);
    let mut second = Batch { adopts: vec![blob], ..batch() };
    second.put(bytes("second"), bytes(blob.as_bytes()));
    commit(&*store, second);
    let mut away = Batch { frees: vec![blob], ..batch() };
    away.delete(bytes("first"));
    commit(&*store, away);
    assert_holds(&*store, &blob, &body);
    let mut away = Batch { frees: vec![blob], ..batch() };
    away.delete(bytes("second"));
    commit(&*store, away);
    assert_gone(&*store, &blob);
}

/// One commit that adopts and frees a blob leaves its number of owners as it was.
pub(super) fn a_blob_may_be_adopted_and_freed_by_one_commit(store: Fixture) {
    let body = body(22, 2000);
    let owned = own(&*store, &body);
    commit(&*store, Batch { adopts: vec![owned], frees: vec![owned], ..batch() });
    assert_holds(&*store, &owned, &body);
    free(&*store, &[owned]);
    assert_gone(&*store, &owned);

    let fresh = write(&*store, &body);
    commit(&*store, Batch { adopts: vec![fresh, fresh], frees: vec![fresh], ..batch() });
    assert_holds(&*store, &fresh, &body);
    free(&*store, &[fresh]);
    assert_gone(&*store, &fresh);
}

/// A commit that adopts what is not there does nothing at all, whatever else it lists.
pub(super) fn adopting_an_unknown_blob_fails_the_whole_batch(store: Fixture) {
    let body = body(23, 2000);
    put(&*store, "kept", "before");
    let (owned, fresh) = (own(&*store, &body), write(&*store, &body));
    let gone = own(&*store, &body);
    free(&*store, &[gone]);
    let position = store.position();
    for unknown in strange_names().into_iter().chain([gone]) {
        let told = Arc::new(Mutex::new(0));
        let teller = Arc::clone(&told);
        let mut bad = Batch {
            adopts: vec![fresh, owned, unknown],
            frees: vec![owned],
            on_publish: Some(Box::new(move |_| *teller.lock() += 1)),
            ..batch()
        };
        bad.put(bytes("kept"), bytes("after"));
        bad.put(bytes("new"), bytes("after"));
        bad.add(bytes("count"), 1);
        assert_no_such_blob(store.commit(bad).map(drop), &unknown);
        assert_eq!(*told.lock(), 0, "a commit that failed is not published");
    }
    assert_eq!(row(&*store, "kept").as_deref(), Some(&b"before"[..]));
    assert_eq!(row(&*store, "new"), None);
    assert_eq!(store.counter(b"count"), 0);
    assert_eq!(store.position(), position);
    // The good ones have the owners that they had: one, and none yet.
    free(&*store, &[owned]);
    assert_gone(&*store, &owned);
    adopt(&*store, &[fresh]);
    free(&*store, &[fresh]);
    assert_gone(&*store, &fresh);
}

/// Discarding is for blobs that nobody owns: an owned one stays.
pub(super) fn discarding_an_owned_blob_takes_nothing_away(store: Fixture) {
    for len in [100, 5 << 20] {
        let body = body(24, len);
        let blob = own(&*store, &body);
        store.discard_blob(&blob);
        assert_holds(&*store, &blob, &body);
        adopt(&*store, &[blob]);
        free(&*store, &[blob]);
        assert_holds(&*store, &blob, &body);
    }
}

/// Owners are counted right through a thousand commits of every kind.
pub(super) fn owners_are_counted_right_through_a_thousand_commits(store: Fixture) {
    let dice = Dice::new(25);
    let mut owners: BTreeMap<BlobRef, (usize, bytes::Bytes)> = BTreeMap::new();
    for round in 0..1000 {
        let pick = |dice: &Dice| owners.keys().nth(dice.index(owners.len().max(1))).copied();
        match (dice.below(4), pick(&dice)) {
            (0, _) | (_, None) => {
                let body = body(1000 + round, dice.index(3000));
                let (blob, times) = (write(&*store, &body), 1 + dice.index(3));
                adopt(&*store, &vec![blob; times]);
                owners.insert(blob, (times, body));
            }
            (1, Some(blob)) => {
                adopt(&*store, &[blob]);
                owners.get_mut(&blob).expect("picked").0 += 1;
            }
            (_, Some(blob)) => {
                free(&*store, &[blob]);
                let entry = owners.get_mut(&blob).expect("picked");
                entry.0 -= 1;
                if entry.0 == 0 {
                    owners.remove(&blob);
                    assert_gone(&*store, &blob);
                }
            }
        }
    }
    for (blob, (times, body)) in owners {
        assert_holds(&*store, &blob, &body);
        free(&*store, &vec![blob; times]);
        assert_gone(&*store, &blob);
    }
}

/// A commit that conflicts neither adopts nor frees.
pub(super) fn a_conflict_leaves_owners_as_they_were(store: Fixture) {
    let body = body(26, 2000);
    let (owned, fresh) = (own(&*store, &body), write(&*store, &body));
    let mut bad = Batch { adopts: vec![fresh, owned, owned], frees: vec![owned], ..batch() };
    bad.unchanged(bytes("row"), Some(value("never")));
    let refused = store.commit(bad);
    assert!(matches!(refused, Err(CommitError::Conflict { index: 0 })), "{refused:?}");
    assert_holds(&*store, &owned, &body);
    free(&*store, &[owned]);
    assert_gone(&*store, &owned);
    assert_holds(&*store, &fresh, &body);
    adopt(&*store, &[fresh]);
    free(&*store, &[fresh]);
    assert_gone(&*store, &fresh);
}
