//! Write a backend of your own, let the conformance suite judge it, and run a store on it.
//! This one is the plainest there can be: a few maps behind one lock, gone when the program ends.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use bytes::Bytes;
use cistern::{
    BucketOptions, Cistern, Versioning,
    checksum::crc64_nvme,
    port::{
        Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
        Capabilities, CommitError, Durability, KeyRange, Op, Order, Position, Precondition, Row,
        Ticket, Value, Visit, walk_in_scans,
    },
};
use cistern_conformance::backend::{self, Fixture};
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    ops::{Bound, Range},
    sync::{Arc, Mutex, PoisonError},
};

fn main() -> Result<(), Box<dyn Error>> {
    // The contract is written beside the trait. The suite asks for every sentence of it.
    let report = backend::run(|| Fixture::new(Arc::new(Shelf::default())));
    if !report.is_whole() {
        return Err(report.to_string().into());
    }
    println!("the backend holds {} promises", report.held().len());
    println!("{} more are asked of backends that can be reopened", report.not_asked().len());

    // Whatever passes carries everything that S3 can do, from versions to conditional writes.
    let shelf = Arc::new(Shelf::default());
    let cistern = Cistern::builder().backend(shelf).build()?;
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let books = cistern.create_bucket_with("books", options)?;
    books.put("moby-dick.txt", "Call me Ishmael.")?;
    books.put("moby-dick.txt", vec![b'*'; 1_000_000])?;
    books.copy("moby-dick.txt", "the-whale.txt")?;
    for version in books.list_versions("") {
        let version = version?;
        println!("{} {} {} bytes", version.key(), version.version(), version.size());
    }
    let stats = cistern.backend_stats();
    println!("the copy moved no byte: {} bytes on the shelf", stats.stored_bytes);
    cistern.close()?;
    println!("after closing: {}", books.head("moby-dick.txt").expect_err("it is closed"));
    Ok(())
}

/// Rows, counters and blobs in maps.
#[derive(Debug, Default)]
struct Shelf(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    closed: bool,
    rows: BTreeMap<Bytes, Value>,
    counters: BTreeMap<Bytes, i64>,
    blobs: HashMap<u64, Kept>,
    /// Never goes back, so that no name is given twice.
    blobs_made: u64,
    commits: u64,
}

#[derive(Debug)]
struct Kept {
    bytes: Arc<Body>,
    /// None yet: it was written, and no commit has adopted it.
    owners: u64,
}

impl Shelf {
    /// Runs `act` on what is inside, unless the shelf is closed. One lock for everything: commits
    /// have one order, and a reader sees each of them whole.
    fn with<T>(&self, act: impl FnOnce(&mut Inside) -> T) -> Result<T, BackendError> {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.closed { Err(BackendError::Closed) } else { Ok(act(&mut inside)) }
    }
}

impl Backend for Shelf {
    fn capabilities(&self) -> Capabilities {
        Capabilities::memory()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.with(|_| ())?;
        // Outside the lock: the source may be slow, and may even use the store.
        let mut bytes = Vec::new();
        while let Some(chunk) = source.next_chunk().map_err(|_| BackendError::Source)? {
            bytes.extend_from_slice(&chunk);
        }
        let (len, crc64) = (bytes.len() as u64, crc64_nvme(&bytes));
        self.with(|inside| {
            let id = inside.blobs_made;
            inside.blobs_made += 1;
            inside.blobs.insert(id, Kept { bytes: Arc::new(Body(bytes.into())), owners: 0 });
            BlobWritten::new(name_of(id), len, crc64)
        })
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        let found =
            self.with(|inside| inside.blobs.get(&id_of(blob)).map(|kept| kept.bytes.clone()));
        // Whoever holds the bytes keeps them, also when they are freed.
        found?.map_or(Err(BackendError::NoSuchBlob { blob: *blob }), |bytes| Ok(bytes as Arc<_>))
    }

