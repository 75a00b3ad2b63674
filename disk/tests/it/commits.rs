//! Commits: atomic, conditional, in one order, as durable as asked for.

use crate::kit::{
    batch, body, bytes, commit, conflict, open, put, put_blob, row, settle, small, try_open,
};
use cistern_disk::{
    Background, DiskBackend,
    device::{Call, Failure, MemoryDevice},
    threads::OsThreads,
};
use cistern_storage_core::port::{
    Backend, BackendError, Batch, CommitError, Durability, KeyRange, Op, Order, Position,
};
use parking_lot::Mutex;
use std::{
    ops::Bound,
    sync::{Arc, mpsc},
};

const ALL: [Durability; 3] = [Durability::Memory, Durability::Os, Durability::Synced];

fn keys(backend: &DiskBackend, order: Order) -> Vec<String> {
    let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
    let rows = backend.scan(all, order, 100).unwrap();
    rows.into_iter().map(|row| String::from_utf8(row.key.to_vec()).unwrap()).collect()
}

#[test]
fn a_commit_is_readable_once_its_ticket_says_so() {
    let backend = open(&MemoryDevice::new());
    for durability in ALL {
        let ticket = backend.commit(batch(durability, &[("a", "1"), ("b", "2")])).unwrap();
        let position = ticket.position();
        ticket.wait().unwrap();
        assert_eq!(row(&backend, "a").as_deref(), Some("1"));
        assert_eq!(backend.position(), position);
        let mut clean = Batch::new(durability);
        clean.delete(bytes("a"));
        commit(&backend, clean);
        assert_eq!(row(&backend, "a"), None);
    }
}

#[test]
fn a_commit_is_not_readable_before_it_is_durable() {
    let backend = open(&MemoryDevice::new());
    let ticket = backend.commit(batch(Durability::Synced, &[("a", "1")])).unwrap();
    assert_eq!(row(&backend, "a"), None);
    ticket.wait().unwrap();
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
}

#[test]
fn a_weak_commit_waits_for_the_strong_one_before_it() {
    let backend = open(&MemoryDevice::new());
    let strong = backend.commit(batch(Durability::Synced, &[("a", "1")])).unwrap();
    let weak = backend.commit(batch(Durability::Memory, &[("b", "2")])).unwrap();
    assert_eq!(row(&backend, "b"), None);
    weak.wait().unwrap();
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
    strong.wait().unwrap();
}

#[test]
fn a_later_op_on_a_key_wins_and_stamped_rows_carry_the_position() {
    let backend = open(&MemoryDevice::new());
    let mut batch = batch(Durability::Os, &[("k", "1"), ("k", "2")]);
    for suffix in ["x", "y"] {
        let (prefix, suffix) = (bytes("log/"), bytes(suffix));
        batch.ops.push(Op::PutStamped { prefix, suffix, value: bytes("event").into() });
    }
    let ticket = backend.commit(batch).unwrap();
    let position = ticket.position().0;
    ticket.wait().unwrap();
    assert_eq!(row(&backend, "k").as_deref(), Some("2"));
    let rows = backend.scan(KeyRange::between(b"log/", b"log0"), Order::Forward, 9).unwrap();
    let expected =
        [b'x', b'y'].map(|suffix| [b"log/", &position.to_be_bytes()[..], &[suffix]].concat());
    assert_eq!(rows.iter().map(|row| row.key.to_vec()).collect::<Vec<_>>(), expected);
}

#[test]
fn any_key_is_a_key_and_the_engine_shows_no_rows_of_its_own() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let blob = put_blob(&backend, Durability::Os, &body(1, 2000));
    let mut again = Batch::new(Durability::Os);
    again.adopts.push(blob);
    again.ops.push(Op::PutStamped {
        prefix: bytes("\0b"),
        suffix: bytes(""),
        value: bytes("").into(),
    });
    commit(&backend, again);
    for key in ["\0", "\0\u{7f}", "\x01", "z"] {
        put(&backend, Durability::Os, key, "here");
        assert_eq!(row(&backend, key).as_deref(), Some("here"));
    }
    let forward = keys(&backend, Order::Forward);
    assert_eq!(forward.len(), 5);
    assert!(forward.is_sorted());
    let mut reverse = keys(&backend, Order::Reverse);
    reverse.reverse();
    assert_eq!(forward, reverse);
    let from = KeyRange { start: Bound::Excluded(b"\0"), end: Bound::Unbounded };
    assert_eq!(backend.scan(from, Order::Forward, 9).unwrap().len(), 4);
}

