use super::{layout::*, writer::BlobFileWritten, *};
use crate::{
    device::{Call, Device, Failure, MemoryDevice, OpenMode, RealDevice},
    sum::sum,
};
use cistern_storage_core::port::{BackendError, Blob};
use proptest::prelude::*;
use std::sync::Arc;

const ID: BlobFileId = BlobFileId { store: [7; 16], file: 0x1234 };

/// Bytes of which no two chunks are alike.
fn body(len: usize) -> Vec<u8> {
    let words = (0..len.div_ceil(8) as u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.truncate(len);
    bytes
}

fn write(device: &Arc<dyn Device>, body: &[u8], piece: usize) -> BlobFileWritten {
    let mut writer = BlobFileWriter::create(device, ID).unwrap();
    body.chunks(piece).for_each(|piece| writer.write(piece).unwrap());
    writer.finish().unwrap()
}

fn written(body: &[u8]) -> (MemoryDevice, Arc<dyn Device>) {
    let memory = MemoryDevice::new();
    let device: Arc<dyn Device> = Arc::new(memory.clone());
    let written = write(&device, body, 1 << 20);
    assert_eq!((written.len, written.crc64), (body.len() as u64, sum(body)));
    (memory, device)
}

fn open(device: &dyn Device, len: usize) -> Result<BlobFileReader, BackendError> {
    BlobFileReader::open(device, ID, len as u64)
}

#[track_caller]
fn check(len: usize, piece: usize) {
    let (body, memory) = (body(len), MemoryDevice::new());
    let device: Arc<dyn Device> = Arc::new(memory.clone());
    let written = write(&device, &body, piece);
    assert_eq!((written.len, written.crc64), (len as u64, sum(&body)));
    let reader = open(&memory, len).unwrap();
    assert!(reader.read(0..len as u64).unwrap() == body);
    reader.verify().unwrap();
    assert_eq!(Some(written.file.len().unwrap()), file_len(len as u64));
}

#[test]
fn a_body_of_any_length_is_read_back() {
    for len in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 17] {
        check(len, 1 << 20);
    }
}

#[test]
fn a_body_may_come_in_pieces_of_any_size() {
    for piece in [1000, 40_000, CHUNK_BYTES, 100_000, 300_000, 1 << 20] {
        check(700_001, piece);
    }
}

#[test]
fn a_body_may_have_several_groups() {
    let group = CHUNKS_PER_GROUP * CHUNK_BYTES;
    for len in [group, group + 1, 2 * group + 3 * CHUNK_BYTES + 5] {
        check(len, 3_000_000);
    }
}

#[test]
fn a_range_is_read_with_one_read_of_its_chunks() {
    let len = 4 << 20;
    let (body, (memory, device)) = (body(len), written(&body(len)));
    let reader = open(&*device, len).unwrap();
    let mut reads = memory.counts().reads;
    for (range, expected) in
        [(0..1 << 20, 2), (1 << 20..2 << 20, 1), (65_535..65_537, 1), (5..5, 0)]
    {
        let bytes = reader.read(range.start as u64..range.end as u64).unwrap();
        assert!(bytes == body[range.clone()], "{range:?}");
        assert_eq!(memory.counts().reads - reads, expected, "{range:?}");
        reads = memory.counts().reads;
    }
}

#[test]
fn a_range_may_cross_groups() {
    let group = CHUNKS_PER_GROUP * CHUNK_BYTES;
    let body = body(group + 1000);
    let (memory, _) = written(&body);
    let bytes =
        open(&memory, body.len()).unwrap().read(group as u64 - 10..group as u64 + 10).unwrap();
    assert!(bytes == body[group - 10..group + 10]);
}

#[test]
fn writes_end_at_whole_256_kib_of_the_file() {
    let writes = |len: usize, piece: usize| {
        let (body, memory) = (body(len), MemoryDevice::new());
        let device: Arc<dyn Device> = Arc::new(memory.clone());
        write(&device, &body, piece);
        // The header and the table are two of them.
        memory.counts().writes - 2
    };
    let kib = 1 << 10;
    assert_eq!(writes(248 * kib, 1 << 20), 1);
    assert_eq!(writes(249 * kib, 1 << 20), 2);
    assert_eq!(writes(1 << 20, 1 << 20), 5);
    // Small pieces are gathered up to there.
    assert_eq!(writes(1 << 20, 1000), 5);
    assert_eq!(writes(1 << 20, 256 * kib), 8);
}

