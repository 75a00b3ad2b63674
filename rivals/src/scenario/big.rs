//! 64 MiB in and out: whole bodies, and with an MD5 tag on two streams at once.

use std::{cell::RefCell, time::Instant};

use bytes::Bytes;
use md5::{Digest, Md5};

use super::{Scenario, ours_on_disk};
use crate::{
    contender::{Entrant, Outcome, Settings, SyncLevel},
    measure::{Rounds, rounds, seconds},
    ours::Tag,
    peer::{local_files::LocalFiles, object_store::LocalObjects},
    process::{cpu_seconds, flush_all},
    report::{Better, Ratio, Table, Target},
    workload::{MIB, random},
};

pub const SCENARIO: Scenario = Scenario {
    name: "big",
    about: "64 MiB put and get beside files; with an MD5 tag beside the hash alone, two streams",
    run: run_all,
};

const BODY_BYTES: usize = 64 * MIB;
const NAMES: [&str; 2] = ["big/even.bin", "big/odd.bin"];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let body = random(BODY_BYTES);
    let entrants = entrants(settings)?;
    let mut ratios = put_and_get(settings, &entrants, &body)?;
    ratios.extend(hashed(settings, &body)?);
    Ok(ratios)
}

fn put_and_get(settings: &Settings, entrants: &[Entrant], body: &Bytes) -> Outcome<Vec<Ratio>> {
    let count = Rounds::of(settings, 7, 1);
    let turn = RefCell::new(vec![0; entrants.len()]);
    let puts = rounds(count, entrants, |place, entrant| {
        let turn = &mut turn.borrow_mut()[place];
        *turn += 1;
        flush_all()?;
        // A new name each time: a rename over a file has to free the old one, which ext4 does at once
        // and we do later.
        let key = format!("big/{turn:03}.bin");
        let (time, ()) = seconds(|| entrant.put(&key, body.clone()))?;
        Ok(BODY_BYTES as f64 / time / 1e9)
    })?;
    let gets = rounds(count, entrants, |_, entrant| {
        let (time, found) = seconds(|| entrant.get("big/001.bin"))?;
        assert!(found == body, "{} must give back what it took", entrant.name);
        Ok(BODY_BYTES as f64 / time / 1e9)
    })?;

    let mut put = Table::new("big: put of 64 MiB, one stream", "GB/s", Better::Higher);
    let mut get = Table::new("big: get of 64 MiB, one stream", "GB/s", Better::Higher);
    for ((entrant, puts), gets) in entrants.iter().zip(puts).zip(gets) {
        put.row(&entrant.name, entrant.level, puts, "");
        get.row(&entrant.name, entrant.level, gets, "");
    }
    put.print();
    get.print();
    let target = |table: &Table, scenario: &str, ours, peer, want| {
        table.target(&Target { scenario: scenario.into(), ours, peer, want })
    };
    let wanted = [
        target(&put, "big/put/synced", "cistern", "std::fs fsync", 0.9),
        target(&put, "big/put/os", "cistern os", "std::fs", 0.9),
        target(&get, "big/get", "cistern", "std::fs", 1.0),
    ];
    Ok(wanted.into_iter().flatten().collect())
}

/// Two streams at once, each with its own hash: the ceiling is the hash on both cores.
fn hashed(settings: &Settings, body: &Bytes) -> Outcome<Vec<Ratio>> {
    let ours = ours_on_disk("cistern md5", settings, SyncLevel::Os, Tag::Md5)?;
    let contenders = Vec::from_iter(ours.map(Hashed::Store)).into_iter().chain([Hashed::Alone]);
    let contenders: Vec<Hashed> = contenders.collect();
    let mut ratios = Vec::new();
    for streams in [1, 2] {
        let answers = rounds(Rounds::of(settings, 5, 1), &contenders, |_, contender| {
            flush_all()?;
            let (begun, cpu) = (Instant::now(), cpu_seconds()?);
            contender.run(streams, body)?;
            let time = begun.elapsed().as_secs_f64();
            let rate = (streams * BODY_BYTES) as f64 / time / 1e9;
            Ok((rate, (cpu_seconds()? - cpu) / time))
        })?;
        let title = format!("big: put of 64 MiB with an MD5 tag, {streams} streams");
        let mut table = Table::new(title, "GB/s", Better::Higher);
        for (contender, answers) in contenders.iter().zip(answers) {
            let (rates, cores): (Vec<f64>, Vec<f64>) = answers.into_iter().unzip();
            let busy = crate::report::Span::of(cores).median;
            table.row(contender.name(), contender.level(), rates, format!("{busy:.2} cores busy"));
        }
        table.print();
        ratios.extend(table.target(&Target {
            scenario: format!("big/md5/{streams}"),
            ours: "cistern md5",
            peer: "md5 alone",
            want: 0.95,
        }));
    }
    Ok(ratios)
}

enum Hashed {
    Store(Entrant),
    Alone,
}

impl Hashed {
    fn name(&self) -> &str {
        match self {
            Self::Store(entrant) => &entrant.name,
            Self::Alone => "md5 alone",
        }
    }

    fn level(&self) -> SyncLevel {
        match self {
            Self::Store(entrant) => entrant.level,
            Self::Alone => SyncLevel::Memory,
        }
    }

    fn run(&self, streams: usize, body: &Bytes) -> Outcome<()> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = NAMES[..streams]
                .iter()
                .map(|name| scope.spawn(move || self.once(name, body)))
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a stream panicked"))
        })
    }

    fn once(&self, name: &str, body: &Bytes) -> Outcome<()> {
        match self {
            Self::Store(entrant) => entrant.put(name, body.clone()),
            Self::Alone => {
                std::hint::black_box(Md5::digest(body));
                Ok(())
            }
        }
    }
}

fn entrants(settings: &Settings) -> Outcome<Vec<Entrant>> {
    let fresh = |name| settings.fresh(name);
    let (os, synced) = (SyncLevel::Os, SyncLevel::Synced);
    let mut all = Vec::from_iter(ours_on_disk("cistern", settings, synced, Tag::Opaque)?);
    all.extend(ours_on_disk("cistern os", settings, os, Tag::Opaque)?);
    all.extend([
        Entrant::calls("std::fs fsync", synced, LocalFiles::new(fresh("files")?, true)),
        Entrant::calls("std::fs", os, LocalFiles::new(fresh("files")?, false)),
        Entrant::tasks("object_store fsync", synced, LocalObjects::new(&fresh("objects")?, true)?),
        Entrant::tasks("object_store", os, LocalObjects::new(&fresh("objects")?, false)?),
    ]);
    #[cfg(feature = "opendal")]
    all.push(Entrant::tasks(
        "opendal fs",
        SyncLevel::FileSynced,
        crate::peer::opendal::OpendalFiles::new(&fresh("opendal")?)?,
    ));
    Ok(all)
}
