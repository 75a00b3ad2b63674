//! 1,000,000 objects of 1 KiB under 1,000 prefixes: what it costs to hold them, to come back after a
//! clean close and after kill -9, and to overwrite them all five times.
//!
//! Every step runs in a child process, so that memory and death are its own. Loading and overwriting
//! run once; opening runs in rounds, each in a new process with the page cache warm.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;

use super::Scenario;
use crate::{
    contender::{Contender, Outcome, Settings, SyncLevel},
    measure::seconds,
    ours::{self, Tag},
    peer::{fjall::FjallStore, redb::RedbStore},
    process::{Again, Neighbours, disk_bytes, memory},
    report::{Better, OURS, Ratio, Span, Table},
    workload::{Dice, KIB, bodies, tree_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "million",
    about: "1,000,000 objects: load, memory, open after close and after kill -9, level, overwrite",
    run: run_all,
};

const PER_PREFIX: u64 = 1000;
const OVERWRITES: u64 = 5;
/// Puts between the opening and the kill, in parts of all objects.
const DIRTY_PART: u64 = 10;
/// A store that compacts in the background gets this long before its disk use is read again.
const SETTLE: Duration = Duration::from_secs(10);

const OPEN_CLEAN_MS: f64 = 150.0;
const OPEN_KILLED_MS: f64 = 2000.0;
const RESIDENT_MIB: f64 = 300.0;
const LEVEL_MS: f64 = 10.0;
const DISK_PER_LIVE: f64 = 1.2;

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let count: u64 = settings.pick(1_000_000, 50_000);
    let names = [OURS, "fjall", "redb"];
    let names = &names[usize::from(cfg!(not(feature = "ours")))..];
    let neighbours = Neighbours::watch()?;
    let mut tables = Tables::new(count);
    for name in names {
        tables.measure(name, settings, count)?;
    }
    println!("\nothers kept {:.2} cores busy meanwhile", neighbours.busy()?);
    Ok(tables.print())
}

struct Tables {
    load: Table,
    open_clean: Table,
    open_killed: Table,
    resident: Table,
    level: Table,
    overwrite: Table,
    disk: Table,
    ratios: Vec<Ratio>,
}

impl Tables {
    fn new(count: u64) -> Self {
        let table = |what: &str, unit, better| {
            Table::new(format!("million: {what}, {count} objects of 1 KiB"), unit, better)
        };
        Self {
            load: table("load", "puts/s", Better::Higher),
            open_clean: table("open after a clean close, first get included", "ms", Better::Lower),
            open_killed: table("open after kill -9, first get included", "ms", Better::Lower),
            resident: table("resident memory after open, gets and a level", "MiB", Better::Lower),
            level: table("a level of 1,000 common prefixes", "ms", Better::Lower),
            overwrite: table("overwrite all, five times", "puts/s", Better::Higher),
            disk: table("disk use / live bytes, after five overwrites", "x", Better::Lower),
            ratios: Vec::new(),
        }
    }

    fn measure(&mut self, name: &str, settings: &Settings, count: u64) -> Outcome<()> {
        let folder = settings.fresh(name)?;
        let path = folder.to_str().ok_or("the folder's name is not UTF-8")?.to_string();
        let number = count.to_string();
        let start = |step: &str| Again::start(&["million-child", name, step, &path, &number]);
        let live = live_bytes(count) as f64;
        let level = level_of(name);

        let load = start("load")?.finish()?;
        let note = format!("resident then {:.0} MiB", load["resident"]);
        self.load.row(name, level, vec![load["rate"]], note);

        let mut clean = Vec::new();
        let mut killed = Vec::new();
        for _ in 0..settings.pick(5, 1) {
            clean.push(start("open")?.finish()?);
        }
        for _ in 0..settings.pick(5, 1) {
            start("dirty")?.kill_when_ready()?;
            killed.push(start("open")?.finish()?);
        }
        let of = |figures: &[HashMap<String, f64>], field: &str| -> Vec<f64> {
            figures.iter().map(|figures| figures[field]).collect()
        };
        let first = format!("open alone {:.1} ms", Span::of(of(&clean, "open_alone")).median);
        self.open_clean.row(name, level, of(&clean, "open"), first);
        self.open_killed.row(name, level, of(&killed, "open"), "");
        self.resident.row(name, level, of(&clean, "resident"), "");
        self.level.row(name, level, of(&clean, "level"), "");

        let overwrite = start("overwrite")?.finish()?;
        let note = format!("resident then {:.0} MiB", overwrite["resident"]);
        self.overwrite.row(name, level, vec![overwrite["rate"]], note);
        let closed = disk_bytes(&folder)? as f64 / live;
        start("settle")?.finish()?;
        let settled = disk_bytes(&folder)? as f64 / live;
        self.disk.row(name, level, vec![closed], format!("after 10 s of rest {settled:.2}"));

        if name == OURS {
            let median =
                |figures: &[HashMap<String, f64>], field| Span::of(of(figures, field)).median;
            let below = Ratio::below;
            self.ratios = vec![
                below("million/open-clean", "150-ms", median(&clean, "open"), OPEN_CLEAN_MS),
                below("million/open-killed", "2-s", median(&killed, "open"), OPEN_KILLED_MS),
                below("million/resident", "300-MiB", median(&clean, "resident"), RESIDENT_MIB),
                below("million/level", "10-ms", median(&clean, "level"), LEVEL_MS),
                below("million/disk", "1.2-x-live", closed, DISK_PER_LIVE),
                below("million/disk-settled", "1.2-x-live", settled, DISK_PER_LIVE),
            ];
        }
        Ok(())
    }

