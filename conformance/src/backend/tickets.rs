//! Tickets and durability: what a commit's receipt says, and who hears of it.

use super::{
    Fixture,
    shorthand::{EVERYTHING, batch, bytes, row, scan},
};
use cistern_storage_core::port::{Batch, Durability, Position};
use std::{sync::mpsc, time::Duration};

const LEVELS: [Durability; 3] = [Durability::Memory, Durability::Os, Durability::Synced];

/// How long a callback may take to come when nobody waits. A backend that forgets it never calls.
const PATIENCE: Duration = Duration::from_secs(30);

fn one(durability: Durability, key: &str) -> Batch {
    let mut one = Batch::new(durability);
    one.put(bytes(key), bytes("value"));
    one
}

/// A ticket names the durability that its success means: what was asked for, as far as the backend
/// can, and never less.
pub(super) fn a_ticket_names_the_durability_it_means(store: Fixture) {
    let max = store.capabilities().durability_max;
    for asked in LEVELS {
        let ticket = store.commit(one(asked, "row")).expect("commits");
        let named = ticket.durability();
        assert!(named >= asked.min(max), "{asked:?} was asked for, {named:?} is promised");
        assert!(named <= max, "{named:?} is more than the backend can");
        ticket.wait().expect("is published");
    }
}

/// Once a ticket was waited for, its commit can be read.
pub(super) fn a_commit_can_be_read_once_its_ticket_was_waited_for(store: Fixture) {
    for round in 0..100 {
        for durability in LEVELS {
            let key = format!("{durability:?} {round}");
            let ticket = store.commit(one(durability, &key)).expect("commits");
            let position = ticket.position();
            ticket.wait().expect("is published");
            assert_eq!(row(&*store, &key), Some(bytes("value")), "{key}");
            assert!(store.position() >= position);
        }
    }
}

/// Tickets may be waited for in any order, and from any thread.
pub(super) fn tickets_may_be_waited_for_in_any_order(store: Fixture) {
    let commit_all = |round: usize| {
        let keys = (0..30).map(move |index| format!("{round} {index}"));
        let one = |key: String| store.commit(one(LEVELS[key.len() % 3], &key)).expect("commits");
        keys.map(one).collect::<Vec<_>>()
    };
    for ticket in commit_all(0).into_iter().rev() {
        ticket.wait().expect("is published");
    }
    let tickets = commit_all(1);
    std::thread::scope(|scope| {
        for ticket in tickets {
            scope.spawn(move || ticket.wait().expect("is published"));
        }
    });
    assert_eq!(scan(&*store, EVERYTHING).len(), 60);
}

/// A callback is called exactly once, though nobody waits, and its commit can be read by then.
pub(super) fn a_callback_needs_nobody_to_wait(store: Fixture) {
    let (sender, receiver) = mpsc::channel();
    for (index, durability) in LEVELS.iter().cycle().take(60).enumerate() {
        let sender = sender.clone();
        let ticket = store.commit(one(*durability, &format!("{index}"))).expect("commits");
        let position = ticket.position();
        ticket.on_done(move |outcome| {
            // The receiver is gone only when the check has failed already.
            sender.send((index, position, outcome)).unwrap_or_default();
        });
    }
    drop(sender);
    let mut called = Vec::new();
    for _ in 0..60 {
        let (index, position, outcome) =
            receiver.recv_timeout(PATIENCE).expect("a callback comes though nobody waits");
        outcome.expect("is published");
        assert_eq!(row(&*store, format!("{index}")), Some(bytes("value")), "can be read by then");
        assert!(store.position() >= position);
        called.push(index);
    }
    called.sort_unstable();
    assert!(called.into_iter().eq(0..60), "each once");
    assert!(receiver.recv_timeout(PATIENCE).is_err(), "none twice");
}

/// A callback left after publication is called too.
pub(super) fn a_callback_left_too_late_is_called_at_once(store: Fixture) {
    for durability in LEVELS {
        let early = store.commit(one(durability, "early")).expect("commits");
        store.commit(one(durability, "late")).expect("commits").wait().expect("is published");
        // Publication has the order of commits: the earlier one is published as well.
        let (sender, receiver) = mpsc::channel();
        early.on_done(move |outcome| sender.send(outcome).unwrap_or_default());
        let outcome = receiver.try_recv().expect("called at once, on this thread or before");
        outcome.expect("is published");
        assert!(receiver.recv().is_err(), "once");
    }
}

/// A ticket that is dropped takes nothing back and holds nobody up.
pub(super) fn a_dropped_ticket_holds_nobody_up(store: Fixture) {
    for durability in LEVELS {
        let key = format!("dropped {durability:?}");
        drop(store.commit(one(durability, &key)).expect("commits"));
        store.commit(batch()).expect("commits").wait().expect("is published");
        assert_eq!(row(&*store, &key), Some(bytes("value")), "{key}");
    }
}

/// A flush brings everything before it to its level; what asked for no more can be read then.
pub(super) fn a_flush_publishes_what_it_has_made_safe(store: Fixture) {
    for (reach, level) in (1..).zip(LEVELS) {
        let mut last = Position(0);
        for (index, durability) in LEVELS[..reach].iter().enumerate() {
            let key = format!("{level:?} {index}");
            last = store.commit(one(*durability, &key)).expect("commits").position();
        }
        store.flush(level).expect("flushes");
        assert!(store.position() >= last, "what was committed before {level:?} is published");
        for index in 0..reach {
            let key = format!("{level:?} {index}");
            assert_eq!(row(&*store, &key), Some(bytes("value")), "{key}");
        }
        store.flush(level).expect("flushes again, with nothing to do");
    }
}
