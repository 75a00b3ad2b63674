//! Every byte of a small store, damaged.

use super::{Index, Rows, SETTINGS, all_rows, delete, open, put, run_files, try_open};
use crate::device::MemoryDevice;
use bytes::Bytes;
use cistern_storage_core::port::{BackendError, Order};

/// Two runs of several blocks each, and two manifests: what they hold, by meta.
fn small_store(device: &MemoryDevice) -> Vec<(Bytes, Rows)> {
    let (index, _) = open(device);
    let mut states = vec![];
    for (meta, rows) in [("first", 0..60), ("second", 55..60)] {
        for row in rows {
            put(&index, format!("bucket/row-{row:03}"), format!("{meta} {row:150}"));
        }
        index.freeze();
        index.checkpoint(meta.into()).unwrap();
        states.push((Bytes::from(meta), all_rows(&index).unwrap()));
        delete(&index, "bucket/row-007");
    }
    assert_eq!(run_files(device).len(), 2);
    states
}

/// Reads everything in every way: the rows, or the damage met.
fn read(index: &Index) -> Result<Rows, BackendError> {
    let rows = all_rows(index)?;
    let mut reverse = index.scan(super::EVERYTHING, Order::Reverse, usize::MAX)?;
    reverse.reverse();
    let reverse = reverse.into_iter().map(|row| (row.key, row.value.into_bytes()));
    assert!(rows.clone().into_iter().eq(reverse));
    for number in 0..61 {
        let key = format!("bucket/row-{number:03}");
        assert_eq!(index.get(key.as_bytes())?.as_ref(), rows.get(key.as_bytes()));
    }
    Ok(rows)
}

#[track_caller]
fn check_damage(name: &str, error: &BackendError) {
    let BackendError::Damaged { place, .. } = error else { panic!("{error}") };
    assert_eq!(place, name);
}

/// What is read is right or damaged, and verification names the file.
#[track_caller]
fn check_flipped(device: &MemoryDevice, name: &str, offset: u64, rows: &Rows) {
    let index = match try_open(device, SETTINGS) {
        Ok((index, _)) => index,
        Err(error) => return check_damage(name, &error),
    };
    match read(&index) {
        Ok(found) => assert_eq!(&found, rows, "byte {offset} of {name}"),
        Err(error) => check_damage(name, &error),
    }
    let mut findings = vec![];
    index.verify(&mut |finding| findings.push(finding)).unwrap();
    assert!(!findings.is_empty(), "byte {offset} of {name} was not found");
    assert!(findings.iter().all(|finding| finding.file == name));
}

#[test]
fn a_flipped_bit_in_a_run_is_found_or_harmless() {
    let device = MemoryDevice::new();
    let states = small_store(&device);
    let rows = &states[1].1;
    for name in run_files(&device) {
        let len = device.contents(&name).unwrap().len() as u64;
        for offset in 0..len {
            let mask = 1 << (offset % 8);
            device.flip_bits(&name, offset, mask).unwrap();
            check_flipped(&device, &name, offset, rows);
            device.flip_bits(&name, offset, mask).unwrap();
        }
    }
}

#[test]
fn a_flipped_bit_in_a_manifest_shows_the_other_one_or_is_found() {
    let device = MemoryDevice::new();
    let states = small_store(&device);
    for name in super::super::manifest::NAMES {
        let len = device.contents(name).unwrap().len() as u64;
        for offset in 0..len {
            let mask = 1 << (offset % 8);
            device.flip_bits(name, offset, mask).unwrap();
            let (index, meta) = open(&device);
            let meta = meta.unwrap();
            let (_, rows) = states.iter().find(|(known, _)| *known == meta).unwrap();
            assert_eq!(&all_rows(&index).unwrap(), rows);
            device.flip_bits(name, offset, mask).unwrap();
        }
    }
}

#[test]
fn two_damaged_manifests_and_a_missing_run_are_damage() {
    let device = MemoryDevice::new();
    small_store(&device);
    let missing = run_files(&device)[0].clone();
    let without = device.crash(crate::device::Crash::KeepAll);
    crate::device::Device::remove(&without, &missing).unwrap();
    check_damage(&missing, &try_open(&without, SETTINGS).unwrap_err());
    for name in super::super::manifest::NAMES {
        device.flip_bits(name, 20, 1).unwrap();
    }
    check_damage("manifest-a", &try_open(&device, SETTINGS).unwrap_err());
}

#[test]
fn a_run_cut_at_any_length_is_damage() {
    let device = MemoryDevice::new();
    small_store(&device);
    let name = run_files(&device)[1].clone();
    let whole = device.contents(&name).unwrap();
    for len in 0..whole.len() {
        let cut = device.crash(crate::device::Crash::KeepAll);
        let file =
            crate::device::Device::open(&cut, &name, crate::device::OpenMode::Write).unwrap();
        file.set_len(len as u64).unwrap();
        check_damage(&name, &try_open(&cut, SETTINGS).unwrap_err());
    }
}
