//! The suite finds what is wrong: each fault that a backend may have breaks the promise it touches.

use bytes::Bytes;
use cistern_conformance::{
    ReferenceBackend,
    backend::{Fixture, ask},
};
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Op, Order, Position, Precondition, Row, Step,
    Ticket, TicketPromise, Value, Visit,
};
use std::{
    ops::{Bound, Range},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

#[track_caller]
fn check(fault: Fault, promise: &str) {
    ask(promise, || fixture(Fault::None));
    let asked = catch_unwind(AssertUnwindSafe(|| ask(promise, || fixture(fault))));
    assert!(asked.is_err(), "{promise} holds in spite of {fault:?}");
}

#[test]
fn faults_of_blobs_are_found() {
    check(Fault::WrongSum, "a_blob_reads_back_as_it_was_written");
    check(Fault::ReadsShort, "a_range_of_a_blob_reads_its_bytes");
    check(Fault::AsksAgain, "a_source_is_not_asked_after_its_end");
    check(Fault::KeepsHalfBodies, "a_failing_source_leaves_nothing");
    check(Fault::OpenBlobsDie, "an_open_blob_outlives_its_free");
    check(Fault::OneBlobForEqualBytes, "equal_bytes_written_twice_are_two_blobs");
    check(Fault::OneBlobForEqualBytes, "a_blob_name_is_never_given_twice");
}

#[test]
fn faults_of_owners_are_found() {
    check(Fault::AdoptsOnce, "a_blob_lives_until_its_last_free");
    check(Fault::NeverFrees, "a_blob_passes_from_row_to_row");
    check(Fault::NeverFrees, "owners_are_counted_right_through_a_thousand_commits");
    check(Fault::SkipsUnknownBlobs, "adopting_an_unknown_blob_fails_the_whole_batch");
    check(Fault::DiscardsOwned, "discarding_an_owned_blob_takes_nothing_away");
}

#[test]
fn faults_of_rows_are_found() {
    check(Fault::IgnoresLimit, "a_scan_keeps_to_its_bounds_order_and_limit");
    check(Fault::IncludesExcluded, "a_scan_keeps_to_its_bounds_order_and_limit");
    check(Fault::IncludesExcluded, "pages_of_a_scan_join_without_a_gap");
    check(Fault::HidesRowsUnderZero, "a_key_may_hold_any_bytes");
    check(Fault::NeverJumps, "a_walk_goes_on_where_it_is_told");
    check(Fault::NeverStops, "a_walk_goes_on_where_it_is_told");
    check(Fault::ShowsTwice, "a_walk_goes_on_where_it_is_told");
    check(Fault::ShowsTwice, "a_walk_misses_nothing_that_is_there_all_the_while");
    check(Fault::EmptyIsNothing, "an_empty_value_is_a_value");
    check(Fault::DropsHeads, "a_value_is_its_bytes_wherever_it_is_cut");
    check(Fault::CutsLongRows, "a_row_over_its_limits_is_refused");
}

#[test]
fn faults_of_commits_are_found() {
    check(Fault::IgnoresPreconditions, "unchanged_holds_for_what_is_there_and_nothing_else");
    check(Fault::IgnoresPreconditions, "range_empty_looks_from_its_start_up_to_its_end");
    check(Fault::IgnoresPreconditions, "one_of_many_creates_a_row");
    check(Fault::IgnoresPreconditions, "no_update_on_condition_is_lost");
    check(Fault::AlwaysBlamesTheFirst, "a_conflict_tells_which_precondition_failed");
    check(Fault::CountsOnConflict, "a_conflict_counts_nothing");
    check(Fault::TellsOnConflict, "a_conflict_changes_nothing");
    check(Fault::NeverTells, "publication_is_told_once_and_in_order");
    check(Fault::FirstOpWins, "a_later_op_on_a_key_wins");
    check(Fault::StampsNothing, "stamped_rows_sort_in_the_order_of_commits");
    check(Fault::CommitsHalves, "a_scan_never_sees_half_a_commit");
    check(Fault::ListsZeros, "counters_are_listed_in_byte_order_without_zeros");
}

#[test]
fn faults_of_tickets_are_found() {
    check(Fault::ForgetsCallbacks, "a_callback_needs_nobody_to_wait");
    check(Fault::ForgetsCallbacks, "a_callback_left_too_late_is_called_at_once");
    check(Fault::PromisesTooLittle, "a_ticket_names_the_durability_it_means");
}

#[test]
fn faults_of_closing_and_reopening_are_found() {
    check(Fault::StaysOpen, "a_closed_backend_says_so");
    check(Fault::ClosesOnce, "a_closed_backend_says_so");
    check(Fault::ForgetsCountersOnReopening, "what_was_synced_is_there_after_closing");
    check(Fault::NeverSyncs, "what_was_synced_survives_the_loss_of_power");
    check(Fault::NeverSyncs, "what_survives_is_a_prefix_of_the_commits");
}

#[test]
#[should_panic(expected = "give its fixture a way to")]
fn a_backend_that_declares_reopening_must_be_reopened() {
    let fixture = || Fixture::new(Arc::new(ReferenceBackend::durable()));
    ask("a_reopened_backend_works_on", fixture);
}

/// What a backend may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    WrongSum,
    ReadsShort,
    AsksAgain,
    KeepsHalfBodies,
    OpenBlobsDie,
    OneBlobForEqualBytes,
    AdoptsOnce,
    NeverFrees,
    SkipsUnknownBlobs,
    DiscardsOwned,
    IgnoresLimit,
    IncludesExcluded,
    HidesRowsUnderZero,
    NeverJumps,
    NeverStops,
    ShowsTwice,
    EmptyIsNothing,
    DropsHeads,
    CutsLongRows,
    IgnoresPreconditions,
    AlwaysBlamesTheFirst,
    CountsOnConflict,
    TellsOnConflict,
    NeverTells,
    FirstOpWins,
    StampsNothing,
    CommitsHalves,
    ListsZeros,
    ForgetsCallbacks,
    PromisesTooLittle,
    StaysOpen,
    ClosesOnce,
    ForgetsCountersOnReopening,
    NeverSyncs,
}

