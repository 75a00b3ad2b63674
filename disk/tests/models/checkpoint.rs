//! Checkpoints and merges against readers: `index/mod.rs`.
//!
//! | here | in the engine |
//! |---|---|
//! | [`Index::publish`] | `Index::publish` |
//! | [`Index::get`], [`Index::scan`] | the same names |
//! | [`Index::freeze`] | `Index::freeze` |
//! | [`Index::checkpoint`] | `Index::checkpoint`, `write_frozen` |
//! | [`Index::merge`] | `Index::merge`, `plan_merge`, `install_merged` |
//!
//! A generation or run is a small map; writing a run is a moment in which anybody else may act. The
//! lock of the manifest, which orders checkpoints and merges among themselves, is there.

use crate::{fails, holds};
use shuttle::{
    sync::{Arc, Mutex, RwLock},
    thread,
};
use std::collections::BTreeMap;

type Rows = BTreeMap<u8, u64>;

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// A reader takes the lower rows first, and the active ones afterwards.
    ReadsFromBelow,
    /// Frozen rows are let go before their run is there.
    FrozenGoesFirst,
    /// A checkpoint lets everything frozen go, also what was frozen after it began.
    AllFrozenGoes,
    /// The rows of a commit become visible one by one.
    RowByRow,
    /// A merge puts back the runs that were there when it began.
    MergeForgetsNewRuns,
}

#[derive(Clone, Default)]
struct Lower {
    frozen: Vec<Arc<Rows>>,
    runs: Vec<Arc<Rows>>,
}

#[derive(Default)]
struct State {
    active: Rows,
    lower: Arc<Lower>,
}

struct Index {
    state: RwLock<State>,
    manifest: Mutex<()>,
    checkpointing: Mutex<()>,
    broken: Broken,
}

impl Index {
    fn new(broken: Broken) -> Arc<Self> {
        let state = RwLock::new(State::default());
        Arc::new(Self {
            state,
            manifest: Mutex::default(),
            checkpointing: Mutex::default(),
            broken,
        })
    }

    fn publish(&self, changes: &[(u8, u64)]) {
        let mut state = self.state.write().unwrap();
        for (key, value) in changes {
            state.active.insert(*key, *value);
            if self.broken == Broken::RowByRow {
                drop(state);
                state = self.state.write().unwrap();
            }
        }
    }

    fn lower(&self) -> Arc<Lower> {
        Arc::clone(&self.state.read().unwrap().lower)
    }

    fn get(&self, key: u8) -> Option<u64> {
        let early = (self.broken == Broken::ReadsFromBelow).then(|| self.lower());
        let lower = {
            let state = self.state.read().unwrap();
            if let Some(value) = state.active.get(&key) {
                return Some(*value);
            }
            early.unwrap_or_else(|| Arc::clone(&state.lower))
        };
        lower.frozen.iter().chain(&lower.runs).find_map(|rows| rows.get(&key).copied())
    }

    fn scan(&self) -> Rows {
        let (active, lower) = {
            let state = self.state.read().unwrap();
            (state.active.clone(), Arc::clone(&state.lower))
        };
        thread::yield_now();
        let mut rows = Rows::new();
        // The oldest first: the newer ones overwrite.
        for older in lower.runs.iter().rev().chain(lower.frozen.iter().rev()) {
            rows.extend(older.iter());
        }
        rows.extend(active);
        rows
    }

    fn freeze(&self) {
        let mut state = self.state.write().unwrap();
        if state.active.is_empty() {
            return;
        }
        let active = std::mem::take(&mut state.active);
        let mut lower = Lower::clone(&state.lower);
        lower.frozen.insert(0, Arc::new(active));
        state.lower = Arc::new(lower);
    }

