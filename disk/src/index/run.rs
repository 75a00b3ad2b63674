//! A run: one immutable sorted file of rows.
//!
//! ```text
//! header   magic, version, run id, sum                          32 bytes
//! blocks   end to end, of about 4 KiB; a longer row is a block of its own
//! index    last key, then for every block its length and a key that separates it from the one before
//! bloom    a filter over all keys
//! footer   magic, version, run id, counts, places and sums of the sections above, sum   104 bytes
//! ```
//!
//! Opening reads header, footer, index and filter; blocks are read when asked for, each with a sum
//! of its own.

use super::{
    block::Block,
    block_index::BlockIndex,
    bloom::Bloom,
    cache::{BlockCache, RunSlots},
    sum::{array, checksum},
};
use crate::device::{Device, DeviceFile, OpenMode};
use bytes::Bytes;
use cistern_storage_core::port::BackendError;
use std::{io, iter, ops::Range, sync::Arc};

/// What a run's header begins with.
pub(super) const HEADER_MAGIC: [u8; 8] = *b"CISTRUN\0";

/// What a run's footer begins with.
pub(super) const FOOTER_MAGIC: [u8; 8] = *b"CISTRUNF";

/// The version of the format of runs.
pub(super) const VERSION: u32 = 1;

/// Length of the header.
pub(super) const HEADER_BYTES: usize = 32;

/// Length of the footer.
pub(super) const FOOTER_BYTES: usize = 104;

/// Values up to this long are copied out of their block; longer ones pin it.
const COPIED_BYTES_MAX: usize = 1024;

/// The folder of the runs.
pub(crate) const FOLDER: &str = "runs";

/// The name of a run's file.
pub(crate) fn file_name(id: u64) -> String {
    format!("{FOLDER}/{id:016x}.run")
}

/// The id in a file's name within the folder; `None` when it is not a run's.
pub(crate) fn id_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".run").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().filter(|id| file_name(*id).ends_with(name))
}

/// The header of run `id`.
pub(super) fn header(id: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&HEADER_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&id.to_le_bytes());
    let sum = checksum(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// What the footer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) id: u64,
    pub(super) rows: u64,
    pub(super) tombstones: u64,
    pub(super) blocks: u64,
    pub(super) index_at: u64,
    pub(super) index_len: u64,
    pub(super) index_sum: u64,
    pub(super) bloom_at: u64,
    pub(super) bloom_len: u64,
    pub(super) bloom_sum: u64,
}

impl Footer {
    pub(super) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = [0; FOOTER_BYTES];
        bytes[..8].copy_from_slice(&FOOTER_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let words = [
            self.id,
            self.rows,
            self.tombstones,
            self.blocks,
            self.index_at,
            self.index_len,
            self.index_sum,
            self.bloom_at,
            self.bloom_len,
            self.bloom_sum,
        ];
        for (place, word) in bytes[16..96].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let sum = checksum(&bytes[..96]);
        bytes[96..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; FOOTER_BYTES]) -> Result<Self, &'static str> {
        if bytes[..8] != FOOTER_MAGIC {
            return Err("no run ends here");
        }
        if u64::from_le_bytes(array(bytes, 96)) != checksum(&bytes[..96]) {
            return Err("the footer's checksum does not match");
        }
        if u32::from_le_bytes(array(bytes, 8)) != VERSION {
            return Err("the run's version is not known");
        }
        let word = |number: usize| u64::from_le_bytes(array(bytes, 16 + number * 8));
        Ok(Self {
            id: word(0),
            rows: word(1),
            tombstones: word(2),
            blocks: word(3),
            index_at: word(4),
            index_len: word(5),
            index_sum: word(6),
            bloom_at: word(7),
            bloom_len: word(8),
            bloom_sum: word(9),
        })
    }

    /// True when the sections lie end to end and fill a file of `len` bytes.
    fn fits(&self, len: u64) -> bool {
        let ends = |at: u64, section: u64| at.checked_add(section);
        self.index_at >= HEADER_BYTES as u64
            && ends(self.index_at, self.index_len) == Some(self.bloom_at)
            && ends(self.bloom_at, self.bloom_len).and_then(|at| ends(at, FOOTER_BYTES as u64))
                == Some(len)
    }
}

