//! Visibility: what threads see of each other's commits.

use super::{
    Fixture,
    bodies::body,
    shorthand::{adopt, assert_holds, batch, bytes, commit, put, row, scan_prefix, value, write},
};
use bytes::Bytes;
use cistern_storage_core::port::{
    Batch, CommitError, Durability, KeyRange, Op, Order, Step, Value,
};
use parking_lot::Mutex;
use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

fn number(value: Option<&Bytes>) -> u64 {
    let bytes = value.map_or([0; 8], |value| value[..].try_into().expect("8 bytes"));
    u64::from_be_bytes(bytes)
}

/// A scan sees all of a commit or nothing of it, and is never behind an earlier one.
pub(super) fn a_scan_never_sees_half_a_commit(store: Fixture) {
    const ROWS: u64 = 6;
    let (backend, done) = (store.share(), AtomicBool::new(false));
    let write = |round: u64| {
        let levels = [Durability::Memory, Durability::Os, Durability::Synced];
        let mut all = Batch::new(levels[usize::try_from(round % 3).expect("small")]);
        for row in 0..ROWS {
            all.put(bytes(format!("row/{row}")), bytes(round.to_be_bytes()));
        }
        // One row comes and goes, so that the number of rows tells the round too.
        let extra = bytes("row/extra");
        if round.is_multiple_of(2) {
            all.delete(extra);
        } else {
            all.put(extra, bytes(round.to_be_bytes()));
        }
        commit(&*backend, all);
    };
    write(1);
    let read = || {
        let mut last = 0;
        while !done.load(Ordering::SeqCst) {
            let rows = scan_prefix(&*backend, b"row/");
            let rounds: Vec<u64> =
                rows.iter().map(|row| number(Some(&row.value.to_bytes()))).collect();
            let round = rounds[0];
            assert!(rounds.iter().all(|one| *one == round), "one moment, not {rounds:?}");
            assert_eq!(rows.len() as u64, ROWS + round % 2, "the rows of round {round}");
            assert!(round >= last, "{round} is older than {last}, which was seen before");
            last = round;
        }
    };
    thread::scope(|scope| {
        scope.spawn(read);
        scope.spawn(read);
        scope.spawn(|| {
            let _stop = Stop(&done);
            (2..400).for_each(write);
        });
    });
}

/// A walk shows every row that is there all the while, once and in order; and what it shows is never
/// older than what it has shown before, nor than what was there when it began.
pub(super) fn a_walk_misses_nothing_that_is_there_all_the_while(store: Fixture) {
    const ROWS: u64 = 300;
    let (backend, done) = (store.share(), AtomicBool::new(false));
    let published = AtomicU64::new(1);
    let write = |round: u64| {
        let mut all = batch();
        // Every third row is of each round; others come and go between them.
        (0..ROWS).filter(|row| row % 3 == 0 || round == 1).for_each(|row| {
            all.put(bytes(format!("row/{row:03}")), bytes(round.to_be_bytes()));
        });
        for row in 0..ROWS / 10 {
            let passing = bytes(format!("row/{:03}/passing", (row * 7 + round) % ROWS));
            if (row + round).is_multiple_of(2) {
                all.delete(passing);
            } else {
                all.put(passing, bytes(round.to_be_bytes()));
            }
        }
        commit(&*backend, all);
        published.store(round, Ordering::SeqCst);
    };
    write(1);
    let walk = |jumps: bool| {
        while !done.load(Ordering::SeqCst) {
            let (mut newest, mut next) = (published.load(Ordering::SeqCst), 0);
            let (start, end) = (bytes("row/"), bytes("row0"));
            let walked = backend.walk(KeyRange::between(&start, &end), &mut |key, value| {
                let round = number(Some(&Bytes::copy_from_slice(&value.whole())));
                if !key.ends_with(b"passing") {
                    assert_eq!(key, format!("row/{next:03}").as_bytes());
                    if next % 3 == 0 {
                        assert!(round >= newest, "{round} is shown after {newest}");
                        newest = round;
                    }
                    next += 1;
                }
                if jumps { Step::Jump(bytes(format!("row/{next:03}"))) } else { Step::Next }
            });
            walked.expect("walks");
            assert_eq!(next, ROWS, "all rows");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| walk(false));
        scope.spawn(|| walk(true));
        scope.spawn(|| {
            let _stop = Stop(&done);
            (2..150).for_each(write);
        });
    });
}

