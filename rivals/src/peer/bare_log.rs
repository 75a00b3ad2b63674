//! The physical limit of a durable put: append, one fdatasync for everybody who waits, no more.
//!
//! Leader and followers: whoever finds no one leading takes what has gathered, writes and syncs it;
//! what arrives meanwhile is the next group. No timer. The file is zero-filled beforehand and used
//! in a circle, so that a sync never has to journal an allocation or a new length. There is no
//! index, and nothing can be read back: a store has to do more than this. A checksum it has only when
//! asked.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::FileExt,
    path::Path,
};

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use parking_lot::{Condvar, Mutex};

use crate::contender::{Contender, Outcome, not_offered};
use crate::workload::{KIB, MIB};

const FILE_BYTES: u64 = 256 * MIB as u64;

/// The zero-fill decides the size of the pages that the kernel caches the file in, and each small
/// write walks the blocks of the whole page it touches: after a fill in calls of 4 MiB a write of
/// 1 KiB takes 7 us, after one in calls of 64 KiB it takes 0.7 us (ext4, Linux 6.18).
const FILL_BYTES: usize = 64 * KIB;

pub struct BareLog {
    file: File,
    synced: bool,
    summed: bool,
    state: Mutex<State>,
    /// Waiters of even and of odd groups: a finished group wakes its own members and one of the
    /// next, who leads on. A single condition would wake everybody for every group.
    finished: [Condvar; 2],
}

#[derive(Default)]
struct State {
    /// The group that gathers.
    filling: Vec<u8>,
    filling_group: u64,
    /// Groups below this one are durable.
    finished_below: u64,
    leading: bool,
    spare: Vec<u8>,
    offset: u64,
    failed: bool,
}

impl BareLog {
    pub fn create(folder: &Path, synced: bool) -> Outcome<Self> {
        let path = folder.join("log");
        let mut file = OpenOptions::new().create_new(true).read(true).write(true).open(path)?;
        let zeros = vec![0; FILL_BYTES];
        for _ in 0..FILE_BYTES / zeros.len() as u64 {
            file.write_all(&zeros)?;
        }
        file.sync_all()?;
        Ok(Self {
            file,
            synced,
            summed: false,
            state: Mutex::default(),
            finished: Default::default(),
        })
    }

    /// Writes a CRC-64 of every record beside it, as a log must that is to be read after a crash.
    pub fn summed(self) -> Self {
        Self { summed: true, ..self }
    }

    fn append(&self, key: &str, body: &[u8]) -> Outcome<()> {
        let sum = self.summed.then(|| crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body));
        let mut state = self.state.lock();
        let lengths = ((key.len() as u64) << 32) | body.len() as u64;
        state.filling.extend_from_slice(&lengths.to_le_bytes());
        state.filling.extend_from_slice(key.as_bytes());
        state.filling.extend_from_slice(body);
        if let Some(sum) = sum {
            state.filling.extend_from_slice(&sum.to_le_bytes());
        }
        let mine = state.filling_group;
        while state.finished_below <= mine && state.leading {
            self.finished[(mine % 2) as usize].wait(&mut state);
        }
        if state.finished_below <= mine {
            self.lead(&mut state);
        }
        if state.failed { Err("the log could not be written".into()) } else { Ok(()) }
    }

    /// Writes the gathered group, which the caller is part of.
    fn lead(&self, state: &mut parking_lot::MutexGuard<'_, State>) {
        state.leading = true;
        let group = state.filling_group;
        state.filling_group += 1;
        let spare = std::mem::take(&mut state.spare);
        let mut bytes = std::mem::replace(&mut state.filling, spare);
        if state.offset + bytes.len() as u64 > FILE_BYTES {
            state.offset = 0;
        }
        let offset = state.offset;
        state.offset += bytes.len() as u64;

        let written = parking_lot::MutexGuard::unlocked(state, || {
            self.file.write_all_at(&bytes, offset)?;
            if self.synced { self.file.sync_data() } else { Ok(()) }
        });

        bytes.clear();
        state.spare = bytes;
        state.failed |= written.is_err();
        state.leading = false;
        state.finished_below = group + 1;
        self.finished[(group % 2) as usize].notify_all();
        self.finished[((group + 1) % 2) as usize].notify_one();
    }
}

impl Contender for BareLog {
    fn put(&self, key: &str, body: Bytes) -> Outcome<()> {
        self.append(key, &body)
    }

    fn get(&self, _key: &str) -> Outcome<Bytes> {
        not_offered("get")
    }
}
