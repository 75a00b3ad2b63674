//! Entry points for fuzzers, see [`crate::fuzzing`].

use super::{
    block::{Block, BlockBuilder},
    block_index::{BlockIndex, BlockIndexBuilder},
    bloom,
    cache::BlockCache,
    cursor::{Keep, RunCursor, Source},
    manifest::{Manifest, RunRecord},
    rows_of,
    run::{self, Run},
    run_writer::RunWriter,
    sum::checksum_of_parts,
};
use crate::{
    device::{Device, MemoryDevice, OpenMode},
    fuzzing::{device_with, seal},
};
use bytes::Bytes;
use cistern_storage_core::port::{KeyRange, Order};
use std::{ops::Bound, sync::Arc};

/// One block, as it is and with a checksum that holds.
pub(crate) fn block(input: &[u8]) -> bool {
    let place = [RUN.to_le_bytes(), AT.to_le_bytes()].concat();
    let sum = checksum_of_parts(&[&place, input]);
    let sealed = [input, &sum.to_le_bytes()].concat();
    let sound = Block::parse(sealed.into(), RUN, AT).map(|block| read_block(&block)).is_ok();
    sound | Block::parse(input.into(), RUN, AT).map(|block| read_block(&block)).is_ok()
}

fn read_block(block: &Block) {
    let mut key = Vec::new();
    for number in 0..block.count() {
        block.key_into(number, &mut key);
        assert_eq!(block.value_range(number).is_some(), block.value(number).is_some());
        let _ = block.search(&key);
    }
    for key in [&b""[..], b"key", &[0xff; 9]] {
        let (Ok(at) | Err(at)) = block.search(key);
        assert!(at <= block.count());
    }
}

/// The first four bytes tell how long the blocks are together.
pub(crate) fn block_index(input: &[u8]) -> bool {
    let Some((len, input)) = input.split_first_chunk::<4>() else { return false };
    let end = AT + u64::from(u32::from_le_bytes(*len));
    let Some(index) = BlockIndex::decode(input, AT..end) else { return false };
    let mut at = AT;
    for number in 0..index.count() {
        let range = index.range(number);
        assert_eq!(range.start, at);
        at = range.end;
        let separator = index.separator(number);
        assert_eq!(index.find(&separator), number);
        assert!(index.may_contain(&separator));
    }
    assert_eq!(at, end);
    assert!(index.first_key() <= index.last_key());
    for key in [&b""[..], b"key", &[0xff; 9]] {
        assert!(index.find(key) < index.count());
    }
    true
}

pub(crate) fn manifest(input: &[u8]) -> bool {
    let decode = |bytes: Vec<u8>| Manifest::decode(&Bytes::from(bytes));
    for bytes in [input.to_vec(), seal(input)] {
        if let Ok(manifest) = decode(bytes) {
            assert_eq!(decode(manifest.encode()).as_ref(), Ok(&manifest));
        }
    }
    decode(input.to_vec()).is_ok()
}

/// A whole file, opened, looked into and scanned.
pub(crate) fn run(input: &[u8]) -> bool {
    let device = device_with(&run::file_name(RUN), input);
    let cache = BlockCache::new(1 << 20);
    let opened =
        [Run::open(&*device, RUN, &cache), Run::open_without_filter(&*device, RUN, &cache)];
    let [first, second] = opened.map(Result::ok);
    let is_whole = first.is_some();
    for run in first.into_iter().chain(second) {
        let run = Arc::new(run);
        run.may_contain(bloom::hash(b"key"));
        drop(run.entry(b"key"));
        for number in 0..run.index().count() {
            if let Ok(block) = run.read_block(number) {
                read_block(&block);
            }
        }
        let all = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
        for order in [Order::Forward, Order::Reverse] {
            let Ok(cursor) = RunCursor::seek(&run, all, order, Keep::InCache) else { continue };
            let sources = cursor.map(Source::Run).into_iter().collect();
            drop(rows_of(super::Merged::new(sources, order), all, order, 100));
        }
    }
    is_whole
}

/// Inputs that are understood.
pub(crate) fn seeds(name: &str) -> Vec<Vec<u8>> {
    match name {
        "index_block" => {
            let (mut builder, mut bytes) = (BlockBuilder::default(), Vec::new());
            rows().for_each(|(key, value)| builder.push(&key, value.as_deref()));
            builder.finish(RUN, AT, &mut bytes);
            // Without its sum: that is added again.
            vec![bytes[..bytes.len() - 8].to_vec(), bytes]
        }
        "index_block_index" => {
            let mut builder = BlockIndexBuilder::default();
            for number in 0..40_u8 {
                builder.push(&[b'k', number], 100);
            }
            vec![[&4000_u32.to_le_bytes()[..], &builder.finish(b"last")].concat()]
        }
        "index_manifest" => {
            let runs = vec![RunRecord { id: 1, len: 2, sum: 3 }];
            let manifest = Manifest { sequence: 1, next_run: 2, runs, meta: "meta".into() };
            vec![manifest.encode()]
        }
        "index_run" => vec![seed_run()],
        _ => Vec::new(),
    }
}

fn rows() -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
    (0..9_u8).map(|number| {
        let value = (number % 3 != 0).then(|| vec![number; usize::from(number)]);
        (format!("key-{number}").into_bytes(), value)
    })
}

fn seed_run() -> Vec<u8> {
    let device: Arc<dyn Device> = Arc::new(MemoryDevice::new());
    let mut writer = RunWriter::create(&device, RUN, 9).expect("memory takes it");
    for (key, value) in rows() {
        writer.push(&key, value.as_deref()).expect("memory takes it");
    }
    let run = writer.finish(&BlockCache::new(1 << 20)).expect("memory takes it");
    let len = run.expect("it has rows").len();
    let file = device.open(&run::file_name(RUN), OpenMode::Read).expect("it was just made");
    let mut bytes = vec![0; usize::try_from(len).expect("it is small")];
    file.read_at(&mut bytes, 0).expect("it was just made");
    bytes
}

const RUN: u64 = 7;
const AT: u64 = 64;
