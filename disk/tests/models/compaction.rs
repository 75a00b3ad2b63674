//! Compaction against readers: `engine/compaction.rs`, `engine/checkpoint.rs`,
//! `engine/blob_read.rs`, `log/segments.rs`.
//!
//! | here | in the engine |
//! |---|---|
//! | [`Engine::open_blob`] | `Engine::open_packed`, `Engine::moved_place` |
//! | [`Engine::read`] | `PackedBlob::read` |
//! | [`Engine::move_blob`] | `Engine::move_blob`, and the publication of its entry |
//! | [`Engine::free`] | a commit that frees the last owner, published |
//! | [`Engine::retire`] | `Engine::retire_dead`, `Segments::retire`, then `release` |
//! | [`Engine::recycle`] | `Segments::recycle`, and the next life of the file |
//!
//! One blob, which was written at lsn 0. A segment is a cell that says which frame stands in it; its
//! number is the lsn. Used again, it says something else.

use crate::{fails, holds};
use shuttle::{
    sync::{Arc, Mutex, RwLock},
    thread,
};
use std::collections::BTreeMap;

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The old place goes before the row tells the new one.
    RowComesLate,
    /// A segment is used again though somebody holds it.
    PinIsIgnored,
    /// A reader that finds the place gone does not ask again where it is.
    AsksOnce,
    /// A retired segment is found for as long as its file is there.
    RetiredIsFound,
}

#[derive(Debug)]
struct Segment {
    lsn: u64,
    /// What stands in it: the blob, or something of a later life.
    content: Mutex<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Blob,
    LaterLife,
}

/// The rows of the index: published together.
#[derive(Default)]
struct Rows {
    moved: Option<u64>,
    is_dead: bool,
}

struct Engine {
    table: RwLock<BTreeMap<u64, Arc<Segment>>>,
    retired: Mutex<Vec<Arc<Segment>>>,
    rows: Mutex<Rows>,
    /// The lock of commits: a move and a free are ordered by it.
    queue: Mutex<()>,
    broken: Broken,
}

impl Engine {
    fn new(broken: Broken) -> Arc<Self> {
        let engine = Self {
            table: RwLock::default(),
            retired: Mutex::default(),
            rows: Mutex::default(),
            queue: Mutex::default(),
            broken,
        };
        engine.write(0);
        Arc::new(engine)
    }

    fn write(&self, lsn: u64) {
        let segment = Arc::new(Segment { lsn, content: Mutex::new(Content::Blob) });
        self.table.write().unwrap().insert(lsn, segment);
    }

    fn find(&self, lsn: u64) -> Option<Arc<Segment>> {
        self.table.read().unwrap().get(&lsn).cloned()
    }

    /// `None` when nobody owns the blob.
    fn open_blob(&self) -> Option<Arc<Segment>> {
        if let Some(segment) = self.find(0) {
            let is_dead = self.rows.lock().unwrap().is_dead;
            return (!is_dead).then_some(segment);
        }
        let mut before = None;
        loop {
            let lsn = self.rows.lock().unwrap().moved?;
            if let Some(segment) = self.find(lsn) {
                return Some(segment);
            }
            if self.broken == Broken::AsksOnce || before.replace(lsn) == Some(lsn) {
                return None;
            }
        }
    }

    fn read(segment: &Segment) -> Content {
        thread::yield_now();
        *segment.content.lock().unwrap()
    }

    /// Copies the blob from one place to the next, unless it is dead.
    fn move_blob(&self, from: u64, to: u64) {
        let _order = self.queue.lock().unwrap();
        let is_here = {
            let rows = self.rows.lock().unwrap();
            !rows.is_dead && rows.moved.unwrap_or(0) == from
        };
        if !is_here {
            return;
        }
        self.write(to);
        if self.broken == Broken::RowComesLate {
            self.retire(from);
        }
        thread::yield_now();
        self.rows.lock().unwrap().moved = Some(to);
    }

    fn free(&self) {
        let _order = self.queue.lock().unwrap();
        let mut rows = self.rows.lock().unwrap();
        (rows.is_dead, rows.moved) = (true, None);
    }

    /// Takes a segment in which nothing is live out of the table.
    fn retire(&self, lsn: u64) {
        let mut table = self.table.write().unwrap();
        let segment = match self.broken {
            Broken::RetiredIsFound => table.get(&lsn).cloned(),
            _ => table.remove(&lsn),
        };
        drop(table);
        self.retired.lock().unwrap().extend(segment);
    }

    /// Uses retired segments again that nobody holds.
    fn recycle(&self) {
        let mut retired = self.retired.lock().unwrap();
        // One in the table has another holder for ever; there it is as if it had none.
        let holders = if self.broken == Broken::RetiredIsFound { 2 } else { 1 };
        let is_held = |segment: &Arc<Segment>| Arc::strong_count(segment) > holders;
        let pinned =
            |segment: &Arc<Segment>| self.broken != Broken::PinIsIgnored && is_held(segment);
        let (kept, free): (Vec<_>, Vec<_>) = retired.drain(..).partition(pinned);
        *retired = kept;
        for segment in free {
            // Between the count and the new life anybody may act.
            thread::yield_now();
            assert!(segment.lsn < 2);
            *segment.content.lock().unwrap() = Content::LaterLife;
        }
    }
}

/// Whether the blob is freed while it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blob {
    Stays,
    IsFreed,
}

fn model(broken: Broken, blob: Blob) {
    let engine = Engine::new(broken);
    let spawn = |act: Box<dyn FnOnce(&Engine) + Send>| {
        let engine = Arc::clone(&engine);
        thread::spawn(move || act(&engine))
    };
    let read = move |engine: &Engine| {
        for _ in 0..2 {
            let found = engine.open_blob();
            assert!(found.is_some() || blob == Blob::IsFreed, "a body that is owned is gone");
            if let Some(segment) = found {
                // Twice: a handle is good for as long as it is held.
                assert_eq!(Engine::read(&segment), Content::Blob);
                assert_eq!(Engine::read(&segment), Content::Blob);
            }
        }
    };
    let readers = [spawn(Box::new(read)), spawn(Box::new(read))];
    let compactor = spawn(Box::new(|engine| {
        for lsn in 0..2 {
            engine.move_blob(lsn, lsn + 1);
            engine.retire(lsn);
            engine.recycle();
        }
        engine.recycle();
    }));
    if blob == Blob::IsFreed {
        spawn(Box::new(|engine: &Engine| engine.free())).join().unwrap();
    }
    compactor.join().unwrap();
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(engine.open_blob().is_some(), blob == Blob::Stays);
}

#[test]
fn a_reader_finds_a_body_wherever_it_moves_and_reads_it_for_as_long_as_it_holds_it() {
    holds(|| model(Broken::Nothing, Blob::Stays));
    holds(|| model(Broken::Nothing, Blob::IsFreed));
}

#[test]
fn a_model_with_one_thing_wrong_fails() {
    fails(|| model(Broken::RowComesLate, Blob::Stays));
    fails(|| model(Broken::PinIsIgnored, Blob::Stays));
    fails(|| model(Broken::AsksOnce, Blob::Stays));
    fails(|| model(Broken::RetiredIsFound, Blob::Stays));
}
