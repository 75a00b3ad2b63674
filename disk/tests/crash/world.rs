//! A store on a medium in memory, a workload drawn from a seed, and the model beside it.

use crate::{
    chance::Chance,
    model::{Body, COUNT, COUNTER, Model, bytes_of},
};
use bytes::Bytes;
use cistern_disk::{
    Background, DiskBackend, DiskSettings,
    device::{Device, MemoryDevice},
    threads::NoThreads,
};
use cistern_storage_core::port::{
    Backend, BackendError, Batch, BlobSource, BlobWritten, CommitError, Durability, SourceFailed,
    Ticket,
};
use std::sync::Arc;

/// Which sizes come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Segments of 128 KiB, bodies of up to 40 KiB, files beyond that.
    Small,
    /// Segments of 1 MiB, bodies of up to 400 KiB, files beyond that.
    Large,
    /// Segments of 64 KiB, bodies of up to 14 KiB, of which few live long: there is much to compact.
    Churn,
}

impl Profile {
    /// How long a workload is.
    pub(crate) fn steps(self) -> u32 {
        match self {
            Self::Small => 70,
            Self::Large => 16,
            Self::Churn => 110,
        }
    }

    fn packed_bytes_max(self) -> usize {
        match self {
            Self::Small => 40 << 10,
            Self::Large => 400 << 10,
            Self::Churn => 14 << 10,
        }
    }

    fn settings(self) -> DiskSettings {
        let segment_bytes = match self {
            Self::Small => 128 << 10,
            Self::Large => 1 << 20,
            Self::Churn => 64 << 10,
        };
        DiskSettings::new()
            .background(Background::Manual)
            .segment_bytes(segment_bytes)
            .blob_file_bytes_min(self.packed_bytes_max() as u64)
            .overlay_bytes_max(2 << 10)
            .log_bytes_max(2 * segment_bytes)
            .store_id([7; 16])
    }
}

/// Why a workload stopped.
#[derive(Debug)]
#[expect(dead_code, reason = "the errors are for whoever reads a failed test's message")]
pub(crate) enum Stop {
    /// A call failed.
    Call(BackendError),
    /// A commit failed before it had a ticket.
    Commit(CommitError),
    /// A ticket reported failure.
    Ticket(BackendError),
    /// The store could not be opened or closed.
    Gone(BackendError),
}

impl From<BackendError> for Stop {
    fn from(error: BackendError) -> Self {
        Self::Call(error)
    }
}

pub(crate) struct World {
    pub(crate) device: MemoryDevice,
    pub(crate) store: Option<DiskBackend>,
    pub(crate) model: Model,
    profile: Profile,
    chance: Chance,
    /// Commits that nobody has waited for yet.
    tickets: Vec<(usize, Durability, Ticket)>,
}