/// Rows read one by one never go back: what begins later sees no less.
pub(super) fn a_later_read_sees_no_less(store: Fixture) {
    let (backend, done) = (store.share(), AtomicBool::new(false));
    let published = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let known = published.load(Ordering::SeqCst);
                    let first = number(row(&*backend, "first").as_ref());
                    let counted = backend.counter(b"count");
                    let second = number(row(&*backend, "second").as_ref());
                    assert!(first >= known, "{known} was published before {first} was read");
                    assert!(second >= first, "{first} was read before {second}");
                    let counted = u64::try_from(counted).expect("only counted up");
                    assert!(counted >= first, "{first} was read before {counted} was counted");
                }
            });
        }
        scope.spawn(|| {
            let _stop = Stop(&done);
            for round in 1..500_u64 {
                let mut both = batch();
                both.put(bytes("first"), bytes(round.to_be_bytes()));
                both.put(bytes("second"), bytes(round.to_be_bytes()));
                both.add(bytes("count"), 1);
                commit(&*backend, both);
                published.store(round, Ordering::SeqCst);
            }
        });
    });
}

/// What `position` has reached can be read.
pub(super) fn what_the_position_has_reached_can_be_read(store: Fixture) {
    let (backend, done) = (store.share(), AtomicBool::new(false));
    let commit_one = || {
        let (prefix, suffix) = (bytes("feed/"), Bytes::new());
        let op = Op::PutStamped { prefix, suffix, value: value("event") };
        commit(&*backend, Batch { ops: vec![op].into(), ..batch() });
    };
    commit_one();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let position = backend.position();
                let key = [b"feed/", &position.0.to_be_bytes()[..]].concat();
                assert!(row(&*backend, &key).is_some(), "nothing is stamped {position:?}");
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let _stop = Stop(&done);
                (0..250).for_each(|_| commit_one());
            });
        }
    });
}

/// Threads that add one to a row, each from what it has seen, lose nothing; and who hears of a
/// conflict sees something else when he reads again.
pub(super) fn no_update_on_condition_is_lost(store: Fixture) {
    const THREADS: u64 = 4;
    const EACH: u64 = 100;
    let backend = store.share();
    let increment = |durability: Durability| {
        let mut seen = row(&*backend, "sum");
        loop {
            let mut one = Batch::new(durability);
            one.unchanged(bytes("sum"), seen.clone().map(Value::from));
            one.put(bytes("sum"), bytes((number(seen.as_ref()) + 1).to_be_bytes()));
            match backend.commit(one) {
                Ok(ticket) => return ticket.wait().expect("is published"),
                Err(CommitError::Conflict { index: 0 }) => {
                    let again = row(&*backend, "sum");
                    assert_ne!(again, seen, "what made it fail can be read by now");
                    seen = again;
                }
                Err(other) => panic!("unexpected: {other}"),
            }
        }
    };
    let together = Barrier::new(usize::try_from(THREADS).expect("small"));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let levels = [Durability::Synced, Durability::Os, Durability::Memory];
            let durability = levels[usize::try_from(thread % 3).expect("small")];
            let (increment, together) = (&increment, &together);
            scope.spawn(move || {
                together.wait();
                (0..EACH).for_each(|_| increment(durability));
            });
        }
    });
    assert_eq!(number(row(&*backend, "sum").as_ref()), THREADS * EACH);
}

