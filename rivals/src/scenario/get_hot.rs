//! A get of 1 KiB at random out of objects that all fit in memory.

use std::{sync::Arc, time::Duration};

use super::{Scenario, ours_on_disk};
use crate::{
    contender::{Entrant, Outcome, Settings, SyncLevel},
    measure::{Act, Plan, Rounds, rounds, run},
    ours::Tag,
    peer::{
        bare_map::BareMap, fjall::FjallStore, local_files::LocalFiles, object_store::LocalObjects,
        redb::RedbStore,
    },
    report::{Better, OURS, Ratio, Table, Target},
    workload::{KIB, bodies, shuffled, upload_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "get-hot",
    about: "1 KiB gets at random out of 20,000 objects in the page cache, 1 and 2 threads",
    run: run_all,
};

const TARGETS: &[(&str, f64)] = &[("std::fs", 2.5), ("redb", 1.5), ("object_store", 30.0)];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let count = settings.pick(20_000, 2_000);
    let entrants = entrants(settings)?;
    let bodies = bodies(KIB);
    let mut key = String::new();
    for id in shuffled(count) {
        upload_key(id, &mut key);
        for entrant in &entrants {
            entrant.put(&key, bodies[id as usize % bodies.len()].clone())?;
        }
    }
    let keys: Arc<[String]> = (0..count)
        .map(|id| {
            upload_key(id, &mut key);
            key.clone()
        })
        .collect();

    let mut ratios = Vec::new();
    for workers in [1, 2] {
        let keys = keys.clone();
        let plan = Plan {
            act: Act::Get,
            workers,
            time: Duration::from_millis(settings.pick(500, 150)),
            burst: 16,
            ids: count,
            key: Arc::new(move |id, key| {
                key.clear();
                key.push_str(&keys[id as usize]);
            }),
            bodies: bodies.clone(),
        };
        let turns =
            rounds(Rounds::of(settings, 5, 1), &entrants, |_, entrant| run(entrant, &plan))?;
        let title = format!("get-hot: 1 KiB, {workers} threads");
        let mut table = Table::new(title, "gets/s", Better::Higher);
        for (entrant, turns) in entrants.iter().zip(&turns) {
            table.turns(&entrant.name, entrant.level, turns);
        }
        table.print();
        ratios.extend(TARGETS.iter().filter_map(|&(peer, want)| {
            let scenario = format!("get-hot/{workers}");
            table.target(&Target { scenario, ours: OURS, peer, want })
        }));
    }
    Ok(ratios)
}

fn entrants(settings: &Settings) -> Outcome<Vec<Entrant>> {
    let fresh = |name| settings.fresh(name);
    let os = SyncLevel::Os;
    let mut all = Vec::from_iter(ours_on_disk(OURS, settings, os, Tag::Opaque)?);
    all.extend([
        Entrant::calls("bare map", SyncLevel::Memory, BareMap::default()),
        Entrant::calls("std::fs", os, LocalFiles::new(fresh("files")?, false)),
        Entrant::tasks("object_store", os, LocalObjects::new(&fresh("objects")?, false)?),
        Entrant::calls("fjall", os, FjallStore::open(&fresh("fjall")?, false)?),
        Entrant::calls(
            "redb",
            SyncLevel::Memory,
            RedbStore::open(&fresh("redb")?, redb::Durability::None)?,
        ),
    ]);
    #[cfg(feature = "opendal")]
    all.push(Entrant::tasks(
        "opendal fs",
        SyncLevel::FileSynced,
        crate::peer::opendal::OpendalFiles::new(&fresh("opendal")?)?,
    ));
    Ok(all)
}