    fn discard_blob(&self, blob: &BlobRef) {
        let id = id_of(blob);
        let given_up = self.with(|inside| {
            if inside.blobs.get(&id).is_some_and(|kept| kept.owners == 0) {
                inside.blobs.remove(&id);
            }
        });
        // On a closed shelf there is nothing left to give up.
        given_up.unwrap_or_default();
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.with(|inside| inside.rows.get(key).cloned())
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        self.with(|inside| {
            if range.is_empty() {
                return Vec::new();
            }
            let rows = inside.rows.range::<[u8], _>((range.start, range.end));
            let rows = rows.map(|(key, value)| Row { key: key.clone(), value: value.clone() });
            match order {
                Order::Forward => rows.take(limit).collect(),
                Order::Reverse => rows.rev().take(limit).collect(),
            }
        })
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        walk_in_scans(self, range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        let found = self.with(|inside| inside.counters.get(key).copied());
        found.ok().flatten().unwrap_or_default()
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        let found = self.with(|inside| {
            let from = (Bound::Included(prefix), Bound::Unbounded);
            let all = inside.counters.range::<[u8], _>(from);
            all.take_while(|(key, _)| key.starts_with(prefix))
                .filter(|(_, count)| **count != 0)
                .map(|(key, count)| (key.clone(), *count))
                .collect()
        });
        found.unwrap_or_default()
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        check_sizes(&batch)?;
        self.with(|inside| inside.commit(batch))?
    }

    fn flush(&self, _durability: Durability) -> Result<(), BackendError> {
        self.with(|_| ())
    }

    fn position(&self) -> Position {
        self.with(|inside| Position(inside.commits)).unwrap_or_default()
    }

    fn stats(&self) -> BackendStats {
        let mut stats = BackendStats::default();
        let counted = self.with(|inside| {
            let len = |kept: &Kept| kept.bytes.len();
            stats.rows = inside.rows.len() as u64;
            stats.live_bytes = inside.blobs.values().filter(|kept| kept.owners > 0).map(len).sum();
            stats.stored_bytes = inside.blobs.values().map(len).sum();
            stats.commits = inside.commits;
        });
        // A closed shelf has nothing to tell.
        counted.unwrap_or_default();
        stats
    }

    fn close(&self) -> Result<(), BackendError> {
        // A second close does nothing.
        self.with(|inside| inside.closed = true).or(Ok(()))
    }
}

impl Inside {
    /// All or nothing: whatever can fail comes before the first change.
    fn commit(&mut self, batch: Batch) -> Result<Ticket, CommitError> {
        let unmet = batch.preconditions.iter().position(|one| !self.holds(one));
        if let Some(index) = unmet {
            return Err(CommitError::Conflict { index });
        }
        let mut named = batch.adopts.iter().chain(&batch.frees);
        if let Some(blob) = named.find(|blob| !self.blobs.contains_key(&id_of(blob))) {
            return Err(BackendError::NoSuchBlob { blob: *blob }.into());
        }

        self.commits += 1;
        let position = Position(self.commits);
        for op in batch.ops {
            match op {
                Op::Put { key, value } => drop(self.rows.insert(key, value)),
                Op::Delete { key } => drop(self.rows.remove(&key)),
                Op::PutStamped { prefix, suffix, value } => {
                    let key = [&prefix[..], &position.0.to_be_bytes(), &suffix[..]].concat();
                    self.rows.insert(key.into(), value);
                }
            }
        }
        for (key, delta) in batch.adds {
            *self.counters.entry(key).or_default() += delta;
        }
        for blob in &batch.adopts {
            self.blobs.entry(id_of(blob)).and_modify(|kept| kept.owners += 1);
        }
        for blob in &batch.frees {
            let Some(kept) = self.blobs.get_mut(&id_of(blob)) else { continue };
            kept.owners = kept.owners.saturating_sub(1);
            if kept.owners == 0 {
                self.blobs.remove(&id_of(blob));
            }
        }
        // Still under the lock, so that it is called in the order of commits.
        if let Some(tell) = batch.on_publish {
            tell(position);
        }
        // The receipt names what was reached, not what was asked for.
        Ok(Ticket::done(position, Durability::Memory))
    }

    fn holds(&self, precondition: &Precondition) -> bool {
        match precondition {
            Precondition::Unchanged { key, seen } => self.rows.get(key) == seen.as_ref(),
            Precondition::RangeEmpty { start, end } => {
                start >= end || self.rows.range::<Bytes, _>(start..end).next().is_none()
            }
        }
    }
}

/// Row keys have up to 8 KiB, values up to 4 MiB, in every backend.
fn check_sizes(batch: &Batch) -> Result<(), BackendError> {
    let check = |what, len, limit| {
        if len > limit { Err(BackendError::RowTooLarge { what, len, limit }) } else { Ok(()) }
    };
    batch.ops.iter().try_for_each(|op| {
        let (key, value) = match op {
            Op::Put { key, value } => (key.len(), value.len()),
            Op::Delete { key } => (key.len(), 0),
            Op::PutStamped { prefix, suffix, value } => {
                (prefix.len() + size_of::<Position>() + suffix.len(), value.len())
            }
        };
        check("key", key, 8 << 10)?;
        check("value", value, 4 << 20)
    })
}

/// A backend names its blobs as it likes, with up to 24 bytes.
fn name_of(id: u64) -> BlobRef {
    BlobRef::new(&id.to_be_bytes()).expect("8 bytes are fewer than 24")
}

/// A name that is none of ours is that of no blob.
fn id_of(blob: &BlobRef) -> u64 {
    blob.as_bytes().try_into().map_or(u64::MAX, u64::from_be_bytes)
}

#[derive(Debug)]
struct Body(Bytes);

impl Blob for Body {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, BackendError> {
        let Range { start, end } = range;
        if start > end || end > self.len() {
            return Err(BackendError::OutOfBounds { start, end, len: self.len() });
        }
        let place = |at| usize::try_from(at).expect("it lies in memory");
        Ok(self.0.slice(place(start)..place(end)))
    }
}
