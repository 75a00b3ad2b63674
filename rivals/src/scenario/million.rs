//! 1,000,000 objects of 1 KiB under 1,000 prefixes: what it costs to hold them, to come back after a
//! clean close and after kill -9, and to overwrite them all five times.
//!
//! Every step runs in a child process, so that memory and death are its own. Loading and overwriting
//! run once; opening runs in rounds, each in a new process with the page cache warm.
//!
//! `million` measures all of it, for everybody. The others load our store alone and ask for one
//! figure. Each step is told as it ends.

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

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
    run: |settings| run(settings, Part::All),
};

pub const OPEN: Scenario = Scenario {
    name: "million-open",
    about: "of `million`, for us alone: open after a clean close, memory, a level",
    run: |settings| run(settings, Part::Open),
};

pub const KILL: Scenario = Scenario {
    name: "million-kill",
    about: "of `million`, for us alone: open after kill -9",
    run: |settings| run(settings, Part::Kill),
};

pub const SPACE: Scenario = Scenario {
    name: "million-space",
    about: "of `million`, for us alone: five overwrites of everything, and the disk use after them",
    run: |settings| run(settings, Part::Space),
};

/// What is measured of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    Open,
    Kill,
    Space,
}

impl Part {
    fn includes(self, part: Self) -> bool {
        self == Self::All || self == part
    }
}

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

fn run(settings: &Settings, part: Part) -> Outcome<Vec<Ratio>> {
    let count: u64 = settings.pick(1_000_000, 50_000);
    let names = [OURS, "fjall", "redb"];
    let names = match part {
        Part::All => &names[usize::from(cfg!(not(feature = "ours")))..],
        _ => &names[..usize::from(cfg!(feature = "ours"))],
    };
    let neighbours = Neighbours::watch()?;
    let mut tables = Tables::new(count);
    for name in names {
        tables.measure(name, settings, count, part)?;
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

    fn measure(&mut self, name: &str, settings: &Settings, count: u64, part: Part) -> Outcome<()> {
        let folder = settings.fresh(name)?;
        let path = folder.to_str().ok_or("the folder's name is not UTF-8")?.to_string();
        let number = count.to_string();
        let begun = Instant::now();
        let start = |step: &str| {
            eprintln!("{:6.1} s: {name}, {step}", begun.elapsed().as_secs_f64());
            Again::start(&["million-child", name, step, &path, &number])
        };
        let level = level_of(name);

        let load = start("load")?.finish()?;
        let note = format!("resident then {:.0} MiB", load["resident"]);
        self.load.row(name, level, vec![load["rate"]], note);

        let rounds = settings.pick(5, 1);
        if part.includes(Part::Open) {
            let clean = (0..rounds).map(|_| start("open")?.finish());
            self.opened_clean(name, &clean.collect::<Outcome<Vec<_>>>()?);
        }
        if part.includes(Part::Kill) {
            let killed = (0..rounds).map(|_| {
                start("dirty")?.kill_when_ready()?;
                start("open")?.finish()
            });
            let killed = of(&killed.collect::<Outcome<Vec<_>>>()?, "open");
            self.below(name, "open-killed", "2-s", &killed, OPEN_KILLED_MS);
            self.open_killed.row(name, level, killed, "");
        }
        if part.includes(Part::Space) {
            self.overwritten(name, &folder, live_bytes(count), &start)?;
        }
        Ok(())
    }

    fn opened_clean(&mut self, name: &str, clean: &[HashMap<String, f64>]) {
        let level = level_of(name);
        let [open, alone] = ["open", "open_alone"].map(|field| of(clean, field));
        let [resident, first_level, hot_level] =
            ["resident", "level_cold", "level"].map(|field| of(clean, field));
        self.below(name, "open-clean", "150-ms", &open, OPEN_CLEAN_MS);
        self.below(name, "resident", "300-MiB", &resident, RESIDENT_MIB);
        self.below(name, "level", "10-ms", &first_level, LEVEL_MS);
        let note = format!("open alone {:.1} ms", Span::of(alone).median);
        self.open_clean.row(name, level, open, note);
        self.resident.row(name, level, resident, "");
        let note = format!("again {:.1} ms", Span::of(hot_level).median);
        self.level.row(name, level, first_level, note);
    }

    fn overwritten(
        &mut self,
        name: &str,
        folder: &Path,
        live: u64,
        start: &dyn Fn(&str) -> Outcome<Again>,
    ) -> Outcome<()> {
        let (level, live) = (level_of(name), live as f64);
        let overwrite = start("overwrite")?.finish()?;
        let note = format!("resident then {:.0} MiB", overwrite["resident"]);
        self.overwrite.row(name, level, vec![overwrite["rate"]], note);
        let closed = disk_bytes(folder)? as f64 / live;
        start("settle")?.finish()?;
        let settled = disk_bytes(folder)? as f64 / live;
        self.below(name, "disk", "1.2-x-live", &[closed], DISK_PER_LIVE);
        self.below(name, "disk-settled", "1.2-x-live", &[settled], DISK_PER_LIVE);
        self.disk.row(name, level, vec![closed], format!("after 10 s of rest {settled:.2}"));
        Ok(())
    }

    /// Notes what we are to stay below.
    fn below(&mut self, name: &str, what: &str, limit: &str, figures: &[f64], most: f64) {
        if name == OURS {
            let median = Span::of(figures.to_vec()).median;
            self.ratios.push(Ratio::below(&format!("million/{what}"), limit, median, most));
        }
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

fn of(figures: &[HashMap<String, f64>], field: &str) -> Vec<f64> {
    figures.iter().map(|figures| figures[field]).collect()
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

    let mut times = Vec::new();
    for _ in 0..5 {
        let (time, listed) = seconds(|| store.level())?;
        assert_eq!(listed, count / PER_PREFIX, "the level must be whole");
        times.push(time * 1e3);
    }
    // The first after opening reads what the others find in the cache.
    println!("level_cold={}", times[0]);
    println!("level={}", Span::of(times).median);
    let mut dice = Dice::new(7);
    for _ in 0..1000 {
        let (key, body) = object(dice.below(count), &bodies);
        assert_eq!(store.get(&key)?.len(), body.len(), "{key} must have its length");
    }
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
