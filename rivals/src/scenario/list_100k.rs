//! All of 100,000 objects in 100 folders: every key with its size.

use bytes::Bytes;

use super::{Scenario, ours_on_disk};
use crate::{
    contender::{Contender, Entrant, Outcome, Settings, Store, SyncLevel},
    measure::{Rounds, rounds, seconds},
    ours::Tag,
    peer::{
        bare_map::BareMap,
        fjall::FjallStore,
        local_files::LocalFiles,
        object_store::{LocalObjects, MemoryObjects},
        redb::RedbStore,
    },
    report::{Better, OURS, Ratio, Table, Target},
    workload::{bodies, tree_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "list-100k",
    about: "every key and size of 100,000 objects, beside a directory walk",
    run: run_all,
};

const TARGETS: &[(&str, f64)] = &[("directory walk", 5.0), ("object_store", 20.0)];
const PER_PREFIX: u64 = 1000;

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let count = settings.pick(100_000, 10_000);
    let entrants = tree_entrants(settings, count, PER_PREFIX)?;
    let times = rounds(Rounds::of(settings, 5, 1), &entrants, |_, entrant| {
        let (time, listed) = seconds(|| entrant.list())?;
        assert_eq!(listed, count, "{} must list all", entrant.name);
        Ok(time * 1e3)
    })?;
    let title = format!("list-100k: {count} keys");
    let mut table = Table::new(title, "ms", Better::Lower);
    for (entrant, times) in entrants.iter().zip(times) {
        table.row(&entrant.name, entrant.level, times, "");
    }
    table.print();
    let targets = TARGETS.iter().map(|&(peer, want)| Target {
        scenario: "list-100k".into(),
        ours: OURS,
        peer,
        want,
    });
    Ok(targets.filter_map(|target| table.target(&target)).collect())
}

/// Every contender with the same tree of small objects. The three that read files share one tree.
pub fn tree_entrants(settings: &Settings, count: u64, per_prefix: u64) -> Outcome<Vec<Entrant>> {
    let bodies = bodies(64);
    let objects = || {
        (0..count).map(|id| {
            let mut key = String::new();
            tree_key(id, per_prefix, &mut key);
            (key, bodies[id as usize % bodies.len()].clone())
        })
    };
    let tree = settings.fresh("tree")?;
    LocalFiles::new(tree.clone(), false).put_all(&mut objects())?;

    let (os, memory) = (SyncLevel::Os, SyncLevel::Memory);
    let mut all = Vec::from_iter(ours_on_disk(OURS, settings, os, Tag::Opaque)?);
    all.extend([
        Entrant::calls("bare map", memory, BareMap::default()),
        Entrant::calls("object_store memory", memory, MemoryObjects::default()),
        Entrant::calls("fjall", os, FjallStore::open(&settings.fresh("fjall")?, false)?),
        Entrant::calls(
            "redb",
            SyncLevel::Synced,
            RedbStore::open(&settings.fresh("redb")?, redb::Durability::Immediate)?,
        ),
    ]);
    for entrant in &all {
        load(entrant, &mut objects())?;
    }
    all.extend([
        Entrant::calls("directory walk", os, LocalFiles::new(tree.clone(), false)),
        Entrant::calls("directory walk, names only", os, LocalFiles::names_only(tree.clone())),
        Entrant::tasks("object_store", os, LocalObjects::new(&tree, false)?),
    ]);
    #[cfg(feature = "opendal")]
    all.push(Entrant::tasks(
        "opendal fs",
        SyncLevel::FileSynced,
        crate::peer::opendal::OpendalFiles::new(&tree)?,
    ));
    Ok(all)
}

fn load(entrant: &Entrant, objects: &mut dyn Iterator<Item = (String, Bytes)>) -> Outcome<()> {
    match &entrant.store {
        Store::Calls(store) => store.put_all(objects),
        Store::Tasks(_) => unreachable!("the async stores read the shared tree"),
    }
}
