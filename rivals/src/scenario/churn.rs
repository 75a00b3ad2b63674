//! Churn: ten times the live size is overwritten at random, by one writer that hands its puts to the
//! operating system and one that waits for the device, with the store's own threads cleaning up
//! behind them. What counts is the longest wait of a writer, and how much disk the dead take.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::Scenario;
use crate::{
    contender::{Contender, Outcome, Settings, SyncLevel},
    ours,
    process::{Neighbours, disk_bytes},
    report::{Better, OURS, Ratio, Table},
    workload::{Dice, KIB, bodies, upload_key},
};

pub const SCENARIO: Scenario = Scenario {
    name: "churn",
    about: "overwrites of ten times the live size: the longest waits of writers, and disk use",
    run: run_all,
};

/// Every other object has a body that is kept in its row, the others one that is kept in the log.
const BODY_BYTES: [usize; 2] = [KIB, 16 * KIB];
const STALL_MS: f64 = 250.0;
/// Disk use may be half as much again as what lives, and two segments of the full length.
const DISK_PER_LIVE: f64 = 1.5;
const TWO_SEGMENTS_BYTES: u64 = 2 * (64 << 20);
/// How often disk use is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// The level that a writer asks for, the name of its row, and how many of a hundred bytes it writes:
/// without a bound, the one that does not wait would write nearly all.
const WRITERS: [(&str, SyncLevel, u64); 2] =
    [("not synced", SyncLevel::Os, 80), ("synced", SyncLevel::Synced, 20)];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let objects: u64 = settings.pick(16_384, 4_096);
    let folder = settings.fresh(OURS)?;
    // Two handles of one store: each has its own level.
    let Some(stores) = ours::on_disk_at(&folder, &WRITERS.map(|(_, level, _)| level))? else {
        return Ok(Vec::new());
    };
    let churn = Churn::new(objects, settings.pick(10, 3), &folder);
    churn.load(&*stores[0])?;
    let neighbours = Neighbours::watch()?;
    let begun = Instant::now();
    let (waits, disk) = churn.run(&stores)?;
    let seconds = begun.elapsed().as_secs_f64();
    let busy = neighbours.busy()?;
    println!("\nothers kept {busy:.2} cores busy meanwhile; {seconds:.0} s");
    Ok(churn.print(&waits, &disk))
}

struct Churn<'a> {
    objects: u64,
    /// How many times the live size is written.
    times: u64,
    folder: &'a Path,
    bodies: [Arc<[Bytes]>; 2],
}

/// Nanoseconds of every put of one writer, in order of length.
type Waits = Vec<u64>;

impl<'a> Churn<'a> {
    fn new(objects: u64, times: u64, folder: &'a Path) -> Self {
        Self { objects, times, folder, bodies: BODY_BYTES.map(bodies) }
    }

    fn live_bytes(&self) -> u64 {
        self.objects / 2 * BODY_BYTES.map(|len| len as u64).iter().sum::<u64>()
    }

    fn body(&self, id: u64, version: u64) -> Bytes {
        let bodies = &self.bodies[(id % 2) as usize];
        bodies[(id + version) as usize % bodies.len()].clone()
    }

    fn load(&self, store: &dyn Contender) -> Outcome<()> {
        let mut key = String::new();
        for id in 0..self.objects {
            upload_key(id, &mut key);
            store.put(&key, self.body(id, 0))?;
        }
        Ok(())
    }

    /// The waits of each writer, and disk use by live bytes from look to look.
    fn run(&self, stores: &[Box<dyn ours::Whole>]) -> Outcome<(Vec<Waits>, Vec<f64>)> {
        let is_over = AtomicBool::new(false);
        let disk = Mutex::new(Vec::new());
        let waits = std::thread::scope(|scope| {
            let looker = scope.spawn(|| self.look(&is_over, &disk));
            let writers: Vec<_> = stores
                .iter()
                .zip(WRITERS)
                .map(|(store, (_, _, share))| scope.spawn(move || self.write(&**store, share)))
                .collect();
            let waits: Outcome<Vec<Waits>> = writers
                .into_iter()
                .map(|writer| writer.join().expect("a writer panicked"))
                .collect();
            is_over.store(true, Relaxed);
            looker.join().expect("the looker panicked")?;
            waits
        })?;
        Ok((waits, disk.into_inner().expect("nobody panicked")))
    }

    fn write(&self, store: &dyn Contender, share: u64) -> Outcome<Waits> {
        let mut left = self.live_bytes() * self.times / 100 * share;
        let mut dice = Dice::new(share);
        let (mut waits, mut key) = (Waits::new(), String::new());
        let mut version = 1;
        while left > 0 {
            let id = dice.below(self.objects);
            upload_key(id, &mut key);
            let body = self.body(id, version);
            let len = body.len() as u64;
            let begun = Instant::now();
            store.put(&key, body)?;
            waits.push(begun.elapsed().as_nanos().min(u128::from(u64::MAX)) as u64);
            left = left.saturating_sub(len);
            version += 1;
        }
        waits.sort_unstable();
        Ok(waits)
    }

    fn look(&self, is_over: &AtomicBool, disk: &Mutex<Vec<f64>>) -> Outcome<()> {
        while !is_over.load(Relaxed) {
            std::thread::sleep(LOOK);
            // A file may go away between being listed and being measured.
            if let Ok(bytes) = disk_bytes(self.folder) {
                let ratio = bytes as f64 / self.live_bytes() as f64;
                disk.lock().expect("nobody panicked").push(ratio);
            }
        }
        Ok(())
    }

    fn print(&self, waits: &[Waits], disk: &[f64]) -> Vec<Ratio> {
        let title = format!(
            "churn: {} objects of 1 and 16 KiB, {} times their size overwritten",
            self.objects, self.times
        );
        let mut stalls = Table::new(title.clone(), "ms at p99.9", Better::Lower);
        let mut ratios = Vec::new();
        for ((name, level, _), waits) in WRITERS.iter().zip(waits) {
            let at = |thousandths: usize| {
                let place = (waits.len() * thousandths / 1000).min(waits.len().saturating_sub(1));
                waits.get(place).map_or(f64::NAN, |&nanoseconds| nanoseconds as f64 / 1e6)
            };
            let note = format!(
                "{} puts: p50 {:.3}, p99 {:.2}, most {:.1} ms",
                waits.len(),
                at(500),
                at(990),
                at(1000)
            );
            let name = format!("{OURS} {name}");
            stalls.row(&name, *level, vec![at(999)], note);
            let scenario = format!("churn/{level}").replace(' ', "-");
            ratios.push(Ratio::below(&scenario, "250-ms", at(999), STALL_MS));
        }
        stalls.print();
        let mut use_of_disk = Table::new(title, "disk use / live bytes", Better::Lower);
        let last = disk.last().copied().unwrap_or(f64::NAN);
        use_of_disk.row(OURS, None, disk.to_vec(), format!("{last:.2} at the end"));
        use_of_disk.print();
        let most = disk.iter().copied().fold(f64::NAN, f64::max);
        let bound = DISK_PER_LIVE + TWO_SEGMENTS_BYTES as f64 / self.live_bytes() as f64;
        ratios.push(Ratio::below("churn/disk", "1.5-of-live-and-two-segments", most, bound));
        ratios
    }
}
