//! The index: one ordered map of rows, in memory above and in sorted runs below.
//!
//! ```text
//!   publish --> active generation --freeze--> frozen generations --checkpoint--> newest run
//!                                                                                  |  merge
//!                                                                                  v
//!                                                                     older, larger runs
//! ```
//!
//! A row is looked for from the top down; the first that knows the key, with a value or a
//! tombstone, is right. A scan merges all of them. Everything but the active generation is
//! immutable, so that a reader holds the lock only to look into that one and to take hold of the
//! rest.
//!
//! Lock order: `checkpointing` or `merging`, `manifest`, `state`. No lock that readers or `publish`
//! take is held while the medium is read or written.

mod block;
mod block_index;
mod bloom;
mod cache;
pub(crate) mod check;
mod cursor;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod manifest;
mod merge;
mod overlay;
pub(crate) mod run;
mod run_writer;
pub(crate) mod salvage;
mod scrub;
mod sum;
mod walk;

#[cfg(test)]
mod tests;

use self::{
    cache::BlockCache,
    cursor::{FrozenCursor, Keep, Merged, RowsCursor, RunCursor, RunStream, Source},
    manifest::{ManifestWriter, RunRecord},
    merge::Weight,
    overlay::Generation,
    run::Run,
    run_writer::RunWriter,
};
pub(crate) use merge::Effort;

use crate::{device::Device, verify::Finding};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, KeyRange, Order, Row};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many times a reader that takes no lock looks for the runs of a manifest that is replaced
/// under its eyes.
const READ_ONLY_ATTEMPTS: usize = 8;

/// How much one step of a merge writes: some tens of milliseconds of work.
const STEP_BYTES: u64 = 16 << 20;

/// What an index needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexSettings {
    /// Bytes of verified blocks to keep.
    pub(crate) block_cache_bytes: usize,
    /// Whether this process owns the store.
    pub(crate) access: Access,
}

/// Whether an index may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is this process's: what a crash left behind is removed.
    ReadWrite,
    /// It is another's: nothing is ever written or removed.
    ReadOnly,
}

/// The ordered map of rows.
#[derive(Debug)]
pub(crate) struct Index {
    device: Arc<dyn Device>,
    access: Access,
    cache: Arc<BlockCache>,
    state: RwLock<State>,
    next_run: AtomicU64,
    manifest: Mutex<ManifestWriter>,
    /// The sequence of the manifest that counts, which is not written over while it does.
    manifest_sequence: AtomicU64,
    checkpointing: Mutex<()>,
    merging: Mutex<Option<MergeJob>>,
    /// Runs that no manifest names, to be removed after the next manifest.
    strays: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct State {
    active: Generation,
    lower: Arc<Lower>,
}

/// Everything below the active generation, the newest first.
#[derive(Clone, Debug, Default)]
struct Lower {
    frozen: Vec<Arc<Generation>>,
    runs: Vec<Arc<Run>>,
}

/// Numbers of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexStats {
    /// Rows as far as known without counting: overwritten and deleted ones count until merged.
    pub(crate) rows: u64,
    /// Runs on the medium.
    pub(crate) runs: usize,
    /// Bytes of their files.
    pub(crate) run_bytes: u64,
    /// Bytes of memory for their block indexes and filters.
    pub(crate) run_memory_bytes: usize,
    /// Bytes of memory for cached blocks.
    pub(crate) cache_bytes: usize,
    /// Bytes of memory for rows that no run holds yet.
    pub(crate) overlay_bytes: u64,
    /// Frozen generations that wait for a checkpoint.
    pub(crate) frozen: usize,
}

