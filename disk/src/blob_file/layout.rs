//! Where things lie in a blob file, and its two kinds of block.

use super::BlobFileId;
use crate::sum::sum;

pub(super) const CHUNK_BYTES: usize = 64 << 10;
pub(super) const BLOCK_BYTES: usize = 4 << 10;

/// As many as leave a group's data a whole number of MiB.
pub(super) const CHUNKS_PER_GROUP: usize = 496;

const FORMAT_VERSION: u32 = 1;
const HEADER_MAGIC: &[u8; 8] = b"CISTBLOB";
const TABLE_MAGIC: &[u8; 8] = b"CISTSUMS";

const CHUNK: u64 = CHUNK_BYTES as u64;
const BLOCK: u64 = BLOCK_BYTES as u64;
const GROUP_DATA: u64 = CHUNKS_PER_GROUP as u64 * CHUNK;

/// Where the block's own sum stands.
const SUM_AT: usize = BLOCK_BYTES - 8;
const SUMS_AT: usize = 32;

const _: () = assert!(SUMS_AT + CHUNKS_PER_GROUP * 8 <= SUM_AT);

pub(super) type Block = [u8; BLOCK_BYTES];

/// How long the file of a body of `len` bytes is; `None` when no file can be.
pub(super) fn file_len(len: u64) -> Option<u64> {
    len.div_ceil(GROUP_DATA).checked_mul(BLOCK)?.checked_add(len)?.checked_add(BLOCK)
}

/// Where the table of a group lies in the file. The group's data follows it.
pub(super) fn table_offset(group: u64) -> u64 {
    BLOCK + group * (BLOCK + GROUP_DATA)
}

/// The group that holds a byte of the body.
pub(super) fn group_of(at: u64) -> u64 {
    at / GROUP_DATA
}

/// The place in the body where a group begins.
pub(super) fn group_start(group: u64) -> u64 {
    group * GROUP_DATA
}

/// Where a byte of the body lies in the file.
pub(super) fn data_offset(at: u64) -> u64 {
    table_offset(group_of(at)) + BLOCK + at % GROUP_DATA
}

/// The last byte of a chunk, and one more.
pub(super) fn chunk_end(at: u64) -> u64 {
    at.next_multiple_of(CHUNK)
}

/// The first byte of the chunk that holds a byte of the body.
pub(super) fn chunk_start(at: u64) -> u64 {
    at - at % CHUNK
}

/// Which chunk of its group holds a byte of the body.
pub(super) fn chunk_of(at: u64) -> usize {
    usize::try_from(at % GROUP_DATA / CHUNK).expect("fewer than a group's chunks")
}

pub(super) fn encode_header(id: BlobFileId) -> Block {
    let mut block = [0; BLOCK_BYTES];
    block[..8].copy_from_slice(HEADER_MAGIC);
    block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    block[16..32].copy_from_slice(&id.store);
    put_u64(&mut block, 32, id.file);
    seal(&mut block);
    block
}

/// Checks a header; says what is wrong with it.
pub(super) fn check_header(block: &Block, id: BlobFileId) -> Result<(), String> {
    check_seal(block, HEADER_MAGIC)?;
    let version = u32::from_le_bytes(block[8..12].try_into().expect("four bytes"));
    if version != FORMAT_VERSION {
        return Err(format!("its format is {version}, not {FORMAT_VERSION}"));
    }
    if block[16..32] != id.store {
        return Err("it belongs to another store".into());
    }
    match u64_at(block, 32) {
        file if file == id.file => Ok(()),
        file => Err(format!("it is file {file:016x}")),
    }
}

/// The sums of one group's chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) file: u64,
    pub(super) group: u64,
    pub(super) last_chunk_bytes: u32,
    pub(super) sums: Vec<u64>,
}

impl Table {
    pub(super) fn encode(&self) -> Block {
        let mut block = [0; BLOCK_BYTES];
        block[..8].copy_from_slice(TABLE_MAGIC);
        put_u64(&mut block, 8, self.file);
        put_u64(&mut block, 16, self.group);
        let count = u32::try_from(self.sums.len()).expect("at most a group's chunks");
        block[24..28].copy_from_slice(&count.to_le_bytes());
        block[28..32].copy_from_slice(&self.last_chunk_bytes.to_le_bytes());
        for (at, sum) in self.sums.iter().enumerate() {
            put_u64(&mut block, SUMS_AT + at * 8, *sum);
        }
        seal(&mut block);
        block
    }

    /// The table of `group` in a file for a body of `len` bytes; says what is wrong with it.
    pub(super) fn decode(block: &Block, file: u64, group: u64, len: u64) -> Result<Self, String> {
        check_seal(block, TABLE_MAGIC)?;
        let data = (len - group_start(group)).min(GROUP_DATA);
        let count = usize::try_from(data.div_ceil(CHUNK)).expect("at most a group's chunks");
        let sums = (0..count).map(|at| u64_at(block, SUMS_AT + at * 8)).collect();
        let last_chunk_bytes = last_chunk_bytes(data);
        let expected = Self { file, group, last_chunk_bytes, sums };
        // Whatever else stands in the block is then as it was written.
        if expected.encode() != *block {
            return Err(format!("it is not the table of group {group} of this file"));
        }
        Ok(expected)
    }
}

/// How long the last of the chunks of `data` bytes is.
pub(super) fn last_chunk_bytes(data: u64) -> u32 {
    let bytes = data - chunk_start(data.saturating_sub(1));
    u32::try_from(bytes).expect("at most a chunk")
}

fn seal(block: &mut Block) {
    let own = sum(&block[..SUM_AT]);
    put_u64(block, SUM_AT, own);
}

fn check_seal(block: &Block, magic: &[u8; 8]) -> Result<(), String> {
    if block[..8] != *magic {
        return Err(format!("it does not begin with \"{}\"", String::from_utf8_lossy(magic)));
    }
    match (sum(&block[..SUM_AT]), u64_at(block, SUM_AT)) {
        (found, expected) if found == expected => Ok(()),
        (found, expected) => Err(mismatch(found, expected)),
    }
}

/// How a wrong sum is told.
pub(super) fn mismatch(found: u64, expected: u64) -> String {
    format!("checksum {found:016x}, expected {expected:016x}")
}

fn put_u64(block: &mut Block, at: usize, value: u64) {
    block[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn u64_at(block: &Block, at: usize) -> u64 {
    u64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"))
}
