//! Entry points for fuzzers: one function a decoder. Not an interface: it may change with any commit.
//!
//! Each takes any bytes, does not panic, and takes memory in proportion to them. True says that the
//! bytes were understood. Checksums keep a fuzzer out; where a decoder looks at anything behind
//! one, it is also tried with a checksum that is right.

use crate::{
    blob_file::{BlobFileId, BlobFileReader, BlobFileWriter},
    device::{Device, DeviceFile, MemoryDevice, OpenMode},
    engine::{identity, meta::Meta, name::BlobName},
    format::{FrameHeader, FrameKind, checksum, frame_bytes},
    index::fuzzing as index,
    log::{
        batch_record::{self, BatchRecord},
        body::Body,
        reader::FrameReader,
    },
    segment::{self, Segment, SegmentHeader},
};
use bytes::Bytes;
use cistern_storage_core::port::{Blob as _, BlobRef, Op};
use std::{collections::BTreeMap, sync::Arc};

/// Takes any bytes; true when they were understood.
pub type Target = fn(&[u8]) -> bool;

/// Every entry point, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("batch_record", batch),
    ("blob_file", blob_file),
    ("blob_name", blob_name),
    ("checkpoint_meta", meta),
    ("frame", frame),
    ("identity", identity),
    ("index_block", index::block),
    ("index_block_index", index::block_index),
    ("index_manifest", index::manifest),
    ("index_run", index::run),
    ("log", log),
    ("segment_header", segment_header),
];

/// Runs the entry point `name`.
///
/// # Panics
/// When there is none, and when the decoder is wrong.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("targets name entry points that exist").1(input)
}

/// A device with one file.
pub(crate) fn device_with(name: &str, bytes: &[u8]) -> Arc<dyn Device> {
    let device: Arc<dyn Device> = Arc::new(MemoryDevice::new());
    let file = device.open(name, OpenMode::CreateNew).expect("the device is empty");
    file.write_at(bytes, 0).expect("memory takes it");
    device
}

fn content(file: &dyn DeviceFile) -> Vec<u8> {
    let len = usize::try_from(file.len().expect("it is there")).expect("it is in memory");
    let mut bytes = vec![0; len];
    file.read_at(&mut bytes, 0).expect("it is there");
    bytes
}

fn batch(input: &[u8]) -> bool {
    let Some(record) = BatchRecord::decode(input) else { return false };
    let mut bytes = Vec::new();
    let BatchRecord { ops, adds, fresh, adopts, frees } = &record;
    batch_record::encode(&mut bytes, ops, adds, fresh, adopts, frees);
    assert_eq!(bytes, input);
    true
}

/// One frame at [`LSN`], as it is and with a header whose checksum holds.
fn frame(input: &[u8]) -> bool {
    if let Some(header) = FrameHeader::decode(input, LSN) {
        header.fits(input.get(header.payload()).unwrap_or(&[]));
    }
    let Some(header) = FrameHeader::peek(input, LSN) else { return false };
    let Some(extension) = input.get(header.extension()) else { return false };
    let sealed = [&header.encode(extension)[..], extension].concat();
    assert_eq!(FrameHeader::decode(&sealed, LSN), Some(header));
    assert!(header.frame_bytes() >= header.payload().end as u64);
    true
}

/// A segment full of anything, read as opening and verifying read it.
fn log(input: &[u8]) -> bool {
    let header = segment_of(input.len() as u64);
    let zeros = vec![0; usize::try_from(segment::HEADER_BYTES).expect("it is small")];
    let device = device_with(&header.file_name(), &[&zeros[..], input].concat());
    let segment = Segment::new(header, &device);
    let mut reader = FrameReader::new(&segment).expect("the file is there");
    let (mut lsn, mut frames) = (LSN, 0);
    while lsn < segment.end() {
        let frame = reader.frame(lsn).expect("the file is there");
        let Some(frame) = frame else { break };
        if frame.header.kind == FrameKind::Moved {
            frame.origin();
        }
        BatchRecord::decode(frame.payload());
        assert!(frame.end() > lsn);
        lsn = frame.end();
        frames += 1;
    }
    let evidence = reader.find_evidence(lsn, lsn).expect("the file is there");
    assert!(evidence.is_none_or(|found| found >= lsn));
    frames > 0
}

