//! Histories of one key: is there an order of its calls, each between its beginning and its end, in
//! which a plain cell would have answered as the store did?
//!
//! The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993): some call
//! that began before any other ended goes first, and what was tried in vain is remembered.

use std::collections::HashSet;

/// One call on a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it began.
    pub begin: u64,
    /// When it ended; `None` for one that failed: it may have happened at any time since, or never.
    pub end: Option<u64>,
    /// What it did.
    pub act: Act,
}

/// What a call did. A value is a number that no other put writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Wrote a value.
    Put(u64),
    /// Removed what was there.
    Delete,
    /// Read this.
    Get(Option<u64>),
    /// Wrote a value if there was none, and said whether it did.
    PutIfAbsent(u64, bool),
    /// Wrote a value if this one was there, and said whether it did.
    PutIfMatch {
        /// What had to be there.
        seen: u64,
        /// What was written.
        value: u64,
        /// Whether it was.
        done: bool,
    },
}

impl Act {
    /// The cell after it, or `None` if it could not have been answered so.
    fn apply(self, cell: Option<u64>) -> Option<Option<u64>> {
        let holds = |condition: bool, after| condition.then_some(after);
        match self {
            Self::Put(value) => Some(Some(value)),
            Self::Delete => Some(None),
            Self::Get(found) => holds(found == cell, cell),
            Self::PutIfAbsent(value, true) => holds(cell.is_none(), Some(value)),
            Self::PutIfAbsent(_, false) => holds(cell.is_some(), cell),
            Self::PutIfMatch { seen, value, done: true } => holds(cell == Some(seen), Some(value)),
            Self::PutIfMatch { seen, done: false, .. } => holds(cell != Some(seen), cell),
        }
    }
}

/// True when there is such an order. At most 64 events; a cell begins empty.
///
/// # Panics
/// When there are more.
#[must_use]
pub fn is_linear(events: &[Event]) -> bool {
    assert!(events.len() <= 64, "a history of 64 calls at most is searched");
    let must = events.iter().enumerate().filter(|(_, event)| event.end.is_some());
    let must = must.fold(0_u64, |all, (at, _)| all | 1 << at);
    search(events, must, 0, None, &mut HashSet::new())
}

fn search(
    events: &[Event],
    must: u64,
    done: u64,
    cell: Option<u64>,
    tried: &mut HashSet<(u64, Option<u64>)>,
) -> bool {
    if done & must == must {
        return true;
    }
    if !tried.insert((done, cell)) {
        return false;
    }
    let left = || events.iter().enumerate().filter(|(at, _)| done & (1 << at) == 0);
    let first_end = left().filter_map(|(_, event)| event.end).min().unwrap_or(u64::MAX);
    for (at, event) in left().filter(|(_, event)| event.begin <= first_end) {
        if let Some(after) = event.act.apply(cell)
            && search(events, must, done | 1 << at, after, tried)
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(begin: u64, end: u64, act: Act) -> Event {
        Event { begin, end: Some(end), act }
    }

    #[test]
    fn what_overlaps_may_have_happened_in_either_order() {
        let put = [event(0, 10, Act::Put(1)), event(1, 9, Act::Put(2))];
        for found in [1, 2] {
            let get = event(11, 12, Act::Get(Some(found)));
            assert!(is_linear(&[put[0].clone(), put[1].clone(), get]));
        }
    }

    #[test]
    fn what_was_overwritten_before_does_not_come_back() {
        let events =
            [event(0, 1, Act::Put(1)), event(2, 3, Act::Put(2)), event(4, 5, Act::Get(Some(1)))];
        assert!(!is_linear(&events));
        let events =
            [event(0, 1, Act::Put(1)), event(2, 3, Act::Delete), event(4, 5, Act::Get(Some(1)))];
        assert!(!is_linear(&events));
    }

    #[test]
    fn two_cannot_both_be_first() {
        let first = |value| event(0, 9, Act::PutIfAbsent(value, true));
        assert!(!is_linear(&[first(1), first(2)]));
        assert!(is_linear(&[first(1), event(0, 9, Act::PutIfAbsent(2, false))]));
    }

    #[test]
    fn a_lost_update_is_found() {
        let update = |value| event(2, 9, Act::PutIfMatch { seen: 1, value, done: true });
        assert!(!is_linear(&[event(0, 1, Act::Put(1)), update(2), update(3)]));
    }

    #[test]
    fn what_failed_may_have_happened_or_not() {
        let failed = Event { begin: 2, end: None, act: Act::Put(2) };
        for found in [1, 2] {
            let get = event(4, 5, Act::Get(Some(found)));
            assert!(is_linear(&[event(0, 1, Act::Put(1)), failed.clone(), get]));
        }
        let gets = [event(4, 5, Act::Get(Some(2))), event(6, 7, Act::Get(Some(1)))];
        let [one, other] = gets;
        assert!(!is_linear(&[event(0, 1, Act::Put(1)), failed, one, other]));
    }
}
