//! Linearizability: is there an order of calls, one after the other, that explains every answer?
//!
//! Threads call at the same time, and each call notes when it began and ended on a clock that only
//! counts. A history is linearizable when its calls can be put into an order in which no call comes
//! before one that had ended before it began, and in which a plain register would have given each
//! call its answer. Keys are registers of their own, so each is looked at alone.
//!
//! Algorithm: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with Lowe's memory
//! of states that were tried ("Testing for Linearizability", 2017).

use crate::dice::Dice;
use cistern_storage_core::{
    Bucket, DeleteOptions, Durability, ETag, Error, PutOptions, Result, Store, checksum::Md5,
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// What is asked of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// What does it hold?
    Get,
    /// Hold this.
    Put(u64),
    /// Hold nothing.
    Delete,
    /// Hold `value` if it holds `expected` now.
    PutIf {
        /// `None` when it must hold nothing.
        expected: Option<u64>,
        /// What it holds then.
        value: u64,
    },
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds this.
    Holds(Option<u64>),
    /// It does now what was asked.
    Done,
    /// It holds something else than was expected.
    Refused,
}

/// One call: what was asked and answered, and between which ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The register.
    pub key: usize,
    /// What was asked.
    pub act: Act,
    /// What was answered.
    pub answer: Answer,
    /// The tick before the call.
    pub began: u64,
    /// The tick after it.
    pub ended: u64,
}

/// How much is asked at once.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Threads that call.
    pub threads: usize,
    /// Registers that they share.
    pub keys: usize,
    /// Calls of each; at most [`CALLS_MAX`] calls can be made of one key.
    pub calls: usize,
}

/// The most calls of one key that are looked at.
pub const CALLS_MAX: usize = 64;

/// True when some order explains the calls of each key.
///
/// # Panics
/// When there are more than [`CALLS_MAX`] calls of one key.
#[must_use]
pub fn is_linearizable(history: &[Call]) -> bool {
    let mut by_key: BTreeMap<usize, Vec<Call>> = BTreeMap::new();
    history.iter().for_each(|call| by_key.entry(call.key).or_default().push(*call));
    by_key.values().all(|calls| {
        assert!(calls.len() <= CALLS_MAX, "{} calls of one key are too many", calls.len());
        explain(calls, 0, None, &mut HashSet::new())
    })
}

/// How many calls of one key began before an earlier one had ended: without any, there is nothing to
/// find.
#[must_use]
pub fn overlaps(history: &[Call]) -> usize {
    let overlap = |one: &Call, other: &Call| {
        one.key == other.key && one.began < other.began && other.began < one.ended
    };
    history.iter().filter(|other| history.iter().any(|one| overlap(one, other))).count()
}

/// Tries to put those of `calls` that are not in `done` behind those that are.
fn explain(
    calls: &[Call],
    done: u64,
    holds: Option<u64>,
    tried: &mut HashSet<(u64, Option<u64>)>,
) -> bool {
    let open = || (0..calls.len()).filter(move |number| done & (1 << number) == 0);
    let Some(first_end) = open().map(|number| calls[number].ended).min() else { return true };
    if !tried.insert((done, holds)) {
        return false;
    }
    // Only a call that began before any other had ended can come next.
    open().filter(|number| calls[*number].began < first_end).any(|number| {
        after(holds, &calls[number])
            .is_some_and(|holds| explain(calls, done | (1 << number), holds, tried))
    })
}

/// What the register holds after `call`, or `None` when it would have answered otherwise.
fn after(holds: Option<u64>, call: &Call) -> Option<Option<u64>> {
    let (answer, after) = match call.act {
        Act::Get => (Answer::Holds(holds), holds),
        Act::Put(value) => (Answer::Done, Some(value)),
        Act::Delete => (Answer::Done, None),
        Act::PutIf { expected, value } if expected == holds => (Answer::Done, Some(value)),
        Act::PutIf { .. } => (Answer::Refused, holds),
    };
    (answer == call.answer).then_some(after)
}