#[test]
fn a_precondition_that_does_not_hold_fails_the_whole_batch() {
    let backend = open(&MemoryDevice::new());
    put(&backend, Durability::Os, "a", "1");
    let mut wrong = batch(Durability::Os, &[("b", "2")]);
    wrong.unchanged(bytes("a"), Some(bytes("1").into()));
    wrong.unchanged(bytes("a"), None);
    assert_eq!(conflict(backend.commit(wrong)), 1);
    assert_eq!(row(&backend, "b"), None);

    let mut right = batch(Durability::Os, &[("b", "2")]);
    right.unchanged(bytes("a"), Some(bytes("1").into()));
    right.unchanged(bytes("c"), None);
    commit(&backend, right);
    assert_eq!(row(&backend, "b").as_deref(), Some("2"));
}

#[test]
fn an_empty_range_is_empty_as_all_earlier_commits_leave_it() {
    let backend = open(&MemoryDevice::new());
    let guarded = || {
        let mut batch = batch(Durability::Synced, &[("z", "1")]);
        let (start, end) = (bytes("b"), bytes("c"));
        batch
            .preconditions
            .push(cistern_storage_core::port::Precondition::RangeEmpty { start, end });
        batch
    };
    commit(&backend, guarded());
    put(&backend, Durability::Os, "bb", "1");
    settle(&backend);
    assert_eq!(conflict(backend.commit(guarded())), 0);

    // Deleted by a commit that is not published yet.
    let mut delete = Batch::new(Durability::Synced);
    delete.delete(bytes("bb"));
    let pending = backend.commit(delete).unwrap();
    backend.commit(guarded()).unwrap().wait().unwrap();
    pending.wait().unwrap();

    // And put again by one.
    let pending = backend.commit(batch(Durability::Synced, &[("b", "1")])).unwrap();
    assert_eq!(conflict(backend.commit(guarded())), 0);
    assert_eq!(row(&backend, "b").as_deref(), Some("1"));
    pending.wait().unwrap();
}

#[test]
fn what_made_a_conflict_is_readable_when_the_conflict_is_reported() {
    let backend = open(&MemoryDevice::new());
    let pending = backend.commit(batch(Durability::Synced, &[("a", "theirs")])).unwrap();
    let mut mine = batch(Durability::Synced, &[("a", "mine")]);
    mine.unchanged(bytes("a"), None);
    assert_eq!(row(&backend, "a"), None);
    assert_eq!(conflict(backend.commit(mine)), 0);
    assert_eq!(row(&backend, "a").as_deref(), Some("theirs"));
    pending.wait().unwrap();
}

#[test]
fn a_condition_on_a_pending_row_holds_when_the_row_does() {
    let backend = open(&MemoryDevice::new());
    let first = backend.commit(batch(Durability::Synced, &[("a", "1")])).unwrap();
    let mut second = batch(Durability::Synced, &[("a", "2")]);
    second.unchanged(bytes("a"), Some(bytes("1").into()));
    let second = backend.commit(second).unwrap();
    assert!(first.position() < second.position());
    second.wait().unwrap();
    assert_eq!(row(&backend, "a").as_deref(), Some("2"));
    first.wait().unwrap();
}

#[test]
fn racing_writers_lose_no_update_and_publish_in_the_order_of_commits() {
    let device = MemoryDevice::new();
    let settings = small().background(Background::Threads);
    let backend = DiskBackend::open_on(Arc::new(device), Arc::new(OsThreads), settings).unwrap();
    let published = Arc::new(Mutex::new(Vec::<Position>::new()));
    let add_one = |durability| loop {
        let seen = backend.row(b"n").unwrap();
        let number: u64 =
            seen.as_ref().map_or(0, |v| String::from_utf8_lossy(&v.to_bytes()).parse().unwrap());
        let mut batch = batch(durability, &[("n", &(number + 1).to_string())]);
        batch.unchanged(bytes("n"), seen);
        batch.add(bytes("count"), 1);
        let published = Arc::clone(&published);
        batch.on_publish = Some(Box::new(move |position| published.lock().push(position)));
        match backend.commit(batch) {
            Ok(ticket) => break ticket.wait().unwrap(),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let add_one = &add_one;
            scope.spawn(move || (0..100).for_each(|turn| add_one(ALL[(thread + turn) % 3])));
        }
    });
    assert_eq!(row(&backend, "n").as_deref(), Some("800"));
    assert_eq!(backend.counter(b"count"), 800);
    let published = published.lock();
    assert_eq!(published.len(), 800);
    assert!(published.is_sorted());
}