impl Index {
    /// Opens the index of a store, and returns what the engine left with its last checkpoint.
    ///
    /// Reads the manifests and, of every run, all but its rows.
    ///
    /// # Errors
    /// [`BackendError::Damaged`] when a run is missing or not whole, or both manifests are damaged.
    pub(crate) fn open(
        device: &Arc<dyn Device>,
        settings: IndexSettings,
    ) -> Result<(Self, Option<Bytes>), BackendError> {
        let mut attempts = 1;
        loop {
            match Self::open_once(device, settings) {
                // The owner has merged the runs away since the manifest was read.
                Err(BackendError::Damaged { .. })
                    if settings.access == Access::ReadOnly && attempts < READ_ONLY_ATTEMPTS =>
                {
                    attempts += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn open_once(
        device: &Arc<dyn Device>,
        settings: IndexSettings,
    ) -> Result<(Self, Option<Bytes>), BackendError> {
        let found = manifest::read(&**device)?;
        let manifest = found.manifest.as_ref();
        if let (Some(manifest), Access::ReadWrite) = (manifest, settings.access) {
            manifest::save_again(&**device, manifest)?;
        }
        let records = manifest.map_or(&[][..], |manifest| &manifest.runs);
        let cache = BlockCache::new(settings.block_cache_bytes);
        let runs = records.iter().map(|record| open_recorded(&**device, *record, &cache));
        let runs = runs.collect::<Result<Vec<_>, _>>()?;
        let (strays, id_max) = strays(&**device, &runs)?;
        let next_run = manifest.map_or(1, |manifest| manifest.next_run).max(id_max + 1);
        let index = Self {
            device: Arc::clone(device),
            access: settings.access,
            cache,
            state: RwLock::new(State {
                active: Generation::default(),
                lower: Arc::new(Lower { frozen: Vec::new(), runs }),
            }),
            next_run: AtomicU64::new(next_run),
            manifest: Mutex::new(ManifestWriter::after(manifest)),
            manifest_sequence: AtomicU64::new(manifest.map_or(0, |manifest| manifest.sequence)),
            checkpointing: Mutex::new(()),
            merging: Mutex::new(None),
            strays: Mutex::new(strays),
        };
        // A manifest that does not verify may have named them: they stay until it is replaced.
        if settings.access == Access::ReadWrite && manifest.is_some() && !found.one_invalid {
            index.remove_strays();
        }
        Ok((index, found.manifest.map(|manifest| manifest.meta)))
    }

    /// The row under `key`.
    ///
    /// # Errors
    /// When a block cannot be read or is damaged.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        let lower = {
            let state = self.state.read();
            if let Some(value) = state.active.entry(key) {
                return Ok(value.clone());
            }
            Arc::clone(&state.lower)
        };
        if let Some(value) = lower.frozen.iter().find_map(|frozen| frozen.entry(key)) {
            return Ok(value.clone());
        }
        if lower.runs.is_empty() {
            return Ok(None);
        }
        let hash = bloom::hash(key);
        for run in lower.runs.iter().filter(|run| run.may_contain(hash)) {
            if let Some(value) = run.entry(key)? {
                return Ok(value);
            }
        }
        Ok(None)
    }

    /// At most `limit` rows of `range`, in `order`, all of one moment.
    ///
    /// # Errors
    /// When a block cannot be read or is damaged.
    pub(crate) fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.scan_keeping(range, order, limit, Keep::InCache)
    }

    fn scan_keeping(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
        keep: Keep,
    ) -> Result<Vec<Row>, BackendError> {
        if limit == 0 || range.is_empty() {
            return Ok(Vec::new());
        }
        let (active, lower) = {
            let state = self.settled();
            (state.active.copy(range, order, limit), Arc::clone(&state.lower))
        };
        let mut sources = Vec::with_capacity(1 + lower.frozen.len() + lower.runs.len());
        if !active.is_empty() {
            sources.push(Source::Rows(RowsCursor::new(active.into_iter())));
        }
        for frozen in &lower.frozen {
            sources.push(Source::Frozen(FrozenCursor::new(frozen, range, order)));
        }
        for run in &lower.runs {
            let cursor = RunCursor::seek(run, range, order, keep)?;
            sources.extend(cursor.map(Source::Run));
        }
        rows_of(Merged::new(sources, order), range, order, limit)
    }

    /// The state, with its active rows in order but for a few.
    fn settled(&self) -> RwLockReadGuard<'_, State> {
        let state = self.state.read();
        if !state.active.is_unsettled() {
            return state;
        }
        drop(state);
        let mut state = self.state.write();
        state.active.settle();
        RwLockWriteGuard::downgrade(state)
    }

