//! Power: what survives its loss.

use super::{
    Fixture,
    bodies::body,
    shorthand::{adopt, assert_gone, assert_holds, bytes, commit, free, own, put, row, write},
};
use crate::dice::Dice;
use cistern_storage_core::port::{Batch, Durability};

/// A commit that was waited for at `Synced` is there after the power went, with all before it.
pub(super) fn what_was_synced_survives_the_loss_of_power(mut store: Fixture) {
    for len in [10, 5000, 300_000, 5 << 20] {
        let body = body(60, len);
        let blob = write(&*store, &body);
        let mut earlier = Batch { adopts: vec![blob], ..Batch::new(Durability::Memory) };
        earlier.put(bytes(format!("earlier {len}")), bytes("value"));
        earlier.add(bytes("count"), 1);
        commit(&*store, earlier);
        put(&*store, format!("synced {len}"), "value");
        store.cut_power();
        assert_eq!(row(&*store, format!("synced {len}")), Some(bytes("value")));
        assert_eq!(row(&*store, format!("earlier {len}")), Some(bytes("value")), "came before");
        assert_holds(&*store, &blob, &body);
    }
    assert_eq!(store.counter(b"count"), 4);
}

/// A flush at `Synced` is as good as a commit at `Synced`.
pub(super) fn what_was_flushed_survives_the_loss_of_power(mut store: Fixture) {
    let body = body(61, 5 << 20);
    let blob = write(&*store, &body);
    let mut one = Batch { adopts: vec![blob], ..Batch::new(Durability::Memory) };
    one.put(bytes("row"), bytes("value"));
    drop(store.commit(one).expect("commits"));
    store.flush(Durability::Synced).expect("flushes");
    store.cut_power();
    assert_eq!(row(&*store, "row"), Some(bytes("value")));
    assert_holds(&*store, &blob, &body);
}

/// Whatever survives is a beginning of the order of commits: none survives without those before it.
pub(super) fn what_survives_is_a_prefix_of_the_commits(mut store: Fixture) {
    let dice = Dice::new(62);
    let mut begins_at = 0_u64;
    for _ in 0..12 {
        let (commits, mut synced) = (20 + dice.below(60), begins_at);
        for number in begins_at..begins_at + commits {
            let levels = [Durability::Memory, Durability::Os, Durability::Os, Durability::Synced];
            let durability = levels[dice.index(levels.len())];
            let mut one = Batch::new(durability);
            one.put(bytes(format!("{number:06}")), bytes("value"));
            one.put(bytes("last"), bytes(number.to_be_bytes()));
            one.add(bytes("count"), 1);
            let ticket = store.commit(one).expect("commits");
            if dice.below(2) == 0 {
                ticket.wait().expect("is published");
                if durability == Durability::Synced {
                    synced = number + 1;
                }
            }
        }
        store.cut_power();
        let there = |number: &u64| row(&*store, format!("{number:06}")).is_some();
        let end = (0..begins_at + commits).take_while(there).count() as u64;
        assert!(end >= synced, "{synced} commits were synced, {end} are there");
        let beyond = (end..begins_at + commits).filter(there).count();
        assert_eq!(beyond, 0, "commits survived without commit {end}, which came before them");
        let last = end.checked_sub(1).map(|last| bytes(last.to_be_bytes()));
        assert_eq!(row(&*store, "last"), last, "commits survive whole");
        assert_eq!(store.counter(b"count").unsigned_abs(), end, "counters survive with them");
        begins_at = end;
    }
}

/// Owners survive as they were synced, and a blob freed before the loss does not come back.
pub(super) fn owners_survive_the_loss_of_power(mut store: Fixture) {
    let body = body(63, 70_000);
    let blobs: Vec<_> = (0..6).map(|_| own(&*store, &body)).collect();
    for (times, blob) in blobs.iter().enumerate() {
        adopt(&*store, &vec![*blob; times]);
    }
    let freed = own(&*store, &body);
    free(&*store, &[freed]);
    store.cut_power();
    assert_gone(&*store, &freed);
    for (times, blob) in blobs.iter().enumerate() {
        free(&*store, &vec![*blob; times]);
        assert_holds(&*store, blob, &body);
        free(&*store, &[*blob]);
        assert_gone(&*store, blob);
    }
}
