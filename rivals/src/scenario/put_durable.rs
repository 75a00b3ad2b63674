//! A put of 1 KiB that waits for the device, from 1, 16 and 64 threads.

use std::{cell::RefCell, sync::Arc, time::Duration};

use super::{Scenario, ours_on_disk};
use crate::{
    contender::{Entrant, Outcome, Settings, SyncLevel},
    measure::{Act, Plan, Rounds, rounds, run},
    ours::Tag,
    peer::{
        bare_log::BareLog, fjall::FjallStore, local_files::LocalFiles, object_store::LocalObjects,
        raft_engine::RaftEngine, redb::RedbStore,
    },
    report::{Better, OURS, Ratio, Table, Target},
    workload::{KIB, bodies, upload_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "put-durable",
    about: "1 KiB puts that wait for the device, 1 / 16 / 64 threads, beside append + fdatasync",
    run: run_all,
};

/// Threads, then what to reach of each peer there.
const TARGETS: &[(usize, &[(&str, f64)])] = &[
    (1, &[("bare log", 0.8), ("object_store fsync", 5.0)]),
    (16, &[("bare log", 0.75), ("raft-engine", 1.0), ("object_store fsync", 8.0)]),
    (64, &[("bare log", 0.75)]),
];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let entrants = entrants(settings)?;
    let next_ids = RefCell::new(vec![0; entrants.len()]);
    let bodies = bodies(KIB);
    let mut ratios = Vec::new();
    for &(workers, targets) in TARGETS {
        let turns = rounds(Rounds::of(settings, 7, 1), &entrants, |place, entrant| {
            let plan = Plan {
                act: Act::Put,
                workers,
                time: Duration::from_millis(settings.pick(500, 250)),
                burst: 1,
                ids: next_ids.borrow()[place],
                key: Arc::new(upload_key),
                bodies: bodies.clone(),
            };
            let turn = run(entrant, &plan)?;
            next_ids.borrow_mut()[place] = turn.next_id;
            Ok(turn)
        })?;
        let title = format!("put-durable: 1 KiB, {workers} threads");
        let mut table = Table::new(title, "puts/s", Better::Higher);
        for (entrant, turns) in entrants.iter().zip(&turns) {
            table.turns(&entrant.name, entrant.level, turns);
        }
        table.print();
        ratios.extend(targets.iter().filter_map(|&(peer, want)| {
            let scenario = format!("put-durable/{workers}");
            table.target(&Target { scenario, ours: OURS, peer, want })
        }));
        ratios.extend(bound(&table, workers, targets));
    }
    Ok(ratios)
}

/// How far the bare loop itself is from a peer: nobody who appends and syncs gets further.
fn bound(table: &Table, workers: usize, targets: &[(&str, f64)]) -> Vec<Ratio> {
    let beyond = targets.iter().filter(|(peer, _)| *peer != "bare log");
    let line = |&(peer, want): &(&str, f64)| {
        let scenario = format!("put-durable/{workers}/bare-log");
        table.target(&Target { scenario, ours: "bare log", peer, want })
    };
    beyond.filter_map(line).collect()
}

fn entrants(settings: &Settings) -> Outcome<Vec<Entrant>> {
    let fresh = |name| settings.fresh(name);
    let synced = SyncLevel::Synced;
    let mut all = Vec::from_iter(ours_on_disk(OURS, settings, synced, Tag::Opaque)?);
    all.extend(ours_on_disk("cistern md5", settings, synced, Tag::Md5)?);
    all.extend([
        Entrant::calls("bare log", synced, BareLog::create(&fresh("bare log")?, true)?),
        Entrant::calls("raft-engine", synced, RaftEngine::open(&fresh("raft")?, false)?),
        Entrant::calls("raft-engine prefill", synced, RaftEngine::open(&fresh("raft")?, true)?),
        Entrant::calls("fjall", synced, FjallStore::open(&fresh("fjall")?, true)?),
        Entrant::calls(
            "redb",
            synced,
            RedbStore::open(&fresh("redb")?, redb::Durability::Immediate)?,
        ),
        Entrant::calls("std::fs fsync", synced, LocalFiles::new(fresh("files")?, true)),
        Entrant::tasks("object_store fsync", synced, LocalObjects::new(&fresh("objects")?, true)?),
    ]);
    #[cfg(feature = "opendal")]
    all.push(Entrant::tasks(
        "opendal fs",
        SyncLevel::FileSynced,
        crate::peer::opendal::OpendalFiles::new(&fresh("opendal")?)?,
    ));
    Ok(all)
}