    /// Applies `changes` at once: a reader sees all of them or none. A change without a value
    /// removes the row. Returns the bytes of memory that the active generation takes.
    pub(crate) fn publish(&self, changes: impl IntoIterator<Item = (Bytes, Option<Bytes>)>) -> u64 {
        let mut state = self.state.write();
        for (key, value) in changes {
            state.active.apply(key, value);
        }
        state.active.bytes() as u64
    }

    /// Freezes the active generation; an empty one takes its place. Does nothing when it is empty.
    pub(crate) fn freeze(&self) {
        let mut state = self.state.write();
        if state.active.is_empty() {
            return;
        }
        let active = std::mem::take(&mut state.active);
        let mut lower = Lower::clone(&state.lower);
        lower.frozen.insert(0, Arc::new(active));
        state.lower = Arc::new(lower);
    }

    /// Makes everything frozen, and `meta`, durable: one new run, then one new manifest. When it
    /// returns, opening the store finds exactly that.
    ///
    /// `meta` speaks of what is frozen when this is called: nothing may be frozen in between.
    ///
    /// # Errors
    /// When it cannot be written. Nothing has changed for readers then; after a failure of the
    /// manifest no further checkpoint is taken.
    pub(crate) fn checkpoint(&self, meta: Bytes) -> Result<(), BackendError> {
        self.check_writable()?;
        let _turn = self.checkpointing.lock();
        let lower = Arc::clone(&self.state.read().lower);
        let taken = lower.frozen.len();
        let run = self.write_frozen(&lower)?;
        let mut manifest = self.manifest.lock();
        // A merge may have replaced runs meanwhile, so they are taken anew; the new one is newest.
        let mut runs = self.state.read().lower.runs.clone();
        runs.splice(0..0, run.clone());
        self.write_manifest(&mut manifest, &runs, meta)
            .inspect_err(|_| self.leave_stray(run.as_deref()))?;
        let mut state = self.state.write();
        let mut frozen = state.lower.frozen.clone();
        // Whatever was frozen since stands in front.
        frozen.truncate(frozen.len() - taken);
        state.lower = Arc::new(Lower { frozen, runs });
        drop(state);
        drop(manifest);
        self.remove_strays();
        Ok(())
    }

    /// Writes all frozen generations into one run.
    fn write_frozen(&self, lower: &Lower) -> Result<Option<Arc<Run>>, BackendError> {
        if lower.frozen.is_empty() {
            return Ok(None);
        }
        let everything = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
        let entries_max = lower.frozen.iter().map(|frozen| frozen.len() as u64).sum();
        let sources = lower
            .frozen
            .iter()
            .map(|frozen| Source::Frozen(FrozenCursor::new(frozen, everything, Order::Forward)));
        let merged = Merged::new(sources.collect(), Order::Forward);
        self.write_run(merged, entries_max, Tombstones::unless_lowest(lower.runs.is_empty()))
    }

    /// Writes what `merged` yields into one new, synced run; `None` when that is nothing.
    fn write_run(
        &self,
        mut merged: Merged<'_>,
        entries_max: u64,
        tombstones: Tombstones,
    ) -> Result<Option<Arc<Run>>, BackendError> {
        let mut writer = RunWriter::create(&self.device, self.new_run_id(), entries_max)?;
        let filled = fill(&mut writer, &mut merged, tombstones, u64::MAX);
        if let Err(error) = filled {
            writer.abandon();
            return Err(error);
        }
        Ok(writer.finish(&self.cache)?.map(Arc::new))
    }

    fn new_run_id(&self) -> u64 {
        // Relaxed: the number only has to be unique.
        self.next_run.fetch_add(1, Ordering::Relaxed)
    }

    fn write_manifest(
        &self,
        manifest: &mut ManifestWriter,
        runs: &[Arc<Run>],
        meta: Bytes,
    ) -> Result<(), BackendError> {
        let next_run = self.next_run.load(Ordering::Relaxed);
        let records = runs.iter().map(|run| record(run)).collect();
        manifest.write(&*self.device, next_run, records, meta)?;
        // Release: whoever sees another number knows that the file of the last may change.
        self.manifest_sequence.store(manifest.sequence(), Ordering::Release);
        Ok(())
    }

