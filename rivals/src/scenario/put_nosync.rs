//! A put of 1 KiB that is handed to the operating system, from one thread.
//!
//! Files are shown twice: in a fresh directory, and after many files have been deleted nearby, when
//! ext4 looks long for an inode that was not freed in the last minutes.
//!
//! A put of fjall writes its journal to the operating system before it returns (a buffer that is
//! flushed at the end of each insert, unless the journal is persisted by hand): its like is our level
//! `Os`. The bare loop with a checksum is what no such put can do without; its distance from fjall is
//! printed as a line of its own. Our level `Memory`, which writes nothing, stands beside redb's.

use std::{cell::RefCell, path::PathBuf, sync::Arc, time::Duration};

use super::{Scenario, ours_on_disk};
use crate::{
    contender::{Contender, Entrant, Outcome, Settings, SyncLevel},
    measure::{Act, Plan, Rounds, Turn, rounds, run},
    ours::Tag,
    peer::{
        bare_log::BareLog, fjall::FjallStore, local_files::LocalFiles, object_store::LocalObjects,
        redb::RedbStore,
    },
    report::{Better, OURS, Ratio, Table, Target},
    workload::{KIB, bodies, upload_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "put-nosync",
    about: "1 KiB puts handed to the operating system; files in a fresh folder and after deletes",
    run: run_all,
};

const SUMMED: &str = "bare log with sums";

const TARGETS: &[(&str, f64)] = &[("std::fs", 10.0), ("fjall", 3.0)];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let fresh = entrants(settings)?;
    let mut table = Table::new("put-nosync: 1 KiB, 1 thread", "puts/s", Better::Higher);
    for (entrant, turns) in fresh.iter().zip(measure(settings, &fresh)?) {
        table.turns(&entrant.name, entrant.level, &turns);
    }
    table.print();

    let after = after_deletes(settings)?;
    let mut late = Table::new("put-nosync: the same after mass deletes", "puts/s", Better::Higher);
    for (entrant, turns) in after.iter().zip(measure(settings, &after)?) {
        late.turns(&entrant.name, entrant.level, &turns);
    }
    late.print();

    let ratio = |table: &Table, scenario: &str, peer, want| {
        table.target(&Target { scenario: scenario.into(), ours: OURS, peer, want })
    };
    let mut ratios: Vec<Ratio> = TARGETS
        .iter()
        .filter_map(|&(peer, want)| ratio(&table, "put-nosync", peer, want))
        .collect();
    // How far anybody gets who hands a sum and the bytes to the system, one put at a time.
    ratios.extend(table.target(&Target {
        scenario: "put-nosync/bare-log".into(),
        ours: SUMMED,
        peer: "fjall",
        want: 3.0,
    }));
    ratios.extend(ratio(&late, "put-nosync/after-deletes", "std::fs", 10.0));
    Ok(ratios)
}

fn measure(settings: &Settings, entrants: &[Entrant]) -> Outcome<Vec<Vec<Turn>>> {
    let next_ids = RefCell::new(vec![0; entrants.len()]);
    let bodies = bodies(KIB);
    rounds(Rounds::of(settings, 5, 1), entrants, |place, entrant| {
        let plan = Plan {
            act: Act::Put,
            workers: 1,
            time: Duration::from_millis(settings.pick(500, 200)),
            burst: 1,
            ids: next_ids.borrow()[place],
            key: Arc::new(upload_key),
            bodies: bodies.clone(),
        };
        let turn = run(entrant, &plan)?;
        next_ids.borrow_mut()[place] = turn.next_id;
        Ok(turn)
    })
}

fn entrants(settings: &Settings) -> Outcome<Vec<Entrant>> {
    let fresh = |name| settings.fresh(name);
    let os = SyncLevel::Os;
    let mut all = Vec::from_iter(ours_on_disk(OURS, settings, os, Tag::Opaque)?);
    all.extend(ours_on_disk("cistern md5", settings, os, Tag::Md5)?);
    all.extend(ours_on_disk("cistern memory", settings, SyncLevel::Memory, Tag::Opaque)?);
    all.extend([
        Entrant::calls("bare log", os, BareLog::create(&fresh("bare log")?, false)?),
        Entrant::calls(SUMMED, os, BareLog::create(&fresh("summed log")?, false)?.summed()),
        Entrant::calls("std::fs", os, LocalFiles::new(fresh("files")?, false)),
        Entrant::tasks("object_store", os, LocalObjects::new(&fresh("objects")?, false)?),
        Entrant::calls("fjall", os, FjallStore::open(&fresh("fjall")?, false)?),
        Entrant::calls(
            "redb",
            SyncLevel::Memory,
            RedbStore::open(&fresh("redb")?, redb::Durability::None)?,
        ),
    ]);
    Ok(all)
}

/// Folders as their file system sees them when a program has just tidied up: the folders stay, the
/// files are gone. For us the folder is as fresh as ever, since we keep no file an object.
fn after_deletes(settings: &Settings) -> Outcome<Vec<Entrant>> {
    let os = SyncLevel::Os;
    let tidied = || -> Outcome<PathBuf> {
        let folder = settings.fresh("tidied")?;
        let files = LocalFiles::new(folder.clone(), false);
        let mut keys = vec![String::new(); settings.pick(50_000, 10_000)];
        for (id, key) in keys.iter_mut().enumerate() {
            upload_key(id as u64, key);
            files.put(key, "x".into())?;
        }
        crate::process::flush_all()?;
        keys.iter().try_for_each(|key| std::fs::remove_file(folder.join(key)))?;
        Ok(folder)
    };
    let mut all = Vec::from_iter(ours_on_disk(OURS, settings, os, Tag::Opaque)?);
    all.extend([
        Entrant::calls("std::fs", os, LocalFiles::new(tidied()?, false)),
        Entrant::tasks("object_store", os, LocalObjects::new(&tidied()?, false)?),
    ]);
    Ok(all)
}
