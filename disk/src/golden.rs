//! Every kind of file, byte by byte, as `docs/format.md` describes it.
//!
//! A test here fails when a byte changes that is already on somebody's disk. Then the format has a
//! new version, and the old one must still be read.

use crate::{
    Background, DiskBackend, DiskSettings,
    blob_file::{BlobFileId, BlobFileWriter},
    device::{Device, MemoryDevice, OpenMode},
    engine::meta::{Meta, SegmentRecord},
    format::{FrameHeader, FrameKind, checksum, word},
    index::{Access, Index, IndexSettings},
    log::batch_record,
    segment::{self, SegmentHeader},
    threads::OsThreads,
};
use bytes::Bytes;
use cistern_storage_core::port::{Backend, BlobRef, BlobSource, Op, SourceFailed};
use std::sync::Arc;

const STORE: [u8; 16] = *b"0123456789abcdef";

/// The bytes as lines of 16, each byte as two hexadecimal digits and words of 8 apart.
fn dump(bytes: &[u8]) -> String {
    let word = |word: &[u8]| word.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let line = |line: &[u8]| line.chunks(8).map(word).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    let lines = expected.lines().map(str::trim).filter(|line| !line.is_empty());
    assert_eq!(dump(bytes), lines.collect::<Vec<_>>().join("\n"), "the format has changed");
}

fn contents(device: &MemoryDevice, name: &str) -> Vec<u8> {
    device.contents(name).unwrap()
}

/// Gives one chunk of this length, then nothing.
struct Zeros(Option<usize>);