#[test]
fn pieces_read_one_after_the_other_are_those_of_the_body_kept_or_not() {
    let (body, piece) = (body(5 << 20), 300_000);
    let (memory, _) = written(&body);
    let reader = open(&memory, body.len()).unwrap();
    let mut kept = Vec::new();
    for (nth, expected) in body.chunks(piece).enumerate() {
        let at = (nth * piece) as u64;
        let found = reader.read(at..at + expected.len() as u64).unwrap();
        assert!(found == expected, "piece {nth}");
        if nth % 3 == 0 {
            kept.push((found, expected));
        }
    }
    assert!(kept.iter().all(|(found, expected)| found == expected));
}

#[test]
fn a_range_outside_the_body_is_refused() {
    let (memory, _) = written(&body(100));
    let reader = open(&memory, 100).unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    for range in [0..101, 101..101, 50..40, u64::MAX..u64::MAX] {
        let refused = reader.read(range).unwrap_err();
        assert!(matches!(refused, BackendError::OutOfBounds { len: 100, .. }), "{refused}");
    }
}

/// Opens and reads all of the body; a flip anywhere must show.
#[track_caller]
fn check_damaged(memory: &MemoryDevice, len: usize, offset: u64) {
    memory.flip_bits(&ID.name(), offset, 1 << (offset % 8)).unwrap();
    let damage = open(memory, len).and_then(|reader| reader.verify()).unwrap_err();
    assert!(matches!(damage, BackendError::Damaged { .. }), "byte {offset}: {damage}");
    memory.flip_bits(&ID.name(), offset, 1 << (offset % 8)).unwrap();
}

#[test]
fn a_flipped_bit_in_a_header_or_a_table_is_found() {
    let len = 5;
    let (memory, _) = written(&body(len));
    let blocks = 2 * BLOCK_BYTES as u64;
    (0..blocks).for_each(|offset| check_damaged(&memory, len, offset));
    open(&memory, len).unwrap().verify().unwrap();
}

#[test]
fn a_flipped_bit_in_the_data_is_found_and_harms_only_its_chunk() {
    let len = 3 * CHUNK_BYTES + 5;
    let (memory, _) = written(&body(len));
    for at in (0..len as u64).step_by(9973).chain([len as u64 - 1]) {
        check_damaged(&memory, len, data_offset(at));
    }
    memory.flip_bits(&ID.name(), data_offset(CHUNK_BYTES as u64 + 3), 4).unwrap();
    let reader = open(&memory, len).unwrap();
    let chunk = CHUNK_BYTES as u64;
    reader.read(0..chunk).unwrap();
    reader.read(2 * chunk..len as u64).unwrap();
    let damage = reader.read(chunk - 1..chunk + 1).unwrap_err();
    let BackendError::Damaged { offset, place, .. } = damage else { panic!("{damage}") };
    assert_eq!((offset, place), (data_offset(chunk), ID.name()));
}

#[test]
fn a_file_of_another_length_is_damaged() {
    let len = 2 * CHUNK_BYTES;
    let (memory, device) = written(&body(len));
    for other in [0, len - 1, len + 1, usize::MAX] {
        assert!(matches!(open(&memory, other), Err(BackendError::Damaged { .. })), "{other}");
    }
    device.open(&ID.name(), OpenMode::Write).unwrap().set_len(100).unwrap();
    assert!(matches!(open(&memory, len), Err(BackendError::Damaged { .. })));
}

