//! The plainest store: every state that it ever had.

use bytes::Bytes;
use cistern_disk::DiskBackend;
use cistern_storage_core::port::{Backend, BlobRef, Durability, KeyRange, Order, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

/// A body, and who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Body {
    pub(crate) blob: BlobRef,
    pub(crate) seed: u64,
    pub(crate) len: usize,
}

/// All rows at one moment, each with the body that it owns.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) rows: BTreeMap<Bytes, (Bytes, Option<Body>)>,
}

/// What was committed, and what was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The state after each commit; the first is that before all.
    pub(crate) history: Vec<Arc<State>>,
    /// By durability, how many commits reached it for certain.
    acknowledged: BTreeMap<Durability, usize>,
}

/// The row that counts commits.
pub(crate) const COUNT: &[u8] = b"count";

/// The counter that does the same.
pub(crate) const COUNTER: &[u8] = b"commits";

impl Model {
    pub(crate) fn new() -> Self {
        Self { history: vec![Arc::default()], acknowledged: BTreeMap::new() }
    }

    /// The state that all commits so far leave.
    pub(crate) fn latest(&self) -> &State {
        self.history.last().expect("there is always one")
    }

    /// How many commits there were.
    pub(crate) fn commits(&self) -> usize {
        self.history.len() - 1
    }

    pub(crate) fn acknowledge(&mut self, commits: usize, durability: Durability) {
        let before = self.acknowledged.entry(durability).or_default();
        *before = commits.max(*before);
    }

    /// How many commits reached this durability or a stronger one.
    pub(crate) fn acknowledged(&self, durability: Durability) -> usize {
        self.acknowledged.range(durability..).map(|(_, commits)| *commits).max().unwrap_or(0)
    }

    /// The model of a store that was found with its first `commits` commits, all of them durable.
    pub(crate) fn found(&self, commits: usize) -> Self {
        let history = self.history[..=commits].to_vec();
        Self { history, acknowledged: BTreeMap::from([(Durability::Synced, commits)]) }
    }

    /// Checks that `store` is as some number of commits, at least `least`, left it; says how many.
    pub(crate) fn check(&self, store: &DiskBackend, least: usize, what: &str) -> usize {
        let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
        let rows = store.scan(all, Order::Forward, usize::MAX);
        let rows = rows.unwrap_or_else(|error| panic!("{what}: cannot scan: {error}"));
        let count = rows.iter().find(|row| row.key == COUNT);
        let text = |row: &Row| String::from_utf8(row.value.to_bytes().into()).unwrap();
        let count = count.map_or(0, |row| text(row).parse().unwrap());
        assert!(count >= least, "{what}: {count} commits found, {least} acknowledged");
        assert!(count <= self.commits(), "{what}: {count} commits of {} found", self.commits());

        let state = &self.history[count];
        let rows = rows.iter().map(|row| (row.key.clone(), row.value.to_bytes()));
        let expected = state.rows.iter().map(|(key, (value, _))| (key.clone(), value.clone()));
        assert!(rows.eq(expected), "{what}: rows are not those of commit {count}");
        let counters = store.counters(b"");
        let counted = i64::try_from(count).unwrap();
        let expected = [(Bytes::from_static(COUNTER), counted)];
        assert_eq!(counters, &expected[usize::from(count == 0)..], "{what}: counters");
        state.bodies().iter().for_each(|body| check_body(store, body, what));
        count
    }
}

impl State {
    /// The bodies that rows own, each once.
    pub(crate) fn bodies(&self) -> BTreeSet<Body> {
        self.rows.values().filter_map(|(_, body)| *body).collect()
    }
}

fn check_body(store: &DiskBackend, body: &Body, what: &str) {
    let blob = store.open_blob(&body.blob);
    let blob = blob.unwrap_or_else(|error| panic!("{what}: cannot open {body:?}: {error}"));
    assert_eq!(blob.len(), body.len as u64, "{what}: {body:?}");
    let bytes = blob.read(0..blob.len());
    let bytes = bytes.unwrap_or_else(|error| panic!("{what}: cannot read {body:?}: {error}"));
    assert!(bytes[..] == bytes_of(body.seed, body.len)[..], "{what}: {body:?} has other bytes");
}

/// The bytes of a body.
pub(crate) fn bytes_of(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    for (at, word) in bytes.chunks_mut(8).enumerate() {
        let value = seed.wrapping_add(at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word.copy_from_slice(&value.to_le_bytes()[..word.len()]);
    }
    bytes
}