/// An open run.
#[derive(Debug)]
pub(crate) struct Run {
    id: u64,
    name: String,
    file: Arc<dyn DeviceFile>,
    len: u64,
    sum: u64,
    footer: Footer,
    index: BlockIndex,
    bloom: Bloom,
    slots: Arc<RunSlots>,
}

/// What is asked of a run's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FilterMust {
    /// Its place is enough: rows are read without it.
    Exist,
    /// Its checksum must hold.
    Verify,
}

/// Damage in the file `name`.
pub(super) fn damaged(name: &str, offset: u64, detail: &str) -> BackendError {
    BackendError::Damaged { place: name.to_owned(), offset, detail: detail.to_owned() }
}

impl Run {
    /// Opens run `id`, verifying everything but its blocks.
    ///
    /// # Errors
    /// [`BackendError::Damaged`] when it is not a whole run; what the device says otherwise.
    pub(super) fn open(
        device: &dyn Device,
        id: u64,
        cache: &Arc<BlockCache>,
    ) -> Result<Self, BackendError> {
        Self::open_with(device, id, cache, FilterMust::Verify)
    }

    /// As [`Self::open`], but does without the filter when it is damaged.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn open_without_filter(
        device: &dyn Device,
        id: u64,
        cache: &Arc<BlockCache>,
    ) -> Result<Self, BackendError> {
        Self::open_with(device, id, cache, FilterMust::Exist)
    }

    fn open_with(
        device: &dyn Device,
        id: u64,
        cache: &Arc<BlockCache>,
        filter_must: FilterMust,
    ) -> Result<Self, BackendError> {
        let name = file_name(id);
        let io = |error| read_error(&name, error);
        let file = device.open(&name, OpenMode::Read).map_err(io)?;
        let len = file.len().map_err(io)?;
        let Some(footer_at) = len.checked_sub((FOOTER_BYTES + HEADER_BYTES) as u64) else {
            return Err(damaged(&name, len, "the file is too short for a run"));
        };
        let footer_at = footer_at + HEADER_BYTES as u64;
        let mut head = [0; HEADER_BYTES];
        file.read_at(&mut head, 0).map_err(io)?;
        if head != header(id) {
            return Err(damaged(&name, 0, "this is not the header of this run"));
        }
        let mut foot = [0; FOOTER_BYTES];
        file.read_at(&mut foot, footer_at).map_err(io)?;
        let at_footer = |detail| damaged(&name, footer_at, detail);
        let footer = Footer::decode(&foot).map_err(at_footer)?;
        if footer.id != id || !footer.fits(len) {
            return Err(at_footer("the footer is of another run, or the file was cut"));
        }
        let sum = u64::from_le_bytes(array(&foot, 96));
        let section = |at: u64, len: u64, sum: u64, what: &str| {
            let bytes = read_exact(&*file, &name, at..at + len)?;
            if checksum(&bytes) == sum { Ok(bytes) } else { Err(damaged(&name, at, what)) }
        };
        let index = section(
            footer.index_at,
            footer.index_len,
            footer.index_sum,
            "the block index's checksum does not match",
        )?;
        let index = BlockIndex::decode(&index, HEADER_BYTES as u64..footer.index_at)
            .filter(|index| index.count() as u64 == footer.blocks)
            .ok_or_else(|| damaged(&name, footer.index_at, "the block index does not fit"))?;
        let filter = section(
            footer.bloom_at,
            footer.bloom_len,
            footer.bloom_sum,
            "the filter's checksum does not match",
        );
        let bloom = match (filter, filter_must) {
            (Ok(filter), _) => Bloom::from_bytes(&filter)
                .ok_or_else(|| damaged(&name, footer.bloom_at, "the filter has no whole lines"))?,
            (Err(_), FilterMust::Exist) => Bloom::open_to_all(),
            (Err(error), FilterMust::Verify) => return Err(error),
        };
        let slots = cache.slots(index.count());
        Ok(Self { id, name, file, len, sum, footer, index, bloom, slots })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The file's length.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// What all but the blocks takes in the file.
    pub(super) fn frame_bytes(&self) -> u64 {
        self.len - (self.footer.index_at - HEADER_BYTES as u64)
    }

    /// The footer's sum: what the manifest knows the run's content by.
    pub(super) fn sum(&self) -> u64 {
        self.sum
    }

    /// How many entries it has, tombstones among them.
    pub(super) fn entries(&self) -> u64 {
        self.footer.rows + self.footer.tombstones
    }

    /// How many of its entries are tombstones.
    pub(super) fn tombstones(&self) -> u64 {
        self.footer.tombstones
    }

    /// What it costs to keep open.
    pub(super) fn cost_bytes(&self) -> usize {
        self.index.cost_bytes() + self.bloom.cost_bytes() + self.slots.cost_bytes()
    }

    pub(super) fn index(&self) -> &BlockIndex {
        &self.index
    }

    /// False when the key with this hash is certainly not in the run.
    pub(super) fn may_contain(&self, hash: u64) -> bool {
        self.bloom.may_contain(hash)
    }

    /// The entry under `key`: `None` when there is none, `Some(None)` for a tombstone.
    ///
    /// # Errors
    /// When its block cannot be read or is damaged.
    pub(super) fn entry(&self, key: &[u8]) -> Result<Option<Option<Bytes>>, BackendError> {
        if !self.index.may_contain(key) {
            return Ok(None);
        }
        let block = self.block(self.index.find(key))?;
        let Ok(number) = block.search(key) else { return Ok(None) };
        Ok(Some(block.value_range(number).map(|range| {
            if range.len() <= COPIED_BYTES_MAX {
                Bytes::copy_from_slice(block.value(number).unwrap_or_default())
            } else {
                block.pinned().slice(range)
            }
        })))
    }

    /// Block `number`, from the cache or from the file.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn block(&self, number: usize) -> Result<Block, BackendError> {
        if let Some(block) = self.slots.block(number) {
            return Ok(block);
        }
        let block = self.read_block(number)?;
        self.slots.insert(number, &block);
        Ok(block)
    }

    /// Block `number`, from the file.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn read_block(&self, number: usize) -> Result<Block, BackendError> {
        let range = self.index.range(number);
        let len = section_len(&self.name, &range)?;
        let mut bytes: Arc<[u8]> = iter::repeat_n(0, len).collect();
        let buffer = Arc::get_mut(&mut bytes).expect("nobody else has it yet");
        self.file.read_at(buffer, range.start).map_err(|error| read_error(&self.name, error))?;
        self.parse(bytes, range.start)
    }

    /// Verifies the bytes of the block at `offset`.
    ///
    /// # Errors
    /// When they are damaged.
    pub(super) fn parse(&self, bytes: Arc<[u8]>, offset: u64) -> Result<Block, BackendError> {
        Block::parse(bytes, self.id, offset).map_err(|detail| damaged(&self.name, offset, detail))
    }

    /// The file's bytes of `range`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn read(&self, range: Range<u64>) -> Result<Vec<u8>, BackendError> {
        read_exact(&*self.file, &self.name, range)
    }
}

fn read_exact(
    file: &dyn DeviceFile,
    name: &str,
    range: Range<u64>,
) -> Result<Vec<u8>, BackendError> {
    let mut bytes = vec![0; section_len(name, &range)?];
    file.read_at(&mut bytes, range.start).map_err(|error| read_error(name, error))?;
    Ok(bytes)
}

fn section_len(name: &str, range: &Range<u64>) -> Result<usize, BackendError> {
    usize::try_from(range.end - range.start)
        .map_err(|_| damaged(name, range.start, "a section is larger than memory"))
}

/// A file that ends early or is not there is damage; anything else is the device's.
fn read_error(name: &str, error: io::Error) -> BackendError {
    match error.kind() {
        io::ErrorKind::NotFound => damaged(name, 0, "the file is not there"),
        io::ErrorKind::UnexpectedEof => damaged(name, 0, "the file ends early"),
        _ => BackendError::io("read", name, error),
    }
}