/// Lets threads call at the same time on a new bucket, and returns what happened.
///
/// # Errors
/// When a call fails otherwise than by a condition.
///
/// # Panics
/// When a thread does.
pub fn record(store: &Store, bucket: &str, seed: u64, crowd: Crowd) -> Result<Vec<Call>> {
    let bucket = store.create_bucket(bucket)?;
    let (clock, start) = (AtomicU64::new(0), Barrier::new(crowd.threads));
    let (bucket, clock, start) = (&bucket, &clock, &start);
    let histories: Result<Vec<Vec<Call>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..crowd.threads)
            .map(|thread| {
                scope.spawn(move || {
                    start.wait();
                    call_often(bucket, clock, seed, thread, crowd)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    Ok(histories?.concat())
}

fn call_often(
    bucket: &Bucket,
    clock: &AtomicU64,
    seed: u64,
    thread: usize,
    crowd: Crowd,
) -> Result<Vec<Call>> {
    let dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ thread as u64);
    let mut seen = vec![None; crowd.keys];
    let mut history = Vec::with_capacity(crowd.calls);
    for number in 0..crowd.calls {
        let key = dice.index(crowd.keys);
        // No value is written twice, so that a wrong one tells where it came from.
        let value = (thread * crowd.calls + number) as u64;
        let act = match dice.below(10) {
            0..4 => Act::Get,
            4..6 => Act::Put(value),
            6 => Act::Delete,
            _ => Act::PutIf { expected: seen[key], value },
        };
        // Sequentially consistent: the clock is the order that the check relies on.
        let began = clock.fetch_add(1, Ordering::SeqCst);
        let answer = call(bucket, key, act, &dice)?;
        let ended = clock.fetch_add(1, Ordering::SeqCst);
        seen[key] = match (act, answer) {
            (_, Answer::Holds(value)) => value,
            (Act::Put(value) | Act::PutIf { value, .. }, Answer::Done) => Some(value),
            _ => None,
        };
        history.push(Call { key, act, answer, began, ended });
    }
    Ok(history)
}

fn call(bucket: &Bucket, key: usize, act: Act, dice: &Dice) -> Result<Answer> {
    let name = format!("key-{key}");
    let durability = if dice.below(2) == 0 { Durability::Os } else { Durability::Memory };
    let put = |value: u64, options: PutOptions| {
        let options = options.durability(durability);
        match bucket.put_with(name.as_str(), body(value), &options) {
            Ok(_) => Ok(Answer::Done),
            // Who asks for an entity tag of a key that is not there is told that it is not.
            Err(Error::PreconditionFailed { .. } | Error::NoSuchKey { .. }) => Ok(Answer::Refused),
            Err(error) => Err(error),
        }
    };
    match act {
        Act::Get => match bucket.get(name.as_str()).and_then(|object| object.bytes()) {
            Ok(bytes) => Ok(Answer::Holds(Some(value_of(&bytes)))),
            Err(Error::NoSuchKey { .. }) => Ok(Answer::Holds(None)),
            Err(error) => Err(error),
        },
        Act::Put(value) => put(value, PutOptions::new()),
        Act::Delete => {
            let options = DeleteOptions::new().durability(durability);
            bucket.delete_with(name.as_str(), &options).map(|_| Answer::Done)
        }
        Act::PutIf { expected: None, value } => put(value, PutOptions::new().if_absent()),
        Act::PutIf { expected: Some(expected), value } => {
            let mut md5 = Md5::new();
            md5.update(&body(expected));
            put(value, PutOptions::new().if_match(ETag::Md5(md5.finish())))
        }
    }
}

/// Every third is too long to lie in its row.
fn body(value: u64) -> Vec<u8> {
    let mut body = value.to_le_bytes().to_vec();
    if value.is_multiple_of(3) {
        body.resize(3_000, 7);
    }
    body
}

fn value_of(bytes: &[u8]) -> u64 {
    let value = bytes.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    // Half of one body and half of another is no value.
    if body(value) == bytes { value } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(began: u64, ended: u64, act: Act, answer: Answer) -> Call {
        Call { key: 0, act, answer, began, ended }
    }

    const HOLDS_1: Answer = Answer::Holds(Some(1));
    const NOTHING: Answer = Answer::Holds(None);

    #[test]
    fn calls_at_the_same_time_may_have_any_order() {
        let put = at(0, 9, Act::Put(1), Answer::Done);
        assert!(is_linearizable(&[put, at(1, 2, Act::Get, NOTHING), at(3, 4, Act::Get, HOLDS_1)]));
        assert!(is_linearizable(&[]));
    }

    #[test]
    fn a_value_that_goes_back_is_refused() {
        let put = at(0, 9, Act::Put(1), Answer::Done);
        assert!(!is_linearizable(&[put, at(1, 2, Act::Get, HOLDS_1), at(3, 4, Act::Get, NOTHING)]));
    }

    #[test]
    fn a_put_that_is_not_seen_by_a_later_get_is_refused() {
        let put = at(0, 1, Act::Put(1), Answer::Done);
        assert!(!is_linearizable(&[put, at(2, 3, Act::Get, NOTHING)]));
    }

    #[test]
    fn two_conditional_puts_on_the_same_value_are_refused() {
        let put = |value, answer| at(0, 9, Act::PutIf { expected: None, value }, answer);
        assert!(is_linearizable(&[put(1, Answer::Done), put(2, Answer::Refused)]));
        assert!(!is_linearizable(&[put(1, Answer::Done), put(2, Answer::Done)]));
        assert!(!is_linearizable(&[put(1, Answer::Refused)]));
    }

    #[test]
    fn a_lost_update_among_many_calls_is_refused() {
        // Two threads that count, each by turns a get and a conditional put.
        let mut history = Vec::new();
        let mut tick = 0;
        let mut next = |act, answer| {
            tick += 2;
            at(tick, tick + 3, act, answer)
        };
        for value in 0..20 {
            let expected = (value > 0).then(|| value - 1);
            history.push(next(Act::Get, Answer::Holds(expected)));
            history.push(next(Act::PutIf { expected, value }, Answer::Done));
        }
        assert!(is_linearizable(&history));
        history[21].act = Act::PutIf { expected: Some(8), value: 10 };
        assert!(!is_linearizable(&history));
    }

    #[test]
    fn every_key_is_a_register_of_its_own() {
        let other = Call { key: 1, ..at(2, 3, Act::Get, NOTHING) };
        assert!(is_linearizable(&[at(0, 1, Act::Put(1), Answer::Done), other]));
    }
}
