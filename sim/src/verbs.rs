//! Verbs above a backend that fails: a verb that fails has done nothing, or all.

use crate::{backend::FaultyBackend, chance::Chance, faults::Tally, world::Violation};
use cistern_conformance::model::{Call, Heard, Held, Model};
use cistern_storage_core::{
    MemoryBackend, Store,
    port::{ManualClock, SeededEntropy},
};
use std::sync::Arc;

/// Calls verbs by chance above a backend that fails by chance, and says how often it did.
///
/// # Errors
/// What did not hold.
pub fn run_verbs(seed: u64) -> Result<Tally, Violation> {
    let chance = Chance::new(seed);
    let memory = Arc::new(MemoryBackend::new());
    let backend = Arc::new(FaultyBackend::new(memory, chance.draw()));
    let clock = Arc::new(ManualClock::new(Model::begin()));
    let entropy = Arc::new(SeededEntropy::new(chance.draw()));
    let mut held = Held::new(Arc::clone(&clock));
    let open = || {
        backend.recover();
        let store = Store::builder(Arc::clone(&backend) as _).settings(Model::settings());
        let store = store.clock(Arc::clone(&clock) as _).entropy(Arc::clone(&entropy) as _);
        store.build().map_err(|error| format!("it does not open: {error}"))
    };
    held.set_store(Some(open()?));
    let mut model = Model::new();
    let per_mille = chance.pick(&[5, 30, 150]);
    for (at, call) in Call::draw(chance.draw(), 60).iter().enumerate() {
        let states = model.halfway(call);
        let before = backend.tally().total();
        let expected = model.call(call);
        backend.fail(per_mille);
        let heard = held.call(call, &expected);
        backend.fail(0);
        let failed = backend.tally().total() > before;
        let why = match heard {
            Heard::Same if !backend.is_poisoned() => continue,
            Heard::Same => "it is poisoned".into(),
            Heard::Different(what) if !failed => {
                return Err(format!("call {at}, {call:?}: {what}"));
            }
            Heard::Failed(why) if !failed => {
                return Err(format!("call {at}, {call:?} failed for no reason: {why}"));
            }
            Heard::Different(why) | Heard::Failed(why) => why,
        };
        if backend.is_poisoned() {
            held.set_store(Some(open()?));
        }
        let state = states.iter().rev().find(|state| held.compare(state, true).is_ok());
        let mut differs = || {
            let last = states.last().map(|state| held.compare(state, true));
            format!("call {at}, {call:?}, failed ({why}) and left neither: {last:?}")
        };
        model = match state {
            Some(state) => state.clone(),
            None => return Err(differs()),
        };
    }
    held.compare(&model, true).map_err(|differs| format!("at the end {differs}"))?;
    Ok(backend.tally())
}