#[test]
fn many_writers_share_a_sync() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let before = device.counts().syncs;
    let tickets: Vec<_> = (0..50)
        .map(|n| backend.commit(batch(Durability::Synced, &[(&format!("k{n}"), "v")])).unwrap())
        .collect();
    tickets.into_iter().for_each(|ticket| ticket.wait().unwrap());
    assert_eq!(device.counts().syncs, before + 1);
    assert_eq!(backend.stats().commits, 50);
}

#[test]
fn a_callback_is_told_by_the_thread_or_by_hand() {
    let (sender, receiver) = mpsc::channel();
    let tell = |sender: &mpsc::Sender<bool>| {
        let sender = sender.clone();
        move |outcome: Result<(), BackendError>| sender.send(outcome.is_ok()).unwrap()
    };
    let by_hand = open(&MemoryDevice::new());
    let ticket = by_hand.commit(batch(Durability::Synced, &[("a", "1")])).unwrap();
    ticket.on_done(tell(&sender));
    assert!(receiver.try_recv().is_err());
    settle(&by_hand);
    assert_eq!(receiver.try_recv(), Ok(true));

    let settings = small().background(Background::Threads);
    let device = Arc::new(MemoryDevice::new());
    let threads = DiskBackend::open_on(device, Arc::new(OsThreads), settings).unwrap();
    for durability in ALL {
        let ticket = threads.commit(batch(durability, &[("a", "1")])).unwrap();
        ticket.on_done(tell(&sender));
        assert_eq!(receiver.recv(), Ok(true));
    }
}

/// A commit whose callback is pending, and what it is told.
fn awaited(backend: &DiskBackend) -> mpsc::Receiver<Result<(), BackendError>> {
    let (tell, told) = mpsc::channel();
    let ticket = backend.commit(batch(Durability::Os, &[("awaited", "1")])).unwrap();
    ticket.on_done(move |outcome| tell.send(outcome).unwrap());
    told
}

#[test]
fn a_callback_is_told_when_something_else_than_its_group_poisons_the_store() {
    let device = MemoryDevice::new();
    let backend = try_open(&device, small().blob_file_bytes_min(10_000)).unwrap();
    let file = crate::kit::write(&backend, &body(1, 20_000)).blob;
    let told = awaited(&backend);
    // The sync of a file before the commit that owns it, while nobody leads.
    device.fail_nth(Call::Sync, 0, Failure::Io);
    let mut batch = Batch::new(Durability::Synced);
    batch.adopts.push(file);
    assert!(backend.commit(batch).is_err());
    let outcomes: Vec<_> = told.try_iter().collect();
    assert!(matches!(&*outcomes, [Err(BackendError::Poisoned { .. })]), "{outcomes:?}");
}

#[test]
fn a_callback_is_told_when_a_panic_ends_its_group() {
    let backend = open(&MemoryDevice::new());
    let told = awaited(&backend);
    let mut batch = batch(Durability::Os, &[("a", "1")]);
    batch.on_publish = Some(Box::new(|_| panic!("a listener breaks down")));
    let ticket = backend.commit(batch).unwrap();
    let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ticket.wait()));
    assert!(waited.is_err());
    // Its commit came first and was published.
    let outcomes: Vec<_> = told.try_iter().collect();
    assert!(matches!(&*outcomes, [Ok(())]), "{outcomes:?}");
    let refused = backend.commit(Batch::new(Durability::Os));
    assert!(matches!(refused, Err(CommitError::Backend(BackendError::Poisoned { .. }))));
}

#[test]
fn a_ticket_that_is_dropped_does_not_hold_its_commit_back() {
    let backend = open(&MemoryDevice::new());
    drop(backend.commit(batch(Durability::Os, &[("a", "1")])).unwrap());
    settle(&backend);
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
}

#[test]
fn counters_add_up_and_vanish_at_zero() {
    let backend = open(&MemoryDevice::new());
    for (key, delta) in [("n/a", 2), ("n/b", -1), ("n/a", 3), ("m", 1), ("n/b", 1)] {
        let mut batch = Batch::new(Durability::Memory);
        batch.add(bytes(key), delta);
        commit(&backend, batch);
    }
    assert_eq!(backend.counters(b"n/"), [(bytes("n/a"), 5)]);
    assert_eq!((backend.counter(b"m"), backend.counter(b"n/b")), (1, 0));
}