    fn print(self) -> Vec<Ratio> {
        for table in [
            self.load,
            self.open_clean,
            self.open_killed,
            self.resident,
            self.level,
            self.overwrite,
            self.disk,
        ] {
            table.print();
        }
        self.ratios
    }
}

/// One step in a process of its own: `<contender> <step> <folder> <count>`.
pub fn child(arguments: &[String]) -> Outcome<()> {
    let [name, step, folder, count] = arguments else {
        return Err("a child is started by its scenario".into());
    };
    let count: u64 = count.parse()?;
    let (open_alone, store) = seconds(|| open(name, Path::new(folder)))?;
    match step.as_str() {
        "load" => load(&*store, count, 1)?,
        "overwrite" => load(&*store, count, OVERWRITES)?,
        "open" => look(&*store, count, open_alone)?,
        "settle" => std::thread::sleep(SETTLE),
        "dirty" => {
            let bodies = bodies(KIB);
            let mut dice = Dice::new(u64::from(std::process::id()));
            for _ in 0..count / DIRTY_PART {
                let (key, body) = object(dice.below(count), &bodies);
                store.put(&key, body)?;
            }
            println!("ready");
            // Killed from outside. Should the parent be gone, its end of the pipe is closed.
            std::io::stdin().read_line(&mut String::new())?;
        }
        _ => return Err(format!("there is no step `{step}`").into()),
    }
    Ok(())
}

fn open(name: &str, folder: &Path) -> Outcome<Arc<dyn Contender>> {
    Ok(match name {
        OURS => {
            let store = ours::on_disk(folder, SyncLevel::Os, Tag::Opaque)?;
            let store: Box<dyn Contender> = store.ok_or("built without the feature `ours`")?;
            Arc::from(store)
        }
        "fjall" => Arc::new(FjallStore::open(folder, false)?),
        "redb" => Arc::new(RedbStore::open(folder, redb::Durability::Immediate)?),
        _ => return Err(format!("there is no contender `{name}`").into()),
    })
}

fn level_of(name: &str) -> SyncLevel {
    if name == "redb" { SyncLevel::Synced } else { SyncLevel::Os }
}

fn load(store: &dyn Contender, count: u64, times: u64) -> Outcome<()> {
    let bodies = bodies(KIB);
    let (time, ()) = seconds(|| {
        (0..times).try_for_each(|_| store.put_all(&mut (0..count).map(|id| object(id, &bodies))))
    })?;
    println!("rate={}", (count * times) as f64 / time);
    println!("resident={}", memory()?.resident);
    Ok(())
}

fn look(store: &dyn Contender, count: u64, open_alone: f64) -> Outcome<()> {
    let bodies = bodies(KIB);
    let (first_get, _) = seconds(|| {
        let (key, _) = object(count / 2, &bodies);
        store.get(&key)
    })?;
    println!("open_alone={}", open_alone * 1e3);
    println!("open={}", (open_alone + first_get) * 1e3);

    let mut dice = Dice::new(7);
    for _ in 0..1000 {
        let (key, body) = object(dice.below(count), &bodies);
        assert_eq!(store.get(&key)?.len(), body.len(), "{key} must have its length");
    }
    let mut times = Vec::new();
    for _ in 0..5 {
        let (time, listed) = seconds(|| store.level())?;
        assert_eq!(listed, count / PER_PREFIX, "the level must be whole");
        times.push(time * 1e3);
    }
    println!("level={}", Span::of(times).median);
    println!("resident={}", memory()?.resident);
    Ok(())
}

fn object(id: u64, bodies: &[Bytes]) -> (String, Bytes) {
    let mut key = String::new();
    tree_key(id, PER_PREFIX, &mut key);
    (key, bodies[id as usize % bodies.len()].clone())
}

fn live_bytes(count: u64) -> u64 {
    let mut key = String::new();
    tree_key(0, PER_PREFIX, &mut key);
    count * (key.len() + KIB) as u64
}
