//! In memory: put and get of 1 KiB beside a bare map, and the time to open a store.

use std::{sync::Arc, time::Duration};

use super::{Scenario, ours_in_memory};
use crate::{
    contender::{Entrant, Outcome, Settings, SyncLevel},
    measure::{Act, Plan, Rounds, rounds, run, seconds},
    ours,
    peer::{bare_map::BareMap, object_store::MemoryObjects},
    report::{Better, OURS, Ratio, Span, Table, Target},
    workload::{KIB, bodies, shuffled, upload_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "memory",
    about: "1 KiB puts and gets in memory beside a map under a lock; opening a store",
    run: run_all,
};

const OBJECTS: u64 = 100_000;
const TARGETS: &[(&str, f64)] = &[("bare map", 0.7), ("object_store memory", 1.5)];
const OPEN_MICROSECONDS: f64 = 20.0;

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let mut entrants = Vec::from_iter(ours_in_memory(OURS)?);
    entrants.extend([
        Entrant::calls("bare map", SyncLevel::Memory, BareMap::default()),
        Entrant::calls("object_store memory", SyncLevel::Memory, MemoryObjects::default()),
    ]);
    let keys: Arc<[String]> = (0..OBJECTS)
        .map(|id| {
            let mut key = String::new();
            upload_key(id, &mut key);
            key
        })
        .collect();
    let bodies = bodies(KIB);
    for entrant in &entrants {
        for id in shuffled(OBJECTS) {
            entrant.put(&keys[id as usize], bodies[id as usize % bodies.len()].clone())?;
        }
    }

    let mut ratios = Vec::new();
    for (act, name) in [(Act::PutOver, "put"), (Act::Get, "get")] {
        for workers in [1, 2] {
            let keys = keys.clone();
            let plan = Plan {
                act,
                workers,
                time: Duration::from_millis(settings.pick(500, 150)),
                burst: 64,
                ids: OBJECTS,
                key: Arc::new(move |id, key| {
                    key.clear();
                    key.push_str(&keys[id as usize]);
                }),
                bodies: bodies.clone(),
            };
            let turns =
                rounds(Rounds::of(settings, 7, 1), &entrants, |_, entrant| run(entrant, &plan))?;
            let title = format!("memory: {name} 1 KiB over {OBJECTS} keys, {workers} threads");
            let mut table = Table::new(title, "acts/s", Better::Higher);
            for (entrant, turns) in entrants.iter().zip(&turns) {
                table.turns(&entrant.name, entrant.level, turns);
            }
            table.print();
            ratios.extend(TARGETS.iter().filter_map(|&(peer, want)| {
                let scenario = format!("memory/{name}/{workers}");
                table.target(&Target { scenario, ours: OURS, peer, want })
            }));
        }
    }
    ratios.extend(opening()?);
    Ok(ratios)
}

fn opening() -> Outcome<Option<Ratio>> {
    let mut microseconds = Vec::new();
    for _ in 0..1000 {
        let (time, store) = seconds(ours::in_memory)?;
        if store.is_none() {
            return Ok(None);
        }
        microseconds.push(time * 1e6);
    }
    let open = Span::of(microseconds.clone());
    let mut table = Table::new("memory: open a store with one bucket", "us", Better::Lower);
    table.row(OURS, SyncLevel::Memory, microseconds, "of 1,000 opened one after another");
    table.print();
    Ok(Some(Ratio::below("memory/open", "20-us", open.median, OPEN_MICROSECONDS)))
}