    fn checkpoint(&self) {
        let _turn = self.checkpointing.lock().unwrap();
        let lower = self.lower();
        let taken = lower.frozen.len();
        if self.broken == Broken::FrozenGoesFirst {
            let mut state = self.state.write().unwrap();
            let mut left = Lower::clone(&state.lower);
            left.frozen.truncate(left.frozen.len() - taken);
            state.lower = Arc::new(left);
        }
        let mut run = Rows::new();
        lower.frozen.iter().rev().for_each(|rows| run.extend(rows.iter()));
        thread::yield_now();
        let _manifest = self.manifest.lock().unwrap();
        let mut runs = self.lower().runs.clone();
        if !run.is_empty() {
            runs.insert(0, Arc::new(run));
        }
        thread::yield_now();
        let mut state = self.state.write().unwrap();
        let mut frozen = state.lower.frozen.clone();
        match self.broken {
            Broken::FrozenGoesFirst => {}
            Broken::AllFrozenGoes => frozen.clear(),
            _ => frozen.truncate(frozen.len() - taken),
        }
        state.lower = Arc::new(Lower { frozen, runs });
    }

    fn merge(&self) {
        let inputs = self.lower().runs.clone();
        if inputs.len() < 2 {
            return;
        }
        let mut output = Rows::new();
        inputs.iter().rev().for_each(|rows| output.extend(rows.iter()));
        thread::yield_now();
        let _manifest = self.manifest.lock().unwrap();
        let mut runs = match self.broken {
            Broken::MergeForgetsNewRuns => inputs.clone(),
            _ => self.lower().runs.clone(),
        };
        let at = runs.iter().position(|run| Arc::ptr_eq(run, &inputs[0])).unwrap();
        runs.splice(at..at + inputs.len(), [Arc::new(output)]);
        thread::yield_now();
        let mut state = self.state.write().unwrap();
        let frozen = state.lower.frozen.clone();
        state.lower = Arc::new(Lower { frozen, runs });
    }
}

const KEYS: [u8; 2] = [1, 2];
const COMMITS: u64 = 4;

/// A writer, a reader, one who takes checkpoints, and one who merges.
fn model(broken: Broken) {
    let index = Index::new(broken);
    let commit = |index: &Index, value: u64| index.publish(&KEYS.map(|key| (key, value)));
    // Two runs, so that there is something to merge from the beginning.
    for _ in 0..2 {
        commit(&index, 1);
        index.freeze();
        index.checkpoint();
    }
    let spawn = |act: fn(&Index)| {
        let index = Arc::clone(&index);
        thread::spawn(move || act(&index))
    };
    let reader = spawn(|index| {
        let mut newest = 1;
        for _ in 0..3 {
            let rows = index.scan();
            // A commit is seen whole, or not at all, and never ceases to be seen.
            assert_eq!(rows.get(&KEYS[0]), rows.get(&KEYS[1]), "half a commit");
            let value = rows.get(&KEYS[0]).copied();
            assert!(value >= Some(newest), "{value:?} after {newest}");
            newest = value.unwrap();
            let value = index.get(KEYS[1]);
            assert!(value >= Some(newest), "{value:?} after {newest}");
            newest = value.unwrap();
        }
    });
    let checkpoints = |index: &Index| {
        for _ in 0..3 {
            index.freeze();
            index.checkpoint();
        }
    };
    // Freezing is done by others, too: what comes on top while a checkpoint is taken must stay.
    let freezer = spawn(Index::freeze);
    let checkpointer = spawn(checkpoints);
    let merger = spawn(|index| (0..2).for_each(|_| index.merge()));
    for value in 2..=COMMITS {
        commit(&index, value);
    }
    for thread in [reader, freezer, checkpointer, merger] {
        thread.join().unwrap();
    }
    assert_eq!(index.scan(), KEYS.map(|key| (key, COMMITS)).into_iter().collect());
    assert_eq!(index.get(KEYS[0]), Some(COMMITS));
}

#[test]
fn a_reader_sees_every_row_once_while_it_sinks() {
    holds(|| model(Broken::Nothing));
}

#[test]
fn a_model_with_one_thing_wrong_fails() {
    fails(|| model(Broken::ReadsFromBelow));
    fails(|| model(Broken::FrozenGoesFirst));
    fails(|| model(Broken::AllFrozenGoes));
    fails(|| model(Broken::RowByRow));
    fails(|| model(Broken::MergeForgetsNewRuns));
}
