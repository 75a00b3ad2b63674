//! The index against a map, against crashes and against damage.

mod crash;
mod damage;
mod model;
mod salvage;
mod walk;

use super::{Access, Effort, Index, IndexSettings};
use crate::device::{Device, MemoryDevice};
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, KeyRange, Order};
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

type Rows = BTreeMap<Bytes, Bytes>;

const SETTINGS: IndexSettings =
    IndexSettings { block_cache_bytes: 1 << 20, access: Access::ReadWrite };

const READ_ONLY: IndexSettings = IndexSettings { access: Access::ReadOnly, ..SETTINGS };

const EVERYTHING: KeyRange<'static> = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };

fn try_open(
    device: &MemoryDevice,
    settings: IndexSettings,
) -> Result<(Index, Option<Bytes>), BackendError> {
    let device: Arc<dyn Device> = Arc::new(device.clone());
    Index::open(&device, settings)
}

fn open(device: &MemoryDevice) -> (Index, Option<Bytes>) {
    try_open(device, SETTINGS).unwrap()
}

fn put(index: &Index, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    let row = (Bytes::copy_from_slice(key.as_ref()), Some(Bytes::copy_from_slice(value.as_ref())));
    index.publish([row]);
}

fn delete(index: &Index, key: impl AsRef<[u8]>) {
    index.publish([(Bytes::copy_from_slice(key.as_ref()), None)]);
}

fn all_rows(index: &Index) -> Result<Rows, BackendError> {
    let rows = index.scan(EVERYTHING, Order::Forward, usize::MAX)?;
    Ok(rows.into_iter().map(|row| (row.key, row.value.into_bytes())).collect())
}

fn run_files(device: &MemoryDevice) -> Vec<String> {
    let files = device.list(super::run::FOLDER).unwrap();
    files.into_iter().map(|file| format!("{}/{}", super::run::FOLDER, file.name)).collect()
}

#[test]
fn a_new_store_has_no_rows_and_no_meta() {
    let (index, meta) = open(&MemoryDevice::new());
    assert_eq!(meta, None);
    assert_eq!(index.get(b"key").unwrap(), None);
    assert!(all_rows(&index).unwrap().is_empty());
    assert!(!index.merge(Effort::Busy).unwrap());
}

#[test]
fn a_checkpoint_without_rows_keeps_its_meta() {
    let device = MemoryDevice::new();
    open(&device).0.checkpoint("first".into()).unwrap();
    open(&device).0.checkpoint("second".into()).unwrap();
    assert_eq!(open(&device).1.unwrap(), "second");
    assert!(run_files(&device).is_empty());
}

#[test]
fn what_is_frozen_after_a_checkpoint_waits_for_the_next() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    put(&index, "one", "1");
    index.freeze();
    index.checkpoint("m".into()).unwrap();
    put(&index, "two", "2");
    index.freeze();
    assert_eq!(index.stats().frozen, 1);
    assert_eq!(all_rows(&index).unwrap().len(), 2);
    assert_eq!(all_rows(&open(&device).0).unwrap().len(), 1);
}

#[test]
fn deleting_everything_leaves_no_file_once_merged() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    (0..500).for_each(|number| put(&index, format!("key-{number:04}"), [7; 100]));
    index.freeze();
    index.checkpoint("full".into()).unwrap();
    (0..500).for_each(|number| delete(&index, format!("key-{number:04}")));
    index.freeze();
    index.checkpoint("empty".into()).unwrap();
    assert!(all_rows(&index).unwrap().is_empty());
    assert!(index.merge(Effort::Busy).unwrap());
    assert!(run_files(&device).is_empty());
    assert_eq!(open(&device).1.unwrap(), "empty");
    assert!(all_rows(&index).unwrap().is_empty());
}