fn segment_of(capacity: u64) -> SegmentHeader {
    SegmentHeader { store: STORE, sequence: 1, start: LSN, capacity, follows: 0 }
}

fn segment_header(input: &[u8]) -> bool {
    let sealed = seal(input.get(..SegmentHeader::BYTES - 8).unwrap_or(input));
    for bytes in [input, &sealed] {
        if let Ok(header) = SegmentHeader::decode(bytes) {
            assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
        }
    }
    SegmentHeader::decode(input).is_ok()
}

fn meta(input: &[u8]) -> bool {
    let Some(meta) = Meta::decode(&Bytes::copy_from_slice(input)) else { return false };
    assert_eq!(Meta::decode(&meta.encode()).as_ref(), Some(&meta));
    true
}

fn identity(input: &[u8]) -> bool {
    let device = device_with(identity::FILE, input);
    let outcome = identity::read(&*device);
    let sealed = device_with(identity::FILE, &seal(input.get(..32).unwrap_or(input)));
    drop(identity::read(&*sealed));
    matches!(outcome, Ok(Some(_)))
}

fn blob_name(input: &[u8]) -> bool {
    let Some(blob) = BlobRef::new(input) else { return false };
    let Ok(name) = BlobName::decode(&STORE, &blob) else { return false };
    assert_eq!(name.encode(&STORE), blob);
    true
}

/// The first eight bytes tell the body's length.
fn blob_file(input: &[u8]) -> bool {
    let Some((len, input)) = input.split_first_chunk::<8>() else { return false };
    let device = device_with(&FILE.name(), input);
    let Ok(reader) = BlobFileReader::open(&*device, FILE, u64::from_le_bytes(*len)) else {
        return false;
    };
    let len = reader.len();
    drop(reader.read(len / 2..len));
    reader.verify().is_ok()
}

/// `bytes` with the checksum of all of them behind them.
pub(crate) fn seal(bytes: &[u8]) -> Vec<u8> {
    [bytes, &checksum(bytes).to_le_bytes()].concat()
}

/// Inputs that are understood, for a fuzzer to begin with.
#[must_use]
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    match name {
        "batch_record" => vec![seed_batch()],
        "blob_file" => [0, 9, 70_000].map(seed_blob_file).into(),
        "blob_name" => {
            let names = [BlobName::Packed { lsn: 8, len: 9 }, BlobName::File { file: 8, len: 9 }];
            names.iter().map(|name| name.encode(&STORE).as_bytes().to_vec()).collect()
        }
        "checkpoint_meta" => vec![seed_meta()],
        "frame" => vec![seed_frame(FrameKind::Batch, LSN), seed_frame(FrameKind::Moved, LSN)],
        "identity" => vec![seed_identity()],
        "log" => {
            let first = seed_frame(FrameKind::Batch, LSN);
            let second = seed_frame(FrameKind::Moved, LSN + first.len() as u64);
            vec![[&first[..], &second].concat(), [&first[..], &[0; 64], &second].concat()]
        }
        "segment_header" => vec![segment_of(4096).encode()],
        other => index::seeds(other),
    }
}

fn seed_batch() -> Vec<u8> {
    let mut bytes = Vec::new();
    let ops = [
        Op::Put { key: "key".into(), value: "value".into() },
        Op::Delete { key: "gone".into() },
        Op::PutStamped { prefix: "p".into(), suffix: "s".into(), value: "v".into() },
    ];
    let blob = BlobName::Packed { lsn: 8, len: 9 }.encode(&STORE);
    batch_record::encode(&mut bytes, &ops, &[("n".into(), -1)], &[blob], &[blob], &[blob]);
    bytes
}

