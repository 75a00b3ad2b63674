//! Random histories against a map.

use super::{Effort, Index, Rows, all_rows, open};
use crate::device::MemoryDevice;
use bytes::Bytes;
use cistern_storage_core::port::{KeyRange, Order, Row};
use proptest::{collection::vec, option, prelude::*};
use std::ops::Bound;

#[derive(Clone, Debug)]
enum Step {
    Publish(Vec<(Bytes, Option<Bytes>)>),
    Freeze,
    Checkpoint,
    Merge,
    Reopen,
    Query(Bound<Bytes>, Bound<Bytes>, usize),
}

fn any_key() -> impl Strategy<Value = Bytes> {
    let shape = prop_oneof![
        4 => "[ab]{1,5}",
        2 => "bucket/(cats|dogs)/[a-d]{1,2}",
        1 => Just("b".repeat(3000)),
    ];
    shape.prop_map(Bytes::from)
}

fn any_value() -> impl Strategy<Value = Bytes> {
    let len = prop_oneof![4 => 0..40_usize, 3 => 500..2500_usize, 1 => 4000..9000_usize];
    (len, any::<u8>()).prop_map(|(len, fill)| Bytes::from(vec![fill; len]))
}

fn any_bound() -> impl Strategy<Value = Bound<Bytes>> {
    prop_oneof![
        1 => Just(Bound::Unbounded),
        2 => any_key().prop_map(Bound::Included),
        2 => any_key().prop_map(Bound::Excluded),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let change = (any_key(), option::weighted(0.7, any_value()));
    prop_oneof![
        6 => vec(change, 1..24).prop_map(Step::Publish),
        2 => Just(Step::Freeze),
        3 => Just(Step::Checkpoint),
        2 => Just(Step::Merge),
        1 => Just(Step::Reopen),
        6 => (any_bound(), any_bound(), 0..12_usize).prop_map(|(s, e, l)| Step::Query(s, e, l)),
    ]
}

/// What the index ought to hold: now, as it was last frozen, and as it was last checkpointed.
#[derive(Debug, Default)]
struct Model {
    now: Rows,
    frozen: Rows,
    durable: Rows,
}

impl Model {
    fn scan(&self, range: KeyRange<'_>, order: Order, limit: usize) -> Vec<Row> {
        let inside = self.now.iter().filter(|(key, _)| range.contains(key));
        let mut rows: Vec<_> = inside
            .map(|(key, value)| Row { key: key.clone(), value: value.clone().into() })
            .collect();
        if order == Order::Reverse {
            rows.reverse();
        }
        rows.truncate(limit);
        rows
    }
}

fn apply(index: &mut Index, model: &mut Model, device: &MemoryDevice, step: Step) {
    match step {
        Step::Publish(changes) => {
            index.publish(changes.clone());
            for (key, value) in changes {
                match value {
                    Some(value) => drop(model.now.insert(key, value)),
                    None => drop(model.now.remove(&key)),
                }
            }
        }
        Step::Freeze => {
            index.freeze();
            model.frozen = model.now.clone();
        }
        Step::Checkpoint => {
            index.checkpoint(Bytes::from(format!("{} rows", model.frozen.len()))).unwrap();
            model.durable = model.frozen.clone();
        }
        Step::Merge => drop(index.merge(Effort::Busy).unwrap()),
        Step::Reopen => {
            let (reopened, meta) = open(device);
            let rows = model.durable.len();
            assert_eq!(meta.unwrap_or("0 rows".into()), format!("{rows} rows"));
            *index = reopened;
            model.now = model.durable.clone();
            model.frozen = model.durable.clone();
        }
        Step::Query(start, end, limit) => query(index, model, &start, &end, limit),
    }
}

fn query(index: &Index, model: &Model, start: &Bound<Bytes>, end: &Bound<Bytes>, limit: usize) {
    let bound = |bound: &'_ Bound<Bytes>| bound.clone();
    let (start, end) = (bound(start), bound(end));
    let range = KeyRange {
        start: start.as_ref().map(|key| &key[..]),
        end: end.as_ref().map(|key| &key[..]),
    };
    for order in [Order::Forward, Order::Reverse] {
        let found = index.scan(range, order, limit).unwrap();
        assert_eq!(found, model.scan(range, order, limit), "{range:?} {order:?} {limit}");
    }
    if let Bound::Included(key) | Bound::Excluded(key) = &start {
        assert_eq!(index.get(key).unwrap().as_ref(), model.now.get(key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn an_index_behaves_like_a_map(steps in vec(any_step(), 1..60)) {
        let device = MemoryDevice::new();
        let (mut index, mut model) = (open(&device).0, Model::default());
        for step in steps {
            apply(&mut index, &mut model, &device, step);
        }
        prop_assert_eq!(all_rows(&index).unwrap(), model.now.clone());
        for (key, value) in &model.now {
            prop_assert_eq!(index.get(key).unwrap(), Some(value.clone()));
        }
        let reverse = index.scan(super::EVERYTHING, Order::Reverse, usize::MAX).unwrap();
        prop_assert_eq!(reverse, model.scan(super::EVERYTHING, Order::Reverse, usize::MAX));
        let mut findings = Vec::new();
        index.verify(&mut |finding| findings.push(finding)).unwrap();
        prop_assert_eq!(findings, vec![]);
    }
}