    /// Does one step of merging runs, if there is anything that ought to be merged: at most
    /// [`STEP_BYTES`] are written. True when it did something; a large merge takes many calls, with
    /// anything else between them.
    ///
    /// # Errors
    /// When a run cannot be read or the result cannot be written. The merge is given up then, and
    /// nothing has changed.
    pub(crate) fn merge(&self, effort: Effort) -> Result<bool, BackendError> {
        self.check_writable()?;
        let mut merging = self.merging.lock();
        let job = match merging.take() {
            Some(job) => Some(job),
            None => self.plan_merge(effort)?,
        };
        let Some(mut job) = job else { return Ok(false) };
        let step_end = job.writer.len() + STEP_BYTES;
        match fill(&mut job.writer, &mut job.merged, job.tombstones, step_end) {
            Ok(Filled::InPart) => *merging = Some(job),
            Ok(Filled::Wholly) => {
                let output = job.writer.finish(&self.cache)?.map(Arc::new);
                self.install_merged(&job.inputs, output.as_ref())?;
                job.inputs.iter().for_each(|run| self.remove_run(run.name()));
                self.remove_strays();
            }
            Err(error) => {
                job.writer.abandon();
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Begins a merge, if the policy wants one.
    fn plan_merge(&self, effort: Effort) -> Result<Option<MergeJob>, BackendError> {
        let runs = self.state.read().lower.runs.clone();
        let weights: Vec<_> = runs.iter().map(|run| weight(run)).collect();
        let Some(count) = merge::merge_count(&weights, effort) else { return Ok(None) };
        // Runs that a checkpoint adds while the merge is under way are newer than all of these.
        let tombstones = Tombstones::unless_lowest(count == runs.len());
        let inputs = runs[..count].to_vec();
        let sources =
            inputs.iter().map(|run| RunStream::begin(Arc::clone(run)).map(Source::Stream));
        let merged = Merged::new(sources.collect::<Result<_, _>>()?, Order::Forward);
        let entries_max = inputs.iter().map(|run| run.entries()).sum();
        let writer = RunWriter::create(&self.device, self.new_run_id(), entries_max)?;
        Ok(Some(MergeJob { inputs, merged, writer, tombstones }))
    }

    /// Puts `output` where `inputs` stand, in the manifest and for readers.
    fn install_merged(
        &self,
        inputs: &[Arc<Run>],
        output: Option<&Arc<Run>>,
    ) -> Result<(), BackendError> {
        let mut manifest = self.manifest.lock();
        let mut runs = self.state.read().lower.runs.clone();
        let at = runs.iter().position(|run| run.id() == inputs[0].id());
        let at = at.expect("only a merge removes runs, and there is one at a time");
        runs.splice(at..at + inputs.len(), output.cloned());
        let meta =
            manifest.meta().cloned().expect("runs come from a checkpoint, which leaves meta");
        self.write_manifest(&mut manifest, &runs, meta)
            .inspect_err(|_| self.leave_stray(output.map(Arc::as_ref)))?;
        let mut state = self.state.write();
        let frozen = state.lower.frozen.clone();
        state.lower = Arc::new(Lower { frozen, runs });
        Ok(())
    }

    /// A run whose manifest could not be written is named by none, or perhaps by one that made it to
    /// the medium after all: its file stays until a later manifest is there for certain.
    fn leave_stray(&self, run: Option<&Run>) {
        self.strays.lock().extend(run.map(|run| run.name().to_owned()));
    }

    /// Removes the files of runs that no manifest names. One that cannot be removed now is removed
    /// at the next opening.
    fn remove_strays(&self) {
        for name in self.strays.lock().drain(..) {
            self.remove_run(&name);
        }
    }

    fn remove_run(&self, name: &str) {
        let _ = self.device.remove(name);
    }

    fn check_writable(&self) -> Result<(), BackendError> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(BackendError::ReadOnly),
        }
    }

    /// Numbers for people and for deciding.
    pub(crate) fn stats(&self) -> IndexStats {
        let state = self.state.read();
        let (runs, frozen) = (&state.lower.runs, &state.lower.frozen);
        let overlay = || frozen.iter().map(|frozen| &**frozen).chain([&state.active]);
        let rows = |run: &Arc<Run>| run.entries() - run.tombstones();
        IndexStats {
            rows: runs.iter().map(rows).sum::<u64>()
                + overlay().map(|rows| rows.len() as u64).sum::<u64>(),
            runs: runs.len(),
            run_bytes: runs.iter().map(|run| run.len()).sum(),
            run_memory_bytes: runs.iter().map(|run| run.cost_bytes()).sum(),
            cache_bytes: self.cache.bytes(),
            overlay_bytes: overlay().map(|rows| rows.bytes() as u64).sum(),
            frozen: frozen.len(),
        }
    }

    /// Reads every row of every run and reports what is wrong.
    ///
    /// # Errors
    /// When the device fails; damage is reported.
    pub(crate) fn verify(&self, report: &mut dyn FnMut(Finding)) -> Result<(), BackendError> {
        let runs = self.state.read().lower.runs.clone();
        runs.iter().try_for_each(|run| check::rows(run, report))
    }
}

/// What becomes of tombstones in a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tombstones {
    /// They hide rows in older runs.
    Keep,
    /// There is nothing below for them to hide.
    Drop,
}

