//! What the kernel says about a process and a folder, and this program run again as a child.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

use crate::contender::Outcome;

/// Resident memory of this process, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub resident: f64,
    pub peak: f64,
}

pub fn memory() -> Outcome<Memory> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> Outcome<f64> {
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such field")?;
        let kib = line.split_whitespace().nth(1).ok_or("no value")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    };
    Ok(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// Forgets the peak, so that the next one belongs to what comes now.
pub fn forget_peak() -> Outcome<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

/// Seconds of processor time that this process and its ended children have used.
pub fn cpu_seconds() -> Outcome<f64> {
    Ok(own_ticks()?.iter().sum::<f64>() / TICKS)
}

const TICKS: f64 = 100.0;

/// utime, stime, cutime and cstime of proc(5).
fn own_ticks() -> Outcome<[f64; 4]> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no name in the process table")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    Ok([fields[11].parse()?, fields[12].parse()?, fields[13].parse()?, fields[14].parse()?])
}

/// Who else uses the processors.
///
/// A durable put sleeps for every sync, and on a kernel that lets a running task finish its tick, a
/// busy neighbour makes each wake-up cost 4 ms: such a figure tells about the neighbour. What counts
/// is what programs of others compute and what the hypervisor takes away; kernel threads work for
/// us as well.
pub struct Neighbours {
    since: Instant,
    before: f64,
}

impl Neighbours {
    pub fn watch() -> Outcome<Self> {
        Ok(Self { since: Instant::now(), before: Self::seconds()? })
    }

    /// How many cores they have kept busy since [`Self::watch`].
    pub fn busy(&self) -> Outcome<f64> {
        let elapsed = self.since.elapsed().as_secs_f64();
        Ok(((Self::seconds()? - self.before) / elapsed).max(0.0))
    }

    fn seconds() -> Outcome<f64> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().ok_or("no processor line")?;
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
        let own = own_ticks()?;
        // user, nice and steal of proc(5); utime and cutime.
        Ok((ticks[0] + ticks[1] + ticks[7] - own[0] - own[2]) / TICKS)
    }
}

/// Bytes that the file system holds for everything below `folder`.
pub fn disk_bytes(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let metadata = entry.as_ref().map_err(|error| error.to_string())?.metadata()?;
        bytes += metadata.blocks() * 512;
        if metadata.is_dir() {
            bytes += disk_bytes(&entry?.path())?;
        }
    }
    Ok(bytes)
}

/// Writes out what earlier turns have left dirty, so that the next one does not pay for it.
pub fn flush_all() -> Outcome<()> {
    Command::new("sync").status()?;
    Ok(())
}

/// This program again, in another process, where memory and death are its own.
pub struct Again {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Again {
    pub fn start(arguments: &[&str]) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().expect("it was asked to be piped"));
        Ok(Self { child, output })
    }

    /// Reads until the child says `ready`, then kills it as the kernel would: no destructor runs.
    pub fn kill_when_ready(mut self) -> Outcome<()> {
        let mut line = String::new();
        while line.trim() != "ready" {
            line.clear();
            if self.output.read_line(&mut line)? == 0 {
                return Err("the child ended before it was ready".into());
            }
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the end, and answers the `name=number` lines.
    pub fn finish(mut self) -> Outcome<HashMap<String, f64>> {
        let mut figures = HashMap::new();
        for line in self.output.lines() {
            let line = line?;
            if let Some((name, value)) = line.split_once('=') {
                figures.insert(name.to_string(), value.parse()?);
            }
        }
        let status = self.child.wait()?;
        if status.success() {
            Ok(figures)
        } else {
            Err(format!("the child ended with {status}").into())
        }
    }
}