/// Of several threads that make one row, one does.
pub(super) fn one_of_many_creates_a_row(store: Fixture) {
    let backend = store.share();
    for round in 0..50 {
        let winners = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for thread in 0..4 {
                let (winners, backend) = (&winners, &backend);
                scope.spawn(move || {
                    let (key, value) = (bytes(format!("{round}")), bytes(format!("{thread}")));
                    let mut one = batch();
                    one.unchanged(key.clone(), None);
                    one.put(key.clone(), value.clone());
                    match backend.commit(one) {
                        Ok(ticket) => {
                            ticket.wait().expect("is published");
                            winners.lock().push(value);
                        }
                        Err(CommitError::Conflict { index: 0 }) => {
                            assert!(row(&**backend, &key).is_some(), "the winner's row is there");
                        }
                        Err(other) => panic!("unexpected: {other}"),
                    }
                });
            }
        });
        let winners = winners.into_inner();
        assert_eq!(winners.len(), 1, "winners");
        assert_eq!(row(&*backend, format!("{round}")).as_ref(), winners.first());
    }
}

/// Blobs that threads write at once do not get mixed up.
pub(super) fn blobs_written_at_once_stay_apart(store: Fixture) {
    let backend = store.share();
    let written = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for thread in 0..4 {
            let (written, backend) = (&written, &backend);
            scope.spawn(move || {
                for round in 0..12 {
                    let len = [0, 100, 5000, 70_000, 300_000, 5 << 20][(thread + round) % 6];
                    let body = body(600 + (thread * 100 + round) as u64, len);
                    let blob = write(&**backend, &body);
                    adopt(&**backend, &[blob]);
                    written.lock().push((blob, body));
                }
            });
        }
    });
    for (blob, body) in written.into_inner() {
        assert_holds(&*backend, &blob, &body);
    }
}

/// A blob that is there opens at every moment: before, while and after a commit adopts it.
pub(super) fn a_blob_is_there_throughout_its_adoption(store: Fixture) {
    let (backend, done) = (store.share(), AtomicBool::new(false));
    let body = body(700, 10);
    let newest = Mutex::new(write(&*backend, &body));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let blob = *newest.lock();
                assert_holds(&*backend, &blob, &body);
            }
        });
        scope.spawn(|| {
            let _stop = Stop(&done);
            for _ in 0..5000 {
                let blob = write(&*backend, &body);
                *newest.lock() = blob;
                let adopts = vec![blob, blob];
                commit(&*backend, Batch { adopts, ..Batch::new(Durability::Memory) });
            }
        });
    });
}

/// A page of a long scan is of one moment, in both directions.
pub(super) fn both_ends_of_a_scan_are_of_one_moment(store: Fixture) {
    let (backend, done) = (store.share(), AtomicBool::new(false));
    // A single row walks through the key space; every scan must find it exactly once.
    put(&*backend, "at/000", "here");
    let mut filler = batch();
    (0..200).for_each(|index| filler.put(bytes(format!("at/{index:03}-")), bytes("filler")));
    commit(&*backend, filler);
    let look = |order| {
        while !done.load(Ordering::SeqCst) {
            let range = KeyRange::between(b"at/", b"at0");
            let rows = backend.scan(range, order, usize::MAX).expect("scans");
            let here = rows.iter().filter(|row| row.value.is(b"here")).count();
            assert_eq!(here, 1, "the row is in one place at any moment");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| look(Order::Forward));
        scope.spawn(|| look(Order::Reverse));
        scope.spawn(|| {
            let _stop = Stop(&done);
            for step in 0..300 {
                let (from, to) = (step * 37 % 200, (step + 1) * 37 % 200);
                let mut walk = Batch::new(Durability::Os);
                walk.delete(bytes(format!("at/{from:03}")));
                walk.put(bytes(format!("at/{to:03}")), bytes("here"));
                commit(&*backend, walk);
            }
        });
    });
}

/// Lets the readers go, also when the writer panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
