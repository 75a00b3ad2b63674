//! 10 GiB in and out as a stream, in a child process whose peak memory is read above its idle.

use std::path::Path;

use super::Scenario;
use crate::{
    contender::{Outcome, Settings, Streamer, SyncLevel},
    measure::seconds,
    ours::{self, Tag},
    peer::{local_files::LocalFiles, object_store::LocalObjects},
    process::{Again, Neighbours, flush_all, forget_peak, memory},
    report::{Better, Figure, Ratio, Table},
    workload::{MIB, Source},
};

pub const SCENARIO: Scenario = Scenario {
    name: "stream-10g",
    about: "10 GiB streamed in and out (1 GiB with --quick): rate, and peak memory above idle",
    run: run_all,
};

const PEAK_MIB: f64 = 64.0;
const NAMES: &[&str] = &["cistern", "cistern md5", "std::fs", "object_store"];

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let neighbours = Neighbours::watch()?;
    let gib: u64 = settings.pick(10, 1);
    let title = |what: &str| format!("stream-10g: {what} of {gib} GiB");
    let mut put = Table::new(title("put"), "GB/s", Better::Higher);
    let mut get = Table::new(title("get"), "GB/s", Better::Higher);
    let mut ratios = Vec::new();
    for name in &NAMES[if cfg!(feature = "ours") { 0 } else { 2 }..] {
        flush_all()?;
        let folder = settings.fresh(name)?;
        let path = folder.to_str().ok_or("the folder's name is not UTF-8")?;
        let length = (gib << 30).to_string();
        let figures = Again::start(&["stream-child", name, path, &length])?.finish()?;
        // Nobody else needs 10 GiB of it, and one file deleted is no mass.
        std::fs::remove_dir_all(&folder)?;
        let note = |peak: &str| format!("peak {} MiB above idle", Figure(figures[peak]));
        put.row(name, SyncLevel::Os, vec![figures["put"]], note("put_peak"));
        get.row(name, SyncLevel::Os, vec![figures["get"]], note("get_peak"));
        if name.starts_with("cistern") {
            let tag = if *name == "cistern" { "" } else { "-md5" };
            for act in ["put", "get"] {
                let scenario = format!("stream-10g/{act}{tag}");
                // A peak that cannot be told from idle is a page, not nothing.
                let peak = figures[&format!("{act}_peak")].max(0.004);
                ratios.push(Ratio::below(&scenario, "64-MiB", peak, PEAK_MIB));
            }
        }
    }
    println!("\nothers kept {:.2} cores busy meanwhile", neighbours.busy()?);
    put.print();
    get.print();
    Ok(ratios)
}

/// Streams in and out: `<contender> <folder> <length>`.
pub fn child(arguments: &[String]) -> Outcome<()> {
    let [name, folder, length] = arguments else {
        return Err("a child is started by its scenario".into());
    };
    let length: u64 = length.parse()?;
    let store = open(name, Path::new(folder))?;
    let source = Source::new(length);
    // A small object first: what a store sets up once is part of its idle.
    store.put_from("first", Source::new(MIB as u64))?;

    forget_peak()?;
    let idle = memory()?.resident;
    let (time, ()) = seconds(|| store.put_from("stream", source))?;
    println!("put={}", length as f64 / time / 1e9);
    println!("put_peak={}", memory()?.peak - idle);

    forget_peak()?;
    let mut read = 0;
    let (time, ()) = seconds(|| store.get_into("stream", &mut |chunk| read += chunk.len() as u64))?;
    assert_eq!(read, length, "all that was put must come back");
    println!("get={}", length as f64 / time / 1e9);
    println!("get_peak={}", memory()?.peak - idle);
    Ok(())
}

fn open(name: &str, folder: &Path) -> Outcome<Box<dyn Streamer>> {
    let ours = |tag| -> Outcome<Box<dyn Streamer>> {
        let store = ours::on_disk(folder, SyncLevel::Os, tag)?;
        Ok(store.ok_or("built without the feature `ours`")?)
    };
    match name {
        "cistern" => ours(Tag::Opaque),
        "cistern md5" => ours(Tag::Md5),
        "std::fs" => Ok(Box::new(LocalFiles::new(folder.into(), false))),
        "object_store" => Ok(Box::new(LocalObjects::new(folder, false)?)),
        _ => Err(format!("there is no contender `{name}`").into()),
    }
}