impl World {
    /// A medium without a store.
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        Self {
            device: MemoryDevice::new(),
            store: None,
            model: Model::new(),
            profile,
            chance: Chance::new(seed),
            tickets: Vec::new(),
        }
    }

    /// Opens the store on `device`.
    pub(crate) fn open(&self, device: &MemoryDevice) -> Result<DiskBackend, BackendError> {
        let settings = self.profile.settings();
        DiskBackend::open_on(Arc::new(device.clone()), Arc::new(NoThreads), settings)
    }

    /// Opens the store that a crash has left on `device`, and checks it.
    pub(crate) fn recover(&self, device: MemoryDevice, durability: Durability, what: &str) -> Self {
        let store =
            self.open(&device).unwrap_or_else(|error| panic!("{what}: no opening: {error}"));
        let least = self.model.acknowledged(durability);
        let count = self.model.check(&store, least, what);
        let model = self.model.found(count);
        self.check_space(&device, &store, &model, what);
        let chance = Chance::new(count as u64);
        let (profile, store, tickets) = (self.profile, Some(store), Vec::new());
        Self { device, store, model, profile, chance, tickets }
    }

    /// Checks that live bytes are those of the bodies that rows own, and that no other file is left.
    fn check_space(&self, device: &MemoryDevice, store: &DiskBackend, model: &Model, what: &str) {
        let Space { files, least, most } = self.space(model);
        let listed = device.list("blobs").unwrap();
        assert_eq!(listed.len(), files, "{what}: files {listed:?}");
        let live = store.stats().live_bytes;
        assert!((least..=most).contains(&live), "{what}: {live} live bytes, not {least} to {most}");
    }

    fn space(&self, model: &Model) -> Space {
        let bodies = model.latest().bodies();
        let max = self.profile.packed_bytes_max();
        let (packed, files): (Vec<&Body>, Vec<&Body>) =
            bodies.iter().partition(|body| body.len <= max);
        // A header, a checksum for each 64 KiB of a longer body, filled up to a multiple of 8.
        let frame = |len: usize| {
            let sums = if len > 65_536 { len.div_ceil(65_536) * 8 } else { 0 };
            (48 + sums + len).next_multiple_of(8) as u64
        };
        let least: u64 = packed.iter().map(|body| frame(body.len)).sum();
        let least = least + files.iter().map(|body| body.len as u64).sum::<u64>();
        Space { files: files.len(), least, most: least + packed.len() as u64 * MOVED_BYTES }
    }

    /// How many bodies were copied by compaction, once all commits are published.
    pub(crate) fn moved_bodies(&self) -> usize {
        let extra = self.store().stats().live_bytes - self.space(&self.model).least;
        usize::try_from(extra / MOVED_BYTES).unwrap()
    }

    /// Does `steps` steps of the workload, and waits for what is under way.
    pub(crate) fn run(&mut self, steps: u32) -> Result<(), Stop> {
        if self.store.is_none() {
            self.store = Some(self.open(&self.device).map_err(Stop::Gone)?);
        }
        for _ in 0..steps {
            self.step()?;
        }
        self.wait_for_all()
    }

    pub(crate) fn close(mut self) -> Result<(), Stop> {
        self.wait_for_all()?;
        self.store.take().map_or(Ok(()), |store| store.close()).map_err(Stop::Gone)
    }

    fn step(&mut self) -> Result<(), Stop> {
        match self.chance.below(100) {
            0..62 => self.commit(),
            62..67 => self.discard(),
            67..69 => self.write_blob(500).map(drop),
            69..88 => Ok(self.store().maintain().map(drop)?),
            88..92 => self.maintain_fully(),
            92..97 => self.flush(),
            _ => self.reopen(),
        }
    }

    fn store(&self) -> &DiskBackend {
        self.store.as_ref().expect("the workload runs on an open store")
    }

    /// Changes one row and what it owns.
    fn commit(&mut self) -> Result<(), Stop> {
        let key = self.key();
        let durability = match self.chance.below(10) {
            0..4 => Durability::Synced,
            4..8 => Durability::Os,
            _ => Durability::Memory,
        };
        let max = self.profile.packed_bytes_max();
        let mut batch = Batch::new(durability);
        let roll = match self.profile {
            Profile::Churn if self.chance.below(4) > 0 => 60,
            _ => self.chance.below(100),
        };
        let body = match roll {
            0..30 => None,
            30..55 => Some(self.new_body(1, 4000, &mut batch)?),
            55..68 => Some(self.new_body(max / 4, max, &mut batch)?),
            68..78 => Some(self.new_body(max + 1, max + 9000, &mut batch)?),
            78..90 => self.shared_body(&mut batch),
            _ => return self.put(batch, key, None),
        };
        let value = format!("{} {} {body:?}", self.model.commits() + 1, self.chance.draw());
        self.put(batch, key, Some((value.into(), body)))
    }

    fn key(&mut self) -> Bytes {
        match self.profile {
            Profile::Churn if self.chance.below(5) == 0 => {
                format!("kept {:02}", self.chance.below(90)).into()
            }
            Profile::Churn => format!("key {:02}", self.chance.below(4)).into(),
            _ => format!("key {:02}", self.chance.below(12)).into(),
        }
    }

    fn put(
        &mut self,
        mut batch: Batch,
        key: Bytes,
        row: Option<(Bytes, Option<Body>)>,
    ) -> Result<(), Stop> {
        let mut state = self.model.latest().clone();
        let before = state.rows.get(&key).cloned();
        batch.unchanged(key.clone(), before.as_ref().map(|(value, _)| value.clone().into()));
        batch.frees.extend(before.and_then(|(_, body)| body).map(|body| body.blob));
        match row {
            Some((value, body)) => {
                batch.put(key.clone(), value.clone());
                state.rows.insert(key, (value, body));
            }
            None => {
                batch.delete(key.clone());
                state.rows.remove(&key);
            }
        }
        let number = self.model.commits() + 1;
        let count = Bytes::from(number.to_string());
        batch.put(Bytes::from_static(COUNT), count.clone());
        batch.add(Bytes::from_static(COUNTER), 1);
        state.rows.insert(Bytes::from_static(COUNT), (count, None));
        // Noted first: a commit that fails may be found all the same.
        self.model.history.push(Arc::new(state));
        let durability = batch.durability;
        let ticket = self.store().commit(batch).map_err(Stop::Commit)?;
        self.tickets.push((number, durability, ticket));
        if self.tickets.len() > 3 || self.chance.below(10) < 6 {
            self.wait_for_all()
        } else {
            Ok(())
        }
    }

    fn wait_for_all(&mut self) -> Result<(), Stop> {
        for (number, durability, ticket) in std::mem::take(&mut self.tickets) {
            ticket.wait().map_err(Stop::Ticket)?;
            self.model.acknowledge(number, durability);
        }
        Ok(())
    }

    fn new_body(&mut self, min: usize, max: usize, batch: &mut Batch) -> Result<Body, Stop> {
        let len = self.chance.between(min, max);
        let (seed, written) = self.write_blob(len)?;
        batch.adopts.push(written.blob);
        Ok(Body { blob: written.blob, seed, len })
    }

    /// A body that another row owns gets one more owner.
    fn shared_body(&mut self, batch: &mut Batch) -> Option<Body> {
        let key = self.key();
        let body = self.model.latest().rows.get(&key).and_then(|(_, body)| *body)?;
        batch.adopts.push(body.blob);
        Some(body)
    }

    fn write_blob(&mut self, len: usize) -> Result<(u64, BlobWritten), Stop> {
        let seed = self.chance.draw();
        let mut source = Pieces { rest: bytes_of(seed, len).into() };
        let written = self.store().write_blob(&mut source)?;
        assert_eq!(written.len, len as u64);
        Ok((seed, written))
    }

    fn discard(&mut self) -> Result<(), Stop> {
        let max = self.profile.packed_bytes_max();
        let len = self.chance.between(1, max + max / 4);
        let (_, written) = self.write_blob(len)?;
        self.store().discard_blob(&written.blob);
        Ok(())
    }

    fn maintain_fully(&mut self) -> Result<(), Stop> {
        let mut steps = 0;
        while self.store().tidy()? {
            steps += 1;
            assert!(steps < 1000, "background work does not come to an end");
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.store().flush(Durability::Synced)?;
        self.model.acknowledge(self.model.commits(), Durability::Synced);
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Stop> {
        self.wait_for_all()?;
        self.store().close().map_err(Stop::Gone)?;
        self.store = None;
        self.model.acknowledge(self.model.commits(), Durability::Synced);
        self.store = Some(self.open(&self.device).map_err(Stop::Gone)?);
        Ok(())
    }

    /// A commit that changes nothing, to learn whether commits are taken.
    pub(crate) fn probe(&self, store: &DiskBackend) -> Result<(), Stop> {
        let ticket = store.commit(Batch::new(Durability::Synced)).map_err(Stop::Commit)?;
        ticket.wait().map_err(Stop::Ticket)
    }

    /// True when the store takes writes in spite of `stop`: what failed must not have happened then.
    pub(crate) fn survives(&mut self, stop: &Stop, what: &str) -> bool {
        let goes_on = match &self.store {
            Some(store) => self.probe(store).is_ok(),
            None => return false,
        };
        match stop {
            Stop::Ticket(_) => assert!(!goes_on, "{what}: goes on after {stop:?}"),
            Stop::Gone(_) => return false,
            Stop::Commit(_) if goes_on => drop(self.model.history.pop()),
            Stop::Commit(_) | Stop::Call(_) => {}
        }
        goes_on
    }

    /// Checks that everything acknowledged is readable in the store as it is.
    pub(crate) fn check_readable(&self, what: &str) {
        if let Some(store) = &self.store {
            // A store that could not be closed is closed all the same.
            if !matches!(store.row(COUNT), Err(BackendError::Closed)) {
                self.model.check(store, self.model.acknowledged(Durability::Memory), what);
            }
        }
    }
}

/// The space that bodies take.
struct Space {
    files: usize,
    /// If none was moved, and if all were.
    least: u64,
    most: u64,
}

/// What a body that was moved takes more.
const MOVED_BYTES: u64 = 8;

/// A body in pieces.
struct Pieces {
    rest: Bytes,
}

impl BlobSource for Pieces {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        let piece = self.rest.split_to(self.rest.len().min(30_000));
        Ok((!piece.is_empty()).then_some(piece))
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}
