//! What a base with a damaged block has left.

use super::{Rows, all_rows, delete, open, put, run_files};
use crate::{
    device::{Device, MemoryDevice},
    index::salvage::salvage,
    verify::Finding,
};
use cistern_storage_core::port::BackendError;
use std::sync::Arc;

/// Three runs: old rows, newer ones and tombstones for some, the newest for a few.
fn layered() -> (MemoryDevice, Rows) {
    let device = MemoryDevice::new();
    let (index, _) = open(&device);
    let key = |row: usize| format!("bucket/row-{row:03}");
    for row in 0..300 {
        put(&index, key(row), format!("old {row:100}"));
    }
    index.freeze();
    index.checkpoint("old".into()).unwrap();
    for row in (0..300).step_by(4) {
        put(&index, key(row), format!("new {row:100}"));
        delete(&index, key(row + 1));
    }
    index.freeze();
    index.checkpoint("new".into()).unwrap();
    (100..120).for_each(|row| put(&index, key(row), "newest"));
    index.freeze();
    index.checkpoint("newest".into()).unwrap();
    let rows = all_rows(&index).unwrap();
    (device, rows)
}

fn salvaged(device: &MemoryDevice) -> (Result<Rows, BackendError>, Vec<Finding>) {
    let (target, mut lost) = (MemoryDevice::new(), Vec::new());
    let shared: Arc<dyn Device> = Arc::new(target.clone());
    let outcome = salvage(device, &shared, b"b", &mut |finding| lost.push(finding));
    let rows = outcome.map(|meta| {
        let (index, found) = open(&target);
        assert_eq!(meta, found);
        all_rows(&index).unwrap()
    });
    (rows, lost)
}

#[test]
fn a_whole_base_is_taken_over_whole() {
    let (device, rows) = layered();
    let (found, lost) = salvaged(&device);
    assert_eq!(found.unwrap(), rows);
    assert_eq!(lost, vec![]);
}

#[test]
fn a_damaged_block_loses_its_own_rows_and_brings_no_old_ones_back() {
    let (device, rows) = layered();
    let (mut tried, mut lost_rows) = (0, 0);
    for name in run_files(&device) {
        let len = device.contents(&name).unwrap().len() as u64;
        for offset in (32..len).step_by(701) {
            device.flip_bits(&name, offset, 4).unwrap();
            let (found, lost) = salvaged(&device);
            device.flip_bits(&name, offset, 4).unwrap();
            let Ok(found) = found else {
                // The first block may hold what the engine needs, an index says where blocks are.
                assert!(offset < 4200 || offset > len - 2000, "byte {offset} of {len} in {name}");
                continue;
            };
            tried += 1;
            for (key, value) in &found {
                assert_eq!(rows.get(key), Some(value), "an old value came back");
            }
            lost_rows += rows.len() - found.len();
            assert!(rows.len() - found.len() < 150, "byte {offset} of {name} lost too much");
            assert!(found.len() == rows.len() || !lost.is_empty(), "a loss was not told");
            assert!(lost.iter().all(|finding| finding.file == name));
        }
    }
    assert!(tried > 30, "only {tried}");
    assert!(lost_rows > 100);
}

#[test]
fn a_base_without_a_manifest_is_not_made_up() {
    let (device, _) = layered();
    for name in super::super::manifest::NAMES {
        device.flip_bits(name, 3, 1).unwrap();
    }
    let (target, mut lost) = (MemoryDevice::new(), Vec::new());
    let shared: Arc<dyn Device> = Arc::new(target.clone());
    let meta = salvage(&device, &shared, b"b", &mut |finding| lost.push(finding)).unwrap();
    assert_eq!(meta, None);
    assert_eq!(lost.len(), 1);
    assert!(run_files(&target).is_empty());
}