#[test]
fn a_file_of_another_store_or_number_is_damaged() {
    let (memory, device) = written(&body(10));
    let other = BlobFileId { store: [8; 16], ..ID };
    let damage = BlobFileReader::open(&memory, other, 10).unwrap_err();
    assert!(damage.to_string().contains("another store"), "{damage}");
    let other = BlobFileId { file: 1, ..ID };
    device.rename(&ID.name(), &other.name()).unwrap();
    let damage = BlobFileReader::open(&memory, other, 10).unwrap_err();
    assert!(damage.to_string().contains("it is file 0000000000001234"), "{damage}");
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let absent = open(&MemoryDevice::new(), 10).unwrap_err();
    let BackendError::Io { source, .. } = absent else { panic!("{absent}") };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_writer_that_does_not_finish_leaves_nothing() {
    let memory = MemoryDevice::new();
    let device: Arc<dyn Device> = Arc::new(memory.clone());
    let mut writer = BlobFileWriter::create(&device, ID).unwrap();
    writer.write(&body(100_000)).unwrap();
    drop(writer);
    assert!(memory.list(BlobFileId::FOLDER).unwrap().is_empty());
}

#[test]
fn a_failed_write_is_told_and_leaves_nothing() {
    for nth in 0..4 {
        let memory = MemoryDevice::new();
        let device: Arc<dyn Device> = Arc::new(memory.clone());
        memory.fail_nth(Call::Write, nth, Failure::Short);
        let attempt = || -> Result<BlobFileWritten, BackendError> {
            let mut writer = BlobFileWriter::create(&device, ID)?;
            writer.write(&body(300_000))?;
            writer.finish()
        };
        let failed = attempt().unwrap_err();
        assert!(matches!(failed, BackendError::Io { action: "write", .. }), "{failed}");
        assert!(memory.list(BlobFileId::FOLDER).unwrap().is_empty());
    }
}

#[test]
fn a_name_tells_the_number_and_no_other_file_has_one() {
    assert_eq!(ID.name(), "blobs/0000000000001234.blob");
    assert_eq!(BlobFileId::parse("0000000000001234.blob"), Some(0x1234));
    for name in ["1234.blob", "000000000000123A.blob", "+000000000001234.blob", "x", ".blob"] {
        assert_eq!(BlobFileId::parse(name), None, "{name}");
    }
}

proptest! {
    #[test]
    fn a_range_is_that_of_the_body(
        pieces in prop::collection::vec(0_usize..200_000, 1..12),
        ends in (any::<u64>(), any::<u64>()),
    ) {
        let body = body(pieces.iter().sum());
        let memory = MemoryDevice::new();
        let device: Arc<dyn Device> = Arc::new(memory.clone());
        let mut writer = BlobFileWriter::create(&device, ID).unwrap();
        let mut rest = &body[..];
        for piece in pieces {
            let (now, later) = rest.split_at(piece);
            writer.write(now).unwrap();
            rest = later;
        }
        let written = writer.finish().unwrap();
        prop_assert_eq!(written.crc64, sum(&body));
        let len = body.len() as u64;
        let (one, other) = (ends.0 % (len + 1), ends.1 % (len + 1));
        let (start, end) = (one.min(other), one.max(other));
        let bytes = open(&memory, body.len()).unwrap().read(start..end).unwrap();
        let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
        prop_assert!(bytes == body[range]);
    }
}

/// Processor time of the calling thread beside plain files, and as a ratio within each round, which a
/// busy machine disturbs least; Linux only; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "measures, does not check"]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures")]
fn speed_beside_plain_files() {
    use std::io::Write;
    let folder = std::env::var("CISTERN_BENCH_DIR").unwrap_or_else(|_| ".".into());
    let folder = tempfile::tempdir_in(folder).unwrap();
    let real: Arc<dyn Device> = Arc::new(RealDevice::new(folder.path()));
    let (body, plain) = (body(64 << 20), folder.path().join("plain"));
    let computed = || -> f64 {
        // The scheduler's own count is brought up to date when the thread is looked after.
        std::thread::yield_now();
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
    };
    let time = |act: &mut dyn FnMut()| {
        let begin = computed();
        act();
        computed() - begin
    };
    let mut rounds: Vec<[f64; 5]> = Vec::new();
    for _ in 0..25 {
        let plain_write = time(&mut || {
            let mut file = std::fs::File::create(&plain).unwrap();
            body.chunks(256 << 10).for_each(|piece| file.write_all(piece).unwrap());
        });
        let blob_write = time(&mut || drop(write(&real, &body, body.len())));
        let plain_read = time(&mut || assert_eq!(std::fs::read(&plain).unwrap().len(), body.len()));
        let pieces_read = time(&mut || {
            let reader = open(&*real, body.len()).unwrap();
            for at in 0..64 {
                assert_eq!(reader.read(at << 20..(at + 1) << 20).unwrap().len(), 1 << 20);
            }
        });
        let whole_read = time(&mut || {
            let reader = open(&*real, body.len()).unwrap();
            assert_eq!(reader.read(0..64 << 20).unwrap().len(), 64 << 20);
        });
        rounds.push([plain_write, blob_write, plain_read, pieces_read, whole_read]);
        real.remove(&ID.name()).unwrap();
        std::fs::remove_file(&plain).unwrap();
    }
    let median = |value: &dyn Fn(&[f64; 5]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let names =
        ["plain write", "blob write", "plain read", "blob read by 1 MiB", "blob read at once"];
    for (at, (name, plain)) in names.iter().zip([0, 0, 2, 2, 2]).enumerate() {
        let rate = median(&|round| 64.0 / 1024.0 / round[at]);
        let ratio = median(&|round| round[plain] / round[at]);
        println!("{name:18} {rate:.2} GiB/s, {ratio:.2} of plain");
    }
}