fn seed_frame(kind: FrameKind, lsn: u64) -> Vec<u8> {
    let payload = seed_batch();
    let len = u32::try_from(payload.len()).expect("it is small");
    let payload_sum = Body::new(vec![Bytes::copy_from_slice(&payload)]).sum;
    let header = FrameHeader { kind, flags: 2, len, lsn, durable: lsn, payload_sum };
    let extension = vec![7; header.extension().len()];
    let mut frame = [&header.encode(&extension)[..], &extension, &payload].concat();
    frame.resize(usize::try_from(frame_bytes(kind, len)).expect("it is small"), 0);
    frame
}

fn seed_meta() -> Vec<u8> {
    let counters = BTreeMap::from([(Bytes::from("count"), 3)]);
    let segment = Arc::new(Segment::new(segment_of(4096), &device_with("any", b"")));
    let segments = vec![crate::engine::meta::SegmentRecord::of(&segment)];
    let meta =
        Meta { clean: true, end: 9, segments, counters, unowned: vec![8], ..Meta::default() };
    meta.encode().to_vec()
}

fn seed_identity() -> Vec<u8> {
    let device = MemoryDevice::new();
    identity::create(&device, Some(STORE)).expect("memory takes it");
    content(&*device.open(identity::FILE, OpenMode::Read).expect("it was just made"))
}

fn seed_blob_file(len: usize) -> Vec<u8> {
    let device: Arc<dyn Device> = Arc::new(MemoryDevice::new());
    let mut writer = BlobFileWriter::create(&device, FILE).expect("memory takes it");
    writer.write(&vec![7; len]).expect("memory takes it");
    let written = writer.finish().expect("memory takes it");
    [&written.len.to_le_bytes()[..], &content(&*written.file)].concat()
}

const STORE: [u8; 16] = *b"a store's own id";
const FILE: BlobFileId = BlobFileId { store: STORE, file: 5 };
const LSN: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::Index};

    #[test]
    fn every_entry_point_understands_its_seeds() {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            assert!(!seeds.is_empty(), "{name}");
            for (number, seed) in seeds.iter().enumerate() {
                assert!(target(seed), "{name}: seed {number}");
            }
        }
    }

    #[test]
    fn every_entry_point_has_a_fuzz_target() {
        let targets = include_str!("../../fuzz/Cargo.toml");
        for (name, _) in TARGETS {
            assert!(targets.contains(&format!("name = \"{name}\"\n")), "{name}");
        }
    }

    /// `CISTERN_FUZZ_CORPUS` names the folder in which every target has one for its inputs.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "fuzzers read files")]
    fn the_seeds_are_written_where_a_fuzzer_asks_for_them() {
        let Some(corpus) = std::env::var_os("CISTERN_FUZZ_CORPUS") else { return };
        for (name, _) in TARGETS {
            let folder = std::path::Path::new(&corpus).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for (number, seed) in seeds(name).into_iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_000))]

        #[test]
        fn no_entry_point_panics_on_any_bytes(
            input in prop::collection::vec(any::<u8>(), 0..200),
            number in 0..TARGETS.len(),
        ) {
            TARGETS[number].1(&input);
        }

        #[test]
        fn no_entry_point_panics_on_a_seed_with_changes(
            number in 0..TARGETS.len(),
            seed in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Option<Index>>(),
        ) {
            let (name, target) = TARGETS[number];
            let mut input = seed.get(&seeds(name)).clone();
            for (place, byte) in changes {
                // The shapes are at the beginning; the rest is rows and bodies.
                let place = place.index(input.len().min(200));
                input[place] = byte;
            }
            if let Some(cut) = cut {
                input.truncate(cut.index(input.len()));
            }
            target(&input);
        }
    }
}