/// The reference backend with one fault.
#[derive(Debug)]
struct Faulty {
    inner: Arc<ReferenceBackend>,
    fault: Fault,
    reopened: bool,
    written: parking_lot::Mutex<Vec<(u64, BlobWritten)>>,
    closed: parking_lot::Mutex<bool>,
}

fn fixture(fault: Fault) -> Fixture {
    let backend = ReferenceBackend::durable();
    let (medium, failing) = (backend.medium(), backend.medium());
    let faulty = move |inner: ReferenceBackend, reopened| -> Arc<dyn Backend> {
        let (inner, written, closed) = (Arc::new(inner), Default::default(), Default::default());
        Arc::new(Faulty { inner, fault, reopened, written, closed })
    };
    Fixture::new(faulty(backend, false))
        .reopened_by(move || faulty(ReferenceBackend::open(medium.clone()), true))
        .power_cut_by(move || {
            failing.cut_power();
            faulty(ReferenceBackend::open(failing.clone()), true)
        })
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Turns a good batch into what the fault makes of it.
    fn spoil(&self, batch: &mut Batch) {
        match self.fault {
            Fault::AdoptsOnce => batch.adopts.dedup(),
            Fault::NeverFrees => batch.frees.clear(),
            Fault::SkipsUnknownBlobs => {
                batch.adopts.retain(|blob| self.inner.open_blob(blob).is_ok());
            }
            Fault::IgnoresPreconditions => batch.preconditions.clear(),
            Fault::NeverTells => batch.on_publish = None,
            Fault::FirstOpWins => batch.ops.reverse(),
            Fault::NeverSyncs => batch.durability = Durability::Os,
            Fault::CutsLongRows => {
                for op in &mut batch.ops {
                    if let Op::Put { key, .. } = op {
                        key.truncate(8 << 10);
                    }
                }
            }
            Fault::DropsHeads => {
                for op in &mut batch.ops {
                    if let Op::Put { value, .. } = op {
                        *value = value.tail().clone().into();
                    }
                }
            }
            Fault::StampsNothing => {
                for op in &mut batch.ops {
                    if let Op::PutStamped { prefix, suffix, value } = op {
                        let key = [&prefix[..], &[0; 8], &suffix[..]].concat().into();
                        *op = Op::Put { key, value: value.clone() };
                    }
                }
            }
            _ => {}
        }
    }
}