impl BlobSource for Zeros {
    fn next_chunk(&mut self) -> Result<Option<Bytes>, SourceFailed> {
        Ok(self.0.take().map(|len| Bytes::from(vec![0; len])))
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

#[test]
fn an_identity_and_the_names_of_blobs_are_as_they_were() {
    let device = MemoryDevice::new();
    let settings = DiskSettings::new().store_id(STORE).background(Background::Manual);
    let settings = settings.blob_file_bytes_min(10);
    let shared: Arc<dyn Device> = Arc::new(device.clone());
    let store = DiskBackend::open_on(shared, Arc::new(OsThreads), settings).unwrap();
    check(
        &contents(&device, "cistern"),
        "
        4349535445524e00 0100000000000000
        3031323334353637 3839616263646566
        28f6ce72f26b3351
    ",
    );
    let name = |len| store.write_blob(&mut Zeros(Some(len))).unwrap().blob;
    let (packed, file) = (name(9), name(11));
    assert_eq!((packed.as_bytes()[0], packed.as_bytes().len()), (1, 17));
    assert_eq!((file.as_bytes()[0], file.as_bytes().len()), (2, 21));
    check(
        packed.as_bytes(),
        "
        0100000000000010 0000000009bd4164
        14
    ",
    );
    check(
        file.as_bytes(),
        "
        0200000001000000 0000000000000000
        0beb379099
    ",
    );
}

#[test]
fn the_state_of_the_engine_is_as_it_was() {
    let segment = SegmentRecord {
        sequence: 1,
        start: 4096,
        capacity: 8192,
        sealed: 12_000,
        live: 512,
        has_dead: true,
        has_moved: true,
    };
    let meta = Meta {
        clean: true,
        end: 12_000,
        position: 11_000,
        next_file: 3,
        file_bytes: 9,
        segments: vec![segment],
        counters: [(Bytes::from("objects"), -2)].into(),
        unowned: vec![4800],
    };
    check(
        &meta.encode(),
        "
        0100000001e02e00 0000000000f82a00
        0000000000030000 0000000000090000
        0000000000010000 0001000000000000
        0000100000000000 0000200000000000
        00e02e0000000000 0000020000000000
        0003010000000700 00006f626a656374
        73feffffffffffff ff01000000c01200
        0000000000
    ",
    );
}

#[test]
fn a_segment_header_is_as_it_was() {
    let header =
        SegmentHeader { store: STORE, sequence: 3, start: 8192, capacity: 4096, follows: 8000 };
    check(
        &header.encode(),
        "
        4349535453454700 0100000000000000
        3031323334353637 3839616263646566
        0300000000000000 0020000000000000
        0010000000000000 401f000000000000
        e0f91342513e4bf8
    ",
    );
}

#[test]
fn a_batch_frame_is_as_it_was() {
    let ops = [
        Op::Put { key: "key".into(), value: "value".into() },
        Op::Delete { key: "gone".into() },
        Op::PutStamped { prefix: "p".into(), suffix: "s".into(), value: "v".into() },
    ];
    let blob = |name: &[u8]| BlobRef::new(name).unwrap();
    let mut payload = Vec::new();
    let adds = [(Bytes::from("count"), -2)];
    let adopts = [blob(b"two"), blob(b"two")];
    batch_record::encode(&mut payload, &ops, &adds, &[blob(b"one")], &adopts, &[blob(b"old")]);
    check(
        &payload,
        "
        0300000001000000 0100000002000000
        0100000001030005 0000006b65797661
        6c7565020400676f 6e65030100010001
        0000007073760500 feffffffffffffff
        636f756e74036f6e 650374776f037477
        6f036f6c64
    ",
    );
    let header = FrameHeader {
        kind: FrameKind::Batch,
        flags: 2,
        len: u32::try_from(payload.len()).unwrap(),
        lsn: 4096,
        durable: 4000,
        payload_sum: checksum(&payload),
    };
    check(
        &header.encode(&[]),
        "
        4346523101020000 5500000000000000
        0010000000000000 a00f000000000000
        220b9e74758f61a3 385d342b00854c6c
    ",
    );
}

#[test]
fn blob_and_pad_frames_are_as_they_were() {
    let header = |kind, len, payload_sum| FrameHeader {
        kind,
        flags: 0,
        len,
        lsn: 4096,
        durable: 4000,
        payload_sum,
    };
    check(
        &header(FrameKind::Blob, 4, checksum(b"body")).encode(&[]),
        "
        4346523102000000 0400000000000000
        0010000000000000 a00f000000000000
        cd3f47538b898f98 52ffdee926fac3ab
    ",
    );
    let origin = 1024_u64.to_le_bytes();
    check(
        &header(FrameKind::Moved, 4, checksum(b"body")).encode(&origin),
        "
        4346523103000000 0400000000000000
        0010000000000000 a00f000000000000
        cd3f47538b898f98 722f906c6bcf7a5d
    ",
    );
    let long = vec![7; (64 << 10) + 1];
    let table: Vec<u8> = long.chunks(64 << 10).flat_map(|c| checksum(c).to_le_bytes()).collect();
    check(
        &header(FrameKind::Blob, 65537, checksum(&long)).encode(&table),
        "
        4346523102000000 0100010000000000
        0010000000000000 a00f000000000000
        253922a6a14e5a31 2488ab16f5026b56
    ",
    );
    check(
        &header(FrameKind::Pad, 40, 0).encode(&[]),
        "
        4346523104000000 2800000000000000
        0010000000000000 a00f000000000000
        0000000000000000 ed954b1769df67ba
    ",
    );
}

#[test]
fn a_blob_file_is_as_it_was() {
    let device = MemoryDevice::new();
    let id = BlobFileId { store: STORE, file: 9 };
    let shared: Arc<dyn Device> = Arc::new(device.clone());
    let mut writer = BlobFileWriter::create(&shared, id).unwrap();
    writer.write(b"the body").unwrap();
    writer.finish().unwrap();
    let bytes = contents(&device, "blobs/0000000000000009.blob");
    assert_eq!(bytes.len(), 8192 + 8);
    check(
        &bytes[..48],
        "
        43495354424c4f42 0100000000000000
        3031323334353637 3839616263646566
        0900000000000000 0000000000000000
    ",
    );
    check(
        &bytes[4088..4096],
        "
        2e67f1259cb594f9
    ",
    );
    check(
        &bytes[4096..4144],
        "
        4349535453554d53 0900000000000000
        0000000000000000 0100000008000000
        0666c84aa4046f4e 0000000000000000
    ",
    );
    check(
        &bytes[8184..],
        "
        18a40ee25a2082c6 74686520626f6479
    ",
    );
    let zero = |range: std::ops::Range<usize>| bytes[range].iter().all(|&byte| byte == 0);
    assert!(zero(40..4088) && zero(4136..8184));
}

fn checkpointed() -> MemoryDevice {
    let device = MemoryDevice::new();
    let shared: Arc<dyn Device> = Arc::new(device.clone());
    let settings = IndexSettings { block_cache_bytes: 0, access: Access::ReadWrite };
    let (index, _) = Index::open(&shared, settings).unwrap();
    let row = |key: &'static str, value: &'static str| (key.into(), Some(value.into()));
    index.publish([row("photos/cat", "meow"), row("photos/dog", "")]);
    index.freeze();
    index.checkpoint("first".into()).unwrap();
    index.publish([("photos/cat".into(), None), row("z", "last")]);
    index.freeze();
    index.checkpoint("second".into()).unwrap();
    device
}

#[test]
fn a_run_is_as_it_was() {
    check(
        &contents(&checkpointed(), "runs/0000000000000001.run"),
        "
        4349535452554e00 0100000000000000
        0100000000000000 4c76417475c6ad3b
        020000000a000400 000007000d000400
        000070686f746f73 2f636174646f676d
        656f775dad81bf35 2749250a0070686f
        746f732f646f672b 0000000a0070686f
        746f732f63617400 0000100000002006
        0000004000000000 2000000000400000
        0004000000000000 0000000000000002
        4008000000010000 0000000000000000
        000000000c000043 49535452554e4601
        0000000000000001 0000000000000002
        0000000000000000 0000000000000001
        000000000000004b 000000000000001c
        00000000000000f0 af9d29bb690c2167
        0000000000000040 000000000000005b
        cc951f4d29e1136b 3432e8ebc9e380
    ",
    );
}

#[test]
fn a_run_with_a_tombstone_is_as_it_was() {
    let run = contents(&checkpointed(), "runs/0000000000000002.run");
    let index_at = usize::try_from(word(&run, run.len() - 104 + 48)).unwrap();
    check(
        &run[32..index_at],
        "
        020000800a000000 000000000b000400
        000070686f746f73 2f6361747a6c6173
        74085a7da06f3e5c a7
    ",
    );
}

#[test]
fn manifests_are_as_they_were() {
    let device = checkpointed();
    check(
        &contents(&device, "manifest-b"),
        "
        434953544d414e00 0100000001000000
        0100000000000000 0200000000000000
        0500000000000000 0100000000000000
        0f01000000000000 6b3432e8ebc9e380
        6669727374feab67 857e02854d
    ",
    );
    check(
        &contents(&device, "manifest-a"),
        "
        434953544d414e00 0100000002000000
        0200000000000000 0300000000000000
        0600000000000000 0200000000000000
        0401000000000000 9c8ada7e8c3e5546
        0100000000000000 0f01000000000000
        6b3432e8ebc9e380 7365636f6e643544
        e30761eb0342
    ",
    );
}

#[test]
fn files_are_called_what_they_were() {
    let device = checkpointed();
    let names = |folder| device.list(folder).unwrap().into_iter().map(|file| file.name);
    assert_eq!(names("").collect::<Vec<_>>(), ["manifest-a", "manifest-b"]);
    let runs = ["0000000000000001.run", "0000000000000002.run"];
    assert_eq!(names("runs").collect::<Vec<_>>(), runs);
    assert_eq!(segment::file_name(0xAB), "log/00000000000000ab.seg");
    assert_eq!(BlobFileId { store: STORE, file: 9 }.name(), "blobs/0000000000000009.blob");
    assert!(device.open("manifest-a", OpenMode::Read).is_ok());
}
