//! What a process leaves on a medium that keeps its power: bytes that later processes read, and that
//! are not durable.

#![allow(clippy::disallowed_methods, reason = "one thread waits a little while another may not")]

use crate::kit::{put, row, small, write};
use cistern_disk::{
    DiskBackend,
    device::{Crash, Device, DeviceFile, DeviceLock, FileEntry, LockError, MemoryDevice, OpenMode},
    threads::NoThreads,
};
use cistern_storage_core::port::Durability;
use std::{
    io,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// A process's way to the medium. It can be cut off, as by SIGKILL, while the medium goes on.
#[derive(Clone, Debug)]
struct Process {
    medium: MemoryDevice,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    dead: AtomicBool,
    gate: Gate,
}

/// Holds up writes of large bodies.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    closed: bool,
    waiting: usize,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.bell.notify_all();
        while state.closed {
            state = self.bell.wait(state).unwrap();
        }
        state.waiting -= 1;
    }

    fn set_closed(&self, closed: bool) {
        self.state.lock().unwrap().closed = closed;
        self.bell.notify_all();
    }

    fn wait_until_somebody_waits(&self) {
        let mut state = self.state.lock().unwrap();
        while state.waiting == 0 {
            state = self.bell.wait(state).unwrap();
        }
    }
}

impl Process {
    fn on(medium: &MemoryDevice) -> Self {
        Self { medium: medium.clone(), shared: Arc::default() }
    }

    fn open(&self) -> DiskBackend {
        DiskBackend::open_on(Arc::new(self.clone()), Arc::new(NoThreads), small()).unwrap()
    }

    fn alive(&self) -> io::Result<()> {
        match self.shared.dead.load(Ordering::SeqCst) {
            true => Err(io::Error::other("the process is dead")),
            false => Ok(()),
        }
    }

    fn die(&self) {
        self.shared.dead.store(true, Ordering::SeqCst);
    }
}

impl Device for Process {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn DeviceFile>> {
        self.alive()?;
        let file = self.medium.open(name, mode)?;
        Ok(Arc::new(File { file, process: self.clone() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<FileEntry>> {
        self.alive()?;
        self.medium.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.alive()?;
        self.medium.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.alive()?;
        self.medium.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.alive()?;
        self.medium.sync_folder(folder)
    }

    /// The system lets a dead process's lock go, so there is none to hold here.
    fn lock(&self, _owner: &str) -> Result<Box<dyn DeviceLock>, LockError> {
        Ok(Box::new(NoLock))
    }

    fn place(&self) -> String {
        self.medium.place()
    }
}

#[derive(Debug)]
struct NoLock;

impl DeviceLock for NoLock {}

#[derive(Debug)]
struct File {
    file: Arc<dyn DeviceFile>,
    process: Process,
}

impl DeviceFile for File {
    fn len(&self) -> io::Result<u64> {
        self.process.alive()?;
        self.file.len()
    }

    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.process.alive()?;
        self.file.read_some_at(buffer, offset)
    }

    fn write_some_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.process.alive()?;
        if bytes.first() == Some(&LARGE) {
            self.process.shared.gate.pass();
        }
        self.file.write_some_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.process.alive()?;
        self.file.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.process.alive()?;
        self.file.set_len(len)
    }
}

/// What a large body consists of; no frame and no file begins with it.
const LARGE: u8 = 0xee;

#[test]
fn a_commit_found_after_the_death_of_its_process_is_durable_before_any_later_one() {
    let medium = MemoryDevice::new();
    let first = Process::on(&medium);
    let backend = first.open();
    put(&backend, Durability::Synced, "a", "1");
    put(&backend, Durability::Os, "b", "2");
    first.die();
    drop(backend);

    let second = Process::on(&medium);
    let backend = second.open();
    assert_eq!(row(&backend, "b").as_deref(), Some("2"));
    // It was read, so it may not be lost any more.
    let found = Process::on(&medium.crash(Crash::LoseAll)).open();
    assert_eq!(row(&found, "b").as_deref(), Some("2"));
    put(&backend, Durability::Synced, "c", "3");
    let found = Process::on(&medium.crash(Crash::LoseAll)).open();
    assert_eq!(row(&found, "b").as_deref(), Some("2"));
    assert_eq!(row(&found, "c").as_deref(), Some("3"));
}

#[test]
fn a_commit_is_not_durable_before_a_body_in_front_of_it_is_written() {
    let medium = MemoryDevice::new();
    let process = Process::on(&medium);
    let backend = process.open();
    put(&backend, Durability::Synced, "a", "1");
    let gate = &process.shared.gate;
    gate.set_closed(true);
    thread::scope(|scope| {
        scope.spawn(|| write(&backend, &vec![LARGE; 300_000]));
        gate.wait_until_somebody_waits();
        // The body has its place, and its bytes are not there. A commit takes the place behind it.
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            gate.set_closed(false);
        });
        put(&backend, Durability::Synced, "b", "2");
        let found = Process::on(&medium.crash(Crash::LoseAll)).open();
        gate.set_closed(false);
        assert_eq!(row(&found, "a").as_deref(), Some("1"));
        assert_eq!(row(&found, "b").as_deref(), Some("2"));
    });
}