impl Tombstones {
    fn unless_lowest(lowest: bool) -> Self {
        if lowest { Self::Drop } else { Self::Keep }
    }
}

/// A merge under way.
#[derive(Debug)]
struct MergeJob {
    /// The newest runs when it began.
    inputs: Vec<Arc<Run>>,
    merged: Merged<'static>,
    writer: RunWriter,
    tombstones: Tombstones,
}

/// How far a run was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    /// There is more.
    InPart,
    /// That was all.
    Wholly,
}

/// Writes what `merged` yields until the file has `len_max` bytes.
fn fill(
    writer: &mut RunWriter,
    merged: &mut Merged<'_>,
    tombstones: Tombstones,
    len_max: u64,
) -> Result<Filled, BackendError> {
    while writer.len() < len_max {
        let Some(source) = merged.next()? else { return Ok(Filled::Wholly) };
        let (Some(key), value) = (source.key(), source.value_slice()) else { break };
        if value.is_some() || tombstones == Tombstones::Keep {
            writer.push(key, value)?;
        }
    }
    Ok(Filled::InPart)
}

/// The first `limit` rows that `merged` yields inside of `range`.
fn rows_of(
    mut merged: Merged<'_>,
    range: KeyRange<'_>,
    order: Order,
    limit: usize,
) -> Result<Vec<Row>, BackendError> {
    let rest = match order {
        Order::Forward => KeyRange { start: Bound::Unbounded, end: range.end },
        Order::Reverse => KeyRange { start: range.start, end: Bound::Unbounded },
    };
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(source) = merged.next()? else { break };
        if !source.key().is_some_and(|key| rest.contains(key)) {
            break;
        }
        if let Some(value) = source.value() {
            rows.push(Row { key: source.key_bytes(), value: value.into() });
        }
    }
    Ok(rows)
}

fn weight(run: &Run) -> Weight {
    Weight { bytes: run.len(), entries: run.entries() }
}

fn record(run: &Run) -> RunRecord {
    RunRecord { id: run.id(), len: run.len(), sum: run.sum() }
}

/// Opens the run that a manifest means.
fn open_recorded(
    device: &dyn Device,
    record: RunRecord,
    cache: &Arc<BlockCache>,
) -> Result<Arc<Run>, BackendError> {
    let run = Run::open(device, record.id, cache)?;
    check::is_recorded(&run, record)?;
    Ok(Arc::new(run))
}

/// The files of runs that are not among `runs`, and the highest id of all.
fn strays(device: &dyn Device, runs: &[Arc<Run>]) -> Result<(Vec<String>, u64), BackendError> {
    let files = device
        .list(run::FOLDER)
        .map_err(|error| BackendError::io("list the folder", run::FOLDER, error))?;
    let ids: Vec<_> = files.iter().filter_map(|file| run::id_of(&file.name)).collect();
    let stray = |id: &&u64| runs.iter().all(|run| run.id() != **id);
    let strays = ids.iter().filter(stray).map(|id| run::file_name(*id)).collect();
    Ok((strays, ids.iter().copied().max().unwrap_or(0)))
}