#[test]
fn rows_over_their_limits_are_refused() {
    let backend = open(&MemoryDevice::new());
    let long = "k".repeat(8193);
    for key in ["", &long] {
        let outcome = backend.commit(batch(Durability::Os, &[(key, "v")]));
        let Err(CommitError::Backend(BackendError::RowTooLarge { what: "key", .. })) = outcome
        else {
            panic!("{outcome:?}");
        };
    }
    let mut batch = Batch::new(Durability::Os);
    batch.put(bytes("k"), vec![0; (4 << 20) + 1]);
    assert!(backend.commit(batch).is_err());
}

#[test]
fn a_batch_larger_than_a_segment_is_a_commit_like_any_other() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    let value = String::from_utf8(vec![b'x'; 300_000]).unwrap();
    put(&backend, Durability::Synced, "large", &value);
    put(&backend, Durability::Synced, "after", "1");
    let crashed = device.crash(cistern_disk::device::Crash::LoseAll);
    let backend = open(&crashed);
    assert_eq!(row(&backend, "large"), Some(value));
    assert_eq!(row(&backend, "after").as_deref(), Some("1"));
}

#[test]
fn after_a_failed_sync_writes_are_refused_and_reads_go_on() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "1");
    put(&backend, Durability::Memory, "m", "1");
    let blob = crate::kit::write(&backend, &body(3, 500)).blob;
    device.fail_nth(Call::Sync, 0, Failure::Io);
    let first = backend.commit(batch(Durability::Synced, &[("b", "2")])).unwrap();
    let second = backend.commit(batch(Durability::Os, &[("c", "3")])).unwrap();
    assert!(matches!(first.wait(), Err(BackendError::Poisoned { .. })));
    assert!(matches!(second.wait(), Err(BackendError::Poisoned { .. })));
    let refused = backend.commit(batch(Durability::Os, &[("d", "4")]));
    let Err(CommitError::Backend(BackendError::Poisoned { cause })) = refused else {
        panic!("{refused:?}");
    };
    assert!(cause.starts_with("sync log/"), "{cause}");
    assert_eq!(row(&backend, "a").as_deref(), Some("1"));
    assert_eq!(row(&backend, "m").as_deref(), Some("1"));
    assert_eq!(row(&backend, "b"), None);
    assert_eq!(crate::kit::read(&backend, &blob).unwrap(), body(3, 500));
    assert!(matches!(backend.close(), Err(BackendError::Poisoned { .. })));
    assert!(matches!(backend.row(b"a"), Err(BackendError::Closed)));
}

#[test]
fn a_full_medium_refuses_the_commit_that_needs_room_and_nothing_else() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Synced, "a", "1");
    device.fail_always(Call::Create, Failure::NoSpace);
    let value = "v".repeat(1000);
    let failed = (0..100).find_map(|n| {
        let batch = batch(Durability::Os, &[(&format!("k{n:03}"), &value)]);
        match backend.commit(batch) {
            Ok(ticket) => ticket.wait().err(),
            Err(CommitError::Backend(error)) => Some(error),
            Err(error) => panic!("{error}"),
        }
    });
    assert!(matches!(failed, Some(BackendError::Io { .. })), "{failed:?}");
    assert_eq!(row(&backend, "k001"), Some(value));
    device.mend();
    put(&backend, Durability::Synced, "b", "2");
    assert_eq!(row(&backend, "b").as_deref(), Some("2"));
}

#[test]
fn a_closed_store_says_so_and_a_second_one_is_refused() {
    let device = MemoryDevice::new();
    let backend = open(&device);
    put(&backend, Durability::Os, "a", "1");
    let refused = try_open(&device, small());
    assert!(matches!(refused, Err(BackendError::InUse { .. })), "{refused:?}");
    backend.close().unwrap();
    backend.close().unwrap();
    assert!(matches!(backend.row(b"a"), Err(BackendError::Closed)));
    let commit = backend.commit(batch(Durability::Os, &[("a", "1")]));
    assert!(matches!(commit, Err(CommitError::Backend(BackendError::Closed))));
    assert!(matches!(backend.flush(Durability::Os), Err(BackendError::Closed)));
    assert_eq!(row(&open(&device), "a").as_deref(), Some("1"));
}