impl Backend for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        let mut tolerant = Tolerant(source);
        let keeps_halves = self.is(Fault::KeepsHalfBodies);
        let source: &mut dyn BlobSource = if keeps_halves { &mut tolerant } else { tolerant.0 };
        let mut written = self.inner.write_blob(source)?;
        if self.is(Fault::AsksAgain) {
            source.next_chunk().unwrap_or_default();
        }
        if keeps_halves {
            let half = Batch { adopts: vec![written.blob], ..Batch::default() };
            drop(self.inner.commit(half));
        }
        if self.is(Fault::WrongSum) {
            written.crc64 ^= 1;
        }
        if self.is(Fault::OneBlobForEqualBytes) {
            let mut all = self.written.lock();
            if let Some((_, before)) = all.iter().find(|(sum, _)| *sum == written.crc64) {
                return Ok(*before);
            }
            all.push((written.crc64, written));
        }
        Ok(written)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        let open = self.inner.open_blob(blob)?;
        let (backend, name) = (Arc::clone(&self.inner), *blob);
        Ok(match self.fault {
            Fault::ReadsShort => Arc::new(Short(open)),
            Fault::OpenBlobsDie => Arc::new(ByName { open, backend, name }),
            _ => open,
        })
    }

    fn discard_blob(&self, blob: &BlobRef) {
        if self.is(Fault::DiscardsOwned) {
            // Fails where there is nothing to free.
            let frees = Batch { frees: vec![*blob], ..Batch::default() };
            drop(self.inner.commit(frees));
        }
        self.inner.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        let row = self.inner.row(key)?;
        Ok(row.filter(|value| !(self.is(Fault::EmptyIsNothing) && value.is_empty())))
    }

    fn scan(
        &self,
        mut range: KeyRange<'_>,
        order: Order,
        mut limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        if self.is(Fault::IgnoresLimit) {
            limit = limit.max(1);
        }
        if let (Fault::IncludesExcluded, Bound::Excluded(start)) = (self.fault, range.start) {
            range.start = Bound::Included(start);
        }
        let mut rows = self.inner.scan(range, order, limit)?;
        if self.is(Fault::HidesRowsUnderZero) {
            rows.retain(|row| row.key.first() != Some(&0));
        }
        Ok(rows)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        let mut seen = Vec::new();
        self.inner.walk(range, &mut |key, value| match visit(key, value) {
            Step::Jump(_) if self.is(Fault::NeverJumps) => Step::Next,
            Step::Stop if self.is(Fault::NeverStops) => Step::Next,
            Step::Next if self.is(Fault::ShowsTwice) && seen != key => {
                seen = key.to_vec();
                visit(key, value)
            }
            step => step,
        })
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.inner.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        if self.is(Fault::ForgetsCountersOnReopening) && self.reopened {
            return Vec::new();
        }
        let mut counters = self.inner.counters(prefix);
        if self.is(Fault::ListsZeros) {
            counters.push((Bytes::from_static(b"\xff\xff\xff"), 0));
        }
        counters
    }

    fn commit(&self, mut batch: Batch) -> Result<Ticket, CommitError> {
        let asked = batch.durability;
        self.spoil(&mut batch);
        if self.is(Fault::CommitsHalves) && batch.ops.len() > 1 {
            let ops = batch.ops.drain(..1).collect();
            self.inner.commit(Batch { ops, ..Batch::default() })?.wait()?;
            std::thread::yield_now();
        }
        if self.is(Fault::CountsOnConflict) {
            let adds = std::mem::take(&mut batch.adds);
            self.inner.commit(Batch { adds, ..Batch::default() })?.wait()?;
        }
        if self.is(Fault::IgnoresPreconditions) {
            // Lets another thread in between the caller's look and his commit.
            std::thread::yield_now();
        }
        let mut told = None;
        if self.is(Fault::TellsOnConflict) && has_stale_row(&batch) {
            told = batch.on_publish.take();
        }
        let outcome = self.inner.commit(batch);
        if let (Err(CommitError::Conflict { .. }), Some(tell)) = (&outcome, told) {
            tell(self.inner.position());
        }
        let ticket = match outcome {
            Err(CommitError::Conflict { .. }) if self.is(Fault::AlwaysBlamesTheFirst) => {
                return Err(CommitError::Conflict { index: 0 });
            }
            other => other?,
        };
        Ok(match self.fault {
            Fault::ForgetsCallbacks => Ticket::waiting(ticket.position(), asked, Arc::new(Deaf)),
            Fault::PromisesTooLittle => Ticket::done(ticket.position(), Durability::Memory),
            _ => Ticket::done(ticket.position(), asked),
        })
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.inner.flush(durability)
    }

    fn position(&self) -> Position {
        self.inner.position()
    }

    fn stats(&self) -> BackendStats {
        self.inner.stats()
    }

    fn close(&self) -> Result<(), BackendError> {
        let was_closed = std::mem::replace(&mut *self.closed.lock(), true);
        match self.fault {
            Fault::StaysOpen => Ok(()),
            Fault::ClosesOnce if was_closed => Err(BackendError::Closed),
            _ => self.inner.close(),
        }
    }
}

fn has_stale_row(batch: &Batch) -> bool {
    let mut all = batch.preconditions.iter();
    all.any(|one| matches!(one, Precondition::Unchanged { seen: None, .. }))
}

/// Takes a failure for an end.
struct Tolerant<'a>(&'a mut dyn BlobSource);

impl BlobSource for Tolerant<'_> {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, cistern_storage_core::port::SourceFailed> {
        Ok(self.0.next_chunk().unwrap_or_default())
    }

    fn remaining(&self) -> Option<u64> {
        self.0.remaining()
    }
}

/// Never calls back.
struct Deaf;

impl TicketPromise for Deaf {
    fn wait(&self, _position: Position) -> Result<(), BackendError> {
        Ok(())
    }

    fn on_done(
        self: Arc<Self>,
        _position: Position,
        _then: Box<dyn FnOnce(Result<(), BackendError>) + Send>,
    ) {
    }
}

/// Reads a byte too few.
#[derive(Debug)]
struct Short(Arc<dyn Blob>);

impl Blob for Short {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let bytes = self.0.read(range)?;
        Ok(bytes.slice(..bytes.len().saturating_sub(1)))
    }
}

/// Holds the name and not the blob.
#[derive(Debug)]
struct ByName {
    open: Arc<dyn Blob>,
    backend: Arc<ReferenceBackend>,
    name: BlobRef,
}

impl Blob for ByName {
    fn len(&self) -> u64 {
        self.open.len()
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        self.backend.open_blob(&self.name)?.read(range)
    }
}
