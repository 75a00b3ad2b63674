//! Walks, while all that they walk over changes.

use super::{EVERYTHING, open, put};
use crate::{
    device::MemoryDevice,
    index::{Effort, Index},
};
use bytes::Bytes;
use cistern_storage_core::port::{KeyRange, Step};
use std::ops::Bound;

const ROWS: u32 = 400;

fn key(number: u32) -> Bytes {
    format!("key-{number:05}").into()
}

/// Writes all rows anew, at once, as those of this round.
fn write_all(index: &Index, round: u32) {
    let value = Bytes::copy_from_slice(&round.to_be_bytes());
    index.publish((0..ROWS).map(|number| (key(number), Some(value.clone()))));
}

/// What happens every so many rows, and how far the walk jumps at each row.
#[track_caller]
fn check(every: u32, stride: u32, below: impl Fn(&Index, u32)) {
    let (index, _) = open(&MemoryDevice::new());
    write_all(&index, 0);
    index.freeze();
    index.checkpoint(Bytes::new()).unwrap();
    write_all(&index, 0);
    let (mut shown, mut next, mut round, mut seen) = (0, 0, 0, 0);
    let walked = index.walk(EVERYTHING, &mut |found, value| {
        assert_eq!(found, &key(next)[..]);
        let of = u32::from_be_bytes(value.whole()[..].try_into().unwrap());
        assert!(of >= seen && of <= round, "{of} is shown after {seen}, in round {round}");
        seen = of;
        shown += 1;
        next += stride;
        if shown % every == 0 {
            round += 1;
            write_all(&index, round);
            below(&index, round);
        }
        if stride == 1 { Step::Next } else { Step::Jump(key(next)) }
    });
    walked.unwrap();
    assert_eq!(shown, ROWS.div_ceil(stride), "each row once");
    assert!(every > shown || seen > 0, "what was written meanwhile is seen");
}

#[test]
fn a_walk_goes_on_while_rows_are_written_frozen_checkpointed_and_merged() {
    for (every, stride) in [(1, 1), (3, 1), (50, 1), (1, 7), (5, 7), (1, 399)] {
        check(every, stride, |_, _| {});
        check(every, stride, |index, _| index.freeze());
        check(every, stride, |index, round| {
            index.freeze();
            if round % 2 == 0 {
                index.checkpoint(Bytes::new()).unwrap();
                while index.merge(Effort::Idle).unwrap() {}
            }
        });
    }
}

#[test]
fn a_walk_passes_over_what_is_deleted_and_ends_where_the_range_does() {
    let (index, _) = open(&MemoryDevice::new());
    write_all(&index, 0);
    index.freeze();
    index.checkpoint(Bytes::new()).unwrap();
    // Every other row is deleted: in the active generation, a frozen one, and a run.
    for (third, stage) in (0..3).zip([2, 1, 0]) {
        let gone = (0..ROWS).filter(|number| number % 2 == 0 && number % 3 == third);
        index.publish(gone.map(|number| (key(number), None)));
        if stage > 0 {
            index.freeze();
        }
        if stage == 2 {
            index.checkpoint(Bytes::new()).unwrap();
        }
    }
    let end = key(300);
    let range = KeyRange { start: Bound::Excluded(b"key-00001"), end: Bound::Excluded(&end) };
    let mut found = Vec::new();
    let walked = index.walk(range, &mut |key, _| {
        found.push(Bytes::copy_from_slice(key));
        Step::Next
    });
    walked.unwrap();
    assert_eq!(found, (3..300).filter(|number| number % 2 == 1).map(key).collect::<Vec<_>>());
}

#[test]
fn a_jump_back_or_beyond_the_end_is_no_jump() {
    let (index, _) = open(&MemoryDevice::new());
    (0..3).for_each(|number| put(&index, key(number), "row"));
    for (to, shown) in [(key(0), 3), (Bytes::new(), 3), (key(9), 1)] {
        let mut count = 0;
        let walked = index.walk(EVERYTHING, &mut |_, _| {
            count += 1;
            Step::Jump(to.clone())
        });
        walked.unwrap();
        assert_eq!(count, shown, "{to:?}");
    }
}
