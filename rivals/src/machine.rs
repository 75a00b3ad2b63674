//! Where the numbers come from, printed above them.

use std::{fs, path::Path};

use crate::contender::Settings;

pub fn describe(settings: &Settings) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let pace = settings.pick("full", "quick: not worth quoting");
    println!(
        "{processor}, {cores} cores, {memory}; Linux {}; {}",
        kernel.trim(),
        file_system(&settings.folder)
    );
    println!("load before: {}; run: {pace}", load.trim());
    if cfg!(not(feature = "ours")) {
        println!("built without the feature `ours`: the peers run alone");
    }
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map(|(_, value)| value.trim().to_string()).unwrap_or_default()
}

/// The kind of file system that holds `folder`.
fn file_system(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.into());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(place, _)| folder.starts_with(place))
        .max_by_key(|(place, _)| place.len())
        .map_or_else(|| "unknown file system".into(), |(_, kind)| kind.to_string())
}