#[test]
fn a_value_of_four_mebibytes_is_kept() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    let value = Bytes::from(vec![5; 4 << 20]);
    put(&index, "a", "before");
    put(&index, "b", &value);
    put(&index, "c", "after");
    index.freeze();
    index.checkpoint(Bytes::new()).unwrap();
    let (index, _) = open(&device);
    assert_eq!(index.get(b"b").unwrap().unwrap(), value);
    assert_eq!(index.get(b"c").unwrap().unwrap(), "after");
    let reverse = index.scan(EVERYTHING, Order::Reverse, 2).unwrap();
    assert!(reverse[1].value.is(&value));
}

#[test]
fn a_run_that_no_manifest_names_is_removed_at_opening_but_not_by_a_reader() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    put(&index, "key", "value");
    index.freeze();
    index.checkpoint(Bytes::new()).unwrap();
    let named = run_files(&device);
    let shared: Arc<dyn Device> = Arc::new(device.clone());
    drop(super::RunWriter::create(&shared, 77, 1).unwrap());
    try_open(&device, READ_ONLY).unwrap();
    assert_eq!(run_files(&device).len(), 2);
    let (index, _) = open(&device);
    assert_eq!(run_files(&device), named);
    put(&index, "other", "value");
    index.freeze();
    index.checkpoint(Bytes::new()).unwrap();
    assert!(run_files(&device).contains(&super::run::file_name(78)), "ids are not used again");
}

#[test]
fn a_reader_may_not_write() {
    let (index, _) = try_open(&MemoryDevice::new(), READ_ONLY).unwrap();
    assert!(matches!(index.checkpoint(Bytes::new()), Err(BackendError::ReadOnly)));
    assert!(matches!(index.merge(Effort::Busy), Err(BackendError::ReadOnly)));
}

#[test]
fn a_scan_sees_whole_commits_while_others_publish() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    let pair = |number: u32| {
        let value = Bytes::from(format!("{number:2000}"));
        [("left".into(), Some(value.clone())), ("right".into(), Some(value))]
    };
    index.publish(pair(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..400 {
                index.publish(pair(number));
                if number % 10 == 0 {
                    index.freeze();
                    index.checkpoint(Bytes::new()).unwrap();
                    while index.merge(Effort::Busy).unwrap() {}
                }
            }
        });
        for _ in 0..2000 {
            let rows = index.scan(EVERYTHING, Order::Forward, 10).unwrap();
            assert_eq!(rows.len(), 2);
            assert_eq!(rows[0].value, rows[1].value);
        }
    });
}

#[test]
fn a_large_merge_is_done_in_steps_with_checkpoints_between_them() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    let value = vec![1; 1 << 20];
    for meta in ["one", "two"] {
        (0..40).for_each(|row| put(&index, format!("row-{row:02}"), &value));
        index.freeze();
        index.checkpoint(meta.into()).unwrap();
    }
    // While the large merge is under way, so that no later one follows it.
    let mut steps = 0;
    while index.merge(Effort::Busy).unwrap() {
        steps += 1;
        if steps <= 2 {
            put(&index, format!("step-{steps}"), "between");
            index.freeze();
            index.checkpoint(format!("step {steps}").into()).unwrap();
        }
        assert_eq!(all_rows(&index).unwrap().len(), 40 + steps.min(2));
    }
    assert!(steps >= 3, "{steps} steps");
    drop(index);
    let (index, meta) = open(&device);
    assert_eq!(meta.unwrap(), "step 2");
    assert_eq!(all_rows(&index).unwrap().len(), 42);
}

#[test]
fn a_merge_that_is_not_finished_leaves_nothing_behind() {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    for meta in ["one", "two"] {
        (0..20).for_each(|row| put(&index, format!("row-{row:02}"), vec![1; 1 << 20]));
        index.freeze();
        index.checkpoint(meta.into()).unwrap();
    }
    assert!(index.merge(Effort::Busy).unwrap());
    assert_eq!(run_files(&device).len(), 3);
    drop(index);
    assert_eq!(all_rows(&open(&device).0).unwrap().len(), 20);
    assert_eq!(run_files(&device).len(), 2);
}
